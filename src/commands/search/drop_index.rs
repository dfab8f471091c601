//! `FT.DROPINDEX index [DD]`, and the forms without an error where there is no index.
//!
//! With DD the documents are deleted too. They are those of the index at this moment, so the log is applied first, here:
//! the one command that may have the main thread wait for a search.

use super::{cursor, defines, registry, scan};
use crate::error::{Error, search as errors};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};
use crate::search::doc_id::DocId;

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

/// Drops the index of the selected database, and tells replicas; false where there is none of the name.
pub fn drop_index(ctx: &Context, name: &[u8], with_documents: bool) -> bool {
    let database = ctx.database();
    let find = |registry: &mut registry::Registry| {
        let indexes = registry.database(database);
        let name = indexes.find(name)?.definition().schema.name.clone();
        indexes.remove(&name)
    };
    let Some(index) = registry::with(find) else { return false };
    index.progress.take();
    cursor::forget(&index.handle);
    if with_documents {
        let live = &index.handle.live;
        let keys: Vec<Box<[u8]>> = {
            let index = live.read(live.arrival());
            let documents = index.documents();
            documents.live().iter().map(|doc| documents.key(DocId(doc)).into()).collect()
        };
        keys.iter().for_each(|key| delete(ctx, key));
    }
    scan::resume(ctx);
    ctx.replicate(c"FT._DROPINDEXIFX", &[name, b"_FORCEKEEPDOCS"]);
    true
}

/// Deletes a key, as DEL does.
fn delete(ctx: &Context, name: &[u8]) {
    ctx.with_name(name, |name| {
        if ctx.peek(name).is_none() {
            return;
        }
        ctx.open_write(name).unlink();
        ctx.replicate(c"DEL", &[name.bytes()]);
        ctx.notify(EventClass::Generic, c"del", name);
    });
}
