//! Where rows come from, and what of their documents is put into them.

use super::expression::Column;
use super::table::{Kept, Table};
use super::value::Value;
use crate::search::schema::FieldId;

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
    /// is one here (as with [`Wanted::Stored`]), else beside the columns (where a name that is a column already does no harm: the column counts).
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
    /// Appends rows of the next documents, at most so many, in the order of the query, with the distances that it yields in the first
    /// columns. The ordinals of documents begin with 1. False: there are no more.
    fn read(&mut self, most: usize, into: &mut Table) -> bool;

    /// How many documents are still to be read.
    fn left(&self) -> u64;

    /// Fills in what is wanted of the documents of some rows. [Loses](Table::lose) each row whose document has gone or no longer
    /// matches.
    fn load(&mut self, rows: &mut Table, load: &Load);

    /// The texts that the index keeps, as long as it is read.
    fn kept(&self) -> Kept<'_>;

    /// The score of the nth document, from 0; 0 if scores are not needed.
    fn score(&self, nth: usize) -> f64;

    /// The terms of the query that the nth document contains; may be empty unless the plan says that they are needed.
    fn terms(&self, nth: usize) -> &[Value];
}
