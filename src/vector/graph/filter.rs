//! Searching among those that match.
//!
//! | about how many match | what is done |
//! |---|---|
//! | so few that comparing with all of them costs less than a walk | exact scan |
//! | more | the ordinary walk, its beam [wider](Graph::beam_among) the rarer matches are; of what it catches, those that match |
//! | fewer around the query than elsewhere | the walk again, with a beam that much wider, as long as it costs less than a scan |
//!
//! The test is asked of what the walk has caught only, from the nearest on until as many match as are wanted. (A walk among those that match, which looks over the others at their
//! neighbors, as ACORN, arXiv:2403.04871, computes fewer distances but looks at more lists: on 50,000 real vectors it took two
//! to four times as long for the same recall where half or a tenth match.)
//!
//! A budget of nodes to go on from, where one is given and it is smaller than the graph, bounds the search: the walk looks
//! over what does not match at the neighbors' neighbors, there is no scan, and what was found when it is spent is the answer.
#![forbid(unsafe_code)]

use std::cmp::Reverse;

use super::search::{CANCEL_EVERY, Cancelled, Search};
use super::sight::Sharp;
use super::{Graph, NodeId, is_live};
use crate::vector::distance::Probe;
use crate::vector::scan::spread;
use crate::vector::scratch::{Key, Scratch, offer};

/// Those that are known to match are scanned if they are up to this many times the beam: what a scan compares in the time
/// that a walk takes per place of its beam. Measured with 50,000 vectors of 384 bytes: 21 ns for each, 0.59 µs for a place.
const SCANNED: usize = 28;
/// Distances that a walk computes per place of its beam, or that take the time of what else it does.
const WALKED: usize = 12;
/// The beam grows with this power of how rare matches are. Measured where they have nothing to do with the vectors, from 50 %
/// to 10 %, at a beam of 100: 0.35 keeps the recall@10 of 0.941 that 200,000 vectors of 50 components have without a filter, this
/// one makes it 0.950 to 0.957, a half 0.960; of 50,000 vectors of 384 components, it is 0.991 to 0.995 with this and with a half.
const RARITY: f64 = 0.42;
/// What a scan asks of each vector costs this part of a distance (a look at a bit), or about a distance.
const CHEAP_TEST: usize = 16;
/// Hits beside those that are wanted.
const SPARE: usize = 4;
/// How many are asked to learn how many match.
const SAMPLE: u64 = 128;
/// With fewer matches around than this, a walk also goes over what does not match.
const ENOUGH: usize = 4;

/// Which vectors may be hits.
#[derive(Clone, Copy, Default)]
pub enum Filter<'a> {
    /// All of them.
    #[default]
    All,
    /// Those for which the function says so. It is called with live ids.
    Test(&'a dyn Fn(NodeId) -> bool),
    /// As `Test`, for a function that costs less than a look at the vector: it is asked first, of ids that are gone too.
    Cheap(&'a dyn Fn(NodeId) -> bool),
    /// Those in the list (each once, any order; ids that are gone are skipped).
    Among(&'a [NodeId]),
    /// Those whose bit is set (bit `n % 64` of word `n / 64` for id `n`; ids that are gone are skipped).
    Bits {
        /// The bits.
        words: &'a [u64],
        /// How many of them are set.
        matching: usize,
    },
}

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
        let (walked, asking) =
            if let Filter::Test(_) = search.filter { (SCANNED, total) } else { (WALKED, total / CHEAP_TEST) };
        let share = matching as f64 / total.max(1) as f64;
        // Some may be removed before they are reported.
        let wanted = search.k.saturating_add(search.k / 8 + SPARE);
        let mut beam = self.beam_among(ef, search.k, matching);
        while beam.saturating_mul(walked) < matching + asking {
            let matches = |key: &Key| is_live(self.state(key.row())) && test(NodeId(key.row()));
            // Among how many nearest the wanted ones are to be expected.
            let reach = (search.k as f64 / share.max(1e-9)) as usize;
            let asked = self.catch(probe, (beam, wanted, reach.min(beam)), matches, search.cancel, scratch)?;
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

    /// Whether a search for the `k` nearest compares all that are known to match, or should, if knowing them takes the time of
    /// so many comparisons (`asking`).
    #[must_use]
    pub fn is_scanned(&self, ef: usize, k: usize, matching: usize, asking: usize) -> bool {
        matching + asking <= self.beam_among(ef.max(k), k, matching).saturating_mul(SCANNED)
    }

    /// The beam of a walk that catches what matches, where so many do: as much wider, the rarer they are, as keeps the recall that
    /// `ef` has without a filter, and wide enough to catch half as many again as are wanted.
    #[must_use]
    pub fn beam_among(&self, ef: usize, k: usize, matching: usize) -> usize {
        let rarity = self.len() as f64 / matching.max(1) as f64;
        // The casts saturate.
        let (steady, enough) = (ef as f64 * rarity.powf(RARITY), 1.5 * k as f64 * rarity);
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
                return Err(Cancelled);
            }
            self.look_around(row, wide, &matches, scratch);
            let Scratch { batch, distances, .. } = &mut *scratch;
            self.kernel.distances(probe, &self.rows, batch, distances);
            scratch.catch_batch(ef, live);
            if !wide || scratch.batch.len() < ENOUGH {
                let Scratch { rows, distances, .. } = &mut *scratch;
                self.kernel.distances(probe, &self.rows, rows, distances);
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
