//! Synonyms: `FT.SYNUPDATE index group [SKIPINITIALSCAN] word…`, `FT.SYNDUMP index`, and FT.SYNADD, which is no more.
//!
//! Words enter a group and stay. Documents are found by a group if they came after the word entered it: so all of them are
//! indexed again, in the background, unless the client wants to spare that.

use super::{defines, find, reads};
use crate::commands::style;
use crate::error::{Error, search as errors, spelling};
use crate::indexes::{registrar, replication, scan};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.SYNUPDATE`
pub struct Update;

/// `FT.SYNDUMP`
pub struct Dump;

/// `FT.SYNADD`
pub struct Add;

impl Command for Update {
    const INFO: Info = Info {
        since: c"1.2.0",
        ..defines(c"FT.SYNUPDATE", c"write deny-oom", c"Puts words into a group of those that mean the same")
    };

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words: Vec<&[u8]> = args.collect();
        let [name, group, terms @ ..] = &words[..] else { return Err(Error::arity("FT.SYNUPDATE")) };
        let (skips, terms) = match terms {
            [] => return Err(Error::arity("FT.SYNUPDATE")),
            [first, terms @ ..] if first.eq_ignore_ascii_case(b"SKIPINITIALSCAN") => (true, terms),
            terms => (false, terms),
        };
        let index = find(ctx, name, || errors::UNKNOWN_INDEX_NAME)?;
        if registrar::takes(ctx, &[&[&b"FT.SYNUPDATE"[..]], &words[..]].concat())? {
            return Ok(());
        }
        let changed = index.add_synonyms(group, terms.iter().copied().map(Box::from).collect());
        index.touch();
        if !skips {
            scan::start(ctx, &index);
        }
        if changed || !skips {
            replication::send_verbatim(ctx);
        }
        ctx.reply().ok();
        Ok(())
    }
}

impl Command for Dump {
    const INFO: Info = reads(c"FT.SYNDUMP", c"Lists the words that mean the same, with their groups", c"1.2.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(name), None) = (args.next(), args.next()) else { return Err(Error::arity("FT.SYNDUMP")) };
        let index = find(ctx, name, || errors::UNKNOWN_INDEX_NAME)?;
        index.touch();
        let definition = index.definition();
        let synonyms = definition.synonyms();
        let words = synonyms.dump();
        let mut reply = style::reply(ctx);
        reply.map(words.len());
        for (word, groups) in &words {
            reply.bulk(word);
            reply.array(groups.len());
            groups.iter().for_each(|group| reply.bulk(group));
        }
        Ok(())
    }
}

impl Command for Add {
    const INFO: Info =
        Info { since: c"1.2.0", ..defines(c"FT.SYNADD", c"write", c"Says that FT.SYNUPDATE has taken its place") };

    fn run(_ctx: &Context, _args: Args<'_>) -> Result<(), Error> {
        Err(spelling::NO_SYNADD)
    }
}
