//! Finding the elements most similar to an element or a vector.
//!
//! The thread that parses a command makes a [`Query`], which owns all it needs; any thread runs it. What is found is lent
//! to a callback, with names and attributes where they stand.

use std::collections::HashSet;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::attributes::Attributes;
use super::filter::Filter;
use super::projection::Projection;
use super::{Error, VectorSet, is_storable};
use crate::vector::graph::Filter as NodeFilter;
use crate::vector::{self, Guard, Hit, NodeId, Scratch, Search, Vector, pin};

/// How often a search is repeated because elements that it found were changed meanwhile.
const TRIES: usize = 4;

/// What the elements are to be similar to.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// An element of the set.
    Element(&'a [u8]),
    /// A vector, projected or to be projected where the set does.
    Vector(&'a [f32]),
}

/// A search, ready to run on any thread.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) target: vector::Query,
    /// How many elements are wanted at most.
    pub count: usize,
    /// Width of the beam; at least `count` is used.
    pub ef: usize,
    /// Elements farther than this, as half the distance (0 to 1), are left out.
    pub epsilon: f32,
    /// Which elements are wanted.
    pub filter: Option<Filter>,
    /// How many nodes a filtered search goes on from at most; `None`: as many as it takes to find all it can.
    pub filter_ef: Option<usize>,
    /// Whether all elements are compared.
    pub exact: bool,
}

/// An element that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// Its name.
    pub element: &'a [u8],
    /// Its similarity: 1 for the same direction, 0 for the opposite one.
    pub score: f64,
    /// Its attributes, verbatim.
    pub attributes: Option<&'a [u8]>,
}

/// What a search found, best first.
#[derive(Debug)]
pub struct Hits<'a> {
    set: &'a VectorSet,
    guard: &'a Guard,
    hits: &'a [Hit],
}

impl<'a> Hits<'a> {
    /// How many elements were found.
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The elements, best first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Found<'a>> + '_ {
        let (set, guard) = (self.set, self.guard);
        self.hits.iter().map(move |hit| Found {
            element: set.names(guard).get(hit.id),
            score: score(hit.distance),
            attributes: set.attributes.get(guard, hit.id).map(|blob| Attributes::of(blob).verbatim()),
        })
    }
}

/// `1 - d/2` in double from a distance in single precision.
pub(super) fn score(distance: f64) -> f64 {
    1.0 - f64::from(distance as f32) / 2.0
}

impl VectorSet {
    /// A search for what is similar to `target`, with the defaults: 10 elements, beam 100, no filter.
    ///
    /// # Errors
    /// [`Error::ElementNotFound`]; [`Error::Dimension`] or [`Error::ProjectionInput`]; [`Error::InvalidVector`].
    pub fn query(&self, target: Target) -> Result<Query, Error> {
        let vector = match target {
            Target::Element(element) => self.vector(element).ok_or(Error::ElementNotFound)?,
            Target::Vector(vector) => self.reduced(vector)?,
        };
        if !is_storable(&vector) {
            return Err(Error::InvalidVector);
        }
        let target = self.graph.query(Vector::Floats(&vector));
        Ok(Query { target, count: 10, ef: 100, epsilon: 2.0, filter: None, filter_ef: None, exact: false })
    }

    /// The vector in the set's dimension.
    fn reduced(&self, vector: &[f32]) -> Result<Vec<f32>, Error> {
        let (got, have) = (vector.len(), self.dim());
        match &self.projection {
            Some(projection) if got == projection.input() => Ok(projection.apply(vector)),
            _ if got == have => Ok(vector.to_vec()),
            Some(projection) => Err(Error::ProjectionInput { got, expected: Projection::input(projection) }),
            None => Err(Error::Dimension { got, have }),
        }
    }

    /// How long a search will take, in nanoseconds, roughly: who has the query may do it itself or hand it over.
    pub fn estimate(&self, query: &Query) -> u64 {
        /// Of asking a filter about an element.
        const FILTER: u64 = 60;
        if !query.exact && query.filter.is_none() {
            return self.graph.cost(query.ef.max(query.count));
        }
        let each = self.graph.cost_each() + if query.filter.is_some() { FILTER } else { 0 };
        (self.card() as u64).saturating_mul(each)
    }

    /// Runs a search and lends what it found to `visit`.
    ///
    /// As many elements as match are found, up to the count. Where elements got new vectors meanwhile, each is there once.
    pub fn search<T>(&self, query: &Query, visit: impl FnOnce(Hits<'_>) -> T) -> T {
        let guard = pin();
        let mut hits = Vec::new();
        vector::scratch::with(|scratch| self.find_hits(query, &guard, scratch, &mut hits));
        visit(Hits { set: self, guard: &guard, hits: &hits })
    }

    fn find_hits(&self, query: &Query, guard: &Guard, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        let passes = |id: NodeId| match (&query.filter, self.attributes.get(guard, id)) {
            (Some(filter), Some(blob)) => filter.matches(Attributes::of(blob)),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let filter = match query.filter {
            Some(_) if self.attributed.load(Relaxed) == 0 => return,
            Some(_) => NodeFilter::Test(&passes),
            None => NodeFilter::All,
        };
        let mut search = Search { k: query.count, ef: query.ef, filter, budget: query.filter_ef, ..Search::default() };
        for _ in 0..TRIES {
            let replaced = self.replaced.load(SeqCst);
            // It cannot be cancelled: nothing was given that would.
            let _complete = match query.exact {
                true => self.graph.scan(&query.target, &search, scratch, hits),
                false => self.graph.search(&query.target, &search, scratch, hits),
            };
            let found = hits.len();
            if replaced.is_multiple_of(2) && self.replaced.load(SeqCst) == replaced {
                break;
            }
            // Elements got new vectors meanwhile: one may be there with both. Ask for as many more as those take away.
            let mut seen = HashSet::new();
            hits.retain(|hit| seen.insert(self.names(guard).get(hit.id)));
            if hits.len() >= query.count || found < search.k {
                break;
            }
            search.k = query.count.saturating_add(found - hits.len());
        }
        hits.truncate(query.count);
        hits.retain(|hit| hit.distance as f32 / 2.0 <= query.epsilon);
    }
}
