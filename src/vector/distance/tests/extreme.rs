//! Vectors of every magnitude, against sums in double precision that can't overflow: one law for all kinds of vectors, for what
//! a flat index, a graph and a measure of vectors as they come say.
#![forbid(unsafe_code)]

use half::{bf16, f16};
use proptest::prelude::*;

use crate::vector::{Encoding, Flat, Graph, Measure, Metric, NodeId, Params, Scratch, Search, Vector};

const KINDS: [Encoding; 6] = [Encoding::F32, Encoding::F64, Encoding::F16, Encoding::BF16, Encoding::I8, Encoding::U8];

/// As a user sends them, and what that is exactly.
fn sent(encoding: Encoding, components: &[f64]) -> (Vec<u8>, Vec<f64>) {
    let mut bytes = Vec::new();
    let exact = components.iter().map(|&x| match encoding {
        Encoding::F64 => {
            bytes.extend(x.to_le_bytes());
            x
        }
        Encoding::F16 => {
            let x = f16::from_f64(x.clamp(-65_504.0, 65_504.0));
            bytes.extend(x.to_le_bytes());
            x.to_f64()
        }
        Encoding::BF16 => {
            let x = bf16::from_f64(x.clamp(-3e38, 3e38));
            bytes.extend(x.to_le_bytes());
            x.to_f64()
        }
        Encoding::I8 => {
            bytes.push(x as i8 as u8);
            f64::from(x as i8)
        }
        Encoding::U8 => {
            bytes.push(x as u8);
            f64::from(x as u8)
        }
        _ => {
            let x = x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
            bytes.extend(x.to_le_bytes());
            f64::from(x)
        }
    });
    let exact = exact.collect();
    (bytes, exact)
}

fn largest(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |most, x| x.abs().max(most))
}

/// `Σab/(la·lb)`, and the two factors.
fn product(a: &[f64], b: &[f64]) -> (f64, f64, f64) {
    let (of_a, of_b) = (largest(a), largest(b));
    if of_a == 0.0 || of_b == 0.0 {
        return (0.0, of_a, of_b);
    }
    (a.iter().zip(b).map(|(a, b)| (a / of_a) * (b / of_b)).sum(), of_a, of_b)
}

/// The distance, and how much may be missing by rounding.
fn reference(encoding: Encoding, metric: Metric, a: &[f64], b: &[f64]) -> (f64, f64) {
    let step = match encoding {
        Encoding::F64 => 1e-11,
        Encoding::F16 if metric == Metric::Cosine => 4e-3,
        Encoding::BF16 if metric == Metric::Cosine => 4e-2,
        _ => 1e-5,
    };
    match metric {
        Metric::Cosine => {
            let (dot, of_a, of_b) = product(a, b);
            if of_a == 0.0 || of_b == 0.0 {
                return (1.0, 0.0);
            }
            (1.0 - dot / (product(a, a).0 * product(b, b).0).sqrt(), step)
        }
        Metric::L2 => {
            let apart: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / 2.0 - b / 2.0).collect();
            let (sum, of, _) = product(&apart, &apart);
            let distance = sum * of * of * 4.0;
            (distance, step * distance + 1e-37)
        }
        Metric::InnerProduct => {
            let (dot, of_a, of_b) = product(a, b);
            (1.0 - dot * of_a * of_b, step * (1.0 + a.len() as f64 * of_a * of_b))
        }
    }
}

/// Whether a distance is the one expected, or the infinity where that is none of the index's numbers.
fn is_near(got: f64, (want, error): (f64, f64), most: f64) -> bool {
    if got.is_nan() {
        return false;
    }
    let infinite = got.is_infinite() && (want + error >= most && got > 0.0 || want - error <= -most && got < 0.0);
    infinite || !error.is_finite() || (got - want).abs() <= error
}

fn components() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let magnitude = prop_oneof![-1080i32..1023, -155i32..130, -20i32..20, -5i32..9];
    let vector = move |dim| {
        let one = (prop::collection::vec(-1f64..1.0, dim), magnitude.clone());
        // Two of a direction, one of any sizes, the zero vector.
        let mixed = prop::collection::vec((-1f64..1.0, magnitude.clone()), dim);
        prop_oneof![
            6 => one.prop_map(|(of, bits)| of.into_iter().map(|x| x * 2f64.powi(bits)).collect::<Vec<f64>>()),
            3 => magnitude.clone().prop_map(move |bits| (1..=dim).map(|n| n as f64 * 2f64.powi(bits - 6)).collect()),
            2 => mixed.prop_map(|of| of.into_iter().map(|(x, bits)| x * 2f64.powi(bits)).collect()),
            1 => Just(vec![0.0; dim]),
        ]
    };
    (1usize..40).prop_flat_map(move |dim| prop::collection::vec(vector(dim), 2..9))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn distances_are_right_whatever_the_magnitudes(vectors in components()) {
        for encoding in KINDS {
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let dim = vectors[0].len();
                let sent: Vec<_> = vectors.iter().map(|vector| sent(encoding, vector)).collect();
                let flat = Flat::new(dim, encoding, metric);
                let graph = Graph::new(Params { dim, m: 8, ef_construction: 10, encoding, metric, coarse: false });
                for (bytes, _) in &sent {
                    flat.add(Vector::Bytes(bytes));
                    graph.add(Vector::Bytes(bytes), 0);
                }
                let most = if encoding == Encoding::F64 { 1.79e308 } else { 3.4e38 };
                for (asked, exact) in &sent {
                    let query = flat.query(Vector::Bytes(asked));
                    let mut measure = Measure::new(dim, encoding, metric, Vector::Bytes(asked)).expect("a vector");
                    let (mut found, mut walked) = (Vec::new(), Vec::new());
                    let search = Search { k: sent.len(), ..Search::default() };
                    flat.search(&query, &search, &mut Scratch::default(), &mut found).expect("not cancelled");
                    graph.scan(&query, &search, &mut Scratch::default(), &mut walked).expect("not cancelled");
                    prop_assert!(found.len() == sent.len() && walked.len() == sent.len());
                    prop_assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
                    for (id, (bytes, other)) in (0..).map(NodeId).zip(&sent) {
                        let want = reference(encoding, metric, exact, other);
                        let in_graph = walked.iter().find(|hit| hit.id == id).expect("all are found").distance;
                        let in_flat = found.iter().find(|hit| hit.id == id).expect("all are found").distance;
                        let measured = measure.distance(Vector::Bytes(bytes)).expect("a vector");
                        for got in [in_graph, in_flat, measured, flat.distance(&query, id)] {
                            prop_assert!(
                                is_near(got, want, most),
                                "{encoding:?} {metric:?}: {got} for {want:?}, {exact:?} and {other:?}"
                            );
                            prop_assert!(metric != Metric::Cosine || (0.0..=2.0).contains(&got), "{encoding:?} {got}");
                            prop_assert!(metric != Metric::L2 || got >= 0.0);
                            // All say the same, but for the order of their sums.
                            prop_assert!(got == measured || (got - measured).abs() <= 2e-6 + want.1);
                        }
                    }
                }
            }
        }
    }
}
