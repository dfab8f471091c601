//! The vector set: named vectors with attributes, found by similarity. Knows no Redis.
//!
//! | module | what |
//! |---|---|
//! | here | [`VectorSet`]: adding, removing, attributes, background work |
//! | [`query`] | [`Query`]: similar elements |
//! | [`reading`] | what is stored: vectors, links, ranges, random elements, figures |
//! | [`attributes`], [`filter`] | attributes parsed when written, and expressions over them |
//! | `memo` | which elements pass an expression, remembered |
//! | [`projection`] | REDUCE |
//! | [`renewal`] | building a set anew when most of it was removed |
//! | [`deferred`] | copying a large set while its owner goes on |
//! | [`encoding`] | the encodings of RDB files and of DUMP |
//! | `names` | from names to nodes; what the writing thread alone needs |
//!
//! # Threads
//!
//! A set is shared by `&self`. **One thread at a time** calls the methods of this file that change it ([`VectorSet::add`],
//! [`VectorSet::remove`], [`VectorSet::set_attributes`], [`VectorSet::reclaim`]); each takes the time of a copy. Any thread
//! searches and does the background work ([`VectorSet::work`]) meanwhile. Names and attributes stand beside the graph, by
//! node, and are read without a lock under a pin; the index from names to nodes has a mutex that the writing thread finds
//! free, since a search never takes it.
//!
//! # Life of an element
//!
//! Its name and attributes are stored before its vector is published, and freed when the graph says that its slot is free
//! again. A new vector for an element is a new node, published before the old one is removed: a search sees one of them,
//! or both, of which it keeps the nearer.
//!
//! # Memory
//!
//! What an element takes of 300 components, M 16, with a name of 13 bytes and attributes of 14, in a set of 50,000 (parts by
//! the sizes that the allocator of Debian's Redis 7.0 gives, the sum by `MEMORY USAGE`):
//!
//! | part | Q8 | BIN | what it is |
//! |---|--:|--:|---|
//! | code, its scale, head | 316 | 52 | 300 and 4 bytes, or 40; 12 bytes: state, level, norm, blocks |
//! | links of level 0 | 88 | 88 | room for 32 of 21 bits, three to a word |
//! | padding of the row | 4 | 4 | so that a code begins a cache line, where that is cheap |
//! | the last chunk's unused part | 2 | 2 | |
//! | links above level 0 | 5 | 5 | 68 bytes for each fifteenth element |
//! | name | 17 | 17 | 13 and 2 bytes, a sixteenth of a pointer, of a header and of what is rounded up |
//! | attributes | 25 | 25 | the same of 14 bytes and 5 of their table |
//! | index of names | 12 | 12 | a hash table at 5 bytes a slot, and 4 bytes in the order of names |
//! | tail | 2 | 2 | room of elements that wait to be linked |
//! | **together** | **471** | **206** | |

#![forbid(unsafe_code)]

pub mod attributes;
pub mod deferred;
pub mod encoding;
pub mod filter;
mod memo;
mod names;
mod number;
pub mod projection;
pub mod query;
pub mod random;
pub mod reading;
pub mod renewal;

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::vector::graph::{MAX_LEVEL, Renewal};
use crate::vector::side::Side;
use crate::vector::{self, Encoding, Graph, Guard, Metric, NodeId, Vector, pin, scratch};

use attributes::Attributes;
use memo::Memo;
use names::{Index, Names};
use projection::Projection;
use random::{Rng, level_hash};

pub use crate::vector::graph::Step;
pub use filter::{Filter, SyntaxError};
pub use query::{Found, Hits, Query, Target};
pub use reading::{Element, Info, Link, Stored};

/// The greatest dimension.
pub const MAX_DIM: usize = 65_536;
/// The least and the greatest `m` of a set.
pub const M: std::ops::RangeInclusive<usize> = 4..=4096;
/// Beam of the search for a new element's neighbors where nothing is said.
const EF_CONSTRUCTION: usize = 200;

/// So many removed elements are unlinked in the time that a client can wait.
const FEW_REMOVED: usize = 512;

/// Numbers sets in the order of their creation, since the process began.
static NEXT_UID: AtomicU64 = AtomicU64::new(0);

/// The number of a set that comes into being.
fn new_uid() -> u64 {
    NEXT_UID.fetch_add(1, Relaxed)
}

/// Why a set refuses; a fact, whose text is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A vector with a component that is not finite; a dimension or projection that no set can have.
    InvalidVector,
    /// The set quantizes otherwise.
    Quantization,
    /// The set has another `m`.
    M,
    /// The set has another dimension.
    Dimension {
        /// Components of the vector given, before any projection.
        got: usize,
        /// Components that the set stores.
        have: usize,
    },
    /// A projection for a set that has none.
    Unprojected,
    /// The set projects vectors of another dimension.
    ProjectionInput {
        /// Components of the vector given.
        got: usize,
        /// Components that the projection takes.
        expected: usize,
    },
    /// No element has this name.
    ElementNotFound,
    /// The filter does not compile.
    Filter(SyntaxError),
}

/// How vectors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantization {
    /// As floats.
    None,
    /// One signed byte per component.
    Q8,
    /// One bit per component.
    Bin,
}

impl Quantization {
    /// Its name in replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "f32",
            Self::Q8 => "int8",
            Self::Bin => "bin",
        }
    }

    /// Whether a stored vector has a range: its largest component.
    fn has_range(self) -> bool {
        self == Self::Q8
    }

    fn encoding(self) -> Encoding {
        match self {
            Self::None => Encoding::F32,
            Self::Q8 => Encoding::Q8,
            Self::Bin => Encoding::Bin,
        }
    }
}

/// An element to add.
#[derive(Debug, Clone, Copy)]
pub struct Add<'a> {
    /// Its name: any bytes.
    pub element: &'a [u8],
    /// Its vector, before any projection.
    pub vector: &'a [f32],
    /// To how many components the set reduces vectors, if it does.
    pub reduce: Option<usize>,
    /// How the set stores vectors.
    pub quantization: Quantization,
    /// The set's links per element and level.
    pub m: usize,
    /// Beam of the search for its neighbors. Elements are linked later and together, so what counts is the beam that the
    /// last of them was added with.
    pub ef: usize,
    /// Its attributes. Empty ones are kept with a new element and taken away from an existing one.
    pub attributes: Option<&'a [u8]>,
    /// With as many components, a new `Q8` set keeps a coarse code beside each vector, to walk by where that finds as much.
    pub coarse_dim: usize,
}

/// What adding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The element is new.
    New,
    /// The element has a new vector.
    Updated,
}

/// Named vectors with attributes. See the module's documentation.
#[derive(Debug)]
pub struct VectorSet {
    graph: Graph,
    quantization: Quantization,
    projection: Option<Projection>,
    /// By node.
    names: Side,
    /// By node: blobs of [`Attributes::encode`].
    attributes: Side,
    /// How many elements have attributes.
    attributed: AtomicUsize,
    /// What is remembered about filters.
    memo: Memo,
    /// How many elements are on each level at most.
    levels: [AtomicU32; MAX_LEVEL as usize + 1],
    /// Twice how many times a node took another's place, plus one while it does.
    replaced: AtomicU64,
    /// How many nodes there have been.
    last_node: AtomicU64,
    uid: u64,
    owned: Mutex<Owned>,
    /// An heir that is being built.
    renewal: Mutex<Option<Arc<Renewal<VectorSet>>>>,
}

/// What the writing thread has for itself.
#[derive(Debug, Default)]
struct Owned {
    index: Index,
    rng: Rng,
}

impl VectorSet {
    /// An empty set that `add` fits.
    ///
    /// # Errors
    /// [`Error::InvalidVector`] for a dimension of 0 or above [`MAX_DIM`], and for a reduction to 0 components, to more
    /// than there are, or by a matrix above [`projection::MAX_ENTRIES`]. [`Error::M`] for an `m` outside [`M`].
    pub fn new(add: &Add) -> Result<Self, Error> {
        if !M.contains(&add.m) {
            return Err(Error::M);
        }
        let input = add.vector.len();
        if input == 0 || input > MAX_DIM {
            return Err(Error::InvalidVector);
        }
        let projection = match add.reduce {
            None => None,
            Some(output) => Some(Projection::pattern(input, output).ok_or(Error::InvalidVector)?),
        };
        let dim = projection.as_ref().map_or(input, Projection::output);
        let params = params(dim, add.m, add.quantization, add.coarse_dim);
        Ok(Self::of(Graph::new(params), add.quantization, projection, new_uid()))
    }

    /// A set around a graph; names are missing.
    fn of(graph: Graph, quantization: Quantization, projection: Option<Projection>, uid: u64) -> Self {
        Self {
            graph,
            quantization,
            projection,
            names: Side::new(),
            attributes: Side::new(),
            attributed: AtomicUsize::new(0),
            memo: Memo::default(),
            levels: [const { AtomicU32::new(0) }; MAX_LEVEL as usize + 1],
            replaced: AtomicU64::new(0),
            last_node: AtomicU64::new(0),
            uid,
            owned: Mutex::default(),
            renewal: Mutex::default(),
        }
    }

    /// Adds an element, or gives an existing one another vector; it is found from now on.
    ///
    /// # Errors
    /// In this order: [`Error::Quantization`], [`Error::M`], [`Error::Dimension`], [`Error::Unprojected`],
    /// [`Error::ProjectionInput`], [`Error::InvalidVector`]. Nothing has changed then.
    pub fn add(&self, add: &Add) -> Result<Added, Error> {
        self.check_fits(add)?;
        let reduced = self.projection.as_ref().map(|projection| projection.apply(add.vector));
        let vector = reduced.as_deref().unwrap_or(add.vector);
        if !is_storable(vector) {
            return Err(Error::InvalidVector);
        }
        self.reclaim();
        let guard = pin();
        let names = self.names(&guard);
        let mut owned = self.owned();
        let old = owned.index.find(names, add.element);
        let kept = match (add.attributes, old) {
            (Some(b""), Some(_)) => None,
            (Some(verbatim), _) => Some(Attributes::encode(verbatim)),
            (None, Some(old)) => self.attributes.get(&guard, old).map(<[u8]>::to_vec),
            (None, None) => None,
        };
        self.graph.set_ef_construction(add.ef);
        let was = old.is_some_and(|old| self.attributes.get(&guard, old).is_some());
        self.count_attributes(was, kept.is_some());
        // Odd from before the new vector is seen until the old one is not.
        self.replaced.fetch_add(u64::from(old.is_some()), SeqCst);
        let id = self.graph.add_with(Vector::Floats(vector), level_hash(add.element), |id| {
            self.names.set(id, add.element);
            if let Some(blob) = &kept {
                self.attributes.set(id, blob);
            }
        });
        // Before the old node is removed: a search that does not find that one any more is told of this one.
        self.memo.note(id);
        self.last_node.fetch_add(1, Relaxed);
        self.level(id).fetch_add(1, Relaxed);
        match old {
            None => {
                owned.index.insert(names, id);
                Ok(Added::New)
            }
            Some(old) => {
                owned.index.replace(names, add.element, id);
                self.level(old).fetch_sub(1, Relaxed);
                self.graph.remove(old);
                self.memo.note(old);
                self.replaced.fetch_add(1, SeqCst);
                Ok(Added::Updated)
            }
        }
    }

    /// Whether the set is of the kind that `add` says, in the order in which clients learn it.
    fn check_fits(&self, add: &Add) -> Result<(), Error> {
        let (got, have) = (add.vector.len(), self.dim());
        if add.quantization != self.quantization {
            return Err(Error::Quantization);
        }
        if add.m != self.graph.params().m {
            return Err(Error::M);
        }
        match &self.projection {
            None if got != have => Err(Error::Dimension { got, have }),
            None if add.reduce.is_some() => Err(Error::Unprojected),
            Some(_) if add.reduce != Some(have) => Err(Error::Dimension { got, have }),
            Some(projection) if got != projection.input() => {
                Err(Error::ProjectionInput { got, expected: projection.input() })
            }
            _ => Ok(()),
        }
    }

    /// Removes an element; whether it was there. No search that begins from now on finds it.
    pub fn remove(&self, element: &[u8]) -> bool {
        self.reclaim();
        let guard = pin();
        let removed = self.owned().index.remove(self.names(&guard), element);
        let Some(id) = removed else { return false };
        self.count_attributes(self.attributes.get(&guard, id).is_some(), false);
        self.level(id).fetch_sub(1, Relaxed);
        let removed = self.graph.remove(id);
        self.memo.note(id);
        removed
    }

    /// Sets an element's attributes, or takes them away if they are empty; whether the element is there.
    pub fn set_attributes(&self, element: &[u8], verbatim: &[u8]) -> bool {
        let guard = pin();
        let Some(id) = self.find(&guard, element) else { return false };
        self.count_attributes(self.attributes.get(&guard, id).is_some(), !verbatim.is_empty());
        match verbatim {
            b"" => self.attributes.clear(id),
            _ => self.attributes.set(id, &Attributes::encode(verbatim)),
        }
        self.memo.note(id);
        self.graph.note(id);
        true
    }

    /// Frees some of what removed elements have left behind and nobody can still see; whether there was any. Adding and removing do
    /// it too.
    pub fn reclaim(&self) -> bool {
        // Each of them, whatever the others say.
        let freed = [self.graph.reclaim(|id| self.forget(id)), self.names.collect(), self.attributes.collect()];
        freed.contains(&true)
    }

    /// Frees what belonged to a node that is gone.
    fn forget(&self, id: NodeId) {
        self.names.clear(id);
        self.attributes.clear(id);
    }

    /// Elements that are not linked yet. They are found, by a scan: so their number is to be bounded.
    pub fn tail_len(&self) -> usize {
        self.graph.tail_len()
    }

    /// Removed elements that are still in the links.
    pub fn removed(&self) -> usize {
        self.graph.removed()
    }

    /// Units of background work: elements to link, removed ones to unlink.
    pub fn pending(&self) -> usize {
        self.graph.pending()
    }

    /// As [`VectorSet::pending`], without what a thread is doing just now.
    pub fn unbegun(&self) -> usize {
        self.graph.unbegun() + usize::from(self.is_to_renew())
    }

    /// Does one unit of background work, but for [building the set anew](VectorSet::renew_step); whether there was one. Any number
    /// of threads at once.
    pub fn work(&self) -> bool {
        let worked = scratch::with(|scratch| self.graph.link_next(scratch)) || self.reclaim();
        if !worked {
            self.memo.sweep();
        }
        worked
    }

    /// Links an element, whatever else waits; false if there is none that nobody has begun. Any number of threads at once.
    pub fn link_one(&self) -> bool {
        scratch::with(|scratch| self.graph.link_one(scratch))
    }

    /// Links all elements, and unlinks removed ones where they are few: more are not waited for.
    pub fn settle(&self) {
        if self.removed() > FEW_REMOVED || self.is_to_renew() {
            self.link_tail();
        } else {
            self.link_all();
        }
    }

    /// Links elements that nobody has begun to link, as many as may wait by default at most: the time that takes is bounded,
    /// whatever else is to be done.
    pub fn link_some(&self) {
        /// See the setting `tail-limit`.
        const MOST: usize = 512;
        (0..MOST).take_while(|_| self.link_one()).for_each(drop);
    }

    /// Links all elements, and waits for those that others have begun to link: not for the thread that others wait for.
    pub fn link_tail(&self) {
        while self.tail_len() > 0 {
            if !self.link_one() {
                std::thread::yield_now();
            }
        }
    }

    /// Does the background work that nobody has begun, and waits for what others have; while there is nobody who builds the set
    /// anew. Not for the thread that others wait for.
    pub fn link_all(&self) {
        while self.pending() > 0 {
            if !self.work() {
                std::thread::yield_now();
            }
        }
    }

    /// Adds to the count of elements with attributes.
    fn count_attributes(&self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => self.attributed.fetch_add(1, Relaxed),
            (true, false) => self.attributed.fetch_sub(1, Relaxed),
            _ => 0,
        };
    }

    /// The count of elements on the level of a node.
    fn level(&self, id: NodeId) -> &AtomicU32 {
        &self.levels[usize::from(self.graph.level_of(id).min(MAX_LEVEL))]
    }

    fn names<'a>(&'a self, guard: &'a Guard) -> Names<'a> {
        Names::new(&self.names, guard)
    }

    fn find(&self, guard: &Guard, element: &[u8]) -> Option<NodeId> {
        self.owned().index.find(self.names(guard), element)
    }

    fn owned(&self) -> MutexGuard<'_, Owned> {
        // A panic under it is a defect that has been reported; the index is then as it was between two steps.
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The graph's parameters of a set.
fn params(dim: usize, m: usize, quantization: Quantization, coarse_dim: usize) -> vector::Params {
    let (encoding, metric, coarse) = (quantization.encoding(), Metric::Cosine, dim >= coarse_dim);
    vector::Params { dim, m, ef_construction: EF_CONSTRUCTION, encoding, metric, coarse }
}

/// Whether a vector's components are finite.
fn is_storable(vector: &[f32]) -> bool {
    // One sum tells all: an infinity or NaN, times nothing, is NaN. In lanes, for the compiler to vectorize.
    let (lanes, rest) = vector.as_chunks::<16>();
    let mut sums = [0.0f32; 16];
    lanes.iter().for_each(|lanes| sums.iter_mut().zip(lanes).for_each(|(sum, x)| *sum += x * 0.0));
    sums.into_iter().chain(rest.iter().map(|x| x * 0.0)).sum::<f32>() == 0.0
}

#[cfg(test)]
mod tests;
