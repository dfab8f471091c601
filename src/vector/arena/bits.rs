//! A bit for each row, apart from the rows: so close together that looking at it seldom waits for the memory.
#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

use super::chunks::{Chunks, Owned, lock};

/// Bits of a word.
const WORD: u32 = u32::BITS;

/// See the module's documentation. A hint: nothing that was written before is told with a bit. None takes memory before one is set.
#[derive(Debug)]
pub(in crate::vector) struct Bits {
    table: Chunks,
    owner: Mutex<Owned>,
}

impl Bits {
    pub fn new() -> Bits {
        Bits { table: Chunks::new(size_of::<u32>(), 0), owner: Mutex::default() }
    }

    /// Sets a row's bit.
    pub fn set(&self, row: u32) {
        let at = row / WORD;
        self.table.reach(at, &mut lock(&self.owner));
        if let Some(word) = self.table.word(at) {
            word.fetch_or(1 << (row % WORD), Relaxed);
        }
    }

    /// Takes a row's bit back.
    pub fn clear(&self, row: u32) {
        if let Some(word) = self.table.word(row / WORD) {
            word.fetch_and(!(1 << (row % WORD)), Relaxed);
        }
    }

    /// Whether a row's bit is set.
    #[inline(always)]
    pub fn has(&self, row: u32) -> bool {
        self.table.word(row / WORD).is_some_and(|word| word.load(Relaxed) >> (row % WORD) & 1 == 1)
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        lock(&self.owner).usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn bits_are_a_set(ops in proptest::collection::vec((any::<bool>(), 0u32..5000), 0..200)) {
            let (bits, mut model) = (Bits::new(), BTreeSet::new());
            for (sets, row) in ops {
                if sets {
                    bits.set(row);
                    model.insert(row);
                } else {
                    bits.clear(row);
                    model.remove(&row);
                }
            }
            prop_assert!((0..5100).filter(|&row| bits.has(row)).eq(model));
        }
    }
}
