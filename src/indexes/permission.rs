//! Who may do what with an index. Every command that names one asks here.
//!
//! An index shows and tells of the keys under its prefixes, whoever wrote them. So:
//!
//! | what | needs, for every key under each prefix of the index |
//! |---|---|
//! | to query it, describe it, read and delete its cursors, see it in `FT._LIST` | to read it |
//! | to create it, alter it, give it a name or take one away, drop it | to read it |
//! | to drop it with its documents; to create it `TEMPORARY`, which deletes them in the end | to read and to delete it |
//! | to give a name of another index to it | both indexes |
//!
//! The command itself, and its categories, the server has looked at. What comes from a master or an AOF needs nothing: it was asked
//! for there. `FT.CONFIG SET` needs what `CONFIG SET` of the setting needs.

use std::rc::Rc;

use super::registry::{self, Registered};
use crate::error::{Error, search as errors};
use crate::redis::context::Context;
use crate::redis::user::Use;
use crate::search::schema::Schema;

/// What is done with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Anything that leaves its documents alone.
    Use,
    /// What deletes its documents, now or later.
    DeleteDocuments,
}

/// Refuses a client who may not do this with an index of the schema.
///
/// # Errors
/// [`errors::NO_PERMISSION`].
pub fn check(ctx: &Context, schema: &Schema, deed: Deed) -> Result<(), Error> {
    let asker = ctx.asker();
    let allowed = schema.prefixes.iter().all(|prefix| {
        asker.may_use_all(prefix, Use::Read) && (deed == Deed::Use || asker.may_use_all(prefix, Use::Write))
    });
    if allowed { Ok(()) } else { Err(errors::NO_PERMISSION) }
}

/// The index of this name or alias in the client's database, if the client may do this with it.
///
/// # Errors
/// `unknown`, where there is none; [`errors::NO_PERMISSION`].
pub fn find(ctx: &Context, name: &[u8], deed: Deed, unknown: impl FnOnce() -> Error) -> Result<Rc<Registered>, Error> {
    let found = registry::with(|registry| registry.find(ctx.database(), name)).ok_or_else(unknown)?;
    check(ctx, &found.definition().schema, deed)?;
    Ok(found)
}

/// Refuses a client who may not change a setting of the server.
///
/// # Errors
/// [`errors::NO_SETTING_PERMISSION`].
pub fn check_setting(ctx: &Context, name: &[u8], value: &[u8]) -> Result<(), Error> {
    let allowed = ctx.asker().may_run(&[b"CONFIG", b"SET", name, value]);
    if allowed { Ok(()) } else { Err(errors::NO_SETTING_PERMISSION) }
}
