//! `JSON.MGET key [key …] path`

use super::{next_text, read, text_of};
use crate::error::Error;
use crate::json::{Document, Query};
use crate::redis::args::Args;
use crate::redis::command::{Access, Command, Info, Keys};
use crate::redis::context::Context;

/// See the file's documentation.
pub struct Mget;

const NAME: &str = "json.mget";

impl Command for Mget {
    const INFO: Info = Info {
        name: c"json.mget",
        flags: c"readonly",
        arity: -1,
        keys: Keys { first: 1, last: -2, step: 1, access: Access::Read },
        acl: "read slow",
        summary: c"Gets the JSON values at one path of several keys",
        complexity: c"O(K*N): K keys, sizes of the values",
        since: c"1.0.0",
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let count = args.len().saturating_sub(1);
        let mut names = args.next_many(count).filter(|names| names.len() > 0).ok_or_else(|| Error::arity(NAME))?;
        // As in the field, a path that is none has no value anywhere.
        let query = Query::parse(next_text(&mut args, NAME)?).ok();
        let mut reply = ctx.reply();
        reply.array(count);
        while let Some(name) = names.next_arg() {
            let text = read(ctx, name, |document| value(document, query.as_ref()));
            reply.bulk_or_null(text.ok().flatten().flatten().as_deref());
        }
        Ok(())
    }
}

/// The text of the path's answer, if there is one.
fn value(document: &Document, query: Option<&Query>) -> Result<Option<Vec<u8>>, Error> {
    let Some(query) = query else { return Ok(None) };
    if let Some(path) = query.as_path().filter(|path| path.is_legacy()) {
        return Ok(path.first(document.root())?.map(text_of));
    }
    let mut out = vec![b'['];
    query.answers(document.root(), |values| {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            crate::json::format::write(*value, &Default::default(), 1, &mut out);
        }
    })?;
    out.push(b']');
    Ok(Some(out))
}
