//! Dictionaries: `FT.DICTADD dictionary word…`, `FT.DICTDEL dictionary word…`, `FT.DICTDUMP dictionary`.
//!
//! They are the server's, and in no database. Only what changes something is replicated.

use std::ffi::CStr;

use crate::commands::style;
use crate::error::{Error, spelling as errors};
use crate::indexes::dictionaries::{self, Changed};
use crate::indexes::{registrar, replication};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.DICTADD`
pub struct Add;

/// `FT.DICTDEL`
pub struct Delete;

/// `FT.DICTDUMP`
pub struct Dump;

const fn info(name: &'static CStr, flags: &'static CStr, summary: &'static CStr) -> Info {
    Info { since: c"1.4.0", complexity: c"O(N)", ..super::defines(name, flags, summary) }
}

/// The name and the words.
fn words<'a>(args: Args<'a>, command: &str) -> Result<(&'a [u8], Vec<&'a [u8]>), Error> {
    let mut words: Vec<&[u8]> = args.collect();
    if words.len() < 2 {
        return Err(Error::arity(command));
    }
    let name = words.remove(0);
    Ok((name, words))
}

fn finish(ctx: &Context, changed: Changed) {
    if changed.any {
        replication::send_verbatim(ctx);
    }
    ctx.reply().integer(i64::try_from(changed.words).unwrap_or(i64::MAX));
}

impl Command for Add {
    const INFO: Info = info(c"FT.DICTADD", c"write deny-oom", c"Adds words to a dictionary");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let (name, words) = words(args, "FT.DICTADD")?;
        if !registrar::takes(ctx, &[&[b"FT.DICTADD", name], &words[..]].concat())? {
            finish(ctx, dictionaries::add(name, words.into_iter()));
        }
        Ok(())
    }
}

impl Command for Delete {
    const INFO: Info = info(c"FT.DICTDEL", c"write", c"Takes words out of a dictionary");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let (name, words) = words(args, "FT.DICTDEL")?;
        if !registrar::takes(ctx, &[&[b"FT.DICTDEL", name], &words[..]].concat())? {
            finish(ctx, dictionaries::remove(name, words.into_iter()));
        }
        Ok(())
    }
}

impl Command for Dump {
    const INFO: Info = super::reads(c"FT.DICTDUMP", c"Lists the words of a dictionary", c"1.4.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(name), None) = (args.next(), args.next()) else { return Err(Error::arity("FT.DICTDUMP")) };
        let dictionary = dictionaries::find(name).ok_or(errors::NO_DICTIONARY)?;
        let words = dictionary.sorted();
        let mut reply = style::reply(ctx);
        reply.set(words.len());
        words.iter().for_each(|word| reply.bulk(word));
        Ok(())
    }
}
