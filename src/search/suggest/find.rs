//! The best entries for a prefix.
//!
//! Nodes are looked at in the order of the most that an entry below them can score, so only what could be among the best is.
//! The score of an entry of score `w` is, rounded to single precision,
//!
//! ```text
//! w · e^(-2d) / √(1 + |characters of the entry - bytes of the folded prefix|)
//! ```
//!
//! where d is the Levenshtein distance of the nearest prefix of the entry (0 without FUZZY, 1 at most with it). An entry that is
//! what the given prefix folds to counts as 2³¹, so it comes first. Bytes of the prefix are counted since the field's servers do so.
//!
//! Equal scores are in the order of the folded texts, then of the texts.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::Suggestions;
use super::entry::{Entry, chars, common};
use super::tree::{NodeId, ROOT};
use crate::search::fold::fold;

/// What an entry scores that is the prefix itself.
const EXACT: f32 = 2_147_483_648.0;
/// The greatest distance of FUZZY.
const NEAR: u8 = 1;

/// A suggestion.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggested {
    /// The text as it was added.
    pub text: Box<[u8]>,
    /// Its score for the prefix.
    pub score: f32,
    /// Its payload, if it has one.
    pub payload: Option<Box<[u8]>>,
}

/// How near a text comes to the prefix.
#[derive(Debug, Default)]
struct Nearness {
    /// Levenshtein distances of the text to the beginnings of the prefix, by their lengths; empty: no longer text can be near.
    row: Vec<u8>,
    /// The smallest distance of a beginning of the text to the whole prefix, so far.
    best: u8,
}

impl Clone for Nearness {
    fn clone(&self) -> Self {
        Self { row: self.row.clone(), best: self.best }
    }

    /// Without an allocation, if the other had as long a row.
    fn clone_from(&mut self, other: &Self) {
        self.row.clone_from(&other.row);
        self.best = other.best;
    }
}

impl Nearness {
    /// Of the empty text to a prefix of so many characters.
    fn of_nothing(length: usize) -> Self {
        let far = |distance: usize| u8::try_from(distance).unwrap_or(u8::MAX).min(NEAR + 1);
        Self { row: (0..=length).map(far).collect(), best: far(length) }
    }

    /// After these characters.
    fn follow(&mut self, text: &[u8], prefix: &[&[u8]]) {
        for char in chars(text) {
            if self.row.is_empty() {
                return;
            }
            self.step(char, prefix);
        }
    }

    /// After one more character.
    fn step(&mut self, char: &[u8], prefix: &[&[u8]]) {
        let row = &mut self.row[..];
        let mut diagonal = row[0];
        row[0] = (row[0] + 1).min(NEAR + 1);
        let mut least = row[0];
        for (nth, wanted) in prefix.iter().enumerate() {
            let replaced = diagonal + u8::from(*wanted != char);
            diagonal = row[nth + 1];
            row[nth + 1] = replaced.min(diagonal + 1).min(row[nth] + 1).min(NEAR + 1);
            least = least.min(row[nth + 1]);
        }
        self.best = self.best.min(row[prefix.len()]);
        if least > NEAR {
            self.row.clear();
        }
    }

    /// The smallest distance that the text or a longer one can come to.
    fn least(&self) -> u8 {
        self.row.iter().copied().fold(self.best, u8::min)
    }
}

/// The prefix that is asked for.
struct Asked<'a> {
    folded: &'a [u8],
    characters: Vec<&'a [u8]>,
    fuzzy: bool,
    max: usize,
}

/// A node that waits to be looked at.
struct Open {
    /// The most that an entry below it can score.
    score: f32,
    /// Its text.
    text: Vec<u8>,
    id: NodeId,
    nearness: Nearness,
}

impl Open {
    fn rank(&self) -> (f32, &[u8], &[u8]) {
        (self.score, &self.text, &[])
    }
}

/// An entry that may be among the best.
struct Candidate<'a> {
    score: f32,
    /// The folded text.
    text: Vec<u8>,
    entry: Entry<'a>,
}

impl Candidate<'_> {
    fn rank(&self) -> (f32, &[u8], &[u8]) {
        (self.score, &self.text, self.entry.original.unwrap_or(&self.text))
    }
}

/// The greater comes first: by score, then by folded text, then by text.
fn by_rank(one: (f32, &[u8], &[u8]), other: (f32, &[u8], &[u8])) -> Ordering {
    one.0.total_cmp(&other.0).then_with(|| (other.1, other.2).cmp(&(one.1, one.2)))
}

macro_rules! ordered_by_rank {
    ($type:ty) => {
        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                by_rank(self.rank(), other.rank())
            }
        }

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $type {}
    };
}

ordered_by_rank!(Open);
ordered_by_rank!(Candidate<'_>);

/// The best entries so far; the worst of them at the top.
#[derive(Default)]
struct Best<'a>(BinaryHeap<Reverse<Candidate<'a>>>);

impl<'a> Best<'a> {
    /// The worst of them, once there are so many.
    fn worst(&self, max: usize) -> Option<&Candidate<'a>> {
        if self.0.len() < max { None } else { self.0.peek().map(|Reverse(worst)| worst) }
    }

    /// Takes an entry in if it is among the best; its folded text is `before` and its suffix.
    fn offer(&mut self, score: f32, before: &[u8], entry: Entry<'a>, max: usize) {
        if self.worst(max).is_some_and(|worst| score.total_cmp(&worst.score).is_lt()) {
            return;
        }
        let candidate = Candidate { score, text: [before, entry.suffix].concat(), entry };
        if self.worst(max).is_some_and(|worst| candidate < *worst) {
            return;
        }
        if self.0.len() == max {
            self.0.pop();
        }
        self.0.push(Reverse(candidate));
    }
}

/// What an entry of `score` and so many characters comes to.
fn rated(score: f32, distance: u8, length: usize, wanted: usize) -> f32 {
    let score = if distance == 0 { score } else { score * (-2.0 * f32::from(distance)).exp() };
    (f64::from(score) / (1.0 + length.abs_diff(wanted) as f64).sqrt()) as f32
}

/// The most that entries come to of which none has a greater score or fewer characters.
fn most(best: f32, distance: u8, shortest: u32, wanted: usize) -> f32 {
    if best > 0.0 { rated(best, distance, (shortest as usize).max(wanted), wanted) } else { 0.0 }
}

impl Suggestions {
    /// The best entries that begin with the prefix, or with something near it; at most so many.
    pub fn get(&self, prefix: &[u8], fuzzy: bool, max: usize) -> Vec<Suggested> {
        self.get_counting(prefix, fuzzy, max).0
    }

    /// As [`Suggestions::get`]; how many nodes were looked at, too.
    pub(super) fn get_counting(&self, prefix: &[u8], fuzzy: bool, max: usize) -> (Vec<Suggested>, usize) {
        let mut looked_at = 0;
        let folded = fold(prefix);
        let asked = Asked { folded: &folded, characters: chars(&folded).collect(), fuzzy, max };
        let (mut open, mut best) = (BinaryHeap::new(), Best::default());
        if fuzzy {
            self.open(&mut open, (ROOT, Nearness::of_nothing(asked.characters.len())), Vec::new(), &asked);
        } else if let Some((id, text)) = self.below(&folded) {
            self.open(&mut open, (id, Nearness::default()), text, &asked);
        }
        let mut scratch = Nearness::default();
        while max > 0
            && let Some(first) = open.pop()
            && best.worst(max).is_none_or(|worst| by_rank(first.rank(), worst.rank()).is_gt())
        {
            looked_at += 1;
            self.look_at_entries(&mut best, &first, &asked, &mut scratch);
            self.look_at_children(&mut open, &first, &asked);
        }
        let found = best.0.into_sorted_vec().into_iter().map(|Reverse(one)| Suggested {
            text: one.entry.original.map_or_else(|| one.text.into(), Box::from),
            score: one.score,
            payload: (!one.entry.payload.is_empty()).then(|| one.entry.payload.into()),
        });
        (found.collect(), looked_at)
    }

    /// The last node below which lie all entries that begin with the text, and its own text: that begins with the text, or the
    /// node is a leaf.
    fn below(&self, folded: &[u8]) -> Option<(NodeId, Vec<u8>)> {
        let (mut id, mut text) = (ROOT, Vec::new());
        while text.len() < folded.len() && !self.tree.node(id).children.is_empty() {
            let rest = &folded[text.len()..];
            id = self.tree.node(id).children[self.tree.child(id, rest).ok()?];
            let label = &self.tree.node(id).label;
            if common(label, rest) < label.len().min(rest.len()) {
                return None;
            }
            text.extend_from_slice(label);
        }
        Some((id, text))
    }

    /// Puts a node among what waits.
    fn open(&self, open: &mut BinaryHeap<Open>, (id, nearness): (NodeId, Nearness), text: Vec<u8>, asked: &Asked<'_>) {
        let below = self.tree.node(id).below;
        // An entry that is the prefix itself scores more than any: who can still be that comes first.
        let may_be_exact = asked.folded.starts_with(&text);
        let score = most(below.best, nearness.least(), below.shortest, asked.folded.len());
        let score = if may_be_exact { score.max(EXACT) } else { score };
        open.push(Open { score, text, id, nearness });
    }

    /// Looks which entries of a node are among the best.
    fn look_at_entries<'a>(&'a self, best: &mut Best<'a>, node: &Open, asked: &Asked<'_>, scratch: &mut Nearness) {
        // What of the prefix an entry has to go on with.
        let rest = asked.folded.get(node.text.len()..).unwrap_or_default();
        let leads_to = asked.folded.starts_with(&node.text);
        for entry in self.tree.node(node.id).packed.entries() {
            let is_exact = leads_to && entry.original.is_none() && *entry.suffix == *rest;
            let mut distance = 0;
            if asked.fuzzy {
                scratch.clone_from(&node.nearness);
                scratch.follow(entry.suffix, &asked.characters);
                if scratch.best > NEAR {
                    continue;
                }
                distance = scratch.best;
            } else if common(entry.suffix, rest) < rest.len() {
                continue;
            }
            let (score, distance) = if is_exact { (EXACT, 0) } else { (entry.score, distance) };
            let score = rated(score, distance, entry.characters.into(), asked.folded.len());
            best.offer(score, &node.text, entry, asked.max);
        }
    }

    /// Puts a node's children among what waits.
    fn look_at_children(&self, open: &mut BinaryHeap<Open>, node: &Open, asked: &Asked<'_>) {
        for child in &self.tree.node(node.id).children {
            let label = &self.tree.node(*child).label;
            let mut near = Nearness::default();
            if asked.fuzzy {
                near.clone_from(&node.nearness);
                near.follow(label, &asked.characters);
            }
            if near.least() <= NEAR {
                self.open(open, (*child, near), [&node.text, &label[..]].concat(), asked);
            }
        }
    }
}
