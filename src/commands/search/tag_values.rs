//! `FT.TAGVALS index field`: the tags that documents have, sorted.

use super::{find, reads};
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::query::{self, Deadline};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::search::index::{Index, Values};
use crate::search::schema::{FieldId, Kind};
use crate::watch::Watch;

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
        let deadline = Deadline::after(None);
        query::run(
            ctx,
            &index,
            deadline,
            move |index| tags_of(index, id, deadline.but_for(2)),
            |ctx, tags| {
                let (tags, complete) = tags.unwrap_or_default();
                if !complete && config::fail_on_timeout() {
                    return Err(errors::TIMEOUT);
                }
                let mut reply = ctx.reply();
                reply.set(tags.len());
                tags.iter().for_each(|tag| reply.bulk(tag));
                Ok(())
            },
        )
    }
}

/// The tags of a field, sorted, those that can be listed in time; whether that is all.
fn tags_of(index: &Index, field: FieldId, deadline: Deadline) -> (Vec<Box<[u8]>>, bool) {
    let Some(Values::Tag(tags)) = index.field(field).map(|field| &field.values) else { return (Vec::new(), true) };
    let is_over = || deadline.has_passed();
    let watch = Watch::new(Some(&is_over));
    let timely = tags.iter().take_while(|_| !watch.spend(4));
    (timely.map(|(tag, _)| tag.into()).collect(), !watch.is_over())
}
