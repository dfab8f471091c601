//! Working expressions out: what `[?…]` asks of each child, and what a projection answers.
//!
//! An operand comes to a [`Value`]. One that cannot be evaluated (a function of the wrong type, a division by zero) comes to
//! nothing, with which no comparison holds; a path without match is compared as RFC 9535 says; with one of several
//! matches, a comparison holds if it holds for any.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::ast::{Comparison, Expr, Operand, Operator, Relation};
use super::eval::{Evaluation, REGEX_COST};
use super::pattern::{Part, compile};
use crate::json::build::Builder;
use crate::json::{Arithmetic, Document, Error, Kind, Number, ValueRef};

/// What an expression comes to.
#[derive(Debug, Default)]
pub(in crate::json) enum Value<'a> {
    /// It cannot be evaluated.
    #[default]
    Nothing,
    /// A path without match.
    Missing,
    One(ValueRef<'a>),
    Many(Vec<ValueRef<'a>>),
    /// A value that is in no document.
    Made(Document),
    /// An array of values that a projection answers one by one.
    Spread(Document),
}

impl Value<'_> {
    pub(super) fn number(number: Option<Number>) -> Self {
        number.map_or(Value::Nothing, |number| Value::Made(Document::of(|builder| builder.number(number))))
    }

    pub(super) fn truth(truth: bool) -> Self {
        Value::Made(Document::of(|builder| builder.bool(truth)))
    }

    /// All its values.
    pub(super) fn nodes(&self) -> impl Iterator<Item = ValueRef<'_>> {
        let (one, many): (_, &[ValueRef<'_>]) = match self {
            Value::Nothing | Value::Missing => (None, &[]),
            Value::One(value) => (Some(*value), &[]),
            Value::Many(values) => (None, values),
            Value::Made(document) | Value::Spread(document) => (Some(document.root()), &[]),
        };
        one.into_iter().chain(many.iter().copied())
    }

    /// Its only value; `None` where there is none or several.
    pub(super) fn only(&self) -> Option<ValueRef<'_>> {
        match self {
            Value::Many(_) => None,
            _ => self.nodes().next(),
        }
    }

    pub(super) fn as_number(&self) -> Option<Number> {
        self.only().and_then(ValueRef::as_number)
    }
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
            Expr::Path(operand) => operand.exists(evaluation, current),
            Expr::Compare(comparison, left, right) => {
                let left = left.value(evaluation, current)?;
                let right = right.value(evaluation, current)?;
                compare_all(evaluation, *comparison, &left, &right)
            }
            Expr::Relate(relation, left, right) => {
                let left = left.value(evaluation, current)?;
                let right = right.value(evaluation, current)?;
                relate(evaluation, *relation, &left, &right)
            }
            Expr::Matches(text, regex) => {
                let Some(regex) = regex else { return Ok(false) };
                let text = text.value(evaluation, current)?;
                any(text.nodes(), |text| {
                    let Some(text) = text.as_str_bytes() else { return Ok(false) };
                    evaluation.spend(text.len() as u64 / 16)?;
                    Ok(regex.is_match(text))
                })
            }
            Expr::MatchesDynamic(part, text, pattern) => {
                let text = text.value(evaluation, current)?;
                let pattern = pattern.value(evaluation, current)?;
                let Some(pattern) = pattern.only().and_then(ValueRef::as_str_bytes) else { return Ok(false) };
                any(text.nodes(), |text| match text.as_str_bytes() {
                    Some(text) => matches_dynamic(evaluation, *part, text, pattern),
                    None => Ok(false),
                })
            }
            Expr::Literal(_) | Expr::Negative(_) | Expr::Arithmetic(..) | Expr::Call(..) => {
                let value = self.value(evaluation, current)?;
                Ok(value.nodes().any(|value| !matches!(value.kind(), Kind::Bool(false))))
            }
        }
    }

    /// What the expression comes to.
    pub(super) fn value<'a, 'v: 'a>(
        &'a self,
        evaluation: &Evaluation<'v>,
        current: ValueRef<'v>,
    ) -> Result<Value<'a>, Error> {
        match self {
            Expr::Literal(literal) => Ok(Value::One(literal.root())),
            Expr::Path(operand) => operand.value(evaluation, current),
            Expr::Negative(expr) => {
                let number = expr.value(evaluation, current)?.as_number();
                Ok(Value::number(number.and_then(|number| arithmetic(Operator::Subtract, Number::Int(0), number))))
            }
            Expr::Arithmetic(first, rest) => {
                let mut result = first.value(evaluation, current)?.as_number();
                for (operator, expr) in rest {
                    let operand = expr.value(evaluation, current)?.as_number();
                    result = result.zip(operand).and_then(|(a, b)| arithmetic(*operator, a, b));
                }
                Ok(Value::number(result))
            }
            Expr::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| argument.value(evaluation, current));
                function.call(evaluation, arguments.collect::<Result<_, _>>()?)
            }
            Expr::Matches(text, regex) if regex.is_none() || text.value(evaluation, current)?.only().is_none() => {
                Ok(Value::Nothing)
            }
            _ => self.test(evaluation, current).map(Value::truth),
        }
    }
}

fn any<'a>(
    mut values: impl Iterator<Item = ValueRef<'a>>,
    mut holds: impl FnMut(ValueRef<'a>) -> Result<bool, Error>,
) -> Result<bool, Error> {
    values.try_fold(false, |found, value| if found { Ok(true) } else { holds(value) })
}

fn matches_dynamic(evaluation: &Evaluation<'_>, part: Part, text: &[u8], pattern: &[u8]) -> Result<bool, Error> {
    let mut cache = evaluation.regexes.borrow_mut();
    if cache.as_ref().is_none_or(|(of, cached, _)| *of != part || cached != pattern) {
        evaluation.spend(REGEX_COST)?;
        *cache = Some((part, pattern.to_vec(), compile(part, pattern)));
    }
    evaluation.spend(text.len() as u64 / 16)?;
    Ok(cache.as_ref().and_then(|(_, _, regex)| regex.as_ref()).is_some_and(|regex| regex.is_match(text)))
}

impl Operand {
    fn exists<'v>(&self, evaluation: &Evaluation<'v>, current: ValueRef<'v>) -> Result<bool, Error> {
        let (mut found, names) = (false, self.names);
        let start = if self.absolute { evaluation.root } else { current };
        evaluation.walk(start, &self.segments, &mut |value, _| {
            found |= !names || (value.is_object() && !value.is_empty());
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    fn value<'v>(&self, evaluation: &Evaluation<'v>, current: ValueRef<'v>) -> Result<Value<'v>, Error> {
        let start = if self.absolute { evaluation.root } else { current };
        let mut found = Value::Missing;
        evaluation.walk(start, &self.segments, &mut |value, _| {
            found = match std::mem::take(&mut found) {
                Value::One(first) => Value::Many(vec![first, value]),
                Value::Many(mut values) => {
                    values.push(value);
                    Value::Many(values)
                }
                _ => Value::One(value),
            };
            ControlFlow::Continue(())
        })?;
        if !self.names {
            return Ok(found);
        }
        let names = Document::of(|builder| {
            builder.begin_array();
            names_of(&found, builder);
            builder.end();
        });
        evaluation.spend(names.root().len() as u64)?;
        Ok(Value::Spread(names))
    }
}

/// Writes the names of the members of all objects.
pub(super) fn names_of(values: &Value<'_>, builder: &mut Builder) {
    for object in values.nodes().filter(|value| value.is_object()) {
        object.children().for_each(|(name, _)| builder.str(name));
    }
}

/// The result of an operator; `None` where there is none, or it is infinite.
fn arithmetic(operator: Operator, a: Number, b: Number) -> Option<Number> {
    match operator {
        Operator::Add => Arithmetic::Add.apply(a, b),
        Operator::Subtract => Arithmetic::Subtract.apply(a, b),
        Operator::Multiply => Arithmetic::Multiply.apply(a, b),
        Operator::Divide => Arithmetic::Divide.apply(a, b),
        Operator::Remainder => Arithmetic::Remainder.apply(a, b),
    }
}

/// What comparing costs of the budget: two containers of as many children are compared as a whole, two strings as well.
fn comparison_cost(left: ValueRef<'_>, right: ValueRef<'_>) -> u64 {
    let bytes = match (left.kind(), right.kind()) {
        (Kind::Str(left), Kind::Str(right)) => left.len().min(right.len()),
        (Kind::Array, Kind::Array) | (Kind::Object, Kind::Object) if left.len() == right.len() => {
            left.byte_len().min(right.byte_len())
        }
        _ => 0,
    };
    1 + bytes as u64 / 4
}

fn compare_all(
    evaluation: &Evaluation<'_>,
    comparison: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<bool, Error> {
    match (left, right) {
        (Value::Nothing, _) | (_, Value::Nothing) => Ok(false),
        (Value::Missing, Value::Missing) => Ok(compare(comparison, None, None)),
        (Value::Missing, _) => Ok(any(right.nodes(), |right| Ok(compare(comparison, None, Some(right))))?),
        (_, Value::Missing) => Ok(any(left.nodes(), |left| Ok(compare(comparison, Some(left), None)))?),
        _ => any(left.nodes(), |left| {
            any(right.nodes(), |right| {
                evaluation.spend(comparison_cost(left, right))?;
                Ok(compare(comparison, Some(left), Some(right)))
            })
        }),
    }
}

/// Compares as RFC 9535 §2.3.5.2.2: missing equals missing only; order exists among numbers and among strings (and,
/// as in the field, `<=` and `>=` hold for equal values of other scalar kinds).
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

fn relate(evaluation: &Evaluation<'_>, relation: Relation, left: &Value<'_>, right: &Value<'_>) -> Result<bool, Error> {
    any(left.nodes(), |left| {
        any(right.nodes(), |right| match relation {
            Relation::In => right_has(evaluation, left, right),
            Relation::NotIn => Ok(!right_has(evaluation, left, right)?),
            Relation::SubsetOf => of_arrays(left, right, || all_in(evaluation, left, right)),
            Relation::AnyOf => of_arrays(left, right, || any_in(evaluation, left, right)),
            Relation::NoneOf => of_arrays(left, right, || Ok(!any_in(evaluation, left, right)?)),
            Relation::Size => Ok(right.as_number().is_some_and(|n| size(left) == Some(n.as_f64().trunc()))),
            Relation::Empty => Ok(matches!(
                (size(left), right.kind()),
                (Some(size), Kind::Bool(empty)) if (size == 0.0) == empty
            )),
        })
    })
}

fn of_arrays(
    left: ValueRef<'_>,
    right: ValueRef<'_>,
    holds: impl FnOnce() -> Result<bool, Error>,
) -> Result<bool, Error> {
    if left.is_array() && right.is_array() { holds() } else { Ok(false) }
}

fn right_has(evaluation: &Evaluation<'_>, value: ValueRef<'_>, array: ValueRef<'_>) -> Result<bool, Error> {
    if !array.is_array() {
        return Ok(false);
    }
    any(array.elements(), |element| {
        evaluation.spend(comparison_cost(value, element))?;
        Ok(value.same(element))
    })
}

fn any_in(evaluation: &Evaluation<'_>, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<bool, Error> {
    any(left.elements(), |element| right_has(evaluation, element, right))
}

fn all_in(evaluation: &Evaluation<'_>, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<bool, Error> {
    any(left.elements(), |element| Ok(!right_has(evaluation, element, right)?)).map(|outside| !outside)
}

/// Characters of a string, children of a container.
pub(super) fn length(value: ValueRef<'_>) -> Option<usize> {
    match value.kind() {
        Kind::Str(text) => Some(text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()),
        Kind::Array | Kind::Object => Some(value.len()),
        _ => None,
    }
}

fn size(value: ValueRef<'_>) -> Option<f64> {
    length(value).map(|length| length as f64)
}
