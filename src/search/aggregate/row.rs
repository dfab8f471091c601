//! Rows, and where they come from.

use std::sync::Arc;

use super::expression::{Column, Properties};
use super::value::Value;
use crate::search::schema::FieldId;

/// A row on its way through the steps. `D` is how its source knows a document again.
#[derive(Debug, Clone)]
pub struct Row<D> {
    /// The document; `None` for a row that stands for a group. A source that finds it gone while loading takes it out, and
    /// the row is dropped.
    pub document: Option<D>,
    /// The score of the document.
    pub score: f64,
    /// One for each column.
    pub values: Vec<Option<Value>>,
    /// Fields that `LOAD *` found beyond the columns, in the order of the document.
    pub extra: Vec<(Arc<[u8]>, Value)>,
    /// The terms of the query that the document contains.
    pub terms: Arc<[Value]>,
    /// What it was sorted by last.
    pub sort_key: Option<Value>,
    /// The number of the document; of a row that stands for a group, how many came before.
    pub number: u64,
    /// How many documents had been read when it came, itself included.
    pub(super) ordinal: u64,
}

impl<D> Properties for Row<D> {
    fn value(&self, column: Column) -> Option<&Value> {
        self.values.get(column.0)?.as_ref()
    }

    fn matched_terms(&self) -> &[Value] {
        &self.terms
    }
}

/// A document that the query found.
#[derive(Debug, Clone)]
pub struct Hit<D> {
    /// The document.
    pub document: D,
    /// Its number in the index.
    pub number: u32,
    /// Its score; 0 if scores are not needed.
    pub score: f64,
    /// The distances that the query yields, in the order of their names; `None` where it has none.
    pub distances: Vec<Option<f64>>,
    /// The terms of the query that it contains; may be left empty unless the plan says that they are needed.
    pub terms: Arc<[Value]>,
}

/// What of a document is put into a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The value that is kept beside the document, of a SORTABLE field: folded unless the field is UNF. It is shown as what it
    /// is.
    Sortable(FieldId),
    /// The value of a field of the schema as the document has it: a number for NUMERIC, else text.
    Field(FieldId),
    /// As [`Wanted::Field`], of a row that shows its document as it is: a number that is shown as it is stored.
    Stored(FieldId),
    /// Something that the schema does not know: a field of the hash, a JSONPath.
    Name(Box<[u8]>),
    /// The key.
    Key,
}

/// What a load fills in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Load {
    /// What to put into which column. What the document lacks leaves the column as it is.
    pub columns: Vec<(Column, Wanted)>,
    /// Every field of the document as the document has it, numbers as they are stored: into the column of its name where there
    /// is one here (as with [`Wanted::Stored`]), else into [`Row::extra`] (where a name that is a column already does no harm: the column counts).
    pub all: Option<Vec<(Box<[u8]>, Column)>>,
}

impl Load {
    /// Whether it wants what is only in the documents, not in the index.
    pub fn needs_documents(&self) -> bool {
        let is_in_index = |wanted: &Wanted| matches!(wanted, Wanted::Sortable(_) | Wanted::Key);
        self.all.is_some() || self.columns.iter().any(|(_, wanted)| !is_in_index(wanted))
    }
}

/// Where rows come from: the answer of a query.
pub trait Source {
    /// How it knows a document again.
    type Document;

    /// Appends the next documents, at most so many, in the order of the query. False: there are no more.
    fn read(&mut self, most: usize, into: &mut Vec<Hit<Self::Document>>) -> bool;

    /// How many documents are still to be read.
    fn left(&self) -> u64;

    /// Fills in what is wanted of the documents of some rows. Takes the document out of each row whose document has gone or
    /// no longer matches.
    fn load(&mut self, rows: &mut [Row<Self::Document>], load: &Load);
}
