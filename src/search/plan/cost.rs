//! What a query will cost, so that who asks can choose where it runs.

use super::{Plan, Settings, each_range};
use crate::search::index::{Index, Values};
use crate::search::query::ast::{Kind, Node, TagValue};
use crate::watch::Watch;

/// About how many nanoseconds [`execute`](crate::search::execute::execute) takes, learned from a few looks into the index;
/// `None`: long, or nobody knows.
pub fn cost(index: &Index, settings: &Settings, root: &Node) -> Option<u64> {
    /// Of finding a document and scoring it.
    const DOCUMENT: u64 = 60;
    /// Of putting a document of a range into a set, and listing its vectors.
    const IN_RANGE: u64 = 15;
    let mut has_range = false;
    each_range(root, &mut |_| has_range = true);
    if has_range {
        return None;
    }
    let watch = Watch::default();
    let plan = Plan::new(index, settings, root, &watch);
    let Kind::Knn(knn) = &root.kind else { return Some(plan.effort(root)?.saturating_mul(DOCUMENT)) };
    let Values::Vector(vectors) = &index.field(knn.field.id?)?.values else { return None };
    let filter = knn.filter.as_deref().filter(|filter| filter.kind != Kind::All);
    let Some(filter) = filter else { return Some(vectors.cost(None, knn.k, &knn.options)) };
    // A filter is made into a set at once, or not at all; most are there as one.
    let filtering = match &filter.kind {
        Kind::Tag { .. } => 0,
        _ if plan.question(filter, knn, vectors).is_some() => 0,
        Kind::Numeric { .. } => plan.effort(filter)?.saturating_mul(IN_RANGE),
        _ => plan.effort(filter)?.saturating_mul(DOCUMENT),
    };
    Some(vectors.cost(Some(plan.estimate(filter)), knn.k, &knn.options).saturating_add(filtering))
}

impl Plan<'_> {
    /// About how many documents are looked at to find those that match; `None`: many, or nobody knows.
    fn effort(&self, node: &Node) -> Option<u64> {
        match &node.kind {
            Kind::Affix(_) | Kind::Wildcard(_) | Kind::Fuzzy { .. } | Kind::Not(_) | Kind::Optional(_) => None,
            Kind::Tag { values, .. }
                if values.iter().any(|value| matches!(value, TagValue::Affix(_) | TagValue::Wildcard(_))) =>
            {
                None
            }
            Kind::Shape { field, predicate, shape, .. } => {
                match (self.field(field).map(|field| &field.values), shape) {
                    (Some(Values::Shape(index)), Some(shape)) => {
                        Some(index.estimate(*predicate, shape).saturating_mul(index.effort(shape)))
                    }
                    _ => Some(0),
                }
            }
            Kind::Union(children) => children.iter().map(|child| self.effort(child)).sum(),
            Kind::Intersect(children) => {
                // Words and tags are looked up beside the rarest one; of other clauses, all that match are made first.
                let least = self.estimate(node);
                let is_word = |node: &Node| matches!(node.kind, Kind::Term(_) | Kind::Phrase(_));
                let each = children.iter().map(|child| match &child.kind {
                    Kind::Union(forms) if forms.iter().all(is_word) => Some(least.saturating_mul(forms.len() as u64)),
                    _ if is_word(child) => Some(least),
                    _ => self.effort(child),
                });
                each.sum()
            }
            _ => Some(self.estimate(node)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::analysis::StopWords;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::execute::{Request, execute};
    use crate::search::index::Change;
    use crate::search::query::ast::{HybridPolicy::AdhocBruteForce, VectorOptions};
    use crate::search::query::{Context, Params, parse};
    use crate::search::schema::{self, FieldMask};
    use crate::vector::scratch;
    use std::sync::Arc;

    /// A thousand documents: "all" in each, "rare" and the tag `r` in ten, a number, and a vector of eight bytes.
    fn index() -> Index {
        let vector = "VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";
        let words = format!("SCHEMA t TEXT g TAG n NUMERIC v {vector}");
        let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema");
        let mut index = Index::new(Arc::new(schema));
        for n in 0..1000u32 {
            let bytes = |text: &str| Raw::Hash(text.as_bytes().into());
            let rare = n.is_multiple_of(100);
            let fields = vec![
                bytes(if rare { "all rare" } else { "all" }),
                bytes(if rare { "r,x" } else { "x" }),
                bytes(&n.to_string()),
                Raw::Hash([n as f32, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ];
            let document = Some(RawDocument { fields, ..RawDocument::default() });
            assert!(index.apply(&Change { key: n.to_le_bytes().into(), document }));
        }
        index
    }

    fn parsed(index: &Index, query: &str) -> Node {
        let words: [&[u8]; 3] = [b"2", b"b", &[0; 8]];
        let params = Params::read(&mut crate::search::arguments::Words::new(words)).expect("parameters");
        let context = Context {
            schema: index.schema(),
            stop_words: &StopWords::default(),
            stemmer: None,
            expansions: Default::default(),
            params: &params,
            dialect: 2,
            in_fields: FieldMask::ALL,
        };
        parse(query.as_bytes(), &context).expect(query)
    }

    fn cost_of(index: &Index, query: &str) -> Option<u64> {
        cost(index, &Settings::default(), &parsed(index, query))
    }

    #[test]
    fn a_query_costs_what_it_looks_at() {
        let index = index();
        for (query, documents) in [
            ("nope", Some(0)),
            ("rare", Some(10)),
            ("all", Some(1000)),
            ("*", Some(1000)),
            ("rare | all", Some(1010)),
            // Both are looked up beside the rarer one.
            ("rare all", Some(20)),
            // The tag's documents are all there already; those of a word are found one by one.
            ("all @g:{r}", Some(20)),
            ("@g:{r | x}", Some(1000)),
            // Nobody knows how many terms a pattern stands for, or how many documents are left over.
            ("rar*", None),
            ("%rare%", None),
            ("w'r?re'", None),
            ("@g:{r*}", None),
            ("-rare", None),
            ("rare -all", None),
            ("~rare", None),
            ("@v:[VECTOR_RANGE 1 $b]", None),
            ("rare @v:[VECTOR_RANGE 1 $b]", None),
        ] {
            assert_eq!(cost_of(&index, query), documents.map(|documents| documents * 60), "{query}");
        }
    }

    #[test]
    fn a_range_costs_at_least_the_documents_in_it() {
        let index = index();
        for (query, least) in [("@n:[0 99]", 100), ("@n:[500 inf]", 500), ("@n:[-inf inf]", 1000)] {
            let cost = cost_of(&index, query).expect(query);
            assert!((least * 60..=1000 * 60).contains(&cost), "{query}: {cost}");
        }
    }

    /// What a search is asked about is found as if all had been.
    #[test]
    fn a_wide_range_is_asked_and_a_narrow_one_made() {
        let vector = "VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";
        let words = format!("SCHEMA n NUMERIC v {vector}");
        let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema");
        let mut index = Index::new(Arc::new(schema));
        let name = |n: u32| n.to_string().into_bytes().into_boxed_slice();
        for n in 0..9000 {
            let vector = [n as f32, 0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
            let document =
                Some(RawDocument { fields: vec![Raw::Hash(name(n)), Raw::Hash(vector)], ..RawDocument::default() });
            index.apply(&Change { key: name(n), document });
        }
        let Values::Vector(vectors) = &index.fields()[1].values else { unreachable!("the second field") };
        let graph = vectors.graph().expect("a graph");
        scratch::with(|scratch| while graph.link_next(scratch) {});
        // The one between is walked among, by a list of its vectors.
        let ranges =
            [("[100 8999]", true, 100..103), ("[1000 1849]", false, 1000..1003), ("[8000 8001]", false, 8000..8002)];
        for (range, asked, nearest) in ranges {
            let root = parsed(&index, &format!("@n:{range}=>[KNN 3 @v $b]"));
            let settings = Settings::default();
            let watch = Watch::default();
            let plan = Plan::new(&index, &settings, &root, &watch);
            let Kind::Knn(knn) = &root.kind else { unreachable!("it is one") };
            let filter = knn.filter.as_deref().expect("there is one");
            assert_eq!(plan.question(filter, knn, vectors).is_some(), asked, "{range}");
            let found = execute(&index, &Request::new(&root));
            let keys: Vec<_> = found.rows.iter().map(|row| &*row.key).collect();
            assert_eq!(
                keys,
                nearest.map(name).collect::<Vec<_>>().iter().map(|key| &**key).collect::<Vec<_>>(),
                "{range}"
            );
        }
    }

    #[test]
    fn knn_costs_the_vectors_of_the_filter_or_a_walk_through_the_graph() {
        let index = index();
        let Values::Vector(vectors) = &index.fields()[3].values else { unreachable!("the fourth field") };
        let among = |docs, options: &VectorOptions| vectors.cost(Some(docs), 3, options);
        let (few, all) = (
            VectorOptions::default(),
            VectorOptions { hybrid_policy: Some(AdhocBruteForce), ..VectorOptions::default() },
        );
        let with = |documents: u64, vectors: u64| Some(documents * 60 + vectors);
        // Ten documents to find, and ten vectors to compare.
        assert_eq!(cost_of(&index, "rare=>[KNN 3 @v $b]"), with(10, among(10, &few)));
        assert_eq!(cost_of(&index, "(all @g:{r})=>[KNN 3 @v $b]"), with(20, among(10, &few)));
        assert_eq!(cost_of(&index, "all=>[KNN 3 @v $b]"), with(1000, among(1000, &few)));
        assert_eq!(cost_of(&index, "*=>[KNN 3 @v $b]"), Some(vectors.cost(None, 3, &few)));
        // The documents of a tag are there as a set.
        assert_eq!(cost_of(&index, "@g:{r}=>[KNN 3 @v $b]"), with(0, among(10, &few)));
        // Asked to look at all of them, it does; by itself it walks.
        assert!(among(1000, &all) > among(10, &all));
        assert!(among(1000, &all) > among(1000, &few));
        assert_eq!(cost_of(&index, "all=>[KNN 3 @v $b HYBRID_POLICY ADHOC_BF]"), with(1000, among(1000, &all)));
    }
}
