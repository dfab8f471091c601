//! `JSON.MERGE` (RFC 7386).
//!
//! A patch is prepared once; each place then takes the work that its own members and the patch's are worth.

use super::Condition;
use super::apply::apply;
use super::change::{Change, Patch, check_depth, outermost};
use crate::json::{Document, Error, Path};

impl Document {
    /// Merges a patch into every match, or creates a member as `set` does. False if there is no place for it.
    ///
    /// At the path itself, null is a value like others (`JSON.MERGE k $.a null` stores null); inside the patch it
    /// deletes.
    ///
    /// # Errors
    /// As [`Document::set`].
    pub fn merge(&mut self, path: &Path, patch: &Document) -> Result<bool, Error> {
        let places = path.locations(self.root())?;
        if places.is_empty() {
            return self.set(path, patch, Condition::Always);
        }
        check_depth(places.iter().map(|place| place.len()).max(), patch.root())?;
        let patch = patch.root();
        if !patch.is_object() {
            apply(self, outermost(places).into_iter().map(|place| (place, Change::Put(patch))).collect());
            return Ok(true);
        }
        let patch = Patch::of(patch);
        apply(self, places.into_iter().map(|place| (place, Change::Merge(&patch))).collect());
        Ok(true)
    }
}
