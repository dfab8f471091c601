//! The commands that change arrays:
//! `JSON.ARRAPPEND key path json [json …]`, `JSON.ARRINSERT key path index json [json …]`,
//! `JSON.ARRPOP key [FORMAT STRINGS | EXPAND1 | EXPAND] [path [index]]`, `JSON.ARRTRIM key path start stop`

use super::resp::Format;
use super::{
    Update, WRITE, WRITE_MORE, any, finish, integer, next, next_key, next_text, path_or_root, reply_outcomes, update,
    writes,
};
use crate::error::{Error, json as errors};
use crate::json::format::Style;
use crate::json::{Document, Path};
use crate::redis::args::{self, Args};
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `JSON.ARRAPPEND`
pub struct ArrAppend;

/// `JSON.ARRINSERT`
pub struct ArrInsert;

/// `JSON.ARRPOP`
pub struct ArrPop;

/// `JSON.ARRTRIM`
pub struct ArrTrim;

/// The values to the end of the command, at least one.
fn values(args: &mut Args<'_>, command: &str) -> Result<Vec<Document>, Error> {
    if args.len() == 0 {
        return Err(Error::arity(command));
    }
    Ok(args.map(Document::parse).collect::<Result<_, _>>()?)
}

/// The index that comes next.
fn next_index(args: &mut Args<'_>, command: &str) -> Result<i64, Error> {
    args::integer(next(args, command)?).ok_or(errors::INTEGER)
}

/// Replies with the new lengths.
fn reply_lengths(ctx: &Context, path: &Path, text: &[u8], lengths: Option<Vec<Option<usize>>>) -> Result<(), Error> {
    let missing = || errors::no_path_or_not(text, "an array");
    reply_outcomes(&mut ctx.reply(), path, &lengths.ok_or(errors::NO_KEY)?, missing, |reply, len| {
        reply.integer(integer(*len));
    })
}

impl Command for ArrAppend {
    const INFO: Info = writes(
        c"json.arrappend",
        WRITE_MORE,
        c"Appends to the arrays at a path",
        c"O(N): size of the document",
        c"1.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        const NAME: &str = "json.arrappend";
        let name = next_key(&mut args, NAME)?;
        let text = next_text(&mut args, NAME)?;
        let values = values(&mut args, NAME)?;
        let path = Path::parse(text)?;
        let lengths = update(ctx, name, c"json.arrappend", |document| {
            let outcome = document.append(&path, &values)?;
            Ok(Update { changed: any(&outcome), outcome })
        })?;
        reply_lengths(ctx, &path, text, lengths)
    }
}

impl Command for ArrInsert {
    const INFO: Info = writes(
        c"json.arrinsert",
        WRITE_MORE,
        c"Inserts into the arrays at a path",
        c"O(N): size of the document",
        c"1.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        const NAME: &str = "json.arrinsert";
        let name = next_key(&mut args, NAME)?;
        let path = next_text(&mut args, NAME)?;
        let index = next_index(&mut args, NAME)?;
        let values = values(&mut args, NAME)?;
        let path = Path::parse(path)?;
        let lengths = update(ctx, name, c"json.arrinsert", |document| {
            let outcome = document.insert(&path, index, &values)?;
            Ok(Update { changed: any(&outcome), outcome })
        })?;
        reply_lengths(ctx, &path, path.text(), lengths)
    }
}

impl Command for ArrTrim {
    const INFO: Info =
        writes(c"json.arrtrim", WRITE, c"Trims the arrays at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        const NAME: &str = "json.arrtrim";
        let name = next_key(&mut args, NAME)?;
        let path = next_text(&mut args, NAME)?;
        let (start, stop) = (next_index(&mut args, NAME)?, next_index(&mut args, NAME)?);
        finish(&args, NAME)?;
        let path = Path::parse(path)?;
        let lengths = update(ctx, name, c"json.arrtrim", |document| {
            let outcome = document.trim(&path, start, stop)?;
            Ok(Update { changed: any(&outcome), outcome })
        })?;
        reply_lengths(ctx, &path, path.text(), lengths)
    }
}

impl Command for ArrPop {
    const INFO: Info = writes(
        c"json.arrpop",
        WRITE,
        c"Removes and returns an element of the arrays at a path",
        c"O(N): size of the document",
        c"1.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        const NAME: &str = "json.arrpop";
        let name = next_key(&mut args, NAME)?;
        let format = popped_format(ctx, &mut args)?;
        let (path, _) = path_or_root(&mut args)?;
        if path.is_legacy() && format != Format::Text {
            return Err(errors::FORMAT_LEGACY);
        }
        // As in the field, what is no integer means the last element.
        let index = args.next().and_then(args::integer).unwrap_or(-1);
        finish(&args, NAME)?;
        let popped = update(ctx, name, c"json.arrpop", |document| {
            let outcome = document.pop(&path, index)?;
            Ok(Update { changed: outcome.iter().flatten().any(Option::is_some), outcome })
        })?;
        let missing = || errors::no_path_or_not(path.text(), "an array");
        reply_outcomes(&mut ctx.reply(), &path, &popped.ok_or(errors::NO_KEY)?, missing, |reply, element| match element
        {
            Some(element) => format.reply(reply, element.root(), &Style::default()),
            None => reply.null(),
        })
    }
}

/// `FORMAT` and its word, which stand before the path. Alone, `FORMAT` is a path.
fn popped_format(ctx: &Context, args: &mut Args<'_>) -> Result<Format, Error> {
    if args.len() < 2 || !args.next_if("FORMAT") {
        return Ok(Format::Text);
    }
    let format = match next(args, "json.arrpop")? {
        word if word.eq_ignore_ascii_case(b"STRINGS") => Format::Text,
        word => Format::expanding(word).ok_or(errors::FORMAT)?,
    };
    if ctx.resp3() { Ok(format) } else { Err(errors::FORMAT_RESP2) }
}
