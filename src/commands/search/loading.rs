//! What the steps of FT.AGGREGATE take of documents.
//!
//! A part of a document may have two faces ([`Shown`]): JSON of dialects 3 and 4 is shown as all that a path selects and is its first
//! value; a number of a row that shows its document as it is, is shown as it is stored. What is kept for sorting has one face,
//! and is the same value whether the index gives it or the document.

use std::sync::Arc;

use super::rows::Style;
use crate::indexes::definition::Definition;
use crate::indexes::document::{self, Opened, Place, text_of};
use crate::json::{self, ValueRef};
use crate::redis::context::{Context, Server};
use crate::search::aggregate::expression::Column;
use crate::search::aggregate::row::{Hit, Load, Row, Source, Wanted};
use crate::search::aggregate::value::{Shown, Value};
use crate::search::doc_id::DocId;
use crate::search::execute;
use crate::search::explanation::Explanation;
use crate::search::index::{Index, SortValue, sort_text};
use crate::search::number;
use crate::search::schema::{self, FieldId};

/// How steps get at what documents hold.
pub enum Access<'a> {
    /// What the index keeps is enough.
    Index(&'a Index),
    /// The documents are read.
    Server(Server<'a>),
}

/// A document that was found.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its number in the index.
    pub doc: DocId,
    /// Its key.
    pub key: Box<[u8]>,
    /// WITHPAYLOADS.
    pub payload: Option<Box<[u8]>>,
    /// EXPLAINSCORE.
    pub explanation: Option<Box<Explanation>>,
}

/// The documents that were found, for the steps.
pub struct Documents<'a> {
    /// Those that are not read yet.
    pub hits: &'a mut std::vec::IntoIter<execute::Row>,
    /// The definition of their index.
    pub definition: &'a Definition,
    /// How parts of them are shown.
    pub style: Style,
    /// Where parts of them come from.
    pub access: Access<'a>,
}

impl Source for Documents<'_> {
    type Document = Document;

    fn read(&mut self, most: usize, into: &mut Vec<Hit<Document>>) -> bool {
        into.extend(self.hits.by_ref().take(most).map(|row| Hit {
            number: row.doc.0,
            document: Document { doc: row.doc, key: row.key, payload: row.payload, explanation: row.explanation },
            score: row.score,
            distances: row.distances,
            terms: row.terms.into_iter().map(|term| Value::string(term.text)).collect(),
        }));
        self.hits.len() > 0
    }

    fn left(&self) -> u64 {
        self.hits.len() as u64
    }

    fn load(&mut self, rows: &mut [Row<Document>], load: &Load) {
        match &self.access {
            Access::Index(index) => rows.iter_mut().for_each(|row| load_kept(index, row, load)),
            Access::Server(server) => server.with(|ctx| self.load_documents(ctx, rows, load)),
        }
    }
}

/// Fills in what the index keeps.
fn load_kept(index: &Index, row: &mut Row<Document>, load: &Load) {
    let Some(document) = &row.document else { return };
    for (column, wanted) in &load.columns {
        let value = match wanted {
            Wanted::Key => Some(Value::string(&*document.key)),
            Wanted::Sortable(id) => index.field(*id).and_then(|field| match field.sort_value(document.doc)? {
                SortValue::Number(number) => Some(Value::Number(number)),
                SortValue::Text(text) => Some(Value::String(Arc::clone(text))),
            }),
            Wanted::Field(_) | Wanted::Stored(_) | Wanted::Name(_) => None,
        };
        if value.is_some() {
            row.values[column.0] = value;
        }
    }
}

impl Documents<'_> {
    fn load_documents(&self, ctx: &Context, rows: &mut [Row<Document>], load: &Load) {
        let place_of = |wanted: &Wanted| match wanted {
            Wanted::Name(name) => Some(self.definition.place(name)),
            _ => None,
        };
        let places: Vec<Option<Place>> = load.columns.iter().map(|(_, wanted)| place_of(wanted)).collect();
        for row in rows {
            let Some(document) = &row.document else { continue };
            let (key, kind) = (document.key.clone(), self.definition.schema.source);
            let loaded = ctx.with_name(&key, |name| {
                document::open(ctx, kind, name, |opened| self.load_document(&opened, &key, row, (load, &places)))
            });
            if loaded.is_none() {
                row.document = None;
            }
        }
    }

    /// Loads what is wanted of a document; `places` are those of the columns that are of no field.
    fn load_document(
        &self,
        opened: &Opened<'_>,
        key: &[u8],
        row: &mut Row<Document>,
        (load, places): (&Load, &[Option<Place>]),
    ) {
        for ((column, wanted), place) in load.columns.iter().zip(places) {
            let value = match wanted {
                Wanted::Key => Some(Value::string(key)),
                Wanted::Field(id) => self.field(opened, key, *id),
                Wanted::Stored(id) => self.stored(opened, key, *id),
                Wanted::Sortable(id) => self.kept(opened, key, *id),
                Wanted::Name(_) => place.as_ref().and_then(|place| self.value(opened, place, key)),
            };
            if value.is_some() {
                row.values[column.0] = value;
            }
        }
        if let Some(names) = &load.all {
            self.load_all(opened, names, row);
        }
    }

    /// Loads everything that a document has; `names` are those that are columns.
    fn load_all(&self, opened: &Opened<'_>, names: &[(Box<[u8]>, Column)], row: &mut Row<Document>) {
        let mut put = |name: &[u8], value: Value| match names.iter().find(|(known, _)| **known == *name) {
            Some((_, column)) => {
                let is_number = self.definition.field(name).is_some_and(|field| field.kind == schema::Kind::Numeric);
                row.values[column.0] = Some(if is_number { as_stored(value) } else { value });
            }
            None => row.extra.push((name.into(), value)),
        };
        match opened {
            Opened::Hash(hash) => hash.hash_fields(|name, value| {
                if !self.definition.hides(name) {
                    put(name, Value::string(value));
                }
            }),
            Opened::Json(json) => {
                let root = json.root();
                put(b"$", self.faced(Value::string(text_of(root)), &[root]));
            }
        }
    }

    /// The value of a field of the schema.
    fn field(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let value = self.value(opened, self.definition.places.get(usize::from(id.0))?, key)?;
        Some(match self.definition.schema.field(id).kind {
            schema::Kind::Numeric => as_number(value),
            _ => value,
        })
    }

    /// As [`Documents::field`], where numbers are shown as the document has them.
    fn stored(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let value = self.value(opened, self.definition.places.get(usize::from(id.0))?, key)?;
        let is_number = self.definition.schema.field(id).kind == schema::Kind::Numeric;
        Some(if is_number { as_stored(value) } else { value })
    }

    /// A part of a document; of JSON in dialects from 3 on, shown as everything that a path selects.
    fn value(&self, opened: &Opened<'_>, place: &Place, key: &[u8]) -> Option<Value> {
        match (opened, place) {
            (Opened::Json(json), Place::Json(path)) if self.style.all => {
                let values = document::matches(json, path.as_ref());
                let first = *values.first()?;
                // Of an array it is the first element that counts; of an empty one nothing does.
                let first = if first.is_array() { first.elements().next() } else { Some(first) };
                Some(self.faced(first.map_or(Value::Null, document::scalar), &values))
            }
            _ => opened.value(place, key),
        }
    }

    /// A value of JSON with the face that dialects from 3 on show: all that a path selects.
    fn faced(&self, is: Value, all: &[ValueRef<'_>]) -> Value {
        if self.style.expand {
            is.shown_as(Shown::Json(all.iter().map(|value| json::Document::copy_of(*value)).collect()))
        } else if self.style.all {
            let texts: Vec<Vec<u8>> = all.iter().map(|value| text_of(*value)).collect();
            is.shown_as(Shown::Text([b"[", &texts.join(&b',')[..], b"]"].concat().into()))
        } else {
            is
        }
    }

    /// What the index keeps of a field for sorting, read from the document.
    fn kept(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let (field, place) = (self.definition.schema.field(id), self.definition.places.get(usize::from(id.0))?);
        match (&field.kind, opened, place) {
            (schema::Kind::Numeric, Opened::Json(json), Place::Json(path)) => {
                let matches = document::matches(json, path.as_ref());
                let elements = match matches[..] {
                    [one] if one.is_array() => one.elements().collect(),
                    _ => matches,
                };
                elements.iter().find_map(|value| value.as_number()).map(|number| Value::Number(number.as_f64()))
            }
            (schema::Kind::Numeric, ..) => self.field(opened, key, id),
            _ => sort_text(field, &opened.raw(place)).map(|text| Value::string(&*text)),
        }
    }
}

/// Text of a NUMERIC field as the number that it is.
fn as_number(value: Value) -> Value {
    match &value {
        Value::String(text) => number::parse(text).map_or(value, Value::Number),
        _ => value,
    }
}

/// Text of a NUMERIC field as the number that it is, shown as it is stored.
fn as_stored(value: Value) -> Value {
    match &value {
        Value::String(text) => match number::parse(text) {
            Some(number) => Value::Number(number).shown_as(Shown::Text((**text).into())),
            None => value,
        },
        _ => value,
    }
}
