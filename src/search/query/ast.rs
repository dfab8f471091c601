//! The tree of a query.
//!
//! The parser hands out trees with everything settled that the text and the schema settle: parameters are substituted,
//! names are resolved, terms are case-folded, without their escapes and expanded by their stems, stop words are gone.
//! What is left is for the planner: which documents, and in which order.
//!
//! Invariants of a parsed tree:
//! * It is never deeper than [`MAX_DEPTH`], so that recursion over it is safe.
//! * [`Kind::Knn`] stands only at the root.
//! * [`Kind::Intersect`] and [`Kind::Union`] have at least one child; a [`Kind::Phrase`] may have no term, then it
//!   matches nothing.
//! * `""` is a [`Kind::Term`] with no text: the documents that hold the empty string.
//! * A [`FieldRef`] without an id names a field that does not exist or is of another type: the node matches nothing.

use std::sync::Arc;

use crate::search::schema::{FieldId, FieldMask};
use crate::search::shape::{Predicate, Shape};

/// Bound of a tree's depth.
pub const MAX_DEPTH: usize = 256;

/// A node: what to match, and how to weigh it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What to match.
    pub kind: Kind,
    /// In which TEXT fields. Meaningful for text nodes; [`FieldMask::ALL`] when the query names none.
    pub fields: FieldMask,
    /// `=> { $weight: … }` and its like.
    pub attributes: Attributes,
}

impl Node {
    /// A node without restriction or attributes.
    pub fn new(kind: Kind) -> Self {
        Self { kind, fields: FieldMask::ALL, attributes: Attributes::default() }
    }
}

/// Attributes that any node can have. `None`: not given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes {
    /// `$weight`: factor of the node's score; 1 when not given.
    pub weight: Option<f64>,
    /// `$slop`: extra words allowed between the children of an intersection; −1 is any number.
    pub slop: Option<i64>,
    /// `$inorder`: the children of an intersection have to come in order.
    pub in_order: Option<bool>,
    /// `$phonetic`, for fields with a phonetic matcher.
    pub phonetic: Option<bool>,
}

/// A field as the query names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRef {
    /// The name, escapes removed.
    pub name: Box<[u8]>,
    /// The field, if there is one of this name and of the type that the clause is for.
    pub id: Option<FieldId>,
}

/// What a node matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing: the empty query, or one of stop words only.
    Empty,
    /// `*`: every document.
    All,
    /// Documents that match all children.
    Intersect(Vec<Node>),
    /// Documents that match any child. Expansions of one word (the word, its stems, synonyms) are a union too.
    Union(Vec<Node>),
    /// `-x`: documents that do not match the child.
    Not(Box<Node>),
    /// `~x`: every document; those that match the child score.
    Optional(Box<Node>),
    /// One term, as stored in the index.
    Term(Term),
    /// `"…"`: the terms one after the other, in order, in one field, nothing between them. Stop words are left out: the
    /// index does not store them and they take no position there.
    Phrase(Vec<Term>),
    /// `x*`, `*x`, `*x*`: terms that start with, end with, or contain the text.
    Affix(Affix),
    /// `w'…'`: terms that match the pattern.
    Wildcard(Pattern),
    /// `%x%`: terms at most so many edits (1 to 3) away, counted in characters.
    Fuzzy {
        /// What is nearly meant.
        text: Box<[u8]>,
        /// Edits allowed.
        distance: u8,
    },
    /// `@f:{a | b}`: documents with any of the tags.
    Tag {
        /// The TAG field.
        field: FieldRef,
        /// The alternatives, at least one.
        values: Vec<TagValue>,
    },
    /// `@f:[a b]`: documents with a number in the range.
    Numeric {
        /// The NUMERIC field.
        field: FieldRef,
        /// Which numbers.
        range: Range,
    },
    /// `@f:[lon lat r unit]`: documents with a point in the circle.
    Geo {
        /// The GEO field.
        field: FieldRef,
        /// The circle.
        circle: Circle,
    },
    /// `@f:[WITHIN $shape]` and its like: documents with a shape that lies so.
    Shape {
        /// The GEOSHAPE field.
        field: FieldRef,
        /// How it must lie to the shape of the query.
        predicate: Predicate,
        /// The shape of the query; `None` where there is no such field, so that nobody knows what it is in.
        shape: Option<Arc<Shape>>,
        /// Its text.
        text: Box<[u8]>,
    },
    /// `@f:[VECTOR_RANGE r $b]`: documents with a vector no farther than the radius.
    VectorRange(VectorRange),
    /// `…=>[KNN k @f $b]`: of the documents that match the filter, the k with the nearest vectors.
    Knn(Knn),
    /// `ismissing(@f)`: documents without the field.
    Missing(FieldRef),
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// The term as the index stores it: case-folded; a stem of the index starts with `+`.
    pub text: Box<[u8]>,
    /// Made by us from the written word, not written by the client.
    pub expanded: bool,
}

/// Part of a term.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Affix {
    /// The part.
    pub text: Box<[u8]>,
    /// Anything may follow: `x*`.
    pub open_end: bool,
    /// Anything may precede: `*x`.
    pub open_start: bool,
}

/// A pattern of literal bytes, `?` (one character) and `*` (any number of them).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The pattern, parameter substituted; `\` makes the next byte literal. Case-folded for text, as written for tags.
    pub text: Box<[u8]>,
}

/// One alternative of a tag clause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TagValue {
    /// This tag, not folded: the field knows whether case matters.
    Exact(Box<[u8]>),
    /// Several words, joined by one space they are the tag; kept apart as the text of the tree shows them so.
    Words(Vec<Box<[u8]>>),
    /// Tags with this part.
    Affix(Affix),
    /// Tags that match the pattern.
    Wildcard(Pattern),
}

/// A range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower bound, −∞ if none.
    pub min: f64,
    /// Upper bound, ∞ if none.
    pub max: f64,
    /// Whether `min` itself is in.
    pub min_inclusive: bool,
    /// Whether `max` itself is in.
    pub max_inclusive: bool,
}

impl Range {
    /// Whether the number is in the range.
    pub fn contains(&self, value: f64) -> bool {
        // Without a branch: which values are inside cannot be foretold.
        ((value > self.min) | (self.min_inclusive & (value == self.min)))
            & ((value < self.max) | (self.max_inclusive & (value == self.max)))
    }
}

/// Units of distances on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `m`
    Meters,
    /// `km`
    Kilometers,
    /// `mi`
    Miles,
    /// `ft`
    Feet,
}

impl Unit {
    /// Meters in one of it.
    pub fn meters(self) -> f64 {
        match self {
            Self::Meters => 1.0,
            Self::Kilometers => 1000.0,
            Self::Miles => 1609.34,
            Self::Feet => 0.3048,
        }
    }
}

/// A circle on the earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Longitude of the center, degrees.
    pub lon: f64,
    /// Latitude of the center, degrees.
    pub lat: f64,
    /// Radius in `unit`s, positive.
    pub radius: f64,
    /// Unit of the radius.
    pub unit: Unit,
}

/// The vector that a clause asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryVector {
    /// Name of the parameter that held it.
    pub parameter: Box<[u8]>,
    /// Its bytes: of the field's type and dimension when the field is known.
    pub blob: Box<[u8]>,
}

/// How a filtered KNN goes about it. It never changes which documents come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HybridPolicy {
    /// Take near vectors in batches, drop those that the filter refuses.
    Batches,
    /// Compare every vector that passes the filter: exact.
    AdhocBruteForce,
}

/// An option of a vector clause as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenOption {
    /// Its name, in whatever case.
    pub name: Box<[u8]>,
    /// Its value.
    pub value: Box<[u8]>,
}

/// What a vector clause can be tuned with. `None`: not given.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VectorOptions {
    /// EF_RUNTIME, HNSW only.
    pub ef_runtime: Option<usize>,
    /// HYBRID_POLICY, KNN with a filter only.
    pub hybrid_policy: Option<HybridPolicy>,
    /// BATCH_SIZE, KNN with a filter only.
    pub batch_size: Option<usize>,
    /// EPSILON, VECTOR_RANGE on a graph only; above 0.
    pub epsilon: Option<f64>,
    /// SEARCH_WINDOW_SIZE, SVS-VAMANA only.
    pub search_window: Option<usize>,
    /// SEARCH_BUFFER_CAPACITY, SVS-VAMANA only.
    pub search_buffer: Option<usize>,
    /// USE_SEARCH_HISTORY, SVS-VAMANA only.
    pub search_history: Option<bool>,
    /// SHARD_K_RATIO, 0 to 1: for clusters; no effect on one server.
    pub shard_k_ratio: Option<f64>,
}

/// The k nearest.
#[derive(Debug, Clone, PartialEq)]
pub struct Knn {
    /// Among which documents; `None`: among all. Legacy filters of the command restrict it further.
    pub filter: Option<Box<Node>>,
    /// How many; may be 0.
    pub k: usize,
    /// The VECTOR field.
    pub field: FieldRef,
    /// Near to what.
    pub vector: QueryVector,
    /// How.
    pub options: VectorOptions,
    /// The options as written, parameters substituted.
    pub written: Vec<WrittenOption>,
    /// Under which name rows carry the distance.
    pub distance_as: Box<[u8]>,
}

/// The near enough.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRange {
    /// The VECTOR field.
    pub field: FieldRef,
    /// Largest distance that still matches, 0 or above.
    pub radius: f64,
    /// Near to what.
    pub vector: QueryVector,
    /// How.
    pub options: VectorOptions,
    /// The options as written, parameters substituted.
    pub written: Vec<WrittenOption>,
    /// Under which name rows carry the distance; `None`: they don't.
    pub distance_as: Option<Box<[u8]>>,
}
