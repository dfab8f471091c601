//! What rows show of their documents, and how values are written (specification §8).

use std::ops::Range;
use std::sync::Arc;

use crate::indexes::definition::Definition;
use crate::indexes::document::{self, Opened, Place, write_text};
use crate::json::{self, Document, ValueRef};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::search::schema::{FieldId, Kind};
use crate::search::{decimal, number};

/// A piece of the bytes of [`Contents`].
type Span = Range<usize>;

/// A value as a reply shows it.
#[derive(Debug)]
enum Shown {
    /// A byte string.
    Text(Span),
    /// The text of a JSON value that is no string.
    Json(Span),
    /// Nothing there, and said so.
    Null,
    /// JSON values as RESP3 values: FORMAT EXPAND.
    Values(Vec<Document>),
    /// A number as RESP3 has it: a distance with FORMAT EXPAND.
    Number(f64),
}

/// What a field is called.
#[derive(Debug, Clone)]
enum Name {
    /// As the column of this number.
    Column(usize),
    /// So.
    Text(Span),
}

/// What a field of a row is called.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// As the column of this number.
    Column(usize),
    /// So.
    Text(&'a [u8]),
}

/// What the rows of a reply show: fields by name, row after row. A reply has hundreds of small texts, which lie one after
/// the other in one piece of memory.
#[derive(Debug, Default)]
pub struct Contents {
    bytes: Vec<u8>,
    fields: Vec<(Name, Shown)>,
}

/// Which fields of [`Contents`] are those of a row.
pub type RowFields = Range<usize>;

impl Contents {
    /// With room for short values of so many rows.
    pub fn new(columns: &Columns, rows: usize) -> Self {
        const SHORT: usize = 16;
        let fields = columns.columns.len() * rows;
        Self { bytes: Vec::with_capacity(SHORT * fields), fields: Vec::with_capacity(fields) }
    }

    /// Keeps a text that is written to the bytes.
    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }

    /// Adds the fields of a row: those that `add` adds, unless it gives up.
    fn row(&mut self, add: impl FnOnce(&mut Self) -> Option<()>) -> Option<RowFields> {
        let (bytes, fields) = (self.bytes.len(), self.fields.len());
        if add(self).is_none() {
            self.bytes.truncate(bytes);
            self.fields.truncate(fields);
            return None;
        }
        Some(fields..self.fields.len())
    }

    /// A number that is no part of a document: a distance.
    fn number(&mut self, value: f64, style: Style) -> Shown {
        if style.expand { Shown::Number(value) } else { self.decimal(value) }
    }

    fn decimal(&mut self, value: f64) -> Shown {
        Shown::Text(self.text(|bytes| decimal::write_value(bytes, value)))
    }

    fn copied(&mut self, text: &[u8]) -> Shown {
        Shown::Text(self.text(|bytes| bytes.extend_from_slice(text)))
    }

    /// What a path selects; `None` where that is nothing.
    fn json(&mut self, values: &[ValueRef<'_>], style: Style) -> Option<Shown> {
        let first = *values.first()?;
        Some(if style.expand {
            Shown::Values(values.iter().map(|value| Document::copy_of(*value)).collect())
        } else if style.all {
            let all = |bytes: &mut Vec<u8>| {
                for (nth, value) in values.iter().enumerate() {
                    bytes.push(if nth == 0 { b'[' } else { b',' });
                    write_text(*value, bytes);
                }
                bytes.push(b']');
            };
            Shown::Json(self.text(all))
        } else {
            self.plain(first)
        })
    }

    /// A JSON value as text.
    fn plain(&mut self, value: ValueRef<'_>) -> Shown {
        match value.kind() {
            json::Kind::Null => Shown::Null,
            json::Kind::Bool(truth) => self.copied(if truth { b"1" } else { b"0" }),
            json::Kind::Number(number) => self.decimal(number.as_f64()),
            json::Kind::Str(text) => self.copied(text),
            json::Kind::Array | json::Kind::Object => Shown::Json(self.text(|bytes| write_text(value, bytes))),
        }
    }

    /// A part of a document.
    fn part(
        &mut self,
        document: &Opened<'_>,
        place: &Place,
        key: &[u8],
        as_number: bool,
        style: Style,
    ) -> Option<Shown> {
        match (document, place) {
            (_, Place::Key) => Some(self.copied(key)),
            (Opened::Hash(hash), Place::Hash(field)) => hash.hash_field(field, |value| {
                let value = value?;
                let number = if as_number { number::parse(value) } else { None };
                Some(match number {
                    Some(number) => self.decimal(number),
                    None => self.copied(value),
                })
            }),
            (Opened::Json(json), Place::Json(path)) => self.json(&document::matches(json, path.as_ref()), style),
            _ => None,
        }
    }

    /// Adds everything that a document has, but what the row, whose fields begin at `row`, has already.
    fn add_everything(
        &mut self,
        (columns, row): (&Columns, usize),
        document: &Opened<'_>,
        definition: &Definition,
        style: Style,
    ) {
        match document {
            Opened::Hash(hash) => {
                let before = row..self.fields.len();
                hash.hash_fields(|name, value| {
                    let known = self.fields[before.clone()].iter().any(|(known, _)| self.name(columns, known) == name);
                    if !known && !definition.hides(name) {
                        let name = Name::Text(self.text(|bytes| bytes.extend_from_slice(name)));
                        let value = self.copied(value);
                        self.fields.push((name, value));
                    }
                });
            }
            Opened::Json(json) => {
                let root = json.root();
                let shown = if style.all || style.expand {
                    self.json(&[root], style)
                } else {
                    Some(Shown::Json(self.text(|bytes| write_text(root, bytes))))
                };
                let name = Name::Text(self.text(|bytes| bytes.push(b'$')));
                self.fields.extend(shown.map(|shown| (name, shown)));
            }
        }
    }

    /// Lets `show` show the texts of a row otherwise: it appends what is shown, and says whether that is to be taken.
    pub fn show(&mut self, row: &RowFields, mut show: impl FnMut(Named<'_>, &[u8], &mut Vec<u8>) -> bool) {
        let mut shown = Vec::new();
        for (name, value) in &mut self.fields[row.clone()] {
            let Shown::Text(text) = value else { continue };
            let name = match name {
                Name::Column(nth) => Named::Column(*nth),
                Name::Text(span) => Named::Text(&self.bytes[span.clone()]),
            };
            shown.clear();
            if show(name, &self.bytes[text.clone()], &mut shown) {
                *text = self.bytes.len()..self.bytes.len() + shown.len();
                self.bytes.extend_from_slice(&shown);
            }
        }
    }

    fn name<'n>(&'n self, columns: &'n Columns, name: &Name) -> &'n [u8] {
        match name {
            Name::Column(nth) => &columns.columns[*nth].0,
            Name::Text(span) => &self.bytes[span.clone()],
        }
    }

    /// Writes the fields of a row: a map, flat in RESP2.
    pub fn write(&self, columns: &Columns, row: &RowFields, reply: &mut Reply<'_>) {
        reply.map(row.len());
        for (name, shown) in &self.fields[row.clone()] {
            reply.bulk(self.name(columns, name));
            match shown {
                Shown::Text(span) | Shown::Json(span) => reply.bulk(&self.bytes[span.clone()]),
                Shown::Null => reply.null(),
                Shown::Values(values) => write_values(reply, values),
                Shown::Number(value) => write_number(reply, *value),
            }
        }
    }
}

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// All values that a path selects, as a JSON array: dialect 3 and 4.
    pub all: bool,
    /// FORMAT EXPAND.
    pub expand: bool,
}

impl Style {
    /// Writes a number that is no part of a document.
    pub fn write_number(self, reply: &mut Reply<'_>, value: f64) {
        if self.expand { write_number(reply, value) } else { reply.bulk(&decimal::value(value)) }
    }
}

/// Where a column of a row comes from.
#[derive(Debug, Clone)]
pub enum From {
    /// A distance that the query yields, by its place among them.
    Distance(usize),
    /// The document.
    Document {
        /// Where in it.
        place: Place,
        /// Text is shown as the number that it is: of NUMERIC fields that are asked for by name.
        as_number: bool,
        /// The TEXT field that it is of.
        text: Option<FieldId>,
    },
}

/// What rows show.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// These, by name.
    pub columns: Vec<(Arc<[u8]>, From)>,
    /// Everything that the document has, after the columns.
    pub everything: bool,
    /// Nothing at all: NOCONTENT.
    pub nothing: bool,
}

impl From {
    /// What a name means that is asked for: a distance that the query yields, or a part of the document, which is a number
    /// where the schema says so.
    pub fn named(name: &[u8], distances: &[&[u8]], definition: &Definition) -> Self {
        match distances.iter().position(|distance| *distance == name) {
            Some(nth) => Self::Distance(nth),
            None => Self::Document {
                place: definition.place(name),
                as_number: definition.field(name).is_some_and(|field| field.kind == Kind::Numeric),
                text: text_field(name, definition),
            },
        }
    }

    /// The TEXT field that it is of.
    pub fn text(&self) -> Option<FieldId> {
        match self {
            Self::Document { text, .. } => *text,
            Self::Distance(_) => None,
        }
    }

    /// As [`From::named`], in a row that shows its document as it is: numbers too.
    pub fn stored(name: &[u8], distances: &[&[u8]], definition: &Definition) -> Self {
        match Self::named(name, distances, definition) {
            Self::Document { place, text, .. } => Self::Document { place, as_number: false, text },
            distance => distance,
        }
    }
}

/// The TEXT field of a name: an alias, or the place in the document.
fn text_field(name: &[u8], definition: &Definition) -> Option<FieldId> {
    match definition.schema.find(name) {
        Some(id) => matches!(definition.schema.field(id).kind, Kind::Text(_)).then_some(id),
        None => definition.schema.texts().find(|(_, field, _)| *field.source == *name).map(|(id, _, _)| id),
    }
}

impl Columns {
    /// Adds what a row shows, if that is nothing of its document.
    pub fn without_document(
        &self,
        contents: &mut Contents,
        distances: &[Option<f64>],
        style: Style,
    ) -> Option<RowFields> {
        if self.everything {
            return None;
        }
        contents.row(|contents| {
            for (nth, (_, from)) in self.columns.iter().enumerate() {
                let From::Distance(distance) = from else { return None };
                let shown = contents.number(distances.get(*distance).copied().flatten()?, style);
                contents.fields.push((Name::Column(nth), shown));
            }
            Some(())
        })
    }

    /// Adds what a row shows; `None` where its document has gone.
    pub fn load(
        &self,
        contents: &mut Contents,
        ctx: &Context,
        definition: &Definition,
        (key, distances): (&[u8], &[Option<f64>]),
        style: Style,
    ) -> Option<RowFields> {
        let row = contents.fields.len();
        let add = |contents: &mut Contents, document: Opened<'_>| {
            for (nth, (_, from)) in self.columns.iter().enumerate() {
                let shown = match from {
                    From::Distance(nth) => {
                        distances.get(*nth).copied().flatten().map(|value| contents.number(value, style))
                    }
                    From::Document { place, as_number, .. } => contents.part(&document, place, key, *as_number, style),
                };
                contents.fields.extend(shown.map(|shown| (Name::Column(nth), shown)));
            }
            if self.everything {
                contents.add_everything((self, row), &document, definition, style);
            }
        };
        contents.row(|contents| {
            let source = definition.schema.source;
            ctx.with_name(key, |name| document::open(ctx, source, name, |document| add(contents, document)))
        })
    }
}

/// Writes what a path selects, as RESP3 values.
pub fn write_values(reply: &mut Reply<'_>, values: &[Document]) {
    reply.array(values.len());
    values.iter().for_each(|value| write_json(reply, value.root()));
}

fn write_number(reply: &mut Reply<'_>, value: f64) {
    // The cast is exact: a whole number that is an `i64`; 2^63 itself is none.
    if value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        reply.integer(value as i64);
    } else {
        reply.double(value);
    }
}

/// Writes a JSON value as RESP3. Recursion is as deep as the document, which its parser bounds.
fn write_json(reply: &mut Reply<'_>, value: ValueRef<'_>) {
    match value.kind() {
        json::Kind::Null => reply.null(),
        json::Kind::Bool(truth) => reply.integer(i64::from(truth)),
        json::Kind::Number(json::Number::Int(number)) => reply.integer(number),
        json::Kind::Number(number) => write_number(reply, number.as_f64()),
        json::Kind::Str(text) => reply.bulk(text),
        json::Kind::Array => {
            reply.array(value.len());
            value.elements().for_each(|element| write_json(reply, element));
        }
        json::Kind::Object => {
            reply.map(value.len());
            for (key, member) in value.children() {
                reply.bulk(key);
                write_json(reply, member);
            }
        }
    }
}
