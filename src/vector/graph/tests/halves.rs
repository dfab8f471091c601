//! Graphs that walk by the upper halves of codes, where the processor's kernels are for those: what they find, and where they do.

use super::coarse::{built, embedded, nearest};
use super::*;
use crate::vector::graph::tests::restored::{read, write};

const DIM: usize = 512;

fn wide(metric: Metric) -> Params {
    Params { metric, ..params(DIM, 12, Encoding::Q8) }
}

/// Whether walks go by halves; `None` where no walk does on this processor.
fn are_walked(graph: &Graph) -> Option<bool> {
    Some(graph.halves.as_ref()?.are_walked())
}

/// Vectors in a few clusters, within which all are about equally far from each other.
fn clustered(random: &mut Random, count: usize) -> Vec<Vec<f32>> {
    let centers: Vec<Vec<f32>> = (0..10).map(|_| random.vector(DIM)).collect();
    let around = |(center, noise): (&Vec<f32>, Vec<f32>)| center.iter().zip(noise).map(|(x, y)| x + 0.2 * y).collect();
    (0..count).map(|n| around((&centers[n % centers.len()], random.vector(DIM)))).collect()
}

#[test]
fn halves_cost_no_recall_and_distances_are_of_whole_codes() {
    let mut random = Random(51);
    let vectors = embedded(&mut random, 2000, 1);
    let queries = embedded(&mut random, 60, 1);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let (graph, _) = built(&vectors, wide(metric));
        check(&graph);
        let found = recall(&graph, &queries, 10, 60);
        assert!(found >= 0.96, "{metric:?}: {found}");
        assert_ne!(are_walked(&graph), Some(false), "{metric:?}");
        for query in &queries {
            let query = graph.query(Vector::Floats(query));
            let hits = nearest(&graph, &query, &Search { ef: 20, ..Search::default() });
            assert!(hits.iter().all(|hit| hit.distance == graph.distance(&query, hit.id)), "{metric:?}");
            assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance), "{metric:?}");
        }
        let (again, _) = read(wide(metric), &write(&graph, |id| u64::from(id.0))).expect("what was written");
        assert_eq!(are_walked(&again), are_walked(&graph), "tried when it was read");
    }
}

#[test]
fn what_halves_cannot_tell_apart_is_walked_by_distances() {
    let mut random = Random(52);
    let (graph, mut ids) = built(&embedded(&mut random, 1100, 1), wide(Metric::Cosine));
    assert_ne!(are_walked(&graph), Some(false));
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        // Others come in their place.
        for id in std::mem::take(&mut ids) {
            assert!(graph.remove(id));
        }
        ids.extend(clustered(&mut random, 1100).iter().map(|vector| graph.add(Vector::Floats(vector), random.next())));
        link_all(&graph, &mut scratch);
        graph.reclaim(|_| {});
    }
    assert_eq!((graph.len(), graph.pending()), (1100, 0));
    assert_ne!(are_walked(&graph), Some(true), "tried when as many had come as there were");
}
