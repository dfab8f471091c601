//! `FT.CONFIG GET|SET|HELP`: the settings by the names of before `CONFIG SET search.*`.

use super::reads;
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::permission;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::redis::settings::{Kind, Refused, Setting};
use crate::search::arguments::Problem;
use crate::search::number;

/// `FT.CONFIG`
pub struct Config;

/// A setting by one of its names here.
type Named = (&'static str, &'static Setting);

impl Command for Config {
    const INFO: Info = Info { acl: "admin slow", ..reads(c"FT.CONFIG", c"Shows and changes settings", c"1.0.0") };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("FT.CONFIG");
        let action = args.next().ok_or_else(arity)?;
        let name = args.next().ok_or_else(arity)?;
        match &action.to_ascii_uppercase()[..] {
            b"GET" => get(ctx, name),
            b"HELP" => help(ctx, name),
            b"SET" => set(ctx, name, args),
            _ => Err(Error::fixed("No such configuration action")),
        }
    }
}

fn all() -> impl Iterator<Item = Named> {
    config::all().flat_map(|setting| setting.old.iter().map(move |name| (*name, setting)))
}

fn named(name: &[u8]) -> Vec<Named> {
    all().filter(|known| name == b"*" || name.eq_ignore_ascii_case(known.0.as_bytes())).collect()
}

/// Writes the value as RediSearch does.
fn write_value(reply: &mut Reply<'_>, setting: &Setting) {
    match setting.kind {
        Kind::Number { min: -1, .. } if setting.number() == -1 => reply.bulk(b"unlimited"),
        Kind::Switch(_) => reply.bulk(if setting.number() == 0 { b"false" } else { b"true" }),
        _ => reply.bulk_or_null(setting.shown().as_deref()),
    }
}

fn get(ctx: &Context, name: &[u8]) -> Result<(), Error> {
    let found = named(name);
    let mut reply = ctx.reply();
    begin(&mut reply, found.len());
    for (name, setting) in found {
        if !reply.resp3() {
            reply.array(2);
        }
        reply.simple(name);
        write_value(&mut reply, setting);
    }
    Ok(())
}

/// Begins a map of `len` settings; in RESP2 a list, with a list for each.
fn begin(reply: &mut Reply<'_>, len: usize) {
    if reply.resp3() {
        reply.map(len);
    } else {
        reply.array(len);
    }
}

/// What a setting is for; of one, clients have the words.
fn description(name: &str, setting: &Setting) -> &'static str {
    if name == "TIMEOUT" { "Query (search) timeout" } else { setting.doc }
}

fn help(ctx: &Context, name: &[u8]) -> Result<(), Error> {
    let found = named(name);
    let mut reply = ctx.reply();
    begin(&mut reply, found.len());
    for (name, setting) in found {
        if reply.resp3() {
            reply.simple(name);
            reply.map(2);
        } else {
            reply.array(5);
            reply.simple(name);
        }
        reply.simple("Description");
        reply.simple(description(name, setting));
        reply.simple("Value");
        write_value(&mut reply, setting);
    }
    Ok(())
}

fn set(ctx: &Context, name: &[u8], mut args: Args<'_>) -> Result<(), Error> {
    let [(name, setting)] = named(name)[..] else { return Err(Error::fixed("Invalid option")) };
    let value = args.next().ok_or_else(|| Error::fixed(errors::problem(Problem::Missing)))?;
    if args.next().is_some() {
        return Err(Error::fixed("EXCESSARGS"));
    }
    permission::check_setting(ctx, name.as_bytes(), value)?;
    if !setting.changes {
        return Err(Error::fixed("Not modifiable at runtime"));
    }
    let taken = match setting.kind {
        Kind::Number { .. } => {
            number::parse_integer(value).ok_or(Refused::Type).and_then(|number| setting.take_number(number))
        }
        _ => setting.take(value),
    };
    taken.map_err(|refused| refusal(name, setting, value, refused))?;
    ctx.reply().ok();
    Ok(())
}

/// What RediSearch says of a value that it does not take.
fn refusal(name: &str, setting: &Setting, value: &[u8], refused: Refused) -> Error {
    let number = number::parse_integer(value);
    match (name, refused) {
        ("DEFAULT_DIALECT", Refused::Bounds) if number.is_some_and(|number| number > 4) => {
            Error::fixed("Default dialect version cannot be higher than 4")
        }
        ("MINSTEMLEN", _) if number.is_none_or(|number| number < 2) => {
            Error::fixed("Minimum stem length cannot be lower than 2")
        }
        ("BM25STD_TANH_FACTOR", Refused::Bounds) => Error::fixed("BM25STD_TANH_FACTOR must be between 1 and 10000"),
        _ if matches!(setting.kind, Kind::Choice(..)) => Error::composed(format!("Invalid {name} value")),
        (_, Refused::Type) => Error::fixed(errors::problem(Problem::Type)),
        (_, Refused::Bounds) => Error::fixed(errors::problem(Problem::Bounds)),
    }
}
