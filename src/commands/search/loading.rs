//! What the steps of FT.AGGREGATE take of documents.
//!
//! A part of a document may have two faces ([`Shown`]): JSON of dialects 3 and 4 is shown as all that a path selects and is its first
//! value; a number of a row that shows its document as it is, is shown as it is stored. What is kept for sorting has one face.
//!
//! What the index keeps, it gives: keys and what is kept for sorting. Where no more is wanted, the steps run while it is read. Else it is
//! read for a moment before some documents are, for their keys, and let go: nobody holds it while he waits for the server.

use super::rows::Style;
use crate::indexes::definition::Definition;
use crate::indexes::document::{self, Opened, Place, text_of};
use crate::indexes::handle::Handle;
use crate::json::{self, ValueRef};
use crate::redis::context::{Context, Server};
use crate::search::aggregate::columns;
use crate::search::aggregate::expression::Column;
use crate::search::aggregate::hits::Hits;
use crate::search::aggregate::row::{Load, Source, Wanted};
use crate::search::aggregate::table::{Cell, Kept, Origin, Table};
use crate::search::aggregate::value::{Shown, Value, View};
use crate::search::index::Index;
use crate::search::number;
use crate::search::schema::{self, FieldId};

/// How steps get at what documents hold.
pub enum Access<'a> {
    /// What the index keeps is enough.
    Index(&'a Index),
    /// The documents are read, too.
    Server(Server<'a>, &'a Handle),
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
    fn read(&mut self, most: usize, into: &mut Table) -> bool {
        self.hits.read(most, |hit| {
            into.push(Origin { doc: hit.doc, ordinal: hit.nth as u64 + 1 });
            let row = into.len() - 1;
            for (column, distance) in hit.distances.iter().enumerate() {
                into.set(row, column, distance.map_or(Cell::Empty, Cell::Number));
            }
        })
    }

    fn left(&self) -> u64 {
        self.hits.left()
    }

    fn load(&mut self, rows: &mut Table, load: &Load) {
        match &self.access {
            Access::Index(index) => columns::fill(index, rows, load, false),
            Access::Server(server, handle) => {
                let Some(keys) = load_from_index(handle, rows, load) else { return };
                if load.needs_documents() || self.looks {
                    server.with(|ctx| self.load_documents(ctx, rows, &keys, load));
                }
            }
        }
    }

    fn kept(&self) -> Kept<'_> {
        match &self.access {
            Access::Index(index) => Kept(Some(index)),
            Access::Server(..) => Kept::default(),
        }
    }

    fn score(&self, nth: usize) -> f64 {
        self.hits.score(nth)
    }

    fn terms(&self, nth: usize) -> &[Value] {
        self.hits.terms(nth)
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

/// Fills in what the index keeps, and says what the keys are; a row whose document the index has no more is lost.
fn load_from_index(handle: &Handle, rows: &mut Table, load: &Load) -> Option<Keys> {
    let mut keys = Keys::default();
    // Who applies changes is done in a moment, and nobody else can be in the way.
    let index = handle.read(0, &|| false)?;
    for row in 0..rows.len() {
        let key = index.documents().key(rows.origin(row).doc);
        keys.push(key);
        if key.is_empty() {
            rows.lose(row);
        }
    }
    columns::fill(&index, rows, load, true);
    Some(keys)
}

impl Documents<'_> {
    fn load_documents(&self, ctx: &Context, rows: &mut Table, keys: &Keys, load: &Load) {
        let place_of = |wanted: &Wanted| match wanted {
            Wanted::Name(name) => Some(self.definition.place(name)),
            _ => None,
        };
        let places: Vec<Option<Place>> = load.columns.iter().map(|(_, wanted)| place_of(wanted)).collect();
        let kind = self.definition.schema.source;
        for row in 0..rows.len() {
            let key = keys.get(row);
            if key.is_empty() {
                continue;
            }
            let loaded = ctx.with_name(key, |name| {
                document::open(ctx, kind, name, |opened| {
                    self.load_document(&opened, key, (&mut *rows, row), (load, &places));
                })
            });
            if loaded.is_none() {
                rows.lose(row);
            }
        }
    }

    /// Loads what is wanted of a document; `places` are those of the columns that are of no field.
    fn load_document(
        &self,
        opened: &Opened<'_>,
        key: &[u8],
        (rows, row): (&mut Table, usize),
        (load, places): (&Load, &[Option<Place>]),
    ) {
        for ((Column(column), wanted), place) in load.columns.iter().zip(places) {
            let cell = match wanted {
                Wanted::Key | Wanted::Sortable(_) => None, // the index has given it
                Wanted::Field(id) => self.field(opened, key, *id, rows),
                Wanted::Stored(id) => self.stored(opened, key, *id).map(|value| rows.value(value)),
                Wanted::Name(_) => place.as_ref().and_then(|place| self.part(opened, place, key, rows)),
            };
            if let Some(cell) = cell {
                rows.set(row, *column, cell);
            }
        }
        if let Some(names) = &load.all {
            self.load_all(opened, names, (rows, row));
        }
    }

    /// Loads everything that a document has; `names` are those that are columns.
    fn load_all(&self, opened: &Opened<'_>, names: &[(Box<[u8]>, Column)], (rows, row): (&mut Table, usize)) {
        let column_of = |name: &[u8]| names.iter().find(|(known, _)| **known == *name).map(|(_, column)| column.0);
        match opened {
            Opened::Hash(hash) => hash.hash_fields(|name, text| match column_of(name) {
                _ if self.definition.hides(name) => {}
                None => rows.add_extra(row, name, View::Text(text)),
                Some(column) => {
                    let is_number =
                        self.definition.field(name).is_some_and(|field| field.kind == schema::Kind::Numeric);
                    let value = Value::string(text);
                    let cell = rows.value(if is_number { as_stored(value) } else { value });
                    rows.set(row, column, cell);
                }
            }),
            Opened::Json(json) => {
                let root = json.root();
                let value = self.faced(Value::string(text_of(root)), &[root]);
                match column_of(b"$") {
                    None => rows.add_extra(row, b"$", value.view()),
                    Some(column) => {
                        let cell = rows.value(value);
                        rows.set(row, column, cell);
                    }
                }
            }
        }
    }

    /// The value of a field of the schema.
    fn field(&self, opened: &Opened<'_>, key: &[u8], id: FieldId, rows: &mut Table) -> Option<Cell> {
        let cell = self.part(opened, self.definition.places.get(usize::from(id.0))?, key, rows)?;
        let is_number = self.definition.schema.field(id).kind == schema::Kind::Numeric;
        Some(match rows.view(cell, Kept::default()) {
            Some(View::Text(text)) if is_number => number::parse(text).map_or(cell, Cell::Number),
            _ => cell,
        })
    }

    /// A part of a document; a text of a hash goes where it belongs at once.
    fn part(&self, opened: &Opened<'_>, place: &Place, key: &[u8], rows: &mut Table) -> Option<Cell> {
        match (opened, place) {
            (Opened::Hash(hash), Place::Hash(field)) => hash.hash_field(field, |text| Some(rows.text(text?))),
            _ => self.value(opened, place, key).map(|value| rows.value(value)),
        }
    }

    /// The value of a field of the schema, where numbers are shown as the document has them.
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
