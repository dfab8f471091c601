//! `FT.TAGVALS index field`: the tags that documents have, sorted.
//!
//! A worker would save the main thread no more than the walk through the tags: the reply has each of them. So few are listed at once.

use super::{find, reads};
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::query::{self, Deadline};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::search::fields::tag::TagIndex;
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
        query::run_costing(
            ctx,
            &index,
            deadline,
            move |index| tags(index, id).map(|tags| tags.distinct() as u64 * COST),
            move |index| Listed::of(index, id, deadline.but_for(2)),
            |ctx, listed| {
                let listed = listed.unwrap_or_default();
                if listed.is_cut && config::fail_on_timeout() {
                    return Err(errors::TIMEOUT);
                }
                listed.write(&mut ctx.reply());
                Ok(())
            },
        )
    }
}

/// Nanoseconds that a tag takes a worker.
const COST: u64 = 10;

fn tags(index: &Index, field: FieldId) -> Option<&TagIndex> {
    match index.field(field).map(|field| &field.values) {
        Some(Values::Tag(tags)) => Some(tags),
        _ => None,
    }
}

/// The tags of a field, sorted: one after the other, and where each ends.
#[derive(Default)]
struct Listed {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Time was over before all were listed.
    is_cut: bool,
}

impl Listed {
    /// Those that can be listed in time.
    fn of(index: &Index, field: FieldId, deadline: Deadline) -> Self {
        let mut listed = Self::default();
        let Some(tags) = tags(index, field) else { return listed };
        let is_over = || deadline.has_passed();
        let watch = Watch::new(Some(&is_over));
        listed.ends.reserve_exact(tags.distinct());
        for (tag, _) in tags.iter().take_while(|_| !watch.spend(4)) {
            listed.bytes.extend_from_slice(tag);
            listed.ends.push(listed.bytes.len());
        }
        listed.is_cut = watch.is_over();
        listed
    }

    fn write(&self, reply: &mut Reply<'_>) {
        reply.set(self.ends.len());
        let mut start = 0;
        for end in &self.ends {
            reply.bulk(&self.bytes[start..*end]);
            start = *end;
        }
    }
}
