//! What a search will cost: whether it looks at each document of a filter or walks, and where it runs.

use super::{Store, VectorIndex};
use crate::search::query::ast::{HybridPolicy, VectorOptions};

/// Nanoseconds for finding the vector of a document.
const FIND: u64 = 15;

impl VectorIndex {
    /// Whether so many documents are looked at one by one. Of a graph, it says itself when that costs less than a walk.
    pub(super) fn are_few(&self, docs: u64, (k, ef): (usize, usize), options: &VectorOptions) -> bool {
        if options.hybrid_policy == Some(HybridPolicy::AdhocBruteForce) {
            return true;
        }
        match &self.store {
            Store::Graph(graph) => {
                let finding = docs.saturating_mul(FIND) / graph.cost_each().max(1);
                let [docs, finding] = [docs, finding].map(|number| usize::try_from(number).unwrap_or(usize::MAX / 2));
                graph.is_scanned(ef, k, docs, finding)
            }
            Store::Flat(_) | Store::Restoring(_) => self.cost_of_look(docs) < self.store.cost(ef),
        }
    }

    /// About how many nanoseconds looking at so many documents takes, one by one.
    fn cost_of_look(&self, docs: u64) -> u64 {
        docs.saturating_mul(FIND + self.store.cost_each())
    }

    /// About how many nanoseconds a walk takes if so many documents match.
    fn cost_of_walk(&self, docs: u64, (k, ef): (usize, usize)) -> u64 {
        let docs = usize::try_from(docs).unwrap_or(usize::MAX);
        self.graph().map_or_else(|| self.store.cost(ef), |graph| graph.cost_among(ef, k, docs))
    }

    /// About how many nanoseconds [`VectorIndex::knn`] takes, of all documents or among so many.
    pub fn cost(&self, among: Option<u64>, k: usize, options: &VectorOptions) -> u64 {
        let (k, ef) = self.effort(k.min(self.docs()), options);
        match among {
            None => self.store.cost(ef),
            Some(docs) if self.are_few(docs, (k, ef), options) => self.cost_of_look(docs),
            Some(docs) => self.cost_of_walk(docs, (k, ef)),
        }
    }
}
