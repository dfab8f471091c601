//! Splits a FILTER expression into tokens.
//!
//! The expression ends at its first NUL byte. A failure is a position: the client is shown the text from there, so where
//! the lexer stops is part of the language. A bad word, number or string is consumed before it is refused.

use crate::vset::number::{is_blank, parse_double};

/// The longest number, in bytes; the rest is another token.
pub(crate) const NUMBER_LEN: usize = 255;

/// A constant of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Number(f64),
    /// Raw, backslashes included.
    Text(Box<[u8]>),
    /// Numbers and texts.
    Tuple(Box<[Literal]>),
}

/// One token of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    /// A number, string, tuple or `null`.
    Literal(Literal),
    /// `.name`; an empty name stands only at the end of an expression and names nothing.
    Selector(&'a [u8]),
    /// An operator.
    Operator(Operator),
    /// `(`
    Open,
    /// `)`
    Close,
}

/// The operators, named after what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Equal,
    NotEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Not,
}

/// Spellings, longer ones before their prefixes.
const SPELLINGS: [(&[u8], Token<'static>); 21] = [
    (b"and", Token::Operator(Operator::And)),
    (b"not", Token::Operator(Operator::Not)),
    (b"&&", Token::Operator(Operator::And)),
    (b"||", Token::Operator(Operator::Or)),
    (b"or", Token::Operator(Operator::Or)),
    (b"in", Token::Operator(Operator::In)),
    (b"==", Token::Operator(Operator::Equal)),
    (b"!=", Token::Operator(Operator::NotEqual)),
    (b">=", Token::Operator(Operator::GreaterEqual)),
    (b"<=", Token::Operator(Operator::LessEqual)),
    (b"**", Token::Operator(Operator::Power)),
    (b">", Token::Operator(Operator::Greater)),
    (b"<", Token::Operator(Operator::Less)),
    (b"+", Token::Operator(Operator::Add)),
    (b"-", Token::Operator(Operator::Subtract)),
    (b"*", Token::Operator(Operator::Multiply)),
    (b"/", Token::Operator(Operator::Divide)),
    (b"%", Token::Operator(Operator::Remainder)),
    (b"!", Token::Operator(Operator::Not)),
    (b"(", Token::Open),
    (b")", Token::Close),
];

/// A lexer over one expression.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether a `-` before a digit would be a subtraction: after a literal, a selector or `)`.
    after_operand: bool,
}

/// Where the lexer stopped, as an offset into the expression.
pub(super) struct Stopped(pub(super) usize);

impl<'a> Lexer<'a> {
    /// A lexer over `text`, which holds no NUL byte.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, after_operand: false }
    }

    /// The next token, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Stopped> {
        self.skip_blanks();
        let Some(byte) = self.peek() else { return Ok(None) };
        let next = self.text.get(self.at + 1);
        let token = match byte {
            b'0'..=b'9' => self.number()?,
            b'-' if !self.after_operand && next.is_some_and(u8::is_ascii_digit) => self.number()?,
            b'"' | b'\'' => self.string(byte)?,
            b'.' => self.selector()?,
            b'[' => self.tuple()?,
            _ => self.word()?,
        };
        self.after_operand = matches!(token, Token::Literal(_) | Token::Selector(_) | Token::Close);
        Ok(Some(token))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn stop<T>(&self) -> Result<T, Stopped> {
        Err(Stopped(self.at))
    }

    fn skip_blanks(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|&&b| is_blank(b)).count();
    }

    fn number(&mut self) -> Result<Token<'a>, Stopped> {
        let rest = &self.text[self.at..];
        let sign = usize::from(rest[0] == b'-');
        let len = rest[sign..]
            .iter()
            .take(NUMBER_LEN - sign)
            .take_while(|&&b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E'))
            .count()
            + sign;
        self.at += len;
        match parse_double(&rest[..len]) {
            Some(number) => Ok(Token::Literal(Literal::Number(number))),
            None => self.stop(),
        }
    }

    /// A backslash lets the next byte pass and stays in the value.
    fn string(&mut self, quote: u8) -> Result<Token<'a>, Stopped> {
        let start = self.at + 1;
        let mut end = start;
        while let Some(&byte) = self.text.get(end) {
            if byte == quote {
                self.at = end + 1;
                return Ok(Token::Literal(Literal::Text(self.text[start..end].into())));
            }
            end += if byte == b'\\' { 2 } else { 1 };
        }
        self.at = self.text.len();
        self.stop()
    }

    fn selector(&mut self) -> Result<Token<'a>, Stopped> {
        let name = &self.text[self.at + 1..];
        let len = name.iter().take_while(|&&b| is_selectable(b)).count();
        if len == 0 && !name.is_empty() {
            return self.stop();
        }
        self.at += 1 + len;
        Ok(Token::Selector(&name[..len]))
    }

    fn tuple(&mut self) -> Result<Token<'a>, Stopped> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            let item = match self.peek() {
                Some(b']') => break,
                Some(b'0'..=b'9' | b'-') => self.number()?,
                Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
                _ => return self.stop(),
            };
            let Token::Literal(item) = item else { return self.stop() };
            items.push(item);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.stop(),
            }
        }
        self.at += 1;
        Ok(Token::Literal(Literal::Tuple(items.into())))
    }

    /// `null`, or the longest operator that the run of letters and operator characters starts with.
    fn word(&mut self) -> Result<Token<'a>, Stopped> {
        let rest = &self.text[self.at..];
        // Measured only where it decides, so that a long run of operators costs linear time.
        let run = || rest.iter().take_while(|&&b| b.is_ascii_alphabetic() || b"!%&()*+-/<=>|".contains(&b)).count();
        if rest.starts_with(b"null") && run() == 4 {
            self.at += 4;
            return Ok(Token::Literal(Literal::Null));
        }
        match SPELLINGS.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
            Some((spelling, token)) => {
                self.at += spelling.len();
                Ok(token.clone())
            }
            None => {
                self.at += run();
                self.stop()
            }
        }
    }
}

/// Whether a byte can stand in a selector's name.
pub(crate) const fn is_selectable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
