//! What a set tells about itself and its elements.

use std::ops::Bound;
use std::sync::atomic::Ordering::Relaxed;

use super::attributes::Attributes;
use super::projection::Projection;
use super::query::score;
use super::{Quantization, VectorSet};
use crate::vector::{Graph, pin};

/// A vector as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its code.
    pub bytes: Vec<u8>,
    /// Its norm before it was normalized.
    pub l2: f32,
    /// The greatest component that the code can express, for `Q8`.
    pub range: Option<f32>,
}

/// A neighbor of an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link<'a> {
    /// Its name.
    pub element: &'a [u8],
    /// Its similarity to the element.
    pub score: f32,
}

/// An element, for whoever visits all.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The code of its vector.
    pub code: &'a [u8],
    /// Its attributes, verbatim.
    pub attributes: Option<&'a [u8]>,
}

/// Figures about a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Links per element and level.
    pub m: usize,
    /// Components of a stored vector.
    pub dim: usize,
    /// Components of a vector before it is projected; 0 where it is not.
    pub projection_input_dim: usize,
    /// Elements.
    pub size: usize,
    /// The highest level of an element.
    pub max_level: usize,
    /// Elements with attributes.
    pub attributes_count: usize,
    /// The set's number in this process.
    pub uid: u64,
    /// How many vectors were added so far, new ones for old elements included.
    pub max_node_uid: u64,
}

impl VectorSet {
    /// How many elements there are.
    pub fn card(&self) -> usize {
        self.owned().index.len()
    }

    /// How many elements there is something of, those that were removed and are not freed yet included, about.
    pub fn slots(&self) -> usize {
        self.graph.id_bound() as usize
    }

    /// Components of a stored vector.
    pub fn dim(&self) -> usize {
        self.graph.params().dim
    }

    /// How vectors are stored.
    pub fn quantization(&self) -> Quantization {
        self.quantization
    }

    /// Whether an element is there.
    pub fn contains(&self, element: &[u8]) -> bool {
        self.find(&pin(), element).is_some()
    }

    /// An element's vector: what its code says, times its norm (a binary code knows no norm).
    pub fn vector(&self, element: &[u8]) -> Option<Vec<f32>> {
        let guard = pin();
        let id = self.find(&guard, element)?;
        let mut vector = self.graph.decode(id);
        if self.quantization != Quantization::Bin {
            let l2 = self.graph.l2(id);
            vector.iter_mut().for_each(|x| *x *= l2);
        }
        Some(vector)
    }

    /// The direction of an element's vector: the vector, where single precision has its components whole.
    pub(super) fn direction(&self, element: &[u8]) -> Option<Vec<f32>> {
        let guard = pin();
        let id = self.find(&guard, element)?;
        let is_usual = (1e-30..=1e30).contains(&self.graph.l2(id));
        if is_usual { self.vector(element) } else { Some(self.graph.decode(id)) }
    }

    /// An element's vector as it is stored.
    pub fn raw_vector(&self, element: &[u8]) -> Option<Stored> {
        let guard = pin();
        let id = self.find(&guard, element)?;
        let range = (self.quantization.has_range()).then(|| self.graph.range_of(id));
        Some(Stored { bytes: self.graph.code(id, &guard).into_owned(), l2: self.graph.l2(id), range })
    }

    /// Lends an element's attributes to `visit`; `None` where there is no such element or it has none.
    pub fn with_attributes<T>(&self, element: &[u8], visit: impl FnOnce(Option<&[u8]>) -> T) -> T {
        let guard = pin();
        let blob = self.find(&guard, element).and_then(|id| self.attributes.get(&guard, id));
        visit(blob.map(|blob| Attributes::of(blob).verbatim()))
    }

    /// Lends an element's neighbors to `visit`, a list per level from its highest down to 0, nearest first; `None` where
    /// there is no such element. What is not linked yet has none: see [`VectorSet::link_tail`].
    pub fn with_links<T>(&self, element: &[u8], visit: impl FnOnce(Option<&[Vec<Link<'_>>]>) -> T) -> T {
        let guard = pin();
        let Some(id) = self.find(&guard, element) else { return visit(None) };
        let names = self.names(&guard);
        let link = |hit: crate::vector::Hit| Link { element: names.get(hit.id), score: score(hit.distance) as f32 };
        let of_level = |level| self.graph.neighbors(id, level).into_iter().map(link).collect::<Vec<_>>();
        let levels: Vec<_> = (0..=self.graph.level_of(id)).rev().map(of_level).collect();
        visit(Some(&levels))
    }

    /// Lends the names between two bounds to `visit`, in bytewise order, `count` at most.
    pub fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, count: usize, mut visit: impl FnMut(&[u8])) {
        let guard = pin();
        let names = self.names(&guard);
        self.owned().index.range(names, from, to).take(count).for_each(|id| visit(names.get(id)));
    }

    /// Lends the name of a random element to `visit`, each equally likely; `None` from an empty set.
    pub fn random<T>(&self, visit: impl FnOnce(Option<&[u8]>) -> T) -> T {
        let guard = pin();
        let mut owned = self.owned();
        let super::Owned { index, rng } = &mut *owned;
        visit(index.random(rng).map(|id| self.names(&guard).get(id)))
    }

    /// Lends the names of `count` different elements to `visit` (of all, if there are fewer), each choice equally likely.
    pub fn random_distinct(&self, count: usize, mut visit: impl FnMut(&[u8])) {
        let guard = pin();
        let mut owned = self.owned();
        let super::Owned { index, rng } = &mut *owned;
        index.sample(count, rng).into_iter().for_each(|id| visit(self.names(&guard).get(id)));
    }

    /// Lends every element to `visit`, in no particular order. Takes no lock, so a forked child can call it.
    pub fn each(&self, mut visit: impl FnMut(Element<'_>)) {
        let guard = pin();
        for id in self.graph.ids() {
            visit(Element {
                name: self.names(&guard).get(id),
                code: &self.graph.code(id, &guard),
                attributes: self.attributes.get(&guard, id).map(|blob| Attributes::of(blob).verbatim()),
            });
        }
    }

    /// Figures about the set.
    pub fn info(&self) -> Info {
        Info {
            m: self.graph.params().m,
            dim: self.dim(),
            projection_input_dim: self.projection.as_ref().map_or(0, Projection::input),
            size: self.card(),
            max_level: self.levels.iter().rposition(|level| level.load(Relaxed) > 0).unwrap_or(0),
            attributes_count: self.attributed.load(Relaxed),
            uid: self.uid,
            max_node_uid: self.last_node.load(Relaxed),
        }
    }

    /// Bytes on the heap, as they were asked from the allocator.
    pub fn memory_usage(&self) -> usize {
        let heir = self.renewal().as_ref().map_or(0, |renewal| renewal.heir().memory_usage());
        heir + self.memory_by_part().iter().map(|(_, bytes)| bytes).sum::<usize>()
    }

    /// The parts of [`VectorSet::memory_usage`], by name.
    pub fn memory_by_part(&self) -> [(&'static str, usize); 6] {
        [
            // The graph itself is a part of this.
            ("graph", self.graph.memory_usage() - size_of::<Graph>()),
            ("names", self.names.memory()),
            ("attributes", self.attributes.memory()),
            ("index", self.owned().index.memory()),
            ("filters", self.memo.memory()),
            ("projection", self.projection.as_ref().map_or(0, Projection::memory)),
        ]
    }
}
