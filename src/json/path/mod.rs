//! Paths: JSONPath (RFC 9535) as far as the field uses it, and legacy paths.
//!
//! A path that is `$` or begins with `$.` or `$[` is a JSONPath and stands for all its matches; any other text is a
//! legacy path, read as `$` + text, and stands for its first match. Beyond the RFC: `=~` (unanchored regular
//! expression, linear time), literals alone in filters, `..` before any bracket, a dot before a bracket, white space
//! around every token. Not there: the RFC's functions, negative slice steps.
//!
//! Choices where the RFC has none: a comparison with a path of several matches is as with none. A regular expression
//! that does not compile, or is larger than its limit, matches nothing. Locations come in document order per
//! segment, and a value reached twice is reported twice, as the RFC says; updates count it once.
//!
//! Evaluation spends from a budget proportional to the document (see [`Evaluation`]), so `$..*..*..*` ends in
//! [`Error::PathTooCostly`], not in an hour.

mod eval;
mod filter;
mod parse;

pub use eval::{Evaluation, Location};
pub use parse::Malformed;

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

/// One step from a set of values to the next.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// `..`: from every descendant, too.
    pub(super) descend: bool,
    pub(super) selectors: Vec<Selector>,
}

/// Which children a segment takes.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    Name(Vec<u8>),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: usize },
    Filter(filter::Expr),
}

impl Path {
    /// Compiles a path of either kind.
    ///
    /// # Errors
    /// [`Error::Path`] with the position of what was not understood.
    pub fn parse(text: &[u8]) -> Result<Path, Error> {
        let legacy = !(text == b"$" || text.starts_with(b"$.") || text.starts_with(b"$["));
        let text = match text {
            _ if !legacy => text.to_vec(),
            b"." => b"$".to_vec(),
            _ if text.starts_with(b".") => [b"$", text].concat(),
            _ => [b"$.", text].concat(),
        };
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
            found.push(location.to_vec());
            std::ops::ControlFlow::Continue(())
        })?;
        found.sort_unstable();
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
