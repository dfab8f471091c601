//! What a block of memory costs: allocators round sizes up, and a set's memory is made of many small blocks.
//!
//! This layer knows no allocator. Whoever does tells it once, before anything is allocated ([`measure_with`]); until then
//! a block costs what was asked for.
#![forbid(unsafe_code)]

use std::sync::OnceLock;

static MEASURE: OnceLock<fn(usize) -> usize> = OnceLock::new();

/// Tells how many bytes the allocator takes for a block of a size. The first call counts.
pub fn measure_with(measure: fn(usize) -> usize) {
    MEASURE.get_or_init(|| measure);
}

/// The bytes that a block of `size` bytes takes.
#[must_use]
pub fn taken(size: usize) -> usize {
    MEASURE.get().map_or(size, |measure| measure(size))
}
