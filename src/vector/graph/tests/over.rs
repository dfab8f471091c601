//! Searches beside many removed nodes that are still in the links: what they find, and with how many vectors they compare.

use super::*;

const DIM: usize = 24;

/// Which of so many vectors stay.
type Stays = fn(usize, &[f32]) -> bool;

/// Comparisons per search.
fn compared(graph: &Graph, queries: &[Vec<f32>], (k, ef): (usize, usize), filter: Filter) -> f64 {
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    for query in queries {
        let search = Search { k, ef, filter, ..Search::default() };
        graph.search(&graph.query(Vector::Floats(query)), &search, &mut scratch, &mut hits).expect("nobody cancels");
        assert!(hits.len() == k && hits.iter().all(|hit| graph.contains(hit.id)));
    }
    scratch.compared() as f64 / queries.len() as f64
}

/// A graph from which all but those that stay were removed and none unlinked, and one of those that stay alone.
fn beside_and_clean(vectors: &[Vec<f32>], params: Params, stays: Stays) -> (Graph, Graph) {
    let (beside, ids) = build(vectors, params);
    let mut left = Vec::new();
    for ((at, vector), &id) in vectors.iter().enumerate().zip(&ids) {
        if stays(at, vector) {
            left.push(vector.clone());
        } else {
            assert!(beside.remove(id));
        }
    }
    (beside, build(&left, params).0)
}

#[test]
fn a_search_beside_removed_nodes_compares_with_what_stays() {
    let mut random = Random(41);
    let vectors = clustered(&mut random, 12_000, DIM, 60, 0.5);
    let queries = clustered(&mut random, 60, DIM, 60, 0.5);
    let kinds: [(&str, Stays); 4] = [
        ("three quarters", |at, _| at % 4 > 0),
        ("half", |at, _| at % 2 == 0),
        ("a tenth", |at, _| at % 10 == 3),
        ("one side", |_, vector| vector[0] > 0.3),
    ];
    for encoding in [Encoding::Q8, Encoding::F32] {
        for (name, stays) in kinds {
            let (beside, clean) = beside_and_clean(&vectors, params(DIM, 16, encoding), stays);
            let any = |_: NodeId| true;
            for (k, ef, filter) in [
                (10, 20, Filter::All),
                (10, 100, Filter::All),
                (10, 20, Filter::Test(&any)),
                (10, 20, Filter::Cheap(&any)),
            ] {
                let [far, near] = [&beside, &clean].map(|graph| compared(graph, &queries, (k, ef), filter));
                // Where few stay, comparing with all may take less time than looking for the near ones.
                let all = beside.len() as f64;
                assert!(
                    far <= 1.6 * near || far == all && all < 2.0 * near,
                    "{encoding:?}, {name}, {ef}: {far}, not {near}"
                );
                let [far, near] = [&beside, &clean].map(|graph| recall(graph, &queries, k, ef));
                let margin = if ef < 50 { 0.08 } else { 0.03 };
                assert!(far >= near - margin, "{encoding:?}, {name}, {ef}: recall {far} instead of {near}");
            }
        }
    }
}
