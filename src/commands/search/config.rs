//! `FT.CONFIG GET|SET|HELP`: the settings by the names of before `CONFIG SET search.*`.

use std::sync::atomic::Ordering;

use super::reads;
use crate::config;
use crate::error::{Error, search as errors};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::settings::{Kind, Setting};
use crate::search::arguments::Problem;
use crate::search::number;

/// `FT.CONFIG`
pub struct Config;

/// What is behind a name.
#[derive(Clone, Copy)]
enum Option {
    /// A setting of ours.
    Setting(&'static str),
    /// `return` or `fail`.
    OnTimeout,
    /// What never changes.
    Fixed(&'static str),
}

/// The names, in the order of `FT.CONFIG GET *`.
const OPTIONS: &[(&str, Option, &str)] = &[
    ("TIMEOUT", Option::Setting("timeout"), "Query timeout in milliseconds"),
    ("ON_TIMEOUT", Option::OnTimeout, "What a query does whose time is over: return or fail"),
    ("MAXSEARCHRESULTS", Option::Setting("max-search-results"), "Most results of FT.SEARCH"),
    ("MAXAGGREGATERESULTS", Option::Fixed("unlimited"), "Most results of FT.AGGREGATE"),
    ("MINPREFIX", Option::Setting("min-prefix"), "Shortest prefix"),
    ("MINSTEMLEN", Option::Fixed("4"), "Shortest word that is stemmed"),
    ("MAXPREFIXEXPANSIONS", Option::Setting("max-prefix-expansions"), "Most terms that a prefix stands for"),
    ("MAXEXPANSIONS", Option::Setting("max-prefix-expansions"), "Most terms that a prefix stands for"),
    ("DEFAULT_DIALECT", Option::Setting("default-dialect"), "Dialect of queries that say none"),
    ("CURSOR_MAX_IDLE", Option::Setting("cursor-max-idle"), "Longest time between two reads of a cursor"),
    ("INDEX_CURSOR_LIMIT", Option::Setting("index-cursor-limit"), "Most cursors of an index"),
    ("MULTI_TEXT_SLOP", Option::Fixed("100"), "Positions between two values of a TEXT field"),
    ("GC_POLICY", Option::Fixed("none"), "Documents are removed at once: there is nothing to collect"),
];

impl Command for Config {
    const INFO: Info = reads(c"FT.CONFIG", c"Shows and changes settings", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("FT.CONFIG");
        let action = args.next().ok_or_else(arity)?;
        let name = args.next().ok_or_else(arity)?;
        match &action.to_ascii_uppercase()[..] {
            b"GET" => get(ctx, name),
            b"HELP" => help(ctx, name),
            b"SET" => set(ctx, name, args.next()),
            _ => Err(Error::fixed("No such configuration action")),
        }
    }
}

fn named(name: &[u8]) -> Vec<&'static (&'static str, Option, &'static str)> {
    OPTIONS.iter().filter(|option| name == b"*" || name.eq_ignore_ascii_case(option.0.as_bytes())).collect()
}

fn value(option: Option) -> String {
    match option {
        Option::Fixed(text) => text.into(),
        Option::OnTimeout => if config::fail_on_timeout() { "fail" } else { "return" }.into(),
        Option::Setting(name) => match config::named(name).map(|setting| &setting.kind) {
            Some(Kind::Number { cell, .. }) => cell.load(Ordering::Relaxed).to_string(),
            Some(Kind::Switch(cell) | Kind::Either(cell, _)) => cell.load(Ordering::Relaxed).to_string(),
            None => String::new(),
        },
    }
}

fn get(ctx: &Context, name: &[u8]) -> Result<(), Error> {
    let found = named(name);
    let mut reply = ctx.reply();
    if reply.resp3() {
        reply.map(found.len());
    } else {
        reply.array(found.len());
    }
    for (name, option, _) in found {
        if !reply.resp3() {
            reply.array(2);
        }
        reply.simple(name);
        reply.bulk(value(*option).as_bytes());
    }
    Ok(())
}

fn help(ctx: &Context, name: &[u8]) -> Result<(), Error> {
    let found = named(name);
    let mut reply = ctx.reply();
    reply.array(found.len());
    for (name, option, doc) in found {
        reply.array(5);
        reply.simple(name);
        reply.simple("Description");
        reply.simple(doc);
        reply.simple("Value");
        reply.bulk(value(*option).as_bytes());
    }
    Ok(())
}

fn set(ctx: &Context, name: &[u8], value: core::option::Option<&[u8]>) -> Result<(), Error> {
    let [(name, option, _)] = named(name)[..] else { return Err(Error::fixed("Invalid option")) };
    let value = value.ok_or_else(|| Error::fixed(errors::problem(Problem::Missing)))?;
    match option {
        Option::Fixed(_) => return Err(Error::fixed("Not modifiable at runtime")),
        Option::OnTimeout => {
            let Some(Setting { kind: Kind::Either(cell, _), .. }) = config::named("on-timeout") else {
                return Err(Error::INTERNAL);
            };
            let fails = match &value.to_ascii_lowercase()[..] {
                b"fail" => true,
                b"return" => false,
                _ => return Err(Error::fixed("Invalid ON_TIMEOUT value")),
            };
            cell.store(fails, Ordering::Relaxed);
        }
        Option::Setting(setting) => {
            let Some(Setting { kind: Kind::Number { cell, min, max }, .. }) = config::named(setting) else {
                return Err(Error::INTERNAL);
            };
            let refused = |problem| Error::fixed(errors::problem(problem));
            let number = number::parse_integer(value).ok_or_else(|| refused(Problem::Type))?;
            if *name == "DEFAULT_DIALECT" && number > *max {
                return Err(Error::fixed("Default dialect version cannot be higher than 4"));
            }
            if !(*min..=*max).contains(&number) {
                return Err(refused(Problem::Bounds));
            }
            cell.store(number, Ordering::Relaxed);
        }
    }
    ctx.reply().ok();
    Ok(())
}
