//! The unlinked tail: rows that are in the graph's arena but not yet in its links.
//!
//! Every search looks at all of them, without a lock, while rows come and go. The list is `rows[0..len]`: the first
//! `claimed` are being linked just now, the rest wait. Whoever changes it holds the graph's work mutex.
//!
//! # Protocol
//!
//! A row only ever moves to a *lower* place (the last one fills the hole that a linked one leaves), and a scan goes from
//! high places to low ones. So a scan meets every row that is in the tail from its beginning to its end; it may meet one
//! twice, or one that has just been linked.
#![forbid(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use crate::vector::allocation::taken;

/// Rows of the first segment, which is a part of the tail; each next one has eight times as many.
const FIRST: usize = 8;
/// Segments after the first.
const SEGMENTS: usize = 10;

type Segment = OnceLock<Box<[AtomicU32]>>;

#[derive(Debug, Default)]
pub(super) struct Tail {
    first: [AtomicU32; FIRST],
    segments: OnceLock<Box<[Segment; SEGMENTS]>>,
    len: AtomicU32,
}

/// Segment of a place, and the place in it.
fn locate(place: usize) -> (usize, usize) {
    // Segment s begins at FIRST·(8^s − 1)/7.
    let s = ((place * 7 / FIRST + 1).ilog2() / 3) as usize;
    (s, place - FIRST * ((1 << (3 * s)) - 1) / 7)
}

impl Tail {
    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.len.load(Acquire) as usize
    }

    fn place(&self, place: usize) -> &AtomicU32 {
        let (segment, index) = locate(place);
        let Some(later) = segment.checked_sub(1) else { return &self.first[index] };
        let make = || (0..FIRST << (3 * segment)).map(|_| AtomicU32::new(0)).collect();
        &self.segments.get_or_init(Box::default)[later].get_or_init(make)[index]
    }

    /// The row at `place`.
    pub fn get(&self, place: usize) -> u32 {
        self.place(place).load(Acquire)
    }

    /// Appends a row.
    pub fn push(&self, row: u32) {
        let len = self.len();
        self.place(len).store(row, Release);
        self.len.store(len as u32 + 1, Release);
    }

    /// Takes the row at `place` out, where `claimed` rows are being linked; returns how many are claimed then.
    pub fn take_out(&self, place: usize, claimed: usize) -> usize {
        let last = self.len() - 1;
        let mut hole = place;
        let mut claimed = claimed;
        if place < claimed {
            claimed -= 1;
            self.place(hole).store(self.get(claimed), Release);
            hole = claimed;
        }
        self.place(hole).store(self.get(last), Release);
        self.len.store(last as u32, Release);
        claimed
    }

    /// Calls `visit` with every row, as the protocol says.
    pub fn scan(&self, mut visit: impl FnMut(u32)) {
        for place in (0..self.len()).rev() {
            visit(self.get(place));
        }
    }

    /// Bytes beyond the struct itself.
    pub fn memory_usage(&self) -> usize {
        let Some(segments) = self.segments.get() else { return 0 };
        let rows = segments.iter().filter_map(OnceLock::get).map(|segment| taken(size_of_val(&segment[..])));
        taken(size_of_val(&**segments)) + rows.sum::<usize>()
    }

    /// The rows in order, for a test.
    #[cfg(test)]
    fn rows(&self) -> Vec<u32> {
        (0..self.len()).map(|place| self.get(place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_fill_segments_one_after_the_other() {
        let mut expected = (0, 0);
        for place in 0..100_000 {
            assert_eq!(locate(place), expected);
            expected.1 += 1;
            if expected.1 == FIRST << (3 * expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn holes_are_filled_from_above() {
        let tail = Tail::default();
        (0..6).for_each(|row| tail.push(row));
        assert_eq!(tail.take_out(0, 3), 2);
        assert_eq!(tail.rows(), [2, 1, 5, 3, 4]);
        assert_eq!(tail.take_out(1, 2), 1);
        assert_eq!(tail.rows(), [2, 4, 5, 3]);
        assert_eq!(tail.take_out(2, 1), 1);
        assert_eq!(tail.rows(), [2, 4, 3]);
        assert_eq!(tail.take_out(0, 1), 0);
        assert_eq!(tail.rows(), [3, 4]);
    }
}
