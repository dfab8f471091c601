//! Blocks of links: what nodes have above level 0.
#![allow(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::chunks::{Chunks, Owned};
use super::lock;

/// Links of the levels above 0: blocks of a degree and `M` links, a node of level `l` having `l` consecutive ones.
#[derive(Debug)]
pub(in crate::vector) struct Blocks {
    chunks: Chunks,
    links: usize,
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
        Blocks { chunks: Chunks::new((links + 1) * 4), links, owner: Mutex::default() }
    }

    /// Takes `run` consecutive blocks, empty, and returns the first one's number.
    pub fn take(&self, run: usize) -> u32 {
        let mut owner = lock(&self.owner);
        let first = match owner.free.get_mut(run).and_then(Vec::pop) {
            Some(first) => first,
            None => {
                let first = owner.len;
                owner.len = first.checked_add(run as u32).expect("fewer blocks than rows");
                let last = owner.len - 1;
                self.chunks.reach(last, &mut owner.owned);
                first
            }
        };
        for block in first..first + run as u32 {
            self.degree(block).store(0, Relaxed);
        }
        first
    }

    /// Gives a run back that no reader can know any more.
    pub fn give(&self, first: u32, run: usize) {
        let mut owner = lock(&self.owner);
        if owner.free.len() <= run {
            owner.free.resize_with(run + 1, Vec::new);
        }
        owner.free[run].push(first);
    }

    /// How many links a block has.
    #[inline]
    pub fn degree(&self, block: u32) -> &AtomicU32 {
        // SAFETY: a block is zeroed, 4-aligned and only accessed through atomics.
        unsafe { &*self.chunks.at(block).cast::<AtomicU32>() }
    }

    /// A block's links, all of its room.
    #[inline]
    pub fn links(&self, block: u32) -> &[AtomicU32] {
        // SAFETY: as for the degree; `links` words follow it.
        unsafe { std::slice::from_raw_parts(self.chunks.at(block).cast::<AtomicU32>().add(1), self.links) }
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        let owner = lock(&self.owner);
        let free: usize = owner.free.iter().map(|runs| runs.capacity() * 4 + size_of::<Vec<u32>>()).sum();
        owner.owned.usage() + free
    }
}
