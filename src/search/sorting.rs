//! Sorting that stops when time is over.
//!
//! A merge sort whose runs are sorted by the library, with looks at the clock between them and between merges. When time is
//! over, the longest run that is sorted by then stands for all: what is answered is in its order, though not everything.

use std::cmp::Ordering;

use crate::watch::Watch;

/// Items that are sorted at once: some hundred microseconds.
const RUN: usize = 4096;
/// Steps that comparing two items is worth.
const COMPARE: usize = 2;

/// Sorts items, equal ones in any order. False: time is over, and those that were not reached are gone.
pub fn sort_within<T>(items: &mut Vec<T>, order: impl Fn(&T, &T) -> Ordering, watch: &Watch<'_>) -> bool {
    if items.len() <= RUN {
        items.sort_unstable_by(order);
        watch.spend(items.len() * COMPARE);
        return true;
    }
    let mut rest = std::mem::take(items);
    let mut runs: Vec<Vec<T>> = Vec::with_capacity(rest.len() / RUN + 1);
    while !rest.is_empty() {
        let mut run = rest.split_off(rest.len().saturating_sub(RUN));
        run.sort_unstable_by(&order);
        runs.push(run);
        if watch.spend(RUN * COMPARE) {
            break;
        }
    }
    while runs.len() > 1 && !watch.is_over() {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = std::mem::take(&mut runs).into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right, &order, watch),
                None => left,
            });
        }
        runs = merged;
    }
    *items = runs.into_iter().max_by_key(Vec::len).unwrap_or_default();
    !watch.is_over()
}

/// Two sorted runs as one; when time is over, the first items of it.
fn merge<T>(left: Vec<T>, right: Vec<T>, order: &impl Fn(&T, &T) -> Ordering, watch: &Watch<'_>) -> Vec<T> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if order(a, b).is_le() { left.next() } else { right.next() };
        merged.extend(next);
        if watch.spend(COMPARE) {
            return merged;
        }
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn it_sorts_all_or_some(items in prop::collection::vec(any::<u16>(), 0..30_000), looks in 0usize..60) {
            let mut expected = items.clone();
            expected.sort_unstable();
            let mut sorted = items.clone();
            prop_assert!(sort_within(&mut sorted, Ord::cmp, &Watch::default()));
            prop_assert_eq!(&sorted, &expected);
            let left = Cell::new(looks);
            let clock = || {
                left.set(left.get().saturating_sub(1));
                left.get() == 0
            };
            let mut some = items.clone();
            let all = sort_within(&mut some, Ord::cmp, &Watch::new(Some(&clock)));
            prop_assert!(some.is_sorted());
            prop_assert!(some.len() == items.len() || !all);
            // None is there that was not, or more often than it was.
            let mut rest = expected.into_iter();
            prop_assert!(some.iter().all(|item| rest.any(|other| other == *item)));
        }
    }
}
