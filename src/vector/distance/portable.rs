//! The sums under every distance, for any processor: what the other kernels are tested against.
//!
//! Lanes are written out so that the compiler vectorizes them with what the target guarantees.
#![forbid(unsafe_code)]

use half::{bf16, f16};

use crate::vector::encoding::{f32_of, f64_of};

const LANES: usize = 16;
/// Bits of a query's components.
pub(super) const PLANES: usize = 4;

/// Sums `term` over the components of `a` and `b`, which have `N` bytes each, in [`LANES`] partial sums.
#[inline(always)]
fn sum<const N: usize>(a: &[u8], b: &[u8], term: impl Fn(&[u8], &[u8]) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (wide_a, wide_b) = (a.chunks_exact(N * LANES), b.chunks_exact(N * LANES));
    let (rest_a, rest_b) = (wide_a.remainder(), wide_b.remainder());
    for (a, b) in wide_a.zip(wide_b) {
        for (lane, (a, b)) in a.chunks_exact(N).zip(b.chunks_exact(N)).enumerate() {
            sums[lane] += term(a, b);
        }
    }
    for (lane, (a, b)) in rest_a.chunks_exact(N).zip(rest_b.chunks_exact(N)).enumerate() {
        sums[lane] += term(a, b);
    }
    sums.iter().sum()
}

#[inline(always)]
fn square(x: f32) -> f32 {
    x * x
}

#[inline(always)]
fn half_of(x: &[u8]) -> f32 {
    f16::from_bits(u16::from_le_bytes([x[0], x[1]])).to_f32()
}

#[inline(always)]
fn bhalf_of(x: &[u8]) -> f32 {
    bf16::from_bits(u16::from_le_bytes([x[0], x[1]])).to_f32()
}

#[inline(always)]
pub(super) fn f32_dot(a: &[u8], b: &[u8]) -> f32 {
    sum::<4>(a, b, |a, b| f32_of(a) * f32_of(b))
}

#[inline(always)]
pub(super) fn f32_l2(a: &[u8], b: &[u8]) -> f32 {
    sum::<4>(a, b, |a, b| square(f32_of(a) - f32_of(b)))
}

#[inline(always)]
pub(super) fn f16_dot(a: &[u8], b: &[u8]) -> f32 {
    sum::<2>(a, b, |a, b| half_of(a) * half_of(b))
}

#[inline(always)]
pub(super) fn f16_l2(a: &[u8], b: &[u8]) -> f32 {
    sum::<2>(a, b, |a, b| square(half_of(a) - half_of(b)))
}

#[inline(always)]
pub(super) fn bf16_dot(a: &[u8], b: &[u8]) -> f32 {
    sum::<2>(a, b, |a, b| bhalf_of(a) * bhalf_of(b))
}

#[inline(always)]
pub(super) fn bf16_l2(a: &[u8], b: &[u8]) -> f32 {
    sum::<2>(a, b, |a, b| square(bhalf_of(a) - bhalf_of(b)))
}

/// Sums over doubles, in double precision.
#[inline(always)]
fn sum_f64(a: &[u8], b: &[u8], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0f64; 8];
    for (a, b) in a.chunks(64).zip(b.chunks(64)) {
        for (lane, (a, b)) in a.chunks_exact(8).zip(b.chunks_exact(8)).enumerate() {
            sums[lane] += term(f64_of(a), f64_of(b));
        }
    }
    sums.iter().sum()
}

#[inline(always)]
pub(super) fn f64_dot_exact(a: &[u8], b: &[u8]) -> f64 {
    sum_f64(a, b, |a, b| a * b)
}

#[inline(always)]
pub(super) fn f64_l2_exact(a: &[u8], b: &[u8]) -> f64 {
    sum_f64(a, b, |a, b| (a - b) * (a - b))
}

#[inline(always)]
pub(super) fn f64_dot(a: &[u8], b: &[u8]) -> f32 {
    f64_dot_exact(a, b) as f32
}

#[inline(always)]
pub(super) fn f64_l2(a: &[u8], b: &[u8]) -> f32 {
    f64_l2_exact(a, b) as f32
}

/// Sums integers, in blocks that cannot overflow 32 bits.
#[inline(always)]
fn sum_integers(a: &[u8], b: &[u8], term: impl Fn(u8, u8) -> i32) -> f32 {
    let block = |(a, b): (&[u8], &[u8])| i64::from(a.iter().zip(b).map(|(&a, &b)| term(a, b)).sum::<i32>());
    a.chunks(1 << 14).zip(b.chunks(1 << 14)).map(block).sum::<i64>() as f32
}

#[inline(always)]
pub(super) fn i8_dot(a: &[u8], b: &[u8]) -> f32 {
    sum_integers(a, b, |a, b| i32::from(a as i8) * i32::from(b as i8))
}

#[inline(always)]
pub(super) fn i8_l2(a: &[u8], b: &[u8]) -> f32 {
    sum_integers(a, b, |a, b| (i32::from(a as i8) - i32::from(b as i8)).pow(2))
}

#[inline(always)]
pub(super) fn u8_dot(a: &[u8], b: &[u8]) -> f32 {
    sum_integers(a, b, |a, b| i32::from(a) * i32::from(b))
}

#[inline(always)]
pub(super) fn u8_l2(a: &[u8], b: &[u8]) -> f32 {
    sum_integers(a, b, |a, b| (i32::from(a) - i32::from(b)).pow(2))
}

/// Bits that differ; both have a multiple of eight bytes.
#[inline(always)]
pub(super) fn hamming(a: &[u8], b: &[u8]) -> f32 {
    let word = |x: &[u8]| u64::from_le_bytes([x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]]);
    let differ = |(a, b): (&[u8], &[u8])| (word(a) ^ word(b)).count_ones();
    a.chunks_exact(8).zip(b.chunks_exact(8)).map(differ).sum::<u32>() as f32
}

/// How many bits of a query's planes are set where the code's are, a plane's weighing twice as much as the one before, and
/// the last one's less than nothing.
#[inline(always)]
pub(super) fn weighted_bits(planes: &[u8], code: &[u8]) -> f32 {
    assert_eq!(planes.len(), PLANES * code.len(), "planes of one kind");
    let word = |x: &[u8]| u64::from_le_bytes([x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]]);
    let count = |plane: &[u8]| {
        let both = plane.chunks_exact(8).zip(code.chunks_exact(8)).map(|(a, b)| word(a) & word(b));
        f64::from(both.map(u64::count_ones).sum::<u32>())
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(|plane| count(&planes[plane * code.len()..(plane + 1) * code.len()]));
    (a + 2.0 * b + 4.0 * c - 8.0 * d) as f32
}
