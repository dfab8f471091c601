//! Which definitions a node has: indexes, aliases and dictionaries, each with the version that the registrar gave it.
//!
//! One node at a time is the registrar: the master of one slot, so the cluster itself elects it and fails it over. It gives each
//! definition, and each that is dropped, a version greater than all before. A node takes an entry if its version is greater than what it
//! knows of that name. So it makes no difference in which order entries come, whether one comes twice, and what was lost
//! comes later: nodes with the same entries have the same definitions. What was dropped stays as a tombstone, or an old entry would
//! bring it back.
//!
//! The values are not here: they are the indexes themselves. An entry on its way has its value with it:
//!
//! ```text
//! entries   horizon: version, count: u64, then for each
//!   kind: u64 (0 index, 1 alias, 2 dictionary), database: u64, name: bytes, version, state: u64, value: bytes
//! version   epoch: u64, counter: u64, by: u64
//! ```
//! `state` is 0 for a value, 1 for a tombstone, 2 for a tombstone of an index whose documents go too. The `horizon` is the version up to which
//! the sender has forgotten tombstones, if it has sent all that it has; else 0.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Standing, Version};
use super::node::NodeId;
use crate::codec::{Corrupt, Sink, Source};

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// An index, with its synonyms.
    Index,
    /// Another name of an index.
    Alias,
    /// A dictionary. It is in no database.
    Dictionary,
}

/// A name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    /// What has it.
    pub kind: Kind,
    /// In which database.
    pub database: u32,
    /// The name itself.
    pub name: Box<[u8]>,
}

/// What becomes of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It has this value.
    Is(Vec<u8>),
    /// There is no such thing any more.
    Gone,
    /// There is no such index any more, nor are there its documents.
    GoneWithDocuments,
}

/// A definition on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Of what.
    pub name: Name,
    /// Which is newer than all before of that name.
    pub version: Version,
    /// What is to be.
    pub state: State,
}

/// What is known of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its newest version.
    pub version: Version,
    /// Whether it was dropped.
    pub is_gone: bool,
}

/// All that is known.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Catalogue {
    names: BTreeMap<Name, Known>,
    newest: Version,
    digest: u64,
    /// Tombstones up to this version may have been forgotten.
    horizon: Version,
}

/// A number in which each bit depends on all of the bytes.
fn hash(name: &Name, version: Version) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    add(name.kind as u8);
    let numbers = [u64::from(name.database), version.epoch, version.counter, version.by];
    numbers.iter().flat_map(|number| number.to_le_bytes()).for_each(&mut add);
    name.name.iter().copied().for_each(&mut add);
    let sum = (sum ^ sum >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let sum = (sum ^ sum >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ sum >> 31
}

impl Catalogue {
    /// What other nodes are told.
    pub fn standing(&self) -> Standing {
        Standing { version: self.newest, digest: self.digest }
    }

    /// What is known of a name.
    pub fn get(&self, name: &Name) -> Option<Known> {
        self.names.get(name).copied()
    }

    /// All names, with what is known of them.
    pub fn all(&self) -> impl Iterator<Item = (&Name, Known)> {
        self.names.iter().map(|(name, known)| (name, *known))
    }

    /// The version for the next definition: greater than all that this node knows. The counter is the time in milliseconds where that
    /// is greater, so a registrar that has lost its memory does not give a version twice.
    pub fn next(&self, epoch: u64, milliseconds: u64, by: NodeId) -> Version {
        Version {
            epoch: epoch.max(self.newest.epoch),
            counter: milliseconds.max(self.newest.counter + 1),
            by: by.number(),
        }
    }

    /// Whether an entry would be news.
    pub fn wants(&self, name: &Name, version: Version) -> bool {
        match self.names.get(name) {
            Some(known) => known.version < version,
            None => version > self.horizon,
        }
    }

    /// Takes note of an entry; false where it is no news.
    pub fn take(&mut self, name: &Name, version: Version, is_gone: bool) -> bool {
        if !self.wants(name, version) {
            return false;
        }
        if let Some(known) = self.names.insert(name.clone(), Known { version, is_gone }) {
            self.digest = self.digest.wrapping_sub(hash(name, known.version));
        }
        self.digest = self.digest.wrapping_add(hash(name, version));
        self.newest = self.newest.max(version);
        true
    }

    /// The names with a version after this one.
    pub fn newer(&self, than: Version) -> Vec<(Name, Known)> {
        let newer = self.names.iter().filter(|(_, known)| known.version > than);
        newer.map(|(name, known)| (name.clone(), *known)).collect()
    }

    /// Up to which version tombstones may have been forgotten.
    pub fn horizon(&self) -> Version {
        self.horizon
    }

    /// Forgets tombstones up to a version, which every node of the cluster has seen.
    pub fn bury(&mut self, until: Version) {
        let gone: Vec<Name> = self
            .names
            .extract_if(.., |_, known| known.is_gone && known.version <= until)
            .map(|(name, known)| {
                self.digest = self.digest.wrapping_sub(hash(&name, known.version));
                name
            })
            .collect();
        if !gone.is_empty() {
            self.horizon = self.horizon.max(until);
        }
    }

    /// The names that somebody who has forgotten tombstones up to `horizon` does not have in the list of `all` he has: they were dropped
    /// while this node was away.
    pub fn missed(&self, horizon: Version, all: &BTreeSet<&Name>) -> Vec<Name> {
        let old = self.names.iter().filter(|(_, known)| !known.is_gone && known.version <= horizon);
        old.filter(|(name, _)| !all.contains(name)).map(|(name, _)| name.clone()).collect()
    }

    /// Forgets a name altogether.
    pub fn forget(&mut self, name: &Name) {
        if let Some(known) = self.names.remove(name) {
            self.digest = self.digest.wrapping_sub(hash(name, known.version));
        }
    }

    /// Writes it: the horizon, the count of names, and for each its kind, database, name, version, and 1 if it was dropped.
    pub fn encode(&self, sink: &mut impl Sink) {
        put_version(sink, self.horizon);
        sink.put_u64(self.names.len() as u64);
        for (name, known) in &self.names {
            put_name(sink, name);
            put_version(sink, known.version);
            sink.put_u64(u64::from(known.is_gone));
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is none.
    pub fn decode(source: &mut impl Source) -> Result<Self, Corrupt> {
        let horizon = take_version(source)?;
        let mut catalogue = Self::default();
        for _ in 0..source.take_u64()? {
            let (name, version) = (take_name(source)?, take_version(source)?);
            let is_gone = match source.take_u64()? {
                0 => false,
                1 => true,
                _ => return Err(Corrupt("state of a definition")),
            };
            if !catalogue.take(&name, version, is_gone) {
                return Err(Corrupt("a definition twice, or without a version"));
            }
        }
        Ok(Self { horizon, ..catalogue })
    }
}

fn put_version(sink: &mut impl Sink, version: Version) {
    [version.epoch, version.counter, version.by].into_iter().for_each(|number| sink.put_u64(number));
}

fn take_version(source: &mut impl Source) -> Result<Version, Corrupt> {
    Ok(Version { epoch: source.take_u64()?, counter: source.take_u64()?, by: source.take_u64()? })
}

fn put_name(sink: &mut impl Sink, name: &Name) {
    sink.put_u64(name.kind as u64);
    sink.put_u64(u64::from(name.database));
    sink.put_bytes(&name.name);
}

fn take_name(source: &mut impl Source) -> Result<Name, Corrupt> {
    let kinds = [Kind::Index, Kind::Alias, Kind::Dictionary];
    let kind = source.take_u64()?;
    let kind = kinds.into_iter().find(|one| *one as u64 == kind).ok_or(Corrupt("kind of a definition"))?;
    let database = u32::try_from(source.take_u64()?).map_err(|_| Corrupt("number of a database"))?;
    Ok(Name { kind, database, name: source.take_bytes()?.as_ref().into() })
}

/// Writes entries, as the body of a frame. `horizon` is that of the catalogue where they are all of it, else nothing.
pub fn encode_entries(horizon: Version, entries: &[Entry]) -> Vec<u8> {
    let mut body = Vec::new();
    put_version(&mut body, horizon);
    body.put_u64(entries.len() as u64);
    for Entry { name, version, state } in entries {
        put_name(&mut body, name);
        put_version(&mut body, *version);
        let (number, value): (u64, &[u8]) = match state {
            State::Is(value) => (0, value),
            State::Gone => (1, b""),
            State::GoneWithDocuments => (2, b""),
        };
        body.put_u64(number);
        body.put_bytes(value);
    }
    body
}

/// Reads entries, and the horizon.
///
/// # Errors
/// What are none.
pub fn decode_entries(mut body: &[u8]) -> Result<(Version, Vec<Entry>), Corrupt> {
    let source = &mut body;
    let horizon = take_version(source)?;
    let mut entries = Vec::new();
    for _ in 0..source.take_u64()? {
        let (name, version) = (take_name(source)?, take_version(source)?);
        let (state, value) = (source.take_u64()?, source.take_bytes()?);
        let state = match (state, value) {
            (0, value) => State::Is(value.to_vec()),
            (1, []) => State::Gone,
            (2, []) if name.kind == Kind::Index => State::GoneWithDocuments,
            _ => return Err(Corrupt("state of a definition")),
        };
        entries.push(Entry { name, version, state });
    }
    if body.is_empty() { Ok((horizon, entries)) } else { Err(Corrupt("more than definitions")) }
}

/// Writes a version, as the body of a frame.
pub fn encode_version(version: Version) -> Vec<u8> {
    let mut body = Vec::new();
    put_version(&mut body, version);
    body
}

/// Reads a version.
///
/// # Errors
/// What is none.
pub fn decode_version(mut body: &[u8]) -> Result<Version, Corrupt> {
    let version = take_version(&mut body)?;
    if body.is_empty() { Ok(version) } else { Err(Corrupt("more than a version")) }
}

/// Writes when a node was flushed, as the body of a ping.
pub fn encode_flushed(flushed: [Version; 2]) -> Vec<u8> {
    let mut body = Vec::new();
    flushed.into_iter().for_each(|version| put_version(&mut body, version));
    body
}

/// Reads when a node was flushed.
///
/// # Errors
/// What is no such body.
pub fn decode_flushed(mut body: &[u8]) -> Result<[Version; 2], Corrupt> {
    let flushed = [take_version(&mut body)?, take_version(&mut body)?];
    if body.is_empty() { Ok(flushed) } else { Err(Corrupt("more than two versions")) }
}

/// Who has to hold a definition before it is acknowledged, and who does.
#[derive(Clone, Debug)]
pub struct Quorum {
    /// The masters with slots: a majority of them has to.
    voters: BTreeSet<NodeId>,
    /// The nodes that were told and have not answered.
    open: BTreeSet<NodeId>,
    told: usize,
    held: BTreeSet<NodeId>,
}

/// What has come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// All who were told hold it, or a majority does and nobody is still to answer.
    Enough,
    /// Nobody is still to answer, and so many of so many hold it, which is no majority.
    TooFew(usize, usize),
}

impl Quorum {
    /// Of masters with slots, when the others are told; `here` holds it.
    pub fn new(voters: impl IntoIterator<Item = NodeId>, here: NodeId, told: impl IntoIterator<Item = NodeId>) -> Self {
        let open: BTreeSet<NodeId> = told.into_iter().collect();
        Self { voters: voters.into_iter().collect(), told: open.len(), open, held: [here].into() }
    }

    /// A node answers, or will not; what has come of it, once that is known.
    pub fn answered(&mut self, node: NodeId, holds: bool) {
        if self.open.remove(&node) && holds {
            self.held.insert(node);
        }
    }

    /// What has come of it, once that is known.
    pub fn reached(&self) -> Option<Reached> {
        if !self.open.is_empty() {
            return None;
        }
        let held = self.voters.intersection(&self.held).count();
        let has_majority = held * 2 > self.voters.len();
        if has_majority { Some(Reached::Enough) } else { Some(Reached::TooFew(self.held.len(), self.told + 1)) }
    }

    /// Whether a majority of the masters with slots has answered, this one included.
    pub fn has_majority(&self) -> bool {
        self.voters.intersection(&self.held).count() * 2 > self.voters.len()
    }
}

#[cfg(test)]
mod tests;
