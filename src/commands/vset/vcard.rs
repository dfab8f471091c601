//! `VCARD key`: the number of elements.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vcard;

impl Command for Vcard {
    const INFO: Info = Info {
        summary: c"Returns the number of elements in a vector set.",
        complexity: c"O(1)",
        ..reader(c"VCARD", c"readonly fast", 2, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next_arg().ok_or_else(|| Error::arity("VCARD"))?;
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        ctx.reply().integer(value.map_or(0, |value| value.set().card() as i64));
        Ok(())
    }
}
