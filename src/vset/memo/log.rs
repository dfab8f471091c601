//! The nodes that changed last, in a ring that one thread writes and any reads.
//!
//! The place of an entry is its number since the set began. The ring is there from when somebody wants to read it; an entry
//! from before is [`UNKNOWN`]. Entry `n` stands in slot `n % len` until entry `n + len` is written there, which happens when
//! the end is `n + len` and before it moves on. So who has read entry `n`, and sees the end below `n + len` after that, has
//! read the right one: had it been the other, its store, which comes after the end was moved there, would have shown it.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::vector::NodeId;
use crate::vector::allocation::taken;

/// A place in the log: everything before it.
pub(in crate::vset) type Place = u64;

/// Entries of the ring: this part of the nodes there are when it is made, within these bounds.
const PART: usize = 8;
const LEAST: usize = 512;
const MOST: usize = 1 << 16;

/// No node has this number.
const UNKNOWN: u32 = u32::MAX;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Log {
    ring: OnceLock<Box<[AtomicU32]>>,
    end: AtomicU64,
    /// Where the end was when [`Log::is_round`] said so last.
    round: AtomicU64,
}

impl Log {
    /// Appends a node. One thread at a time.
    pub fn append(&self, id: NodeId) {
        let end = self.end.load(Relaxed);
        if let Some(ring) = self.ring.get() {
            ring[slot(ring, end)].store(id.0, Release);
        }
        self.end.store(end + 1, Release);
    }

    /// The end, from which on entries can be read; they are kept for longer the more nodes there are.
    pub fn begin(&self, nodes: usize) -> Place {
        let len = (nodes / PART).next_power_of_two().clamp(LEAST, MOST);
        self.ring.get_or_init(|| (0..len).map(|_| AtomicU32::new(UNKNOWN)).collect());
        self.end.load(Acquire)
    }

    /// The nodes appended since `place`, each once, ascending, and the end; `None` where the ring doesn't tell them all.
    pub fn since(&self, place: Place) -> Option<(Place, Vec<NodeId>)> {
        let ring = self.ring.get()?;
        let end = self.end.load(Acquire);
        if !self.reaches(place) {
            return None;
        }
        let read = |at| Some(ring[slot(ring, at)].load(Acquire)).filter(|&id| id != UNKNOWN).map(NodeId);
        let mut ids = (place..end).map(read).collect::<Option<Vec<_>>>()?;
        if !self.reaches(place) {
            return None;
        }
        ids.sort_unstable();
        ids.dedup();
        Some((end, ids))
    }

    /// Whether nothing from `place` on has been or is being overwritten.
    pub fn reaches(&self, place: Place) -> bool {
        self.ring.get().is_some_and(|ring| self.behind(place) < ring.len())
    }

    /// How many entries there are since `place`.
    pub fn behind(&self, place: Place) -> usize {
        // 2⁶⁴ entries are never written.
        self.end.load(Acquire).saturating_sub(place) as usize
    }

    /// Whether the whole ring was written since the last time that this was so.
    pub fn is_round(&self) -> bool {
        let Some(ring) = self.ring.get() else { return false };
        let (end, last) = (self.end.load(Relaxed), self.round.load(Relaxed));
        let is = end.saturating_sub(last) >= ring.len() as u64;
        if is {
            self.round.store(end, Relaxed);
        }
        is
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.ring.get().map_or(0, |ring| taken(size_of_val(&**ring)))
    }
}

/// Where an entry stands. The number of slots is a power of two.
fn slot(ring: &[AtomicU32], at: Place) -> usize {
    at as usize & (ring.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::AtomicBool;

    proptest! {
        #[test]
        fn it_tells_what_was_appended_or_nothing(
            before in proptest::collection::vec(0..50u32, 0..600),
            after in proptest::collection::vec(0..50u32, 0..600),
        ) {
            let log = Log::default();
            before.iter().for_each(|&id| log.append(NodeId(id)));
            prop_assert!(log.since(0).is_none());
            let place = log.begin(0);
            after.iter().for_each(|&id| log.append(NodeId(id)));
            let mut ids: Vec<_> = after.iter().copied().map(NodeId).collect();
            ids.sort_unstable();
            ids.dedup();
            let expected = (after.len() < LEAST).then_some((place + after.len() as u64, ids));
            prop_assert_eq!(log.since(place), expected);
            prop_assert_eq!(log.behind(place), after.len());
            // What was appended before the ring was there is not in it.
            prop_assert!(before.is_empty() || log.since(0).is_none());
        }
    }

    /// Ids are their places here, so that a reader sees at once whether it was told others.
    #[test]
    fn a_reader_is_told_the_right_ones_while_the_ring_turns() {
        let log = Log::default();
        let (first, stop) = (log.begin(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut place = first;
                    while !stop.load(Relaxed) {
                        match log.since(place) {
                            Some((end, ids)) => {
                                assert!(ids.iter().map(|id| u64::from(id.0)).eq(place..end));
                                place = end;
                            }
                            None => place = log.begin(0),
                        }
                    }
                });
            }
            (0..200_000).for_each(|id| log.append(NodeId(id)));
            stop.store(true, Relaxed);
        });
        assert_eq!(log.begin(0), 200_000);
    }
}
