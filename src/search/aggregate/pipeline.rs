//! Steps at work: rows are pulled through them, a batch at a time.
//!
//! A [`Pipeline`] is a plan with what its steps have so far. [`Pipeline::next`] runs until it has as many rows as are wanted
//! and can be called again, at once or much later: that is all a cursor is. Rows of one stretch of steps are not kept,
//! but where they must all be known before the first can go on: a SORTBY keeps as many as it will let through (and up to
//! as many again), a GROUPBY its groups.
//!
//! A batch is a [`Table`], filled anew each time, and so is all that steps work with: no step takes memory for a row or a value
//! but for what it keeps, and for arrays. That is the law here, since the server counts all memory in one place that all threads
//! contend for; a test counts.
//!
//! What the index keeps is looked at where it lies as long as it is read, which is during a call. What a call leaves behind does not
//! need it: the rows that come out, those that SORTBY and GROUPBY let through.
//!
//! The total is what clients know: the documents read up to the first row of a batch, or what a SORTBY or a GROUPBY counted,
//! once. With WITHCOUNT it is how many rows there would be without the last LIMIT (or SORTBY, which cuts too), in every batch.
//! Where a FILTER comes after the last GROUPBY or SORTBY, all rows go through it for that before the first goes out.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::expression::{Column, EvaluateError, Expression, Room};
use super::group::Groups;
use super::kept::Grouping;
use super::plan::{Plan, Sink, Stage, Stream};
use super::reduce::Hashes;
use super::row::Source;
use super::sort::Sorted;
use super::table::{Cell as Place, Fresh, Kept, Row, Table};
use super::tally::Tally;
use crate::search::doc_id::DocId;
use crate::search::index::Index;
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
pub struct Output {
    /// What is told as the total.
    pub total: u64,
    /// The rows; their values are in the order of [`Plan::names`].
    pub rows: Table,
    /// No more rows will come.
    pub done: bool,
    /// It was interrupted: rows are missing.
    pub interrupted: bool,
}

/// Steps with what they have so far.
#[derive(Debug)]
pub struct Pipeline {
    plan: Arc<Plan>,
    /// The stage at work.
    stage: usize,
    /// Rows of the stage before, if there is one, and how many of them have been taken.
    input: (Table, usize),
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
    sink: Gathered,
    /// Rows that came out, and how many of them have been given away.
    output: (Table, usize),
    done: bool,
    interrupted: bool,
    hashes: Hashes,
    room: Scratch,
    /// Rows of the next batch.
    batch: usize,
    /// What the steps have done, if anybody wants to know.
    tally: Option<Tally>,
}

/// What steps work with, from batch to batch.
#[derive(Debug, Default)]
struct Scratch {
    rows: Table,
    room: Room<'static>,
    fresh: Fresh,
    keep: Vec<bool>,
}

/// What the end of a stage has gathered.
#[derive(Debug)]
enum Gathered {
    Rows(Sorted),
    Groups(Groups),
    Nothing,
}

impl Gathered {
    fn new(stage: &Stage) -> Self {
        match &stage.sink {
            Sink::Sort { .. } => Self::Rows(Sorted::new(stage.width)),
            Sink::Group { by, .. } => Self::Groups(Groups::new(by.len())),
            Sink::Output => Self::Nothing,
        }
    }
}

impl Pipeline {
    /// Begins.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut pipeline = Self {
            plan,
            stage: 0,
            input: Default::default(),
            read: 0,
            told: 0,
            counted: None,
            exact: 0,
            gone: 0,
            counts_at: None,
            has_too_many: false,
            limits: Vec::new(),
            sink: Gathered::Nothing,
            output: Default::default(),
            done: false,
            interrupted: false,
            hashes: Hashes::default(),
            room: Scratch::default(),
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
            let rows = if self.stage > stage { self.input.0.len() as u64 } else { 0 };
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
        self.sink = Gathered::Groups(groups);
        self.ending(|pipeline| pipeline.leave(&plan, Kept(Some(index)), &Watch::default()));
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
        self.sink = Gathered::new(stage);
        self.counts_at = if self.plan.exact { counts_at(stage) } else { None };
    }

    /// The next rows, at most so many. `interrupted` is asked after every batch; once it says yes, steps that need all rows
    /// make do with those that they have, and where rows are streamed, the others are for the next call. What later stages
    /// have by then is worked on for a little while (`GRACE`), so that something comes out.
    ///
    /// # Errors
    /// Any [`Error`]; the pipeline is of no use afterwards.
    pub fn next(
        &mut self,
        source: &mut impl Source,
        most: usize,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Output, Error> {
        let plan = Arc::clone(&self.plan);
        self.check(&plan)?;
        let mut paused = false;
        let end = Cell::new(None);
        let is_over =
            || interrupted() && end.replace(end.get().or_else(|| Instant::now().checked_add(GRACE))).is_some();
        let is_late = || is_over() && end.get().is_none_or(|end| Instant::now() >= end);
        let late = Watch::new(Some(&is_late));
        while !self.done && (self.waiting() < most || self.counts_at.is_some()) {
            let stage = &plan.stages[self.stage];
            let streams = matches!(stage.sink, Sink::Output);
            let wanted = if streams && self.counts_at.is_none() { most - self.waiting() } else { BATCH };
            let start = Instant::now();
            let count = wanted.min(self.let_through(stage)).clamp(1, self.batch);
            let more = self.pull(source, count, stage.width);
            self.run(source, stage)?;
            self.ending(|pipeline| pipeline.gather(stage, source.kept(), &late));
            self.check(&plan)?;
            self.pace(count, start.elapsed());
            let stops = if self.stage == 0 { self.interrupted || interrupted() } else { late.look() };
            self.interrupted |= stops && !streams;
            if !more || self.is_sated(stage) || (stops && !streams) {
                self.interrupted |= !self.ending(|pipeline| pipeline.leave(&plan, source.kept(), &late));
            } else if stops {
                paused = true;
                break;
            }
        }
        let mut rows = self.give(most);
        rows.drop_extras(|name| plan.names().iter().any(|known| **known == *name));
        let streamed = match rows.is_empty() {
            false => rows.origin(0).ordinal.saturating_sub(self.told),
            true => self.read - self.told,
        };
        let counted = self.counted.take().unwrap_or(if self.stage == 0 { streamed } else { 0 });
        let total = if plan.exact { self.exact_total(source) } else { counted };
        self.told = rows.len().checked_sub(1).map_or(self.read, |last| rows.origin(last).ordinal);
        let done = self.done && self.waiting() == 0;
        Ok(Output { total, rows, done, interrupted: self.interrupted || paused })
    }

    /// How many rows have come out that were not given away.
    fn waiting(&self) -> usize {
        self.output.0.len() - self.output.1
    }

    /// Gives rows away, at most so many.
    fn give(&mut self, most: usize) -> Table {
        let (output, given) = &mut self.output;
        let end = output.len().min(given.saturating_add(most));
        if *given == 0 && end == output.len() {
            return std::mem::take(output);
        }
        let mut rows = Table::default();
        rows.reset(output.width());
        (*given..end).for_each(|row| rows.push_from(output, row, None));
        *given = end;
        if end == output.len() {
            self.output = Default::default();
        }
        rows
    }

    /// Refuses to go on with more groups than there may be.
    fn check(&self, plan: &Plan) -> Result<(), Error> {
        if self.has_too_many { Err(Error::Groups(plan.max_groups)) } else { Ok(()) }
    }

    /// What WITHCOUNT tells.
    fn exact_total(&self, source: &impl Source) -> u64 {
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

    /// Makes the batch the next rows of the stage before, and says whether there may be more.
    fn pull(&mut self, source: &mut impl Source, most: usize, width: usize) -> bool {
        let rows = &mut self.room.rows;
        rows.reset(width);
        if self.stage > 0 {
            let (input, taken) = &mut self.input;
            let end = input.len().min(*taken + most);
            (*taken..end).for_each(|row| rows.push_from(input, row, None));
            *taken = end;
            return end < input.len();
        }
        let more = source.read(most, rows);
        self.read += rows.len() as u64;
        if let Some(column) = self.plan.score {
            for row in 0..rows.len() {
                let score = rows.origin(row).nth().map_or(0.0, |nth| source.score(nth));
                rows.set(row, column.0, Place::Number(score));
            }
        }
        more
    }

    fn run(&mut self, source: &mut impl Source, stage: &Stage) -> Result<(), EvaluateError> {
        let mut nth = 0;
        for (at, step) in stage.steps.iter().enumerate() {
            self.count(at);
            let start = self.tally.as_ref().map(|_| Instant::now());
            match step {
                Stream::Load(load) => {
                    source.load(&mut self.room.rows, load);
                    self.gone += self.room.rows.drop_lost(&mut self.room.keep) as u64;
                }
                Stream::Apply(expression, column) => self.room.apply(source, expression, *column)?,
                Stream::Filter(expression) => self.room.filter(source, expression)?,
                Stream::Limit { .. } => {
                    let (offset, count) = &mut self.limits[nth];
                    nth += 1;
                    let skipped = self.room.rows.len().min(*offset);
                    self.room.rows.cut(skipped, *count);
                    *offset -= skipped;
                    *count -= self.room.rows.len();
                }
            }
            if let (Some(tally), Some(start)) = (&mut self.tally, start) {
                tally.add(self.stage, at, (start.elapsed(), self.room.rows.len() as u64));
            }
        }
        self.count(stage.steps.len());
        Ok(())
    }

    /// Counts rows for WITHCOUNT, if this is where they are counted.
    fn count(&mut self, at: usize) {
        if self.counts_at == Some(at) {
            self.exact += self.room.rows.len() as u64;
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

    /// Takes the batch to the end of the stage.
    fn gather(&mut self, stage: &Stage, kept: Kept<'_>, watch: &Watch<'_>) {
        let rows = &self.room.rows;
        match (&stage.sink, &mut self.sink) {
            (Sink::Sort { by, offset, count }, Gathered::Rows(sorted)) => {
                sorted.take((rows, kept), by, offset.saturating_add(*count), watch);
            }
            (Sink::Group { by, reducers }, Gathered::Groups(groups)) => {
                groups.take((rows, kept), (by, reducers), (&self.hashes, self.plan.max_groups), watch);
                self.has_too_many = groups.len() > self.plan.max_groups;
            }
            _ => {
                let output = &mut self.output.0;
                if output.is_empty() {
                    output.reset(stage.width);
                }
                (0..rows.len()).for_each(|row| output.push_from(rows, row, Some(kept)));
            }
        }
    }

    /// Ends a stage: what it has gathered becomes the input of the next. False: time is over, and some of it is missing.
    fn leave(&mut self, plan: &Plan, kept: Kept<'_>, watch: &Watch<'_>) -> bool {
        let stage = &plan.stages[self.stage];
        let complete;
        match (&stage.sink, std::mem::replace(&mut self.sink, Gathered::Nothing)) {
            (Sink::Sort { by, offset, count }, Gathered::Rows(sorted)) => {
                self.counted = Some(sorted.count());
                let (rows, all) = sorted.into_rows(by, (*offset, *count), kept, watch);
                (self.input, complete) = ((rows, 0), all);
            }
            (Sink::Group { .. }, Gathered::Groups(groups)) => {
                let count = groups.len();
                self.counted = Some(count as u64);
                self.input = (groups.into_rows(kept, watch), 0);
                complete = self.input.0.len() == count;
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

impl Scratch {
    /// Puts the value of an expression into a column of all rows.
    fn apply(&mut self, source: &impl Source, expression: &Expression, column: Column) -> Result<(), EvaluateError> {
        self.fresh.clear();
        let mut room = std::mem::take(&mut self.room).renewed();
        for row in 0..self.rows.len() {
            expression.evaluate(&at(&self.rows, row, source), &mut room)?;
            self.fresh.push(room.answer());
        }
        self.room = room.renewed();
        self.rows.put(column.0, &mut self.fresh);
        Ok(())
    }

    /// Leaves the rows for which an expression is true.
    fn filter(&mut self, source: &impl Source, expression: &Expression) -> Result<(), EvaluateError> {
        self.keep.clear();
        let mut room = std::mem::take(&mut self.room).renewed();
        for row in 0..self.rows.len() {
            expression.evaluate(&at(&self.rows, row, source), &mut room)?;
            self.keep.push(room.answer().is_true());
        }
        self.room = room.renewed();
        if self.keep.contains(&false) {
            self.rows.retain(&self.keep);
        }
        Ok(())
    }
}

/// A row, as expressions read it.
fn at<'a>(table: &'a Table, row: usize, source: &'a impl Source) -> Row<'a> {
    let terms = table.origin(row).nth().map_or(&[][..], |nth| source.terms(nth));
    Row { table, row, kept: source.kept(), terms }
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
