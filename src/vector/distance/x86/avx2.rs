//! Kernels for processors with AVX2, FMA and F16C: made from 2013 on, and still the most there are. By hand, since of the portable
//! ones the compiler widens eight bytes where it could widen 16, counts bits one word after the other, and adds the sums of floats
//! one after the other, as it has to keep their order. (Walks over codes of 384 components, beams of 24 and 100, times as many
//! queries: of 8 bits 1.58 and 1.29, of doubles 1.7 and 1.4, of single bits 1.9; by coarse codes of 768 components, 9.)
#![allow(unsafe_code)]

use std::arch::x86_64::*;

/// 32 bytes from `at`, which the slice has.
#[inline]
#[target_feature(enable = "avx2")]
fn load(code: &[u8], at: usize) -> __m256i {
    debug_assert!(at + 32 <= code.len());
    // SAFETY: the callers' loops end 32 bytes before the slice does.
    unsafe { _mm256_loadu_si256(code.as_ptr().add(at).cast()) }
}

/// The bytes from `at` to the end (fewer than 32), then zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn load_end(code: &[u8], at: usize) -> __m256i {
    let mut bytes = [0u8; 32];
    bytes[..code.len() - at].copy_from_slice(&code[at..]);
    load(&bytes, 0)
}

#[inline]
#[target_feature(enable = "avx2")]
fn no_floats() -> __m256 {
    _mm256_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx2")]
fn no_integers() -> __m256i {
    _mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_floats(a: __m256, b: __m256) -> __m256 {
    _mm256_add_ps(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_integers(a: __m256i, b: __m256i) -> __m256i {
    _mm256_add_epi32(a, b)
}

/// The sums of four vectors' lanes, always in the same order, so that one code gets the same answer alone and among four.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn reduce_floats([a, b, c, d]: [__m256; 4]) -> [f32; 4] {
    let pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
    let mut out = [0.0; 4];
    // SAFETY: four floats fit into four floats.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    out
}

/// As [`reduce_floats`]. Sums wrap, which is right as long as the final one fits into 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn reduce_integers([a, b, c, d]: [__m256i; 4]) -> [f32; 4] {
    let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
    let mut out = [0.0; 4];
    // SAFETY: four floats fit into four floats.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), _mm_cvtepi32_ps(sums)) };
    out
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn f32_dot_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    _mm256_fmadd_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), sum)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn f32_l2_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    let difference = _mm256_sub_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    _mm256_fmadd_ps(difference, difference, sum)
}

#[inline]
#[target_feature(enable = "avx2")]
fn no_doubles() -> __m256d {
    _mm256_setzero_pd()
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_doubles(a: __m256d, b: __m256d) -> __m256d {
    _mm256_add_pd(a, b)
}

/// As [`reduce_floats`].
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_doubles([a, b, c, d]: [__m256d; 4]) -> [f32; 4] {
    let (ab, cd) = (_mm256_hadd_pd(a, b), _mm256_hadd_pd(c, d));
    let (low, high) = (_mm256_permute2f128_pd::<0x20>(ab, cd), _mm256_permute2f128_pd::<0x31>(ab, cd));
    let mut out = [0.0; 4];
    // SAFETY: four floats fit into four floats.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), _mm256_cvtpd_ps(_mm256_add_pd(low, high))) };
    out
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn f64_dot_step(sum: __m256d, a: __m256i, b: __m256i) -> __m256d {
    _mm256_fmadd_pd(_mm256_castsi256_pd(a), _mm256_castsi256_pd(b), sum)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn f64_l2_step(sum: __m256d, a: __m256i, b: __m256i) -> __m256d {
    let difference = _mm256_sub_pd(_mm256_castsi256_pd(a), _mm256_castsi256_pd(b));
    _mm256_fmadd_pd(difference, difference, sum)
}

/// 16 halves of floats as floats.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn halves(x: __m256i) -> [__m256; 2] {
    [_mm256_cvtph_ps(_mm256_castsi256_si128(x)), _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(x))]
}

/// bfloat16 is the upper half of a float: the odd and the even ones of 16.
#[inline]
#[target_feature(enable = "avx2")]
fn widened(x: __m256i) -> [__m256; 2] {
    let odd = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF_0000u32 as i32));
    [_mm256_castsi256_ps(odd), _mm256_castsi256_ps(_mm256_slli_epi32::<16>(x))]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot_of_pairs(sum: __m256, [a, c]: [__m256; 2], [b, d]: [__m256; 2]) -> __m256 {
    _mm256_fmadd_ps(c, d, _mm256_fmadd_ps(a, b, sum))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn l2_of_pairs(sum: __m256, [a, c]: [__m256; 2], [b, d]: [__m256; 2]) -> __m256 {
    let (low, high) = (_mm256_sub_ps(a, b), _mm256_sub_ps(c, d));
    _mm256_fmadd_ps(high, high, _mm256_fmadd_ps(low, low, sum))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn f16_dot_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    dot_of_pairs(sum, halves(a), halves(b))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn f16_l2_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    l2_of_pairs(sum, halves(a), halves(b))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bf16_dot_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    dot_of_pairs(sum, widened(a), widened(b))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn bf16_l2_step(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    l2_of_pairs(sum, widened(a), widened(b))
}

/// The lower and the upper 16 bytes as 16-bit integers.
#[inline]
#[target_feature(enable = "avx2")]
fn signed(x: __m256i) -> [__m256i; 2] {
    [_mm256_cvtepi8_epi16(_mm256_castsi256_si128(x)), _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(x))]
}

/// As [`signed`], of unsigned bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn unsigned(x: __m256i) -> [__m256i; 2] {
    [_mm256_cvtepu8_epi16(_mm256_castsi256_si128(x)), _mm256_cvtepu8_epi16(_mm256_extracti128_si256::<1>(x))]
}

#[inline]
#[target_feature(enable = "avx2")]
fn products(sum: __m256i, [a, c]: [__m256i; 2], [b, d]: [__m256i; 2]) -> __m256i {
    _mm256_add_epi32(sum, _mm256_add_epi32(_mm256_madd_epi16(a, b), _mm256_madd_epi16(c, d)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn squares(sum: __m256i, [a, c]: [__m256i; 2], [b, d]: [__m256i; 2]) -> __m256i {
    let differences = [_mm256_sub_epi16(a, b), _mm256_sub_epi16(c, d)];
    products(sum, differences, differences)
}

#[inline]
#[target_feature(enable = "avx2")]
fn i8_dot_step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    products(sum, signed(a), signed(b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn i8_l2_step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    squares(sum, signed(a), signed(b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn u8_dot_step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    products(sum, unsigned(a), unsigned(b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn u8_l2_step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    squares(sum, unsigned(a), unsigned(b))
}

kernel!(f64_dot, 32, "avx2,fma", no_doubles, add_doubles, f64_dot_step, reduce_doubles);
kernel!(f64_l2, 32, "avx2,fma", no_doubles, add_doubles, f64_l2_step, reduce_doubles);
kernel!(f32_dot, 32, "avx2,fma", no_floats, add_floats, f32_dot_step, reduce_floats);
kernel!(f32_l2, 32, "avx2,fma", no_floats, add_floats, f32_l2_step, reduce_floats);
kernel!(f16_dot, 32, "avx2,fma,f16c", no_floats, add_floats, f16_dot_step, reduce_floats);
kernel!(f16_l2, 32, "avx2,fma,f16c", no_floats, add_floats, f16_l2_step, reduce_floats);
kernel!(bf16_dot, 32, "avx2,fma", no_floats, add_floats, bf16_dot_step, reduce_floats);
kernel!(bf16_l2, 32, "avx2,fma", no_floats, add_floats, bf16_l2_step, reduce_floats);

/// How many bits are set in half a byte, for each of its sixteen values.
#[inline]
#[target_feature(enable = "avx2")]
fn counts() -> __m256i {
    _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4))
}

#[inline]
#[target_feature(enable = "avx2")]
fn hamming_step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let (differ, half) = (_mm256_xor_si256(a, b), _mm256_set1_epi8(0x0f));
    let low = _mm256_shuffle_epi8(counts(), _mm256_and_si256(differ, half));
    let high = _mm256_shuffle_epi8(counts(), _mm256_and_si256(_mm256_srli_epi16::<4>(differ), half));
    // The upper words of the sums of eight bytes are 0.
    _mm256_add_epi32(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), no_integers()))
}

kernel!(i8_dot, 32, "avx2", no_integers, add_integers, i8_dot_step, reduce_integers);
kernel!(i8_l2, 32, "avx2", no_integers, add_integers, i8_l2_step, reduce_integers);
kernel!(u8_dot, 32, "avx2", no_integers, add_integers, u8_dot_step, reduce_integers);
kernel!(u8_l2, 32, "avx2", no_integers, add_integers, u8_l2_step, reduce_integers);
kernel!(hamming, 32, "avx2", no_integers, add_integers, hamming_step, reduce_integers);

/// The lower four bits of each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn low_bits(x: __m256i) -> __m256i {
    _mm256_and_si256(x, _mm256_set1_epi8(0x0f))
}

/// The upper four bits of each byte, as its lower ones.
#[inline]
#[target_feature(enable = "avx2")]
fn high_bits(x: __m256i) -> __m256i {
    low_bits(_mm256_srli_epi16::<4>(x))
}

/// Adds `by` times the sum of both halves of each 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn add_pairs(sum: __m256i, pairs: __m256i, by: i16) -> __m256i {
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(by)))
}

/// Adds products of what is whole of codes in halves.
#[inline]
#[target_feature(enable = "avx2")]
fn add_whole<const N: usize>(sums: &mut [__m256i; 4], a: &[u8], b: [&[u8]; N]) {
    let mut at = 0;
    while at < a.len() {
        let is_full = at + 32 <= a.len();
        let x = signed(if is_full { load(a, at) } else { load_end(a, at) });
        for i in 0..N {
            let y = if is_full { load(b[i], at) } else { load_end(b[i], at) };
            sums[i] = products(sums[i], x, signed(y));
        }
        at += 32;
    }
}

/// Σab of `Q8` codes in halves: with `u = b + 128 = 16·h + l`, whose halves are unsigned as the processor's products of bytes
/// want it, `16·Σah + Σal − 128·Σa`.
pub(super) mod q8_dot {
    use super::super::super::super::encoding::halves::{BLOCK, parts, parts_of};
    use super::*;

    /// Products of halves that 16 bits can hold the sum of, by blocks: each block adds four of 15·128 at most.
    const HELD: usize = 4;

    forms!("avx2");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn four_of<const N: usize>(a: &[u8], b: [&[u8]; N]) -> [f32; 4] {
        assert!(b.iter().all(|b| b.len() == a.len()), "codes of one kind");
        let [lower, whole, upper] = parts(a);
        let [b_lower, b_whole, b_upper] = parts_of(b);
        let sign = _mm256_set1_epi8(-128);
        let mut sums = [no_integers(); 4];
        let mut excess = no_integers();
        let mut at = 0;
        while at < lower.len() {
            let end = lower.len().min(at + HELD * BLOCK / 2);
            let (mut low, mut high, mut of_a) = ([no_integers(); N], [no_integers(); N], no_integers());
            while at < end {
                let (l, h) = (load(lower, at), load(upper, at));
                let upper_bits = _mm256_andnot_si256(_mm256_set1_epi8(0x0f), h);
                let first = _mm256_xor_si256(_mm256_or_si256(low_bits(l), _mm256_slli_epi16::<4>(low_bits(h))), sign);
                let second = _mm256_xor_si256(_mm256_or_si256(high_bits(l), upper_bits), sign);
                let one = _mm256_set1_epi8(1);
                of_a = _mm256_add_epi16(of_a, _mm256_maddubs_epi16(one, first));
                of_a = _mm256_add_epi16(of_a, _mm256_maddubs_epi16(one, second));
                for i in 0..N {
                    let (l, h) = (load(b_lower[i], at), load(b_upper[i], at));
                    low[i] = _mm256_add_epi16(low[i], _mm256_maddubs_epi16(low_bits(l), first));
                    high[i] = _mm256_add_epi16(high[i], _mm256_maddubs_epi16(low_bits(h), first));
                    low[i] = _mm256_add_epi16(low[i], _mm256_maddubs_epi16(high_bits(l), second));
                    high[i] = _mm256_add_epi16(high[i], _mm256_maddubs_epi16(high_bits(h), second));
                }
                at += BLOCK / 2;
            }
            excess = add_pairs(excess, of_a, 128);
            for i in 0..N {
                sums[i] = add_pairs(add_pairs(sums[i], low[i], 1), high[i], 16);
            }
        }
        for sum in &mut sums[..N] {
            *sum = _mm256_sub_epi32(*sum, excess);
        }
        if !whole.is_empty() {
            add_whole(&mut sums, whole, b_whole);
        }
        reduce_integers(sums)
    }
}

/// Of a plain code `q` and upper halves `h`, `16·Σqh`, and the products of what is whole.
pub(super) mod upper_dot {
    use super::super::super::super::encoding::halves::{BLOCK, parts_of};
    use super::*;

    /// As of [`q8_dot`], with a sum of its own for each of the two halves in a byte.
    const HELD: usize = 8;

    forms!("avx2");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn four_of<const N: usize>(plain: &[u8], codes: [&[u8]; N]) -> [f32; 4] {
        assert!(codes.iter().all(|code| code.len() == plain.len()), "codes of one kind");
        let [_, whole, upper] = parts_of(codes);
        let len = upper[0].len();
        let (halved, rest) = plain.split_at(2 * len);
        let mut sums = [no_integers(); 4];
        let mut at = 0;
        while at < len {
            let end = len.min(at + HELD * BLOCK / 2);
            let (mut low, mut high) = ([no_integers(); N], [no_integers(); N]);
            while at < end {
                let (first, second) = (load(halved, 2 * at), load(halved, 2 * at + BLOCK / 2));
                for i in 0..N {
                    let h = load(upper[i], at);
                    low[i] = _mm256_add_epi16(low[i], _mm256_maddubs_epi16(low_bits(h), first));
                    high[i] = _mm256_add_epi16(high[i], _mm256_maddubs_epi16(high_bits(h), second));
                }
                at += BLOCK / 2;
            }
            for i in 0..N {
                sums[i] = add_pairs(add_pairs(sums[i], low[i], 16), high[i], 16);
            }
        }
        if !rest.is_empty() {
            add_whole(&mut sums, rest, whole);
        }
        reduce_integers(sums)
    }
}

/// The sum of the coarse code: of a query's bit planes against codes.
///
/// Bits are counted by looking up halves of bytes in a table, which is another one for each plane: it has the counts times what
/// they weigh. So a byte's counts of all planes are summed up as they are, between -64 and 56.
pub(super) mod weighted_bits {
    use super::super::super::portable::PLANES;
    use super::super::WEIGHTS;
    use super::*;

    /// Bytes that are all ones after as many that are none.
    const FRESH: [u8; 64] = {
        let mut bytes = [0; 64];
        let mut at = 32;
        while at < 64 {
            bytes[at] = 0xff;
            at += 1;
        }
        bytes
    };

    forms!("avx2");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn four_of<const N: usize>(planes: &[u8], codes: [&[u8]; N]) -> [f32; 4] {
        let len = planes.len() / PLANES;
        assert!(codes.iter().all(|code| code.len() == len), "codes of one kind");
        let tables = tables();
        let mut sums = [no_integers(); 4];
        let mut parts = [no_integers(); N];
        let mut at = 0;
        // No `map` around these functions: it lacks their features, so they would not be inlined.
        while at + 32 <= len {
            for i in 0..N {
                parts[i] = load(codes[i], at);
            }
            let mut bits = [no_integers(); PLANES];
            for (plane, bits) in bits.iter_mut().enumerate() {
                *bits = load(planes, plane * len + at);
            }
            add(&mut sums, &tables, &bits, &parts);
            at += 32;
        }
        if at < len && len >= 32 {
            // The last 32 bytes, without those that were counted.
            let fresh = load(&FRESH, len - at);
            let mut bits = [no_integers(); PLANES];
            for (plane, bits) in bits.iter_mut().enumerate() {
                *bits = _mm256_and_si256(fresh, load(planes, (plane + 1) * len - 32));
            }
            for i in 0..N {
                parts[i] = load(codes[i], len - 32);
            }
            add(&mut sums, &tables, &bits, &parts);
        } else if at < len {
            let mut bits = [no_integers(); PLANES];
            for (plane, bits) in bits.iter_mut().enumerate() {
                *bits = load_end(&planes[plane * len..(plane + 1) * len], at);
            }
            for i in 0..N {
                parts[i] = load_end(codes[i], at);
            }
            add(&mut sums, &tables, &bits, &parts);
        }
        reduce_integers(sums)
    }

    /// What the bits of half a byte weigh in each plane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn tables() -> [__m256i; PLANES] {
        let mut tables = [counts(); PLANES];
        for plane in 1..PLANES {
            tables[plane] = _mm256_add_epi8(tables[plane - 1], tables[plane - 1]);
        }
        // The last one weighs less than nothing.
        const { assert!(WEIGHTS[0] == 1 && WEIGHTS[1] == 2 && WEIGHTS[2] == 4 && WEIGHTS[3] == -8) };
        tables[PLANES - 1] = _mm256_sub_epi8(no_integers(), tables[PLANES - 1]);
        tables
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add<const N: usize>(
        sums: &mut [__m256i; 4],
        tables: &[__m256i; PLANES],
        planes: &[__m256i; PLANES],
        codes: &[__m256i; N],
    ) {
        let half = _mm256_set1_epi8(0x0f);
        let (mut low, mut high) = ([no_integers(); N], [no_integers(); N]);
        for i in 0..N {
            low[i] = _mm256_and_si256(codes[i], half);
            high[i] = _mm256_and_si256(_mm256_srli_epi16::<4>(codes[i]), half);
        }
        let mut bytes = [no_integers(); N];
        for (plane, table) in planes.iter().zip(tables) {
            let high_bits = _mm256_srli_epi16::<4>(*plane);
            for i in 0..N {
                let of_low = _mm256_shuffle_epi8(*table, _mm256_and_si256(*plane, low[i]));
                let of_high = _mm256_shuffle_epi8(*table, _mm256_and_si256(high_bits, high[i]));
                bytes[i] = _mm256_add_epi8(bytes[i], _mm256_add_epi8(of_low, of_high));
            }
        }
        for i in 0..N {
            let pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes[i]);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
        }
    }
}
