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

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Suggestions;
use super::entry::{Entry, chars, count_chars};
use super::tree::{NodeId, ROOT, common};
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

/// How near the text of a node comes to the prefix.
#[derive(Debug, Clone)]
struct Nearness {
    /// Levenshtein distances of the text to the beginnings of the prefix, by their lengths; `None`: no longer text can be near.
    row: Option<Box<[u8]>>,
    /// The smallest distance of a beginning of the text to the whole prefix, so far.
    best: u8,
}

impl Nearness {
    /// Of the empty text to a prefix of so many characters.
    fn of_nothing(length: usize) -> Self {
        let far = |distance: usize| u8::try_from(distance).unwrap_or(u8::MAX).min(NEAR + 1);
        Self { row: Some((0..=length).map(far).collect()), best: far(length) }
    }

    /// After one more character.
    fn step(&mut self, char: &[u8], prefix: &[&[u8]]) {
        let Some(row) = &mut self.row else { return };
        let mut diagonal = row[0];
        row[0] = (row[0] + 1).min(NEAR + 1);
        for (nth, wanted) in prefix.iter().enumerate() {
            let replaced = diagonal + u8::from(*wanted != char);
            diagonal = row[nth + 1];
            row[nth + 1] = replaced.min(diagonal + 1).min(row[nth] + 1).min(NEAR + 1);
        }
        self.best = self.best.min(row[prefix.len()]);
        if row.iter().all(|distance| *distance > NEAR) {
            self.row = None;
        }
    }

    /// The smallest distance that the text or a longer one can come to.
    fn least(&self) -> u8 {
        let row = self.row.iter().flat_map(|row| row.iter().copied()).min();
        self.best.min(row.unwrap_or(u8::MAX))
    }
}

/// Something that waits to be looked at.
struct Open<'a> {
    /// The most that it can score; for an entry, what it scores.
    score: f32,
    /// The folded text.
    text: Vec<u8>,
    what: What<'a>,
}

enum What<'a> {
    Node(NodeId, Nearness),
    Entry(&'a Entry),
}

impl Open<'_> {
    /// The text as it was added; none for a node.
    fn original(&self) -> Option<&[u8]> {
        match &self.what {
            What::Entry(entry) => Some(entry.text.as_deref().unwrap_or(&self.text)),
            What::Node(..) => None,
        }
    }
}

impl Ord for Open<'_> {
    /// The greatest is looked at first. A node comes before entries of its own text, since one below may be among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then_with(|| (&other.text, other.original()).cmp(&(&self.text, self.original())))
    }
}

impl PartialOrd for Open<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open<'_> {}

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
        let wanted: Vec<&[u8]> = chars(&folded).collect();
        let mut open = BinaryHeap::new();
        if fuzzy {
            self.open(&mut open, (ROOT, Nearness::of_nothing(wanted.len())), Vec::new(), &folded);
        } else if let Some((id, text)) = self.below(&folded) {
            self.open(&mut open, (id, Nearness { row: None, best: 0 }), text, &folded);
        }
        let mut found = Vec::new();
        while found.len() < max
            && let Some(first) = open.pop()
        {
            match first.what {
                What::Entry(entry) => found.push(Suggested {
                    text: entry.text.clone().unwrap_or_else(|| first.text.into()),
                    score: first.score,
                    payload: (!entry.payload.is_empty()).then(|| entry.payload.clone()),
                }),
                What::Node(id, nearness) => {
                    looked_at += 1;
                    self.look(&mut open, (id, nearness), &first.text, (&folded, &wanted));
                }
            }
        }
        (found, looked_at)
    }

    /// The node below which all entries begin with the text, and its own text.
    fn below(&self, folded: &[u8]) -> Option<(NodeId, Vec<u8>)> {
        let (mut id, mut text) = (ROOT, Vec::new());
        while text.len() < folded.len() {
            let rest = &folded[text.len()..];
            let leads = |child: &&NodeId| {
                let label = &self.tree.node(**child).label;
                common(label, rest) == label.len().min(rest.len())
            };
            id = *self.tree.node(id).children.iter().find(leads)?;
            text.extend_from_slice(&self.tree.node(id).label);
        }
        Some((id, text))
    }

    /// Puts a node among what waits.
    fn open(&self, open: &mut BinaryHeap<Open<'_>>, (id, nearness): (NodeId, Nearness), text: Vec<u8>, folded: &[u8]) {
        let node = self.tree.node(id);
        let distance = nearness.least();
        // An entry that is the prefix itself scores more than any: who can still be that comes first.
        let may_be_exact = folded.starts_with(&text);
        let score = most(node.best, distance, node.shortest, folded.len());
        let score = if may_be_exact { score.max(EXACT) } else { score };
        open.push(Open { score, text, what: What::Node(id, nearness) });
    }

    /// Puts the entries of a node and its children among what waits.
    fn look<'a>(
        &'a self,
        open: &mut BinaryHeap<Open<'a>>,
        (id, nearness): (NodeId, Nearness),
        text: &[u8],
        (folded, wanted): (&[u8], &[&[u8]]),
    ) {
        let node = self.tree.node(id);
        if nearness.best <= NEAR {
            for entry in &node.entries {
                let length = entry.text.as_ref().map_or_else(|| count_chars(text), |text| count_chars(text));
                let is_exact = entry.text.is_none() && *text == *folded;
                let score = if is_exact { EXACT } else { entry.score };
                let distance = if is_exact { 0 } else { nearness.best };
                let score = rated(score, distance, length, folded.len());
                open.push(Open { score, text: text.to_vec(), what: What::Entry(entry) });
            }
        }
        for child in &node.children {
            let label = &self.tree.node(*child).label;
            let mut near = nearness.clone();
            chars(label).for_each(|char| near.step(char, wanted));
            if near.least() <= NEAR {
                self.open(open, (*child, near), [text, label].concat(), folded);
            }
        }
    }
}
