//! How long a search takes here, beside what counting comparisons says.
//!
//! A comparison takes what fetching its row takes: some ten nanoseconds where the graph is in the processor's caches, ten times as
//! long where it isn't and the memory is far. So a graph learns its pace, the median of measured : counted, from its own
//! unfiltered walks. Each of them moves it by one step, up or down, however long it took: a search that lost its core to
//! another thread counts no more than any other. Threads that note at the same time may lose a step.
#![forbid(unsafe_code)]

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Of the unit in which a pace is kept: this is 1.
const ONE: u32 = 1 << 16;
/// A step is this part of the pace.
const STEP: u32 = 16;
/// The fastest and the slowest pace.
const LIMITS: (u32, u32) = (ONE / 4, ONE * 64);

/// The pace of a graph.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// In [`ONE`]s; 0: nothing was learned yet.
    learned: AtomicU32,
}

impl Pace {
    /// In [`ONE`]s; `typical` while none is known.
    fn known(&self, typical: u32) -> u32 {
        match self.learned.load(Relaxed) {
            0 => typical.saturating_mul(ONE),
            learned => learned,
        }
    }

    /// What a search takes that is counted as so many nanoseconds; `typical` is the pace while none is known.
    pub(super) fn applied(&self, counted: u64, typical: u32) -> u64 {
        let expected = u128::from(counted) * u128::from(self.known(typical)) / u128::from(ONE);
        expected.try_into().unwrap_or(u64::MAX)
    }

    /// Notes what a search took that was counted as so many nanoseconds.
    pub(super) fn note(&self, counted: u64, took: Duration, typical: u32) {
        let (known, expected) = (self.known(typical), self.applied(counted, typical));
        let is_slower = took.as_nanos() > u128::from(expected);
        let next = if is_slower { known + known / STEP } else { known - known / (STEP + 1) };
        self.learned.store(next.clamp(LIMITS.0, LIMITS.1), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: u64 = 10_000;

    fn noted(pace: &Pace, took: u64) {
        pace.note(COUNTED, Duration::from_nanos(took), 1);
    }

    #[test]
    fn a_pace_is_typical_until_it_is_learned() {
        let pace = Pace::default();
        assert_eq!(pace.applied(COUNTED, 4), 4 * COUNTED);
        noted(&pace, 2 * COUNTED);
        assert_eq!(pace.applied(COUNTED, 4), COUNTED * 17 / 16);
        noted(&pace, COUNTED);
        assert_eq!(pace.applied(COUNTED, 4), COUNTED, "a step back is as long");
    }

    #[test]
    fn a_pace_becomes_the_median() {
        let pace = Pace::default();
        // One of four takes a thousand times as long, since something else had the core.
        for nth in 0..400 {
            noted(&pace, if nth % 4 == 0 { 5000 * COUNTED } else { 5 * COUNTED });
        }
        let learned = pace.applied(COUNTED, 1) as f64 / COUNTED as f64;
        assert!((4.5..5.6).contains(&learned), "{learned}");
        for _ in 0..400 {
            noted(&pace, 2 * COUNTED);
        }
        let learned = pace.applied(COUNTED, 1) as f64 / COUNTED as f64;
        assert!((1.8..2.2).contains(&learned), "{learned}");
    }

    #[test]
    fn a_pace_has_limits() {
        let pace = Pace::default();
        (0..1000).for_each(|_| noted(&pace, u64::MAX));
        assert_eq!(pace.applied(COUNTED, 1), 64 * COUNTED);
        assert_eq!(pace.applied(u64::MAX, 1), u64::MAX);
        (0..1000).for_each(|_| noted(&pace, 0));
        assert_eq!(pace.applied(COUNTED, 1), COUNTED / 4);
        pace.note(0, Duration::ZERO, 1);
    }
}
