//! Unlinking a removed node, and mending the hole it leaves.
//!
//! The node's neighbors lose one link each, and perhaps the only way between two parts of the graph. They are joined
//! as a minimum spanning tree: links that exist among them count, then the nearest pairs are linked until all are
//! connected; so whatever was connected through the removed node stays connected. Then every pair is linked, nearest
//! first, that only the removed node shadowed.
//!
//! They are joined before the node is taken out of their lists, so that a reader finds a way at every moment. One whose
//! list is full puts the new neighbor in the node's place, as long as another of those it is connected with still leads to
//! the node; the node's own list leads to all of them to the end.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use super::link::Want;
use super::{BUSY, DEAD, Graph, LINKED, LOCK, NO_ENTRY, REMOVED, TAIL, UNLINKING, is_live, pack};
use crate::vector::epoch;
use crate::vector::scratch::{Key, Scratch};

impl Graph {
    /// Unlinks a removed node that this thread has claimed, or puts it back because a neighbor is being unlinked.
    pub(super) fn unlink(&self, row: u32, scratch: &mut Scratch) {
        if !self.begin_unlinking(row) {
            let mut work = self.work();
            self.set_state(row, REMOVED);
            work.unlink.push_back(row);
            drop(work);
            return std::thread::yield_now();
        }
        self.replace_entry(row);
        for level in (0..=self.rows.head(row).level.load(Relaxed)).rev() {
            scratch.batch.clear();
            self.append_links(row, level, &mut scratch.batch);
            self.mend(row, level, scratch);
        }
        self.bury(row);
    }

    /// From here on nobody links to `row`: whoever would must hold its lock and see its state. False if one that is being
    /// unlinked is or was its neighbor: that one's list still leads to it, and must not outlive it.
    fn begin_unlinking(&self, row: u32) -> bool {
        let mut work = self.work();
        let leads_here = |&other: &u32| {
            let top = self.rows.head(other).level.load(Relaxed).min(self.rows.head(row).level.load(Relaxed));
            (0..=top).any(|level| self.linked(other, row, level))
        };
        if work.leaving.iter().any(leads_here) {
            return false;
        }
        work.leaving.push(row);
        let _locked = self.lock(row);
        self.set_state(row, UNLINKING | BUSY);
        true
    }

    /// Sets state and BUSY of a node that this thread has claimed; the lock stays as it is.
    fn set_state(&self, row: u32, state: u8) {
        let _ = self.rows.head(row).state.fetch_update(SeqCst, SeqCst, |old| Some(old & LOCK | state));
    }

    /// Hands an unlinked node to the epochs.
    fn bury(&self, row: u32) {
        let mut work = self.work();
        let stamp = epoch::retire();
        self.set_state(row, DEAD);
        work.limbo.push_back((stamp, row));
        work.leaving.retain(|&other| other != row);
        self.limbo.store(true, Release);
        self.unlinking.fetch_sub(1, Relaxed);
    }

    /// Gives the graph another entry point than `row`, if it is the present one.
    pub(super) fn replace_entry(&self, row: u32) {
        loop {
            let entry = self.entry.load(SeqCst);
            if entry == NO_ENTRY || entry as u32 != row {
                return;
            }
            let next =
                self.successor(row).map_or(NO_ENTRY, |next| pack(self.rows.head(next).level.load(Relaxed), next));
            if self.entry.compare_exchange(entry, next, SeqCst, Acquire).is_err() {
                continue;
            }
            // It may have been removed between choosing and publishing it, by someone who saw another entry point.
            if next == NO_ENTRY || is_live(self.state(next as u32)) {
                return;
            }
            return self.replace_entry(next as u32);
        }
    }

    /// The highest linked node: a neighbor on the highest level that has one, or whatever a look at all finds. Where none is
    /// left but some are just being linked to each other, one of those, so that the next does not begin another graph.
    fn successor(&self, row: u32) -> Option<u32> {
        let level_of = |row: u32| self.rows.head(row).level.load(Relaxed);
        for level in (0..=level_of(row)).rev() {
            let mut best: Option<u32> = None;
            self.each_link(row, level, |other| {
                if self.state(other) == LINKED && best.is_none_or(|best| level_of(other) > level_of(best)) {
                    best = Some(other);
                }
            });
            if best.is_some() && level > 0 {
                return best;
            }
        }
        let rank = |other: u32| match self.state(other) {
            LINKED => Some((true, level_of(other), other)),
            TAIL if self.degree(other, 0) > 0 => Some((false, level_of(other), other)),
            _ => None,
        };
        (0..self.rows.len()).filter(|&other| other != row).filter_map(rank).max().map(|(_, _, other)| other)
    }

    /// Joins the nodes of `scratch.batch`, the neighbors of `leaving`, and takes it out of their lists.
    fn mend(&self, leaving: u32, level: u8, scratch: &mut Scratch) {
        let batch = std::mem::take(&mut scratch.batch);
        let live: Vec<u32> = batch.iter().copied().filter(|&row| self.state(row) < UNLINKING).collect();
        let mut groups = Groups::new(live.len());
        scratch.pairs.clear();
        for (i, &a) in live.iter().enumerate() {
            for (j, &b) in live.iter().enumerate().skip(i + 1) {
                if self.linked(a, b, level) {
                    groups.join(i, j);
                } else {
                    scratch.pairs.push((Key::new(self.between(a, b), a), [i as u32, j as u32]));
                }
            }
        }
        scratch.pairs.sort_unstable();
        let pairs = std::mem::take(&mut scratch.pairs);
        for pass in [Pass::Before, Pass::After, Pass::More] {
            if pass == Pass::After {
                batch.iter().for_each(|&other| self.lock(other).pull(leaving, level));
            }
            for &(key, ends) in &pairs {
                let [i, j] = ends.map(|end| end as usize);
                let pair = Key::new(key.distance(), live[j]);
                let (wanted, want) = match pass {
                    Pass::More => (!self.shadowed(live[i], pair, level), Want::Better),
                    _ => (groups.root(i) != groups.root(j), Want::Needed),
                };
                if !wanted {
                    continue;
                }
                let full = |end: usize| self.degree(live[end], level) >= self.max_links(level);
                let may = if pass == Pass::Before { groups.may_leave(i, j, full) } else { [false; 2] };
                let leaving = may.map(|may| may.then_some(leaving));
                if self.connect_pair(live[i], pair, level, want, leaving, &mut scratch.list) {
                    groups.join(i, j);
                    groups.left(i, j, may);
                }
            }
        }
        scratch.pairs = pairs;
        scratch.batch = batch;
    }

    /// Whether a neighbor of `row` is nearer to `key.row()` than `row` is, or they are linked already.
    fn shadowed(&self, row: u32, key: Key, level: u8) -> bool {
        let mut found = false;
        self.each_link(row, level, |near| found |= near == key.row() || self.between(near, key.row()) < key.distance());
        found
    }
}

/// What is done to the neighbors of a node that is being unlinked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Joining them while it is still in their lists.
    Before,
    /// Joining those that could not be joined without its place in their lists.
    After,
    /// Linking those that only it shadowed.
    More,
}

/// Which neighbors of a node that is being unlinked are connected without it, and who still leads to it.
struct Groups {
    parents: Vec<usize>,
    leads: Vec<bool>,
}

impl Groups {
    fn new(count: usize) -> Groups {
        Groups { parents: (0..count).collect(), leads: vec![true; count] }
    }

    fn root(&self, mut i: usize) -> usize {
        while self.parents[i] != i {
            i = self.parents[i];
        }
        i
    }

    fn join(&mut self, i: usize, j: usize) {
        let (i, j) = (self.root(i), self.root(j));
        self.parents[i.max(j)] = i.min(j);
    }

    /// Which of two whose groups are to be joined may give up their link to the node, having no room: the node leads to
    /// everybody, so a group that is not yet all needs one who leads to it.
    fn may_leave(&self, i: usize, j: usize, full: impl Fn(usize) -> bool) -> [bool; 2] {
        let both = [i, j].map(|end| self.leads[end] && full(end));
        let roots = [self.root(i), self.root(j)];
        let all = (0..self.parents.len()).all(|other| roots.contains(&self.root(other)));
        let stays = |may: [bool; 2], end: usize| !(may[0] && end == i || may[1] && end == j);
        let holds = |may: [bool; 2]| {
            let mut ends = (0..self.parents.len()).filter(|&end| self.leads[end] && roots.contains(&self.root(end)));
            ends.any(|end| stays(may, end))
        };
        let choices = [both, [both[0], false], [false, both[1]]];
        choices.into_iter().find(|&may| all || holds(may)).unwrap_or_default()
    }

    /// Takes note of who has given up the link to the node.
    fn left(&mut self, i: usize, j: usize, may: [bool; 2]) {
        self.leads[i] &= !may[0];
        self.leads[j] &= !may[1];
    }
}
