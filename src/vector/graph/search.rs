//! Searching: the nearest, all within a radius, and the exact answers to both.
//!
//! | search | when |
//! |---|---|
//! | beam (algorithm 2 of the paper) | many vectors, a beam that is small beside their number |
//! | scan | few vectors, or a beam so wide that it would visit most of them: exact, and cheaper |
//! | [filtered](super::filter) | only some vectors match |
//!
//! Every search looks at the unlinked tail before it walks, so a node that gets linked meanwhile is met twice rather than
//! not at all. Hits come best first; equal distances in the order of ids.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Instant;

use super::over::met;
use super::request::{CANCEL_EVERY, Cancelled, Filter, Range, Search};
use super::sight::{By, Sharp, Sight, widened, widened_by_halves};
use super::{Graph, Hit, NO_ENTRY, NodeId, Query, TAIL, is_live};
use crate::vector::distance::{Coarse, Probe};
use crate::vector::epoch;
use crate::vector::scan::Scan;
use crate::vector::scratch::{Key, List, Pool, Scratch, offer, retain_unforeseen};

/// A beam of `ef` visits about this many times `ef` nodes, each of which costs a few times one of a scan.
const SCAN_BELOW: usize = 8;
/// Beams up to this width are sorted arrays, wider ones heaps.
const WIDE: usize = 1024;
impl Graph {
    /// Finds the `k` nearest, best first, approximately; `out` is cleared first.
    ///
    /// As many as match are returned, `k` at most, however few of them the walk meets.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn search(
        &self,
        query: &Query,
        search: &Search,
        scratch: &mut Scratch,
        out: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let _guard = epoch::pin();
        out.clear();
        if search.k == 0 || self.is_empty() {
            return Ok(());
        }
        let ef = search.ef.max(search.k).max(1);
        let done = self.find(query, ef, search, scratch);
        if done.is_err() {
            self.rank_met(query, search.k, scratch);
        }
        self.report(query, search.k, scratch, out);
        done
    }

    /// What [`Graph::search`] finds, into `scratch.found`.
    fn find(&self, query: &Query, ef: usize, search: &Search, scratch: &mut Scratch) -> Result<(), Cancelled> {
        match search.filter {
            Filter::All if ef.saturating_mul(SCAN_BELOW) < self.len() && !self.is_scanned_over(ef) => {
                let begin = Instant::now();
                self.catch(query.probe(), (ef, ef, search.k), |_| true, search.cancel, scratch)?;
                if !self.has_many_gone() {
                    self.pace.note(self.counted(ef), begin.elapsed(), self.typical_pace());
                }
                if scratch.found.len() < search.k {
                    self.scan_rows(query.probe(), search, scratch)?;
                }
            }
            Filter::All => self.scan_rows(query.probe(), search, scratch)?,
            _ => self.search_filtered(query.probe(), ef, search, scratch)?,
        }
        Ok(())
    }

    /// Of what a search that was stopped has met, leaves about as many as are wanted, with their distances.
    fn rank_met(&self, query: &Query, k: usize, scratch: &mut Scratch) {
        /// So many are compared in a moment.
        const MOST: usize = 1024;
        scratch.found.truncate(k.saturating_mul(2).min(MOST));
        self.rank(query.probe(), scratch);
    }

    /// About how many nanoseconds a search without filter takes, at the pace of those before it.
    #[must_use]
    pub fn cost(&self, ef: usize) -> u64 {
        let all = (self.len() as u64).saturating_mul(self.cost_each());
        self.pace.applied(self.counted(ef), self.typical_pace()).min(all)
    }

    /// The pace of a graph that was not searched yet: where it is larger than caches of a core are, memory takes most of the
    /// time. (With 399,000 vectors of 50 components, a beam of 160: 0.26 ms, of which 0.06 are counted.)
    fn typical_pace(&self) -> u32 {
        const CACHED: usize = 4 << 20;
        if self.len().saturating_mul(self.codec.code_len() + 4 * self.room) < CACHED { 2 } else { 4 }
    }

    /// The nanoseconds of a walk without filter by its comparisons, as if all that it compares were at hand.
    fn counted(&self, ef: usize) -> u64 {
        /// Nodes that are expanded on each of the levels above.
        const ABOVE: u64 = 5;
        let levels = match self.entry.load(Relaxed) {
            NO_ENTRY => 0,
            entry => entry >> 32,
        };
        let met = (ef as u64).saturating_add(levels * ABOVE).saturating_mul(self.met_each());
        // Estimates of all, and distances of what the beam holds.
        let estimated = |bytes: usize, beam: usize| {
            let estimate = 15 + bytes as u64 / 16;
            met.saturating_mul(estimate + 15).saturating_add((beam as u64).saturating_mul(self.cost_each()))
        };
        let walk = match self.walked_by() {
            By::Distances => met.saturating_mul(self.cost_each() + 15),
            By::Halves => estimated(self.codec.code_len() / 2, widened_by_halves(ef)),
            By::Coarse(..) => estimated(Coarse::len(self.params.dim), widened(1, ef)),
        };
        let tail = (self.tail_len() as u64).saturating_mul(self.cost_each());
        walk.saturating_add(tail)
    }

    /// How many vectors a walk compares with to go on from a node: of its neighbors, about a third are new.
    pub(super) fn met_each(&self) -> u64 {
        self.room as u64 / 3 + 1
    }

    /// About how many nanoseconds looking at one vector takes among many.
    #[must_use]
    pub fn cost_each(&self) -> u64 {
        self.codec.cost_each()
    }

    /// Finds the `k` nearest that match by looking at all; `out` is cleared first. `ef`, `budget` mean nothing here.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn scan(
        &self,
        query: &Query,
        search: &Search,
        scratch: &mut Scratch,
        out: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let _guard = epoch::pin();
        out.clear();
        if search.k == 0 {
            return Ok(());
        }
        let done = self.scan_rows(query.probe(), search, scratch);
        self.report(query, search.k, scratch, out);
        done
    }

    /// Finds all within a radius, best first, approximately; `out` is cleared first.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn range(
        &self,
        query: &Query,
        range: &Range,
        scratch: &mut Scratch,
        out: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let _guard = epoch::pin();
        out.clear();
        let probe = query.probe();
        let ef = range.ef.max(1);
        // Rounding in the walk's single precision must not lose what lies on the radius.
        let radius = (range.radius as f32).next_up();
        if ef.saturating_mul(SCAN_BELOW) < self.len() && matches!(range.filter, Filter::All) {
            self.catch(probe, (ef, ef, 1), |_| true, range.cancel, scratch)?;
            self.flood(probe, radius, (range.radius * (1.0 + range.epsilon)) as f32, range.cancel, scratch)?;
        } else {
            let Scratch { found, list, .. } = &mut *scratch;
            found.clear();
            self.each_match(probe, range.filter, range.cancel, list, |key| {
                if key.distance() <= radius {
                    found.push(key);
                }
            })?;
            scratch.found.sort_unstable();
        }
        self.report(query, usize::MAX, scratch, out);
        out.retain(|hit| hit.distance <= range.radius);
        Ok(())
    }

    /// Everything within `radius` that is connected to what the walk found by nodes within `reach`.
    fn flood(
        &self,
        probe: Probe,
        radius: f32,
        reach: f32,
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        let reach = reach.max(radius);
        let over = self.has_many_gone();
        let sight = Sharp { graph: self, probe };
        // The walk forgot what it saw beyond its beam, so begin again from its catch.
        let mut stack = std::mem::take(&mut scratch.found);
        for key in &stack {
            scratch.marks.insert(key.row());
        }
        stack.retain(|key| key.distance() <= reach);
        scratch.found.extend(stack.iter().filter(|key| key.distance() <= radius));
        let mut expanded = 0usize;
        while let Some(key) = stack.pop() {
            expanded += 1;
            if expanded.is_multiple_of(CANCEL_EVERY) && cancel.is_some_and(|cancel| cancel()) {
                scratch.marks.clear();
                return Err(Cancelled);
            }
            let next = stack.last().map(|key| key.row());
            self.meet(&sight, (key.row(), next), 0, over, scratch);
            for (&row, &distance) in met(&scratch.marks, &scratch.batch, over).iter().zip(&scratch.distances) {
                if distance <= reach {
                    let key = Key::new(distance, row);
                    stack.push(key);
                    if distance <= radius && is_live(self.state(row)) {
                        scratch.found.push(key);
                    }
                }
            }
        }
        scratch.marks.clear();
        scratch.found.sort_unstable();
        Ok(())
    }

    /// Marks the neighbors of `row`, and computes the distances of those that were not marked before. Whose neighbors
    /// are likely to be met after it is `next`: the memory is asked for its links, and then for what of its neighbors will be
    /// looked at. If others come first, it is mostly met later.
    #[inline(always)]
    pub(super) fn meet_neighbors(
        &self,
        sight: &impl Sight,
        row: u32,
        next: Option<u32>,
        level: u8,
        scratch: &mut Scratch,
    ) {
        if let Some(next) = next {
            self.prefetch_links(next, level);
        }
        let Scratch { marks, distances, soon, .. } = scratch;
        marks.meet(|list| self.append_links(row, level, list));
        sight.distances(marks.fresh(), distances, || {
            let Some(next) = next.filter(|_| sight.soon() > 0) else { return };
            soon.clear();
            self.append_links(next, level, soon);
            let unmarked = retain_unforeseen(soon, |link| !marks.contains(link));
            soon[..unmarked].iter().take(sight.soon()).for_each(|&link| sight.fetch(link));
        });
        scratch.count(scratch.marks.fresh().len());
    }

    /// Where a search on level 0 begins, into `scratch.found`: the place to which the upper levels lead. And the tail into
    /// `scratch.tail`, which is for the end: there may be more of it than the beam is wide, and it leads nowhere.
    pub(super) fn seed(&self, probe: Probe, sight: &impl Sight, scratch: &mut Scratch) {
        let Scratch { marks, batch, distances, found, tail, list, .. } = &mut *scratch;
        marks.clear();
        batch.clear();
        self.tail.scan(|row| {
            if is_live(self.state(row)) && marks.insert(row) {
                batch.push(row);
            }
        });
        marks.clear();
        self.kernel.distances(probe, &self.rows, batch, distances);
        list.compared += batch.len() as u64;
        tail.clear();
        tail.extend(batch.iter().zip(distances).map(|(&row, &mut distance)| Key::new(distance, row)));
        found.clear();
        let entry = self.entry.load(Acquire);
        if entry != NO_ENTRY {
            let mut near = entry as u32;
            for level in (1..=(entry >> 32) as u8).rev() {
                near = self.greedy(sight, near, level, list);
            }
            marks.insert(near);
            found.push(Key::new(sight.distance(near), near));
        }
    }

    /// Ends a walk: adds of the tail what it has not met to what it has found, and forgets the marks.
    pub(super) fn end_walk(&self, ef: usize, scratch: &mut Scratch) {
        let Scratch { marks, found, tail, .. } = scratch;
        if !tail.is_empty() {
            let worst = if found.len() < ef { None } else { found.last().copied() };
            tail.retain(|key| worst.is_none_or(|worst| *key < worst) && !marks.contains(key.row()));
            found.append(tail);
            found.sort_unstable();
        }
        marks.clear();
    }

    /// Walks a level from `near` to the nearest node that greed finds.
    pub(super) fn greedy(&self, sight: &impl Sight, near: u32, level: u8, list: &mut List) -> u32 {
        let mut best = Key::new(sight.distance(near), near);
        loop {
            let from = best;
            list.rows.clear();
            self.append_links(from.row(), level, &mut list.rows);
            sight.distances(&list.rows, &mut list.distances, || ());
            list.compared += list.rows.len() as u64;
            for (&row, &distance) in list.rows.iter().zip(&list.distances) {
                best = best.min(Key::new(distance, row));
            }
            if best == from {
                return best.row();
            }
        }
    }

    /// Algorithm 2 from what is in `scratch.found` and marked: expands the nearest node until all that is left is farther
    /// than the `ef` nearest that are `wanted`. They are in `scratch.found` then, nearest first; [`Graph::end_walk`] is to follow.
    pub(super) fn walk(
        &self,
        sight: &impl Sight,
        ef: usize,
        level: u8,
        wanted: impl Fn(u32) -> bool,
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        scratch.unsettled.clear();
        let over = self.has_many_gone();
        if ef > WIDE {
            return self.walk_wide(sight, ef, level, wanted, cancel, scratch);
        }
        scratch.pool.reset(ef);
        for &key in &scratch.found {
            self.pool_insert(&mut scratch.pool, key, &wanted);
        }
        let mut expanded = 0usize;
        while let Some(row) = self.next_of_pool(scratch) {
            expanded += 1;
            if expanded.is_multiple_of(CANCEL_EVERY) && cancel.is_some_and(|cancel| cancel()) {
                scratch.collect_pool();
                return Err(Cancelled);
            }
            self.meet(sight, (row, scratch.pool.peek()), level, over, scratch);
            for (&row, &distance) in met(&scratch.marks, &scratch.batch, over).iter().zip(&scratch.distances) {
                if self.pool_insert(&mut scratch.pool, Key::new(distance, row), &wanted) {
                    self.prefetch_links(row, level);
                }
            }
        }
        scratch.found.clear();
        scratch.found.extend(scratch.pool.iter().filter(|key| wanted(key.row())));
        Ok(())
    }

    /// The row to expand next: the nearest, and at the end once more those whose links were being made when they were
    /// expanded. For what a node gives up for a link to a new one, the new one leads to; but it may not have led there yet.
    #[inline(always)]
    fn next_of_pool(&self, scratch: &mut Scratch) -> Option<u32> {
        match scratch.pool.pop() {
            Some(row) => {
                self.note_unsettled(row, &mut scratch.unsettled);
                Some(row)
            }
            None => scratch.unsettled.pop(),
        }
    }

    /// As [`Graph::next_of_pool`], of the frontier: the nearest that is not farther than the `ef` nearest found.
    #[inline(always)]
    pub(super) fn next_of_frontier(&self, ef: usize, scratch: &mut Scratch) -> Option<u32> {
        let worst = if scratch.nearest.len() >= ef { scratch.nearest.peek() } else { None };
        match scratch.frontier.pop() {
            Some(Reverse(key)) if worst.is_none_or(|worst| key <= *worst) => {
                self.note_unsettled(key.row(), &mut scratch.unsettled);
                Some(key.row())
            }
            _ => scratch.unsettled.pop(),
        }
    }

    /// Takes note of a row that is about to be expanded if its links are not complete.
    #[inline(always)]
    fn note_unsettled(&self, row: u32, unsettled: &mut Vec<u32>) {
        if self.state(row) == TAIL {
            unsettled.push(row);
        }
    }

    /// Whether the key is now the next to be expanded.
    #[inline(always)]
    fn pool_insert(&self, pool: &mut Pool, key: Key, wanted: &impl Fn(u32) -> bool) -> bool {
        if !pool.takes(key) {
            return false;
        }
        if !wanted(key.row()) {
            pool.widen();
        }
        pool.insert(key)
    }

    #[inline(always)]
    pub(super) fn prefetch_links(&self, row: u32, level: u8) {
        if level == 0 {
            self.rows.prefetch_links(row);
        }
    }

    /// As [`Graph::walk`], for a beam that is too wide for moving its keys about.
    fn walk_wide(
        &self,
        sight: &impl Sight,
        ef: usize,
        level: u8,
        wanted: impl Fn(u32) -> bool,
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        let over = self.has_many_gone();
        scratch.frontier.clear();
        scratch.nearest.clear();
        for &key in &scratch.found {
            scratch.frontier.push(Reverse(key));
            if wanted(key.row()) {
                offer(&mut scratch.nearest, ef, key);
            }
        }
        let mut expanded = 0usize;
        while let Some(row) = self.next_of_frontier(ef, scratch) {
            expanded += 1;
            if expanded.is_multiple_of(CANCEL_EVERY) && cancel.is_some_and(|cancel| cancel()) {
                scratch.collect_nearest();
                return Err(Cancelled);
            }
            let next = scratch.frontier.peek().map(|Reverse(key)| key.row());
            self.meet(sight, (row, next), level, over, scratch);
            for (&row, &distance) in met(&scratch.marks, &scratch.batch, over).iter().zip(&scratch.distances) {
                let key = Key::new(distance, row);
                if scratch.nearest.len() < ef || scratch.nearest.peek().is_some_and(|worst| key < *worst) {
                    scratch.frontier.push(Reverse(key));
                    if wanted(row) {
                        offer(&mut scratch.nearest, ef, key);
                    }
                }
            }
        }
        scratch.collect_nearest();
        Ok(())
    }

    /// Moves what is nearest to `scratch.found`, nearest first, and ends the walk.
    pub(super) fn collect(&self, ef: usize, scratch: &mut Scratch) {
        scratch.collect_nearest();
        self.end_walk(ef, scratch);
    }

    /// The `k` nearest that match, of all, into `scratch.found`.
    pub(super) fn scan_rows(&self, probe: Probe, search: &Search, scratch: &mut Scratch) -> Result<(), Cancelled> {
        let Scratch { nearest, list, tail, .. } = &mut *scratch;
        nearest.clear();
        tail.clear();
        let done = self.each_match(probe, search.filter, search.cancel, list, |key| offer(nearest, search.k, key));
        self.collect(search.k, scratch);
        done
    }

    /// Calls `visit` with every live node that matches, in the order of ids or of the filter's list.
    fn each_match(
        &self,
        probe: Probe,
        filter: Filter,
        cancel: Option<&dyn Fn() -> bool>,
        list: &mut List,
        visit: impl FnMut(Key),
    ) -> Result<(), Cancelled> {
        let scan = Scan { rows: &self.rows, kernel: &self.kernel, probe, filter, cancel };
        scan.each_match(|row| is_live(self.state(row)), list, visit)
    }

    /// The first `k` of `scratch.found` that are still live, as hits.
    fn report(&self, query: &Query, k: usize, scratch: &mut Scratch, out: &mut Vec<Hit>) {
        let live = scratch.found.iter().filter(|key| is_live(self.state(key.row()))).take(k);
        out.reserve(k.min(scratch.found.len()));
        out.extend(live.map(|key| {
            let exact = self.kernel.is_exact();
            let distance = if exact {
                f64::from(key.distance())
            } else {
                self.kernel.report(query.probe(), self.probe(key.row()))
            };
            Hit { distance, id: NodeId(key.row()) }
        }));
        if !self.kernel.is_exact() {
            out.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        }
    }
}
