//! The first of many items, without sorting the others: what a query keeps while it walks through documents.

use std::cmp::Ordering;

use super::sorting::sort_within;
use crate::watch::Watch;

/// The first of many items in some order, without sorting the others.
#[derive(Debug)]
pub struct Top<T, F> {
    items: Vec<T>,
    order: F,
    offset: usize,
    limit: usize,
    offered: u64,
    was_cut: bool,
}

impl<T, F: Fn(&T, &T) -> Ordering> Top<T, F> {
    /// None yet; so many are left out at the start, and so many kept.
    pub fn new((offset, limit): (usize, usize), order: F) -> Self {
        Self { items: Vec::new(), order, offset, limit, offered: 0, was_cut: false }
    }

    fn wanted(&self) -> usize {
        if self.limit == 0 { 0 } else { self.offset.saturating_add(self.limit) }
    }

    /// Takes an item.
    pub fn offer(&mut self, item: T) {
        self.offered += 1;
        let wanted = self.wanted();
        // Once it was cut, the last of the wanted ones stands in its place.
        if wanted == 0 || (self.was_cut && (self.order)(&item, &self.items[wanted - 1]).is_ge()) {
            return;
        }
        self.items.push(item);
        // So seldom that it costs a constant time per item.
        if self.items.len() > self.wanted().saturating_mul(2).max(1024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let wanted = self.wanted();
        if self.items.len() > wanted && wanted > 0 {
            self.items.select_nth_unstable_by(wanted - 1, &self.order);
            self.items.truncate(wanted);
            self.was_cut = true;
        }
    }

    /// How many there were, and the wanted ones in their order.
    pub fn into_sorted(mut self, watch: &Watch<'_>) -> (u64, Vec<T>) {
        self.cut();
        sort_within(&mut self.items, &self.order, watch);
        self.items.drain(..self.offset.min(self.items.len()));
        (self.offered, self.items)
    }
}
