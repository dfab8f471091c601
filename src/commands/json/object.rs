//! `JSON.OBJKEYS key [path]`

use super::{finish, next_key, path_or_root, read, reads};
use crate::error::{Error, json as errors};
use crate::json::ValueRef;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;

/// See the file's documentation.
pub struct ObjKeys;

const NAME: &str = "json.objkeys";

impl Command for ObjKeys {
    const INFO: Info = reads(c"json.objkeys", c"Keys of the objects at a path", c"O(N): number of keys", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let (path, _) = path_or_root(&mut args)?;
        finish(&args, NAME)?;
        let found = read(ctx, name, |document| {
            let mut reply = ctx.reply();
            if path.is_legacy() {
                match path.first(document.root())? {
                    Some(object) if object.is_object() => reply_keys(&mut reply, object),
                    Some(_) => return Err(errors::no_path_or_not(path.text(), "an object")),
                    None => reply.null(),
                }
                return Ok(());
            }
            let matches = path.matches(document.root())?;
            reply.array(matches.len());
            for value in matches {
                if value.is_object() { reply_keys(&mut reply, value) } else { reply.null() }
            }
            Ok(())
        })?;
        match found {
            Some(()) => {}
            None if path.is_legacy() => ctx.reply().null(),
            None => return Err(errors::NO_KEY),
        }
        Ok(())
    }
}

fn reply_keys(reply: &mut Reply<'_>, object: ValueRef<'_>) {
    reply.array(object.len());
    object.children().for_each(|(key, _)| reply.bulk(key));
}
