//! `VREM key element`: removes an element; a set without elements is deleted.
//!
//! From the reply on no search returns the element; a worker unlinks it and repairs its neighborhood.

use super::value::Value;
use super::{counters, writer};
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};

/// The command.
pub struct Vrem;

impl Command for Vrem {
    const INFO: Info = Info {
        summary: c"Removes an element from a vector set.",
        complexity: c"O(1), and O(log(N)) in the background, where N is the number of elements",
        ..writer(c"VREM", c"write", 3, "write slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VREM");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let mut key = ctx.open_write(name);
        let Some(value) = key.value_mut::<Value>()? else {
            ctx.reply().boolean(false);
            return Ok(());
        };
        let removed = value.set_to_change().remove(element);
        if removed {
            counters::REMOVALS.add(1);
            let last = value.set().card() == 0;
            if last {
                key.delete()?;
            } else {
                value.has_new_work();
            }
            ctx.replicate_verbatim();
            ctx.notify(EventClass::Module, c"vrem", name);
            if last {
                ctx.notify(EventClass::Generic, c"del", name);
            }
        }
        ctx.reply().boolean(removed);
        Ok(())
    }
}
