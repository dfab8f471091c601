//! Where the keys of a large object are: in which of its chunks.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use hashbrown::HashTable;

/// Hash of a key → number of its chunk. A key that has gone may leave its entry behind: hits are verified.
#[derive(Debug, Clone)]
pub(super) struct KeyIndex {
    table: HashTable<(u32, u32)>,
}

/// Seeded per process, so that keys chosen by a client cannot collide on purpose.
static HASHER: LazyLock<std::hash::RandomState> = LazyLock::new(std::hash::RandomState::new);

fn hash(key: &[u8]) -> u32 {
    HASHER.hash_one(key) as u32
}

/// Spreads the stored 32 bits over the table's 64: buckets are taken from the low end, fingerprints from the top.
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash) << 32
}

impl KeyIndex {
    /// The index of keys, about `count` of them, each with the number of its chunk.
    pub(super) fn new<'k>(count: usize, keys: impl Iterator<Item = (u32, &'k [u8])>) -> KeyIndex {
        let mut index = KeyIndex { table: HashTable::with_capacity(count) };
        index.extend(keys);
        index
    }

    /// Adds keys.
    pub(super) fn extend<'k>(&mut self, keys: impl Iterator<Item = (u32, &'k [u8])>) {
        for (number, key) in keys {
            let entry = (hash(key), number);
            if self.table.find(spread(entry.0), |other| *other == entry).is_none() {
                self.table.insert_unique(spread(entry.0), entry, |entry| spread(entry.0));
            }
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of the table.
    pub(super) fn table_bytes(&self) -> usize {
        self.table.allocation_size()
    }

    /// The chunks in which a key may be.
    pub(super) fn candidates(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let wanted = hash(key);
        self.table.iter_hash(spread(wanted)).filter(move |entry| entry.0 == wanted).map(|entry| entry.1 as usize)
    }
}
