//! `JSON.MSET key path json [key path json …]`
//!
//! Everything is checked against the keys as they were before anything is changed. A triple whose place does not exist,
//! or no longer does because of an earlier triple, changes nothing.

use super::set::store;
use super::{next, next_key, next_text, read};
use crate::error::{Error, json as errors};
use crate::json::edit::Condition;
use crate::json::{Document, Path};
use crate::redis::args::{Arg, Args};
use crate::redis::command::{Access, Command, Info, Keys};
use crate::redis::context::{Context, EventClass};

/// See the file's documentation.
pub struct Mset;

const NAME: &str = "json.mset";

impl Command for Mset {
    const INFO: Info = Info {
        name: c"json.mset",
        flags: super::WRITE_MORE,
        arity: -1,
        keys: Keys { first: 1, last: -1, step: 3, access: Access::Update },
        acl: "write slow",
        summary: c"Sets JSON values at paths of several keys",
        complexity: c"O(K*(M+N)): K triples, sizes of the old and the new values",
        since: c"2.6.0",
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        if args.len() == 0 || !args.len().is_multiple_of(3) {
            return Err(Error::arity(NAME));
        }
        let mut triples: Vec<(Arg<'_>, &[u8], Document)> = Vec::with_capacity(args.len() / 3);
        while args.len() > 0 {
            let (name, path) = (next_key(&mut args, NAME)?, next_text(&mut args, NAME)?);
            triples.push((name, path, Document::parse(next(&mut args, NAME)?)?));
        }
        for (name, path, value) in &triples {
            check(ctx, *name, path, value)?;
        }
        let mut changed = Vec::new();
        for (name, path, value) in triples {
            if store(&mut ctx.open_write(name), path, value, Condition::Always).unwrap_or(false) {
                changed.push(name);
            }
        }
        if !changed.is_empty() {
            ctx.replicate_verbatim();
        }
        for name in changed {
            ctx.notify(EventClass::Module, c"json.mset", name);
        }
        ctx.reply().ok();
        Ok(())
    }
}

/// Finds what would make storing fail.
fn check(ctx: &Context, name: Arg<'_>, path: &[u8], value: &Document) -> Result<(), Error> {
    let at_root = matches!(path, b"$" | b".");
    let exists = read(ctx, name, |document| {
        if !at_root {
            document.can_set(&Path::parse(path)?, value, Condition::Always)?;
        }
        Ok(())
    })?;
    if exists.is_none() && !at_root { Err(errors::NEW_AT_ROOT) } else { Ok(()) }
}
