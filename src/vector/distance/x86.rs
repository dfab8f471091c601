//! Kernels for x86-64: by hand for AVX-512 with VNNI and VPOPCNTDQ, and for AVX2 below that (`avx2.rs`); those of AVX-512 for codes
//! in halves are in `halves.rs`.
//!
//! A kernel takes one code against one, or against four at once: then the loads of the first are shared, the four sums
//! hide each other's latency, and a call by pointer is paid once.
//!
//! # Protocol
//!
//! Every function here is safe but for its target features, which `kernels` looks up before it hands it out. Loads are
//! masked at the end of a code, so nothing beyond a slice is read; that all slices are as long as the first is asserted.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::super::encoding::{Codec, Encoding, Metric};
use super::coarse::Make;
use super::portable::PLANES;
use super::{Sums, coarse};

/// The two forms of a kernel, of its `four_of` for any number of codes up to four.
macro_rules! forms {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        pub fn one(a: &[u8], b: &[u8]) -> f32 {
            let [first, ..] = four_of::<1>(a, [b]);
            first
        }

        #[target_feature(enable = $features)]
        pub fn four(a: &[u8], b: [&[u8]; 4]) -> [f32; 4] {
            four_of::<4>(a, b)
        }
    };
}

/// A kernel of a step (what so many bytes of both codes add to a sum) and of the reduction of sums to numbers. Even and odd
/// steps have sums of their own, so that one does not wait for the other.
macro_rules! kernel {
    ($name:ident, $bytes:literal, $features:literal, $zero:ident, $add:ident, $step:ident, $reduce:ident) => {
        pub(super) mod $name {
            use super::*;

            forms!($features);

            #[inline]
            #[target_feature(enable = $features)]
            fn four_of<const N: usize>(a: &[u8], b: [&[u8]; N]) -> [f32; 4] {
                let (mut even, mut odd) = ([$zero(); N], [$zero(); N]);
                let len = a.len();
                assert!(b.iter().all(|b| b.len() == len), "codes of one kind");
                let mut at = 0;
                while at + 2 * $bytes <= len {
                    let (x, y) = (load(a, at), load(a, at + $bytes));
                    for i in 0..N {
                        even[i] = $step(even[i], x, load(b[i], at));
                        odd[i] = $step(odd[i], y, load(b[i], at + $bytes));
                    }
                    at += 2 * $bytes;
                }
                if at + $bytes <= len {
                    let x = load(a, at);
                    for i in 0..N {
                        even[i] = $step(even[i], x, load(b[i], at));
                    }
                    at += $bytes;
                }
                if at < len {
                    let x = load_end(a, at);
                    for i in 0..N {
                        odd[i] = $step(odd[i], x, load_end(b[i], at));
                    }
                }
                let mut sums = [$zero(); 4];
                for i in 0..N {
                    sums[i] = $add(even[i], odd[i]);
                }
                $reduce(sums)
            }
        }
    };
}

mod avx2;
mod halves;

/// 64 bytes from `at`, which the slice has.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(code: &[u8], at: usize) -> __m512i {
    debug_assert!(at + 64 <= code.len());
    // SAFETY: the callers' loops end 64 bytes before the slice does.
    unsafe { _mm512_loadu_si512(code.as_ptr().add(at).cast()) }
}

/// The bytes from `at` to the end (fewer than 64), then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_end(code: &[u8], at: usize) -> __m512i {
    let rest = code.len() - at;
    debug_assert!(rest < 64);
    // SAFETY: only `rest` bytes, which the slice has, are touched; the others are masked.
    unsafe { _mm512_maskz_loadu_epi8((1u64 << rest) - 1, code.as_ptr().add(at).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn no_floats() -> __m512 {
    _mm512_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn no_integers() -> __m512i {
    _mm512_setzero_si512()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_floats(a: __m512, b: __m512) -> __m512 {
    _mm512_add_ps(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_integers(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

/// The sums of four vectors' lanes, always in the same order, so that one code gets the same answer alone and among four.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx")]
fn reduce_floats(x: [__m512; 4]) -> [f32; 4] {
    let fold = |x: __m512| _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x));
    avx2::reduce_floats([fold(x[0]), fold(x[1]), fold(x[2]), fold(x[3])])
}

/// As [`reduce_floats`]. Sums wrap, which is right as long as the final one fits into 32 bits.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn reduce_integers(x: [__m512i; 4]) -> [f32; 4] {
    let fold = |x: __m512i| _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x));
    avx2::reduce_integers([fold(x[0]), fold(x[1]), fold(x[2]), fold(x[3])])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn f32_dot_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn f32_l2_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let difference = _mm512_sub_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b));
    _mm512_fmadd_ps(difference, difference, sum)
}

/// The first 256 bits and the others.
#[inline]
#[target_feature(enable = "avx512f")]
fn both(x: __m512i) -> [__m256i; 2] {
    [_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x)]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn f16_dot_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let ([a, c], [b, d]) = (both(a), both(b));
    let sum = _mm512_fmadd_ps(_mm512_cvtph_ps(a), _mm512_cvtph_ps(b), sum);
    _mm512_fmadd_ps(_mm512_cvtph_ps(c), _mm512_cvtph_ps(d), sum)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn f16_l2_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let ([a, c], [b, d]) = (both(a), both(b));
    let low = _mm512_sub_ps(_mm512_cvtph_ps(a), _mm512_cvtph_ps(b));
    let high = _mm512_sub_ps(_mm512_cvtph_ps(c), _mm512_cvtph_ps(d));
    _mm512_fmadd_ps(high, high, _mm512_fmadd_ps(low, low, sum))
}

/// bfloat16 is the upper half of a float: the odd and the even ones of 32.
#[inline]
#[target_feature(enable = "avx512f")]
fn widened(x: __m512i) -> [__m512; 2] {
    let odd = _mm512_and_si512(x, _mm512_set1_epi32(0xFFFF_0000u32 as i32));
    [_mm512_castsi512_ps(odd), _mm512_castsi512_ps(_mm512_slli_epi32::<16>(x))]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn bf16_dot_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let ([a, c], [b, d]) = (widened(a), widened(b));
    _mm512_fmadd_ps(c, d, _mm512_fmadd_ps(a, b, sum))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn bf16_l2_step(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let ([a, c], [b, d]) = (widened(a), widened(b));
    let (low, high) = (_mm512_sub_ps(a, b), _mm512_sub_ps(c, d));
    _mm512_fmadd_ps(high, high, _mm512_fmadd_ps(low, low, sum))
}

/// Σab of signed bytes. VNNI multiplies unsigned by signed, so `b` is taken 128 higher and 128·Σa, which four share, is
/// subtracted at the end.
mod i8_dot {
    use super::*;

    /// 128 as an unsigned byte, and the bit that makes one of a signed byte that is 128 higher.
    pub(super) const HIGHER: i8 = -128;

    forms!("avx512f,avx512bw,avx512vnni");

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn four_of<const N: usize>(a: &[u8], b: [&[u8]; N]) -> [f32; 4] {
        let mut sums = [no_integers(); 4];
        add(&mut sums, a, b);
        reduce_integers(sums)
    }

    /// Adds it to the sums of each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn add<const N: usize>(sums: &mut [__m512i; 4], a: &[u8], b: [&[u8]; N]) {
        let higher = _mm512_set1_epi8(HIGHER);
        let mut excess = no_integers();
        let len = a.len();
        assert!(b.iter().all(|b| b.len() == len), "codes of one kind");
        let mut at = 0;
        while at + 64 <= len {
            let x = load(a, at);
            excess = _mm512_dpbusd_epi32(excess, higher, x);
            for i in 0..N {
                sums[i] = _mm512_dpbusd_epi32(sums[i], _mm512_xor_si512(load(b[i], at), higher), x);
            }
            at += 64;
        }
        if at < len {
            let x = load_end(a, at);
            excess = _mm512_dpbusd_epi32(excess, higher, x);
            for i in 0..N {
                sums[i] = _mm512_dpbusd_epi32(sums[i], _mm512_xor_si512(load_end(b[i], at), higher), x);
            }
        }
        for sum in &mut sums[..N] {
            *sum = _mm512_sub_epi32(*sum, excess);
        }
    }
}

/// The lower and the upper 32 bytes as 16-bit integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn signed(x: __m512i) -> [__m512i; 2] {
    both(x).map(|half| _mm512_cvtepi8_epi16(half))
}

/// As [`signed`], of unsigned bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn unsigned(x: __m512i) -> [__m512i; 2] {
    both(x).map(|half| _mm512_cvtepu8_epi16(half))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn i8_l2_step(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let ([a, c], [b, d]) = (signed(a), signed(b));
    let (low, high) = (_mm512_sub_epi16(a, b), _mm512_sub_epi16(c, d));
    _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, low, low), high, high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn u8_l2_step(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let ([a, c], [b, d]) = (unsigned(a), unsigned(b));
    let (low, high) = (_mm512_sub_epi16(a, b), _mm512_sub_epi16(c, d));
    _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, low, low), high, high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn u8_dot_step(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let ([a, c], [b, d]) = (unsigned(a), unsigned(b));
    _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, a, b), c, d)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn hamming_step(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(a, b)))
}

kernel!(f32_dot, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, f32_dot_step, reduce_floats);
kernel!(f32_l2, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, f32_l2_step, reduce_floats);
kernel!(f16_dot, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, f16_dot_step, reduce_floats);
kernel!(f16_l2, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, f16_l2_step, reduce_floats);
kernel!(bf16_dot, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, bf16_dot_step, reduce_floats);
kernel!(bf16_l2, 64, "avx512f,avx512bw,avx512dq", no_floats, add_floats, bf16_l2_step, reduce_floats);
kernel!(i8_l2, 64, "avx512f,avx512bw,avx512vnni", no_integers, add_integers, i8_l2_step, reduce_integers);
kernel!(u8_l2, 64, "avx512f,avx512bw,avx512vnni", no_integers, add_integers, u8_l2_step, reduce_integers);
kernel!(u8_dot, 64, "avx512f,avx512bw,avx512vnni", no_integers, add_integers, u8_dot_step, reduce_integers);
kernel!(hamming, 64, "avx512f,avx512bw,avx512vpopcntdq", no_integers, add_integers, hamming_step, reduce_integers);

/// What the counts of a query's bit planes weigh: they are numbers of four bits with a sign.
const WEIGHTS: [i8; PLANES] = [1, 2, 4, -8];

/// The sum of the coarse code: of a query's bit planes against codes.
mod weighted_bits {
    use super::*;

    forms!("avx512f,avx512bw,avx512vnni,avx512bitalg,avx2");

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512bitalg,avx2")]
    fn four_of<const N: usize>(planes: &[u8], codes: [&[u8]; N]) -> [f32; 4] {
        let len = planes.len() / PLANES;
        assert!(codes.iter().all(|code| code.len() == len), "codes of one kind");
        let mut sums = [no_integers(); 4];
        let mut parts = [no_integers(); N];
        // No `map` around these functions: it lacks their features, so they would not be inlined.
        let mut at = 0;
        while at + 64 <= len {
            for i in 0..N {
                parts[i] = load(codes[i], at);
            }
            for (plane, weight) in WEIGHTS.into_iter().enumerate() {
                add(&mut sums, load(planes, plane * len + at), weight, &parts);
            }
            at += 64;
        }
        if at < len && len >= 64 {
            // The last 64 bytes, without those that were counted: a load beyond the end, masked or not, would wait for a line of
            // memory that nobody has asked for.
            let fresh = u64::MAX << (64 - (len - at));
            for i in 0..N {
                parts[i] = load(codes[i], len - 64);
            }
            for (plane, weight) in WEIGHTS.into_iter().enumerate() {
                let bits = _mm512_maskz_mov_epi8(fresh, load(planes, (plane + 1) * len - 64));
                add(&mut sums, bits, weight, &parts);
            }
        } else if at < len {
            for i in 0..N {
                parts[i] = load_end(codes[i], at);
            }
            for (plane, weight) in WEIGHTS.into_iter().enumerate() {
                add(&mut sums, load_end(&planes[plane * len..(plane + 1) * len], at), weight, &parts);
            }
        }
        reduce_integers(sums)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512bitalg")]
    fn add<const N: usize>(sums: &mut [__m512i; 4], plane: __m512i, weight: i8, codes: &[__m512i; N]) {
        let weight = _mm512_set1_epi8(weight);
        for i in 0..N {
            let counts = _mm512_popcnt_epi8(_mm512_and_si512(plane, codes[i]));
            sums[i] = _mm512_dpbusd_epi32(sums[i], counts, weight);
        }
    }
}

/// What makes coarse codes, the portable functions compiled for what a processor of 2013 has.
mod making {
    use super::super::{Probe, rotation::Buffers};
    use super::coarse::{self, Center, Sketch};

    #[target_feature(enable = "avx2,fma")]
    pub fn encode(vector: Probe, center: &Center, l2: bool, buffers: &mut Buffers, out: &mut [u8]) {
        coarse::encode(vector, center, l2, buffers, out);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn sketch(query: Probe, center: &Center, l2: bool, out: &mut Sketch) {
        coarse::sketch(query, center, l2, out);
    }
}

/// Sums of integers whose terms reach 255² fit into 32 bits up to this dimension.
const WIDE: usize = 1 << 15;

/// Names the two forms of a kernel.
macro_rules! sums {
    ($kernel:path) => {{
        use $kernel as kernel;
        Some(Sums { one: kernel::one, four: kernel::four })
    }};
}

/// Whether this processor has what all kernels by AVX-512 need.
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx2")
}

/// Whether it multiplies bytes by AVX-512, too.
fn has_vnni() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512vnni")
}

/// Whether this processor has what all kernels by AVX2 need.
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// Which of the sets of kernels this processor takes, by the most that one of them needs.
pub(super) fn name() -> &'static str {
    match (has_avx512(), has_vnni(), has_avx2()) {
        (true, true, _) => "avx512-vnni",
        (true, false, _) => "avx512",
        (false, _, true) => "avx2",
        (false, _, false) => "portable",
    }
}

/// The fastest kernels that this processor has for a kind of codes; none where the portable ones are.
pub(super) fn kernels(codec: &Codec) -> Option<Sums> {
    let l2 = codec.metric == Metric::L2;
    let narrow = codec.dim <= WIDE;
    let (avx512, vnni) = (has_avx512(), has_vnni());
    let popcount = avx512 && is_x86_feature_detected!("avx512vpopcntdq");
    match codec.encoding {
        Encoding::F32 if avx512 && l2 => sums!(f32_l2),
        Encoding::F32 if avx512 => sums!(f32_dot),
        Encoding::F16 if avx512 && l2 => sums!(f16_l2),
        Encoding::F16 if avx512 => sums!(f16_dot),
        Encoding::BF16 if avx512 && l2 => sums!(bf16_l2),
        Encoding::BF16 if avx512 => sums!(bf16_dot),
        Encoding::I8 if vnni && l2 && narrow => sums!(i8_l2),
        Encoding::U8 if vnni && l2 && narrow => sums!(u8_l2),
        Encoding::U8 if vnni && !l2 && narrow => sums!(u8_dot),
        Encoding::I8 if vnni && !l2 && codec.dim <= 2 * WIDE => sums!(i8_dot),
        Encoding::Q8 if codec.is_split() => q8_sums(),
        Encoding::Q8 if vnni && codec.dim <= 2 * WIDE => sums!(i8_dot),
        Encoding::Bin if popcount => sums!(hamming),
        _ => kernels_without_avx512(codec),
    }
}

/// As [`kernels`], for processors of 2013 to 2019.
pub(super) fn kernels_without_avx512(codec: &Codec) -> Option<Sums> {
    let avx2 = has_avx2();
    let l2 = codec.metric == Metric::L2;
    let narrow = codec.dim <= WIDE;
    match codec.encoding {
        _ if !avx2 => None,
        Encoding::F32 if l2 => sums!(avx2::f32_l2),
        Encoding::F32 => sums!(avx2::f32_dot),
        Encoding::F64 if l2 => sums!(avx2::f64_l2),
        Encoding::F64 => sums!(avx2::f64_dot),
        Encoding::F16 if l2 => sums!(avx2::f16_l2),
        Encoding::F16 => sums!(avx2::f16_dot),
        Encoding::BF16 if l2 => sums!(avx2::bf16_l2),
        Encoding::BF16 => sums!(avx2::bf16_dot),
        Encoding::I8 if l2 && narrow => sums!(avx2::i8_l2),
        Encoding::U8 if l2 && narrow => sums!(avx2::u8_l2),
        Encoding::U8 if !l2 && narrow => sums!(avx2::u8_dot),
        Encoding::I8 if !l2 && codec.dim <= 2 * WIDE => sums!(avx2::i8_dot),
        Encoding::Q8 if codec.is_split() => q8_sums_without_avx512(),
        Encoding::Q8 if codec.dim <= 2 * WIDE => sums!(avx2::i8_dot),
        Encoding::Bin => sums!(avx2::hamming),
        // Too many components for sums of 32 bits.
        Encoding::I8 | Encoding::U8 | Encoding::Q8 => None,
    }
}

/// The fastest kernels of `Q8` codes in halves; none where the portable ones are.
pub(super) fn q8_sums() -> Option<Sums> {
    if has_vnni() { sums!(halves::q8_dot) } else { q8_sums_without_avx512() }
}

/// As [`q8_sums`], for processors of 2013 to 2019.
pub(super) fn q8_sums_without_avx512() -> Option<Sums> {
    if is_x86_feature_detected!("avx2") { sums!(avx2::q8_dot) } else { None }
}

/// The fastest kernels of upper halves; none where the portable ones are.
pub(super) fn halves_sums() -> Option<Sums> {
    if has_vnni() { sums!(halves::upper_dot) } else { halves_sums_without_avx512() }
}

/// As [`halves_sums`], for processors of 2013 to 2019.
pub(super) fn halves_sums_without_avx512() -> Option<Sums> {
    if is_x86_feature_detected!("avx2") { sums!(avx2::upper_dot) } else { None }
}

/// The fastest kernels of the coarse code; none where the portable ones are.
pub(super) fn coarse_sums() -> Option<Sums> {
    let avx512 = has_vnni() && is_x86_feature_detected!("avx512bitalg");
    if avx512 { sums!(weighted_bits) } else { coarse_sums_without_avx512() }
}

/// As [`coarse_sums`], for processors of 2013 to 2019.
pub(super) fn coarse_sums_without_avx512() -> Option<Sums> {
    if is_x86_feature_detected!("avx2") { sums!(avx2::weighted_bits) } else { None }
}

/// What makes coarse codes on this processor; none where the portable functions do.
pub(super) fn coarse_make() -> Option<Make> {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    if avx2 { Some(Make { encode: making::encode, sketch: making::sketch }) } else { None }
}
