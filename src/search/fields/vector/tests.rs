use super::*;
use crate::search::query::ast::HybridPolicy;
use crate::search::schema;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn index(algorithm: &str, metric: &str) -> VectorIndex {
    let count = if algorithm == "HNSW" { 8 } else { 6 };
    let m = if algorithm == "HNSW" { " M 4" } else { "" };
    let words = format!("SCHEMA v VECTOR {algorithm} {count} TYPE FLOAT32 DIM 3 DISTANCE_METRIC {metric}{m}");
    let mut schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap();
    match schema.fields.remove(0).kind {
        schema::Kind::Vector(vector) => VectorIndex::new(&vector),
        _ => unreachable!(),
    }
}

fn blob(v: [f32; 3]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn key(doc: u32) -> Vec<u8> {
    format!("key:{doc}").into_bytes()
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from((x - y) * (x - y))).sum()
}

fn link(index: &VectorIndex) {
    if let Some(graph) = index.graph() {
        while graph.link_next(&mut crate::vector::Scratch::default()) {}
    }
}

/// The model's answer: each document by its nearest vector.
fn nearest(model: &BTreeMap<u32, Vec<[f32; 3]>>, to: [f32; 3], keep: impl Fn(u32) -> bool) -> Vec<(DocId, f64)> {
    let of_doc = |vectors: &Vec<[f32; 3]>| vectors.iter().map(|v| distance(*v, to)).min_by(f64::total_cmp);
    let mut all: Vec<_> =
        model.iter().filter(|(doc, _)| keep(**doc)).filter_map(|(doc, v)| Some((DocId(*doc), of_doc(v)?))).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    all
}

fn vector() -> impl Strategy<Value = [f32; 3]> {
    [-8i8..9, -8i8..9, -8i8..9].prop_map(|v| v.map(f32::from))
}

type Ops = Vec<(u32, Vec<[f32; 3]>)>;

fn ops() -> impl Strategy<Value = Ops> {
    prop::collection::vec((0u32..60, prop::collection::vec(vector(), 0..4)), 0..150)
}

fn apply(index: &mut VectorIndex, model: &mut BTreeMap<u32, Vec<[f32; 3]>>, ops: Ops) {
    for (doc, vectors) in ops {
        let blobs: Vec<_> = vectors.iter().map(|v| blob(*v)).collect();
        let changed = index.set(DocId(doc), &key(doc), &blobs);
        let old = if vectors.is_empty() { model.remove(&doc) } else { model.insert(doc, vectors.clone()) };
        assert_eq!(changed, old.unwrap_or_default() != vectors);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// All is so small that every search is exact.
    #[test]
    fn the_nearest_documents_are_found(
        ops in ops(),
        graph in any::<bool>(),
        linked in any::<bool>(),
        to in vector(),
        k in 0usize..70,
        filter in prop::option::of(prop::collection::btree_set(0u32..60, 0..60)),
        adhoc in any::<bool>(),
        guess in 0u32..60,
        radius in 0u32..200,
    ) {
        let mut index = index(if graph { "HNSW" } else { "FLAT" }, "L2");
        let mut model = BTreeMap::new();
        apply(&mut index, &mut model, ops);
        if linked {
            link(&index);
        }
        prop_assert_eq!(index.docs(), model.len());
        prop_assert_eq!(index.vectors(), model.values().map(Vec::len).sum::<usize>());
        let bits: Option<RoaringBitmap> = filter.as_ref().map(|filter| filter.iter().copied().collect());
        let policy = if adhoc { HybridPolicy::AdhocBruteForce } else { HybridPolicy::Batches };
        let options = VectorOptions { hybrid_policy: Some(policy), ..VectorOptions::default() };
        let found = index.knn(&blob(to), k, bits.as_ref().map_or(Wanted::All, Wanted::Set), &options, None).unwrap().docs;
        if let Some(bits) = &bits {
            // However wrong the guess is how many match.
            let test = |doc: DocId| bits.contains(doc.0);
            let asked = Wanted::Test { test: &test, fetch: &|docs| _ = docs.count(), matching: u64::from(guess) };
            let tested = index.knn(&blob(to), k, asked, &options, None).unwrap().docs;
            prop_assert_eq!(&tested, &found);
        }
        let mut expected = nearest(&model, to, |doc| filter.as_ref().is_none_or(|filter| filter.contains(&doc)));
        let within: Vec<_> = nearest(&model, to, |_| true).into_iter().filter(|(_, d)| *d <= f64::from(radius)).collect();
        expected.truncate(k);
        let distances = |rows: &[(DocId, f64)]| rows.iter().map(|row| row.1).collect::<Vec<_>>();
        prop_assert_eq!(distances(&found), distances(&expected));
        prop_assert_eq!(index.range(&blob(to), f64::from(radius), &options, None).unwrap().docs, within);
        for doc in model.into_keys() {
            index.remove(DocId(doc));
        }
        prop_assert_eq!(index.vectors() + index.docs.memory() + index.owners.capacity(), 0);
    }

    /// Documents change, come and go between saving and loading.
    #[test]
    fn a_saved_graph_comes_back(before in ops(), after in ops(), to in vector()) {
        let mut old = index("HNSW", "L2");
        let mut model = BTreeMap::new();
        apply(&mut old, &mut model, before);
        link(&old);
        let keys: Vec<Vec<u8>> = (0..60).map(key).collect();
        let saved = old.saved(|doc| &keys[doc.index()]).unwrap();

        let mut new = index("HNSW", "L2");
        new.begin_restore(saved);
        let unchanged: Ops = model.iter().map(|(doc, vectors)| (*doc, vectors.clone())).collect();
        let mut loaded = BTreeMap::new();
        apply(&mut new, &mut loaded, unchanged.into_iter().filter(|(doc, _)| doc % 5 != 0).collect());
        // Reports of change are not checked here: a document that waits to be added reports one each time.
        for (doc, vectors) in after {
            let blobs: Vec<_> = vectors.iter().map(|v| blob(*v)).collect();
            if blobs.is_empty() { new.remove(DocId(doc)); } else { new.set(DocId(doc), &key(doc), &blobs); }
            if vectors.is_empty() { loaded.remove(&doc); } else { loaded.insert(doc, vectors); }
        }
        prop_assert!(new.finish_restore());
        link(&new);
        prop_assert_eq!(new.docs(), loaded.len());
        let found = new.knn(&blob(to), 60, Wanted::All, &VectorOptions::default(), None).unwrap().docs;
        let expected = nearest(&loaded, to, |_| true);
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn an_unchanged_restart_adds_nothing() {
    let mut old = index("HNSW", "COSINE");
    for doc in 0..50 {
        old.set(DocId(doc), &key(doc), &[blob([doc as f32, 1.0, 2.0])]);
    }
    link(&old);
    let keys: Vec<Vec<u8>> = (0..50).map(key).collect();
    let saved = old.saved(|doc| &keys[doc.index()]).unwrap();
    assert_eq!(saved.nodes.len(), 50);
    let mut new = index("HNSW", "COSINE");
    new.begin_restore(saved.clone());
    for doc in (0..50).rev() {
        new.set(DocId(doc), &key(doc), &[blob([doc as f32, 1.0, 2.0])]);
    }
    assert!(new.finish_restore());
    assert_eq!(new.graph().unwrap().pending(), 0);

    let mut damaged = index("HNSW", "COSINE");
    let mut wrong = saved;
    wrong.nodes[3].links[0].pop();
    damaged.begin_restore(wrong);
    for doc in 0..50 {
        damaged.set(DocId(doc), &key(doc), &[blob([doc as f32, 1.0, 2.0])]);
    }
    assert!(!damaged.finish_restore());
    assert_eq!(damaged.docs(), 0);
}

/// Documents that a walk by coarse codes finds have the distances that codes have, and so the same bound of their error.
#[test]
fn coarse_codes_change_no_candidate() {
    let words = "SCHEMA v VECTOR HNSW 6 TYPE FLOAT32 DIM 96 DISTANCE_METRIC L2";
    let mut schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap();
    let schema::Kind::Vector(plain) = schema.fields.remove(0).kind else { unreachable!() };
    let mut indexes = [false, true].map(|coarse| VectorIndex::new(&schema::Vector { coarse, ..plain.clone() }));
    let vector = |seed: u32| -> Vec<u8> {
        let float = |j: u32| (seed * 96 + j + 1).wrapping_mul(0x9E37_79B1) as f32 / u32::MAX as f32 - 0.5;
        (0..96).flat_map(|j| float(j).to_le_bytes()).collect()
    };
    for index in &mut indexes {
        for doc in 0..1500 {
            index.set(DocId(doc), &key(doc), &[vector(doc)]);
        }
        link(index);
    }
    let [plain, coarse] = &indexes;
    for seed in 5000..5010 {
        let [all, found] = [(plain, 1500), (coarse, 10)]
            .map(|(index, k)| index.knn(&vector(seed), k, Wanted::All, &VectorOptions::default(), None).unwrap());
        let all: BTreeMap<_, _> = all.docs.into_iter().collect();
        assert!(found.docs.len() >= 10 && found.uncertainty.is_some());
        assert!(found.docs.iter().all(|(doc, distance)| all[doc] == *distance));
        let radius = found.docs[9].1;
        let range = coarse.range(&vector(seed), radius, &VectorOptions::default(), None).unwrap();
        assert!(
            all.iter()
                .filter(|(_, distance)| **distance <= radius)
                .all(|(doc, _)| range.docs.iter().any(|hit| hit.0 == *doc))
        );
    }

    let keys: Vec<Vec<u8>> = (0..1500).map(key).collect();
    let mut again = VectorIndex::new(&coarse.schema);
    assert!(again.begin_restore(plain.saved(|doc| &keys[doc.index()]).unwrap()), "links are as good for both");
}
