//! Unlinking a removed node, and mending the hole it leaves.
//!
//! The node's neighbors lose one link each, and perhaps the only way between two parts of the graph. They are joined
//! again as a minimum spanning tree: links that exist among them count, then the nearest pairs are linked until all are
//! connected; so whatever was connected through the removed node stays connected. Then every pair is linked, nearest
//! first, that only the removed node shadowed.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use super::link::Want;
use super::{BUSY, DEAD, Graph, LINKED, LOCK, NO_ENTRY, REMOVED, STATE, UNLINKING, pack};
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
            self.each_link(row, level, |other| scratch.batch.push(other));
            for &other in &scratch.batch {
                self.lock(other).pull(row, level);
            }
            self.mend(level, scratch);
        }
        self.bury(row);
    }

    /// From here on nobody links to `row`: whoever would must hold its lock and see its state. False if a neighbor is
    /// going too; when two see each other, both wait.
    fn begin_unlinking(&self, row: u32) -> bool {
        let _locked = self.lock(row);
        self.set_state(row, UNLINKING | BUSY);
        let mut alone = true;
        for level in 0..=self.rows.head(row).level.load(Relaxed) {
            self.each_link(row, level, |other| alone &= self.rows.head(other).state.load(SeqCst) & STATE != UNLINKING);
        }
        alone
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
            if next == NO_ENTRY || self.state(next as u32) == LINKED {
                return;
            }
            return self.replace_entry(next as u32);
        }
    }

    /// The highest linked node: a neighbor on the highest level that has one, or whatever a look at all finds.
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
        (0..self.rows.len())
            .filter(|&other| other != row && self.state(other) == LINKED)
            .max_by_key(|&other| level_of(other))
    }

    /// Joins the nodes of `scratch.batch`, which have just lost a common neighbor.
    fn mend(&self, level: u8, scratch: &mut Scratch) {
        let mut live = std::mem::take(&mut scratch.batch);
        live.retain(|&row| self.state(row) < UNLINKING);
        let mut groups: Vec<usize> = (0..live.len()).collect();
        scratch.pairs.clear();
        for (i, &a) in live.iter().enumerate() {
            for (j, &b) in live.iter().enumerate().skip(i + 1) {
                if self.linked(a, b, level) {
                    join(&mut groups, i, j);
                } else {
                    scratch.pairs.push((Key::new(self.between(a, b), a), [i as u32, j as u32]));
                }
            }
        }
        scratch.pairs.sort_unstable();
        let pairs = std::mem::take(&mut scratch.pairs);
        for pass in [Want::Needed, Want::Better] {
            for &(key, ends) in &pairs {
                let [i, j] = ends.map(|end| end as usize);
                let pair = Key::new(key.distance(), live[j]);
                let wanted = match pass {
                    Want::Needed => root(&groups, i) != root(&groups, j),
                    Want::Better => !self.shadowed(live[i], pair, level),
                };
                if wanted && self.connect_pair(live[i], pair, level, pass, &mut scratch.list) {
                    join(&mut groups, i, j);
                }
            }
        }
        scratch.pairs = pairs;
        scratch.batch = live;
    }

    /// Whether a neighbor of `row` is nearer to `key.row()` than `row` is, or they are linked already.
    fn shadowed(&self, row: u32, key: Key, level: u8) -> bool {
        let mut found = false;
        self.each_link(row, level, |near| found |= near == key.row() || self.between(near, key.row()) < key.distance());
        found
    }
}

fn root(groups: &[usize], mut i: usize) -> usize {
    while groups[i] != i {
        i = groups[i];
    }
    i
}

fn join(groups: &mut [usize], i: usize, j: usize) {
    let (i, j) = (root(groups, i), root(groups, j));
    groups[i.max(j)] = i.min(j);
}
