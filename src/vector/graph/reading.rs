//! What is stored of a node: its level, its vector, its neighbors.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;

use super::{Graph, Query, is_live};
use crate::vector::encoding::{Encoding, Size};
use crate::vector::{Hit, NodeId, epoch};

impl Graph {
    /// A vector's level.
    ///
    /// # Panics
    /// This and the following methods panic when `id` was never given.
    #[must_use]
    pub fn level_of(&self, id: NodeId) -> u8 {
        let _guard = epoch::pin();
        self.rows.head(id.0).level.load(Relaxed)
    }

    /// A vector's norm before it was normalized; 1 where it was not.
    #[must_use]
    pub fn l2(&self, id: NodeId) -> f32 {
        let _guard = epoch::pin();
        if self.codec.keeps_squares() { 1.0 } else { self.rows.head(id.0).l2() }
    }

    /// The range of a `Q8` code; 0 for other encodings.
    #[must_use]
    pub fn range_of(&self, id: NodeId) -> f32 {
        let _guard = epoch::pin();
        if self.params.encoding == Encoding::Q8 { self.rows.scale(id.0) } else { 0.0 }
    }

    /// A vector's code, as files have it. `guard` keeps it from being reused.
    #[must_use]
    pub fn code<'a>(&'a self, id: NodeId, _guard: &'a epoch::Guard) -> Cow<'a, [u8]> {
        self.codec.plain(self.rows.code(id.0))
    }

    /// A vector's components as they are stored: normalized ones without their norm, see [`Graph::l2`].
    #[must_use]
    pub fn decode(&self, id: NodeId) -> Vec<f32> {
        let _guard = epoch::pin();
        self.codec.decode(self.rows.code(id.0), self.rows.scale(id.0))
    }

    /// How far a vector is from a query.
    #[must_use]
    pub fn distance(&self, query: &Query, id: NodeId) -> f64 {
        let _guard = epoch::pin();
        self.kernel.report(query.probe(), self.probe(id.0))
    }

    /// How large a vector is, as [`Graph::uncertainty_at`] wants to know it.
    #[must_use]
    pub fn size(&self, id: NodeId) -> Size {
        let _guard = epoch::pin();
        let probe = self.probe(id.0);
        self.codec.size(probe.code, probe.beside)
    }

    /// By how much the distance of a hit may differ from that of the vector before it was encoded.
    #[must_use]
    pub fn uncertainty(&self, query: &Query, hit: &Hit) -> f64 {
        self.uncertainty_at(query, hit.distance, self.size(hit.id))
    }

    /// By how much a distance can be wrong for vectors that are no larger than `largest`.
    #[must_use]
    pub fn uncertainty_at(&self, query: &Query, distance: f64, largest: Size) -> f64 {
        let probe = query.probe();
        self.codec.uncertainty(distance, self.codec.size(probe.code, probe.beside), largest)
    }

    /// Asks the memory for what [`Graph::distances_from`] will read for a vector and its neighbors on level 0.
    pub fn prefetch_neighbors(&self, id: NodeId) {
        let _guard = epoch::pin();
        self.each_link(id.0, 0, |row| self.rows.prefetch(self.rows.spot(row)));
    }

    /// How far others are from a vector, in their order, in the precision that searches order by; `out` is cleared first.
    /// Many at once take a fraction of the time: each is fetched from memory while another is compared.
    pub fn distances_from(&self, id: NodeId, others: &[NodeId], out: &mut Vec<f32>) {
        let _guard = epoch::pin();
        let rows: Vec<u32> = others.iter().map(|other| other.0).collect();
        self.kernel.distances(self.probe(id.0), &self.rows, &rows, out);
    }

    /// A vector's live neighbors on a level with their distances, nearest first; none above its level.
    #[must_use]
    pub fn neighbors(&self, id: NodeId, level: u8) -> Vec<Hit> {
        let _guard = epoch::pin();
        let mut hits = Vec::new();
        self.each_link(id.0, level, |row| self.rows.prefetch(self.rows.spot(row)));
        self.each_link(id.0, level, |row| {
            if is_live(self.state(row)) {
                let distance = self.kernel.report(self.probe(id.0), self.probe(row));
                hits.push(Hit { distance, id: NodeId(row) });
            }
        });
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        // A link that moves to a lower place just now is met in both.
        hits.dedup_by_key(|hit| hit.id);
        hits
    }

    /// Appends a vector's live neighbors on a level, in the order of their ids, each once: also where somebody takes a link out
    /// meanwhile, and the last one, which fills its place, is met there and where it was.
    pub fn links(&self, id: NodeId, level: u8, out: &mut Vec<NodeId>) {
        let _guard = epoch::pin();
        let first = out.len();
        self.each_link(id.0, level, |row| {
            if is_live(self.state(row)) {
                out.push(NodeId(row));
            }
        });
        out[first..].sort_unstable();
        let mut kept = first;
        for at in first..out.len() {
            if at == first || out[at] != out[kept - 1] {
                out[kept] = out[at];
                kept += 1;
            }
        }
        out.truncate(kept);
    }
}
