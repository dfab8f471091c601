//! `JSON.TYPE key [path]`
//!
//! In RESP3 every answer has one array more around it than in RESP2.

use super::{finish, next_key, path_or_root, read, reads};
use crate::commands::style;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct Type;

const NAME: &str = "json.type";

impl Command for Type {
    const INFO: Info =
        reads(c"json.type", c"Names the types of the values at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let (path, _) = path_or_root(&mut args)?;
        finish(&args, NAME)?;
        let types = read(ctx, name, |document| {
            Ok(path.matches(document.root())?.into_iter().map(|value| value.type_name()).collect::<Vec<_>>())
        })?;
        let mut reply = style::reply(ctx);
        if reply.resp3() {
            reply.array(1);
        }
        match types {
            Some(types) if !path.is_legacy() => {
                reply.array(types.len());
                types.iter().for_each(|name| reply.bulk(name.as_bytes()));
            }
            types => reply.bulk_or_null(types.unwrap_or_default().first().map(|name| name.as_bytes())),
        }
        Ok(())
    }
}
