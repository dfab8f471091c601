//! Room to evaluate in: operands, and the texts that functions have made.

use std::ops::Range;

use crate::search::aggregate::value::{Value, View};

/// An operand.
#[derive(Debug)]
pub(super) enum Operand<'a> {
    /// What the row or the program has, and every number.
    View(View<'a>),
    /// A text that was made: where it lies.
    Made(Range<usize>),
    /// An array that was made.
    Value(Value),
}

impl Operand<'_> {
    /// What it is; `made` are the texts that were made.
    pub fn view<'v>(&'v self, made: &'v [u8]) -> View<'v> {
        match self {
            Self::View(view) => *view,
            Self::Made(place) => View::Text(&made[place.clone()]),
            Self::Value(value) => value.view(),
        }
    }
}

/// What functions work with.
#[derive(Debug, Default)]
pub struct Work {
    /// The text that is being made.
    pub text: Vec<u8>,
    /// What a search in a text notes.
    pub places: Vec<usize>,
}

/// Room to evaluate in, which keeps its memory from row to row.
#[derive(Debug, Default)]
pub struct Room<'a> {
    pub(super) stack: Vec<Operand<'a>>,
    pub(super) made: Vec<u8>,
    pub(super) work: Work,
}

impl<'a> Room<'a> {
    /// The same room for other rows.
    pub fn renewed<'b>(mut self) -> Room<'b> {
        self.clear();
        // An empty vector of the same layout: the library keeps its memory.
        let stack = self.stack.into_iter().map(|_| Operand::View(View::Null)).collect();
        Room { stack, made: self.made, work: self.work }
    }

    /// The value of what was evaluated last.
    pub fn answer(&self) -> View<'_> {
        self.top()
    }

    pub(super) fn clear(&mut self) {
        self.stack.clear();
        self.made.clear();
    }

    pub(super) fn push(&mut self, view: View<'a>) {
        self.stack.push(Operand::View(view));
    }

    /// The last operand. A program always has what its operators take: NULL is for no one to see.
    pub(super) fn top(&self) -> View<'_> {
        debug_assert!(!self.stack.is_empty(), "operand on the stack");
        self.stack.last().map_or(View::Null, |operand| operand.view(&self.made))
    }

    /// The last two operands.
    pub(super) fn last_two(&self) -> (View<'_>, View<'_>) {
        match &self.stack[..] {
            [.., left, right] => (left.view(&self.made), right.view(&self.made)),
            _ => (View::Null, View::Null),
        }
    }

    /// Puts a number in the place of the last operands.
    pub(super) fn replace(&mut self, count: usize, with: View<'a>) {
        self.stack.truncate(self.stack.len().saturating_sub(count));
        self.stack.push(Operand::View(with));
    }

    /// Takes the last operand away, and says whether it is true.
    pub(super) fn pop_truth(&mut self) -> bool {
        let holds = self.top().is_true();
        self.stack.pop();
        holds
    }
}
