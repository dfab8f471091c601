//! Whether walks go by the upper halves of codes.
//!
//! `Q8` codes [in halves](crate::vector::encoding::halves) give estimates of distances by half as many bytes. A walk by estimates,
//! with a beam that is a bit wider, finds as much if they are off by little beside what the distances of those near to each
//! other differ by. That is so for embeddings, and not where a few components stand out from all others, or where vectors lie
//! close together and far from the origin, or in clusters within which all are equally far. So it is tried: around up to
//! [`TRIED`] nodes, of the nearest [`TRIED_K`] among the neighbors of neighbors, how many are among as many nearest by estimates as
//! such a beam holds? If nearly all are, walks go by estimates. (Of 50,000 sentences of 384 components, 98.7 to 99.7 % are, and
//! walks find 0.966 instead of 0.963 of the ten nearest with a beam of 24, and 0.992 instead of 0.993 with one of 100. Of 15,000
//! vectors in 750 clusters, 85 to 97 %, and with a beam of 10 walks find 0.82 instead of 0.98; in 50 clusters, 41 %, and 0.33
//! instead of 0.79.)
//!
//! It is tried when [`FIRST`] vectors are linked, and again each time that as many were linked as there were then, by whoever links
//! next, which takes it one or two milliseconds; and of a graph that is restored, at the end: so it follows from the vectors and
//! links, and is not saved.
//!
//! # Invariants
//! Codes do not change with it, so a walk asks once what it goes by, and nobody waits for anybody.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::sight::widened_by_halves;
use super::survey::FIRST;
use super::{Graph, LINKED};
use crate::vector::scratch::{Key, Scratch};

/// Nodes around which estimates are tried, at most, and so many vectors have one.
const TRIED: usize = 64;
const TRIED_EACH: usize = 64;
/// How many of the nearest should be found.
const TRIED_K: usize = 10;
/// Among how many.
const AROUND: usize = 256;
/// Of a thousand nearest, how many must be found.
const FOUND: usize = 980;

/// What is known of the upper halves of a graph's codes.
#[derive(Debug, Default)]
pub(super) struct Halves {
    walked: AtomicBool,
    /// How often a vector was linked, and how often will have been at the next trial.
    made: AtomicUsize,
    next: AtomicUsize,
    /// Whether there is one now.
    busy: AtomicBool,
}

impl Halves {
    /// Whether walks go by them.
    pub fn are_walked(&self) -> bool {
        self.walked.load(Relaxed)
    }

    /// Takes note of a vector that was linked.
    pub fn note_linked(&self) {
        self.made.fetch_add(1, Relaxed);
    }

    /// Whether they are to be tried, or being tried, while so many vectors are linked.
    pub fn are_due(&self, linked: usize) -> bool {
        linked >= FIRST && self.made.load(Relaxed) >= self.next.load(Relaxed) || self.busy.load(Relaxed)
    }
}

impl Graph {
    /// Tries them, unless somebody else does; for who is pinned.
    pub(super) fn try_halves(&self, halves: &Halves, linked: usize, scratch: &mut Scratch) -> bool {
        if halves.busy.swap(true, Acquire) {
            return false;
        }
        let (mut found, mut wanted) = (0, 0);
        for row in self.spread((linked / TRIED_EACH).min(TRIED)).filter(|&row| self.state(row) == LINKED) {
            let [of_row, of_all] = self.estimate_around(row, scratch);
            found += of_row;
            wanted += of_all;
        }
        halves.walked.store(found * 1000 >= wanted * FOUND, Relaxed);
        halves.next.store(halves.made.load(Relaxed).saturating_add(linked), Relaxed);
        halves.busy.store(false, Release);
        true
    }

    /// How many of those nearest to a node are among the nearest by estimates, and how many they are: among the neighbors of
    /// neighbors, [`AROUND`] at most.
    fn estimate_around(&self, row: u32, scratch: &mut Scratch) -> [usize; 2] {
        let Scratch { marks, batch, distances, outline, list, .. } = scratch;
        marks.clear();
        marks.insert(row);
        let mut next = 0;
        while next < marks.seen().len() && marks.seen().len() <= AROUND {
            let near = marks.seen()[next];
            marks.meet(|list| self.append_links(near, 0, list));
            next += 1;
        }
        batch.clear();
        batch.extend_from_slice(&marks.seen()[1..]);
        marks.clear();
        let probe = self.probe(row);
        self.kernel.outline(probe, outline);
        self.kernel.distances(probe, &self.rows, batch, distances);
        self.kernel.estimates(outline, &self.rows, batch, &mut list.distances, || ());
        let keys = |distances: &[f32], count: usize| {
            let mut keys: Vec<Key> =
                batch.iter().zip(distances).map(|(&row, &distance)| Key::new(distance, row)).collect();
            keys.sort_unstable();
            keys.truncate(count);
            keys
        };
        let nearest = keys(distances, TRIED_K);
        let estimated = keys(&list.distances, widened_by_halves(TRIED_K));
        let is_found = |key: &&Key| estimated.iter().any(|estimated| estimated.row() == key.row());
        [nearest.iter().filter(is_found).count(), nearest.len()]
    }
}
