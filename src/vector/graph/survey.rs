//! Surveys: which center a graph's coarse codes are made with, and whether walks go by them.
//!
//! What the vectors have in common is not known before there are some, and changes as more come. Estimates by coarse codes may not
//! be good enough, as where distances differ by less than their error. So when [`FIRST`] vectors are linked, and each time that
//! there are [`GROWTH`] times as many as at the last survey, whoever links next surveys the graph, in small steps:
//!
//! | step | what | searches walk by |
//! |---|---|---|
//! | begin | | distances, from here on |
//! | leave | waits until nobody walks by the old codes, takes the mean of [`SAMPLE`] vectors as the center | distances |
//! | arrive | waits until nobody links without making a code by that center | distances |
//! | code | makes the codes of [`CODED`] nodes at a time | distances |
//! | try | searches for one of [`TRIED`] vectors by distances and by estimates, and counts what of the nearest each finds | distances |
//! | end | | estimates, if they have found as much |
//!
//! Estimates are tried with a beam as many times narrower than a usual one as the graph may grow before the next survey: that is
//! about how many times nearer to each other vectors come to lie, in ranks.
//!
//! # Invariants
//!
//! [`Survey::usage`] is one word: which center is in use, if any, and whether walks go by its codes.
//!
//! 1. A node's code is made by one thread before the first link leads to it ([`Graph::link_next`]), if a center is in use then; or by
//!    the survey, after it was linked.
//! 2. A walk by estimates loads that word once, under its pin. The word says so only when all nodes in links have codes by
//!    that center. Who began to link before it was in use has left its pin before the survey makes codes; and as long as
//!    somebody may still walk by the center before, new nodes get codes by that one.
//! 3. Centers stay where they are for the graph's life: there are few.
//!
//! One thread at a time does a step; while it waits for pins, or another thread is at it, others go on linking. A survey does not
//! change what is found in the end but for what a walk misses: distances are those of the `Q8` codes.
//!
//! A graph that is restored is surveyed at the end, alone: so what it answers follows from its encoding.
#![forbid(unsafe_code)]

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use std::sync::{Mutex, OnceLock};

use super::sight::{Blurred, Sharp, widened};
use super::{Graph, LINKED, REMOVED, UNLINKING, is_live};
use crate::vector::distance::{Center, Coarse};
use crate::vector::encoding::Metric;
use crate::vector::epoch;
use crate::vector::scratch::{Key, Scratch};

/// Linked vectors at the first survey. Fewer are compared with all at once by most searches.
pub(super) const FIRST: usize = 1024;
/// How many times as many there are at the next one.
const GROWTH: usize = 4;
/// From the first survey to 2³¹ vectors.
const SURVEYS: usize = 12;
/// Vectors whose mean is the center, at most.
const SAMPLE: usize = 1024;
/// Nodes whose codes are made in a step.
const CODED: u32 = 64;
/// Vectors that are searched for.
const TRIED: usize = 96;
/// How many of the nearest should be found, by a beam of how many.
const TRIED_K: usize = 10;
const TRIED_EF: usize = 100 / GROWTH;
/// Of a thousand that are found by distances, so many may be missed by estimates.
const MISSED: usize = 15;

/// How coarse codes are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// The number of the center that codes of new nodes are made by.
    pub center: usize,
    /// Whether walks go by them.
    pub walked: bool,
}

impl Usage {
    fn packed(usage: Option<Usage>) -> usize {
        usage.map_or(0, |Usage { center, walked }| 2 * center + usize::from(walked) + 2)
    }

    fn unpacked(word: usize) -> Option<Usage> {
        word.checked_sub(2).map(|word| Usage { center: word / 2, walked: word % 2 == 1 })
    }
}

/// How far a survey is.
#[derive(Debug, Clone, Copy)]
enum Step {
    Rest,
    Leave { stamp: u64 },
    Arrive { stamp: u64 },
    Code { next: u32 },
    Try { tried: usize, found: [usize; 2] },
}

/// The coarse codes of a graph.
#[derive(Debug)]
pub(super) struct Survey {
    pub coarse: Coarse,
    /// A packed [`Usage`].
    usage: AtomicUsize,
    centers: [OnceLock<Center>; SURVEYS],
    /// How many linked vectors call for the next step: 0 in the middle of a survey.
    due: AtomicUsize,
    course: Mutex<Course>,
    /// [`MISSED`], or what a test says.
    pub missed: usize,
}

#[derive(Debug)]
struct Course {
    step: Step,
    /// The center of this survey, or of the next one.
    center: usize,
    /// Linked vectors when it began.
    linked: usize,
}

impl Survey {
    pub fn new(metric: Metric) -> Survey {
        Survey {
            coarse: Coarse::new(metric),
            usage: AtomicUsize::new(0),
            centers: [const { OnceLock::new() }; SURVEYS],
            due: AtomicUsize::new(FIRST),
            course: Mutex::new(Course { step: Step::Rest, center: 0, linked: 0 }),
            missed: MISSED,
        }
    }

    /// How codes are used now; by who is pinned.
    pub fn usage(&self) -> Option<Usage> {
        Usage::unpacked(self.usage.load(SeqCst))
    }

    /// The center that walks go by.
    pub fn walked(&self) -> Option<&Center> {
        self.usage().filter(|usage| usage.walked).map(|usage| self.center(usage.center))
    }

    pub fn center(&self, number: usize) -> &Center {
        self.centers[number].get().expect("a center in use is there")
    }

    fn set(&self, usage: Option<Usage>) {
        self.usage.store(Usage::packed(usage), SeqCst);
    }

    /// How many centers were made.
    #[cfg(test)]
    pub fn centers(&self) -> usize {
        self.centers.iter().filter_map(OnceLock::get).count()
    }

    /// Bytes beyond the struct itself.
    pub fn memory_usage(&self) -> usize {
        self.centers.iter().filter_map(OnceLock::get).map(Center::memory_usage).sum()
    }
}

impl Graph {
    /// Vectors that are linked, about.
    fn linked_count(&self) -> usize {
        self.len().saturating_sub(self.tail.len())
    }

    /// Whether a survey is due or in progress, or a trial of halves is due.
    pub(super) fn is_to_survey(&self) -> bool {
        self.survey.as_ref().is_some_and(|survey| self.linked_count() >= survey.due.load(Acquire))
            || self.halves.as_ref().is_some_and(|halves| halves.are_due(self.linked_count()))
    }

    /// Does a step of a survey, for who is pinned; false if there is none to do, or it cannot be done now.
    pub(super) fn survey_next(&self, scratch: &mut Scratch) -> bool {
        self.is_to_survey() && self.survey_step(false, scratch)
    }

    /// Does the survey that is due, for the only one who knows the graph.
    pub(super) fn survey_alone(&self, scratch: &mut Scratch) {
        let _guard = epoch::pin();
        while self.is_to_survey() && self.survey_step(true, scratch) {}
    }

    fn survey_step(&self, alone: bool, scratch: &mut Scratch) -> bool {
        match (&self.survey, &self.halves) {
            (Some(survey), _) => self.survey_coarse(survey, alone, scratch),
            (None, Some(halves)) => self.try_halves(halves, self.linked_count(), scratch),
            (None, None) => false,
        }
    }

    fn survey_coarse(&self, survey: &Survey, alone: bool, scratch: &mut Scratch) -> bool {
        let Ok(mut course) = survey.course.try_lock() else { return false };
        let has_left = |stamp: u64| alone || stamp < epoch::oldest();
        let center = course.center;
        course.step = match course.step {
            Step::Rest => {
                course.linked = self.linked_count();
                survey.due.store(0, Release);
                // Codes are still made by the center that was in use, for those who still walk by it.
                survey.set(survey.usage().map(|usage| Usage { walked: false, ..usage }));
                Step::Leave { stamp: epoch::retire() }
            }
            Step::Leave { stamp } | Step::Arrive { stamp } if !has_left(stamp) => return false,
            Step::Leave { .. } => {
                let made = survey.centers[center].set(self.mean());
                debug_assert!(made.is_ok(), "each survey has a place for its center");
                survey.set(Some(Usage { center, walked: false }));
                Step::Arrive { stamp: epoch::retire() }
            }
            Step::Arrive { .. } => Step::Code { next: 0 },
            Step::Code { next } if next >= self.rows.len() => Step::Try { tried: 0, found: [0; 2] },
            // Not those in the tail, which who links them codes; nor those in no list, whose rows may get another vector.
            Step::Code { next } => {
                let end = next.saturating_add(CODED).min(self.rows.len());
                let linked = |&row: &u32| matches!(self.state(row), LINKED | REMOVED | UNLINKING);
                (next..end).filter(linked).for_each(|row| self.encode_coarse(row, survey, center, scratch));
                Step::Code { next: end }
            }
            Step::Try { tried, found } if tried < TRIED => {
                let [sharp, blurred] = self.try_estimates(tried, survey, center, scratch);
                Step::Try { tried: tried + 1, found: [found[0] + sharp, found[1] + blurred] }
            }
            Step::Try { found: [sharp, blurred], .. } => {
                let good = blurred + sharp * survey.missed / 1000 >= sharp;
                survey.set(good.then_some(Usage { center, walked: true }));
                let next = course.linked.saturating_mul(GROWTH);
                course.center += 1;
                survey.due.store(if course.center < SURVEYS { next } else { usize::MAX }, Release);
                Step::Rest
            }
        };
        true
    }

    /// The mean of vectors that are spread evenly over the rows.
    fn mean(&self) -> Center {
        let vectors = self.spread(SAMPLE).filter(|&row| is_live(self.state(row)));
        Center::mean(self.params.dim, vectors.map(|row| self.probe(row)))
    }

    /// So many rows, evenly spread; all where there are fewer.
    pub(super) fn spread(&self, count: usize) -> impl Iterator<Item = u32> {
        let rows = self.rows.len() as usize;
        let count = count.min(rows);
        (0..count).map(move |i| (i * rows / count) as u32)
    }

    /// Makes the coarse code of a row by a center; see the invariants.
    pub(super) fn encode_coarse(&self, row: u32, survey: &Survey, center: usize, scratch: &mut Scratch) {
        let (probe, center) = (self.probe(row), survey.center(center));
        self.rows.write_coarse(row, |out| survey.coarse.encode(probe, center, &mut scratch.sketch, out));
    }

    /// How many of those nearest to a vector a search by distances finds, and one by estimates.
    fn try_estimates(&self, number: usize, survey: &Survey, center: usize, scratch: &mut Scratch) -> [usize; 2] {
        let Some(row) = self.spread(TRIED).nth(number).filter(|&row| self.state(row) == LINKED) else { return [0; 2] };
        let probe = self.probe(row);
        let live = |row: u32| is_live(self.state(row));
        let nearest = |scratch: &mut Scratch| {
            scratch.marks.clear();
            scratch.found.truncate(TRIED_K + 1);
            std::mem::take(&mut scratch.found)
        };
        let sight = Sharp { graph: self, probe };
        self.seed(probe, &sight, scratch);
        let done = self.walk(&sight, TRIED_EF, 0, live, None, scratch);
        let sharp = nearest(scratch);
        let mut sketch = std::mem::take(&mut scratch.sketch);
        let sight = Blurred::new(self, &survey.coarse, survey.center(center), probe, &mut sketch);
        self.seed(probe, &sight, scratch);
        let done = done.and_then(|()| self.walk(&sight, widened(TRIED_K, TRIED_EF), 0, live, None, scratch));
        scratch.sketch = sketch;
        debug_assert!(done.is_ok(), "nobody cancels this");
        self.rank(probe, scratch);
        let blurred = nearest(scratch);
        let mut all = [&sharp[..], &blurred].concat();
        all.sort_unstable();
        all.dedup();
        let last = all.get(TRIED_K).or(all.last()).copied();
        [sharp, blurred]
            .map(|keys| keys.iter().filter(|&&key: &&Key| Some(key.distance()) <= last.map(Key::distance)).count())
    }
}
