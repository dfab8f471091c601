//! `FT.ALTER index [SKIPINITIALSCAN] SCHEMA ADD field…`, and `FT._ALTERIFNX`, which leaves an index alone that has the field.

use super::{defines, find};
use crate::error::{Error, search as errors};
use crate::indexes::{registrar, replication, scan};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.ALTER`
pub struct Alter;

/// `FT._ALTERIFNX`
pub struct AlterIfNew;

impl Command for Alter {
    const INFO: Info = defines(c"FT.ALTER", c"write", c"Adds fields to an index");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        alter(ctx, &args.collect::<Vec<_>>(), "FT.ALTER")
    }
}

impl Command for AlterIfNew {
    const INFO: Info = defines(c"FT._ALTERIFNX", c"write", c"Adds fields to an index unless it has them");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        alter(ctx, &args.collect::<Vec<_>>(), "FT._ALTERIFNX")
    }
}

fn alter(ctx: &Context, words: &[&[u8]], command: &str) -> Result<(), Error> {
    let (name, rest) = words.split_first().filter(|_| words.len() >= 4).ok_or_else(|| Error::arity(command))?;
    let index = find(ctx, name, || errors::UNKNOWN_INDEX_NAME)?;
    let definition = index.definition();
    let source = rest.iter().skip_while(|word| !word.eq_ignore_ascii_case(b"ADD")).nth(1);
    let if_new = command == "FT._ALTERIFNX";
    if if_new && source.is_some_and(|source| definition.schema.fields.iter().any(|field| *field.source == **source)) {
        ctx.reply().ok();
        return Ok(());
    }
    let (altered, skip_scan) = definition.alter(rest)?;
    if registrar::takes(ctx, &[&[command.as_bytes()], words].concat())? {
        return Ok(());
    }
    index.alter(altered);
    if !skip_scan {
        scan::start(ctx, &index);
    }
    replication::send(ctx, c"FT._ALTERIFNX", words);
    ctx.reply().ok();
    Ok(())
}
