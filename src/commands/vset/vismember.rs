//! `VISMEMBER key element`: whether the set has the element.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vismember;

impl Command for Vismember {
    const INFO: Info = Info {
        summary: c"Tells whether an element is in a vector set.",
        complexity: c"O(1)",
        since: c"8.2.0",
        ..reader(c"VISMEMBER", c"readonly fast", 3, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VISMEMBER");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        ctx.reply().boolean(value.is_some_and(|value| value.set().contains(element)));
        Ok(())
    }
}
