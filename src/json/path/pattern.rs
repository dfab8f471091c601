//! Regular expressions in paths: compiled in linear time, run in linear time.

use regex::bytes::{Regex, RegexBuilder};

/// Largest compiled regular expression, in bytes.
const SIZE: usize = 256 << 10;

/// How much of a text has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Part {
    /// Any part (`=~`).
    Any,
    /// Any part, in the dialect of RFC 9485 (`search`).
    Search,
    /// The whole text, in that dialect (`match`).
    Whole,
}

/// The last pattern that came from the document, compiled.
pub(in crate::json) type Cached = Option<(Part, Vec<u8>, Option<Regex>)>;

/// Compiles a pattern; `None` if it is none, or too large.
pub(super) fn compile(part: Part, pattern: &[u8]) -> Option<Regex> {
    let pattern = std::str::from_utf8(pattern).ok()?;
    let build =
        |pattern: &str| RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(64).build().ok();
    match part {
        Part::Any => build(pattern),
        Part::Search => build(&interoperable(pattern)),
        Part::Whole => {
            let pattern = interoperable(pattern);
            // On its own first, so that a bracket in it does not close ours.
            build(&pattern)?;
            build(&format!("\\A(?:{pattern})\\z"))
        }
    }
}

/// The pattern with the dot of RFC 9485, which is no end of line of either kind.
fn interoperable(pattern: &str) -> String {
    let (mut out, mut class, mut escaped) = (String::with_capacity(pattern.len()), 0usize, false);
    for letter in pattern.chars() {
        if letter == '.' && class == 0 && !escaped {
            out.push_str("[^\\n\\r]");
            continue;
        }
        if !escaped {
            class = match letter {
                '[' => class + 1,
                ']' => class.saturating_sub(1),
                _ => class,
            };
        }
        escaped = letter == '\\' && !escaped;
        out.push(letter);
    }
    out
}
