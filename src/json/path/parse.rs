//! The path grammar, as a recursive descent over bytes: RFC 9535, and what the field takes beyond it (see the module above).
//! Expressions are read in `expression`.

use super::ast::{Segment, Selector, Slice};

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

pub(super) type Result<T> = std::result::Result<T, Malformed>;

/// Parses a whole path, `$` first.
pub(super) fn segments(text: &[u8]) -> Result<Vec<Segment>> {
    let mut parser = Parser::new(text);
    parser.at += usize::from(text.starts_with(b"$"));
    let segments = parser.segments()?;
    if parser.at == text.len() {
        return Ok(segments);
    }
    parser.skip_space();
    Err(parser.fail("EOI, '..'"))
}

pub(super) const MEMBER: &str = "<string>, '*'";
const BRACKET: &str = "'<string>[,<string>,...]', '<number>', ['start:end:steps'], '*'";

/// Largest magnitude of an index (RFC 9535 §2.1: what a double counts exactly).
const LARGEST: i64 = (1 << 53) - 1;

pub(super) struct Parser<'a> {
    pub text: &'a [u8],
    pub at: usize,
    pub nesting: usize,
    /// How many filters are open: `@` has a meaning within them.
    pub filters: usize,
    /// A name with `(` behind it is a call, not a member.
    pub calls: bool,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a [u8]) -> Parser<'a> {
        Parser { text, at: 0, nesting: 0, filters: 0, calls: false }
    }

    pub fn fail(&self, expected: &'static str) -> Malformed {
        Malformed { path: Vec::new(), position: self.at, expected }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Takes `token` if it stands here.
    pub fn take(&mut self, token: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Skips white space, and then `token` if it stands there.
    pub fn eat(&mut self, token: &[u8]) -> bool {
        self.skip_space();
        self.take(token)
    }

    pub fn expect(&mut self, token: &[u8], expected: &'static str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.fail(expected)) }
    }

    /// As many segments as there are.
    pub fn segments(&mut self) -> Result<Vec<Segment>> {
        let mut segments = Vec::new();
        loop {
            let start = self.at;
            let descend = self.eat(b"..");
            let dot = descend || self.take(b".");
            if self.take(b"[") {
                let selectors = self.bracket()?;
                segments.push(Segment { descend, selectors });
                continue;
            }
            let member = if dot { Some(self.member()?) } else { None };
            match member {
                Some(member) if descend || !self.is_call() => {
                    segments.push(Segment { descend, selectors: vec![member] });
                }
                // White space that belongs to no segment is not ours to skip, and a call not ours to read.
                _ => {
                    self.at = start;
                    return Ok(segments);
                }
            }
        }
    }

    /// True if the name that was just read is that of a function.
    fn is_call(&self) -> bool {
        let next = self.text[self.at..].iter().find(|byte| !is_space(**byte));
        self.calls && next == Some(&b'(')
    }

    /// `*` or a bare name.
    pub fn member(&mut self) -> Result<Selector> {
        if self.take(b"*") {
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
                Some(b'\'' | b'"') => Selector::Name(self.quoted(BRACKET)?),
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
        self.skip_space();
        let end = self.optional_integer()?;
        let step = if self.eat(b":") {
            self.skip_space();
            self.optional_integer()?
        } else {
            None
        };
        Ok(Selector::Slice(Slice { start, end, step: step.unwrap_or(1) }))
    }

    /// An integer as RFC 9535 writes it: no leading zeros, no `-0`.
    fn optional_integer(&mut self) -> Result<Option<i64>> {
        let start = self.at;
        let negative = self.take(b"-");
        let digits = self.digits();
        if start == self.at {
            return Ok(None);
        }
        let canonical = match digits {
            [] => false,
            [b'0'] => !negative,
            [first, ..] => *first != b'0',
        };
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or("");
        match text.parse::<i64>() {
            Ok(value) if canonical && value.abs() <= LARGEST => Ok(Some(value)),
            _ => {
                self.at = start;
                Err(self.fail("<number>"))
            }
        }
    }

    /// The digits that come next.
    pub fn digits(&mut self) -> &'a [u8] {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A quoted name or string with its escapes: those of JSON, and of the quotes the one that is used.
    pub fn quoted(&mut self, expected: &'static str) -> Result<Vec<u8>> {
        let start = self.at;
        self.unquoted().ok_or_else(|| {
            self.at = start;
            self.fail(expected)
        })
    }

    fn unquoted(&mut self) -> Option<Vec<u8>> {
        let quote = self.peek()?;
        let mut json = vec![b'"'];
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                _ if byte == quote => break,
                b'\\' => {
                    let escaped = self.peek()?;
                    self.at += 1;
                    match escaped {
                        b'\'' if quote == b'\'' => json.push(b'\''),
                        b'"' if quote == b'\'' => return None,
                        _ => json.extend_from_slice(&[b'\\', escaped]),
                    }
                }
                b'"' => json.extend_from_slice(b"\\\""),
                _ => json.push(byte),
            }
        }
        json.push(b'"');
        serde_json::from_slice::<String>(&json).map(String::into_bytes).ok()
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Bytes of a name after a dot: letters, digits, those signs that RedisJSON takes there, and everything that is not ASCII.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-$#%+/:^`".contains(&byte) || byte >= 0x80
}
