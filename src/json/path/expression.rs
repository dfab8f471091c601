//! The grammar of expressions: in filters, and as projections.
//!
//! ```text
//! or      = and *( "||" and )            and   = not *( "&&" not )
//! not     = "!" not / test               test  = sum [ operator sum ]
//! sum     = product *( ( "+" / "-" ) product )
//! product = unary *( ( "*" / "/" / "%" ) unary )
//! unary   = ( "-" / "+" ) unary / primary *( "." name "(" … ")" )
//! primary = "(" or ")" / literal / path [ "~" ] / name "(" [ or *( "," or ) ] ")"
//! ```
//!
//! A binary sign has blanks on both sides, since names may contain it. Chains of signs and calls count as nesting, which
//! is bounded: neither reading nor evaluating nor freeing an expression goes deep.

use super::MAX_NESTING;
use super::ast::{Comparison, Expr, Function, Operand, Operator, Relation, Segment, Selector};
use super::parse::{Parser, Result, is_name_byte, is_space};
use super::pattern::{Part, compile};
use crate::json::Document;
use crate::json::format::write_str;

/// Parses a projection: an expression in which bare names are members of the document.
pub(super) fn projection(text: &[u8]) -> Result<Expr> {
    let mut parser = Parser { calls: true, ..Parser::new(text) };
    let expr = parser.or()?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.fail("EOI")) } else { Ok(expr) }
}

const OPERAND: &str = "decimal, from_current, from_root, boolean_true, boolean_false, null";
const OPERATOR: &str = "ge, gt, le, lt, eq, ne, re, and, or, '..'";
const TEST: &str = "single_filter";

const COMPARISONS: [(&[u8], Comparison); 6] = [
    (b"==", Comparison::Equal),
    (b"!=", Comparison::NotEqual),
    (b"<=", Comparison::LessOrEqual),
    (b">=", Comparison::GreaterOrEqual),
    (b"<", Comparison::Less),
    (b">", Comparison::Greater),
];

impl<'a> Parser<'a> {
    /// What follows `?`: a condition, in parentheses or not.
    pub(super) fn filter(&mut self) -> Result<Expr> {
        let calls = std::mem::replace(&mut self.calls, true);
        self.filters += 1;
        self.skip_space();
        let start = self.at;
        let expr = self.nested(Parser::or)?;
        self.filters -= 1;
        self.calls = calls;
        self.condition(expr, start)
    }

    /// Something one level deeper.
    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T>) -> Result<T> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.fail("less nesting"));
        }
        let read = read(self)?;
        self.nesting -= 1;
        Ok(read)
    }

    /// `expr`, which began at `start`, if it can be a condition.
    fn condition(&mut self, expr: Expr, start: usize) -> Result<Expr> {
        if expr.is_test() {
            return Ok(expr);
        }
        self.at = start;
        Err(self.fail(TEST))
    }

    fn or(&mut self) -> Result<Expr> {
        self.alternatives(b"||", Parser::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Expr> {
        self.alternatives(b"&&", Parser::not, Expr::And)
    }

    fn alternatives(
        &mut self,
        sign: &[u8],
        part: fn(&mut Self) -> Result<Expr>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr> {
        self.skip_space();
        let mut start = self.at;
        let first = part(self)?;
        if !self.sees(sign) {
            return Ok(first);
        }
        let mut all = vec![self.condition_at(first, start)?];
        while self.eat(sign) {
            self.skip_space();
            start = self.at;
            let next = part(self)?;
            all.push(self.condition_at(next, start)?);
        }
        Ok(join(all))
    }

    /// As [`Parser::condition`], going on where we are.
    fn condition_at(&mut self, expr: Expr, start: usize) -> Result<Expr> {
        let at = self.at;
        let expr = self.condition(expr, start)?;
        self.at = at;
        Ok(expr)
    }

    /// True if `sign` comes next after white space, which stays.
    fn sees(&mut self, sign: &[u8]) -> bool {
        let start = self.at;
        let found = self.eat(sign);
        self.at = start;
        found
    }

    fn not(&mut self) -> Result<Expr> {
        let mut count = 0;
        while self.eat(b"!") {
            count += 1;
        }
        self.skip_space();
        let start = self.at;
        let expr = self.test()?;
        if count == 0 {
            return Ok(expr);
        }
        let mut expr = self.condition_at(expr, start)?;
        for _ in 0..2 - count % 2 {
            expr = Expr::Not(Box::new(expr));
        }
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr> {
        let start = self.at;
        let left = self.sum()?;
        let end = self.at;
        self.skip_space();
        let comparison = COMPARISONS.iter().find(|(sign, _)| self.take(sign));
        let relation = if comparison.is_none() { self.relation() } else { None };
        let regex = comparison.is_none() && relation.is_none() && self.take(b"=~");
        if comparison.is_none() && relation.is_none() && !regex {
            self.at = end;
            return self.ends(left);
        }
        if left.is_logical() {
            self.at = start;
            return Err(self.fail(OPERAND));
        }
        let place = self.at;
        let right = self.sum()?;
        if right.is_logical() {
            self.at = place;
            return Err(self.fail(OPERAND));
        }
        Ok(match (comparison, relation) {
            (Some((_, comparison)), _) => Expr::Compare(*comparison, Box::new(left), Box::new(right)),
            (_, Some(relation)) => Expr::Relate(relation, Box::new(left), Box::new(right)),
            _ => pattern(Part::Any, left, right),
        })
    }

    /// `expr`, if what comes next can follow it.
    fn ends(&mut self, expr: Expr) -> Result<Expr> {
        let end = self.at;
        self.skip_space();
        if !matches!(self.peek(), None | Some(b')' | b']' | b'&' | b'|' | b',')) {
            return Err(self.fail(OPERATOR));
        }
        self.at = end;
        Ok(expr)
    }

    /// An operator that is a word.
    fn relation(&mut self) -> Option<Relation> {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(rest.len());
        let ends = rest.get(len).is_none_or(|byte| !is_name_byte(*byte));
        let (word, relation) = Relation::WORDS.into_iter().find(|(word, _)| ends && word.as_bytes() == &rest[..len])?;
        self.at += word.len();
        Some(relation)
    }

    fn sum(&mut self) -> Result<Expr> {
        self.chain(&[(b'+', Operator::Add), (b'-', Operator::Subtract)], Parser::product)
    }

    fn product(&mut self) -> Result<Expr> {
        let signs = [(b'*', Operator::Multiply), (b'/', Operator::Divide), (b'%', Operator::Remainder)];
        self.chain(&signs, Parser::unary)
    }

    fn chain(&mut self, signs: &[(u8, Operator)], part: fn(&mut Self) -> Result<Expr>) -> Result<Expr> {
        let first = part(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.spaced_sign(signs) {
            rest.push((operator, part(self)?));
        }
        if rest.is_empty() { Ok(first) } else { Ok(Expr::Arithmetic(Box::new(first), rest)) }
    }

    /// A sign with blanks on both sides.
    fn spaced_sign(&mut self, signs: &[(u8, Operator)]) -> Option<Operator> {
        let start = self.at;
        self.skip_space();
        let spaced = self.at > start && self.text.get(self.at + 1).copied().is_some_and(is_space);
        let found = signs.iter().find(|(sign, _)| spaced && self.peek() == Some(*sign));
        self.at = if found.is_some() { self.at + 1 } else { start };
        found.map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Result<Expr> {
        let mut negative = false;
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'-') if self.is_sign() => negative = !negative,
                Some(b'+') if self.is_sign() => {}
                _ => break,
            }
            self.at += 1;
        }
        let expr = self.called()?;
        Ok(if negative { Expr::Negative(Box::new(expr)) } else { expr })
    }

    /// True if the `-` or `+` here is a sign, and not the beginning of a number or of a bare name.
    fn is_sign(&self) -> bool {
        let after = |count: usize| self.text.get(self.at + count).copied();
        match after(1) {
            Some(b'0'..=b'9') => self.peek() == Some(b'+'),
            Some(b'$') => after(2).is_none_or(|byte| !is_name_byte(byte)),
            Some(byte) => self.filters > 0 || !is_name_byte(byte) || self.call_at(self.at + 1).is_some(),
            None => false,
        }
    }

    /// A primary expression and the functions called on it.
    fn called(&mut self) -> Result<Expr> {
        let mut expr = self.primary()?;
        let nesting = self.nesting;
        while !matches!(&expr, Expr::Path(Operand { names: true, .. })) {
            let start = self.at;
            let called = if self.eat(b".") { self.call_at(self.at) } else { None };
            let Some(name) = called else {
                self.at = start;
                break;
            };
            // Each call is one level more, as they are kept inside each other.
            self.nesting += 1;
            let more = self.arguments()?;
            expr = call(name, std::iter::once(expr).chain(more).collect());
        }
        self.nesting = nesting;
        Ok(expr)
    }

    /// The name at that place, if `(` follows it.
    fn call_at(&self, at: usize) -> Option<&'a [u8]> {
        let len = self.text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let next = self.text[at + len..].iter().find(|byte| !is_space(**byte));
        (len > 0 && next == Some(&b'(')).then(|| &self.text[at..at + len])
    }

    /// The name here, `(`, and the arguments to `)`.
    fn arguments(&mut self) -> Result<Vec<Expr>> {
        while self.peek() != Some(b'(') {
            self.at += 1;
        }
        self.at += 1;
        let mut arguments = Vec::new();
        if self.eat(b")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.nested(Parser::or)?);
            if !self.eat(b",") {
                break;
            }
        }
        self.expect(b")", "',', ')'")?;
        Ok(arguments)
    }

    fn primary(&mut self) -> Result<Expr> {
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let inner = self.nested(Parser::or)?;
                self.expect(b")", "and, or")?;
                Ok(inner)
            }
            Some(b'@') if self.filters > 0 => {
                self.at += 1;
                self.path(false, Vec::new())
            }
            Some(b'$') if self.filters > 0 || !self.text.get(self.at + 1).is_some_and(|byte| is_name_byte(*byte)) => {
                self.at += 1;
                self.path(true, Vec::new())
            }
            Some(b'\'' | b'"') => {
                let text = self.quoted(OPERAND)?;
                let mut json = Vec::with_capacity(text.len() + 2);
                write_str(&text, &mut json);
                self.literal(&json, self.at)
            }
            Some(b'[' | b'{') => self.container(),
            Some(b'.') if self.filters == 0 => self.path(true, Vec::new()),
            Some(_) if self.call_at(self.at).is_some() => {
                let name = self.call_at(self.at).unwrap_or_default();
                let arguments = self.arguments()?;
                Ok(call(name, arguments))
            }
            Some(b'-' | b'0'..=b'9') if self.starts_number() => self.number(),
            _ => self.word(),
        }
    }

    /// What follows the `$`, `@` or bare name of an operand.
    fn path(&mut self, absolute: bool, mut segments: Vec<Segment>) -> Result<Expr> {
        segments.extend(self.segments()?);
        let names = self.take(b"~");
        Ok(Expr::Path(Operand { absolute, segments, names }))
    }

    /// `true`, `false`, `null`, or the bare name of a member of the document.
    fn word(&mut self) -> Result<Expr> {
        let start = self.at;
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if matches!(word, b"true" | b"false" | b"null") {
            return self.literal(word, start);
        }
        if word.is_empty() || self.filters > 0 {
            self.at = start;
            return Err(self.fail(OPERAND));
        }
        let name = Selector::Name(word.to_vec());
        self.path(true, vec![Segment { descend: false, selectors: vec![name] }])
    }

    fn starts_number(&self) -> bool {
        let digits = self.text[self.at..].strip_prefix(b"-").unwrap_or(&self.text[self.at..]);
        digits.first().is_some_and(u8::is_ascii_digit)
    }

    fn number(&mut self) -> Result<Expr> {
        let start = self.at;
        self.take(b"-");
        self.digits();
        if self.take(b".") {
            self.digits();
        }
        if self.take(b"e") || self.take(b"E") {
            let _ = self.take(b"+") || self.take(b"-");
            self.digits();
        }
        self.literal(&self.text[start..self.at], start)
    }

    /// An array or object in JSON, in which strings may have single quotes.
    fn container(&mut self) -> Result<Expr> {
        let (start, mut open, mut json) = (self.at, 0, Vec::new());
        while let Some(byte) = self.peek() {
            if matches!(byte, b'\'' | b'"') {
                let text = self.quoted(OPERAND)?;
                write_str(&text, &mut json);
                continue;
            }
            self.at += 1;
            json.push(byte);
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        self.literal(&json, start)
    }

    /// The value of JSON text that began at `start`.
    fn literal(&mut self, json: &[u8], start: usize) -> Result<Expr> {
        match Document::parse(json) {
            Ok(literal) => Ok(Expr::Literal(Box::new(literal))),
            Err(_) => {
                self.at = start;
                Err(self.fail(OPERAND))
            }
        }
    }
}

/// A call of a function by its name.
fn call(name: &[u8], mut arguments: Vec<Expr>) -> Expr {
    let part = match name {
        b"match" => Some(Part::Whole),
        b"search" => Some(Part::Search),
        _ => None,
    };
    if let (Some(part), 2) = (part, arguments.len())
        && let Some(last) = arguments.pop()
    {
        return pattern(part, arguments.remove(0), last);
    }
    let count = arguments.len();
    let found = Function::ALL
        .into_iter()
        .find(|(known, _, least, most)| known.as_bytes() == name && (*least..=*most).contains(&count));
    Expr::Call(found.map_or(Function::Unknown, |(_, function, ..)| function), arguments)
}

/// A text against a pattern.
fn pattern(part: Part, text: Expr, pattern: Expr) -> Expr {
    match pattern {
        Expr::Literal(pattern) => {
            let regex = pattern.root().as_str_bytes().and_then(|pattern| compile(part, pattern));
            Expr::Matches(Box::new(text), regex.map(Box::new))
        }
        pattern => Expr::MatchesDynamic(part, Box::new(text), Box::new(pattern)),
    }
}
