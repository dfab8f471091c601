//! What the update commands do to a document. Each returns facts; replies and texts are made elsewhere.
//!
//! An update acts on every match of its path, each place once. Where one place lies inside another, deleting, clearing
//! and replacing act on the outer one only; the other commands act on both, the inner first. A command that fails has
//! changed nothing.

mod apply;
mod array;
mod change;
mod merge;

pub use array::index_of;

use apply::apply;
use change::{Change, Placed, check_depth, outermost, outermost_by};

use super::path::Location;
use super::{Arithmetic, Document, Error, Kind, Number, Path, ValueRef};

/// `NX` and `XX` of `JSON.SET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// Neither.
    #[default]
    Always,
    /// Only where nothing is (`NX`).
    Absent,
    /// Only where something is (`XX`).
    Present,
}

/// What deleting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The root itself: the document is unchanged, its owner drops it.
    Root,
    /// So many values.
    Values(usize),
}

/// Per match of the path, in the order of the path: what became of it, `None` for a value of another type.
pub type Outcomes<T> = Vec<Option<T>>;

/// A place of a match, with the value there.
type Target<'v> = (Location, ValueRef<'v>);

impl Document {
    /// `JSON.SET`: replaces every match, or creates a member of an object that exists. False if nothing was done,
    /// because of the condition or because there is no such object.
    ///
    /// # Errors
    /// [`Error::ArrayIndex`], [`Error::StaticPathOnly`], [`Error::TooDeep`], [`Error::PathTooCostly`].
    pub fn set(&mut self, path: &Path, value: &Document, condition: Condition) -> Result<bool, Error> {
        let changes = self.plan_set(path, value, condition)?;
        let changed = !changes.is_empty();
        apply(self, changes);
        Ok(changed)
    }

    /// What [`Document::set`] would answer.
    ///
    /// # Errors
    /// As there.
    pub fn can_set(&self, path: &Path, value: &Document, condition: Condition) -> Result<bool, Error> {
        self.plan_set(path, value, condition).map(|changes| !changes.is_empty())
    }

    fn plan_set<'v>(
        &self,
        path: &'v Path,
        value: &'v Document,
        condition: Condition,
    ) -> Result<Vec<Placed<'v>>, Error> {
        if condition == Condition::Absent && !path.is_static() {
            return Err(Error::StaticPathOnly);
        }
        let places = outermost(path.locations(self.root())?);
        if places.is_empty() {
            return if condition == Condition::Present { Ok(Vec::new()) } else { self.plan_member(path, value) };
        }
        if condition == Condition::Absent {
            return Ok(Vec::new());
        }
        check_depth(places.iter().map(|place| place.len()).max(), value.root())?;
        Ok(places.into_iter().map(|place| (place, Change::Put(value.root()))).collect())
    }

    /// Creates the member that a path without match names.
    fn plan_member<'v>(&self, path: &'v Path, value: &'v Document) -> Result<Vec<Placed<'v>>, Error> {
        if !path.is_static() {
            return Err(Error::StaticPathOnly);
        }
        if path.ends_in_index() {
            return Err(Error::ArrayIndex);
        }
        let Some((parent, key)) = path.split_member() else { return Err(Error::StaticPathOnly) };
        let mut place = None;
        parent.visit(self.root(), &mut |found, at| {
            place = found.is_object().then(|| Location::from(at));
            std::ops::ControlFlow::Break(())
        })?;
        let Some(place) = place else { return Ok(Vec::new()) };
        check_depth(Some(place.len() + 1), value.root())?;
        Ok(vec![(place, Change::Members(vec![(key, value.root())]))])
    }

    /// `JSON.DEL`.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn delete(&mut self, path: &Path) -> Result<Deleted, Error> {
        let places = outermost(path.locations(self.root())?);
        if places == [Location::new()] {
            return Ok(Deleted::Root);
        }
        let count = places.len();
        apply(self, places.into_iter().map(|place| (place, Change::Remove)).collect());
        Ok(Deleted::Values(count))
    }

    /// `JSON.CLEAR`: empties containers and zeroes numbers; the count of those that were neither already.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn clear(&mut self, path: &Path) -> Result<usize, Error> {
        let mut changes = Vec::new();
        path.visit(self.root(), &mut |value, place| {
            match value.kind() {
                Kind::Number(number) if number != Number::Int(0) => {
                    changes.push((Location::from(place), Change::Number(Number::Int(0))));
                }
                Kind::Array | Kind::Object if !value.is_empty() => changes.push((Location::from(place), Change::Empty)),
                _ => {}
            }
            std::ops::ControlFlow::Continue(())
        })?;
        // What is not cleared holds nothing, so that only what is can be around another.
        let changes = outermost_by(changes, |(place, _)| place);
        let count = changes.len();
        apply(self, changes);
        Ok(count)
    }

    /// `JSON.NUMINCRBY`, `JSON.NUMMULTBY`, `JSON.NUMPOWBY`: the new numbers.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if any result is infinite or none; [`Error::PathTooCostly`].
    pub fn arithmetic(
        &mut self,
        path: &Path,
        operation: Arithmetic,
        operand: Number,
    ) -> Result<Outcomes<Number>, Error> {
        self.update(path, |_, value| match value.as_number() {
            Some(number) => {
                let result = operation.apply(number, operand).ok_or(Error::NotANumber)?;
                Ok(Some((result, Change::Number(result))))
            }
            None => Ok(None),
        })
    }

    /// `JSON.TOGGLE`: the new truth values.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn toggle(&mut self, path: &Path) -> Result<Outcomes<bool>, Error> {
        self.update(path, |_, value| match value.kind() {
            Kind::Bool(old) => Ok(Some((!old, Change::Bool(!old)))),
            _ => Ok(None),
        })
    }

    /// `JSON.STRAPPEND`: the new lengths, in bytes.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn append_str(&mut self, path: &Path, tail: &[u8]) -> Result<Outcomes<usize>, Error> {
        self.update(path, |_, value| {
            let Some(text) = value.as_str_bytes() else { return Ok(None) };
            let text = [text, tail].concat();
            Ok(Some((text.len(), Change::Str(text))))
        })
    }

    /// The value at a place.
    pub fn at(&self, place: &[u32]) -> Option<ValueRef<'_>> {
        place.iter().try_fold(self.root(), |value, at| value.child(*at as usize).map(|(_, child)| child))
    }

    /// Decides for each match, in the order of the path, what becomes of it; then does it.
    fn update<'v, T>(
        &mut self,
        path: &Path,
        mut decide: impl FnMut(&Location, ValueRef<'_>) -> Result<Option<(T, Change<'v>)>, Error>,
    ) -> Result<Outcomes<T>, Error> {
        let mut outcomes = Vec::new();
        let mut changes = Vec::new();
        for (place, value) in self.targets(path)? {
            outcomes.push(match decide(&place, value)? {
                Some((outcome, change)) => {
                    changes.push((place, change));
                    Some(outcome)
                }
                None => None,
            });
        }
        apply(self, changes);
        Ok(outcomes)
    }

    /// The matches in the order of the path, each place once.
    fn targets(&self, path: &Path) -> Result<Vec<Target<'_>>, Error> {
        let mut targets: Vec<Target<'_>> = Vec::new();
        path.visit(self.root(), &mut |value, place| {
            targets.push((Location::from(place), value));
            std::ops::ControlFlow::Continue(())
        })?;
        if path.may_repeat() && targets.len() > 1 {
            let mut seen = std::collections::HashSet::with_capacity(targets.len());
            targets.retain(|(place, _)| seen.insert(place.clone()));
        }
        Ok(targets)
    }
}

#[cfg(test)]
mod tests;
