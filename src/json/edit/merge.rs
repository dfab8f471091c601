//! `JSON.MERGE` (RFC 7386).
//!
//! A patch is prepared once; each place then takes the work that its own members and the patch's are worth.

use std::collections::HashMap;

use super::apply::outermost;
use super::{Change, Condition, Placed, apply, check_depth};
use crate::json::build::Builder;
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

/// Patches of fewer members are searched one by one.
const INDEXED: usize = 8;

/// An object of a patch.
#[derive(Debug)]
pub(super) struct Patch<'v> {
    value: ValueRef<'v>,
    members: Vec<(&'v [u8], Member<'v>)>,
    index: HashMap<&'v [u8], usize>,
    /// A member is null, here or in an object inside.
    deletes: bool,
}

#[derive(Debug)]
enum Member<'v> {
    Null,
    Value(ValueRef<'v>),
    Object(Patch<'v>),
}

impl<'v> Patch<'v> {
    fn of(value: ValueRef<'v>) -> Patch<'v> {
        let member = |value: ValueRef<'v>| match value.kind() {
            Kind::Null => Member::Null,
            Kind::Object => Member::Object(Patch::of(value)),
            _ => Member::Value(value),
        };
        let members: Vec<_> = value.children().map(|(key, value)| (key, member(value))).collect();
        let deletes = members.iter().any(|(_, member)| match member {
            Member::Null => true,
            Member::Value(_) => false,
            Member::Object(patch) => patch.deletes,
        });
        let mut index = HashMap::new();
        if members.len() >= INDEXED {
            index.extend(members.iter().enumerate().map(|(at, (key, _))| (*key, at)));
        }
        Patch { value, members, index, deletes }
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        if self.index.is_empty() {
            return self.members.iter().position(|(name, _)| *name == key);
        }
        self.index.get(key).copied()
    }

    /// Writes what becomes of a value.
    pub(super) fn write_merged(&self, builder: &mut Builder, target: ValueRef<'_>) {
        if !target.is_object() {
            return self.write_bare(builder);
        }
        builder.begin_object(true);
        let mut met = Met::new(self.members.len());
        for (key, child) in target.children() {
            let found = self.find(key);
            found.into_iter().for_each(|at| met.set(at));
            match found.map(|at| &self.members[at].1) {
                Some(Member::Null) => continue,
                Some(member) => {
                    builder.key(key);
                    match member {
                        Member::Object(patch) => patch.write_merged(builder, child),
                        Member::Value(value) => builder.value(*value),
                        Member::Null => {}
                    }
                }
                None => {
                    builder.key(key);
                    builder.value(child);
                }
            }
        }
        self.write_members(builder, &met.others());
        builder.end();
    }

    /// Writes what the patch makes of nothing: itself, without members that are null.
    fn write_bare(&self, builder: &mut Builder) {
        if !self.deletes {
            return builder.value(self.value);
        }
        builder.begin_object(true);
        let all: Vec<usize> = (0..self.members.len()).collect();
        self.write_members(builder, &all);
        builder.end();
    }

    /// Writes some members into the object that is open, as [`Patch::write_bare`] does.
    pub(super) fn write_members(&self, builder: &mut Builder, which: &[usize]) {
        for (key, member) in which.iter().map(|at| &self.members[*at]) {
            match member {
                Member::Null => {}
                Member::Value(value) => {
                    builder.key(key);
                    builder.value(*value);
                }
                Member::Object(patch) => {
                    builder.key(key);
                    patch.write_bare(builder);
                }
            }
        }
    }

    /// What changes inside an object in chunks, with places in it, and which members are new to it.
    pub(super) fn changes(&self, target: ValueRef<'_>) -> (Vec<Placed<'_>>, Vec<usize>) {
        let mut found: Vec<(usize, usize)> = if self.members.len() < target.len() {
            let place = |(at, (key, _)): (usize, &(&[u8], Member<'v>))| Some((target.member(key)?.0, at));
            self.members.iter().enumerate().filter_map(place).collect()
        } else {
            target.children().enumerate().filter_map(|(index, (key, _))| Some((index, self.find(key)?))).collect()
        };
        found.sort_unstable();
        let mut met = Met::new(self.members.len());
        let change = |(index, at): (usize, usize)| {
            met.set(at);
            let change = match &self.members[at].1 {
                Member::Null => Change::Remove,
                Member::Value(value) => Change::Put(*value),
                Member::Object(patch) => Change::Merge(patch),
            };
            (std::iter::once(index as u32).collect(), change)
        };
        let changes = found.into_iter().map(change).collect();
        let new = met.others().into_iter().filter(|at| !matches!(self.members[*at].1, Member::Null)).collect();
        (changes, new)
    }
}

/// Which members of a patch the target has.
enum Met {
    Few(u64, usize),
    Many(Vec<bool>),
}

impl Met {
    fn new(count: usize) -> Met {
        if count <= 64 { Met::Few(0, count) } else { Met::Many(vec![false; count]) }
    }

    fn set(&mut self, at: usize) {
        match self {
            Met::Few(bits, _) => *bits |= 1 << at,
            Met::Many(all) => all[at] = true,
        }
    }

    /// Those that it has not.
    fn others(&self) -> Vec<usize> {
        match self {
            Met::Few(bits, count) => (0..*count).filter(|at| bits >> at & 1 == 0).collect(),
            Met::Many(all) => (0..all.len()).filter(|at| !all[*at]).collect(),
        }
    }
}
