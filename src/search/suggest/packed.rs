//! A short list of entries in one allocation.
//!
//! A million entries would be several million small allocations if each had its own text, score and payload. Here those that lie
//! side by side share one block of bytes, which is read from the front:
//!
//! ```text
//! entry    = suffix length u16, characters u8, kind u8, score f32, suffix, [original], [payload]   (little-endian)
//! original = length u16, bytes     where kind has ORIGINAL
//! payload  = length u32, bytes     where kind has PAYLOAD
//! ```
//!
//! # Invariant
//! Entries are in the order of their suffixes by characters, then of their originals, and none is there twice.

use std::cmp::Ordering;

use super::entry::{Entry, by_chars};

const ORIGINAL: u8 = 1;
const PAYLOAD: u8 = 2;
/// Bytes of what every entry begins with.
const HEAD: usize = 8;

/// What happens to the entry of a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// It is there with this score, or this is added to what it had; without a payload it keeps the one it has.
    Put { score: f32, increment: bool, payload: Option<&'a [u8]>, characters: u8 },
    /// It is gone.
    Remove,
}

/// What a list, or all below a node, comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    /// How many entries.
    pub count: u32,
    /// The greatest score.
    pub best: f32,
    /// The fewest characters.
    pub shortest: u32,
}

impl Summary {
    /// Of no entry.
    pub const NOTHING: Self = Self { count: 0, best: f32::NEG_INFINITY, shortest: u32::MAX };

    /// Of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            best: self.best.max(other.best),
            shortest: self.shortest.min(other.shortest),
        }
    }
}

/// A list of entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// The list of these entries, which are in order, each with what its suffix follows on.
    pub fn of<'a>(entries: impl Iterator<Item = (&'a [u8], Entry<'a>)>) -> Self {
        let mut bytes = Vec::new();
        entries.for_each(|(before, entry)| put(&mut bytes, &entry, before));
        Self(bytes.into())
    }

    /// The entries, in order.
    pub fn entries(&self) -> Entries<'_> {
        Entries(&self.0)
    }

    /// Bytes of the allocation.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the list comes to.
    pub fn summary(&self) -> Summary {
        self.entries().fold(Summary::NOTHING, |sum, entry| {
            sum.and(Summary { count: 1, best: entry.score, shortest: entry.characters.into() })
        })
    }

    /// Changes the entry of a suffix; whether that changed anything.
    pub fn change(&mut self, suffix: &[u8], original: Option<&[u8]>, change: Change<'_>) -> bool {
        let (at, found) = self.place(suffix, original);
        let old_bytes = found.map_or(0, |entry| length(&entry));
        let new = match (change, found) {
            (Change::Remove, None) => return false,
            (Change::Remove, Some(_)) => None,
            (Change::Put { score, increment, payload, characters }, old) => {
                let score = old.filter(|_| increment).map_or(score, |old| old.score + score);
                let payload = payload.or(old.map(|old| old.payload)).unwrap_or_default();
                let new = Entry { suffix, original, payload, score, characters };
                if old == Some(new) {
                    return false;
                }
                Some(new)
            }
        };
        let mut bytes = Vec::with_capacity(self.0.len() - old_bytes + new.as_ref().map_or(0, length));
        bytes.extend_from_slice(&self.0[..at]);
        if let Some(entry) = &new {
            put(&mut bytes, entry, &[]);
        }
        bytes.extend_from_slice(&self.0[at + old_bytes..]);
        self.0 = bytes.into();
        true
    }

    /// Where an entry begins, or would begin, and the entry.
    fn place(&self, suffix: &[u8], original: Option<&[u8]>) -> (usize, Option<Entry<'_>>) {
        let mut entries = self.entries();
        loop {
            let at = self.0.len() - entries.0.len();
            let Some(entry) = entries.next() else { return (at, None) };
            match by_chars(entry.suffix, suffix).then_with(|| entry.original.cmp(&original)) {
                Ordering::Less => {}
                Ordering::Equal => return (at, Some(entry)),
                Ordering::Greater => return (at, None),
            }
        }
    }
}

/// The entries of a list.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let [low, high, characters, kind, score @ ..] = *self.0.first_chunk::<HEAD>()?;
        self.take(HEAD);
        let suffix = self.take(u16::from_le_bytes([low, high]).into());
        let mut entry = Entry { suffix, original: None, payload: &[], score: f32::from_le_bytes(score), characters };
        if kind & ORIGINAL != 0 {
            let length = self.take(2);
            entry.original = Some(self.take(usize::from(length[0]) | usize::from(length[1]) << 8));
        }
        if kind & PAYLOAD != 0 {
            let length = self.take(4).iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
            entry.payload = self.take(length);
        }
        Some(entry)
    }
}

/// Bytes of an entry in a list.
fn length(entry: &Entry<'_>) -> usize {
    let original = entry.original.map_or(0, |original| 2 + original.len());
    let payload = if entry.payload.is_empty() { 0 } else { 4 + entry.payload.len() };
    HEAD + entry.suffix.len() + original + payload
}

/// Appends an entry whose suffix follows on `before`.
///
/// # Panics
/// Where a text is longer than 65,535 bytes, or a payload than 4 GiB: callers take no text of more than 255 characters, and the
/// server no payload of more than 512 MB.
fn put(bytes: &mut Vec<u8>, entry: &Entry<'_>, before: &[u8]) {
    let short = |length: usize| u16::try_from(length).expect("a text of at most 255 characters").to_le_bytes();
    let kind = if entry.original.is_some() { ORIGINAL } else { 0 } | if entry.payload.is_empty() { 0 } else { PAYLOAD };
    bytes.extend_from_slice(&short(before.len() + entry.suffix.len()));
    bytes.extend_from_slice(&[entry.characters, kind]);
    bytes.extend_from_slice(&entry.score.to_le_bytes());
    bytes.extend_from_slice(before);
    bytes.extend_from_slice(entry.suffix);
    if let Some(original) = entry.original {
        bytes.extend_from_slice(&short(original.len()));
        bytes.extend_from_slice(original);
    }
    if !entry.payload.is_empty() {
        let length = u32::try_from(entry.payload.len()).expect("a payload of at most 512 MB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(entry.payload);
    }
}
