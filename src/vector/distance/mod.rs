//! Distances: one kernel per metric and encoding, chosen once per graph for the processor at hand.
//!
//! A kernel computes a sum over two codes (Σab, Σ(a−b)² or the bits that differ); what makes a distance of it is the
//! *finish*: `1 − sum`, `1 − sum·scale·scale`, and so on. Sums of integers are exact; sums of floats differ between
//! kernels in their order only (relative 1e-6).
//!
//! `Q8` has one sum under every metric, `Σab` of its codes `a` and `b`; with `s = range/127` of each, the decoded vectors are
//! `s_a²Σa² + s_b²Σb² − 2·s_a·s_b·Σab` apart under L2, where `Σa²` and `Σb²` are kept beside the codes. That is put together
//! in double precision, in which all products of two of the words are exact: so equal codes are exactly 0 apart, near
//! ones lose nothing to the vectors' size, and the distance is symmetric and never negative.
//!
//! Of components whose products are no floats, the sum overflows, and may add an infinity to its opposite. So where a distance
//! is not finite, it is computed again in double precision, with the components brought into its range. Under cosine, codes are
//! normalized, and the distance is clamped to 0..2.
//!
//! On x86-64 the kernels are our own (`x86.rs`), elsewhere those that the compiler makes of the portable ones.
//! Of `Q8` codes there may be a coarse one besides, of a bit for each component, which gives estimates of all three distances
//! (`coarse.rs`, `rotation.rs`); so may the upper halves of long ones alone (`halves.rs`).
//!
//! What decides a search's speed is how early the codes that it visits are asked of the memory; so distances are computed
//! for all of a node's unseen neighbors at once, four to a call, while those that follow are fetched.
#![allow(unsafe_code)]

use super::arena::{Rows, Spot};
use super::encoding::{Beside, Codec, Encoding, Metric, doubles_of};

mod coarse;
mod halves;
mod portable;
mod rotation;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

pub(super) use coarse::{Center, Coarse, Sketch};
pub(super) use halves::Outline;

/// A code with what is kept beside it: a query's or a stored vector's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    /// The code.
    pub code: &'a [u8],
    /// Of a row, [`Kernel::probe`] reads what the distance needs.
    pub beside: Beside,
}

/// What the kernels of this processor are made for, for people to read: `avx512-vnni`, `avx512`, `avx2` or `portable`.
#[must_use]
pub fn kernels() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return x86::name();
    #[cfg(not(target_arch = "x86_64"))]
    return "portable";
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

/// Cache lines that are on their way from memory while others are compared: less, and the processor waits for them; more than it
/// can wait for at a time (16 to 24 now), and asking waits, while comparing could go on. (50,000 codes of 384 bytes and 200,000
/// of 50 on a machine whose third cache is as far as its memory, at beams of 24 and 100: with 256 of them, as the cache would
/// hold, 0.72 to 0.8 times and 0.9 times as many queries a second, and 0.7 times as many linked.)
const AHEAD: usize = 32;
/// Up to this length, comparing with four codes costs less than with two or three, one after the other.
const SHORT: usize = 512;

/// `1/127²`: what a product of two `Q8` codes is worth at range 1.
const STEP: f64 = 1.0 / (127.0 * 127.0);

/// What makes a distance of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finish {
    /// The sum itself.
    Sum,
    /// `1 − sum`.
    OneMinus,
    /// `1 − sum`, clamped to 0..2.
    Cosine,
    /// `1 − sum·((a/127)·(b/127))`, clamped to 0..2.
    Q8,
    /// `1 − sum·a·b/127²`.
    Q8InnerProduct,
    /// `(a²·squares of a + b²·squares of b − 2·a·b·sum)/127²`.
    Q8L2,
    /// `1 − sum·a·b`, clamped to 0..2.
    Scaled,
    /// `2·sum/dim`.
    Bits(f32),
}

/// How far apart two codes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Their features were looked up when this was made.
    sums: Sums,
    /// Those of upper halves, likewise.
    halves: Sums,
    finish: Finish,
    /// For `F64`, the sum in double precision.
    exact: Option<ExactSum>,
    /// What the codes are, where their sum may be no float.
    wide: Option<Encoding>,
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
            Encoding::Q8 => match codec.metric {
                Metric::Cosine => Finish::Q8,
                Metric::L2 => Finish::Q8L2,
                Metric::InnerProduct => Finish::Q8InnerProduct,
            },
            Encoding::Bin => Finish::Bits(codec.dim as f32),
            _ if l2 => Finish::Sum,
            Encoding::I8 | Encoding::U8 if codec.metric == Metric::Cosine => Finish::Scaled,
            _ if codec.metric == Metric::Cosine => Finish::Cosine,
            _ => Finish::OneMinus,
        };
        let is_float = matches!(codec.encoding, Encoding::F32 | Encoding::F64 | Encoding::F16 | Encoding::BF16);
        let wide = (is_float && codec.metric != Metric::Cosine).then_some(codec.encoding);
        let exact: Option<ExactSum> = match codec.encoding {
            Encoding::F64 if l2 => Some(portable::f64_l2_exact),
            Encoding::F64 => Some(portable::f64_dot_exact),
            _ => None,
        };
        #[cfg(target_arch = "x86_64")]
        let halves = x86::halves_sums();
        #[cfg(not(target_arch = "x86_64"))]
        let halves = None;
        Kernel { sums, halves: halves.unwrap_or_else(halves::portable_halves), finish, exact, wide }
    }

    /// A row's code, with as much of what is beside it as the distance needs.
    #[inline(always)]
    pub fn probe<'a>(&self, rows: &'a Rows, row: u32) -> Probe<'a> {
        self.probe_of(rows, rows.spot(row))
    }

    #[inline(always)]
    fn probe_of<'a>(&self, rows: &Rows, spot: Spot<'a>) -> Probe<'a> {
        Probe { code: rows.code_of(spot), beside: self.beside(rows, spot) }
    }

    #[inline(always)]
    fn beside(&self, rows: &Rows, spot: Spot) -> Beside {
        let l2 = if self.finish == Finish::Q8L2 { rows.head_of(spot).l2() } else { 0.0 };
        Beside { l2, scale: rows.scale_of(spot) }
    }

    /// The distance, in the precision that searches order by.
    #[inline]
    pub fn distance(&self, a: Probe, b: Probe) -> f32 {
        // SAFETY: the features of `sums` were looked up.
        let sum = unsafe { (self.sums.one)(a.code, b.code) };
        let [distance] = self.finish([sum], a.beside, [b.beside]);
        match self.wide {
            Some(encoding) if !distance.is_finite() => self.wide_distance(encoding, a.code, b.code) as f32,
            _ => distance,
        }
    }

    /// A distance that is no float, or that was not found since a part of it is none; infinite where it is no double. Never NaN:
    /// a vector with NaN is farthest from everything.
    #[cold]
    fn wide_distance(&self, encoding: Encoding, a: &[u8], b: &[u8]) -> f64 {
        let (a, b) = (doubles_of(encoding, a), doubles_of(encoding, b));
        let distance = if self.finish == Finish::Sum {
            a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum()
        } else {
            let [of_a, of_b] = [&a, &b].map(|side| side.iter().fold(0.0, |most: f64, x| x.abs().max(most)));
            let dot: f64 = match of_a == 0.0 || of_b == 0.0 {
                true => 0.0,
                false => a.iter().zip(&b).map(|(a, b)| (a / of_a) * (b / of_b)).sum(),
            };
            // One after the other: nothing times infinity would be no number.
            1.0 - dot * of_a * of_b
        };
        if distance.is_nan() { f64::INFINITY } else { distance }
    }

    /// The distances of many rows, in their order; `out` is cleared first.
    #[inline]
    pub fn distances(&self, probe: Probe, rows: &Rows, many: &[u32], out: &mut Vec<f32>) {
        self.distances_and(probe, rows, many, out, || ());
    }

    /// As [`Kernel::distances`], and what follows may be asked of the memory `meanwhile`: when all rows were, and not all are
    /// compared. Not where there are none.
    #[inline(always)]
    pub fn distances_and(&self, probe: Probe, rows: &Rows, many: &[u32], out: &mut Vec<f32>, meanwhile: impl FnOnce()) {
        out.clear();
        let fetch = |spot| rows.prefetch(spot);
        by_fours::<32>((rows, many), ahead(rows), fetch, meanwhile, |group, len| {
            self.add_distances(probe, rows, (group, len), out);
        });
        out.truncate(many.len());
    }

    /// As [`Kernel::distances`], of those rows for which `wanted` says so, which are left in `many`. It may look into the row.
    #[inline]
    pub fn distances_if(
        &self,
        probe: Probe,
        rows: &Rows,
        many: &mut Vec<u32>,
        wanted: impl Fn(u32) -> bool,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        let (mut next, mut kept) = (ahead(rows), 0);
        many.iter().take(next).for_each(|&row| rows.prefetch(rows.spot(row)));
        for start in (0..many.len()).step_by(4) {
            many.iter().skip(next).take(4).for_each(|&row| rows.prefetch(rows.spot(row)));
            next += 4;
            let first = kept;
            for at in start..many.len().min(start + 4) {
                let row = many[at];
                // What is not wanted is written over by the next.
                many[kept] = row;
                kept += usize::from(wanted(row));
            }
            if kept > first {
                self.add_distances(probe, rows, (spots(rows, &many[first..kept]), kept - first), out);
                out.truncate(kept);
            }
        }
        many.truncate(kept);
    }

    /// Appends the distances of the first one to four of these rows, and maybe some more.
    #[inline(always)]
    fn add_distances(&self, probe: Probe, rows: &Rows, (group, len): ([Spot; 4], usize), out: &mut Vec<f32>) {
        if len == 4 || len > 1 && probe.code.len() <= SHORT {
            out.extend(self.four(probe, rows, group));
        } else {
            out.extend(group[..len].iter().map(|&spot| self.distance(probe, self.probe_of(rows, spot))));
        }
    }

    /// Whether one of many rows is nearer to the probe than `limit`.
    #[inline]
    pub fn any_nearer(&self, probe: Probe, rows: &Rows, many: &[u32], limit: f32) -> bool {
        many.chunks(4).any(|group| self.four(probe, rows, spots(rows, group)).iter().any(|&distance| distance < limit))
    }

    #[inline(always)]
    fn four(&self, probe: Probe, rows: &Rows, [a, b, c, d]: [Spot; 4]) -> [f32; 4] {
        // Written out: the closure of `map` would become a function that is called.
        let codes = [rows.code_of(a), rows.code_of(b), rows.code_of(c), rows.code_of(d)];
        // SAFETY: the features of `sums` were looked up.
        let sums = unsafe { (self.sums.four)(probe.code, codes) };
        let beside = [self.beside(rows, a), self.beside(rows, b), self.beside(rows, c), self.beside(rows, d)];
        let mut distances = self.finish(sums, probe.beside, beside);
        if let Some(encoding) = self.wide
            && !distances.iter().all(|distance| distance.is_finite())
        {
            for (distance, code) in distances.iter_mut().zip(codes) {
                if !distance.is_finite() {
                    *distance = self.wide_distance(encoding, probe.code, code) as f32;
                }
            }
        }
        distances
    }

    #[inline(always)]
    fn finish<const N: usize>(&self, sums: [f32; N], x: Beside, y: [Beside; N]) -> [f32; N] {
        let a = x.scale;
        match self.finish {
            Finish::Sum => each(sums, y, |sum, _| sum),
            Finish::OneMinus => each(sums, y, |sum, _| 1.0 - sum),
            Finish::Cosine => each(sums, y, |sum, _| (1.0 - sum).clamp(0.0, 2.0)),
            // The scales first: the last bit of the score is the field's.
            Finish::Q8 => each(sums, y, |sum, y| (1.0 - sum * ((a / 127.0) * (y.scale / 127.0))).clamp(0.0, 2.0)),
            Finish::Q8InnerProduct => {
                each(sums, y, |sum, y| (1.0 - f64::from(sum) * (f64::from(a) * f64::from(y.scale)) * STEP) as f32)
            }
            Finish::Q8L2 => each(sums, y, |sum, y| {
                let (a, b) = (f64::from(a), f64::from(y.scale));
                let distance =
                    (a * a * f64::from(x.l2) + b * b * f64::from(y.l2) - 2.0 * (a * b * f64::from(sum))) * STEP;
                // Not `max`, which would make a number of NaN.
                if distance < 0.0 { 0.0 } else { distance as f32 }
            }),
            Finish::Scaled => each(sums, y, |sum, y| (1.0 - sum * a * y.scale).clamp(0.0, 2.0)),
            Finish::Bits(dim) => each(sums, y, |sum, _| 2.0 * sum / dim),
        }
    }

    /// Whether searches order by the distance that is reported.
    pub fn is_exact(&self) -> bool {
        self.exact.is_none()
    }

    /// The distance as it is reported: in double precision for doubles.
    pub fn report(&self, a: Probe, b: Probe) -> f64 {
        let Some(sum) = self.exact else { return f64::from(self.distance(a, b)) };
        let sum = sum(a.code, b.code);
        let distance = match self.finish {
            Finish::Sum => sum,
            Finish::Cosine => (1.0 - sum).clamp(0.0, 2.0),
            _ => 1.0 - sum,
        };
        match self.wide {
            Some(encoding) if !distance.is_finite() => self.wide_distance(encoding, a.code, b.code),
            _ if distance.is_nan() => f64::INFINITY,
            _ => distance,
        }
    }
}

/// How many rows are asked of the memory before the first is compared.
#[inline(always)]
fn ahead(rows: &Rows) -> usize {
    (AHEAD / rows.prefetched()).clamp(4, 28)
}

/// Where one to four rows are; where there are fewer, the last one stands in for those that are missing.
#[inline(always)]
fn spots<'a>(rows: &'a Rows, group: &[u32]) -> [Spot<'a>; 4] {
    let last = group.len() - 1;
    [0, 1, 2, 3].map(|i| rows.spot(group[last.min(i)]))
}

/// Hands rows over by fours, each of which is found and asked of the memory, by `fetch`, `ahead` rows before. With each four, how
/// many they are: where fewer, the last one stands in for those that are missing. What follows may be asked of the memory
/// `meanwhile`: when all rows were, and not all are handed over.
///
/// `RING` is a power of two, at least four more than `ahead`.
#[inline(always)]
fn by_fours<'a, const RING: usize>(
    (rows, many): (&'a Rows, &[u32]),
    ahead: usize,
    fetch: impl Fn(Spot<'a>),
    meanwhile: impl FnOnce(),
    mut compare: impl FnMut([Spot<'a>; 4], usize),
) {
    const { assert!(RING.is_power_of_two()) }
    debug_assert!(ahead + 4 <= RING);
    let Some(&first) = many.first() else { return };
    let (mut ring, mut asked, mut meanwhile) = ([rows.spot(first); RING], 0, Some(meanwhile));
    for at in (0..many.len()).step_by(4) {
        let until = (at + 4 + ahead).min(many.len());
        for (i, &row) in many[asked..until].iter().enumerate() {
            let spot = rows.spot(row);
            ring[(asked + i) % RING] = spot;
            fetch(spot);
        }
        asked = until;
        if asked == many.len()
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
        let last = many.len() - 1;
        let group = [at, at + 1, at + 2, at + 3].map(|i| ring[i.min(last) % RING]);
        compare(group, (last - at + 1).min(4));
    }
}

/// Distances of sums, for the compiler to compute side by side.
#[inline(always)]
fn each<const N: usize>(sums: [f32; N], y: [Beside; N], distance: impl Fn(f32, Beside) -> f32) -> [f32; N] {
    std::array::from_fn(|i| {
        let distance = distance(sums[i], y[i]);
        // A vector with NaN is farthest from everything, so that every order stays total.
        if distance.is_nan() { f32::INFINITY } else { distance }
    })
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
        Encoding::Q8 if codec.is_split() => sums!(halves::q8_dot),
        Encoding::I8 | Encoding::Q8 => sums!(portable::i8_dot),
        Encoding::U8 => sums!(portable::u8_dot),
        Encoding::Bin => sums!(portable::hamming),
    }
}
