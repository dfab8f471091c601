//! Candidates: what is found by codes, to be measured by who can read documents.
//!
//! Of a field whose vectors are kept as codes ([`VectorIndex`]), a search gives candidates. Distances come from
//! the documents, which only the server's own thread reads, without the index, so that nobody waits for both:
//!
//! | clause | when it is measured |
//! |---|---|
//! | KNN, the root of a query | after the query, whose rows are candidates: [`Found::settle`] keeps the nearest |
//! | vector ranges, anywhere in a query | before it: [`of_ranges`] finds candidates, [`Settings::measured`] has what they measure |
//!
//! [`VectorIndex`]: super::fields::vector::VectorIndex
//! [`Settings::measured`]: super::plan::Settings::measured

use super::execute::{Found, Nearest, Order, Row, SortKey};
use super::index::{Index, Values};
use super::plan::{Measured, each_range};
use super::query::ast::{Node, VectorRange};
use crate::watch::Watch;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// How many documents are measured at once: about as many microseconds of the server's own thread.
const AT_ONCE: usize = 64;

/// Says how far the documents of some keys are, of those that still have a vector.
pub type Measuring<'m> = dyn FnMut(&[&[u8]]) -> Vec<Option<f64>> + 'm;

/// The documents that may be within a vector range, by key.
#[derive(Debug)]
pub struct Candidates<'a> {
    /// The clause.
    pub range: &'a VectorRange,
    /// The keys with the distances of codes.
    found: Vec<(Box<[u8]>, f64)>,
    coded: bool,
}

/// The candidates of each vector range of a tree, in its order; none where the index knows without measuring.
pub fn of_ranges<'a>(index: &Index, root: &'a Node, cancelled: Option<&dyn Fn() -> bool>) -> Vec<Candidates<'a>> {
    let vectors = |range: &VectorRange| match range.field.id.and_then(|id| index.field(id)).map(|field| &field.values) {
        Some(Values::Vector(vectors)) => Some(vectors),
        _ => None,
    };
    let mut coded = false;
    each_range(root, &mut |range| coded |= vectors(range).is_some_and(|vectors| vectors.is_coded()));
    let mut all = Vec::new();
    if coded {
        each_range(root, &mut |range| {
            let near = vectors(range)
                .and_then(|vectors| vectors.range(&range.vector.blob, range.radius, &range.options, cancelled))
                .unwrap_or_default();
            let found = near.docs.iter().map(|(doc, distance)| (index.documents().key(*doc).into(), *distance));
            all.push(Candidates { range, found: found.collect(), coded: near.uncertainty.is_some() });
        });
    }
    all
}

impl Candidates<'_> {
    /// Measures them, until time is over.
    pub fn measured(self, measure: &mut Measuring<'_>, watch: &Watch<'_>) -> Measured {
        if !self.coded {
            return Arc::new(self.found.into_iter().collect());
        }
        let mut within = HashMap::new();
        for some in self.found.chunks(AT_ONCE) {
            if watch.look() {
                break;
            }
            let keys: Vec<&[u8]> = some.iter().map(|(key, _)| &**key).collect();
            for (key, distance) in keys.iter().zip(measure(&keys)) {
                if let Some(distance) = distance.filter(|distance| *distance <= self.range.radius) {
                    within.insert(Box::from(*key), distance);
                }
            }
        }
        Arc::new(within)
    }
}

impl Found {
    /// Makes the answer of rows that are candidates: measures the nearest, and as many after them as may be nearer than one
    /// of these, at least `some_more` at once: more than one where it takes time to begin with measuring. The rows are those
    /// from `offset` on, `limit` at most. When time is over, those that were not measured are not among them.
    pub fn settle(
        &mut self,
        order: Order,
        (offset, limit): (usize, usize),
        some_more: usize,
        measure: &mut Measuring<'_>,
        watch: &Watch<'_>,
    ) {
        let Some(nearest) = self.nearest.take() else { return };
        self.rows = nearest.of(std::mem::take(&mut self.rows), some_more, measure, watch);
        self.complete &= !watch.is_over();
        self.total = self.rows.len() as u64;
        if self.unsorted {
            return;
        }
        match order {
            Order::Best | Order::Number => self.cut(offset, limit),
            Order::Field { descending, .. } => self.arrange(descending, offset, limit, watch),
            Order::Distance { nth, descending } => {
                let by = |row: &Row| row.distances.get(nth).copied().flatten().map(SortKey::Number);
                self.rows.iter_mut().for_each(|row| row.sort = by(row));
                self.arrange(descending, offset, limit, watch);
            }
        }
    }
}

impl Nearest {
    /// The nearest of some candidates, which come in the order of their codes' distances.
    fn of(
        self,
        mut candidates: Vec<Row>,
        some_more: usize,
        measure: &mut Measuring<'_>,
        watch: &Watch<'_>,
    ) -> Vec<Row> {
        let mut farthest: BinaryHeap<Ordered> = BinaryHeap::with_capacity(self.k.min(candidates.len()) + 1);
        let mut measured = 0;
        loop {
            let missing = self.k.saturating_sub(farthest.len());
            let limit = match farthest.peek() {
                Some(farthest) if missing == 0 => farthest.0 + self.uncertainty,
                _ => f64::INFINITY,
            };
            let next = candidates[measured..].iter().take(missing.clamp(some_more, AT_ONCE));
            let keys: Vec<&[u8]> = next.take_while(|row| distance(row) <= limit).map(|row| &*row.key).collect();
            if keys.is_empty() || watch.look() {
                break;
            }
            for distance in measure(&keys) {
                // Without one, the document has gone.
                candidates[measured].distances[0] = distance;
                measured += 1;
                farthest.extend(distance.map(Ordered));
                if farthest.len() > self.k {
                    farthest.pop();
                }
            }
        }
        candidates.truncate(measured);
        candidates.retain(|row| row.distances[0].is_some());
        candidates.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.doc.cmp(&b.doc)));
        candidates.truncate(self.k);
        candidates
    }
}

/// The distance that a candidate was found by, or has been measured.
fn distance(row: &Row) -> f64 {
    row.distances.first().copied().flatten().unwrap_or(f64::INFINITY)
}

/// A distance in its total order.
#[derive(PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::{Raw, RawDocument};
    use super::super::execute::{Request, execute};
    use super::super::fields::vector::Ruler;
    use super::super::index::Change;
    use super::super::plan::Settings;
    use super::super::query::ast::{FieldRef, Kind, Knn, QueryVector, VectorOptions};
    use super::super::schema::{self, FieldId};
    use super::*;
    use proptest::prelude::*;

    const DIM: usize = 64;

    fn blob(floats: &[f32]) -> Box<[u8]> {
        floats.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn schema(algorithm: &str, metric: &str) -> schema::Schema {
        let words = format!("SCHEMA v VECTOR {algorithm} 6 TYPE FLOAT32 DIM {DIM} DISTANCE_METRIC {metric}");
        schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap()
    }

    fn index(algorithm: &str, metric: &str, vectors: &[Vec<f32>]) -> Index {
        let mut index = Index::new(Arc::new(schema(algorithm, metric)));
        for (n, vector) in vectors.iter().enumerate() {
            let document = Some(RawDocument { fields: vec![Raw::Hash(blob(vector))], ..RawDocument::default() });
            index.apply(&Change { key: n.to_string().into_bytes().into(), document });
        }
        index
    }

    fn field() -> FieldRef {
        FieldRef { name: (*b"v").into(), id: Some(FieldId(0)) }
    }

    fn vector(floats: &[f32]) -> QueryVector {
        QueryVector { parameter: (*b"q").into(), blob: blob(floats) }
    }

    /// Measures as a server does: some of the documents have gone.
    fn measure(
        metric: &str,
        vectors: &[Vec<f32>],
        query: &[f32],
        gone: usize,
    ) -> impl FnMut(&[&[u8]]) -> Vec<Option<f64>> {
        let schema::Kind::Vector(field) = schema("HNSW", metric).fields.remove(0).kind else { unreachable!() };
        let mut ruler = Ruler::new(&field, &blob(query)).unwrap();
        let vectors: Vec<_> = vectors.iter().map(|vector| blob(vector)).collect();
        move |keys| {
            let number = |key: &&[u8]| std::str::from_utf8(key).unwrap().parse::<usize>().unwrap();
            let of = |n: usize| (n == 0 || !n.is_multiple_of(gone)).then(|| ruler.distance(&vectors[n])).flatten();
            keys.iter().map(number).map(of).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// What is found by codes and measured is what is found by the vectors.
        #[test]
        fn measured_candidates_are_the_nearest(
            vectors in prop::collection::vec(prop::collection::vec(-1f32..1.0, DIM), 1..90),
            query in prop::collection::vec(-1f32..1.0, DIM),
            k in 1usize..30,
            radius in 0.5f64..1.2,
            metric in prop::sample::select(vec!["COSINE", "L2", "IP"]),
            some_more in 1usize..6,
        ) {
            let (coded, flat) = (index("HNSW", metric, &vectors), index("FLAT", metric, &vectors));
            // Squares of differences of 64 components.
            let radius = if metric == "L2" { radius * 40.0 } else { radius };
            let knn = Knn { k, field: field(), vector: vector(&query), distance_as: (*b"d").into(), options: VectorOptions::default(), written: Vec::new(), filter: None };
            let root = Node::new(Kind::Knn(knn));
            let mut found = execute(&coded, &Request::new(&root));
            prop_assert!(found.nearest.is_some());
            found.settle(Order::Best, (0, 10), some_more, &mut measure(metric, &vectors, &query, usize::MAX), &Watch::default());
            prop_assert_eq!(found, execute(&flat, &Request::new(&root)));

            let range = VectorRange { radius, field: field(), vector: vector(&query), distance_as: Some((*b"d").into()), options: VectorOptions::default(), written: Vec::new() };
            let root = Node::new(Kind::VectorRange(range));
            let measured = of_ranges(&coded, &root, None).into_iter();
            let measured = measured.map(|candidates| candidates.measured(&mut measure(metric, &vectors, &query, usize::MAX), &Watch::default())).collect();
            prop_assert!(of_ranges(&flat, &root, None).is_empty());
            let settings = Settings { measured, ..Settings::default() };
            let found = execute(&coded, &Request { settings, ..Request::new(&root) });
            prop_assert_eq!(found, execute(&flat, &Request::new(&root)));
        }
    }

    #[test]
    fn documents_that_have_gone_make_room_for_others() {
        let vectors: Vec<Vec<f32>> = (0..40).map(|n| (0..DIM).map(|i| ((n * i) as f32).sin()).collect()).collect();
        let coded = index("HNSW", "COSINE", &vectors);
        let knn = Knn {
            k: 10,
            field: field(),
            vector: vector(&vectors[7]),
            distance_as: (*b"d").into(),
            options: VectorOptions::default(),
            written: Vec::new(),
            filter: None,
        };
        let root = Node::new(Kind::Knn(knn));
        let mut found = execute(&coded, &Request::new(&root));
        found.settle(Order::Best, (0, 10), 1, &mut measure("COSINE", &vectors, &vectors[7], 5), &Watch::default());
        assert_eq!((found.total, found.rows.len()), (10, 10));
        assert_eq!(&*found.rows[0].key, b"7");
        assert!(found.rows.iter().all(|row| row.doc.0 == 0 || !row.doc.0.is_multiple_of(5)));
    }
}
