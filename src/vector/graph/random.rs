//! Numbers for tests: the same everywhere, so that floors of recall hold everywhere.
#![forbid(unsafe_code)]

/// SplitMix64.
pub(in crate::vector) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In −1..1, denser around 0.
    pub fn float(&mut self) -> f32 {
        let mut half = || (self.next() >> 40) as f32 / (1u64 << 24) as f32;
        half() - half()
    }

    pub fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.float()).collect()
    }
}

/// Points around `clusters` centers.
pub(in crate::vector) fn clustered(
    random: &mut Random,
    count: usize,
    dim: usize,
    clusters: usize,
    width: f32,
) -> Vec<Vec<f32>> {
    let centers: Vec<Vec<f32>> = (0..clusters).map(|_| random.vector(dim)).collect();
    (0..count)
        .map(|_| {
            let center = &centers[random.next() as usize % clusters];
            center.iter().map(|x| x + width * random.float()).collect()
        })
        .collect()
}
