//! The vector-set commands.
//!
//! | file | what |
//! |---|---|
//! | [`counters`], [`totals`] | what `INFO` says |
//! | [`value`] | the value in the keyspace: the engine's set, shared with the workers |
//! | [`vector`] | the vector in a command's arguments |
//! | the others | one command each |

pub mod counters;
mod pieces;
pub mod totals;
pub mod vadd;
pub mod value;
pub mod vcard;
pub mod vdim;
pub mod vector;
pub mod vemb;
pub mod vgetattr;
pub mod vinfo;
pub mod vismember;
pub mod vlinks;
pub mod vrandmember;
pub mod vrange;
pub mod vrem;
pub mod vrestore;
pub mod vsetattr;
pub mod vsim;

use std::ffi::{CStr, c_int};

use crate::redis::command::{Access, Family, Info, Keys, entry};

/// The family's table.
pub const FAMILY: Family = Family {
    category: c"vectorset",
    alone: &[],
    tips: &[],
    commands: &[
        entry::<vadd::Vadd>(),
        entry::<vcard::Vcard>(),
        entry::<vdim::Vdim>(),
        entry::<vemb::Vemb>(),
        entry::<vgetattr::Vgetattr>(),
        entry::<vinfo::Vinfo>(),
        entry::<vismember::Vismember>(),
        entry::<vlinks::Vlinks>(),
        entry::<vrandmember::Vrandmember>(),
        entry::<vrange::Vrange>(),
        entry::<vrem::Vrem>(),
        entry::<vrestore::Vrestore>(),
        entry::<vsetattr::Vsetattr>(),
        entry::<vsim::Vsim>(),
    ],
};

/// What the server is told about a command that reads the set at its first argument.
const fn reader(name: &'static CStr, flags: &'static CStr, arity: c_int, acl: &'static str) -> Info {
    Info { name, flags, arity, keys: Keys::first(Access::Read), acl, summary: c"", complexity: c"", since: c"8.0.0" }
}

/// What the server is told about a command that changes the set at its first argument.
const fn writer(name: &'static CStr, flags: &'static CStr, arity: c_int, acl: &'static str) -> Info {
    Info { keys: Keys::first(Access::Update), ..reader(name, flags, arity, acl) }
}
