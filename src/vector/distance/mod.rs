//! Distances: one kernel per metric and encoding, chosen once per graph for the processor at hand.
//!
//! A kernel computes a sum over two codes (Σab, Σ(a−b)² or the bits that differ); what makes a distance of it is the
//! *finish*: `1 − sum`, `1 − sum·scale·scale`, and so on. Sums of integers are exact; sums of floats differ between
//! kernels in their order only (relative 1e-6).
//!
//! On x86-64 the kernels are our own (`x86.rs`), elsewhere those that the compiler makes of the portable ones.
//! What decides a search's speed is how early the codes that it visits are asked of the memory; so distances are computed
//! for all of a node's unseen neighbors at once, four to a call, while those that follow are fetched.
#![allow(unsafe_code)]

use super::arena::Rows;
use super::encoding::{Codec, Encoding, Metric};

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

/// A code with its scale word: a query's or a stored vector's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    /// The code.
    pub code: &'a [u8],
    /// Its scale word, see [`super::encoding`].
    pub scale: f32,
}

/// A kernel's two forms: one code against one, and one against four. All codes are equally long.
///
/// # Safety
/// To be called on a processor that has the features it was compiled for.
#[derive(Debug, Clone, Copy)]
struct Sums {
    one: unsafe fn(&[u8], &[u8]) -> f32,
    four: unsafe fn(&[u8], [&[u8]; 4]) -> [f32; 4],
}

type ExactSum = fn(&[u8], &[u8]) -> f64;

/// How many codes ahead are fetched from memory.
const AHEAD: usize = 4;

/// What makes a distance of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finish {
    /// The sum itself.
    Sum,
    /// `1 − sum`.
    OneMinus,
    /// `1 − sum·((a/127)·(b/127))`, clamped to 0..2.
    Q8,
    /// `1 − sum·a·b`.
    Scaled,
    /// `2·sum/dim`.
    Bits(f32),
}

/// How far apart two codes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Their features were looked up when this was made.
    sums: Sums,
    finish: Finish,
    /// For `F64`, the sum in double precision.
    exact: Option<ExactSum>,
}

impl Kernel {
    /// The fastest kernel for a kind of vectors on this processor.
    pub fn new(codec: &Codec) -> Kernel {
        #[cfg(target_arch = "x86_64")]
        let native = x86::kernels(codec);
        #[cfg(not(target_arch = "x86_64"))]
        let native = None;
        Kernel::with(codec, native.unwrap_or_else(|| portable_sums(codec)))
    }

    fn with(codec: &Codec, sums: Sums) -> Kernel {
        let l2 = codec.metric == Metric::L2;
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
        Kernel { sums, finish, exact }
    }

    /// The distance, in the precision that searches order by.
    #[inline]
    pub fn distance(&self, a: Probe, b: Probe) -> f32 {
        // SAFETY: the features of `sums` were looked up.
        let sum = unsafe { (self.sums.one)(a.code, b.code) };
        self.finish(sum, a.scale, b.scale)
    }

    /// The distances of many rows, in their order; `out` is cleared first.
    #[inline]
    pub fn distances(&self, probe: Probe, rows: &Rows, many: &[u32], out: &mut Vec<f32>) {
        out.clear();
        many.iter().take(AHEAD).for_each(|&row| rows.prefetch(row));
        let mut fours = many.chunks_exact(4);
        let mut next = AHEAD;
        for four in &mut fours {
            many.iter().skip(next).take(4).for_each(|&row| rows.prefetch(row));
            next += 4;
            let codes = [rows.code(four[0]), rows.code(four[1]), rows.code(four[2]), rows.code(four[3])];
            // SAFETY: the features of `sums` were looked up.
            let sums = unsafe { (self.sums.four)(probe.code, codes) };
            out.extend((0..4).map(|i| self.finish(sums[i], probe.scale, rows.scale(four[i]))));
        }
        let rest = fours.remainder().iter();
        out.extend(rest.map(|&row| self.distance(probe, Probe { code: rows.code(row), scale: rows.scale(row) })));
    }

    /// Whether one of many rows is nearer to the probe than `limit`.
    #[inline]
    pub fn any_nearer(&self, probe: Probe, rows: &Rows, many: &[u32], limit: f32) -> bool {
        let mut fours = many.chunks_exact(4);
        for four in &mut fours {
            let codes = [rows.code(four[0]), rows.code(four[1]), rows.code(four[2]), rows.code(four[3])];
            // SAFETY: the features of `sums` were looked up.
            let sums = unsafe { (self.sums.four)(probe.code, codes) };
            if (0..4).any(|i| self.finish(sums[i], probe.scale, rows.scale(four[i])) < limit) {
                return true;
            }
        }
        let distance = |&row: &u32| self.distance(probe, Probe { code: rows.code(row), scale: rows.scale(row) });
        fours.remainder().iter().any(|row| distance(row) < limit)
    }

    #[inline(always)]
    fn finish(&self, sum: f32, a: f32, b: f32) -> f32 {
        let distance = match self.finish {
            Finish::Sum => sum,
            Finish::OneMinus => 1.0 - sum,
            // The scales first: the last bit of the score is the field's.
            Finish::Q8 => (1.0 - sum * ((a / 127.0) * (b / 127.0))).clamp(0.0, 2.0),
            Finish::Scaled => 1.0 - sum * a * b,
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

/// The kernels that run everywhere.
fn portable_sums(codec: &Codec) -> Sums {
    macro_rules! sums {
        ($kernel:path) => {{
            fn four(a: &[u8], b: [&[u8]; 4]) -> [f32; 4] {
                b.map(|b| $kernel(a, b))
            }
            Sums { one: $kernel, four }
        }};
    }
    let l2 = codec.metric == Metric::L2;
    match codec.encoding {
        Encoding::F32 if l2 => sums!(portable::f32_l2),
        Encoding::F32 => sums!(portable::f32_dot),
        Encoding::F64 if l2 => sums!(portable::f64_l2),
        Encoding::F64 => sums!(portable::f64_dot),
        Encoding::F16 if l2 => sums!(portable::f16_l2),
        Encoding::F16 => sums!(portable::f16_dot),
        Encoding::BF16 if l2 => sums!(portable::bf16_l2),
        Encoding::BF16 => sums!(portable::bf16_dot),
        Encoding::I8 if l2 => sums!(portable::i8_l2),
        Encoding::U8 if l2 => sums!(portable::u8_l2),
        Encoding::I8 | Encoding::Q8 => sums!(portable::i8_dot),
        Encoding::U8 => sums!(portable::u8_dot),
        Encoding::Bin => sums!(portable::hamming),
    }
}
