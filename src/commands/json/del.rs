//! `JSON.DEL key [path]` and its other name, `JSON.FORGET`

use super::{WRITE, finish, next_key, path_or_root, writes};
use crate::error::{Error, json as errors};
use crate::json::Document;
use crate::json::edit::Deleted;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};

/// `JSON.DEL`
pub struct Del;

/// `JSON.FORGET`
pub struct Forget;

impl Command for Del {
    const INFO: Info =
        writes(c"json.del", WRITE, c"Deletes the values at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        delete(ctx, args, "json.del")
    }
}

impl Command for Forget {
    const INFO: Info =
        writes(c"json.forget", WRITE, c"Deletes the values at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        delete(ctx, args, "json.forget")
    }
}

fn delete(ctx: &Context, mut args: Args<'_>, command: &str) -> Result<(), Error> {
    let name = next_key(&mut args, command)?;
    let (path, _) = path_or_root(&mut args)?;
    finish(&args, command)?;
    let mut key = ctx.open_write(name);
    let deleted = match key.value_mut::<Document>().map_err(|_| errors::WRONG_TYPE)? {
        None => 0,
        Some(document) => match document.delete(&path)? {
            Deleted::Values(count) => count,
            Deleted::Root => {
                key.delete()?;
                1
            }
        },
    };
    drop(key);
    if deleted > 0 {
        ctx.replicate_verbatim();
        ctx.notify(EventClass::Module, c"json.del", name);
    }
    ctx.reply().integer(super::integer(deleted));
    Ok(())
}
