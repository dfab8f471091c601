//! `JSON.TOGGLE key path`
//!
//! A JSONPath answers 1 and 0, a legacy path `true` and `false`.

use super::{Update, WRITE_MORE, any, finish, next, next_key, reply_outcomes, update, writes};
use crate::error::{Error, json as errors};
use crate::json::Path;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct Toggle;

const NAME: &str = "json.toggle";

impl Command for Toggle {
    const INFO: Info =
        writes(c"json.toggle", WRITE_MORE, c"Negates the booleans at a path", c"O(N): size of the document", c"2.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let path = Path::parse(next(&mut args, NAME)?)?;
        finish(&args, NAME)?;
        let values = update(ctx, name, c"json.toggle", |document| {
            let outcome = document.toggle(&path)?;
            Ok(Update { changed: any(&outcome), outcome })
        })?;
        let missing = || errors::no_path_or_not(path.text(), "a bool");
        let legacy = path.is_legacy();
        reply_outcomes(&mut ctx.reply(), &path, &values.ok_or(errors::NO_KEY)?, missing, |reply, value| {
            match (legacy, *value) {
                (false, value) => reply.integer(i64::from(value)),
                (true, true) => reply.bulk(b"true"),
                (true, false) => reply.bulk(b"false"),
            }
        })
    }
}
