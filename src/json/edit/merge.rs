//! `JSON.MERGE` (RFC 7386).

use super::{Change, Condition, apply, check_depth};
use crate::json::build::Builder;
use crate::json::path::Location;
use crate::json::{Document, Error, Kind, Path, ValueRef};

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
        check_depth(places.iter().map(Vec::len).max(), patch.root())?;
        // From the last place to the first: what is inside another comes before it, and what is removed moves
        // nothing that is still to come.
        for place in places.iter().rev() {
            self.merge_at(place, patch.root());
        }
        Ok(true)
    }

    fn merge_at(&mut self, place: &Location, patch: ValueRef<'_>) {
        // What nested objects of the patch become where the target has nothing to merge with.
        let mut fresh = Vec::new();
        if patch.is_object() {
            strip_nulls(patch, &mut fresh);
        }
        let mut changes = Vec::new();
        if let Some(target) = self.at(place) {
            collect(place.clone(), target, patch, &mut fresh.iter(), &mut changes);
        }
        if let [(root, Change::Put(value))] = changes.as_slice()
            && root.is_empty()
        {
            self.root = Document::copy_of(*value).root;
            return;
        }
        apply(self, changes);
    }
}

/// The patch's objects, itself first and then those inside, as they look without members that are null.
fn strip_nulls(patch: ValueRef<'_>, fresh: &mut Vec<Document>) {
    let at = fresh.len();
    let mut builder = Builder::default();
    stripped(patch, &mut builder);
    fresh.insert(at, Document { root: builder.finish() });
    for member in patch.elements().filter(|member| member.is_object()) {
        strip_nulls(member, fresh);
    }
}

fn stripped(patch: ValueRef<'_>, builder: &mut Builder) {
    if !patch.is_object() {
        return builder.value(patch);
    }
    builder.begin_object(true);
    for (key, member) in patch.children() {
        if !matches!(member.kind(), Kind::Null) {
            builder.key(key);
            stripped(member, builder);
        }
    }
    builder.end();
}

/// The changes that make `target` what the patch says. `fresh` yields the stripped form of each object of the patch, in
/// the order in which this function meets them.
fn collect<'v>(
    place: Location,
    target: ValueRef<'_>,
    patch: ValueRef<'v>,
    fresh: &mut std::slice::Iter<'v, Document>,
    changes: &mut Vec<(Location, Change<'v>)>,
) {
    if !patch.is_object() {
        changes.push((place, Change::Put(patch)));
        return;
    }
    let own = fresh.next();
    if !target.is_object() {
        skip_objects(patch, fresh);
        changes.extend(own.map(|own| (place, Change::Put(own.root()))));
        return;
    }
    let mut members = Vec::new();
    for (key, member) in patch.children() {
        match (target.member(key), member.kind()) {
            (Some((at, old)), kind) => {
                let inner = [place.as_slice(), &[at as u32]].concat();
                if matches!(kind, Kind::Null) {
                    changes.push((inner, Change::Remove));
                } else {
                    collect(inner, old, member, fresh, changes);
                }
            }
            (None, Kind::Null) => {}
            (None, Kind::Object) => {
                let stripped = fresh.next();
                skip_objects(member, fresh);
                members.extend(stripped.map(|value| (key, value.root())));
            }
            (None, _) => members.push((key, member)),
        }
    }
    if !members.is_empty() {
        changes.push((place, Change::Members(members)));
    }
}

/// Passes over the stripped forms of the objects inside.
fn skip_objects(patch: ValueRef<'_>, fresh: &mut std::slice::Iter<'_, Document>) {
    for member in patch.elements().filter(|member| member.is_object()) {
        fresh.next();
        skip_objects(member, fresh);
    }
}
