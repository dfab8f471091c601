//! `JSON.CLEAR key [path]`

use super::{Update, WRITE, finish, integer, next_key, path_or_root, update, writes};
use crate::error::{Error, json as errors};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct Clear;

const NAME: &str = "json.clear";

impl Command for Clear {
    const INFO: Info = writes(
        c"json.clear",
        WRITE,
        c"Empties containers and zeroes numbers at a path",
        c"O(N): size of the values",
        c"2.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let (path, _) = path_or_root(&mut args)?;
        finish(&args, NAME)?;
        let count = update(ctx, name, c"json.clear", |document| {
            let count = document.clear(&path)?;
            Ok(Update { outcome: count, changed: count > 0 })
        })?;
        ctx.reply().integer(integer(count.ok_or(errors::NO_KEY)?));
        Ok(())
    }
}
