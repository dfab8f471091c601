//! FT.HYBRID: a text search and a vector search of one index, fused into one list (specification part two, section 8).
//!
//! | part | what |
//! |---|---|
//! | [`request`] | the command as it is asked: `vsim`, `combine` and `tail` read its clauses |
//! | [`arms`] | the two searches, as trees of the query language that the planner knows |
//! | [`fusion`] | two lists become one |
//! | [`rows`] | the fused list as rows for the steps of FT.AGGREGATE |
//! | [`explain`] | EXPLAINSCORE |
//! | [`error`] | why a request is refused |
//!
//! Laws:
//! * Both arms look at one state of the index, so a document has one number in both, and is in each list at most once.
//! * A list has at most WINDOW members, best first, ranks from 1; equal ones by their numbers.
//! * The steps after fusion are those of [`aggregate`](super::aggregate): a request holds an
//!   [`AggregateRequest`](super::aggregate::request::AggregateRequest) for them, with the yielded scores as columns.
//! * Tags say nothing about how well a text answers here: they leave the score of the SEARCH arm alone.

pub mod arms;
pub mod combine;
pub mod error;
pub mod explain;
pub mod fusion;
pub mod request;
pub mod rows;
mod tail;
pub mod vsim;

use super::request::Asked;
use super::schema::Source;

/// What fuzzing calls: whatever the words, they are refused or read.
#[doc(hidden)]
pub fn fuzz<'a>(words: impl Iterator<Item = &'a [u8]>) {
    let asked = Asked { resp3: true, source: Source::Json, ..Asked::PLAIN };
    let _ = request::HybridRequest::parse(words, &asked);
}
