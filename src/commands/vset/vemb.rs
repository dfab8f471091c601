//! `VEMB key element [RAW]`: the element's vector, or with RAW the bytes that are stored.

use super::reader;
use super::value::Value;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// The command.
pub struct Vemb;

impl Command for Vemb {
    const INFO: Info = Info {
        summary: c"Returns the vector of an element of a vector set.",
        complexity: c"O(D) where D is the dimension",
        ..reader(c"VEMB", c"readonly fast", -3, "read fast")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VEMB");
        let name = args.next_arg().ok_or_else(arity)?;
        let element = args.next().ok_or_else(arity)?;
        let mut raw = false;
        while args.peek().is_some() {
            if !args.next_if("RAW") {
                return Err(Error::fixed("ERR invalid option"));
            }
            raw = true;
        }
        let key = ctx.open_read(name);
        let value = key.as_ref().map_or(Ok(None), |key| key.value::<Value>())?;
        let mut reply = ctx.reply();
        let Some(set) = value.map(Value::set) else {
            reply.null();
            return Ok(());
        };
        if raw {
            let Some(stored) = set.raw_vector(element) else {
                reply.null();
                return Ok(());
            };
            reply.array(if stored.range.is_some() { 4 } else { 3 });
            reply.simple(set.quantization().name());
            reply.bulk(&stored.bytes);
            reply.double(f64::from(stored.l2));
            if let Some(range) = stored.range {
                reply.double(f64::from(range));
            }
        } else {
            let Some(components) = set.vector(element) else {
                reply.null();
                return Ok(());
            };
            reply.array(components.len());
            components.iter().for_each(|component| reply.double(f64::from(*component)));
        }
        Ok(())
    }
}
