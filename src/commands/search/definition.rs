//! What the main thread knows of an index: its schema, and what is compiled from it.

use std::sync::Arc;

use super::document::documents_are_foreign;
use crate::config;
use crate::error::{Error, search as errors};
use crate::json::Path;
use crate::redis::keyspace::FieldName;
use crate::search::aggregate::expression::{Column, Expression};
use crate::search::analysis::StopWords;
use crate::search::schema::{self, Field, Kind, Schema, Source};

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
            Source::Json => Self::Json(Path::parse(source).ok().map(Arc::new)),
        }
    }
}

/// FILTER: which documents are for the index.
#[derive(Debug)]
pub struct Filter {
    /// The expression.
    pub expression: Expression,
    /// Where its columns come from.
    pub places: Vec<Place>,
}

/// The definition of an index.
#[derive(Debug)]
pub struct Definition {
    /// The schema.
    pub schema: Arc<Schema>,
    /// Where each field's value is, in the order of the schema.
    pub places: Vec<Place>,
    /// Where the document's own score is.
    pub score: Option<Place>,
    /// Where the document's own language is.
    pub language: Option<Place>,
    /// Where the document's payload is.
    pub payload: Option<Place>,
    /// FILTER.
    pub filter: Option<Filter>,
    /// Words that are not indexed.
    pub stop_words: StopWords,
}

impl Definition {
    /// Reads the words after the name in FT.CREATE.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn create(name: &[u8], words: &[&[u8]]) -> Result<Self, Error> {
        let schema =
            schema::create(name, words.iter().copied()).map_err(|fact| errors::definition("FT.CREATE", &fact))?;
        Self::new(schema)
    }

    /// Reads the words after the name in FT.ALTER. Says, too, whether existing keys are to be left as they are.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn alter(&self, words: &[&[u8]]) -> Result<(Self, bool), Error> {
        let altered =
            schema::alter(&self.schema, words.iter().copied()).map_err(|fact| errors::definition("FT.ALTER", &fact))?;
        Ok((Self::new(altered.schema)?, altered.skip_initial_scan))
    }

    /// The definition of a schema.
    ///
    /// # Errors
    /// What is wrong with its FILTER.
    pub fn new(mut schema: Schema) -> Result<Self, Error> {
        // To measure a foreign document is to have it written as text, and to read that.
        let whole = schema.source == Source::Json && documents_are_foreign();
        for field in &mut schema.fields {
            if let Kind::Vector(vector) = &mut field.kind {
                (vector.whole, vector.coarse) = (whole, vector.dim >= config::coarse_dim());
            }
        }
        let place = |field: &Option<Box<[u8]>>| field.as_ref().map(|name| place(&schema, name));
        Ok(Self {
            places: schema.fields.iter().map(|field| Place::of_source(schema.source, &field.source)).collect(),
            score: place(&schema.score_field),
            language: place(&schema.language_field),
            payload: place(&schema.payload_field),
            filter: schema.filter.as_ref().map(|text| filter(&schema, text)).transpose()?,
            stop_words: StopWords::of(schema.stop_words.as_ref()),
            schema: Arc::new(schema),
        })
    }

    /// Where the value is that a command calls by this name: an alias, a field of the hash, a path, `__key`.
    pub fn place(&self, name: &[u8]) -> Place {
        match self.schema.find(name) {
            Some(id) => self.places[usize::from(id.0)].clone(),
            None => place(&self.schema, name),
        }
    }

    /// The field of the schema that a command calls by this name.
    pub fn field(&self, name: &[u8]) -> Option<&Field> {
        self.schema.find(name).map(|id| self.schema.field(id))
    }

    /// Whether a field of the hash is there for the index only, and not shown.
    pub fn hides(&self, name: &[u8]) -> bool {
        let schema = &self.schema;
        let named = |field: &Option<Box<[u8]>>| field.as_deref() == Some(name);
        (named(&schema.score_field) || named(&schema.language_field) || named(&schema.payload_field))
            && !schema.fields.iter().any(|field| *field.source == *name)
    }
}

/// The place of a name that is of no field of the schema, or of any.
fn place(schema: &Schema, name: &[u8]) -> Place {
    if name == b"__key" {
        return Place::Key;
    }
    match schema.find(name) {
        Some(id) => Place::of_source(schema.source, &schema.field(id).source),
        None if schema.source == Source::Json && !name.starts_with(b"$") => Place::Json(None),
        None => Place::of_source(schema.source, name),
    }
}

fn filter(schema: &Schema, text: &[u8]) -> Result<Filter, Error> {
    let mut names: Vec<Box<[u8]>> = Vec::new();
    let expression = Expression::parse(text, |name| {
        let at = names.iter().position(|known| **known == *name).unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        Some(Column(at))
    })?;
    Ok(Filter { expression, places: names.iter().map(|name| place(schema, name)).collect() })
}
