//! What a query really does, for FT.PROFILE: a tree of what its plan was made of, with how long each took and how many
//! documents it gave.
//!
//! A plan that is told to [`Profile`] itself opens a node before it makes what a clause becomes, so what is made
//! meanwhile is a child of it. Clauses that are walked through are wrapped (`Profiled`) and count their documents as
//! they go; sets count theirs once. A plan that is not told so makes what it makes otherwise, and nothing besides.
//!
//! Times are of making and of moving, with what is inside; scores are counted elsewhere. A profile is of one thread.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::decimal;
use super::doc_id::DocId;
use super::docset::{BoxDocset, Docset, Known};
use super::explanation::Explanation;
use super::query::ast::{Circle, Range};
use super::score::Context;

/// What a node of a plan is.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The documents of one thing, out of what the index has for it.
    Leaf {
        /// Its kind: `TEXT`, `TAG`, `NUMERIC`, `GEO`.
        kind: &'static str,
        /// The word, the tag or the range.
        term: Box<[u8]>,
        /// How many documents there are.
        size: u64,
    },
    /// Any of its children.
    Union {
        /// What the children are of; `None`: branches of the query.
        of: Option<Box<[u8]>>,
    },
    /// All of its children.
    Intersect,
    /// A clause with a name that says all, around others or none.
    Plain(&'static str),
    /// A search among vectors, by its mode, with what passes its filter.
    Vector(&'static str),
}

/// A node of a plan and what it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub what: What,
    /// How long it took, its children among it.
    pub time: Duration,
    /// How many documents it gave.
    pub count: u64,
    /// At most how many documents it could give, if it is walked through.
    estimate: Option<u64>,
    /// Some terms of a pattern were left out.
    pub was_cut: bool,
    /// What it is made of.
    pub children: Vec<Node>,
}

/// A node that is being filled in.
#[derive(Debug, Clone, Copy)]
pub struct Opened(usize);

/// What a query has done so far.
#[derive(Debug, Default)]
pub struct Profile {
    /// All nodes, each with that which it is in.
    nodes: RefCell<Vec<(Node, Option<usize>)>>,
    /// Those that are being made, each in the one before.
    open: RefCell<Vec<usize>>,
    scoring: Cell<(Duration, u64)>,
    /// What the node that is opened next took before.
    owed: Cell<Duration>,
    /// How long it took to find the rows, all in all.
    pub took: Cell<Duration>,
}

/// How a query went.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The plan.
    pub tree: Node,
    /// How long scores took, and how many there were.
    pub scoring: (Duration, u64),
    /// How long it took to find the rows, all in all.
    pub took: Duration,
}

impl Default for Done {
    fn default() -> Self {
        Self { tree: Node::of(What::Plain("EMPTY")), scoring: (Duration::ZERO, 0), took: Duration::ZERO }
    }
}

impl What {
    /// A range of numbers.
    pub fn of_range(range: &Range, size: u64) -> Self {
        let bracket = |inclusive| if inclusive { &b""[..] } else { b"(" };
        let (min, max) = (decimal::value(range.min), decimal::value(range.max));
        let term = [bracket(range.min_inclusive), &min, b" - ", bracket(range.max_inclusive), &max].concat();
        Self::Leaf { kind: "NUMERIC", term: term.into(), size }
    }

    /// A circle.
    pub fn of_circle(circle: &Circle, size: u64) -> Self {
        let meters = circle.radius * circle.unit.meters();
        let [lon, lat, radius] = [circle.lon, circle.lat, meters].map(decimal::value);
        Self::Leaf { kind: "GEO", term: [&lon[..], b",", &lat, b" - ", &radius, b" m"].concat().into(), size }
    }
}

impl Node {
    fn of(what: What) -> Self {
        Self { what, time: Duration::ZERO, count: 0, estimate: None, was_cut: false, children: Vec::new() }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.what == What::Plain("EMPTY")
    }

    /// As it is shown: without branches that are nothing; a union of one branch is that branch; what is walked through in the
    /// order in which documents are looked for.
    fn shown(mut self) -> Self {
        self.children = self.children.into_iter().map(Self::shown).collect();
        // What only holds others together takes their time.
        self.time = self.time.max(self.children.iter().map(|child| child.time).sum());
        match self.what {
            What::Union { .. } => {
                self.children.retain(|child| !child.is_empty());
                match (self.children.len(), self.was_cut) {
                    (0, false) => Self { what: What::Plain("EMPTY"), ..self },
                    (1, false) => self.children.swap_remove(0),
                    _ => self,
                }
            }
            What::Intersect => {
                // Sets are intersected in the order in which they were made.
                if self.children.iter().any(|child| child.estimate.is_some()) {
                    let is_asked = |child: &Self| matches!(child.what, What::Plain("NOT" | "OPTIONAL"));
                    self.children.sort_by_key(|child| (is_asked(child), child.estimate.unwrap_or(child.count)));
                }
                self
            }
            _ => self,
        }
    }
}

impl Profile {
    /// Begins a node in the one that is being made.
    fn open(&self, what: What) -> Opened {
        let (mut nodes, mut open) = (self.nodes.borrow_mut(), self.open.borrow_mut());
        nodes.push((Node::of(what), open.last().copied()));
        open.push(nodes.len() - 1);
        Opened(nodes.len() - 1)
    }

    fn close(&self) {
        self.open.borrow_mut().pop();
    }

    fn add(&self, node: Opened, time: Duration, count: u64) {
        if let Some((node, _)) = self.nodes.borrow_mut().get_mut(node.0) {
            node.time += time;
            node.count += count;
        }
    }

    fn made<T>(&self, what: What, make: impl FnOnce() -> T) -> (T, Opened, Duration) {
        let (node, owed) = (self.open(what), self.owed.take());
        let start = Instant::now();
        let made = make();
        self.close();
        (made, node, start.elapsed() + owed)
    }

    /// Notes what the node that is opened next took before.
    pub fn owe(&self, time: Duration) {
        self.owed.set(time);
    }

    /// A node that is walked through.
    pub fn docset<'a>(&'a self, what: What, make: impl FnOnce() -> BoxDocset<'a>) -> BoxDocset<'a> {
        let (inner, node, took) = self.made(what, make);
        self.add(node, took, u64::from(inner.doc() != DocId::END));
        if let Some((node, _)) = self.nodes.borrow_mut().get_mut(node.0) {
            node.estimate = Some(inner.estimate());
        }
        Box::new(Profiled { inner, profile: self, node })
    }

    /// A node that is made as a whole.
    pub fn set<'a>(&self, what: What, make: impl FnOnce() -> Cow<'a, RoaringBitmap>) -> Cow<'a, RoaringBitmap> {
        self.whole(what, make, |set| set.len())
    }

    /// A node that is made as a whole, of so many documents.
    pub fn whole<T>(&self, what: What, make: impl FnOnce() -> T, count: impl FnOnce(&T) -> u64) -> T {
        let (made, node, took) = self.made(what, make);
        self.add(node, took, count(&made));
        made
    }

    /// A node around others that takes no time of its own, of so many documents.
    pub fn around<T>(&self, what: What, make: impl FnOnce() -> T, count: impl FnOnce(&T) -> u64) -> T {
        let (made, node, _) = self.made(what, make);
        self.add(node, Duration::ZERO, count(&made));
        made
    }

    /// The node that is being made is this.
    pub fn is(&self, what: What) {
        if let Some(at) = self.open.borrow().last() {
            self.nodes.borrow_mut()[*at].0.what = what;
        }
    }

    /// A node that documents are asked of; `make` makes the question.
    pub fn asked<'a>(
        &'a self,
        what: What,
        make: impl FnOnce() -> Box<dyn Fn(DocId) -> bool + 'a>,
    ) -> Box<dyn Fn(DocId) -> bool + 'a> {
        let (question, node, took) = self.made(what, make);
        self.add(node, took, 0);
        Box::new(move |doc| {
            let start = Instant::now();
            let passes = question(doc);
            self.add(node, start.elapsed(), u64::from(passes));
            passes
        })
    }

    /// A node that has nothing inside.
    pub fn leaf(&self, what: What, time: Duration, count: u64) {
        let node = self.open(what);
        self.close();
        self.add(node, time, count);
    }

    /// Notes that terms of the pattern that is being made were left out.
    pub fn cut(&self) {
        if let Some(at) = self.open.borrow().last() {
            self.nodes.borrow_mut()[*at].0.was_cut = true;
        }
    }

    /// Scores a document.
    pub fn scored<T>(&self, score: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let scored = score();
        let (took, count) = self.scoring.get();
        self.scoring.set((took + start.elapsed(), count + 1));
        scored
    }

    /// How the query went; of several trees, the first is it.
    pub fn done(self) -> Done {
        let mut nodes = self.nodes.into_inner();
        let mut tree = None;
        // A node comes after the one that it is in, so the last one is whole.
        while let Some((mut node, within)) = nodes.pop() {
            node.children.reverse();
            match within.and_then(|at| nodes.get_mut(at)) {
                Some((parent, _)) => parent.children.push(node),
                None => tree = Some(node),
            }
        }
        let tree = tree.map_or_else(|| Node::of(What::Plain("EMPTY")), Node::shown);
        Done { tree, scoring: self.scoring.get(), took: self.took.get() }
    }
}

/// A docset that tells what it does.
struct Profiled<'a> {
    inner: BoxDocset<'a>,
    profile: &'a Profile,
    node: Opened,
}

impl<'a> Profiled<'a> {
    fn moved(&mut self, go: impl FnOnce(&mut BoxDocset<'a>) -> DocId) -> DocId {
        let (before, start) = (self.inner.doc(), Instant::now());
        let doc = go(&mut self.inner);
        self.profile.add(self.node, start.elapsed(), u64::from(doc != before && doc != DocId::END));
        doc
    }
}

impl Docset for Profiled<'_> {
    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn advance(&mut self) -> DocId {
        self.moved(|inner| inner.advance())
    }

    fn skip_to(&mut self, target: DocId) -> DocId {
        self.moved(|inner| inner.skip_to(target))
    }

    fn estimate(&self) -> u64 {
        self.inner.estimate()
    }

    fn score(&mut self, context: &Context) -> f64 {
        self.inner.score(context)
    }

    fn explain(&mut self, context: &Context) -> Explanation {
        self.inner.explain(context)
    }

    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        self.inner.terms(tell);
    }

    fn positions(&mut self, out: &mut Vec<u32>) {
        self.inner.positions(out);
    }

    fn scored_positions(&mut self, out: &mut Vec<u32>) {
        self.inner.scored_positions(out);
    }

    fn slop(&mut self) -> f64 {
        self.inner.slop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::docset::Set;
    use crate::search::score::Leaf;

    fn leaf(term: &str) -> What {
        What::Leaf { kind: "TEXT", term: term.as_bytes().into(), size: 3 }
    }

    fn set(docs: &[u32]) -> BoxDocset<'static> {
        Box::new(Set::owned(docs.iter().copied().collect(), Leaf::SILENT))
    }

    /// What a tree is made of, with the documents that each node gave.
    fn shape(node: &Node) -> String {
        let children: Vec<String> = node.children.iter().map(shape).collect();
        let name = match &node.what {
            What::Leaf { term, .. } => String::from_utf8_lossy(term).into_owned(),
            What::Union { .. } => "union".into(),
            What::Intersect => "all".into(),
            What::Plain(name) | What::Vector(name) => (*name).into(),
        };
        format!("{name}:{}({})", node.count, children.join(" "))
    }

    #[test]
    fn nodes_are_in_those_that_were_being_made() {
        let profile = Profile::default();
        profile.around(
            What::Intersect,
            || {
                profile.leaf(leaf("a"), Duration::from_secs(1), 2);
                profile.whole(What::Plain("NOT"), || profile.leaf(leaf("b"), Duration::from_secs(2), 1), |()| 7);
            },
            |()| 5,
        );
        profile.leaf(leaf("another tree"), Duration::ZERO, 0);
        let done = profile.done();
        assert_eq!(shape(&done.tree), "all:5(a:2() NOT:7(b:1()))");
        assert_eq!(done.tree.time, done.tree.children.iter().map(|child| child.time).sum());
        assert!(done.tree.time >= Duration::from_secs(3));
    }

    #[test]
    fn what_is_walked_through_counts_its_documents_once() {
        let profile = Profile::default();
        let mut docs = profile.docset(leaf("a"), || set(&[1, 4, 9]));
        docs.skip_to(DocId(2));
        docs.skip_to(DocId(3));
        docs.skip_to(DocId(4));
        docs.advance();
        docs.advance();
        docs.advance();
        drop(docs);
        assert_eq!(shape(&profile.done().tree), "a:3()");
    }

    #[test]
    fn a_union_shows_the_branches_that_there_are() {
        let of = |branches: &[&str]| {
            let profile = Profile::default();
            let make = || {
                for branch in branches {
                    let what = if *branch == "-" { What::Plain("EMPTY") } else { leaf(branch) };
                    profile.leaf(what, Duration::ZERO, 1);
                }
            };
            profile.whole(What::Union { of: None }, make, |()| 2);
            shape(&profile.done().tree)
        };
        assert_eq!(of(&["a", "-", "b"]), "union:2(a:1() b:1())");
        assert_eq!(of(&["-", "b"]), "b:1()");
        assert_eq!(of(&["-"]), "EMPTY:2()");
        assert_eq!(shape(&Profile::default().done().tree), "EMPTY:0()");
    }

    #[test]
    fn clauses_of_an_intersection_come_as_they_are_looked_for() {
        let profile = Profile::default();
        let make = || {
            let _many = profile.docset(leaf("many"), || set(&[1, 2, 3]));
            let _question = profile.asked(What::Plain("NOT"), || Box::new(|_| true));
            let _few = profile.docset(leaf("few"), || set(&[1]));
        };
        profile.whole(What::Intersect, make, |()| 0);
        assert_eq!(shape(&profile.done().tree), "all:0(few:1() many:1() NOT:0())");
    }

    #[test]
    fn ranges_are_written_as_they_are_asked() {
        let range = Range { min: 1.5, max: f64::INFINITY, min_inclusive: false, max_inclusive: true };
        assert_eq!(What::of_range(&range, 3), What::Leaf { kind: "NUMERIC", term: (*b"(1.5 - inf").into(), size: 3 });
    }
}
