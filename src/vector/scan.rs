//! Comparing with every vector that matches: what an exact search is, and what a walk falls back to.
#![forbid(unsafe_code)]

use super::NodeId;
use super::arena::Rows;
use super::distance::{Kernel, Probe};
use super::graph::{Cancelled, Filter};
use super::scratch::{Key, List};

/// Rows that are looked at between two questions whether to go on.
const BATCH: usize = 256;

/// What is compared with what.
pub(super) struct Scan<'a> {
    /// Where the vectors are.
    pub rows: &'a Rows,
    /// How they are compared.
    pub kernel: &'a Kernel,
    /// With what.
    pub probe: Probe<'a>,
    /// Which of them.
    pub filter: Filter<'a>,
    /// Asked every [`BATCH`] rows; true ends the scan.
    pub cancel: Option<&'a dyn Fn() -> bool>,
}

impl Scan<'_> {
    /// Calls `visit` with every vector that is `live` and matches, in the order of ids or of the filter's list.
    pub fn each_match(
        &self,
        live: impl Fn(u32) -> bool,
        list: &mut List,
        mut visit: impl FnMut(Key),
    ) -> Result<(), Cancelled> {
        let bound = self.rows.len();
        let mut ids: &mut dyn Iterator<Item = u32> = match self.filter {
            Filter::Among(ids) => &mut ids.iter().map(|id| id.0).filter(|&row| row < bound),
            Filter::Bits { words, .. } => &mut set_bits(words).filter(|&row| row < bound),
            _ => &mut (0..bound),
        };
        let List { rows, distances, compared, .. } = list;
        loop {
            if self.cancel.is_some_and(|cancel| cancel()) {
                return Err(Cancelled);
            }
            rows.clear();
            rows.extend((&mut ids).take(BATCH));
            if rows.is_empty() {
                return Ok(());
            }
            // Of what is still to be tested, most will not be compared.
            if let Filter::Test(test) | Filter::Cheap(test) = self.filter {
                rows.retain(|&row| live(row) && test(NodeId(row)));
                self.kernel.distances(self.probe, self.rows, rows, distances);
            } else {
                self.kernel.distances_if(self.probe, self.rows, rows, &live, distances);
            }
            *compared += rows.len() as u64;
            rows.iter().zip(&*distances).for_each(|(&row, &distance)| visit(Key::new(distance, row)));
        }
    }
}

/// The `nth` of some numbers below `bound` that are spread evenly, however many are taken: steps of the golden ratio, which are in
/// step with nothing that repeats.
pub fn spread(nth: u64, bound: u64) -> u64 {
    ((nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * bound) >> 32
}

/// The places of the bits that are set, ascending: bit `n % 64` of word `n / 64` has place `n`.
pub fn set_bits(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    let of_word = |(base, &word): (u32, &u64)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(base + bit)
        })
    };
    (0..).step_by(64).zip(words).flat_map(of_word)
}
