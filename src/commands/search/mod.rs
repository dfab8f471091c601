//! The `FT.*` commands over [`crate::indexes`] and [`crate::search`]. A file is one command, or a family of commands that work alike;
//! [`rows`] is what rows show of their documents.
//!
//! # How a row gets its content
//! A worker finds keys; the main thread makes the reply, since only it can read keys. A document that has gone by then, or
//! whose key now holds something else, is left out of the reply: there are no rows without content.

pub mod aggregate;
pub mod alias;
pub mod alter;
pub mod config;
pub mod create;
pub mod cursor;
pub mod define;
pub mod dictionary;
pub mod drop_index;
pub mod explain;
pub mod find;
mod highlighting;
pub mod hybrid;
pub mod info;
pub mod legacy;
pub mod list;
mod loading;
pub mod node;
pub mod profile;
mod profiling;
pub mod rows;
pub mod spell_check;
pub mod suggest;
mod suggestions;
pub mod synonyms;
pub mod tag_values;

use std::ffi::CStr;
use std::rc::Rc;

use crate::error::Error;
use crate::indexes;
use crate::indexes::permission::{self, Deed};
use crate::indexes::registry::{self, Registered};
use crate::redis::command::{Family, Info, Keys, entry};
use crate::redis::context::Context;
use crate::redis::loading::Loading;
use crate::redis::types;
use crate::search::suggest::Suggestions;

/// The family.
pub const FAMILY: Family = Family {
    category: c"search",
    alone: &[
        c"FT.CONFIG",
        c"FT._LIST",
        c"FT.ALIASLIST",
        c"FT._ALIASLIST",
        c"FT.EXPLAIN",
        c"FT.EXPLAINCLI",
        c"FT._NODE",
        c"FT._DEF",
    ],
    // A cursor is read at the node that has it.
    tips: &[(c"FT.CURSOR", c"request_policy:special")],
    commands: &[
        entry::<create::Create>(),
        entry::<create::CreateIfNew>(),
        entry::<alter::Alter>(),
        entry::<alter::AlterIfNew>(),
        entry::<drop_index::DropIndex>(),
        entry::<drop_index::DropIndexIf>(),
        entry::<drop_index::DropIf>(),
        entry::<drop_index::Drop>(),
        entry::<find::Search>(),
        entry::<aggregate::Aggregate>(),
        entry::<hybrid::Hybrid>(),
        entry::<profile::Profile>(),
        entry::<cursor::Cursor>(),
        entry::<info::Info>(),
        entry::<explain::Explain>(),
        entry::<explain::ExplainCli>(),
        entry::<tag_values::TagValues>(),
        entry::<config::Config>(),
        entry::<list::List>(),
        entry::<node::Node>(),
        entry::<define::Define>(),
        entry::<alias::Add>(),
        entry::<alias::AddIfNew>(),
        entry::<alias::Update>(),
        entry::<alias::Delete>(),
        entry::<alias::DeleteIf>(),
        entry::<alias::List>(),
        entry::<alias::ListAll>(),
        entry::<legacy::Add>(),
        entry::<legacy::SafeAdd>(),
        entry::<legacy::Delete>(),
        entry::<legacy::Get>(),
        entry::<legacy::GetMany>(),
        entry::<suggest::Add>(),
        entry::<suggest::Get>(),
        entry::<suggest::Delete>(),
        entry::<suggest::Length>(),
        entry::<spell_check::SpellCheck>(),
        entry::<dictionary::Add>(),
        entry::<dictionary::Delete>(),
        entry::<dictionary::Dump>(),
        entry::<synonyms::Update>(),
        entry::<synonyms::Dump>(),
        entry::<synonyms::Add>(),
    ],
};

/// Prepares what the commands work on; false where another module has taken our place in RDB files.
pub fn register(loading: &Loading) -> bool {
    registry::when_dropped(|handle| aggregate::CURSORS.forget(handle));
    types::register::<Suggestions>(loading) && indexes::register(loading)
}

/// A command that reads.
const fn reads(name: &'static CStr, summary: &'static CStr, since: &'static CStr) -> Info {
    Info {
        name,
        flags: c"readonly",
        arity: -1,
        keys: Keys::NONE,
        acl: "read slow",
        summary,
        complexity: c"O(N)",
        since,
    }
}

/// A command that changes what indexes there are.
const fn defines(name: &'static CStr, flags: &'static CStr, summary: &'static CStr) -> Info {
    Info { name, flags, arity: -1, keys: Keys::NONE, acl: "write slow", summary, complexity: c"O(1)", since: c"1.0.0" }
}

/// The index of this name or alias in the client's database, if the client may read everything that it may hold.
///
/// # Errors
/// `unknown`, where there is none; no permission.
fn find(ctx: &Context, name: &[u8], unknown: impl FnOnce() -> Error) -> Result<Rc<Registered>, Error> {
    permission::find(ctx, name, Deed::Use, unknown)
}
