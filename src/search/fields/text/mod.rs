//! The index of all TEXT fields: one dictionary, each term with its documents, and with each document the fields and the
//! positions of the term in it.
//!
//! A document's terms are listed beside the document, so that an update or a deletion finds its postings without reading
//! others: nothing is left behind, no collector runs, and the number of documents of a term is exact, which scores need.
//!
//! Stems, groups of synonyms and sounds are terms too, by their first letter; they are in the dictionary, but no pattern finds them.

pub mod postings;

use std::num::NonZeroU32;

use super::terms::{Affix, Limits, Matching, TermId, Terms};
use crate::search::analysis::is_derived;
use crate::search::column::Column;
use crate::search::doc_id::DocId;
use crate::search::schema::{FieldMask, TextId};
use postings::{Cursor, Format, Occurrences, Postings};

/// The words of one document, as they are collected from its fields.
#[derive(Debug, Clone, Default)]
pub struct TextDocument {
    bytes: Vec<u8>,
    tokens: Vec<Token>,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    start: u32,
    end: u32,
    position: u32,
    freq: u32,
    field: TextId,
}

impl TextDocument {
    /// Adds an occurrence of a term. `freq` is what it counts: the integral weight of the field, at least 1. What is derived from
    /// a word does not add to the length of the document, but is a term like others otherwise.
    pub fn add(&mut self, term: &[u8], field: TextId, position: u32, freq: u32) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(term);
        self.tokens.push(Token { start, end: self.bytes.len() as u32, position, freq, field });
        if !is_derived(term) {
            self.length = self.length.saturating_add(freq);
        }
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Empties it, to be used for another document.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.tokens.clear();
        self.length = 0;
    }

    fn text(&self, token: &Token) -> &[u8] {
        &self.bytes[token.start as usize..token.end as usize]
    }
}

/// The words of the documents.
#[derive(Debug)]
pub struct TextIndex {
    format: Format,
    terms: Terms<Postings>,
    /// The numbers of the terms of each document, sorted: varints of the differences.
    docs: Column<Option<Box<[u8]>>>,
    /// The length of each document, plus one. Scores read one of each document that matches, which costs a load from far
    /// unless they lie close together: so they lie by themselves.
    lengths: Column<Option<NonZeroU32>>,
    /// The highest frequency of a term in each document.
    max_freqs: Column<Option<NonZeroU32>>,
    total_length: u64,
    records: u64,
    positions: u64,
    /// Of `docs`.
    term_bytes: usize,
    /// Bytes and number of the blocks of all terms.
    block_bytes: usize,
    blocks: usize,
}

impl TextIndex {
    /// An empty index.
    pub fn new(format: Format, with_suffixes: bool) -> Self {
        Self {
            format,
            terms: Terms::new(with_suffixes),
            docs: Column::default(),
            lengths: Column::default(),
            max_freqs: Column::default(),
            total_length: 0,
            records: 0,
            positions: 0,
            term_bytes: 0,
            block_bytes: 0,
            blocks: 0,
        }
    }

    /// Makes a suffix table, if there is none yet.
    pub fn add_suffixes(&mut self) {
        self.terms.add_suffixes();
    }

    /// Whether fields, frequencies and positions are kept.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many terms there are, those derived from words included.
    pub fn term_count(&self) -> usize {
        self.terms.len()
    }

    /// How many (document, term) pairs are stored.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many positions are stored.
    pub fn positions(&self) -> u64 {
        self.positions
    }

    /// Sum of the lengths of all documents, in weighted words.
    pub fn total_length(&self) -> u64 {
        self.total_length
    }

    /// The weighted words of a document; 0 where it has none.
    pub fn length(&self, doc: DocId) -> u32 {
        self.lengths.get(doc).copied().flatten().map_or(0, |length| length.get() - 1)
    }

    /// The highest frequency of a term in a document; 0 where it has none.
    pub fn max_freq(&self, doc: DocId) -> u32 {
        self.max_freqs.get(doc).copied().flatten().map_or(0, NonZeroU32::get)
    }

    /// Sets the words of a document, which replace those it had. None: the document goes.
    pub fn set(&mut self, doc: DocId, words: &TextDocument) {
        self.remove(doc);
        if words.is_empty() {
            return;
        }
        let mut order: Vec<&Token> = words.tokens.iter().collect();
        order.sort_unstable_by(|a, b| words.text(a).cmp(words.text(b)).then(a.position.cmp(&b.position)));
        let mut ids = Vec::with_capacity(order.len());
        let mut max_freq = 0;
        for same in order.chunk_by(|a, b| words.text(a) == words.text(b)) {
            let mut what = Occurrences { freq: 0, mask: FieldMask::NONE, positions: Vec::with_capacity(same.len()) };
            for token in same {
                what.freq = what.freq.saturating_add(token.freq);
                what.mask = what.mask.or(FieldMask::of(token.field));
                what.positions.push(token.position);
            }
            what.positions.dedup();
            max_freq = max_freq.max(what.freq);
            let id = self.terms.intern(words.text(same[0]));
            self.change(id, |postings, format| postings.insert(format, doc, &what));
            self.positions += if self.format.offsets { what.positions.len() as u64 } else { 0 };
            ids.push(id);
        }
        self.records += ids.len() as u64;
        ids.sort_unstable();
        let terms = pack(&ids);
        self.term_bytes += terms.len();
        self.docs.set(doc, Some(terms));
        self.lengths.set(doc, Some(NonZeroU32::MIN.saturating_add(words.length)));
        self.max_freqs.set(doc, NonZeroU32::new(max_freq));
        self.total_length += u64::from(self.length(doc));
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        let Some(terms) = self.docs.remove(doc).flatten() else { return };
        self.term_bytes -= terms.len();
        self.total_length -= u64::from(self.length(doc));
        self.lengths.remove(doc);
        self.max_freqs.remove(doc);
        let mut position_count = 0;
        for id in unpack(&terms) {
            let taken = |postings: &mut Postings, format| (postings.remove(format, doc).unwrap_or(0), postings.docs());
            let Some((positions, left)) = self.change(id, taken) else { continue };
            position_count += positions;
            self.records -= 1;
            if left == 0 {
                // Empty, but for the room that it had.
                self.block_bytes -= self.terms.remove(id).map_or(0, |postings| postings.memory());
            }
        }
        self.positions -= position_count as u64;
    }

    /// Changes the postings of a term, and keeps the sums.
    fn change<T>(&mut self, id: TermId, change: impl FnOnce(&mut Postings, Format) -> T) -> Option<T> {
        let postings = self.terms.value_mut(id)?;
        let (held, blocks) = (postings.held(), postings.blocks());
        let done = change(postings, self.format);
        // One change makes it no two gigabytes more or less.
        let grown = postings.held().wrapping_sub(held).cast_signed();
        self.block_bytes = self.block_bytes.wrapping_add_signed(grown as isize);
        self.blocks = self.blocks + postings.blocks() - blocks;
        Some(done)
    }

    /// The postings of a term, given as the dictionary has it.
    pub fn find(&self, term: &[u8]) -> Option<&Postings> {
        self.terms.find(term)
    }

    /// The postings of a term.
    pub fn postings(&self, term: TermId) -> Option<&Postings> {
        self.terms.value(term)
    }

    /// The text of a term.
    pub fn text(&self, term: TermId) -> &[u8] {
        self.terms.text(term)
    }

    /// A walk through the documents of some postings of this index.
    pub fn cursor<'a>(&self, postings: &'a Postings) -> Cursor<'a> {
        postings.cursor(self.format)
    }

    /// The terms that match a pattern; none that is derived from a word.
    pub fn matching(&self, affix: Affix<'_>, limits: Limits<'_>) -> Matching {
        self.terms.matching(affix, limits, |text| !is_derived(text))
    }

    /// All terms, sorted, each with the number of its documents.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.terms.iter().map(|(id, text)| (text, self.terms.value(id).map_or(0, Postings::docs)))
    }

    /// Bytes held, by part: sums that are kept.
    pub fn memory(&self) -> TextMemory {
        TextMemory {
            postings: self.block_bytes,
            dictionary: self.terms.tables_memory() + self.terms.suffix_memory(),
            documents: self.docs.memory() + self.term_bytes + self.lengths.memory() + self.max_freqs.memory(),
            blocks: self.blocks,
        }
    }
}

/// Bytes that a [`TextIndex`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextMemory {
    /// Postings, positions included.
    pub postings: usize,
    /// Terms and the tables that find them.
    pub dictionary: usize,
    /// Per document: length, highest frequency, list of terms.
    pub documents: usize,
    /// Blocks of postings.
    pub blocks: usize,
}

/// Sorted numbers as varints of their differences.
fn pack(ids: &[TermId]) -> Box<[u8]> {
    let mut packed = Vec::with_capacity(ids.len() * 2);
    let mut before = 0;
    for id in ids {
        postings::put_varint(&mut packed, u128::from(id.0 - before));
        before = id.0;
    }
    packed.into()
}

fn unpack(mut packed: &[u8]) -> impl Iterator<Item = TermId> {
    let mut before = 0;
    std::iter::from_fn(move || {
        (!packed.is_empty()).then(|| {
            before += postings::take_varint64(&mut packed) as u32;
            TermId(before)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn updates_and_deletions_leave_nothing_behind(
            ops in prop::collection::vec((0u32..40, prop::collection::vec(("[a-e+]{1,3}", 0u8..3, 1u32..4), 0..12)), 0..100),
        ) {
            let mut index = TextIndex::new(Format::default(), true);
            let mut model: BTreeMap<u32, Vec<(String, u8, u32)>> = BTreeMap::new();
            for (doc, words) in ops {
                let mut text = TextDocument::default();
                for (position, (word, field, freq)) in words.iter().enumerate() {
                    text.add(word.as_bytes(), TextId(*field), position as u32, *freq);
                }
                index.set(DocId(doc), &text);
                if words.is_empty() { model.remove(&doc); } else { model.insert(doc, words); }
                let postings = || index.iter().filter_map(|(text, _)| index.find(text));
                let counted = (postings().map(Postings::memory).sum::<usize>(), postings().map(Postings::blocks).sum::<usize>());
                prop_assert_eq!((index.memory().postings, index.memory().blocks), counted);
            }
            let mut expected: BTreeMap<&str, BTreeMap<u32, u32>> = BTreeMap::new();
            for (doc, words) in &model {
                for (word, _, freq) in words {
                    *expected.entry(word).or_default().entry(*doc).or_default() += freq;
                }
                let length: u32 = words.iter().filter(|w| !w.0.starts_with('+')).map(|w| w.2).sum();
                prop_assert_eq!(index.length(DocId(*doc)), length);
            }
            prop_assert!(index.iter().eq(expected.iter().map(|(word, docs)| (word.as_bytes(), docs.len() as u32))));
            for (word, docs) in &expected {
                let mut cursor = index.cursor(index.find(word.as_bytes()).unwrap());
                for (doc, freq) in docs {
                    prop_assert_eq!((cursor.doc(), cursor.freq()), (DocId(*doc), *freq));
                    cursor.advance();
                }
            }
            prop_assert_eq!(index.records() as usize, expected.values().map(BTreeMap::len).sum::<usize>());
            for doc in model.into_keys() {
                index.remove(DocId(doc));
            }
            prop_assert_eq!((index.records(), index.positions(), index.total_length()), (0, 0, 0));
            prop_assert_eq!(index.memory(), TextMemory { postings: 0, dictionary: 0, documents: 0, blocks: 0 });
        }
    }
}
