//! Patterns to the terms and tags that they stand for.

use super::Plan;
use crate::search::fields::tag::TagIndex;
use crate::search::fields::terms::{Affix, TermId};
use crate::search::idset::IdSet;
use crate::search::index::Values;
use crate::search::query::ast::{self, FieldRef, Kind, TagValue};
use roaring::RoaringBitmap;

impl<'a> Plan<'a> {
    /// The terms that a pattern stands for.
    pub(super) fn terms(&self, kind: &Kind) -> Vec<TermId> {
        let (text, limit) = (self.index.text(), self.settings.max_expansions);
        match kind {
            Kind::Affix(affix) => match self.affix(affix, &affix.text) {
                Some(pattern) => text.matching(pattern, limit),
                None => Vec::new(),
            },
            Kind::Wildcard(pattern) => text.matching(Affix::Wildcard(&pattern.text), limit),
            Kind::Fuzzy { text: word, distance } => text.matching(Affix::Fuzzy(word, *distance), limit),
            _ => Vec::new(),
        }
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
        let limit = self.settings.max_expansions;
        match value {
            TagValue::Exact(tag) => index.id(tag).into_iter().collect(),
            TagValue::Words(words) => index.id(&words.join(&b' ')).into_iter().collect(),
            TagValue::Affix(affix) => {
                let text = index.normalized(&affix.text);
                self.affix(affix, &text).map_or_else(Vec::new, |pattern| index.matching(pattern, limit))
            }
            TagValue::Wildcard(pattern) => index.matching(Affix::Wildcard(&index.normalized(&pattern.text)), limit),
        }
    }

    /// The sets of all tags that a clause stands for, each once.
    fn tag_sets(&self, field: &FieldRef, values: &[TagValue]) -> Vec<&'a IdSet> {
        let Some(Values::Tag(index)) = self.field(field).map(|field| &field.values) else { return Vec::new() };
        let mut ids: Vec<TermId> = Vec::new();
        for value in values {
            for id in self.tags(index, value) {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        ids.into_iter().filter_map(|id| index.set_of(id)).collect()
    }

    /// The documents with any of some tags.
    pub(super) fn tag_bitmap(&self, field: &FieldRef, values: &[TagValue]) -> RoaringBitmap {
        IdSet::union(self.tag_sets(field, values))
    }
}
