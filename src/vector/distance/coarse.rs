//! The coarse code: a bit for each component, to walk by; what a walk has found is ranked by the `Q8` code it was made of.
//!
//! It is RaBitQ (Gao & Long, arXiv:2405.12497) without a center. A vector `c` of `Q8` components is turned by a rotation that is
//! the same for all vectors of a dimension; of the outcome `y` the signs `s` are kept, and `factor = Σc² / Σ|y|`. Of a query's
//! outcome `z`, four bits of each component are: `z ≈ step·v` with `v` from −8 to 7. Then
//!
//! ```text
//! Σ c·query = Σ y·z ≈ factor · Σ s·z ≈ factor · step · (2·Σ{v where s is positive} − Σv)
//! ```
//!
//! and the sum in braces is that of four counts of bits, of the query's bit planes where the code's bits are set. As the
//! rotation is a random one, the estimate has no bias; it is off by `0.76·‖c‖·‖query‖/√dim`, as a standard
//! deviation. In the place of the sum of `Q8` products it gives an estimate of every metric's distance.
//!
//! In a row there are `factor` and then the signs, by words of 64; bits beyond the last component are 0. Nothing of this is
//! saved: it follows from the `Q8` code, whichever way that came.
//!
//! # The rotation
//! Of the first and of the last 2ⁿ components in turn (the same ones, where there are 2ⁿ), random ones change their signs,
//! and a Hadamard transform mixes them. Between, each component is mixed with one that is half of them away, so that much in one
//! half becomes as much in both (as Kac's walk does, and the RaBitQ library).

use super::super::encoding::Beside;
use super::rotation::{Buffers, sum_of};
use super::{Kernel, Rows, Sums, portable};

/// Bits of a query's components.
pub(super) const PLANES: usize = 4;
/// Bytes of the factor.
const FACTOR: usize = 4;
/// What makes the best of four bits of a normal distribution, in standard deviations.
const STEP: f32 = 0.335;
/// Bytes that are on their way from memory while others are compared.
const AHEAD: usize = 32;

/// How coarse codes are made and compared on this processor.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct Coarse {
    pub(super) sums: Sums,
    pub(super) make: Make,
}

/// Makes coarse codes and sketches.
///
/// # Safety
/// As of [`Sums`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Make {
    pub encode: unsafe fn(&[u8], &mut [u8]),
    pub sketch: unsafe fn(&[u8], &mut Sketch),
}

/// What a walk compares codes with.
#[derive(Debug, Default)]
pub(in crate::vector) struct Sketch {
    buffers: Buffers,
    /// The bits of the query's components, a plane after the other.
    planes: Vec<u8>,
    step: f32,
    /// `step·Σv`.
    total: f32,
    /// What is beside the query's code.
    beside: Beside,
}

impl Sketch {
    /// Bytes it holds.
    pub fn memory_usage(&self) -> usize {
        self.buffers.memory_usage() + self.planes.capacity()
    }
}

/// Bytes of the signs of a vector.
fn signs_len(dim: usize) -> usize {
    dim.div_ceil(64) * 8
}

impl Coarse {
    /// Bytes in a row for vectors of `dim` components.
    pub fn len(dim: usize) -> usize {
        FACTOR + signs_len(dim)
    }

    /// The fastest that this processor has.
    pub fn new() -> Coarse {
        #[cfg(target_arch = "x86_64")]
        let (sums, make) = (super::x86::coarse_sums(), super::x86::coarse_make());
        #[cfg(not(target_arch = "x86_64"))]
        let (sums, make) = (None, None);
        Coarse { sums: sums.unwrap_or_else(portable_sums), make: make.unwrap_or(PORTABLE) }
    }

    #[cfg(test)]
    pub(super) fn portable() -> Coarse {
        Coarse { sums: portable_sums(), make: PORTABLE }
    }

    /// Makes the coarse code of a `Q8` code; `out` has [`Coarse::len`] bytes.
    pub fn encode(&self, code: &[u8], out: &mut [u8]) {
        // SAFETY: it is portable, or its features were looked up.
        unsafe { (self.make.encode)(code, out) }
    }

    /// Makes what a walk to a `Q8` code compares others with.
    pub fn sketch(&self, code: &[u8], beside: Beside, out: &mut Sketch) {
        // SAFETY: as in `encode`.
        unsafe { (self.make.sketch)(code, out) }
        out.beside = beside;
    }

    /// An estimate of the distance of a row.
    pub fn estimate(&self, kernel: &Kernel, sketch: &Sketch, rows: &Rows, row: u32) -> f32 {
        let [distance, ..] = self.four(kernel, sketch, rows, &[row]);
        distance
    }

    /// Estimates of the distances of many rows, in their order; `out` is cleared first.
    #[inline]
    pub fn estimates(&self, kernel: &Kernel, sketch: &Sketch, rows: &Rows, many: &[u32], out: &mut Vec<f32>) {
        out.clear();
        many.iter().take(AHEAD).for_each(|&row| rows.prefetch_coarse(row));
        let mut next = AHEAD;
        for group in many.chunks(4) {
            many.iter().skip(next).take(4).for_each(|&row| rows.prefetch_coarse(row));
            next += 4;
            out.extend_from_slice(&self.four(kernel, sketch, rows, group)[..group.len()]);
        }
    }

    /// Of up to four rows; where there are fewer, the last one stands in for those that are missing.
    #[inline(always)]
    fn four(&self, kernel: &Kernel, sketch: &Sketch, rows: &Rows, group: &[u32]) -> [f32; 4] {
        let last = group.len() - 1;
        let (mut factors, mut signs, mut beside) = ([0.0; 4], [&[][..]; 4], [Beside::default(); 4]);
        // Loops, as the compiler does not always inline what `map` is given.
        for i in 0..4 {
            let row = group[last.min(i)];
            let (factor, of_row) = rows.coarse(row).split_at(FACTOR);
            factors[i] = f32::from_le_bytes([factor[0], factor[1], factor[2], factor[3]]);
            (signs[i], beside[i]) = (of_row, kernel.beside(rows, row));
        }
        // SAFETY: `sums` are portable, or their features were looked up.
        let mut sums = unsafe { (self.sums.four)(&sketch.planes, signs) };
        for (sum, factor) in sums.iter_mut().zip(factors) {
            *sum = (2.0 * sketch.step * *sum - sketch.total) * factor;
        }
        kernel.finish(sums, sketch.beside, beside)
    }
}

/// The kernels that run everywhere.
fn portable_sums() -> Sums {
    fn four(planes: &[u8], codes: [&[u8]; 4]) -> [f32; 4] {
        codes.map(|code| portable::weighted_bits(planes, code))
    }
    Sums { one: portable::weighted_bits, four }
}

const PORTABLE: Make = Make { encode, sketch };

#[inline(always)]
pub(super) fn encode(code: &[u8], out: &mut [u8]) {
    let mut buffers = Buffers::default();
    buffers.rotate(code);
    let (squares, sizes) = (sum_of(&buffers.row, |x| x * x), sum_of(&buffers.row, f32::abs));
    let factor = if sizes > 0.0 { squares / sizes } else { 0.0 };
    let (head, signs) = out.split_at_mut(FACTOR);
    head.copy_from_slice(&factor.to_le_bytes());
    buffers.fill_bytes(|x| u8::from(x.is_sign_positive()));
    gather_bits(&buffers.bytes, 0, signs);
}

#[inline(always)]
pub(super) fn sketch(code: &[u8], out: &mut Sketch) {
    let Sketch { buffers, planes, step, total, .. } = out;
    buffers.rotate(code);
    *step = STEP * (sum_of(&buffers.row, |x| x * x) / code.len().max(1) as f32).sqrt();
    let by = if *step > 0.0 { 1.0 / *step } else { 0.0 };
    // A number as large as that has no room for a fraction, and its lowest bits are the integer.
    let round = |x: f32| (x * by).clamp(-8.0, 7.0) + ROUND;
    *total = *step * sum_of(&buffers.row, |x| round(x) - ROUND);
    buffers.fill_bytes(|x| round(x).to_bits() as u8);
    let len = buffers.bytes.len() / 8;
    planes.clear();
    planes.resize(PLANES * len, 0);
    planes.chunks_exact_mut(len.max(1)).enumerate().for_each(|(bit, plane)| gather_bits(&buffers.bytes, bit, plane));
}

/// See [`sketch`].
const ROUND: f32 = 12_582_912.0;

/// One bit of each byte.
#[inline(always)]
fn gather_bits(bytes: &[u8], bit: usize, out: &mut [u8]) {
    for (bits, eight) in out.iter_mut().zip(bytes.chunks_exact(8)) {
        let ones = u64::from_le_bytes(std::array::from_fn(|i| eight[i])) >> bit & 0x0101_0101_0101_0101;
        // The bit of byte `i`, 7·(8 − i) places on, is bit `i` of the highest byte.
        *bits = (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
    }
}
