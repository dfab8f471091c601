//! `FT.SPELLCHECK index query [DISTANCE distance] [TERMS INCLUDE|EXCLUDE dictionary]…`: the words of a query that are in no document,
//! and what is like them.

use super::{find, reads};
use crate::commands::style;
use crate::config;
use crate::error::{Error, search as errors, spelling};
use crate::indexes::dictionaries;
use crate::indexes::query::{self, Deadline};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::search::decimal;
use crate::search::request::spelling::SpellingRequest;
use crate::search::spelling::dictionary::Dictionary;
use crate::search::spelling::{self as engine, Check, Misspelt};
use crate::watch::Watch;

/// `FT.SPELLCHECK`
pub struct SpellCheck;

impl Command for SpellCheck {
    const INFO: Info = reads(c"FT.SPELLCHECK", c"Suggests words for those that no document has", c"1.4.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let (Some(name), Some(text)) = (args.next(), args.next()) else {
            return Err(Error::arity("FT.SPELLCHECK"));
        };
        let index = find(ctx, name, || errors::UNKNOWN_INDEX_TO_DROP)?;
        let request = SpellingRequest::parse(text, args)?;
        let tree = query::parse(&request.query, &request.options, &index.definition(), false)?;
        let check = Check {
            words: engine::words(&tree),
            distance: request.distance,
            include: copies(&request.include)?,
            exclude: copies(&request.exclude)?,
        };
        index.count_use(query::dialect(&request.options));
        let deadline = Deadline::of(&request.options);
        let handle = index.handle.clone();
        query::run(
            ctx,
            &index,
            deadline,
            move |index| {
                let is_over = || deadline.has_passed();
                let watch = Watch::new(Some(&is_over));
                let misspelt = check.run(index, &watch);
                (misspelt, !watch.is_over())
            },
            move |ctx, found| {
                let (misspelt, complete) = found.unwrap_or_default();
                if !complete {
                    handle.count_timeout();
                }
                if !complete && config::fail_on_timeout() {
                    return Err(errors::TIMEOUT);
                }
                write(ctx, &misspelt);
                Ok(())
            },
        )
    }
}

/// The dictionaries of these names, as they are now.
fn copies(names: &[Box<[u8]>]) -> Result<Vec<Dictionary>, Error> {
    names.iter().map(|name| dictionaries::find(name).ok_or_else(|| spelling::unknown_dictionary(name))).collect()
}

fn write(ctx: &Context, misspelt: &[Misspelt]) {
    let mut reply = style::reply(ctx);
    if style::resp3(ctx) {
        reply.map(1);
        reply.simple("results");
        reply.map(misspelt.len());
        for (word, suggestions) in misspelt {
            reply.bulk(word);
            reply.array(suggestions.len());
            for suggestion in suggestions.iter() {
                reply.map(1);
                reply.bulk(&suggestion.text);
                reply.double(suggestion.score);
            }
        }
        return;
    }
    reply.array(misspelt.len());
    for (word, suggestions) in misspelt {
        reply.array(3);
        reply.simple("TERM");
        reply.bulk(word);
        reply.array(suggestions.len());
        for suggestion in suggestions.iter() {
            reply.array(2);
            reply.bulk(&decimal::exact(suggestion.score));
            reply.bulk(&suggestion.text);
        }
    }
}
