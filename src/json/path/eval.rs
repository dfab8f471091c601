//! Walking a document along a path.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::ast::{Segment, Selector, Slice};
use super::pattern::Cached;
use crate::json::stack::at_depth;
use crate::json::{Error, ValueRef};

/// A place in a document: the positions of children from the root down.
pub type Location = SmallVec<[u32; 6]>;

/// What is called with each match and its place.
pub type Visit<'f, 'v> = dyn FnMut(ValueRef<'v>, &[u32]) -> ControlFlow<()> + 'f;

/// Values that any evaluation may visit.
const BASE_BUDGET: u64 = 4_000_000;
/// And so many times the number of bytes in a large document, whose every value takes at least half a byte.
const BUDGET_PER_BYTE: u64 = 8;
/// What compiling a regular expression that came from the document costs of the budget.
pub(super) const REGEX_COST: u64 = 2_000;

/// Why a walk stopped early: its visitor had enough, or the budget is spent.
enum Stop {
    Enough,
    Costly,
}

/// One evaluation: its root, for `$` in filters, and what it may still spend, filters included.
#[derive(Debug)]
pub struct Evaluation<'v> {
    pub(super) root: ValueRef<'v>,
    budget: Cell<u64>,
    /// The part of the budget that depends on the document's size has been granted.
    granted: Cell<bool>,
    pub(super) regexes: RefCell<Cached>,
}

/// A walk along one path: of the evaluation, or of a filter's operand within it.
struct Walk<'e, 'f, 'v> {
    evaluation: &'e Evaluation<'v>,
    location: Vec<u32>,
    /// How deep the recursion is.
    depth: usize,
    visit: &'f mut Visit<'f, 'v>,
}

impl<'v> Evaluation<'v> {
    /// Over the document whose root is given.
    pub fn new(root: ValueRef<'v>) -> Evaluation<'v> {
        Evaluation { root, budget: Cell::new(BASE_BUDGET), granted: Cell::new(false), regexes: Default::default() }
    }

    /// Visits every match from the root.
    pub(super) fn run(&self, segments: &[Segment], visit: &mut Visit<'_, 'v>) -> Result<(), Error> {
        self.walk(self.root, segments, visit)
    }

    /// Visits every match from `start`.
    pub(super) fn walk(
        &self,
        start: ValueRef<'v>,
        segments: &[Segment],
        visit: &mut Visit<'_, 'v>,
    ) -> Result<(), Error> {
        let mut walk =
            Walk { evaluation: self, location: Vec::new(), depth: 0, visit: &mut |value, place| visit(value, place) };
        match walk.from(start, segments) {
            Err(Stop::Costly) => Err(Error::PathTooCostly),
            Err(Stop::Enough) | Ok(()) => Ok(()),
        }
    }

    /// Spends from the budget.
    pub(super) fn spend(&self, cost: u64) -> Result<(), Error> {
        if self.budget.get() < cost && !self.granted.replace(true) {
            let more = self.root.byte_len() as u64 * BUDGET_PER_BYTE;
            self.budget.set(self.budget.get().saturating_add(more));
        }
        let left = self.budget.get().checked_sub(cost).ok_or(Error::PathTooCostly)?;
        self.budget.set(left);
        Ok(())
    }
}

impl<'v> Walk<'_, '_, 'v> {
    /// Applies the segments to one value. Every segment goes at least one level down, so that the recursion is no
    /// deeper than the document.
    fn from(&mut self, value: ValueRef<'v>, segments: &[Segment]) -> Result<(), Stop> {
        let depth = self.location.len();
        let walked = self.follow(value, segments);
        self.location.truncate(depth);
        walked
    }

    /// As [`Walk::from`], but for the place, which stays where it came to. Steps to one child at most need no recursion.
    fn follow(&mut self, mut value: ValueRef<'v>, mut segments: &[Segment]) -> Result<(), Stop> {
        loop {
            self.evaluation.spend(1).map_err(|_| Stop::Costly)?;
            let Some((segment, rest)) = segments.split_first() else { return self.found(value) };
            let step = match segment.selectors.as_slice() {
                _ if segment.descend => return self.descend(value, segment, rest),
                [Selector::Name(key)] => value.member(key),
                [Selector::Index(index)] => element(value, *index),
                _ => return self.select(value, segment, rest),
            };
            let Some((index, child)) = step else { return Ok(()) };
            self.location.push(index as u32);
            (value, segments) = (child, rest);
        }
    }

    fn found(&mut self, value: ValueRef<'v>) -> Result<(), Stop> {
        // A place is as long as it is deep, and may be kept.
        self.evaluation.spend(self.location.len() as u64 / 16).map_err(|_| Stop::Costly)?;
        match (self.visit)(value, &self.location) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Enough),
        }
    }

    /// The segment on a value and then on everything below it.
    fn descend(&mut self, value: ValueRef<'v>, segment: &Segment, rest: &[Segment]) -> Result<(), Stop> {
        self.evaluation.spend(1).map_err(|_| Stop::Costly)?;
        self.select(value, segment, rest)?;
        if value.numbers().is_some() {
            return Ok(());
        }
        for (index, (_, child)) in value.children().enumerate() {
            if child.is_array() || child.is_object() {
                self.down(index, |walk| walk.descend(child, segment, rest))?;
            }
        }
        Ok(())
    }

    fn select(&mut self, value: ValueRef<'v>, segment: &Segment, rest: &[Segment]) -> Result<(), Stop> {
        for selector in &segment.selectors {
            match selector {
                Selector::Name(key) => {
                    if let Some((index, member)) = value.member(key) {
                        self.step(index, member, rest)?;
                    }
                }
                Selector::Wildcard => {
                    for (index, (_, child)) in value.children().enumerate() {
                        self.step(index, child, rest)?;
                    }
                }
                Selector::Index(index) => {
                    if let Some((index, element)) = element(value, *index) {
                        self.step(index, element, rest)?;
                    }
                }
                Selector::Slice(slice) => self.slice(value, slice, rest)?,
                Selector::Filter(expr) => {
                    for (index, (_, child)) in value.children().enumerate() {
                        self.evaluation.spend(1).map_err(|_| Stop::Costly)?;
                        if expr.test(self.evaluation, child).map_err(|_| Stop::Costly)? {
                            self.step(index, child, rest)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The elements that a slice takes, in its order.
    fn slice(&mut self, value: ValueRef<'v>, slice: &Slice, rest: &[Segment]) -> Result<(), Stop> {
        let (low, high) = slice_bounds(slice, value.len());
        let step = usize::try_from(slice.step.unsigned_abs()).unwrap_or(usize::MAX);
        if !value.is_array() || step == 0 || low >= high {
            return Ok(());
        }
        // Backwards, the last element is as far from the first as whole steps go.
        let low = if slice.step < 0 { low + (high - 1 - low) % step } else { low };
        let elements = value.children_from(low).take(high - low).enumerate().step_by(step);
        let elements = elements.map(|(at, (_, element))| (low + at, element));
        if slice.step > 0 {
            return elements.into_iter().try_for_each(|(index, element)| self.step(index, element, rest));
        }
        let backwards: Vec<_> = elements.collect();
        backwards.into_iter().rev().try_for_each(|(index, element)| self.step(index, element, rest))
    }

    fn step(&mut self, index: usize, child: ValueRef<'v>, rest: &[Segment]) -> Result<(), Stop> {
        self.down(index, |walk| walk.from(child, rest))
    }

    /// Goes on at the child number `index`.
    fn down(&mut self, index: usize, on: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.location.push(index as u32);
        self.depth += 1;
        let walked = at_depth(self.depth, || on(self));
        self.depth -= 1;
        self.location.pop();
        walked
    }
}

/// The element that an index means, and its position.
fn element(value: ValueRef<'_>, index: i64) -> Option<(usize, ValueRef<'_>)> {
    let at = array_index(index, value.len()).filter(|_| value.is_array())?;
    Some((at, value.child(at)?.1))
}

/// The position that an index means, which counts from the end when negative.
pub(in crate::json) fn array_index(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 { len as i128 + i128::from(index) } else { i128::from(index) };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// The first position that a slice may take, and the one behind the last, cut to the array (RFC 9535 §2.3.4.2.2).
fn slice_bounds(slice: &Slice, len: usize) -> (usize, usize) {
    let end = len as i128;
    let from_start = |bound: i64| if bound < 0 { end + i128::from(bound) } else { i128::from(bound) };
    let (low, high) = if slice.step < 0 {
        (slice.end.map_or(0, |bound| from_start(bound) + 1), slice.start.map_or(end, |bound| from_start(bound) + 1))
    } else {
        (slice.start.map_or(0, from_start), slice.end.map_or(end, from_start))
    };
    (low.clamp(0, end) as usize, high.clamp(0, end) as usize)
}
