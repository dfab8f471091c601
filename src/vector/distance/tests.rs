//! Every kernel against sums in double precision, on codes of all lengths.

mod coarse;
mod extreme;
mod halves;

use half::{bf16, f16};
use proptest::prelude::*;

use super::super::encoding::Vector;
use super::*;
use crate::vector::graph::random::Random;

/// Components as they are stored.
fn components(codec: &Codec, code: &[u8]) -> Vec<f64> {
    let pair = |x: &[u8]| [x[0], x[1]];
    match codec.encoding {
        Encoding::F16 => code.chunks_exact(2).map(|x| f16::from_le_bytes(pair(x)).to_f64()).collect(),
        Encoding::BF16 => code.chunks_exact(2).map(|x| bf16::from_le_bytes(pair(x)).to_f64()).collect(),
        Encoding::F64 => code.chunks_exact(8).map(super::super::encoding::f64_of).collect(),
        Encoding::Q8 => codec.plain(code).iter().map(|&x| f64::from(x as i8)).collect(),
        _ => codec.decode(code, 0.0).into_iter().map(f64::from).collect(),
    }
}

/// The sum that a kernel computes, and the size of what it adds.
fn naive(codec: &Codec, a: &[u8], b: &[u8]) -> (f64, f64) {
    let pairs = components(codec, a).into_iter().zip(components(codec, b));
    let terms: Vec<f64> = match (codec.encoding, codec.metric) {
        (Encoding::Bin, _) => pairs.map(|(a, b)| if a == b { 0.0 } else { 1.0 }).collect(),
        // Of `Q8`, a kernel's sum is that of products under every metric.
        (Encoding::Q8, _) => pairs.map(|(a, b)| a * b).collect(),
        (_, Metric::L2) => pairs.map(|(a, b)| (a - b) * (a - b)).collect(),
        _ => pairs.map(|(a, b)| a * b).collect(),
    };
    (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
}

fn check(codec: &Codec, name: &str, sums: Sums, random: &mut Random) {
    let codes: Vec<Vec<u8>> = (0..5)
        .map(|_| {
            let floats: Vec<f32> = (0..codec.dim).map(|_| 127.0 * random.float()).collect();
            let mut code = vec![0; codec.code_len()];
            codec.encode(Vector::Floats(&floats), &mut code);
            code
        })
        .collect();
    let four = [&codes[1][..], &codes[2][..], &codes[3][..], &codes[4][..]];
    // SAFETY: `sums` are the portable kernels or what the native ones' lookup returned.
    let together = unsafe { (sums.four)(&codes[0], four) };
    for (code, got) in four.into_iter().zip(together) {
        // SAFETY: as above.
        let alone = unsafe { (sums.one)(&codes[0], code) };
        assert_eq!(alone.to_bits(), got.to_bits(), "{name} {codec:?}: alone and among four");
        let (expected, size) = naive(codec, &codes[0], code);
        assert!((f64::from(got) - expected).abs() <= 1e-6 * size + 1e-9, "{name} {codec:?}: {got}, not {expected}");
    }
}

#[test]
fn every_kernel_adds_up() {
    let mut random = Random(11);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        for encoding in Encoding::ALL {
            for dim in (1..200).chain([384, 768, 1000]) {
                let codec = Codec::new(dim, encoding, metric);
                check(&codec, "portable", portable_sums(&codec), &mut random);
                check(&codec, "chosen", Kernel::new(&codec).sums, &mut random);
                #[cfg(target_arch = "x86_64")]
                if let Some(sums) = x86::kernels_without_avx512(&codec) {
                    check(&codec, "avx2", sums, &mut random);
                }
            }
        }
    }
}

#[test]
fn the_largest_codes_do_not_overflow() {
    for (encoding, metric, a, b, each) in [
        (Encoding::Q8, Metric::Cosine, 127u8, 129, -127.0 * 127.0),
        (Encoding::I8, Metric::InnerProduct, 128, 128, 128.0 * 128.0),
        (Encoding::I8, Metric::L2, 128, 127, 255.0 * 255.0),
        (Encoding::U8, Metric::InnerProduct, 255, 255, 255.0 * 255.0),
        (Encoding::U8, Metric::L2, 0, 255, 255.0 * 255.0),
    ] {
        for dim in [1 << 15, (1 << 15) + 1, 1 << 16, 1 << 17] {
            let codec = Codec::new(dim, encoding, metric);
            let code = |byte: u8| {
                let (plain, mut code) = (vec![byte; dim], vec![0; dim]);
                codec.encode(Vector::Stored { code: &plain, l2: 1.0, range: 1.0 }, &mut code);
                code
            };
            let (a, b) = (code(a), code(b));
            let sums = Kernel::new(&codec).sums;
            // SAFETY: the lookup returned them.
            let got = f64::from(unsafe { (sums.one)(&a, &b) });
            let expected = each * dim as f64;
            assert!((got - expected).abs() <= 1e-6 * expected.abs(), "{codec:?}: {got}, not {expected}");
        }
    }
}

/// Every set of kernels that this processor runs for a kind of codes.
fn all_kernels(codec: &Codec) -> Vec<Kernel> {
    let mut kernels = vec![Kernel::new(codec), Kernel::with(codec, portable_sums(codec))];
    #[cfg(target_arch = "x86_64")]
    kernels.extend(x86::kernels_without_avx512(codec).map(|sums| Kernel::with(codec, sums)));
    kernels
}

fn encoded(codec: &Codec, floats: &[f32]) -> (Vec<u8>, Beside) {
    let mut code = vec![0; codec.code_len()];
    let beside = codec.encode(Vector::Floats(floats), &mut code);
    (code, beside)
}

/// The distance of vectors in double precision, and how far that of their `Q8` codes may be from it: each decoded vector
/// is at most `√d·range/254` off.
fn exact_and_bound(metric: Metric, x: &[f32], y: &[f32], ranges: [f32; 2]) -> (f64, f64) {
    let norm = |x: &[f32]| x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let dot: f64 = x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    let [a, b] = ranges.map(|range| (x.len() as f64).sqrt() * f64::from(range) / 254.0);
    match metric {
        Metric::L2 => {
            let distance = x.iter().zip(y).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum::<f64>();
            (distance, (a + b) * (2.0 * distance.sqrt() + a + b))
        }
        Metric::InnerProduct => (1.0 - dot, a * norm(y) + b * norm(x) + a * b),
        Metric::Cosine => {
            let zero = norm(x) == 0.0 || norm(y) == 0.0;
            (if zero { 1.0 } else { 1.0 - dot / norm(x) / norm(y) }, a + b + a * b)
        }
    }
}

/// Two vectors of one length, of sizes that need not be alike, the second near the first or anywhere.
fn pairs() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    let size = prop_oneof![Just(1.0f32), Just(1e-30), Just(1e-3), Just(250.0), Just(1e12)];
    let pair = (proptest::collection::vec((-1.0f32..1.0, -1.0f32..1.0), 1..300), size.clone(), size, any::<bool>());
    pair.prop_map(|(pairs, one, other, near)| {
        let second = |(x, y): &(f32, f32)| if near { (x + y * 1e-3) * one } else { y * other };
        (pairs.iter().map(|(x, _)| x * one).collect(), pairs.iter().map(second).collect())
    })
}

proptest! {
    #[test]
    fn q8_distances_are_near_the_exact_ones((x, y) in pairs()) {
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            // The squares under a norm are of single precision, and vanish where components are this small.
            let tiny = [&x, &y].iter().any(|x| x.iter().all(|x| x.abs() < 1e-15));
            if metric == Metric::Cosine && tiny {
                continue;
            }
            let codec = Codec::new(x.len(), Encoding::Q8, metric);
            let [(a, in_a), (b, in_b)] = [encoded(&codec, &x), encoded(&codec, &y)];
            let (one, other) = (Probe { code: &a, beside: in_a }, Probe { code: &b, beside: in_b });
            let (exact, bound) = exact_and_bound(metric, &x, &y, [in_a.scale, in_b.scale]);
            for kernel in all_kernels(&codec) {
                let distance = kernel.distance(one, other);
                // What single precision of the answer, and of normalizing, may add.
                let slack = 1e-6 * (1.0 + exact.abs()) + 1e-5 * bound;
                let off = (f64::from(distance) - exact).abs();
                prop_assert!(off <= bound + slack, "{metric:?}: {distance}, not {exact} ± {bound}");
                prop_assert_eq!(distance.to_bits(), kernel.distance(other, one).to_bits());
                prop_assert_eq!(distance.to_bits(), all_kernels(&codec)[0].distance(one, other).to_bits());
                prop_assert!(distance >= 0.0 || metric == Metric::InnerProduct);
                if metric == Metric::L2 {
                    prop_assert_eq!([kernel.distance(one, one), kernel.distance(other, other)], [0.0; 2]);
                }
            }
        }
    }

    #[test]
    fn q8_tells_rows_what_it_tells_alone(vectors in proptest::collection::vec(proptest::array::uniform9(-9.0f32..9.0), 1..12)) {
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let codec = Codec::new(9, Encoding::Q8, metric);
            let rows = Rows::new(codec.code_len(), codec.scaled(), 0, 0);
            let numbers: Vec<u32> =
                vectors.iter().map(|floats| rows.add(|code| codec.encode(Vector::Floats(floats), code))).collect();
            let (code, beside) = encoded(&codec, &vectors[0]);
            let probe = Probe { code: &code, beside };
            for kernel in all_kernels(&codec) {
                let mut together = Vec::new();
                kernel.distances(probe, &rows, &numbers, &mut together);
                let alone: Vec<f32> =
                    numbers.iter().map(|&row| kernel.distance(probe, kernel.probe(&rows, row))).collect();
                prop_assert_eq!(&together, &alone);
                let least = alone.iter().fold(f32::INFINITY, |least, &x| least.min(x));
                prop_assert!(!kernel.any_nearer(probe, &rows, &numbers, least));
                prop_assert!(kernel.any_nearer(probe, &rows, &numbers, least.next_up()));
            }
        }
    }
}

#[test]
fn q8_of_vectors_beyond_exact_floats_keeps_zero_at_equal_codes() {
    // Σcode² is far above 2²⁴ here, where single precision rounds.
    for dim in [1 << 14, (1 << 16) + 1] {
        let mut random = Random(3);
        let floats: Vec<f32> = (0..dim).map(|_| if random.float() > 0.3 { 0.99 } else { -1.0 }).collect();
        let codec = Codec::new(dim, Encoding::Q8, Metric::L2);
        let (code, beside) = encoded(&codec, &floats);
        let probe = Probe { code: &code, beside };
        for kernel in all_kernels(&codec) {
            assert_eq!(kernel.distance(probe, probe), 0.0);
        }
    }
}
