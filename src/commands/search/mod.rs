//! The `FT.*` commands over [`crate::search`], and everything between the server and the engine.
//!
//! | file | what |
//! |---|---|
//! | [`registry`] | which indexes there are |
//! | [`definition`] | what the main thread knows of one |
//! | [`handle`] | what threads share of one: its log and the index |
//! | [`document`] | from a key to what an index takes of it |
//! | [`follow`], [`scan`] | keyspace events and existing keys become entries of logs |
//! | [`query`] | where a query runs, and what it is told |
//! | [`temporary`] | indexes that expire |
//! | [`measuring`] | how far documents are that were found by codes |
//! | [`rows`] | what rows show of their documents |
//! | [`persistence`] | definitions, aliases and graphs in RDB files |
//! | [`counters`] | what is counted for `INFO` |
//! | the others | one command, or a family of commands that work alike |
//!
//! # How a write becomes visible
//! The main thread copies what an index wants to know of a key into the log of the index, and goes on. Workers apply the log.
//! A query notes how long the log is when it arrives; the worker that runs it first makes sure that everything up to there
//! has been applied. So a query sees every write that was acknowledged before it, and neither waits for the other on the
//! main thread. Where the client can't wait (MULTI, scripts), the log is applied and the index read on the spot.
//!
//! # How a row gets its content
//! A worker finds keys; the main thread makes the reply, since only it can read keys. A document that has gone by then, or
//! whose key now holds something else, is left out of the reply: there are no rows without content.

pub mod aggregate;
pub mod alias;
pub mod alter;
pub mod config;
pub mod counters;
pub mod create;
pub mod cursor;
pub mod definition;
pub mod document;
pub mod drop_index;
pub mod explain;
pub mod find;
pub mod follow;
pub mod handle;
pub mod info;
pub mod list;
pub mod measuring;
pub mod persistence;
pub mod query;
pub mod registry;
pub mod rows;
pub mod scan;
pub mod tag_values;
pub mod temporary;

use std::ffi::CStr;
use std::rc::Rc;

use crate::error::Error;
use crate::redis::command::{Family, Info, Keys, entry};
use crate::redis::context::Context;
use crate::redis::module::Loading;
use crate::redis::{auxiliary, events};

use registry::Registered;

/// The family.
pub const FAMILY: Family = Family {
    category: c"search",
    commands: &[
        entry::<create::Create>(),
        entry::<create::CreateIfNew>(),
        entry::<alter::Alter>(),
        entry::<alter::AlterIfNew>(),
        entry::<drop_index::DropIndex>(),
        entry::<drop_index::DropIndexIf>(),
        entry::<drop_index::DropIf>(),
        entry::<find::Search>(),
        entry::<aggregate::Aggregate>(),
        entry::<cursor::Cursor>(),
        entry::<info::Info>(),
        entry::<explain::Explain>(),
        entry::<explain::ExplainCli>(),
        entry::<tag_values::TagValues>(),
        entry::<config::Config>(),
        entry::<list::List>(),
        entry::<alias::Add>(),
        entry::<alias::AddIfNew>(),
        entry::<alias::Update>(),
        entry::<alias::Delete>(),
        entry::<alias::DeleteIf>(),
        entry::<alias::List>(),
    ],
};

/// Follows the keyspace and saves definitions; false where another module has taken our place in RDB files.
pub fn register(loading: &Loading) -> bool {
    let free = auxiliary::register(loading, &persistence::AUXILIARY);
    if free {
        follow::on_main_thread();
        events::follow(loading, &follow::FOLLOWERS);
    }
    free
}

/// A command that reads.
const fn reads(name: &'static CStr, summary: &'static CStr, since: &'static CStr) -> Info {
    Info { name, flags: c"readonly", arity: -1, keys: Keys::NONE, acl: "read", summary, complexity: c"O(N)", since }
}

/// A command that changes what indexes there are.
const fn defines(name: &'static CStr, flags: &'static CStr, summary: &'static CStr) -> Info {
    Info { name, flags, arity: -1, keys: Keys::NONE, acl: "write", summary, complexity: c"O(1)", since: c"1.0.0" }
}

/// The index of this name or alias in the client's database, if the client may read everything that it may hold.
///
/// # Errors
/// `unknown`, where there is none.
fn find(ctx: &Context, name: &[u8], unknown: impl FnOnce() -> Error) -> Result<Rc<Registered>, Error> {
    let found = registry::with(|registry| registry.find(ctx.database(), name)).ok_or_else(unknown)?;
    may_read(ctx, &found)?;
    Ok(found)
}

/// Refuses a client who may not read every key that an index may hold.
fn may_read(ctx: &Context, index: &Registered) -> Result<(), Error> {
    if index.definition().schema.prefixes.iter().all(|prefix| ctx.may_read_prefix(prefix)) {
        return Ok(());
    }
    Err(crate::error::search::NO_PERMISSION)
}
