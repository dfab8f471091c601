//! The index of a TAG field: which documents have a label.
//!
//! A tag is a term with a set of documents; beside it, each document has the list of its tags, so that an update or a
//! deletion touches those tags only. Tags are folded unless the field is CASESENSITIVE. A tag without documents goes.

use super::terms::{Affix, Limits, Matching, TermId, Terms};
use crate::search::column::{Column, Slot};
use crate::search::doc_id::DocId;
use crate::search::fold::fold;
use crate::search::idset::IdSet;
use std::borrow::Cow;

/// The tags of a document, sorted.
#[derive(Debug, Default, PartialEq)]
enum Tags {
    #[default]
    None,
    One(TermId),
    Several(Box<[TermId]>),
}

impl Slot for Tags {
    fn vacant() -> Self {
        Self::None
    }
    fn is_vacant(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Tags {
    fn of(mut ids: Vec<TermId>) -> Self {
        ids.sort_unstable();
        match ids[..] {
            [] => Self::None,
            [one] => Self::One(one),
            _ => Self::Several(ids.into()),
        }
    }

    fn as_slice(&self) -> &[TermId] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(ids) => ids,
        }
    }
}

/// The tags of the documents, found by tag or pattern.
#[derive(Debug)]
pub struct TagIndex {
    tags: Terms<IdSet>,
    docs: Column<Tags>,
    case_sensitive: bool,
    several_bytes: usize,
    /// Of the sets of all tags.
    set_bytes: usize,
    entries: u64,
}

impl TagIndex {
    /// An empty index.
    pub fn new(case_sensitive: bool, with_suffixes: bool) -> Self {
        Self {
            tags: Terms::new(with_suffixes),
            docs: Column::default(),
            case_sensitive,
            several_bytes: 0,
            set_bytes: 0,
            entries: 0,
        }
    }

    /// How many documents have a tag.
    pub fn docs(&self) -> usize {
        self.docs.len()
    }

    /// How many (document, tag) pairs are stored.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many different tags there are.
    pub fn distinct(&self) -> usize {
        self.tags.len()
    }

    /// A tag as the index stores it.
    pub fn normalized<'a>(&self, tag: &'a [u8]) -> Cow<'a, [u8]> {
        if self.case_sensitive { Cow::Borrowed(tag) } else { fold(tag) }
    }

    /// Sets the tags of a document, which replace those it had. None: the document goes. Says whether anything changed.
    pub fn set<'a>(&mut self, doc: DocId, tags: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut texts: Vec<Cow<'a, [u8]>> = tags.into_iter().map(|tag| self.normalized(tag)).collect();
        texts.sort_unstable();
        texts.dedup();
        let had = self.docs.get(doc).map_or(&[][..], Tags::as_slice);
        let is_there = |text| self.tags.get(text).is_some_and(|id| had.binary_search(&id).is_ok());
        if had.len() == texts.len() && texts.iter().all(|text| is_there(text)) {
            return false;
        }
        let old = self.docs.remove(doc).unwrap_or_default();
        let mut ids = Vec::with_capacity(texts.len());
        for text in &texts {
            let id = self.tags.intern(text);
            self.entries += u64::from(self.change(id, |set| set.insert(doc)));
            ids.push(id);
        }
        let new = Tags::of(ids);
        for id in old.as_slice() {
            if new.as_slice().binary_search(id).is_err() {
                self.forget(doc, *id);
            }
        }
        self.several_bytes += heap(&new);
        self.several_bytes -= heap(&old);
        self.docs.set(doc, new);
        true
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        if let Some(old) = self.docs.remove(doc) {
            self.several_bytes -= heap(&old);
            for id in old.as_slice() {
                self.forget(doc, *id);
            }
        }
    }

    /// Takes a document out of a tag, and the tag away when that was its last.
    fn forget(&mut self, doc: DocId, id: TermId) {
        self.entries -= u64::from(self.change(id, |set| set.remove(doc)));
        if self.tags.value(id).is_some_and(IdSet::is_empty) {
            self.tags.remove(id);
        }
    }

    /// Changes the documents of a tag, and keeps the sum of bytes. What `change` returns; false without such a tag.
    fn change(&mut self, id: TermId, change: impl FnOnce(&mut IdSet) -> bool) -> bool {
        let Some(set) = self.tags.value_mut(id) else { return false };
        self.set_bytes -= set.memory();
        let done = change(set);
        self.set_bytes += set.memory();
        done
    }

    /// The documents with a tag, given as it was written.
    pub fn find(&self, tag: &[u8]) -> Option<&IdSet> {
        self.tags.find(&self.normalized(tag))
    }

    /// The number of a tag, given as it was written.
    pub fn id(&self, tag: &[u8]) -> Option<TermId> {
        self.tags.get(&self.normalized(tag))
    }

    /// A tag as it is kept: folded unless the field tells case.
    pub fn text(&self, tag: TermId) -> &[u8] {
        self.tags.text(tag)
    }

    /// The documents with a tag.
    pub fn set_of(&self, tag: TermId) -> Option<&IdSet> {
        self.tags.value(tag)
    }

    /// The tags that match a pattern, which is folded already where the field folds.
    pub fn matching(&self, affix: Affix<'_>, limits: Limits<'_>) -> Matching {
        self.tags.matching(affix, limits, |_| true)
    }

    /// All tags, sorted, each with the number of its documents.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.tags.iter().map(|(id, text)| (text, self.tags.value(id).map_or(0, IdSet::len)))
    }

    /// Bytes held: sums that are kept.
    pub fn memory(&self) -> usize {
        self.tags.tables_memory() + self.set_bytes + self.tags.suffix_memory() + self.docs.memory() + self.several_bytes
    }
}

fn heap(tags: &Tags) -> usize {
    if let Tags::Several(ids) = tags { ids.len() * size_of::<TermId>() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn a_tag_index_finds_what_a_scan_finds(
            ops in prop::collection::vec((0u32..30, prop::collection::vec("[aAbBé]{1,2}", 0..4)), 0..120),
        ) {
            let mut index = TagIndex::new(false, true);
            let mut model: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
            for (doc, tags) in ops {
                let folded: BTreeSet<String> = tags.iter().map(|t| t.to_lowercase()).collect();
                let changed = index.set(DocId(doc), tags.iter().map(String::as_bytes));
                let old = if folded.is_empty() { model.remove(&doc) } else { model.insert(doc, folded.clone()) };
                prop_assert_eq!(changed, old.unwrap_or_default() != folded);
                let sets = index.iter().filter_map(|(text, _)| index.find(text));
                prop_assert_eq!(index.set_bytes, sets.map(IdSet::memory).sum::<usize>());
            }
            let distinct: BTreeSet<&String> = model.values().flatten().collect();
            prop_assert!(index.iter().map(|(t, _)| t).eq(distinct.iter().map(|t| t.as_bytes())));
            for tag in &distinct {
                let expected = model.iter().filter(|(_, tags)| tags.contains(*tag)).map(|(d, _)| DocId(*d));
                let set = index.find(tag.to_uppercase().as_bytes()).cloned().unwrap_or_default();
                prop_assert!(set.iter().eq(expected));
            }
            prop_assert_eq!(index.entries() as usize, model.values().map(BTreeSet::len).sum::<usize>());
            for doc in model.into_keys() {
                index.remove(DocId(doc));
            }
            prop_assert_eq!(index.memory(), 0);
        }
    }

    #[test]
    fn case_counts_where_the_field_says_so() {
        let mut index = TagIndex::new(true, false);
        index.set(DocId(1), [&b"A"[..]]);
        assert!(index.find(b"a").is_none());
        assert_eq!(index.find(b"A").map(IdSet::len), Some(1));
    }
}
