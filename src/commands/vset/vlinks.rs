//! `VLINKS key element [WITHSCORES]`: the element's neighbors in the graph, from its highest level to level 0.
//!
//! What is still unlinked is linked first, and the holes that a few removed elements left are mended: by a worker, while the client
//! waits, where it can; where it can't, some is linked by the main thread. Neighbors that were removed are not told.

use super::reader;
use super::value::Value;
use crate::config;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::redis::workers;
use crate::vset::VectorSet;

/// The command.
pub struct Vlinks;

impl Command for Vlinks {
    const INFO: Info = Info {
        summary: c"Returns the neighbors of an element in the graph of a vector set.",
        complexity: c"O(M) where M is the number of links",
        ..reader(c"VLINKS", c"readonly fast", -3, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VLINKS");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let scores = args.next_if("WITHSCORES");
        if args.peek().is_some() {
            return Err(arity());
        }
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let Some(value) = value.filter(|value| value.set().contains(element)) else {
            ctx.reply().null();
            return Ok(());
        };
        let waits = value.set().pending() > 0 && !config::single_threaded();
        if let Some(blocked) = ctx.block_if(waits) {
            let (shared, element) = (value.shared(), element.to_vec());
            workers::submit(move || {
                let set = shared.set();
                set.settle();
                shared.count();
                blocked.reply(|reply| write(reply, &set, &element, scores));
            });
        } else {
            let shared = value.shared();
            let set = shared.set();
            set.link_some();
            shared.count();
            write(&mut ctx.reply(), &set, element, scores);
        }
        Ok(())
    }
}

/// The levels from the highest down, each a list of names or a map of names and scores.
fn write(reply: &mut Reply<'_>, set: &VectorSet, element: &[u8], scores: bool) {
    set.with_links(element, |levels| {
        let Some(levels) = levels else {
            reply.null();
            return;
        };
        reply.array(levels.len());
        for level in levels {
            if scores {
                reply.map(level.len())
            } else {
                reply.array(level.len())
            }
            for link in level {
                reply.bulk(link.element);
                if scores {
                    reply.double(f64::from(link.score));
                }
            }
        }
    });
}
