//! A graph from its encoding: nodes with their codes, levels and links, in any order.
//!
//! The encoding names nodes by 64-bit numbers of its own, and a list may name nodes that come later. A number gets its
//! row when it is first met, in a list or as a node; so lists are written straight into their rows, and neighbors come to
//! lie near each other. That all links are mutual is checked at the end by one sum: every link adds a salted 128-bit hash
//! of its unordered pair and level by exclusive or, so a pair that names each other adds nothing.
#![forbid(unsafe_code)]

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering::{Relaxed, Release};

use hashbrown::HashMap;

use super::{Graph, LINKED, MAX_LEVEL, NO_ENTRY, NONE, NodeId, Params, pack};
use crate::codec::Corrupt;
use crate::vector::arena::FREE;
use crate::vector::encoding::Vector;
use crate::vector::scratch::Key;

/// Builds a [`Graph`] from its encoding; see the module's documentation.
#[derive(Debug)]
pub struct Restore {
    graph: Graph,
    numbers: Numbers,
    /// How many nodes were announced.
    count: u64,
    nodes: u32,
    /// The node whose links are read.
    last: u32,
    pairs: u128,
    salt: [u64; 2],
    /// Lists that are longer than a row has room for.
    long: HashMap<(u32, u8), Vec<u32>>,
    sorted: Vec<u32>,
}

impl Restore {
    /// For an encoding that announces `count` nodes. Nothing is allocated on the strength of that.
    ///
    /// # Panics
    /// As [`Graph::new`].
    #[must_use]
    pub fn new(params: Params, count: u64) -> Restore {
        let state = RandomState::new();
        Restore {
            graph: Graph::new(params),
            numbers: Numbers::default(),
            count,
            nodes: 0,
            last: NONE,
            pairs: 0,
            salt: [state.hash_one(1u8), state.hash_one(2u8)],
            long: HashMap::new(),
            sorted: Vec::new(),
        }
    }

    /// The graph so far, for its codec; it is not to be searched yet.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Adds the node that the encoding calls `number`. Its links follow, by [`Restore::links`].
    ///
    /// # Errors
    /// [`Corrupt`] when the number was used before, there are more nodes than announced, the level is above
    /// [`MAX_LEVEL`], or the vector does not fit.
    pub fn node(&mut self, number: u64, vector: Vector, level: u8) -> Result<NodeId, Corrupt> {
        if level > MAX_LEVEL {
            return Err(Corrupt("level"));
        }
        if !self.graph.codec.fits(&vector) {
            return Err(Corrupt("vector length"));
        }
        let row = self.row(number)?;
        let graph = &self.graph;
        if row < graph.rows.len() && graph.rows.head(row).state.load(Relaxed) != FREE {
            return Err(Corrupt("node number used twice"));
        }
        graph.rows.put(row, |code, coarse| graph.encode(vector, code, coarse));
        graph.set_level(row, level);
        graph.rows.head(row).state.store(LINKED, Release);
        let entry = graph.entry.load(Relaxed);
        if entry == NO_ENTRY || entry >> 32 < u64::from(level) {
            graph.entry.store(pack(level, row), Relaxed);
        }
        self.nodes += 1;
        self.last = row;
        Ok(NodeId(row))
    }

    /// Sets the links of the last node on a level, by number.
    ///
    /// # Errors
    /// [`Corrupt`] when there is no such level, or the list names the node itself, one twice, or more nodes than were
    /// announced.
    pub fn links(&mut self, level: u8, numbers: &[u64]) -> Result<(), Corrupt> {
        let row = self.last;
        if row == NONE || level > self.graph.rows.head(row).level.load(Relaxed) {
            return Err(Corrupt("links of no level"));
        }
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        for &number in numbers {
            let other = self.row(number)?;
            self.pairs ^= self.pair(row, other, level);
            sorted.push(other);
        }
        sorted.sort_unstable();
        if sorted.windows(2).any(|two| two[0] == two[1]) || sorted.binary_search(&row).is_ok() {
            return Err(Corrupt("a node linked twice or to itself"));
        }
        if sorted.len() > self.graph.max_links(level) {
            if self.long.insert((row, level), sorted.clone()).is_some() {
                return Err(Corrupt("links given twice"));
            }
        } else if !self.write(row, level, &sorted) {
            return Err(Corrupt("links given twice"));
        }
        self.sorted = sorted;
        Ok(())
    }

    /// The graph, when everything fits together.
    ///
    /// # Errors
    /// [`Corrupt`] when nodes are missing or links are not mutual.
    pub fn finish(mut self) -> Result<Graph, Corrupt> {
        if u64::from(self.nodes) != self.count || self.numbers.next != self.nodes {
            return Err(Corrupt("nodes are missing"));
        }
        if self.pairs != 0 {
            return Err(Corrupt("links are not mutual"));
        }
        self.shorten();
        self.graph.live.store(self.nodes as usize, Relaxed);
        Ok(self.graph)
    }

    /// Drops the farthest links of lists that are too long, at both ends.
    fn shorten(&mut self) {
        let mut keys: Vec<(u32, u8)> = self.long.keys().copied().collect();
        keys.sort_unstable();
        for key in keys {
            let (row, level) = key;
            let list = self.long.remove(&key).unwrap_or_default();
            let mut near: Vec<Key> =
                list.iter().map(|&other| Key::new(self.graph.between(row, other), other)).collect();
            near.sort_unstable();
            let kept = near.len().min(self.graph.max_links(level));
            for far in &near[kept..] {
                match self.long.get_mut(&(far.row(), level)) {
                    Some(list) => list.retain(|&other| other != row),
                    None => self.graph.lock(far.row()).pull(row, level),
                }
            }
            let kept: Vec<u32> = near[..kept].iter().map(|key| key.row()).collect();
            self.write(row, level, &kept);
        }
    }

    /// Writes a list that fits; whether it was empty before.
    fn write(&self, row: u32, level: u8, list: &[u32]) -> bool {
        let node = self.graph.lock(row);
        let fresh = self.graph.degree(row, level) == 0 && !self.long.contains_key(&(row, level));
        if fresh {
            list.iter().for_each(|&other| node.push(other, level));
        }
        fresh
    }

    /// The row of a number.
    fn row(&mut self, number: u64) -> Result<u32, Corrupt> {
        let row = self.numbers.row(number);
        if u64::from(row) < self.count && row < 1 << 31 { Ok(row) } else { Err(Corrupt("more nodes than announced")) }
    }

    /// A salted hash of an unordered pair on a level.
    fn pair(&self, a: u32, b: u32, level: u8) -> u128 {
        let pair = u64::from(a.min(b)) << 32 | u64::from(a.max(b));
        let half = |salt: u64| {
            let product = u128::from(pair ^ salt) * u128::from(0x9E37_79B9_7F4A_7C15 ^ salt.rotate_left(17) | 1);
            let mixed = (product >> 64) as u64 ^ product as u64 ^ u64::from(level).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            let again = u128::from(mixed) * u128::from(0xA24B_AED4_963E_E407 ^ salt | 1);
            (again >> 64) as u64 ^ again as u64
        };
        u128::from(half(self.salt[0])) << 64 | u128::from(half(self.salt[1]))
    }
}

/// Rows by the encoding's numbers: a table where they are dense, a map for the others.
#[derive(Debug, Default)]
struct Numbers {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    next: u32,
}

impl Numbers {
    /// The row of a number, a new one if it was not met before.
    fn row(&mut self, number: u64) -> u32 {
        if let Some(&row) = usize::try_from(number).ok().and_then(|place| self.dense.get(place))
            && row != NONE
        {
            return row;
        }
        let bound = u64::from(self.next) * 4 + 4096;
        if number < bound {
            let place = number as usize;
            if place >= self.dense.len() {
                self.dense.resize(bound as usize, NONE);
            }
            let row = if self.sparse.is_empty() { None } else { self.sparse.remove(&number) };
            self.dense[place] = row.unwrap_or_else(|| self.fresh());
            return self.dense[place];
        }
        if let Some(&row) = self.sparse.get(&number) {
            return row;
        }
        let row = self.fresh();
        self.sparse.insert(number, row);
        row
    }

    fn fresh(&mut self) -> u32 {
        let row = self.next;
        self.next = row.saturating_add(1);
        row
    }
}
