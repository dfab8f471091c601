//! A `Q8` code in halves: the upper four bits of its components stand together, and so do the lower four.
//!
//! How far a vector is can be told from the upper halves of its components about as well as from all of them, and they are half
//! as many bytes to fetch from memory, which is what most of a walk's time goes into. Together, both halves are the code and take
//! no more memory than it does. In a row of a graph, or in a query:
//!
//! ```text
//! | lower halves of the components before `split` | the components from `split` on | upper halves of those before |
//!   split/2 bytes                                   dim − split                      split/2
//! ```
//!
//! A byte of halves has those of two components of the same 64, the second 32 after the first, which is in the lower bits: so
//! they unfold to what they were in order, 32 at a time. Upper halves are those of the component plus 128, 0 to 15.
//!
//! This is in memory only. Files and replies have the plain code: [`Vector::Stored`](super::Vector::Stored) and
//! [`Codec::plain`](super::Codec::plain) translate.
//!
//! # Where
//! Kernels for it are AVX-512's with VNNI, AVX2's, and portable ones (`distance/halves.rs`). Where only the portable ones run, codes
//! are plain. Nor is there anything to gain for codes of a few cache lines.
#![forbid(unsafe_code)]

use std::borrow::Cow;

/// Components whose halves stand together.
pub(in crate::vector) const BLOCK: usize = 64;
/// Codes of fewer bytes are a few cache lines.
const LEAST: usize = 192;
/// More components than this have sums of upper halves that 32 bits cannot hold.
const MOST: usize = 1 << 15;

/// Whether this processor has kernels for codes in halves.
fn are_used() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// How many components of a code of `len` bytes have their halves apart; the others are whole.
#[inline(always)]
pub(in crate::vector) fn split_len(len: usize) -> usize {
    if (LEAST..=MOST).contains(&len) { len / BLOCK * BLOCK } else { 0 }
}

/// The parts of a code in halves: lower halves, whole components, upper halves.
#[inline(always)]
pub(in crate::vector) fn parts(code: &[u8]) -> [&[u8]; 3] {
    let half = split_len(code.len()) / 2;
    let (lower, rest) = code.split_at(half);
    let (whole, upper) = rest.split_at(rest.len() - half);
    [lower, whole, upper]
}

/// As [`parts`], of several codes: the lower halves of all, and so on.
#[inline(always)]
pub(in crate::vector) fn parts_of<const N: usize>(codes: [&[u8]; N]) -> [[&[u8]; N]; 3] {
    let [mut lower, mut whole, mut upper] = [[&[][..]; N]; 3];
    // A loop, as a closure would lack the features of the kernels that this is inlined into.
    for (i, code) in codes.into_iter().enumerate() {
        [lower[i], whole[i], upper[i]] = parts(code);
    }
    [lower, whole, upper]
}

/// Whether codes of `len` bytes are in halves.
pub(super) fn are_codes_split(len: usize) -> bool {
    split_len(len) > 0 && are_used()
}

/// A `Q8` code as files have it.
pub(in crate::vector) fn plain(code: &[u8]) -> Cow<'_, [u8]> {
    if !are_codes_split(code.len()) {
        return Cow::Borrowed(code);
    }
    let mut plain = vec![0; code.len()];
    join(code, &mut plain);
    Cow::Owned(plain)
}

/// Writes a plain code in halves.
pub(in crate::vector) fn split(plain: &[u8], out: &mut [u8]) {
    let split = split_len(plain.len());
    let (lower, rest) = out.split_at_mut(split / 2);
    let (whole, upper) = rest.split_at_mut(plain.len() - split);
    whole.copy_from_slice(&plain[split..]);
    let halves = lower.chunks_exact_mut(BLOCK / 2).zip(upper.chunks_exact_mut(BLOCK / 2));
    for (block, (lower, upper)) in plain[..split].chunks_exact(BLOCK).zip(halves) {
        let (first, second) = block.split_at(BLOCK / 2);
        for j in 0..BLOCK / 2 {
            let (a, b) = (first[j] ^ 0x80, second[j] ^ 0x80);
            lower[j] = a & 0x0f | b << 4;
            upper[j] = a >> 4 | b & 0xf0;
        }
    }
}

/// Writes the plain code of one in halves.
pub(in crate::vector) fn join(code: &[u8], out: &mut [u8]) {
    let [lower, whole, upper] = parts(code);
    let (joined, rest) = out.split_at_mut(2 * lower.len());
    rest.copy_from_slice(whole);
    let halves = lower.chunks_exact(BLOCK / 2).zip(upper.chunks_exact(BLOCK / 2));
    for (block, (lower, upper)) in joined.chunks_exact_mut(BLOCK).zip(halves) {
        let (first, second) = block.split_at_mut(BLOCK / 2);
        for j in 0..BLOCK / 2 {
            first[j] = (lower[j] & 0x0f | upper[j] << 4) ^ 0x80;
            second[j] = (lower[j] >> 4 | upper[j] & 0xf0) ^ 0x80;
        }
    }
}
