//! `JSON.STRAPPEND key [path] json-string`

use super::{
    Update, WRITE_MORE, any, finish, integer, next, next_key, next_text, reply_outcomes, text_of, update, writes,
};
use crate::error::{Error, json as errors};
use crate::json::{Document, Path};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct StrAppend;

const NAME: &str = "json.strappend";

impl Command for StrAppend {
    const INFO: Info = writes(
        c"json.strappend",
        WRITE_MORE,
        c"Appends to the strings at a path",
        c"O(N): size of the document",
        c"1.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let path = if args.len() > 1 { next(&mut args, NAME)? } else { b"." };
        let text = next_text(&mut args, NAME)?;
        finish(&args, NAME)?;
        let path = Path::parse(path)?;
        let lengths = update(ctx, name, c"json.strappend", |document| {
            let tail = Document::parse(text).map_err(errors::argument)?;
            let bytes = tail.root().as_str_bytes();
            let bytes = bytes.ok_or_else(|| errors::wrong_value("string", &text_of(tail.root())))?;
            let outcome = document.append_str(&path, bytes)?;
            Ok(Update { changed: any(&outcome), outcome })
        })?;
        let missing = || errors::no_path_or_not(path.text(), "a string");
        reply_outcomes(&mut ctx.reply(), &path, &lengths.ok_or(errors::NO_KEY)?, missing, |reply, len| {
            reply.integer(integer(*len));
        })
    }
}
