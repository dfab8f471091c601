//! Building anew: where much was removed, another graph is built of what stays, and takes this one's place.
//!
//! To unlink a node and mend the hole takes as long as to link one. So where more is gone than stays, linking what stays takes less
//! time than unlinking what is gone, and makes better links. And rows that stay are scattered over all chunks, so that few of
//! these could be freed. An heir has neither the links nor the rows of what is gone. Nobody waits for it: workers build it in
//! small steps, and until it is complete, the graph is searched and written to as ever; walks go over what was
//! removed.
//!
//! # Protocol
//!
//! ```text
//! begin ──→ adopt, link ──→ catch up ──→ finish
//!             one thread     one thread   one thread, while nobody writes
//! ```
//!
//! 1. **Begin.** The graph is *left* from here on, which is set and read under its work mutex. In a graph that is left, nothing is
//!    unlinked, no row is freed, and of the tail only as much is linked as its owner asks for ([`Graph::link_one`]). So an id
//!    that was given means the same vector until the end. Every change is noted: what is added, what is removed, and what its owner
//!    [notes](Graph::note).
//! 2. **Adopt.** One thread at a time, the holder of the course, goes through the rows in their order and has the heir
//!    [adopt](Heir::adopt) those that are live, a few at a time, as long as the heir's tail is short. All threads link these
//!    in the heir.
//! 3. **Catch up.** Of each change that was noted, the present state counts, not the one it was noted with: live and not
//!    adopted means adopt, adopted and not live means lose, both means update. A change is noted after it was made. So whoever has
//!    read a state that has changed since finds it in the notes afterwards.
//! 4. **Finish.** The owner keeps the writing thread out, the last few changes are caught up with, and the heir takes the
//!    graph's place. Who searches the graph meanwhile goes on in it; it is dropped by the last of them. The heir's own tail is short then,
//!    and goes on being linked.
//!
//! If most of what the heir has adopted is gone before it is complete, [another one](Renewal::is_vain) is begun. That happens once
//! for each time that what stays becomes half of what it was, at most.
//!
//! # Fork
//!
//! Each step is inside the [`gate`]. A child knows the graph that was in its place at the fork, and that one is whole.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Graph, NONE, NodeId, Work, epoch, gate};
use crate::vector::scratch::Scratch;

/// Of the heir's tail: while it is shorter, more is adopted.
const AHEAD: usize = 64;
/// Vectors that are adopted in a step.
const ADOPTED: usize = 16;
/// Rows that are looked at in a step.
const LOOKED_AT: u32 = 4096;
/// Changes that are left for the end, while nobody writes.
const FEW: usize = 64;
/// Fewer removed vectors than this are unlinked, how few ever stay.
const LEAST: usize = 64;
/// A smaller arena is left as it is.
const SMALL: usize = 4096;

/// What is built anew: a graph, alone or with what belongs to its vectors.
pub trait Heir: Send + Sync {
    /// The graph.
    fn graph(&self) -> &Graph;
    /// Takes over a vector of `source` and all that belongs to it. Returns its id here.
    fn adopt(&self, source: &Self, id: NodeId) -> NodeId;
    /// What belongs to a vector that is `own` here may have changed.
    fn update(&self, source: &Self, id: NodeId, own: NodeId);
    /// Removes a vector.
    fn lose(&self, own: NodeId);
}

impl Heir for Graph {
    fn graph(&self) -> &Graph {
        self
    }

    fn adopt(&self, source: &Graph, id: NodeId) -> NodeId {
        self.adopt_with(source, id, |_| {})
    }

    fn update(&self, _: &Graph, _: NodeId, _: NodeId) {}

    fn lose(&self, own: NodeId) {
        self.remove(own);
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something was done.
    Done,
    /// There is nothing to do now, or for one thread only, which is at it.
    Nothing,
    /// The heir is complete but for a few changes: time for [`Renewal::finish`].
    Ready,
}

/// An heir that is being built. See the module's documentation.
#[derive(Debug)]
pub struct Renewal<H> {
    heir: Arc<H>,
    course: Mutex<Course>,
}

/// What the thread knows that adopts and catches up.
#[derive(Debug, Default)]
struct Course {
    /// The row to look at next.
    next: u32,
    /// By row: the heir's, `NONE` where it was not adopted.
    moved: Vec<u32>,
    /// It was finished, or given up.
    is_over: bool,
}

/// What takes a graph's place.
#[derive(Debug)]
pub struct Finished<H, T> {
    /// The heir.
    pub heir: Arc<H>,
    /// The heir's ids.
    pub moved: Moved,
    /// What keeps the writing thread out.
    pub kept_out: T,
}

/// Which ids vectors have in the heir.
#[derive(Debug)]
pub struct Moved(Vec<u32>);

impl Moved {
    /// The id in the heir; `None` for what was removed.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<NodeId> {
        self.0.get(id.0 as usize).copied().filter(|&row| row != NONE).map(NodeId)
    }
}

impl<H: Heir> Renewal<H> {
    /// Begins to build an heir of a graph, instead of one that was begun `before`.
    pub fn begin(source: &H, heir: H, before: Option<&Renewal<H>>) -> Renewal<H> {
        let _inside = gate::enter();
        if let Some(before) = before {
            before.lock().is_over = true;
        }
        source.graph().leave();
        Renewal { heir: Arc::new(heir), course: Mutex::default() }
    }

    /// What was built so far.
    pub fn heir(&self) -> &H {
        &self.heir
    }

    /// Whether so much of what was adopted is gone that it is better to begin again.
    pub fn is_vain(&self) -> bool {
        self.heir.graph().is_sparse()
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a little of what is to be done. Any number of threads.
    pub fn step(&self, source: &H, scratch: &mut Scratch) -> Step {
        let _inside = gate::enter();
        let _guard = epoch::pin();
        let heir = self.heir.graph();
        if heir.tail_len() < AHEAD {
            let course = match self.course.try_lock() {
                Ok(course) => Some(course),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            if let Some(mut course) = course {
                if course.is_over {
                    return Step::Nothing;
                }
                if course.go_on(source, &*self.heir) {
                    return Step::Done;
                }
                if course.catch_up(source, &*self.heir) <= FEW {
                    return Step::Ready;
                }
                return Step::Done;
            }
        }
        if heir.link_next(scratch) { Step::Done } else { Step::Nothing }
    }

    /// Ends it, while `keep_out` keeps the writing thread out, for who has been told that it is [ready](Step::Ready). `None`: it is
    /// over already, or the writing thread can't be kept out now.
    pub fn finish<T>(&self, source: &H, keep_out: impl FnOnce() -> Option<T>) -> Option<Finished<H, T>> {
        let _inside = gate::enter();
        let _guard = epoch::pin();
        let mut course = self.lock();
        if course.is_over {
            return None;
        }
        course.catch_up(source, &*self.heir);
        let kept_out = keep_out()?;
        course.catch_up(source, &*self.heir);
        course.is_over = true;
        Some(Finished { heir: Arc::clone(&self.heir), moved: Moved(std::mem::take(&mut course.moved)), kept_out })
    }
}

impl Course {
    /// Looks at the next rows; false: there are no more.
    fn go_on<H: Heir>(&mut self, source: &H, heir: &H) -> bool {
        let graph = source.graph();
        let end = graph.rows.len().min(self.next.saturating_add(LOOKED_AT));
        let (first, mut adopted) = (self.next, 0);
        while self.next < end && adopted < ADOPTED {
            let id = NodeId(self.next);
            self.next += 1;
            if graph.contains(id) {
                adopted += usize::from(self.adopt(source, heir, id));
            }
        }
        self.next > first
    }

    fn adopt<H: Heir>(&mut self, source: &H, heir: &H, id: NodeId) -> bool {
        let at = id.0 as usize;
        if at >= self.moved.len() {
            self.moved.resize(at + 1, NONE);
        }
        let is_new = self.moved[at] == NONE;
        if is_new {
            self.moved[at] = heir.adopt(source, id).0;
        }
        is_new
    }

    /// Does in the heir what was noted; how much that was.
    fn catch_up<H: Heir>(&mut self, source: &H, heir: &H) -> usize {
        let changes = source.graph().take_changes();
        for &row in &changes {
            let own = self.moved.get(row as usize).copied().filter(|&own| own != NONE).map(NodeId);
            match (own, source.graph().contains(NodeId(row))) {
                (Some(own), true) => heir.update(source, NodeId(row), own),
                (Some(own), false) => {
                    heir.lose(own);
                    self.moved[row as usize] = NONE;
                }
                (None, true) => _ = self.adopt(source, heir, NodeId(row)),
                (None, false) => {}
            }
        }
        changes.len()
    }
}

impl Graph {
    /// Whether so much was removed that it is better built anew: of what is in the links, or of what its rows take.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        let (live, gone) = (self.len(), self.removed());
        if live == 0 {
            return false;
        }
        let (room, least) = (self.rows.room(), self.rows.least_room(u32::try_from(live).unwrap_or(u32::MAX)));
        gone >= LEAST && 2 * gone > live || room - room / 7 * 2 > least && self.rows.bytes_of(room) > SMALL
    }

    /// Whether it is [sparse](Graph::is_sparse), or an heir is being built.
    #[must_use]
    pub fn is_to_renew(&self) -> bool {
        self.is_left() || self.is_sparse()
    }

    /// Whether an heir is being built.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.is_left.load(Acquire)
    }

    /// An heir is being built, from here on.
    fn leave(&self) {
        let mut work = self.work();
        work.changes = Vec::new();
        self.is_left.store(true, Release);
    }

    /// Takes note that what belongs to a vector has changed, for an heir that is being built.
    pub fn note(&self, id: NodeId) {
        if self.is_left.load(Relaxed) {
            let _inside = gate::enter();
            self.note_change(id.0, &mut self.work());
        }
    }

    pub(super) fn note_change(&self, row: u32, work: &mut Work) {
        if self.is_left.load(Relaxed) {
            work.changes.push(row);
        }
    }

    fn take_changes(&self) -> Vec<u32> {
        std::mem::take(&mut self.work().changes)
    }
}
