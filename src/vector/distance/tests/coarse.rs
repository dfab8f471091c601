//! The coarse code: its kernels against the definition, its estimates against the distances.

use super::super::coarse::PLANES;
use super::super::rotation::Buffers;
use super::*;

/// Every set of functions that this processor runs.
fn all_coarse() -> Vec<Coarse> {
    let mut all = vec![Coarse::new(), Coarse::portable()];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::coarse_sums_without_avx512().map(|sums| Coarse { sums, ..Coarse::new() }));
    all
}

/// Σ over the bits that a code has set of the four-bit numbers in the planes.
fn naive(planes: &[u8], code: &[u8]) -> i32 {
    let len = code.len();
    let bit = |bytes: &[u8], at: usize| i32::from(bytes[at / 8] >> (at % 8) & 1);
    let number = |at: usize| (0..PLANES).map(|p| bit(&planes[p * len..], at) * [1, 2, 4, -8][p]).sum::<i32>();
    (0..8 * len).map(|at| bit(code, at) * number(at)).sum()
}

proptest! {
    #[test]
    fn weighted_bits_are_those_of_the_definition(words in 0usize..40, seed in any::<u64>()) {
        let mut random = Random(seed);
        let mut bytes = |len: usize| (0..len).map(|_| random.next() as u8).collect::<Vec<u8>>();
        let planes = bytes(PLANES * words * 8);
        let codes = [(); 4].map(|()| bytes(words * 8));
        for coarse in all_coarse() {
            // SAFETY: these are portable, or what a lookup returned.
            let together = unsafe { (coarse.sums.four)(&planes, [&codes[0], &codes[1], &codes[2], &codes[3]]) };
            for (code, got) in codes.iter().zip(together) {
                prop_assert_eq!(got, naive(&planes, code) as f32);
                // SAFETY: as above.
                prop_assert_eq!(got, unsafe { (coarse.sums.one)(&planes, code) });
            }
        }
    }

    #[test]
    fn rotating_keeps_sums_of_products(dim in 1usize..700, seed in any::<u64>()) {
        let mut random = Random(seed);
        let [a, b] = [(); 2].map(|()| (0..dim).map(|_| random.next() as u8).collect::<Vec<u8>>());
        let rotated = |code: &[u8]| {
            let mut buffers = Buffers::default();
            buffers.rotate(code);
            buffers.row
        };
        let exact: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a as i8) * f64::from(b as i8)).sum();
        let got: f64 = rotated(&a).iter().zip(rotated(&b)).map(|(&a, b)| f64::from(a) * f64::from(b)).sum();
        prop_assert!((exact - got).abs() <= 1e-5 * 128.0 * 128.0 * dim as f64, "{got}, not {exact}");
    }

    /// Six standard deviations, of vectors of all kinds: some have few components that matter, some are near the query.
    #[test]
    fn estimates_are_near_the_distances(dim in 1usize..1600, seed in any::<u64>(), few in any::<bool>()) {
        let mut random = Random(seed);
        let mut vector = || -> Vec<f32> {
            (0..dim).map(|j| random.float() * if few && j % 50 != 3 { 0.01 } else { 1.0 }).collect()
        };
        let query = vector();
        let mut vectors: Vec<Vec<f32>> = (0..6).map(|_| vector()).collect();
        vectors.push(query.iter().zip(vector()).map(|(x, y)| x + 0.2 * y).collect());
        vectors.extend([query.clone(), vec![0.0; dim]]);
        let norm = |x: &[f32]| f64::from(x.iter().map(|x| x * x).sum::<f32>().sqrt());
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let codec = Codec::new(dim, Encoding::Q8, metric);
            let kernel = Kernel::new(&codec);
            let (code, beside) = encoded(&codec, &query);
            let mut ways = Vec::new();
            for coarse in all_coarse() {
                let rows = Rows::new(codec.code_len(), codec.scaled(), Coarse::len(dim), 0);
                let add = |vector: &Vec<f32>| rows.add(|code, out| {
                    let beside = codec.encode(Vector::Floats(vector), code);
                    coarse.encode(code, out);
                    beside
                });
                let numbers: Vec<u32> = vectors.iter().map(add).collect();
                let (mut sketch, mut estimates) = (Sketch::default(), Vec::new());
                coarse.sketch(&code, beside, &mut sketch);
                coarse.estimates(&kernel, &sketch, &rows, &numbers, &mut estimates);
                for ((&row, &estimate), vector) in numbers.iter().zip(&estimates).zip(&vectors) {
                    prop_assert_eq!(estimate, coarse.estimate(&kernel, &sketch, &rows, row));
                    let distance = kernel.distance(Probe { code: &code, beside }, kernel.probe(&rows, row));
                    let sizes = match metric {
                        Metric::Cosine => 1.0,
                        Metric::L2 => 2.0 * norm(vector) * norm(&query),
                        Metric::InnerProduct => norm(vector) * norm(&query),
                    };
                    // With few components signs say less, and what they say of few vectors is no normal distribution.
                    let bound = (6.0 * 0.78 / (dim as f64).sqrt() + 0.02).min(2.0) * sizes + 1e-4;
                    let off = f64::from((estimate - distance).abs());
                    prop_assert!(off <= bound, "{metric:?} {dim}: {estimate}, not {distance} ± {bound}");
                }
                ways.push(estimates);
            }
            prop_assert!(ways.windows(2).all(|two| two[0] == two[1]), "all ways are one");
        }
    }
}
