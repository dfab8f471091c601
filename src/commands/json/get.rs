//! `JSON.GET key [INDENT text] [NEWLINE text] [SPACE text] [NOESCAPE] [FORMAT STRING | EXPAND | EXPAND1] [path …]`
//!
//! One JSONPath answers the array of its matches, one legacy path its first match. Several paths answer an object from
//! path to that; if one of them is a JSONPath, all answer arrays. `NOESCAPE` says what is the case anyway. `EXPAND` makes
//! the matches RESP3 values.

use std::cell::RefCell;

use super::resp::expand;
use super::{next, next_key, read, reads};
use crate::error::{Error, json as errors};
use crate::json::format::{Style, write, write_str};
use crate::json::{Document, Path, ValueRef};
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
    expand: bool,
    paths: Vec<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Context, args: &mut Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        while args.len() > 0 {
            if args.next_if("INDENT") {
                options.style.indent = next(args, NAME)?;
            } else if args.next_if("NEWLINE") {
                options.style.newline = next(args, NAME)?;
            } else if args.next_if("SPACE") {
                options.style.space = next(args, NAME)?;
            } else if args.next_if("FORMAT") {
                if !ctx.resp3() {
                    return Err(errors::FORMAT_RESP2);
                }
                options.expand = match next(args, NAME)? {
                    word if word.eq_ignore_ascii_case(b"STRING") => false,
                    word if word.eq_ignore_ascii_case(b"EXPAND") || word.eq_ignore_ascii_case(b"EXPAND1") => true,
                    _ => return Err(errors::FORMAT),
                };
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
            let paths = options.paths.iter().map(|path| Path::parse(path)).collect::<Result<Vec<_>, _>>()?;
            if options.expand {
                return reply_expanded(ctx, document, &paths);
            }
            with_buffer(|out| {
                match paths.as_slice() {
                    [path] => one(document, path, &options.style, out)?,
                    _ => several(document, &paths, &options, out)?,
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

fn reply_expanded(ctx: &Context, document: &Document, paths: &[Path]) -> Result<(), Error> {
    let matches = paths.iter().map(|path| path.matches(document.root())).collect::<Result<Vec<_>, _>>()?;
    let mut reply = ctx.reply();
    reply.array(matches.len());
    for values in matches {
        reply.array(values.len());
        values.into_iter().for_each(|value| expand(&mut reply, value));
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
fn one(document: &Document, path: &Path, style: &Style<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if path.is_legacy() {
        let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
        write(value, style, 0, out);
    } else if path.is_root() {
        write_list(&[document.root()], style, 0, out);
    } else {
        write_list(&path.matches(document.root())?, style, 0, out);
    }
    Ok(())
}

/// The text of several paths' answers. A path that is asked twice is answered once.
fn several(document: &Document, paths: &[Path], options: &Options<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let (style, legacy) = (&options.style, paths.iter().all(Path::is_legacy));
    out.push(b'{');
    for (at, (path, text)) in paths.iter().zip(&options.paths).enumerate() {
        if options.paths[..at].contains(text) {
            continue;
        }
        if at > 0 {
            out.push(b',');
        }
        style.line(1, out);
        write_str(text, out);
        out.push(b':');
        out.extend_from_slice(style.space);
        if legacy {
            let value = path.first(document.root())?.ok_or_else(|| errors::no_path(text))?;
            write(value, style, 1, out);
        } else {
            write_list(&path.matches(document.root())?, style, 1, out);
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
