//! The `JSON.*` commands over [`crate::json`].
//!
//! Each file holds the commands that share one way of working; this one holds the table and what all of them do: find the
//! document, and tell replicas and followers of a change. A command that changed nothing is neither replicated nor
//! notified.

mod array_edit;
mod array_read;
mod clear;
mod debug;
mod del;
mod document;
mod get;
mod length;
mod merge;
mod mget;
mod mset;
mod number;
mod object;
mod resp;
mod set;
mod shared;
mod string;
mod toggle;
mod type_of;

use std::ffi::CStr;

use crate::error::{Error, json as errors};
use crate::json::path::Path;
use crate::json::{Document, ValueRef};
use crate::redis::args::{Arg, Args};
use crate::redis::command::{Access, Family, Info, Keys, entry};
use crate::redis::context::{Context, EventClass};
use crate::redis::loading::Loading;
use crate::redis::reply::Reply;

/// The family.
pub const FAMILY: Family = Family {
    category: c"json",
    alone: &[],
    tips: &[],
    commands: &[
        entry::<set::Set>(),
        entry::<mset::Mset>(),
        entry::<get::Get>(),
        entry::<mget::Mget>(),
        entry::<del::Del>(),
        entry::<del::Forget>(),
        entry::<clear::Clear>(),
        entry::<type_of::Type>(),
        entry::<merge::Merge>(),
        entry::<number::IncrBy>(),
        entry::<number::MultBy>(),
        entry::<number::PowBy>(),
        entry::<string::StrAppend>(),
        entry::<length::StrLen>(),
        entry::<length::ArrLen>(),
        entry::<length::ObjLen>(),
        entry::<array_edit::ArrAppend>(),
        entry::<array_edit::ArrInsert>(),
        entry::<array_edit::ArrPop>(),
        entry::<array_edit::ArrTrim>(),
        entry::<array_read::ArrIndex>(),
        entry::<object::ObjKeys>(),
        entry::<toggle::Toggle>(),
        entry::<resp::Resp>(),
        entry::<debug::Debug>(),
    ],
};

/// Registers the documents' type, and lets other modules read them; false where another module owns it.
pub fn register_type(loading: &Loading) -> bool {
    let ours = crate::redis::types::register::<Document>(loading);
    if ours {
        crate::redis::json_api::export::<Document>(loading);
    }
    ours
}

/// A command on one key that reads.
const fn reads(name: &'static CStr, summary: &'static CStr, complexity: &'static CStr, since: &'static CStr) -> Info {
    let keys = Keys::first(Access::Read);
    Info { name, flags: c"readonly", arity: -1, keys, acl: "read slow", summary, complexity, since }
}

/// A command on one key that writes; `flags` are `write` and, where memory may grow, `deny-oom`.
const fn writes(
    name: &'static CStr,
    flags: &'static CStr,
    summary: &'static CStr,
    complexity: &'static CStr,
    since: &'static CStr,
) -> Info {
    let keys = Keys::first(Access::Update);
    Info { name, flags, arity: -1, keys, acl: "write slow", summary, complexity, since }
}

const WRITE: &CStr = c"write";
const WRITE_MORE: &CStr = c"write deny-oom";

/// Takes the next argument, or fails as the command's arity does.
fn next<'a>(args: &mut Args<'a>, command: &str) -> Result<&'a [u8], Error> {
    args.next().ok_or_else(|| Error::arity(command))
}

/// As [`next`], for a word that has to be text.
fn next_text<'a>(args: &mut Args<'a>, command: &str) -> Result<&'a [u8], Error> {
    let word = next(args, command)?;
    if std::str::from_utf8(word).is_ok() { Ok(word) } else { Err(errors::UTF8) }
}

/// As [`next`], for a key.
fn next_key<'a>(args: &mut Args<'a>, command: &str) -> Result<Arg<'a>, Error> {
    args.next_arg().ok_or_else(|| Error::arity(command))
}

/// Refuses words that are left over.
fn finish(args: &Args<'_>, command: &str) -> Result<(), Error> {
    if args.len() == 0 { Ok(()) } else { Err(Error::arity(command)) }
}

/// The path that comes next, `.` where there is none; and its text as given.
fn path_or_root<'a>(args: &mut Args<'a>) -> Result<(Path, &'a [u8]), Error> {
    let text = args.next().unwrap_or(b".");
    Ok((Path::parse(text)?, text))
}

/// Shows the document to `with`; `None` where there is no such key.
fn read<T>(ctx: &Context, name: Arg<'_>, with: impl FnOnce(&Document) -> Result<T, Error>) -> Result<Option<T>, Error> {
    let Some(key) = ctx.open_read(name) else { return Ok(None) };
    match key.value::<Document>() {
        Ok(Some(document)) => with(document).map(Some),
        Ok(None) => Ok(None),
        Err(_) => Err(errors::WRONG_TYPE),
    }
}

/// What a change leads to.
struct Update<T> {
    /// What the client is told.
    outcome: T,
    /// Whether there was one: then it is replicated, and the event published.
    changed: bool,
}

/// Has `with` change the document, and tells of it; `None` where there is no such key.
fn update<T>(
    ctx: &Context,
    name: Arg<'_>,
    event: &CStr,
    with: impl FnOnce(&mut Document) -> Result<Update<T>, Error>,
) -> Result<Option<T>, Error> {
    let mut key = ctx.open_write(name);
    let update = match key.value_mut::<Document>() {
        Ok(Some(document)) => with(document)?,
        Ok(None) => return Ok(None),
        Err(_) => return Err(errors::WRONG_TYPE),
    };
    // Followers open the key themselves.
    drop(key);
    if update.changed {
        ctx.replicate_verbatim();
        ctx.notify(EventClass::Module, event, name);
    }
    Ok(Some(update.outcome))
}

/// Replies to an update: for a JSONPath an array with each match's outcome, null for those of another type; for a legacy
/// path the last outcome.
///
/// # Errors
/// `missing`, for a legacy path without any.
fn reply_outcomes<T>(
    reply: &mut Reply<'_>,
    path: &Path,
    outcomes: &[Option<T>],
    missing: impl FnOnce() -> Error,
    mut write: impl FnMut(&mut Reply<'_>, &T),
) -> Result<(), Error> {
    if path.is_legacy() {
        let last = outcomes.iter().rev().flatten().next().ok_or_else(missing)?;
        write(reply, last);
        return Ok(());
    }
    reply.array(outcomes.len());
    for outcome in outcomes {
        match outcome {
            Some(outcome) => write(reply, outcome),
            None => reply.null(),
        }
    }
    Ok(())
}

/// True if any match was of the type that the command works on.
fn any<T>(outcomes: &[Option<T>]) -> bool {
    outcomes.iter().any(Option::is_some)
}

/// A length as replies carry it.
fn integer(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// The compact text of a value.
fn text_of(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.byte_len() + 16);
    crate::json::format::write(value, &Default::default(), 0, &mut out);
    out
}
