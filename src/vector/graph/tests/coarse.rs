//! Graphs that walk by coarse codes: what they find, and that it is ranked by distances.

use super::*;
use crate::vector::graph::tests::restored::{read, write};

mod survey;

const DIM: usize = 512;
/// How many components would do.
const LATENT: usize = 12;

fn coarse_params(metric: Metric) -> Params {
    Params { metric, coarse: true, ..params(DIM, 12, Encoding::Q8) }
}

/// Vectors as embeddings are: of many components, but with less to tell. Calls with one `map` give vectors of one kind.
pub(super) fn embedded(random: &mut Random, count: usize, map: u64) -> Vec<Vec<f32>> {
    let mut of_map = Random(map);
    let map: Vec<Vec<f32>> = (0..LATENT).map(|_| of_map.vector(DIM)).collect();
    let wide = |latent: Vec<f32>, noise: Vec<f32>| {
        let sum = |j: usize| latent.iter().zip(&map).map(|(x, row)| x * row[j]).sum::<f32>();
        (0..DIM).map(|j| sum(j) + 0.1 * noise[j]).collect()
    };
    (0..count).map(|_| wide(random.vector(LATENT), random.vector(DIM))).collect()
}

/// Does what is to do, and waits for what others do.
fn settle(graph: &Graph) {
    let mut scratch = Scratch::default();
    while graph.pending() > 0 {
        if !graph.link_next(&mut scratch) {
            std::thread::yield_now();
        }
    }
}

/// A graph of vectors, all linked.
pub(super) fn built(vectors: &[Vec<f32>], params: Params) -> (Graph, Vec<NodeId>) {
    let (graph, ids) = build(vectors, params);
    settle(&graph);
    (graph, ids)
}

fn is_walked(graph: &Graph) -> bool {
    graph.survey.as_ref().is_some_and(|survey| survey.walked().is_some())
}

pub(super) fn nearest(graph: &Graph, query: &Query, search: &Search) -> Vec<Hit> {
    let mut hits = Vec::new();
    graph.search(query, search, &mut Scratch::default(), &mut hits).expect("nobody cancels");
    hits
}

#[test]
fn a_coarse_code_costs_no_recall() {
    let mut random = Random(41);
    let vectors = embedded(&mut random, 2000, 1);
    let queries = embedded(&mut random, 60, 1);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let (graph, _) = built(&vectors, coarse_params(metric));
        let statistics = check(&graph);
        assert_eq!(statistics.reachable, 2000, "{statistics:?}");
        assert!(is_walked(&graph));
        let (plain, _) = build(&vectors, Params { coarse: false, ..coarse_params(metric) });
        for ef in [40, 100] {
            let [coarse, plain] = [&graph, &plain].map(|graph| recall(graph, &queries, 10, ef));
            assert!(coarse >= 0.97 && coarse >= plain - 0.01, "{metric:?}, EF {ef}: {coarse}, without {plain}");
        }
    }
}

/// Plain, filtered and wide searches, before and after all is linked.
#[test]
fn hits_have_the_distances_of_their_codes() {
    let mut random = Random(42);
    let vectors = embedded(&mut random, 1500, 1);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let (graph, _) = built(&vectors, coarse_params(metric));
        for linked in [false, true] {
            let mut scratch = Scratch::default();
            (0..50).for_each(|_| _ = graph.add(Vector::Floats(&random.vector(DIM)), random.next()));
            if linked {
                link_all(&graph, &mut scratch);
            }
            let even = |id: NodeId| id.0.is_multiple_of(2);
            for (k, ef, filter) in [
                (10, 50, Filter::All),
                (10, 50, Filter::Test(&even)),
                (10, 50, Filter::Cheap(&even)),
                (10, 12, Filter::Cheap(&even)),
                (90, 90, Filter::All),
            ] {
                let query = graph.query(Vector::Floats(&random.vector(DIM)));
                let search = Search { k, ef, filter, ..Search::default() };
                let hits = nearest(&graph, &query, &search);
                assert_eq!(hits.len(), k);
                assert!(hits.iter().all(|hit| hit.distance.to_bits() == graph.distance(&query, hit.id).to_bits()));
                assert!(hits.is_sorted_by(|a, b| (a.distance, a.id) < (b.distance, b.id)), "in order, each once");
                assert!(matches!(filter, Filter::All) || hits.iter().all(|hit| even(hit.id)));
            }
        }
    }
}

#[test]
fn a_range_search_finds_all_within() {
    let mut random = Random(43);
    let vectors = embedded(&mut random, 1500, 1);
    let (graph, _) = built(&vectors, coarse_params(Metric::L2));
    for vector in vectors.iter().step_by(100) {
        let query = graph.query(Vector::Floats(vector));
        let mut hits = Vec::new();
        let all = Search { k: 60, ..Search::default() };
        graph.scan(&query, &all, &mut Scratch::default(), &mut hits).expect("nobody cancels");
        // Exactly on the radius is within it.
        let (radius, expected) = (hits[29].distance, hits.clone());
        let range = Range { radius, ..Range::default() };
        graph.range(&query, &range, &mut Scratch::default(), &mut hits).expect("nobody cancels");
        assert_eq!(hits, expected[..30]);
    }
}

#[test]
fn what_comes_and_goes_and_comes_back_is_found() {
    let mut random = Random(44);
    let vectors = embedded(&mut random, 1500, 1);
    let queries = embedded(&mut random, 40, 1);
    let (graph, ids) = built(&vectors, coarse_params(Metric::Cosine));
    let mut scratch = Scratch::default();
    for id in ids.iter().step_by(2) {
        assert!(graph.remove(*id));
    }
    link_all(&graph, &mut scratch);
    graph.reclaim(|_| {});
    for vector in vectors.iter().step_by(2) {
        graph.add(Vector::Floats(vector), random.next());
    }
    link_all(&graph, &mut scratch);
    let statistics = check(&graph);
    assert_eq!((statistics.live, statistics.reachable), (1500, 1500), "{statistics:?}");
    assert!(recall(&graph, &queries, 10, 60) >= 0.96);

    let nodes = write(&graph, |id| u64::from(id.0));
    let (again, ids) = read(*graph.params(), &nodes).expect("what was written");
    check(&again);
    let (twin, twins) = read(*graph.params(), &nodes).expect("what was written");
    assert!(is_walked(&graph) && is_walked(&again), "surveyed when it was read");
    for ((node, id), twin_id) in nodes.iter().zip(ids).zip(twins) {
        assert_eq!(again.rows.coarse(id.0), twin.rows.coarse(twin_id.0), "made of what is saved");
        assert_eq!(*again.code(id, &epoch::pin()), *node.code);
    }
    for query in &queries {
        let [one, other] = [&again, &twin]
            .map(|graph| nearest(graph, &graph.query(Vector::Floats(query)), &Search { ef: 20, ..Search::default() }));
        assert_eq!(one, other);
    }
    assert!(recall(&again, &queries, 10, 60) >= 0.96);
    // Without one it is the graph that it always was.
    let (plain, _) = read(Params { coarse: false, ..*graph.params() }, &nodes).expect("what was written");
    assert!(plain.memory_usage() < again.memory_usage());
    assert!(recall(&plain, &queries, 10, 60) >= 0.96);
}
