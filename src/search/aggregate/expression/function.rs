//! The functions of expressions.
//!
//! A name is read in any case. What a wrong argument does differs from function to function, as clients know it: numeric
//! functions answer NaN, those that change text NULL, those that look into text an error.

use std::sync::Arc;

use super::{EvaluateError, Got, Want, calendar, text, time_format, time_parse};
use crate::search::aggregate::value::Value;
use crate::search::{decimal, number};

/// Radius of the earth in metres, as everywhere in search.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Most terms that `matched_terms()` returns without an argument.
const MATCHED_TERMS: usize = 100;

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the functions")]
pub enum Function {
    Log,
    Log2,
    Exp,
    Abs,
    Ceil,
    Floor,
    Sqrt,
    Upper,
    Lower,
    Strlen,
    StartsWith,
    Contains,
    Substr,
    Format,
    Split,
    MatchedTerms,
    ToStr,
    ToNumber,
    Exists,
    Case,
    TimeFmt,
    ParseTime,
    Day,
    Hour,
    Minute,
    Month,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    Year,
    MonthOfYear,
    GeoDistance,
}

/// Names with the fewest and the most arguments.
const FUNCTIONS: [(&str, Function, usize, usize); 32] = [
    ("log", Function::Log, 1, 1),
    ("log2", Function::Log2, 1, 1),
    ("exp", Function::Exp, 1, 1),
    ("abs", Function::Abs, 1, 1),
    ("ceil", Function::Ceil, 1, 1),
    ("floor", Function::Floor, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("strlen", Function::Strlen, 1, 1),
    ("startswith", Function::StartsWith, 2, 2),
    ("contains", Function::Contains, 2, 2),
    ("substr", Function::Substr, 3, 3),
    ("format", Function::Format, 1, usize::MAX),
    ("split", Function::Split, 1, 3),
    ("matched_terms", Function::MatchedTerms, 0, usize::MAX),
    ("to_str", Function::ToStr, 1, 1),
    ("to_number", Function::ToNumber, 1, 1),
    ("exists", Function::Exists, 1, 1),
    ("case", Function::Case, 3, 3),
    ("timefmt", Function::TimeFmt, 1, 2),
    ("parsetime", Function::ParseTime, 2, 2),
    ("day", Function::Day, 1, 1),
    ("hour", Function::Hour, 1, 1),
    ("minute", Function::Minute, 1, 1),
    ("month", Function::Month, 1, 1),
    ("dayofweek", Function::DayOfWeek, 1, 1),
    ("dayofmonth", Function::DayOfMonth, 1, 1),
    ("dayofyear", Function::DayOfYear, 1, 1),
    ("year", Function::Year, 1, 1),
    ("monthofyear", Function::MonthOfYear, 1, 1),
    ("geodistance", Function::GeoDistance, 2, 4),
];

impl Function {
    /// The function with this name.
    pub fn find(name: &[u8]) -> Option<Self> {
        FUNCTIONS.iter().find(|entry| name.eq_ignore_ascii_case(entry.0.as_bytes())).map(|entry| entry.1)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|entry| entry.1 == self).map_or("", |entry| entry.0)
    }

    /// Whether it can be called with so many arguments.
    pub fn takes(self, count: usize) -> bool {
        FUNCTIONS.iter().any(|entry| entry.1 == self && (entry.2..=entry.3).contains(&count))
    }

    /// Whether it is one of the functions from number to number.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Log | Self::Log2 | Self::Exp | Self::Abs | Self::Ceil | Self::Floor | Self::Sqrt)
    }

    /// Its value. `terms` are those that the document matched.
    ///
    /// # Errors
    /// Any [`EvaluateError`] but those of operators.
    pub fn call(self, arguments: &[Value], terms: &[Value]) -> Result<Value, EvaluateError> {
        let [first, ..] = arguments else {
            return match self {
                Self::MatchedTerms => Ok(matched_terms(&Value::Number(MATCHED_TERMS as f64), terms)),
                _ => Err(EvaluateError::ArgumentCount(self)),
            };
        };
        match self {
            _ if self.is_numeric() => Ok(Value::Number(self.numeric(first.as_number().unwrap_or(f64::NAN)))),
            Self::Upper => Ok(change(first, text::upper)),
            Self::Lower => Ok(change(first, text::lower)),
            Self::Strlen => Ok(count(text::count(self.text(arguments, 0)?))),
            Self::StartsWith => Ok(Value::truth(text::starts_with(self.text(arguments, 0)?, self.text(arguments, 1)?))),
            Self::Contains => Ok(count(text::occurrences(self.text(arguments, 0)?, self.text(arguments, 1)?))),
            Self::Substr => self.substr(arguments),
            Self::Format => self.format(arguments),
            Self::Split => self.split(arguments),
            Self::MatchedTerms => Ok(matched_terms(first, terms)),
            Self::ToStr => Ok(Value::String(first.to_text().unwrap_or_default())),
            Self::ToNumber => {
                first.as_number().map(Value::Number).ok_or_else(|| EvaluateError::ToNumber(first.to_text()))
            }
            Self::Exists => Ok(Value::truth(true)),
            Self::TimeFmt => self.time_format(arguments),
            Self::ParseTime => {
                let time = time_parse::parse(self.text(arguments, 0)?, self.text(arguments, 1)?);
                Ok(time.map_or(Value::Null, |seconds| Value::Number(seconds as f64)))
            }
            Self::GeoDistance => geo_distance(arguments),
            _ => Ok(self.part_of_time(first).map_or(Value::Null, |part| Value::Number(part as f64))),
        }
    }

    fn numeric(self, number: f64) -> f64 {
        match self {
            Self::Log => number.ln(),
            Self::Log2 => number.log2(),
            Self::Exp => number.exp(),
            Self::Abs => number.abs(),
            Self::Ceil => number.ceil(),
            Self::Floor => number.floor(),
            _ => number.sqrt(),
        }
    }

    fn wrong_type(self, arguments: &[Value], at: usize, want: Want) -> EvaluateError {
        let got = match arguments[at].plain() {
            Value::Null => Got::Null,
            Value::Number(_) => Got::Number,
            Value::String(_) => Got::String,
            Value::Array(_) | Value::Map(_) | Value::Faced(_) => Got::Array,
        };
        EvaluateError::ArgumentType { function: self, at, got, want }
    }

    fn text(self, arguments: &[Value], at: usize) -> Result<&[u8], EvaluateError> {
        match &arguments[at] {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong_type(arguments, at, Want::Text)),
        }
    }

    fn number(self, arguments: &[Value], at: usize) -> Result<f64, EvaluateError> {
        match arguments[at] {
            Value::Number(number) => Ok(number),
            _ => Err(self.wrong_type(arguments, at, Want::NumberType)),
        }
    }

    /// Part of a text.
    fn substr(self, arguments: &[Value]) -> Result<Value, EvaluateError> {
        let (offset, count) = (self.number(arguments, 1)?, self.number(arguments, 2)?);
        let Value::String(text) = &arguments[0] else { return Err(EvaluateError::SubstrOfNoText) };
        Ok(Value::string(text::part(text, offset, count)))
    }

    fn format(self, arguments: &[Value]) -> Result<Value, EvaluateError> {
        let format = self.text(arguments, 0)?;
        let mut values = arguments[1..].iter();
        let mut out = Vec::with_capacity(format.len());
        let mut bytes = format.iter();
        while let Some(&byte) = bytes.next() {
            if byte != b'%' {
                out.push(byte);
                continue;
            }
            match bytes.next() {
                None => return Err(EvaluateError::FormatEnd),
                Some(b'%') => out.push(b'%'),
                Some(b's') => match values.next().ok_or(EvaluateError::FormatArguments)? {
                    Value::Null => out.extend_from_slice(b"(null)"),
                    Value::Number(number) => decimal::write_value(&mut out, *number),
                    value => out.extend_from_slice(&value.to_text().unwrap_or_default()),
                },
                Some(_) => return Err(EvaluateError::FormatSpecifier),
            }
        }
        Ok(Value::string(out))
    }

    /// The parts between any of some characters.
    fn split(self, arguments: &[Value]) -> Result<Value, EvaluateError> {
        let text = self.text(arguments, 0)?;
        let separators = if arguments.len() > 1 { self.text(arguments, 1)? } else { b"," };
        let strip = if arguments.len() > 2 { self.text(arguments, 2)? } else { b" " };
        Ok(Value::Array(text::split(text, separators, strip).into_iter().map(Value::string).collect()))
    }

    fn time_format(self, arguments: &[Value]) -> Result<Value, EvaluateError> {
        let format = match arguments.get(1) {
            None => time_format::ISO,
            Some(Value::String(format)) => format,
            Some(_) => return Err(self.wrong_type(arguments, 1, Want::StringType)),
        };
        let text = seconds(&arguments[0]).and_then(|seconds| time_format::format(seconds, format));
        Ok(text.map_or(Value::Null, Value::string))
    }

    /// The functions that take a time apart; NULL before 1970.
    fn part_of_time(self, value: &Value) -> Option<i64> {
        let seconds = seconds(value).filter(|_| value.as_number().is_some_and(|number| number >= 0.0))?;
        let time = calendar::Time::at(seconds)?;
        Some(match self {
            Self::Day => seconds - seconds % 86_400,
            Self::Hour => seconds - seconds % 3_600,
            Self::Minute => seconds - seconds % 60,
            Self::Month => calendar::days_from_civil(time.year, time.month, 1) * 86_400,
            Self::DayOfWeek => time.week_day.into(),
            Self::DayOfMonth => time.day.into(),
            Self::DayOfYear => time.year_day.into(),
            Self::Year => time.year,
            _ => i64::from(time.month) - 1,
        })
    }
}

fn count(number: usize) -> Value {
    Value::Number(number as f64)
}

/// Whole seconds; nothing where there is no such `i64`.
fn seconds(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    (number.abs() < 9.2e18).then_some(number as i64)
}

fn change(value: &Value, change: fn(&[u8]) -> Vec<u8>) -> Value {
    match value {
        Value::String(text) => Value::string(change(text)),
        _ => Value::Null,
    }
}

/// The first of the terms: so many as a number says that is at least 1, else as are returned without one.
fn matched_terms(most: &Value, terms: &[Value]) -> Value {
    let most = match most.as_number() {
        Some(most) if most >= 1.0 => most as usize,
        _ => MATCHED_TERMS,
    };
    match &terms[..terms.len().min(most)] {
        [] => Value::Null,
        terms => Value::Array(Arc::from(terms)),
    }
}

/// Longitude and latitude in degrees.
type Place = (f64, f64);

const NOWHERE: Place = (f64::NAN, f64::NAN);

/// Metres between two places, rounded to centimetres. A place is "lon,lat" or two numbers.
fn geo_distance(arguments: &[Value]) -> Result<Value, EvaluateError> {
    let number = |at: usize| arguments[at].as_number().unwrap_or(f64::NAN);
    let (from, to) = match arguments.len() {
        2 => match place(&arguments[0])? {
            // Where the first is nowhere, nobody looks at the second.
            nowhere if nowhere.0.is_nan() => (nowhere, NOWHERE),
            from => (from, place(&arguments[1])?),
        },
        4 => ((number(0), number(1)), (number(2), number(3))),
        _ if arguments[0].as_number().is_some() => ((number(0), number(1)), place(&arguments[2])?),
        _ => (place(&arguments[0])?, (number(1), number(2))),
    };
    Ok(Value::Number((haversine(from, to) * 100.0).round() / 100.0))
}

/// A place written as text. What is no text, or a single number, is nowhere; another text is an error.
fn place(value: &Value) -> Result<Place, EvaluateError> {
    let Value::String(text) = value else { return Ok(NOWHERE) };
    if value.as_number().is_some() {
        return Ok(NOWHERE);
    }
    let degrees = |text: &[u8]| if text.is_empty() { Some(0.0) } else { number::parse(text) };
    let at = text.iter().position(|byte| matches!(byte, b',' | b' ')).ok_or(EvaluateError::GeoString)?;
    degrees(&text[..at]).zip(degrees(&text[at + 1..])).ok_or(EvaluateError::GeoString)
}

fn haversine(from: Place, to: Place) -> f64 {
    let (from_lat, to_lat) = (from.1.to_radians(), to.1.to_radians());
    let u = ((to_lat - from_lat) / 2.0).sin();
    let v = ((to.0.to_radians() - from.0.to_radians()) / 2.0).sin();
    2.0 * EARTH_RADIUS * (u * u + from_lat.cos() * to_lat.cos() * v * v).sqrt().asin()
}
