//! SORTBY at work: it keeps as many rows as it will let through, and up to as many again.
//!
//! Beyond that the first are picked and copied to a second table, and the last of them is what a further row must come before. So where
//! few rows are wanted, most rows are looked at and let go.

use std::cmp::Ordering;

use super::expression::Column;
use super::table::{Cell, Kept, Table};
use crate::search::sorting::sort_within;
use crate::watch::Watch;

/// So many rows more than are wanted are kept before any are let go.
const MORE: usize = 256;

/// The first rows so far.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    rows: Table,
    /// Where rows are copied to.
    spare: Table,
    /// The last row that can come through, where some were let go.
    worst: Option<usize>,
    order: Vec<u32>,
    count: u64,
}

impl Sorted {
    /// No rows, which have so many columns.
    pub fn new(width: usize) -> Self {
        let mut sorted = Self::default();
        sorted.rows.reset(width);
        sorted
    }

    /// How many rows there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Takes rows, of which the first so many are wanted.
    pub fn take(&mut self, (rows, kept): (&Table, Kept<'_>), by: &[(Column, bool)], most: usize, watch: &Watch<'_>) {
        self.count += rows.len() as u64;
        if most == 0 {
            return;
        }
        for row in 0..rows.len() {
            let is_late = |worst| compare((rows, row), (&self.rows, worst), by, kept).is_gt();
            if self.worst.is_some_and(is_late) {
                continue;
            }
            self.rows.push_from(rows, row, None);
            if self.rows.len() > most.saturating_mul(2).saturating_add(MORE) {
                self.keep_first(by, most, kept, watch);
            }
        }
    }

    /// Leaves only the first rows, in any order.
    fn keep_first(&mut self, by: &[(Column, bool)], most: usize, kept: Kept<'_>, watch: &Watch<'_>) {
        /// To find more takes so long that it is sorted, which can be stopped.
        const MANY: usize = 10_000;
        let rows = &self.rows;
        let order = |a: &u32, b: &u32| compare((rows, *a as usize), (rows, *b as usize), by, kept);
        self.order.clear();
        self.order.extend(0..rows.len() as u32);
        if most > MANY {
            sort_within(&mut self.order, order, watch);
        } else {
            self.order.select_nth_unstable_by(most - 1, order);
        }
        self.order.truncate(most);
        self.spare.reset(rows.width());
        for row in &self.order {
            self.spare.push_from(rows, *row as usize, None);
        }
        std::mem::swap(&mut self.rows, &mut self.spare);
        self.worst = (self.rows.len() == most).then(|| most - 1);
    }

    /// The rows in their order, but for some at the start, and at most so many; they need no index any more. False: time is over,
    /// and some are missing.
    pub fn into_rows(
        mut self,
        by: &[(Column, bool)],
        (offset, count): (usize, usize),
        kept: Kept<'_>,
        watch: &Watch<'_>,
    ) -> (Table, bool) {
        let most = offset.saturating_add(count);
        if most > 0 && self.rows.len() > most {
            self.keep_first(by, most, kept, watch);
        }
        let rows = &self.rows;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let complete =
            sort_within(&mut order, |a, b| compare((rows, *a as usize), (rows, *b as usize), by, kept), watch);
        let mut sorted = Table::default();
        sorted.reset(rows.width());
        for row in order.into_iter().skip(offset) {
            sorted.push_from(rows, row as usize, Some(kept));
        }
        sorted.keep_sort_keys(by.first().map(|(column, _)| column.0));
        (sorted, complete)
    }
}

/// Which of two rows comes first by some columns; those without a value come last in both directions. Ties stay in the order they
/// came in, or are turned around where the last column falls.
fn compare(
    (a, a_row): (&Table, usize),
    (b, b_row): (&Table, usize),
    by: &[(Column, bool)],
    kept: Kept<'_>,
) -> Ordering {
    for (column, descending) in by {
        let order = match (a.cell(a_row, column.0), b.cell(b_row, column.0)) {
            (Cell::Kept(a, of_a), Cell::Kept(b, of_b)) if (a, of_a) == (b, of_b) => continue,
            (of_a, of_b) => match (a.view(of_a, kept), b.view(of_b, kept)) {
                (Some(a), Some(b)) if *descending => b.sort_order(a),
                (Some(a), Some(b)) => a.sort_order(b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
    let (a, b) = (a.origin(a_row).ordinal, b.origin(b_row).ordinal);
    if by.last().is_some_and(|(_, descending)| *descending) { b.cmp(&a) } else { a.cmp(&b) }
}
