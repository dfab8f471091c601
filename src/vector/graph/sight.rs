//! What a walk sees of vectors: their distances, or estimates: by the [coarse code](crate::vector::distance) where the graph
//! keeps one, or by the [upper halves](super::halves) of codes. Then what a walk by estimates has caught is ranked by distances,
//! so what it finds carries the same ones as ever.
#![forbid(unsafe_code)]

use super::request::Cancelled;
use super::{Graph, is_live};
use crate::vector::distance::{Center, Coarse, Outline, Probe, Sketch};
use crate::vector::scratch::{Key, Scratch};

/// How far vectors are from what is searched for, as a walk sees it.
pub(super) trait Sight {
    /// Whether these are the distances themselves.
    const EXACT: bool;

    /// How far many rows are, in their order; `out` is cleared first. What follows may be asked of the memory `meanwhile`, when
    /// all of these were; where that is no use, it is not called.
    fn distances(&self, many: &[u32], out: &mut Vec<f32>, meanwhile: impl FnOnce());

    /// How far a row is.
    fn distance(&self, row: u32) -> f32;

    /// How many rows of those that are likely to be looked at next the memory is asked for, while others are compared.
    fn soon(&self) -> usize {
        0
    }

    /// Asks the memory for what of a row is looked at; where [`Sight::soon`] is more than 0.
    fn fetch(&self, _row: u32) {}
}

/// Sees distances.
pub(super) struct Sharp<'a> {
    pub graph: &'a Graph,
    pub probe: Probe<'a>,
}

impl Sight for Sharp<'_> {
    const EXACT: bool = true;

    #[inline(always)]
    fn distances(&self, many: &[u32], out: &mut Vec<f32>, meanwhile: impl FnOnce()) {
        self.graph.kernel.distances_and(self.probe, &self.graph.rows, many, out, meanwhile);
    }

    #[inline(always)]
    fn distance(&self, row: u32) -> f32 {
        self.graph.kernel.distance(self.probe, self.graph.probe(row))
    }

    #[inline(always)]
    fn fetch(&self, row: u32) {
        self.graph.rows.prefetch(self.graph.rows.spot(row));
    }

    #[inline(always)]
    fn soon(&self) -> usize {
        soon(self.graph.rows.prefetched(), 4)
    }
}

/// Sees estimates by upper halves.
pub(super) struct Halved<'a> {
    graph: &'a Graph,
    outline: &'a Outline,
}

impl<'a> Halved<'a> {
    /// For what `probe` holds; its outline is made in `outline`.
    pub fn new(graph: &'a Graph, probe: Probe, outline: &'a mut Outline) -> Halved<'a> {
        graph.kernel.outline(probe, outline);
        Halved { graph, outline }
    }
}

impl Sight for Halved<'_> {
    const EXACT: bool = false;

    #[inline(always)]
    fn distances(&self, many: &[u32], out: &mut Vec<f32>, meanwhile: impl FnOnce()) {
        self.graph.kernel.estimates(self.outline, &self.graph.rows, many, out, meanwhile);
    }

    #[inline(always)]
    fn distance(&self, row: u32) -> f32 {
        self.graph.kernel.estimate(self.outline, &self.graph.rows, row)
    }

    #[inline(always)]
    fn fetch(&self, row: u32) {
        self.graph.rows.prefetch_upper(self.graph.rows.spot(row));
    }

    #[inline(always)]
    fn soon(&self) -> usize {
        soon(self.graph.rows.prefetched_upper(), 3)
    }
}

/// Sees estimates by coarse codes.
pub(super) struct Blurred<'a> {
    graph: &'a Graph,
    coarse: &'a Coarse,
    sketch: &'a Sketch,
}

impl<'a> Blurred<'a> {
    /// For what `probe` holds, by codes that were made with `center`; its sketch is made in `sketch`.
    pub fn new(
        graph: &'a Graph,
        coarse: &'a Coarse,
        center: &Center,
        probe: Probe,
        sketch: &'a mut Sketch,
    ) -> Blurred<'a> {
        coarse.sketch(probe, center, sketch);
        Blurred { graph, coarse, sketch }
    }
}

impl Sight for Blurred<'_> {
    const EXACT: bool = false;

    #[inline(always)]
    fn distances(&self, many: &[u32], out: &mut Vec<f32>, _meanwhile: impl FnOnce()) {
        self.coarse.estimates(self.sketch, &self.graph.rows, many, out);
    }

    #[inline(always)]
    fn distance(&self, row: u32) -> f32 {
        self.coarse.estimate(self.sketch, &self.graph.rows, row)
    }
}

impl Graph {
    /// Of the `ef` nearest that a walk on level 0 catches, or some more, the first `k` that are wanted, or more, into
    /// `scratch.found`, nearest first. Returns of how many they are all that are wanted, without the tail's.
    /// Those that matter are among the `reach` nearest.
    pub(super) fn catch(
        &self,
        probe: Probe,
        (ef, k, reach): (usize, usize, usize),
        wanted: impl Fn(&Key) -> bool,
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<usize, Cancelled> {
        let asked = match self.walked_by() {
            By::Distances => {
                let sight = Sharp { graph: self, probe };
                self.seed(probe, &sight, scratch);
                self.walk(&sight, ef, 0, |row| is_live(self.state(row)), cancel, scratch)?;
                keep_first(&mut scratch.found, k, &wanted)
            }
            By::Halves => {
                let mut outline = std::mem::take(&mut scratch.outline);
                let sight = Halved::new(self, probe, &mut outline);
                let asked = self.catch_by(&sight, probe, widened_by_halves(ef), &wanted, cancel, scratch);
                scratch.outline = outline;
                asked?
            }
            By::Coarse(coarse, center) => {
                let mut sketch = std::mem::take(&mut scratch.sketch);
                let sight = Blurred::new(self, coarse, center, probe, &mut sketch);
                let asked = self.catch_by(&sight, probe, widened(reach, ef), &wanted, cancel, scratch);
                scratch.sketch = sketch;
                asked?
            }
        };
        scratch.tail.retain(&wanted);
        self.end_walk(ef, scratch);
        Ok(asked)
    }

    /// What a walk by estimates catches, of those that are wanted, ranked; how many were asked about.
    fn catch_by(
        &self,
        sight: &impl Sight,
        probe: Probe,
        beam: usize,
        wanted: impl Fn(&Key) -> bool,
        cancel: Option<&dyn Fn() -> bool>,
        scratch: &mut Scratch,
    ) -> Result<usize, Cancelled> {
        self.seed(probe, sight, scratch);
        self.walk(sight, beam, 0, |row| is_live(self.state(row)), cancel, scratch)?;
        // Their order is not settled yet.
        let asked = keep_first(&mut scratch.found, usize::MAX, wanted);
        self.rank(probe, scratch);
        Ok(asked)
    }

    /// What walks go by now; asked once by each, under its pin.
    pub(super) fn walked_by(&self) -> By<'_> {
        match (&self.survey, &self.halves) {
            (Some(survey), _) => survey.walked().map_or(By::Distances, |center| By::Coarse(&survey.coarse, center)),
            (None, Some(halves)) if halves.are_walked() => By::Halves,
            (None, _) => By::Distances,
        }
    }

    /// Puts distances in the place of the estimates in `scratch.found`, nearest first.
    pub(super) fn rank(&self, probe: Probe, scratch: &mut Scratch) {
        let Scratch { found, batch, distances, .. } = scratch;
        batch.clear();
        batch.extend(found.iter().map(|key| key.row()));
        self.kernel.distances(probe, &self.rows, batch, distances);
        found.clear();
        found.extend(batch.iter().zip(distances).map(|(&row, &mut distance)| Key::new(distance, row)));
        found.sort_unstable();
    }
}

/// What a walk goes by.
pub(super) enum By<'a> {
    /// Distances.
    Distances,
    /// Estimates by upper halves.
    Halves,
    /// Estimates by coarse codes that were made with a center.
    Coarse(&'a Coarse, &'a Center),
}

/// [`Sight::soon`] for rows of so many cache lines, `least` or more. Where those of a whole neighborhood are on their way at once, there is nothing
/// to gain; with long rows the memory rests while the last are compared, the queue put in order and the next links unpacked.
/// (50,000 `Q8` codes, AVX2, beams of 10, 48 and 100, beside none: by the upper halves of 384 components 1.04, 1.09 and 1.11 times as
/// many queries a second, of 768 with 24 rows 1.07, 1.16 and 1.17; by 384 whole components with 16 rows 1.06, 1.15 and 1.19, by 768
/// 1.07, 1.17 and 1.21. By 128 components, by floats, bits and coarse codes 0.9 to 1.01 times with 8 rows or more.)
fn soon(lines: usize, least: usize) -> usize {
    match lines {
        _ if lines < least => 0,
        ..6 => 8,
        _ => 24,
    }
}

/// Leaves the first `k` keys that are wanted; how many were asked about to find them.
fn keep_first(keys: &mut Vec<Key>, k: usize, wanted: impl Fn(&Key) -> bool) -> usize {
    let (mut kept, mut asked) = (0, 0);
    while kept < k && asked < keys.len() {
        let key = keys[asked];
        asked += 1;
        if wanted(&key) {
            keys[kept] = key;
            kept += 1;
        }
    }
    keys.truncate(kept);
    asked
}

/// The beam of a walk by estimates that catches of the `k` nearest what one of `ef` by distances does (measured at 768 components;
/// with more of them, estimates are better). Of as many as the beam holds, those that are farthest come out by chance.
pub(super) fn widened(k: usize, ef: usize) -> usize {
    ef.saturating_add((ef / 16 + 6).max(k.saturating_sub(4)))
}

/// As [`widened`], of estimates by upper halves, which are better.
pub(super) fn widened_by_halves(ef: usize) -> usize {
    ef.saturating_add(ef / 16 + 2)
}
