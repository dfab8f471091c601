//! `VDIM key`: the dimension of the set's vectors, after projection.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vdim;

impl Command for Vdim {
    const INFO: Info = Info {
        summary: c"Returns the dimension of the vectors in a vector set.",
        complexity: c"O(1)",
        ..reader(c"VDIM", c"readonly fast", 2, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next_arg().ok_or_else(|| Error::arity("VDIM"))?;
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let value = value.ok_or(Error::fixed("ERR key does not exist"))?;
        ctx.reply().integer(value.set().dim() as i64);
        Ok(())
    }
}
