//! Codes in halves: their kernels, and what estimates are.

use super::super::super::encoding::halves::{join, split, split_len};
use super::super::halves::{Outline, portable_halves, q8_dot};
use super::*;

/// Bytes by chance, the extremes among them.
fn bytes(len: usize, random: &mut Random) -> Vec<u8> {
    let byte = |random: &mut Random| match (random.float() * 4.0) as i32 {
        -4..=-3 => 0x80,
        -2 => 0x7f,
        _ => (random.float() * 127.0) as i8 as u8,
    };
    (0..len).map(|_| byte(random)).collect()
}

fn in_halves(plain: &[u8]) -> Vec<u8> {
    let mut code = vec![0; plain.len()];
    split(plain, &mut code);
    code
}

fn product(a: &[u8], b: &[u8]) -> i64 {
    a.iter().zip(b).map(|(&a, &b)| i64::from(a as i8) * i64::from(b as i8)).sum()
}

const LENGTHS: [usize; 12] = [1, 50, 191, 192, 200, 255, 300, 384, 513, 1000, 1536, 1 << 15];

#[test]
fn halves_unfold_to_the_code() {
    let mut random = Random(5);
    for len in LENGTHS {
        let plain = bytes(len, &mut random);
        let mut joined = vec![0; len];
        join(&in_halves(&plain), &mut joined);
        assert_eq!(joined, plain);
    }
}

#[test]
fn sums_of_halves_are_those_of_codes() {
    let mut random = Random(6);
    let dots = [
        Some(Sums { one: q8_dot, four: |a, b| b.map(|b| q8_dot(a, b)) }),
        #[cfg(target_arch = "x86_64")]
        x86::q8_sums(),
        #[cfg(target_arch = "x86_64")]
        x86::q8_sums_without_avx512(),
    ];
    let uppers = [
        Some(portable_halves()),
        #[cfg(target_arch = "x86_64")]
        x86::halves_sums(),
        #[cfg(target_arch = "x86_64")]
        x86::halves_sums_without_avx512(),
    ];
    for len in LENGTHS {
        // The greatest sums first.
        for extreme in [Some(0x80), Some(0x7f), None, None] {
            let plain: [Vec<u8>; 5] =
                std::array::from_fn(|_| extreme.map_or_else(|| bytes(len, &mut random), |byte| vec![byte; len]));
            let codes = plain.each_ref().map(|plain| in_halves(plain));
            let four = [&codes[1][..], &codes[2][..], &codes[3][..], &codes[4][..]];
            let upper = |plain: &[u8]| -> Vec<u8> {
                let split = split_len(len);
                let upper = plain[..split].iter().map(|&x| (x ^ 0x80) & 0xf0 ^ 0x80);
                upper.chain(plain[split..].iter().copied()).collect()
            };
            let halved = split_len(len);
            let all: i64 = plain[0][..halved].iter().map(|&x| i64::from(x as i8)).sum();
            for (at, of_four) in plain[1..].iter().enumerate() {
                for sums in dots.iter().flatten() {
                    // SAFETY: `q8_sums` looks features up.
                    let got = unsafe { [(sums.one)(&codes[0], four[at]), (sums.four)(&codes[0], four)[at]] };
                    assert_eq!(got, [product(&plain[0], of_four) as f32; 2], "{len} {extreme:?}");
                }
                for sums in uppers.iter().flatten() {
                    // SAFETY: as above.
                    let got = unsafe { [(sums.one)(&plain[0], four[at]), (sums.four)(&plain[0], four)[at]] };
                    let expected = product(&plain[0], &upper(of_four)) + 128 * all;
                    assert_eq!(got, [expected as f32; 2], "{len} {extreme:?}");
                }
            }
        }
    }
}

#[test]
fn estimates_are_near_distances() {
    let mut random = Random(7);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        for dim in [192, 300, 384, 1536] {
            let codec = Codec::new(dim, Encoding::Q8, metric);
            if !codec.is_split() {
                continue;
            }
            let (kernel, rows) = (Kernel::new(&codec), Rows::new(codec.code_len(), codec.scaled(), 0, 8));
            let floats = |random: &mut Random| -> Vec<f32> {
                (0..dim).map(|_| (0..6).map(|_| random.float()).sum::<f32>()).collect()
            };
            let numbers: Vec<u32> =
                (0..33).map(|_| rows.add(|code| codec.encode(Vector::Floats(&floats(&mut random)), code))).collect();
            let mut query = vec![0; codec.code_len()];
            let beside = codec.encode(Vector::Floats(&floats(&mut random)), &mut query);
            let probe = Probe { code: &query, beside };
            let (mut outline, mut estimates, mut distances) = (Outline::default(), Vec::new(), Vec::new());
            kernel.outline(probe, &mut outline);
            kernel.estimates(&outline, &rows, &numbers, &mut estimates, || ());
            kernel.distances(probe, &rows, &numbers, &mut distances);
            // Of so many components, all with the same deviation; the norms of both decide how much a product is worth.
            let unit = match metric {
                Metric::Cosine => 1.0,
                _ => dim as f32 * 2.0,
            };
            let errors: Vec<f32> = estimates.iter().zip(&distances).map(|(a, b)| (a - b).abs() / unit).collect();
            let most = 6.0 * 0.15 / (dim as f32).sqrt() * if metric == Metric::L2 { 2.0 } else { 1.0 };
            assert!(errors.iter().all(|&error| error <= most), "{metric:?} {dim}: {errors:?}, not up to {most}");
            for (&row, estimate) in numbers.iter().zip(&estimates) {
                assert_eq!(kernel.estimate(&outline, &rows, row).to_bits(), estimate.to_bits(), "alone and among many");
            }
        }
    }
}
