//! Executing a query: from its tree to rows.
//!
//! | order | what is done |
//! |---|---|
//! | [`Order::Best`] | documents are walked through and scored, the best kept; KNN: the nearest; nothing is scored where all must score alike |
//! | [`Order::Field`], [`Order::Distance`] | the matching set, then the first by their values |
//! | [`Order::Number`] | the matching set |
//!
//! Ties are by number, and by falling number where a field or a distance falls. Documents without the value come last in
//! both directions. The total is exact, unless the query was cancelled: then there are the rows found so far.

mod nearest;

use super::doc_id::DocId;
use super::docset::{Docset, drain, next_allowed};
use super::explanation::Explanation;
use super::filters::Filters;
use super::index::{Index, SortValue};
use super::plan::{Plan, Settings, each_range, scores_alike};
use super::profile::{Profile, What};
use super::query::ast::{Circle, Kind, Node, Range};
use super::schema::FieldId;
use super::score::{Context, Leaf, Scorer, Whole, compare_payloads, finish, normalized};
use super::sorting::sort_within;
use super::top::Top;
use crate::watch::Watch;
use roaring::RoaringBitmap;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Instant;

/// Steps that making a row is worth.
const ROW: usize = 4;
/// Rows that are made in any case: where time was over before the first, those of what was found by then.
const AT_LEAST: usize = 1024;

/// Which rows come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The highest scores; of KNN, the nearest.
    Best,
    /// The first indexed; of KNN, the nearest.
    Number,
    /// By the value of a field.
    Field {
        /// Which.
        field: FieldId,
        /// The largest first.
        descending: bool,
    },
    /// By a distance that the query yields.
    Distance {
        /// Which, by its place in [`distance_names`].
        nth: usize,
        /// The largest first.
        descending: bool,
    },
}

/// A query and what is wanted of it.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Node,
    /// What the query was told beside its text.
    pub settings: Settings,
    /// INKEYS: only these documents.
    pub in_keys: Option<Vec<&'a [u8]>>,
    /// FILTER: only documents with numbers in these ranges.
    pub ranges: Vec<(FieldId, Range)>,
    /// GEOFILTER: only documents with points in these circles.
    pub circles: Vec<(FieldId, Circle)>,
    /// How to score.
    pub scorer: Scorer,
    /// Whether rows need their scores.
    pub scores: bool,
    /// Whether rows need to explain their scores.
    pub explain: bool,
    /// Whether rows need to know which terms of the query they have.
    pub terms: bool,
    /// Whether rows need the keys of their documents.
    pub keys: bool,
    /// PAYLOAD, for HAMMING.
    pub payload: Option<&'a [u8]>,
    /// Whether rows need the payloads of their documents.
    pub payloads: bool,
    /// Which rows come first.
    pub order: Order,
    /// How many rows to leave out at the start.
    pub offset: usize,
    /// How many rows to return.
    pub limit: usize,
    /// Where to tell what is done; `None`: nobody wants to know.
    pub profile: Option<&'a Profile>,
    /// Asked before a millisecond of work is done; true ends the query with what it has.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Request<'a> {
    /// Whether options of the command restrict the documents.
    fn has_filters(&self) -> bool {
        self.in_keys.is_some() || !self.ranges.is_empty() || !self.circles.is_empty()
    }

    /// The ten best of a tree.
    pub fn new(root: &'a Node) -> Self {
        Self {
            root,
            settings: Settings::default(),
            in_keys: None,
            ranges: Vec::new(),
            circles: Vec::new(),
            scorer: Scorer::default(),
            scores: false,
            explain: false,
            terms: false,
            keys: true,
            payload: None,
            payloads: false,
            order: Order::Best,
            offset: 0,
            limit: 10,
            profile: None,
            cancelled: None,
        }
    }
}

/// What the rows of a KNN query are candidates for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// How many are wanted.
    pub k: usize,
    /// By how much their distances can be wrong.
    pub uncertainty: f64,
}

/// A value that a row was sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Of a NUMERIC field, or a distance.
    Number(f64),
    /// Of another field.
    Text(Arc<[u8]>),
}

impl SortKey {
    fn of(value: SortValue<'_>) -> Self {
        match value {
            SortValue::Number(number) => Self::Number(number),
            SortValue::Text(text) => Self::Text(Arc::clone(text)),
        }
    }
}

/// A term or a tag that a document was found by.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The term, as the index has it.
    pub text: Box<[u8]>,
    /// How rare a term is, as TFIDF counts that; `None`: it is a tag.
    pub rarity: Option<f64>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number in the index: valid as long as the index is not changed.
    pub doc: DocId,
    /// Its key; empty if it was not needed.
    pub key: Box<[u8]>,
    /// Its score; 0 if it was not needed.
    pub score: f64,
    /// How its score came about, if that is wanted.
    pub explanation: Option<Box<Explanation>>,
    /// The terms and tags of the query that it has, if they are wanted.
    pub terms: Vec<Term>,
    /// Its payload, if it has one and it is wanted.
    pub payload: Option<Box<[u8]>>,
    /// What it was sorted by; `None` where it has no such value, and where rows are not sorted by a value.
    pub sort: Option<SortKey>,
    /// The distances that the query yields, as [`distance_names`] lists them; `None` where the document is in another branch
    /// of the query.
    pub distances: Vec<Option<f64>>,
}

/// What a query found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// How many documents match.
    pub total: u64,
    /// The rows that were asked for; all of them where `unsorted`.
    pub rows: Vec<Row>,
    /// False: the query was cancelled, and this is what it had.
    pub complete: bool,
    /// A pattern stands for more terms than were looked for.
    pub was_cut: bool,
    /// Nothing was looked for, since the server uses more memory than it may.
    pub no_memory: bool,
    /// The index does not keep the values of the field to sort by: fill in [`Row::sort`], then call [`Found::arrange`].
    pub unsorted: bool,
    /// The rows are candidates of KNN, all of them: call [`Found::settle`], and that first.
    pub nearest: Option<Nearest>,
}

impl Found {
    /// Nothing, as the server uses more memory than it may.
    pub fn without_memory() -> Self {
        Self { complete: true, no_memory: true, ..Self::default() }
    }
}

/// The names under which rows have distances: of KNN, then of vector ranges in the order of the query.
pub fn distance_names(root: &Node) -> Vec<&[u8]> {
    let mut names = Vec::new();
    if let Kind::Knn(knn) = &root.kind {
        names.push(&*knn.distance_as);
    }
    each_range(root, &mut |range| names.extend(range.distance_as.as_deref()));
    names
}

/// Executes a query.
pub fn execute(index: &Index, request: &Request<'_>) -> Found {
    let watch = Watch::new(request.cancelled);
    let start = request.profile.map(|_| Instant::now());
    let plan = Plan::new(index, &request.settings, request.root, &watch).profiled(request.profile);
    let mut query = Execution { index, request, plan, allowed: None, watch: &watch };
    let mut found = match request.profile.filter(|_| request.has_filters()) {
        Some(profile) => profile.around(What::Intersect, || query.find(), |found| found.total),
        None => query.find(),
    };
    let greatest = query.normalize(&mut found.rows);
    if let (Some(profile), Some(start)) = (request.profile, start) {
        profile.took.set(start.elapsed());
    }
    if request.explain {
        query.explain(&mut found.rows, greatest);
    }
    if request.terms {
        query.find_terms(found.rows.iter_mut().collect());
    }
    found.complete &= !watch.look();
    found.was_cut = query.plan.was_cut();
    found
}

/// Finds the terms of rows that came of [`execute`] by their keys, when it is known which of them are wanted: those that a
/// document has of optional parts, too, where it has not all that such a part asks for.
pub fn find_terms<'r>(index: &Index, request: &Request<'_>, rows: impl IntoIterator<Item = &'r mut Row>) {
    let watch = Watch::new(request.cancelled);
    let plan = Plan::new(index, &request.settings, request.root, &watch).with_words_one_by_one();
    let query = Execution { index, request, plan, allowed: None, watch: &watch };
    let there = |row: &'r mut Row| {
        // The index may have changed since.
        row.doc = index.documents().find(&row.key)?;
        Some(row)
    };
    query.find_terms(rows.into_iter().filter_map(there).collect());
}

/// The documents that match, without rows: so many at most, of all those with the lowest numbers, by which they come. What is found
/// besides says whether they are complete. Not for KNN.
pub fn documents(index: &Index, request: &Request<'_>, most: usize) -> (RoaringBitmap, Found) {
    let watch = Watch::new(request.cancelled);
    let start = request.profile.map(|_| Instant::now());
    let plan = Plan::new(index, &request.settings, request.root, &watch).profiled(request.profile);
    let mut query = Execution { index, request, plan, allowed: None, watch: &watch };
    let mut find = || {
        query.allowed = query.allowed();
        if most == usize::MAX { query.matching().into_owned() } else { query.first(most) }
    };
    let docs = match request.profile.filter(|_| request.has_filters()) {
        Some(profile) => profile.around(What::Intersect, find, RoaringBitmap::len),
        None => find(),
    };
    if let (Some(profile), Some(start)) = (request.profile, start) {
        profile.took.set(start.elapsed());
    }
    (docs, Found { complete: !watch.look(), was_cut: query.plan.was_cut(), ..Found::default() })
}

struct Execution<'a> {
    index: &'a Index,
    request: &'a Request<'a>,
    plan: Plan<'a>,
    allowed: Option<RoaringBitmap>,
    watch: &'a Watch<'a>,
}

impl<'a> Execution<'a> {
    /// The documents that the options of the command allow; `None`: all.
    fn allowed(&self) -> Option<RoaringBitmap> {
        let Request { in_keys, ranges, circles, .. } = self.request;
        let filters = Filters { in_keys: in_keys.as_deref(), ranges, circles };
        filters.allowed(self.index, self.request.profile, self.watch)
    }

    /// The rows.
    fn find(&mut self) -> Found {
        self.allowed = self.allowed();
        match &self.request.root.kind {
            Kind::Knn(knn) => self.knn(knn),
            _ => match self.request.order {
                Order::Best if self.scores_differ() => self.scored(),
                Order::Best | Order::Number => self.in_order(),
                Order::Field { .. } | Order::Distance { .. } => self.sorted(),
            },
        }
    }

    /// Whether documents can differ in score, or scores are wanted.
    fn scores_differ(&self) -> bool {
        let alike = self.index.text().total_length() == 0 && self.index.documents().score_alike();
        let by_payload = self.request.scorer == Scorer::Hamming;
        self.request.scores || by_payload || !alike || !scores_alike(&self.request.root.kind)
    }

    /// The matching set.
    fn matching(&self) -> Cow<'_, RoaringBitmap> {
        let found = self.plan.bitmap(self.request.root);
        match &self.allowed {
            None => found,
            Some(allowed) => Cow::Owned(&*found & allowed),
        }
    }

    /// The first of the matching documents: no more of them are looked for.
    fn first(&self, most: usize) -> RoaringBitmap {
        let mut docset = self.plan.docset(self.request.root);
        let mut allowed = self.allowed.as_ref().map(RoaringBitmap::iter);
        let mut first = RoaringBitmap::new();
        for _ in 0..most {
            let Some(doc) = next_allowed(&mut *docset, &mut allowed, self.watch) else { break };
            first.insert(doc.0);
            docset.advance();
            if self.watch.spend(1) {
                break;
            }
        }
        first
    }

    /// Walks through the matching documents, and says whether to the end.
    fn walk(&self, root: &'a Node, mut each: impl FnMut(DocId, f64)) -> bool {
        let corpus = self.index.corpus();
        let mut docset = self.plan.docset(root);
        let mut allowed = self.allowed.as_ref().map(RoaringBitmap::iter);
        while let Some(doc) = next_allowed(&mut *docset, &mut allowed, self.watch) {
            let score = match self.request.profile {
                Some(profile) => profile.scored(|| self.score(&corpus, &mut *docset, doc)),
                None => self.score(&corpus, &mut *docset, doc),
            };
            each(doc, score);
            docset.advance();
            if self.watch.spend(1) {
                return false;
            }
        }
        true
    }

    /// The score of the document that a docset stands on.
    fn score(&self, corpus: &super::score::Corpus, docset: &mut dyn Docset, doc: DocId) -> f64 {
        let (scorer, whole) = (self.request.scorer, self.whole(doc));
        let sum = docset.score(&Context::new(scorer, corpus, whole.length));
        let slop = if scorer.needs_nearness() && sum != 0.0 { docset.slop() } else { 1.0 };
        finish(scorer, sum, &Whole { slop, ..whole })
    }

    /// The rows with the highest scores.
    fn scored(&self) -> Found {
        let mut best = Top::new((self.request.offset, self.request.limit), |a: &(f64, DocId), b: &(f64, DocId)| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        });
        let complete = self.walk(self.request.root, |doc, score| best.offer((score, doc)));
        let (total, best) = best.into_sorted(self.watch);
        let rows = self.rows(best.iter().map(|(_, doc)| *doc)).zip(&best);
        let rows = rows.map(|(row, (score, _))| Row { score: *score, ..row }).collect();
        Found { total, rows, complete, ..Found::default() }
    }

    /// The rows that were indexed first.
    fn in_order(&self) -> Found {
        let docs = self.matching();
        let Request { offset, limit, .. } = *self.request;
        let mut rows = self.all_rows(docs.iter().skip(offset).take(limit));
        self.fill_scores(self.request.root, &mut rows);
        Found { total: docs.len(), rows, complete: true, ..Found::default() }
    }

    /// The rows with the first values of a field or a distance.
    fn sorted(&self) -> Found {
        let docs = self.matching();
        if let Order::Field { field, .. } = self.request.order
            && !self.index.field(field).is_some_and(super::index::FieldIndex::keeps_sort_values)
        {
            return self.unsorted(&docs);
        }
        let mut rows = self.first_by(docs.iter().map(|doc| (self.sort_value(DocId(doc), &[]), DocId(doc))));
        self.fill_scores(self.request.root, &mut rows);
        Found { total: docs.len(), rows, complete: true, ..Found::default() }
    }

    /// All rows, for the caller to sort.
    fn unsorted(&self, docs: &RoaringBitmap) -> Found {
        let mut rows = self.all_rows(docs.iter());
        self.fill_scores(self.request.root, &mut rows);
        Found { total: docs.len(), rows, complete: true, unsorted: true, ..Found::default() }
    }

    /// The rows of some documents, until time is over.
    fn all_rows(&self, docs: impl Iterator<Item = u32>) -> Vec<Row> {
        let timely = docs.enumerate().take_while(|(nth, _)| !self.watch.spend(ROW) || *nth < AT_LEAST);
        timely.map(|(_, doc)| self.row(DocId(doc))).collect()
    }

    /// The first rows of some documents by a value that each comes with.
    fn first_by<'s>(&self, docs: impl Iterator<Item = (Option<SortValue<'s>>, DocId)>) -> Vec<Row> {
        let descending = match self.request.order {
            Order::Field { descending, .. } | Order::Distance { descending, .. } => descending,
            Order::Best | Order::Number => false,
        };
        let order = move |a: &(Option<SortValue<'s>>, DocId), b: &(Option<SortValue<'s>>, DocId)| {
            by_value(a.0, b.0, descending).then(by_number(a.1, b.1, descending))
        };
        let mut first = Top::new((self.request.offset, self.request.limit), order);
        docs.take_while(|_| !self.watch.spend(1)).for_each(|doc| first.offer(doc));
        let (_, first) = first.into_sorted(self.watch);
        let rows = self.rows(first.iter().map(|(_, doc)| *doc)).zip(&first);
        rows.map(|(row, (value, _))| Row { sort: value.map(SortKey::of), ..row }).collect()
    }

    /// The value of a document to sort by; `before` are the distances of KNN, which come before those of ranges.
    fn sort_value(&self, doc: DocId, before: &[f64]) -> Option<SortValue<'a>> {
        match self.request.order {
            Order::Field { field, .. } => self.index.field(field)?.sort_value(doc),
            Order::Distance { nth, .. } => match before.get(nth) {
                Some(distance) => Some(*distance),
                None => self.plan.range_distances(doc).nth(nth - before.len()).flatten(),
            }
            .map(SortValue::Number),
            Order::Best | Order::Number => None,
        }
    }

    fn row(&self, doc: DocId) -> Row {
        Row {
            doc,
            key: if self.request.keys { self.index.documents().key(doc).into() } else { Box::default() },
            score: 0.0,
            explanation: None,
            terms: Vec::new(),
            payload: self.request.payloads.then(|| self.payload(doc)).flatten().map(Box::from),
            sort: None,
            distances: self.plan.range_distances(doc).collect(),
        }
    }

    /// The rows of some documents.
    fn rows(&self, docs: impl Iterator<Item = DocId> + Clone) -> impl Iterator<Item = Row> {
        if self.request.keys {
            self.index.documents().fetch_keys(docs.clone().take(AT_LEAST));
        }
        let timely = docs.enumerate().take_while(|(nth, _)| !self.watch.spend(ROW) || *nth < AT_LEAST);
        timely.map(|(_, doc)| self.row(doc))
    }

    /// Fills in the scores of rows, if they are wanted.
    fn fill_scores(&self, root: &'a Node, rows: &mut [Row]) {
        if !self.request.scores {
            return;
        }
        let corpus = self.index.corpus();
        let mut docset = self.plan.docset(root);
        let mut by_number: Vec<&mut Row> = rows.iter_mut().collect();
        by_number.sort_by_key(|row| row.doc);
        for row in by_number {
            if self.watch.spend(1) {
                return;
            }
            if docset.skip_to(row.doc) == row.doc {
                row.score = self.score(&corpus, &mut *docset, row.doc);
            }
        }
    }

    /// The tree without KNN.
    fn filter(&self) -> Option<&'a Node> {
        match &self.request.root.kind {
            Kind::Knn(knn) => knn.filter.as_deref(),
            _ => Some(self.request.root),
        }
    }

    /// Finds the terms that rows have.
    fn find_terms(&self, mut rows: Vec<&mut Row>) {
        let Some(mut docset) = self.filter().map(|root| self.plan.docset(root)) else { return };
        rows.sort_by_key(|row| row.doc);
        for row in rows {
            if self.watch.spend(1) {
                return;
            }
            if docset.skip_to(row.doc) == row.doc {
                docset.terms(&mut |term| row.terms.push(Term { text: term.text.into(), rarity: term.rarity }));
            }
        }
    }

    /// Divides the scores of rows by the greatest score of the answer, which it returns, if the scorer wants it so.
    fn normalize(&self, rows: &mut [Row]) -> f64 {
        if self.request.scorer != Scorer::Bm25StdNorm || !(self.request.scores || self.request.order == Order::Best) {
            return 1.0;
        }
        let mut greatest = rows.iter().fold(0.0, |greatest: f64, row| greatest.max(row.score));
        let best_first = self.request.order == Order::Best && self.request.offset == 0 && self.request.limit > 0;
        if !best_first && !matches!(self.request.root.kind, Kind::Knn(_)) {
            self.walk(self.request.root, |_, score| greatest = greatest.max(score));
        }
        rows.iter_mut().for_each(|row| row.score = normalized(row.score, greatest));
        greatest
    }

    /// Explains the scores of rows; `greatest` is that of the answer.
    fn explain(&self, rows: &mut [Row], greatest: f64) {
        let corpus = self.index.corpus();
        let mut docset = self.filter().map(|root| self.plan.docset(root));
        let mut by_number: Vec<&mut Row> = rows.iter_mut().collect();
        by_number.sort_by_key(|row| row.doc);
        for row in by_number {
            // To explain costs more than to score.
            if self.watch.spend(ROW * ROW) {
                return;
            }
            let whole = self.whole(row.doc);
            let context = Context::new(self.request.scorer, &corpus, whole.length);
            let standing = docset.as_mut().and_then(|docset| (docset.skip_to(row.doc) == row.doc).then_some(docset));
            let silent = || Explanation::of_leaf(&Leaf::SILENT, b"", &context, 0.0);
            let (sum, slop, parts) = match standing {
                Some(docset) => (docset.score(&context), docset.slop(), docset.explain(&context)),
                None => (0.0, 1.0, silent()),
            };
            let slop = if self.request.scorer.needs_nearness() && sum != 0.0 { slop } else { 1.0 };
            let explanation = Explanation::whole(self.request.scorer, sum, &Whole { slop, ..whole }, greatest, parts);
            row.explanation = Some(Box::new(explanation));
        }
    }

    fn payload(&self, doc: DocId) -> Option<&'a [u8]> {
        self.index.documents().payload(doc)
    }

    /// What is true of a document as a whole; its words have no distance.
    fn whole(&self, doc: DocId) -> Whole {
        let (text, documents) = (self.index.text(), self.index.documents());
        // What all documents have alike, or the scorer does not ask for, is not read of each: it lies elsewhere in memory.
        let by_payload = self.request.scorer == Scorer::Hamming;
        let by_frequency = self.request.scorer == Scorer::Tfidf;
        Whole {
            score: if documents.score_alike() { 1.0 } else { documents.score(doc) },
            length: text.length(doc),
            max_freq: if by_frequency { text.max_freq(doc) } else { 1 },
            slop: 1.0,
            payload: if by_payload { compare_payloads(self.payload(doc), self.request.payload) } else { None },
        }
    }
}

/// The order of two values; what has none comes last.
fn by_value(a: Option<SortValue<'_>>, b: Option<SortValue<'_>>, descending: bool) -> Ordering {
    let order = match (a, b) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(SortValue::Number(a)), Some(SortValue::Number(b))) => a.total_cmp(&b),
        (Some(SortValue::Text(a)), Some(SortValue::Text(b))) => a.cmp(b),
        (Some(SortValue::Number(_)), Some(SortValue::Text(_))) => Ordering::Less,
        (Some(SortValue::Text(_)), Some(SortValue::Number(_))) => Ordering::Greater,
    };
    if descending { order.reverse() } else { order }
}

fn by_number(a: DocId, b: DocId, descending: bool) -> Ordering {
    if descending { b.cmp(&a) } else { a.cmp(&b) }
}

impl Found {
    /// Sorts the rows by [`Row::sort`], which the caller has filled in, and keeps those that were asked for; when time is over,
    /// some are missing.
    pub fn arrange(&mut self, descending: bool, offset: usize, limit: usize, watch: &Watch<'_>) {
        fn value(row: &Row) -> Option<SortValue<'_>> {
            row.sort.as_ref().map(|key| match key {
                SortKey::Number(number) => SortValue::Number(*number),
                SortKey::Text(text) => SortValue::Text(text),
            })
        }
        let order =
            |a: &Row, b: &Row| by_value(value(a), value(b), descending).then(by_number(a.doc, b.doc, descending));
        self.complete &= sort_within(&mut self.rows, order, watch);
        self.cut(offset, limit);
        self.unsorted = false;
    }

    /// Keeps the rows that were asked for.
    pub(super) fn cut(&mut self, offset: usize, limit: usize) {
        self.rows.drain(..offset.min(self.rows.len()));
        self.rows.truncate(limit);
    }
}

/// The documents that match a tree, without order or limit: what KNN filters and counts are made of.
pub fn matching(index: &Index, settings: &Settings, root: &Node) -> RoaringBitmap {
    let watch = Watch::default();
    let plan = Plan::new(index, settings, root, &watch);
    // The borrow of the plan ends here, so the set must be its own.
    match plan.bitmap(root) {
        Cow::Owned(found) => found,
        Cow::Borrowed(found) => found.clone(),
    }
}

/// As [`matching`], by walking through documents: the other way to the same set, for tests of both.
pub fn matching_by_walk(index: &Index, settings: &Settings, root: &Node) -> RoaringBitmap {
    let watch = Watch::default();
    drain(&mut *Plan::new(index, settings, root, &watch).docset(root), &watch)
}
