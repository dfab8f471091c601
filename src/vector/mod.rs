//! Vectors: how they are stored, how far apart they are, and how the nearest are found. Knows no Redis.
//!
//! | module | what |
//! |---|---|
//! | [`encoding`] | what is stored for a vector: floats, integers, scaled int8 (`Q8`), sign bits (`Bin`) |
//! | [`distance`] | the distance kernels, chosen once per graph for the processor |
//! | [`graph`] | [`Graph`]: approximate search by HNSW, with real removal, filters and ranges |
//! | [`flat`] | [`Flat`]: exact search over the same encodings |
//! | [`measure`] | distances of vectors that no index keeps |
//! | [`within`] | which of many codes are within ranges |
//! | `scan` | comparing with every vector that matches |
//! | [`scratch`] | [`Scratch`]: what a thread needs to search or to link, kept between calls |
//! | [`epoch`] | [`pin`]: when the slot of a removed vector may be used again |
//! | [`gate`] | what a fork must wait for |
//! | [`allocation`] | what a block of memory costs |
//! | `arena` | rows in chunks that never move |
//!
//! # Threads
//!
//! A [`Graph`] or [`Flat`] is shared by `&self`. **One thread at a time** adds, removes and reclaims (they are constant
//! time: a copy, a mark). Any number of threads search, and link what was added ([`Graph::link_next`]); readers take no
//! lock and wait for nobody. What was added is found at once, linked or not; what was removed is not returned any more.
//!
//! A [`NodeId`] that a search returned stays that vector's id for as long as the caller holds a [`pin`] taken before the
//! search: a slot is reused only after [`Graph::reclaim`] has told the owner, which it does when no pin is older than
//! the removal.

#![deny(unsafe_code)]

pub mod allocation;
mod arena;
pub mod distance;
pub mod encoding;
pub mod epoch;
pub mod flat;
pub mod gate;
pub mod graph;
pub mod measure;
mod scan;
pub mod scratch;
pub mod side;
pub mod within;

pub use encoding::{Encoding, Metric, Size, Vector};
pub use epoch::{Guard, pin};
pub use flat::Flat;
pub use graph::{Cancelled, Filter, Graph, Params, Query, Range, Restore, Search};
pub use measure::Measure;
pub use scan::{set_bits, spread};
pub use scratch::Scratch;

/// The number of a vector's slot in a [`Graph`] or a [`Flat`]; below 2³¹, and reused after its vector was reclaimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A vector that was found, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Distance by the graph's metric (small is near). Computed in single precision, in double for [`Encoding::F64`].
    pub distance: f64,
    /// Whose vector.
    pub id: NodeId,
}
