//! What is counted of indexes and queries for `INFO`.

use crate::redis::counter::Counter;

/// Queries: FT.SEARCH and FT.AGGREGATE.
pub static QUERIES: Counter = Counter::new();
/// Nanoseconds that they took, from the query to the documents found: without parsing, waiting for a worker, loading and replying.
pub static QUERY_TIME: Counter = Counter::new();
/// Nanoseconds in which documents were read for their distances, with the keyspace at hand: for KNN after the query, for vector ranges
/// as a part of it.
pub static MEASURE_TIME: Counter = Counter::new();
/// Pages that were read of cursors.
pub static CURSOR_READS: Counter = Counter::new();
/// Queries that ended early, since their time was over.
pub static TIMEOUTS: Counter = Counter::new();
/// Steps in which workers linked a vector, or unlinked one.
pub static LINKS: Counter = Counter::new();
/// Indexes whose graphs came back with a file.
pub static GRAPHS_RESTORED: Counter = Counter::new();
/// Indexes whose graphs came with a file and did not fit together.
pub static GRAPHS_REFUSED: Counter = Counter::new();
/// Indexes that expired, as TEMPORARY says.
pub static EXPIRED: Counter = Counter::new();
