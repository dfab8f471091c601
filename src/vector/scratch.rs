//! What a thread needs to search or to link: marks, heaps and buffers, kept between calls so that nothing is allocated.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Distance and row in one word that orders by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64);

impl Key {
    /// # Panics
    /// Never; NaN has become infinity before.
    #[inline(always)]
    pub fn new(distance: f32, row: u32) -> Key {
        let bits = distance.to_bits();
        // Negative floats order backwards as integers, positive ones forwards.
        let ordered = bits ^ ((((bits as i32) >> 31) as u32) | 0x8000_0000);
        Key(u64::from(ordered) << 32 | u64::from(row))
    }

    #[inline(always)]
    pub fn row(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub fn distance(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        let bits = ordered ^ ((((!ordered as i32) >> 31) as u32) | 0x8000_0000);
        f32::from_bits(bits)
    }
}

/// Which rows a search has seen; forgetting costs as much as was seen.
#[derive(Debug, Default)]
pub(super) struct Marks {
    bits: Vec<u64>,
    seen: Vec<u32>,
}

impl Marks {
    /// Marks a row; whether it was not marked before.
    #[inline(always)]
    pub fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = ((row / 64) as usize, 1 << (row % 64));
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
        let fresh = self.bits[word] & bit == 0;
        if fresh {
            self.bits[word] |= bit;
            self.seen.push(row);
        }
        fresh
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for row in self.seen.drain(..) {
            self.bits[(row / 64) as usize] = 0;
        }
    }
}

/// Adds to the `ef` nearest.
#[inline(always)]
pub(super) fn offer(nearest: &mut BinaryHeap<Key>, ef: usize, key: Key) {
    if nearest.len() < ef {
        nearest.push(key);
    } else if let Some(mut worst) = nearest.peek_mut()
        && key < *worst
    {
        *worst = key;
    }
}

/// A thread's working memory; grows to what the largest search needed. See the module's documentation.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) marks: Marks,
    /// Rows to expand, nearest first.
    pub(super) frontier: BinaryHeap<Reverse<Key>>,
    /// The nearest found, farthest first.
    pub(super) nearest: BinaryHeap<Key>,
    /// What the last search found, nearest first.
    pub(super) found: Vec<Key>,
    /// Rows whose distance is wanted.
    pub(super) batch: Vec<u32>,
    /// The distances of `batch`.
    pub(super) distances: Vec<f32>,
    /// Links chosen for a node.
    pub(super) chosen: Vec<Key>,
    /// A list of neighbors that is being worked on.
    pub(super) list: Vec<Key>,
    /// Pairs of nodes that lost a common neighbor: how far apart, and which.
    pub(super) pairs: Vec<(Key, [u32; 2])>,
}

impl Scratch {
    /// Bytes it holds.
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>()
            + (self.marks.bits.capacity() + self.frontier.capacity() + self.nearest.capacity()) * 8
            + (self.found.capacity() + self.chosen.capacity() + self.list.capacity()) * 8
            + (self.marks.seen.capacity() + self.batch.capacity() + self.distances.capacity()) * 4
            + self.pairs.capacity() * size_of::<(Key, [u32; 2])>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_order_as_distances_and_give_them_back(a in any::<f32>(), b in any::<f32>(), row in any::<u32>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (x, y) = (Key::new(a, row), Key::new(b, row));
            prop_assert_eq!((x.distance().to_bits(), x.row()), (a.to_bits(), row));
            if a != b {
                prop_assert_eq!(x < y, a < b);
            }
        }

        #[test]
        fn marks_are_a_set(rows in proptest::collection::vec(0u32..500, 0..300)) {
            let mut marks = Marks::default();
            for _ in 0..2 {
                let mut model = std::collections::HashSet::new();
                for &row in &rows {
                    prop_assert_eq!(marks.insert(row), model.insert(row));
                }
                marks.clear();
            }
        }
    }
}
