//! `VRANGE key start end [count]`: element names in bytewise order, from `[x`, `(x` or `-` to `[x`, `(x` or `+`.

use std::ops::Bound;

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::{Args, integer};
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vrange;

/// `-` and `+` are recognized before the rest: each is allowed in one place only.
fn bound<'a>(word: &'a [u8], open: &[u8], malformed: Error) -> Result<Bound<&'a [u8]>, Error> {
    match word {
        _ if word == open => Ok(Bound::Unbounded),
        b"-" | b"+" => Err(Error::fixed("ERR '-' can only be used as first argument, '+' only as second")),
        [b'[', name @ ..] if !name.is_empty() => Ok(Bound::Included(name)),
        [b'(', name @ ..] if !name.is_empty() => Ok(Bound::Excluded(name)),
        _ => Err(malformed),
    }
}

impl Command for Vrange {
    const INFO: Info = Info {
        summary: c"Returns the elements of a vector set in a range of names.",
        complexity: c"O(log(N)+M) where N is the number of elements and M how many are returned",
        since: c"8.4.0",
        ..reader(c"VRANGE", c"readonly", -4, "read slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VRANGE");
        let name = args.next_arg().ok_or_else(arity)?;
        let (start, end) = (args.next().ok_or_else(arity)?, args.next().ok_or_else(arity)?);
        let start = bound(start, b"-", Error::fixed("ERR invalid start range format"))?;
        let end = bound(end, b"+", Error::fixed("ERR invalid end range format"))?;
        let count = match args.next() {
            None => None,
            Some(word) => {
                let count = integer(word).ok_or(Error::fixed("ERR invalid COUNT value"))?;
                usize::try_from(count).ok() // a negative count means no limit
            }
        };
        if args.next().is_some() {
            return Err(arity());
        }
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let mut reply = ctx.reply();
        let Some(value) = value else {
            reply.array(0);
            return Ok(());
        };
        reply.begin_array();
        let mut written = 0;
        value.set().range(start, end, count.unwrap_or(usize::MAX), |element| {
            reply.bulk(element);
            written += 1;
        });
        reply.end_array(written);
        Ok(())
    }
}
