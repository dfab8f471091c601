//! How often a thread takes memory, for tests which hold that something takes none.

#![forbid(unsafe_code)]

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// The allocator says that it was asked for memory.
pub fn note() {
    // At the end of a thread nobody counts any more.
    let _ = TAKEN.try_with(|taken| taken.set(taken.get() + 1));
}

/// Runs `work`, and says how often it has asked for memory.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = TAKEN.get();
    let done = work();
    (done, TAKEN.get() - before)
}
