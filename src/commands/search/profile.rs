//! `FT.PROFILE index SEARCH|AGGREGATE|HYBRID [LIMITED] QUERY query …`: runs a command, and says how it went.
//!
//! The reply of the command is what it is otherwise. A profile is made where the query runs, and only for it: other queries
//! do nothing for profiles.

use std::time::Instant;

use super::profiling::Profiling;
use super::{aggregate, find, hybrid, reads};
use crate::error::{Error, search as errors};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `FT.PROFILE`
pub struct Profile;

impl Command for Profile {
    const INFO: Info =
        reads(c"FT.PROFILE", c"Runs a search, an aggregation or a hybrid search and tells how it went", c"2.2.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let started = Instant::now();
        if args.len() < 4 {
            return Err(Error::arity("FT.PROFILE"));
        }
        let name = args.next().unwrap_or_default();
        let run = if args.next_if("SEARCH") {
            find::profile
        } else if args.next_if("AGGREGATE") {
            aggregate::profile
        } else if args.next_if("HYBRID") {
            hybrid::profile
        } else {
            return Err(errors::NO_PROFILED);
        };
        let limited = args.next_if("LIMITED");
        if !args.next_if("QUERY") {
            return Err(errors::NO_QUERY_KEYWORD);
        }
        run(ctx, name, args, Profiling { started, read: started, understood: started, limited })
    }
}
