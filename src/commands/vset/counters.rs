//! What the commands count for `INFO`.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Searches that were started.
pub static SEARCHES: Counter = Counter::new();
/// Those of them that ran on the main thread.
pub static INLINE_SEARCHES: Counter = Counter::new();
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
