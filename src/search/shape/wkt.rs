//! The text of shapes: `POINT(x y)` and `POLYGON((x y,x y,..)[,(hole)..])`.
//!
//! Words are separated by blanks, commas and parentheses are words of their own. Keywords are read in any case, and blanks may
//! stand before them. A ring may end with its first point or not.

use crate::search::number;

/// Rings as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Rings {
    /// Their points; of a point, one ring of it, or none where it is empty.
    pub rings: Vec<Vec<[f64; 2]>>,
    /// It is a point.
    pub is_point: bool,
}

/// Why a text is not in the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// The word that is there; `None`: the text is at its end.
    pub at: Option<Box<[u8]>>,
    /// The text.
    pub text: Box<[u8]>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither a point nor a polygon.
    Unknown,
    /// `(` must stand here.
    Open,
    /// `)` must stand here.
    Close,
    /// A number must stand here.
    Number,
    /// Nothing must stand here.
    End,
}

/// The words that are left.
struct Words<'a> {
    text: &'a [u8],
    rest: &'a [u8],
    /// The word that `rest` begins with, which may be empty at its end.
    next: &'a [u8],
}

impl<'a> Words<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut words = Self { text, rest: text, next: b"" };
        words.advance(0);
        words
    }

    /// Goes on by so many bytes, and finds the next word.
    fn advance(&mut self, by: usize) {
        self.rest = self.rest[by..].trim_ascii_start();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || is_mark(*byte);
        let length = match self.rest.first() {
            Some(first) if is_mark(*first) => 1,
            _ => self.rest.iter().position(is_end).unwrap_or(self.rest.len()),
        };
        self.next = &self.rest[..length];
    }

    fn accept(&mut self, word: &[u8]) -> bool {
        let found = !word.is_empty() && self.next.eq_ignore_ascii_case(word);
        if found {
            self.advance(self.next.len());
        }
        found
    }

    fn expect(&mut self, word: &[u8], kind: Kind) -> Result<(), Error> {
        if self.accept(word) { Ok(()) } else { Err(self.wrong(kind)) }
    }

    fn wrong(&self, kind: Kind) -> Error {
        let at = if self.next.is_empty() { None } else { Some(self.next.into()) };
        Error { kind, at, text: self.text.into() }
    }

    /// Two numbers; nothing where one is missing.
    fn point(&mut self) -> Result<Option<[f64; 2]>, Error> {
        let mut found = [0.0; 2];
        for place in &mut found {
            match self.next.first() {
                None => return Ok(None),
                Some(first) if is_mark(*first) => return Ok(None),
                Some(_) => *place = number_of(self.next).ok_or_else(|| self.wrong(Kind::Number))?,
            }
            self.advance(self.next.len());
        }
        Ok(Some(found))
    }
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b',' | b'(' | b')')
}

/// A decimal number; infinities and NaN too, which no shape has.
fn number_of(word: &[u8]) -> Option<f64> {
    let is_hexadecimal = word.iter().any(|byte| matches!(byte, b'x' | b'X'));
    number::parse(word).filter(|value| !is_hexadecimal && (value.is_finite() || !word.iter().any(u8::is_ascii_digit)))
}

/// Reads a text.
///
/// # Errors
/// [`Error`]
pub fn parse(text: &[u8]) -> Result<Rings, Error> {
    let mut words = Words::new(text);
    let is_point = words.accept(b"POINT");
    if !is_point && !words.accept(b"POLYGON") {
        return Err(words.wrong(Kind::Unknown));
    }
    let mut rings = Vec::new();
    if words.accept(b"EMPTY") {
    } else if is_point {
        words.expect(b"(", Kind::Open)?;
        let point = words.point()?;
        words.expect(b")", Kind::Close)?;
        rings.extend(point.map(|point| vec![point]));
    } else {
        words.expect(b"(", Kind::Open)?;
        loop {
            rings.push(ring(&mut words)?);
            if !words.accept(b",") {
                break;
            }
        }
        words.expect(b")", Kind::Close)?;
    }
    if words.next.is_empty() { Ok(Rings { rings, is_point }) } else { Err(words.wrong(Kind::End)) }
}

/// `(x y,x y,..)`; one with a point that lacks a coordinate is empty, as is `()`.
fn ring(words: &mut Words<'_>) -> Result<Vec<[f64; 2]>, Error> {
    words.expect(b"(", Kind::Open)?;
    let mut points = Vec::new();
    let mut lacks = false;
    loop {
        match words.point()? {
            Some(point) => points.push(point),
            None => lacks = true,
        }
        if !words.accept(b",") {
            break;
        }
    }
    words.expect(b")", Kind::Close)?;
    Ok(if lacks { Vec::new() } else { points })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rings, or what is wrong and where.
    type Outcome = Result<Vec<Vec<[f64; 2]>>, (Kind, Option<String>)>;

    fn outcome(text: &str) -> Outcome {
        let told = |at: Box<[u8]>| String::from_utf8_lossy(&at).into_owned();
        parse(text.as_bytes()).map(|read| read.rings).map_err(|error| (error.kind, error.at.map(told)))
    }

    #[test]
    fn texts_are_read_or_refused() {
        let square = vec![vec![[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [0.0, 0.0]]];
        for (text, expected) in [
            ("POINT(1 1)", Ok(vec![vec![[1.0, 1.0]]])),
            (" point ( +1  .5 ) ", Ok(vec![vec![[1.0, 0.5]]])),
            ("POINT(1e0 1.)", Ok(vec![vec![[1.0, 1.0]]])),
            ("POINT()", Ok(vec![])),
            ("POINT(1)", Ok(vec![])),
            ("POINT EMPTY", Ok(vec![])),
            ("POLYGON((0 0,0 2,2 2,0 0))", Ok(square.clone())),
            ("POLYGON ( ( 0 0 , 0 2 , 2 2 , 0 0 ) )", Ok(square.clone())),
            ("POLYGON(())", Ok(vec![vec![]])),
            ("POLYGON((0 0,0,2 2))", Ok(vec![vec![]])),
            ("POLYGON((0 0),(1 1))", Ok(vec![vec![[0.0, 0.0]], vec![[1.0, 1.0]]])),
            ("LINESTRING(0 0,1 1)", Err((Kind::Unknown, Some("LINESTRING")))),
            ("", Err((Kind::Unknown, None))),
            ("POINT(1,1)", Err((Kind::Close, Some(",")))),
            ("POINT(1 1 1)", Err((Kind::Close, Some("1")))),
            ("POINT(1 1", Err((Kind::Close, None))),
            ("POINT 1 1", Err((Kind::Open, Some("1")))),
            ("POINT", Err((Kind::Open, None))),
            ("POLYGON(0 0,0 2)", Err((Kind::Open, Some("0")))),
            ("POLYGON((0 0,0 2)", Err((Kind::Close, None))),
            ("POLYGON((0 0;0 2))", Err((Kind::Number, Some("0;0")))),
            ("POINT(1 a)", Err((Kind::Number, Some("a")))),
            ("POINT(0x10 1)", Err((Kind::Number, Some("0x10")))),
            ("POINT(1e400 1)", Err((Kind::Number, Some("1e400")))),
            ("POINT(1 1)x", Err((Kind::End, Some("x")))),
        ] {
            assert_eq!(outcome(text), expected.map_err(|(kind, at)| (kind, at.map(String::from))), "{text}");
        }
        assert!(outcome("POINT(inf nan)").unwrap()[0][0][1].is_nan());
    }
}
