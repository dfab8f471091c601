//! The path grammar, as a recursive descent over bytes.

use super::filter::{Comparison, Expr, Operand, compile};
use super::{MAX_NESTING, Segment, Selector};
use crate::json::Document;

/// A path that does not follow the grammar: where, and what could have stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The path, in JSONPath form.
    pub path: Vec<u8>,
    /// Offset in it of what was not understood, in bytes.
    pub position: usize,
    /// What was expected there.
    pub expected: &'static str,
}

type Result<T> = std::result::Result<T, Malformed>;

/// Parses a whole path, `$` first.
pub(super) fn segments(text: &[u8]) -> Result<Vec<Segment>> {
    let mut parser = Parser { text, at: 0, nesting: 0 };
    parser.at += usize::from(text.starts_with(b"$"));
    let segments = parser.segments()?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.fail("EOI, '..'")) } else { Ok(segments) }
}

const MEMBER: &str = "<string>, '*'";
const BRACKET: &str = "'<string>[,<string>,...]', '<number>', ['start:end:steps'], '*'";
const OPERAND: &str = "decimal, from_current, from_root, boolean_true, boolean_false, null";
const OPERATOR: &str = "ge, gt, le, lt, eq, ne, re, and, or, '..'";

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    nesting: usize,
}

impl Parser<'_> {
    fn fail(&self, expected: &'static str) -> Malformed {
        Malformed { path: Vec::new(), position: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips white space, and then `token` if it stands there.
    fn eat(&mut self, token: &[u8]) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &[u8], expected: &'static str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.fail(expected)) }
    }

    /// As many segments as there are.
    fn segments(&mut self) -> Result<Vec<Segment>> {
        let mut segments = Vec::new();
        loop {
            let start = self.at;
            let descend = self.eat(b"..");
            let dot = descend || self.eat(b".");
            if self.eat(b"[") {
                let selectors = self.bracket()?;
                segments.push(Segment { descend, selectors });
            } else if dot {
                segments.push(Segment { descend, selectors: vec![self.member()?] });
            } else {
                // White space that belongs to no segment is not ours to skip.
                self.at = start;
                return Ok(segments);
            }
        }
    }

    /// `*` or a bare name.
    fn member(&mut self) -> Result<Selector> {
        if self.eat(b"*") {
            return Ok(Selector::Wildcard);
        }
        let start = self.at;
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        if start == self.at { Err(self.fail(MEMBER)) } else { Ok(Selector::Name(self.text[start..self.at].to_vec())) }
    }

    /// What stands in brackets, the closing one included.
    fn bracket(&mut self) -> Result<Vec<Selector>> {
        let mut selectors = Vec::new();
        loop {
            self.skip_space();
            selectors.push(match self.peek() {
                Some(b'*') => {
                    self.at += 1;
                    Selector::Wildcard
                }
                Some(b'\'' | b'"') => Selector::Name(self.quoted()?),
                Some(b'?') => {
                    self.at += 1;
                    Selector::Filter(self.filter()?)
                }
                Some(b'-' | b':' | b'0'..=b'9') => self.index_or_slice()?,
                _ => return Err(self.fail(BRACKET)),
            });
            if self.eat(b"]") {
                return Ok(selectors);
            }
            self.expect(b",", "',', ']'")?;
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector> {
        let start = self.optional_integer()?;
        if !self.eat(b":") {
            return start.map(Selector::Index).ok_or_else(|| self.fail(BRACKET));
        }
        let end = self.optional_integer()?;
        let step = if self.eat(b":") { self.optional_integer()? } else { None };
        match usize::try_from(step.unwrap_or(1)) {
            Ok(step @ 1..) => Ok(Selector::Slice { start, end, step }),
            _ => Err(self.fail("pos_number")),
        }
    }

    fn optional_integer(&mut self) -> Result<Option<i64>> {
        self.skip_space();
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at {
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or("");
        text.parse().map(Some).map_err(|_| {
            self.at = start;
            self.fail("<number>")
        })
    }

    /// A quoted name or string with its escapes.
    fn quoted(&mut self) -> Result<Vec<u8>> {
        let (start, quote) = (self.at, self.peek());
        let mut json = vec![b'"'];
        self.at += 1;
        loop {
            let Some(byte) = self.peek() else {
                self.at = start;
                return Err(self.fail(BRACKET));
            };
            self.at += 1;
            match byte {
                _ if Some(byte) == quote => break,
                b'\\' if self.peek() == Some(b'\'') => {
                    self.at += 1;
                    json.push(b'\'');
                }
                b'\\' => {
                    json.push(b'\\');
                    json.extend(self.peek());
                    self.at += usize::from(self.peek().is_some());
                }
                b'"' => json.extend_from_slice(b"\\\""),
                // JSON forbids raw control characters, keys do not.
                0..0x20 => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => json.push(byte),
            }
        }
        json.push(b'"');
        serde_json::from_slice::<String>(&json).map(String::into_bytes).map_err(|_| {
            self.at = start;
            self.fail(BRACKET)
        })
    }

    /// What follows `?`: an expression, in parentheses or not.
    fn filter(&mut self) -> Result<Expr> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.fail("less nesting"));
        }
        let expr = self.or()?;
        self.nesting -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Result<Expr> {
        let mut any = vec![self.and()?];
        while self.eat(b"||") {
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Expr::Or(any) })
    }

    fn and(&mut self) -> Result<Expr> {
        let mut all = vec![self.single()?];
        while self.eat(b"&&") {
            all.push(self.single()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Expr::And(all) })
    }

    /// A parenthesis, a negation, or a test.
    fn single(&mut self) -> Result<Expr> {
        let mut negated = false;
        while self.eat(b"!") {
            negated = !negated;
        }
        let expr = if self.eat(b"(") {
            let inner = self.filter()?;
            self.expect(b")", "and, or")?;
            inner
        } else if negated {
            Expr::Exists(self.operand()?)
        } else {
            self.test()?
        };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn test(&mut self) -> Result<Expr> {
        let left = self.operand()?;
        let comparison = if self.eat(b"==") {
            Comparison::Equal
        } else if self.eat(b"!=") {
            Comparison::NotEqual
        } else if self.eat(b"<=") {
            Comparison::LessOrEqual
        } else if self.eat(b">=") {
            Comparison::GreaterOrEqual
        } else if self.eat(b"<") {
            Comparison::Less
        } else if self.eat(b">") {
            Comparison::Greater
        } else if self.eat(b"=~") {
            return self.regex(left);
        } else {
            self.skip_space();
            return if matches!(self.peek(), None | Some(b')' | b']' | b'&' | b'|' | b',')) {
                Ok(Expr::Exists(left))
            } else {
                Err(self.fail(OPERATOR))
            };
        };
        Ok(Expr::Compare(comparison, left, self.operand()?))
    }

    fn regex(&mut self, text: Operand) -> Result<Expr> {
        Ok(match self.operand()? {
            Operand::Literal(pattern) => {
                let regex = pattern.root().as_str_bytes().and_then(compile);
                Expr::Matches(text, regex.map(Box::new))
            }
            pattern => Expr::MatchesDynamic(text, pattern),
        })
    }

    fn operand(&mut self) -> Result<Operand> {
        self.skip_space();
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                Ok(Operand::Current(self.segments()?))
            }
            Some(b'$') => {
                self.at += 1;
                Ok(Operand::Root(self.segments()?))
            }
            Some(b'\'' | b'"') => {
                let text = self.quoted()?;
                let mut json = Vec::with_capacity(text.len() + 2);
                crate::json::format::write_str(&text, &mut json);
                self.literal(&json)
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
                    self.at += 1;
                }
                let word = &self.text[start..self.at];
                self.literal(word).inspect_err(|_| self.at = start).map_err(|_| {
                    self.at = start;
                    self.fail(OPERAND)
                })
            }
        }
    }

    fn literal(&self, json: &[u8]) -> Result<Operand> {
        match Document::parse(json) {
            Ok(literal) => Ok(Operand::Literal(Box::new(literal))),
            Err(_) => Err(self.fail(OPERAND)),
        }
    }
}

/// Bytes of a name after a dot: letters, digits, those signs that RedisJSON 2.8 takes there, and everything that is not
/// ASCII.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-$#%+/:^`~".contains(&byte) || byte >= 0x80
}
