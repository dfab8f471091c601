//! Searching among those that match.
//!
//! | about how many match | what is done |
//! |---|---|
//! | so few that comparing with all of them costs little more than a walk | exact scan |
//! | more | a [walk in two parts](Graph::walk_among), the second one [wider](Graph::beam_among) the rarer matches are |
//! | more, by a test that costs more than a distance | the ordinary walk, its [beam](Graph::beam_asking) wider the rarer matches are; of what it catches, those that match |
//! | fewer around the query than elsewhere | the walk again, with a beam that much wider, as long as it costs less than a scan |
//!
//! The first part of a walk in two parts is the walk that there would be without a filter. It keeps what it has met beyond its
//! beam; the second part goes on from the nearest of that, and computes distances of what matches only. So a node that it goes on
//! from costs a look at its list and as many distances as there are matches in it. (The ordinary walk computes all distances of
//! a beam as wide: with 399,000 vectors of 50 components of which a tenth match, a beam of 160 took 2.3 times the time of a
//! search without filter by it, and 1.5 by two parts, with the same recall. A walk among those that match, which looks over the others at
//! their neighbors, as ACORN, arXiv:2403.04871, computes fewer distances still but looks at more lists: on 50,000 real vectors
//! it took two to four times as long as the ordinary walk where half or a tenth match.)
//!
//! A test that costs much is asked of what the walk has caught only, from the nearest on until as many match as are wanted.
//!
//! A budget of nodes to go on from, where one is given and it is smaller than the graph, bounds the search: the walk looks
//! over what does not match at the neighbors' neighbors, there is no scan, and what was found when it is spent is the answer.
#![forbid(unsafe_code)]

use std::cmp::Reverse;

use super::request::{CANCEL_EVERY, Cancelled, Fetch, Filter, Search};
use super::sight::{Blurred, By, Halved, Sharp, Sight, widened, widened_by_halves};
use super::{Graph, NodeId, TAIL, is_live};
use crate::vector::distance::Probe;
use crate::vector::scan::spread;
use crate::vector::scratch::{Key, Pool, Scratch, offer, retain_unforeseen};

/// What a scan compares in the time that an ordinary walk takes per place of its beam. Measured with 50,000 vectors of 384
/// bytes: 21 ns for each, 0.59 µs for a place; with 399,000 of 50, which wait for the memory, 57 ns and 1.7 µs.
const SCANNED: usize = 28;
/// As [`SCANNED`], where walks go by halves and so take three quarters of that time.
const SCANNED_BY_HALVES: usize = 21;
/// A place of a walk's second part costs this part of one of the first, and besides as large a part as the matches are. Measured
/// with 399,000 vectors of 50 components: 0.31 µs where a tenth match, 0.2 where 3 % do, of 1.7.
const LISTED: f64 = 0.1;
/// A scan may take this many times as long as a walk: it finds the nearest.
const EXACT: f64 = 1.5;
/// The second part of a walk is wider by this power of how rare matches are. Measured with 399,000 vectors of 50 components, at
/// a beam of 160, with matches that have nothing to do with the vectors: of recall@10 0.954 without a filter, this one makes
/// 0.959, 0.955 and 0.957 where 50, 30 and 10 % match; 0.5 makes 0.958, 0.951 and 0.955, 0.42 makes 0.952 of the last.
const RARITY: f64 = 0.55;
/// The beam of an ordinary walk is wider by this power. Measured likewise, from 50 % to 10 %, at a beam of 100: 0.35 keeps the
/// recall@10 of 0.941 that 200,000 vectors of 50 components have without a filter, this one makes it 0.950 to 0.957, a half
/// 0.960; of 50,000 vectors of 384 components, it is 0.991 to 0.995 with this and with a half.
const RARITY_ASKING: f64 = 0.42;
/// The widest first part of a walk: what is nearest is kept in a sorted array.
const WIDE: usize = 1024;
/// How many lists the second part asks the memory for at once. (16 are no better, one at a time costs half as much again.)
const LISTS: usize = 8;
/// What a scan asks of each vector costs this part of a distance (a look at a bit), or about a distance.
const CHEAP_TEST: usize = 16;
/// Hits beside those that are wanted.
const SPARE: usize = 4;
/// How many are asked to learn how many match.
const SAMPLE: u64 = 128;
/// With fewer matches around than this, a walk also goes over what does not match.
const ENOUGH: usize = 4;

impl Graph {
    /// The `k` nearest that match, into `scratch.found`.
    pub(super) fn search_filtered(
        &self,
        probe: Probe,
        ef: usize,
        search: &Search,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        let total = self.len();
        let budget = search.budget.filter(|&budget| budget < total);
        let members: Vec<u64>;
        let (listed, set);
        let (test, matching): (&dyn Fn(NodeId) -> bool, usize) = match search.filter {
            Filter::All => (&|_| true, total),
            Filter::Test(test) | Filter::Cheap(test) => (test, search.matching.unwrap_or_else(|| self.estimate(test))),
            Filter::Among(ids) if budget.is_none() && self.is_scanned(ef, search.k, ids.len(), 0) => {
                return self.scan_rows(probe, search, scratch);
            }
            Filter::Among(ids) => {
                members = bits(ids, self.rows.len());
                listed = |id: NodeId| has_bit(&members, id);
                (&listed, ids.len())
            }
            Filter::Bits { matching, .. } if budget.is_none() && self.is_scanned(ef, search.k, matching, 0) => {
                return self.scan_rows(probe, search, scratch);
            }
            Filter::Bits { words, matching } => {
                set = move |id: NodeId| has_bit(words, id);
                (&set, matching)
            }
        };
        if let Some(budget) = budget {
            return self.search_bounded(probe, ef, (search, budget), (test, matching), scratch);
        }
        let share = matching as f64 / total.max(1) as f64;
        // The first part keeps what was removed, of which there may be many.
        let in_parts = !matches!(search.filter, Filter::Test(_)) && ef <= WIDE && !self.has_many_gone();
        let once = matches!(search.filter, Filter::Cheap(_)).then_some(search.fetch);
        let asking = match search.filter {
            Filter::Test(_) => total,
            Filter::Cheap(_) => total / CHEAP_TEST,
            _ => 0,
        };
        // Some may be removed before they are reported.
        let wanted = search.k.saturating_add(search.k / 8 + SPARE);
        let mut beam = match in_parts {
            true => self.beam_among(ef, search.k, matching),
            false => self.beam_asking(ef, search.k, matching),
        };
        let scanned = self.scanned();
        let walked = |beam: usize| if in_parts { self.compared(ef, beam, share) } else { beam.saturating_mul(scanned) };
        while walked(beam) < matching + asking {
            // Among how many nearest the wanted ones are to be expected.
            let reach = ((search.k as f64 / share.max(1e-9)) as usize).min(beam);
            let asked = if in_parts {
                let matches = |row: u32| test(NodeId(row));
                self.catch_among(probe, (ef, beam, wanted), reach, (matches, once), search.cancel, scratch)?
            } else {
                let matches = |key: &Key| is_live(self.state(key.row())) && test(NodeId(key.row()));
                self.catch(probe, (beam, wanted, reach), matches, search.cancel, scratch)?
            };
            let found = scratch.found.len();
            // The cast saturates.
            let expected = (asked as f64 * share) as usize;
            if found >= search.k && found >= expected / 2 {
                return Ok(());
            }
            beam = beam.saturating_mul((search.k.max(expected) / found.max(1)).clamp(2, 8));
        }
        self.scan_rows(probe, search, scratch)
    }

    /// As [`Graph::catch`], of what matches, by [`Graph::walk_among`].
    fn catch_among(
        &self,
        probe: Probe,
        (ef, beam, k): (usize, usize, usize),
        reach: usize,
        (matches, once): (impl Fn(u32) -> bool, Option<Fetch<'_>>),
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<usize, Cancelled> {
        let test = (&matches, once);
        let wanted = |key: &Key| matches(key.row()) && is_live(self.state(key.row()));
        let asked = match self.walked_by() {
            By::Distances => {
                let sight = Sharp { graph: self, probe };
                self.seed(probe, &sight, scratch);
                self.walk_among(&sight, (ef, beam), test, cancel, scratch)?;
                scratch.keep_of_pool(k, wanted)
            }
            By::Halves => {
                let mut outline = std::mem::take(&mut scratch.outline);
                let sight = Halved::new(self, probe, &mut outline);
                self.seed(probe, &sight, scratch);
                let beams = (widened_by_halves(ef), widened_by_halves(beam));
                let walked = self.walk_among(&sight, beams, test, cancel, scratch);
                scratch.outline = outline;
                walked?;
                self.rank_of_pool(probe, wanted, scratch)
            }
            By::Coarse(coarse, center) => {
                let mut sketch = std::mem::take(&mut scratch.sketch);
                let sight = Blurred::new(self, coarse, center, probe, &mut sketch);
                self.seed(probe, &sight, scratch);
                let beams = (widened(k, ef), widened(reach, beam));
                let walked = self.walk_among(&sight, beams, test, cancel, scratch);
                scratch.sketch = sketch;
                walked?;
                self.rank_of_pool(probe, wanted, scratch)
            }
        };
        scratch.tail.retain(wanted);
        self.end_walk(beam, scratch);
        Ok(asked)
    }

    /// What is wanted of the pool, whose order is not settled yet, ranked; how many were asked about.
    fn rank_of_pool(&self, probe: Probe, wanted: impl Fn(&Key) -> bool, scratch: &mut Scratch) -> usize {
        let asked = scratch.keep_of_pool(usize::MAX, wanted);
        self.rank(probe, scratch);
        asked
    }

    /// The walk in two parts, with beams of `ef` and `beam`; see the module's documentation. What it has caught is in the pool
    /// then, live or not, whether it matches or not. The test is asked of ids that are gone too; of each
    /// `once`, after it was told so, where a test is worth remembering which were asked: a look at a bit is not.
    fn walk_among(
        &self,
        sight: &impl Sight,
        (ef, beam): (usize, usize),
        (matches, once): (&impl Fn(u32) -> bool, Option<Fetch<'_>>),
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        scratch.unsettled.clear();
        scratch.pool.reset(ef);
        for &key in &scratch.found {
            scratch.pool.insert_or_keep(key);
        }
        let mut expanded = 0usize;
        while let Some(row) = self.next_among(scratch) {
            expanded += 1;
            if expanded.is_multiple_of(CANCEL_EVERY) && cancel.is_some_and(|cancel| cancel()) {
                scratch.collect_pool();
                return Err(Cancelled);
            }
            self.meet_neighbors(sight, row, scratch.pool.peek(), 0, scratch);
            for (&row, &distance) in scratch.marks.fresh().iter().zip(&scratch.distances) {
                self.put_into_pool(&mut scratch.pool, Key::new(distance, row));
            }
        }
        scratch.pool.take_beyond(beam.saturating_sub(ef));
        while self.next_lists(scratch) {
            if cancel.is_some_and(|cancel| cancel()) {
                scratch.collect_pool();
                return Err(Cancelled);
            }
            let Scratch { pool, marks, batch, distances, rows, list, .. } = &mut *scratch;
            marks.meet(|list| {
                for &row in &*rows {
                    self.each_link(row, 0, |link| {
                        if once.is_some() || matches(link) {
                            list.push(link);
                        }
                    });
                }
            });
            batch.clear();
            batch.extend_from_slice(marks.fresh());
            if let Some(fetch) = once {
                fetch(batch);
                let kept = retain_unforeseen(batch, matches);
                batch.truncate(kept);
            }
            sight.distances(batch, distances, || ());
            list.compared += batch.len() as u64;
            for (&row, &distance) in batch.iter().zip(&*distances) {
                self.put_into_pool(pool, Key::new(distance, row));
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn put_into_pool(&self, pool: &mut Pool, key: Key) {
        if pool.takes(key) && !is_live(self.state(key.row())) {
            pool.widen();
        }
        if pool.insert_or_keep(key) {
            self.rows.prefetch_links(key.row());
        }
    }

    /// Puts the rows to go on from next into `scratch.rows` and asks the memory for their lists; false if there are none.
    fn next_lists(&self, scratch: &mut Scratch) -> bool {
        scratch.rows.clear();
        while scratch.rows.len() < LISTS
            && let Some(row) = self.next_among(scratch)
        {
            self.rows.prefetch_links(row);
            scratch.rows.push(row);
        }
        !scratch.rows.is_empty()
    }

    /// The row to go on from next; at the end once more those whose links were being made, as in an ordinary walk.
    fn next_among(&self, scratch: &mut Scratch) -> Option<u32> {
        let Scratch { pool, unsettled, .. } = scratch;
        match pool.pop() {
            Some(row) => {
                if self.state(row) == TAIL {
                    unsettled.push(row);
                }
                Some(row)
            }
            None => unsettled.pop(),
        }
    }

    /// Whether a search for the `k` nearest compares all that are known to match, or should, if knowing them takes the time of
    /// so many comparisons (`asking`).
    #[must_use]
    pub fn is_scanned(&self, ef: usize, k: usize, matching: usize, asking: usize) -> bool {
        matching.saturating_add(asking) as f64 <= EXACT * self.compared_among(ef.max(k), k, matching) as f64
    }

    /// Whether finding out which match, which takes the time of so many comparisons (`asking`), and then searching among them
    /// takes less time than a walk by a test that costs much.
    #[must_use]
    pub fn is_worth_asking_all(&self, ef: usize, k: usize, matching: usize, asking: usize) -> bool {
        let ef = ef.max(k);
        let search = matching.min(self.compared_among(ef, k, matching));
        search.saturating_add(asking) <= self.beam_asking(ef, k, matching).saturating_mul(self.scanned())
    }

    /// About how many are asked whether they match in a search for the `k` nearest among so many.
    #[must_use]
    pub fn asked_among(&self, ef: usize, k: usize, matching: usize) -> usize {
        let ef = ef.max(k);
        let beam = self.beam_among(ef, k, matching);
        // Of each list that the second part of a walk looks at, half were met before.
        beam.saturating_add((beam - ef).saturating_mul(self.room / 2))
    }

    /// About how many nanoseconds a search for the `k` nearest takes among so many that are known to match.
    #[must_use]
    pub fn cost_among(&self, ef: usize, k: usize, matching: usize) -> u64 {
        let ef = ef.max(k);
        let scan = (matching as u64).saturating_mul(self.cost_each());
        let places = self.compared_among(ef, k, matching) / self.scanned();
        scan.min(self.cost(places))
    }

    /// How many vectors a scan compares in the time that a walk takes among so many that match.
    fn compared_among(&self, ef: usize, k: usize, matching: usize) -> usize {
        let share = matching as f64 / self.len().max(1) as f64;
        self.compared(ef, self.beam_among(ef, k, matching), share)
    }

    /// How many vectors a scan compares in the time of a walk in two parts with these beams, where such a share matches.
    fn compared(&self, ef: usize, beam: usize, share: f64) -> usize {
        let places = ef as f64 + beam.saturating_sub(ef) as f64 * (LISTED + share).min(1.0);
        // The cast saturates.
        (self.scanned() as f64 * places) as usize
    }

    /// What a scan compares in the time that an ordinary walk takes per place of its beam.
    fn scanned(&self) -> usize {
        if let By::Halves = self.walked_by() { SCANNED_BY_HALVES } else { SCANNED }
    }

    /// The beam of the second part of a walk among so many: as much wider than the first, the rarer they are, as keeps the recall
    /// that `ef` has without a filter, and wide enough to catch half as many again as are wanted.
    fn beam_among(&self, ef: usize, k: usize, matching: usize) -> usize {
        self.widened_by(RARITY, ef, k, matching)
    }

    /// As [`Graph::beam_among`], of an ordinary walk.
    fn beam_asking(&self, ef: usize, k: usize, matching: usize) -> usize {
        self.widened_by(RARITY_ASKING, ef, k, matching)
    }

    fn widened_by(&self, power: f64, ef: usize, k: usize, matching: usize) -> usize {
        let rarity = self.len() as f64 / matching.max(1) as f64;
        // The casts saturate.
        let (steady, enough) = (ef as f64 * rarity.powf(power), 1.5 * k as f64 * rarity);
        (steady.max(enough) as usize).max(ef)
    }

    /// The nearest that match which a walk finds that goes on from a number of nodes at most, into `scratch.found`.
    fn search_bounded(
        &self,
        probe: Probe,
        ef: usize,
        (search, budget): (&Search, usize),
        (test, matching): (&dyn Fn(NodeId) -> bool, usize),
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        self.seed(probe, &Sharp { graph: self, probe }, scratch);
        let Scratch { found, tail, marks, .. } = &mut *scratch;
        found.append(tail);
        found.sort_unstable();
        found.dedup();
        found.truncate(budget);
        found.iter().for_each(|key| _ = marks.insert(key.row()));
        let wide = matching.saturating_mul(2) < self.len();
        match search.filter {
            Filter::Test(_) => {
                let matches = |row: u32| is_live(self.state(row)) && test(NodeId(row));
                self.walk_filtered(probe, ef, search, matches, wide, scratch)?;
            }
            // Whether a node is live is asked once it is near enough: of most, asking would be all that is done in memory.
            _ => self.walk_filtered(probe, ef, search, |row| test(NodeId(row)), wide, scratch)?,
        }
        self.collect(ef, scratch);
        Ok(())
    }

    /// About how many match, from a sample.
    #[must_use]
    pub fn estimate(&self, test: &dyn Fn(NodeId) -> bool) -> usize {
        let bound = u64::from(self.rows.len());
        let (mut asked, mut passed) = (0, 0);
        for nth in 0..SAMPLE {
            let row = spread(nth, bound) as u32;
            if is_live(self.state(row)) {
                asked += 1;
                passed += usize::from(test(NodeId(row)));
            }
        }
        (self.len() * passed).checked_div(asked).unwrap_or(0)
    }

    /// The walk among those that match, from `scratch.found`, until it has come near enough or the budget is spent. Each node
    /// is tested once at most, and distances are computed of what matches only, but where nothing around matches: there the
    /// walk goes on over what does not.
    fn walk_filtered(
        &self,
        probe: Probe,
        ef: usize,
        search: &Search,
        matches: impl Fn(u32) -> bool,
        wide: bool,
        scratch: &mut Scratch,
    ) -> Result<(), Cancelled> {
        let live = |row: u32| is_live(self.state(row));
        scratch.begin_filtered(ef, |row| matches(row) && live(row));
        let mut expanded = 0usize;
        while let Some(row) = self.next_of_frontier(ef, scratch) {
            expanded += 1;
            // The last node of the budget is not gone on from: nobody could go on from what it leads to.
            if search.budget.is_some_and(|budget| expanded >= budget) {
                break;
            }
            if expanded.is_multiple_of(CANCEL_EVERY) && search.cancel.is_some_and(|cancel| cancel()) {
                scratch.collect_nearest();
                return Err(Cancelled);
            }
            self.look_around(row, wide, &matches, scratch);
            let Scratch { batch, distances, .. } = &mut *scratch;
            self.kernel.distances(probe, &self.rows, batch, distances);
            scratch.count(scratch.batch.len());
            scratch.catch_batch(ef, live);
            if !wide || scratch.batch.len() < ENOUGH {
                let Scratch { rows, distances, .. } = &mut *scratch;
                self.kernel.distances(probe, &self.rows, rows, distances);
                scratch.count(scratch.rows.len());
                std::mem::swap(&mut scratch.rows, &mut scratch.batch);
                scratch.catch_batch(ef, |_| false);
            }
        }
        Ok(())
    }

    /// Puts the new neighbors of `row` that match into the batch and the others aside; if `wide`, the matching ones of
    /// their neighbors into the batch too, until there are enough.
    fn look_around(&self, row: u32, wide: bool, matches: &impl Fn(u32) -> bool, scratch: &mut Scratch) {
        let Scratch { marks, failed, batch, rows: aside, .. } = scratch;
        batch.clear();
        aside.clear();
        self.each_link(row, 0, |link| {
            if marks.insert(link) {
                if failed.contains(link) || !matches(link) {
                    aside.push(link);
                } else {
                    batch.push(link);
                }
            }
        });
        if !wide {
            return;
        }
        aside.iter().for_each(|&over| self.rows.prefetch_links(over));
        for &over in aside.iter() {
            if batch.len() >= self.room {
                return;
            }
            self.each_link(over, 0, |link| {
                if marks.contains(link) || failed.contains(link) {
                    return;
                }
                if matches(link) {
                    marks.insert(link);
                    batch.push(link);
                } else {
                    failed.insert(link);
                }
            });
        }
    }
}

impl Scratch {
    /// Moves the first `k` of the pool that are wanted to `found`; how many were asked about to find them.
    fn keep_of_pool(&mut self, k: usize, wanted: impl Fn(&Key) -> bool) -> usize {
        let Self { found, pool, .. } = self;
        found.clear();
        let mut asked = 0;
        for key in pool.iter() {
            if found.len() >= k {
                break;
            }
            asked += 1;
            if wanted(&key) {
                found.push(key);
            }
        }
        asked
    }

    /// Begins a filtered walk from `found`, which is marked.
    fn begin_filtered(&mut self, ef: usize, matches: impl Fn(u32) -> bool) {
        self.failed.clear();
        self.unsettled.clear();
        self.frontier.clear();
        self.nearest.clear();
        for &key in &self.found {
            self.frontier.push(Reverse(key));
            if matches(key.row()) {
                offer(&mut self.nearest, ef, key);
            }
        }
    }

    /// Takes the batch into the frontier, where it is near enough, and among the nearest, if it may be there.
    fn catch_batch(&mut self, ef: usize, may_be_hit: impl Fn(u32) -> bool) {
        for (&row, &distance) in self.batch.iter().zip(&self.distances) {
            let key = Key::new(distance, row);
            if self.nearest.len() < ef || self.nearest.peek().is_some_and(|worst| key < *worst) {
                self.frontier.push(Reverse(key));
                if may_be_hit(row) {
                    offer(&mut self.nearest, ef, key);
                }
            }
        }
    }
}

fn has_bit(words: &[u64], id: NodeId) -> bool {
    words.get((id.0 / 64) as usize).is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
}

/// A bit per row below `bound`.
fn bits(ids: &[NodeId], bound: u32) -> Vec<u64> {
    let mut words = vec![0u64; bound.div_ceil(64) as usize];
    for id in ids {
        if let Some(word) = words.get_mut((id.0 / 64) as usize) {
            *word |= 1 << (id.0 % 64);
        }
    }
    words
}
