//! Aggregation: rows, the expressions over them and the steps that they go through.
//!
//! | part | what |
//! |---|---|
//! | [`request`], [`reduce`] | FT.AGGREGATE as it is asked; reducers |
//! | [`plan`] | names become columns |
//! | [`hits`] | the documents that were found |
//! | [`row`] | where rows come from |
//! | [`columns`] | what the index keeps, as columns |
//! | [`table`] | rows in columns, which steps hand to each other |
//! | [`pipeline`] | steps at work |
//! | `sort`, `group` | SORTBY and GROUPBY at work |
//! | `tally` | what steps have done, for who wants to know |
//! | [`collect`] | the reducer COLLECT |
//! | [`expression`] | APPLY and FILTER |
//! | [`value`] | values, and views of them |
//! | `kept` | GROUPBY without rows, of what the index keeps |
//! | [`hyperloglog`] | about how many different values there are |

pub mod collect;
pub mod columns;
pub mod expression;
mod group;
pub mod hits;
pub mod hyperloglog;
mod kept;
pub mod pipeline;
pub mod plan;
pub mod reduce;
pub mod request;
pub mod row;
mod sort;
pub mod table;
mod tally;
pub mod value;

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod tests;

use crate::search::request::Asked;
use crate::search::request::search::SearchRequest;
use crate::search::schema::{Schema, Source};

/// What fuzzing calls: whatever the words, they are refused or planned.
#[doc(hidden)]
pub fn fuzz<'a>(words: impl Iterator<Item = &'a [u8]> + Clone, schema: &Schema) {
    let asked = Asked { resp3: true, source: Source::Json, ..Asked::PLAIN };
    let _ = SearchRequest::parse(words.clone(), &asked);
    if let Ok(request) = request::AggregateRequest::parse(words, &asked) {
        let _ = plan::Plan::new(&request, schema, &[b"distance"]);
    }
}
