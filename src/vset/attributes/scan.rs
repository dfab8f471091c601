//! The tolerant scan of an attribute string, run once per write.
//!
//! Two readings of a value exist side by side, as the filter language has them: *skipping* it, to get at what follows
//! (loose: containers are balanced by their own kind of bracket only), and *converting* it (a field that is asked for).

use std::collections::HashSet;

use super::{DECODED, F32, F64, FALSE, I8, I16, I32, MISSING, NESTED, NULL, TEXT, TRUE, TUPLE, put_varint};
use crate::vset::filter::{NUMBER_LEN, is_selectable};
use crate::vset::number::{is_blank, parse_double};

/// Up to how many fields "is this key a repetition" is answered by comparing with each; beyond, a set is made.
const FEW_FIELDS: usize = 16;

/// Appends the field table of `text` to `out`.
pub(super) fn write_table(text: &[u8], out: &mut Vec<u8>) {
    let mut scan = Scan { text, at: 0 };
    let mut seen = Seen::default();
    let mut end = 0;
    scan.skip_blanks();
    if !scan.eat(b'{') {
        return;
    }
    while let Some(key) = scan.key() {
        let name = &text[key.0..key.1];
        if !name.is_empty() && name.iter().all(|&b| is_selectable(b)) && seen.insert(name) {
            write_entry(Scan { ..scan }, key, &mut end, out);
        }
        if scan.skip_value().is_none() {
            return;
        }
        scan.skip_blanks();
        if !scan.eat(b',') {
            return;
        }
    }
}

/// The keys that have an entry.
#[derive(Default)]
struct Seen<'a> {
    few: Vec<&'a [u8]>,
    many: HashSet<&'a [u8]>,
}

impl<'a> Seen<'a> {
    /// Adds a key; false if it was there.
    fn insert(&mut self, key: &'a [u8]) -> bool {
        if self.few.len() < FEW_FIELDS {
            let new = !self.few.contains(&key);
            if new {
                self.few.push(key);
            }
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(&self.few);
        }
        self.many.insert(key)
    }
}

/// Writes the entry of the field whose value `scan` stands at.
fn write_entry(mut scan: Scan, key: (usize, usize), end: &mut usize, out: &mut Vec<u8>) {
    let head = out.len();
    let distance = key.0 - *end;
    out.push((distance.min(15) as u8) << 4);
    if distance >= 15 {
        put_varint(out, distance - 15);
    }
    put_varint(out, key.1 - key.0);
    *end = key.1;
    let payload = out.len();
    let kind = match scan.text.get(scan.at) {
        Some(b'[') => scan.write_tuple(*end, out),
        _ => scan.write_scalar(end, out),
    };
    if kind.is_none() {
        out.truncate(payload);
        *end = key.1;
    }
    out[head] |= kind.unwrap_or(MISSING);
}

/// A position in an attribute string.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn skip_blanks(&mut self) {
        self.skip_while(is_blank);
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let len = self.text[self.at..].iter().take_while(|&&b| wanted(b)).count();
        self.at += len;
        len
    }

    /// Where the next key is, without its quotes; goes on to the value.
    fn key(&mut self) -> Option<(usize, usize)> {
        self.skip_blanks();
        let key = self.string()?;
        self.skip_blanks();
        if !self.eat(b':') {
            return None;
        }
        self.skip_blanks();
        Some((key.0, key.1))
    }

    /// Where the string is, without its quotes, and whether it has escapes.
    fn string(&mut self) -> Option<(usize, usize, bool)> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some((start, self.at - 1, escaped))
    }

    /// `true`, `false` or `null`, if what follows ends the word.
    fn word(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        let (kind, len) = match rest.first()? {
            b't' if rest.starts_with(b"true") => (TRUE, 4),
            b'f' if rest.starts_with(b"false") => (FALSE, 5),
            b'n' if rest.starts_with(b"null") => (NULL, 4),
            _ => return None,
        };
        if rest.get(len).is_some_and(|&b| !is_blank(b) && !matches!(b, b',' | b'}' | b']')) {
            return None;
        }
        self.at += len;
        Some(kind)
    }

    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'[' => self.skip_container(b'[', b']'),
            b'{' => self.skip_container(b'{', b'}'),
            b't' | b'f' | b'n' => self.word().map(drop),
            _ => (self.skip_while(is_numeric) > 0).then_some(()),
        }
    }

    /// Skips to the closing bracket: only brackets of this kind count, and strings are passed over.
    fn skip_container(&mut self, open: u8, close: u8) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b if b == open => depth += 1,
                b if b == close => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Converts a value that is no array, appends its payload and returns its kind.
    fn write_scalar(&mut self, end: &mut usize, out: &mut Vec<u8>) -> Option<u8> {
        match self.peek()? {
            b'"' => {
                let (from, to, escaped) = self.string()?;
                if escaped {
                    write_decoded(&self.text[from..to], out);
                    return Some(DECODED);
                }
                put_varint(out, from - *end);
                put_varint(out, to - from);
                *end = to;
                Some(TEXT)
            }
            b'0'..=b'9' | b'-' | b'+' => {
                let len = self.text[self.at..].iter().take(NUMBER_LEN).take_while(|&&b| is_numeric(b)).count();
                let number = parse_double(&self.text[self.at..self.at + len])?;
                self.at += len;
                Some(write_number(number, out))
            }
            _ => self.word(),
        }
    }

    /// Converts an array: its own items are written, inner arrays are checked and marked.
    fn write_tuple(&mut self, mut end: usize, out: &mut Vec<u8>) -> Option<u8> {
        let mut items = Vec::new();
        let mut inner = Vec::new(); // payloads of inner arrays, thrown away
        let mut depth = 0usize;
        loop {
            // A value is due here.
            if self.eat(b'[') {
                depth += 1;
                if depth == 2 {
                    items.push(NESTED);
                }
                self.skip_blanks();
                if self.peek() != Some(b']') {
                    continue;
                }
            } else if depth == 1 {
                let at = items.len();
                items.push(0);
                items[at] = self.write_scalar(&mut end, &mut items)?;
            } else {
                inner.clear();
                self.write_scalar(&mut 0, &mut inner)?;
            }
            // A value has ended, or an array opens empty: closing brackets, then a comma.
            self.skip_blanks();
            while self.eat(b']') {
                depth -= 1;
                if depth == 0 {
                    put_varint(out, items.len());
                    out.append(&mut items);
                    return Some(TUPLE);
                }
                self.skip_blanks();
            }
            if !self.eat(b',') {
                return None;
            }
            self.skip_blanks();
        }
    }
}

const fn is_numeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// Appends a string without its escapes: those that the language does not know lose their backslash.
fn write_decoded(raw: &[u8], out: &mut Vec<u8>) {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(&other) => other,
                None => break,
            },
            other => other,
        });
    }
    put_varint(out, decoded.len());
    out.append(&mut decoded);
}

/// Appends a number in the smallest form that gives exactly the same double back.
fn write_number(number: f64, out: &mut Vec<u8>) -> u8 {
    let whole = number as i32;
    let single = number as f32;
    if f64::from(whole).to_bits() != number.to_bits() {
        if f64::from(single).to_bits() == number.to_bits() {
            out.extend(single.to_le_bytes());
            return F32;
        }
        out.extend(number.to_le_bytes());
        return F64;
    }
    if let Ok(byte) = i8::try_from(whole) {
        out.extend(byte.to_le_bytes());
        I8
    } else if let Ok(short) = i16::try_from(whole) {
        out.extend(short.to_le_bytes());
        I16
    } else {
        out.extend(whole.to_le_bytes());
        I32
    }
}
