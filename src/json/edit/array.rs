//! The array commands.

use super::{Change, Outcomes, check_depth};
use crate::json::{Document, Error, Path, ValueRef};

impl Document {
    /// `JSON.ARRAPPEND`: the new lengths.
    ///
    /// # Errors
    /// [`Error::TooDeep`], [`Error::PathTooCostly`].
    pub fn append(&mut self, path: &Path, values: &[Document]) -> Result<Outcomes<usize>, Error> {
        let insert: Vec<ValueRef<'_>> = values.iter().map(Document::root).collect();
        self.update(path, |place, array| {
            if !array.is_array() {
                return Ok(None);
            }
            insert.iter().try_for_each(|value| check_depth(Some(place.len() + 1), *value))?;
            let at = array.len();
            Ok(Some((at + insert.len(), Change::Splice { at, remove: 0, insert: insert.clone() })))
        })
    }

    /// `JSON.ARRINSERT`: inserts before the index, which counts from the end when negative. The new lengths.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if any array is too short; [`Error::TooDeep`], [`Error::PathTooCostly`].
    pub fn insert(&mut self, path: &Path, index: i64, values: &[Document]) -> Result<Outcomes<usize>, Error> {
        let insert: Vec<ValueRef<'_>> = values.iter().map(Document::root).collect();
        self.update(path, |place, array| {
            if !array.is_array() {
                return Ok(None);
            }
            insert.iter().try_for_each(|value| check_depth(Some(place.len() + 1), *value))?;
            let len = array.len() as i128;
            let at = if index < 0 { len + i128::from(index) } else { i128::from(index) };
            let at = usize::try_from(at).ok().filter(|at| *at <= array.len()).ok_or(Error::OutOfBounds)?;
            Ok(Some((array.len() + insert.len(), Change::Splice { at, remove: 0, insert: insert.clone() })))
        })
    }

    /// `JSON.ARRPOP`: removes and returns the element at the index, which counts from the end when negative and is
    /// cut to the array. The inner `None` is an empty array.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn pop(&mut self, path: &Path, index: i64) -> Result<Outcomes<Option<Document>>, Error> {
        self.update(path, |_, array| {
            if !array.is_array() {
                return Ok(None);
            }
            let at = cut(index, array.len()).min(array.len().saturating_sub(1));
            let popped = array.child(at).map(|(_, element)| Document::copy_of(element));
            let remove = usize::from(popped.is_some());
            Ok(Some((popped, Change::Splice { at, remove, insert: Vec::new() })))
        })
    }

    /// `JSON.ARRTRIM`: keeps the elements from `start` to `stop`, both included and counting from the end when
    /// negative. The new lengths.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn trim(&mut self, path: &Path, start: i64, stop: i64) -> Result<Outcomes<usize>, Error> {
        self.update(path, |_, array| {
            if !array.is_array() {
                return Ok(None);
            }
            let (start, end) = inclusive(start, stop, array.len());
            Ok(Some((end - start, Change::Keep { start, end })))
        })
    }
}

/// An index from either end, cut to `0..=len`.
fn cut(index: i64, len: usize) -> usize {
    let at = if index < 0 { len as i128 + i128::from(index) } else { i128::from(index) };
    at.clamp(0, len as i128) as usize
}

/// Start and end of what an inclusive range keeps. As in the field, a `stop` before the first element means the first.
fn inclusive(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let end = (cut(stop, len) + 1).min(len);
    let start = cut(start, len);
    if start < end { (start, end) } else { (0, 0) }
}

/// `JSON.ARRINDEX`: the position of the first element that is `wanted` (`1` is not `1.0`), from `start` to before `stop`, which is the
/// end where it is 0; both count from the end when negative. A `start` beyond the end means the last element. `None` if there is
/// none.
pub fn index_of(array: ValueRef<'_>, wanted: ValueRef<'_>, start: i64, stop: i64) -> Option<usize> {
    let len = array.len();
    let end = if stop == 0 { len } else { cut(stop, len) };
    let start = cut(start, len).min(len.saturating_sub(1));
    let mut elements = array.elements().enumerate().take(end).skip(start);
    elements.find(|(_, element)| element.identical(wanted)).map(|(at, _)| at)
}
