//! `VINFO key`: what the set is made of.
//!
//! Like `VLINKS`, it first has the workers link what is still unlinked, so that it describes the finished graph.

use super::reader;
use super::value::{Shared, Value};
use crate::config;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::redis::workers;

/// The command.
pub struct Vinfo;

impl Command for Vinfo {
    const INFO: Info = Info {
        summary: c"Describes a vector set.",
        complexity: c"O(1)",
        ..reader(c"VINFO", c"readonly fast", 2, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next_arg().ok_or_else(|| Error::arity("VINFO"))?;
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let Some(value) = value else {
            ctx.reply().null_array();
            return Ok(());
        };
        let waits = value.set().pending() > 0 && !config::single_threaded();
        if let Some(blocked) = ctx.block_if(waits) {
            let shared = value.shared();
            workers::submit(move || {
                shared.set.link_all();
                blocked.reply(|reply| write(reply, &shared));
            });
        } else {
            value.set().link_all();
            write(&mut ctx.reply(), &value.shared());
        }
        Ok(())
    }
}

fn write(reply: &mut Reply<'_>, shared: &Shared) {
    let info = shared.set.info();
    let numbers = [
        ("hnsw-m", info.m as u64),
        ("vector-dim", info.dim as u64),
        ("projection-input-dim", info.projection_input_dim as u64),
        ("size", info.size as u64),
        ("max-level", info.max_level as u64),
        ("attributes-count", info.attributes_count as u64),
        ("vset-uid", info.uid),
        ("hnsw-max-node-uid", info.max_node_uid),
    ];
    reply.map(1 + numbers.len());
    reply.simple("quant-type");
    reply.simple(shared.set.quantization().name());
    for (name, number) in numbers {
        reply.simple(name);
        reply.integer(number as i64);
    }
}
