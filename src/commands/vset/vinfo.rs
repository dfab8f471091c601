//! `VINFO key`: what the set is made of.
//!
//! None of its figures depends on what the workers still have to do, so it waits for nothing.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::vset::VectorSet;

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
        write(&mut ctx.reply(), &value.set());
        Ok(())
    }
}

fn write(reply: &mut Reply<'_>, set: &VectorSet) {
    let info = set.info();
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
    reply.simple(set.quantization().name());
    for (name, number) in numbers {
        reply.simple(name);
        reply.integer(number as i64);
    }
}
