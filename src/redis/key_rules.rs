//! A user's key patterns, read from the text in which a server describes him, for servers that can't say themselves whether he
//! may use every key with a prefix.
//!
//! The text is that of `ACL LIST` after the name: `on nopass ~a:* %R~b:* -@all +get (~c:* +@all)`. A pattern holds no blank, and
//! one in parentheses is as good as any other, as it is where a server is asked about a key.
//!
//! A pattern covers a prefix if it ends in `*` and matches the prefix itself: then it matches whatever comes after, too. Few
//! patterns do without (`*?`); they are taken not to cover it. So the answer errs to the closed side only.

/// What is done with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// They are read.
    Read,
    /// They are written or deleted.
    Write,
}

/// A pattern and what it allows.
#[derive(Debug)]
struct Rule {
    pattern: Box<[u8]>,
    read: bool,
    write: bool,
}

/// All patterns of a user.
#[derive(Debug)]
pub struct KeyRules(Vec<Rule>);

impl KeyRules {
    /// Reads the text of a server.
    pub fn parse(text: &[u8]) -> Self {
        let words = text.split(|byte| *byte == b' ').map(|word| word.strip_prefix(b"(").unwrap_or(word));
        Self(words.filter_map(rule).collect())
    }

    /// Whether every key with the prefix may be used so.
    pub fn cover(&self, prefix: &[u8], to: Use) -> bool {
        let allows = |rule: &&Rule| if to == Use::Read { rule.read } else { rule.write };
        self.0.iter().filter(allows).any(|rule| covers(&rule.pattern, prefix))
    }
}

/// A word that is a pattern: `~p`, or `%R~p`, `%W~p`, `%RW~p` in whatever case and order of letters.
fn rule(word: &[u8]) -> Option<Rule> {
    let (letters, pattern): (&[u8], _) = match word {
        [b'~', pattern @ ..] => (b"RW", pattern),
        [b'%', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'~')?;
            (&rest[..end], &rest[end + 1..])
        }
        _ => return None,
    };
    let has = |letter: u8| letters.iter().any(|other| other.eq_ignore_ascii_case(&letter));
    Some(Rule { pattern: pattern.into(), read: has(b'R'), write: has(b'W') })
}

/// A part of a pattern that stands for one byte, or for any number of them.
enum Part<'p> {
    Any,
    One,
    Byte(u8),
    /// What is between brackets, and whether it names the bytes that do not match.
    Class(&'p [u8], bool),
}

/// The first part of a pattern that is not empty, and what comes after; as servers read them.
fn first(pattern: &[u8]) -> (Part<'_>, &[u8]) {
    match pattern {
        [b'*', rest @ ..] => (Part::Any, rest),
        [b'?', rest @ ..] => (Part::One, rest),
        [b'[', rest @ ..] => {
            let (negated, body) = match rest {
                [b'^', body @ ..] => (true, body),
                body => (false, body),
            };
            let mut end = 0;
            while end < body.len() && body[end] != b']' {
                end += member(&body[end..]).1;
            }
            let end = end.min(body.len());
            (Part::Class(&body[..end], negated), body.get(end + 1..).unwrap_or_default())
        }
        [b'\\', byte, rest @ ..] => (Part::Byte(*byte), rest),
        [byte, rest @ ..] => (Part::Byte(*byte), rest),
        [] => (Part::Any, pattern),
    }
}

/// The first member of a class, a range of bytes, and its length in the pattern.
fn member(class: &[u8]) -> ((u8, u8), usize) {
    match class {
        [b'\\', byte, ..] => ((*byte, *byte), 2),
        [start, b'-', end, ..] => ((*start.min(end), *start.max(end)), 3),
        [byte, ..] => ((*byte, *byte), 1),
        [] => ((0, 0), 1),
    }
}

impl Part<'_> {
    /// Whether a part that stands for one byte stands for this one.
    fn is(&self, byte: u8) -> bool {
        match self {
            Part::Any | Part::One => true,
            Part::Byte(one) => *one == byte,
            Part::Class(members, negated) => {
                let (mut rest, mut found) = (*members, false);
                while !rest.is_empty() {
                    let ((low, high), len) = member(rest);
                    found |= (low..=high).contains(&byte);
                    rest = rest.get(len..).unwrap_or_default();
                }
                found != *negated
            }
        }
    }
}

/// Whether a pattern matches every key with the prefix.
fn covers(pattern: &[u8], prefix: &[u8]) -> bool {
    let (mut rest, mut ends_open) = (pattern, false);
    while !rest.is_empty() {
        let (part, after) = first(rest);
        (rest, ends_open) = (after, matches!(part, Part::Any));
    }
    ends_open && matches(pattern, prefix)
}

/// Whether a pattern matches a key. Of several `*`, only the last that was met is tried with another length: that is enough.
fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let (mut rest, mut at) = (pattern, 0);
    // What follows the last `*`, and how far it reaches.
    let mut last: Option<(&[u8], usize)> = None;
    loop {
        if !rest.is_empty() {
            let (part, after) = first(rest);
            if matches!(part, Part::Any) {
                (rest, last) = (after, Some((after, at)));
                continue;
            }
            if key.get(at).is_some_and(|byte| part.is(*byte)) {
                (rest, at) = (after, at + 1);
                continue;
            }
        } else if at == key.len() {
            return true;
        }
        match last {
            Some((after, from)) if from < key.len() => {
                (rest, at, last) = (after, from + 1, Some((after, from + 1)));
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_cover_prefixes() {
        for (pattern, prefix, covered) in [
            ("*", "", true),
            ("*", "a", true),
            ("a:*", "a:", true),
            ("a:*", "a:b", true),
            ("a:*", "a", false),
            ("a:*", "", false),
            ("a:?", "a:b", false),
            ("a:b", "a:b", false),
            ("a:?*", "a:", false),
            ("a:?*", "a:b", true),
            ("a:\\*", "a:*", false),
            ("a:\\**", "a:*", true),
            ("a:[0-9]*", "a:1", true),
            ("a:[9-0]*", "a:1", true),
            ("a:[0-9]*", "a:", false),
            ("a:[^0-9]*", "a:x", true),
            ("a:[^0-9]*", "a:1", false),
            ("a:[x\\]*", "a:x", false),
            ("a:[x\\]]*", "a:]", true),
            ("a[*", "a*", false),
            ("*:b*", "a:b", true),
            ("*b*b*", "bab", true),
            ("*b*b*", "ab", false),
            ("a**", "a", true),
            ("*?", "a", false),
            ("[tu]ser:*", "user:", true),
        ] {
            assert_eq!(covers(pattern.as_bytes(), prefix.as_bytes()), covered, "{pattern} {prefix}");
        }
    }

    #[test]
    fn rules_are_read_from_a_server_s_text() {
        let text = b"on nopass sanitize-payload ~a:* %R~b:* %w~c:* %RW~d:* resetchannels &x:* -@all +get (~e:* -@all +get) (%R~f:* +@all)";
        let rules = KeyRules::parse(text);
        for (prefix, read, write) in [
            ("a:", true, true),
            ("b:", true, false),
            ("c:", false, true),
            ("d:", true, true),
            ("e:", true, true),
            ("f:", true, false),
            ("x:", false, false),
            ("", false, false),
        ] {
            let cover = |to| rules.cover(prefix.as_bytes(), to);
            assert_eq!((cover(Use::Read), cover(Use::Write)), (read, write), "{prefix}");
        }
        assert!(KeyRules::parse(b"on ~* &* +@all").cover(b"", Use::Write));
        assert!(!KeyRules::parse(b"on resetchannels -@all").cover(b"", Use::Read));
    }

    proptest! {
        /// What is said to be covered matches with whatever comes after.
        #[test]
        fn what_covers_a_prefix_matches_every_key(pattern in "[ab*?\\[\\]\\\\^-]{0,8}", prefix in "[ab*\\]-]{0,4}", tail in "[ab*\\]-]{0,4}") {
            let (pattern, key) = (pattern.as_bytes(), [prefix.as_bytes(), tail.as_bytes()].concat());
            prop_assert!(!covers(pattern, prefix.as_bytes()) || matches(pattern, &key));
        }
    }
}
