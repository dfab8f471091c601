//! `FT._LIST`: the names of the indexes; of those that the client may query.

use std::rc::Rc;

use super::reads;
use crate::commands::style::reply;
use crate::error::Error;
use crate::indexes::permission::{self, Deed};
use crate::indexes::registry;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT._LIST`
pub struct List;

impl Command for List {
    const INFO: Info = Info { acl: "admin slow", ..reads(c"FT._LIST", c"Lists the indexes of the database", c"2.0.0") };

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        if args.len() > 0 {
            return Err(Error::arity("FT._LIST"));
        }
        let all: Vec<_> =
            registry::with(|registry| registry.database(ctx.database()).indexes.values().map(Rc::clone).collect());
        let all = all.iter().map(|index| index.definition());
        let mine = all.filter(|definition| permission::check(ctx, &definition.schema, Deed::Use).is_ok());
        let names: Vec<Box<[u8]>> = mine.map(|definition| definition.schema.name.clone()).collect();
        let mut reply = reply(ctx);
        reply.set(names.len());
        names.iter().for_each(|name| reply.simple_bytes(name));
        Ok(())
    }
}
