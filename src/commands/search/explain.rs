//! `FT.EXPLAIN index query …` and `FT.EXPLAINCLI index query …`: the tree of a query.

use super::{find, reads};
use crate::error::{Error, search as errors};
use crate::indexes::query;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::search::query::explain;
use crate::search::request::search::SearchRequest;

/// `FT.EXPLAIN`
pub struct Explain;

/// `FT.EXPLAINCLI`
pub struct ExplainCli;

impl Command for Explain {
    const INFO: Info = reads(c"FT.EXPLAIN", c"Shows how a query is read", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let text = tree(ctx, args, "FT.EXPLAIN")?;
        ctx.reply().bulk(&text);
        Ok(())
    }
}

impl Command for ExplainCli {
    const INFO: Info = reads(c"FT.EXPLAINCLI", c"Shows how a query is read, a line at a time", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let text = tree(ctx, args, "FT.EXPLAINCLI")?;
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let mut reply = ctx.reply();
        reply.array(lines.len());
        lines.iter().for_each(|line| reply.simple_bytes(line));
        Ok(())
    }
}

fn tree(ctx: &Context, mut args: Args<'_>, command: &str) -> Result<Vec<u8>, Error> {
    if args.len() < 2 {
        return Err(Error::arity(command));
    }
    let name = args.next().unwrap_or_default();
    let definition = find(ctx, name, || errors::no_such_index(name))?.definition();
    let request = SearchRequest::parse(args, &query::asked(ctx, &definition))?;
    let tree = query::parse(&request.query, &request.options, &definition, true)?;
    Ok(explain(&tree, &definition.schema))
}
