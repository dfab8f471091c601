//! The documents of an index: key to number and back, and what is true of each document as a whole.

use super::column::Column;
use super::doc_id::DocId;
use hashbrown::{DefaultHashBuilder, HashTable};
use roaring::RoaringBitmap;
use std::hash::BuildHasher;

/// One document.
#[derive(Debug)]
struct Document {
    key: Box<[u8]>,
    /// Its own score. Single precision, as the field stores it.
    score: f32,
    /// What its texts were made from, so that a write of the same texts is known.
    texts: u64,
}

/// The documents of an index.
#[derive(Debug, Default)]
pub struct Documents {
    by_key: HashTable<DocId>,
    hasher: DefaultHashBuilder,
    docs: Column<Option<Document>>,
    live: RoaringBitmap,
    /// The number of the next new document, as long as there are numbers that were never given out.
    next: u32,
    key_bytes: usize,
    /// How many documents have a score other than 1.
    scored: usize,
    payloads: Column<Option<Box<[u8]>>>,
    payload_bytes: usize,
}

impl Documents {
    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.docs.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// The highest number ever given out plus one: how many documents have come so far.
    pub fn ever(&self) -> u32 {
        self.next
    }

    /// All documents.
    pub fn live(&self) -> &RoaringBitmap {
        &self.live
    }

    /// The document of a key.
    pub fn find(&self, key: &[u8]) -> Option<DocId> {
        self.by_key.find(self.hasher.hash_one(key), |doc| self.key(*doc) == key).copied()
    }

    /// The key of a document; empty for a number that no document has.
    pub fn key(&self, doc: DocId) -> &[u8] {
        self.docs.get(doc).and_then(Option::as_ref).map_or(&[], |document| &document.key)
    }

    /// Has the processor wait for the keys of many documents at once, and not for one after the other when they are asked for.
    pub fn fetch_keys(&self, docs: impl Iterator<Item = DocId> + Clone) {
        // What is far are a document and, from there, its key: each loop's loads don't depend on each other.
        let lengths: usize = docs.clone().map(|doc| self.key(doc).len()).sum();
        let letters: usize = docs.map(|doc| usize::from(*self.key(doc).first().unwrap_or(&0))).sum();
        std::hint::black_box((lengths, letters));
    }

    /// The own score of a document.
    pub fn score(&self, doc: DocId) -> f64 {
        self.docs.get(doc).and_then(Option::as_ref).map_or(0.0, |document| f64::from(document.score))
    }

    /// Whether every document has a score of 1.
    pub fn score_alike(&self) -> bool {
        self.scored == 0
    }

    /// The payload of a document.
    pub fn payload(&self, doc: DocId) -> Option<&[u8]> {
        self.payloads.get(doc)?.as_deref()
    }

    /// Gives a document a payload, or takes it away.
    pub fn set_payload(&mut self, doc: DocId, payload: Option<Box<[u8]>>) {
        self.payload_bytes += payload.as_ref().map_or(0, |payload| payload.len());
        let old = self.payloads.set(doc, payload).flatten();
        self.payload_bytes -= old.map_or(0, |old| old.len());
    }

    /// What the texts of a document were made from.
    pub fn texts(&self, doc: DocId) -> u64 {
        self.docs.get(doc).and_then(Option::as_ref).map_or(0, |document| document.texts)
    }

    /// The document of a key, made if there is none, with its score and what its texts are made from.
    pub fn put(&mut self, key: &[u8], score: f64, texts: u64) -> DocId {
        // Beyond single precision is infinite, as in C.
        let score = score as f32;
        if let Some(doc) = self.find(key) {
            if let Some(Some(document)) = self.docs.get_mut(doc) {
                self.scored -= usize::from(document.score != 1.0);
                (document.score, document.texts) = (score, texts);
                self.scored += usize::from(score != 1.0);
            }
            return doc;
        }
        let doc = self.free_number();
        self.key_bytes += key.len();
        self.scored += usize::from(score != 1.0);
        self.docs.set(doc, Some(Document { key: key.into(), score, texts }));
        self.live.insert(doc.0);
        let hash = |doc: &DocId| self.hasher.hash_one(key_in(&self.docs, *doc));
        self.by_key.insert_unique(self.hasher.hash_one(key), doc, hash);
        doc
    }

    /// A number for a new document: above all others, until all have been used once; then any that is free.
    fn free_number(&mut self) -> DocId {
        if self.next < DocId::END.0 {
            self.next += 1;
            return DocId(self.next - 1);
        }
        // The first number that is missing among the live ones: below it, as many live as there are numbers.
        let (mut low, mut high) = (0, DocId::END.0);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.live.rank(middle) == u64::from(middle) + 1 { low = middle + 1 } else { high = middle }
        }
        DocId(low)
    }

    /// Takes a document away.
    pub fn remove(&mut self, doc: DocId) {
        let hash = self.hasher.hash_one(self.key(doc));
        if let Ok(entry) = self.by_key.find_entry(hash, |other| *other == doc) {
            entry.remove();
        }
        self.set_payload(doc, None);
        if let Some(Some(document)) = self.docs.remove(doc) {
            self.key_bytes -= document.key.len();
            self.scored -= usize::from(document.score != 1.0);
            self.live.remove(doc.0);
        }
        if self.docs.is_empty() {
            self.by_key = HashTable::new();
        }
    }

    /// Bytes that documents take.
    pub fn memory(&self) -> usize {
        let payloads = self.payloads.memory() + self.payload_bytes;
        self.docs.memory() + payloads + self.live.serialized_size() * usize::from(!self.live.is_empty())
    }

    /// Bytes that keys and the table that finds them take.
    pub fn key_memory(&self) -> usize {
        self.key_bytes + self.by_key.allocation_size()
    }
}

fn key_in(docs: &Column<Option<Document>>, doc: DocId) -> &[u8] {
    docs.get(doc).and_then(Option::as_ref).map_or(&[], |document| &document.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn keys_and_numbers_find_each_other(ops in prop::collection::vec((any::<bool>(), 0u8..40), 0..200)) {
            let mut documents = Documents::default();
            let mut model = HashMap::new();
            for (put, name) in ops {
                let key = [b'k', name];
                let before = documents.ever();
                if put {
                    let doc = documents.put(&key, f64::from(name), u64::from(name));
                    let known = *model.entry(key).or_insert(doc);
                    // A number stays, or is higher than any before.
                    prop_assert!(doc == known && doc.0 <= before);
                } else if let Some(doc) = model.remove(&key) {
                    documents.remove(doc);
                }
                prop_assert_eq!(documents.len(), model.len());
            }
            for name in 0..40 {
                let key = [b'k', name];
                prop_assert_eq!(documents.find(&key), model.get(&key).copied());
                if let Some(doc) = model.get(&key) {
                    prop_assert_eq!(documents.key(*doc), &key);
                    prop_assert_eq!(documents.score(*doc), f64::from(name));
                }
            }
            prop_assert_eq!(documents.live().len() as usize, model.len());
            for doc in model.into_values() {
                documents.remove(doc);
            }
            prop_assert_eq!(documents.memory() + documents.key_memory(), 0);
        }
    }

    #[test]
    fn numbers_are_given_out_again_only_when_all_were_used() {
        let mut documents = Documents { next: DocId::END.0 - 1, ..Documents::default() };
        assert_eq!(documents.put(b"last", 1.0, 0), DocId(DocId::END.0 - 1));
        assert_eq!(documents.put(b"again", 1.0, 0), DocId(0));
        assert_eq!(documents.put(b"more", 1.0, 0), DocId(1));
    }
}
