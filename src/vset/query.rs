//! Finding the elements most similar to an element or a vector.
//!
//! The thread that parses a command makes a [`Query`], which owns all it needs; any thread runs it. What is found is lent
//! to a callback, with names and attributes where they stand.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use super::attributes::Attributes;
use super::attributes::Value;
use super::filter::Filter;
use super::memo::{Column, Passing};
use super::projection::Projection;
use super::{Error, VectorSet, is_storable};
use crate::vector::graph::Filter as NodeFilter;
use crate::vector::{self, Guard, Hit, NodeId, Scratch, Search, Vector, pin};
use crate::watch::Watch;

/// How often a search is repeated because elements that it found were changed meanwhile.
const TRIES: usize = 4;

/// What the elements are to be similar to.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// An element of the set.
    Element(&'a [u8]),
    /// A vector, projected or to be projected where the set does.
    Vector(&'a [f32]),
}

/// A search, ready to run on any thread.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) target: vector::Query,
    /// How many elements are wanted at most.
    pub count: usize,
    /// Width of the beam; at least `count` is used.
    pub ef: usize,
    /// Elements farther than this, as half the distance (0 to 1), are left out.
    pub epsilon: f32,
    /// Which elements are wanted.
    pub filter: Option<Filter>,
    /// How many nodes a filtered search goes on from at most; `None`: as many as it takes to find all it can.
    pub filter_ef: Option<usize>,
    /// Whether all elements are compared.
    pub exact: bool,
    /// When it ends with what it has found by then.
    pub until: Option<Instant>,
}

/// How long a search that ended early still asks the filter about what it has met.
const GRACE: Duration = Duration::from_millis(10);

/// An element that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// Its name.
    pub element: &'a [u8],
    /// Its similarity: 1 for the same direction, 0 for the opposite one.
    pub score: f64,
    /// Its attributes, verbatim.
    pub attributes: Option<&'a [u8]>,
}

/// What a search found, best first.
#[derive(Debug)]
pub struct Hits<'a> {
    set: &'a VectorSet,
    guard: &'a Guard,
    hits: &'a [Hit],
    /// Whether the search came to its end before time was over.
    pub complete: bool,
    compared: u64,
}

impl<'a> Hits<'a> {
    /// How many elements were found.
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// How many vectors the search compared with what it was for.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The elements, best first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Found<'a>> + '_ {
        let (set, guard) = (self.set, self.guard);
        self.hits.iter().map(move |hit| Found {
            element: set.names(guard).get(hit.id),
            score: score(hit.distance),
            attributes: set.attributes.get(guard, hit.id).map(|blob| Attributes::of(blob).verbatim()),
        })
    }
}

/// `1 - d/2` in double from a distance in single precision.
pub(super) fn score(distance: f64) -> f64 {
    1.0 - f64::from(distance as f32) / 2.0
}

impl VectorSet {
    /// A search for what is similar to `target`, with the defaults: 10 elements, beam 100, no filter.
    ///
    /// # Errors
    /// [`Error::ElementNotFound`]; [`Error::Dimension`] or [`Error::ProjectionInput`]; [`Error::InvalidVector`].
    pub fn query(&self, target: Target) -> Result<Query, Error> {
        let vector = match target {
            Target::Element(element) => self.direction(element).ok_or(Error::ElementNotFound)?,
            Target::Vector(vector) => self.reduced(vector)?,
        };
        if !is_storable(&vector) {
            return Err(Error::InvalidVector);
        }
        let target = self.graph.query(Vector::Floats(&vector));
        Ok(Query { target, count: 10, ef: 100, epsilon: 2.0, filter: None, filter_ef: None, exact: false, until: None })
    }

    /// The vector in the set's dimension.
    fn reduced(&self, vector: &[f32]) -> Result<Vec<f32>, Error> {
        let (got, have) = (vector.len(), self.dim());
        match &self.projection {
            Some(projection) if got == projection.input() => Ok(projection.apply(vector)),
            _ if got == have => Ok(vector.to_vec()),
            Some(projection) => Err(Error::ProjectionInput { got, expected: Projection::input(projection) }),
            None => Err(Error::Dimension { got, have }),
        }
    }

    /// How long a search will take, in nanoseconds, roughly: who has the query may do it itself or hand it over.
    pub fn estimate(&self, query: &Query) -> u64 {
        /// Of asking a filter of up to four steps about an element.
        const FILTER: u64 = 60;
        let each = self.graph.cost_each();
        let per_element = FILTER * query.filter.as_ref().map_or(1, |filter| filter.steps().div_ceil(4).max(1)) as u64;
        let Some(filter) = &query.filter else {
            let all = (self.graph.len() as u64).saturating_mul(each);
            return if query.exact { all } else { self.graph.cost(query.ef.max(query.count)) };
        };
        let Some(passing) = self.memo.find(filter).filter(|_| query.filter_ef.is_none()) else {
            let elements = self.graph.len() as u64;
            return match self.columns_behind(filter).filter(|_| query.filter_ef.is_none()) {
                Some(behind) => {
                    behind as u64 * per_element
                        + self.cost_by_columns()
                        + 2 * self.graph.cost(query.ef.max(query.count))
                }
                None => elements.saturating_mul(each + per_element),
            };
        };
        let compared = (passing.len() as u64).saturating_mul(each);
        let behind = self.memo.behind(passing.place()).min(self.graph.len()) as u64 * per_element;
        behind + if query.exact { compared } else { self.graph.cost_among(query.ef, query.count, passing.len()) }
    }

    /// Runs a search and lends what it found to `visit`.
    ///
    /// As many elements as match are found, up to the count. Where elements got new vectors meanwhile, each is there once.
    pub fn search<T>(&self, query: &Query, visit: impl FnOnce(Hits<'_>) -> T) -> T {
        let guard = pin();
        let mut hits = Vec::new();
        let is_over = || query.until.is_some_and(|until| Instant::now() >= until);
        let watch = Watch::new(Some(&is_over));
        let compared = vector::scratch::with(|scratch| {
            let before = scratch.compared();
            self.find_hits(query, (&guard, &watch), scratch, &mut hits);
            scratch.compared() - before
        });
        self.names(&guard).fetch(hits.iter().map(|hit| hit.id));
        let visited = visit(Hits { set: self, guard: &guard, hits: &hits, complete: !watch.is_over(), compared });
        drop(guard);
        self.graph.reclaim_at_rest(|id| self.forget(id));
        visited
    }

    fn find_hits(
        &self,
        query: &Query,
        (guard, watch): (&Guard, &Watch<'_>),
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
    ) {
        let asked = Cell::new(0);
        let passes = |id: NodeId| {
            asked.set(asked.get() + 1);
            query.filter.as_ref().is_none_or(|filter| self.matches_within(filter, guard, id, watch))
        };
        let is_over = || watch.look();
        if query.filter.is_some() && self.attributed.load(Relaxed) == 0 {
            return;
        }
        let (mut k, mut walked) = (query.count, false);
        for _ in 0..TRIES {
            let replaced = self.replaced.load(SeqCst);
            let (passing, matching) = match &query.filter {
                Some(filter) => self.passing(query, filter, &passes, (guard, watch)),
                None => (None, None),
            };
            let filter = match (&query.filter, &passing) {
                (None, _) => NodeFilter::All,
                (_, Some(passing)) => passing.filter(),
                (_, None) => NodeFilter::Test(&passes),
            };
            let cancel = query.until.is_some().then_some(&is_over as &dyn Fn() -> bool);
            let search =
                Search { k, ef: query.ef, filter, matching, budget: query.filter_ef, cancel, ..Search::default() };
            let done = match query.exact {
                true => self.graph.scan(&query.target, &search, scratch, hits),
                false => self.graph.search(&query.target, &search, scratch, hits),
            };
            if done.is_err() || watch.is_over() {
                self.keep_passing(query, guard, hits);
                break;
            }
            let found = hits.len();
            walked = passing.is_none();
            let made = passing.map_or(Some(true), |passing| self.make_current(query, &passing, guard, hits));
            let Some(current) = made else { continue };
            if current && replaced.is_multiple_of(2) && self.replaced.load(SeqCst) == replaced {
                break;
            }
            // Elements got new vectors or attributes meanwhile: one may be there twice. Ask for as many more as are missing.
            let mut seen = HashSet::new();
            hits.retain(|hit| seen.insert(self.names(guard).get(hit.id)));
            if hits.len() >= query.count || found < k {
                break;
            }
            k = query.count.saturating_add(found - hits.len().min(found));
        }
        hits.truncate(query.count);
        hits.retain(|hit| hit.distance as f32 / 2.0 <= query.epsilon);
        if let Some(filter) = query.filter.as_ref().filter(|_| asked.get() > 0) {
            let is_new = self.memo.note_asked(filter, asked.get(), self.graph.len());
            if is_new && walked && self.lacks_columns(filter) {
                self.memo.note_unanswered(asked.get());
            }
        }
    }

    /// Of what a search has met that ended early, keeps what passes, as far as that can be asked in a moment.
    fn keep_passing(&self, query: &Query, guard: &Guard, hits: &mut Vec<Hit>) {
        let Some(filter) = &query.filter else { return };
        let start = Instant::now();
        let is_over = || start.elapsed() >= GRACE;
        let watch = Watch::new(Some(&is_over));
        hits.retain(|hit| self.matches_within(filter, guard, hit.id, &watch));
    }

    /// Whether the attributes of a node pass.
    fn matches(&self, filter: &Filter, guard: &Guard, id: NodeId) -> bool {
        self.matches_within(filter, guard, id, &Watch::default())
    }

    /// As [`VectorSet::matches`]; false when time is over.
    fn matches_within(&self, filter: &Filter, guard: &Guard, id: NodeId, watch: &Watch<'_>) -> bool {
        let passes = |blob| filter.matches_within(Attributes::of(blob), watch);
        self.attributes.get(guard, id).is_some_and(passes)
    }

    /// Whether a node is an element that passes.
    fn passes(&self, filter: &Filter, guard: &Guard, id: NodeId) -> bool {
        self.matches(filter, guard, id) && self.graph.contains(id)
    }

    /// The nodes that pass a filter now, if that is remembered, or if the search would ask about all anyway. Else, about how
    /// many there are, if a sample was asked.
    fn passing(
        &self,
        query: &Query,
        filter: &Filter,
        passes: &dyn Fn(NodeId) -> bool,
        (guard, watch): (&Guard, &Watch<'_>),
    ) -> (Option<Arc<Passing>>, Option<usize>) {
        let remembered = self.remembered(filter, guard);
        if remembered.is_some() || query.filter_ef.is_some() {
            return (remembered, None);
        }
        let by_columns = self.columns_behind(filter).is_some();
        // Where columns tell it in the time of a search without filter, it is not worth a sample.
        if by_columns && self.cost_by_columns() <= self.graph.cost(query.ef.max(query.count)) {
            return (self.ask_all(filter, guard, watch), None);
        }
        let matching = (!query.exact).then(|| self.graph.estimate(passes));
        let as_many = self.cost_by_columns() / self.graph.cost_each().max(1);
        let asking = if by_columns { as_many as usize } else { self.graph.len() };
        let is_worth_it = |matching| self.graph.is_worth_asking_all(query.ef, query.count, matching, asking);
        let asks_all = matching.is_none_or(is_worth_it);
        (asks_all.then(|| self.ask_all(filter, guard, watch)).flatten(), matching)
    }

    /// How long asking all by columns takes, in nanoseconds, roughly.
    fn cost_by_columns(&self) -> u64 {
        /// Codes that are asked in a nanosecond. Measured with 399,000: 80 µs, with what keeps the answer.
        const AT_ONCE: u64 = 5;
        self.graph.len() as u64 / AT_ONCE
    }

    /// The nodes that pass a filter now, if that is remembered.
    fn remembered(&self, filter: &Filter, guard: &Guard) -> Option<Arc<Passing>> {
        let before = self.memo.find(filter)?;
        let (place, changed) = self.memo.since(before.place())?;
        if changed.is_empty() {
            return Some(before);
        }
        let bound = self.graph.id_bound() as usize;
        let now = Arc::new(before.with(place, &changed, bound, |id| self.passes(filter, guard, id)));
        self.memo.keep(filter, &now, self.graph.len());
        Some(now)
    }

    /// The nodes that pass a filter, from asking about all; `None` where that is not worth remembering, or time is over. Some
    /// may have been removed, which a search notices: it looks at each node that it compares.
    fn ask_all(&self, filter: &Filter, guard: &Guard, watch: &Watch<'_>) -> Option<Arc<Passing>> {
        self.memo.sweep();
        let elements = self.graph.len();
        let place = self.memo.begin(elements)?;
        let bound = self.graph.id_bound();
        let often = self.memo.asks_often();
        let plan = filter.plan().filter(|_| often || self.columns_behind(filter).is_some());
        let passing = match plan {
            Some(plan) => {
                let columns = plan.fields().iter().map(|field| self.column(field, guard, watch));
                let columns: Vec<_> = columns.collect::<Option<_>>()?;
                let columns: Vec<_> = columns.iter().map(|column| &**column).collect();
                let words = plan.passing(&columns, |row| self.matches_within(filter, guard, NodeId(row), watch));
                Passing::of_bits(place, words, bound as usize)
            }
            None => {
                let timely = (0..bound).take_while(|_| !watch.spend(1)).map(NodeId);
                let nodes = timely.filter(|&id| self.matches_within(filter, guard, id, watch));
                Passing::new(place, nodes.collect(), bound as usize)
            }
        };
        if watch.is_over() {
            return None;
        }
        let passing = Arc::new(passing);
        self.memo.keep(filter, &passing, elements);
        Some(passing)
    }

    /// What the elements have in a field now; `None` when time is over.
    fn column(&self, field: &[u8], guard: &Guard, watch: &Watch<'_>) -> Option<Arc<Column>> {
        let value = |id| if watch.spend(1) { None } else { self.value(field, guard, id) };
        let before = self.memo.column(field);
        let since = before.as_ref().and_then(|before| self.memo.since(before.place()));
        let changed = match (before, since) {
            (Some(before), Some((_, changed))) if changed.is_empty() => return Some(before),
            (Some(before), Some((place, changed))) => before.with(place, &changed, value),
            _ => None,
        };
        let now = changed.unwrap_or_else(|| {
            let place = self.memo.begin(self.graph.len()).unwrap_or_default();
            Column::new(place, self.graph.id_bound() as usize, value)
        });
        if watch.is_over() {
            return None;
        }
        let now = Arc::new(now);
        self.memo.keep_column(field, &now);
        Some(now)
    }

    /// What an element has in a field.
    fn value<'g>(&'g self, field: &[u8], guard: &'g Guard, id: NodeId) -> Option<Value<'g>> {
        self.attributes.get(guard, id).and_then(|blob| Attributes::of(blob).field(field))
    }

    /// How far the columns of a filter are behind, at most; `None` where they are not all there, or too far.
    fn columns_behind(&self, filter: &Filter) -> Option<usize> {
        let plan = filter.plan()?;
        let behind = plan.fields().iter().map(|field| self.memo.column_behind(field));
        behind.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Makes what was found among nodes that passed a while ago what passes now: a node that changed meanwhile may be a hit
    /// or none any more, and its element may have got another node. False where hits had to go, so that a search again could
    /// find more; `None` where so many changed that nobody knows which.
    fn make_current(&self, query: &Query, passing: &Passing, guard: &Guard, hits: &mut Vec<Hit>) -> Option<bool> {
        let filter = query.filter.as_ref()?;
        let found = hits.len();
        let since = self.memo.since(passing.place());
        // Whether a hit is still live is nothing to ask: were it not, its element's next node might be missed.
        hits.retain(|hit| self.matches(filter, guard, hit.id));
        let current = hits.len() == found;
        let mut known: HashSet<NodeId> = hits.iter().map(|hit| hit.id).collect();
        for id in since?.1 {
            if self.passes(filter, guard, id) && known.insert(id) {
                hits.push(Hit { distance: self.graph.distance(&query.target, id), id });
            }
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        Some(current)
    }

    /// Whether [`VectorSet::learn`] has something to do.
    pub fn has_to_learn(&self, query: &Query) -> bool {
        let asked = |filter| {
            self.memo.is_worth_asking_all(filter, self.graph.len(), false)
                || self.memo.is_worth_columns(self.graph.len(), false) && self.lacks_columns(filter)
        };
        query.filter.as_ref().is_some_and(asked)
    }

    /// Finds out which elements pass the query's filter, for the searches to come, if there were so many with it that this
    /// pays; or makes the columns that it asks for, if there were so many with other expressions. It asks about all: for when
    /// the query has its answer. It ends without one when it has lasted so long.
    pub fn learn(&self, query: &Query, lasts: Option<Duration>) {
        let Some(filter) = &query.filter else { return };
        let elements = self.graph.len();
        // It takes no longer than the search may have taken.
        let start = Instant::now();
        let is_over = || lasts.is_some_and(|lasts| start.elapsed() >= lasts);
        if self.memo.is_worth_asking_all(filter, elements, true) {
            let watch = Watch::new(Some(&is_over));
            self.ask_all(filter, &pin(), &watch);
        } else if self.lacks_columns(filter) && self.memo.is_worth_columns(elements, true) {
            let guard = pin();
            let fields = filter.plan();
            let watch = Watch::new(Some(&is_over));
            fields.iter().flat_map(|plan| plan.fields()).for_each(|field| _ = self.column(field, &guard, &watch));
        }
    }

    /// Whether columns would answer a filter, but are not there; nor is the answer.
    fn lacks_columns(&self, filter: &Filter) -> bool {
        filter.plan().is_some() && self.columns_behind(filter).is_none() && self.memo.find(filter).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vset::Quantization;
    use crate::vset::tests::{put, set, vector};
    use std::collections::BTreeSet;

    /// Whatever it is asked, a search whose time is over from the start says so, and gives nothing that does not pass.
    #[test]
    fn a_search_without_time_gives_what_it_has_met() {
        let set = set(Quantization::Q8);
        for n in 0..3000 {
            put(&set, &n.to_string(), &vector(n), Some(&format!(r#"{{"n":{n}}}"#)));
        }
        set.link_all();
        let long = vec![".n == 1"; 3000].join(" or ");
        for (filter, exact, ef) in [
            (None, false, 300),
            (None, false, 2000),
            (None, true, 10),
            (Some(".n < 1000"), false, 100),
            (Some(".n < 1000"), true, 100),
            (Some(".n * 2 < 5000"), false, 300),
            (Some(".n * 2 < 5000"), false, 2000),
            (Some(&long[..]), false, 10),
        ] {
            let compiled = filter.map(|text| Filter::compile(text.as_bytes()).unwrap());
            let all =
                Query { filter: compiled, exact, ef, count: 50, ..set.query(Target::Vector(&vector(77))).unwrap() };
            let over = Query { until: Some(Instant::now()), ..all.clone() };
            let number = |found: Found<'_>| std::str::from_utf8(found.element).unwrap().parse::<u64>().unwrap();
            set.search(&over, |hits| {
                assert!(!hits.complete, "{filter:?}");
                let attributes = |n: u64| Attributes::encode(format!(r#"{{"n":{n}}}"#).as_bytes());
                let passes =
                    |n| over.filter.as_ref().is_none_or(|filter| filter.matches(Attributes::of(&attributes(n))));
                assert!(hits.iter().map(number).all(passes), "{filter:?}");
            });
            set.search(&all, |hits| assert!(hits.complete && hits.len() == 50 || filter == Some(&long), "{filter:?}"));
        }
    }

    /// What a search has missed or should not have found is put right, since the log tells what changed meanwhile.
    #[test]
    fn what_changed_during_a_search_is_put_right() {
        let set = set(Quantization::Q8);
        for n in 0..600 {
            put(&set, &n.to_string(), &vector(n), Some(&format!(r#"{{"n":{n}}}"#)));
        }
        let filter = Filter::compile(b".n < 10").unwrap();
        let query = Query { filter: Some(filter.clone()), ..set.query(Target::Vector(&vector(77))).unwrap() };
        set.search(&query, |hits| assert_eq!(hits.len(), 10));
        let guard = pin();
        let passing = set.remembered(&filter, &guard).unwrap();
        // What a search sees that knows who passed before: the third has another node, the fourth other attributes.
        put(&set, "3", &vector(1000), None);
        assert!(set.set_attributes(b"4", br#"{"n":400}"#) && set.set_attributes(b"300", br#"{"n":5}"#));
        let search = Search { k: 50, filter: passing.filter(), ..Search::default() };
        let mut hits = Vec::new();
        set.graph.scan(&query.target, &search, &mut Scratch::default(), &mut hits).unwrap();
        let names = |hits: &[Hit]| -> BTreeSet<u64> {
            let name = |hit: &Hit| std::str::from_utf8(set.names(&guard).get(hit.id)).unwrap().parse().unwrap();
            hits.iter().map(name).collect()
        };
        assert_eq!(names(&hits), [0, 1, 2, 4, 5, 6, 7, 8, 9].into());
        assert_eq!(set.make_current(&query, &passing, &guard, &mut hits), Some(false), "one had to go");
        assert_eq!(names(&hits), [0, 1, 2, 3, 5, 6, 7, 8, 9, 300].into());
        assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
        assert_eq!(set.make_current(&query, &passing, &guard, &mut hits), Some(true));
        // More than the log holds.
        (0..600).for_each(|_| assert!(set.set_attributes(b"9", b"")));
        assert_eq!(set.make_current(&query, &passing, &guard, &mut hits), None);
        assert!(!names(&hits).contains(&9));
    }
}
