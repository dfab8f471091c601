//! `JSON.DEBUG MEMORY key [path]`, `JSON.DEBUG HELP`

use super::{finish, integer, next_key, next_text, path_or_root, read};
use crate::error::{Error, json as errors};
use crate::json::{Document, Path, ValueRef};
use crate::redis::args::Args;
use crate::redis::command::{Access, Command, Info, Keys};
use crate::redis::context::Context;
use crate::redis::types::DataType;

/// See the file's documentation.
pub struct Debug;

const NAME: &str = "json.debug";

impl Command for Debug {
    const INFO: Info = Info {
        name: c"json.debug",
        flags: c"readonly",
        arity: -1,
        keys: Keys { first: 2, last: 2, step: 1, access: Access::Read },
        acl: "read slow",
        summary: c"Tells the memory of the values at a path",
        complexity: c"O(N): size of the document",
        since: c"1.0.0",
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        match next_text(&mut args, NAME)? {
            word if word.eq_ignore_ascii_case(b"MEMORY") => memory(ctx, args),
            word if word.eq_ignore_ascii_case(b"HELP") => {
                let mut reply = ctx.reply();
                reply.array(2);
                reply.bulk(b"MEMORY <key> [path] - reports memory usage");
                reply.bulk(b"HELP                - this message");
                Ok(())
            }
            _ => Err(errors::DEBUG),
        }
    }
}

fn memory(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
    let name = next_key(&mut args, NAME)?;
    let (path, _) = path_or_root(&mut args)?;
    finish(&args, NAME)?;
    let found = read(ctx, name, |document| {
        let mut reply = ctx.reply();
        if path.is_legacy() {
            let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
            reply.integer(integer(bytes(document, &path, value)));
            return Ok(());
        }
        let matches = path.matches(document.root())?;
        reply.array(matches.len());
        matches.into_iter().for_each(|value| reply.integer(integer(bytes(document, &path, value))));
        Ok(())
    })?;
    match found {
        Some(()) => {}
        None if path.is_legacy() => ctx.reply().integer(0),
        None => ctx.reply().array(0),
    }
    Ok(())
}

/// Of the root, all that the document takes; of a value inside, its part of the block.
fn bytes(document: &Document, path: &Path, value: ValueRef<'_>) -> usize {
    if path.is_root() { document.memory_usage() } else { value.byte_len() }
}
