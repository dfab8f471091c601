//! `FT.AGGREGATE index query …`
//!
//! The query and the steps run on a worker. Steps that need only what the index keeps run while it is read; others ask the
//! server for what documents hold, some rows at a time, and without the index, so that nobody waits for both.
//!
//! Where a LIMIT says how many documents the steps can use, the query looks for no more. If some of them have gone by then, it is
//! made again, without that.
//!
//! WITHCURSOR: a cursor holds the documents that the query found and the steps at work on them. So it repeats no document and skips
//! none that is still there. Each page is made as the first one is, of the index as it is then where that is enough.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::find::{write_head, write_score, write_warnings};
use super::loading::{Access, Documents};
use super::profiling::{self, Profiling, Report, Step, Warnings};
use super::rows::{self, Style};
use super::{find, reads};
use crate::commands::style::reply;
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::cursors::{self, Cursors};
use crate::indexes::definition::Definition;
use crate::indexes::handle::Handle;
use crate::indexes::measuring;
use crate::indexes::query::{self, Deadline};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::redis::reply::Reply;
use crate::search::aggregate::hits::Hits;
use crate::search::aggregate::pipeline::{Output, Pipeline};
use crate::search::aggregate::plan::Plan;
use crate::search::aggregate::request::{AggregateRequest, CursorRequest};
use crate::search::aggregate::table::{Kept, Table};
use crate::search::aggregate::value::{Shown, View};
use crate::search::decimal;
use crate::search::execute::{Found, Order, Request, distance_names, documents, execute};
use crate::search::index::Index;
use crate::search::live::Place as Arrival;
use crate::search::plan::Measured;
use crate::search::plan::Settings;
use crate::search::profile::{Done, Profile};
use crate::search::query::ast::{self, Node};
use crate::watch::Watch;

/// `FT.AGGREGATE`
pub struct Aggregate;

impl Command for Aggregate {
    const INFO: Info = reads(c"FT.AGGREGATE", c"Finds documents and works on them", c"1.1.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next().ok_or_else(|| Error::arity("FT.AGGREGATE"))?;
        run(ctx, name, args, None)
    }
}

/// Runs an aggregation, and tells how it went.
///
/// # Errors
/// Those of FT.AGGREGATE, and where it asks for a cursor.
pub fn profile(ctx: &Context, name: &[u8], args: Args<'_>, profiling: Profiling) -> Result<(), Error> {
    run(ctx, name, args, Some(profiling))
}

fn run(ctx: &Context, name: &[u8], args: Args<'_>, profiling: Option<Profiling>) -> Result<(), Error> {
    let index = find(ctx, name, || errors::no_such_index(name))?;
    let definition = index.definition();
    let request = AggregateRequest::parse(args, &query::asked(ctx, &definition))?;
    if request.cursor.is_some() && profiling.is_some() {
        return Err(errors::PROFILED_CURSOR);
    }
    let tree = query::parse(&request.query, &request.options, &definition, false)?;
    let read = profiling.map(|_| Instant::now());
    let mut asked = Asked::new(&definition, request, tree, ctx.database())?;
    if asked.request.cursor.is_some() {
        make_room(&index.handle, 1)?;
    }
    asked.profiling =
        profiling.zip(read).map(|(profiling, read)| Profiling { read, understood: Instant::now(), ..profiling });
    index.count_use(query::dialect(&asked.request.options));
    if query::finds_nothing_for_memory(ctx)? {
        let pipeline = Pipeline::new(Arc::clone(&asked.plan));
        let running = asked.running(&index.handle, pipeline, Found::without_memory(), Hits::default());
        let access = Access::Server(Server::Here(ctx), &index.handle);
        let answer = asked.answer(running, |running, most| running.next(access, most))?;
        return Answer { report: asked.profiling.map(Report::empty), ..answer }.reply(ctx);
    }
    query::run_with(
        ctx,
        &index,
        move |handle, arrival, ctx| asked.execute(handle, arrival, ctx),
        |ctx, answer: Result<Answer, Error>| answer?.reply(ctx),
    )
}

thread_local! {
    static TABLE: RefCell<cursors::Table<Running>> = RefCell::default();
}

/// What waits to be read.
pub static CURSORS: Cursors<Running> = Cursors(&TABLE);

/// Sees to it that an index can have so many more cursors.
///
/// # Errors
/// Where it has too many.
pub(super) fn make_room(handle: &Arc<Handle>, more: usize) -> Result<(), Error> {
    CURSORS.forget_idle();
    if CURSORS.counts(handle).of_index + more <= config::index_cursor_limit() {
        Ok(())
    } else {
        Err(errors::TOO_MANY_CURSORS)
    }
}

/// What is asked, as far as it can be known without the index.
struct Asked {
    request: AggregateRequest,
    definition: Arc<Definition>,
    database: i32,
    tree: Node,
    plan: Arc<Plan>,
    deadline: Deadline,
    /// How it goes is to be told.
    profiling: Option<Profiling>,
}

impl Asked {
    fn new(definition: &Arc<Definition>, request: AggregateRequest, tree: Node, database: i32) -> Result<Self, Error> {
        let plan = Plan::new(&request, &definition.schema, &distance_names(&tree))?;
        Ok(Self {
            deadline: Deadline::of(&request.options),
            definition: Arc::clone(definition),
            plan: Arc::new(plan),
            profiling: None,
            database,
            tree,
            request,
        })
    }

    fn execute(&self, handle: &Arc<Handle>, arrival: Arrival, here: Option<&Context>) -> Result<Answer, Error> {
        let queued = self.profiling.map(|profiling| (profiling, profiling.understood.elapsed()));
        // A cursor may be read long after: nobody can make its query again then.
        let most = if self.request.cursor.is_some() { usize::MAX } else { self.plan.first_documents() };
        let answer = self.attempt(handle, arrival, here, (most, queued))?;
        if answer.running.hits.ran_out() {
            return self.attempt(handle, arrival, here, (usize::MAX, queued));
        }
        Ok(answer)
    }

    /// Makes the query, which looks for so many documents at most, and the first rows.
    fn attempt(
        &self,
        handle: &Arc<Handle>,
        arrival: Arrival,
        here: Option<&Context>,
        (most, queued): (usize, Option<(Profiling, Duration)>),
    ) -> Result<Answer, Error> {
        let server = Server::of(here, self.database);
        let profile = queued.map(|_| Profile::default());
        let deadline = self.deadline;
        let is_over = || deadline.has_passed();
        let measured = measuring::ranges((&**handle, arrival), &self.tree, &self.definition, &is_over, server);
        let index = handle.read(arrival, &is_over);
        let (Some(measured), Some(index)) = (measured, index) else {
            let running =
                self.running(handle, Pipeline::new(Arc::clone(&self.plan)), Found::default(), Hits::default());
            let answer = self.answer(running, |running, most| running.next(Access::Server(server, handle), most))?;
            return Ok(Answer { report: self.profiling.map(Report::empty), ..answer });
        };
        let (pipeline, mut found, hits) = self.find(&index, (measured, most), profile.as_ref(), &is_over);
        let mut answer = if !self.plan.needs_documents() && found.nearest.is_none() {
            let running = self.running(handle, pipeline, found, hits);
            self.answer(running, |running, most| running.next(Access::Index(&index), most))?
        } else {
            drop(index);
            let watch = Watch::new(Some(&is_over));
            let mut hits = hits;
            if measuring::settle(
                &mut found,
                (&self.tree, Order::Best, (0, usize::MAX)),
                &self.definition,
                server,
                &watch,
            ) {
                hits = Hits::of_rows(std::mem::take(&mut found.rows), false);
            }
            let running = self.running(handle, pipeline, found, hits);
            self.answer(running, |running, most| running.page(server, arrival, most))?
        };
        if let (Some((profiling, queued)), Some(profile)) = (queued, profile) {
            let done = profile.done();
            let steps = answer.steps(&done);
            answer.report = Some(Report { profiling, queued, done, steps });
        }
        Ok(answer)
    }

    /// The first rows, which `next` makes.
    fn answer(
        &self,
        mut running: Running,
        next: impl FnOnce(&mut Running, usize) -> Result<Output, Error>,
    ) -> Result<Answer, Error> {
        let page = self.request.cursor.map(|cursor| Page { number: 0, size: cursor.count });
        let batch = next(&mut running, page.map_or(usize::MAX, |page| page.size))?;
        Ok(Answer { running, batch, cursor: page, report: None })
    }

    /// Finds the documents, so many at most, and does the first GROUPBY at once where it needs no rows.
    fn find(
        &self,
        index: &Index,
        (measured, most): (Vec<Measured>, usize),
        profile: Option<&Profile>,
        cancelled: &dyn Fn() -> bool,
    ) -> (Pipeline, Found, Hits) {
        let options = &self.request.options;
        let scores = self.plan.needs_scores();
        let nearest = matches!(self.tree.kind, ast::Kind::Knn(_));
        let request = Request {
            settings: Settings { measured, ..query::settings(options) },
            in_keys: options.in_keys.as_ref().map(|keys| keys.iter().map(|key| &**key).collect()),
            scorer: query::scorer(options),
            scores,
            explain: options.explain_score,
            terms: self.plan.needs_terms(),
            // Candidates are measured by their keys.
            keys: nearest,
            payload: options.payload.as_deref(),
            payloads: options.with_payloads,
            order: if scores || nearest { Order::Best } else { Order::Number },
            limit: if nearest { usize::MAX } else { most },
            profile,
            cancelled: Some(cancelled),
            ..Request::new(&self.tree)
        };
        let mut pipeline = Pipeline::new(Arc::clone(&self.plan));
        if profile.is_some() {
            pipeline.keep_tally();
        }
        let alone = !scores && !nearest && !request.explain && !request.terms && !request.payloads;
        if alone && distance_names(&self.tree).is_empty() {
            let (docs, found) = documents(index, &request, most);
            if Pipeline::groups(&self.plan) {
                pipeline.group(index, &docs, cancelled);
                return (pipeline, found, Hits::default());
            }
            let was_cut = docs.len() >= most as u64;
            return (pipeline, found, Hits::of_set(docs, was_cut));
        }
        let mut found = execute(index, &request);
        let was_cut = !nearest && found.rows.len() >= most;
        let rows = if found.nearest.is_some() { Vec::new() } else { std::mem::take(&mut found.rows) };
        (pipeline, found, Hits::of_rows(rows, was_cut))
    }

    fn running(&self, handle: &Arc<Handle>, pipeline: Pipeline, found: Found, hits: Hits) -> Running {
        let options = &self.request.options;
        Running {
            pipeline,
            hits,
            looks: false,
            complete: found.complete,
            was_cut: found.was_cut,
            no_memory: found.no_memory,
            handle: Arc::clone(handle),
            definition: Arc::clone(&self.definition),
            database: self.database,
            deadline: self.deadline,
            timeout: options.timeout,
            cursor: self.request.cursor,
            style: Style { all: query::dialect(options) >= 3, expand: options.expand },
            beside: Beside {
                score: options.with_scores,
                explanation: options.explain_score,
                payload: options.with_payloads,
                sort_key: options.with_sort_keys,
                values: !options.no_content,
            },
        }
    }
}

/// What rows show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    /// WITHSCORES.
    score: bool,
    /// EXPLAINSCORE.
    explanation: bool,
    /// WITHPAYLOADS.
    payload: bool,
    /// WITHSORTKEYS.
    sort_key: bool,
    /// No NOCONTENT.
    values: bool,
}

impl Beside {
    /// The values alone.
    pub const NOTHING: Self = Self { score: false, explanation: false, payload: false, sort_key: false, values: true };

    /// How many things that is.
    fn count(self) -> usize {
        [self.score, self.payload, self.sort_key, self.values].into_iter().map(usize::from).sum()
    }
}

/// Steps at work, which a cursor keeps.
pub struct Running {
    pub(super) pipeline: Pipeline,
    pub(super) hits: Hits,
    /// Every document whose key is loaded must be there, whatever the index says.
    pub(super) looks: bool,
    pub(super) complete: bool,
    /// A pattern stands for more terms than were looked for.
    pub(super) was_cut: bool,
    /// Nothing was looked for, since the server uses more memory than it may.
    pub(super) no_memory: bool,
    /// The index.
    pub handle: Arc<Handle>,
    pub(super) definition: Arc<Definition>,
    /// Where its documents are.
    pub database: i32,
    pub(super) deadline: Deadline,
    /// TIMEOUT of the query, which each read of its cursor has.
    pub(super) timeout: Option<u64>,
    /// What the cursor was asked.
    pub cursor: Option<CursorRequest>,
    pub(super) style: Style,
    pub(super) beside: Beside,
}

/// Rows that came out, and what will bring more.
pub struct Answer {
    /// The steps.
    pub running: Running,
    /// The rows.
    pub batch: Output,
    /// With a cursor.
    pub cursor: Option<Page>,
    /// How it went, if that is wanted.
    pub report: Option<Report>,
}

/// A page of a cursor.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The number of the cursor, 0 for a new one.
    pub number: u64,
    /// How many rows were asked for.
    pub size: usize,
}

impl Running {
    /// The next rows, at most so many.
    ///
    /// # Errors
    /// Of an expression.
    pub fn next(&mut self, access: Access<'_>, most: usize) -> Result<Output, Error> {
        let deadline = self.deadline;
        let (definition, style, looks) = (&self.definition, self.style, self.looks);
        let mut source = Documents { hits: &mut self.hits, definition, style, access, looks };
        Ok(self.pipeline.next(&mut source, most, &move || deadline.has_passed())?)
    }

    /// The next rows, at most so many, of an index with everything applied up to a place, where that is enough. When time is over
    /// before it can be read, there are none.
    ///
    /// # Errors
    /// Of an expression.
    pub fn page(&mut self, server: Server<'_>, arrival: Arrival, most: usize) -> Result<Output, Error> {
        let (handle, deadline) = (Arc::clone(&self.handle), self.deadline);
        if self.looks || self.pipeline.plan().needs_documents() {
            return self.next(Access::Server(server, &handle), most);
        }
        match handle.read(arrival, &|| deadline.has_passed()) {
            Some(index) => self.next(Access::Index(&index), most),
            None => Ok(Output { total: 0, rows: Table::default(), done: false, interrupted: true }),
        }
    }

    /// Keeps what is left to be read and returns its number; 0 stands for a new one.
    pub(super) fn keep(self, ctx: &Context, number: u64) -> u64 {
        let most = config::cursor_max_idle();
        let idle = self.cursor.and_then(|cursor| cursor.max_idle).map_or(most, |asked| asked.min(most));
        let handle = Arc::clone(&self.handle);
        CURSORS.keep(ctx, number, &handle, Duration::from_millis(idle), self)
    }

    /// The time for the next read begins.
    pub fn begin_read(&mut self) {
        self.deadline = Deadline::after(self.timeout);
    }
}

impl Answer {
    /// Writes the rows; a cursor with more to come is kept.
    ///
    /// # Errors
    /// Where a query whose time is over fails.
    pub fn reply(self, ctx: &Context) -> Result<(), Error> {
        let complete = self.running.complete && !self.batch.interrupted;
        if !complete {
            self.running.handle.count_timeout();
            if config::fail_on_timeout() {
                return Err(errors::TIMEOUT);
            }
        }
        let mut reply = reply(ctx);
        let report = self.report.as_ref();
        profiling::begin(&mut reply, report);
        if self.cursor.is_some() {
            reply.array(2);
        }
        self.running.write(&mut reply, &self.batch, complete, profiling::members(report));
        profiling::end(&mut reply, report, Warnings { timeout: !complete, no_memory: self.running.no_memory });
        if let Some(page) = self.cursor {
            let number = if self.ends(page) { 0 } else { self.running.keep(ctx, page.number) };
            reply.integer(i64::try_from(number).unwrap_or_default());
        }
        Ok(())
    }
}

impl Answer {
    /// What the rows went through.
    fn steps(&self, done: &Done) -> Vec<Step> {
        let (scoring, scored) = done.scoring;
        let mut steps = vec![Step::new("Index", done.took.saturating_sub(scoring), self.running.pipeline.read())];
        if scored > 0 {
            steps.push(Step::new("Scorer", scoring, scored));
        }
        let tally = self.running.pipeline.tally();
        steps.extend(tally.into_iter().map(|(name, time, count)| Step::new(name, time, count)));
        steps
    }

    /// Whether a page is the last.
    fn ends(&self, page: Page) -> bool {
        self.batch.done && self.batch.rows.len() < self.running.pipeline.plan().full_page(page.size)
    }
}

impl Running {
    fn write(&self, reply: &mut Reply<'_>, batch: &Output, complete: bool, more: usize) {
        let resp3 = reply.resp3();
        if resp3 {
            write_head(reply, batch.total, self.style.expand, more);
            reply.array(batch.rows.len());
        } else {
            reply.array(1 + batch.rows.len() * self.beside.count());
            reply.integer(i64::try_from(batch.total).unwrap_or(i64::MAX));
        }
        for row in 0..batch.rows.len() {
            if resp3 {
                reply.map(1 + self.beside.count());
            }
            self.write_beside(reply, &batch.rows, row);
            if self.beside.values {
                name(reply, "extra_attributes");
                self.write_row(reply, &batch.rows, row);
            }
            if resp3 {
                reply.simple("values");
                reply.array(0);
            }
        }
        if resp3 {
            write_warnings(reply, complete, self.was_cut, self.no_memory);
        }
    }

    /// What stands before the values of a row.
    fn write_beside(&self, reply: &mut Reply<'_>, rows: &Table, row: usize) {
        let nth = rows.origin(row).nth();
        if self.beside.score {
            name(reply, "score");
            let explanation = nth.and_then(|nth| self.hits.explanation(nth));
            if self.beside.explanation && explanation.is_none() {
                // The row of a group: no document, nothing to explain.
                reply.array(1);
            }
            write_score(reply, nth.map_or(0.0, |nth| self.hits.score(nth)), explanation);
        }
        if self.beside.payload {
            name(reply, "payload");
            reply.bulk_or_null(nth.and_then(|nth| self.hits.payload(nth)));
        }
        if self.beside.sort_key {
            name(reply, "sortkey");
            reply.bulk_or_null(rows.sort_key(row).and_then(sort_key).as_deref());
        }
    }

    fn write_row(&self, reply: &mut Reply<'_>, rows: &Table, row: usize) {
        let view = |column: usize| rows.at(row, column, Kept::default());
        let names = self.pipeline.plan().names();
        let count = (0..names.len()).filter(|column| view(*column).is_some()).count();
        reply.map(count + rows.extras(row).count());
        for (column, name) in names.iter().enumerate() {
            if let Some(value) = view(column) {
                reply.bulk(name);
                self.write_value(reply, value);
            }
        }
        for (name, value) in rows.extras(row) {
            reply.bulk(name);
            self.write_value(reply, value);
        }
    }

    /// Writes a value. Recursion is as deep as arrays and maps in each other, which the plan bounds.
    pub(super) fn write_value(&self, reply: &mut Reply<'_>, value: View<'_>) {
        match value {
            View::Null => reply.null(),
            View::Number(number) => self.style.write_number(reply, number),
            View::Text(text) => reply.bulk(text),
            View::Array(items) => {
                reply.array(items.len());
                items.iter().for_each(|item| self.write_value(reply, item.view()));
            }
            View::Map(members) => {
                reply.map(members.len());
                for (name, value) in members.iter() {
                    reply.bulk(name);
                    self.write_value(reply, value.view());
                }
            }
            View::Faced(faces) => match &faces.shown {
                Shown::Text(text) => reply.bulk(text),
                Shown::Json(values) => rows::write_values(reply, values),
            },
        }
    }
}

/// The name of a part of a row, where it has one: in RESP3.
fn name(reply: &mut Reply<'_>, name: &str) {
    if reply.resp3() {
        reply.simple(name);
    }
}

/// WITHSORTKEYS.
fn sort_key(value: View<'_>) -> Option<Vec<u8>> {
    match value.plain() {
        View::Number(number) => Some([b"#", &decimal::exact(number)[..]].concat()),
        other => other.to_text().map(|text| [b"$", &text[..]].concat()),
    }
}
