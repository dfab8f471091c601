//! Text to words.

use std::borrow::Cow;
use std::ops::Range;

/// Whether a byte stands between words: a blank, a control character, or ASCII punctuation but `_`.
///
/// Control characters separate, a newline among them; bytes above ASCII belong to words.
pub fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'_'
}

/// The words of a text: neither folded nor sifted, but without the `\` of their escapes. Never empty.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    text: &'a [u8],
    start: usize,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// The words of this text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, start: 0, at: 0 }
    }

    /// Where in the text the word stands, escapes included, that the last call of `next` gave.
    pub fn place(&self) -> Range<usize> {
        self.start..self.at
    }

    /// Where in the text the words that are still to come begin at the earliest: after a call of `next`, the end of
    /// that word.
    pub fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        loop {
            let rest = &self.text[self.at..];
            let start = rest.iter().position(|&byte| !is_separator(byte) || byte == b'\\')?;
            let len = word_len(&rest[start..]);
            self.start = self.at + start;
            self.at = self.start + len;
            let word = unescape(&rest[start..start + len]);
            if !word.is_empty() {
                return Some(word);
            }
        }
    }
}

/// Length of the word, escapes included, that a text starts with.
fn word_len(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(&byte) = text.get(len) {
        match byte {
            b'\\' => len = (len + 2).min(text.len()),
            byte if is_separator(byte) => break,
            _ => len += 1,
        }
    }
    len
}

/// The text without the `\` of its escapes; one at the very end goes too.
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
        } else if let Some(&escaped) = bytes.next() {
            plain.push(escaped);
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_clients_expect_it() {
        for (text, words) in [
            ("abc_def x-y it's", &["abc_def", "x", "y", "it", "s"][..]),
            ("foo\\-bar foo\\ bar \\hello a\\", &["foo-bar", "foo bar", "hello", "a"]),
            ("ab\\_c d\\1e \\\\x", &["ab_c", "d1e", "\\x"]),
            ("3.14 …d… e–f", &["3", "14", "…d…", "e–f"]),
            ("bar\nbaz\u{1}q", &["bar", "baz", "q"]),
            ("...", &[]),
            ("\\", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> = Tokens::new(text.as_bytes()).map(|word| String::from_utf8(word.into_owned())).collect();
            assert_eq!(found, words.iter().map(|word| Ok((*word).to_owned())).collect::<Vec<_>>(), "{text}");
        }
    }
}
