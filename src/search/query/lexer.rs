//! The words and marks of a query.
//!
//! A word is a run of bytes that are neither blank nor control nor punctuation; `_` is of words too (but not alone), and
//! `\` takes the punctuation or blank after it in: before anything else it is no escape ([`unescape`]). Where several tokens start, the longest is taken. What starts none is
//! skipped, whatever it is: `a+b`, `a.b` and `a>b` are two words each.
//!
//! Marks that belong together are one token: `x*`, `*x`, `*x*`, `"…"`, `w'…'`, `$name`, `@name`, and in newer dialects
//! `@name>3` with all of its comparisons.

use std::borrow::Cow;

use crate::search::analysis::{StopWords, fold};
use crate::search::number;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Term,
    /// A term that is a stop word.
    Stopword,
    Number,
    /// `"…"`
    Quoted,
    /// `""` or `''`
    Empty,
    /// `'…'`
    SingleQuoted,
    /// `w'…'`
    Pattern,
    /// `$name`
    Parameter,
    /// `@name`
    Field,
    /// `@name<3` and its like; the parts are in [`Token::comparison`].
    Comparison,
    Affix {
        open_start: bool,
        open_end: bool,
    },
    /// `"` that opens no quotation; in the oldest dialect every one.
    Quote,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Colon,
    Semicolon,
    Or,
    Minus,
    Tilde,
    Star,
    Percent,
    /// `=>`
    Arrow,
    End,
}

/// A comparison with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The parts of `@name op value`; the name is the token's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison<'a> {
    pub operator: Operator,
    pub negative: bool,
    /// The value is a parameter of this name.
    pub parameter: bool,
    pub value: &'a [u8],
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token<'a> {
    pub kind: Kind,
    /// Where it starts.
    pub offset: usize,
    /// What it says, without its marks; for marks, nothing.
    pub text: &'a [u8],
    /// The text names a parameter.
    pub parameter: bool,
    /// What messages quote when the query breaks off here: the text of the last token that has one.
    pub near: &'a [u8],
    /// For [`Kind::Comparison`].
    pub comparison: Option<Comparison<'a>>,
}

impl Token<'_> {
    /// Whether it is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Term | Kind::Stopword) && self.text.eq_ignore_ascii_case(word.as_bytes())
    }
}

/// Cuts a query into tokens; the last is [`Kind::End`].
pub fn tokens<'a>(text: &'a [u8], stop_words: &StopWords, legacy: bool) -> Vec<Token<'a>> {
    let mut lexer = Lexer { text, at: 0, near: b"", legacy, stop_words, found: Vec::new() };
    while lexer.at < text.len() {
        lexer.next();
    }
    // A comparison leaves no place to point at.
    let last = lexer.found.iter().rev().find(|token| token.kind != Kind::Comparison);
    let offset = last.map_or(0, |token| token.offset);
    lexer.push(Kind::End, offset, None);
    lexer.found
}

/// Whether a query has `=>[`, as dialects from 2 on read it.
pub fn has_bracket_clause(text: &[u8], stop_words: &StopWords) -> bool {
    let tokens = tokens(text, stop_words, false);
    tokens.windows(2).any(|two| two[0].kind == Kind::Arrow && two[1].kind == Kind::OpenBracket)
}

struct Lexer<'a, 'w> {
    text: &'a [u8],
    at: usize,
    near: &'a [u8],
    legacy: bool,
    stop_words: &'w StopWords,
    found: Vec<Token<'a>>,
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Adds a token; one without text leaves what messages quote as it was.
    fn push(&mut self, kind: Kind, offset: usize, text: Option<&'a [u8]>) {
        self.near = text.unwrap_or(self.near);
        let text = text.unwrap_or_default();
        self.found.push(Token { kind, offset, text, parameter: false, near: self.near, comparison: None });
    }

    /// Adds a token of so many bytes and goes past it.
    fn take(&mut self, kind: Kind, len: usize, text: Option<&'a [u8]>) {
        self.push(kind, self.at, text);
        self.at += len;
    }

    fn next(&mut self) {
        let rest = self.rest();
        let affix = self.affix();
        if affix || (!self.legacy && self.quotation()) {
            return;
        }
        match rest[0] {
            b'@' if name_len(&rest[1..]) > 0 => self.field(),
            b'$' if name_len(&rest[1..]) > 0 => {
                let len = 1 + name_len(&rest[1..]);
                self.take(Kind::Parameter, len, Some(&rest[1..len]));
                self.mark_parameter();
            }
            b'=' if rest.get(1) == Some(&b'>') => {
                // Messages quote the second half of the arrow and the byte after it.
                self.take(Kind::Arrow, 2, Some(&rest[1..rest.len().min(3)]));
            }
            _ => self.word_or_mark(),
        }
    }

    fn word_or_mark(&mut self) {
        let rest = self.rest();
        // The oldest dialect knows no plus sign.
        let number = if self.legacy && rest[0] == b'+' { 0 } else { number_len(rest) };
        let term = term_len(rest);
        if number > 0 && number >= term {
            return self.take(Kind::Number, number, Some(&rest[..number]));
        }
        if term > 0 {
            let stop = self.stop_words.contains(&fold(&rest[..term]));
            return self.take(if stop { Kind::Stopword } else { Kind::Term }, term, Some(&rest[..term]));
        }
        match mark(rest[0]) {
            Some(kind) => self.take(kind, 1, None),
            None => self.at += 1,
        }
    }

    fn mark_parameter(&mut self) {
        if let Some(last) = self.found.last_mut() {
            last.parameter = true;
        }
    }

    /// `x*`, `*x`, `*x*`, where x is a word, a parameter or, in newer dialects, quoted.
    fn affix(&mut self) -> bool {
        let rest = self.rest();
        let open_start = rest[0] == b'*';
        let start = usize::from(open_start);
        let Some((inner, len, parameter)) = self.affix_body(&rest[start..]) else { return false };
        let end = start + len;
        let open_end = rest.get(end) == Some(&b'*');
        if !open_start && !open_end {
            return false;
        }
        self.take(Kind::Affix { open_start, open_end }, end + usize::from(open_end), Some(inner));
        if parameter {
            self.mark_parameter();
        }
        true
    }

    /// What can stand between the stars: its text, how long it is with its marks, whether it names a parameter.
    fn affix_body(&self, rest: &'a [u8]) -> Option<(&'a [u8], usize, bool)> {
        match rest.first()? {
            b'$' if !self.legacy => match name_len(&rest[1..]) {
                0 => None,
                len => Some((&rest[1..=len], len + 1, true)),
            },
            b'"' if !self.legacy => {
                let len = quotation_len(rest)?;
                (len > 2).then(|| (&rest[1..len - 1], len, false))
            }
            // A number, too, but not one in words.
            _ => match name_len(rest).max(finite_len(rest)) {
                0 => None,
                len => Some((&rest[..len], len, false)),
            },
        }
    }

    /// `"…"`, `'…'` or `w'…'`.
    fn quotation(&mut self) -> bool {
        let rest = self.rest();
        let (kind, skip) = match rest {
            [b'"', ..] => (Kind::Quoted, 0),
            [b'\'', ..] => (Kind::SingleQuoted, 0),
            [b'w', b'\'', ..] => (Kind::Pattern, 1),
            _ => return false,
        };
        let Some(len) = quotation_len(&rest[skip..]).map(|len| len + skip) else { return false };
        let inner = &rest[skip + 1..len - 1];
        match (kind, inner) {
            (Kind::Pattern, []) => return false,
            (Kind::Pattern, _) => self.pattern(inner, len),
            (_, []) => self.take(Kind::Empty, len, Some(inner)),
            _ => self.take(kind, len, Some(inner)),
        }
        true
    }

    /// What is between the marks of `w'…'`, which is a parameter or the pattern itself; errors point at it.
    fn pattern(&mut self, inner: &'a [u8], len: usize) {
        let name = inner.strip_prefix(b"$").filter(|name| !name.is_empty());
        self.push(Kind::Pattern, self.at + 2, Some(name.unwrap_or(inner)));
        if name.is_some() {
            self.mark_parameter();
        }
        self.at += len;
    }

    /// `@name`, with a comparison right after it if there is one.
    fn field(&mut self) {
        let rest = self.rest();
        let len = 1 + name_len(&rest[1..]);
        let name = &rest[1..len];
        let compared = if self.legacy { None } else { comparison(&rest[len..]) };
        let Some((comparison, more)) = compared else { return self.take(Kind::Field, len, Some(name)) };
        let near = self.near;
        self.take(Kind::Comparison, len + more, Some(name));
        // Once it is read whole, messages quote nothing of it.
        self.near = near;
        if let Some(last) = self.found.last_mut() {
            last.comparison = Some(comparison);
        }
    }
}

fn mark(byte: u8) -> Option<Kind> {
    Some(match byte {
        b'"' => Kind::Quote,
        b'(' => Kind::Open,
        b')' => Kind::Close,
        b'{' => Kind::OpenBrace,
        b'}' => Kind::CloseBrace,
        b'[' => Kind::OpenBracket,
        b']' => Kind::CloseBracket,
        b':' => Kind::Colon,
        b';' => Kind::Semicolon,
        b'|' => Kind::Or,
        b'-' => Kind::Minus,
        b'~' => Kind::Tilde,
        b'*' => Kind::Star,
        b'%' => Kind::Percent,
        _ => return None,
    })
}

/// Whether `\` before this byte is an escape: before punctuation and blanks it is, before anything else it is itself.
fn escapes(next: Option<&u8>) -> bool {
    next.is_some_and(|next| next.is_ascii_punctuation() || number::is_blank(*next))
}

/// A literal, in the query or the value of a parameter, without the `\` of its escapes.
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let escaped = if byte == b'\\' && escapes(bytes.as_slice().first()) { bytes.next() } else { None };
        plain.push(*escaped.unwrap_or(&byte));
    }
    Cow::Owned(plain)
}

/// Length of the word at the start of a text; 0 if there is none.
fn term_len(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(&byte) = text.get(len) {
        if byte == b'\\' && escapes(text.get(len + 1)) {
            len += 2;
        } else if byte == b'_' || !byte.is_ascii() || byte.is_ascii_alphanumeric() {
            len += 1;
        } else {
            break;
        }
    }
    // A lone underscore is punctuation.
    if text[..len] == *b"_" { 0 } else { len }
}

/// Length of the name of a parameter at the start of a text; 0 if there is none.
fn name_len(text: &[u8]) -> usize {
    term_len(text).max(usize::from(text.first() == Some(&b'_')))
}

/// Length of the number at the start of a text; 0 if there is none.
pub fn number_len(text: &[u8]) -> usize {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    if text.get(sign..sign + 3).is_some_and(|word| word.eq_ignore_ascii_case(b"inf")) {
        return sign + 3;
    }
    finite_len(text)
}

/// Length of the number in digits at the start of a text; 0 if there is none. Digits come before a point and after it.
fn finite_len(text: &[u8]) -> usize {
    let digits = |from: usize| text[from.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let mut len = match digits(sign) {
        0 => return 0,
        count => sign + count,
    };
    if text.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        match digits(len + 1 + sign) {
            0 => {}
            count => len += 1 + sign + count,
        }
    }
    len
}

/// Length of a quotation with both of its marks. In single ones `\` takes the next byte in; in double ones only a mark,
/// and that only when another follows.
fn quotation_len(text: &[u8]) -> Option<usize> {
    let mark = text[0];
    let mut end = None;
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte == b'\\' && mark == b'\'' {
            at += 1;
        } else if byte == mark {
            end = Some(at);
            if mark == b'\'' || at == 2 || text[at - 2] != b'\\' {
                break;
            }
        }
    }
    end
}

/// A comparison at the start of a text, blanks before it allowed, and its length.
fn comparison(text: &[u8]) -> Option<(Comparison<'_>, usize)> {
    const OPERATORS: &[(&[u8], Operator)] = &[
        (b"==", Operator::Equal),
        (b"!=", Operator::NotEqual),
        (b"<=", Operator::LessOrEqual),
        (b">=", Operator::GreaterOrEqual),
        (b"<", Operator::Less),
        (b">", Operator::Greater),
    ];
    let blanks = |from: usize| text[from..].iter().take_while(|byte| number::is_blank(**byte)).count();
    let start = blanks(0);
    let (mark, operator) = OPERATORS.iter().find(|(mark, _)| text[start..].starts_with(mark))?;
    let value = start + mark.len() + blanks(start + mark.len());
    let sign = usize::from(matches!(text.get(value), Some(b'-' | b'+')));
    let negative = text.get(value) == Some(&b'-');
    if text.get(value + sign) == Some(&b'$') {
        let name = value + sign + 1;
        let len = name_len(&text[name..]);
        let value = &text[name..name + len];
        let compared = Comparison { operator: *operator, negative, parameter: true, value };
        return (len > 0).then_some((compared, name + len));
    }
    let len = number_len(&text[value..]);
    let compared =
        Comparison { operator: *operator, negative: false, parameter: false, value: &text[value..value + len] };
    (len > 0).then_some((compared, value + len))
}
