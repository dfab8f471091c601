//! Exact search: every vector is looked at.
//!
//! The same rows, encodings, kernels and rules about threads as [`Graph`](super::Graph), without links: one thread adds,
//! removes and reclaims; searches take no lock; a slot is reused when no pin can still know it.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::arena::{FREE, Rows};
use super::distance::{Kernel, Probe};
use super::encoding::{Codec, Encoding, Metric, Vector};
use super::graph::{Cancelled, Filter, Query, Range, Search};
use super::scan::Scan;
use super::scratch::{Key, List, Scratch, offer};
use super::{Guard, Hit, NodeId, epoch, gate};

/// Room that an empty queue keeps.
const SPARE: usize = 1024;

const LIVE: u8 = 1;
const DEAD: u8 = 2;

/// Exact nearest neighbors. See the module's documentation.
#[derive(Debug)]
pub struct Flat {
    codec: Codec,
    kernel: Kernel,
    rows: Rows,
    live: AtomicUsize,
    /// Removed rows with the stamps of their removal.
    limbo: Mutex<VecDeque<(u64, u32)>>,
    waiting: AtomicUsize,
}

impl Flat {
    /// An empty index for vectors of `dim` components. Takes no memory for vectors yet.
    #[must_use]
    pub fn new(dim: usize, encoding: Encoding, metric: Metric) -> Flat {
        let codec = Codec::new(dim, encoding, metric);
        Flat {
            codec,
            kernel: Kernel::new(&codec),
            rows: Rows::new(codec.code_len(), codec.scaled(), 0, 0),
            live: AtomicUsize::new(0),
            limbo: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// How it encodes vectors.
    #[must_use]
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Encodes a query for this index.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    #[must_use]
    pub fn query(&self, vector: Vector) -> Query {
        Query::new(&self.codec, vector)
    }

    /// Adds a vector; it is found from now on.
    ///
    /// # Panics
    /// When `vector` does not [fit](Codec::fits).
    pub fn add(&self, vector: Vector) -> NodeId {
        assert!(self.codec.fits(&vector), "a vector of the index's dimension");
        let _inside = gate::enter();
        let row = self.rows.add(|code| self.codec.encode(vector, code));
        self.rows.head(row).state.store(LIVE, SeqCst);
        self.live.fetch_add(1, Relaxed);
        NodeId(row)
    }

    /// Removes a vector: no search that begins from now on returns it. Returns whether it was there.
    pub fn remove(&self, id: NodeId) -> bool {
        if !self.contains(id) {
            return false;
        }
        let _inside = gate::enter();
        self.rows.head(id.0).state.store(DEAD, SeqCst);
        self.live.fetch_sub(1, Relaxed);
        self.limbo().push_back((epoch::retire(), id.0));
        self.waiting.fetch_add(1, Relaxed);
        true
    }

    /// Frees ids that were removed and that no pin can still know, a few at a time, telling `gone` each one before.
    pub fn reclaim(&self, mut gone: impl FnMut(NodeId)) {
        /// Ids that are freed at a time.
        const MOST: usize = 32;
        if self.waiting.load(Acquire) == 0 && !self.rows.waits() {
            return;
        }
        let _inside = gate::enter();
        let oldest = epoch::oldest();
        let mut limbo = self.limbo();
        for _ in 0..MOST {
            let Some((_, row)) = limbo.pop_front_if(|(stamp, _)| *stamp < oldest) else { break };
            self.waiting.fetch_sub(1, Relaxed);
            gone(NodeId(row));
            self.rows.free(row);
        }
        if limbo.is_empty() && limbo.capacity() > SPARE {
            *limbo = VecDeque::new();
        }
        self.rows.collect();
    }

    fn limbo(&self) -> MutexGuard<'_, VecDeque<(u64, u32)>> {
        self.limbo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// About how many nanoseconds looking at one vector takes among many.
    #[must_use]
    pub fn cost_each(&self) -> u64 {
        self.codec.cost_each()
    }

    /// Live vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Relaxed)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every id that is in use is below this number.
    #[must_use]
    pub fn id_bound(&self) -> u32 {
        self.rows.len()
    }

    /// Whether `id` is a live vector's.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        let _guard = epoch::pin();
        id.0 < self.rows.len() && self.rows.head(id.0).state.load(Acquire) == LIVE
    }

    /// A vector's code, as it is stored. `guard` keeps it from being reused.
    ///
    /// # Panics
    /// When `id` was never given.
    #[must_use]
    pub fn code<'a>(&'a self, id: NodeId, _guard: &'a Guard) -> &'a [u8] {
        self.rows.code(id.0)
    }

    /// How far a vector is from a query.
    ///
    /// # Panics
    /// When `id` was never given.
    #[must_use]
    pub fn distance(&self, query: &Query, id: NodeId) -> f64 {
        let _guard = epoch::pin();
        self.kernel.report(query.probe(), self.probe(id.0))
    }

    /// Finds the `k` nearest that match, best first, ties in the order of ids; `out` is cleared first. `ef`, `matching`
    /// and `budget` mean nothing here.
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
        if search.k == 0 {
            return Ok(());
        }
        let Scratch { nearest, list, .. } = &mut *scratch;
        nearest.clear();
        self.each_match(query.probe(), search.filter, search.cancel, list, |key| offer(nearest, search.k, key))?;
        scratch.found.clear();
        scratch.found.extend(scratch.nearest.drain());
        self.report(query, scratch, out);
        Ok(())
    }

    /// Finds all that match within a radius, best first; `out` is cleared first. `ef` and `epsilon` mean nothing here.
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
        let Scratch { found, list, .. } = &mut *scratch;
        found.clear();
        let radius = (range.radius as f32).next_up();
        self.each_match(query.probe(), range.filter, range.cancel, list, |key| {
            if key.distance() <= radius {
                found.push(key);
            }
        })?;
        self.report(query, scratch, out);
        out.retain(|hit| hit.distance <= range.radius);
        Ok(())
    }

    /// Bytes taken from the allocator.
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.rows.memory_usage() + self.limbo().capacity() * 16
    }

    fn probe(&self, row: u32) -> Probe<'_> {
        self.kernel.probe(&self.rows, row)
    }

    /// Calls `visit` with every vector that matches, in the order of ids or of the filter's list.
    fn each_match(
        &self,
        probe: Probe,
        filter: Filter,
        cancel: Option<&dyn Fn() -> bool>,
        list: &mut List,
        visit: impl FnMut(Key),
    ) -> Result<(), Cancelled> {
        let scan = Scan { rows: &self.rows, kernel: &self.kernel, probe, filter, cancel };
        scan.each_match(|row| self.rows.head(row).state.load(Acquire) == LIVE, list, visit)
    }

    fn report(&self, query: &Query, scratch: &mut Scratch, out: &mut Vec<Hit>) {
        scratch.found.sort_unstable();
        out.extend(scratch.found.iter().map(|key| {
            let distance = if self.kernel.is_exact() {
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

const _: () = assert!(FREE != LIVE && FREE != DEAD);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nearest(flat: &Flat, query: &[f32], search: &Search) -> Vec<Hit> {
        let mut hits = Vec::new();
        let query = flat.query(Vector::Floats(query));
        flat.search(&query, search, &mut Scratch::default(), &mut hits).expect("nobody cancels");
        hits
    }

    proptest! {
        #[test]
        fn hits_are_the_sorted_distances(
            vectors in proptest::collection::vec(proptest::collection::vec(-5i8..5, 3), 1..80),
            gone in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
            k in 1usize..100,
        ) {
            let flat = Flat::new(3, Encoding::I8, Metric::L2);
            let bytes = |vector: &[i8]| vector.iter().map(|&x| x as u8).collect::<Vec<u8>>();
            let ids: Vec<NodeId> = vectors.iter().map(|v| flat.add(Vector::Bytes(&bytes(v)))).collect();
            let mut alive: Vec<bool> = vec![true; ids.len()];
            for index in gone {
                let i = index.index(ids.len());
                prop_assert_eq!(flat.remove(ids[i]), alive[i]);
                alive[i] = false;
            }
            let mut expected: Vec<(i64, NodeId)> = (0..ids.len())
                .filter(|&i| alive[i])
                .map(|i| (vectors[i].iter().map(|&x| i64::from(x) * i64::from(x)).sum(), ids[i]))
                .collect();
            expected.sort_unstable();
            expected.truncate(k);
            let hits = nearest(&flat, &[0.0; 3], &Search { k, ..Search::default() });
            let got: Vec<(i64, NodeId)> = hits.iter().map(|hit| (hit.distance as i64, hit.id)).collect();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_slot_is_reused_only_after_its_owner_was_told() {
        let flat = Flat::new(2, Encoding::F32, Metric::Cosine);
        let first = flat.add(Vector::Floats(&[1.0, 0.0]));
        let guard = pin_now();
        assert!(flat.remove(first));
        flat.reclaim(|_| panic!("a pin still knows it"));
        assert_ne!(flat.add(Vector::Floats(&[0.0, 1.0])), first);
        drop(guard);
        let mut told = Vec::new();
        while told.is_empty() {
            flat.reclaim(|id| told.push(id));
        }
        assert_eq!(told, [first]);
        assert_eq!(flat.add(Vector::Floats(&[1.0, 1.0])), first);
        assert_eq!(nearest(&flat, &[1.0, 1.0], &Search::default())[0].id, first);
    }

    fn pin_now() -> Guard {
        super::super::pin()
    }

    #[test]
    fn doubles_are_compared_in_double_precision() {
        let flat = Flat::new(1, Encoding::F64, Metric::L2);
        let bytes = |x: f64| x.to_le_bytes().to_vec();
        let far = flat.add(Vector::Bytes(&bytes(1.0 + 2e-12)));
        let near = flat.add(Vector::Bytes(&bytes(1.0 + 1e-12)));
        let query = flat.query(Vector::Bytes(&bytes(0.0)));
        let mut hits = Vec::new();
        flat.search(&query, &Search::default(), &mut Scratch::default(), &mut hits).expect("nobody cancels");
        assert_eq!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>(), [near, far]);
    }
}
