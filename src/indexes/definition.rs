//! What the main thread knows of an index: its schema, and what is compiled from it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::document::{Opened, Place, documents_are_foreign, open};
use crate::config;
use crate::error::{Error, search as errors};
use crate::redis::args::Arg;
use crate::redis::context::Context;
use crate::search::aggregate::expression::{Column, Expression};
use crate::search::aggregate::value::Value;
use crate::search::analysis::{StopWords, Synonyms};
use crate::search::document::RawDocument;
use crate::search::schema::{self, Field, Kind, Schema, Source};

/// FILTER: which documents are for the index.
#[derive(Debug)]
pub struct Filter {
    /// The expression.
    pub expression: Expression,
    /// Where its columns come from.
    pub places: Vec<Place>,
}

impl Filter {
    /// Whether a document satisfies it. Where the expression has no value, since a field that it names is missing, the
    /// document is for the index, as it is in the peers.
    fn passes(&self, document: &Opened<'_>, key: &[u8]) -> bool {
        let row: Vec<Option<Value>> = self.places.iter().map(|place| document.value(place, key)).collect();
        self.expression.value(&row).map_or(true, |value| value.is_true())
    }
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
    /// The groups of FT.SYNUPDATE, as queries are read with: of all definitions that FT.ALTER makes of one. The index has its own,
    /// which follow in its log. Only the main thread locks them, so nobody waits, and a forked child may read them.
    synonyms: Arc<RwLock<Synonyms>>,
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
        Ok((self.with_schema(altered.schema)?, altered.skip_initial_scan))
    }

    /// The same index with another schema, which FT.ALTER has made of this one's.
    ///
    /// # Errors
    /// What is wrong with its FILTER.
    pub fn with_schema(&self, schema: Schema) -> Result<Self, Error> {
        Ok(Self { synonyms: Arc::clone(&self.synonyms), ..Self::new(schema)? })
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
            synonyms: Arc::default(),
            schema: Arc::new(schema),
        })
    }

    /// The groups of synonyms.
    pub fn synonyms(&self) -> RwLockReadGuard<'_, Synonyms> {
        self.synonyms.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts words into a group of synonyms; whether one was not in it.
    pub fn add_synonyms(&self, group: &[u8], words: &[Box<[u8]>]) -> bool {
        self.synonyms.write().unwrap_or_else(PoisonError::into_inner).add(group, words)
    }

    /// Takes over groups of synonyms that were saved with the definition.
    pub fn set_synonyms(&self, synonyms: Synonyms) {
        *self.synonyms.write().unwrap_or_else(PoisonError::into_inner) = synonyms;
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

    /// What the index takes of a key now; `None`: it is not a document of the index.
    pub fn read(&self, ctx: &Context, name: Arg<'_>) -> Option<RawDocument> {
        open(ctx, self.schema.source, name, |document| {
            let key = name.bytes();
            if self.filter.as_ref().is_some_and(|filter| !filter.passes(&document, key)) {
                return None;
            }
            let text = |place: &Option<Place>| place.as_ref().and_then(|place| document.text(place, key));
            Some(RawDocument {
                fields: self.places.iter().map(|place| document.raw(place)).collect(),
                score: text(&self.score),
                language: text(&self.language),
                payload: text(&self.payload),
            })
        })?
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
