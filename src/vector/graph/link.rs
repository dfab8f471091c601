//! Linking: from the tail into the graph.
//!
//! A node's place is found as in the paper (algorithms 1, 2 and 4): down from the entry point with a beam of one, then on
//! each of its levels a beam of `ef_construction`, from whose catch neighbors are chosen nearest first, skipping those
//! that are nearer to a neighbor already chosen.
//!
//! Exact copies are as near to each other as can be, so none of them shadows another: the nearest of many copies are copies, and if
//! they took all links, no way would lead from those of one vector to those of another. So of what is chosen, only a part may be
//! [copies](Graph::is_copied) of one vector. And of many that are equally near, as all are to a vector that has one component alone,
//! each node links to [others](crate::vector::scratch): if all linked to the lowest rows, few would lead anywhere.
//!
//! Links are mutual, so a chosen neighbor whose list is full must give up a link, and that link's other end loses one
//! too. Which one it gives up decides whether the graph stays in one piece. So a link is given up only where a way around
//! it remains:
//!
//! * `node – far` where a neighbor of both, nearer to `far`, stands between them already, or
//! * `node – far` where the new one goes between: it becomes `node – new – far` (as in DEG, arXiv:2307.10479).
//!
//! The farthest such link goes. Since a new node always finds a first neighbor (in the worst case it goes between two
//! that are linked), a connected level stays connected.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use super::sight::{Blurred, By, Halved, Sharp, Sight};
use super::{
    BUSY, Graph, LINKED, LOCK, Locked, NO_ENTRY, REMOVED, STATE, TAIL, UNLINKING, Work, is_live, pack, take_first,
};
use crate::vector::scratch::{Key, List, Scratch};
use crate::vector::{epoch, gate};

/// How hard a link is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Only where it is better than what it replaces.
    Better,
    /// Even where it is farther than what it replaces.
    Needed,
}

/// Of the links that a node aims at, this part may lead to copies of one vector.
const COPIES: usize = 4;

/// A unit of work.
pub(super) enum Unit {
    Link(u32),
    Unlink(u32),
    /// A place of the tail held a node that is removed or linked already.
    Nothing,
}

impl Graph {
    /// Does one unit of waiting work: links a vector of the tail, or unlinks a removed one and repairs its neighborhood, or does
    /// a step of a survey.
    /// Returns whether there was one; in a graph that is [built anew](super::renewal) there is none. Any number of threads may call
    /// it at once.
    pub fn link_next(&self, scratch: &mut Scratch) -> bool {
        let _inside = gate::enter();
        let _guard = epoch::pin();
        if self.is_left() {
            return false;
        }
        if self.survey_next(scratch) {
            return true;
        }
        let unit = self.claim();
        self.do_unit(unit, scratch)
    }

    /// Links a vector of the tail, whatever else waits; false if there is none that nobody has begun. Any number of threads.
    pub fn link_one(&self, scratch: &mut Scratch) -> bool {
        let _inside = gate::enter();
        let _guard = epoch::pin();
        let unit = self.claim_of_tail(&mut self.work());
        self.do_unit(unit, scratch)
    }

    fn do_unit(&self, unit: Option<Unit>, scratch: &mut Scratch) -> bool {
        let Some(unit) = unit else { return false };
        match unit {
            Unit::Link(row) => self.link(row, scratch),
            Unit::Unlink(row) => self.unlink(row, scratch),
            Unit::Nothing => {}
        }
        true
    }

    pub(super) fn claim(&self) -> Option<Unit> {
        let mut work = self.work();
        if let Some(row) = take_first(&mut work.unlink) {
            // A row can stand in the queue twice (see `unlink`), and be gone or another's by the second time.
            let mark = |old: u8| (old & (BUSY | STATE) == REMOVED).then_some(old | BUSY);
            let claimed = self.rows.head(row).state.fetch_update(SeqCst, SeqCst, mark);
            // Where a thread is just linking it, that thread sees that it was removed and unlinks it.
            return Some(if claimed.is_ok() { Unit::Unlink(row) } else { Unit::Nothing });
        }
        self.claim_of_tail(&mut work)
    }

    fn claim_of_tail(&self, work: &mut Work) -> Option<Unit> {
        if work.claimed == self.tail.len() {
            return None;
        }
        let row = self.tail.get(work.claimed);
        let mark = |old: u8| (old & (BUSY | STATE) == TAIL).then_some(old | BUSY);
        if self.rows.head(row).state.fetch_update(SeqCst, SeqCst, mark).is_ok() {
            work.claimed += 1;
            return Some(Unit::Link(row));
        }
        let place = work.claimed;
        self.tail.take_out(place, place);
        Some(Unit::Nothing)
    }

    /// Takes a node that this thread has claimed out of the tail.
    fn leave_tail(&self, row: u32) {
        let mut work = self.work();
        let place = (0..work.claimed).find(|&place| self.tail.get(place) == row);
        if let Some(place) = place {
            work.claimed = self.tail.take_out(place, work.claimed);
        }
    }

    fn link(&self, row: u32, scratch: &mut Scratch) {
        self.find_place(row, self.ef_construction.load(Relaxed), scratch);
        self.settle(row, scratch);
        if let Some(halves) = &self.halves {
            halves.note_linked();
        }
    }

    /// Ends the linking of a node that has its links.
    pub(super) fn settle(&self, row: u32, scratch: &mut Scratch) {
        let state = &self.rows.head(row).state;
        let done = |old: u8| (old & STATE == TAIL).then_some(old & !(BUSY | STATE) | LINKED);
        if state.fetch_update(SeqCst, SeqCst, done).is_ok() {
            self.raise_entry(row);
            self.leave_tail(row);
        } else {
            // It was removed while it was being linked.
            self.leave_tail(row);
            self.unlink(row, scratch);
        }
    }

    /// Makes `row` the entry point if it is higher than the present one.
    pub(super) fn raise_entry(&self, row: u32) {
        let level = self.rows.head(row).level.load(Relaxed);
        let higher = |old: u64| (old == NO_ENTRY || (old >> 32) < u64::from(level)).then(|| pack(level, row));
        if self.entry.fetch_update(SeqCst, SeqCst, higher).is_ok() && self.state(row) != LINKED {
            // Removed meanwhile; whoever unlinks it may have looked at the entry point before.
            self.replace_entry(row);
        }
    }

    /// Makes a node's coarse code before anybody can come by it, and tells what a walk goes by.
    fn ready(&self, row: u32, scratch: &mut Scratch) -> By<'_> {
        let Some(survey) = &self.survey else { return self.walked_by() };
        let Some(usage) = survey.usage() else { return By::Distances };
        self.encode_coarse(row, survey, usage.center, scratch);
        if usage.walked { By::Coarse(&survey.coarse, survey.center(usage.center)) } else { By::Distances }
    }

    pub(super) fn find_place(&self, row: u32, ef: usize, scratch: &mut Scratch) {
        // Bits that have nothing to do with those of other rows, as many as rows have.
        let mixed = row.wrapping_mul(0x9E37_79B1).rotate_left(15).wrapping_mul(0x85EB_CA77);
        scratch.pool.turn(mixed & (self.rows.len().next_power_of_two() - 1));
        self.find_place_turned(row, ef, scratch);
        scratch.pool.turn(0);
    }

    fn find_place_turned(&self, row: u32, ef: usize, scratch: &mut Scratch) {
        let by = self.ready(row, scratch);
        let entry = self.entry.load(Acquire);
        if entry == NO_ENTRY {
            // The first node has nobody to link to; but another thread may be making its own the first.
            let level = self.rows.head(row).level.load(Relaxed);
            if self.entry.compare_exchange(NO_ENTRY, pack(level, row), SeqCst, Acquire).is_ok() {
                return;
            }
            return self.find_place_turned(row, ef, scratch);
        }
        let probe = self.probe(row);
        match by {
            By::Distances => self.find_place_by(&Sharp { graph: self, probe }, row, ef, entry, scratch),
            By::Halves => {
                let mut outline = std::mem::take(&mut scratch.outline);
                let sight = Halved::new(self, probe, &mut outline);
                self.find_place_by(&sight, row, ef, entry, scratch);
                scratch.outline = outline;
            }
            By::Coarse(coarse, center) => {
                let mut sketch = std::mem::take(&mut scratch.sketch);
                let sight = Blurred::new(self, coarse, center, probe, &mut sketch);
                self.find_place_by(&sight, row, ef, entry, scratch);
                scratch.sketch = sketch;
            }
        }
    }

    fn find_place_by<S: Sight>(&self, sight: &S, row: u32, ef: usize, entry: u64, scratch: &mut Scratch) {
        let (top, mut near) = ((entry >> 32) as u8, entry as u32);
        let level = self.rows.head(row).level.load(Relaxed);
        for upper in (level + 1..=top).rev() {
            near = self.greedy(sight, near, upper, &mut scratch.list);
        }
        scratch.tail.clear();
        scratch.found.clear();
        scratch.found.push(Key::new(sight.distance(near), near));
        let mut above = Vec::new();
        for at in (0..=level.min(top)).rev() {
            if scratch.found.is_empty() {
                scratch.found.push(Key::new(sight.distance(near), near));
            }
            scratch.marks.clear();
            for key in &scratch.found {
                scratch.marks.insert(key.row());
            }
            let linkable = |other: u32| other != row && is_live(self.state(other));
            let walked = self.walk(sight, ef, at, linkable, None, scratch);
            debug_assert!(walked.is_ok(), "nobody cancels this");
            if at > 0 {
                above.push((at, scratch.found.clone()));
            }
        }
        scratch.marks.clear();
        // From below: whom the upper levels lead to this node must find a way on from it.
        self.connect_found::<S>(row, 0, scratch);
        if self.degree(row, 0) == 0 {
            self.connect_anywhere(row, ef, scratch);
        }
        for (at, found) in above.into_iter().rev() {
            scratch.found = found;
            self.connect_found::<S>(row, at, scratch);
        }
    }

    /// [`Graph::connect`] for what a walk has found.
    fn connect_found<S: Sight>(&self, row: u32, level: u8, scratch: &mut Scratch) {
        if !S::EXACT {
            self.rank(self.probe(row), scratch);
        }
        self.connect(row, level, scratch);
    }

    /// Links a node that found nobody on level 0: everything near the entry point was removed, or full of others.
    fn connect_anywhere(&self, row: u32, ef: usize, scratch: &mut Scratch) {
        let probe = self.probe(row);
        scratch.found.clear();
        for other in 0..self.rows.len() {
            if other != row && self.state(other) == LINKED {
                scratch.found.push(Key::new(self.kernel.distance(probe, self.probe(other)), other));
            }
        }
        scratch.found.sort_unstable();
        scratch.found.truncate(ef.max(1));
        self.connect(row, 0, scratch);
    }

    /// Chooses neighbors among `scratch.found` (nearest first) and links them.
    pub(super) fn connect(&self, row: u32, level: u8, scratch: &mut Scratch) {
        self.choose(self.room / 2, scratch);
        let chosen = std::mem::take(&mut scratch.chosen);
        for &key in &chosen {
            self.connect_pair(row, key, level, Want::Better, [None; 2], &mut scratch.list);
        }
        scratch.chosen = chosen;
        // Near duplicates shadow each other, and full neighbors refuse: what is left poor insists.
        let enough = if level == 0 { self.room / 4 } else { 1 };
        let found = std::mem::take(&mut scratch.found);
        for &key in &found {
            if self.degree(row, level) >= enough {
                break;
            }
            self.connect_pair(row, key, level, Want::Needed, [None; 2], &mut scratch.list);
        }
        scratch.found = found;
    }

    /// Algorithm 4: the nearest of `scratch.found` that no chosen one shadows, at most `m`.
    fn choose(&self, m: usize, scratch: &mut Scratch) {
        scratch.chosen.clear();
        scratch.rows.clear();
        for &key in &scratch.found {
            if scratch.chosen.len() == m {
                break;
            }
            let shadowed = self.kernel.any_nearer(self.probe(key.row()), &self.rows, &scratch.rows, key.distance());
            if !shadowed && !self.is_copied(key, &scratch.chosen) {
                scratch.chosen.push(key);
                scratch.rows.push(key.row());
            }
        }
    }

    /// Whether as many exact copies of a vector are chosen as should be.
    fn is_copied(&self, key: Key, chosen: &[Key]) -> bool {
        let probe = self.probe(key.row());
        let is_copy = |other: &&Key| {
            // Of what is as far, copies have the same code.
            let other = (other.distance() == key.distance()).then(|| self.probe(other.row()));
            other.is_some_and(|other| other.code == probe.code && other.beside.scale == probe.beside.scale)
        };
        // The nearest come first, so that copies stand together.
        let copies = chosen.iter().rev().take_while(|other| other.distance() == key.distance()).filter(is_copy).count();
        copies >= (self.room / 2 / COPIES).max(1)
    }

    /// Links `row` and `key.row()`, which are `key.distance()` apart, giving up a link where a list is full: the one to a
    /// node that is leaving, where there is one for that end, or a surplus one. Returns whether they are linked now.
    pub(super) fn connect_pair(
        &self,
        row: u32,
        key: Key,
        level: u8,
        want: Want,
        leaving: [Option<u32>; 2],
        list: &mut List,
    ) -> bool {
        let other = key.row();
        // A list may change between looking and locking; whoever is that unlucky three times goes without.
        for _ in 0..3 {
            let mut given = [None; 2];
            for (i, [node, peer]) in [[row, other], [other, row]].into_iter().enumerate() {
                if self.degree(node, level) >= self.max_links(level) {
                    let leaving = leaving[i].filter(|&leaving| self.linked(node, leaving, level));
                    given[i] = match leaving {
                        Some(leaving) => Some(Surplus { far: leaving, via: leaving }),
                        None => self.surplus(node, Key::new(key.distance(), peer), level, want, list),
                    };
                    if given[i].is_none() {
                        return false;
                    }
                }
            }
            if let Some(done) = self.exchange([row, other], given, level) {
                return done;
            }
        }
        false
    }

    /// Under the locks of all concerned: links the pair and gives the surplus links up. `None` when the lists have
    /// changed in between.
    fn exchange(&self, pair: [u32; 2], given: [Option<Surplus>; 2], level: u8) -> Option<bool> {
        let mut order = [pair[0]; 6];
        order[1] = pair[1];
        for (i, surplus) in given.iter().enumerate() {
            if let Some(surplus) = surplus {
                order[2 + 2 * i] = surplus.far;
                order[3 + 2 * i] = surplus.via;
            }
        }
        order.sort_unstable();
        let mut locks = [const { None }; 6];
        for (i, &node) in order.iter().enumerate() {
            if i == 0 || order[i - 1] != node {
                locks[i] = Some(self.lock(node));
            }
        }
        let find = |node: u32| locks.iter().flatten().find(|locked| locked.row == node);
        let (Some(a), Some(b)) = (find(pair[0]), find(pair[1])) else { return Some(false) };
        if pair[0] == pair[1] || a.state() >= UNLINKING || b.state() >= UNLINKING {
            return Some(false);
        }
        if a.has(b.row, level) {
            return Some(true);
        }
        let ends = [(a, b, given[0]), (b, a, given[1])];
        let mut gifts = [None; 2];
        for (gift, (node, peer, surplus)) in gifts.iter_mut().zip(ends) {
            match surplus {
                Some(surplus) => {
                    let far = find(surplus.far)?;
                    *gift = Some((far, self.way_around(node, peer, far, find(surplus.via)?, level)?));
                }
                None if !node.has_room(level) => return None,
                None => {}
            }
        }
        // Each step leaves a way between any two of them, for a reader who comes by just then.
        for ((_, peer, _), gift) in ends.iter().zip(&gifts) {
            if let Some((far, Way::Between)) = gift {
                peer.push(far.row, level);
            }
        }
        for ((node, peer, _), gift) in ends.iter().zip(&gifts) {
            if gift.is_none() {
                node.push(peer.row, level);
            }
        }
        for ((node, peer, _), gift) in ends.iter().zip(&gifts) {
            let Some((far, way)) = gift else { continue };
            match way {
                Way::Between => far.replace(node.row, peer.row, level),
                Way::Exists => far.pull(node.row, level),
                Way::Leaving => {}
            }
            node.replace(far.row, peer.row, level);
        }
        Some(true)
    }

    /// What remains between `node` and `far` when `node` gives the link between them up for one to `peer`; all four are
    /// locked. `None` when they are not linked any more, or there would be no way.
    fn way_around(&self, node: &Locked, peer: &Locked, far: &Locked, via: &Locked, level: u8) -> Option<Way> {
        if !node.has(far.row, level) {
            None
        } else if via.row == far.row {
            Some(Way::Leaving)
        } else if via.row != peer.row {
            let stands = via.has(node.row, level) && via.has(far.row, level) && via.state() < UNLINKING;
            stands.then_some(Way::Exists)
        } else if peer.has(far.row, level) {
            Some(Way::Exists)
        } else {
            // It needs room for both.
            let fits = self.degree(peer.row, level) + 2 <= self.max_links(level);
            (fits && far.state() < UNLINKING).then_some(Way::Between)
        }
    }

    /// Which link `node`, whose list is full, gives up for one to `new`: the farthest that is redundant. None if all are
    /// better kept.
    fn surplus(&self, node: u32, new: Key, level: u8, want: Want, list: &mut List) -> Option<Surplus> {
        let List { keys, rows, distances, .. } = list;
        rows.clear();
        self.append_links(node, level, rows);
        self.kernel.distances(self.probe(node), &self.rows, rows, distances);
        keys.clear();
        keys.extend(rows.iter().zip(distances).map(|(&row, &mut distance)| Key::new(distance, row)));
        keys.sort_unstable();
        let room = self.degree(new.row(), level) + 2 <= self.max_links(level);
        let poor = if level == 0 { self.room / 4 } else { 1 };
        let mut last = None;
        for (i, &key) in keys.iter().enumerate().rev() {
            if want == Want::Better && key.distance() <= new.distance() {
                break;
            }
            let far = key.row();
            let probe = self.probe(far);
            let nearer = |row: u32| self.kernel.distance(probe, self.probe(row)) < key.distance();
            let mut via = None;
            let mut linked = false;
            let nearer_ones = &keys[..i];
            self.each_link(far, level, |row| {
                linked |= row == new.row();
                let common = via.is_none() && nearer_ones.iter().any(|near| near.row() == row);
                if common && nearer(row) && self.state(row) < UNLINKING {
                    via = Some(row);
                }
            });
            if linked {
                return Some(Surplus { far, via: new.row() });
            }
            if let Some(via) = via.filter(|_| self.degree(far, level) > poor) {
                return Some(Surplus { far, via });
            }
            if room && nearer(new.row()) {
                return Some(Surplus { far, via: new.row() });
            }
            last = last.or((room && want == Want::Needed).then_some(Surplus { far, via: new.row() }));
        }
        last
    }
}

/// A link that can be given up without tearing the graph.
#[derive(Debug, Clone, Copy)]
struct Surplus {
    /// The other end.
    far: u32,
    /// A node that is linked to both ends, or will be: then it is the new neighbor, which goes between. Or the other end
    /// itself: it is being unlinked, and its own list leads on for as long as a reader can stand on it.
    via: u32,
}

/// What remains between the ends of a link that is given up.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The new neighbor goes between.
    Between,
    /// Another way exists.
    Exists,
    /// Nothing needs to: the other end is being unlinked.
    Leaving,
}

/// The flags of a state are not part of it.
const _: () = assert!((BUSY | LOCK) & STATE == 0);
