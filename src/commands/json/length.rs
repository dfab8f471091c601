//! `JSON.STRLEN key [path]`, `JSON.ARRLEN key [path]`, `JSON.OBJLEN key [path]`

use super::{finish, integer, next_key, path_or_root, read, reads};
use crate::error::{Error, json as errors};
use crate::json::{Path, ValueRef};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `JSON.STRLEN`
pub struct StrLen;

/// `JSON.ARRLEN`
pub struct ArrLen;

/// `JSON.OBJLEN`
pub struct ObjLen;

/// What the three differ in.
struct Kind {
    command: &'static str,
    /// The length of a value of the kind.
    length: fn(ValueRef<'_>) -> Option<usize>,
    /// A legacy path's first match is of another kind.
    wrong: fn(ValueRef<'_>, &[u8]) -> Error,
    /// A legacy path has no match; `None` replies null.
    missing: fn(&Path, &[u8]) -> Option<Error>,
    /// There is no such key, and the path is a JSONPath.
    no_key: fn(&Path) -> Error,
}

impl Command for StrLen {
    const INFO: Info =
        reads(c"json.strlen", c"Length of the strings at a path, in bytes", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let kind = Kind {
            command: "json.strlen",
            length: |value| value.as_str_bytes().map(<[u8]>::len),
            wrong: |value, _| errors::wrong_value("string", value.type_name().as_bytes()),
            missing: |path, _| Some(errors::no_path(path.text())),
            no_key: |_| errors::NO_KEY,
        };
        length(ctx, args, &kind)
    }
}

impl Command for ArrLen {
    const INFO: Info =
        reads(c"json.arrlen", c"Length of the arrays at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let kind = Kind {
            command: "json.arrlen",
            length: |value| value.is_array().then(|| value.len()),
            wrong: |_, text| errors::no_path_or_not(text, "an array"),
            missing: |_, text| Some(errors::no_path(text)),
            no_key: |_| errors::NO_KEY,
        };
        length(ctx, args, &kind)
    }
}

impl Command for ObjLen {
    const INFO: Info =
        reads(c"json.objlen", c"Number of members of the objects at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let kind = Kind {
            command: "json.objlen",
            length: |value| value.is_object().then(|| value.len()),
            wrong: |value, _| errors::wrong_value("object", value.type_name().as_bytes()),
            missing: |_, _| None,
            no_key: |path| errors::no_path_or_not(path.text(), "an object"),
        };
        length(ctx, args, &kind)
    }
}

fn length(ctx: &Context, mut args: Args<'_>, kind: &Kind) -> Result<(), Error> {
    let name = next_key(&mut args, kind.command)?;
    let (path, text) = path_or_root(&mut args)?;
    finish(&args, kind.command)?;
    let found = read(ctx, name, |document| {
        let mut reply = ctx.reply();
        if path.is_legacy() {
            match path.first(document.root())? {
                Some(value) => {
                    let len = (kind.length)(value).ok_or_else(|| (kind.wrong)(value, text))?;
                    reply.integer(integer(len));
                }
                None => match (kind.missing)(&path, text) {
                    Some(error) => return Err(error),
                    None => reply.null(),
                },
            }
            return Ok(());
        }
        let matches = path.matches(document.root())?;
        reply.array(matches.len());
        for value in matches {
            match (kind.length)(value) {
                Some(len) => reply.integer(integer(len)),
                None => reply.null(),
            }
        }
        Ok(())
    })?;
    match found {
        Some(()) => {}
        None if path.is_legacy() => ctx.reply().null(),
        None => return Err((kind.no_key)(&path)),
    }
    Ok(())
}
