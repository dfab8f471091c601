//! Patterns to the terms and tags that they stand for.

use super::Plan;
use crate::search::doc_id::DocId;
use crate::search::fields::tag::TagIndex;
use crate::search::fields::terms::{Affix, Limits, Matching, TermId};
use crate::search::idset::IdSet;
use crate::search::index::Values;
use crate::search::query::ast::{self, FieldRef, Kind, Node, TagValue};
use crate::search::schema::FieldMask;
use roaring::{MultiOps, RoaringBitmap};
use std::time::{Duration, Instant};

impl<'a> Plan<'a> {
    /// The terms that a pattern stands for.
    pub(super) fn terms(&self, kind: &Kind) -> Vec<TermId> {
        let pattern = match kind {
            Kind::Affix(affix) => self.affix(affix, &affix.text),
            Kind::Wildcard(pattern) => Some(Affix::Wildcard(&pattern.text)),
            Kind::Fuzzy { text: word, distance } => Some(Affix::Fuzzy(word, *distance)),
            _ => None,
        };
        self.noted(pattern.map(|pattern| self.index.text().matching(pattern, self.limits())))
    }

    /// How many terms a pattern may stand for here. Below a negation it is all of them: those that were left out would be
    /// answered.
    fn limits(&self) -> Limits<'a> {
        let most = if self.negations.get() > 0 { usize::MAX } else { self.settings.max_expansions };
        Limits { most, watch: self.watch }
    }

    /// The terms, and a note if they are not all.
    fn noted(&self, matching: Option<Matching>) -> Vec<TermId> {
        let Matching { ids, was_cut } = matching.unwrap_or_default();
        if let Some(profile) = self.profile.filter(|_| was_cut) {
            profile.cut();
        }
        self.was_cut.set(self.was_cut.get() || was_cut);
        ids
    }

    /// Part of a term as a pattern; `None` if the part is too short. Bytes count: one letter beyond ASCII says enough.
    fn affix<'t>(&self, affix: &ast::Affix, text: &'t [u8]) -> Option<Affix<'t>> {
        if text.len() < self.settings.min_affix {
            return None;
        }
        Some(match (affix.open_start, affix.open_end) {
            (true, true) => Affix::Infix(text),
            (true, false) => Affix::Suffix(text),
            (false, _) => Affix::Prefix(text),
        })
    }

    /// The tags that one alternative of a tag clause stands for.
    pub(super) fn tags(&self, index: &TagIndex, value: &TagValue) -> Vec<TermId> {
        match value {
            TagValue::Exact(tag) => index.id(tag).into_iter().collect(),
            TagValue::Words(words) => index.id(&words.join(&b' ')).into_iter().collect(),
            TagValue::Affix(affix) => {
                let text = index.normalized(&affix.text);
                self.noted(self.affix(affix, &text).map(|pattern| index.matching(pattern, self.limits())))
            }
            TagValue::Wildcard(pattern) => {
                let text = index.normalized(&pattern.text);
                self.noted(Some(index.matching(Affix::Wildcard(&text), self.limits())))
            }
        }
    }

    /// The sets of all tags that a clause stands for, each once.
    fn tag_sets(&self, field: &FieldRef, values: &[TagValue]) -> Vec<&'a IdSet> {
        let Some(Values::Tag(index)) = self.field(field).map(|field| &field.values) else { return Vec::new() };
        let ids = self.tag_ids(index, values);
        for id in self.profile.iter().flat_map(|_| &ids) {
            let size = index.set_of(*id).map_or(0, IdSet::len);
            self.told_leaf("TAG", index.text(*id), size, (Duration::ZERO, size));
        }
        ids.into_iter().filter_map(|id| index.set_of(id)).collect()
    }

    /// All tags that a clause stands for, each once.
    fn tag_ids(&self, index: &TagIndex, values: &[TagValue]) -> Vec<TermId> {
        let mut ids: Vec<TermId> = values.iter().flat_map(|value| self.tags(index, value)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The documents with any of some tags.
    pub(super) fn tag_bitmap(&self, field: &FieldRef, values: &[TagValue]) -> RoaringBitmap {
        self.united(&self.tag_sets(field, values), |sets| IdSet::union(sets.iter().copied()))
    }

    /// The documents of many sets, some sets at a time, until time is over.
    pub(super) fn united<S>(&self, sets: &[S], union: impl Fn(&[S]) -> RoaringBitmap) -> RoaringBitmap {
        /// Sets that are united at once: with 100,000 documents in each, some hundred microseconds.
        const AT_ONCE: usize = 128;
        let mut united: Vec<RoaringBitmap> = Vec::new();
        for some in sets.chunks(AT_ONCE) {
            united.push(union(some));
            if self.watch.spend(AT_ONCE) {
                break;
            }
        }
        while united.len() > AT_ONCE && !self.watch.is_over() {
            let timely = united.chunks(AT_ONCE).take_while(|some| !self.watch.spend(some.len()));
            united = timely.map(|some| some.iter().union()).collect();
        }
        match united.len() {
            1 => united.swap_remove(0),
            _ => united.iter().union(),
        }
    }

    /// The documents with any of the terms that a pattern stands for.
    pub(super) fn expanded_bitmap(&self, node: &Node) -> RoaringBitmap {
        /// Documents that are put into the set at once.
        const AT_ONCE: usize = 1 << 16;
        let (text, mask) = (self.index.text(), self.mask(node));
        let (mut all, mut some, mut found) = (RoaringBitmap::new(), Vec::new(), 0);
        for id in self.terms(&node.kind) {
            let Some(postings) = text.postings(id) else { continue };
            let (start, before) = (self.profile.map(|_| Instant::now()), found);
            let mut cursor = text.cursor(postings);
            while cursor.doc() != DocId::END && !self.watch.spend(1) {
                if cursor.mask().and(mask) != FieldMask::NONE {
                    some.push(cursor.doc().0);
                    found += 1;
                }
                cursor.advance();
            }
            if let Some(start) = start {
                self.told_leaf("TEXT", text.text(id), postings.docs().into(), (start.elapsed(), found - before));
            }
            if some.len() >= AT_ONCE {
                some.sort_unstable();
                all.extend(some.drain(..));
            }
        }
        some.sort_unstable();
        all.extend(some);
        all
    }
}
