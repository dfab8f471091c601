//! SUMMARIZE and HIGHLIGHT on the rows of FT.SEARCH: which field a value is of, and how it is to be shown.
//!
//! A value is of a field by its alias or by its source, under whatever name the row shows it. Only TEXT fields are touched, and
//! of JSON only strings that are shown by themselves.
//!
//! This runs where the query runs, so that no server waits for long texts: rows are loaded first, then shown otherwise.

use std::collections::HashMap;

use super::rows::{Columns, Contents, Named, RowFields};
use crate::error::{Error, search as errors};
use crate::indexes::definition::Definition;
use crate::search::analysis::{Language, Stemmer};
use crate::search::execute::Row;
use crate::search::highlight::{Analysis, Look, Words, show};
use crate::search::request::presentation::Presentation;
use crate::search::request::search::{Content, SearchRequest};
use crate::search::schema::{FieldId, Kind, Schema, Source};
use crate::watch::Watch;

/// Checks that the fields that are to be shown otherwise are there.
///
/// # Errors
/// Where one is not.
pub fn check(request: &SearchRequest, schema: &Schema) -> Result<(), Error> {
    for name in request.presentation.fields() {
        let is_returned = match &request.content {
            Content::Nothing => return Ok(()),
            // A document is one value.
            Content::Everything if schema.source == Source::Json => return Err(errors::no_such_property(name)),
            Content::Everything => false,
            Content::Fields(fields) => fields.iter().any(|field| *field.source == *name || *field.name == *name),
        };
        if schema.find(name).is_none() {
            return Err(if is_returned { errors::not_in_schema(name) } else { errors::no_such_property(name) });
        }
    }
    Ok(())
}

/// How the values of rows are shown.
pub struct Highlighter<'a> {
    definition: &'a Definition,
    /// How the values of each field of the schema are.
    looks: Vec<Look<'a>>,
    /// The TEXT field of a name in the document.
    sources: HashMap<&'a [u8], FieldId>,
    columns: &'a Columns,
}

impl<'a> Highlighter<'a> {
    /// For rows that have these columns.
    pub fn new(definition: &'a Definition, presentation: &'a Presentation, columns: &'a Columns) -> Self {
        let schema = &definition.schema;
        let mut sources = HashMap::new();
        for (id, field, _) in schema.texts() {
            sources.entry(&*field.source).or_insert(id);
        }
        let looks = schema.fields.iter().map(|field| presentation.of(&field.alias)).collect();
        Self { definition, looks, sources, columns }
    }

    /// Shows the values of a row as they are to be shown; false: time is over.
    pub fn show(
        &self,
        contents: &mut Contents,
        (row, fields): (&Row, &RowFields),
        language: Language,
        watch: &Watch<'_>,
    ) -> bool {
        let (stemmer, synonyms) = (Stemmer::new(language), self.definition.synonyms());
        let found = row.terms.iter().filter_map(|term| Some((&*term.text, term.rarity?)));
        let (words, nothing) = (Words::new(found), Words::default());
        let mut timely = true;
        contents.show(fields, |name, text, out| {
            let id = match name {
                Named::Column(nth) => self.columns.columns[nth].1.text(),
                Named::Text(name) => self.sources.get(name).copied(),
            };
            let Some(id) = id.filter(|_| timely) else { return false };
            let (field, look) = (self.definition.schema.field(id), self.looks[usize::from(id.0)]);
            if look.summary.is_none() && look.tags.is_none() {
                return false;
            }
            let has_stems = matches!(&field.kind, Kind::Text(text) if !text.no_stem) || stemmer.cuts();
            let sounds = matches!(&field.kind, Kind::Text(text) if text.phonetic.is_some());
            let stop_words = &self.definition.stop_words;
            let stemmer = Some(&stemmer).filter(|_| has_stems);
            let analysis = Analysis { stop_words, stemmer, synonyms: Some(&synonyms), sounds };
            let words = if field.no_index { &nothing } else { &words };
            timely = show(text, (words, analysis), look, watch, out).is_some();
            timely
        });
        timely
    }
}
