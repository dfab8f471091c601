//! Blocks of links: what nodes have above level 0.
#![allow(unsafe_code)]

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, OnceLock};

use super::chunks::{Chunks, Owned, lock};
use crate::vector::allocation::taken;

/// Links of the levels above 0: blocks of a degree and `M` links, a node of level `l` having `l` consecutive ones.
///
/// Few graphs of few nodes have any, so what it takes is made for the first.
#[derive(Debug)]
pub(in crate::vector) struct Blocks {
    links: usize,
    made: OnceLock<Box<Made>>,
}

#[derive(Debug)]
struct Made {
    chunks: Chunks,
    owner: Mutex<BlockOwner>,
}

#[derive(Debug, Default)]
struct BlockOwner {
    owned: Owned,
    len: u32,
    /// Freed runs by length.
    free: Vec<Vec<u32>>,
}

impl Blocks {
    /// Blocks of `links` links.
    pub fn new(links: usize) -> Blocks {
        Blocks { links, made: OnceLock::new() }
    }

    /// What there is when a block was taken.
    ///
    /// # Panics
    /// When none was.
    #[inline(always)]
    fn made(&self) -> &Made {
        self.made.get().expect("no such block")
    }

    /// Takes `run` consecutive blocks, empty, and returns the first one's number.
    pub fn take(&self, run: usize) -> u32 {
        let make = || Box::new(Made { chunks: Chunks::new((self.links + 1) * 4, 0), owner: Mutex::default() });
        let Made { chunks, owner } = &**self.made.get_or_init(make);
        let mut owner = lock(owner);
        let first = match owner.free.get_mut(run).and_then(Vec::pop) {
            Some(first) => first,
            None => {
                let first = owner.len;
                owner.len = first.checked_add(run as u32).expect("fewer blocks than rows");
                let last = owner.len - 1;
                chunks.reach(last, &mut owner.owned);
                first
            }
        };
        for block in first..first + run as u32 {
            self.counter(block).store(0, Relaxed);
        }
        first
    }

    /// Gives a run back that no reader can know any more.
    pub fn give(&self, first: u32, run: usize) {
        let mut owner = lock(&self.made().owner);
        if owner.free.len() <= run {
            let missing = run + 1 - owner.free.len();
            owner.free.reserve_exact(missing);
            owner.free.resize_with(run + 1, Vec::new);
        }
        owner.free[run].push(first);
    }

    #[inline]
    fn counter(&self, block: u32) -> &AtomicU32 {
        // SAFETY: a block is zeroed, 4-aligned and only accessed through atomics.
        unsafe { &*self.made().chunks.at(block).cast::<AtomicU32>() }
    }

    /// A block's links, all of its room.
    #[inline]
    fn links(&self, block: u32) -> &[AtomicU32] {
        // SAFETY: as for the counter; `links` words follow it.
        unsafe { std::slice::from_raw_parts(self.made().chunks.at(block).cast::<AtomicU32>().add(1), self.links) }
    }

    /// How many links a block has.
    #[inline]
    pub fn degree(&self, block: u32) -> usize {
        self.counter(block).load(Acquire) as usize
    }

    /// Calls `visit` with every link, from the last place to the first: a link only moves to a lower place, so whatever is
    /// in the list all the time is met.
    #[inline(always)]
    pub fn each(&self, block: u32, mut visit: impl FnMut(u32)) {
        self.links(block)[..self.degree(block)].iter().rev().for_each(|link| visit(link.load(Acquire)));
    }

    /// Adds a link to a block that has room for it. Whoever changes a block has its node locked.
    pub fn push(&self, block: u32, other: u32) {
        let degree = self.degree(block);
        self.links(block)[degree].store(other, Release);
        self.counter(block).store(degree as u32 + 1, Release);
    }

    /// Takes a link out, if it is there; the last one fills its place.
    pub fn pull(&self, block: u32, other: u32) {
        let (links, degree) = (self.links(block), self.degree(block));
        let Some(place) = links[..degree].iter().position(|link| link.load(Relaxed) == other) else { return };
        links[place].store(links[degree - 1].load(Relaxed), Release);
        self.counter(block).store(degree as u32 - 1, Release);
    }

    /// Puts a link in the place of another, if that is there. A reader sees one of the two.
    pub fn replace(&self, block: u32, other: u32, with: u32) {
        let links = &self.links(block)[..self.degree(block)];
        if let Some(link) = links.iter().find(|link| link.load(Relaxed) == other) {
            link.store(with, Release);
        }
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        let Some(made) = self.made.get() else { return 0 };
        let owner = lock(&made.owner);
        let free: usize = owner.free.iter().map(|runs| taken(runs.capacity() * 4)).sum();
        taken(size_of::<Made>()) + owner.owned.usage() + free + taken(owner.free.capacity() * size_of::<Vec<u32>>())
    }
}
