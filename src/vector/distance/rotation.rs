//! The random rotation under the coarse code; `coarse.rs` says what it is.
#![forbid(unsafe_code)]

const LANES: usize = 16;

/// The numbers that a rotation works on.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The rotated components.
    pub row: Vec<f32>,
    /// A byte for each component, and zeros up to a multiple of 64.
    pub bytes: Vec<u8>,
}

impl Buffers {
    /// Bytes they hold.
    pub fn memory_usage(&self) -> usize {
        self.row.capacity() * 4 + self.bytes.capacity()
    }

    /// Rotates components, into `row`.
    #[inline(always)]
    pub fn rotate(&mut self, components: impl Iterator<Item = f32>) {
        let row = &mut self.row;
        row.clear();
        row.extend(components);
        let Some(log) = row.len().checked_ilog2() else { return };
        let (width, rest) = (1 << log, row.len() - (1 << log));
        for round in 0..if rest == 0 { 2 } else { 4 } {
            let window = if round % 2 == 0 { &mut row[..width] } else { &mut row[rest..] };
            flip_signs(window, round);
            hadamard(window);
            if round == 1 && rest > 0 {
                let half = row.len() / 2;
                let (low, high) = row.split_at_mut(half);
                add_and_subtract(low, &mut high[..half]);
            }
        }
    }

    /// Makes a byte of each component.
    #[inline(always)]
    pub fn fill_bytes(&mut self, byte: impl Fn(f32) -> u8) {
        let Buffers { row, bytes, .. } = self;
        bytes.clear();
        bytes.resize(row.len().next_multiple_of(64), 0);
        bytes.iter_mut().zip(row).for_each(|(out, &mut x)| *out = byte(x));
    }
}

/// Sums up what `term` makes of each number, in [`LANES`] partial sums.
#[inline(always)]
pub(super) fn sum_of(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|&x| term(x)).sum();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += term(x);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Sums up products, as [`sum_of`] does.
#[inline(always)]
pub(super) fn product_of(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (of_a, of_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = of_a.remainder().iter().zip(of_b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in of_a.zip(of_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Changes some signs, always the same ones.
#[inline(always)]
fn flip_signs(row: &mut [f32], round: u64) {
    let mut chunks = row.chunks_exact_mut(32);
    let word = |at: u64| {
        // The mix of splitmix64.
        let mut x = (round << 32 | at).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x >> 32) as u32
    };
    let flip = |x: &mut f32, word: u32, j: u32| *x = f32::from_bits(x.to_bits() ^ (word << j & 1 << 31));
    for (at, chunk) in (&mut chunks).enumerate() {
        let word = word(at as u64);
        chunk.iter_mut().zip(0..32).for_each(|(x, j)| flip(x, word, j));
    }
    let word = word(u64::from(u32::MAX));
    chunks.into_remainder().iter_mut().zip(0..32).for_each(|(x, j)| flip(x, word, j));
}

#[inline(always)]
fn add_and_subtract(low: &mut [f32], high: &mut [f32]) {
    let scale = std::f32::consts::FRAC_1_SQRT_2;
    low.iter_mut().zip(high).for_each(|(a, b)| (*a, *b) = ((*a + *b) * scale, (*a - *b) * scale));
}

/// The Hadamard transform of 2ⁿ numbers, as a rotation.
#[inline(always)]
fn hadamard(row: &mut [f32]) {
    let scale = 1.0 / (row.len() as f32).sqrt();
    let mut half = row.len() / 2;
    // Two steps at a time, then all within a block of 64.
    while half >= 128 {
        for block in row.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            let ((a, b), (c, d)) = (low.split_at_mut(half / 2), high.split_at_mut(half / 2));
            for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                let [e, f, g, h] = [*a + *c, *b + *d, *a - *c, *b - *d];
                [*a, *b, *c, *d] = [e + f, e - f, g + h, g - h];
            }
        }
        half /= 4;
    }
    if half == 64 {
        step(row, half);
        half = 32;
    }
    let (blocks, rest) = row.as_chunks_mut::<64>();
    for block in blocks {
        let mut eights = [[0.0; 8]; 8];
        for (eight, x) in eights.iter_mut().zip(block.as_chunks::<8>().0) {
            *eight = *x;
        }
        across::<4>(&mut eights);
        across::<2>(&mut eights);
        across::<1>(&mut eights);
        for (x, eight) in block.as_chunks_mut::<8>().0.iter_mut().zip(eights) {
            *x = within::<1>(within::<2>(within::<4>(eight)));
            x.iter_mut().for_each(|x| *x *= scale);
        }
    }
    if !rest.is_empty() {
        while half > 0 {
            step(rest, half);
            half /= 2;
        }
        rest.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Sums and differences of numbers that are `half` away from each other.
#[inline(always)]
fn step(row: &mut [f32], half: usize) {
    for pair in row.chunks_exact_mut(2 * half) {
        let (low, high) = pair.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
    }
}

/// As [`step`], of whole eights.
#[inline(always)]
fn across<const HALF: usize>(eights: &mut [[f32; 8]; 8]) {
    for pair in eights.chunks_exact_mut(2 * HALF) {
        let (low, high) = pair.split_at_mut(HALF);
        for (a, b) in low.iter_mut().zip(high) {
            a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
    }
}

/// As [`step`], within an eight.
#[inline(always)]
fn within<const HALF: usize>(x: [f32; 8]) -> [f32; 8] {
    let mut y = [0.0; 8];
    for i in 0..8 {
        y[i] = x[i ^ HALF] + if i & HALF == 0 { x[i] } else { -x[i] };
    }
    y
}
