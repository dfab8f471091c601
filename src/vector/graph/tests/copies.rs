//! Many exact copies of few vectors: each of which is found, though all others are equally far from it.

use super::*;

/// So many vectors, each one of the `values`, in no order.
fn copies(random: &mut Random, values: &[Vec<f32>], count: usize) -> Vec<Vec<f32>> {
    (0..count).map(|_| values[random.next() as usize % values.len()].clone()).collect()
}

fn one_hot(dim: usize) -> Vec<Vec<f32>> {
    (0..dim).map(|at| (0..dim).map(|i| f32::from(u8::from(i == at))).collect()).collect()
}

/// Codes of few bits, as sets of features are: most distances are equal.
fn few_bits(random: &mut Random, dim: usize, count: usize) -> Vec<Vec<f32>> {
    let bits = |random: &mut Random| (0..dim).map(|_| f32::from(u8::from(random.next().is_multiple_of(8)))).collect();
    (0..count).map(|_| bits(random)).collect()
}

#[test]
fn copies_of_few_vectors_are_found() {
    let mut random = Random(61);
    let kinds = [
        ("one-hot, 16", one_hot(16)),
        ("one-hot, 64", one_hot(64)),
        ("one-hot, 256", one_hot(256)),
        ("50 vectors", (0..50).map(|_| random.vector(24)).collect()),
        ("100 of few bits", few_bits(&mut random, 48, 100)),
    ];
    for (name, values) in kinds {
        let vectors = copies(&mut random, &values, 5000);
        let queries: Vec<Vec<f32>> = values.iter().take(100).cloned().collect();
        for encoding in [Encoding::F32, Encoding::Q8, Encoding::Bin] {
            let params = Params { ef_construction: 200, ..params(values[0].len(), 16, encoding) };
            let (graph, ids) = build(&vectors, params);
            check(&graph);
            let found = [recall(&graph, &queries, 10, 100), recall(&graph, &queries, 60, 100)];
            assert!(found.iter().all(|&found| found >= 0.92), "{name}, {encoding:?}: {found:?}");
            let mut scratch = Scratch::default();
            ids.iter().skip(1).step_by(2).for_each(|&id| assert!(graph.remove(id)));
            link_all(&graph, &mut scratch);
            check(&graph);
            let left = recall(&graph, &queries, 10, 100);
            assert!(left >= 0.92, "{name}, {encoding:?}: {left} when half are gone");
        }
    }
}
