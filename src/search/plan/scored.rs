//! The part of a plan that scores: clauses as docsets.

use super::{ASK, Plan, Question, weight};
use crate::search::doc_id::DocId;
use crate::search::docset::{BoxDocset, Conjunction, Part, Phrase, Scored, Set, Union, Words};
use crate::search::fields::text::postings::Postings;
use crate::search::index::Values;
use crate::search::query::ast::{FieldRef, Kind, Node, TagValue, Term};
use crate::search::schema::FieldMask;
use crate::search::score::Leaf;
use std::collections::HashMap;

/// Words in their order, with nothing between them.
const EXACT: Phrase = Phrase { slop: 0, in_order: true };

impl<'a> Plan<'a> {
    /// The documents that match, with their scores.
    pub fn docset(&self, node: &'a Node) -> BoxDocset<'a> {
        match self.told(node) {
            Some((profile, what)) => profile.docset(what, || self.walk(node)),
            None => self.walk(node),
        }
    }

    pub(super) fn walk(&self, node: &'a Node) -> BoxDocset<'a> {
        match &node.kind {
            Kind::Empty | Kind::Knn(_) => Box::new(Set::empty()),
            Kind::All => Box::new(Set::borrowed(self.live(), Leaf::all(weight(node)))),
            Kind::Intersect(children) => self.conjunction(node, children),
            Kind::Union(children) => {
                let mut misses_words = false;
                let docset = |child: &'a Node| {
                    let docset = Some(self.docset(child)).filter(|docset| docset.doc() != DocId::END);
                    misses_words |= docset.is_none() && matches!(child.kind, Kind::Intersect(_) | Kind::Phrase(_));
                    docset
                };
                let timely = children.iter().take_while(|_| !self.watch.spend(1));
                let mut children: Vec<_> = timely.filter_map(docset).collect();
                match (children.len(), weight(node)) {
                    // Of a word and its stem, say, often only one occurs. But in the field a branch of several words stays
                    // one where it matches nothing, which decides about how near the words of another are.
                    (1, 1.0) if !misses_words => children.remove(0),
                    (_, weight) => Box::new(Union::new(children, weight)),
                }
            }
            Kind::Optional(child) => {
                let child = Union::new(vec![self.optional(child)], weight(node));
                let parts = vec![self.everything(), Part::May(Box::new(child))];
                Box::new(Conjunction::new(parts, None, 1.0, self.watch))
            }
            Kind::Term(term) => self.words(term, self.mask(node), weight(node)),
            Kind::Phrase(terms) => self.exact(node, terms),
            Kind::Affix(_) | Kind::Wildcard(_) | Kind::Fuzzy { .. } => self.expanded(node),
            Kind::Tag { field, values } => self.tagged(field, values, weight(node)),
            Kind::Numeric { .. } | Kind::Geo { .. } | Kind::Shape { .. } => {
                Box::new(Set::owned(self.set(node).into_owned(), Self::range_leaf(node)))
            }
            Kind::Not(_) | Kind::VectorRange(_) | Kind::Missing(_) => {
                Box::new(Set::owned(self.set(node).into_owned(), Leaf::SILENT))
            }
        }
    }

    /// The documents with any of some tags. Of those that a pattern stands for, the first that a document has scores, as of
    /// patterns of words; but where the start of the pattern is open, all score: so it is in the field.
    fn tagged(&self, field: &FieldRef, values: &'a [TagValue], weight: f64) -> BoxDocset<'a> {
        let Some(Values::Tag(index)) = self.field(field).map(|field| &field.values) else {
            return Box::new(Set::empty());
        };
        let leaf = |tag, weight| -> Option<BoxDocset<'a>> {
            let set = index.set_of(tag)?;
            let silent = self.settings.silent_tags;
            let leaf = if silent { Leaf::SILENT } else { Leaf::term(weight, &self.corpus, set.len()) };
            let make = || -> BoxDocset<'a> { Box::new(Set::stored(set, leaf).named(index.text(tag))) };
            Some(self.leaf("TAG", index.text(tag), set.len(), make))
        };
        let branch = |value: &'a TagValue, weight: f64| -> BoxDocset<'a> {
            let tags = self.tags(index, value);
            let scored = match value {
                TagValue::Exact(_) | TagValue::Words(_) => {
                    let one = tags.first().and_then(|tag| leaf(*tag, weight));
                    return one.unwrap_or_else(|| self.nothing());
                }
                TagValue::Affix(affix) if affix.open_start => Scored::All,
                TagValue::Affix(_) | TagValue::Wildcard(_) => Scored::First,
            };
            let make = || -> BoxDocset<'a> {
                let mut sets: Vec<BoxDocset<'a>> = tags.into_iter().filter_map(|tag| leaf(tag, 1.0)).collect();
                if sets.len() == 1 && weight == 1.0 {
                    sets.remove(0)
                } else {
                    Box::new(Union::scoring(scored, sets, weight))
                }
            };
            match self.told_of_tag(value) {
                Some((profile, what)) => profile.docset(what, make),
                None => make(),
            }
        };
        match values {
            [one] => branch(one, weight),
            several => {
                let timely = several.iter().take_while(|_| !self.watch.spend(4));
                Box::new(Union::new(timely.map(|value| branch(value, 1.0)).collect(), weight))
            }
        }
    }

    /// What is optional. Where its words count one by one, each does that a document has.
    fn optional(&self, node: &'a Node) -> BoxDocset<'a> {
        match &node.kind {
            Kind::Intersect(children) if self.one_by_one => {
                let wished = children.iter().filter(|child| !matches!(child.kind, Kind::Not(_)));
                Box::new(Union::new(wished.map(|child| self.optional(child)).collect(), 1.0))
            }
            _ => self.docset(node),
        }
    }

    /// Every document, adding nothing to the score.
    fn everything(&self) -> Part<'a> {
        Part::Must(Box::new(Set::borrowed(self.live(), Leaf::SILENT)))
    }

    fn conjunction(&self, node: &'a Node, children: &'a [Node]) -> BoxDocset<'a> {
        let least = children.iter().map(|child| self.estimate(child)).min().unwrap_or(0);
        let mut parts: Vec<Part<'a>> = children.iter().map(|child| self.part(child, least)).collect();
        if !parts.iter().any(|part| matches!(part, Part::Must(_))) {
            parts.push(self.everything());
        }
        Box::new(Conjunction::new(parts, self.phrase(node), weight(node), self.watch))
    }

    /// A clause of an intersection whose most selective clause matches about `least` documents.
    fn part(&self, child: &'a Node, least: u64) -> Part<'a> {
        match &child.kind {
            Kind::Optional(optional) => {
                let make = || -> BoxDocset<'a> { Box::new(Union::new(vec![self.optional(optional)], weight(child))) };
                Part::May(match self.told(child) {
                    Some((profile, what)) => profile.docset(what, make),
                    None => make(),
                })
            }
            Kind::Not(refused) => {
                let make = || -> Question<'a> {
                    let refused = self.refused(refused);
                    Box::new(move |doc: DocId| refused.as_ref().is_some_and(|refused| !refused.contains(doc.0)))
                };
                let passes = match self.told(child) {
                    Some((profile, what)) => profile.asked(what, make),
                    None => make(),
                };
                Part::Test(passes, Leaf::SILENT)
            }
            Kind::Numeric { .. } | Kind::Geo { .. } | Kind::Shape { .. } if self.estimate(child) / ASK > least => {
                match self.asked(child) {
                    Some(test) => Part::Test(test, Self::range_leaf(child)),
                    None => Part::Must(self.docset(child)),
                }
            }
            _ => Part::Must(self.docset(child)),
        }
    }

    fn words(&self, term: &'a Term, fields: FieldMask, weight: f64) -> BoxDocset<'a> {
        match self.index.text().find(&term.text) {
            Some(postings) => self.of_postings(postings, fields, weight, &term.text),
            None => self.nothing(),
        }
    }

    fn of_postings(&self, postings: &'a Postings, fields: FieldMask, weight: f64, name: &'a [u8]) -> BoxDocset<'a> {
        let docs = u64::from(postings.docs());
        let leaf = Leaf::term(weight, &self.corpus, docs);
        self.leaf("TEXT", name, docs, || {
            Box::new(Words::new(self.index.text().cursor(postings), fields, (docs, leaf), name, self.watch))
        })
    }

    fn exact(&self, node: &'a Node, terms: &'a [Term]) -> BoxDocset<'a> {
        let mask = self.mask(node);
        if let [one] = terms {
            return self.words(one, mask, weight(node));
        }
        // A word that comes again is looked for once.
        let mut places: HashMap<&[u8], usize> = HashMap::new();
        let mut parts = Vec::new();
        let mut slots = Vec::with_capacity(terms.len());
        for term in terms {
            slots.push(*places.entry(&term.text).or_insert_with(|| {
                parts.push(Part::Must(self.words(term, mask, 1.0)));
                parts.len() - 1
            }));
        }
        Box::new(Conjunction::with_repeats(parts, slots, Some(EXACT), weight(node), self.watch))
    }

    fn expanded(&self, node: &Node) -> BoxDocset<'a> {
        let (text, mask) = (self.index.text(), self.mask(node));
        let postings = self.terms(&node.kind).into_iter().filter_map(|id| Some((text.postings(id)?, text.text(id))));
        let timely = postings.take_while(|_| !self.watch.spend(4));
        let children = timely.map(|(postings, name)| self.of_postings(postings, mask, 1.0, name)).collect();
        Box::new(Union::scoring(Scored::First, children, weight(node)))
    }
}

/// Whether all documents that match score alike, if they have no words and the same score of their own.
pub fn scores_alike(kind: &Kind) -> bool {
    match kind {
        Kind::Empty | Kind::All | Kind::Numeric { .. } | Kind::Geo { .. } | Kind::Shape { .. } => true,
        Kind::VectorRange(_) | Kind::Missing(_) | Kind::Not(_) => true,
        Kind::Tag { values, .. } => matches!(values[..], [TagValue::Exact(_) | TagValue::Words(_)]),
        Kind::Intersect(children) => children.iter().all(|child| scores_alike(&child.kind)),
        _ => false,
    }
}
