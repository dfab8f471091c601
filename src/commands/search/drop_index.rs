//! `FT.DROPINDEX index [DD]`, and the forms without an error where there is no index.

use std::ffi::CStr;

use super::defines;
use crate::error::{Error, search as errors};
use crate::indexes::drop::drop_index;
use crate::indexes::permission::{self, Deed};
use crate::indexes::{registrar, registry};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.DROPINDEX`
pub struct DropIndex;

/// `FT._DROPINDEXIFX`
pub struct DropIndexIf;

/// `FT._DROPIFX`: deletes the documents unless KEEPDOCS.
pub struct DropIf;

/// `FT.DROP`, which old clients send: deletes the documents unless KEEPDOCS.
pub struct Drop;

impl Command for Drop {
    const INFO: Info = drops(c"FT.DROP", c"Drops an index and its documents");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT.DROP")?;
        let keeps = has(&words, "KEEPDOCS");
        if let (Some(word), false) = (words.get(1), keeps) {
            return Err(errors::quoting("Unknown argument `", word, "`"));
        }
        if drop(ctx, "FT.DROP", &words, !keeps)? { Ok(()) } else { Err(errors::UNKNOWN_INDEX_TO_DROP) }
    }
}

impl Command for DropIndex {
    const INFO: Info = drops(c"FT.DROPINDEX", c"Drops an index, with DD its documents too");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT.DROPINDEX")?;
        if drop(ctx, "FT.DROPINDEX", &words, has(&words, "DD"))? { Ok(()) } else { Err(errors::UNKNOWN_INDEX_TO_DROP) }
    }
}

impl Command for DropIndexIf {
    const INFO: Info = drops(c"FT._DROPINDEXIFX", c"Drops an index if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPINDEXIFX")?;
        if !drop(ctx, "FT._DROPINDEXIFX", &words, has(&words, "DD"))? {
            ctx.reply().ok();
        }
        Ok(())
    }
}

impl Command for DropIf {
    const INFO: Info = drops(c"FT._DROPIFX", c"Drops an index and its documents if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPIFX")?;
        let with_documents = !has(&words, "KEEPDOCS") && !has(&words, "_FORCEKEEPDOCS");
        if !drop(ctx, "FT._DROPIFX", &words, with_documents)? {
            ctx.reply().ok();
        }
        Ok(())
    }
}

/// Drops the index, if the client may, and replies; false where there is none.
fn drop(ctx: &Context, command: &str, words: &[&[u8]], with_documents: bool) -> Result<bool, Error> {
    let Some(index) = registry::with(|registry| registry.find(ctx.database(), words[0])) else { return Ok(false) };
    let deed = if with_documents { Deed::DeleteDocuments } else { Deed::Use };
    permission::check(ctx, &index.definition().schema, deed)?;
    if !registrar::takes(ctx, &[&[command.as_bytes()], words].concat())? {
        drop_index(ctx, words[0], with_documents);
        ctx.reply().ok();
    }
    Ok(true)
}

/// What the server is told about a command that drops an index.
const fn drops(name: &'static CStr, summary: &'static CStr) -> Info {
    Info { acl: "write slow dangerous", ..defines(name, c"write", summary) }
}

fn words<'a>(args: Args<'a>, command: &str) -> Result<Vec<&'a [u8]>, Error> {
    let words: Vec<&[u8]> = args.collect();
    if words.is_empty() || words.len() > 2 { Err(Error::arity(command)) } else { Ok(words) }
}

fn has(words: &[&[u8]], keyword: &str) -> bool {
    words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))
}
