//! The nodes in the bytewise order of their names, in blocks of bounded size.
//!
//! Blocks, and ids in them, are sorted; an insert moves at most one block's ids. Names that come in order fill blocks
//! whole. Two neighbors never fit half a block together, so at least a quarter of all room is used, which bounds what a
//! uniform choice costs: choose a block, choose a place in it, and again if nobody is there.

use std::collections::HashSet;
use std::ops::Bound;

use super::name::Names;
use crate::vector::NodeId;
use crate::vector::allocation::taken;
use crate::vset::random::Rng;

/// The most ids in a block.
const BLOCK: usize = 512;
/// How much a block grows at a time; a small one doubles.
const STEP: usize = 64;
/// Ids that the first block has room for at first.
const LEAST: usize = 4;
/// How often a uniform choice tries before it counts; each try succeeds with at least one in four.
const TRIES: usize = 64;

/// Node ids, sorted by name. No block is empty.
#[derive(Debug, Default)]
pub(super) struct Order {
    blocks: Vec<Vec<NodeId>>,
    len: usize,
    /// Bytes that the blocks take.
    bytes: usize,
}

/// A place: block, index in it.
type Place = (usize, usize);

impl Order {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first place whose name is not `before`.
    fn seek(&self, names: Names, before: impl Fn(&[u8]) -> bool) -> Place {
        let after = self.blocks.partition_point(|block| before(names.get(block[0])));
        let Some(block) = after.checked_sub(1) else { return (0, 0) };
        (block, self.blocks[block].partition_point(|&id| before(names.get(id))))
    }

    /// Where a name stands, if it does.
    fn find(&self, names: Names, name: &[u8]) -> Option<Place> {
        // One past the last name that is not greater.
        let (block, after) = self.seek(names, |n| n <= name);
        let at = after.checked_sub(1)?;
        (names.get(*self.blocks.get(block)?.get(at)?) == name).then_some((block, at))
    }

    /// The node of a name.
    pub(super) fn find_id(&self, names: Names, name: &[u8]) -> Option<NodeId> {
        let (block, at) = self.find(names, name)?;
        Some(self.blocks[block][at])
    }

    pub(super) fn insert(&mut self, names: Names, id: NodeId) {
        let name = names.get(id);
        self.len += 1;
        let last = self.blocks.last().and_then(|block| block.last());
        let appends = last.is_none_or(|&last| names.get(last) < name);
        let (block, at) = match appends {
            true => (self.blocks.len().saturating_sub(1), self.blocks.last().map_or(0, Vec::len)),
            false => self.seek(names, |n| n < name),
        };
        let full = self.blocks.get(block).is_none_or(|block| block.len() == BLOCK);
        if !full {
            self.change(block, |ids| insert_at(ids, at, id));
        } else if appends {
            let mut ids = Vec::new();
            insert_at(&mut ids, 0, id);
            self.add(self.blocks.len(), ids);
        } else {
            let mut upper = self.change(block, |ids| {
                let upper = ids.split_off(BLOCK / 2);
                ids.shrink_to(BLOCK / 2 + STEP);
                upper
            });
            match at.checked_sub(BLOCK / 2) {
                Some(at) if at > 0 => insert_at(&mut upper, at, id),
                _ => self.change(block, |ids| insert_at(ids, at, id)),
            }
            self.add(block + 1, upper);
        }
    }

    /// Changes a block, and counts what that does to its memory.
    fn change<T>(&mut self, block: usize, change: impl FnOnce(&mut Vec<NodeId>) -> T) -> T {
        let ids = &mut self.blocks[block];
        let before = bytes(ids);
        let changed = change(ids);
        self.bytes = self.bytes - before + bytes(ids);
        changed
    }

    /// Puts in a block.
    fn add(&mut self, at: usize, ids: Vec<NodeId>) {
        self.bytes += bytes(&ids);
        if self.blocks.len() == self.blocks.capacity() {
            self.blocks.reserve_exact(self.blocks.len().max(1));
        }
        self.blocks.insert(at, ids);
    }

    /// Takes out a block.
    fn take(&mut self, at: usize) -> Vec<NodeId> {
        let ids = self.blocks.remove(at);
        self.bytes -= bytes(&ids);
        ids
    }

    /// Takes all ids into an empty order; their names begin with the same `common` bytes. Names the first node whose name
    /// another has.
    pub(super) fn fill(
        &mut self,
        names: Names,
        ids: impl Iterator<Item = NodeId>,
        common: usize,
    ) -> Result<(), NodeId> {
        // What mostly decides stands beside the id: names themselves are all over the memory.
        let key = |id| {
            let rest = &names.get(id)[common..];
            let mut key = [0; 8];
            let len = rest.len().min(8);
            key[..len].copy_from_slice(&rest[..len]);
            (u64::from_be_bytes(key), id)
        };
        let mut all: Vec<(u64, NodeId)> = ids.map(key).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| names.get(a.1).cmp(names.get(b.1))));
        let same = |a: (u64, NodeId), b: (u64, NodeId)| a.0 == b.0 && names.get(a.1) == names.get(b.1);
        if let Some(pair) = all.windows(2).find(|pair| same(pair[0], pair[1])) {
            return Err(pair[1].1);
        }
        self.len = all.len();
        self.blocks = all.chunks(BLOCK).map(|chunk| chunk.iter().map(|&(_, id)| id).collect()).collect();
        self.bytes = self.blocks.iter().map(bytes).sum();
        Ok(())
    }

    pub(super) fn remove(&mut self, names: Names, name: &[u8]) {
        let Some((block, at)) = self.find(names, name) else { return };
        self.blocks[block].remove(at);
        self.len -= 1;
        if self.blocks[block].is_empty() {
            drop(self.take(block));
            if self.blocks.len() < self.blocks.capacity() / 4 {
                self.blocks.shrink_to(self.blocks.len() * 2);
            }
            return;
        }
        let lower = block.saturating_sub(1);
        for lower in [block, lower] {
            let pair = self.blocks.get(lower).zip(self.blocks.get(lower + 1));
            if pair.is_some_and(|(a, b)| a.len() + b.len() <= BLOCK / 2) {
                let upper = self.take(lower + 1);
                self.change(lower, |ids| ids.extend(upper));
            }
        }
        self.change(lower, |ids| {
            if ids.capacity() > ids.len() + 2 * STEP {
                ids.shrink_to(ids.len() + STEP);
            }
        });
    }

    pub(super) fn replace(&mut self, names: Names, name: &[u8], id: NodeId) {
        if let Some((block, at)) = self.find(names, name) {
            self.blocks[block][at] = id;
        }
    }

    pub(super) fn range<'a>(
        &'a self,
        names: Names<'a>,
        from: Bound<&[u8]>,
        to: Bound<&'a [u8]>,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let (block, at) = match from {
            Bound::Unbounded => (0, 0),
            Bound::Included(from) => self.seek(names, |n| n < from),
            Bound::Excluded(from) => self.seek(names, |n| n <= from),
        };
        let head = self.blocks.get(block).map_or(&[][..], |ids| &ids[at..]);
        let rest = self.blocks.iter().skip(block + 1).flatten();
        head.iter().chain(rest).copied().take_while(move |&id| match to {
            Bound::Unbounded => true,
            Bound::Included(to) => names.get(id) <= to,
            Bound::Excluded(to) => names.get(id) < to,
        })
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.blocks.iter().flatten().copied()
    }

    pub(super) fn random(&self, rng: &mut Rng) -> Option<NodeId> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let block = &self.blocks[rng.below(self.blocks.len())];
            if let Some(&id) = block.get(rng.below(BLOCK)) {
                return Some(id);
            }
        }
        self.ids().nth(rng.below(self.len))
    }

    pub(super) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<NodeId> {
        let mut sample = if count >= self.len {
            self.ids().collect()
        } else if count > self.len / 2 {
            self.sample_many(count, rng)
        } else {
            self.sample_few(count, rng)
        };
        rng.shuffle(&mut sample);
        sample
    }

    /// Selection sampling (Knuth 3.4.2 S): each in turn, with the chance that is left.
    fn sample_many(&self, count: usize, rng: &mut Rng) -> Vec<NodeId> {
        let mut wanted = count;
        let mut left = self.len;
        self.ids()
            .filter(|_| {
                let take = rng.below(left) < wanted;
                left -= 1;
                wanted -= usize::from(take);
                take
            })
            .collect()
    }

    /// Floyd's sampling (Bentley 1987): `count` distinct ranks, looked up in one pass over the blocks.
    fn sample_few(&self, count: usize, rng: &mut Rng) -> Vec<NodeId> {
        let mut ranks = HashSet::with_capacity(count);
        for top in self.len - count..self.len {
            let rank = rng.below(top + 1);
            if !ranks.insert(rank) {
                ranks.insert(top);
            }
        }
        let mut ranks: Vec<_> = ranks.into_iter().collect();
        ranks.sort_unstable();
        let mut blocks = self.blocks.iter();
        let mut block: &[NodeId] = &[];
        let mut passed = 0; // ids of earlier blocks
        let pick = |rank: usize| loop {
            if let Some(&id) = block.get(rank - passed) {
                return Some(id);
            }
            passed += block.len();
            block = blocks.next()?;
        };
        ranks.into_iter().map_while(pick).collect()
    }

    pub(super) fn memory(&self) -> usize {
        debug_assert_eq!(self.bytes, self.blocks.iter().map(bytes).sum::<usize>());
        self.bytes + taken(self.blocks.capacity() * size_of::<Vec<NodeId>>())
    }
}

/// What a block takes.
fn bytes(ids: &Vec<NodeId>) -> usize {
    taken(ids.capacity() * size_of::<NodeId>())
}

fn insert_at(block: &mut Vec<NodeId>, at: usize, id: NodeId) {
    if block.len() == block.capacity() {
        block.reserve_exact(block.len().clamp(LEAST, STEP));
    }
    block.insert(at, id);
}
