//! The documents that any of several docsets has.

use super::{BoxDocset, Docset, Known, merge_positions};
use crate::search::doc_id::DocId;
use crate::search::explanation::Explanation;
use crate::search::score::{Context, Nearness, Scorer};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which of the children that have a document score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scored {
    /// All add up (DISMAX: the best one): the branches of a query.
    All,
    /// The first one: the terms that a pattern stands for.
    First,
}

/// So many children are asked one after the other.
const FEW: usize = 8;

/// The documents that any child has.
pub struct Union<'a> {
    scored: Scored,
    children: Vec<BoxDocset<'a>>,
    /// The document of each child: to find those that have the current one without asking each.
    docs: Vec<DocId>,
    /// Where each child stands; the top is the current document.
    heap: BinaryHeap<Reverse<(DocId, usize)>>,
    doc: DocId,
    weight: f64,
    standing: Vec<usize>,
}

impl<'a> Union<'a> {
    /// The union of some docsets, all of which score.
    pub fn new(children: Vec<BoxDocset<'a>>, weight: f64) -> Self {
        Self::scoring(Scored::All, children, weight)
    }

    /// The union of some docsets.
    pub fn scoring(scored: Scored, children: Vec<BoxDocset<'a>>, weight: f64) -> Self {
        let heap = children.iter().enumerate().map(|(at, child)| Reverse((child.doc(), at))).collect();
        let docs = children.iter().map(|child| child.doc()).collect();
        let mut union = Self { scored, children, docs, heap, doc: DocId::END, weight, standing: Vec::new() };
        union.settle();
        union
    }

    /// Calls `each` with the children that have the current document, in their order.
    fn each_current(&mut self, mut each: impl FnMut(&mut BoxDocset<'a>)) {
        if self.children.len() <= FEW {
            let standing = self.children.iter_mut().zip(&self.docs).filter(|(_, doc)| **doc == self.doc);
            return standing.for_each(|(child, _)| each(child));
        }
        let mut found = std::mem::take(&mut self.standing);
        self.find_current(&mut found);
        found.iter().for_each(|at| each(&mut self.children[*at]));
        self.standing = found;
    }

    /// The numbers of the children that have the current document. In a heap they are all above those that do not: it is gone
    /// down from the top.
    fn find_current(&self, found: &mut Vec<usize>) {
        found.clear();
        let heap = self.heap.as_slice();
        let mut places = vec![0];
        while let Some(place) = places.pop() {
            if let Some(Reverse((doc, at))) = heap.get(place)
                && *doc == self.doc
            {
                found.push(*at);
                places.extend([2 * place + 1, 2 * place + 2]);
            }
        }
        found.sort_unstable();
    }

    /// As [`Union::each_current`], with those that score.
    fn each_scoring(&mut self, mut each: impl FnMut(&mut BoxDocset<'a>)) {
        match (self.scored, self.heap.peek()) {
            // On top stands the first of those that have the document.
            (Scored::First, Some(Reverse((_, at)))) => each(&mut self.children[*at]),
            _ => self.each_current(each),
        }
    }

    fn settle(&mut self) -> DocId {
        self.doc = self.heap.peek().map_or(DocId::END, |top| top.0.0);
        self.doc
    }
}

impl Docset for Union<'_> {
    fn doc(&self) -> DocId {
        self.doc
    }

    fn advance(&mut self) -> DocId {
        if self.doc == DocId::END {
            return self.doc;
        }
        self.skip_to(DocId(self.doc.0 + 1))
    }

    fn skip_to(&mut self, target: DocId) -> DocId {
        while let Some(mut top) = self.heap.peek_mut() {
            let Reverse((doc, at)) = *top;
            if doc >= target {
                break;
            }
            self.docs[at] = self.children[at].skip_to(target);
            *top = Reverse((self.docs[at], at));
        }
        self.settle()
    }

    fn estimate(&self) -> u64 {
        self.children.iter().map(|child| child.estimate()).sum()
    }

    fn score(&mut self, context: &Context) -> f64 {
        let mut total = 0.0;
        self.each_scoring(|child| {
            let score = child.score(context);
            total = if context.scorer == Scorer::Dismax { f64::max(total, score) } else { total + score };
        });
        total * self.weight
    }

    fn explain(&mut self, context: &Context) -> Explanation {
        let score = self.score(context);
        let mut children = Vec::new();
        self.each_scoring(|child| children.push(child.explain(context)));
        Explanation::of_clauses(context, self.weight, score, children)
    }

    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        self.each_current(|child| child.terms(tell));
    }

    fn positions(&mut self, out: &mut Vec<u32>) {
        let from = out.len();
        self.each_current(|child| child.positions(out));
        merge_positions(out, from);
    }

    fn scored_positions(&mut self, out: &mut Vec<u32>) {
        let from = out.len();
        self.each_scoring(|child| child.scored_positions(out));
        merge_positions(out, from);
    }

    fn slop(&mut self) -> f64 {
        let (mut nearness, mut positions) = (Nearness::default(), Vec::new());
        self.each_scoring(|child| {
            positions.clear();
            child.scored_positions(&mut positions);
            nearness.add(&positions);
        });
        nearness.slop()
    }
}
