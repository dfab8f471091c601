//! `FT.DROPINDEX index [DD]`, and the forms without an error where there is no index.

use super::defines;
use crate::error::{Error, search as errors};
use crate::indexes::drop::drop_index;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.DROPINDEX`
pub struct DropIndex;

/// `FT._DROPINDEXIFX`
pub struct DropIndexIf;

/// `FT._DROPIFX`: deletes the documents unless KEEPDOCS.
pub struct DropIf;

impl Command for DropIndex {
    const INFO: Info = defines(c"FT.DROPINDEX", c"write", c"Drops an index, with DD its documents too");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT.DROPINDEX")?;
        if !drop_index(ctx, words[0], has(&words, "DD")) {
            return Err(errors::UNKNOWN_INDEX_TO_DROP);
        }
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for DropIndexIf {
    const INFO: Info = defines(c"FT._DROPINDEXIFX", c"write", c"Drops an index if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPINDEXIFX")?;
        drop_index(ctx, words[0], has(&words, "DD"));
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for DropIf {
    const INFO: Info = defines(c"FT._DROPIFX", c"write", c"Drops an index and its documents if it is there");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = words(args, "FT._DROPIFX")?;
        drop_index(ctx, words[0], !has(&words, "KEEPDOCS") && !has(&words, "_FORCEKEEPDOCS"));
        ctx.reply().ok();
        Ok(())
    }
}

fn words<'a>(args: Args<'a>, command: &str) -> Result<Vec<&'a [u8]>, Error> {
    let words: Vec<&[u8]> = args.collect();
    if words.is_empty() || words.len() > 2 { Err(Error::arity(command)) } else { Ok(words) }
}

fn has(words: &[&[u8]], keyword: &str) -> bool {
    words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))
}
