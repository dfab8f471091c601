//! `FT.CURSOR READ|DEL index cursor`: what FT.AGGREGATE WITHCURSOR left to be read.
//!
//! A cursor is read and deleted by the name of its index or an alias only: who may not query the index gets nothing by the number.

use super::aggregate::{Access, Answer, CURSORS};
use super::{find, reads};
use crate::error::{Error, search as errors};
use crate::indexes::{counters, query};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::search::arguments::Words;

/// `FT.CURSOR`
pub struct Cursor;

impl Command for Cursor {
    const INFO: Info = reads(c"FT.CURSOR", c"Reads on where FT.AGGREGATE stopped", c"1.1.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words: Vec<&[u8]> = args.collect();
        let [action, name, number, rest @ ..] = &words[..] else { return Err(Error::arity("FT.CURSOR")) };
        let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
        let number: u64 = number.ok_or(Error::fixed("Bad cursor ID"))?;
        match &action.to_ascii_uppercase()[..] {
            b"READ" => read(ctx, name, number, rest),
            b"DEL" => {
                let unknown = || Error::fixed("Cursor does not exist");
                CURSORS.take(&find(ctx, name, unknown)?.handle, number).ok_or_else(unknown)?;
                ctx.reply().ok();
                Ok(())
            }
            _ => Err(Error::fixed("Unknown subcommand")),
        }
    }
}

fn read(ctx: &Context, name: &[u8], number: u64, options: &[&[u8]]) -> Result<(), Error> {
    let mut words = Words::new(options.iter().copied());
    let count = if words.accept("COUNT") {
        Some(words.count(1).map_err(|problem| errors::bad_arguments("COUNT", problem))?)
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
        move |_, _, ctx| {
            let server = Server::of(ctx, running.database);
            let batch = running.next(Access::Server(server), most)?;
            Ok(Answer { running, batch, cursor: Some(number) })
        },
        |ctx, answer: Result<Answer, Error>| answer?.reply(ctx),
    )
}
