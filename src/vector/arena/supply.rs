//! Which rows of an arena are free, and which of them is used next: low ones first, so that high chunks empty.
//!
//! The free rows of a chunk are chained through themselves (the arena reads and writes the chain), and those behind
//! `fresh` were not used since the chunk got its memory. Chunks with a free row stand in a set, released ones in another;
//! a released chunk is used again only when no other has a free row.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use super::chunks::{SINGLE, make_room};
use crate::vector::allocation::taken;

/// Number of no row.
pub(in crate::vector) const NONE: u32 = u32::MAX;

/// How the rows of a chunk are used.
#[derive(Debug, Clone, Copy)]
struct Use {
    used: u32,
    /// Rows from here on are free and in no chain.
    fresh: u32,
    /// First of the chained free rows.
    free: u32,
}

/// Bytes of a node of 11 numbers of the standard library's tree.
const NODE: usize = 56;

const EMPTY: Use = Use { used: 0, fresh: 0, free: NONE };

#[derive(Debug, Default)]
pub(super) struct Supply {
    /// By chunk; the last one has memory.
    uses: Vec<Use>,
    /// Chunks with memory and a free row.
    open: BTreeSet<u32>,
    /// Chunks without memory.
    released: BTreeSet<u32>,
    /// A chunk that keeps its memory though it was emptied.
    spare: Option<usize>,
}

impl Supply {
    /// How many chunks there are, up to the last one with memory.
    pub fn chunks(&self) -> usize {
        self.uses.len()
    }

    /// The chunk of the row to use next. It may lack memory.
    pub fn choose(&self) -> usize {
        let first = self.open.first().or_else(|| self.released.first());
        first.map_or(self.uses.len(), |&chunk| chunk as usize)
    }

    /// Whether a chunk has no memory.
    pub fn lacks_memory(&self, chunk: usize) -> bool {
        chunk >= self.uses.len() || self.released.contains(&(chunk as u32))
    }

    /// A chunk of so many rows has got memory: a released one, or the next. One of its rows is used now.
    pub fn has_memory(&mut self, chunk: usize, rows: u32) {
        if !self.released.remove(&(chunk as u32)) {
            make_room(&mut self.uses);
            self.uses.push(EMPTY);
        }
        if rows > 1 {
            self.open.insert(chunk as u32);
        }
    }

    /// A free row of an open chunk, whose first row is `first`.
    pub fn free_row(&self, chunk: usize, first: u32) -> u32 {
        let Use { fresh, free, .. } = self.uses[chunk];
        if free == NONE { first + fresh } else { free }
    }

    /// Takes that row; `next` is the one that it leads to if it is chained.
    pub fn take(&mut self, chunk: usize, first: u32, row: u32, rows: u32, next: u32) {
        let place = &mut self.uses[chunk];
        if place.free == row {
            place.free = next
        } else {
            place.fresh = row - first + 1
        }
        self.count(chunk, rows);
    }

    /// A decoder has used the row at `index` of a chunk.
    pub fn place(&mut self, chunk: usize, index: u32, rows: u32) {
        let place = &mut self.uses[chunk];
        place.fresh = place.fresh.max(index + 1);
        self.count(chunk, rows);
    }

    fn count(&mut self, chunk: usize, rows: u32) {
        self.uses[chunk].used += 1;
        if self.uses[chunk].used == rows {
            self.open.remove(&(chunk as u32));
        }
    }

    /// Gives a row back: which one it leads to from now on, and whether the chunk has none in use any more.
    pub fn give(&mut self, chunk: usize, row: u32) -> (u32, bool) {
        let place = &mut self.uses[chunk];
        let next = std::mem::replace(&mut place.free, row);
        place.used -= 1;
        self.open.insert(chunk as u32);
        (next, self.uses[chunk].used == 0)
    }

    /// A chunk is empty: which one is to be released, if another is empty already.
    pub fn emptied(&mut self, chunk: usize) -> Option<usize> {
        self.uses[chunk] = EMPTY;
        let other = self.spare.filter(|&other| other != chunk && self.uses[other].used == 0);
        self.spare = Some(other.map_or(chunk, |other| other.min(chunk)));
        other.map(|other| other.max(chunk))
    }

    /// An empty chunk was released.
    pub fn lost_memory(&mut self, chunk: usize) {
        self.open.remove(&(chunk as u32));
        self.released.insert(chunk as u32);
        while let Some(last) = self.uses.len().checked_sub(1)
            && self.released.remove(&(last as u32))
        {
            self.uses.pop();
        }
    }

    /// The last chunk with a row in use, and how many of its rows were used.
    pub fn last_in_use(&self) -> Option<(usize, u32)> {
        let last = self.uses.iter().rposition(|place| place.used > 0)?;
        Some((last, self.uses[last].fresh))
    }

    /// Bytes taken from the allocator, about.
    pub fn usage(&self) -> usize {
        // The nodes of a tree are two thirds full, about. One that had a number keeps a node.
        let nodes = |set: &BTreeSet<u32>| set.len().div_ceil(7) * taken(NODE);
        let open = if self.uses.len() > SINGLE { nodes(&self.open).max(taken(NODE)) } else { nodes(&self.open) };
        taken(self.uses.capacity() * size_of::<Use>()) + open + nodes(&self.released)
    }
}
