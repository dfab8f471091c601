//! Distances of vectors as they come: of those that an index keeps as codes only.
#![forbid(unsafe_code)]

use super::distance::{Kernel, Probe};
use super::encoding::{Codec, Encoding, Metric, Vector};
use super::graph::Query;

/// Measures how far vectors are from a query, as a [`Flat`](super::Flat) index of the same kind does.
#[derive(Debug)]
pub struct Measure {
    codec: Codec,
    kernel: Kernel,
    query: Query,
    code: Vec<u8>,
}

impl Measure {
    /// For a query; `None` if it is no vector of `dim` components of this kind.
    #[must_use]
    pub fn new(dim: usize, encoding: Encoding, metric: Metric, query: Vector) -> Option<Measure> {
        let codec = Codec::new(dim, encoding, metric);
        if !codec.fits(&query) {
            return None;
        }
        let code = vec![0; codec.code_len()];
        Some(Measure { codec, kernel: Kernel::new(&codec), query: Query::new(&codec, query), code })
    }

    /// How far a vector is; `None` if it is none of this kind.
    pub fn distance(&mut self, vector: Vector) -> Option<f64> {
        if !self.codec.fits(&vector) {
            return None;
        }
        let beside = self.codec.encode(vector, &mut self.code);
        Some(self.kernel.report(self.query.probe(), Probe { code: &self.code, beside }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{Flat, Graph, Params, Scratch, Search};
    use proptest::prelude::*;

    #[test]
    fn distances_are_those_of_a_flat_index() {
        for encoding in [Encoding::F32, Encoding::F64, Encoding::F16, Encoding::Q8] {
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let flat = Flat::new(4, encoding, metric);
                let (query, vector) = ([1.0, 2.0, -3.0, 0.5], [0.25, 2.0, 1.0, -4.0]);
                let id = flat.add(Vector::Floats(&vector));
                let mut measure = Measure::new(4, encoding, metric, Vector::Floats(&query)).expect("four components");
                let expected = flat.distance(&flat.query(Vector::Floats(&query)), id);
                assert_eq!(measure.distance(Vector::Floats(&vector)), Some(expected));
                assert_eq!(measure.distance(Vector::Floats(&vector[1..])), None);
            }
        }
        assert!(Measure::new(4, Encoding::F32, Metric::L2, Vector::Bytes(&[0; 15])).is_none());
    }

    proptest! {
        /// Vectors of every size, few components and many.
        #[test]
        fn distances_of_codes_are_as_wrong_as_they_say_at_most(
            vectors in (2usize..200).prop_flat_map(|dim| prop::collection::vec(prop::collection::vec(-1f32..1.0, dim), 2..20)),
            scale in prop::sample::select(vec![1e-3f32, 1.0, 255.0]),
            spiked in any::<bool>(),
        ) {
            let dim = vectors[0].len();
            let vectors: Vec<Vec<f32>> = vectors.into_iter().enumerate().map(|(n, mut vector)| {
                // Of sizes that differ, some with a component that is much larger than the others.
                vector.iter_mut().for_each(|x| *x *= scale * (1.0 + n as f32));
                if spiked && n % 2 == 0 { vector[0] *= 50.0; }
                vector
            }).collect();
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let graph = Graph::new(Params { dim, m: 8, ef_construction: 10, encoding: Encoding::Q8, metric, coarse: false });
                let ids: Vec<_> = vectors.iter().map(|vector| graph.add(Vector::Floats(vector), 0)).collect();
                let query = graph.query(Vector::Floats(&vectors[0]));
                let mut measure = Measure::new(dim, Encoding::F64, metric, Vector::Floats(&vectors[0])).expect("a vector");
                let mut hits = Vec::new();
                let search = Search { k: vectors.len(), ..Search::default() };
                graph.scan(&query, &search, &mut Scratch::default(), &mut hits).expect("not cancelled");
                for hit in hits {
                    let at = ids.iter().position(|id| *id == hit.id).expect("an id");
                    let exact = measure.distance(Vector::Floats(&vectors[at])).expect("a vector");
                    let uncertainty = graph.uncertainty(&query, &hit);
                    // Beside that of the codes, that of single precision.
                    let single = 1e-5 * (1.0 + exact.abs());
                    prop_assert!((hit.distance - exact).abs() <= uncertainty + single, "{metric:?} {} {exact} {uncertainty}", hit.distance);
                }
            }
        }
    }
}
