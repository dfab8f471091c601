//! The coarse code: a bit for each component, to walk by; what a walk has found is ranked by the `Q8` code it was made of.
//!
//! It is RaBitQ (Gao & Long, arXiv:2405.12497). All vectors of a graph share a center `m`, the mean of some of them: what they
//! have in common says nothing about which of them is near, and would be most of the estimates' error. The difference `x − m` of
//! what a code stands for is turned by a rotation that is the same for all vectors of a dimension; of the outcome `r` the
//! signs `s` are kept, and `factor = Σr²/Σ|r|`. Of a query's difference, turned, `t`, four bits of each component are: `t ≈ step·v` with
//! `v` from −8 to 7. Then
//!
//! ```text
//! Σ r·t ≈ factor · Σ s·t ≈ factor · step · (2·Σ{v where s is positive} − Σv)
//! ```
//!
//! and the sum in braces is that of four counts of bits, of the query's bit planes where the code's bits are set. As the
//! rotation is a random one, the estimate has no bias; it is off by `0.76·‖r‖·‖t‖/√dim`, as a standard
//! deviation. The rest of a distance is exact, and what depends on one of the two only is summed up before:
//!
//! ```text
//! L2:         Σt²              + Σr²   − 2·Σ r·t
//! the others: 1 − Σm² − Σt·m   − Σr·m  −   Σ r·t       (m turned, too)
//! ```
//!
//! In a row there are `factor` (twice, for L2), the term of `r` alone, and then the signs, by words of 64; bits beyond the last
//! component are 0. Nothing of this is saved: it follows from the `Q8` code and the center. All ways to compute it give the
//! same bits. Which center a graph has when, and which codes are made by it, is `graph/survey.rs`'s.
//!
//! # The rotation
//! Of the first and of the last 2ⁿ components in turn (the same ones, where there are 2ⁿ), random ones change their signs,
//! and a Hadamard transform mixes them. Between, each component is mixed with one that is half of them away, so that much in one
//! half becomes as much in both (as Kac's walk does, and the RaBitQ library).

use super::super::allocation::taken;
use super::super::encoding::halves::plain;
use super::super::encoding::{Metric, f32_of};
use super::rotation::{Buffers, product_of, sum_of};
use super::{Probe, Rows, Spot, Sums, by_fours, portable};

/// Bytes of a factor or a term.
const WORD: usize = 4;
/// What makes the best of four bits of a normal distribution, in standard deviations.
const STEP: f32 = 0.335;
/// Rows that are on their way from memory while others are compared. (From 8 to 48 of them it is the same.)
const AHEAD: usize = 28;

/// How coarse codes are made and compared on this processor.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct Coarse {
    pub(super) sums: Sums,
    pub(super) make: Make,
    pub(super) l2: bool,
}

/// Makes coarse codes and sketches.
///
/// # Safety
/// As of [`Sums`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Make {
    pub encode: unsafe fn(Probe, &Center, bool, &mut Buffers, &mut [u8]),
    pub sketch: unsafe fn(Probe, &Center, bool, &mut Sketch),
}

/// What the vectors of a graph have in common.
#[derive(Debug)]
pub(in crate::vector) struct Center {
    /// Turned as the vectors are.
    row: Vec<f32>,
    squares: f32,
}

impl Center {
    /// The mean of vectors; zero of none.
    pub fn mean<'a>(dim: usize, vectors: impl Iterator<Item = Probe<'a>>) -> Center {
        let (mut sums, mut count) = (vec![0.0f32; dim], 0u32);
        for vector in vectors {
            let unit = unit_of(vector);
            sums.iter_mut().zip(&*plain(vector.code)).for_each(|(sum, &x)| *sum += f32::from(x as i8) * unit);
            count += 1;
        }
        let mut buffers = Buffers::default();
        buffers.rotate(sums.iter().map(|sum| sum / count.max(1) as f32));
        // Numbers too large for a mean have none.
        let squares = sum_of(&buffers.row, |x| x * x);
        if squares.is_finite() {
            Center { row: buffers.row, squares }
        } else {
            Center { row: vec![0.0; dim], squares: 0.0 }
        }
    }

    /// Bytes beyond the struct itself.
    pub fn memory_usage(&self) -> usize {
        taken(self.row.capacity() * 4)
    }
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
    /// What of a distance is the query's alone.
    base: f32,
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

/// What one of a `Q8` code is worth.
fn unit_of(vector: Probe) -> f32 {
    vector.beside.scale / 127.0
}

impl Coarse {
    /// Bytes in a row for vectors of `dim` components.
    pub fn len(dim: usize) -> usize {
        2 * WORD + signs_len(dim)
    }

    /// The fastest that this processor has.
    pub fn new(metric: Metric) -> Coarse {
        #[cfg(target_arch = "x86_64")]
        let (sums, make) = (super::x86::coarse_sums(), super::x86::coarse_make());
        #[cfg(not(target_arch = "x86_64"))]
        let (sums, make) = (None, None);
        let l2 = metric == Metric::L2;
        Coarse { sums: sums.unwrap_or_else(portable_sums), make: make.unwrap_or(PORTABLE), l2 }
    }

    #[cfg(test)]
    pub(super) fn portable(metric: Metric) -> Coarse {
        Coarse { sums: portable_sums(), make: PORTABLE, l2: metric == Metric::L2 }
    }

    /// Makes the coarse code of a `Q8` code; `out` has [`Coarse::len`] bytes. The sketch lends its buffers.
    pub fn encode(&self, vector: Probe, center: &Center, sketch: &mut Sketch, out: &mut [u8]) {
        // SAFETY: it is portable, or its features were looked up.
        unsafe { (self.make.encode)(vector, center, self.l2, &mut sketch.buffers, out) }
    }

    /// Makes what a walk to a `Q8` code compares others with, whose codes were made with the same center.
    pub fn sketch(&self, query: Probe, center: &Center, out: &mut Sketch) {
        // SAFETY: as in `encode`.
        unsafe { (self.make.sketch)(query, center, self.l2, out) }
    }

    /// An estimate of the distance of a row.
    pub fn estimate(&self, sketch: &Sketch, rows: &Rows, row: u32) -> f32 {
        let [distance, ..] = self.four(sketch, rows, [rows.spot(row); 4]);
        distance
    }

    /// Estimates of the distances of many rows, in their order; `out` is cleared first.
    #[inline]
    pub fn estimates(&self, sketch: &Sketch, rows: &Rows, many: &[u32], out: &mut Vec<f32>) {
        out.clear();
        let fetch = |spot| rows.prefetch_coarse(spot);
        by_fours::<32>((rows, many), AHEAD, fetch, || (), |group, _| out.extend(self.four(sketch, rows, group)));
        out.truncate(many.len());
    }

    #[inline(always)]
    fn four(&self, sketch: &Sketch, rows: &Rows, group: [Spot; 4]) -> [f32; 4] {
        let (mut factors, mut terms, mut signs) = ([0.0; 4], [0.0; 4], [&[][..]; 4]);
        // Loops, as the compiler does not always inline what `map` is given.
        for i in 0..4 {
            let (words, of_row) = rows.coarse_of(group[i]).split_at(2 * WORD);
            (factors[i], terms[i], signs[i]) = (f32_of(words), f32_of(&words[WORD..]), of_row);
        }
        // SAFETY: `sums` are portable, or their features were looked up.
        let mut sums = unsafe { (self.sums.four)(&sketch.planes, signs) };
        for i in 0..4 {
            let product = (2.0 * sketch.step * sums[i] - sketch.total) * factors[i];
            let distance = sketch.base + terms[i] - product;
            // As a distance that is none.
            sums[i] = if distance.is_nan() { f32::INFINITY } else { distance };
        }
        sums
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

/// Turns a vector's difference from the center, and returns what of a distance is its alone.
#[inline(always)]
fn turn(vector: Probe, center: &Center, l2: bool, buffers: &mut Buffers) -> (f32, f32) {
    buffers.rotate(plain(vector.code).iter().map(|&x| f32::from(x as i8)));
    let unit = unit_of(vector);
    buffers.row.iter_mut().zip(&center.row).for_each(|(x, m)| *x = *x * unit - m);
    let squares = sum_of(&buffers.row, |x| x * x);
    (squares, if l2 { squares } else { -product_of(&buffers.row, &center.row) })
}

#[inline(always)]
pub(super) fn encode(vector: Probe, center: &Center, l2: bool, buffers: &mut Buffers, out: &mut [u8]) {
    let (squares, term) = turn(vector, center, l2, buffers);
    let sizes = sum_of(&buffers.row, f32::abs);
    let factor = if sizes > 0.0 { squares / sizes } else { 0.0 };
    let (words, signs) = out.split_at_mut(2 * WORD);
    words[..WORD].copy_from_slice(&if l2 { 2.0 * factor } else { factor }.to_le_bytes());
    words[WORD..].copy_from_slice(&term.to_le_bytes());
    buffers.fill_bytes(|x| u8::from(x.is_sign_positive()));
    gather_bits(&buffers.bytes, 0, signs);
}

#[inline(always)]
pub(super) fn sketch(query: Probe, center: &Center, l2: bool, out: &mut Sketch) {
    let Sketch { buffers, planes, step, total, base } = out;
    let (squares, term) = turn(query, center, l2, buffers);
    *base = if l2 { term } else { 1.0 - center.squares + term };
    *step = STEP * (squares / query.code.len().max(1) as f32).sqrt();
    let by = if *step > 0.0 { 1.0 / *step } else { 0.0 };
    // A number as large as that has no room for a fraction, and its lowest bits are the integer.
    let round = |x: f32| (x * by).clamp(-8.0, 7.0) + ROUND;
    *total = *step * sum_of(&buffers.row, |x| round(x) - ROUND);
    buffers.fill_bytes(|x| round(x).to_bits() as u8);
    let len = buffers.bytes.len() / 8;
    planes.clear();
    planes.resize(portable::PLANES * len, 0);
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
