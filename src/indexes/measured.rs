//! What an index takes, as `INFO` shows it.
//!
//! Who reads how much memory an index takes waits while a worker changes it. So `INFO` shows what was measured last, and where the index
//! has changed since, a worker measures it again. `INFO` never waits for that; its figures are those of the `INFO` before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::search::index::Index;
use crate::search::schema::Kind;

/// The kinds of fields, by the names that `INFO` gives them.
pub const KINDS: [&str; 6] = ["text", "numeric", "tag", "geo", "vector", "geoshape"];

/// A kind's place among [`KINDS`].
pub fn place_of(kind: &Kind) -> usize {
    match kind {
        Kind::Text(_) => 0,
        Kind::Numeric => 1,
        Kind::Tag(_) => 2,
        Kind::Geo => 3,
        Kind::Vector(_) => 4,
        Kind::Shape(_) => 5,
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Bytes in all.
    pub memory: u64,
    /// Bytes of vector fields.
    pub vectors: u64,
    /// Values that could not be indexed, by [`KINDS`].
    pub failures: [u64; KINDS.len()],
}

impl Measured {
    fn of(index: &Index) -> Self {
        let info = index.info();
        let mut failures = [0; KINDS.len()];
        for (field, (_, about)) in index.fields().iter().zip(index.schema().iter()) {
            failures[place_of(&about.kind)] += field.failures.count;
        }
        Self { memory: info.total() as u64, vectors: info.vectors as u64, failures }
    }
}

/// How far an index was when it was measured: changes applied, vectors not linked.
pub type Mark = (u64, usize);

/// The last measurement of an index.
#[derive(Debug, Default)]
pub struct Measurement {
    last: Mutex<(Option<Mark>, Measured)>,
    under_way: AtomicBool,
}

impl Measurement {
    /// The last figures, and whether they are to be measured again: then the caller has [`Measurement::measure`] called.
    pub fn look(&self, now: Mark) -> (Measured, bool) {
        let (mark, measured) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let again = mark != Some(now) && !self.under_way.swap(true, Ordering::AcqRel);
        (measured, again)
    }

    /// Measures an index that is at least as far as `mark`.
    pub fn measure(&self, index: &Index, mark: Mark) {
        let measured = Measured::of(index);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = (Some(mark), measured);
    }

    /// The measurement is over, whatever came of it.
    pub fn end(&self) {
        self.under_way.store(false, Ordering::Release);
    }
}
