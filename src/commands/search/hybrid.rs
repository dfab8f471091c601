//! `FT.HYBRID index SEARCH query … VSIM @field $vector …`
//!
//! Both arms run on one state of the index: the worker that has the query holds it while it does one of them, and another worker, if
//! one is free, does the other. Then the index is let go, candidates of the vector arm are measured, the lists are fused, and
//! the rows go through the steps of FT.AGGREGATE. These look at every document that is shown: one that has gone is not.
//!
//! WITHCURSOR: each list becomes a cursor for itself, read as one of FT.AGGREGATE; its rows go through the same steps, and their score is
//! that of the list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aggregate::{Beside, Running, make_room};
use super::find::write_score;
use super::loading::Access;
use super::profiling::{self, Arm, HybridReport, NO_MEMORY, Profiling};
use super::rows::Style;
use super::{find, reads};
use crate::commands::style::reply;
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::definition::Definition;
use crate::indexes::handle::Handle;
use crate::indexes::measuring;
use crate::indexes::query::{self, Deadline};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::redis::pair;
use crate::redis::reply::Reply;
use crate::search::aggregate::hits::Hits;
use crate::search::aggregate::pipeline::{Output, Pipeline};
use crate::search::aggregate::plan::Plan;
use crate::search::aggregate::request::Step;
use crate::search::aggregate::table::{Kept, Table};
use crate::search::decimal;
use crate::search::execute::{self, Found};
use crate::search::hybrid::arms::Arms;
use crate::search::hybrid::request::HybridRequest;
use crate::search::hybrid::rows;
use crate::search::live::Place as Arrival;
use crate::search::profile::{Done, Profile};
use crate::search::query::ast::Node;
use crate::watch::Watch;

/// `FT.HYBRID`
pub struct Hybrid;

/// Milliseconds for fusion and the steps where the arms have taken all the time: so that what they found comes out.
const GRACE: u64 = 10;

/// Nanoseconds that an arm must take to be worth another worker.
const HAND_OVER: u64 = 30_000;

impl Command for Hybrid {
    const INFO: Info = reads(c"FT.HYBRID", c"Finds documents by text and by vector", c"8.4.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let started = Instant::now();
        let name = args.next().ok_or_else(|| Error::arity("FT.HYBRID"))?;
        run(ctx, name, args, (started, None))
    }
}

/// `FT.PROFILE index HYBRID`, from the words on that follow QUERY.
pub fn profile(ctx: &Context, name: &[u8], args: Args<'_>, profiling: Profiling) -> Result<(), Error> {
    run(ctx, name, args, (profiling.started, Some(profiling)))
}

fn run(
    ctx: &Context,
    name: &[u8],
    args: Args<'_>,
    (started, profiling): (Instant, Option<Profiling>),
) -> Result<(), Error> {
    let index = find(ctx, name, || errors::no_such_index(name))?;
    let definition = index.definition();
    let mut request = HybridRequest::parse(args, &query::asked(ctx, &definition))?;
    if request.tail.cursor.is_some() && profiling.is_some() {
        return Err(errors::PROFILED_CURSOR);
    }
    let dialect = config::default_dialect().max(2);
    request.tail.options.dialect = Some(dialect);
    let asked = Asked { profiling, ..Asked::new(&definition, request, ctx.database())? };
    if asked.request.tail.cursor.is_some() {
        make_room(&index.handle, 2)?;
    }
    index.count_use(dialect);
    if query::finds_nothing_for_memory(ctx)? {
        let nothing =
            Lists { text: Found::without_memory(), vector: Found::without_memory(), took: Default::default() };
        return asked.answer(&index.handle, nothing, Some(ctx))?.reply(ctx, started);
    }
    let asked = Arc::new(asked);
    let costing = Arc::clone(&asked);
    query::run_with_cost(
        ctx,
        &index,
        |index| costing.arms.cost(index),
        move |handle, arrival, ctx| asked.execute(handle, arrival, ctx),
        move |ctx, answer: Result<Answer, Error>| answer?.reply(ctx, started),
    )
}

/// What is asked, as far as it can be known without the index.
struct Asked {
    request: HybridRequest,
    definition: Arc<Definition>,
    database: i32,
    arms: Arms,
    plan: Arc<Plan>,
    deadline: Deadline,
    /// How it goes is wanted, too.
    profiling: Option<Profiling>,
}

/// What the arms found: each list, best first.
#[derive(Default)]
struct Lists {
    text: Found,
    vector: Found,
    took: Took,
}

/// How the arms went, where that is wanted.
#[derive(Default)]
struct Took {
    text: Done,
    vector: Done,
    /// How long it took to measure the candidates of the vector arm.
    settling: Duration,
}

/// What the client is to read.
enum Answer {
    /// The fused rows, out of the steps.
    Rows {
        running: Box<Running>,
        batch: Box<Output>,
        /// The columns in the order in which rows show them.
        order: Vec<usize>,
        warnings: Warnings,
        report: Option<Box<HybridReport>>,
    },
    /// WITHCURSOR: the lists, for cursors to read.
    Lists { text: Box<Running>, vector: Box<Running>, warnings: Warnings },
}

/// What was not done to the end.
#[derive(Debug, Clone, Copy, Default)]
struct Warnings {
    /// The time of the arms was over.
    late: [bool; 2],
    /// Patterns of the arms stand for more terms than were looked for.
    cut: [bool; 2],
    /// The time of the steps was over.
    steps_late: bool,
    /// Nothing was looked for, since the server uses more memory than it may.
    no_memory: bool,
}

impl Asked {
    fn new(definition: &Arc<Definition>, mut request: HybridRequest, database: i32) -> Result<Self, Error> {
        let trees = trees(definition, &mut request)?;
        let options = &request.tail.options;
        let how = (query::settings(options), query::scorer(options));
        let mut arms = Arms::new(&request, trees, &definition.schema, how)?;
        let names: Vec<&[u8]> = request.yields.iter().map(|score| &*score.name).collect();
        let plan = Plan::new(&request.tail, &definition.schema, &names)?;
        arms.terms = plan.needs_terms();
        Ok(Self {
            deadline: Deadline::of(options),
            definition: Arc::clone(definition),
            plan: Arc::new(plan),
            profiling: None,
            database,
            arms,
            request,
        })
    }

    /// What an arm finds, and how it went where that is wanted. A profile is of one thread.
    fn looked_at(&self, find: impl FnOnce(Option<&Profile>) -> Found) -> (Found, Done) {
        let profile = self.profiling.map(|_| Profile::default());
        let found = find(profile.as_ref());
        (found, profile.map(Profile::done).unwrap_or_default())
    }

    /// Finds both lists.
    fn search(&self, handle: &Arc<Handle>, arrival: Arrival, here: Option<&Context>) -> Lists {
        let (arms, server) = (&self.arms, Server::of(here, self.database));
        let deadline = self.deadline;
        let is_over = move || deadline.has_passed();
        let tree = arms.vector_tree();
        let measured = measuring::ranges((&**handle, arrival), tree, &self.definition, &is_over, server);
        let (Some(measured), Some(state)) = (measured, handle.read(arrival, &is_over)) else {
            return Lists::default();
        };
        let index = &*state;
        let text = || self.looked_at(|profile| arms.search(index, profile, &is_over));
        let vector = || self.looked_at(|profile| arms.vector(index, measured, profile, &is_over));
        let apart = here.is_none() && arms.shorter(index).is_none_or(|cost| cost >= HAND_OVER);
        let ((text, text_took), (mut vector, vector_took)) =
            if apart { pair::both(text, vector) } else { (text(), vector()) };
        drop(state);
        let start = Instant::now();
        let (order, limit) = arms.vector_order();
        let watch = Watch::new(Some(&is_over));
        measuring::settle(&mut vector, (tree, order, (0, limit)), &self.definition, server, &watch);
        Lists { text, vector, took: Took { text: text_took, vector: vector_took, settling: start.elapsed() } }
    }

    fn execute(&self, handle: &Arc<Handle>, arrival: Arrival, here: Option<&Context>) -> Result<Answer, Error> {
        let lists = self.search(handle, arrival, here);
        self.answer(handle, lists, here)
    }

    /// What is told of both lists.
    fn answer(&self, handle: &Arc<Handle>, lists: Lists, here: Option<&Context>) -> Result<Answer, Error> {
        let Lists { text, vector, took } = lists;
        let mut warnings = Warnings {
            late: [!text.complete, !vector.complete],
            cut: [text.was_cut, vector.was_cut],
            steps_late: false,
            no_memory: text.no_memory,
        };
        if self.request.tail.cursor.is_some() {
            let list = |found: Found, is_text: bool| {
                let Found { complete, was_cut, no_memory, .. } = found;
                let rows = rows::alone(&self.request, &self.arms, found.rows, is_text);
                Box::new(Running { complete, was_cut, no_memory, ..self.running(handle, rows, self.deadline) })
            };
            return Ok(Answer::Lists { text: list(text, true), vector: list(vector, false), warnings });
        }
        let late = warnings.late != [false; 2];
        let deadline = if late { Deadline::after(Some(GRACE)) } else { self.deadline };
        let is_over = || deadline.has_passed();
        let report = self.profiling.map(|profiling| Box::new(self.report(profiling, &text, &vector, took)));
        let start = Instant::now();
        let rows = rows::fused(&self.request, &self.arms, text.rows, vector.rows, &Watch::new(Some(&is_over)));
        let merged = profiling::Step::new("Hybrid Merger", start.elapsed(), rows.len() as u64);
        let mut running = Box::new(self.running(handle, rows, deadline));
        let batch = Box::new(running.next(Access::Server(Server::of(here, self.database), handle), usize::MAX)?);
        warnings.steps_late = batch.interrupted && !late;
        let report = report.map(|mut report| {
            report.steps.push(merged);
            let tally = running.pipeline.tally().into_iter();
            report.steps.extend(tally.map(|(name, time, count)| profiling::Step::new(name, time, count)));
            report.warnings.timeout = warnings.steps_late;
            report
        });
        Ok(Answer::Rows { order: self.order(), running, batch, warnings, report })
    }

    /// How the arms went.
    fn report(&self, profiling: Profiling, text: &Found, vector: &Found, took: Took) -> HybridReport {
        let step = profiling::Step::new;
        let warnings = |found: &Found| profiling::Warnings { timeout: !found.complete, no_memory: found.no_memory };
        let (scoring, _) = took.text.scoring;
        let rest = took.text.took.saturating_sub(took.text.tree.time + scoring);
        let text = Arm {
            steps: vec![
                step("Index", took.text.tree.time, text.total),
                step("Scorer", scoring, text.total),
                step("Sorter", rest, text.rows.len() as u64),
            ],
            warnings: warnings(text),
            done: took.text,
        };
        let vector = Arm {
            steps: vec![
                step("Index", took.vector.took, vector.total),
                step("Metrics Applier", took.settling, vector.rows.len() as u64),
            ],
            warnings: warnings(vector),
            done: took.vector,
        };
        HybridReport {
            limited: profiling.limited,
            arms: [text, vector],
            steps: Vec::new(),
            warnings: Default::default(),
        }
    }

    /// The steps, before the first row.
    fn running(&self, handle: &Arc<Handle>, rows: Vec<execute::Row>, deadline: Deadline) -> Running {
        let options = &self.request.tail.options;
        let mut pipeline = Pipeline::new(Arc::clone(&self.plan));
        if self.profiling.is_some() {
            pipeline.keep_tally();
        }
        Running {
            pipeline,
            hits: Hits::of_rows(rows, false),
            looks: true,
            complete: true,
            was_cut: false,
            no_memory: false,
            handle: Arc::clone(handle),
            definition: Arc::clone(&self.definition),
            database: self.database,
            deadline,
            timeout: options.timeout,
            cursor: self.request.tail.cursor,
            style: Style { all: query::dialect(options) >= 3, expand: false },
            beside: Beside::NOTHING,
        }
    }

    /// In which order rows show their columns: what was asked for before the scores, but of the key alone the scores before what
    /// steps have added.
    fn order(&self) -> Vec<usize> {
        let columns = self.plan.names().len();
        if self.request.tail.steps.iter().any(|step| matches!(step, Step::Group { .. })) {
            return (0..columns).collect();
        }
        let scores = self.request.yields.len().min(columns);
        let first = if self.request.loads { columns } else { (scores + 1).min(columns) };
        (scores..first).chain(0..scores).chain(first..columns).collect()
    }
}

/// The trees of the query and of FILTER, which becomes a step where it is an expression for one.
fn trees(definition: &Definition, request: &mut HybridRequest) -> Result<(Node, Option<Node>), Error> {
    let read = |text: &[u8], request: &HybridRequest| query::parse(text, &request.tail.options, definition, true);
    let search = read(&request.tail.query, request)?;
    let filter = request.vsim.filter.as_deref().map(|filter| read(filter, request)).transpose();
    match filter {
        Ok(filter) => Ok((search, filter)),
        Err(_) if request.filter_after() => Ok((search, None)),
        Err(refused) => Err(refused),
    }
}

impl Answer {
    /// Writes the rows, or the numbers of the cursors.
    fn reply(self, ctx: &Context, started: Instant) -> Result<(), Error> {
        let (Self::Rows { running, warnings, .. } | Self::Lists { text: running, warnings, .. }) = &self;
        if warnings.steps_late || warnings.late != [false; 2] {
            running.handle.count_timeout();
            if config::fail_on_timeout() {
                return Err(errors::TIMEOUT);
            }
        }
        let mut reply = reply(ctx);
        match self {
            Self::Rows { running, batch, order, warnings, report } => {
                match &report {
                    None => reply.map(4),
                    Some(_) if reply.resp3() => reply.map(5),
                    // The profile stands behind the pairs, without a name.
                    Some(_) => reply.array(9),
                }
                reply.bulk(b"total_results");
                reply.integer(i64::try_from(batch.total).unwrap_or(i64::MAX));
                reply.bulk(b"results");
                reply.array(batch.rows.len());
                (0..batch.rows.len()).for_each(|row| write_row(&mut reply, &running, (&batch.rows, row), &order));
                warnings.write(&mut reply);
                reply.bulk(b"execution_time");
                write_time(&mut reply, started);
                if let Some(report) = report {
                    if reply.resp3() {
                        reply.simple("Profile");
                    }
                    profiling::write_hybrid(&mut reply, &report);
                }
            }
            Self::Lists { text, vector, warnings } => {
                reply.map(3);
                for (name, list) in [(&b"SEARCH"[..], text), (b"VSIM", vector)] {
                    reply.bulk(name);
                    reply.integer(i64::try_from(list.keep(ctx, 0)).unwrap_or_default());
                }
                warnings.write(&mut reply);
            }
        }
        Ok(())
    }
}

fn write_row(reply: &mut Reply<'_>, running: &Running, (rows, row): (&Table, usize), order: &[usize]) {
    let names = running.pipeline.plan().names();
    let columns = || order.iter().filter_map(|at| Some((&**names.get(*at)?, rows.at(row, *at, Kept::default())?)));
    let nth = rows.origin(row).nth();
    let explanation = nth.and_then(|nth| running.hits.explanation(nth));
    reply.map(columns().count() + rows.extras(row).count() + usize::from(explanation.is_some()));
    for (name, value) in columns().chain(rows.extras(row)) {
        reply.bulk(name);
        running.write_value(reply, value);
    }
    if explanation.is_some() {
        reply.bulk(b"score");
        write_score(reply, nth.map_or(0.0, |nth| running.hits.score(nth)), explanation);
    }
}

/// Milliseconds since the command came.
fn write_time(reply: &mut Reply<'_>, started: Instant) {
    let milliseconds = started.elapsed().as_micros() as f64 / 1000.0;
    if reply.resp3() { reply.double(milliseconds) } else { reply.bulk(&decimal::exact(milliseconds)) }
}

impl Warnings {
    fn write(&self, reply: &mut Reply<'_>) {
        let arms = ["SEARCH", "VSIM"];
        let of = |which: [bool; 2], what: &'static str| {
            let those = arms.into_iter().zip(which).filter(|(_, holds)| *holds);
            those.map(move |(arm, _)| format!("{what} ({arm})"))
        };
        let late = "Timeout limit was reached";
        let steps = self.steps_late.then(|| format!("{late} (POST PROCESSING)"));
        let cut = of(self.cut, "Max prefix expansions limit was reached");
        let no_memory = self.no_memory.then(|| NO_MEMORY.to_owned());
        let all: Vec<String> = of(self.late, late).chain(steps).chain(cut).chain(no_memory).collect();
        reply.bulk(b"warnings");
        reply.array(all.len());
        all.iter().for_each(|warning| reply.simple(warning));
    }
}
