//! A checker of the contract of docsets, and the laws of those here, each against sets.

use super::*;
use crate::search::fields::text::postings::{Format, Occurrences, Postings};
use crate::search::schema::FieldMask;
use crate::search::score::{Corpus, Leaf, Scorer};
use crate::watch::Watch;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Wraps a docset and panics where it breaks its contract.
struct Checked<'a>(BoxDocset<'a>);

impl Docset for Checked<'_> {
    fn doc(&self) -> DocId {
        assert_eq!(self.0.doc(), self.0.doc());
        self.0.doc()
    }
    fn advance(&mut self) -> DocId {
        let before = self.0.doc();
        let after = self.0.advance();
        assert_eq!(after, self.0.doc());
        assert!(
            after > before || before == DocId::END && after == DocId::END,
            "advance moved from {before:?} to {after:?}"
        );
        after
    }
    fn skip_to(&mut self, target: DocId) -> DocId {
        let before = self.0.doc();
        let after = self.0.skip_to(target);
        assert_eq!(after, self.0.doc());
        assert!(after >= target && after >= before);
        assert!(before < target || after == before, "skip_to left a document that was far enough");
        after
    }
    fn estimate(&self) -> u64 {
        self.0.estimate()
    }
    fn score(&mut self, context: &Context) -> f64 {
        let doc = self.doc();
        assert_ne!(doc, DocId::END, "score past the end");
        let score = self.0.score(context);
        assert_eq!((doc, score), (self.0.doc(), self.0.score(context)), "score moved the docset, or changed");
        score
    }
    fn explain(&mut self, context: &Context) -> Explanation {
        let doc = self.doc();
        let explanation = self.0.explain(context);
        assert_eq!(doc, self.0.doc());
        explanation
    }
    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        let doc = self.doc();
        assert_ne!(doc, DocId::END, "terms past the end");
        self.0.terms(tell);
        assert_eq!(doc, self.0.doc());
    }
    fn scored_positions(&mut self, out: &mut Vec<u32>) {
        let (doc, from) = (self.doc(), out.len());
        let mut all = Vec::new();
        self.0.positions(&mut all);
        self.0.scored_positions(out);
        assert!(out[from..].is_sorted() && out[from..].iter().all(|position| all.contains(position)));
        assert_eq!(doc, self.0.doc());
    }
    fn positions(&mut self, out: &mut Vec<u32>) {
        let (doc, from) = (self.doc(), out.len());
        assert_ne!(doc, DocId::END, "positions past the end");
        self.0.positions(out);
        assert_eq!(doc, self.0.doc());
        assert!(out[from..].is_sorted_by(|a, b| a < b), "positions do not rise");
    }
    fn slop(&mut self) -> f64 {
        let doc = self.doc();
        let slop = self.0.slop();
        assert_eq!(doc, self.0.doc());
        assert!(slop >= 1.0);
        slop
    }
}

/// The shape of a docset.
#[derive(Debug, Clone)]
enum Shape {
    Set(BTreeSet<u32>),
    Word(BTreeSet<u32>),
    Union(Vec<Shape>),
    /// Must, may, and what a test accepts.
    Conjunction(Vec<Shape>, Vec<Shape>, BTreeSet<u32>),
}

impl Shape {
    fn docs(&self) -> BTreeSet<u32> {
        match self {
            Self::Set(docs) | Self::Word(docs) => docs.clone(),
            Self::Union(children) => children.iter().flat_map(Self::docs).collect(),
            Self::Conjunction(must, _, accepted) => {
                must.iter().map(Self::docs).fold(accepted.clone(), |all, docs| &all & &docs)
            }
        }
    }

    /// The score by DISMAX, where every leaf counts 1 a document.
    fn score(&self, doc: u32) -> f64 {
        match self {
            _ if !self.docs().contains(&doc) => 0.0,
            Self::Set(_) | Self::Word(_) => 1.0,
            Self::Union(children) => children.iter().map(|child| child.score(doc)).fold(0.0, f64::max),
            Self::Conjunction(must, may, _) => must.iter().chain(may).map(|part| part.score(doc)).sum(),
        }
    }

    fn build<'a>(&'a self, words: &'a [(BTreeSet<u32>, Postings)], watch: &'a Watch<'a>) -> BoxDocset<'a> {
        let corpus = Corpus { docs: 100, average_length: 3.0 };
        let build = |shape: &'a Shape| shape.build(words, watch);
        Box::new(Checked(match self {
            Self::Set(docs) => Box::new(Set::owned(docs.iter().copied().collect(), Leaf::all(1.0))),
            Self::Word(docs) => {
                let (_, postings) = words.iter().find(|(d, _)| d == docs).unwrap();
                let leaf = Leaf::term(1.0, &corpus, u64::from(postings.docs()));
                Box::new(Words::new(
                    postings.cursor(Format::default()),
                    FieldMask(1),
                    (postings.docs().into(), leaf),
                    b"w",
                    watch,
                ))
            }
            Self::Union(children) => Box::new(Union::new(children.iter().map(build).collect(), 1.0)),
            Self::Conjunction(must, may, accepted) => {
                let mut parts: Vec<Part<'a>> = must.iter().map(|shape| Part::Must(build(shape))).collect();
                parts.extend(may.iter().map(|shape| Part::May(build(shape))));
                parts.push(Part::Test(Box::new(|doc| accepted.contains(&doc.0)), Leaf::SILENT));
                Box::new(Conjunction::new(parts, None, 1.0, watch))
            }
        }))
    }

    fn words(&self, out: &mut Vec<(BTreeSet<u32>, Postings)>) {
        match self {
            Self::Set(_) => {}
            Self::Word(docs) => {
                let mut postings = Postings::default();
                for doc in 0..400 {
                    // The others have the word in another field.
                    let mask = FieldMask(if docs.contains(&doc) { 1 } else { 2 });
                    let what = Occurrences { freq: 1, mask, positions: vec![doc, doc + 3] };
                    postings.insert(Format::default(), DocId(doc), &what);
                }
                out.push((docs.clone(), postings));
            }
            Self::Union(children) => children.iter().for_each(|child| child.words(out)),
            Self::Conjunction(must, may, _) => must.iter().chain(may).for_each(|child| child.words(out)),
        }
    }
}

fn docs() -> impl Strategy<Value = BTreeSet<u32>> {
    prop_oneof![prop::collection::btree_set(0u32..400, 0..60), prop::collection::btree_set(0u32..12, 0..12)]
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![docs().prop_map(Shape::Set), docs().prop_map(Shape::Word)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        let none = prop::collection::vec(inner, 0..3);
        prop_oneof![
            some.clone().prop_map(Shape::Union),
            (some, none, prop::collection::btree_set(0u32..400, 0..400))
                .prop_map(|(must, may, accepted)| Shape::Conjunction(must, may, accepted)),
        ]
    })
}

proptest! {
    #[test]
    fn docsets_keep_their_contract(shape in shape(), targets in prop::collection::vec(0u32..420, 0..12)) {
        let watch = Watch::default();
        let mut words = Vec::new();
        shape.words(&mut words);
        let expected = shape.docs();

        let mut docset = shape.build(&words, &watch);
        prop_assert!(docset.estimate() >= expected.len() as u64);
        let mut seen = BTreeSet::new();
        let context = Context::new(Scorer::Dismax, &Corpus { docs: 1, average_length: 1.0 }, 1);
        while docset.doc() != DocId::END {
            seen.insert(docset.doc().0);
            prop_assert_eq!(docset.score(&context), shape.score(docset.doc().0));
            docset.positions(&mut Vec::new());
            docset.slop();
            docset.advance();
        }
        prop_assert_eq!(docset.advance(), DocId::END);
        prop_assert_eq!(&seen, &expected);

        let mut docset = shape.build(&words, &watch);
        let mut at = 0;
        for target in targets {
            docset.skip_to(DocId(target));
            at = at.max(target);
            prop_assert_eq!(docset.doc(), expected.range(at..).next().map_or(DocId::END, |doc| DocId(*doc)));
            at = docset.doc().0;
        }

        let mut docset = shape.build(&words, &watch);
        prop_assert!(drain(&mut *docset, &watch).iter().eq(expected));
    }
}
