//! The functions of expressions.
//!
//! A name is read in any case. What a wrong argument does differs from function to function, as clients know it: numeric
//! functions answer NaN, those that change text NULL, those that look into text an error.
//!
//! A text that a function makes goes into the room that it is given.

use std::sync::Arc;

use super::room::{Operand, Work};
use super::{EvaluateError, Got, Want, calendar, text, time_format, time_parse};
use crate::search::aggregate::value::{Value, View};
use crate::search::number;

/// Radius of the earth in metres, as everywhere in search.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Most terms that `matched_terms()` returns without an argument.
const MATCHED_TERMS: usize = 100;

/// The arguments of a call.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'s> {
    operands: &'s [Operand<'s>],
    made: &'s [u8],
}

impl<'s> Arguments<'s> {
    /// Operands; `made` are the texts among them that were made.
    pub(super) fn new(operands: &'s [Operand<'s>], made: &'s [u8]) -> Self {
        Self { operands, made }
    }

    fn len(&self) -> usize {
        self.operands.len()
    }

    fn get(&self, at: usize) -> Option<View<'s>> {
        Some(self.operands.get(at)?.view(self.made).plain())
    }

    fn at(&self, at: usize) -> View<'s> {
        self.get(at).unwrap_or(View::Null)
    }
}

/// What a function has made.
#[derive(Debug)]
pub(super) enum Made {
    /// NULL.
    Null,
    /// A number.
    Number(f64),
    /// The text of its room.
    Text,
    /// Anything.
    Value(Value),
}

impl Made {
    fn truth(holds: bool) -> Self {
        Self::Number(f64::from(u8::from(holds)))
    }

    fn count(number: usize) -> Self {
        Self::Number(number as f64)
    }

    fn text_if(there: bool) -> Self {
        if there { Self::Text } else { Self::Null }
    }
}

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
    pub(super) fn call(
        self,
        arguments: &Arguments<'_>,
        terms: &[Value],
        work: &mut Work,
    ) -> Result<Made, EvaluateError> {
        let Some(first) = arguments.get(0) else {
            return match self {
                Self::MatchedTerms => Ok(matched_terms(View::Number(MATCHED_TERMS as f64), terms)),
                _ => Err(EvaluateError::ArgumentCount(self)),
            };
        };
        let out = &mut work.text;
        match self {
            _ if self.is_numeric() => Ok(Made::Number(self.numeric(first.as_number().unwrap_or(f64::NAN)))),
            Self::Upper => Ok(change(first, text::upper, out)),
            Self::Lower => Ok(change(first, text::lower, out)),
            Self::Strlen => Ok(Made::count(text::count(self.text(arguments, 0)?))),
            Self::StartsWith => Ok(Made::truth(text::starts_with(self.text(arguments, 0)?, self.text(arguments, 1)?))),
            Self::Contains => {
                let (text, wanted) = (self.text(arguments, 0)?, self.text(arguments, 1)?);
                Ok(Made::count(text::occurrences(text, wanted, &mut work.places)))
            }
            Self::Substr => self.substr(arguments, out),
            Self::Format => self.format(arguments, out),
            Self::Split => self.split(arguments),
            Self::MatchedTerms => Ok(matched_terms(first, terms)),
            Self::ToStr => {
                first.write_text(out);
                Ok(Made::Text)
            }
            Self::ToNumber => {
                first.as_number().map(Made::Number).ok_or_else(|| EvaluateError::ToNumber(first.to_text()))
            }
            Self::Exists => Ok(Made::truth(true)),
            Self::TimeFmt => self.time_format(arguments, out),
            Self::ParseTime => {
                let time = time_parse::parse(self.text(arguments, 0)?, self.text(arguments, 1)?);
                Ok(time.map_or(Made::Null, |seconds| Made::Number(seconds as f64)))
            }
            Self::GeoDistance => geo_distance(arguments),
            _ => Ok(self.part_of_time(first).map_or(Made::Null, |part| Made::Number(part as f64))),
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

    fn wrong_type(self, arguments: &Arguments<'_>, at: usize, want: Want) -> EvaluateError {
        let got = match arguments.at(at) {
            View::Null => Got::Null,
            View::Number(_) => Got::Number,
            View::Text(_) => Got::String,
            View::Array(_) | View::Map(_) | View::Faced(_) => Got::Array,
        };
        EvaluateError::ArgumentType { function: self, at, got, want }
    }

    fn text<'s>(self, arguments: &Arguments<'s>, at: usize) -> Result<&'s [u8], EvaluateError> {
        match arguments.at(at) {
            View::Text(text) => Ok(text),
            _ => Err(self.wrong_type(arguments, at, Want::Text)),
        }
    }

    fn number(self, arguments: &Arguments<'_>, at: usize) -> Result<f64, EvaluateError> {
        match arguments.at(at) {
            View::Number(number) => Ok(number),
            _ => Err(self.wrong_type(arguments, at, Want::NumberType)),
        }
    }

    /// Part of a text.
    fn substr(self, arguments: &Arguments<'_>, out: &mut Vec<u8>) -> Result<Made, EvaluateError> {
        let (offset, count) = (self.number(arguments, 1)?, self.number(arguments, 2)?);
        let View::Text(text) = arguments.at(0) else { return Err(EvaluateError::SubstrOfNoText) };
        out.extend_from_slice(text::part(text, offset, count));
        Ok(Made::Text)
    }

    fn format(self, arguments: &Arguments<'_>, out: &mut Vec<u8>) -> Result<Made, EvaluateError> {
        let format = self.text(arguments, 0)?;
        let mut next = 1;
        let mut bytes = format.iter();
        while let Some(&byte) = bytes.next() {
            if byte != b'%' {
                out.push(byte);
                continue;
            }
            match bytes.next() {
                None => return Err(EvaluateError::FormatEnd),
                Some(b'%') => out.push(b'%'),
                Some(b's') => {
                    match arguments.get(next).ok_or(EvaluateError::FormatArguments)? {
                        View::Null => out.extend_from_slice(b"(null)"),
                        value => _ = value.write_text(out),
                    }
                    next += 1;
                }
                Some(_) => return Err(EvaluateError::FormatSpecifier),
            }
        }
        Ok(Made::Text)
    }

    /// The parts between any of some characters.
    fn split(self, arguments: &Arguments<'_>) -> Result<Made, EvaluateError> {
        let text = self.text(arguments, 0)?;
        let separators = if arguments.len() > 1 { self.text(arguments, 1)? } else { b"," };
        let strip = if arguments.len() > 2 { self.text(arguments, 2)? } else { b" " };
        let parts = text::split(text, separators, strip).into_iter().map(Value::string);
        Ok(Made::Value(Value::Array(parts.collect())))
    }

    fn time_format(self, arguments: &Arguments<'_>, out: &mut Vec<u8>) -> Result<Made, EvaluateError> {
        let format = match arguments.get(1) {
            None => time_format::ISO,
            Some(View::Text(format)) => format,
            Some(_) => return Err(self.wrong_type(arguments, 1, Want::StringType)),
        };
        Ok(Made::text_if(seconds(arguments.at(0)).is_some_and(|seconds| time_format::write(out, seconds, format))))
    }

    /// The functions that take a time apart; NULL before 1970.
    fn part_of_time(self, value: View<'_>) -> Option<i64> {
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

/// Whole seconds; nothing where there is no such `i64`.
fn seconds(value: View<'_>) -> Option<i64> {
    let number = value.as_number()?;
    (number.abs() < 9.2e18).then_some(number as i64)
}

fn change(value: View<'_>, change: fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) -> Made {
    match value {
        View::Text(text) => {
            change(text, out);
            Made::Text
        }
        _ => Made::Null,
    }
}

/// The first of the terms: so many as a number says that is at least 1, else as are returned without one.
fn matched_terms(most: View<'_>, terms: &[Value]) -> Made {
    let most = match most.as_number() {
        Some(most) if most >= 1.0 => most as usize,
        _ => MATCHED_TERMS,
    };
    match &terms[..terms.len().min(most)] {
        [] => Made::Null,
        terms => Made::Value(Value::Array(Arc::from(terms))),
    }
}

/// Longitude and latitude in degrees.
type Place = (f64, f64);

const NOWHERE: Place = (f64::NAN, f64::NAN);

/// Metres between two places, rounded to centimetres. A place is "lon,lat" or two numbers.
fn geo_distance(arguments: &Arguments<'_>) -> Result<Made, EvaluateError> {
    let number = |at: usize| arguments.at(at).as_number().unwrap_or(f64::NAN);
    let (from, to) = match arguments.len() {
        2 => match place(arguments.at(0))? {
            // Where the first is nowhere, nobody looks at the second.
            nowhere if nowhere.0.is_nan() => (nowhere, NOWHERE),
            from => (from, place(arguments.at(1))?),
        },
        4 => ((number(0), number(1)), (number(2), number(3))),
        _ if arguments.at(0).as_number().is_some() => ((number(0), number(1)), place(arguments.at(2))?),
        _ => (place(arguments.at(0))?, (number(1), number(2))),
    };
    Ok(Made::Number((haversine(from, to) * 100.0).round() / 100.0))
}

/// A place written as text. What is no text, or a single number, is nowhere; another text is an error.
fn place(value: View<'_>) -> Result<Place, EvaluateError> {
    let View::Text(text) = value else { return Ok(NOWHERE) };
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
