//! `FT.DROPINDEX index [DD]`, and the forms without an error where there is no index.

use std::ffi::CStr;

use super::defines;
use crate::error::{Error, search as errors};
use crate::indexes::drop::drop_index;
use crate::indexes::permission::{self, Deed};
use crate::indexes::registry;
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
        if !drop(ctx, words[0], !keeps)? {
            return Err(errors::UNKNOWN_INDEX_TO_DROP);
        }
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for DropIndex {
    const INFO: Info = drops(c"FT.DROPINDEX", c"Drops an index, with DD its documents too");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT.DROPINDEX")?;
        if !drop(ctx, words[0], has(&words, "DD"))? {
            return Err(errors::UNKNOWN_INDEX_TO_DROP);
        }
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for DropIndexIf {
    const INFO: Info = drops(c"FT._DROPINDEXIFX", c"Drops an index if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPINDEXIFX")?;
        drop(ctx, words[0], has(&words, "DD"))?;
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for DropIf {
    const INFO: Info = drops(c"FT._DROPIFX", c"Drops an index and its documents if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPIFX")?;
        drop(ctx, words[0], !has(&words, "KEEPDOCS") && !has(&words, "_FORCEKEEPDOCS"))?;
        ctx.reply().ok();
        Ok(())
    }
}

/// Drops the index, if the client may; false where there is none.
fn drop(ctx: &Context, name: &[u8], with_documents: bool) -> Result<bool, Error> {
    if let Some(index) = registry::with(|registry| registry.find(ctx.database(), name)) {
        let deed = if with_documents { Deed::DeleteDocuments } else { Deed::Use };
        permission::check(ctx, &index.definition().schema, deed)?;
    }
    Ok(drop_index(ctx, name, with_documents))
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
