//! Sums over `Q8` codes [in halves](crate::vector::encoding::halves), and estimates by their upper halves alone.
//!
//! A component is `16·h + l − 128` with halves `h` and `l` of 0 to 15. Where only `h` is known, `l` is taken to be 7.5, the middle:
//! the component is off by 4.6 then, as a standard deviation of errors that are spread evenly, and the sum of products with a
//! query's code `q`
//!
//! ```text
//! Σ q·(16·h − 120.5) = 16·Σ q·h − 120.5·Σ q
//! ```
//!
//! by `4.6·√Σq²`. Of a usual vector, whose largest component of 127 steps is four times as large as most, that is a seventh
//! of `√Σq²` times the vector's size, divided by `√dim`; the more a few components stand out, the worse it gets. Whether it is
//! good enough for a graph's vectors is found out by comparing (`graph/halves.rs`). Components beyond the last 64 are whole,
//! so their products are exact.

use super::super::arena::{Rows, Spot};
use super::super::encoding::halves::{join, parts, split_len};
use super::{Beside, Kernel, Probe, Sums, by_fours};

/// Rows that are on their way from memory while others are compared: of 384 components, as many cache lines as where whole codes
/// are compared. (50,000 of them at beams of 10 to 100: with 8 rows 1.32 to 1.36 times as many queries a second as by whole codes,
/// with 5 rows 1.24 to 1.29, with 14 rows 1.21 to 1.23.)
const AHEAD: usize = 8;

/// What a walk compares upper halves with: a query's plain code.
#[derive(Debug, Default)]
pub(in crate::vector) struct Outline {
    plain: Vec<u8>,
    /// `120.5·Σq`.
    total: f32,
    beside: Beside,
}

impl Outline {
    /// Bytes it holds.
    pub fn memory_usage(&self) -> usize {
        self.plain.capacity()
    }
}

impl Kernel {
    /// Makes what a walk to a code in halves compares others with.
    pub fn outline(&self, query: Probe, out: &mut Outline) {
        out.plain.clear();
        out.plain.resize(query.code.len(), 0);
        join(query.code, &mut out.plain);
        let halved = &out.plain[..split_len(query.code.len())];
        out.total = 120.5 * halved.iter().map(|&x| i32::from(x as i8)).sum::<i32>() as f32;
        out.beside = query.beside;
    }

    /// An estimate of the distance of a row.
    pub fn estimate(&self, outline: &Outline, rows: &Rows, row: u32) -> f32 {
        let [distance, ..] = self.four_estimates(outline, rows, [rows.spot(row); 4]);
        distance
    }

    /// Estimates of the distances of many rows, in their order; `out` is cleared first. What follows may be asked of the memory
    /// `meanwhile`, as in [`Kernel::distances_and`].
    #[inline(always)]
    pub fn estimates(
        &self,
        outline: &Outline,
        rows: &Rows,
        many: &[u32],
        out: &mut Vec<f32>,
        meanwhile: impl FnOnce(),
    ) {
        out.clear();
        let fetch = |spot| rows.prefetch_upper(spot);
        by_fours::<16>((rows, many), AHEAD, fetch, meanwhile, |group, _| {
            out.extend(self.four_estimates(outline, rows, group));
        });
        out.truncate(many.len());
    }

    #[inline(always)]
    fn four_estimates(&self, outline: &Outline, rows: &Rows, [a, b, c, d]: [Spot; 4]) -> [f32; 4] {
        let codes = [rows.code_of(a), rows.code_of(b), rows.code_of(c), rows.code_of(d)];
        // SAFETY: the features of `halves` were looked up.
        let mut sums = unsafe { (self.halves.four)(&outline.plain, codes) };
        for sum in &mut sums {
            *sum -= outline.total;
        }
        let beside = [self.beside(rows, a), self.beside(rows, b), self.beside(rows, c), self.beside(rows, d)];
        self.finish(sums, outline.beside, beside)
    }
}

/// `16·Σ q·h` and the products of what is whole; see [`Outline`].
pub(super) fn portable_halves() -> Sums {
    fn one(plain: &[u8], code: &[u8]) -> f32 {
        let [_, whole, upper] = parts(code);
        let (halved, rest) = plain.split_at(2 * upper.len());
        let blocks = halved.chunks_exact(64).zip(upper.chunks_exact(32));
        let product = |(q, x): (&[u8], &[u8])| -> i32 {
            let (first, second) = q.split_at(32);
            let low: i32 = first.iter().zip(x).map(|(&q, &x)| i32::from(q as i8) * i32::from(x & 15)).sum();
            let high: i32 = second.iter().zip(x).map(|(&q, &x)| i32::from(q as i8) * i32::from(x >> 4)).sum();
            low + high
        };
        (16 * blocks.map(product).sum::<i32>() + whole_dot(rest, whole)) as f32
    }
    fn four(plain: &[u8], codes: [&[u8]; 4]) -> [f32; 4] {
        codes.map(|code| one(plain, code))
    }
    Sums { one, four }
}

/// `Σab` of codes in halves.
pub(super) fn q8_dot(a: &[u8], b: &[u8]) -> f32 {
    let ([al, aw, au], [bl, bw, bu]) = (parts(a), parts(b));
    let component =
        |lower: u8, upper: u8| [lower & 15 | upper << 4, lower >> 4 | upper & 0xf0].map(|x| (x ^ 0x80) as i8);
    let product = |j: usize| {
        let (a, b) = (component(al[j], au[j]), component(bl[j], bu[j]));
        i32::from(a[0]) * i32::from(b[0]) + i32::from(a[1]) * i32::from(b[1])
    };
    // At most 2¹⁵ products of 2¹⁴ each.
    let halved: i32 = (0..al.len()).map(product).sum();
    (halved + whole_dot(aw, bw)) as f32
}

/// Of the few components that are whole.
fn whole_dot(a: &[u8], b: &[u8]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a as i8) * i32::from(b as i8)).sum()
}
