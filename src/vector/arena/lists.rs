//! The lists of level 0 of an arena's rows: [packed links](super::links), and those to high rows aside.
//!
//! Whoever changes a list has its node locked; reading takes no lock. From the last place to the first, a reader meets
//! whatever is in the list all the time, since a link only moves to a lower place.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::Rows;
use super::links::{BITS, IN_WORD, each, get, set};

/// Lists of level 0.
impl Rows {
    /// The links that stand in a row.
    #[inline(always)]
    fn near_links(&self, row: u32) -> impl Iterator<Item = u32> {
        each(self.links(row), usize::from(self.head(row).degree.load(Acquire)))
    }

    /// Calls `visit` with every link of a row.
    #[inline(always)]
    pub fn each_link(&self, row: u32, mut visit: impl FnMut(u32)) {
        self.near_links(row).for_each(&mut visit);
        if let Some(block) = self.far.block(row) {
            self.far.blocks.each(block, visit);
        }
    }

    /// Appends every link of a row.
    #[inline(always)]
    pub fn append_links(&self, row: u32, out: &mut Vec<u32>) {
        out.extend(self.near_links(row));
        if let Some(block) = self.far.block(row) {
            self.far.blocks.each(block, |link| out.push(link));
        }
    }

    /// How many links a row has.
    #[inline]
    pub fn degree(&self, row: u32) -> usize {
        let far = self.far.block(row).map_or(0, |block| self.far.blocks.degree(block));
        usize::from(self.head(row).degree.load(Acquire)) + far
    }

    /// Adds a link to a row that has room for it.
    pub fn push(&self, row: u32, other: u32) {
        if other >= self.near {
            return self.far.blocks.push(self.far.make_block(row), other);
        }
        let degree = &self.head(row).degree;
        let place = degree.load(Relaxed);
        set(self.links(row), usize::from(place), other);
        degree.store(place + 1, Release);
    }

    /// Gives a row that has no links these, ascending, of which it has room for. Nobody looks at it yet.
    pub fn fill_links(&self, row: u32, links: &[u32]) {
        let (near, far) = links.split_at(links.partition_point(|&link| link < self.near));
        for (word, links) in self.links(row).iter().zip(near.chunks(IN_WORD)) {
            let packed = links.iter().rev().fold(0, |packed, &link| packed << BITS | u64::from(link));
            word.store(packed, Relaxed);
        }
        self.head(row).degree.store(near.len() as u16, Release);
        far.iter().for_each(|&link| self.push(row, link));
    }

    /// Where a packed link stands.
    fn place(&self, row: u32, other: u32) -> Option<usize> {
        let words = self.links(row);
        (0..usize::from(self.head(row).degree.load(Relaxed))).find(|&place| get(words, place) == other)
    }

    /// Takes a link out, if it is there; the last one fills its place.
    pub fn pull(&self, row: u32, other: u32) {
        if other >= self.near {
            return self.far.block(row).into_iter().for_each(|block| self.far.blocks.pull(block, other));
        }
        let Some(place) = self.place(row, other) else { return };
        let (words, degree) = (self.links(row), &self.head(row).degree);
        let last = degree.load(Relaxed) - 1;
        set(words, place, get(words, usize::from(last)));
        degree.store(last, Release);
    }

    /// Puts a link in the place of another, if that is there. A reader sees one of the two, or both.
    pub fn replace(&self, row: u32, other: u32, with: u32) {
        match [other, with].map(|link| link >= self.near) {
            [false, false] => {
                if let Some(place) = self.place(row, other) {
                    set(self.links(row), place, with);
                }
            }
            [true, true] => {
                self.far.block(row).into_iter().for_each(|block| self.far.blocks.replace(block, other, with))
            }
            _ => {
                let mut found = false;
                self.each_link(row, |link| found |= link == other);
                if found {
                    self.push(row, with);
                    self.pull(row, other);
                }
            }
        }
    }
}
