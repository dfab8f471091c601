//! The functions of expressions, `f(x, …)` or `x.f(…)`. What a function cannot be applied to comes to nothing.

use super::ast::Function;
use super::eval::Evaluation;
use super::filter::{Value, length, names_of};
use crate::json::build::Builder;
use crate::json::{Document, Error, Kind, Number, ValueRef};

impl Function {
    /// The value of a call; the number of arguments is right.
    pub(super) fn call<'a>(
        self,
        evaluation: &Evaluation<'_>,
        mut arguments: Vec<Value<'a>>,
    ) -> Result<Value<'a>, Error> {
        let integer = |count: usize| Value::number(i64::try_from(count).ok().map(Number::Int));
        let first = match self {
            Function::Unknown => return Ok(Value::Nothing),
            Function::Append => return append(evaluation, &arguments),
            Function::Concat => return Ok(concat(&arguments)),
            Function::Value => return Ok(of_only(arguments.remove(0))),
            Function::Count => return Ok(count(&arguments[0]).map_or(Value::Nothing, integer)),
            Function::Keys => return Ok(keys(&arguments[0])),
            _ => arguments[0].only(),
        };
        let Some(first) = first else { return Ok(Value::Nothing) };
        evaluation.spend(first.len() as u64)?;
        let index = arguments.get(1).and_then(Value::as_number);
        Ok(match self {
            Function::Length => length(first).map_or(Value::Nothing, integer),
            Function::Abs => Value::number(first.as_number().and_then(absolute)),
            Function::Ceiling => Value::number(first.as_number().map(|number| rounded(number, f64::ceil))),
            Function::Floor => Value::number(first.as_number().map(|number| rounded(number, f64::floor))),
            Function::First => element(first, Some(Number::Int(0))),
            Function::Last => element(first, Some(Number::Int(-1))),
            Function::Index => element(first, index),
            _ => Value::number(numbers(first).and_then(|numbers| self.of_numbers(&numbers))),
        })
    }

    /// What the numbers of an array come to.
    fn of_numbers(self, numbers: &[f64]) -> Option<Number> {
        let (count, sum) = (numbers.len() as f64, numbers.iter().sum::<f64>());
        let result = match self {
            Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Sum => sum,
            Function::Average => sum / count,
            _ => {
                let mean = sum / count;
                (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt()
            }
        };
        result.is_finite().then_some(Number::Float(result))
    }
}

/// The numbers of an array that has nothing else, and is not empty.
fn numbers(array: ValueRef<'_>) -> Option<Vec<f64>> {
    if !array.is_array() || array.is_empty() {
        return None;
    }
    array.elements().map(|element| element.as_number().map(Number::as_f64)).collect()
}

fn absolute(number: Number) -> Option<Number> {
    if number.compare(Number::Int(0)).is_lt() {
        return crate::json::Arithmetic::Subtract.apply(Number::Int(0), number);
    }
    Some(if let Number::Float(value) = number { Number::Float(value.abs()) } else { number })
}

/// Integers stay.
fn rounded(number: Number, round: fn(f64) -> f64) -> Number {
    if let Number::Float(value) = number { Number::Float(round(value)) } else { number }
}

/// The element at a position, which counts from the end when negative.
fn element<'a>(array: ValueRef<'_>, index: Option<Number>) -> Value<'a> {
    let index = index.map(Number::as_f64).filter(|index| index.fract() == 0.0);
    let at = index.map(|index| if index < 0.0 { index + array.len() as f64 } else { index });
    let found = at.filter(|at| array.is_array() && *at >= 0.0 && *at < array.len() as f64);
    let found = found.and_then(|at| array.child(at as usize));
    found.map_or(Value::Nothing, |(_, element)| Value::Made(Document::copy_of(element)))
}

/// The one value of a path.
fn of_only(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Many(_) | Value::Missing => Value::Nothing,
        other => other,
    }
}

/// Matches of a path, or values of a list.
fn count(values: &Value<'_>) -> Option<usize> {
    match values {
        Value::Nothing => None,
        Value::Spread(list) => Some(list.root().len()),
        _ => Some(values.nodes().count()),
    }
}

fn keys<'a>(values: &Value<'_>) -> Value<'a> {
    if matches!(values, Value::Nothing | Value::Missing) {
        return Value::Nothing;
    }
    Value::Spread(Document::of(|builder| {
        builder.begin_array();
        names_of(values, builder);
        builder.end();
    }))
}

fn concat<'a>(arguments: &[Value<'_>]) -> Value<'a> {
    let mut all = Vec::new();
    for argument in arguments {
        let Some(text) = argument.only().and_then(ValueRef::as_str_bytes) else { return Value::Nothing };
        all.extend_from_slice(text);
    }
    Value::Made(Document::of(|builder| builder.str(&all)))
}

/// The elements of the one array that is matched, else the matches, and then the other arguments.
fn append<'a>(evaluation: &Evaluation<'_>, arguments: &[Value<'_>]) -> Result<Value<'a>, Error> {
    let [list, more @ ..] = arguments else { return Ok(Value::Nothing) };
    if matches!(list, Value::Nothing) || more.iter().any(|value| matches!(value, Value::Nothing | Value::Missing)) {
        return Ok(Value::Nothing);
    }
    let bytes = arguments.iter().flat_map(Value::nodes).map(ValueRef::byte_len).sum::<usize>();
    evaluation.spend(bytes as u64 / 8)?;
    Ok(Value::Spread(Document::of(|builder| {
        builder.begin_array();
        match list.only() {
            Some(array) if matches!(array.kind(), Kind::Array) => builder.children(array.children()),
            _ => list.nodes().for_each(|value| builder.value(value)),
        }
        more.iter().for_each(|value| appended(builder, value));
        builder.end();
    })))
}

/// A path's several values are one element.
fn appended(builder: &mut Builder, value: &Value<'_>) {
    match value {
        Value::Many(values) => {
            builder.begin_array();
            values.iter().for_each(|value| builder.value(*value));
            builder.end();
        }
        _ => value.nodes().for_each(|value| builder.value(value)),
    }
}
