//! The graph: HNSW (Malkov & Yashunin, arXiv:1603.09320) with mutual links, real removal and an unlinked tail.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the nodes: adding, removing, reclaiming |
//! | `reading.rs` | what is stored of a node: its vector, its neighbors |
//! | `tail.rs` | nodes that are not linked yet |
//! | `link.rs` | linking a node: beam search, choice of neighbors, eviction |
//! | `unlink.rs` | unlinking a removed node and repairing its neighborhood |
//! | `search.rs` | nearest, range and exact search |
//! | `filter.rs` | nearest among those that match |
//! | `over.rs` | walking over what was removed |
//! | `sight.rs` | walking by estimates, where coarse codes are kept |
//! | `halves.rs` | whether walks go by the upper halves of codes |
//! | `survey.rs` | what coarse codes are made by, and whether they are good enough |
//! | [`renewal`] | building anew what is left when most was removed |
//! | `restore.rs` | a graph from its encoding |
//! | `check.rs` | the invariants |
//!
//! # Life of a node
//!
//! ```text
//! FREE ─add→ TAIL ─link→ LINKED ─remove→ REMOVED → UNLINKING → DEAD ─reclaim→ FREE
//!              └──────────remove──────────┘
//! ```
//!
//! A node is *live* in TAIL and LINKED. A REMOVED node is gone for searches but still a way: they go through it, and it is
//! linked to where that keeps the graph in one piece. Of two neighbors only one is UNLINKING at a time, so that the hole
//! is mended before the other goes. A DEAD node is in no list, but keeps its own until it is reclaimed, so that a reader
//! standing on it finds its way back; whom that list names dies after it, and so is there for as long as the reader is.
//!
//! # Links
//!
//! Links are mutual: `a` is in `b`'s list exactly when `b` is in `a`'s, on every level (but the lists of UNLINKING nodes,
//! which lead on to those who have left them). So removal touches neighbors only. A list is changed under its node's spin lock (a bit of the state); two or three nodes are locked in the order of
//! their ids, for a few dozen instructions, never across a distance computation. A reader walks lists without a lock: it
//! sees valid nodes, at worst one of them twice or not at all.
//!
//! # Threads
//!
//! As [`crate::vector`] says. Everything that changes a graph is inside the gate ([`gate`]).
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::allocation::taken;
use super::arena::{Bits, Blocks, FREE, Head, NONE, Rows};
use super::distance::{Coarse, Kernel, Probe};
use super::encoding::{Beside, Codec, Encoding, Metric, Vector};
use super::{Hit, NodeId, epoch, gate};

mod check;
mod filter;
mod halves;
mod link;
mod over;
mod pace;
#[cfg(test)]
pub(super) mod random;
mod reading;
pub mod renewal;
mod request;
mod restore;
mod search;
mod sight;
mod survey;
mod tail;
#[cfg(test)]
mod tests;
mod unlink;

pub use check::{Broken, Statistics};
pub use renewal::{Heir, Moved, Renewal, Step};
pub use request::{Cancelled, Filter, Range, Search};
pub use restore::Restore;

use halves::Halves;
use pace::Pace;
use survey::Survey;
use tail::Tail;

/// State of a node that is not linked yet.
const TAIL: u8 = 1;
/// State of a node in the links.
const LINKED: u8 = 2;
/// State of a removed node that is still in the links.
const REMOVED: u8 = 3;
/// State of a removed node whose links are being taken out; nobody links to it any more.
const UNLINKING: u8 = 4;
/// State of a node in no list, waiting for its last reader.
const DEAD: u8 = 5;
/// The state without its flags.
const STATE: u8 = 0b0111;
/// Flag: a thread is linking or unlinking the node.
const BUSY: u8 = 0b0100_0000;
/// Flag: the node's lists are locked.
const LOCK: u8 = 0b1000_0000;

/// The highest level a node can have.
pub const MAX_LEVEL: u8 = 15;
/// The greatest `m`.
pub const MAX_M: usize = 4096;
/// With fewer links than this a graph can't be kept in one piece.
pub const MIN_M: usize = 4;

fn is_live(state: u8) -> bool {
    matches!(state & STATE, TAIL | LINKED)
}

/// What a graph is made for; fixed for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Components of a vector, at least 1.
    pub dim: usize,
    /// Links that a new node aims at per level, 1 to [`MAX_M`]; a node has room for twice as many on level 0. Less than
    /// [`MIN_M`] does as that.
    pub m: usize,
    /// Beam of the search that finds a new node's neighbors.
    pub ef_construction: usize,
    /// How vectors are stored. `Bin` is always under cosine.
    pub encoding: Encoding,
    /// What "far" means.
    pub metric: Metric,
    /// A [coarse code](super::distance) is kept beside `Q8` codes, to walk by where that finds as much. It means nothing to
    /// other encodings, and changes neither distances nor what is saved.
    pub coarse: bool,
}

/// A query, encoded as the graph's vectors are. Valid for every graph of the same dimension, encoding and metric.
#[derive(Debug, Clone)]
pub struct Query {
    code: Vec<u8>,
    beside: Beside,
}

impl Query {
    /// Encodes `vector` for vectors of this kind.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    #[must_use]
    pub fn new(codec: &Codec, vector: Vector) -> Query {
        let mut code = vec![0; codec.code_len()];
        let beside = codec.encode(vector, &mut code);
        Query { code, beside }
    }

    pub(in crate::vector) fn probe(&self) -> Probe<'_> {
        Probe { code: &self.code, beside: self.beside }
    }
}

/// Work that waits, and nodes that wait for their last reader.
#[derive(Debug, Default)]
struct Work {
    /// The tail's first rows, which are being linked.
    claimed: usize,
    /// Removed nodes to unlink.
    unlink: VecDeque<u32>,
    /// Nodes that are being unlinked.
    leaving: Vec<u32>,
    /// Unlinked nodes with the stamp of their unlinking.
    limbo: VecDeque<(u64, u32)>,
    /// Nodes that were added, removed or noted since they were asked for, while a graph is built anew from this one.
    changes: Vec<u32>,
}

/// Room that an empty queue keeps.
const SPARE: usize = 1024;

/// Ids that are freed at a time.
const RECLAIMED: usize = 32;

/// Takes the first of a queue, which gives its memory back with the last.
fn take_first<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() && queue.capacity() > SPARE {
        *queue = VecDeque::new();
    }
    first
}

/// Approximate nearest neighbors among vectors that come and go. See the module's documentation.
#[derive(Debug)]
pub struct Graph {
    params: Params,
    codec: Codec,
    kernel: Kernel,
    /// Coarse codes, where there are any.
    survey: Option<Box<Survey>>,
    /// Whether to walk by halves, where codes are in halves and there are no coarse ones.
    halves: Option<Halves>,
    /// Links that a node has room for on level 0, half of it above.
    room: usize,
    rows: Rows,
    blocks: Blocks,
    /// Which rows were removed and are not free yet, for walks that look over them.
    gone: Bits,
    tail: Tail,
    work: Mutex<Work>,
    /// Level and row of the node where searches begin, [`NO_ENTRY`] without.
    entry: AtomicU64,
    live: AtomicUsize,
    /// Units of unlinking that wait or run.
    unlinking: AtomicUsize,
    /// Whether something waits in limbo, so that reclaiming nothing costs nothing.
    limbo: AtomicBool,
    /// A graph is built anew from this one: see [`renewal`].
    is_left: AtomicBool,
    /// See [`Graph::set_ef_construction`].
    ef_construction: AtomicUsize,
    pace: Pace,
}

const NO_ENTRY: u64 = u64::MAX;

fn pack(level: u8, row: u32) -> u64 {
    u64::from(level) << 32 | u64::from(row)
}

impl Graph {
    /// See [`Graph::set_ef_construction`].
    #[must_use]
    pub fn ef_construction(&self) -> usize {
        self.ef_construction.load(Relaxed)
    }

    /// Beam of the search that finds a node's neighbors, for what is linked from now on.
    pub fn set_ef_construction(&self, ef: usize) {
        self.ef_construction.store(ef, Relaxed);
    }

    /// An empty graph. Takes no memory for vectors yet.
    ///
    /// # Panics
    /// When a parameter is outside the range its field documents.
    #[must_use]
    pub fn new(params: Params) -> Graph {
        assert!(params.dim > 0 && (1..=MAX_M).contains(&params.m), "parameters in their ranges");
        let codec = Codec::new(params.dim, params.encoding, params.metric);
        let room = 2 * params.m.max(MIN_M);
        let survey = (params.coarse && params.encoding == Encoding::Q8).then(|| Box::new(Survey::new(params.metric)));
        let coarse_len = if survey.is_some() { Coarse::len(params.dim) } else { 0 };
        Graph {
            params,
            codec,
            kernel: Kernel::new(&codec),
            halves: (codec.is_split() && survey.is_none()).then(Halves::default),
            survey,
            room,
            rows: Rows::new(codec.code_len(), codec.scaled(), coarse_len, room),
            blocks: Blocks::new(room / 2),
            gone: Bits::new(),
            tail: Tail::default(),
            work: Mutex::default(),
            entry: AtomicU64::new(NO_ENTRY),
            live: AtomicUsize::new(0),
            unlinking: AtomicUsize::new(0),
            limbo: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
            ef_construction: AtomicUsize::new(params.ef_construction),
            pace: Pace::default(),
        }
    }

    /// What it was made for.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// How it encodes vectors.
    #[must_use]
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Encodes a query for this graph.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    #[must_use]
    pub fn query(&self, vector: Vector) -> Query {
        Query::new(&self.codec, vector)
    }

    /// The level of a node with this hash (any 64 bits that are as good as random): `l` or higher with probability
    /// `M^-l`, as in the paper.
    #[must_use]
    pub fn level(&self, hash: u64) -> u8 {
        // A uniform number in (0, 1].
        let uniform = ((hash >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let level = -uniform.ln() / ((self.room / 2) as f64).ln();
        (level as u8).min(MAX_LEVEL)
    }

    /// Adds a vector; it is found from now on, and waits in the tail to be linked. `level_hash` decides its level.
    ///
    /// Takes the time of encoding. One thread at a time adds and removes.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    pub fn add(&self, vector: Vector, level_hash: u64) -> NodeId {
        self.add_with(vector, level_hash, |_| {})
    }

    /// As [`Graph::add`]; `prepare` gets the id before any search can return it, to store what belongs to it.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    pub fn add_with(&self, vector: Vector, level_hash: u64, prepare: impl FnOnce(NodeId)) -> NodeId {
        assert!(self.codec.fits(&vector), "a vector of the graph's dimension");
        let _inside = gate::enter();
        let level = self.level(level_hash);
        let row = self.rows.add(|code| self.codec.encode(vector, code));
        self.publish(row, level, prepare)
    }

    /// Adds what another graph of the same kind has, on the same level, as [`Graph::add_with`]. `id` is in use there, and stays so.
    pub fn adopt_with(&self, source: &Graph, id: NodeId, prepare: impl FnOnce(NodeId)) -> NodeId {
        let _inside = gate::enter();
        let probe = source.probe(id.0);
        let head = source.rows.head(id.0);
        let row = self.rows.add(|code| {
            code.copy_from_slice(probe.code);
            Beside { l2: head.l2(), scale: source.rows.scale(id.0) }
        });
        self.publish(row, head.level.load(Relaxed), prepare)
    }

    /// Makes a row that was written a node of the tail.
    fn publish(&self, row: u32, level: u8, prepare: impl FnOnce(NodeId)) -> NodeId {
        self.set_level(row, level);
        prepare(NodeId(row));
        self.live.fetch_add(1, Relaxed);
        let mut work = self.work();
        self.rows.head(row).state.store(TAIL, SeqCst);
        self.tail.push(row);
        self.note_change(row, &mut work);
        drop(work);
        NodeId(row)
    }

    /// Gives an unpublished row its level and the blocks for it.
    fn set_level(&self, row: u32, level: u8) {
        let head = self.rows.head(row);
        head.level.store(level, Relaxed);
        if level > 0 {
            head.upper.store(self.blocks.take(usize::from(level)), Relaxed);
        }
    }

    /// Removes a vector: no search that begins from now on returns it. Returns whether it was live.
    ///
    /// Constant time; its links are repaired by [`Graph::link_next`], and [`Graph::reclaim`] tells when its id is free.
    /// One thread at a time adds and removes.
    pub fn remove(&self, id: NodeId) -> bool {
        if !self.contains(id) {
            return false;
        }
        let _inside = gate::enter();
        let mut work = self.work();
        let state = &self.rows.head(id.0).state;
        let removed = |old: u8| is_live(old).then_some(old & !STATE | REMOVED);
        if state.fetch_update(SeqCst, SeqCst, removed).is_err() {
            return false;
        }
        self.gone.set(id.0);
        self.live.fetch_sub(1, Relaxed);
        self.unlinking.fetch_add(1, Relaxed);
        work.unlink.push_back(id.0);
        self.note_change(id.0, &mut work);
        true
    }

    /// Frees ids whose removal is complete and that no pin can still know, telling `gone` each one before it can be used again,
    /// and memory of those that were freed before: a few of them, so that who comes to write pays for no others' removals. It costs
    /// a load when there is nothing to free. Whether some were freed.
    ///
    /// Any thread may call it, as far as `gone` allows that. While a graph is built anew from this one, nothing is freed.
    pub fn reclaim(&self, mut gone: impl FnMut(NodeId)) -> bool {
        if !self.limbo.load(Acquire) || self.is_left() {
            return false;
        }
        let _inside = gate::enter();
        let oldest = epoch::oldest();
        let mut work = self.work();
        // Asked again: the one who begins to build anew says so under this lock.
        if self.is_left() {
            return false;
        }
        let mut freed = 0;
        while let Some(&(stamp, row)) = work.limbo.front()
            && stamp < oldest
            && freed < RECLAIMED
        {
            take_first(&mut work.limbo);
            gone(NodeId(row));
            let head = self.rows.head(row);
            let upper = head.upper.load(Relaxed);
            if upper != NONE {
                self.blocks.give(upper, usize::from(head.level.load(Relaxed)));
            }
            self.gone.clear(row);
            self.rows.free(row);
            freed += 1;
        }
        let collected = self.rows.collect();
        self.limbo.store(!work.limbo.is_empty() || self.rows.waits(), Release);
        freed > 0 || collected
    }

    /// [`Graph::reclaim`], when nothing waits to be linked or unlinked.
    pub fn reclaim_at_rest(&self, gone: impl FnMut(NodeId)) -> bool {
        self.limbo.load(Acquire) && self.pending() == 0 && self.reclaim(gone)
    }

    /// Live vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Relaxed)
    }

    /// Whether there is no live vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Vectors that wait to be linked or are being linked.
    #[must_use]
    pub fn tail_len(&self) -> usize {
        self.tail.len()
    }

    /// Units of work for [`Graph::link_next`], those that run included; one, for all steps of a survey.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.tail.len() + self.unlinking.load(Relaxed) + usize::from(self.is_to_survey())
    }

    /// Removed vectors that are still in the links.
    #[must_use]
    pub fn removed(&self) -> usize {
        self.unlinking.load(Relaxed)
    }

    /// As [`Graph::pending`], without what a thread is doing just now: whether another thread would find something to do.
    #[must_use]
    pub fn unbegun(&self) -> usize {
        let work = self.work();
        if self.is_left() {
            return 0; // but for building it anew
        }
        self.tail.len() - work.claimed + work.unlink.len() + usize::from(self.is_to_survey())
    }

    /// Every id that is in use is below this number.
    #[must_use]
    pub fn id_bound(&self) -> u32 {
        self.rows.len()
    }

    /// The live ids, ascending.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        let guard = epoch::pin();
        (0..self.rows.len()).map(NodeId).filter(move |&id| {
            let _pinned = &guard;
            self.contains(id)
        })
    }

    /// Whether `id` is a live vector's.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        let _guard = epoch::pin();
        id.0 < self.rows.len() && is_live(self.rows.head(id.0).state.load(Acquire))
    }

    /// Where searches begin, in a graph that nobody changes; where that node is removed, a live one of the highest level.
    #[must_use]
    pub fn entry(&self) -> Option<NodeId> {
        let entry = self.entry.load(Relaxed);
        let first = (entry != NO_ENTRY).then_some(NodeId(entry as u32)).filter(|&id| self.contains(id));
        first.or_else(|| self.ids().max_by_key(|&id| (self.level_of(id), Reverse(id))))
    }

    /// How many neighbors a vector has room for on a level.
    #[must_use]
    pub fn max_links(&self, level: u8) -> usize {
        if level == 0 { self.room } else { self.room / 2 }
    }

    /// Bytes taken from the allocator.
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        let work = self.work();
        let queues = taken(work.unlink.capacity() * 4)
            + taken(work.leaving.capacity() * 4)
            + taken(work.limbo.capacity() * 16)
            + taken(work.changes.capacity() * 4);
        drop(work);
        let centers = self.survey.as_deref().map_or(0, |survey| taken(size_of::<Survey>()) + survey.memory_usage());
        size_of::<Self>()
            + self.rows.memory_usage()
            + self.blocks.memory_usage()
            + self.gone.memory_usage()
            + self.tail.memory_usage()
            + queues
            + centers
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // What is done under this lock does not panic in the middle of a change.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline(always)]
    fn probe(&self, row: u32) -> Probe<'_> {
        self.kernel.probe(&self.rows, row)
    }

    #[inline(always)]
    fn state(&self, row: u32) -> u8 {
        self.rows.head(row).state.load(Acquire) & STATE
    }

    #[inline(always)]
    fn between(&self, a: u32, b: u32) -> f32 {
        self.kernel.distance(self.probe(a), self.probe(b))
    }

    /// A node's block on an upper level, if it has that level.
    fn block(&self, row: u32, level: u8) -> Option<u32> {
        let head = self.rows.head(row);
        let upper = head.upper.load(Relaxed);
        (level <= head.level.load(Relaxed) && upper != NONE).then(|| upper + u32::from(level) - 1)
    }

    /// Calls `visit` with every link of a node on a level, without a lock: whatever is in the list all the time is met.
    #[inline(always)]
    fn each_link(&self, row: u32, level: u8, visit: impl FnMut(u32)) {
        if level == 0 {
            self.rows.each_link(row, visit);
        } else if let Some(block) = self.block(row, level) {
            self.blocks.each(block, visit);
        }
    }

    /// Appends every link of a node on a level, as [`Graph::each_link`] visits them.
    #[inline(always)]
    fn append_links(&self, row: u32, level: u8, out: &mut Vec<u32>) {
        if level == 0 {
            self.rows.append_links(row, out);
        } else if let Some(block) = self.block(row, level) {
            self.blocks.each(block, |link| out.push(link));
        }
    }

    /// Gives a node that has no links on a level these, ascending, of which it has room for. Nobody looks at it yet.
    fn fill_links(&self, row: u32, level: u8, links: &[u32]) {
        if level == 0 {
            self.rows.fill_links(row, links);
        } else if let Some(block) = self.block(row, level) {
            links.iter().for_each(|&link| self.blocks.push(block, link));
        }
    }

    /// Whether `b` is in `a`'s list.
    fn linked(&self, a: u32, b: u32, level: u8) -> bool {
        let mut found = false;
        self.each_link(a, level, |row| found |= row == b);
        found
    }

    /// How many links a node has on a level.
    fn degree(&self, row: u32, level: u8) -> usize {
        match level {
            0 => self.rows.degree(row),
            _ => self.block(row, level).map_or(0, |block| self.blocks.degree(block)),
        }
    }

    /// Takes a node's lock.
    fn lock(&self, row: u32) -> Locked<'_> {
        let head = self.rows.head(row);
        let mut tries = 0u32;
        while head.state.fetch_or(LOCK, Acquire) & LOCK != 0 {
            tries += 1;
            if tries.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        Locked { graph: self, head, row }
    }
}

/// A node whose lists only this thread changes.
struct Locked<'a> {
    graph: &'a Graph,
    head: &'a Head,
    row: u32,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.head.state.fetch_and(!LOCK, AcqRel);
    }
}

impl Locked<'_> {
    fn state(&self) -> u8 {
        self.head.state.load(SeqCst) & STATE
    }

    fn has(&self, other: u32, level: u8) -> bool {
        self.graph.linked(self.row, other, level)
    }

    fn has_room(&self, level: u8) -> bool {
        let reaches = level == 0 || self.graph.block(self.row, level).is_some();
        reaches && self.graph.degree(self.row, level) < self.graph.max_links(level)
    }

    /// Adds a link; there is room for it.
    fn push(&self, other: u32, level: u8) {
        match self.block(level) {
            None => self.graph.rows.push(self.row, other),
            Some(block) => self.graph.blocks.push(block, other),
        }
    }

    /// Puts a link in the place of another, if that is there. A reader sees one of the two.
    fn replace(&self, other: u32, with: u32, level: u8) {
        match self.block(level) {
            None => self.graph.rows.replace(self.row, other, with),
            Some(block) => self.graph.blocks.replace(block, other, with),
        }
    }

    /// Takes a link out, if it is there.
    fn pull(&self, other: u32, level: u8) {
        match self.block(level) {
            None => self.graph.rows.pull(self.row, other),
            Some(block) => self.graph.blocks.pull(block, other),
        }
    }

    /// The block of a level; none for level 0, whose links are the row's.
    fn block(&self, level: u8) -> Option<u32> {
        if level == 0 { None } else { self.graph.block(self.row, level) }
    }
}

/// To a search a free row is nothing.
const _: () = assert!(FREE == 0);
