//! Paths: JSONPath (RFC 9535) with what the field adds, and legacy paths; and projections, which are expressions over them.
//!
//! A path that is `$`, or `$` followed by `.` or `[`, is a JSONPath and stands for all its matches; any other text is a
//! legacy path, read as `$` + text, and stands for its first match. Beyond the RFC: names after a dot may begin with a
//! digit and contain `-$#%+/:^` and a backtick; a dot before a bracket; parentheses are not needed around a filter; `=~`
//! (unanchored regular expression); and the expressions of Redis 8.10 (see `expression`, `filter`, `function`).
//!
//! A [`Query`] is what `JSON.GET` takes: a path, or a projection such as `$.a + 1` or `$.list.length()`. Everywhere else a
//! projection is no path.
//!
//! Choices where neither says: a regular expression that does not compile, or is larger than its limit, matches nothing.
//! Locations come in document order per segment, and a value reached twice is reported twice, as the RFC says; updates
//! count it once.
//!
//! Evaluation spends from a budget proportional to the document (see [`Evaluation`]), so `$..*..*..*` ends in
//! [`Error::PathTooCostly`], not in an hour.

mod ast;
mod eval;
mod expression;
mod filter;
mod function;
mod parse;
mod pattern;
mod query;

pub use eval::{Evaluation, Location};
pub use parse::Malformed;
pub use query::Query;

use ast::{Segment, Selector};

use super::{Error, ValueRef};

/// Deepest nesting of parentheses and filters in a path.
pub const MAX_NESTING: usize = 32;

/// A compiled path.
#[derive(Debug, Clone)]
pub struct Path {
    /// The text in JSONPath form: what error messages quote.
    text: Vec<u8>,
    legacy: bool,
    segments: Vec<Segment>,
}

impl Path {
    /// Compiles a path of either kind.
    ///
    /// # Errors
    /// [`Error::Path`] with the position of what was not understood; [`Error::NotUtf8`].
    pub fn parse(text: &[u8]) -> Result<Path, Error> {
        std::str::from_utf8(text).map_err(|_| Error::NotUtf8)?;
        let after_root = text.strip_prefix(b"$").map(<[u8]>::trim_ascii_start);
        let legacy = !after_root.is_some_and(|rest| matches!(rest, [] | [b'.' | b'[', ..]));
        let text = match text {
            _ if !legacy => text.to_vec(),
            b"." => b"$".to_vec(),
            _ if text.starts_with(b".") => [b"$", text].concat(),
            _ => [b"$.", text].concat(),
        };
        // A sign before a JSONPath makes a projection, not the name of a member.
        if legacy && matches!(text.as_slice(), [b'$', b'.', b'-' | b'+', b'$', b'.' | b'[', ..]) {
            return Err(Error::Path(Malformed { path: text, position: 2, expected: parse::MEMBER }));
        }
        match parse::segments(&text) {
            Ok(segments) => Ok(Path { text, legacy, segments }),
            Err(place) => Err(Error::Path(Malformed { path: text, ..place })),
        }
    }

    /// The path in JSONPath form (`.a` → `$.a`).
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// True for a legacy path, which stands for its first match.
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// True for `$` and `.`.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// True if the path names at most one place: names and indexes only.
    pub fn is_static(&self) -> bool {
        let single = |selector: &Selector| matches!(selector, Selector::Name(_) | Selector::Index(_));
        self.segments.iter().all(|s| !s.descend && s.selectors.len() == 1 && s.selectors.iter().all(single))
    }

    /// True if a place may be reached twice.
    pub(super) fn may_repeat(&self) -> bool {
        let descends = self.segments.iter().filter(|segment| segment.descend).count();
        descends > 1 || self.segments.iter().any(|segment| segment.selectors.len() > 1)
    }

    /// The path of the parent and the key of the last step, of a path that ends in one name.
    pub(super) fn split_member(&self) -> Option<(Path, &[u8])> {
        let (last, head) = self.segments.split_last()?;
        match last.selectors.as_slice() {
            [Selector::Name(key)] if !last.descend => {
                Some((Path { text: self.text.clone(), legacy: self.legacy, segments: head.to_vec() }, key))
            }
            _ => None,
        }
    }

    /// True if the last step is an index.
    pub(super) fn ends_in_index(&self) -> bool {
        let index = |s: &Segment| !s.descend && matches!(s.selectors.as_slice(), [Selector::Index(_)]);
        self.segments.last().is_some_and(index)
    }

    /// All matches, in order.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn matches<'v>(&self, root: ValueRef<'v>) -> Result<Vec<ValueRef<'v>>, Error> {
        let mut found = Vec::new();
        self.visit(root, &mut |value, _| {
            found.push(value);
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The first match.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn first<'v>(&self, root: ValueRef<'v>) -> Result<Option<ValueRef<'v>>, Error> {
        let mut found = None;
        self.visit(root, &mut |value, _| {
            found = Some(value);
            std::ops::ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// All places, in document order, each once. `[]` is the root.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn locations(&self, root: ValueRef<'_>) -> Result<Vec<Location>, Error> {
        let mut found = Vec::new();
        self.visit(root, &mut |_, location| {
            found.push(Location::from(location));
            std::ops::ControlFlow::Continue(())
        })?;
        if !found.is_sorted() {
            found.sort_unstable();
        }
        found.dedup();
        Ok(found)
    }

    /// Calls `visit` with every match and its place, until it breaks.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn visit<'v>(&self, root: ValueRef<'v>, visit: &mut eval::Visit<'_, 'v>) -> Result<(), Error> {
        Evaluation::new(root).run(&self.segments, visit)
    }
}

#[cfg(test)]
mod tests;
