//! Telling whether a value is the one it was, without keeping it.

/// 64 bits that differ for different bytes, but for one chance in 2^64. The same in every process: it is saved with graphs.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    // A folded multiplication mixes every bit of the word into every bit of the state.
    let fold = |state: u64, word: u64| {
        let wide = u128::from(state ^ word).wrapping_mul(u128::from(K | 1));
        (wide as u64) ^ (wide >> 64) as u64 ^ word.rotate_left(32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let start = fold(K, bytes.len() as u64);
    let state = words.iter().fold(start, |state, word| fold(state, u64::from_le_bytes(*word)));
    let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(fold(state, rest), K)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn values_that_differ_in_a_bit_differ() {
        let base = [0u8; 40];
        let mut seen = HashSet::from([fingerprint(&base), fingerprint(&base[..39]), fingerprint(&[])]);
        for bit in 0..320 {
            let mut other = base;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(seen.insert(fingerprint(&other)));
        }
    }

    /// Saved graphs rely on it.
    #[test]
    fn it_is_the_same_for_ever() {
        assert_eq!(fingerprint(b"nearset fingerprint"), FOREVER);
    }

    const FOREVER: u64 = 8_854_948_946_410_557_489;
}
