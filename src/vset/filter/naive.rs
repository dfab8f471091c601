//! A second evaluator for the tests: rescans the JSON for every selector, as the language is specified, and recurses.
//!
//! It shares nothing with the first but the compiled program and `strtod`.

use super::evaluation::NUMERIC_TEXT_LEN;
use super::lexer::Literal;
use super::lexer::Operator;
use super::program::{Program, Step};
use crate::vset::number::{is_blank, parse_double};

#[derive(Debug, Clone)]
enum Naive {
    Null,
    Number(f64),
    Text(Vec<u8>),
    Tuple(Vec<Naive>),
}

/// Whether attributes, given as JSON, pass.
pub(super) fn matches(program: &Program, json: &[u8]) -> bool {
    let mut stack = Vec::new();
    for step in &program.steps {
        match step {
            Step::Push(literal) => stack.push(constant(literal)),
            Step::Field(name) => match find(json, name) {
                Some(value) => stack.push(value),
                None => return false,
            },
            Step::Apply(Operator::Not) => {
                let a = stack.pop().unwrap();
                stack.push(Naive::Number(if is_true(&a) { 0.0 } else { 1.0 }));
            }
            Step::Apply(operator) => {
                let b = stack.pop().unwrap();
                let a = stack.pop().unwrap();
                stack.push(Naive::Number(binary(*operator, &a, &b)));
            }
        }
    }
    is_true(&stack[0])
}

fn constant(literal: &Literal) -> Naive {
    match literal {
        Literal::Null => Naive::Null,
        Literal::Number(n) => Naive::Number(*n),
        Literal::Text(t) => Naive::Text(t.to_vec()),
        Literal::Tuple(t) => Naive::Tuple(t.iter().map(constant).collect()),
    }
}

fn is_true(value: &Naive) -> bool {
    match value {
        Naive::Null => false,
        Naive::Number(n) => *n != 0.0,
        Naive::Text(t) => !t.is_empty(),
        Naive::Tuple(_) => true,
    }
}

fn number(value: &Naive) -> f64 {
    match value {
        Naive::Number(n) => *n,
        Naive::Text(t) if t.len() < NUMERIC_TEXT_LEN => {
            parse_double(t.split(|&b| b == 0).next().unwrap()).unwrap_or(0.0)
        }
        _ => 0.0,
    }
}

fn equal(a: &Naive, b: &Naive) -> bool {
    match (a, b) {
        (Naive::Text(a), Naive::Text(b)) => a == b,
        (Naive::Null, _) | (_, Naive::Null) => matches!((a, b), (Naive::Null, Naive::Null)),
        _ => number(a) == number(b),
    }
}

fn binary(operator: Operator, a: &Naive, b: &Naive) -> f64 {
    let (x, y) = (number(a), number(b));
    let is = match operator {
        Operator::Add => return x + y,
        Operator::Subtract => return x - y,
        Operator::Multiply => return x * y,
        Operator::Divide => return x / y,
        Operator::Remainder => return x % y,
        Operator::Power => return x.powf(y),
        Operator::Or => is_true(a) | is_true(b),
        Operator::And => is_true(a) & is_true(b),
        Operator::Greater => x > y,
        Operator::GreaterEqual => x >= y,
        Operator::Less => x < y,
        Operator::LessEqual => x <= y,
        Operator::Equal => equal(a, b),
        Operator::NotEqual => !equal(a, b),
        Operator::In => match (a, b) {
            (_, Naive::Tuple(items)) => items.iter().any(|item| equal(a, item)),
            (Naive::Text(a), Naive::Text(b)) => a.is_empty() || b.windows(a.len()).any(|w| w == &a[..]),
            _ => false,
        },
        Operator::Not => unreachable!("has one operand"),
    };
    f64::from(u8::from(is))
}

fn blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&b| is_blank(b)).count()..]
}

/// The raw inside of the string that `text` starts with, and the rest.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let mut at = 0;
    while *inside.get(at)? != b'"' {
        at += if inside[at] == b'\\' { 2 } else { 1 };
    }
    Some((&inside[..at], &inside[at + 1..]))
}

fn word(text: &[u8]) -> Option<(Naive, &[u8])> {
    for (word, value) in [(&b"true"[..], Naive::Number(1.0)), (b"false", Naive::Number(0.0)), (b"null", Naive::Null)] {
        if let Some(rest) = text.strip_prefix(word) {
            let ends = rest.first().is_none_or(|&b| is_blank(b) || b",}]".contains(&b));
            return ends.then_some((value, rest));
        }
    }
    None
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b"0123456789+-.eE".contains(b)).count()
}

fn skip(text: &[u8]) -> Option<&[u8]> {
    match text.first()? {
        b'"' => string(text).map(|s| s.1),
        b'[' => balance(text, b'[', b']'),
        b'{' => balance(text, b'{', b'}'),
        b't' | b'f' | b'n' => word(text).map(|w| w.1),
        _ if digits(text) > 0 => Some(&text[digits(text)..]),
        _ => None,
    }
}

fn balance(mut text: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    let mut depth = 0;
    loop {
        let byte = *text.first()?;
        if byte == b'"' {
            text = string(text)?.1;
            continue;
        }
        text = &text[1..];
        depth += i32::from(byte == open) - i32::from(byte == close);
        if depth == 0 {
            return Some(text);
        }
    }
}

fn convert(text: &[u8]) -> Option<(Naive, &[u8])> {
    match text.first()? {
        b'"' => {
            let (raw, rest) = string(text)?;
            let mut value = Vec::new();
            let mut at = 0;
            while at < raw.len() {
                if raw[at] == b'\\' {
                    at += 1;
                    value.push(match raw[at] {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => other,
                    });
                } else {
                    value.push(raw[at]);
                }
                at += 1;
            }
            Some((Naive::Text(value), rest))
        }
        b'[' => {
            let mut items = Vec::new();
            let mut rest = blanks(&text[1..]);
            if let Some(rest) = rest.strip_prefix(b"]") {
                return Some((Naive::Tuple(items), rest));
            }
            loop {
                let (item, after) = convert(rest)?;
                items.push(item);
                rest = blanks(after);
                match rest.first()? {
                    b',' => rest = blanks(&rest[1..]),
                    b']' => return Some((Naive::Tuple(items), &rest[1..])),
                    _ => return None,
                }
            }
        }
        b'0'..=b'9' | b'-' | b'+' => {
            let len = digits(text).min(255);
            Some((Naive::Number(parse_double(&text[..len])?), &text[len..]))
        }
        _ => word(text),
    }
}

fn find(json: &[u8], name: &[u8]) -> Option<Naive> {
    let mut rest = blanks(json).strip_prefix(b"{")?;
    loop {
        let (key, after) = string(blanks(rest))?;
        let value = blanks(blanks(after).strip_prefix(b":")?);
        if key == name && !name.is_empty() {
            return convert(value).map(|v| v.0);
        }
        rest = blanks(skip(value)?).strip_prefix(b",")?;
    }
}
