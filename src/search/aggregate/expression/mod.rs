//! The expression language of APPLY, FILTER and FT.CREATE's FILTER (specification section 9).
//!
//! An [`Expression`] is compiled once and evaluated per row: a program in postfix order over a stack, so evaluation never
//! recurses, whatever a client wrote. Names are resolved to columns when it is compiled. `&&`, `||` and `case()` evaluate
//! only what they need; whether a call has the right number of arguments is told when it is made, as clients know it.
//!
//! | part | what |
//! |---|---|
//! | `lexer` | the words |
//! | `parser` | precedence, names, the program |
//! | [`function`] | every function but the ones of time |
//! | `text` | what functions do to texts: characters, never half of one |
//! | [`calendar`], [`time_format`], [`time_parse`] | dates in UTC, `timefmt`, `parsetime` |

pub mod calendar;
pub mod function;
mod lexer;
mod parser;
mod root;
mod text;
pub mod time_format;
pub mod time_parse;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

pub use self::parser::MAX_DEPTH;

use self::function::Function;
use self::lexer::Operator;
use super::value::{NotComparable, Value};

/// A column of a row, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Column(pub usize);

/// What an expression reads from a row.
pub trait Properties {
    /// What stands in a column; `None` for nothing, which is not NULL.
    fn value(&self, column: Column) -> Option<&Value>;
    /// The terms of the query that the document contains, for `matched_terms()`.
    fn matched_terms(&self) -> &[Value] {
        &[]
    }
}

impl Properties for [Option<Value>] {
    fn value(&self, column: Column) -> Option<&Value> {
        self.get(column.0)?.as_ref()
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

    /// Its value in a row. `stack` is room to work in, kept by the caller from row to row.
    ///
    /// # Errors
    /// Any [`EvaluateError`].
    pub fn evaluate(&self, row: &(impl Properties + ?Sized), stack: &mut Vec<Value>) -> Result<Value, EvaluateError> {
        stack.clear();
        let mut at = 0;
        while let Some(op) = self.program.get(at) {
            at += 1;
            match op {
                Op::Push(value) => stack.push(value.clone()),
                Op::Load { column, name } => {
                    let value = row.value(*column).ok_or_else(|| EvaluateError::NoValue(name.clone()))?;
                    stack.push(value.clone());
                }
                Op::Exists(column) => stack.push(Value::truth(row.value(*column).is_some())),
                Op::Not => replace(stack, |value| Value::truth(!value.is_true())),
                Op::Sign { negative } => {
                    let number = pop(stack).as_number().ok_or(EvaluateError::NotANumber)?;
                    stack.push(Value::Number(if *negative { 0.0 - number } else { number }));
                }
                Op::Truth => replace(stack, |value| Value::truth(value.is_true())),
                Op::Binary(operator) => {
                    let (right, left) = (pop(stack), pop(stack));
                    stack.push(binary(*operator, &left, &right)?);
                }
                Op::Decide { operator, target } => {
                    let holds = pop(stack).is_true();
                    if holds == (*operator == Operator::Or) {
                        stack.push(Value::truth(holds));
                        at = *target;
                    }
                }
                Op::Branch(target) if pop(stack).is_true() => debug_assert!(*target > at),
                Op::Branch(target) | Op::Jump(target) => at = *target,
                Op::Call { function, count } => {
                    let first = stack.len() - count;
                    // What functions look at is what values are, not how they are shown.
                    for argument in &mut stack[first..] {
                        if let Value::Faced(_) = argument {
                            *argument = std::mem::replace(argument, Value::Null).into_plain();
                        }
                    }
                    let value = function.call(&stack[first..], row.matched_terms())?;
                    stack.truncate(first);
                    stack.push(value);
                }
                Op::WrongCount(function) => return Err(EvaluateError::ArgumentCount(*function)),
            }
        }
        Ok(pop(stack))
    }
}

/// A program always has what its operators take: NULL is for no one to see.
fn pop(stack: &mut Vec<Value>) -> Value {
    debug_assert!(!stack.is_empty(), "operand on the stack");
    stack.pop().unwrap_or(Value::Null)
}

fn replace(stack: &mut Vec<Value>, with: impl FnOnce(Value) -> Value) {
    let value = pop(stack);
    stack.push(with(value));
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, EvaluateError> {
    if operator.level() == lexer::COMPARISON {
        return compare(operator, left, right).map(Value::truth);
    }
    let left = left.as_number().ok_or(EvaluateError::NotANumber)?;
    let right = right.as_number().ok_or(EvaluateError::NotANumber)?;
    Ok(Value::Number(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => f64::NAN,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
        _ => modulo(left, right),
    }))
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, EvaluateError> {
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
