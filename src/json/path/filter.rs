//! Filter expressions: what `[?(…)]` asks of each child.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::ControlFlow;

use regex::bytes::{Regex, RegexBuilder};

use super::Segment;
use super::eval::{Evaluation, REGEX_COST};
use crate::json::{Document, Error, Kind, ValueRef};

/// Largest compiled regular expression, in bytes.
const REGEX_SIZE: usize = 256 << 10;

/// A condition.
#[derive(Debug, Clone)]
pub(in crate::json) enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    /// The path has a match; a literal stands for true.
    Exists(Operand),
    Compare(Comparison, Operand, Operand),
    /// `=~` with a pattern known beforehand; `None` for one that does not compile.
    Matches(Operand, Option<Box<Regex>>),
    /// `=~` with a pattern from the document.
    MatchesDynamic(Operand, Operand),
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(in crate::json) enum Operand {
    Literal(Box<Document>),
    /// From the child under test (`@`).
    Current(Vec<Segment>),
    /// From the document (`$`).
    Root(Vec<Segment>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The last pattern that came from the document, compiled.
pub(in crate::json) type RegexCache = RefCell<Option<(Vec<u8>, Option<Regex>)>>;

/// Compiles a pattern; `None` if it is none, or too large.
pub(super) fn compile(pattern: &[u8]) -> Option<Regex> {
    let pattern = std::str::from_utf8(pattern).ok()?;
    RegexBuilder::new(pattern).size_limit(REGEX_SIZE).dfa_size_limit(REGEX_SIZE).nest_limit(64).build().ok()
}

impl Expr {
    /// Whether the child fulfils the condition.
    pub(super) fn test<'v>(&self, evaluation: &Evaluation<'v>, current: ValueRef<'v>) -> Result<bool, Error> {
        match self {
            Expr::Or(any) => {
                for expr in any {
                    if expr.test(evaluation, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Expr::And(all) => {
                for expr in all {
                    if !expr.test(evaluation, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Expr::Not(expr) => Ok(!expr.test(evaluation, current)?),
            Expr::Exists(Operand::Literal(literal)) => Ok(!matches!(literal.root().kind(), Kind::Bool(false))),
            Expr::Exists(operand) => operand.exists(evaluation, current),
            Expr::Compare(comparison, left, right) => {
                let left = left.value(evaluation, current)?;
                let right = right.value(evaluation, current)?;
                evaluation.spend(comparison_cost(left, right))?;
                Ok(compare(*comparison, left, right))
            }
            Expr::Matches(operand, regex) => {
                let text = operand.value(evaluation, current)?.and_then(ValueRef::as_str_bytes);
                evaluation.spend(text.map_or(0, |text| text.len() as u64 / 16))?;
                Ok(matches!((text, regex), (Some(text), Some(regex)) if regex.is_match(text)))
            }
            Expr::MatchesDynamic(operand, pattern) => {
                let text = operand.value(evaluation, current)?.and_then(ValueRef::as_str_bytes);
                let pattern = pattern.value(evaluation, current)?.and_then(ValueRef::as_str_bytes);
                let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(false) };
                matches_dynamic(evaluation, text, pattern)
            }
        }
    }
}

fn matches_dynamic(evaluation: &Evaluation<'_>, text: &[u8], pattern: &[u8]) -> Result<bool, Error> {
    let mut cache = evaluation.regexes.borrow_mut();
    if cache.as_ref().is_none_or(|(cached, _)| cached != pattern) {
        evaluation.spend(REGEX_COST)?;
        *cache = Some((pattern.to_vec(), compile(pattern)));
    }
    evaluation.spend(text.len() as u64 / 16)?;
    Ok(cache.as_ref().and_then(|(_, regex)| regex.as_ref()).is_some_and(|regex| regex.is_match(text)))
}

impl Operand {
    fn exists<'v>(&self, evaluation: &Evaluation<'v>, current: ValueRef<'v>) -> Result<bool, Error> {
        let mut found = false;
        let (start, segments) = match self {
            Operand::Literal(_) => return Ok(true),
            Operand::Current(segments) => (current, segments),
            Operand::Root(segments) => (evaluation.root, segments),
        };
        evaluation.walk(start, segments, &mut |_, _| {
            found = true;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The one value of the operand; `None` where a path has no match or several.
    fn value<'a, 'v: 'a>(
        &'a self,
        evaluation: &Evaluation<'v>,
        current: ValueRef<'v>,
    ) -> Result<Option<ValueRef<'a>>, Error> {
        let (start, segments) = match self {
            Operand::Literal(literal) => return Ok(Some(literal.root())),
            Operand::Current(segments) => (current, segments),
            Operand::Root(segments) => (evaluation.root, segments),
        };
        let (mut value, mut count) = (None, 0);
        evaluation.walk(start, segments, &mut |found, _| {
            value = Some(found);
            count += 1;
            if count > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(value.filter(|_| count == 1))
    }
}

/// What comparing costs of the budget: containers are compared as a whole.
fn comparison_cost(left: Option<ValueRef<'_>>, right: Option<ValueRef<'_>>) -> u64 {
    let bytes = |value: Option<ValueRef<'_>>| value.map_or(0, ValueRef::byte_len);
    1 + bytes(left).min(bytes(right)) as u64 / 4
}

/// Compares as RFC 9535 §2.3.5.2.2: missing equals missing only; order exists among numbers and among strings (and,
/// as in the field, `<=` and `>=` hold for equal values of any kind).
fn compare(comparison: Comparison, left: Option<ValueRef<'_>>, right: Option<ValueRef<'_>>) -> bool {
    let equal = || match (left, right) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    };
    let order = || match (left?.kind(), right?.kind()) {
        (Kind::Number(a), Kind::Number(b)) => Some(a.compare(b)),
        (Kind::Str(a), Kind::Str(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match comparison {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => order() == Some(Ordering::Less),
        Comparison::Greater => order() == Some(Ordering::Greater),
        Comparison::LessOrEqual => order().map_or_else(equal, Ordering::is_le),
        Comparison::GreaterOrEqual => order().map_or_else(equal, Ordering::is_ge),
    }
}
