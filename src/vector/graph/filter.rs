//! Searching among those that match.
//!
//! | about how many match | what is done |
//! |---|---|
//! | a list is given and it is short beside what a walk visits | exact scan of the list |
//! | most | the ordinary walk; only what matches is caught |
//! | some | the walk goes over what does not match to the neighbors' neighbors (as ACORN, arXiv:2403.04871) |
//! | so few that the walk comes back with fewer than `k` | exact scan of all that match |
//!
//! The test is asked at most once per node and walk.
#![forbid(unsafe_code)]

use std::cmp::Reverse;

use super::search::{CANCEL_EVERY, Cancelled, Search};
use super::{Graph, NodeId, is_live};
use crate::vector::distance::Probe;
use crate::vector::scratch::{Key, Scratch, offer};

/// Which vectors may be hits.
#[derive(Clone, Copy, Default)]
pub enum Filter<'a> {
    /// All of them.
    #[default]
    All,
    /// Those for which the function says so. It is called with live ids.
    Test(&'a dyn Fn(NodeId) -> bool),
    /// Those in the list (each once, any order; ids that are gone are skipped).
    Among(&'a [NodeId]),
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
        let set: std::collections::HashSet<NodeId>;
        let listed;
        let (test, matching): (&dyn Fn(NodeId) -> bool, usize) = match search.filter {
            Filter::All => (&|_| true, total),
            Filter::Test(test) => (test, search.matching.unwrap_or_else(|| self.estimate(test))),
            Filter::Among(ids) => {
                set = ids.iter().copied().collect();
                listed = |id: NodeId| set.contains(&id);
                (&listed, ids.len())
            }
        };
        // A walk visits about `ef` matching nodes and many others on its way.
        if matching <= ef.saturating_mul(8) || matching.saturating_mul(100) < total {
            return self.scan_rows(probe, search, scratch);
        }
        self.seed_filtered(probe, ef, test, scratch);
        let wide = matching.saturating_mul(2) < total;
        let complete = self.walk_filtered(probe, ef, search, test, wide, scratch)?;
        self.collect(scratch);
        if scratch.found.len() < search.k || !complete {
            self.scan_rows(probe, search, scratch)?;
        }
        Ok(())
    }

    /// About how many match, from a sample.
    fn estimate(&self, test: &dyn Fn(NodeId) -> bool) -> usize {
        const SAMPLE: usize = 128;
        let bound = self.rows.len() as usize;
        let (mut asked, mut passed) = (0, 0);
        // Steps of the golden ratio spread evenly over any number of rows.
        for i in 0..SAMPLE as u64 {
            let row = (((i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * bound as u64) >> 32) as u32;
            if is_live(self.state(row)) {
                asked += 1;
                passed += usize::from(test(NodeId(row)));
            }
        }
        (self.len() * passed).checked_div(asked).unwrap_or(0)
    }

    /// As [`Graph::seed`], but only what matches is caught.
    fn seed_filtered(&self, probe: Probe, ef: usize, test: &dyn Fn(NodeId) -> bool, scratch: &mut Scratch) {
        self.seed(probe, usize::MAX, scratch);
        let seeds: Vec<Key> = scratch.nearest.drain().collect();
        for key in seeds {
            if test(NodeId(key.row())) {
                offer(&mut scratch.nearest, ef, key);
            }
        }
    }

    /// The walk among those that match; whether it ended before the budget did.
    fn walk_filtered(
        &self,
        probe: Probe,
        ef: usize,
        search: &Search,
        test: &dyn Fn(NodeId) -> bool,
        wide: bool,
        scratch: &mut Scratch,
    ) -> Result<bool, Cancelled> {
        let mut expanded = 0usize;
        while let Some(&Reverse(key)) = scratch.frontier.peek() {
            if scratch.nearest.len() >= ef && scratch.nearest.peek().is_some_and(|worst| key > *worst) {
                break;
            }
            scratch.frontier.pop();
            expanded += 1;
            if search.budget.is_some_and(|budget| expanded > budget) {
                return Ok(false);
            }
            if expanded.is_multiple_of(CANCEL_EVERY) && search.cancel.is_some_and(|cancel| cancel()) {
                return Err(Cancelled);
            }
            let mut aside = std::mem::take(&mut scratch.batch);
            aside.clear();
            self.each_link(key.row(), 0, |row| self.meet(probe, ef, row, test, wide, &mut aside, scratch));
            for &over in &aside {
                let mut farther = Vec::new();
                self.each_link(over, 0, |row| self.meet(probe, ef, row, test, false, &mut farther, scratch));
            }
            scratch.batch = aside;
        }
        Ok(true)
    }

    /// Looks at a node of a filtered walk: a match is caught, another is expanded from (`wide` puts it aside for that).
    #[allow(clippy::too_many_arguments)]
    fn meet(
        &self,
        probe: Probe,
        ef: usize,
        row: u32,
        test: &dyn Fn(NodeId) -> bool,
        wide: bool,
        aside: &mut Vec<u32>,
        scratch: &mut Scratch,
    ) {
        if !scratch.marks.insert(row) {
            return;
        }
        let matches = is_live(self.state(row)) && test(NodeId(row));
        if !matches && wide {
            aside.push(row);
            return;
        }
        let key = Key::new(self.kernel.distance(probe, self.probe(row)), row);
        if scratch.nearest.len() < ef || scratch.nearest.peek().is_some_and(|worst| key < *worst) {
            scratch.frontier.push(Reverse(key));
            if matches {
                offer(&mut scratch.nearest, ef, key);
            }
        }
    }
}
