//! What rows show of their documents, and how values are written (specification §8).

use std::sync::Arc;

use super::definition::{Definition, Place};
use super::document::{self, Opened, text_of};
use crate::json::{self, Document, ValueRef};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::search::schema::Kind;
use crate::search::{decimal, number};

/// A value as a reply shows it.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A byte string.
    Text(Vec<u8>),
    /// Nothing there, and said so.
    Null,
    /// JSON values as RESP3 values: FORMAT EXPAND.
    Values(Vec<Document>),
    /// A number as RESP3 has it: a distance with FORMAT EXPAND.
    Number(f64),
}

/// Fields of a row by name.
pub type Fields = Vec<(Arc<[u8]>, Shown)>;

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// All values that a path selects, as a JSON array: dialect 3 and 4.
    pub all: bool,
    /// FORMAT EXPAND.
    pub expand: bool,
}

impl Style {
    /// A number that is no part of a document: a distance.
    pub fn number(self, value: f64) -> Shown {
        if self.expand { Shown::Number(value) } else { Shown::Text(decimal::value(value)) }
    }

    /// What a path selects; `None` where that is nothing.
    fn json(self, values: &[ValueRef<'_>]) -> Option<Shown> {
        let first = *values.first()?;
        Some(if self.expand {
            Shown::Values(values.iter().map(|value| Document::copy_of(*value)).collect())
        } else if self.all {
            let texts: Vec<Vec<u8>> = values.iter().map(|value| text_of(*value)).collect();
            Shown::Text([b"[", &texts.join(&b',')[..], b"]"].concat())
        } else {
            plain(first)
        })
    }
}

/// A JSON value as text.
fn plain(value: ValueRef<'_>) -> Shown {
    Shown::Text(match value.kind() {
        json::Kind::Null => return Shown::Null,
        json::Kind::Bool(truth) => if truth { b"1" } else { b"0" }.to_vec(),
        json::Kind::Number(number) => decimal::value(number.as_f64()),
        json::Kind::Str(text) => text.to_vec(),
        json::Kind::Array | json::Kind::Object => text_of(value),
    })
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
        /// The value is kept as a number, and shown so: of SORTABLE NUMERIC fields of hashes.
        as_number: bool,
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
    /// What a name means: a distance that the query yields, or a part of the document.
    pub fn named(name: &[u8], distances: &[&[u8]], definition: &Definition) -> Self {
        match distances.iter().position(|distance| *distance == name) {
            Some(nth) => Self::Distance(nth),
            None => Self::Document {
                place: definition.place(name),
                as_number: definition.field(name).is_some_and(|field| field.sortable && field.kind == Kind::Numeric),
            },
        }
    }
}

impl Columns {
    /// What a row shows, if that is nothing of its document.
    pub fn without_document(&self, distances: &[Option<f64>], style: Style) -> Option<Fields> {
        let of_distance = |(name, from): &(Arc<[u8]>, From)| match from {
            From::Distance(nth) => Some((Arc::clone(name), style.number(distances.get(*nth).copied().flatten()?))),
            From::Document { .. } => None,
        };
        match self {
            Self { nothing: true, .. } => Some(Fields::new()),
            Self { everything: true, .. } => None,
            Self { columns, .. } => columns.iter().map(of_distance).collect(),
        }
    }

    /// What a row shows; `None` where its document has gone.
    pub fn load(
        &self,
        ctx: &Context,
        definition: &Definition,
        key: &[u8],
        distances: &[Option<f64>],
        style: Style,
    ) -> Option<Fields> {
        ctx.with_name(key, |name| {
            document::open(ctx, definition.schema.source, name, |document| {
                if self.nothing {
                    return Fields::new();
                }
                let mut fields = Fields::with_capacity(self.columns.len());
                for (name, from) in &self.columns {
                    let shown = match from {
                        From::Distance(nth) => distances.get(*nth).copied().flatten().map(|value| style.number(value)),
                        From::Document { place, as_number } => show(&document, place, key, *as_number, style),
                    };
                    fields.extend(shown.map(|shown| (Arc::clone(name), shown)));
                }
                if self.everything {
                    add_everything(&mut fields, &document, definition, style);
                }
                fields
            })
        })
    }
}

/// A part of a document.
fn show(document: &Opened<'_>, place: &Place, key: &[u8], as_number: bool, style: Style) -> Option<Shown> {
    match (document, place) {
        (_, Place::Key) => Some(Shown::Text(key.to_vec())),
        (Opened::Hash(hash), Place::Hash(field)) => hash.hash_field(field, |value| {
            let value = value?;
            let number = if as_number { number::parse(value) } else { None };
            Some(Shown::Text(number.map_or_else(|| value.to_vec(), decimal::value)))
        }),
        (Opened::Json(json), Place::Json(path)) => style.json(&document::matches(json, path.as_ref())),
        _ => None,
    }
}

/// Everything that a document has, but what the row has already.
fn add_everything(fields: &mut Fields, document: &Opened<'_>, definition: &Definition, style: Style) {
    match document {
        Opened::Hash(hash) => {
            let before = fields.len();
            hash.hash_fields(|name, value| {
                let known = fields[..before].iter().any(|(known, _)| **known == *name);
                if !known && !definition.hides(name) {
                    fields.push((name.into(), Shown::Text(value.to_vec())));
                }
            });
        }
        Opened::Json(json) => {
            let root = json.root();
            let whole = if style.all || style.expand { style.json(&[root]) } else { Some(Shown::Text(text_of(root))) };
            fields.extend(whole.map(|shown| ((*b"$").into(), shown)));
        }
    }
}

impl Shown {
    /// Writes it.
    pub fn write(&self, reply: &mut Reply<'_>) {
        match self {
            Self::Text(text) => reply.bulk(text),
            Self::Null => reply.null(),
            Self::Values(values) => {
                reply.array(values.len());
                values.iter().for_each(|value| write_json(reply, value.root()));
            }
            Self::Number(value) => write_number(reply, *value),
        }
    }
}

fn write_number(reply: &mut Reply<'_>, value: f64) {
    // The cast is exact: a whole number below 2^53.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
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
        json::Kind::Number(number) => reply.double(number.as_f64()),
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

/// Writes the fields of a row: a map, flat in RESP2.
pub fn write_fields(reply: &mut Reply<'_>, fields: &Fields) {
    reply.map(fields.len());
    for (name, shown) in fields {
        reply.bulk(name);
        shown.write(reply);
    }
}
