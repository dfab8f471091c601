//! What the steps of FT.AGGREGATE take of documents.
//!
//! A part of a document may have two faces ([`Shown`]): JSON of dialects 3 and 4 is shown as all that a path selects and is its first
//! value; a number of a row that shows its document as it is, is shown as it is stored. What is kept for sorting has one face.
//!
//! What the index keeps, it gives: keys and what is kept for sorting. Where no more is wanted, the steps run while it is read. Else it is
//! read for a moment before some documents are, for their keys, and let go: nobody holds it while he waits for the server.

use std::sync::Arc;

use super::rows::Style;
use crate::indexes::definition::Definition;
use crate::indexes::document::{self, Opened, Place, text_of};
use crate::indexes::handle::Handle;
use crate::json::{self, ValueRef};
use crate::redis::context::{Context, Server};
use crate::search::aggregate::expression::Column;
use crate::search::aggregate::hits::Hits;
use crate::search::aggregate::row::{Hit, Load, Row, Source, Wanted};
use crate::search::aggregate::value::{Shown, Value};
use crate::search::doc_id::DocId;
use crate::search::index::{Index, SortValue};
use crate::search::number;
use crate::search::schema::{self, FieldId};

/// How steps get at what documents hold.
pub enum Access<'a> {
    /// What the index keeps is enough.
    Index(&'a Index),
    /// The documents are read, too.
    Server(Server<'a>, &'a Handle),
}

/// A document that was found.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// Its number in the index.
    pub doc: DocId,
    /// Its place among the [`Hits`].
    pub nth: usize,
}

/// The documents that were found, for the steps.
pub struct Documents<'a> {
    /// Those that are not read yet.
    pub hits: &'a mut Hits,
    /// The definition of their index.
    pub definition: &'a Definition,
    /// How parts of them are shown.
    pub style: Style,
    /// Where parts of them come from.
    pub access: Access<'a>,
    /// Every document whose key is wanted must be there, whatever the index says.
    pub looks: bool,
}

impl Source for Documents<'_> {
    type Document = Document;

    fn read(&mut self, most: usize, into: &mut Vec<Hit<Document>>) -> bool {
        let more = self.hits.read(most, |hit| {
            into.push(Hit {
                number: hit.doc.0,
                document: Document { doc: hit.doc, nth: hit.nth },
                score: hit.score,
                distances: hit.distances.to_vec(),
                terms: Arc::default(),
            });
        });
        for hit in into {
            hit.terms = self.hits.terms(hit.document.nth);
        }
        more
    }

    fn left(&self) -> u64 {
        self.hits.left()
    }

    fn load(&mut self, rows: &mut [Row<Document>], load: &Load) {
        match &self.access {
            Access::Index(index) => rows.iter_mut().for_each(|row| load_kept(index, row, load)),
            Access::Server(server, handle) => {
                let Some(keys) = load_from_index(handle, rows, load) else { return };
                if load.needs_documents() || self.looks {
                    server.with(|ctx| self.load_documents(ctx, rows, &keys, load));
                }
            }
        }
    }
}

/// The keys of some documents, one after the other.
#[derive(Debug, Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

/// Fills in what the index keeps, and says what the keys are; a row whose document the index has no more is without it then.
fn load_from_index(handle: &Handle, rows: &mut [Row<Document>], load: &Load) -> Option<Keys> {
    let mut keys = Keys::default();
    // Who applies changes is done in a moment, and nobody else can be in the way.
    let index = handle.read(0, &|| false)?;
    for row in rows {
        let key = row.document.map_or(&[][..], |document| index.documents().key(document.doc));
        keys.push(key);
        if key.is_empty() {
            row.document = None;
        } else {
            load_kept(&index, row, load);
        }
    }
    Some(keys)
}

/// Fills in what the index keeps.
fn load_kept(index: &Index, row: &mut Row<Document>, load: &Load) {
    let Some(document) = &row.document else { return };
    for (column, wanted) in &load.columns {
        let value = match wanted {
            Wanted::Key => Some(Value::string(index.documents().key(document.doc))),
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
    fn load_documents(&self, ctx: &Context, rows: &mut [Row<Document>], keys: &Keys, load: &Load) {
        let place_of = |wanted: &Wanted| match wanted {
            Wanted::Name(name) => Some(self.definition.place(name)),
            _ => None,
        };
        let places: Vec<Option<Place>> = load.columns.iter().map(|(_, wanted)| place_of(wanted)).collect();
        let kind = self.definition.schema.source;
        for (at, row) in rows.iter_mut().enumerate().filter(|(_, row)| row.document.is_some()) {
            let key = keys.get(at);
            let loaded = ctx.with_name(key, |name| {
                document::open(ctx, kind, name, |opened| self.load_document(&opened, key, row, (load, &places)))
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
                Wanted::Key | Wanted::Sortable(_) => None, // the index has given it
                Wanted::Field(id) => self.field(opened, key, *id),
                Wanted::Stored(id) => self.stored(opened, key, *id),
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
