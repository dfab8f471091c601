//! Plans: how the tree of a query becomes documents.
//!
//! Two ways lead there, and each clause takes the cheaper one that does its job:
//!
//! * [`Plan::bitmap`]: the whole set at once. For what is not scored: filters of KNN, negations, results sorted by a field,
//!   counts. Intersections begin with the clause that is expected to match least, and stop when nothing is left; ranges
//!   and circles beside much smaller sets are not enumerated, but asked about each document.
//! * [`Plan::docset`]: document after document, with scores and positions. Clauses inside that do not score come in as bitmaps
//!   or as tests.
//!
//! A plan borrows the index and the tree; it is made for one query and used up by it. Recursion is as deep as the tree,
//! which the parser bounds.

mod cost;
mod expand;
mod profiled;
mod scored;

pub use cost::cost;
pub use scored::scores_alike;

use super::doc_id::DocId;
use super::docset::{Phrase, drain};
use super::fields::numeric::NumericIndex;
use super::fields::vector::VectorIndex;
use super::idset::IdSet;
use super::index::{FieldIndex, Index, Values};
use super::profile::Profile;
use super::query::ast::{FieldRef, Kind, Knn, Node, Range, TagValue, VectorRange};
use super::schema::FieldMask;
use super::score::{Corpus, Leaf};
use crate::watch::Watch;
use roaring::{MultiOps, RoaringBitmap};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many times larger a set must be than the others to be asked rather than enumerated.
const ASK: u64 = 8;

/// The documents within a vector range, by key, with their distances.
pub type Measured = Arc<HashMap<Box<[u8]>, f64>>;

/// What a query may be told beside its text.
#[derive(Debug, Clone)]
pub struct Settings {
    /// MINPREFIX: bytes of a prefix, suffix or infix, at least; shorter ones match nothing.
    pub min_affix: usize,
    /// MAXPREFIXEXPANSIONS: terms that a pattern stands for, at most.
    pub max_expansions: usize,
    /// INFIELDS: the TEXT fields to look into.
    pub in_fields: FieldMask,
    /// SLOP: other words between the words of an intersection, at most; negative: any number.
    pub slop: i64,
    /// INORDER: the words of an intersection come in order.
    pub in_order: bool,
    /// Tags add nothing to scores.
    pub silent_tags: bool,
    /// What the vector ranges of the tree have measured, in its order; empty where the index knows by itself.
    pub measured: Vec<Measured>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_affix: 2,
            max_expansions: 200,
            in_fields: FieldMask::ALL,
            slop: -1,
            in_order: false,
            silent_tags: false,
            measured: Vec::new(),
        }
    }
}

/// The documents within a radius.
#[derive(Debug, Default)]
struct Near {
    docs: RoaringBitmap,
    distances: HashMap<DocId, f64>,
    /// How long it took to find them.
    took: Duration,
}

/// Whether a document matches.
pub type Question<'a> = Box<dyn Fn(DocId) -> bool + 'a>;

/// A range as the filter of a KNN, to be asked of the documents that the search meets.
pub struct Asked<'a> {
    /// The numbers of the documents.
    pub numbers: &'a NumericIndex,
    /// Which of them match.
    pub range: &'a Range,
    /// How many documents match at least.
    pub matching: u64,
}

/// A query on an index.
pub struct Plan<'a> {
    index: &'a Index,
    settings: &'a Settings,
    corpus: Corpus,
    /// The vector ranges of the tree, evaluated, in the order of the tree.
    ranges: Vec<(&'a VectorRange, Near)>,
    /// Where in `ranges` each is.
    places: HashMap<*const VectorRange, usize>,
    nothing: IdSet,
    watch: &'a Watch<'a>,
    /// Negations around what is being evaluated.
    negations: Cell<u32>,
    was_cut: Cell<bool>,
    /// Words of optional parts count one by one.
    one_by_one: bool,
    /// Where it tells what it does, if anybody wants to know.
    profile: Option<&'a Profile>,
}

impl<'a> Plan<'a> {
    /// Prepares a query: evaluates the vector ranges in its tree. When time is over, what it finds is not all.
    pub fn new(index: &'a Index, settings: &'a Settings, root: &'a Node, watch: &'a Watch<'a>) -> Self {
        let mut ranges: Vec<(&VectorRange, Near)> = Vec::new();
        each_range(root, &mut |range| {
            let start = Instant::now();
            let near = match settings.measured.get(ranges.len()) {
                Some(measured) => Some(Near::of(
                    measured.iter().filter_map(|(key, distance)| Some((index.documents().find(key)?, *distance))),
                )),
                None => near(index, range, watch),
            };
            ranges.push((range, Near { took: start.elapsed(), ..near.unwrap_or_default() }));
        });
        let places = ranges.iter().enumerate().map(|(at, (range, _))| (std::ptr::from_ref(*range), at)).collect();
        Self {
            index,
            settings,
            corpus: index.corpus(),
            ranges,
            places,
            nothing: IdSet::Empty,
            watch,
            negations: Cell::new(0),
            was_cut: Cell::new(false),
            one_by_one: false,
            profile: None,
        }
    }

    /// Has it tell what it does.
    pub fn profiled(self, profile: Option<&'a Profile>) -> Self {
        Self { profile, ..self }
    }

    /// Has the words of an optional part count one by one, even where it takes all of them to score.
    pub fn with_words_one_by_one(self) -> Self {
        Self { one_by_one: true, ..self }
    }

    /// Whether a pattern stands for more terms than were looked for.
    pub fn was_cut(&self) -> bool {
        self.was_cut.get()
    }

    /// How far a document is by each vector range that yields its distance, in the order of the tree.
    pub fn range_distances(&self, doc: DocId) -> impl Iterator<Item = Option<f64>> {
        let yielding = self.ranges.iter().filter(|(range, _)| range.distance_as.is_some());
        yielding.map(move |(_, near)| near.distances.get(&doc).copied())
    }

    fn near(&self, range: &VectorRange) -> Option<&Near> {
        self.ranges.get(*self.places.get(&std::ptr::from_ref(range))?).map(|(_, near)| near)
    }

    /// The index of the field that a clause is for.
    fn field(&self, field: &FieldRef) -> Option<&'a FieldIndex> {
        self.index.field(field.id?)
    }

    fn live(&self) -> &'a RoaringBitmap {
        self.index.documents().live()
    }

    /// In which TEXT fields a node looks.
    fn mask(&self, node: &Node) -> FieldMask {
        let mask = node.fields.and(self.settings.in_fields);
        if self.index.text().format().fields || mask == FieldMask::NONE { mask } else { FieldMask::ALL }
    }

    /// How the words of an intersection have to stand, if that matters.
    fn phrase(&self, node: &Node) -> Option<Phrase> {
        let slop = node.attributes.slop.unwrap_or(self.settings.slop);
        let in_order = node.attributes.in_order.unwrap_or(self.settings.in_order);
        // A slop beyond 32 bits is more than there are positions.
        let slop = u32::try_from(slop).unwrap_or(u32::MAX);
        (in_order || slop < u32::MAX).then_some(Phrase { slop, in_order })
    }

    /// At most about how many documents match.
    pub fn estimate(&self, node: &Node) -> u64 {
        let all = self.live().len();
        match &node.kind {
            Kind::Empty | Kind::Knn(_) => 0,
            Kind::All | Kind::Optional(_) => all,
            Kind::Not(child) => all.saturating_sub(self.estimate(child).min(all / 2)),
            Kind::Intersect(children) => children.iter().map(|child| self.estimate(child)).min().unwrap_or(0),
            Kind::Union(children) => children.iter().map(|child| self.estimate(child)).sum::<u64>().min(all),
            Kind::Term(term) => self.docs_of(&term.text),
            Kind::Phrase(terms) => terms.iter().map(|term| self.docs_of(&term.text)).min().unwrap_or(0),
            Kind::Affix(_) | Kind::Wildcard(_) | Kind::Fuzzy { .. } => (all / 10).max(1),
            Kind::Tag { field, values } => self.estimate_tags(field, values).min(all),
            Kind::Numeric { field, range } => match self.field(field).map(|field| &field.values) {
                Some(Values::Numeric(index)) => index.estimate(range),
                _ => 0,
            },
            Kind::Geo { field, circle } => match self.field(field).map(|field| &field.values) {
                Some(Values::Geo(index)) => index.estimate(circle),
                _ => 0,
            },
            Kind::Shape { field, predicate, shape, .. } => {
                match (self.field(field).map(|field| &field.values), shape) {
                    (Some(Values::Shape(index)), Some(shape)) => index.estimate(*predicate, shape),
                    _ => 0,
                }
            }
            Kind::VectorRange(range) => self.near(range).map_or(0, |near| near.docs.len()),
            Kind::Missing(field) => self.missing(field).len(),
        }
    }

    fn docs_of(&self, term: &[u8]) -> u64 {
        self.index.text().find(term).map_or(0, |postings| u64::from(postings.docs()))
    }

    fn estimate_tags(&self, field: &FieldRef, values: &[TagValue]) -> u64 {
        let Some(Values::Tag(index)) = self.field(field).map(|field| &field.values) else { return 0 };
        let of_value = |value: &TagValue| match value {
            TagValue::Exact(tag) => index.find(tag).map_or(0, IdSet::len),
            TagValue::Words(words) => index.find(&words.join(&b' ')).map_or(0, IdSet::len),
            TagValue::Affix(_) | TagValue::Wildcard(_) => index.docs() as u64,
        };
        values.iter().map(of_value).sum()
    }

    fn missing(&self, field: &FieldRef) -> &IdSet {
        self.field(field).and_then(|field| field.missing.as_ref()).unwrap_or(&self.nothing)
    }

    /// The documents that match.
    pub fn bitmap(&self, node: &'a Node) -> Cow<'a, RoaringBitmap> {
        match self.told(node) {
            Some((profile, what)) => profile.set(what, || self.set(node)),
            None => self.set(node),
        }
    }

    fn set(&self, node: &'a Node) -> Cow<'a, RoaringBitmap> {
        Cow::Owned(match &node.kind {
            Kind::Empty | Kind::Knn(_) => RoaringBitmap::new(),
            Kind::All | Kind::Optional(_) => return Cow::Borrowed(self.live()),
            Kind::Not(child) => self.refused(child).map_or_else(RoaringBitmap::new, |refused| self.live() - &*refused),
            Kind::Union(children) => {
                let sets = children.iter().take_while(|_| !self.watch.spend(1)).map(|child| self.bitmap(child));
                self.united(&sets.collect::<Vec<_>>(), |sets| sets.iter().map(|set| &**set).union())
            }
            Kind::Intersect(children) if self.phrase(node).is_none() => self.intersection(children),
            Kind::Tag { field, values } => self.tag_bitmap(field, values),
            Kind::Numeric { field, range } => match self.field(field).map(|field| &field.values) {
                Some(Values::Numeric(index)) => index.range(range),
                _ => RoaringBitmap::new(),
            },
            Kind::Geo { field, circle } => match self.field(field).map(|field| &field.values) {
                Some(Values::Geo(index)) => index.within(circle),
                _ => RoaringBitmap::new(),
            },
            Kind::Shape { field, predicate, shape, .. } => {
                match (self.field(field).map(|field| &field.values), shape) {
                    (Some(Values::Shape(index)), Some(shape)) => index.find(*predicate, shape, self.watch),
                    _ => RoaringBitmap::new(),
                }
            }
            Kind::VectorRange(range) => self.near(range).map(|near| near.docs.clone()).unwrap_or_default(),
            Kind::Missing(field) => self.missing(field).to_bitmap(),
            Kind::Affix(_) | Kind::Wildcard(_) | Kind::Fuzzy { .. } => self.expanded_bitmap(node),
            _ => drain(&mut *self.walk(node), self.watch),
        })
    }

    /// All documents that a negated clause matches; `None` where time is over, so that some may be missing: then nothing is to
    /// be answered.
    fn refused(&self, child: &'a Node) -> Option<Cow<'a, RoaringBitmap>> {
        self.negations.set(self.negations.get() + 1);
        let refused = self.bitmap(child);
        self.negations.set(self.negations.get() - 1);
        (!self.watch.is_over()).then_some(refused)
    }

    /// The documents that match all of some clauses.
    fn intersection(&self, children: &'a [Node]) -> RoaringBitmap {
        let mut order: Vec<(u64, &'a Node)> = children.iter().map(|child| (self.estimate(child), child)).collect();
        order.sort_by_key(|(estimate, child)| (matches!(child.kind, Kind::Not(_)), *estimate));
        let mut left: Option<RoaringBitmap> = None;
        for (estimate, child) in order {
            left = Some(match left {
                None => self.bitmap(child).into_owned(),
                Some(left) if left.is_empty() => return left,
                Some(_) if self.watch.spend(1) => return RoaringBitmap::new(),
                Some(left) => self.restricted(left, estimate, child),
            });
        }
        left.unwrap_or_default()
    }

    /// Those of some documents that match a clause.
    fn restricted(&self, mut left: RoaringBitmap, estimate: u64, node: &'a Node) -> RoaringBitmap {
        if let Kind::Not(child) = &node.kind {
            return self.refused(child).map_or_else(RoaringBitmap::new, |refused| left - &*refused);
        }
        if estimate / ASK > left.len()
            && let Some(test) = self.asked(node)
        {
            return left.into_iter().filter(|doc| !self.watch.spend(1) && test(DocId(*doc))).collect();
        }
        left &= &*self.bitmap(node);
        left
    }

    /// The filter of a KNN as a question about a document: a range in which there are so many that the search asks about those
    /// that it meets only. To make the set of all would take longer than the search.
    pub fn question(&self, filter: &'a Node, knn: &Knn, vectors: &VectorIndex) -> Option<Asked<'a>> {
        let Kind::Numeric { field, range } = &filter.kind else { return None };
        let Values::Numeric(numbers) = &self.field(field)?.values else { return None };
        let matching = numbers.at_least(range);
        vectors.is_asked(matching, knn.k, &knn.options).then_some(Asked { numbers, range, matching })
    }

    /// A clause as a question about a document, where that needs no set.
    fn test(&self, node: &'a Node) -> Option<Question<'a>> {
        match &node.kind {
            Kind::All => Some(Box::new(|_| true)),
            Kind::Numeric { field, range } => match &self.field(field)?.values {
                Values::Numeric(index) => Some(Box::new(|doc| index.matches(doc, range))),
                _ => None,
            },
            Kind::Geo { field, circle } => match &self.field(field)?.values {
                Values::Geo(index) => Some(Box::new(|doc| index.matches(doc, circle))),
                _ => None,
            },
            Kind::Shape { field, predicate, shape: Some(shape), .. } => match &self.field(field)?.values {
                Values::Shape(index) => Some(Box::new(|doc| index.matches(doc, *predicate, shape, self.watch))),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a range of numbers, a circle or a shape scores.
    fn range_leaf(node: &Node) -> Leaf {
        Leaf::range(weight(node))
    }
}

/// `$weight`.
fn weight(node: &Node) -> f64 {
    node.attributes.weight.unwrap_or(1.0)
}

/// Calls `each` with the vector ranges of a tree, in its order.
pub fn each_range<'a>(node: &'a Node, each: &mut impl FnMut(&'a VectorRange)) {
    match &node.kind {
        Kind::VectorRange(range) => each(range),
        Kind::Intersect(children) | Kind::Union(children) => children.iter().for_each(|child| each_range(child, each)),
        Kind::Not(child) | Kind::Optional(child) => each_range(child, each),
        Kind::Knn(knn) => knn.filter.iter().for_each(|filter| each_range(filter, each)),
        _ => {}
    }
}

/// The documents within a vector range; of codes, candidates. `None`: time is over.
fn near(index: &Index, range: &VectorRange, watch: &Watch<'_>) -> Option<Near> {
    let field = range.field.id.and_then(|id| index.field(id));
    let Some(Values::Vector(vectors)) = field.map(|field| &field.values) else { return Some(Near::default()) };
    let found = vectors.range(&range.vector.blob, range.radius, &range.options, Some(&|| watch.look()))?;
    Some(Near::of(found.docs.into_iter()))
}

impl Near {
    fn of(found: impl Iterator<Item = (DocId, f64)>) -> Self {
        let distances: HashMap<DocId, f64> = found.collect();
        Self { docs: distances.keys().map(|doc| doc.0).collect(), distances, took: Duration::ZERO }
    }
}
