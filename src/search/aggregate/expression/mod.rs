//! The expression language of APPLY, FILTER and FT.CREATE's FILTER (specification section 9).
//!
//! An [`Expression`] is compiled once and evaluated per row: a program in postfix order over a stack, so evaluation never
//! recurses, whatever a client wrote. Names are resolved to columns when it is compiled. `&&`, `||` and `case()` evaluate
//! only what they need; whether a call has the right number of arguments is told when it is made, as clients know it.
//!
//! Operands are views of what the row or the program has, numbers, and texts that functions have made, which lie one behind the other
//! in a [`Room`]. That is kept from row to row, so that evaluating takes no memory, but for arrays.
//!
//! | part | what |
//! |---|---|
//! | `lexer` | the words |
//! | `parser` | precedence, names, the program |
//! | [`function`] | every function but the ones of time |
//! | `room` | operands |
//! | `text` | what functions do to texts: characters, never half of one |
//! | [`calendar`], [`time_format`], [`time_parse`] | dates in UTC, `timefmt`, `parsetime` |

pub mod calendar;
pub mod function;
mod lexer;
mod parser;
mod room;
mod root;
mod text;
pub mod time_format;
pub mod time_parse;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

pub use self::parser::MAX_DEPTH;
pub use self::room::Room;

use self::function::{Arguments, Function, Made};
use self::lexer::Operator;
use self::room::Operand;
use super::value::{NotComparable, Value, View};

/// A column of a row, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Column(pub usize);

/// What an expression reads from a row, which lives for `'a`.
pub trait Properties<'a> {
    /// What stands in a column; `None` for nothing, which is not NULL.
    fn value(&self, column: Column) -> Option<View<'a>>;
    /// The terms of the query that the document contains, for `matched_terms()`.
    fn matched_terms(&self) -> &'a [Value] {
        &[]
    }
}

impl<'a> Properties<'a> for &'a [Option<Value>] {
    fn value(&self, column: Column) -> Option<View<'a>> {
        self.get(column.0)?.as_ref().map(Value::view)
    }
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// The word at this offset cannot stand there.
    Syntax {
        /// Bytes before it.
        offset: usize,
        /// Text of the last word that has one.
        near: Box<[u8]>,
    },
    /// A call of a function that there is not.
    UnknownFunction(Box<[u8]>),
    /// A bare word but NULL.
    UnknownSymbol(Box<[u8]>),
    /// A property that neither the schema nor an earlier step has.
    UnknownProperty(Box<[u8]>),
}

/// Why an expression has no value in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluateError {
    /// Arithmetic on what is not a number.
    NotANumber,
    /// A comparison of a number with what is none.
    NotComparable(NotComparable),
    /// Nothing stands in a column that is asked for outside `exists()`.
    NoValue(Box<[u8]>),
    /// A call with too few or too many arguments.
    ArgumentCount(Function),
    /// An argument of the wrong type.
    ArgumentType {
        /// The function.
        function: Function,
        /// Position of the argument, from 0.
        at: usize,
        /// What it got.
        got: Got,
        /// What it wants.
        want: Want,
    },
    /// `to_number` of a text (`None`: of no text) that is no number.
    ToNumber(Option<Arc<[u8]>>),
    /// `substr` of what is no text.
    SubstrOfNoText,
    /// `format` with a specifier but `%s`.
    FormatSpecifier,
    /// `format` with more specifiers than values.
    FormatArguments,
    /// `format` with a `%` at its end.
    FormatEnd,
    /// A place that is not written "lon,lat".
    GeoString,
}

/// Types of values as error texts number them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the types")]
pub enum Got {
    Number,
    String,
    Null,
    Array,
}

/// Which check an argument failed, since their texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Text.
    Text,
    /// Text, in the format of `timefmt`.
    StringType,
    /// A number; text that reads as one is not enough.
    NumberType,
}

/// A step of a program. Operands are on the stack, the last one on top.
#[derive(Debug, Clone, PartialEq)]
enum Op {
    Push(Value),
    Load {
        column: Column,
        name: Box<[u8]>,
    },
    Exists(Column),
    Binary(Operator),
    Not,
    /// Makes the top a number, below 0 where it was above and the other way round if the sign is negative.
    Sign {
        negative: bool,
    },
    /// Replaces the top by 1 or 0.
    Truth,
    /// `&&` or `||` after its left side: goes on to the right one, or replaces the top by the answer and jumps.
    Decide {
        operator: Operator,
        target: usize,
    },
    /// Takes the top away and jumps if it is false.
    Branch(usize),
    Jump(usize),
    Call {
        function: Function,
        count: usize,
    },
    WrongCount(Function),
}

/// A compiled expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    program: Box<[Op]>,
}

impl Expression {
    /// Compiles a text. `resolve` says which column a property is; it is asked in the order of the text.
    ///
    /// # Errors
    /// Any [`ParseError`].
    pub fn parse(text: &[u8], resolve: impl FnMut(&[u8]) -> Option<Column>) -> Result<Self, ParseError> {
        Ok(Self { program: parser::Parser::new(text, resolve).parse()?.into() })
    }

    /// The columns it reads, repeated as often as it reads them.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.program.iter().filter_map(|op| match op {
            Op::Load { column, .. } | Op::Exists(column) => Some(*column),
            _ => None,
        })
    }

    /// Whether it asks for the terms that the document contains.
    pub fn needs_terms(&self) -> bool {
        self.program.iter().any(|op| matches!(op, Op::Call { function: Function::MatchedTerms, .. }))
    }

    /// Its value in a row, for itself.
    ///
    /// # Errors
    /// Any [`EvaluateError`].
    pub fn value(&self, row: &[Option<Value>]) -> Result<Value, EvaluateError> {
        let mut room = Room::default();
        self.evaluate(&row, &mut room)?;
        Ok(room.answer().to_value())
    }

    /// Evaluates it in a row: its value is the [answer](Room::answer) of the room then.
    ///
    /// # Errors
    /// Any [`EvaluateError`].
    pub fn evaluate<'a>(&'a self, row: &impl Properties<'a>, room: &mut Room<'a>) -> Result<(), EvaluateError> {
        room.clear();
        let mut at = 0;
        while let Some(op) = self.program.get(at) {
            at += 1;
            match op {
                Op::Push(value) => room.push(value.view()),
                Op::Load { column, name } => {
                    room.push(row.value(*column).ok_or_else(|| EvaluateError::NoValue(name.clone()))?);
                }
                Op::Exists(column) => room.push(View::truth(row.value(*column).is_some())),
                Op::Not => room.replace(1, View::truth(!room.top().is_true())),
                Op::Sign { negative } => {
                    let number = room.top().as_number().ok_or(EvaluateError::NotANumber)?;
                    room.replace(1, View::Number(if *negative { 0.0 - number } else { number }));
                }
                Op::Truth => room.replace(1, View::truth(room.top().is_true())),
                Op::Binary(operator) => {
                    let (left, right) = room.last_two();
                    let answer = binary(*operator, left, right)?;
                    room.replace(2, View::Number(answer));
                }
                Op::Decide { operator, target } => {
                    let holds = room.pop_truth();
                    if holds == (*operator == Operator::Or) {
                        room.push(View::truth(holds));
                        at = *target;
                    }
                }
                Op::Branch(target) if room.pop_truth() => debug_assert!(*target > at),
                Op::Branch(target) | Op::Jump(target) => at = *target,
                Op::Call { function, count } => room.call(*function, *count, row.matched_terms())?,
                Op::WrongCount(function) => return Err(EvaluateError::ArgumentCount(*function)),
            }
        }
        Ok(())
    }
}

impl<'a> Room<'a> {
    /// Calls a function with the last operands. What it looks at is what values are, not how they are shown.
    fn call(&mut self, function: Function, count: usize, terms: &'a [Value]) -> Result<(), EvaluateError> {
        let first = self.stack.len() - count;
        let arguments = Arguments::new(&self.stack[first..], &self.made);
        self.work.text.clear();
        let made = function.call(&arguments, terms, &mut self.work)?;
        self.stack.truncate(first);
        self.stack.push(match made {
            Made::Null => Operand::View(View::Null),
            Made::Number(number) => Operand::View(View::Number(number)),
            Made::Text => {
                let start = self.made.len();
                self.made.extend_from_slice(&self.work.text);
                Operand::Made(start..self.made.len())
            }
            Made::Value(value) => Operand::Value(value),
        });
        Ok(())
    }
}

/// What an operator but `&&`, `||` and `!` makes of two operands: a number, or 1 and 0 for truth.
fn binary(operator: Operator, left: View<'_>, right: View<'_>) -> Result<f64, EvaluateError> {
    if operator.level() == lexer::COMPARISON {
        return compare(operator, left, right).map(|holds| f64::from(u8::from(holds)));
    }
    let left = left.as_number().ok_or(EvaluateError::NotANumber)?;
    let right = right.as_number().ok_or(EvaluateError::NotANumber)?;
    Ok(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => f64::NAN,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
        _ => modulo(left, right),
    })
}

fn compare(operator: Operator, left: View<'_>, right: View<'_>) -> Result<bool, EvaluateError> {
    let order = match operator {
        Operator::Equal => return Ok(left.equals(right)),
        Operator::NotEqual => return Ok(!left.equals(right)),
        _ => left.compare(right).map_err(EvaluateError::NotComparable)?,
    };
    Ok(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

/// The remainder of whole numbers, with the sign of the dividend; fractions are cut off first. NaN when divided by 0.
fn modulo(left: f64, right: f64) -> f64 {
    match whole(right) {
        0 => f64::NAN,
        right => whole(left).wrapping_rem(right) as f64,
    }
}

/// The whole part; what an `i64` cannot hold, NaN too, is the smallest one, as x86 has it.
fn whole(number: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) { number as i64 } else { i64::MIN }
}
