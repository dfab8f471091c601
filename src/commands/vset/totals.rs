//! Figures about all sets together, for `INFO`: kept as sets change, so that asking costs nothing however many there are.
//!
//! Each set has a [`Counted`]: what it adds to the sums at present. Whoever has changed a set calls [`Counted::update`], from any
//! thread and without waiting for another that is just doing so: that one is told to look once more. So the sums are right as
//! soon as nobody changes anything.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, PoisonError, TryLockError};

/// What is counted of a set, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Elements.
    pub elements: u64,
    /// Those of them that wait to be linked.
    pub unlinked: u64,
    /// Elements that were removed and are still in the links.
    pub removed: u64,
    /// Bytes.
    pub memory: u64,
}

/// All sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many there are.
    pub sets: u64,
    /// The sums of what they count.
    pub figures: Figures,
}

static SETS: AtomicU64 = AtomicU64::new(0);
static SUMS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// The figures of all sets.
pub fn all() -> Totals {
    let [elements, unlinked, removed, memory] = SUMS.each_ref().map(|sum| sum.load(Relaxed));
    Totals { sets: SETS.load(Relaxed), figures: Figures { elements, unlinked, removed, memory } }
}

impl Figures {
    /// Puts these figures in the place of others, in the sums.
    fn replace(self, old: Figures) {
        let [new, old] =
            [self, old].map(|figures| [figures.elements, figures.unlinked, figures.removed, figures.memory]);
        let pairs = std::iter::zip(new, old);
        for (sum, (new, old)) in SUMS.iter().zip(pairs) {
            if new != old {
                sum.fetch_add(new.wrapping_sub(old), Relaxed);
            }
        }
    }
}

/// What one set counts; nothing any more when this is dropped.
#[derive(Debug)]
pub struct Counted {
    figures: Mutex<Figures>,
    /// Something has changed since the figures were last looked at.
    stale: AtomicBool,
}

impl Counted {
    /// A set of which nothing is counted yet.
    #[expect(clippy::new_without_default, reason = "a value made by default would count as a set")]
    pub fn new() -> Self {
        SETS.fetch_add(1, Relaxed);
        Self { figures: Mutex::default(), stale: AtomicBool::new(false) }
    }

    /// Counts the set anew, after it has changed.
    pub fn update(&self, figures: impl Fn() -> Figures) {
        self.stale.store(true, SeqCst);
        while self.stale.load(SeqCst) {
            let mut counted = match self.figures.try_lock() {
                Ok(counted) => counted,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Who has it looks again after that.
                Err(TryLockError::WouldBlock) => return,
            };
            self.stale.store(false, SeqCst);
            let now = figures();
            now.replace(std::mem::replace(&mut *counted, now));
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        SETS.fetch_sub(1, Relaxed);
        Figures::default().replace(*self.figures.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other test counts sets: they are made where there is a server.
    #[test]
    fn the_sums_are_right_when_all_is_quiet() {
        let numbers: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
        let sets: [Counted; 4] = std::array::from_fn(|_| Counted::new());
        std::thread::scope(|scope| {
            for thread in 0..3u64 {
                let (numbers, sets) = (&numbers, &sets);
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let at = (round * 7 + thread) as usize % 4;
                        let (number, set) = (&numbers[at], &sets[at]);
                        number.fetch_add(thread + 1, SeqCst);
                        set.update(|| {
                            let elements = number.load(SeqCst);
                            Figures { elements, unlinked: elements % 3, removed: elements % 5, memory: 10 * elements }
                        });
                    }
                });
            }
        });
        let elements = numbers.iter().map(|number| number.load(SeqCst));
        let (sum, unlinked, removed) = elements.fold((0, 0, 0), |(sum, a, b), n| (sum + n, a + n % 3, b + n % 5));
        assert_eq!(all(), Totals { sets: 4, figures: Figures { elements: sum, unlinked, removed, memory: 10 * sum } });
        drop(sets);
        assert_eq!(all(), Totals { sets: 0, figures: Figures::default() });
    }
}
