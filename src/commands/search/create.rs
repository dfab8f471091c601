//! `FT.CREATE index … SCHEMA …`, and `FT._CREATEIFNX`, the same without an error where the index is there.

use super::defines;
use crate::error::{Error, search as errors};
use crate::indexes::definition::Definition;
use crate::indexes::permission::{self, Deed};
use crate::indexes::{registrar, registry, replication, scan, temporary};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.CREATE`
pub struct Create;

/// `FT._CREATEIFNX`
pub struct CreateIfNew;

impl Command for Create {
    const INFO: Info = defines(c"FT.CREATE", c"write deny-oom", c"Creates an index");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        if create(ctx, args, "FT.CREATE")? { Ok(()) } else { Err(errors::INDEX_EXISTS) }
    }
}

impl Command for CreateIfNew {
    const INFO: Info = defines(c"FT._CREATEIFNX", c"write deny-oom", c"Creates an index unless it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        if !create(ctx, args, "FT._CREATEIFNX")? {
            ctx.reply().ok();
        }
        Ok(())
    }
}

/// Creates the index and replies; false where there is one of the name.
fn create(ctx: &Context, args: Args<'_>, command: &str) -> Result<bool, Error> {
    let words: Vec<&[u8]> = args.collect();
    let arity = || Error::arity(command);
    let (name, definition) = words.split_first().filter(|(_, rest)| rest.len() >= 3).ok_or_else(arity)?;
    let database = ctx.database();
    // In a cluster, one that is there may have to go since all nodes were emptied: the registrar knows.
    let is_there = registry::with(|registry| registry.database(database).indexes.contains_key(*name));
    if is_there && !registrar::is_asked(ctx) {
        return Ok(false);
    }
    let definition = Definition::create(name, definition)?;
    let deletes = definition.schema.temporary.is_some();
    permission::check(ctx, &definition.schema, if deletes { Deed::DeleteDocuments } else { Deed::Use })?;
    // An index goes before an alias of its name, which is then of no use to anybody.
    if let Some(other) = registry::with(|registry| registry.find(database, name)) {
        permission::check(ctx, &other.definition().schema, Deed::Use)?;
    }
    if registrar::takes(ctx, &[&[command.as_bytes()], &words[..]].concat())? {
        return Ok(true);
    }
    let skip = definition.schema.flags.skip_initial_scan;
    let index = registry::with(|registry| registry.database(database).add(definition));
    if !skip {
        scan::start(ctx, &index);
    }
    temporary::watch(ctx);
    replication::send(ctx, c"FT._CREATEIFNX", &words);
    ctx.reply().ok();
    Ok(true)
}
