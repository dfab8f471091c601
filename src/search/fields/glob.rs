//! The wildcard patterns of `w'…'`: `?` is one character, `*` any number, `\` makes the next byte literal.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Any,
    Many,
}

/// A wildcard pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    tokens: Vec<Token>,
    prefix: Vec<u8>,
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
        Self { tokens, prefix }
    }

    /// What every match starts with.
    pub fn literal_prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether a text matches as a whole. Time is at most pattern times text.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut t, mut p) = (0, 0);
        // After a `*`: where the pattern goes on, and the text from which to retry.
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            match self.tokens.get(p) {
                Some(Token::Many) => {
                    retry = Some((p + 1, t));
                    p += 1;
                    continue;
                }
                Some(Token::Any) => {
                    t += 1;
                    while t < text.len() && text[t] & 0xC0 == 0x80 {
                        t += 1;
                    }
                    p += 1;
                    continue;
                }
                Some(Token::Byte(byte)) if *byte == text[t] => {
                    t += 1;
                    p += 1;
                    continue;
                }
                _ => {}
            }
            let Some((pattern, from)) = retry else { return false };
            retry = Some((pattern, from + 1));
            (p, t) = (pattern, from + 1);
        }
        self.tokens[p..].iter().all(|token| *token == Token::Many)
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
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern.as_bytes()).matches(text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
