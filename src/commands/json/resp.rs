//! `JSON.RESP key [path]`, and JSON as RESP3 values

use super::{finish, next_key, path_or_root, read, reads};
use crate::commands::style;
use crate::error::{Error, json as errors};
use crate::json::{Kind, Number, ValueRef};
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
        let (path, _) = path_or_root(&mut args)?;
        finish(&args, NAME)?;
        let found = read(ctx, name, |document| {
            let mut reply = style::reply(ctx);
            if path.is_legacy() {
                let value = path.first(document.root())?.ok_or_else(|| errors::no_path(path.text()))?;
                mark(&mut reply, value);
                return Ok(());
            }
            let matches = path.matches(document.root())?;
            reply.array(matches.len());
            matches.into_iter().for_each(|value| mark(&mut reply, value));
            Ok(())
        })?;
        if found.is_none() {
            ctx.reply().null();
        }
        Ok(())
    }
}

/// Containers become arrays that begin with `{` or `[`. Recursion is bounded by the nesting limit.
fn mark(reply: &mut Reply<'_>, value: ValueRef<'_>) {
    match value.kind() {
        Kind::Array => {
            reply.array(1 + value.len());
            reply.simple("[");
            value.elements().for_each(|element| mark(reply, element));
        }
        Kind::Object => {
            reply.array(1 + 2 * value.len());
            reply.simple("{");
            for (key, member) in value.children() {
                reply.bulk(key);
                mark(reply, member);
            }
        }
        Kind::Bool(value) => reply.simple(if value { "true" } else { "false" }),
        Kind::Number(Number::Int(value)) => reply.integer(value),
        Kind::Number(value) => reply.double(value.as_f64()),
        Kind::Str(text) => reply.bulk(text),
        Kind::Null => reply.null(),
    }
}

/// Objects become maps, arrays arrays, scalars what RESP3 has for them.
pub(super) fn expand(reply: &mut Reply<'_>, value: ValueRef<'_>) {
    match value.kind() {
        Kind::Array => {
            reply.array(value.len());
            value.elements().for_each(|element| expand(reply, element));
        }
        Kind::Object => {
            reply.map(value.len());
            for (key, member) in value.children() {
                reply.bulk(key);
                expand(reply, member);
            }
        }
        Kind::Bool(value) => reply.boolean(value),
        Kind::Number(Number::Int(value)) => reply.integer(value),
        Kind::Number(value) => reply.double(value.as_f64()),
        Kind::Str(text) => reply.bulk(text),
        Kind::Null => reply.null(),
    }
}
