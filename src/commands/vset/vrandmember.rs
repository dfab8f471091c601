//! `VRANDMEMBER key [count]`: elements chosen uniformly at random: distinct ones for a positive count, with repetitions for
//! a negative one.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::{Args, integer};
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vrandmember;

/// The most elements that a negative count may ask for.
const MOST_REPEATED: i64 = i32::MAX as i64;

impl Command for Vrandmember {
    const INFO: Info = Info {
        summary: c"Returns elements of a vector set at random.",
        complexity: c"O(N) where N is the count",
        ..reader(c"VRANDMEMBER", c"readonly", -2, "read slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VRANDMEMBER");
        let name = args.next_arg().ok_or_else(arity)?;
        let count = match args.next() {
            None => None,
            Some(word) => Some(integer(word).ok_or(Error::fixed("ERR COUNT value is not an integer"))?),
        };
        if args.next().is_some() {
            return Err(arity());
        }
        if count.is_some_and(|count| count < -MOST_REPEATED) {
            // A reply that no memory holds.
            return Err(Error::fixed("ERR value is out of range"));
        }
        if count == Some(0) {
            // Answered before the key is looked at, whatever it holds.
            ctx.reply().array(0);
            return Ok(());
        }
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let mut reply = ctx.reply();
        match (value.map(Value::set), count) {
            (None, None) => reply.null(),
            (None, Some(_)) => reply.array(0),
            (Some(set), None) => set.random(|element| reply.bulk_or_null(element)),
            (Some(set), Some(count)) if count > 0 => {
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.card());
                reply.array(count);
                set.random_distinct(count, |element| reply.bulk(element));
            }
            (Some(set), Some(count)) => {
                let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                reply.array(count);
                (0..count).for_each(|_| set.random(|element| reply.bulk_or_null(element)));
            }
        }
        Ok(())
    }
}
