//! Every kernel against sums in double precision, on codes of all lengths.

use half::{bf16, f16};

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
        Encoding::Q8 => code.iter().map(|&x| f64::from(x as i8)).collect(),
        _ => codec.decode(code, 0.0).into_iter().map(f64::from).collect(),
    }
}

/// The sum that a kernel computes, and the size of what it adds.
fn naive(codec: &Codec, a: &[u8], b: &[u8]) -> (f64, f64) {
    let pairs = components(codec, a).into_iter().zip(components(codec, b));
    let terms: Vec<f64> = match (codec.encoding, codec.metric) {
        (Encoding::Bin, _) => pairs.map(|(a, b)| if a == b { 0.0 } else { 1.0 }).collect(),
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
            let (a, b) = (vec![a; dim], vec![b; dim]);
            let sums = Kernel::new(&codec).sums;
            // SAFETY: the lookup returned them.
            let got = f64::from(unsafe { (sums.one)(&a, &b) });
            let expected = each * dim as f64;
            assert!((got - expected).abs() <= 1e-6 * expected.abs(), "{codec:?}: {got}, not {expected}");
        }
    }
}
