//! The figures of an index, as FT.INFO reports them.
//!
//! Sizes are bytes of what the index holds. They are sums that are kept where something changes, so telling them takes microseconds,
//! however large the index is.

use super::index::{Failures, FieldIndex, Index, Values};
use super::schema::FieldId;

/// What an index tells of itself.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Its figures.
    pub figures: Info,
    /// What could not be indexed.
    pub failures: Failures,
    /// The same by field; of fields that were added since, nothing.
    pub by_field: Vec<OfField>,
}

/// What a field tells of itself.
#[derive(Debug, Clone, Default)]
pub struct OfField {
    /// What could not be indexed of it.
    pub failures: Failures,
    /// Vectors that it has.
    pub vectors: usize,
}

impl OfField {
    fn of(field: &FieldIndex) -> Self {
        let vectors = if let Values::Vector(vectors) = &field.values { vectors.count() } else { 0 };
        Self { failures: field.failures.clone(), vectors }
    }
}

impl Facts {
    /// The facts of an index.
    pub fn of(index: &Index) -> Self {
        Self {
            figures: index.info(),
            failures: index.failures().clone(),
            by_field: index.fields().iter().map(OfField::of).collect(),
        }
    }
}

/// The figures of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Info {
    /// Documents.
    pub docs: u64,
    /// The highest number of a document, counted from 1.
    pub max_doc_id: u64,
    /// Terms of the TEXT fields, stems included.
    pub terms: u64,
    /// (document, term) pairs of the TEXT fields, and entries of the other indexes.
    pub records: u64,
    /// Positions of terms.
    pub offsets: u64,
    /// Blocks of postings.
    pub blocks: u64,
    /// Bytes of postings, tags and ranges.
    pub inverted: usize,
    /// Bytes of the vector fields.
    pub vectors: usize,
    /// Bytes of the table of documents.
    pub documents: usize,
    /// Bytes of the keys, and of the table that finds them.
    pub keys: usize,
    /// Bytes of what is kept to sort by.
    pub sortable: usize,
    /// Bytes of TAG fields.
    pub tags: usize,
    /// Bytes of GEOSHAPE fields.
    pub shapes: usize,
    /// Bytes of the dictionary of terms and of each document's list of terms.
    pub text_overhead: usize,
    /// Bytes of each VECTOR field.
    pub vector_fields: Vec<(FieldId, usize)>,
}

impl Info {
    /// All bytes.
    pub fn total(&self) -> usize {
        self.inverted + self.vectors + self.documents + self.keys + self.sortable + self.text_overhead + self.shapes
    }
}

impl Index {
    /// The figures of the index.
    pub fn info(&self) -> Info {
        let text = self.text().memory();
        let mut info = Info {
            docs: self.documents().len() as u64,
            max_doc_id: u64::from(self.documents().ever()),
            terms: self.text().term_count() as u64,
            records: self.text().records(),
            offsets: self.text().positions(),
            blocks: text.blocks as u64,
            inverted: text.postings,
            documents: self.documents().memory(),
            keys: self.documents().key_memory(),
            text_overhead: text.dictionary + text.documents,
            ..Info::default()
        };
        for ((id, _), field) in self.schema().iter().zip(self.fields()) {
            info.sortable += field.sortable_memory();
            match &field.values {
                Values::Tag(tags) => {
                    info.tags += tags.memory();
                    info.inverted += tags.memory();
                    info.records += tags.entries();
                }
                Values::Numeric(numbers) => {
                    info.inverted += numbers.memory();
                    info.records += numbers.entries();
                }
                Values::Geo(points) => {
                    info.inverted += points.memory();
                    info.records += points.entries();
                }
                Values::Shape(shapes) => {
                    info.shapes += shapes.memory();
                    info.records += shapes.entries();
                }
                Values::Vector(vectors) => {
                    let bytes = vectors.memory();
                    info.vectors += bytes;
                    info.vector_fields.push((id, bytes));
                }
                Values::Text | Values::None => {}
            }
        }
        info
    }
}
