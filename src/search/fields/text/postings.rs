//! The documents of one term: number, frequency, fields and positions of each, compressed, in blocks.
//!
//! ```text
//! block  = first, last : u32 | count : u16 | bytes
//! bytes  = entry*                      count of them, by rising document
//! entry  = varint(2·delta + f)         delta to the document before (the first: 0), f = a frequency follows
//!          [varint(freq)]              else it is 1
//!          [varint(mask)]              bit i = the term is in TEXT field i; only with Format::fields
//!          [varint(len) len bytes]     positions, each varint(delta to the one before); only with Format::offsets
//! ```
//!
//! Every entry can be skipped without decoding its positions. A block holds at most `BLOCK_DOCS` documents, so that
//! finding a document is a binary search over blocks and a short scan, and a document is inserted or removed *in its
//! place* by rewriting one block: there is no garbage, and document counts are exact at any time.

use crate::search::doc_id::DocId;
use crate::search::schema::FieldMask;

/// Documents in a block before it is split.
const BLOCK_DOCS: u16 = 128;
/// Bytes in a block before the next document starts another.
const BLOCK_BYTES: usize = 4096;

/// What the entries of an index hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Which fields a term is in. Without it every term is in every field.
    pub fields: bool,
    /// How often a term occurs. Without it: once.
    pub freqs: bool,
    /// Where a term occurs. Without it no phrase can be checked.
    pub offsets: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { fields: true, freqs: true, offsets: true }
    }
}

/// What one document says about one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrences {
    /// Weighted frequency: each occurrence counts the integral weight of its field, at least 1.
    pub freq: u32,
    /// The fields it occurs in.
    pub mask: FieldMask,
    /// The rising positions, the fields of a document counted on.
    pub positions: Vec<u32>,
}

/// Appends a variable-length integer: seven bits a byte, low first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a variable-length integer off the front. The bytes are our own, so they are never cut short.
#[inline]
fn take_varint(bytes: &mut &[u8]) -> u128 {
    let (mut value, mut shift) = (0u128, 0u32);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u128::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    value
}

/// The same for values below 2^64, which is faster.
#[inline]
pub(super) fn take_varint64(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0u64, 0u32);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    value
}

/// Up to [`BLOCK_DOCS`] consecutive documents of a term.
#[derive(Debug, Default)]
struct Block {
    first: u32,
    last: u32,
    count: u16,
    bytes: Vec<u8>,
}

/// An entry whose rest (frequency, mask, positions) is still encoded.
struct RawEntry<'a> {
    doc: u32,
    has_freq: bool,
    rest: &'a [u8],
}

impl RawEntry<'_> {
    /// How many positions there are: each ends with a byte below 0x80.
    fn positions(&self, format: Format) -> usize {
        let mut rest = self.rest;
        if self.has_freq {
            take_varint64(&mut rest);
        }
        if format.fields {
            take_varint(&mut rest);
        }
        if !format.offsets {
            return 0;
        }
        take_varint64(&mut rest);
        rest.iter().filter(|byte| **byte < 0x80).count()
    }
}

impl Block {
    /// The entries, still encoded.
    fn raw(&self, format: Format) -> impl Iterator<Item = RawEntry<'_>> {
        let mut bytes = &self.bytes[..];
        let mut doc = self.first;
        std::iter::from_fn(move || {
            if bytes.is_empty() {
                return None;
            }
            let head = take_varint64(&mut bytes);
            doc += (head >> 1) as u32;
            let (has_freq, start) = (head & 1 == 1, bytes);
            if has_freq {
                take_varint64(&mut bytes);
            }
            if format.fields {
                take_varint(&mut bytes);
            }
            if format.offsets {
                let len = take_varint64(&mut bytes) as usize;
                bytes = &bytes[len..];
            }
            Some(RawEntry { doc, has_freq, rest: &start[..start.len() - bytes.len()] })
        })
    }

    /// Appends an entry that is beyond all others.
    fn push(&mut self, doc: u32, has_freq: bool, rest: &[u8]) {
        if self.count == 0 {
            self.first = doc;
            self.last = doc;
        }
        let head = u128::from(doc - self.last) * 2 + u128::from(has_freq);
        let need = rest.len() + 5;
        if self.bytes.capacity() - self.bytes.len() < need {
            // A quarter of slack: most terms stay short, and all of them together are the index.
            let slack = self.bytes.len() / 4;
            self.bytes.reserve_exact(if self.bytes.is_empty() { rest.len() + 1 } else { need.max(slack) });
        }
        put_varint(&mut self.bytes, head);
        self.bytes.extend_from_slice(rest);
        self.last = doc;
        self.count += 1;
    }

    /// The block with `doc` put in or taken out, as one block or, when it grew too large, two.
    fn rewritten(&self, format: Format, put: Option<&RawEntry<'_>>, take: Option<u32>) -> (Self, Option<Self>) {
        let split = if put.is_some() && self.count >= BLOCK_DOCS { Some(BLOCK_DOCS / 2) } else { None };
        let mut head = Self { bytes: Vec::with_capacity(self.bytes.len()), ..Self::default() };
        let mut tail: Option<Self> = None;
        let mut push = |entry: &RawEntry<'_>| {
            let full = split.is_some_and(|at| head.count >= at);
            let block = if full { tail.get_or_insert_with(Self::default) } else { &mut head };
            block.push(entry.doc, entry.has_freq, entry.rest);
        };
        let mut waiting = put;
        for entry in self.raw(format) {
            if let Some(new) = waiting.filter(|new| new.doc < entry.doc) {
                push(new);
                waiting = None;
            }
            if take != Some(entry.doc) {
                push(&entry);
            }
        }
        if let Some(new) = waiting {
            push(new);
        }
        (head, tail)
    }
}

/// The documents of one term.
#[derive(Debug, Default)]
pub struct Postings {
    /// The first block, in place: most terms have no other.
    head: Block,
    more: Vec<Block>,
    docs: u32,
    /// Bytes of the blocks and their table, modulo 2^32: enough to tell by how much a change makes them more or less.
    held: u32,
}

impl Postings {
    /// In how many documents the term is.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        usize::from(self.docs > 0) + self.more.len()
    }

    /// Bytes held outside of the value itself, modulo 2^32.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// Bytes held outside of the value itself, counted block by block.
    pub fn memory(&self) -> usize {
        self.head.bytes.capacity()
            + self.more.iter().map(|b| b.bytes.capacity()).sum::<usize>()
            + self.more.capacity() * size_of::<Block>()
    }

    fn block(&self, at: usize) -> &Block {
        if at == 0 { &self.head } else { &self.more[at - 1] }
    }

    fn block_mut(&mut self, at: usize) -> &mut Block {
        if at == 0 { &mut self.head } else { &mut self.more[at - 1] }
    }

    /// The block that holds `doc`, or would: the last that does not start after it.
    fn find(&self, doc: u32) -> usize {
        self.more.partition_point(|b| b.first <= doc)
    }

    /// Bytes of some blocks in a row and of the table.
    fn bytes_of(&self, at: usize, count: usize) -> usize {
        (at..at + count).map(|at| self.block(at).bytes.capacity()).sum::<usize>()
            + self.more.capacity() * size_of::<Block>()
    }

    /// Changes the block at a place, which may become two or none.
    fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut Self) -> T) -> T {
        let (count, bytes) = (self.more.len(), self.bytes_of(at, 1));
        let done = change(self);
        let after = self.bytes_of(at, 1 + self.more.len() - count);
        self.held = self.held.wrapping_add(after as u32).wrapping_sub(bytes as u32);
        done
    }

    /// Adds a document. It must not be there yet.
    pub fn insert(&mut self, format: Format, doc: DocId, what: &Occurrences) {
        let at = self.find(doc.0);
        self.change(at, |postings| postings.put(at, format, doc, what));
    }

    fn put(&mut self, at: usize, format: Format, doc: DocId, what: &Occurrences) {
        let has_freq = format.freqs && what.freq != 1;
        let rest = encode_rest(format, what);
        let block = self.block_mut(at);
        if block.count == 0 || doc.0 > block.last {
            if block.count < BLOCK_DOCS && (block.count == 0 || block.bytes.len() < BLOCK_BYTES) {
                block.push(doc.0, has_freq, &rest);
            } else {
                let mut next = Block::default();
                next.push(doc.0, has_freq, &rest);
                self.more.insert(at, next);
            }
        } else {
            let (head, tail) = block.rewritten(format, Some(&RawEntry { doc: doc.0, has_freq, rest: &rest }), None);
            *block = head;
            if let Some(tail) = tail {
                self.more.insert(at, tail);
            }
        }
        self.docs += 1;
    }

    /// Takes a document out, and says how many positions it had; `None` if it was not there.
    pub fn remove(&mut self, format: Format, doc: DocId) -> Option<usize> {
        let at = self.find(doc.0);
        self.change(at, |postings| postings.take(at, format, doc))
    }

    fn take(&mut self, at: usize, format: Format, doc: DocId) -> Option<usize> {
        let block = self.block_mut(at);
        let positions = block.raw(format).find(|entry| entry.doc == doc.0)?.positions(format);
        let (left, _) = block.rewritten(format, None, Some(doc.0));
        *block = left;
        if block.count == 0 {
            match at {
                0 if self.more.is_empty() => {}
                0 => self.head = self.more.remove(0),
                at => drop(self.more.remove(at - 1)),
            }
        }
        self.docs -= 1;
        Some(positions)
    }

    /// A cursor before the first document.
    pub fn cursor(&self, format: Format) -> Cursor<'_> {
        let mut cursor = Cursor {
            postings: self,
            format,
            at: 0,
            bytes: &self.head.bytes,
            doc: DocId(self.head.first),
            freq: 1,
            mask: FieldMask::ALL,
            positions: &[],
        };
        cursor.advance();
        cursor
    }
}

/// Encodes all of an entry but its head.
fn encode_rest(format: Format, what: &Occurrences) -> Vec<u8> {
    let mut rest = Vec::with_capacity(8 + what.positions.len() * 2);
    if format.freqs && what.freq != 1 {
        put_varint(&mut rest, u128::from(what.freq));
    }
    if format.fields {
        put_varint(&mut rest, what.mask.0);
    }
    if format.offsets {
        let mut positions = Vec::with_capacity(what.positions.len() * 2);
        let mut before = 0;
        for position in &what.positions {
            put_varint(&mut positions, u128::from(position - before));
            before = *position;
        }
        put_varint(&mut rest, positions.len() as u128);
        rest.extend_from_slice(&positions);
    }
    rest
}

/// Walks through the documents of a term.
///
/// # Contract
/// [`Cursor::doc`] is the current document, [`DocId::END`] past the last; the other accessors speak of it.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    postings: &'a Postings,
    format: Format,
    at: usize,
    bytes: &'a [u8],
    doc: DocId,
    freq: u32,
    mask: FieldMask,
    positions: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// The current document.
    #[inline]
    pub fn doc(&self) -> DocId {
        self.doc
    }

    /// Its weighted frequency.
    #[inline]
    pub fn freq(&self) -> u32 {
        self.freq
    }

    /// The fields it has the term in.
    #[inline]
    pub fn mask(&self) -> FieldMask {
        self.mask
    }

    /// Appends the rising positions; nothing without offsets.
    pub fn positions(&self, out: &mut Vec<u32>) {
        let (mut bytes, mut position) = (self.positions, 0);
        while !bytes.is_empty() {
            position += take_varint64(&mut bytes) as u32;
            out.push(position);
        }
    }

    /// Goes to the next document.
    #[inline]
    pub fn advance(&mut self) {
        if self.bytes.is_empty() {
            if self.at + 1 >= self.postings.blocks() {
                self.doc = DocId::END;
                return;
            }
            self.enter(self.at + 1);
        }
        let head = take_varint64(&mut self.bytes);
        self.doc = DocId(self.doc.0 + (head >> 1) as u32);
        self.freq = if head & 1 == 1 { take_varint64(&mut self.bytes) as u32 } else { 1 };
        if self.format.fields {
            self.mask = FieldMask(take_varint(&mut self.bytes));
        }
        if self.format.offsets {
            let len = take_varint64(&mut self.bytes) as usize;
            (self.positions, self.bytes) = self.bytes.split_at(len);
        }
    }

    /// Goes past the last document.
    pub fn end(&mut self) {
        (self.at, self.bytes, self.doc) = (self.postings.blocks(), &[], DocId::END);
    }

    /// Stands before the first entry of a block.
    fn enter(&mut self, at: usize) {
        let block = self.postings.block(at);
        self.at = at;
        self.bytes = &block.bytes;
        self.doc = DocId(block.first);
    }

    /// Goes to the first document that is not before `target`; stays where that is the current one.
    pub fn skip_to(&mut self, target: DocId) {
        if self.doc >= target {
            return;
        }
        if self.postings.block(self.at).last < target.0 {
            let at = self.postings.find(target.0);
            if at > self.at {
                self.enter(at);
                self.advance();
            }
        }
        while self.doc < target {
            self.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn formats() -> impl Strategy<Value = Format> {
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(fields, freqs, offsets)| Format {
            fields,
            freqs,
            offsets,
        })
    }

    fn occurrences() -> impl Strategy<Value = Occurrences> {
        (1u32..300, any::<u128>(), prop::collection::btree_set(0u32..100_000, 0..5)).prop_map(
            |(freq, mask, positions)| Occurrences {
                freq,
                mask: FieldMask(mask >> (mask % 128)),
                positions: positions.into_iter().collect(),
            },
        )
    }

    /// What the format keeps of it.
    fn kept(format: Format, what: &Occurrences) -> Occurrences {
        Occurrences {
            freq: if format.freqs { what.freq } else { 1 },
            mask: if format.fields { what.mask } else { FieldMask::ALL },
            positions: if format.offsets { what.positions.clone() } else { Vec::new() },
        }
    }

    fn all(postings: &Postings, format: Format) -> Vec<(u32, Occurrences)> {
        let mut seen = Vec::new();
        let mut cursor = postings.cursor(format);
        while cursor.doc() != DocId::END {
            let mut positions = Vec::new();
            cursor.positions(&mut positions);
            seen.push((cursor.doc().0, Occurrences { freq: cursor.freq(), mask: cursor.mask(), positions }));
            cursor.advance();
        }
        seen
    }

    proptest! {
        #[test]
        fn postings_are_an_ordered_map(
            format in formats(),
            ops in prop::collection::vec((0u32..1500, prop::option::weighted(0.7, occurrences())), 0..900),
            targets in prop::collection::btree_set(0u32..1600, 0..20),
        ) {
            let mut postings = Postings::default();
            let mut model = BTreeMap::new();
            for (doc, what) in ops {
                let had = postings.remove(format, DocId(doc));
                prop_assert_eq!(had, model.remove(&doc).map(|what: Occurrences| what.positions.len()));
                if let Some(what) = what {
                    postings.insert(format, DocId(doc), &what);
                    model.insert(doc, kept(format, &what));
                }
                prop_assert_eq!(postings.docs() as usize, model.len());
                prop_assert_eq!(postings.held() as usize, postings.memory());
            }
            let expected: Vec<_> = model.iter().map(|(d, o)| (*d, o.clone())).collect();
            prop_assert_eq!(all(&postings, format), expected);
            let mut cursor = postings.cursor(format);
            for target in targets {
                cursor.skip_to(DocId(target));
                let next = model.range(target..).next().map_or(DocId::END, |(d, _)| DocId(*d));
                prop_assert_eq!(cursor.doc(), next);
            }
            for doc in model.into_keys() {
                postings.remove(format, DocId(doc));
            }
            prop_assert_eq!(postings.blocks(), 0);
        }
    }

    #[test]
    fn a_posting_with_one_position_takes_five_bytes() {
        let mut postings = Postings::default();
        for doc in 0..10_000 {
            postings.insert(
                Format::default(),
                DocId(doc * 3),
                &Occurrences { freq: 1, mask: FieldMask(1), positions: vec![7] },
            );
        }
        assert!(postings.memory() < 10_000 * 6, "{}", postings.memory());
    }
}
