//! What the commands count for `INFO`.

use crate::redis::counter::Counter;

/// Searches that were started.
pub static SEARCHES: Counter = Counter::new();
/// Those of them that ran on the main thread.
pub static INLINE_SEARCHES: Counter = Counter::new();
/// Searches that ended early, since their time was over.
pub static TIMEOUTS: Counter = Counter::new();
/// Nanoseconds that searches took, from the query to the elements found: without parsing, waiting for a worker and replying.
pub static SEARCH_TIME: Counter = Counter::new();
/// Vectors that searches have compared with what they were for.
pub static COMPARISONS: Counter = Counter::new();
/// New elements.
pub static INSERTS: Counter = Counter::new();
/// Existing elements given another vector.
pub static UPDATES: Counter = Counter::new();
/// Existing elements given other attributes.
pub static ATTRIBUTE_UPDATES: Counter = Counter::new();
/// Elements removed.
pub static REMOVALS: Counter = Counter::new();
/// Additions whose reply waited for the tail to be linked.
pub static TAIL_WAITS: Counter = Counter::new();
