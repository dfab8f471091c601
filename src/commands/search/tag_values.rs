//! `FT.TAGVALS index field`: the tags that documents have, sorted.

use super::{find, reads};
use crate::error::{Error, search as errors};
use crate::indexes::query;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::search::index::Values;
use crate::search::schema::Kind;

/// `FT.TAGVALS`
pub struct TagValues;

impl Command for TagValues {
    const INFO: Info =
        Info { acl: "read slow dangerous", ..reads(c"FT.TAGVALS", c"Lists the tags of a field", c"1.0.0") };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(name), Some(field), None) = (args.next(), args.next(), args.next()) else {
            return Err(Error::arity("FT.TAGVALS"));
        };
        let index = find(ctx, name, || errors::UNKNOWN_INDEX_TO_DROP)?;
        let schema = index.definition().schema.clone();
        let id = schema.find(field).ok_or(Error::fixed("No such field"))?;
        if !matches!(schema.field(id).kind, Kind::Tag(_)) {
            return Err(Error::fixed("Not a tag field"));
        }
        query::run(
            ctx,
            &index,
            move |index| {
                let mut tags: Vec<Box<[u8]>> = match index.field(id).map(|field| &field.values) {
                    Some(Values::Tag(tags)) => tags.iter().map(|(tag, _)| tag.into()).collect(),
                    _ => Vec::new(),
                };
                tags.sort();
                tags
            },
            |ctx, tags| {
                let mut reply = ctx.reply();
                reply.set(tags.len());
                tags.iter().for_each(|tag| reply.bulk(tag));
                Ok(())
            },
        )
    }
}
