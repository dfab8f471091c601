//! From a name to its node: extendible hashing (Fagin et al. 1979) over small hash tables of ids.
//!
//! One large table would rehash all names at once when it grows, a stall of milliseconds in the thread that writes; here
//! one shard of at most [`SHARD`] ids splits in two. An id costs 5 bytes per slot, the name is compared where it stands.
//! The hash is keyed at random per table: names come from clients.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::name::Names;
use crate::vector::NodeId;
use crate::vector::allocation::taken;

/// The most ids in a shard: what a table of 512 slots holds.
const SHARD: usize = 448;
/// How many ids a shard has on average, at most, in a table that is filled at once.
const FILLED: usize = SHARD * 4 / 5;
/// The most bits of the hash that choose a shard; beyond, shards just grow.
const MOST_BITS: u8 = 28;

/// A hash table of node ids.
#[derive(Debug, Default)]
pub(super) struct Table {
    shards: Vec<Shard>,
    /// The shard for each value of the choosing bits; a shard that needs fewer of them has several entries.
    directory: Vec<u32>,
    hasher: RandomState,
    /// Bytes that the shards' slots take.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Shard {
    ids: HashTable<NodeId>,
    /// How many choosing bits all its hashes have in common.
    bits: u8,
}

impl Shard {
    /// What its slots take.
    fn bytes(&self) -> usize {
        taken(self.ids.allocation_size())
    }
}

/// The bits that choose a shard: others than those that choose within it.
fn choosing(hash: u64) -> usize {
    (hash >> 20) as usize & ((1 << MOST_BITS) - 1)
}

impl Table {
    fn shard_of(&self, hash: u64) -> Option<usize> {
        // The directory's length is a power of two.
        let entry = choosing(hash) & self.directory.len().checked_sub(1)?;
        Some(self.directory[entry] as usize)
    }

    pub(super) fn find(&self, names: Names, name: &[u8]) -> Option<NodeId> {
        let hash = self.hasher.hash_one(name);
        self.shards[self.shard_of(hash)?].ids.find(hash, |&id| names.get(id) == name).copied()
    }

    /// The hash of a name, for [`Table::fill`].
    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }

    /// Takes ids with the hashes of their names into an empty table.
    pub(super) fn fill(&mut self, names: Names, hashed: &[(u64, NodeId)]) {
        let bits = (0..MOST_BITS).find(|&bits| hashed.len() >> bits <= FILLED).unwrap_or(MOST_BITS);
        let shard_of = |hash: u64| choosing(hash) & ((1 << bits) - 1);
        // Sorted by shards: first where each begins, then, as its ids take their places, where it ends.
        let mut ends = vec![0; 1 << bits];
        hashed.iter().for_each(|&(hash, _)| ends[shard_of(hash)] += 1);
        let mut before = 0;
        for end in &mut ends {
            before += std::mem::replace(end, before);
        }
        let mut sorted = vec![(0, NodeId(0)); hashed.len()];
        for &(hash, id) in hashed {
            let place = &mut ends[shard_of(hash)];
            sorted[*place] = (hash, id);
            *place += 1;
        }
        let hasher = &self.hasher;
        let mut start = 0;
        let shards = ends.iter().map(|&end| {
            let part = &sorted[start..end];
            start = end;
            let mut ids = HashTable::with_capacity(part.len());
            for &(hash, id) in part {
                ids.insert_unique(hash, id, |&id| hasher.hash_one(names.get(id)));
            }
            Shard { ids, bits }
        });
        self.shards = shards.collect();
        self.bytes = self.shards.iter().map(Shard::bytes).sum();
        self.directory = (0..1 << bits).collect();
    }

    /// Whether it has never had an id.
    pub(super) fn is_new(&self) -> bool {
        self.shards.is_empty()
    }

    pub(super) fn insert(&mut self, names: Names, id: NodeId) {
        let hash = self.hasher.hash_one(names.get(id));
        let mut shard = self.shard_of(hash).unwrap_or_else(|| {
            self.shards.push(Shard::default());
            self.directory.push(0);
            0
        });
        while self.shards[shard].ids.len() >= SHARD && self.shards[shard].bits < MOST_BITS {
            self.split(names, shard, choosing(hash));
            shard = self.directory[choosing(hash) & (self.directory.len() - 1)] as usize;
        }
        let (hasher, shard) = (&self.hasher, &mut self.shards[shard]);
        let before = shard.bytes();
        shard.ids.insert_unique(hash, id, |&id| hasher.hash_one(names.get(id)));
        self.bytes = self.bytes - before + shard.bytes();
    }

    /// Splits a shard by the next choosing bit; `sample` is the choosing bits of any hash in it.
    fn split(&mut self, names: Names, shard: usize, sample: usize) {
        let bit = 1usize << self.shards[shard].bits;
        if self.directory.len() == bit {
            self.directory.extend_from_within(..);
        }
        let new = self.shards.len() as u32;
        for entry in ((sample & (bit - 1) | bit)..self.directory.len()).step_by(bit * 2) {
            self.directory[entry] = new;
        }
        let hasher = &self.hasher;
        let old = &mut self.shards[shard];
        let before = old.bytes();
        old.bits += 1;
        let bits = old.bits;
        let mut halves = [HashTable::with_capacity(SHARD / 2), HashTable::with_capacity(SHARD / 2)];
        for id in old.ids.drain() {
            let hash = hasher.hash_one(names.get(id));
            let half = usize::from(choosing(hash) & bit != 0);
            halves[half].insert_unique(hash, id, |&id| hasher.hash_one(names.get(id)));
        }
        let [kept, moved] = halves;
        old.ids = kept;
        let moved = Shard { ids: moved, bits };
        self.bytes = self.bytes - before + old.bytes() + moved.bytes();
        self.shards.push(moved);
    }

    pub(super) fn remove(&mut self, names: Names, name: &[u8]) -> Option<NodeId> {
        let hash = self.hasher.hash_one(name);
        let shard = self.shard_of(hash)?;
        let (hasher, shard) = (&self.hasher, &mut self.shards[shard]);
        let before = shard.bytes();
        let ids = &mut shard.ids;
        let (id, _) = ids.find_entry(hash, |&id| names.get(id) == name).ok()?.remove();
        if ids.capacity() > 4 * ids.len() + 28 {
            ids.shrink_to(ids.len() * 2, |&id| hasher.hash_one(names.get(id)));
        }
        self.bytes = self.bytes - before + shard.bytes();
        Some(id)
    }

    pub(super) fn replace(&mut self, names: Names, name: &[u8], id: NodeId) -> Option<NodeId> {
        let hash = self.hasher.hash_one(name);
        let shard = self.shard_of(hash)?;
        let old = self.shards[shard].ids.find_mut(hash, |&id| names.get(id) == name)?;
        Some(std::mem::replace(old, id))
    }

    pub(super) fn memory(&self) -> usize {
        debug_assert_eq!(self.bytes, self.shards.iter().map(Shard::bytes).sum::<usize>());
        self.bytes
            + taken(self.shards.capacity() * size_of::<Shard>())
            + taken(self.directory.capacity() * size_of::<u32>())
    }
}
