//! What commands count for `INFO`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A number that only grows.
pub struct Counter(AtomicU64);

impl Counter {
    /// Nothing counted yet.
    #[expect(clippy::new_without_default, reason = "a static is made by a constant function")]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds the nanoseconds since `begin` to it.
    pub fn add_since(&self, begin: Instant) {
        self.add(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// Does some work, and adds the nanoseconds that it takes.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let done = work();
        self.add_since(begin);
        done
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
