//! `FT.CURSOR READ|DEL|GC index cursor`: what FT.AGGREGATE WITHCURSOR left to be read.
//!
//! A cursor is read and deleted by the name of its index or an alias only: who may not query the index gets nothing by the number.

use super::aggregate::{Answer, CURSORS, Page};
use super::{find, reads};
use crate::error::{Error, search as errors};
use crate::indexes::{counters, query};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::search::arguments::{Problem, Words};

/// `FT.CURSOR`
pub struct Cursor;

impl Command for Cursor {
    const INFO: Info = reads(c"FT.CURSOR", c"Reads on where FT.AGGREGATE stopped", c"1.1.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words: Vec<&[u8]> = args.collect();
        let [action, name, number, rest @ ..] = &words[..] else { return Err(Error::arity("FT.CURSOR")) };
        let number = cursor_number(number).ok_or(Error::fixed("Bad cursor ID"))?;
        match &action.to_ascii_uppercase()[..] {
            b"READ" => read(ctx, name, number, rest),
            b"DEL" => {
                let unknown = || Error::fixed("Cursor does not exist");
                CURSORS.take(&find(ctx, name, unknown)?.handle, number).ok_or_else(unknown)?;
                ctx.reply().ok();
                Ok(())
            }
            b"GC" => collect(ctx, name),
            _ => Err(Error::fixed("Unknown subcommand")),
        }
    }
}

/// The number of a cursor; what is below 0 is of none.
fn cursor_number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| text.parse::<i64>().ok().map(|_| u64::MAX))
}

/// Forgets the cursors of all indexes that nobody has read for too long, and says how many those were. As clients know it, any
/// name will do, but for that of an index that they may not query.
fn collect(ctx: &Context, name: &[u8]) -> Result<(), Error> {
    let mut is_known = true;
    let index = find(ctx, name, || {
        is_known = false;
        Error::fixed("Cursor does not exist")
    });
    if is_known {
        index?;
    }
    let forgotten = CURSORS.forget_idle();
    ctx.reply().integer(i64::try_from(forgotten).unwrap_or(i64::MAX));
    Ok(())
}

fn read(ctx: &Context, name: &[u8], number: u64, options: &[&[u8]]) -> Result<(), Error> {
    let mut words = Words::new(options.iter().copied());
    let count = if words.accept("COUNT") {
        Some(words.count(1).map_err(|problem| match problem {
            Problem::Type => Error::fixed("Bad value for COUNT"),
            other => errors::bad_arguments("COUNT", other),
        })?)
    } else {
        None
    };
    let unknown = || Error::fixed("Cursor not found");
    let index = find(ctx, name, unknown)?;
    index.touch();
    let mut running = CURSORS.take(&index.handle, number).ok_or_else(unknown)?;
    running.begin_read();
    counters::CURSOR_READS.add(1);
    let most = count.or(running.cursor.map(|cursor| cursor.count)).unwrap_or(usize::MAX);
    query::run_with(
        ctx,
        &index,
        move |_, arrival, ctx| {
            let server = Server::of(ctx, running.database);
            let batch = running.page(server, arrival, most)?;
            Ok(Answer { running, batch, cursor: Some(Page { number, size: most }), report: None })
        },
        |ctx, answer: Result<Answer, Error>| answer?.reply(ctx),
    )
}
