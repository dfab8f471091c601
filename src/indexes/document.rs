//! From a key to the parts of its document. On the main thread, so nothing is read here but copied.

use std::sync::Arc;

use crate::json::{self, Document, Path, ValueRef};
use crate::redis::args::Arg;
use crate::redis::context::Context;
use crate::redis::keyspace::{FieldName, Key, Kind};
use crate::redis::types::DataType;
use crate::search::aggregate::value::Value;
use crate::search::document::Raw;
use crate::search::schema::{self, Source};

/// A place in a document.
#[derive(Debug, Clone)]
pub enum Place {
    /// The name of the key.
    Key,
    /// A field of a hash.
    Hash(Arc<FieldName>),
    /// What a path selects; `None`: what is no path selects nothing.
    Json(Option<Arc<Path>>),
}

impl Place {
    /// The place of a field's source.
    pub fn of_source(kind: Source, source: &[u8]) -> Self {
        match kind {
            Source::Hash => Self::Hash(Arc::new(FieldName::new(source))),
            Source::Json => Self::Json(schema::json_path(source).ok().map(Arc::new)),
        }
    }
}

/// A key that holds a document.
pub enum Opened<'a> {
    /// A hash.
    Hash(&'a Key<'a>),
    /// A JSON document.
    Json(&'a Document),
}

/// Whether JSON documents are another module's.
pub fn documents_are_foreign() -> bool {
    !Document::slot().is_registered()
}

/// Shows a key's document to `with`, if it is of the kind; `None` where it is not, and where there is no such key.
pub fn open<T>(ctx: &Context, kind: Source, name: Arg<'_>, with: impl FnOnce(Opened<'_>) -> T) -> Option<T> {
    let key = ctx.peek(name)?;
    match kind {
        Source::Hash => (key.kind() == Kind::Hash).then(|| with(Opened::Hash(&key))),
        Source::Json if documents_are_foreign() => {
            let foreign = key.kind() == Kind::Module;
            drop(key);
            if foreign { with_foreign(ctx, name, with) } else { None }
        }
        Source::Json => match key.value::<Document>() {
            Ok(Some(document)) => Some(with(Opened::Json(document))),
            _ => None,
        },
    }
}

/// As [`open`], where documents are another module's (RedisJSON's, valkey-json's): through its command, which any such
/// module has.
fn with_foreign<T>(ctx: &Context, name: Arg<'_>, with: impl FnOnce(Opened<'_>) -> T) -> Option<T> {
    let document = ctx.call(c"JSON.GET", &[name.bytes()], |text| Document::parse(text?).ok())?;
    Some(with(Opened::Json(&document)))
}

/// The values that a path selects; none where it costs too much to find them.
pub fn matches<'v>(document: &'v Document, path: Option<&Arc<Path>>) -> Vec<ValueRef<'v>> {
    path.and_then(|path| path.matches(document.root()).ok()).unwrap_or_default()
}

impl Opened<'_> {
    /// What a field's index takes.
    pub fn raw(&self, place: &Place) -> Raw {
        match (self, place) {
            (Self::Hash(key), Place::Hash(field)) => key.hash_field(field, |value| match value {
                Some(value) => Raw::Hash(value.into()),
                None => Raw::Absent,
            }),
            (Self::Json(document), Place::Json(Some(path))) => {
                Raw::Json(matches(document, Some(path)).into_iter().map(Document::copy_of).collect())
            }
            _ => Raw::Absent,
        }
    }

    /// A value as text, if it is one or can be written as one.
    pub fn text(&self, place: &Place, key: &[u8]) -> Option<Box<[u8]>> {
        self.value(place, key)?.to_text().map(|text| Box::from(&*text))
    }

    /// A value as expressions take it; of several that a path selects, the first.
    pub fn value(&self, place: &Place, key: &[u8]) -> Option<Value> {
        match (self, place) {
            (_, Place::Key) => Some(Value::string(key)),
            (Self::Hash(hash), Place::Hash(field)) => hash.hash_field(field, |value| value.map(Value::string)),
            (Self::Json(document), Place::Json(path)) => matches(document, path.as_ref()).first().map(|v| scalar(*v)),
            _ => None,
        }
    }
}

/// A JSON value as expressions take it.
pub fn scalar(value: ValueRef<'_>) -> Value {
    match value.kind() {
        json::Kind::Null => Value::Null,
        json::Kind::Bool(truth) => Value::truth(truth),
        json::Kind::Number(number) => Value::Number(number.as_f64()),
        json::Kind::Str(text) => Value::string(text),
        json::Kind::Array | json::Kind::Object => Value::string(text_of(value)),
    }
}

/// The compact text of a JSON value.
pub fn text_of(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.byte_len() + 16);
    write_text(value, &mut out);
    out
}

/// Appends what [`text_of`] makes.
pub fn write_text(value: ValueRef<'_>, out: &mut Vec<u8>) {
    json::format::write(value, &json::format::Style::default(), 0, out);
}
