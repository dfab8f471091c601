//! `VGETATTR key element`: the element's attributes, byte for byte as they were set.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vgetattr;

impl Command for Vgetattr {
    const INFO: Info = Info {
        summary: c"Returns the attributes of an element of a vector set.",
        complexity: c"O(1)",
        ..reader(c"VGETATTR", c"readonly fast", 3, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VGETATTR");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        match value {
            Some(value) => value.set().with_attributes(element, |attributes| ctx.reply().bulk_or_null(attributes)),
            None => ctx.reply().null(),
        }
        Ok(())
    }
}
