//! The wildcard patterns of `w'…'`: `?` is one character, `*` any number, `\` makes the next byte literal.

use memchr::memmem::Finder;

use crate::watch::Watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Any,
    Many,
}

/// What stands between two `*`.
#[derive(Debug, Clone)]
struct Part {
    /// No [`Token::Many`].
    tokens: Vec<Token>,
    /// Whether it is of bytes only.
    is_literal: bool,
    /// Finds it in a text, where it is of so many bytes that it pays to make one.
    finder: Option<Finder<'static>>,
}

/// Bytes of the shortest part that is searched for by a [`Finder`].
const LONG: usize = 8;

/// A wildcard pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    /// What stands before, between and after the `*`; with none of them, one part.
    parts: Vec<Part>,
    prefix: Vec<u8>,
}

impl Part {
    fn new(tokens: &[Token]) -> Self {
        let byte = |token: &Token| if let Token::Byte(byte) = token { Some(*byte) } else { None };
        let is_literal = tokens.iter().all(|token| byte(token).is_some());
        let bytes = || tokens.iter().filter_map(byte).collect::<Vec<u8>>();
        let finder = (is_literal && tokens.len() >= LONG).then(|| Finder::new(&bytes()).into_owned());
        Self { tokens: tokens.to_vec(), is_literal, finder }
    }

    /// Where it ends in a text, if it begins at `from`.
    fn end(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        for token in &self.tokens {
            let next = *text.get(at)?;
            at += 1;
            match token {
                Token::Byte(byte) if *byte != next => return None,
                Token::Any => at += text[at..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count(),
                _ => {}
            }
        }
        Some(at)
    }

    /// Where it ends the first time that it is in a text, from `from` on.
    fn find(&self, text: &[u8], from: usize, watch: &Watch<'_>) -> Option<usize> {
        if let Some(finder) = &self.finder {
            return finder.find(&text[from..]).map(|at| from + at + self.tokens.len());
        }
        (from..=text.len()).take_while(|_| !watch.spend(1)).find_map(|at| self.end(text, at))
    }

    /// Whether a text ends with it, from `from` on.
    fn is_at_end(&self, text: &[u8], from: usize, watch: &Watch<'_>) -> bool {
        if self.is_literal {
            let at = text.len().checked_sub(self.tokens.len()).filter(|at| *at >= from);
            return at.is_some_and(|at| self.end(text, at).is_some());
        }
        (from..=text.len()).take_while(|_| !watch.spend(1)).any(|at| self.end(text, at) == Some(text.len()))
    }
}

impl Glob {
    /// Reads a pattern. Every byte string is one: a `\` at the end stands for itself.
    pub fn new(pattern: &[u8]) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'?' => tokens.push(Token::Any),
                b'*' if tokens.last() == Some(&Token::Many) => {}
                b'*' => tokens.push(Token::Many),
                b'\\' => tokens.push(Token::Byte(*bytes.next().unwrap_or(&b'\\'))),
                byte => tokens.push(Token::Byte(*byte)),
            }
        }
        let prefix = tokens.iter().map_while(|t| if let Token::Byte(byte) = t { Some(*byte) } else { None }).collect();
        Self { parts: tokens.split(|token| *token == Token::Many).map(Part::new).collect(), prefix }
    }

    /// What every match starts with.
    pub fn literal_prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether a text matches as a whole. Time is pattern plus text, but for parts with `?` between two `*`: part times text.
    /// When it is over, the text does not match.
    pub fn matches(&self, text: &[u8], watch: &Watch<'_>) -> bool {
        let Some((first, others)) = self.parts.split_first() else { return false };
        let Some(mut at) = first.end(text, 0) else { return false };
        let Some((last, between)) = others.split_last() else { return at == text.len() };
        for part in between {
            match part.find(text, at, watch) {
                Some(end) => at = end,
                None => return false,
            }
        }
        last.is_at_end(text, at, watch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        let cases = [
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*o", "hello", true),
            ("h*o", "ho", true),
            ("*llo*", "hello", true),
            ("*a*b*c", "xxaxxbxxbxc", true),
            ("*a*b*c", "xxaxxbxxbx", false),
            ("caf?", "café", true),
            ("caf??", "café", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("*a?c*e?", "xabcaecdef", true),
            ("*a?c*e?", "xabcaecdefg", false),
            ("a*a", "a", false),
            ("*?", "é", true),
            ("?*?", "é", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                Glob::new(pattern.as_bytes()).matches(text.as_bytes(), &Watch::default()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
