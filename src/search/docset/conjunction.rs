//! The documents that all of several docsets have, words in the wanted order and distance.

use super::{BoxDocset, Docset, Known, merge_positions};
use crate::search::doc_id::DocId;
use crate::search::explanation::Explanation;
use crate::search::score::{Context, Leaf, Nearness};
use crate::watch::Watch;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A clause of a conjunction.
pub enum Part<'a> {
    /// The document must be in it.
    Must(BoxDocset<'a>),
    /// The document may be in it, which adds to its score.
    May(BoxDocset<'a>),
    /// The document must pass: for clauses that are faster asked about one document than enumerated.
    Test(Box<dyn Fn(DocId) -> bool + 'a>, Leaf),
}

/// How words have to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase {
    /// How many other words may stand between those of the clauses, in all.
    pub slop: u32,
    /// Whether the clauses have to come in their order.
    pub in_order: bool,
}

/// The documents that satisfy all parts.
pub struct Conjunction<'a> {
    /// In the order of the query; those that are in it more than once where they are first.
    parts: Vec<Part<'a>>,
    /// The parts that are walked through, most selective first. Never empty.
    order: Vec<usize>,
    /// All parts in the order in which they score: `order`, then the others; that of the query where words have to stand in
    /// it. It decides about nearness, as observed.
    scoring: Vec<usize>,
    phrase: Option<Phrase>,
    /// The parts in the order of the query, each as often as it is in it.
    slots: Vec<usize>,
    weight: f64,
    doc: DocId,
    /// Of each part.
    positions: Vec<Vec<u32>>,
    watch: &'a Watch<'a>,
}

impl<'a> Conjunction<'a> {
    /// The conjunction of some parts, of which at least one is a [`Part::Must`]; else it is empty. When time is over, it ends.
    pub fn new(parts: Vec<Part<'a>>, phrase: Option<Phrase>, weight: f64, watch: &'a Watch<'a>) -> Self {
        let slots = (0..parts.len()).collect();
        Self::with_repeats(parts, slots, phrase, weight, watch)
    }

    /// As [`Conjunction::new`], where parts are in the query more than once: `slots` has their numbers, in its order.
    pub fn with_repeats(
        parts: Vec<Part<'a>>,
        slots: Vec<usize>,
        phrase: Option<Phrase>,
        weight: f64,
        watch: &'a Watch<'a>,
    ) -> Self {
        let must = |at: &usize| if let Part::Must(docset) = &parts[*at] { Some(docset.estimate()) } else { None };
        let mut order: Vec<usize> = (0..parts.len()).filter(|at| must(at).is_some()).collect();
        order.sort_by_key(|at| must(at));
        let others = (0..parts.len()).filter(|at| must(at).is_none());
        let in_order = phrase.is_some_and(|phrase| phrase.in_order);
        let scoring = if in_order { slots.clone() } else { order.iter().copied().chain(others).collect() };
        let positions = vec![Vec::new(); if phrase.is_some() { parts.len() } else { 0 }];
        let doc = DocId::END;
        let mut conjunction = Self { parts, order, scoring, phrase, slots, weight, doc, positions, watch };
        conjunction.settle(DocId(0));
        conjunction
    }

    fn must(&mut self, nth: usize) -> Option<&mut BoxDocset<'a>> {
        match self.parts.get_mut(*self.order.get(nth)?)? {
            Part::Must(docset) => Some(docset),
            _ => None,
        }
    }

    /// Moves to the first document from `target` on that satisfies all parts.
    fn settle(&mut self, mut target: DocId) -> DocId {
        self.doc = DocId::END;
        'candidate: loop {
            let Some(candidate) = self.must(0).map(|lead| lead.skip_to(target)) else { return DocId::END };
            if candidate == DocId::END || self.watch.spend(self.parts.len()) {
                return DocId::END;
            }
            for nth in 1..self.order.len() {
                let there = self.must(nth).map_or(candidate, |docset| docset.skip_to(candidate));
                if there != candidate {
                    target = there;
                    continue 'candidate;
                }
            }
            if self.passes(candidate) {
                self.doc = candidate;
                return candidate;
            }
            target = DocId(candidate.0 + 1);
        }
    }

    /// Whether a document that is in all docsets passes the tests and has its words where they should be.
    fn passes(&mut self, doc: DocId) -> bool {
        let tested = self.parts.iter().all(|part| if let Part::Test(test, _) = part { test(doc) } else { true });
        tested
            && match self.phrase {
                None => true,
                Some(phrase) => {
                    self.collect_positions(doc);
                    let lists = self.slots.iter().map(|slot| &self.positions[*slot][..]);
                    stands(&lists.filter(|list| !list.is_empty()).collect::<Vec<_>>(), phrase, self.watch)
                }
            }
    }

    /// Fills `positions` with those of every part that has some.
    fn collect_positions(&mut self, doc: DocId) {
        for (part, positions) in self.parts.iter_mut().zip(&mut self.positions) {
            positions.clear();
            if let Some(docset) = part.standing_on(doc) {
                docset.positions(positions);
            }
            self.watch.spend(positions.len() / 8);
        }
    }
}

impl<'a> Part<'a> {
    /// The docset of the part, if it has the document.
    fn standing_on(&mut self, doc: DocId) -> Option<&mut BoxDocset<'a>> {
        match self {
            Self::Must(docset) => Some(docset),
            Self::May(docset) => (docset.skip_to(doc) == doc).then_some(docset),
            Self::Test(..) => None,
        }
    }
}

/// Whether one position of each list can be chosen such that they stand as wanted.
fn stands(lists: &[&[u32]], phrase: Phrase, watch: &Watch<'_>) -> bool {
    let Some(last) = lists.len().checked_sub(1).filter(|last| *last > 0) else { return true };
    // So many positions from the first to the last, if there may be `slop` others between them.
    let reach = (last as u32).saturating_add(phrase.slop);
    if phrase.in_order { in_order(lists, reach, watch) } else { anyhow_near(lists, reach, watch) }
}

/// Whether the positions can rise from list to list and end no more than `reach` after where they start.
fn in_order(lists: &[&[u32]], reach: u32, watch: &Watch<'_>) -> bool {
    let mut at = vec![0; lists.len()];
    'start: for &start in lists[0] {
        // For the earliest end, take the first position of each list that is beyond the one before.
        let mut end = start;
        for (list, at) in lists.iter().zip(&mut at).skip(1) {
            *at = first_beyond(list, *at, end);
            let Some(&position) = list.get(*at) else { return false };
            end = position;
            if watch.spend(1) {
                return false;
            }
            if end - start > reach {
                continue 'start;
            }
        }
        return true;
    }
    false
}

/// Where the positions of a list, from `from` on, are beyond another: looked for near `from` first.
fn first_beyond(list: &[u32], from: usize, other: u32) -> usize {
    let rest = &list[from..];
    let mut reach = 1;
    while reach < rest.len() && rest[reach - 1] <= other {
        reach *= 2;
    }
    from + rest[..reach.min(rest.len())].partition_point(|position| *position <= other)
}

/// Whether there is a stretch of at most `reach` + 1 positions with one of each list. One word is not near itself.
fn anyhow_near(lists: &[&[u32]], reach: u32, watch: &Watch<'_>) -> bool {
    let mut at = vec![0; lists.len()];
    let first = |(n, list): (usize, &&[u32])| list.first().map(|position| Reverse((*position, n)));
    // The lowest of the positions at hand is on top.
    let mut lowest: BinaryHeap<Reverse<(u32, usize)>> = lists.iter().enumerate().filter_map(first).collect();
    let mut highest = lists.iter().filter_map(|list| list.first()).copied().max().unwrap_or(0);
    while let Some(&Reverse((position, n))) = lowest.peek() {
        let apart = highest - position;
        if watch.spend(1) {
            return false;
        }
        if (1..=reach).contains(&apart) {
            return true;
        }
        if apart > 0 {
            at[n] += 1;
            let Some(&next) = lists[n].get(at[n]) else { return false };
            highest = highest.max(next);
            if let Some(mut top) = lowest.peek_mut() {
                *top = Reverse((next, n));
            }
            continue;
        }
        // All stand on one word: one of them has to go on, and not too far.
        let near = |(list, at): (&&[u32], &usize)| list.get(at + 1).is_some_and(|next| next - highest <= reach);
        if lists.iter().zip(&at).any(near) {
            return true;
        }
        at.iter_mut().for_each(|at| *at += 1);
        let next = |(n, list): (usize, &&[u32])| list.get(at[n]).map(|position| Reverse((*position, n)));
        lowest = lists.iter().enumerate().filter_map(next).collect();
        if lowest.len() < lists.len() {
            return false;
        }
        highest = lowest.iter().map(|Reverse((position, _))| *position).max().unwrap_or(0);
    }
    false
}

impl Docset for Conjunction<'_> {
    fn doc(&self) -> DocId {
        self.doc
    }

    fn advance(&mut self) -> DocId {
        if self.doc == DocId::END {
            return self.doc;
        }
        self.settle(DocId(self.doc.0 + 1))
    }

    fn skip_to(&mut self, target: DocId) -> DocId {
        if self.doc >= target {
            return self.doc;
        }
        self.settle(target)
    }

    fn estimate(&self) -> u64 {
        match self.order.first().map(|at| &self.parts[*at]) {
            Some(Part::Must(docset)) => docset.estimate(),
            _ => 0,
        }
    }

    fn score(&mut self, context: &Context) -> f64 {
        let mut total = 0.0;
        for at in &self.scoring {
            total += match &mut self.parts[*at] {
                Part::Test(_, leaf) => leaf.score(context, 1.0),
                other => other.standing_on(self.doc).map_or(0.0, |docset| docset.score(context)),
            };
        }
        total * self.weight
    }

    fn explain(&mut self, context: &Context) -> Explanation {
        let (score, doc) = (self.score(context), self.doc);
        let explain = |slot: &usize| match &mut self.parts[*slot] {
            Part::Test(_, leaf) => Some(Explanation::of_leaf(leaf, b"", context, 1.0)),
            other => other.standing_on(doc).map(|docset| docset.explain(context)),
        };
        let children = self.slots.iter().filter_map(explain).collect();
        Explanation::of_clauses(context, self.weight, score, children)
    }

    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        for slot in &self.slots {
            if let Some(docset) = self.parts[*slot].standing_on(self.doc) {
                docset.terms(tell);
            }
        }
    }

    fn positions(&mut self, out: &mut Vec<u32>) {
        let (doc, from) = (self.doc, out.len());
        for part in &mut self.parts {
            if let Some(docset) = part.standing_on(doc) {
                docset.positions(out);
            }
        }
        merge_positions(out, from);
    }

    fn scored_positions(&mut self, out: &mut Vec<u32>) {
        let (doc, from) = (self.doc, out.len());
        for part in &mut self.parts {
            if let Some(docset) = part.standing_on(doc) {
                docset.scored_positions(out);
            }
        }
        merge_positions(out, from);
    }

    fn slop(&mut self) -> f64 {
        let (mut nearness, mut positions) = (Nearness::default(), Vec::new());
        for at in &self.scoring {
            positions.clear();
            if let Some(docset) = self.parts[*at].standing_on(self.doc) {
                docset.scored_positions(&mut positions);
            }
            nearness.add(&positions);
        }
        nearness.slop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By trying all choices.
    fn stands_naively(lists: &[Vec<u32>], phrase: Phrase, chosen: &mut Vec<u32>) -> bool {
        let Some(list) = lists.get(chosen.len()) else {
            let (low, high) = (chosen.iter().min().unwrap(), chosen.iter().max().unwrap());
            let near = lists.len() == 1 || (high > low && high - low <= lists.len() as u32 - 1 + phrase.slop);
            return near && (!phrase.in_order || chosen.windows(2).all(|pair| pair[0] < pair[1]));
        };
        list.iter().any(|position| {
            chosen.push(*position);
            let stands = stands_naively(lists, phrase, chosen);
            chosen.pop();
            stands
        })
    }

    proptest! {
        #[test]
        fn words_stand_where_any_choice_of_positions_says_so(
            lists in prop::collection::vec(prop::collection::btree_set(0u32..30, 1..6), 1..5),
            slop in 0u32..12,
            in_order in any::<bool>(),
        ) {
            let lists: Vec<Vec<u32>> = lists.into_iter().map(|list| list.into_iter().collect()).collect();
            let phrase = Phrase { slop, in_order };
            let slices: Vec<&[u32]> = lists.iter().map(|list| &list[..]).collect();
            prop_assert_eq!(stands(&slices, phrase, &Watch::default()), stands_naively(&lists, phrase, &mut Vec::new()));
        }
    }
}
