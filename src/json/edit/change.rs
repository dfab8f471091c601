//! What an edit does: places and what happens to the values there; patches, as they are merged into objects.

use std::collections::HashMap;

use crate::json::build::Builder;
use crate::json::path::Location;
use crate::json::{Error, Kind, MAX_NESTED, Number, ValueRef};

/// What happens to the value at a place.
#[derive(Debug, Clone)]
pub(super) enum Change<'v> {
    /// It goes, and its key with it. Not for the root.
    Remove,
    /// It becomes a copy of that value.
    Put(ValueRef<'v>),
    Number(Number),
    Bool(bool),
    Str(Vec<u8>),
    /// Of an array: that many elements from `at` on are replaced.
    Splice {
        at: usize,
        remove: usize,
        insert: Vec<ValueRef<'v>>,
    },
    /// Of an array: only the elements from `start` to before `end` stay.
    Keep {
        start: usize,
        end: usize,
    },
    /// Of an object: members with new keys, at its end.
    Members(Vec<(&'v [u8], ValueRef<'v>)>),
    /// It becomes what a patch makes of it.
    Merge(&'v Patch<'v>),
    /// A container loses its children.
    Empty,
}

/// A place and its change.
pub(super) type Placed<'v> = (Location, Change<'v>);

/// Of places, those that are in no other, in order.
pub(super) fn outermost(places: Vec<Location>) -> Vec<Location> {
    outermost_by(places, |place| place)
}

/// As [`outermost`], of what has a place.
pub(super) fn outermost_by<T>(mut all: Vec<T>, place: fn(&T) -> &Location) -> Vec<T> {
    if !all.is_sorted_by(|a, b| place(a) <= place(b)) {
        all.sort_unstable_by(|a, b| place(a).cmp(place(b)));
    }
    // What lies inside a place comes right after it.
    all.dedup_by(|inner, outer| place(inner).starts_with(place(outer)));
    all
}

/// Refuses to put a value where it would nest too deep; `ancestors` is how many containers are around the place.
pub(super) fn check_depth(ancestors: Option<usize>, value: ValueRef<'_>) -> Result<(), Error> {
    match ancestors {
        Some(ancestors) if ancestors + value.depth() > MAX_NESTED => Err(Error::TooDeep),
        _ => Ok(()),
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
    pub(super) fn of(value: ValueRef<'v>) -> Patch<'v> {
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
