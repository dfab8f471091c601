//! Aliases: `FT.ALIASADD alias index`, `FT.ALIASUPDATE alias index`, `FT.ALIASDEL alias`, `FT.ALIASLIST index`, and the forms
//! of the first and third without an error where there is nothing to do.

use std::ffi::CStr;

use super::{find, reads};
use crate::commands::style::reply;
use crate::error::{Error, search as errors};
use crate::indexes::{registrar, registry, replication};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.ALIASADD`
pub struct Add;

/// `FT._ALIASADDIFNX`
pub struct AddIfNew;

/// `FT.ALIASUPDATE`
pub struct Update;

/// `FT.ALIASDEL`
pub struct Delete;

/// `FT._ALIASDELIFX`
pub struct DeleteIf;

/// `FT._ALIASLIST`, as Valkey's clients ask
pub struct ListAll;

/// `FT.ALIASLIST`
pub struct List;

impl Command for Add {
    const INFO: Info = aliases(c"FT.ALIASADD", c"Gives an index another name");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [alias, index] = words(args, "FT.ALIASADD")?;
        if !add(ctx, alias, index, "FT.ALIASADD")? {
            return Err(errors::ALIAS_EXISTS);
        }
        Ok(())
    }
}

impl Command for AddIfNew {
    const INFO: Info = aliases(c"FT._ALIASADDIFNX", c"Gives an index another name unless it is taken");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [alias, index] = words(args, "FT._ALIASADDIFNX")?;
        if !add(ctx, alias, index, "FT._ALIASADDIFNX")? {
            ctx.reply().ok();
        }
        Ok(())
    }
}

impl Command for Update {
    const INFO: Info = aliases(c"FT.ALIASUPDATE", c"Gives an index a name that another may have had");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [alias, index] = words(args, "FT.ALIASUPDATE")?;
        check_target(ctx, index)?;
        check_named(ctx, alias)?;
        if !registrar::takes(ctx, &[b"FT.ALIASUPDATE", alias, index])? {
            registry::with(|registry| {
                registry.database(ctx.database()).aliases.insert(alias.into(), index.into());
            });
            replication::send_verbatim(ctx);
            ctx.reply().ok();
        }
        Ok(())
    }
}

impl Command for Delete {
    const INFO: Info = aliases(c"FT.ALIASDEL", c"Takes an index's other name away");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [alias] = words(args, "FT.ALIASDEL")?;
        if delete(ctx, alias, "FT.ALIASDEL")? { Ok(()) } else { Err(errors::NO_ALIAS) }
    }
}

impl Command for DeleteIf {
    const INFO: Info = aliases(c"FT._ALIASDELIFX", c"Takes an index's other name away if there is one");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [alias] = words(args, "FT._ALIASDELIFX")?;
        if !delete(ctx, alias, "FT._ALIASDELIFX")? {
            ctx.reply().ok();
        }
        Ok(())
    }
}

impl Command for List {
    const INFO: Info = reads(c"FT.ALIASLIST", c"Lists the other names of an index", c"8.10.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [name] = words(args, "FT.ALIASLIST")?;
        find_by_name(ctx, name, errors::UNKNOWN_INDEX_NAME)?;
        let names: Vec<Box<[u8]>> = registry::with(|registry| {
            let all = registry.database(ctx.database()).aliases.iter();
            all.filter(|(_, target)| ***target == *name).map(|(alias, _)| alias.clone()).collect()
        });
        let mut reply = ctx.reply();
        reply.set(names.len());
        names.iter().for_each(|name| reply.bulk(name));
        Ok(())
    }
}

impl Command for ListAll {
    const INFO: Info = reads(c"FT._ALIASLIST", c"Lists the other names of all indexes", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [] = words(args, "FT._ALIASLIST")?;
        let mut all = registry::with(|registry| registry.database(ctx.database()).aliases.clone());
        all.retain(|alias, _| find(ctx, alias, || errors::UNKNOWN_INDEX_NAME).is_ok());
        let mut reply = reply(ctx);
        reply.map(all.len());
        for (alias, index) in &all {
            reply.bulk(alias);
            reply.bulk(index);
        }
        Ok(())
    }
}

/// A command on aliases. It writes: what the field's own flags deny, a replica that takes it from a client would drift.
const fn aliases(name: &'static CStr, summary: &'static CStr) -> Info {
    super::defines(name, c"write", summary)
}

fn words<'a, const N: usize>(args: Args<'a>, command: &str) -> Result<[&'a [u8]; N], Error> {
    args.collect::<Vec<_>>().try_into().map_err(|_| Error::arity(command))
}

/// Finds the index of this name, which is no alias, if the client may use it.
fn find_by_name(ctx: &Context, name: &[u8], unknown: Error) -> Result<(), Error> {
    if registry::with(|registry| registry.database(ctx.database()).indexes.contains_key(name)) {
        find(ctx, name, || unknown).map(|_| ())
    } else {
        Err(unknown)
    }
}

/// Sees to it that there is an index to be named, which the client may use.
fn check_target(ctx: &Context, index: &[u8]) -> Result<(), Error> {
    find_by_name(ctx, index, errors::NO_ALIAS_TARGET)
}

/// Refuses a client who may not use the index that has this other name.
fn check_named(ctx: &Context, alias: &[u8]) -> Result<(), Error> {
    let target = registry::with(|registry| registry.database(ctx.database()).aliases.get(alias).cloned());
    target.map_or(Ok(()), |target| find_by_name(ctx, &target, errors::NO_ALIAS))
}

/// Adds an alias and replies; false where it is taken.
fn add(ctx: &Context, alias: &[u8], index: &[u8], command: &str) -> Result<bool, Error> {
    check_target(ctx, index)?;
    if registry::with(|registry| registry.database(ctx.database()).aliases.contains_key(alias)) {
        return Ok(false);
    }
    if !registrar::takes(ctx, &[command.as_bytes(), alias, index])? {
        registry::with(|registry| registry.database(ctx.database()).aliases.insert(alias.into(), index.into()));
        replication::send(ctx, c"FT._ALIASADDIFNX", &[alias, index]);
        ctx.reply().ok();
    }
    Ok(true)
}

/// Takes an alias away, if the client may, and replies; false where there is none.
fn delete(ctx: &Context, alias: &[u8], command: &str) -> Result<bool, Error> {
    check_named(ctx, alias)?;
    if !registry::with(|registry| registry.database(ctx.database()).aliases.contains_key(alias)) {
        return Ok(false);
    }
    if !registrar::takes(ctx, &[command.as_bytes(), alias])? {
        registry::with(|registry| registry.database(ctx.database()).aliases.remove(alias));
        replication::send(ctx, c"FT._ALIASDELIFX", &[alias]);
        ctx.reply().ok();
    }
    Ok(true)
}
