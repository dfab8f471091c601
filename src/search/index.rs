//! An index: a schema, the documents, and one index per field.
//!
//! An [`Index`] is a value without locks inside; [`super::live`] shares it between threads. Nothing is read from a key while
//! a change is applied: the change carries what the key held.
//!
//! # What a change costs
//! Each field compares what comes with what it has, and leaves its index alone where nothing changed: a write to a counter
//! does not touch the texts, and none but a write to the vector touches the graph.

use super::analysis::{self, Language, STEM, Stemmer, StopWords, Synonyms};
use super::column::Column;
use super::doc_id::DocId;
use super::document::{self, Failure, Raw, RawDocument, Value};
use super::documents::Documents;
use super::fields::geo::GeoIndex;
use super::fields::numeric::NumericIndex;
use super::fields::shape::ShapeIndex;
use super::fields::tag::TagIndex;
use super::fields::text::postings::Format;
use super::fields::text::{TextDocument, TextIndex};
use super::fields::vector::VectorIndex;
use super::fold::fold_to_sort;
use super::idset::IdSet;
use super::number;
use super::schema::{Field, FieldId, Kind, Schema, TextId};
use super::score::Corpus;
use super::sortable::{Sortable, Texts};
use crate::vector::Graph;
use crate::vector::graph::Moved;
use hashbrown::DefaultHashBuilder;
use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How far the last word of a value is from the first one of the next value of the field, so that no phrase spans them.
static VALUE_GAP: AtomicU32 = AtomicU32::new(100);
/// Where a value can begin at most: words follow it.
const FARTHEST: u32 = u32::MAX / 2;

/// Tells how far values are apart; what was indexed stays as it is.
pub fn separate_values_by(gap: u32) {
    VALUE_GAP.store(gap, Ordering::Relaxed);
}

/// What a stem counts of what its word counts.
const STEM_SHARE: f64 = 0.2;

/// What happened to a key.
#[derive(Debug, Clone)]
pub struct Change {
    /// The key.
    pub key: Box<[u8]>,
    /// What it holds now; `None`: it is gone, of another type, or no longer for this index.
    pub document: Option<RawDocument>,
}

/// A value that is kept beside the document, to sort and to aggregate by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SortValue<'a> {
    /// Of a NUMERIC field.
    Number(f64),
    /// Of another field; folded unless the field is UNF.
    Text(&'a Arc<[u8]>),
}

/// What failed, and where last.
#[derive(Debug, Clone, Default)]
pub struct Failures {
    /// How often; never decreases.
    pub count: u64,
    /// The last: why, and which key.
    pub last: Option<(Failure, Box<[u8]>)>,
}

impl Failures {
    fn record(&mut self, failure: &Failure, key: &[u8]) {
        self.count += 1;
        self.last = Some((failure.clone(), key.into()));
    }
}

/// The index of a field, by its type.
#[derive(Debug)]
pub enum Values {
    /// In the index of all TEXT fields.
    Text,
    /// Labels.
    Tag(TagIndex),
    /// Numbers.
    Numeric(NumericIndex),
    /// Points.
    Geo(GeoIndex),
    /// Shapes.
    Shape(ShapeIndex),
    /// Vectors.
    Vector(Box<VectorIndex>),
    /// NOINDEX.
    None,
}

/// One field of an index.
#[derive(Debug)]
pub struct FieldIndex {
    /// Its index.
    pub values: Values,
    /// The documents without it, where the field is INDEXMISSING.
    pub missing: Option<IdSet>,
    sortable: Option<Sortable>,
    /// What could not be indexed.
    pub failures: Failures,
}

impl FieldIndex {
    fn new(field: &Field) -> Self {
        let values = match &field.kind {
            _ if field.no_index => Values::None,
            Kind::Text(_) => Values::Text,
            Kind::Tag(tag) => Values::Tag(TagIndex::new(tag.case_sensitive, tag.suffix_trie)),
            Kind::Numeric => Values::Numeric(NumericIndex::default()),
            Kind::Geo => Values::Geo(GeoIndex::default()),
            Kind::Shape(_) => Values::Shape(ShapeIndex::default()),
            Kind::Vector(vector) => Values::Vector(Box::new(VectorIndex::new(vector))),
        };
        let sortable = match field.kind {
            _ if !field.sortable => None,
            Kind::Numeric if field.no_index => Some(Sortable::Numbers(Column::default())),
            Kind::Numeric | Kind::Vector(_) => None,
            _ => Some(Sortable::Texts(Texts::default())),
        };
        Self { values, missing: field.index_missing.then(IdSet::default), sortable, failures: Failures::default() }
    }

    /// Sets what a document has for the field; texts are set elsewhere.
    fn set(&mut self, doc: DocId, key: &[u8], field: &Field, raw: &Raw, value: &Value<'_>) {
        if let Some(missing) = &mut self.missing {
            if matches!(value, Value::Absent) {
                missing.insert(doc)
            } else {
                missing.remove(doc)
            };
        }
        match (&mut self.sortable, value) {
            (Some(Sortable::Numbers(column)), Value::Numbers(numbers)) => {
                column.set(doc, numbers.first().copied().unwrap_or(f64::NAN));
            }
            (Some(Sortable::Numbers(column)), _) => {
                column.remove(doc);
            }
            (Some(Sortable::Texts(texts)), _) => {
                texts.set(doc, sort_text(field, raw).as_deref());
            }
            (None, _) => {}
        }
        match (&mut self.values, value) {
            (Values::Tag(index), Value::Tags(tags)) => {
                index.set(doc, tags.iter().map(|tag| &**tag));
            }
            (Values::Numeric(index), Value::Numbers(numbers)) => {
                index.set(doc, numbers);
            }
            (Values::Geo(index), Value::Points(points)) => {
                index.set(doc, points);
            }
            (Values::Shape(index), Value::Shape(shape)) => index.set(doc, shape),
            (Values::Vector(index), Value::Vectors(vectors)) => {
                index.set(doc, key, vectors);
            }
            (_, Value::Absent) => self.values.remove(doc),
            _ => {}
        }
    }

    fn remove(&mut self, doc: DocId) {
        if let Some(missing) = &mut self.missing {
            missing.remove(doc);
        }
        match &mut self.sortable {
            Some(Sortable::Numbers(column)) => drop(column.remove(doc)),
            Some(Sortable::Texts(texts)) => texts.set(doc, None),
            None => {}
        }
        self.values.remove(doc);
    }

    /// The value of a document to sort by, if the field keeps one.
    pub fn sort_value(&self, doc: DocId) -> Option<SortValue<'_>> {
        match (&self.values, &self.sortable) {
            (Values::Numeric(index), _) => index.value(doc).map(SortValue::Number),
            (_, Some(Sortable::Numbers(column))) => column.get(doc).copied().map(SortValue::Number),
            (_, Some(Sortable::Texts(texts))) => Some(SortValue::Text(texts.symbols().text(texts.symbol(doc)?)?)),
            _ => None,
        }
    }

    /// Whether [`FieldIndex::sort_value`] knows the values of the field.
    pub fn keeps_sort_values(&self) -> bool {
        self.sortable.is_some() || matches!(self.values, Values::Numeric(_))
    }

    /// Bytes of the values that are kept to sort by.
    pub fn sortable_memory(&self) -> usize {
        self.sortable.as_ref().map_or(0, Sortable::memory)
    }

    /// The texts that the field keeps to sort by.
    pub fn sort_texts(&self) -> Option<&Texts> {
        match &self.sortable {
            Some(Sortable::Texts(texts)) => Some(texts),
            _ => None,
        }
    }
}

impl Values {
    fn remove(&mut self, doc: DocId) {
        match self {
            Self::Tag(index) => index.remove(doc),
            Self::Numeric(index) => index.remove(doc),
            Self::Geo(index) => index.remove(doc),
            Self::Shape(index) => index.remove(doc),
            Self::Vector(index) => index.remove(doc),
            Self::Text | Self::None => {}
        }
    }
}

/// A string, or a truth value as a TAG field has it.
fn text_in(value: crate::json::ValueRef<'_>) -> Option<&[u8]> {
    match value.kind() {
        crate::json::Kind::Bool(truth) => Some(if truth { b"true" } else { b"false" }),
        _ => value.as_str_bytes(),
    }
}

/// What a field that is not NUMERIC keeps to sort by: the first text, folded unless the field is UNF.
pub fn sort_text<'a>(field: &Field, raw: &'a Raw) -> Option<Cow<'a, [u8]>> {
    first_text(raw).map(|text| if field.unf { Cow::Borrowed(text) } else { fold_to_sort(text) })
}

/// The text that a value is sorted by: the whole hash field, or the first string that the path selects.
fn first_text(raw: &Raw) -> Option<&[u8]> {
    match raw {
        Raw::Absent => None,
        Raw::Hash(bytes) => Some(bytes),
        Raw::Json(matches) => {
            let first = matches.first()?.root();
            text_in(first).or_else(|| first.elements().find_map(text_in))
        }
    }
}

/// An index.
#[derive(Debug)]
pub struct Index {
    schema: Arc<Schema>,
    stop_words: StopWords,
    synonyms: Synonyms,
    documents: Documents,
    text: TextIndex,
    fields: Vec<FieldIndex>,
    failures: Failures,
    hasher: DefaultHashBuilder,
    scratch: TextDocument,
}

impl Index {
    /// An index without documents.
    pub fn new(schema: Arc<Schema>) -> Self {
        let flags = &schema.flags;
        let format = Format { fields: !flags.no_fields, freqs: !flags.no_frequencies, offsets: !flags.no_offsets };
        let suffixes = schema.texts().any(|(_, _, text)| text.suffix_trie);
        Self {
            stop_words: StopWords::of(schema.stop_words.as_ref()),
            synonyms: Synonyms::default(),
            documents: Documents::default(),
            text: TextIndex::new(format, suffixes),
            fields: schema.fields.iter().map(FieldIndex::new).collect(),
            failures: Failures::default(),
            hasher: DefaultHashBuilder::default(),
            scratch: TextDocument::default(),
            schema,
        }
    }

    /// What the index is about.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The documents.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The index of all TEXT fields.
    pub fn text(&self) -> &TextIndex {
        &self.text
    }

    /// A field of the schema.
    pub fn field(&self, id: FieldId) -> Option<&FieldIndex> {
        self.fields.get(usize::from(id.0))
    }

    /// Puts a graph that was built anew in the place of the one that it was built from, which is of one of the fields.
    pub(super) fn renew_graph(&mut self, graph: &Arc<Graph>, heir: Arc<Graph>, moved: &Moved) {
        let of_field = |field: &&mut FieldIndex| match &field.values {
            Values::Vector(vectors) => vectors.graph().is_some_and(|own| Arc::ptr_eq(own, graph)),
            _ => false,
        };
        if let Some(FieldIndex { values: Values::Vector(vectors), .. }) = self.fields.iter_mut().find(of_field) {
            vectors.renew(heir, moved);
        }
    }

    /// The index of a field, for the end of loading.
    pub(super) fn values_mut(&mut self, id: FieldId) -> Option<&mut Values> {
        self.fields.get_mut(usize::from(id.0)).map(|field| &mut field.values)
    }

    /// The fields, in the order of the schema.
    pub fn fields(&self) -> &[FieldIndex] {
        &self.fields
    }

    /// What could not be indexed, of all fields.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// What scores need to know of all documents.
    pub fn corpus(&self) -> Corpus {
        let docs = self.documents.len() as u64;
        let average_length = if docs == 0 { 0.0 } else { self.text.total_length() as f64 / docs as f64 };
        Corpus { docs, average_length }
    }

    /// Takes over a schema that FT.ALTER made: the same with fields added. Documents get their values for these when they
    /// are applied again.
    pub fn alter(&mut self, schema: Arc<Schema>) {
        for field in &schema.fields[self.fields.len()..] {
            let mut added = FieldIndex::new(field);
            if let Some(missing) = &mut added.missing {
                for doc in self.documents.live() {
                    missing.insert(DocId(doc));
                }
            }
            self.fields.push(added);
        }
        if schema.texts().any(|(_, _, text)| text.suffix_trie) {
            self.text.add_suffixes();
        }
        self.schema = schema;
    }

    /// Puts words into a group of synonyms. Documents are found by the group when they are applied again.
    pub fn add_synonyms<W: AsRef<[u8]>>(&mut self, group: &[u8], words: impl IntoIterator<Item = W>) {
        self.synonyms.add(group, words);
    }

    /// Takes over groups of synonyms: for an index without documents.
    pub fn set_synonyms(&mut self, synonyms: Synonyms) {
        self.synonyms = synonyms;
    }

    /// The groups of synonyms.
    pub fn synonyms(&self) -> &Synonyms {
        &self.synonyms
    }

    /// Applies a change. False: the document was refused, and is not in the index now; [`Index::failures`] says why.
    pub fn apply(&mut self, change: &Change) -> bool {
        let Some(raw) = &change.document else {
            self.remove(&change.key);
            return true;
        };
        let schema = Arc::clone(&self.schema);
        let absent = Raw::Absent;
        let raws = || raw.fields.iter().chain(std::iter::repeat(&absent));
        let mut values = Vec::with_capacity(schema.fields.len());
        for ((at, field), raw) in schema.fields.iter().enumerate().zip(raws()) {
            match document::read(field, raw) {
                Ok(value) => values.push(value),
                Err(failure) => {
                    self.failures.record(&failure, &change.key);
                    self.fields[at].failures.record(&failure, &change.key);
                    if let Failure::Shape(_) = failure {
                        values.push(Value::Absent);
                        continue;
                    }
                    self.remove(&change.key);
                    return false;
                }
            }
        }
        let score = raw.score.as_deref().and_then(number::parse).filter(|score| !score.is_nan());
        let language = raw.language.as_deref().and_then(Language::named).or(schema.language).unwrap_or_default();
        let texts = self.fingerprint(language, &values);
        let known = self.documents.find(&change.key).is_some_and(|doc| self.documents.texts(doc) == texts);
        let doc = self.documents.put(&change.key, score.unwrap_or(schema.score), texts);
        self.documents.set_payload(doc, raw.payload.clone());
        if !known {
            self.set_texts(doc, &schema, language, &values);
        }
        for (((field, index), raw), value) in schema.fields.iter().zip(&mut self.fields).zip(raws()).zip(&values) {
            index.set(doc, &change.key, field, raw, value);
        }
        true
    }

    /// Takes a key out.
    fn remove(&mut self, key: &[u8]) {
        let Some(doc) = self.documents.find(key) else { return };
        self.text.remove(doc);
        for field in &mut self.fields {
            field.remove(doc);
        }
        self.documents.remove(doc);
    }

    /// What tells texts from others, and from what they were with fewer synonyms.
    fn fingerprint(&self, language: Language, values: &[Value<'_>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (language, self.synonyms.version()).hash(&mut hasher);
        for (at, value) in values.iter().enumerate() {
            if let Value::Texts(texts) = value {
                (at, texts).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Sets the words of a document.
    fn set_texts(&mut self, doc: DocId, schema: &Schema, language: Language, values: &[Value<'_>]) {
        let mut words = std::mem::take(&mut self.scratch);
        words.clear();
        let stemmer = Stemmer::new(language);
        let gap = VALUE_GAP.load(Ordering::Relaxed).saturating_sub(1);
        let mut position = 1_u32;
        for (id, field, text) in schema.texts() {
            let Some(Value::Texts(texts)) = values.get(usize::from(id.0)).filter(|_| !field.no_index) else { continue };
            let stemmer = Some(&stemmer).filter(|stemmer| !text.no_stem || stemmer.cuts());
            for (nth, value) in texts.iter().enumerate() {
                position = position.saturating_add(if nth > 0 { gap } else { 0 }).min(FARTHEST);
                if value.is_empty() && field.index_empty {
                    words.add(b"", text.id, position, frequency(text.weight));
                }
                position = analysis::terms(value, &self.stop_words, stemmer, position, |term, at| {
                    add_word(&mut words, term, text.id, at, text.weight);
                    if !analysis::is_derived(term) {
                        let form = |form: &[u8]| add_word(&mut words, form, text.id, at, text.weight);
                        analysis::forms(term, &self.synonyms, text.phonetic.is_some(), form);
                    }
                });
            }
        }
        self.text.set(doc, &words);
        self.scratch = words;
    }
}

/// What an occurrence counts in a field of some weight.
fn frequency(weight: f64) -> u32 {
    // The cast cuts to an integer, and to 0 what is negative or no number.
    (weight as u32).max(1)
}

fn add_word(words: &mut TextDocument, term: &[u8], field: TextId, position: u32, weight: f64) {
    let weight = if term.first() == Some(&STEM) { weight * STEM_SHARE } else { weight };
    words.add(term, field, position, frequency(weight));
}
