//! When to stop: a query asks its [`Watch`] whether its time is over, again and again, in all that it does.
//!
//! Whoever works says so ([`Watch::spend`]), in steps of about what a look at a document takes. The clock is looked at after
//! every `LOOK` steps: less than a millisecond of work, and so much that a look costs next to nothing. Once time is over, it
//! stays so: every loop that asks ends, and the query answers with what it has.
//!
//! A watch is of one thread, and of one query.

#![forbid(unsafe_code)]

use std::cell::Cell;

/// Steps between two looks at the clock. A step is 10 to 100 ns.
const LOOK: usize = 2048;

/// Whether a query may go on.
#[derive(Default)]
pub struct Watch<'a> {
    is_over: Option<&'a dyn Fn() -> bool>,
    spent: Cell<usize>,
    over: Cell<bool>,
}

impl<'a> Watch<'a> {
    /// Asks `is_over` now and then, if there is something to ask.
    pub fn new(is_over: Option<&'a dyn Fn() -> bool>) -> Self {
        Self { is_over, spent: Cell::new(0), over: Cell::new(false) }
    }

    /// Notes so many steps of work, and says whether time is over.
    #[inline]
    pub fn spend(&self, steps: usize) -> bool {
        let spent = self.spent.get().saturating_add(steps);
        self.spent.set(spent);
        if spent >= LOOK { self.look() } else { self.over.get() }
    }

    /// Looks at the clock, and says whether time is over.
    pub fn look(&self) -> bool {
        self.spent.set(0);
        if !self.over.get() && self.is_over.is_some_and(|is_over| is_over()) {
            self.over.set(true);
        }
        self.over.get()
    }

    /// Whether time was over at the last look.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.get()
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("over", &self.over).finish_non_exhaustive()
    }
}

/// Steps that working on so many bytes is worth, besides one.
#[inline]
pub fn steps_of(bytes: usize) -> usize {
    1 + bytes / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_looked_at_now_and_then_and_not_after_the_end() {
        let looks = Cell::new(0);
        let clock = || {
            looks.set(looks.get() + 1);
            looks.get() == 3
        };
        let watch = Watch::new(Some(&clock));
        let steps = (0..).take_while(|_| !watch.spend(1)).count();
        assert_eq!((steps, looks.get()), (3 * LOOK - 1, 3));
        assert!(watch.spend(1) && watch.look() && watch.is_over());
        assert_eq!(looks.get(), 3, "it stays over");
        let one = Watch::new(Some(&clock));
        assert!(!one.spend(usize::MAX) && looks.get() == 4, "much work at once is one look");
        assert!(!Watch::default().spend(usize::MAX));
    }
}
