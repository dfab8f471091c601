//! `JSON.GET key [INDENT text] [NEWLINE text] [SPACE text] [NOESCAPE] [FORMAT STRING | EXPAND | EXPAND1] [path …]`
//!
//! One JSONPath answers the array of its matches, one legacy path its first match, a projection the array of its values.
//! Several answer an object from path to that; if one of them is a JSONPath, legacy paths answer arrays, too. `NOESCAPE`
//! says what is the case anyway. `EXPAND` makes the matches RESP3 values, `EXPAND1` those that are numbers, booleans or
//! null. Options may follow paths, too; a `FORMAT` that does is of no effect for a RESP2 client, as in the field.

use std::cell::RefCell;
use std::collections::HashSet;

use super::resp::Format;
use super::{next, next_key, next_text, read, reads};
use crate::error::{Error, json as errors};
use crate::json::format::{Style, write, write_str};
use crate::json::{Document, Path, Query, ValueRef};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct Get;

const NAME: &str = "json.get";

/// The words after the key.
#[derive(Default)]
struct Options<'a> {
    style: Style<'a>,
    format: Format,
    paths: Vec<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Context, args: &mut Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        while args.len() > 0 {
            if args.next_if("INDENT") {
                options.style.indent = next_text(args, NAME)?;
            } else if args.next_if("NEWLINE") {
                options.style.newline = next_text(args, NAME)?;
            } else if args.next_if("SPACE") {
                options.style.space = next_text(args, NAME)?;
            } else if args.next_if("FORMAT") {
                if !ctx.resp3() && options.paths.is_empty() {
                    return Err(errors::FORMAT_RESP2);
                }
                let format = match next(args, NAME)? {
                    word if word.eq_ignore_ascii_case(b"STRING") => Format::Text,
                    word => Format::expanding(word).ok_or(errors::FORMAT)?,
                };
                options.format = if ctx.resp3() { format } else { Format::Text };
            } else if !args.next_if("NOESCAPE") {
                options.paths.extend(args.next());
            }
        }
        if options.paths.is_empty() {
            options.paths.push(b".");
        }
        Ok(options)
    }
}

impl Command for Get {
    const INFO: Info = reads(c"json.get", c"Gets JSON values at paths, as text", c"O(N): size of the values", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let options = Options::parse(ctx, &mut args)?;
        let found = read(ctx, name, |document| {
            let queries = options.paths.iter().map(|text| Query::parse(text)).collect::<Result<Vec<_>, _>>()?;
            if options.format != Format::Text {
                return reply_expanded(ctx, document, &queries, &options);
            }
            with_buffer(|out| {
                match queries.as_slice() {
                    [query] => one(document, query, &options.style, out)?,
                    _ => several(document, &queries, &options, out)?,
                }
                ctx.reply().bulk(out);
                Ok(())
            })
        })?;
        if found.is_none() {
            ctx.reply().null();
        }
        Ok(())
    }
}

fn reply_expanded(ctx: &Context, document: &Document, queries: &[Query], options: &Options<'_>) -> Result<(), Error> {
    // What fails, fails before a reply has begun.
    if queries.len() > 1 {
        queries.iter().try_for_each(|query| query.answers(document.root(), |_| ()))?;
    }
    let mut reply = ctx.reply();
    for (at, query) in queries.iter().enumerate() {
        query.answers(document.root(), |values| {
            if at == 0 {
                reply.array(queries.len());
            }
            reply.array(values.len());
            values.iter().for_each(|value| options.format.reply(&mut reply, *value, &options.style));
        })?;
    }
    Ok(())
}

/// Largest buffer that is kept for the next command.
const KEPT: usize = 1 << 20;

/// An empty buffer, the same for every command of this thread.
fn with_buffer<T>(with: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let result = with(buffer);
        if buffer.capacity() > KEPT {
            *buffer = Vec::new();
        }
        result
    })
}

/// The text of one path's answer.
fn one(document: &Document, query: &Query, style: &Style<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if let Some(path) = query.as_path().filter(|path| path.is_legacy()) {
        let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
        write(value, style, 0, out);
        return Ok(());
    }
    Ok(query.answers(document.root(), |values| write_list(values, style, 0, out))?)
}

/// The text of several paths' answers. A path that is asked twice is answered once.
fn several(document: &Document, queries: &[Query], options: &Options<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let (style, legacy) = (&options.style, queries.iter().filter_map(Query::as_path).all(Path::is_legacy));
    let mut asked = HashSet::with_capacity(queries.len());
    out.push(b'{');
    for (at, (query, text)) in queries.iter().zip(&options.paths).enumerate() {
        if !asked.insert(text) {
            continue;
        }
        if at > 0 {
            out.push(b',');
        }
        style.line(1, out);
        write_str(text, out);
        out.push(b':');
        out.extend_from_slice(style.space);
        if let Some(path) = query.as_path().filter(|_| legacy) {
            let value = path.first(document.root())?.ok_or_else(|| errors::no_path(text))?;
            write(value, style, 1, out);
        } else {
            query.answers(document.root(), |values| write_list(values, style, 1, out))?;
        }
    }
    style.line(0, out);
    out.push(b'}');
    Ok(())
}

/// The matches as an array, which stands `depth` containers deep.
fn write_list(values: &[ValueRef<'_>], style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        style.line(depth + 1, out);
        write(*value, style, depth + 1, out);
    }
    if !values.is_empty() {
        style.line(depth, out);
    }
    out.push(b']');
}
