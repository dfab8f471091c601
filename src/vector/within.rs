//! Which of many codes are within ranges, a bit for each: by hand for AVX-512 and for AVX2.
//!
//! Codes come by 64, a word of bits each. A code is within a range where its distance from the range's first, modulo 2¹⁶, is
//! no more than the range's length: one subtraction and one comparison, of 32 or 16 codes at a time.
#![allow(unsafe_code)]

use std::ops::RangeInclusive;

/// Codes of a word of bits.
pub const WORD: usize = 64;

/// The codes from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first: u16,
    /// How many there are after the first.
    rest: u16,
}

impl Span {
    /// Those of a range that is not empty.
    #[must_use]
    pub fn new(codes: RangeInclusive<u16>) -> Self {
        let (first, last) = (*codes.start(), *codes.end());
        assert!(first <= last, "a range");
        Self { first, rest: last - first }
    }

    fn has(self, code: u16) -> bool {
        code.wrapping_sub(self.first) <= self.rest
    }
}

/// Makes each word of `bits` say which of its 64 `codes` are within one of the spans.
///
/// # Panics
/// When there are not 64 codes for each word.
pub fn within(codes: &[u16], spans: &[Span], bits: &mut [u64]) {
    assert_eq!(codes.len(), bits.len() * WORD, "64 codes for each word");
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { x86::avx512(codes, spans, bits) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { x86::avx2(codes, spans, bits) };
        }
    }
    portable(codes, spans, bits);
}

/// Makes each word of `bits` say for which of its 64 `codes` the function does.
///
/// # Panics
/// When there are not 64 codes for each word.
#[inline]
pub fn each_where(codes: &[u16], is: impl Fn(u16) -> bool, bits: &mut [u64]) {
    assert_eq!(codes.len(), bits.len() * WORD, "64 codes for each word");
    for (codes, word) in codes.chunks_exact(WORD).zip(bits) {
        let mut bytes = [0; WORD];
        bytes.iter_mut().zip(codes).for_each(|(byte, &code)| *byte = u8::from(is(code)));
        *word = packed(&bytes);
    }
}

#[inline(always)]
fn portable(codes: &[u16], spans: &[Span], bits: &mut [u64]) {
    for (codes, word) in codes.chunks_exact(WORD).zip(bits) {
        let mut bytes = [0; WORD];
        for &span in spans {
            bytes.iter_mut().zip(codes).for_each(|(byte, &code)| *byte |= u8::from(span.has(code)));
        }
        *word = packed(&bytes);
    }
}

/// A bit for each byte, which is 0 or 1.
#[inline(always)]
fn packed(bytes: &[u8; WORD]) -> u64 {
    let (eights, _) = bytes.as_chunks();
    // The product's highest byte has the lowest bit of each byte, at its place; no two of the sums' terms meet.
    let eight = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    eights.iter().rev().fold(0, |word, bytes| word << 8 | eight(bytes))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Span, WORD};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw")]
    pub fn avx512(codes: &[u16], spans: &[Span], bits: &mut [u64]) {
        let (groups, _) = codes.as_chunks();
        for (codes, word) in groups.iter().zip(bits) {
            let (low, high) = load(codes);
            *word = 0;
            for span in spans {
                let (first, rest) = (_mm512_set1_epi16(span.first as i16), _mm512_set1_epi16(span.rest as i16));
                let low = _mm512_cmple_epu16_mask(_mm512_sub_epi16(low, first), rest);
                let high = _mm512_cmple_epu16_mask(_mm512_sub_epi16(high, first), rest);
                *word |= u64::from(low) | u64::from(high) << 32;
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn load(codes: &[u16; WORD]) -> (__m512i, __m512i) {
        let codes: *const __m512i = codes.as_ptr().cast();
        // SAFETY: 64 codes are two vectors of 64 bytes; they may stand anywhere.
        unsafe { (_mm512_loadu_si512(codes), _mm512_loadu_si512(codes.add(1))) }
    }

    #[target_feature(enable = "avx2")]
    pub fn avx2(codes: &[u16], spans: &[Span], bits: &mut [u64]) {
        let (groups, _) = codes.as_chunks();
        for (codes, word) in groups.iter().zip(bits) {
            let codes = load_quarters(codes);
            let mut are = [_mm256_setzero_si256(); 4];
            for span in spans {
                let (first, rest) = (_mm256_set1_epi16(span.first as i16), _mm256_set1_epi16(span.rest as i16));
                for (are, codes) in are.iter_mut().zip(codes) {
                    let after = _mm256_sub_epi16(codes, first);
                    // No more than `rest`: the lesser of both is itself.
                    *are = _mm256_or_si256(*are, _mm256_cmpeq_epi16(_mm256_min_epu16(after, rest), after));
                }
            }
            let [a, b, c, d] = are;
            *word = u64::from(bits_of(a, b)) | u64::from(bits_of(c, d)) << 32;
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_quarters(codes: &[u16; WORD]) -> [__m256i; 4] {
        let codes: *const __m256i = codes.as_ptr().cast();
        // SAFETY: 64 codes are four vectors of 32 bytes; they may stand anywhere.
        unsafe {
            [
                _mm256_loadu_si256(codes),
                _mm256_loadu_si256(codes.add(1)),
                _mm256_loadu_si256(codes.add(2)),
                _mm256_loadu_si256(codes.add(3)),
            ]
        }
    }

    /// A bit for each of 32 words of 16 bits, of which all bits are set or none.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn bits_of(a: __m256i, b: __m256i) -> u32 {
        // Packing puts together the lower halves of both, then the upper ones.
        let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(a, b));
        _mm256_movemask_epi8(bytes) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expected(codes: &[u16], spans: &[(u16, u16)]) -> Vec<u64> {
        let is = |code: u16| spans.iter().any(|&(first, last)| (first..=last).contains(&code));
        let word = |codes: &[u16]| (0..).zip(codes).map(|(at, &code)| u64::from(is(code)) << at).sum();
        codes.chunks(WORD).map(word).collect()
    }

    /// Often next to the ends of ranges.
    fn code() -> impl Strategy<Value = u16> {
        prop_oneof![any::<u16>(), 0..4u16, 0x7ffe..0x8002u16, 0xfffc..=0xffffu16]
    }

    proptest! {
        #[test]
        fn bits_say_what_the_ranges_say(
            words in proptest::collection::vec(proptest::collection::vec(code(), WORD), 0..5),
            spans in proptest::collection::vec((code(), code()), 0..5),
        ) {
            let codes = words.concat();
            let spans: Vec<_> = spans.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
            let expected = expected(&codes, &spans);
            let spans: Vec<_> = spans.iter().map(|&(first, last)| Span::new(first..=last)).collect();
            let mut bits = vec![!0; words.len()];
            within(&codes, &spans, &mut bits);
            prop_assert_eq!(&bits, &expected);
            bits.fill(!0);
            portable(&codes, &spans, &mut bits);
            prop_assert_eq!(&bits, &expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                bits.fill(!0);
                // SAFETY: the processor has what the function is compiled for.
                unsafe { x86::avx2(&codes, &spans, &mut bits) };
                prop_assert_eq!(&bits, &expected);
            }
            bits.fill(!0);
            each_where(&codes, |code| spans.iter().any(|span| span.has(code)), &mut bits);
            prop_assert_eq!(&bits, &expected);
        }
    }
}
