//! `VSETATTR key element attributes`: sets an element's attributes; empty ones are removed.

use super::value::Value;
use super::{counters, writer};
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};

/// The command.
pub struct Vsetattr;

impl Command for Vsetattr {
    const INFO: Info = Info {
        summary: c"Sets or removes the attributes of an element of a vector set.",
        complexity: c"O(N) where N is the length of the attributes",
        ..writer(c"VSETATTR", c"write fast", 4, "write fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VSETATTR");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let attributes = args.next().ok_or_else(arity)?;
        let mut key = ctx.open_write(name);
        let known = key.value_mut::<Value>()?.is_some_and(|value| {
            let known = value.set_to_change().set_attributes(element, attributes);
            value.shared().count();
            known
        });
        if known {
            counters::ATTRIBUTE_UPDATES.add(1);
            ctx.replicate_verbatim();
            ctx.notify(EventClass::Module, c"vsetattr", name);
        }
        ctx.reply().boolean(known);
        Ok(())
    }
}
