//! Where a query runs, and what it is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters;
use super::definition::Definition;
use super::follow;
use super::handle::Handle;
use super::registry::Registered;
use crate::config::{self, OnOom};
use crate::error::{Error, search as errors};
use crate::redis::context::Context;
use crate::redis::placement::is_for_main_thread;
use crate::redis::workers;
use crate::search::analysis::{Stemmer, StopWords};
use crate::search::index::Index;
use crate::search::live::Place;
use crate::search::plan::Settings;
use crate::search::query::{self, Expansions, Params, ast::Node};
use crate::search::request::Asked;
use crate::search::request::options::{Expander, QueryOptions};
use crate::search::schema::FieldMask;
use crate::search::score::Scorer;

/// Documents of an index that is read on the main thread, where nobody writes to it: handing a query over takes longer than
/// anything that can be asked of so few.
const FEW: usize = 64;

/// Runs `work` on an index with everything applied that has come before, and then `reply` on the main thread: both at once
/// where the client can't wait. When time is over before that is applied, it is what there is by then; `None`: not even that can
/// be read, since a change is being applied.
///
/// # Errors
/// Those of `reply`.
pub fn run<T: Send + 'static>(
    ctx: &Context,
    index: &Registered,
    deadline: Deadline,
    work: impl FnOnce(&Index) -> T + Send + 'static,
    reply: impl FnOnce(&Context, Option<T>) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    let work = move |handle: &Arc<Handle>, arrival, _: Option<&Context>| {
        handle.read(arrival, &|| deadline.has_passed()).map(|index| work(&index))
    };
    run_with(ctx, index, work, reply)
}

/// As [`run`], on the main thread too where `cost`, in nanoseconds, [says so](is_for_main_thread) and nobody writes to the
/// index.
///
/// # Errors
/// Those of `reply`.
pub fn run_costing<T: Send + 'static>(
    ctx: &Context,
    index: &Registered,
    deadline: Deadline,
    cost: impl FnOnce(&Index) -> Option<u64>,
    work: impl FnOnce(&Index) -> T + Send + 'static,
    reply: impl FnOnce(&Context, Option<T>) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    follow::catch_up();
    let live = &index.handle.live;
    let small = live.try_read(live.arrival());
    let cost = small.as_ref().and_then(|index| cost(index)).unwrap_or(u64::MAX);
    let is_here = is_for_main_thread(ctx, cost, config::main_thread());
    if let Some(small) = small.filter(|_| is_here) {
        let found = counters::QUERY_TIME.time(|| work(&small));
        drop(small);
        return reply(ctx, Some(found));
    }
    run(ctx, index, deadline, work, reply)
}

/// As [`run`], where `work` takes the index to read itself, up to the place that it is given, and lets it go. It is told the
/// context where it runs on the main thread.
///
/// # Errors
/// Those of `reply`.
pub fn run_with<T: Send + 'static>(
    ctx: &Context,
    index: &Registered,
    work: impl FnOnce(&Arc<Handle>, Place, Option<&Context>) -> T + Send + 'static,
    reply: impl FnOnce(&Context, T) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    run_with_cost(ctx, index, |_| None, work, reply)
}

/// As [`run_with`], on the main thread too where `cost`, in nanoseconds, [says so](is_for_main_thread) and nobody writes to the
/// index.
///
/// # Errors
/// Those of `reply`.
pub fn run_with_cost<T: Send + 'static>(
    ctx: &Context,
    index: &Registered,
    cost: impl FnOnce(&Index) -> Option<u64>,
    work: impl FnOnce(&Arc<Handle>, Place, Option<&Context>) -> T + Send + 'static,
    reply: impl FnOnce(&Context, T) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    let handle = Arc::clone(&index.handle);
    follow::catch_up();
    let arrival = handle.live.arrival();
    let is_cheap = |index: &Index| is_for_main_thread(ctx, cost(index).unwrap_or(u64::MAX), config::main_thread());
    let is_small =
        || handle.live.try_read(arrival).is_some_and(|index| index.documents().len() <= FEW || is_cheap(&index));
    let Some(blocked) = ctx.block_if(!is_small()) else {
        let found = counters::QUERY_TIME.time(|| work(&handle, arrival, Some(ctx)));
        return reply(ctx, found);
    };
    workers::submit(move || {
        handle.help();
        let running = handle.begin_query();
        let found = counters::QUERY_TIME.time(|| work(&handle, arrival, None));
        drop(running);
        blocked.finish(move |ctx| reply(ctx, found));
    });
    Ok(())
}

/// How a client asks for an index of this definition.
pub fn asked(ctx: &Context, definition: &Definition) -> Asked {
    Asked {
        resp3: ctx.resp3() && !config::replies_as_valkey(),
        source: definition.schema.source,
        max_results: config::max_search_results(),
        max_rows: config::max_aggregate_results(),
        max_groups: config::max_aggregate_groups(),
    }
}

/// Whether a query finds nothing because the server uses more memory than it may.
///
/// # Errors
/// Where it then fails.
pub fn finds_nothing_for_memory(ctx: &Context) -> Result<bool, Error> {
    match config::on_oom() {
        OnOom::Ignore => Ok(false),
        _ if !ctx.is_out_of_memory() => Ok(false),
        OnOom::Return => Ok(true),
        OnOom::Fail => Err(errors::OUT_OF_MEMORY),
    }
}

/// The dialect of a query.
pub fn dialect(options: &QueryOptions) -> u8 {
    // FORMAT EXPAND, which the dialects before 3 do not have, implies one that has it.
    let least = if options.expand { 3 } else { 1 };
    options.dialect.unwrap_or_else(|| config::default_dialect().max(least))
}

/// The scorer of a query.
pub fn scorer(options: &QueryOptions) -> Scorer {
    match options.scorer.or_else(|| Scorer::named(config::default_scorer())).unwrap_or_default() {
        Scorer::Bm25StdTanh(_) => Scorer::Bm25StdTanh(options.tanh_factor.unwrap_or_else(config::tanh_factor)),
        scorer => scorer,
    }
}

/// Reads the text of a query. `unbound`: for showing it, so its vector clauses may lack their blobs.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &[u8], options: &QueryOptions, definition: &Definition, unbound: bool) -> Result<Node, Error> {
    let schema = &definition.schema;
    let no_stop_words = options.no_stop_words.then(|| StopWords::of(Some(&BTreeSet::new())));
    let language = options.language.or(schema.language).unwrap_or_default();
    let expander = if options.verbatim { Expander::Nothing } else { options.expander };
    let stemmer = expander.stems().then(|| Stemmer::new(language));
    let synonyms = definition.synonyms();
    let no_params = Params::default();
    let in_fields = options.in_fields.as_ref().map_or(FieldMask::ALL, |names| {
        let named = schema.texts().filter(|(_, field, _)| names.contains(&field.alias));
        named.fold(FieldMask::NONE, |mask, (_, _, text)| mask.or(FieldMask::of(text.id)))
    });
    let context = query::Context {
        schema,
        stop_words: no_stop_words.as_ref().unwrap_or(&definition.stop_words),
        stemmer: stemmer.as_ref(),
        expansions: Expansions { synonyms: expander.has_synonyms().then_some(&*synonyms), sounds: expander.sounds() },
        params: options.params.as_ref().unwrap_or(&no_params),
        dialect: dialect(options),
        in_fields,
    };
    let read = if unbound { query::parse_unbound } else { query::parse };
    read(text, &context).map_err(|fact| errors::query(&fact))
}

/// What a plan is told beside the tree.
pub fn settings(options: &QueryOptions) -> Settings {
    Settings {
        min_affix: config::min_prefix(),
        max_expansions: config::max_prefix_expansions(),
        in_fields: FieldMask::ALL,
        slop: options.slop.map_or(-1, i64::from),
        in_order: options.in_order,
        silent_tags: false,
        measured: Vec::new(),
    }
}

/// Until when a query may run; `None`: as long as it takes.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline of a query that arrives now.
    pub fn of(options: &QueryOptions) -> Self {
        Self::after(options.timeout)
    }

    /// The deadline so many milliseconds from now; `None`: as the setting says.
    pub fn after(timeout: Option<u64>) -> Self {
        let milliseconds = timeout.unwrap_or_else(config::timeout);
        let time = Duration::from_millis(milliseconds);
        Self(if milliseconds == 0 { None } else { Instant::now().checked_add(time) })
    }

    /// This or the time so many milliseconds from now, whichever comes first.
    pub fn or_after(self, milliseconds: u64) -> Self {
        let other = Instant::now().checked_add(Duration::from_millis(milliseconds));
        Self(self.0.into_iter().chain(other).min())
    }

    /// The time when this share of what is left until then is over: for work that makes work for later.
    pub fn but_for(self, share: u32) -> Self {
        let now = Instant::now();
        Self(self.0.map(|deadline| deadline - deadline.saturating_duration_since(now) / share))
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
