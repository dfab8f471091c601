//! The codes, and sums of products over them.

use std::arch::x86_64::*;

use crate::rows::hash;

pub(crate) fn normalized(row: &[f32]) -> Vec<f32> {
    let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter().map(|x| x / norm).collect()
}

/// A random rotation: signs and Hadamard transforms of the first and of the last 2ⁿ components in turn.
pub(crate) struct Rotation {
    signs: [Vec<f32>; 4],
}

impl Rotation {
    pub(crate) fn new(dim: usize) -> Rotation {
        let sign = |x| if hash(x) & 1 == 1 { 1.0 } else { -1.0 };
        Rotation { signs: [0, 1, 2, 3].map(|round| (0..dim).map(|j| sign(round * dim + j)).collect()) }
    }

    pub(crate) fn apply(&self, row: &mut [f32]) {
        let width = 1 << row.len().ilog2();
        let rest = row.len() - width;
        for (round, signs) in self.signs.iter().enumerate() {
            row.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
            hadamard(if round % 2 == 0 { &mut row[..width] } else { &mut row[rest..] });
        }
    }
}

pub(crate) fn hadamard(row: &mut [f32]) {
    let mut half = 1;
    while half < row.len() {
        for pair in row.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            low.iter_mut().zip(high).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
        half *= 2;
    }
    let scale = 1.0 / (row.len() as f32).sqrt();
    row.iter_mut().for_each(|x| *x *= scale);
}

pub(crate) fn words(bytes: impl Iterator<Item = u8>) -> Vec<u32> {
    let bytes: Vec<u8> = bytes.collect();
    bytes.chunks_exact(4).map(|x| u32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect()
}

/// The int8 code and its scale.
pub(crate) fn int8(row: &[f32]) -> (Vec<u32>, f32) {
    let range = row.iter().fold(0f32, |most, x| most.max(x.abs()));
    let by = 127.0 / range;
    (words(row.iter().map(|x| (x * by + 0.5f32.copysign(*x)) as i32 as u8)), range / 127.0)
}

pub(crate) fn bit_words(row: &[f32], bit: impl Fn(f32) -> bool) -> Vec<u32> {
    row.chunks(32).map(|x| x.iter().enumerate().fold(0, |word, (j, &x)| word | u32::from(bit(x)) << j)).collect()
}

/// Two bits a component: ±½ and ±1½, parted where the codes lie best along the vector; and what makes an estimate of a sum.
pub(crate) fn two_bits(row: &[f32]) -> (Vec<u32>, f32) {
    let level = |x: f32, at: f32| if x.abs() > at { 1.5f32.copysign(x) } else { 0.5f32.copysign(x) };
    let along = |at: f32| row.iter().map(|&x| level(x, at) * x).sum::<f32>();
    let size = |at: f32| row.iter().map(|&x| level(x, at).powi(2)).sum::<f32>().sqrt();
    let deviation = (row.iter().map(|x| x * x).sum::<f32>() / row.len() as f32).sqrt();
    let cuts = [0.7, 0.8, 0.9, 1.0, 1.1, 1.2].map(|x| x * deviation);
    let cosine = |at: f32| along(at) / size(at);
    let cut = cuts.into_iter().max_by(|&a, &b| cosine(a).total_cmp(&cosine(b))).unwrap_or(deviation);
    let code = |x: f32| (level(x, cut) + 1.5) as u8;
    let planes = [bit_words(row, |x| code(x) & 1 == 1), bit_words(row, |x| code(x) & 2 == 2)];
    (planes.concat(), row.iter().map(|x| x * x).sum::<f32>() / along(cut))
}

/// Sums of products of the query's int8 code and the components that `BITS` bits express, for four codes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
pub(crate) fn sums<const BITS: usize>(query: &[u32], codes: [&[u32]; 4]) -> [i32; 4] {
    let chunks = query.len() / 16;
    assert!(codes.iter().all(|code| code.len() == query.len() * BITS / 8), "codes of one kind");
    let higher = _mm512_set1_epi8(-128);
    let (mut sums, mut excess) = ([_mm512_setzero_si512(); 4], _mm512_setzero_si512());
    for at in 0..if BITS == 4 { chunks / 2 } else { chunks } {
        let x = load(query, at);
        if BITS == 8 {
            excess = _mm512_dpbusd_epi32(excess, higher, x);
        }
        for (sum, code) in sums.iter_mut().zip(codes) {
            let bits = |plane: usize, one: i8| {
                let at = plane * query.len() / 8 + 2 * at;
                let mask = u64::from(code[at]) | u64::from(code[at + 1]) << 32;
                _mm512_maskz_mov_epi8(mask, _mm512_set1_epi8(one))
            };
            *sum = match BITS {
                8 => _mm512_dpbusd_epi32(*sum, _mm512_xor_si512(load(code, at), higher), x),
                4 => {
                    let (both, low) = (load(code, at), _mm512_set1_epi8(15));
                    let first = _mm512_dpbusd_epi32(*sum, _mm512_and_si512(both, low), x);
                    let second = _mm512_and_si512(_mm512_srli_epi16::<4>(both), low);
                    _mm512_dpbusd_epi32(first, second, load(query, chunks / 2 + at))
                }
                2 => _mm512_dpbusd_epi32(*sum, _mm512_or_si512(bits(0, 1), bits(1, 2)), x),
                _ => _mm512_dpbusd_epi32(*sum, bits(0, 1), x),
            };
        }
    }
    sums.map(|sum| _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, excess)))
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn load(words: &[u32], at: usize) -> __m512i {
    let words = &words[16 * at..16 * at + 16];
    // SAFETY: sixteen words were just cut out.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}
