//! Runs a compiled expression against one element's attributes.
//!
//! Four kinds of values meet: numbers, texts, tuples and null. Which of them an operator accepts, and what becomes of the
//! others, is told at each function; nothing fails but a selector without a value, which makes the whole false.

use super::lexer::Literal;
use super::lexer::Operator;
use super::program::{Program, Step};
use crate::vset::attributes::{Attributes, Value};
use crate::vset::number::parse_double;
use crate::watch::Watch;

/// How many values fit the stack that costs no allocation.
const INLINE: usize = 8;
/// What running a step is worth to a [`Watch`].
const STEP: usize = 2;

/// Texts of this length or more are no numbers.
pub(super) const NUMERIC_TEXT_LEN: usize = 256;

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Number(number) => Self::Number(*number),
            Literal::Text(text) => Self::Text(text),
            Literal::Tuple(items) => Self::Tuple(items),
        }
    }
}

impl Value<'_> {
    /// NaN is true: it is not 0. Any tuple is true.
    pub(super) fn is_true(self) -> bool {
        match self {
            Self::Null => false,
            Self::Number(number) => number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Tuple(_) | Self::Items(_) => true,
        }
    }

    /// What is no number is 0.
    pub(super) fn number(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Text(text) if text.len() < NUMERIC_TEXT_LEN => {
                // It is read as a C string.
                let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
                parse_double(&text[..end]).unwrap_or(0.0)
            }
            _ => 0.0,
        }
    }

    /// Texts by bytes, null only with null, all else as numbers.
    fn equals(self, other: Value<'_>) -> bool {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Null, Value::Null) => true,
            (Self::Null, _) | (_, Value::Null) => false,
            (a, b) => a.number() == b.number(),
        }
    }

    /// Item of a tuple, or part of a text.
    fn is_in(self, container: Value<'_>) -> bool {
        match (self, container) {
            (_, Value::Tuple(items)) => items.iter().any(|item| self.equals(item.into())),
            (_, Value::Items(mut items)) => items.any(|item| self.equals(item)),
            (Self::Text(needle), Value::Text(text)) => memchr::memmem::find(text, needle).is_some(),
            _ => false,
        }
    }
}

fn truth(is: bool) -> Value<'static> {
    Value::Number(f64::from(u8::from(is)))
}

pub(super) fn apply<'a>(operator: Operator, a: Value<'a>, b: Value<'a>) -> Value<'a> {
    match operator {
        // Both sides have been evaluated: there is nothing to cut short.
        Operator::Or => truth(a.is_true() || b.is_true()),
        Operator::And => truth(a.is_true() && b.is_true()),
        Operator::Greater => truth(a.number() > b.number()),
        Operator::GreaterEqual => truth(a.number() >= b.number()),
        Operator::Less => truth(a.number() < b.number()),
        Operator::LessEqual => truth(a.number() <= b.number()),
        Operator::Equal => truth(a.equals(b)),
        Operator::NotEqual => truth(!a.equals(b)),
        Operator::In => truth(a.is_in(b)),
        Operator::Add => Value::Number(a.number() + b.number()),
        Operator::Subtract => Value::Number(a.number() - b.number()),
        Operator::Multiply => Value::Number(a.number() * b.number()),
        Operator::Divide => Value::Number(a.number() / b.number()),
        Operator::Remainder => Value::Number(a.number() % b.number()),
        Operator::Power => Value::Number(a.number().powf(b.number())),
        Operator::Not => truth(!a.is_true()),
    }
}

/// Whether the program leaves a true value; it does not when time is over before its end.
pub(super) fn run(program: &Program, attributes: Attributes<'_>, watch: &Watch<'_>) -> bool {
    let value = if program.depth <= INLINE {
        steps(program, attributes, &mut [Value::Null; INLINE], watch)
    } else {
        steps(program, attributes, &mut vec![Value::Null; program.depth], watch)
    };
    value.is_some_and(Value::is_true)
}

/// Runs the steps on a stack of at least `program.depth` values; `None` where a selector finds nothing.
///
/// Compiling has counted the operands, so no index leaves the stack.
fn steps<'a>(
    program: &'a Program,
    attributes: Attributes<'a>,
    stack: &mut [Value<'a>],
    watch: &Watch<'_>,
) -> Option<Value<'a>> {
    /// Steps between two questions whether time is over.
    const SOME: usize = 256;
    let mut len = 0;
    for some in program.steps.chunks(SOME) {
        if watch.spend(1 + some.len() * STEP) {
            return None;
        }
        for step in some {
            len = step_on(step, attributes, stack, len)?;
        }
    }
    Some(stack[0])
}

/// Runs a step where there are so many values on the stack, and says how many there are then.
#[inline]
fn step_on<'a>(step: &'a Step, attributes: Attributes<'a>, stack: &mut [Value<'a>], mut len: usize) -> Option<usize> {
    match step {
        Step::Push(literal) => {
            stack[len] = literal.into();
            len += 1;
        }
        Step::Field(name) => {
            stack[len] = attributes.field(name)?;
            len += 1;
        }
        Step::Apply(Operator::Not) => stack[len - 1] = apply(Operator::Not, stack[len - 1], Value::Null),
        Step::Apply(operator) => {
            len -= 1;
            stack[len - 1] = apply(*operator, stack[len - 1], stack[len]);
        }
    }
    Some(len)
}
