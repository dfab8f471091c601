//! The walk over a graph by a coarse code, and the ranking of what it found.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use crate::codes::{Rotation, bit_words, int8, normalized, sums, two_bits, words};

pub(crate) const K: usize = 10;
pub(crate) const M: usize = 16;
/// Words between a row's code and its links: the estimate's factor, the scale of the int8 code, how many links.
const HEAD: usize = 3;
/// How much nearer than the estimate a vector may be, for the filter.
const MARGIN: f32 = 0.02;

/// Rows of words, the first at a multiple of 64 bytes.
pub(crate) struct Table {
    words: Vec<u32>,
    first: usize,
    stride: usize,
}

impl Table {
    fn new(rows: usize, width: usize) -> Table {
        let wide = width.next_multiple_of(16);
        let stride = if wide - width <= width / 16 { wide } else { width };
        let words = vec![0u32; rows * stride + 16];
        let first = words.as_ptr().align_offset(64);
        Table { words, first, stride }
    }

    #[inline(always)]
    fn row(&self, row: u32) -> &[u32] {
        let at = self.first + row as usize * self.stride;
        &self.words[at..at + self.stride]
    }

    fn row_mut(&mut self, row: u32) -> &mut [u32] {
        let at = self.first + row as usize * self.stride;
        &mut self.words[at..at + self.stride]
    }

    #[inline(always)]
    fn prefetch(&self, row: u32, words: std::ops::Range<usize>) {
        let row = self.row(row);
        let mut at = words.start;
        while at < words.end {
            // SAFETY: fetching ahead has no effect that a program can see.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(at).cast()) }
            at += 16;
        }
    }
}

/// A graph's links, by row, and where searches begin.
pub(crate) struct Links {
    pub(crate) levels: Vec<Vec<Vec<u32>>>,
    pub(crate) entry: u32,
}

/// A coarse code with its links, and the int8 codes.
pub(crate) struct Index {
    pub(crate) name: &'static str,
    /// Bits of a component that the walk sees.
    pub(crate) bits: usize,
    pub(crate) filter: bool,
    pub(crate) dim: usize,
    pub(crate) rows: Table,
    pub(crate) fine: Table,
    pub(crate) rotation: Option<Rotation>,
}

pub(crate) struct Query {
    /// Int8 codes of the vector and of what the walk compares with: the same, or the rotated vector.
    fine: Vec<u32>,
    coarse: Vec<u32>,
    fine_scale: f32,
    coarse_scale: f32,
    sum: f32,
}

impl Index {
    pub(crate) fn new(name: &'static str, base: &[f32], dim: usize, links: &Links) -> Index {
        let bits = name[..1].parse().expect("bits");
        let count = base.len() / dim;
        let code_words = dim * bits / 32;
        let mut rows = Table::new(count, code_words + HEAD + 2 * M);
        let mut fine = Table::new(count, dim / 4);
        let rotation = (bits < 4).then(|| Rotation::new(dim));
        for (row, vector) in base.chunks_exact(dim).enumerate() {
            let mut vector = normalized(vector);
            let (int8, scale) = int8(&vector);
            if let Some(rotation) = &rotation {
                rotation.apply(&mut vector);
            }
            let upper = |j: usize| ((int8[j / 4] >> (j % 4 * 8)) as u8 ^ 0x80) >> 4;
            let (code, factor) = match bits {
                8 => (int8.clone(), scale),
                4 => (words((0..dim / 2).map(|j| upper(j) | upper(j + dim / 2) << 4)), scale),
                2 => two_bits(&vector),
                _ => (bit_words(&vector, |x| x > 0.0), 1.0 / vector.iter().map(|x| x.abs()).sum::<f32>()),
            };
            fine.row_mut(row as u32)[..dim / 4].copy_from_slice(&int8);
            let out = rows.row_mut(row as u32);
            let near = &links.levels[0][row];
            out[..code_words].copy_from_slice(&code);
            out[code_words..code_words + HEAD].copy_from_slice(&[factor.to_bits(), scale.to_bits(), near.len() as u32]);
            out[code_words + HEAD..code_words + HEAD + near.len()].copy_from_slice(near);
        }
        Index { name, bits, filter: name.ends_with('?'), dim, rows, fine, rotation }
    }

    /// Bytes of a row, and of what ranking needs beside it.
    pub(crate) fn bytes(&self) -> usize {
        let fine = match self.bits {
            8 => 0,
            4 => self.dim / 2,
            _ => self.dim,
        };
        self.rows.stride * 4 + fine
    }

    pub(crate) fn query(&self, vector: &[f32]) -> Query {
        let mut vector = normalized(vector);
        let (fine, fine_scale) = int8(&vector);
        let (coarse, coarse_scale) = match &self.rotation {
            None => (fine.clone(), fine_scale),
            Some(rotation) => {
                rotation.apply(&mut vector);
                int8(&vector)
            }
        };
        let sum: i32 = coarse.iter().flat_map(|x| x.to_le_bytes()).map(|x| i32::from(x as i8)).sum();
        Query { fine, coarse, fine_scale, coarse_scale, sum: sum as f32 }
    }

    /// Where the links begin.
    fn links_at(&self) -> usize {
        self.dim * self.bits / 32 + HEAD
    }

    fn links(&self, row: u32) -> &[u32] {
        let row = self.rows.row(row);
        let at = self.links_at();
        &row[at..at + row[at - 1] as usize]
    }

    fn prefetch_links(&self, row: u32) {
        let at = self.links_at();
        self.rows.prefetch(row, at - HEAD..at + 2 * M);
    }

    /// Estimates of four distances by what the walk sees.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn estimates<const BITS: usize>(&self, query: &Query, four: [u32; 4]) -> [f32; 4] {
        let rows = four.map(|row| self.rows.row(row));
        let at = self.dim * BITS / 32;
        let sums = sums::<BITS>(&query.coarse, rows.map(|row| &row[..at]));
        // What makes Σ(query · component) of the sum that a kernel computes over the bits.
        let (by, less) = match BITS {
            1 => (2.0, 1.0),
            2 => (1.0, 1.5),
            4 => (16.0, 120.5),
            _ => (1.0, 0.0),
        };
        let distance = |i: usize| {
            1.0 - (by * sums[i] as f32 - less * query.sum) * query.coarse_scale * f32::from_bits(rows[i][at])
        };
        [distance(0), distance(1), distance(2), distance(3)]
    }

    /// Four distances of int8 codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn distances(&self, query: &Query, four: [u32; 4]) -> [f32; 4] {
        let sums = sums::<8>(&query.fine, four.map(|row| &self.fine.row(row)[..self.dim / 4]));
        let scale = |i: usize| f32::from_bits(self.rows.row(four[i])[self.dim * self.bits / 32 + 1]);
        let distance = |i: usize| 1.0 - sums[i] as f32 * (query.fine_scale * scale(i));
        [distance(0), distance(1), distance(2), distance(3)]
    }

    /// Down the upper levels.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn descend<const BITS: usize>(&self, links: &Links, query: &Query) -> (f32, u32) {
        let mut best = (self.estimates::<BITS>(query, [links.entry; 4])[0], links.entry);
        for level in links.levels[1..].iter().rev() {
            loop {
                let from = best.1;
                let near = &level[from as usize];
                near.iter().for_each(|&row| self.rows.prefetch(row, 0..self.links_at()));
                for group in near.chunks(4) {
                    let four = [0, 1, 2, 3].map(|i| group[i.min(group.len() - 1)]);
                    for (distance, row) in self.estimates::<BITS>(query, four).into_iter().zip(four) {
                        best = if distance < best.0 { (distance, row) } else { best };
                    }
                }
                if best.1 == from {
                    break;
                }
            }
        }
        best
    }

    /// The nearest rows, found by a beam of `ef`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    pub(crate) fn search<const BITS: usize>(
        &self,
        links: &Links,
        query: &Query,
        ef: usize,
        work: &mut Work,
        out: &mut Vec<u32>,
    ) {
        let (mut distance, near) = self.descend::<BITS>(links, query);
        if self.filter {
            distance = self.distances(query, [near; 4])[0];
        }
        work.begin();
        work.visited[near as usize] = work.generation;
        work.pool.reset(ef);
        work.pool.insert(distance, near);
        while let Some(row) = work.pool.pop() {
            if let Some(next) = work.pool.peek() {
                self.prefetch_links(next);
            }
            let mut fresh = [0; 2 * M];
            let count = work.fresh(self.links(row), &mut fresh);
            fresh[..count].iter().for_each(|&row| self.rows.prefetch(row, 0..self.links_at()));
            let limit = work.pool.worst() + if self.filter { MARGIN } else { 0.0 };
            // Whoever is too far is dropped without a branch.
            let (mut rows, mut distances, mut left) = ([0; 2 * M + 4], [0.0; 2 * M + 4], 0);
            for group in fresh[..count].chunks(4) {
                let four = [0, 1, 2, 3].map(|i| group[i.min(group.len() - 1)]);
                let estimates = self.estimates::<BITS>(query, four);
                for i in 0..group.len() {
                    (rows[left], distances[left]) = (four[i], estimates[i]);
                    left += usize::from(estimates[i] < limit);
                }
            }
            work.compared[0] += count;
            if self.filter {
                rows[..left].iter().for_each(|&row| self.fine.prefetch(row, 0..self.dim / 4));
                for at in (0..left).step_by(4) {
                    let four = [0, 1, 2, 3].map(|i| rows[(at + i).min(left - 1)]);
                    distances[at..at + 4].copy_from_slice(&self.distances(query, four));
                }
                work.compared[1] += left;
            }
            for (&row, &distance) in rows[..left].iter().zip(&distances) {
                if distance < work.pool.worst() && work.pool.insert(distance, row) {
                    self.prefetch_links(row);
                }
            }
        }
        out.clear();
        if BITS == 8 || self.filter {
            out.extend(work.pool.rows().take(K));
        } else {
            self.rank(query, work, out);
        }
    }

    /// The nearest of what the walk found, by their int8 codes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    fn rank(&self, query: &Query, work: &mut Work, out: &mut Vec<u32>) {
        out.extend(work.pool.rows());
        work.compared[1] += out.len();
        for &row in out.iter().take(16) {
            self.fine.prefetch(row, 0..self.dim / 4);
        }
        work.ranked.clear();
        for (at, group) in out.chunks(4).enumerate() {
            out.iter().skip(16 + 4 * at).take(4).for_each(|&row| self.fine.prefetch(row, 0..self.dim / 4));
            let four = [0, 1, 2, 3].map(|i| group[i.min(group.len() - 1)]);
            let distances = self.distances(query, four);
            work.ranked.extend(distances.into_iter().zip(four).take(group.len()));
        }
        work.ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        out.clear();
        out.extend(work.ranked.iter().take(K).map(|x| x.1));
    }
}

/// The nearest rows of a walk, sorted; a key is a distance, a row and whether it was expanded.
#[derive(Default)]
pub(crate) struct Pool {
    pub(crate) keys: Vec<u64>,
    pub(crate) room: usize,
    pub(crate) next: usize,
}

impl Pool {
    fn reset(&mut self, room: usize) {
        self.keys.clear();
        (self.room, self.next) = (room, 0);
    }

    #[inline(always)]
    fn worst(&self) -> f32 {
        match self.keys.last() {
            Some(key) if self.keys.len() == self.room => f32::from_bits((key >> 32) as u32),
            _ => f32::INFINITY,
        }
    }

    /// Whether the row is the next to be expanded.
    #[inline(always)]
    fn insert(&mut self, distance: f32, row: u32) -> bool {
        let key = u64::from(distance.max(0.0).to_bits()) << 32 | u64::from(row) << 1;
        if self.keys.len() == self.room {
            self.keys.pop();
        }
        let place = self.keys.partition_point(|&other| other < key);
        self.keys.insert(place, key);
        let first = place <= self.next;
        self.next = if first { place } else { self.next };
        first
    }

    fn pop(&mut self) -> Option<u32> {
        while let Some(key) = self.keys.get_mut(self.next) {
            self.next += 1;
            if *key & 1 == 0 {
                *key |= 1;
                return Some((*key as u32) >> 1);
            }
        }
        None
    }

    fn peek(&self) -> Option<u32> {
        self.keys.get(self.next).filter(|&key| key & 1 == 0).map(|&key| (key as u32) >> 1)
    }

    fn rows(&self) -> impl Iterator<Item = u32> {
        self.keys.iter().map(|&key| (key as u32) >> 1)
    }
}

#[derive(Default)]
pub(crate) struct Work {
    pub(crate) pool: Pool,
    /// The generation in which a row was last seen.
    pub(crate) visited: Vec<u8>,
    pub(crate) generation: u8,
    pub(crate) ranked: Vec<(f32, u32)>,
    /// Codes compared: by the walk, and int8 ones beside it.
    pub(crate) compared: [usize; 2],
}

impl Work {
    fn begin(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.visited.fill(0);
            self.generation = 1;
        }
    }

    /// Those of the links that were not seen before, without a branch.
    #[inline(always)]
    fn fresh(&mut self, links: &[u32], out: &mut [u32; 2 * M]) -> usize {
        let mut count = 0;
        for &link in links {
            let seen = &mut self.visited[link as usize];
            out[count] = link;
            count += usize::from(*seen != self.generation);
            *seen = self.generation;
        }
        count
    }
}
