//! The words of an expression.
//!
//! Longest match wins, and a byte that starts no word is skipped: `@`, `.`, `&`, `=` alone, an opening quote without its
//! end; one beyond ASCII ends the text. A minus sign belongs to a number that it touches, and a plus sign to `inf`, but not
//! behind an operand, where they are operators: `-1` is a number, `2-1` a difference, `2--1` both.
//!
//! Numbers are written as elsewhere: `5`, `.5`, `5.`, `1e3`, `1.5E+3`, `0x1F`.

use crate::search::number;

/// A word of an expression. Texts are as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// A number, with its sign where that is no operator.
    Number(f64),
    /// What stands between quotes; escapes are still in it.
    String(&'a [u8]),
    /// A name after `@`.
    Property(&'a [u8]),
    /// A bare word: NULL or the name of a function.
    Symbol(&'a [u8]),
    /// An operator between two expressions; `-` too.
    Operator(Operator),
    /// `!`
    Not,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// Nothing is left.
    End,
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl Operator {
    /// How tightly it binds. There are five levels, all left associative: `||` with `&&`, comparisons, sums, products, and
    /// powers. `!` stands between the first two, a sign before an operand between the last two.
    pub fn level(self) -> u8 {
        match self {
            Self::Or | Self::And => 1,
            Self::Equal | Self::NotEqual | Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => {
                COMPARISON
            }
            Self::Add | Self::Subtract => 3,
            Self::Multiply | Self::Divide | Self::Modulo => 4,
            Self::Power => POWER,
        }
    }
}

impl Operator {
    /// How it is written.
    pub fn sign(self) -> &'static str {
        let written = OPERATORS.iter().find(|(_, token)| *token == Token::Operator(self));
        written.and_then(|(sign, _)| std::str::from_utf8(sign).ok()).unwrap_or_default()
    }
}

/// Level of the comparisons: what `!` applies to.
pub const COMPARISON: u8 = 2;

/// Level of powers: what a sign applies to.
pub const POWER: u8 = 5;

/// Longest operators first.
const OPERATORS: [(&[u8], Token<'static>); 18] = [
    (b"==", Token::Operator(Operator::Equal)),
    (b"!=", Token::Operator(Operator::NotEqual)),
    (b"<=", Token::Operator(Operator::LessOrEqual)),
    (b">=", Token::Operator(Operator::GreaterOrEqual)),
    (b"&&", Token::Operator(Operator::And)),
    (b"||", Token::Operator(Operator::Or)),
    (b"<", Token::Operator(Operator::Less)),
    (b">", Token::Operator(Operator::Greater)),
    (b"+", Token::Operator(Operator::Add)),
    (b"-", Token::Operator(Operator::Subtract)),
    (b"*", Token::Operator(Operator::Multiply)),
    (b"/", Token::Operator(Operator::Divide)),
    (b"%", Token::Operator(Operator::Modulo)),
    (b"^", Token::Operator(Operator::Power)),
    (b"!", Token::Not),
    (b"(", Token::Open),
    (b")", Token::Close),
    (b",", Token::Comma),
];

/// Where a word stands: the offset of the last word read, and the text of the last one that has a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Bytes before the word.
    pub offset: usize,
    /// As written: a number, a text with its quotes, a name without its `@`.
    pub near: &'a [u8],
}

/// Reads words one by one.
#[derive(Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    place: Place<'a>,
    /// The last word ends an operand, so a sign is an operator.
    after_operand: bool,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, place: Place { offset: 0, near: b"" }, after_operand: false }
    }

    /// Where the last word stands.
    pub fn place(&self) -> Place<'a> {
        self.place
    }

    /// The next word.
    pub fn next(&mut self) -> Token<'a> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if let Some((token, len, named)) = word(rest, self.after_operand) {
                self.after_operand = matches!(
                    token,
                    Token::Number(_) | Token::String(_) | Token::Property(_) | Token::Symbol(_) | Token::Close
                );
                self.place.offset = self.at;
                if let Some(from) = named {
                    self.place.near = &rest[from..len];
                }
                self.at += len;
                return token;
            }
            // Beyond ASCII there is no word: reading ends there.
            self.at = if rest[0].is_ascii() { self.at + 1 } else { self.text.len() };
        }
        Token::End
    }
}

/// The word at the start, its length, and where in it its text starts if it has one.
fn word(rest: &[u8], after_operand: bool) -> Option<(Token<'_>, usize, Option<usize>)> {
    let is_sign = matches!(rest[0], b'-' | b'+');
    if !(is_sign && after_operand)
        && let Some(len) = number_length(rest)
    {
        let value = number::parse(&rest[..len])?;
        return Some((Token::Number(value), len, Some(0)));
    }
    match rest[0] {
        b'"' | b'\'' => {
            let len = quoted_length(rest)?;
            Some((Token::String(&rest[1..len - 1]), len, Some(0)))
        }
        b'@' => {
            let len = 1 + property_length(&rest[1..]);
            (len > 1).then(|| (Token::Property(&rest[1..len]), len, Some(1)))
        }
        byte if byte.is_ascii_alphabetic() => {
            let len = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
            Some((Token::Symbol(&rest[..len]), len, Some(0)))
        }
        _ => {
            let (text, token) = OPERATORS.iter().find(|(text, _)| rest.starts_with(text))?;
            Some((*token, text.len(), None))
        }
    }
}

/// Length of the number at the start. Only a number that begins with a minus sign, or is `+inf`, has a sign.
fn number_length(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"-inf") || rest.starts_with(b"+inf") {
        return Some(4);
    }
    let digits = |from: usize| rest[from.min(rest.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(rest[0] == b'-');
    if let [b'0', b'x' | b'X', after @ ..] = &rest[sign..] {
        let hex = after.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if hex > 0 {
            return Some(sign + 2 + hex);
        }
    }
    let whole = digits(sign);
    let mut len = sign + whole;
    let fraction = digits(len + 1);
    if rest.get(len) == Some(&b'.') && whole + fraction > 0 {
        len += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if matches!(rest.get(len), Some(b'e' | b'E')) {
        let from = len + 1 + usize::from(matches!(rest.get(len + 1), Some(b'-' | b'+')));
        if digits(from) > 0 {
            len = from + digits(from);
        }
    }
    Some(len)
}

/// Length with both quotes. A quote after a backslash ends the text only if no other one does.
fn quoted_length(rest: &[u8]) -> Option<usize> {
    let mut escaped = None;
    for (at, &byte) in rest.iter().enumerate().skip(1) {
        if byte == rest[0] {
            if rest[at - 1] != b'\\' {
                return Some(at + 1);
            }
            escaped = Some(at + 1);
        }
    }
    escaped
}

/// Letters, digits, `_`, bytes beyond ASCII, and escaped punctuation.
fn property_length(rest: &[u8]) -> usize {
    let mut len = 0;
    loop {
        len += match rest[len..] {
            [b'\\', escaped, ..] if is_escapable(escaped) => 2,
            [byte, ..] if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => 1,
            _ => return len,
        }
    }
}

/// What a backslash takes its meaning from: punctuation and blanks.
fn is_escapable(byte: u8) -> bool {
    byte.is_ascii_punctuation() || number::is_blank(byte)
}

/// The text without the backslashes that stand before punctuation and blanks; others stay.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [b'\\', escaped, rest @ ..] if is_escapable(*escaped) => {
                out.push(*escaped);
                rest
            }
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
            [] => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text.as_bytes());
        std::iter::from_fn(|| Some(lexer.next()).filter(|token| *token != Token::End)).collect()
    }

    #[test]
    fn signs_are_operators_behind_operands() {
        let minus = OPERATORS[9].1;
        for text in ["2-1", "2 - 1", "2 -1"] {
            assert_eq!(words(text), [Token::Number(2.0), minus, Token::Number(1.0)], "{text}");
        }
        for text in ["@a-1", "'x'-1", ")-1", "NULL-1"] {
            assert_eq!(words(text)[1..], [minus, Token::Number(1.0)], "{text}");
        }
        for text in ["(-1", ",-1", "+-1", "!-1", "<-1"] {
            assert_eq!(words(text)[1..], [Token::Number(-1.0)], "{text}");
        }
        assert_eq!(words("2--1"), [Token::Number(2.0), minus, Token::Number(-1.0)]);
        assert_eq!(words("+inf+1"), [Token::Number(f64::INFINITY), OPERATORS[8].1, Token::Number(1.0)]);
        assert_eq!(words("-inf"), [Token::Number(f64::NEG_INFINITY)]);
    }

    #[test]
    fn numbers_are_written_as_elsewhere() {
        for (text, number) in [
            ("5", 5.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("5.25", 5.25),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("1e-3", 0.001),
            (".5e1", 5.0),
            ("5.e1", 50.0),
            ("007", 7.0),
            ("0x1f", 31.0),
            ("-0X10", -16.0),
        ] {
            assert_eq!(words(text), [Token::Number(number)], "{text}");
        }
        assert_eq!(words("1.5.2"), [Token::Number(1.5), Token::Number(0.2)]);
        assert_eq!(words("1e"), [Token::Number(1.0), Token::Symbol(b"e")]);
        assert_eq!(words("0x"), [Token::Number(0.0), Token::Symbol(b"x")]);
        assert_eq!(words(".e1"), [Token::Symbol(b"e1")]);
    }

    #[test]
    fn quotes_take_the_longest_text() {
        assert_eq!(words(r#""a\"b""#), [Token::String(br#"a\"b"#)]);
        assert_eq!(words(r#""a\""#), [Token::String(br"a\")]);
        assert_eq!(words(r#""a"#), [Token::Symbol(b"a")]);
        assert_eq!(words(r#"'"' ''"#), [Token::String(b"\""), Token::String(b"")]);
        assert_eq!(unescape(br#"\"\a\,\\\_\"#), br#""\a,\_\"#);
    }

    #[test]
    fn properties_keep_their_escapes() {
        assert_eq!(words(r"@a\-b-c"), [Token::Property(br"a\-b"), OPERATORS[9].1, Token::Symbol(b"c")]);
        assert_eq!(words("@ @é"), [Token::Property("é".as_bytes())]);
    }
}
