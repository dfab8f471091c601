//! `VSIM key (ELE element | FP32 blob | VALUES n v1..vn) [WITHSCORES] [WITHATTRIBS] [COUNT n] [EPSILON d] [EF n]
//! [FILTER expression] [FILTER-EF n] [TRUTH] [NOTHREAD]`: the elements most similar to an element or a vector.
//!
//! The main thread parses, prepares the query and hands it to a worker; a search that is expected to take less time than
//! the hand-over runs on the main thread, and so does any where the client can't be blocked. Same code, same answers.
//!
//! A search ends when its time is over (`search.vsim-timeout`): it answers the nearest of what it has met that pass the filter,
//! or fails, as `search.on-timeout` says. Its reply has no place to tell that there may be more: `INFO` counts such searches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::value::{Shared, Value};
use super::vector::vector;
use super::{counters, reader};
use crate::config;
use crate::error::{Error, search as errors};
use crate::redis::args::{Args, double, integer};
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::placement::is_for_main_thread;
use crate::redis::reply::Reply;
use crate::redis::workers;
use crate::vset::{Filter, Hits, Query, Target, VectorSet};

/// The command.
pub struct Vsim;

const SYNTAX: Error = Error::fixed("ERR syntax error in VSIM command");

/// The options after the query, with their defaults.
#[derive(Default)]
struct Options {
    shape: Shape,
    count: Option<usize>,
    epsilon: Option<f64>,
    ef: Option<usize>,
    filter: Option<Filter>,
    filter_ef: Option<usize>,
    exact: bool,
    no_thread: bool,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Self, Error> {
        let mut options = Self::default();
        while let Some(word) = args.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"WITHSCORES" => options.shape.scores = true,
                b"WITHATTRIBS" => options.shape.attributes = true,
                b"TRUTH" => options.exact = true,
                b"NOTHREAD" => options.no_thread = true,
                option => options.take(option, args.next().ok_or(SYNTAX)?)?,
            }
        }
        Ok(options)
    }

    /// Takes an option that has a value.
    fn take(&mut self, option: &[u8], value: &[u8]) -> Result<(), Error> {
        let number = |range: std::ops::RangeInclusive<i64>, text: &'static str| {
            let number = integer(value).filter(|number| range.contains(number)).ok_or(Error::fixed(text));
            number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        match option {
            b"COUNT" => self.count = Some(number(1..=i64::MAX, "ERR invalid COUNT")?),
            b"EF" => self.ef = Some(number(1..=1_000_000, "ERR invalid EF")?),
            // 0 means no limit, as documented by the peer, which refuses it.
            b"FILTER-EF" => self.filter_ef = Some(number(0..=i64::MAX, "ERR invalid FILTER-EF")?),
            b"EPSILON" => {
                let epsilon = double(value).filter(|epsilon| *epsilon > 0.0);
                self.epsilon = Some(epsilon.ok_or(Error::fixed("ERR invalid EPSILON"))?);
            }
            b"FILTER" => self.filter = Some(Filter::compile(value).map_err(crate::vset::Error::Filter)?),
            _ => return Err(SYNTAX),
        }
        Ok(())
    }

    /// Puts what was asked for into a query with the defaults.
    fn apply(&mut self, query: &mut Query) {
        query.count = self.count.unwrap_or(query.count);
        query.ef = self.ef.unwrap_or(query.ef);
        query.epsilon = self.epsilon.map_or(query.epsilon, |epsilon| epsilon as f32);
        query.filter_ef = self.filter_ef.filter(|&limit| limit > 0);
        query.filter = self.filter.take();
        query.exact = self.exact;
    }
}

/// What is said of each element.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    scores: bool,
    attributes: bool,
}

impl Shape {
    /// An array of names; with scores or attributes a map from names to them, which in RESP2 is a flat array.
    fn write(self, reply: &mut Reply<'_>, hits: &Hits<'_>) {
        if !hits.complete {
            counters::TIMEOUTS.add(1);
            if config::fail_on_timeout() {
                return reply.error(&errors::TIMEOUT);
            }
        }
        let both = self.scores && self.attributes;
        match (self.scores || self.attributes, both && !reply.resp3()) {
            (false, _) => reply.array(hits.len()),
            (true, false) => reply.map(hits.len()),
            (true, true) => reply.array(3 * hits.len()),
        }
        for found in hits.iter() {
            reply.bulk(found.element);
            if both && reply.resp3() {
                reply.array(2);
            }
            if self.scores {
                reply.double(found.score);
            }
            if self.attributes {
                reply.bulk_or_null(found.attributes);
            }
        }
    }
}

/// How long a search may take, with a filter or without; `None`: as long as it takes.
fn lasts(has_filter: bool) -> Option<Duration> {
    Some(config::vsim_timeout(has_filter)).filter(|milliseconds| *milliseconds > 0).map(Duration::from_millis)
}

/// Has a worker find out which elements pass the query's filter, if it was asked for so often that this pays.
fn learn(shared: &Arc<Shared>, set: &Arc<VectorSet>, query: Query) {
    let is_filtered = query.filter.is_some();
    let lasts = lasts(is_filtered);
    if config::single_threaded() {
        set.learn(&query, lasts);
    } else if set.has_to_learn(&query) {
        let (shared, set) = (Arc::clone(shared), Arc::clone(set));
        workers::submit(move || {
            set.learn(&query, lasts);
            shared.count();
        });
    }
    // What is remembered of a filter takes memory.
    if is_filtered {
        shared.count();
    }
}

impl Command for Vsim {
    const INFO: Info = Info {
        summary: c"Returns the elements of a vector set that are most similar to an element or a vector.",
        complexity: c"O(log(N)) where N is the number of elements",
        ..reader(c"VSIM", c"readonly", -4, "read slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arrival = Instant::now();
        let arity = || Error::arity("VSIM");
        let name = args.next_arg().ok_or_else(arity)?;
        let key = ctx.open_read(name);
        let Some(value) = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())? else {
            // Whatever else was asked: an empty array, in RESP3 too.
            ctx.reply().array(0);
            return Ok(());
        };
        let shared = value.shared();
        let set = shared.set();
        let mut query = if args.next_if("ELE") {
            set.query(Target::Element(args.next().ok_or_else(arity)?))?
        } else {
            set.query(Target::Vector(&vector(&mut args)?))?
        };
        let mut options = Options::parse(&mut args)?;
        options.apply(&mut query);
        query.until = lasts(query.filter.is_some()).and_then(|lasts| arrival.checked_add(lasts));
        let shape = options.shape;
        counters::SEARCHES.add(1);
        let inline = options.no_thread || config::single_threaded();
        let is_here = inline || is_for_main_thread(ctx, set.estimate(&query), config::main_thread());
        let Some(client) = ctx.block_if(!is_here) else {
            counters::INLINE_SEARCHES.add(1);
            let begin = Instant::now();
            set.search(&query, |hits| {
                counters::SEARCH_TIME.add_since(begin);
                counters::COMPARISONS.add(hits.compared());
                shape.write(&mut ctx.reply(), &hits);
            });
            learn(&shared, &set, query);
            return Ok(());
        };
        workers::submit(move || {
            let begin = Instant::now();
            set.search(&query, |hits| {
                counters::SEARCH_TIME.add_since(begin);
                counters::COMPARISONS.add(hits.compared());
                client.reply(|reply| shape.write(reply, &hits));
            });
            learn(&shared, &set, query);
        });
        Ok(())
    }
}
