//! Kernels of codes [in halves](crate::vector::encoding::halves) for AVX-512 with VNNI.
//!
//! A register holds the halves of two blocks of components, 128 components in all: in the lower bits of its bytes those of the first
//! 32 components of both blocks, in the upper bits those of the others. What they are multiplied by is put in that order, once for
//! four codes. A last single block fills half a register.

use super::super::super::encoding::halves::{BLOCK, parts, parts_of};
use super::i8_dot::HIGHER;
use super::*;

/// 32 bytes from `at`, which the slice has, and as many zeros.
#[inline]
#[target_feature(enable = "avx512f,avx")]
fn load_half(bytes: &[u8], at: usize) -> __m512i {
    debug_assert!(at + 32 <= bytes.len());
    // SAFETY: the callers' last blocks end where the slice does.
    _mm512_zextsi256_si512(unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at).cast()) })
}

/// The first 32 bytes, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx")]
fn lower_half(x: __m512i) -> __m512i {
    _mm512_zextsi256_si512(_mm512_castsi512_si256(x))
}

/// A register of halves: of two blocks where there are so many, else of one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx")]
fn load_halves(bytes: &[u8], at: usize) -> __m512i {
    if at + BLOCK <= bytes.len() { load(bytes, at) } else { load_half(bytes, at) }
}

/// The lower four bits of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn low_bits(x: __m512i) -> __m512i {
    _mm512_and_si512(x, _mm512_set1_epi8(0x0f))
}

/// The upper four bits of each byte, as its lower ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn high_bits(x: __m512i) -> __m512i {
    low_bits(_mm512_srli_epi16::<4>(x))
}

/// The components whose lower and upper halves are these, plus 128: those in the lower bits, and those in the upper bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn unfold(lower: __m512i, upper: __m512i) -> [__m512i; 2] {
    // For each bit: of the second where the first, the mask, has a 1, else of the third.
    const CHOOSE: i32 = 0xca;
    let low = _mm512_set1_epi8(0x0f);
    [
        _mm512_ternarylogic_epi32::<CHOOSE>(low, lower, _mm512_slli_epi16::<4>(upper)),
        _mm512_ternarylogic_epi32::<CHOOSE>(low, _mm512_srli_epi16::<4>(lower), upper),
    ]
}

/// Σab of `Q8` codes in halves.
pub(in super::super) mod q8_dot {
    use super::*;

    forms!("avx512f,avx512bw,avx512vnni,avx2");

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn four_of<const N: usize>(a: &[u8], b: [&[u8]; N]) -> [f32; 4] {
        assert!(b.iter().all(|b| b.len() == a.len()), "codes of one kind");
        let [lower, whole, upper] = parts(a);
        let [b_lower, b_whole, b_upper] = parts_of(b);
        let higher = _mm512_set1_epi8(HIGHER);
        let (mut sums, mut excess) = ([no_integers(); 4], no_integers());
        let mut at = 0;
        while at < lower.len() {
            let [first, second] = unfold(load_halves(lower, at), load_halves(upper, at));
            // What a single block leaves empty is 0 in both.
            let here = if at + BLOCK <= lower.len() { higher } else { lower_half(higher) };
            let (first, second) = (_mm512_xor_si512(first, here), _mm512_xor_si512(second, here));
            excess = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(excess, higher, first), higher, second);
            for i in 0..N {
                let [x, y] = unfold(load_halves(b_lower[i], at), load_halves(b_upper[i], at));
                sums[i] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums[i], x, first), y, second);
            }
            at += BLOCK;
        }
        for sum in &mut sums[..N] {
            *sum = _mm512_sub_epi32(*sum, excess);
        }
        if !whole.is_empty() {
            i8_dot::add(&mut sums, whole, b_whole);
        }
        reduce_integers(sums)
    }
}

/// Of a plain code `q` and upper halves `h`, `16·Σqh`, and the products of what is whole.
pub(in super::super) mod upper_dot {
    use super::*;

    forms!("avx512f,avx512bw,avx512vnni,avx2");

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn four_of<const N: usize>(plain: &[u8], codes: [&[u8]; N]) -> [f32; 4] {
        assert!(codes.iter().all(|code| code.len() == plain.len()), "codes of one kind");
        let [_, whole, upper] = parts_of(codes);
        let len = upper[0].len();
        let (halved, rest) = plain.split_at(2 * len);
        let (mut low, mut high) = ([no_integers(); N], [no_integers(); N]);
        let mut at = 0;
        while at + BLOCK <= len {
            let (x, y) = (load(halved, 2 * at), load(halved, 2 * at + BLOCK));
            // The first 256 bits of both, and the others.
            let (first, second) = (_mm512_shuffle_i64x2::<0x44>(x, y), _mm512_shuffle_i64x2::<0xee>(x, y));
            for i in 0..N {
                let h = load(upper[i], at);
                low[i] = _mm512_dpbusd_epi32(low[i], low_bits(h), first);
                high[i] = _mm512_dpbusd_epi32(high[i], high_bits(h), second);
            }
            at += BLOCK;
        }
        if at < len {
            let (first, second) = (load_half(halved, 2 * at), load_half(halved, 2 * at + BLOCK / 2));
            for i in 0..N {
                let h = load_half(upper[i], at);
                low[i] = _mm512_dpbusd_epi32(low[i], low_bits(h), first);
                high[i] = _mm512_dpbusd_epi32(high[i], high_bits(h), second);
            }
        }
        let mut sums = [no_integers(); 4];
        for i in 0..N {
            sums[i] = _mm512_slli_epi32::<4>(_mm512_add_epi32(low[i], high[i]));
        }
        if !rest.is_empty() {
            i8_dot::add(&mut sums, rest, whole);
        }
        reduce_integers(sums)
    }
}
