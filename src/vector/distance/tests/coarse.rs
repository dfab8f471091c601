//! The coarse code: its kernels against the definition, its estimates against the distances.

use super::super::portable::PLANES;
use super::super::rotation::Buffers;
use super::*;

/// Every set of functions that this processor runs.
fn all_coarse(metric: Metric) -> Vec<Coarse> {
    let mut all = vec![Coarse::new(metric), Coarse::portable(metric)];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::coarse_sums_without_avx512().map(|sums| Coarse { sums, ..Coarse::new(metric) }));
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
        for coarse in all_coarse(Metric::L2) {
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
            buffers.rotate(code.iter().map(|&x| f32::from(x as i8)));
            buffers.row
        };
        let exact: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a as i8) * f64::from(b as i8)).sum();
        let got: f64 = rotated(&a).iter().zip(rotated(&b)).map(|(&a, b)| f64::from(a) * f64::from(b)).sum();
        prop_assert!((exact - got).abs() <= 1e-5 * 128.0 * 128.0 * dim as f64, "{got}, not {exact}");
    }

    /// Six standard deviations, of vectors of all kinds: some have few components that matter, some are near the query, some
    /// are all far from the origin, which makes no difference. All ways to compute estimates give the same.
    #[test]
    fn estimates_are_near_the_distances(
        dim in 1usize..1600,
        seed in any::<u64>(),
        few in any::<bool>(),
        away in prop_oneof![Just(0.0f32), Just(1.0), Just(20.0)],
    ) {
        let mut random = Random(seed);
        let mut vector = || -> Vec<f32> {
            (0..dim).map(|j| away + random.float() * if few && j % 50 != 3 { 0.01 } else { 1.0 }).collect()
        };
        let query = vector();
        let mut vectors: Vec<Vec<f32>> = (0..6).map(|_| vector()).collect();
        vectors.push(query.iter().zip(vector()).map(|(x, y)| x + 0.2 * (y - away)).collect());
        vectors.extend([query.clone(), vec![0.0; dim]]);
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let codec = Codec::new(dim, Encoding::Q8, metric);
            let kernel = Kernel::new(&codec);
            let (code, beside) = encoded(&codec, &query);
            let query = Probe { code: &code, beside };
            let codes: Vec<(Vec<u8>, Beside)> = vectors.iter().map(|vector| encoded(&codec, vector)).collect();
            let center = || Center::mean(dim, codes[..6].iter().map(|(code, beside)| Probe { code, beside: *beside }));
            // By the vectors that codes stand for.
            let decoded = |probe: Probe| codec.decode(probe.code, probe.beside.scale);
            let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let all: Vec<Vec<f32>> = codes[..6].iter().map(|(code, beside)| codec.decode(code, beside.scale)).collect();
            let mean: Vec<f32> = (0..dim).map(|j| all.iter().map(|x| x[j]).sum::<f32>() / 6.0).collect();
            let apart = |x: &[f32]| norm(&x.iter().zip(&mean).map(|(x, m)| x - m).collect::<Vec<f32>>());
            let mut ways = Vec::new();
            for coarse in all_coarse(metric) {
                let center = center();
                let rows = Rows::new(codec.code_len(), codec.scaled(), Coarse::len(dim), 0);
                let (mut sketch, mut estimates) = (Sketch::default(), Vec::new());
                let mut numbers = Vec::new();
                for (code, beside) in &codes {
                    let row = rows.add(|out| {
                        out.copy_from_slice(code);
                        *beside
                    });
                    let probe = Probe { code, beside: *beside };
                    rows.write_coarse(row, |out| coarse.encode(probe, &center, &mut sketch, out));
                    numbers.push(row);
                }
                coarse.sketch(query, &center, &mut sketch);
                coarse.estimates(&sketch, &rows, &numbers, &mut estimates);
                for (&row, &estimate) in numbers.iter().zip(&estimates) {
                    prop_assert_eq!(estimate, coarse.estimate(&sketch, &rows, row));
                    let stored = kernel.probe(&rows, row);
                    let distance = kernel.distance(query, stored);
                    let (q, x) = (decoded(query), decoded(stored));
                    let twice = if metric == Metric::L2 { 2.0 } else { 1.0 };
                    // With few components signs say less, and what they say of few vectors is no normal distribution. And what
                    // single precision has room for.
                    let bound = twice * (6.0 * 0.78 / (dim as f64).sqrt() + 0.02).min(2.0) * apart(&q) * apart(&x);
                    let room = 1e-4 + 1e-5 * (norm(&q) + norm(&mean)) * (norm(&x) + norm(&mean));
                    // As far as a cosine's distance goes; an estimate goes beyond.
                    let most = if metric == Metric::Cosine { 2.0 } else { f32::MAX };
                    let least = if metric == Metric::InnerProduct { f32::MIN } else { 0.0 };
                    let off = f64::from((estimate.clamp(least, most) - distance).abs());
                    prop_assert!(off <= bound + room, "{metric:?} {dim}: {estimate}, not {distance} ± {bound}");
                }
                ways.push(estimates);
            }
            prop_assert!(ways.windows(2).all(|two| two[0] == two[1]), "all ways are one");
        }
    }
}

/// Over many vectors, estimates are neither too great nor too small.
#[test]
fn estimates_have_no_bias() {
    const DIM: usize = 256;
    let mut random = Random(91);
    let mut vector = || -> Vec<f32> { random.vector(DIM).iter().map(|x| 3.0 + x).collect() };
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let codec = Codec::new(DIM, Encoding::Q8, metric);
        let (kernel, coarse) = (Kernel::new(&codec), Coarse::new(metric));
        let codes: Vec<(Vec<u8>, Beside)> = (0..400).map(|_| encoded(&codec, &vector())).collect();
        let center = Center::mean(DIM, codes.iter().map(|(code, beside)| Probe { code, beside: *beside }));
        let rows = Rows::new(codec.code_len(), codec.scaled(), Coarse::len(DIM), 0);
        let mut sketch = Sketch::default();
        for (code, beside) in &codes {
            let row = rows.add(|out| {
                out.copy_from_slice(code);
                *beside
            });
            rows.write_coarse(row, |out| coarse.encode(kernel.probe(&rows, row), &center, &mut sketch, out));
        }
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for asked in (0..400).step_by(4) {
            let probe = kernel.probe(&rows, asked);
            coarse.sketch(probe, &center, &mut sketch);
            for row in (1..400).step_by(2) {
                let off = coarse.estimate(&sketch, &rows, row) - kernel.distance(probe, kernel.probe(&rows, row));
                (sum, squares, count) = (sum + f64::from(off), squares + f64::from(off).powi(2), count + 1.0);
            }
        }
        let (mean, deviation) = (sum / count, (squares / count).sqrt());
        assert!(deviation > 0.0 && mean.abs() <= 0.05 * deviation, "{metric:?}: {mean} ± {deviation}");
    }
}
