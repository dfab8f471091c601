//! A graph from its encoding: nodes with their codes, levels and links, in any order.
//!
//! The encoding names nodes by 64-bit numbers of its own, and a list may name nodes that come later. A number gets its
//! row when it is first met, in a list or as a node; so lists are written straight into their rows, and neighbors come to
//! lie near each other. Or it names them by their ranks, which are their rows. That all links are mutual is checked at the end by
//! one sum: every link adds a salted 128-bit hash of its unordered pair and level by exclusive or, so a pair that names each
//! other adds nothing.
//!
//! What is badly linked in it, as what was saved beside many removed nodes is, is put into the tail at the end, to be linked anew.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering::{Relaxed, Release};

use hashbrown::HashMap;

use super::{Graph, LINKED, MAX_LEVEL, NO_ENTRY, NONE, NodeId, Params, TAIL, pack};
use crate::codec::Corrupt;
use crate::vector::arena::FREE;
use crate::vector::encoding::Vector;
use crate::vector::scratch::{self, Key};

/// A node with less than this part of the links that it has room for is linked anew.
const POOR: usize = 8;
/// Where more than this part of the nodes has few links, so is one with less than a quarter of them.
const TORN: usize = 4;

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
        let row = self.row(number)?;
        self.place(row, vector, level)
    }

    /// Adds the next node of an encoding that names nodes by their ranks: how many come before. Its links follow, by
    /// [`Restore::ranked_links`]. An encoding has numbers or ranks, not both.
    ///
    /// # Errors
    /// As [`Restore::node`].
    pub fn next_node(&mut self, vector: Vector, level: u8) -> Result<NodeId, Corrupt> {
        let row = self.announced(self.nodes)?;
        self.place(row, vector, level)
    }

    fn place(&mut self, row: u32, vector: Vector, level: u8) -> Result<NodeId, Corrupt> {
        if level > MAX_LEVEL {
            return Err(Corrupt("level"));
        }
        if !self.graph.codec.fits(&vector) {
            return Err(Corrupt("vector length"));
        }
        let graph = &self.graph;
        if row < graph.rows.len() && graph.rows.head(row).state.load(Relaxed) != FREE {
            return Err(Corrupt("node number used twice"));
        }
        graph.rows.put(row, |code| graph.codec.encode(vector, code));
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
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        for &number in numbers {
            sorted.push(self.row(number)?);
        }
        sorted.sort_unstable();
        let connected = self.connect(level, &sorted);
        self.sorted = sorted;
        connected
    }

    /// Sets the links of the last node on a level, by ascending rank.
    ///
    /// # Errors
    /// As [`Restore::links`], and when they do not ascend.
    pub fn ranked_links(&mut self, level: u8, ranks: &[u32]) -> Result<(), Corrupt> {
        if let Some(&last) = ranks.last() {
            self.announced(last)?;
        }
        self.connect(level, ranks)
    }

    /// Sets the links of the last node on a level, by ascending row.
    fn connect(&mut self, level: u8, links: &[u32]) -> Result<(), Corrupt> {
        let row = self.last;
        if row == NONE || level > self.graph.rows.head(row).level.load(Relaxed) {
            return Err(Corrupt("links of no level"));
        }
        if links.windows(2).any(|two| two[0] >= two[1]) || links.contains(&row) {
            return Err(Corrupt("a node linked twice or to itself"));
        }
        self.pairs = links.iter().fold(self.pairs, |pairs, &other| pairs ^ self.pair(row, other, level));
        if self.graph.degree(row, level) > 0 || self.long.contains_key(&(row, level)) {
            return Err(Corrupt("links given twice"));
        }
        if links.len() > self.graph.max_links(level) {
            self.long.insert((row, level), links.to_vec());
        } else {
            self.graph.fill_links(row, level, links);
        }
        Ok(())
    }

    /// Lets searches begin at a node, as they did in the graph that was saved.
    ///
    /// # Errors
    /// [`Corrupt`] when there is no such node, or one on a higher level.
    pub fn enter_at(&mut self, id: NodeId) -> Result<(), Corrupt> {
        let exists = self.graph.contains(id);
        let entry = pack(if exists { self.graph.level_of(id) } else { 0 }, id.0);
        if !exists || entry >> 32 != self.graph.entry.load(Relaxed) >> 32 {
            return Err(Corrupt("entry point"));
        }
        self.graph.entry.store(entry, Relaxed);
        Ok(())
    }

    /// The graph, when everything fits together.
    ///
    /// # Errors
    /// [`Corrupt`] when nodes are missing or links are not mutual.
    pub fn finish(mut self) -> Result<Graph, Corrupt> {
        // Ranks have no numbers; those that links name are mutual only if their nodes are there.
        if u64::from(self.nodes) != self.count || self.numbers.next > self.nodes {
            return Err(Corrupt("nodes are missing"));
        }
        if self.pairs != 0 {
            return Err(Corrupt("links are not mutual"));
        }
        self.shorten();
        self.graph.live.store(self.nodes as usize, Relaxed);
        self.put_poor_aside();
        scratch::with(|scratch| self.graph.survey_alone(scratch));
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
            let mut kept: Vec<u32> = near[..kept].iter().map(|key| key.row()).collect();
            kept.sort_unstable();
            self.graph.fill_links(row, level, &kept);
        }
    }

    /// Takes what is badly linked out of the links, to be linked anew: nodes with hardly any links, and those that only they lead
    /// to. A graph that was saved beside nodes that were removed and not unlinked yet has such nodes.
    fn put_poor_aside(&mut self) {
        let graph = &self.graph;
        let below = |degree: usize| (0..self.nodes).filter(|&row| graph.degree(row, 0) < degree).count();
        // Linking leaves hardly any node with less than a quarter of the links that there is room for. A graph of another maker may
        // have some.
        let is_torn = below(graph.room / 4) > self.nodes as usize / TORN;
        let enough = if is_torn { graph.room / 4 } else { graph.room / POOR };
        let enough = enough.min((self.nodes as usize).saturating_sub(1));
        let mut aside: Vec<bool> = (0..self.nodes).map(|row| graph.degree(row, 0) < enough).collect();
        if !aside.contains(&true) {
            return;
        }
        keep_largest_part(graph, &mut aside);
        let rows = |is_aside: bool| (0..).zip(&aside).filter(move |&(_, &is)| is == is_aside).map(|(row, _)| row);
        let mut links = Vec::new();
        for row in rows(true) {
            for level in 0..=graph.rows.head(row).level.load(Relaxed) {
                links.clear();
                graph.append_links(row, level, &mut links);
                for &other in &links {
                    graph.lock(other).pull(row, level);
                    graph.lock(row).pull(other, level);
                }
            }
            graph.rows.head(row).state.store(TAIL, Release);
            graph.tail.push(row);
        }
        if rows(true).any(|row| row == graph.entry.load(Relaxed) as u32) {
            let level = |row: u32| graph.rows.head(row).level.load(Relaxed);
            let entry = rows(false).max_by_key(|&row| (level(row), Reverse(row)));
            graph.entry.store(entry.map_or(NO_ENTRY, |row| pack(level(row), row)), Relaxed);
        }
    }

    /// The row of a number.
    fn row(&mut self, number: u64) -> Result<u32, Corrupt> {
        let row = self.numbers.row(number);
        self.announced(row)
    }

    fn announced(&self, row: u32) -> Result<u32, Corrupt> {
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

/// Marks all nodes but those of the largest part of level 0 that is connected without the marked ones.
fn keep_largest_part(graph: &Graph, aside: &mut [bool]) {
    const UNSEEN: u32 = u32::MAX;
    let mut parts = vec![UNSEEN; aside.len()];
    let (mut largest, mut most) = (UNSEEN, 0);
    let mut reached: Vec<u32> = Vec::new();
    for first in 0..aside.len() as u32 {
        if aside[first as usize] || parts[first as usize] != UNSEEN {
            continue;
        }
        reached.clear();
        reached.push(first);
        parts[first as usize] = first;
        let mut next = 0;
        while let Some(&row) = reached.get(next) {
            next += 1;
            graph.each_link(row, 0, |other| {
                let part = &mut parts[other as usize];
                if *part == UNSEEN && !aside[other as usize] {
                    *part = first;
                    reached.push(other);
                }
            });
        }
        if reached.len() > most {
            (largest, most) = (first, reached.len());
        }
    }
    aside.iter_mut().zip(&parts).for_each(|(aside, &part)| *aside |= part != largest);
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
