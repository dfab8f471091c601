//! The words of a field: each has a number and a value, is found by its text, and is enumerated by prefix, suffix, infix,
//! wildcard or edit distance.
//!
//! Texts are stored once; a hash table of numbers finds them, and a sorted sequence of numbers ([`Runs`]) orders them. With
//! a suffix table (WITHSUFFIXTRIE), every suffix of at least `MIN_SUFFIX` characters is in a second sorted sequence, so
//! that suffix and infix searches are prefix searches there; without it they read all texts. Texts of more than `MAX_SUFFIX`
//! bytes are not in that table: to sort their suffixes would take the square of their length. They are in a list of their
//! own, which these searches read.

use super::fuzzy::Fuzzy;
use super::glob::Glob;
use super::runs::{Position, Runs};
use crate::watch::{Watch, steps_of};
use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memmem::Finder;
use std::hash::BuildHasher;

/// The number of a term. Numbers of removed terms are given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(pub u32);

/// Characters in the shortest suffix that the suffix table holds. Shorter searches read all texts.
const MIN_SUFFIX: usize = 2;
/// Bytes of the longest text whose suffixes are in the suffix table.
const MAX_SUFFIX: usize = 256;

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

/// How many terms a pattern may stand for, and how long it may take to find them.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// At most so many.
    pub most: usize,
    /// When time is over, there are those that were found by then.
    pub watch: &'a Watch<'a>,
}

/// The terms that a pattern stands for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// The terms.
    pub ids: Vec<TermId>,
    /// There are more than [`Limits::most`].
    pub was_cut: bool,
}

/// Terms as they are found.
struct Found<'a, A> {
    limits: Limits<'a>,
    accept: A,
    matching: Matching,
}

impl<A: Fn(&[u8]) -> bool> Found<'_, A> {
    /// Takes a term that matches; false: there is no use in another.
    fn put(&mut self, id: TermId, text: &[u8]) -> bool {
        if (self.accept)(text) {
            if self.matching.ids.len() == self.limits.most {
                self.matching.was_cut = true;
                return false;
            }
            self.matching.ids.push(id);
        }
        true
    }

    /// Takes those terms that match.
    fn take<'t>(&mut self, terms: impl Iterator<Item = (TermId, &'t [u8])>, matches: impl Fn(&[u8]) -> bool) {
        for (id, text) in terms {
            if self.matching.was_cut || self.limits.watch.spend(steps_of(text.len())) {
                return;
            }
            if matches(text) && !self.put(id, text) {
                return;
            }
        }
    }
}

#[derive(Debug)]
struct Term<V> {
    text: Box<[u8]>,
    value: V,
}

/// A suffix of a term: the term and where in it the suffix starts.
type Suffix = (TermId, u32);

/// The suffix table.
#[derive(Debug, Default)]
struct Suffixes {
    /// The suffixes of the texts that are not too long, sorted.
    sorted: Runs<Suffix>,
    /// The texts that are, sorted.
    long: Runs<TermId>,
}

/// The words of a field, each with a value.
#[derive(Debug)]
pub struct Terms<V> {
    terms: Vec<Option<Term<V>>>,
    free: Vec<TermId>,
    by_text: HashTable<TermId>,
    hasher: DefaultHashBuilder,
    order: Runs<TermId>,
    suffixes: Option<Suffixes>,
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
            suffixes: with_suffixes.then(Suffixes::default),
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
            suffixes.insert(&self.terms, id);
        }
        id
    }

    /// Makes a suffix table, if there is none yet.
    pub fn add_suffixes(&mut self) {
        let mut suffixes = Suffixes::default();
        if self.suffixes.is_none() {
            self.order.iter().for_each(|id| suffixes.insert(&self.terms, id));
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
            suffixes.remove(&self.terms, id);
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

    /// The terms that match a pattern, of those that `accept` accepts.
    pub fn matching(&self, affix: Affix<'_>, limits: Limits<'_>, accept: impl Fn(&[u8]) -> bool) -> Matching {
        let mut found = Found { limits, accept, matching: Matching::default() };
        let all = |id: TermId| (id, self.text(id));
        match (affix, &self.suffixes) {
            (Affix::Prefix(prefix), _) => found.take(self.with_prefix(prefix), |_| true),
            (Affix::Suffix(part), Some(table)) if chars(part) >= MIN_SUFFIX => {
                self.by_suffix(table, part, &mut found, |rest| rest == part);
                found.take(table.long.iter().map(all), |text| text.ends_with(part));
            }
            (Affix::Infix(part), Some(table)) if chars(part) >= MIN_SUFFIX => {
                let finder = Finder::new(part);
                self.by_suffix(table, part, &mut found, |rest| rest.starts_with(part));
                found.take(table.long.iter().map(all), |text| finder.find(text).is_some());
            }
            (Affix::Suffix(part), _) => found.take(self.iter(), |text| text.ends_with(part)),
            (Affix::Infix(part), _) => {
                let finder = Finder::new(part);
                found.take(self.iter(), |text| finder.find(text).is_some());
            }
            (Affix::Wildcard(pattern), _) => {
                let glob = Glob::new(pattern);
                found.take(self.with_prefix(glob.literal_prefix()), |text| glob.matches(text, limits.watch));
            }
            (Affix::Fuzzy(word, distance), _) => self.fuzzy(&mut Fuzzy::new(word, distance), &mut found),
        }
        found.matching
    }

    /// The terms with a suffix that starts like `part` and satisfies `wanted`, each once.
    fn by_suffix(
        &self,
        table: &Suffixes,
        part: &[u8],
        found: &mut Found<'_, impl Fn(&[u8]) -> bool>,
        wanted: impl Fn(&[u8]) -> bool,
    ) {
        let rest = |(id, from): Suffix| &self.text(id)[from as usize..];
        let from = table.sorted.lower_bound(|suffix| rest(suffix) < part);
        let mut seen = hashbrown::HashSet::new();
        let hits = table.sorted.iter_from(from).take_while(|suffix| wanted(rest(*suffix)));
        let once = hits.map(|(id, _)| id).filter(|id| seen.insert(*id));
        found.take(once.map(|id| (id, self.text(id))), |_| true);
    }

    /// The terms within an edit distance, jumping over the terms below a prefix that is too far already.
    fn fuzzy(&self, fuzzy: &mut Fuzzy, found: &mut Found<'_, impl Fn(&[u8]) -> bool>) {
        let mut from = self.order.lower_bound(|_| false);
        'seek: loop {
            for id in self.order.iter_from(from) {
                let text = self.text(id);
                if found.limits.watch.spend(text.len()) {
                    return;
                }
                match fuzzy.step(text) {
                    Ok(true) if !found.put(id, text) => return,
                    Ok(_) => {}
                    Err(dead) => {
                        // Every term that starts with the dead prefix is as far away: go to the first that does not.
                        let dead = &text[..dead];
                        from = self.order.lower_bound(|id| self.text(id) < dead || self.text(id).starts_with(dead));
                        continue 'seek;
                    }
                }
            }
            return;
        }
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
        self.suffixes.as_ref().map_or(0, |suffixes| suffixes.sorted.memory() + suffixes.long.memory())
    }
}

/// The text of a term, where the rest of the dictionary is borrowed.
fn text_in<V>(terms: &[Option<Term<V>>], id: TermId) -> &[u8] {
    terms.get(id.0 as usize).and_then(Option::as_ref).map_or(&[], |term| &term.text)
}

impl Suffixes {
    /// Puts a term in.
    fn insert<V>(&mut self, terms: &[Option<Term<V>>], id: TermId) {
        let text = text_in(terms, id);
        if text.len() > MAX_SUFFIX {
            let at = self.long.lower_bound(|other| text_in(terms, other) < text);
            return self.long.insert(at, id);
        }
        for start in suffix_starts(text) {
            let at = self.place(terms, &text[start..], id);
            self.sorted.insert(at, (id, start as u32));
        }
    }

    /// Takes a term out, whose text is still known.
    fn remove<V>(&mut self, terms: &[Option<Term<V>>], id: TermId) {
        let text = text_in(terms, id);
        if text.len() > MAX_SUFFIX {
            let at = self.long.lower_bound(|other| text_in(terms, other) < text);
            self.long.remove(at);
            return;
        }
        for start in suffix_starts(text) {
            let at = self.place(terms, &text[start..], id);
            self.sorted.remove(at);
        }
    }

    /// Where a suffix is, or would be.
    fn place<V>(&self, terms: &[Option<Term<V>>], suffix: &[u8], id: TermId) -> Position {
        self.sorted.lower_bound(|(other, from)| (&text_in(terms, other)[from as usize..], other) < (suffix, id))
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

#[cfg(test)]
mod tests {
    use super::super::fuzzy::edits;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop::string::string_regex("[abcé]{0,6}").unwrap().prop_map(String::into_bytes)
    }

    /// The edit distance in characters.
    fn distance(a: &[u8], b: &[u8]) -> usize {
        let [a, b] = [a, b].map(|text| String::from_utf8_lossy(text).chars().collect::<Vec<char>>());
        edits(&a, &b)
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
            let limits = Limits { most: usize::MAX, watch: &Watch::default() };
            let found = |affix| {
                let mut texts: Vec<_> =
                    terms.matching(affix, limits, |_| true).ids.into_iter().map(|id| terms.text(id).to_vec()).collect();
                texts.sort();
                texts
            };
            let expected = |keep: &dyn Fn(&[u8]) -> bool| -> Vec<_> { model.keys().filter(|t| keep(t)).cloned().collect() };
            prop_assert_eq!(found(Affix::Prefix(&part)), expected(&|t| t.starts_with(&part)));
            prop_assert_eq!(found(Affix::Wildcard(&pattern)), expected(&|t| t.starts_with(&part)));
            prop_assert_eq!(found(Affix::Suffix(&part)), expected(&|t| t.ends_with(&part)));
            prop_assert_eq!(found(Affix::Infix(&part)), expected(&|t| memchr::memmem::find(t, &part).is_some()));
            prop_assert_eq!(found(Affix::Fuzzy(&part, edits)), expected(&|t| distance(t, &part) <= usize::from(edits)));
            for text in model.keys() {
                let id = terms.get(text).unwrap();
                terms.remove(id);
            }
            prop_assert_eq!(terms.tables_memory() + terms.suffix_memory(), 0);
        }
    }
}
