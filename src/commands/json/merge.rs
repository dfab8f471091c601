//! `JSON.MERGE key path json` (RFC 7386)

use super::document::release;
use super::{Update, WRITE_MORE, finish, next, next_key, next_text, update, writes};
use crate::error::{Error, json as errors};
use crate::json::{Document, Path};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};

/// See the file's documentation.
pub struct Merge;

const NAME: &str = "json.merge";

impl Command for Merge {
    const INFO: Info = writes(
        c"json.merge",
        WRITE_MORE,
        c"Merges a JSON value into that at a path",
        c"O(M+N): sizes of both values",
        c"2.6.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let path = next_text(&mut args, NAME)?;
        let text = next(&mut args, NAME)?;
        finish(&args, NAME).map_err(|_| errors::SYNTAX)?;
        let patch = Document::parse(text)?;
        let merged = update(ctx, name, c"json.merge", |document| {
            let path = Path::parse(path)?;
            let merged = if path.is_root() && !patch.root().is_object() {
                release(std::mem::replace(document, patch.clone()));
                true
            } else {
                document.merge(&path, &patch)?
            };
            Ok(Update { outcome: merged, changed: merged })
        })?;
        let merged = match merged {
            Some(merged) => merged,
            None if !matches!(path, b"$" | b".") => return Err(errors::NEW_AT_ROOT),
            None => {
                ctx.open_write(name).set(patch)?;
                ctx.replicate_verbatim();
                ctx.notify(EventClass::Module, c"json.merge", name);
                true
            }
        };
        if merged {
            ctx.reply().ok()
        } else {
            ctx.reply().null()
        }
        Ok(())
    }
}
