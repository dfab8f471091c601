//! Links of level 0: packed into the rows, three to a word; those to high rows aside.
//!
//! A packed link has [`BITS`] bits, and a word is read and written whole: a reader sees each of its links as it was before
//! or after a change, never half of one. That is why links have 21 bits and not 24: no link lies in two words.
//!
//! So the rows hold links to the first [`NEAR`] rows. A graph of more has, for each row that links to a later one, a
//! block of `far` links beside, found by row in a table of 4 bytes each. Smaller graphs pay nothing for that but a load:
//! whether there is a table.
//!
//! Whoever changes a list has its node locked; reading takes no lock. From the last place to the first, a reader meets
//! whatever is in the list all the time, since a link only moves to a lower place.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, OnceLock};

use super::blocks::Blocks;
use super::chunks::{Chunks, Owned, lock};
use crate::vector::allocation::taken;

/// Bits of a packed link.
pub(super) const BITS: u32 = 21;
/// Links in a word.
pub(super) const IN_WORD: usize = (u64::BITS / BITS) as usize;
const MASK: u64 = (1 << BITS) - 1;
const _: () = assert!(IN_WORD == 3);
/// Rows below this number can be linked to by packed links.
pub(super) const NEAR: u32 = 1 << BITS;

/// Words that hold this many links.
pub(super) fn words(links: usize) -> usize {
    links.div_ceil(IN_WORD)
}

/// The first `degree` links, from the last place to the first.
#[inline(always)]
pub(super) fn each(words: &[AtomicU64], degree: usize) -> impl Iterator<Item = u32> {
    let link = |word: u64, place: u32| ((word >> (BITS * place)) & MASK) as u32;
    let (full, rest) = (degree / IN_WORD, degree % IN_WORD);
    let last = if rest > 0 { words[full].load(Acquire) } else { 0 };
    let before = words[..full].iter().rev().flat_map(move |word| {
        let word = word.load(Acquire);
        [link(word, 2), link(word, 1), link(word, 0)]
    });
    (0..rest as u32).rev().map(move |place| link(last, place)).chain(before)
}

pub(super) fn get(words: &[AtomicU64], place: usize) -> u32 {
    let shift = BITS * (place % IN_WORD) as u32;
    ((words[place / IN_WORD].load(Relaxed) >> shift) & MASK) as u32
}

pub(super) fn set(words: &[AtomicU64], place: usize, link: u32) {
    let (word, shift) = (&words[place / IN_WORD], BITS * (place % IN_WORD) as u32);
    word.store(word.load(Relaxed) & !(MASK << shift) | u64::from(link) << shift, Release);
}

/// Links to rows that packed links can't name.
#[derive(Debug)]
pub(super) struct Far {
    /// Where there are any, by row: the number of its block, plus one; 0 without.
    table: OnceLock<Box<(Chunks, Mutex<Owned>)>>,
    pub(super) blocks: Blocks,
}

impl Far {
    /// For rows that have `links` links.
    pub fn new(links: usize) -> Far {
        Far { table: OnceLock::new(), blocks: Blocks::new(links) }
    }

    /// The word of a row that has a block, or had one.
    #[inline(always)]
    fn word(&self, row: u32) -> Option<&AtomicU32> {
        self.table.get()?.0.word(row)
    }

    /// The block of a row, if it has one.
    #[inline(always)]
    pub(super) fn block(&self, row: u32) -> Option<u32> {
        self.word(row)?.load(Acquire).checked_sub(1)
    }

    /// The block of a row, which the caller has locked.
    pub(super) fn make_block(&self, row: u32) -> u32 {
        if let Some(block) = self.block(row) {
            return block;
        }
        let make = || Box::new((Chunks::new(size_of::<u32>(), 0), Mutex::default()));
        let (table, owner) = &**self.table.get_or_init(make);
        table.reach(row, &mut lock(owner));
        let block = self.blocks.take(1);
        if let Some(word) = table.word(row) {
            word.store(block + 1, Release);
        }
        block
    }

    /// Gives back what a row has that no reader can know any more.
    pub fn free(&self, row: u32) {
        if let Some(block) = self.block(row) {
            if let Some(word) = self.word(row) {
                word.store(0, Release);
            }
            self.blocks.give(block, 1);
        }
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        let Some(table) = self.table.get() else { return 0 };
        let (_, owner) = &**table;
        taken(size_of_val(&**table)) + lock(owner).usage() + self.blocks.memory_usage()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use crate::vector::encoding::Beside;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicBool;

    fn rows(links: usize, near: u32) -> Rows {
        let mut rows = Rows::new(5, true, 0, links);
        rows.set_near(near);
        for _ in 0..8 {
            rows.add(|_| Beside { l2: 1.0, scale: 1.0 });
        }
        rows
    }

    proptest! {
        /// A list is a set of links, wherever the border between near and far ones is.
        #[test]
        fn lists_are_sets(
            near in prop_oneof![Just(0u32), Just(10), Just(NEAR)],
            links in 1usize..40,
            ops in proptest::collection::vec((0u8..4, 0u32..8, 0u32..20, 0u32..20), 0..300),
        ) {
            let rows = rows(links, near);
            let high = |link: u32| if near == NEAR && link.is_multiple_of(2) { NEAR - 20 + link } else { link };
            let mut model = vec![BTreeSet::new(); 8];
            for (op, row, a, b) in ops {
                let (a, b) = (high(a), high(b));
                let set = &mut model[row as usize];
                match op {
                    0 | 1 if set.len() < links && set.insert(a) => rows.push(row, a),
                    2 => {
                        set.remove(&a);
                        rows.pull(row, a);
                    }
                    3 if !set.contains(&b) => {
                        if set.remove(&a) {
                            set.insert(b);
                        }
                        rows.replace(row, a, b);
                    }
                    _ => {}
                }
                for (row, set) in (0..).zip(&model) {
                    let mut got = Vec::new();
                    rows.each_link(row, |link| got.push(link));
                    prop_assert_eq!((got.len(), rows.degree(row)), (set.len(), set.len()));
                    prop_assert_eq!(&got.into_iter().collect::<BTreeSet<_>>(), set);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn filled_at_once_a_list_is_the_same(
            near in prop_oneof![Just(0u32), Just(10), Just(NEAR)],
            list in proptest::collection::btree_set(prop_oneof![0u32..30, NEAR - 10..NEAR + 10], 0..20),
        ) {
            let (filled, pushed) = (rows(20, near), rows(20, near));
            let list: Vec<u32> = list.into_iter().collect();
            filled.fill_links(3, &list);
            list.iter().for_each(|&link| pushed.push(3, link));
            let got = [filled, pushed].map(|rows| {
                let mut got = Vec::new();
                rows.each_link(3, |link| got.push(link));
                got
            });
            prop_assert_eq!(&got[0], &got[1]);
        }
    }

    /// A reader meets every link that stays, and none that never was, while others come and go.
    #[test]
    fn a_reader_sees_whole_links() {
        for near in [NEAR, 1_000_000, 0] {
            let rows = rows(32, near);
            let stays = |n: u32| n * 55_555 + 7;
            let comes = |n: u32| 2_000_000 + n * 3;
            (0..10).for_each(|n| rows.push(0, stays(n)));
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while !stop.load(Relaxed) {
                            let mut met = BTreeSet::new();
                            rows.each_link(0, |link| {
                                let stayed = link % 55_555 == 7 && link < 555_555;
                                let known = stayed || (2_000_000..2_000_060).contains(&link);
                                assert!(known, "{link}");
                                met.insert(link);
                            });
                            assert!((0..10).all(|n| met.contains(&stays(n))));
                        }
                    });
                }
                for round in 0..3000u32 {
                    (0..20).for_each(|n| rows.push(0, comes(n)));
                    (0..20).for_each(|n| rows.pull(0, comes((n * 7 + round) % 20)));
                }
                stop.store(true, Relaxed);
            });
        }
    }

    #[test]
    fn what_is_far_is_given_back() {
        let rows = rows(8, 0);
        (0..8).for_each(|row| rows.push(row, 1));
        let full = rows.memory_usage();
        for _ in 0..100 {
            rows.head(3).state.store(1, Release);
            rows.free(3);
            assert_eq!(rows.add(|_| Beside { l2: 1.0, scale: 1.0 }), 3);
            assert_eq!(rows.degree(3), 0);
            rows.push(3, 1);
        }
        assert!(rows.memory_usage() <= full + 64);
    }
}
