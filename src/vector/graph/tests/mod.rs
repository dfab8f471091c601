//! Laws of the graph.

mod churn;
mod coarse;
mod copies;
mod halves;
mod over;
mod renewal;
mod restored;
mod threads;

use proptest::prelude::*;

use super::random::{Random, clustered};
use super::*;
use crate::vector::Scratch;

fn params(dim: usize, m: usize, encoding: Encoding) -> Params {
    Params { dim, m, ef_construction: 100, encoding, metric: Metric::Cosine, coarse: false }
}

pub(super) fn link_all(graph: &Graph, scratch: &mut Scratch) {
    while graph.link_next(scratch) {}
}

/// What a linking thread does until all is done and nothing waits.
fn link_until(graph: &Graph, done: &AtomicBool) {
    let mut scratch = Scratch::default();
    while !done.load(Acquire) || graph.pending() > 0 {
        if !graph.link_next(&mut scratch) {
            std::thread::yield_now();
        }
    }
}

fn check(graph: &Graph) -> Statistics {
    graph.check_invariants().unwrap_or_else(|broken| panic!("{}", broken.0))
}

/// Mean share of the true `k` nearest that a search with `ef` finds.
pub(super) fn recall(graph: &Graph, queries: &[Vec<f32>], k: usize, ef: usize) -> f64 {
    let mut scratch = Scratch::default();
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    let mut sum = 0.0;
    for query in queries {
        let query = graph.query(Vector::Floats(query));
        let search = Search { k, ef, ..Search::default() };
        graph.search(&query, &search, &mut scratch, &mut found).expect("nobody cancels");
        graph.scan(&query, &search, &mut scratch, &mut truth).expect("nobody cancels");
        let far = truth.last().map_or(0.0, |hit| hit.distance);
        sum += found.iter().filter(|hit| hit.distance <= far).count() as f64 / truth.len().max(1) as f64;
    }
    sum / queries.len() as f64
}

fn build(vectors: &[Vec<f32>], params: Params) -> (Graph, Vec<NodeId>) {
    let graph = Graph::new(params);
    let mut random = Random(7);
    let mut scratch = Scratch::default();
    let ids = vectors.iter().map(|vector| {
        let id = graph.add(Vector::Floats(vector), random.next());
        graph.link_next(&mut scratch);
        id
    });
    let ids = ids.collect();
    (graph, ids)
}

#[test]
fn clustered_vectors_are_found() {
    let mut random = Random(1);
    let vectors = clustered(&mut random, 4000, 32, 40, 0.3);
    let queries = clustered(&mut random, 100, 32, 40, 0.3);
    for (encoding, metric, floor) in [
        (Encoding::F32, Metric::Cosine, 0.97),
        (Encoding::Q8, Metric::Cosine, 0.97),
        (Encoding::Q8, Metric::L2, 0.97),
        (Encoding::Q8, Metric::InnerProduct, 0.97),
        (Encoding::Bin, Metric::Cosine, 0.9),
    ] {
        let (graph, _) = build(&vectors, Params { metric, ..params(32, 16, encoding) });
        let statistics = check(&graph);
        assert_eq!(statistics.reachable, 4000, "{encoding:?} {metric:?}: {statistics:?}");
        let recall = recall(&graph, &queries, 10, 100);
        assert!(recall >= floor, "{encoding:?} {metric:?}: recall {recall}, {statistics:?}");
    }
}

#[test]
fn removing_and_adding_half_keeps_recall() {
    let mut random = Random(2);
    let vectors = clustered(&mut random, 3000, 24, 30, 0.4);
    let queries = clustered(&mut random, 100, 24, 30, 0.4);
    let (graph, ids) = build(&vectors, params(24, 12, Encoding::Q8));
    let before = recall(&graph, &queries, 10, 64);
    let mut scratch = Scratch::default();
    for round in 0..2 {
        let mut gone = 0;
        for id in ids.iter().skip(round).step_by(2) {
            assert!(graph.remove(*id) || round == 1);
            link_all(&graph, &mut scratch);
        }
        let statistics = check(&graph);
        assert_eq!(statistics.reachable, statistics.live, "{statistics:?}");
        while graph.reclaim(|_| gone += 1) {}
        let half = recall(&graph, &queries, 10, 64);
        assert!(half >= before - 0.02, "half removed: {half} after {before}");
        for vector in vectors.iter().skip(round).step_by(2) {
            graph.add(Vector::Floats(vector), random.next());
        }
        link_all(&graph, &mut scratch);
        let statistics = check(&graph);
        assert_eq!(statistics.reachable, statistics.live, "{statistics:?}");
    }
    let after = recall(&graph, &queries, 10, 64);
    assert!(after >= before - 0.03, "{after} after {before}");
}

#[test]
fn duplicates_do_not_tear_the_graph() {
    let graph = Graph::new(params(4, 4, Encoding::Q8));
    let mut scratch = Scratch::default();
    let mut random = Random(3);
    for _ in 0..2000 {
        graph.add(Vector::Floats(&[1.0, 2.0, 3.0, 4.0]), random.next());
    }
    for _ in 0..200 {
        graph.add(Vector::Floats(&random.vector(4)), random.next());
    }
    link_all(&graph, &mut scratch);
    let statistics = check(&graph);
    assert_eq!(statistics.reachable, 2200, "{statistics:?}");
}

/// While a link is taken out, the last one stands in its place and in its own for a moment.
#[test]
fn a_link_that_is_met_twice_is_told_once() {
    let vectors: Vec<Vec<f32>> = (1..6u8).map(|n| vec![f32::from(n), 1.0]).collect();
    let (graph, ids) = build(&vectors, params(2, 16, Encoding::F32));
    let told = |graph: &Graph| {
        let mut links = vec![ids[0]];
        graph.links(ids[0], 0, &mut links);
        (links, graph.neighbors(ids[0], 0).iter().map(|hit| hit.id).collect::<Vec<_>>())
    };
    let before = told(&graph);
    assert!(before.0.len() > 2 && before.1.len() > 1);
    graph.rows.push(ids[0].0, before.1[0].0);
    assert_eq!(told(&graph), before);
}

#[test]
fn the_zero_vector_is_one_away_from_everything() {
    for encoding in [Encoding::F32, Encoding::Q8, Encoding::F64] {
        let graph = Graph::new(params(2, 4, encoding));
        graph.add(Vector::Floats(&[0.0, 0.0]), 1);
        let query = graph.query(Vector::Floats(&[1.0, 0.0]));
        assert_eq!(graph.distance(&query, NodeId(0)), 1.0);
    }
}

#[test]
fn scores_are_those_of_the_field() {
    let score = |encoding: Encoding, vector: &[f32], query: &[f32]| {
        let graph = Graph::new(params(vector.len(), 16, encoding));
        let id = graph.add(Vector::Floats(vector), 1);
        1.0 - graph.distance(&graph.query(Vector::Floats(query)), id) / 2.0
    };
    let vector = [0.1, -0.2, 0.3, -0.4, 0.5];
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-7, "{a} {b}");
    close(score(Encoding::Q8, &[1.262185, 1.958231], &[1.0, 0.0]), 0.771_351_963_281_631_5);
    close(score(Encoding::Q8, &vector, &[1.0; 5]), 0.589_028_924_703_598);
    close(score(Encoding::F32, &vector, &[1.0; 5]), 0.590_453_386_306_762_7);
    close(score(Encoding::Bin, &vector, &[1.0; 5]), 0.599_999_994_039_535_5);
}

#[test]
fn an_element_takes_its_row_and_little_more() {
    // A row is 300 + 4 + 16 + 88 = 408 bytes (BIN: 40 + 16 + 88), upper levels take 68/15 on average; the rest is the last
    // chunk's unused part.
    let mut random = Random(4);
    for (encoding, bytes) in [(Encoding::Q8, 418.0), (Encoding::Bin, 153.0)] {
        let graph = Graph::new(params(300, 16, encoding));
        let vector = random.vector(300);
        (0..50_000).for_each(|_| assert!(graph.add(Vector::Floats(&vector), random.next()).0 < 50_000));
        let tail = graph.tail.memory_usage();
        let each = (graph.memory_usage() - tail) as f64 / 50_000.0;
        assert!(each <= bytes, "{encoding:?}: {each}");
    }
}

#[derive(Debug, Clone)]
enum Op {
    Add(u8),
    Remove(proptest::sample::Index),
    Link,
    Reclaim,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<u8>().prop_map(Op::Add),
        2 => any::<proptest::sample::Index>().prop_map(Op::Remove),
        4 => Just(Op::Link),
        1 => Just(Op::Reclaim),
    ];
    proptest::collection::vec(op, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_change_leaves_a_valid_graph(
        ops in ops(), m in 2usize..5, near in prop_oneof![Just(1u32 << 21), 0u32..20],
    ) {
        let mut graph = Graph::new(params(3, m, Encoding::F32));
        graph.rows.set_near(near);
        let mut scratch = Scratch::default();
        let mut random = Random(9);
        let mut alive: Vec<(NodeId, Vec<f32>)> = Vec::new();
        for op in ops {
            match op {
                Op::Add(x) => {
                    let vector = vec![f32::from(x % 7), f32::from(x % 5) - 2.0, f32::from(x / 64)];
                    let id = graph.add(Vector::Floats(&vector), random.next() << (x % 3) << 40 | 1);
                    prop_assert!(alive.iter().all(|(other, _)| *other != id));
                    alive.push((id, vector));
                }
                Op::Remove(index) if !alive.is_empty() => {
                    let (id, _) = alive.swap_remove(index.index(alive.len()));
                    prop_assert!(graph.remove(id) && !graph.remove(id));
                }
                Op::Link => { graph.link_next(&mut scratch); }
                Op::Reclaim => _ = graph.reclaim(|id| assert!(alive.iter().all(|(other, _)| *other != id))),
                Op::Remove(_) => {}
            }
            prop_assert_eq!(graph.check_invariants().map(|s| s.live), Ok(alive.len()));
        }
        let query = graph.query(Vector::Floats(&[1.0, 1.0, 1.0]));
        let mut hits = Vec::new();
        let search = Search { k: alive.len() + 1, ..Search::default() };
        graph.search(&query, &search, &mut scratch, &mut hits).expect("nobody cancels");
        let mut ids: Vec<NodeId> = hits.iter().map(|hit| hit.id).collect();
        ids.sort_unstable();
        let mut expected: Vec<NodeId> = alive.iter().map(|(id, _)| *id).collect();
        expected.sort_unstable();
        prop_assert_eq!(ids, expected);
        prop_assert!(hits.windows(2).all(|two| two[0].distance <= two[1].distance));
        link_all(&graph, &mut scratch);
        let statistics = check(&graph);
        prop_assert_eq!(statistics.reachable, statistics.live);
    }
}

#[test]
fn as_many_as_match_are_found() {
    let mut random = Random(5);
    let vectors = clustered(&mut random, 3000, 16, 20, 0.5);
    let (graph, _) = build(&vectors, params(16, 8, Encoding::Q8));
    let mut scratch = Scratch::default();
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    for every in [1u32, 2, 10, 100, 1000, 5000] {
        // A test that is dear to ask may make a walk the cheaper way where a scan is otherwise.
        let (mut sums, queries) = ([0.0; 2], 20);
        for _ in 0..queries {
            let query = graph.query(Vector::Floats(&random.vector(16)));
            let test = |id: NodeId| id.0.is_multiple_of(every);
            for (sum, filter) in sums.iter_mut().zip([Filter::Cheap(&test), Filter::Test(&test)]) {
                let search = Search { k: 10, ef: 64, filter, ..Search::default() };
                graph.search(&query, &search, &mut scratch, &mut found).expect("nobody cancels");
                graph.scan(&query, &search, &mut scratch, &mut truth).expect("nobody cancels");
                assert_eq!(found.len(), truth.len());
                assert!(found.iter().all(|hit| test(hit.id)));
                *sum += found.iter().filter(|hit| truth.contains(hit)).count() as f64 / truth.len() as f64;
            }
        }
        let recalls = sums.map(|sum| sum / f64::from(queries));
        assert!(recalls.iter().all(|&recall| recall >= 0.95), "one of {every}: {recalls:?}");
    }
}

/// Where a search walks by a filter, it finds as large a part of the nearest as without one; also when some are gone.
#[test]
fn a_filter_that_is_cheap_to_ask_costs_no_recall() {
    const ROWS: u32 = 6000;
    let mut random = Random(15);
    let vectors = clustered(&mut random, ROWS as usize, 16, 20, 0.5);
    let queries = clustered(&mut random, 60, 16, 20, 0.5);
    let (graph, ids) = build(&vectors, params(16, 8, Encoding::Q8));
    let mut scratch = Scratch::default();
    for gone in [0, 1500] {
        ids.iter().take(gone).for_each(|&id| assert!(graph.remove(id)));
        let without = recall(&graph, &queries, 5, 16);
        for every in [2u32, 3, 4] {
            // Whether one matches has nothing to do with when it came, nor with its vector.
            let test = |id: NodeId| (id.0.wrapping_mul(0x9E37_79B9) >> 8).is_multiple_of(every);
            let live = ids.iter().skip(gone).filter(|&&id| test(id)).count();
            assert!(!graph.is_scanned(16, 5, live, 0), "one of {every}");
            let mut words = vec![0u64; ROWS.div_ceil(64) as usize];
            (0..ROWS).filter(|&row| test(NodeId(row))).for_each(|row| words[row as usize / 64] |= 1 << (row % 64));
            let bits = Filter::Bits { words: &words, matching: live };
            let list: Vec<NodeId> = ids.iter().copied().filter(|&id| test(id)).collect();
            let (mut found, mut truth) = (Vec::new(), Vec::new());
            for filter in [Filter::Cheap(&test), bits, Filter::Among(&list)] {
                let (mut hits, mut wanted) = (0, 0);
                for query in &queries {
                    let query = graph.query(Vector::Floats(query));
                    let search = Search { k: 5, ef: 16, filter, ..Search::default() };
                    graph.search(&query, &search, &mut scratch, &mut found).expect("nobody cancels");
                    graph.scan(&query, &search, &mut scratch, &mut truth).expect("nobody cancels");
                    assert_eq!(found.len(), 5);
                    assert!(found.iter().all(|hit| test(hit.id) && graph.contains(hit.id)));
                    assert!(found.is_sorted_by(|a, b| (a.distance, a.id) < (b.distance, b.id)), "in order, each once");
                    hits += found.iter().filter(|hit| truth.contains(hit)).count();
                    wanted += truth.len();
                }
                let recall = hits as f64 / wanted as f64;
                assert!(recall >= without - 0.02, "one of {every}, {gone} gone: {recall}, without filter {without}");
            }
        }
    }
}

#[test]
fn a_range_holds_what_is_within_it() {
    let mut random = Random(6);
    let vectors = clustered(&mut random, 3000, 8, 20, 0.3);
    let (graph, _) = build(&vectors, params(8, 12, Encoding::F32));
    let mut scratch = Scratch::default();
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    let (mut hits, mut wanted) = (0, 0);
    for query in vectors.iter().step_by(100) {
        let query = graph.query(Vector::Floats(query));
        for radius in [0.01, 0.1] {
            let range = Range { radius, ef: 20, ..Range::default() };
            graph.range(&query, &range, &mut scratch, &mut found).expect("nobody cancels");
            graph.range(&query, &Range { ef: 1 << 20, ..range }, &mut scratch, &mut truth).expect("nobody cancels");
            assert!(found.iter().all(|hit| truth.contains(hit)));
            assert!(truth.windows(2).all(|two| two[0].distance <= two[1].distance));
            hits += found.len();
            wanted += truth.len();
        }
    }
    assert!(hits as f64 >= 0.98 * wanted as f64, "{hits} of {wanted}");
}

#[test]
fn a_cancelled_search_says_so() {
    let mut random = Random(8);
    let vectors = clustered(&mut random, 3000, 8, 20, 0.3);
    let (graph, _) = build(&vectors, params(8, 4, Encoding::F32));
    let query = graph.query(Vector::Floats(&vectors[0]));
    let cancel = || true;
    let search = Search { k: 200, ef: 200, cancel: Some(&cancel), ..Search::default() };
    let mut hits = Vec::new();
    assert_eq!(graph.search(&query, &search, &mut Scratch::default(), &mut hits), Err(Cancelled));
    let search = Search { k: 3000, ..search };
    assert_eq!(graph.search(&query, &search, &mut Scratch::default(), &mut hits), Err(Cancelled));
}
