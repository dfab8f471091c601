//! Walking a document along a path.

use std::cell::Cell;
use std::ops::ControlFlow;

use super::{Segment, Selector};
use crate::json::{Error, ValueRef};

/// A place in a document: the positions of children from the root down.
pub type Location = Vec<u32>;

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
    pub(super) regexes: super::filter::RegexCache,
}

/// A walk along one path: of the evaluation, or of a filter's operand within it.
struct Walk<'e, 'f, 'v> {
    evaluation: &'e Evaluation<'v>,
    location: Vec<u32>,
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
        let mut walk = Walk { evaluation: self, location: Vec::new(), visit: &mut |value, place| visit(value, place) };
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
        self.evaluation.spend(1).map_err(|_| Stop::Costly)?;
        let Some((segment, rest)) = segments.split_first() else {
            return match (self.visit)(value, &self.location) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Stop::Enough),
            };
        };
        if segment.descend { self.descend(value, segment, rest) } else { self.select(value, segment, rest) }
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
                self.location.push(index as u32);
                let walked = self.descend(child, segment, rest);
                self.location.pop();
                walked?;
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
                    let index = array_index(*index, value.len()).filter(|_| value.is_array());
                    if let Some((index, (_, element))) = index.and_then(|at| Some((at, value.child(at)?))) {
                        self.step(index, element, rest)?;
                    }
                }
                Selector::Slice { start, end, step } => {
                    let (start, end) = slice_bounds(*start, *end, value.len());
                    let elements = value.children().enumerate().take(end).skip(start).step_by(*step);
                    for (index, (_, element)) in elements.filter(|_| value.is_array()) {
                        self.step(index, element, rest)?;
                    }
                }
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

    fn step(&mut self, index: usize, child: ValueRef<'v>, rest: &[Segment]) -> Result<(), Stop> {
        self.location.push(index as u32);
        let walked = self.from(child, rest);
        self.location.pop();
        walked
    }
}

/// The position that an index means, which counts from the end when negative.
pub(in crate::json) fn array_index(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 { len as i128 + i128::from(index) } else { i128::from(index) };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// Start and end of a slice with positive step, cut to the array (RFC 9535 §2.3.4.2.2).
fn slice_bounds(start: Option<i64>, end: Option<i64>, len: usize) -> (usize, usize) {
    let cut = |bound: i64| {
        let at = if bound < 0 { len as i128 + i128::from(bound) } else { i128::from(bound) };
        at.clamp(0, len as i128) as usize
    };
    (start.map_or(0, cut), end.map_or(len, cut))
}
