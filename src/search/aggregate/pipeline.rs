//! Steps at work: rows are pulled through them, a batch at a time.
//!
//! A [`Pipeline`] is a plan with what its steps have so far. [`Pipeline::next`] runs until it has as many rows as are wanted
//! and can be called again, at once or much later: that is all a cursor is. Rows of one stretch of steps are not kept,
//! but where they must all be known before the first can go on: a SORTBY keeps as many as it will let through (and up to
//! as many again), a GROUPBY its groups.
//!
//! The total is what clients know: the documents read up to the first row of a batch, or what a SORTBY or a GROUPBY counted,
//! once. With WITHCOUNT it is how many rows there would be without the last LIMIT (or SORTBY, which cuts too), in every batch.
//! Where a FILTER comes after the last GROUPBY or SORTBY, all rows go through it for that before the first goes out.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::expression::{Column, EvaluateError};
use super::kept::Grouping;
use super::plan::{Plan, Sink, Stage, Stream};
use super::reduce::{Hashes, Reducer, State};
use super::row::{Hit, Row, Source};
use super::tally::Tally;
use super::value::Value;
use crate::search::doc_id::DocId;
use crate::search::index::Index;
use crate::search::sorting::sort_within;
use crate::watch::Watch;

/// Rows that go through the steps together, at most: fewer where they would take longer than [`MOMENT`].
const BATCH: usize = 256;
/// With so many it begins.
const FIRST_BATCH: usize = 16;
/// How long a batch takes.
const MOMENT: Duration = Duration::from_micros(500);
/// How long the steps after the first GROUPBY or SORTBY may work on when time is over, on what came to them.
const GRACE: Duration = Duration::from_millis(10);

/// Why steps cannot go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// An expression has no value in a row.
    Expression(EvaluateError),
    /// A GROUPBY has more groups than these.
    Groups(usize),
}

impl From<EvaluateError> for Error {
    fn from(error: EvaluateError) -> Self {
        Self::Expression(error)
    }
}

/// Rows that came out.
#[derive(Debug)]
pub struct Output<D> {
    /// What is told as the total.
    pub total: u64,
    /// The rows; their values are in the order of [`Plan::names`].
    pub rows: Vec<Row<D>>,
    /// No more rows will come.
    pub done: bool,
    /// It was interrupted: rows are missing.
    pub interrupted: bool,
}

/// Steps with what they have so far.
#[derive(Debug)]
pub struct Pipeline<D> {
    plan: Arc<Plan>,
    /// The stage at work.
    stage: usize,
    /// Rows of the stage before, if there is one.
    input: VecDeque<Row<D>>,
    /// Documents read.
    read: u64,
    /// Documents read when the last row went out.
    told: u64,
    /// What a SORTBY or GROUPBY counted, until it is told.
    counted: Option<u64>,
    /// The total that WITHCOUNT asks for, as far as it is known.
    exact: u64,
    /// Documents read that have gone.
    gone: u64,
    /// Before which step of the last stage rows are counted for it, where all of them must go that far.
    counts_at: Option<usize>,
    /// A GROUPBY has more groups than it may.
    has_too_many: bool,
    /// For each step of the stage that is a LIMIT: rows still to leave out and to keep.
    limits: Vec<(usize, usize)>,
    sink: Gathered<D>,
    output: VecDeque<Row<D>>,
    done: bool,
    interrupted: bool,
    hashes: Hashes,
    stack: Vec<Value>,
    /// Rows of the next batch.
    batch: usize,
    /// What the steps have done, if anybody wants to know.
    tally: Option<Tally>,
}

/// What the end of a stage has gathered.
#[derive(Debug)]
enum Gathered<D> {
    Rows { rows: Vec<Row<D>>, count: u64 },
    Groups { index: HashMap<Box<[u8]>, usize>, groups: Vec<(Vec<Value>, Vec<State>)> },
    Nothing,
}

impl<D> Gathered<D> {
    fn new(sink: &Sink) -> Self {
        match sink {
            Sink::Sort { .. } => Self::Rows { rows: Vec::new(), count: 0 },
            Sink::Group { .. } => Self::Groups { index: HashMap::new(), groups: Vec::new() },
            Sink::Output => Self::Nothing,
        }
    }
}

impl<D> Pipeline<D> {
    /// Begins.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut pipeline = Self {
            plan,
            stage: 0,
            input: VecDeque::new(),
            read: 0,
            told: 0,
            counted: None,
            exact: 0,
            gone: 0,
            counts_at: None,
            has_too_many: false,
            limits: Vec::new(),
            sink: Gathered::Nothing,
            output: VecDeque::new(),
            done: false,
            interrupted: false,
            hashes: Hashes::default(),
            stack: Vec::new(),
            batch: FIRST_BATCH,
            tally: None,
        };
        pipeline.enter(0);
        pipeline
    }

    /// How many documents went into it.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Keeps what its steps do from here on.
    pub fn keep_tally(&mut self) {
        self.tally = Some(Tally::new(&self.plan));
    }

    /// What its steps have done, by their names, if that is kept: how long they took, and how many rows came out.
    pub fn tally(&self) -> Vec<(String, Duration, u64)> {
        self.tally.as_ref().map(|tally| tally.named(&self.plan)).unwrap_or_default()
    }

    /// Does what the end of the stage takes.
    fn ending<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let (start, stage) = (self.tally.as_ref().map(|_| Instant::now()), self.stage);
        let done = work(self);
        if let (Some(tally), Some(start)) = (&mut self.tally, start) {
            // What the end let through is what the next stage has.
            let rows = if self.stage > stage { self.input.len() as u64 } else { 0 };
            tally.add(stage, self.plan.stages[stage].steps.len(), (start.elapsed(), rows));
        }
        done
    }

    /// What it does.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether [`Pipeline::group`] can do the first GROUPBY.
    pub fn groups(plan: &Plan) -> bool {
        Grouping::of(plan).is_some()
    }

    /// Does the first GROUPBY with these documents, without making rows of them, if it needs no more than the index keeps for
    /// sorting. Comes before [`Pipeline::next`], whose source then has nothing left to read.
    pub fn group(&mut self, index: &Index, docs: &RoaringBitmap, interrupted: &dyn Fn() -> bool) {
        let plan = Arc::clone(&self.plan);
        let Some(grouping) = Grouping::of(&plan) else { return };
        let limits = (&self.hashes, plan.max_groups);
        let start = Instant::now();
        let (groups, complete) = grouping.take(index, docs.iter().map(DocId), limits, interrupted);
        if let Some(tally) = &mut self.tally {
            tally.add(0, plan.stages[0].steps.len(), (start.elapsed(), 0));
        }
        self.has_too_many = groups.len() > plan.max_groups;
        self.read = docs.len();
        self.interrupted |= !complete;
        self.sink = Gathered::Groups { index: HashMap::new(), groups };
        self.ending(|pipeline| pipeline.leave(&plan, &Watch::default()));
    }

    fn enter(&mut self, stage: usize) {
        self.stage = stage;
        let stage = &self.plan.stages[stage];
        self.limits = stage
            .steps
            .iter()
            .filter_map(|step| match step {
                Stream::Limit { offset, count } => Some((*offset, *count)),
                _ => None,
            })
            .collect();
        self.sink = Gathered::new(&stage.sink);
        self.counts_at = if self.plan.exact { counts_at(stage) } else { None };
    }

    /// The next rows, at most so many. `interrupted` is asked after every batch; once it says yes, steps that need all rows
    /// make do with those that they have, and where rows are streamed, the others are for the next call. What later stages
    /// have by then is worked on for a little while (`GRACE`), so that something comes out.
    ///
    /// # Errors
    /// Any [`Error`]; the pipeline is of no use afterwards.
    pub fn next<S: Source<Document = D>>(
        &mut self,
        source: &mut S,
        most: usize,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Output<D>, Error> {
        let plan = Arc::clone(&self.plan);
        self.check(&plan)?;
        let mut paused = false;
        let end = Cell::new(None);
        let is_over =
            || interrupted() && end.replace(end.get().or_else(|| Instant::now().checked_add(GRACE))).is_some();
        let is_late = || is_over() && end.get().is_none_or(|end| Instant::now() >= end);
        let late = Watch::new(Some(&is_late));
        while !self.done && (self.output.len() < most || self.counts_at.is_some()) {
            let stage = &plan.stages[self.stage];
            let streams = matches!(stage.sink, Sink::Output);
            let wanted = if streams && self.counts_at.is_none() { most - self.output.len() } else { BATCH };
            let start = Instant::now();
            let count = wanted.min(self.let_through(stage)).clamp(1, self.batch);
            let (mut rows, more) = self.pull(source, count, stage.width);
            self.run(source, stage, &mut rows)?;
            self.ending(|pipeline| pipeline.gather(stage, rows, &late));
            self.check(&plan)?;
            self.pace(count, start.elapsed());
            let stops = if self.stage == 0 { self.interrupted || interrupted() } else { late.look() };
            self.interrupted |= stops && !streams;
            if !more || self.is_sated(stage) || (stops && !streams) {
                self.interrupted |= !self.ending(|pipeline| pipeline.leave(&plan, &late));
            } else if stops {
                paused = true;
                break;
            }
        }
        let mut rows: Vec<_> = self.output.drain(..most.min(self.output.len())).collect();
        for row in &mut rows {
            row.extra.retain(|(name, _)| !plan.names().contains(name));
        }
        let streamed = match rows.first() {
            Some(first) => first.ordinal.saturating_sub(self.told),
            None => self.read - self.told,
        };
        let counted = self.counted.take().unwrap_or(if self.stage == 0 { streamed } else { 0 });
        let total = if plan.exact { self.exact_total(source) } else { counted };
        self.told = rows.last().map_or(self.read, |last| last.ordinal);
        let done = self.done && self.output.is_empty();
        Ok(Output { total, rows, done, interrupted: self.interrupted || paused })
    }

    /// Refuses to go on with more groups than there may be.
    fn check(&self, plan: &Plan) -> Result<(), Error> {
        if self.has_too_many { Err(Error::Groups(plan.max_groups)) } else { Ok(()) }
    }

    /// What WITHCOUNT tells.
    fn exact_total<S: Source<Document = D>>(&self, source: &S) -> u64 {
        if self.stage == 0 && self.counts_at.is_none() { self.read - self.gone + source.left() } else { self.exact }
    }

    /// Has the next batch take about a [`MOMENT`], after one of so many rows took so long.
    fn pace(&mut self, count: usize, took: Duration) {
        if took > MOMENT {
            let share = MOMENT.as_secs_f64() / took.as_secs_f64();
            self.batch = ((count as f64 * share) as usize).max(1);
        } else if count == self.batch {
            self.batch = (2 * self.batch).min(BATCH);
        }
    }

    /// The next rows of the stage before, and whether there may be more.
    fn pull<S: Source<Document = D>>(&mut self, source: &mut S, most: usize, width: usize) -> (Vec<Row<D>>, bool) {
        if self.stage > 0 {
            let count = most.min(self.input.len());
            let mut rows: Vec<_> = self.input.drain(..count).collect();
            rows.iter_mut().for_each(|row| row.values.resize(width, None));
            return (rows, !self.input.is_empty());
        }
        let mut hits = Vec::with_capacity(most);
        let more = source.read(most, &mut hits);
        let score = self.plan.score;
        let rows = hits.into_iter().map(|hit| {
            self.read += 1;
            row(hit, width, score, self.read)
        });
        (rows.collect(), more)
    }

    fn run<S: Source<Document = D>>(
        &mut self,
        source: &mut S,
        stage: &Stage,
        rows: &mut Vec<Row<D>>,
    ) -> Result<(), EvaluateError> {
        let mut nth = 0;
        for (at, step) in stage.steps.iter().enumerate() {
            self.count(at, rows);
            let start = self.tally.as_ref().map(|_| Instant::now());
            match step {
                Stream::Load(load) => {
                    source.load(rows, load);
                    let loaded = rows.len();
                    rows.retain(|row| row.document.is_some());
                    self.gone += (loaded - rows.len()) as u64;
                }
                Stream::Apply(expression, column) => {
                    for row in rows.iter_mut() {
                        let value = expression.evaluate(row, &mut self.stack)?;
                        row.values[column.0] = Some(value);
                    }
                }
                Stream::Filter(expression) => {
                    let mut failed = Ok(());
                    let stack = &mut self.stack;
                    rows.retain(|row| match &failed {
                        Ok(()) => {
                            expression.evaluate(row, stack).map(|value| value.is_true()).unwrap_or_else(|error| {
                                failed = Err(error);
                                false
                            })
                        }
                        Err(_) => false,
                    });
                    failed?;
                }
                Stream::Limit { .. } => {
                    let (offset, count) = &mut self.limits[nth];
                    nth += 1;
                    let skipped = rows.len().min(*offset);
                    rows.drain(..skipped);
                    rows.truncate(*count);
                    *offset -= skipped;
                    *count -= rows.len();
                }
            }
            if let (Some(tally), Some(start)) = (&mut self.tally, start) {
                tally.add(self.stage, at, (start.elapsed(), rows.len() as u64));
            }
        }
        self.count(stage.steps.len(), rows);
        Ok(())
    }

    /// Counts rows for WITHCOUNT, if this is where they are counted.
    fn count(&mut self, at: usize, rows: &[Row<D>]) {
        if self.counts_at == Some(at) {
            self.exact += rows.len() as u64;
        }
    }

    /// How many more rows the first LIMIT can use, if nothing before it leaves rows out.
    fn let_through(&self, stage: &Stage) -> usize {
        if self.counts_at.is_some() {
            return usize::MAX;
        }
        let first = stage.steps.iter().find(|step| matches!(step, Stream::Filter(_) | Stream::Limit { .. }));
        match (first, self.limits.first()) {
            (Some(Stream::Limit { count: 1.., .. }), Some((offset, count))) => offset.saturating_add(*count),
            _ => usize::MAX,
        }
    }

    /// Whether no further row can come out of the stage, because a LIMIT has let all through. `LIMIT n 0` wants the total,
    /// so it goes on to the end.
    fn is_sated(&self, stage: &Stage) -> bool {
        if self.counts_at.is_some() {
            return false;
        }
        let counts = stage.steps.iter().filter_map(|step| match step {
            Stream::Limit { count, .. } => Some(*count),
            _ => None,
        });
        self.limits.iter().zip(counts).any(|((_, left), count)| *left == 0 && count > 0)
    }

    fn gather(&mut self, stage: &Stage, rows: Vec<Row<D>>, watch: &Watch<'_>) {
        match (&stage.sink, &mut self.sink) {
            (Sink::Sort { by, offset, count }, Gathered::Rows { rows: kept, count: counted }) => {
                *counted += rows.len() as u64;
                kept.extend(rows);
                let most = offset.saturating_add(*count);
                if kept.len() > most.saturating_mul(2).saturating_add(BATCH) {
                    keep_first(kept, by, most, watch);
                }
            }
            (Sink::Group { by, reducers }, Gathered::Groups { index, groups }) => {
                for row in &rows {
                    let mut combination = Combination::new(by, row);
                    while let Some(key) = combination.next() {
                        let at = group_of(index, groups, key, reducers);
                        add(&mut groups[at].1, reducers, row, &self.hashes);
                        self.has_too_many = groups.len() > self.plan.max_groups;
                        // Arrays can make very many combinations.
                        if watch.spend(1 + reducers.len()) || self.has_too_many {
                            return;
                        }
                    }
                }
            }
            _ => self.output.extend(rows),
        }
    }

    /// Ends a stage: what it has gathered becomes the input of the next. False: time is over, and some of it is missing.
    fn leave(&mut self, plan: &Plan, watch: &Watch<'_>) -> bool {
        let stage = &plan.stages[self.stage];
        let complete;
        match (&stage.sink, std::mem::replace(&mut self.sink, Gathered::Nothing)) {
            (Sink::Sort { by, offset, count }, Gathered::Rows { mut rows, count: counted }) => {
                let most = offset.saturating_add(*count);
                keep_first(&mut rows, by, most, watch);
                complete = sort_within(&mut rows, |a, b| compare(a, b, by), watch);
                rows.drain(..rows.len().min(*offset));
                for row in &mut rows {
                    row.sort_key = by.first().and_then(|(column, _)| row.values.get(column.0)?.clone());
                }
                self.counted = Some(counted);
                self.input = rows.into();
            }
            (Sink::Group { .. }, Gathered::Groups { groups, .. }) => {
                self.counted = Some(groups.len() as u64);
                let count = groups.len();
                let timely = groups.into_iter().zip(1..).take_while(|_| !watch.spend(4));
                self.input = timely.map(|(group, nth)| group_row(group, nth)).collect();
                complete = self.input.len() == count;
            }
            _ => {
                self.done = true;
                return true;
            }
        }
        self.told = 0;
        self.enter(self.stage + 1);
        self.exact = if self.counts_at.is_none() { self.counted.unwrap_or_default() } else { 0 };
        complete
    }
}

/// Before which step of the last stage WITHCOUNT counts: the LIMIT, or the end where a FILTER comes after it. `None`: how many rows
/// there are is known when they enter.
fn counts_at(stage: &Stage) -> Option<usize> {
    if !matches!(stage.sink, Sink::Output) {
        return None;
    }
    let filter = stage.steps.iter().rposition(|step| matches!(step, Stream::Filter(_)))?;
    let limit = stage.steps.iter().rposition(|step| matches!(step, Stream::Limit { .. }));
    Some(limit.filter(|limit| *limit > filter).unwrap_or(stage.steps.len()))
}

fn row<D>(hit: Hit<D>, width: usize, score: Option<Column>, ordinal: u64) -> Row<D> {
    let mut values: Vec<_> = hit.distances.into_iter().map(|distance| distance.map(Value::Number)).collect();
    values.resize(width, None);
    if let Some(column) = score {
        values[column.0] = Some(Value::Number(hit.score));
    }
    Row {
        document: Some(hit.document),
        number: hit.number.into(),
        score: hit.score,
        values,
        extra: Vec::new(),
        terms: hit.terms,
        sort_key: None,
        ordinal,
    }
}

fn group_row<D>((keys, states): (Vec<Value>, Vec<State>), nth: u64) -> Row<D> {
    let values = keys.into_iter().chain(states.into_iter().map(State::finish)).map(Some).collect();
    Row {
        document: None,
        number: nth,
        score: 0.0,
        values,
        extra: Vec::new(),
        terms: Arc::from([]),
        sort_key: None,
        ordinal: nth,
    }
}

/// Rows by their columns; those without a value come last in both directions. Ties stay in the
/// order they came in, or are turned around where the last column falls.
fn compare<D>(a: &Row<D>, b: &Row<D>, by: &[(Column, bool)]) -> std::cmp::Ordering {
    for (column, descending) in by {
        let order = match (&a.values[column.0], &b.values[column.0]) {
            (Some(a), Some(b)) if *descending => b.sort_order(a),
            (Some(a), Some(b)) => a.sort_order(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    let falling = by.last().is_some_and(|(_, descending)| *descending);
    if falling { b.ordinal.cmp(&a.ordinal) } else { a.ordinal.cmp(&b.ordinal) }
}

/// Leaves only the first rows, in any order.
fn keep_first<D>(rows: &mut Vec<Row<D>>, by: &[(Column, bool)], most: usize, watch: &Watch<'_>) {
    /// To find more takes so long that it is sorted, which can be stopped.
    const MANY: usize = 10_000;
    if rows.len() > most {
        if most > MANY {
            sort_within(rows, |a, b| compare(a, b, by), watch);
        } else if most > 0 {
            rows.select_nth_unstable_by(most - 1, |a, b| compare(a, b, by));
        }
        rows.truncate(most);
    }
}

fn group_of(
    index: &mut HashMap<Box<[u8]>, usize>,
    groups: &mut Vec<(Vec<Value>, Vec<State>)>,
    key: Vec<Value>,
    reducers: &[Reducer<Column>],
) -> usize {
    let mut text = Vec::new();
    key.iter().for_each(|value| value.encode(&mut text));
    *index.entry(text.into()).or_insert_with(|| {
        groups.push((key, reducers.iter().map(State::new).collect()));
        groups.len() - 1
    })
}

fn add<D>(states: &mut [State], reducers: &[Reducer<Column>], row: &Row<D>, hashes: &Hashes) {
    let value = |column: &Column| row.values.get(column.0).and_then(Option::as_ref);
    for (state, reducer) in states.iter_mut().zip(reducers) {
        let by = match reducer {
            Reducer::FirstValue(_, Some((by, _))) => value(by),
            _ => None,
        };
        if let (State::Collected(rows), Reducer::Collect(collect)) = (&mut *state, reducer) {
            rows.add(collect, row.number, value);
            continue;
        }
        state.add(reducer.of().and_then(value), by, hashes);
    }
}

/// The groups that a row is in: one for each combination of the elements of arrays among its keys. What is missing, and an
/// array without elements, is NULL.
struct Combination<'a> {
    keys: Vec<&'a [Value]>,
    at: Vec<usize>,
    done: bool,
}

impl<'a> Combination<'a> {
    fn new<D>(by: &[Column], row: &'a Row<D>) -> Self {
        let keys = by.iter().map(|column| match row.values.get(column.0).and_then(Option::as_ref) {
            Some(Value::Array(items)) if !items.is_empty() => items.as_ref(),
            None | Some(Value::Array(_)) => &[Value::Null],
            Some(value) => std::slice::from_ref(value),
        });
        Self { keys: keys.collect(), at: vec![0; by.len()], done: false }
    }

    fn next(&mut self) -> Option<Vec<Value>> {
        if self.done {
            return None;
        }
        let key = self.keys.iter().zip(&self.at).map(|(values, &at)| values[at].clone()).collect();
        self.done = true;
        for (at, values) in self.at.iter_mut().zip(&self.keys) {
            *at += 1;
            if *at < values.len() {
                self.done = false;
                break;
            }
            *at = 0;
        }
        Some(key)
    }
}
