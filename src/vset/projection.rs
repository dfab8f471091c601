//! REDUCE: vectors are projected to fewer components before they are stored.
//!
//! `y = matrix · x`, where the matrix a set is created with is a fixed pattern: entry (i, j) is `1/√input` with the sign
//! `+` iff `popcount(i & j)` is even. These are the first rows of a Walsh-Hadamard matrix, so the pattern needs no memory
//! and its product takes `n log n` additions. A set that was loaded keeps the matrix of its encoding, whatever it holds.

use crate::codec::Corrupt;

/// The most entries of a matrix (256 MiB of floats): what an encoding can hold at all.
pub const MAX_ENTRIES: usize = 1 << 26;

/// A projection from `input` components to `output` components.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    input: usize,
    output: usize,
    /// Row by row; `None` is the pattern.
    matrix: Option<Box<[f32]>>,
}

impl Projection {
    /// The pattern; `None` where its matrix would exceed [`MAX_ENTRIES`], or has no rows, or more rows than columns.
    pub fn pattern(input: usize, output: usize) -> Option<Self> {
        let fits = output > 0 && output <= input && input.checked_mul(output).is_some_and(|n| n <= MAX_ENTRIES);
        fits.then_some(Self { input, output, matrix: None })
    }

    /// The projection of an encoded matrix: little-endian floats, row by row.
    ///
    /// # Errors
    /// [`Corrupt`] for dimensions that no set has, another length than theirs, or entries that are not finite.
    pub fn decode(input: usize, output: usize, matrix: &[u8]) -> Result<Self, Corrupt> {
        let pattern = Self::pattern(input, output).ok_or(Corrupt("projection's dimensions"))?;
        let (words, rest) = matrix.as_chunks::<4>();
        if !rest.is_empty() || words.len() != input * output {
            return Err(Corrupt("projection's length"));
        }
        let entries = || words.iter().map(|&word| f32::from_le_bytes(word));
        if !entries().all(f32::is_finite) {
            return Err(Corrupt("projection's entries"));
        }
        if entries().enumerate().all(|(at, entry)| entry == pattern.entry(at)) {
            return Ok(pattern);
        }
        Ok(Self { matrix: Some(entries().collect()), ..pattern })
    }

    /// The matrix as an encoding holds it.
    pub fn encode(&self) -> Vec<u8> {
        match &self.matrix {
            Some(matrix) => matrix.iter().flat_map(|entry| entry.to_le_bytes()).collect(),
            None => (0..self.input * self.output).flat_map(|at| self.entry(at).to_le_bytes()).collect(),
        }
    }

    /// Components of a vector before.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Components of a vector after.
    pub fn output(&self) -> usize {
        self.output
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.matrix.as_ref().map_or(0, |matrix| size_of_val(&**matrix))
    }

    /// An entry of the pattern.
    fn entry(&self, at: usize) -> f32 {
        let (row, column) = (at / self.input, at % self.input);
        let size = 1.0 / (self.input as f32).sqrt();
        if (row & column).count_ones().is_multiple_of(2) { size } else { -size }
    }

    /// Projects a vector of [`Projection::input`] components. What would be beyond the floats keeps its direction only.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let projected = self.product(vector);
        if projected.iter().all(|x| x.is_finite()) {
            return projected;
        }
        let largest = vector.iter().fold(0.0f32, |largest, x| x.abs().max(largest));
        // Entries are small; no sum of a row's products with numbers up to 1 is near the greatest float.
        let scaled: Vec<f32> = vector.iter().map(|x| x / largest).collect();
        let projected = self.product(&scaled);
        let largest = projected.iter().fold(0.0f32, |largest, x| x.abs().max(largest));
        projected.into_iter().map(|x| x / largest * f32::MAX).collect()
    }

    fn product(&self, vector: &[f32]) -> Vec<f32> {
        match &self.matrix {
            Some(matrix) => matrix
                .chunks_exact(self.input)
                .map(|row| row.iter().zip(vector).map(|(entry, x)| entry * x).sum())
                .collect(),
            None => self.transform(vector),
        }
    }

    /// The fast Walsh-Hadamard transform, in place over the next power of two; in double, so that its order of summing
    /// does not show.
    fn transform(&self, vector: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.input.next_power_of_two()];
        for (sum, &x) in sums.iter_mut().zip(vector) {
            *sum = f64::from(x);
        }
        let mut half = 1;
        while half < sums.len() {
            for block in sums.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
        let size = f64::from(1.0 / (self.input as f32).sqrt());
        sums[..self.output].iter().map(|sum| (sum * size) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_pattern_is_that_of_the_field() {
        let projection = Projection::pattern(4, 2).unwrap();
        assert_eq!(projection.apply(&[1.0, 2.0, 3.0, 4.0]), [5.0, -1.0]);
        assert_eq!((projection.entry(4), projection.entry(5)), (0.5, -0.5));
        assert_eq!(Projection::pattern(65_536, 65_536), None);
        assert_eq!(Projection::pattern(2, 3), None);
    }

    proptest! {
        #[test]
        fn the_transform_is_the_matrix_product(
            vector in proptest::collection::vec(-10f32..10.0, 1..70), part in 0usize..70,
        ) {
            let pattern = Projection::pattern(vector.len(), part % vector.len() + 1).unwrap();
            let (input, output) = (pattern.input(), pattern.output());
            let fast = pattern.apply(&vector);
            for (row, got) in fast.iter().enumerate() {
                let want: f64 =
                    (0..input).map(|j| f64::from(pattern.entry(row * input + j)) * f64::from(vector[j])).sum();
                prop_assert!((f64::from(*got) - want).abs() < 1e-5, "{got} {want}");
            }
            prop_assert_eq!(Projection::decode(input, output, &pattern.encode()), Ok(pattern.clone()));
            let mut other = pattern.encode();
            other[0] ^= 1;
            let other = Projection::decode(input, output, &other).unwrap();
            prop_assert!(other.matrix.is_some());
            for (a, b) in other.apply(&vector).iter().zip(&fast) {
                prop_assert!((a - b).abs() < 1e-3);
            }
        }

        #[test]
        fn damaged_matrices_are_refused(input in 0usize..9, output in 0usize..9, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if Projection::decode(input, output, &bytes).is_ok() {
                prop_assert!(output > 0 && output <= input && bytes.len() == 4 * input * output);
            }
        }
    }
}
