//! The words of a field: each has a number and a value, is found by its text, and is enumerated by prefix, suffix, infix,
//! wildcard or edit distance.
//!
//! Texts are stored once; a hash table of numbers finds them, and a sorted sequence of numbers ([`Runs`]) orders them. With
//! a suffix table (WITHSUFFIXTRIE), every suffix of at least `MIN_SUFFIX` characters is in a second sorted sequence, so
//! that suffix and infix searches are prefix searches there; without it they read all texts.

use super::fuzzy::Fuzzy;
use super::glob::Glob;
use super::runs::Runs;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// The number of a term. Numbers of removed terms are given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(pub u32);

/// Characters in the shortest suffix that the suffix table holds. Shorter searches read all texts.
const MIN_SUFFIX: usize = 2;

/// A pattern for several terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affix<'a> {
    /// Starts with these bytes.
    Prefix(&'a [u8]),
    /// Ends with these bytes.
    Suffix(&'a [u8]),
    /// Has these bytes somewhere.
    Infix(&'a [u8]),
    /// Matches a pattern of `?`, `*` and `\`-escapes.
    Wildcard(&'a [u8]),
    /// Is at most so many insertions, deletions and replacements of a character away.
    Fuzzy(&'a [u8], u8),
}

#[derive(Debug)]
struct Term<V> {
    text: Box<[u8]>,
    value: V,
}

/// A suffix of a term: the term and where in it the suffix starts.
type Suffix = (TermId, u32);

/// The words of a field, each with a value.
#[derive(Debug)]
pub struct Terms<V> {
    terms: Vec<Option<Term<V>>>,
    free: Vec<TermId>,
    by_text: HashTable<TermId>,
    hasher: DefaultHashBuilder,
    order: Runs<TermId>,
    suffixes: Option<Runs<Suffix>>,
    text_bytes: usize,
}

impl<V: Default> Terms<V> {
    /// No terms yet; with or without a suffix table.
    pub fn new(with_suffixes: bool) -> Self {
        Self {
            terms: Vec::new(),
            free: Vec::new(),
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            order: Runs::default(),
            suffixes: with_suffixes.then(Runs::default),
            text_bytes: 0,
        }
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.by_text.len()
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.by_text.is_empty()
    }

    /// The number of a text.
    pub fn get(&self, text: &[u8]) -> Option<TermId> {
        self.by_text.find(self.hasher.hash_one(text), |id| self.text(*id) == text).copied()
    }

    /// The text of a term; empty for a number that no term has.
    pub fn text(&self, id: TermId) -> &[u8] {
        self.terms.get(id.0 as usize).and_then(Option::as_ref).map_or(&[], |term| &term.text)
    }

    /// The value of a term.
    pub fn value(&self, id: TermId) -> Option<&V> {
        Some(&self.terms.get(id.0 as usize)?.as_ref()?.value)
    }

    /// The value of a term, to be changed.
    pub fn value_mut(&mut self, id: TermId) -> Option<&mut V> {
        Some(&mut self.terms.get_mut(id.0 as usize)?.as_mut()?.value)
    }

    /// The value of a text.
    pub fn find(&self, text: &[u8]) -> Option<&V> {
        self.value(self.get(text)?)
    }

    /// The number of a text, which becomes a term with a default value if it is none.
    pub fn intern(&mut self, text: &[u8]) -> TermId {
        if let Some(id) = self.get(text) {
            return id;
        }
        let term = Term { text: text.into(), value: V::default() };
        let id = match self.free.pop() {
            Some(id) => {
                self.terms[id.0 as usize] = Some(term);
                id
            }
            None => {
                self.terms.push(Some(term));
                // More than 2^32 terms do not fit into memory.
                TermId((self.terms.len() - 1) as u32)
            }
        };
        self.text_bytes += text.len();
        let (terms, hasher) = (&self.terms, &self.hasher);
        let hash = |id: &TermId| hasher.hash_one(text_in(terms, *id));
        self.by_text.insert_unique(hasher.hash_one(text), id, hash);
        let at = self.order.lower_bound(|other| text_in(&self.terms, other) < text);
        self.order.insert(at, id);
        if let Some(suffixes) = &mut self.suffixes {
            insert_suffixes(&self.terms, suffixes, id);
        }
        id
    }

    /// Makes a suffix table, if there is none yet.
    pub fn add_suffixes(&mut self) {
        let mut suffixes = Runs::default();
        if self.suffixes.is_none() {
            self.order.iter().for_each(|id| insert_suffixes(&self.terms, &mut suffixes, id));
            self.suffixes = Some(suffixes);
        }
    }

    /// Takes a term away; its number is free for another.
    pub fn remove(&mut self, id: TermId) -> Option<V> {
        let text = self.text(id);
        self.terms.get(id.0 as usize)?.as_ref()?;
        if let Ok(entry) = self.by_text.find_entry(self.hasher.hash_one(text), |other| *other == id) {
            entry.remove();
        }
        let text = text_in(&self.terms, id);
        let at = self.order.lower_bound(|other| text_in(&self.terms, other) < text);
        self.order.remove(at);
        if let Some(suffixes) = &mut self.suffixes {
            for start in suffix_starts(text) {
                let key = (&text[start..], id);
                let at =
                    suffixes.lower_bound(|(other, from)| (&text_in(&self.terms, other)[from as usize..], other) < key);
                suffixes.remove(at);
            }
        }
        let term = self.terms[id.0 as usize].take()?;
        self.text_bytes -= term.text.len();
        self.free.push(id);
        if self.by_text.is_empty() {
            // Nothing left: give the tables back.
            *self = Self::new(self.suffixes.is_some());
        }
        Some(term.value)
    }

    /// All terms by text.
    pub fn iter(&self) -> impl Iterator<Item = (TermId, &[u8])> {
        self.order.iter().map(|id| (id, self.text(id)))
    }

    /// The terms that start with a text, by text.
    pub fn with_prefix<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (TermId, &'a [u8])> {
        let from = self.order.lower_bound(|id| self.text(id) < prefix);
        self.order.iter_from(from).map(|id| (id, self.text(id))).take_while(move |(_, text)| text.starts_with(prefix))
    }

    /// The terms that match a pattern, at most `limit`, of those that `accept` accepts.
    pub fn matching(&self, affix: Affix<'_>, limit: usize, accept: impl Fn(&[u8]) -> bool) -> Vec<TermId> {
        let accepted = |(id, text): (TermId, &[u8])| accept(text).then_some(id);
        match (affix, &self.suffixes) {
            (Affix::Prefix(prefix), _) => self.with_prefix(prefix).filter_map(accepted).take(limit).collect(),
            (Affix::Suffix(part), Some(table)) if chars(part) >= MIN_SUFFIX => {
                self.by_suffix(table, part, limit, |rest| rest == part, accept)
            }
            (Affix::Infix(part), Some(table)) if chars(part) >= MIN_SUFFIX => {
                self.by_suffix(table, part, limit, |rest| rest.starts_with(part), accept)
            }
            (Affix::Suffix(part), _) => {
                self.iter().filter(|(_, text)| text.ends_with(part)).filter_map(accepted).take(limit).collect()
            }
            (Affix::Infix(part), _) => {
                self.iter().filter(|(_, text)| contains(text, part)).filter_map(accepted).take(limit).collect()
            }
            (Affix::Wildcard(pattern), _) => {
                let glob = Glob::new(pattern);
                let candidates = self.with_prefix(glob.literal_prefix());
                candidates.filter(|(_, text)| glob.matches(text)).filter_map(accepted).take(limit).collect()
            }
            (Affix::Fuzzy(word, distance), _) => self.fuzzy(&mut Fuzzy::new(word, distance), limit, accept),
        }
    }

    /// The terms with a suffix that starts like `part` and satisfies `wanted`, each once.
    fn by_suffix(
        &self,
        table: &Runs<Suffix>,
        part: &[u8],
        limit: usize,
        wanted: impl Fn(&[u8]) -> bool,
        accept: impl Fn(&[u8]) -> bool,
    ) -> Vec<TermId> {
        let rest = |(id, from): Suffix| &self.text(id)[from as usize..];
        let from = table.lower_bound(|suffix| rest(suffix) < part);
        let mut seen = hashbrown::HashSet::new();
        let hits = table.iter_from(from).take_while(|suffix| wanted(rest(*suffix)));
        hits.map(|(id, _)| id).filter(|id| accept(self.text(*id)) && seen.insert(*id)).take(limit).collect()
    }

    /// The terms within an edit distance, jumping over the terms below a prefix that is too far already.
    fn fuzzy(&self, fuzzy: &mut Fuzzy, limit: usize, accept: impl Fn(&[u8]) -> bool) -> Vec<TermId> {
        let mut found = Vec::new();
        let mut from = self.order.lower_bound(|_| false);
        'seek: loop {
            for id in self.order.iter_from(from) {
                let text = self.text(id);
                match fuzzy.step(text) {
                    Ok(true) if accept(text) => {
                        found.push(id);
                        if found.len() == limit {
                            return found;
                        }
                    }
                    Ok(_) => {}
                    Err(dead) => {
                        // Every term that starts with the dead prefix is as far away: go to the first that does not.
                        let dead = &text[..dead];
                        from = self.order.lower_bound(|id| self.text(id) < dead || self.text(id).starts_with(dead));
                        continue 'seek;
                    }
                }
            }
            return found;
        }
    }

    /// Bytes held: texts, tables, and what `of_value` says the values hold.
    pub fn memory(&self, of_value: impl FnMut(&V) -> usize) -> usize {
        self.tables_memory() + self.terms.iter().flatten().map(|term| &term.value).map(of_value).sum::<usize>()
    }

    /// Bytes held by texts and tables.
    pub fn tables_memory(&self) -> usize {
        self.terms.capacity() * size_of::<Option<Term<V>>>()
            + self.text_bytes
            + self.by_text.allocation_size()
            + self.order.memory()
            + self.free.capacity() * size_of::<TermId>()
    }

    /// Bytes held by the suffix table.
    pub fn suffix_memory(&self) -> usize {
        self.suffixes.as_ref().map_or(0, Runs::memory)
    }
}

/// The text of a term, where the rest of the dictionary is borrowed.
fn text_in<V>(terms: &[Option<Term<V>>], id: TermId) -> &[u8] {
    terms.get(id.0 as usize).and_then(Option::as_ref).map_or(&[], |term| &term.text)
}

/// Puts the suffixes of a term into a suffix table.
fn insert_suffixes<V>(terms: &[Option<Term<V>>], suffixes: &mut Runs<Suffix>, id: TermId) {
    let text = text_in(terms, id);
    for start in suffix_starts(text) {
        let key = (&text[start..], id);
        let at = suffixes.lower_bound(|(other, from)| (&text_in(terms, other)[from as usize..], other) < key);
        suffixes.insert(at, (id, start as u32));
    }
}

/// Whether a byte starts a UTF-8 character (or is no UTF-8 at all).
fn starts_char(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

/// How many characters a text has.
pub fn chars(text: &[u8]) -> usize {
    text.iter().filter(|byte| starts_char(**byte)).count()
}

/// Where the suffixes start that the suffix table holds.
fn suffix_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let whole = chars(text);
    let starts = text.iter().enumerate().filter(|(_, byte)| starts_char(**byte)).map(|(at, _)| at);
    starts.take((whole + 1).saturating_sub(MIN_SUFFIX))
}

/// Whether `part` occurs in `text`.
fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    text.len() >= part.len()
        && (0..=text.len() - part.len()).any(|at| text[at] == *first && text[at..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop::string::string_regex("[abcé]{0,6}").unwrap().prop_map(String::into_bytes)
    }

    /// Edit distance by the textbook.
    fn distance(a: &[u8], b: &[u8]) -> usize {
        let (a, b): (Vec<char>, Vec<char>) =
            (String::from_utf8_lossy(a).chars().collect(), String::from_utf8_lossy(b).chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], next);
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn terms_are_a_map_with_patterns(
            suffixes in any::<bool>(),
            ops in prop::collection::vec((any::<bool>(), word()), 0..200),
            part in word(),
            edits in 0u8..4,
        ) {
            let mut terms = Terms::<u32>::new(suffixes);
            let mut model = BTreeMap::new();
            for (n, (put, text)) in ops.into_iter().enumerate() {
                if put {
                    let id = terms.intern(&text);
                    *terms.value_mut(id).unwrap() = n as u32;
                    model.insert(text, n as u32);
                } else if let Some(id) = terms.get(&text) {
                    prop_assert_eq!(terms.remove(id), model.remove(&text));
                } else {
                    prop_assert!(!model.contains_key(&text));
                }
                prop_assert_eq!(terms.len(), model.len());
            }
            prop_assert!(terms.iter().map(|(id, text)| (text, terms.value(id))).eq(model.iter().map(|(t, v)| (&t[..], Some(v)))));
            let pattern = [&part[..], b"*"].concat();
            let found = |affix| {
                let mut texts: Vec<_> =
                    terms.matching(affix, usize::MAX, |_| true).into_iter().map(|id| terms.text(id).to_vec()).collect();
                texts.sort();
                texts
            };
            let expected = |keep: &dyn Fn(&[u8]) -> bool| -> Vec<_> { model.keys().filter(|t| keep(t)).cloned().collect() };
            prop_assert_eq!(found(Affix::Prefix(&part)), expected(&|t| t.starts_with(&part)));
            prop_assert_eq!(found(Affix::Wildcard(&pattern)), expected(&|t| t.starts_with(&part)));
            prop_assert_eq!(found(Affix::Suffix(&part)), expected(&|t| t.ends_with(&part)));
            prop_assert_eq!(found(Affix::Infix(&part)), expected(&|t| contains(t, &part)));
            prop_assert_eq!(found(Affix::Fuzzy(&part, edits)), expected(&|t| distance(t, &part) <= usize::from(edits)));
            for text in model.keys() {
                let id = terms.get(text).unwrap();
                terms.remove(id);
            }
            prop_assert_eq!(terms.tables_memory() + terms.suffix_memory(), 0);
        }
    }
}
