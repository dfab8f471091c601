//! `JSON.ARRINDEX key path json [start [stop]]`

use super::{finish, integer, next, next_key, read, reads};
use crate::error::{Error, json as errors};
use crate::json::edit::index_of;
use crate::json::{Document, Path, ValueRef};
use crate::redis::args::{self, Args};
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct ArrIndex;

const NAME: &str = "json.arrindex";

impl Command for ArrIndex {
    const INFO: Info =
        reads(c"json.arrindex", c"Finds a value in the arrays at a path", c"O(N): size of the arrays", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let text = next(&mut args, NAME)?;
        let wanted = next(&mut args, NAME)?;
        let mut bound = || args.next().map_or(Ok(0), |word| args::integer(word).ok_or(errors::INTEGER));
        let (start, stop) = (bound()?, bound()?);
        finish(&args, NAME)?;
        let wanted = Document::parse(wanted).map_err(errors::argument)?;
        let path = Path::parse(text)?;
        // -1 where it is not, None where that is no array.
        let find = |value: ValueRef<'_>| {
            value.is_array().then(|| index_of(value, wanted.root(), start, stop).map_or(-1, integer))
        };
        let found = read(ctx, name, |document| {
            let mut reply = ctx.reply();
            if path.is_legacy() {
                let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
                let wrong = || errors::wrong_value("array", value.type_name().as_bytes());
                reply.integer(find(value).ok_or_else(wrong)?);
                return Ok(());
            }
            let matches = path.matches(document.root())?;
            reply.array(matches.len());
            for value in matches {
                match find(value) {
                    Some(at) => reply.integer(at),
                    None => reply.null(),
                }
            }
            Ok(())
        })?;
        found.ok_or_else(|| errors::no_path(text))
    }
}
