//! `JSON.RESP key [path]`, and JSON as RESP3 values

use super::{finish, next_key, read, reads};
use crate::commands::style;
use crate::error::{Error, json as errors};
use crate::json::format::{Style, write};
use crate::json::{self, Kind, Number, Query, ValueRef};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;

/// See the file's documentation.
pub struct Resp;

const NAME: &str = "json.resp";

impl Command for Resp {
    const INFO: Info =
        reads(c"json.resp", c"Gets JSON values at a path, as RESP", c"O(N): size of the values", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let query = Query::parse(args.next().unwrap_or(b"."))?;
        finish(&args, NAME)?;
        let found = read(ctx, name, |document| {
            let mut reply = style::reply(ctx);
            if let Some(path) = query.as_path().filter(|path| path.is_legacy()) {
                let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
                mark(&mut reply, value);
                return Ok(());
            }
            Ok(query.answers(document.root(), |values| {
                reply.array(values.len());
                values.iter().for_each(|value| mark(&mut reply, *value));
            })?)
        })?;
        if found.is_none() {
            ctx.reply().null();
        }
        Ok(())
    }
}

/// Containers become arrays that begin with `{` or `[`.
fn mark(reply: &mut Reply<'_>, value: ValueRef<'_>) {
    match value.kind() {
        Kind::Array => {
            reply.array(1 + value.len());
            reply.simple("[");
            json::deeper(|| value.elements().for_each(|element| mark(reply, element)));
        }
        Kind::Object => {
            reply.array(1 + 2 * value.len());
            reply.simple("{");
            for (key, member) in value.children() {
                reply.bulk(key);
                json::deeper(|| mark(reply, member));
            }
        }
        Kind::Bool(value) => reply.simple(if value { "true" } else { "false" }),
        Kind::Number(Number::Int(value)) => reply.integer(value),
        Kind::Number(value) => reply.double(value.as_f64()),
        Kind::Str(text) => reply.bulk(text),
        Kind::Null => reply.null(),
    }
}

/// How values are given to a RESP3 client (`FORMAT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// As JSON text.
    #[default]
    Text,
    /// As RESP3 values throughout.
    Expand,
    /// Numbers, booleans and null as RESP3 values, everything else as JSON text.
    Expand1,
}

impl Format {
    /// The format of the word, if it is one of the two that expand.
    pub(super) fn expanding(word: &[u8]) -> Option<Format> {
        let formats = [("EXPAND", Format::Expand), ("EXPAND1", Format::Expand1)];
        formats.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, format)| format)
    }

    /// Replies with a value.
    pub(super) fn reply(self, reply: &mut Reply<'_>, value: ValueRef<'_>, style: &Style<'_>) {
        let scalar = !matches!(value.kind(), Kind::Str(_) | Kind::Array | Kind::Object);
        if self == Format::Expand || (self == Format::Expand1 && scalar) {
            return expand(reply, value);
        }
        let mut text = Vec::with_capacity(value.byte_len() + 16);
        write(value, style, 0, &mut text);
        reply.bulk(&text);
    }
}

/// Objects become maps, arrays arrays, scalars what RESP3 has for them.
fn expand(reply: &mut Reply<'_>, value: ValueRef<'_>) {
    match value.kind() {
        Kind::Array => {
            reply.array(value.len());
            json::deeper(|| value.elements().for_each(|element| expand(reply, element)));
        }
        Kind::Object => {
            reply.map(value.len());
            for (key, member) in value.children() {
                reply.bulk(key);
                json::deeper(|| expand(reply, member));
            }
        }
        Kind::Bool(value) => reply.boolean(value),
        Kind::Number(Number::Int(value)) => reply.integer(value),
        Kind::Number(value) => reply.double(value.as_f64()),
        Kind::Str(text) => reply.bulk(text),
        Kind::Null => reply.null(),
    }
}
