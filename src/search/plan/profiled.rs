//! What a plan tells of itself: names for what clauses become.
//!
//! A clause that becomes the documents of one word or one tag has no node of its own: the word or the tag is that node.

use super::{Asked, Plan, Question};
use std::time::Duration;

use crate::search::docset::{BoxDocset, Set};
use crate::search::index::Values;
use crate::search::profile::{Profile, What};
use crate::search::query::ast::{Affix, Circle, FieldRef, Kind, Node, Range, TagValue};

impl<'a> Plan<'a> {
    /// Where to tell what a clause does, and what it is; `None`: nobody wants to know, or what is inside tells it.
    pub(super) fn told(&self, node: &Node) -> Option<(&'a Profile, What)> {
        let profile = self.profile?;
        let what = match &node.kind {
            Kind::Term(_) => return None,
            Kind::Phrase(terms) if terms.len() == 1 => return None,
            Kind::Tag { values, .. } if values.len() == 1 => return self.told_of_tag(&values[0]),
            Kind::Empty | Kind::Knn(_) => What::Plain("EMPTY"),
            Kind::All => What::Plain("WILDCARD"),
            Kind::Intersect(_) | Kind::Phrase(_) => What::Intersect,
            Kind::Union(_) => What::Union { of: None },
            Kind::Not(_) => What::Plain("NOT"),
            Kind::Optional(_) => What::Plain("OPTIONAL"),
            Kind::Affix(affix) => pattern("PREFIX", &affix.text),
            Kind::Wildcard(pattern) => self::pattern("WILDCARD", &pattern.text),
            Kind::Fuzzy { text, .. } => pattern("FUZZY", text),
            Kind::Tag { .. } => What::Union { of: Some((*b"TAG").into()) },
            Kind::Numeric { field, range } => self.range(field, range),
            Kind::Geo { field, circle } => self.circle(field, circle),
            Kind::Shape { .. } => What::Plain("GEOSHAPE"),
            Kind::VectorRange(range) => {
                // It was evaluated when the plan was made.
                profile.owe(self.near(range).map_or(Duration::ZERO, |near| near.took));
                What::Plain("METRIC - VECTOR DISTANCE")
            }
            Kind::Missing(_) => What::Plain("MISSING"),
        };
        Some((profile, what))
    }

    /// As [`Plan::told`], of one alternative of a tag clause.
    pub(super) fn told_of_tag(&self, value: &TagValue) -> Option<(&'a Profile, What)> {
        let what = match value {
            TagValue::Exact(_) | TagValue::Words(_) => return None,
            TagValue::Affix(Affix { text, .. }) => pattern("PREFIX", text),
            TagValue::Wildcard(wildcard) => pattern("WILDCARD", &wildcard.text),
        };
        Some((self.profile?, what))
    }

    fn range(&self, field: &FieldRef, range: &Range) -> What {
        What::of_range(
            range,
            match self.field(field).map(|field| &field.values) {
                Some(Values::Numeric(index)) => index.estimate(range),
                _ => 0,
            },
        )
    }

    fn circle(&self, field: &FieldRef, circle: &Circle) -> What {
        What::of_circle(
            circle,
            match self.field(field).map(|field| &field.values) {
                Some(Values::Geo(index)) => index.estimate(circle),
                _ => 0,
            },
        )
    }

    /// The documents of a word or a tag.
    pub(super) fn leaf(
        &self,
        kind: &'static str,
        term: &[u8],
        size: u64,
        make: impl FnOnce() -> BoxDocset<'a>,
    ) -> BoxDocset<'a> {
        match self.profile {
            Some(profile) => profile.docset(What::Leaf { kind, term: term.into(), size }, make),
            None => make(),
        }
    }

    /// Tells of a word or a tag that is in a set.
    pub(super) fn told_leaf(&self, kind: &'static str, term: &[u8], size: u64, (time, count): (Duration, u64)) {
        if let Some(profile) = self.profile {
            profile.leaf(What::Leaf { kind, term: term.into(), size }, time, count);
        }
    }

    /// No documents, where a word or a tag has none.
    pub(super) fn nothing(&self) -> BoxDocset<'a> {
        let make = || -> BoxDocset<'a> { Box::new(Set::empty()) };
        match self.profile {
            Some(profile) => profile.docset(What::Plain("EMPTY"), make),
            None => make(),
        }
    }

    /// The question that the filter of a KNN becomes.
    pub fn test_of<'q>(&'q self, filter: &'q Node, asked: &'q Asked<'a>) -> Question<'q> {
        let test = |doc| asked.numbers.matches(doc, asked.range);
        match self.told(filter) {
            Some((profile, what)) => profile.asked(what, || Box::new(test)),
            None => Box::new(test),
        }
    }

    /// A clause as a question about a document, where that needs no set.
    pub(super) fn asked(&self, node: &'a Node) -> Option<Question<'a>> {
        let test = self.test(node)?;
        Some(match self.told(node) {
            Some((profile, what)) => profile.asked(what, || test),
            None => test,
        })
    }
}

fn pattern(of: &str, text: &[u8]) -> What {
    What::Union { of: Some([of.as_bytes(), b" - ", text].concat().into()) }
}
