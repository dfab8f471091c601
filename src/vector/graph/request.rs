//! What a search of the graph is for: how many, how wide, which vectors may be hits, and when to stop.
#![forbid(unsafe_code)]

use super::NodeId;

/// How many nodes are expanded between two questions whether the search is still wanted.
pub(super) const CANCEL_EVERY: usize = 16;

/// Is told which ids a test will be asked of next, to have the memory bring what it looks at.
pub type Fetch<'a> = &'a dyn Fn(&[u32]);

/// Which vectors may be hits.
#[derive(Clone, Copy, Default)]
pub enum Filter<'a> {
    /// All of them.
    #[default]
    All,
    /// Those for which the function says so. It is called with live ids.
    Test(&'a dyn Fn(NodeId) -> bool),
    /// As `Test`, for a function that costs less than a look at the vector: it is asked first, of ids that are gone too, after
    /// [`Search::fetch`] was told of them.
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

/// What is searched for.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// How many hits are wanted at most.
    pub k: usize,
    /// Width of the beam; at least `k` is used.
    pub ef: usize,
    /// Which vectors may be hits.
    pub filter: Filter<'a>,
    /// Where many are asked by [`Filter::Cheap`], told of them before.
    pub fetch: Fetch<'a>,
    /// About how many vectors match the filter, where the caller knows.
    pub matching: Option<usize>,
    /// How many nodes a filtered search may expand before it ends with what it has found.
    pub budget: Option<usize>,
    /// Asked every few nodes; true stops the search.
    pub cancel: Option<&'a dyn Fn() -> bool>,
}

impl Default for Search<'_> {
    fn default() -> Self {
        Search { k: 10, ef: 100, filter: Filter::All, fetch: &|_| (), matching: None, budget: None, cancel: None }
    }
}

/// What a range search is for.
#[derive(Clone, Copy)]
pub struct Range<'a> {
    /// The greatest distance of a hit, inclusive.
    pub radius: f64,
    /// How much farther than the radius the search still looks for ways, relative: 0.01 is 1 %.
    pub epsilon: f64,
    /// Width of the beam that finds the way in.
    pub ef: usize,
    /// Which vectors may be hits.
    pub filter: Filter<'a>,
    /// Asked every few nodes; true stops the search.
    pub cancel: Option<&'a dyn Fn() -> bool>,
}

impl Default for Range<'_> {
    fn default() -> Self {
        Range { radius: 0.0, epsilon: 0.01, ef: 100, filter: Filter::All, cancel: None }
    }
}

/// The search was stopped by its `cancel`. It gives the nearest of what it had met by then, which need not match its filter, and
/// of which there may be nearer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;
