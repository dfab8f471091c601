//! What is stored for a vector, and how it is read back.
//!
//! | encoding | bytes for `d` components | stored | scale word |
//! |---|---|---|---|
//! | `F32` `F64` `F16` `BF16` | 4d, 8d, 2d, 2d | components, little-endian; normalized under cosine | none |
//! | `I8` `U8` | d | components as given | 1/norm under cosine (0 for the zero vector) |
//! | `Q8` | d | `round(x·127/range)`, `range = max│x│`; of the normalized vector under cosine | `range` |
//! | `Bin` | ⌈d/64⌉·8 | bit `j` of little-endian word `j/64` is set iff `x > 0` | none |
//!
//! Normalizing: `l2 = √Σx²`; the zero vector is kept as it is, with `l2 = 1`. Where the squares are beyond what the precision can
//! hold, too large or too small, the components are brought to a largest of 1 first: only directions matter. A norm beyond
//! the floats counts as the greatest one. `Bin` keeps no size at all, so it is
//! always under cosine. NaN and infinities are for the caller to refuse; here they give some code and no panic.
//!
//! A component that `Q8` gives back is at most half a step, `range/254`, from what it was, so a decoded vector is at most
//! `√d·range/254` away from the (under cosine, normalized) vector that was encoded. Under L2 and inner product the
//! components are scaled in double precision, so this holds for the smallest ranges too.
//!
//! In memory, a long `Q8` code may be in halves (`encoding/halves.rs`).
#![forbid(unsafe_code)]

use std::borrow::Cow;

use half::{bf16, f16};

pub(super) mod halves;

/// How a vector is stored; see the module's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    BF16,
    /// Signed bytes.
    I8,
    /// Unsigned bytes.
    U8,
    /// Signed bytes scaled by each vector's largest component.
    Q8,
    /// One sign bit per component.
    Bin,
}

impl Encoding {
    /// All of them. Files number them by their place here: new ones go to the end.
    pub const ALL: [Encoding; 8] = [
        Encoding::F32,
        Encoding::F64,
        Encoding::F16,
        Encoding::BF16,
        Encoding::I8,
        Encoding::U8,
        Encoding::Q8,
        Encoding::Bin,
    ];

    /// Bytes stored for a vector of `dim` components.
    #[must_use]
    pub fn code_len(self, dim: usize) -> usize {
        match self {
            Encoding::F32 => 4 * dim,
            Encoding::F64 => 8 * dim,
            Encoding::F16 | Encoding::BF16 => 2 * dim,
            Encoding::I8 | Encoding::U8 | Encoding::Q8 => dim,
            Encoding::Bin => dim.div_ceil(64) * 8,
        }
    }

    /// Bytes of a component as a user sends it: as stored, `FLOAT32` for the quantized encodings.
    #[must_use]
    pub fn component_len(self) -> usize {
        match self {
            Encoding::F32 | Encoding::Q8 | Encoding::Bin => 4,
            Encoding::F64 => 8,
            Encoding::F16 | Encoding::BF16 => 2,
            Encoding::I8 | Encoding::U8 => 1,
        }
    }
}

/// What "far" means. Small is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// 1 − cosine, 0 to 2; 1 against the zero vector.
    Cosine,
    /// Σ(a−b)²: the squared euclidean distance.
    L2,
    /// 1 − Σab.
    InnerProduct,
}

/// A vector on its way in.
#[derive(Debug, Clone, Copy)]
pub enum Vector<'a> {
    /// `dim` components.
    Floats(&'a [f32]),
    /// `dim` components, little-endian, [`Encoding::component_len`] bytes each.
    Bytes(&'a [u8]),
    /// `dim` components, little-endian, as a user of another encoding sends them: [`Encoding::component_len`] bytes of
    /// `element` each. Doubles beyond the range of floats count as the greatest float, except under cosine.
    Of {
        /// Whose components they are.
        element: Encoding,
        /// The components.
        bytes: &'a [u8],
    },
    /// What is stored already: a code of [`Encoding::code_len`] bytes with its norm and, for `Q8`, its range.
    Stored {
        /// The code, byte for byte, as files have it.
        code: &'a [u8],
        /// Norm of the vector before it was normalized; ignored where none is.
        l2: f32,
        /// Largest component of the vector that the code is of (`Q8`); ignored otherwise.
        range: f32,
    },
}

/// What is kept beside a code.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Beside {
    /// Norm before normalizing; 1 where nothing was normalized. For `Q8` under L2, `Σcode²`, rounded as its kernels round.
    pub l2: f32,
    /// See the module's table; 0 where there is none.
    pub scale: f32,
}

/// How large an encoded vector is: what the error of its distances depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Size {
    /// Its largest component.
    pub range: f32,
    /// Its norm, where distances grow with it.
    pub norm: f32,
}

impl Size {
    /// The larger of both.
    #[must_use]
    pub fn max(self, other: Size) -> Size {
        Size { range: self.range.max(other.range), norm: self.norm.max(other.norm) }
    }
}

/// Encodes and decodes vectors of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// Components.
    pub dim: usize,
    /// How they are stored.
    pub encoding: Encoding,
    /// Decides whether they are normalized.
    pub metric: Metric,
}

impl Codec {
    /// `Bin` is under cosine whatever was asked for.
    pub(super) fn new(dim: usize, encoding: Encoding, metric: Metric) -> Codec {
        let metric = if encoding == Encoding::Bin { Metric::Cosine } else { metric };
        Codec { dim, encoding, metric }
    }

    /// Bytes of a code.
    #[must_use]
    pub fn code_len(&self) -> usize {
        self.encoding.code_len(self.dim)
    }

    /// About how many nanoseconds comparing with one of many codes takes, most of it the memory's.
    #[must_use]
    pub(super) fn cost_each(&self) -> u64 {
        15 + self.code_len() as u64 / 16
    }

    /// Whether a scale word is kept beside the code.
    pub(super) fn scaled(&self) -> bool {
        match self.encoding {
            Encoding::Q8 => true,
            Encoding::I8 | Encoding::U8 => self.metric == Metric::Cosine,
            _ => false,
        }
    }

    /// Whether codes are [in halves](halves).
    pub(super) fn is_split(&self) -> bool {
        self.encoding == Encoding::Q8 && halves::are_codes_split(self.dim)
    }

    /// A code as files have it.
    pub(super) fn plain<'a>(&self, code: &'a [u8]) -> Cow<'a, [u8]> {
        if self.encoding == Encoding::Q8 { halves::plain(code) } else { Cow::Borrowed(code) }
    }

    /// Whether `Σcode²` is kept in the place of the norm.
    pub(super) fn keeps_squares(&self) -> bool {
        self.encoding == Encoding::Q8 && self.metric == Metric::L2
    }

    /// Whether `vector` has the right length for this codec.
    #[must_use]
    pub fn fits(&self, vector: &Vector) -> bool {
        match vector {
            Vector::Floats(floats) => floats.len() == self.dim,
            Vector::Bytes(bytes) => bytes.len() == self.dim * self.encoding.component_len(),
            Vector::Of { element, bytes } => bytes.len() == self.dim * element.component_len(),
            Vector::Stored { code, .. } => code.len() == self.code_len(),
        }
    }

    /// The size of an encoded vector.
    pub(super) fn size(&self, code: &[u8], beside: Beside) -> Size {
        let norm = match (self.encoding, self.metric) {
            (Encoding::Q8, Metric::InnerProduct) => squares(&self.plain(code)).sqrt() * beside.scale / 127.0,
            _ => 1.0,
        };
        Size { range: beside.scale, norm }
    }

    /// By how much a distance of codes may differ from that of the vectors that they were made of; 0 where a code is the
    /// vector.
    ///
    /// Of `Q8`: a component is off by at most `range/254`, so that a product with a vector of norm `n` is off by at most
    /// `n·√dim` times that: the bound of short vectors. Of long ones the errors, which are spread evenly, cancel out: six
    /// standard deviations of their sum, `n·6/√3` times that, are exceeded once in 10⁹ times.
    pub(super) fn uncertainty(&self, distance: f64, a: Size, b: Size) -> f64 {
        if self.encoding != Encoding::Q8 {
            return 0.0;
        }
        let dim = self.dim as f64;
        let errors = dim.sqrt().min(6.0 / 3f64.sqrt());
        let (of_a, of_b) = (f64::from(a.range) / 254.0, f64::from(b.range) / 254.0);
        match self.metric {
            Metric::Cosine => errors * (of_a + of_b),
            Metric::L2 => {
                let both = of_a + of_b;
                2.0 * distance.max(0.0).sqrt() * errors * both + dim * both * both
            }
            Metric::InnerProduct => {
                errors * (of_a * f64::from(b.norm) + of_b * f64::from(a.norm)) + errors * errors * of_a * of_b
            }
        }
    }

    /// Writes the code of `vector` into `out`, which has [`Codec::code_len`] bytes.
    ///
    /// # Panics
    /// When `vector` does not fit.
    pub(super) fn encode(&self, vector: Vector, out: &mut [u8]) -> Beside {
        assert!(self.fits(&vector), "a vector of the index's dimension");
        match vector {
            Vector::Stored { code, l2, range } => {
                self.store(code, out);
                let scale = if self.encoding == Encoding::Q8 { range } else { self.inverse_norm(out) };
                Beside { l2: if self.keeps_squares() { squares(code) } else { l2 }, scale }
            }
            Vector::Of { element, bytes } if element != self.encoding => self.encode_components(element, bytes, out),
            Vector::Of { bytes, .. } => self.encode_bytes(bytes, out),
            Vector::Floats(floats) => self.encode_floats(floats, out),
            Vector::Bytes(bytes) => self.encode_bytes(bytes, out),
        }
    }

    /// Writes a code that is as files have it.
    fn store(&self, plain: &[u8], out: &mut [u8]) {
        if self.is_split() { halves::split(plain, out) } else { out.copy_from_slice(plain) }
    }

    fn encode_bytes(&self, bytes: &[u8], out: &mut [u8]) -> Beside {
        match self.encoding {
            Encoding::I8 | Encoding::U8 => {
                out.copy_from_slice(bytes);
                Beside { l2: 1.0, scale: self.inverse_norm(out) }
            }
            Encoding::F64 => self.encode_doubles(bytes, out),
            Encoding::F16 | Encoding::BF16 if self.metric != Metric::Cosine => {
                out.copy_from_slice(bytes);
                Beside { l2: 1.0, scale: 0.0 }
            }
            Encoding::F32 if self.metric != Metric::Cosine => {
                out.copy_from_slice(bytes);
                Beside { l2: 1.0, scale: 0.0 }
            }
            Encoding::F32 => {
                let floats = bytes.as_chunks::<4>().0;
                let squares = sum_of_squares(floats, |x| f32_of(x));
                let components = floats.iter().map(|x| f64::from(f32_of(x)));
                if let Some(largest) = beyond(squares, components.clone()) {
                    return self.encode_scaled(components, largest, out);
                }
                let l2 = norm(squares);
                fill(out, floats, |x| (f32_of(&x) / l2).to_le_bytes());
                Beside { l2, scale: 0.0 }
            }
            Encoding::F16 | Encoding::BF16 | Encoding::Q8 | Encoding::Bin => {
                self.encode_floats(&floats_of(self.encoding, bytes), out)
            }
        }
    }

    /// Components of another encoding than this one.
    fn encode_components(&self, element: Encoding, bytes: &[u8], out: &mut [u8]) -> Beside {
        if element == Encoding::F64 && self.metric == Metric::Cosine {
            let components = bytes.chunks_exact(8).map(f64_of);
            let largest = largest(components.clone());
            // Doubles that are no floats come into their range first.
            if largest > 0.0 && largest.is_finite() && !(1e-18..=1e18).contains(&largest) {
                return self.encode_scaled(components, largest, out);
            }
        }
        self.encode_floats(&floats_of(element, bytes), out)
    }

    /// Components under cosine that are out of the range of floats or of their squares, whose largest is this.
    #[cold]
    fn encode_scaled(&self, components: impl Iterator<Item = f64>, largest: f64, out: &mut [u8]) -> Beside {
        let floats: Vec<f32> = components.map(|x| (x / largest) as f32).collect();
        let l2 = norm(sum_of_squares(&floats, |x| *x));
        let beside = self.encode_by(&floats, l2, out);
        if matches!(self.encoding, Encoding::I8 | Encoding::U8) {
            return beside;
        }
        Beside { l2: single(f64::from(l2) * largest), ..beside }
    }

    fn encode_doubles(&self, bytes: &[u8], out: &mut [u8]) -> Beside {
        if self.metric != Metric::Cosine {
            out.copy_from_slice(bytes);
            return Beside { l2: 1.0, scale: 0.0 };
        }
        let components = bytes.chunks_exact(8).map(f64_of);
        let sum = components.clone().map(|x| x * x).sum::<f64>();
        let largest = largest(components.clone());
        // As for floats.
        let scale = if sum < 1e-280 || sum.is_infinite() { largest } else { 1.0 };
        let scale = if scale > 0.0 && scale.is_finite() { scale } else { 1.0 };
        let norm = components.clone().map(|x| (x / scale) * (x / scale)).sum::<f64>().sqrt();
        let norm = if norm == 0.0 { 1.0 } else { norm };
        for (slot, x) in out.chunks_exact_mut(8).zip(components) {
            slot.copy_from_slice(&(x / scale / norm).to_le_bytes());
        }
        Beside { l2: single(norm * scale), scale: 0.0 }
    }

    fn encode_floats(&self, floats: &[f32], out: &mut [u8]) -> Beside {
        if self.metric != Metric::Cosine {
            return self.encode_by(floats, 1.0, out);
        }
        let squares = sum_of_squares(floats, |x| *x);
        let components = floats.iter().map(|&x| f64::from(x));
        match beyond(squares, components.clone()) {
            Some(largest) => self.encode_scaled(components, largest, out),
            None => self.encode_by(floats, norm(squares), out),
        }
    }

    /// The code of floats whose norm is `l2`.
    fn encode_by(&self, floats: &[f32], l2: f32, out: &mut [u8]) -> Beside {
        match self.encoding {
            Encoding::F32 => fill(out, floats, |x| (x / l2).to_le_bytes()),
            Encoding::F64 => fill(out, floats, |x| (f64::from(x) / f64::from(l2)).to_le_bytes()),
            Encoding::F16 => fill(out, floats, |x| f16::from_f32(x / l2).to_bits().to_le_bytes()),
            Encoding::BF16 => fill(out, floats, |x| bf16::from_f32(x / l2).to_bits().to_le_bytes()),
            // Casts from float saturate; NaN gives 0.
            Encoding::I8 => fill(out, floats, |x| (x.round() as i8).to_le_bytes()),
            Encoding::U8 => fill(out, floats, |x| (x.round() as u8).to_le_bytes()),
            Encoding::Q8 => return self.encode_q8(floats, l2, out),
            Encoding::Bin => signs(floats, out),
        }
        let integers = matches!(self.encoding, Encoding::I8 | Encoding::U8);
        Beside { l2: if integers { 1.0 } else { l2 }, scale: self.inverse_norm(out) }
    }

    fn encode_q8(&self, floats: &[f32], l2: f32, out: &mut [u8]) -> Beside {
        let scale = range_of(floats, l2);
        let (single, double) = (127.0 / scale, 127.0 / f64::from(scale));
        let quantized = |out: &mut [u8]| {
            if scale == 0.0 || !scale.is_finite() {
                out.fill(0);
            } else if self.metric == Metric::Cosine {
                // The field's codes, bit for bit: in single precision.
                quantize(floats, out, |x| f64::from((x / l2) * single));
            } else {
                quantize(floats, out, |x| f64::from(x) * double);
            }
            Beside { l2: if self.keeps_squares() { squares(out) } else { l2 }, scale }
        };
        if !self.is_split() {
            return quantized(out);
        }
        let mut plain = vec![0; out.len()];
        let beside = quantized(&mut plain);
        halves::split(&plain, out);
        beside
    }

    /// 1/norm of stored integers under cosine, else 0.
    fn inverse_norm(&self, code: &[u8]) -> f32 {
        let square = |x: i64| (x * x) as f64;
        let sum: f64 = match self.encoding {
            _ if self.metric != Metric::Cosine => return 0.0,
            Encoding::I8 => code.iter().map(|&x| square(i64::from(x as i8))).sum(),
            Encoding::U8 => code.iter().map(|&x| square(i64::from(x))).sum(),
            _ => return 0.0,
        };
        if sum == 0.0 { 0.0 } else { (1.0 / sum.sqrt()) as f32 }
    }

    /// The stored components as floats: normalized ones as they are stored, without their norm.
    pub(super) fn decode(&self, code: &[u8], scale: f32) -> Vec<f32> {
        match self.encoding {
            Encoding::F64 => code.chunks_exact(8).map(|x| f64_of(x) as f32).collect(),
            Encoding::F32 | Encoding::F16 | Encoding::BF16 | Encoding::I8 | Encoding::U8 => {
                floats_of(self.encoding, code)
            }
            Encoding::Q8 => self.plain(code).iter().map(|&x| f32::from(x as i8) * scale / 127.0).collect(),
            Encoding::Bin => (0..self.dim).map(|j| if code[j / 8] >> (j % 8) & 1 == 1 { 1.0 } else { -1.0 }).collect(),
        }
    }
}

/// The root of a sum of squares; 1 where that is 0.
fn norm(squares: f32) -> f32 {
    if squares == 0.0 { 1.0 } else { squares.sqrt() }
}

/// The largest component where the sum of squares lost what it is to say: it overflowed, or the squares are so small that
/// single precision has few of their bits. Not of a vector that is zero, or has a component that is not finite.
fn beyond(squares: f32, components: impl Iterator<Item = f64>) -> Option<f64> {
    if !(squares < 1e-30 || squares.is_infinite()) {
        return None;
    }
    Some(largest(components)).filter(|&largest| largest > 0.0 && largest.is_finite())
}

/// The largest component, whatever its sign.
fn largest(components: impl Iterator<Item = f64>) -> f64 {
    components.fold(0.0, |largest, x| x.abs().max(largest))
}

/// In single precision, where the greatest is a little less than the greatest float, so that what it is multiplied with may
/// be rounded up.
fn single(x: f64) -> f32 {
    x.min(3.4e38) as f32
}

/// `Σx²` in single precision, where `x` is what `float` makes of a component.
fn sum_of_squares<T>(components: &[T], float: impl Fn(&T) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    let chunks = components.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|x| float(x) * float(x)).sum();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += float(x) * float(x);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The largest component of `floats / l2`.
fn range_of(floats: &[f32], l2: f32) -> f32 {
    const LANES: usize = 8;
    // Eight maxima side by side, for the compiler to vectorize; a comparison with NaN keeps what was there.
    let mut most = [0.0f32; LANES];
    for chunk in floats.chunks(LANES) {
        for (most, x) in most.iter_mut().zip(chunk) {
            let x = (x / l2).abs();
            *most = if x > *most { x } else { *most };
        }
    }
    most.into_iter().fold(0.0, f32::max)
}

/// Writes the `Q8` code of `floats`, which `scaled` brings to −127..127.
#[inline(always)]
fn quantize(floats: &[f32], out: &mut [u8], scaled: impl Fn(f32) -> f64) {
    for (slot, &x) in out.iter_mut().zip(floats) {
        // Half away from zero, without a call for each: a half more is exact in double precision, the cast cuts it off.
        let code = scaled(x);
        *slot = (code + 0.5f64.copysign(code)).clamp(-127.0, 127.0) as i32 as u8;
    }
}

/// `Σcode²` of signed bytes, exact below 2²⁴.
fn squares(code: &[u8]) -> f32 {
    code.iter().map(|&x| i64::from(x as i8).pow(2)).sum::<i64>() as f32
}

fn signs(floats: &[f32], out: &mut [u8]) {
    out.fill(0);
    for (bits, floats) in out.iter_mut().zip(floats.chunks(8)) {
        *bits = floats.iter().enumerate().fold(0, |bits, (j, &x)| bits | u8::from(x > 0.0) << j);
    }
}

fn fill<T: Copy, const N: usize>(out: &mut [u8], components: &[T], convert: impl Fn(T) -> [u8; N]) {
    for (slot, &x) in out.chunks_exact_mut(N).zip(components) {
        slot.copy_from_slice(&convert(x));
    }
}

/// Components of `element`'s kind as floats; a double that is none as the nearest that is finite.
fn floats_of(element: Encoding, bytes: &[u8]) -> Vec<f32> {
    let finite = |x: f64| x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
    match element {
        Encoding::F32 | Encoding::Q8 | Encoding::Bin => bytes.chunks_exact(4).map(f32_of).collect(),
        Encoding::F64 => bytes.chunks_exact(8).map(|x| finite(f64_of(x))).collect(),
        Encoding::F16 => halves(bytes, |bits| f16::from_bits(bits).to_f32()),
        Encoding::BF16 => halves(bytes, |bits| bf16::from_bits(bits).to_f32()),
        Encoding::I8 => bytes.iter().map(|&x| f32::from(x as i8)).collect(),
        Encoding::U8 => bytes.iter().map(|&x| f32::from(x)).collect(),
    }
}

/// Stored components in double precision, as they are.
pub(super) fn doubles_of(encoding: Encoding, code: &[u8]) -> Vec<f64> {
    match encoding {
        Encoding::F64 => code.chunks_exact(8).map(f64_of).collect(),
        _ => floats_of(encoding, code).into_iter().map(f64::from).collect(),
    }
}

fn halves(bytes: &[u8], convert: impl Fn(u16) -> f32) -> Vec<f32> {
    bytes.chunks_exact(2).map(|x| convert(u16::from_le_bytes([x[0], x[1]]))).collect()
}

/// A float of four little-endian bytes.
pub(super) fn f32_of(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// A double of eight little-endian bytes.
pub(super) fn f64_of(bytes: &[u8]) -> f64 {
    f64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

#[cfg(test)]
mod tests;
