//! Distances: one kernel per metric and encoding, chosen once per graph for the processor at hand.
//!
//! A kernel computes a sum over two codes (Σab, Σ(a−b)² or the bits that differ); what makes a distance of it is the
//! *finish*: `1 − sum`, `1 − sum·scale·scale`, and so on. Sums of integers are exact; sums of floats differ between
//! kernels in their order only (relative 1e-6).
#![forbid(unsafe_code)]

use super::encoding::{Codec, Encoding, Metric};

mod portable;

/// A code with its scale word: a query's or a stored vector's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    /// The code.
    pub code: &'a [u8],
    /// Its scale word, see [`super::encoding`].
    pub scale: f32,
}

type Sum = fn(&[u8], &[u8]) -> f32;
type ExactSum = fn(&[u8], &[u8]) -> f64;

/// What makes a distance of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finish {
    /// The sum itself.
    Sum,
    /// `1 − sum`.
    OneMinus,
    /// `1 − sum·(a/127)·(b/127)`, clamped to 0..2.
    Q8,
    /// `1 − sum·a·b`.
    Scaled,
    /// `2·sum/dim`.
    Bits(f32),
}

/// How far apart two codes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    sum: Sum,
    finish: Finish,
    /// For `F64`, the sum in double precision.
    exact: Option<ExactSum>,
}

impl Kernel {
    /// The kernel for a kind of vectors.
    pub fn new(codec: &Codec) -> Kernel {
        let l2 = codec.metric == Metric::L2;
        let sum: Sum = match codec.encoding {
            Encoding::F32 if l2 => portable::f32_l2,
            Encoding::F32 => portable::f32_dot,
            Encoding::F64 if l2 => portable::f64_l2,
            Encoding::F64 => portable::f64_dot,
            Encoding::F16 if l2 => portable::f16_l2,
            Encoding::F16 => portable::f16_dot,
            Encoding::BF16 if l2 => portable::bf16_l2,
            Encoding::BF16 => portable::bf16_dot,
            Encoding::I8 if l2 => portable::i8_l2,
            Encoding::U8 if l2 => portable::u8_l2,
            Encoding::I8 | Encoding::Q8 => portable::i8_dot,
            Encoding::U8 => portable::u8_dot,
            Encoding::Bin => portable::hamming,
        };
        let finish = match codec.encoding {
            Encoding::Q8 => Finish::Q8,
            Encoding::Bin => Finish::Bits(codec.dim as f32),
            _ if l2 => Finish::Sum,
            Encoding::I8 | Encoding::U8 if codec.metric == Metric::Cosine => Finish::Scaled,
            _ => Finish::OneMinus,
        };
        let exact: Option<ExactSum> = match codec.encoding {
            Encoding::F64 if l2 => Some(portable::f64_l2_exact),
            Encoding::F64 => Some(portable::f64_dot_exact),
            _ => None,
        };
        Kernel { sum, finish, exact }
    }

    /// The distance, in the precision that searches order by.
    #[inline]
    pub fn distance(&self, a: Probe, b: Probe) -> f32 {
        let sum = (self.sum)(a.code, b.code);
        let distance = match self.finish {
            Finish::Sum => sum,
            Finish::OneMinus => 1.0 - sum,
            // The scales first: the last bit of the score is the field's.
            Finish::Q8 => (1.0 - sum * ((a.scale / 127.0) * (b.scale / 127.0))).clamp(0.0, 2.0),
            Finish::Scaled => 1.0 - sum * a.scale * b.scale,
            Finish::Bits(dim) => 2.0 * sum / dim,
        };
        // A vector with NaN is farthest from everything, so that every order stays total.
        if distance.is_nan() { f32::INFINITY } else { distance }
    }

    /// Whether searches order by the distance that is reported.
    pub fn is_exact(&self) -> bool {
        self.exact.is_none()
    }

    /// The distance as it is reported: in double precision for doubles.
    pub fn report(&self, a: Probe, b: Probe) -> f64 {
        match self.exact {
            None => f64::from(self.distance(a, b)),
            Some(sum) if self.finish == Finish::Sum => sum(a.code, b.code),
            Some(sum) => 1.0 - sum(a.code, b.code),
        }
    }
}
