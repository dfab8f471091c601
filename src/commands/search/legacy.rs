//! The commands of before `FT.CREATE` knew prefixes, which old clients still send: `FT.ADD`, `FT.SAFEADD`, `FT.DEL`, `FT.GET`, `FT.MGET`.
//!
//! A document is a hash, so they are other words for `HSET`, `DEL` and `HGETALL`; to replicas and the AOF they go as the former two.
//! Score, language and payload go into the fields that the index takes them from; an index that takes them from none refuses them.
//! Only indexes of hashes have these commands, and only what is a document of the index is shown and deleted.

use std::ffi::CStr;

use super::find;
use crate::error::{Error, search as errors};
use crate::indexes::definition::Definition;
use crate::redis::args::{Arg, Args};
use crate::redis::command::{Access, Command, Info, Keys};
use crate::redis::context::Context;
use crate::redis::keyspace::Kind;
use crate::search::analysis::Language;
use crate::search::number;
use crate::search::schema::Source;

/// `FT.ADD`
pub struct Add;

/// `FT.SAFEADD`, the same
pub struct SafeAdd;

/// `FT.DEL`
pub struct Delete;

/// `FT.GET`
pub struct Get;

/// `FT.MGET`
pub struct GetMany;

impl Command for Add {
    const INFO: Info = adds(c"FT.ADD");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        add(ctx, args, "FT.ADD")
    }
}

impl Command for SafeAdd {
    const INFO: Info = adds(c"FT.SAFEADD");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        add(ctx, args, "FT.SAFEADD")
    }
}

impl Command for Delete {
    const INFO: Info = Info {
        flags: c"write",
        acl: "write slow",
        ..of_document(c"FT.DEL", c"Deletes a document, as DEL does", Keys { access: Access::Delete, ..KEY })
    };

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words: Vec<Arg<'_>> = all(args);
        let ([index, key] | [index, key, _]) = words[..] else { return Err(Error::arity("FT.DEL")) };
        if words.get(2).is_some_and(|word| !word.bytes().eq_ignore_ascii_case(b"DD")) {
            return Err(errors::quoting("Unknown keyword `", words[2].bytes(), "` provided"));
        }
        let definition = definition(ctx, index.bytes(), "FT.DEL", errors::UNKNOWN_INDEX_TO_DROP)?;
        let is_there = is_document(ctx, &definition, key);
        if is_there {
            ctx.call_write(c"DEL", &[key.bytes()])?;
        }
        ctx.reply().integer(i64::from(is_there));
        Ok(())
    }
}

impl Command for Get {
    const INFO: Info = of_document(c"FT.GET", c"Shows a document, as HGETALL does", KEY);

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let [index, key] = all(args)[..] else { return Err(Error::arity("FT.GET")) };
        let definition = definition(ctx, index.bytes(), "FT.GET", errors::UNKNOWN_INDEX_TO_DROP)?;
        show(ctx, &definition, key);
        Ok(())
    }
}

impl Command for GetMany {
    const INFO: Info = of_document(c"FT.MGET", c"Shows documents, as HGETALL does", Keys { last: -1, ..KEY });

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words = all(args);
        let [index, keys @ ..] = &words[..] else { return Err(Error::arity("FT.MGET")) };
        if keys.is_empty() {
            return Err(Error::arity("FT.MGET"));
        }
        let definition = definition(ctx, index.bytes(), "FT.MGET", errors::UNKNOWN_INDEX_TO_DROP)?;
        ctx.reply().array(keys.len());
        keys.iter().for_each(|key| show(ctx, &definition, *key));
        Ok(())
    }
}

/// The document is the second argument.
const KEY: Keys = Keys { first: 2, last: 2, step: 1, access: Access::Read };

const fn of_document(name: &'static CStr, summary: &'static CStr, keys: Keys) -> Info {
    Info { keys, complexity: c"O(1)", ..super::reads(name, summary, c"1.0.0") }
}

const fn adds(name: &'static CStr) -> Info {
    let keys = Keys { access: Access::Update, ..KEY };
    Info { flags: c"write deny-oom", acl: "write slow", ..of_document(name, c"Makes a document, as HSET does", keys) }
}

fn all(mut args: Args<'_>) -> Vec<Arg<'_>> {
    std::iter::from_fn(|| args.next_arg()).collect()
}

/// The definition of an index of hashes.
fn definition(ctx: &Context, name: &[u8], command: &str, unknown: Error) -> Result<std::sync::Arc<Definition>, Error> {
    let index = find(ctx, name, || unknown)?;
    index.touch();
    let definition = index.definition();
    if definition.schema.source != Source::Hash {
        return Err(Error::composed(format!("{command} is for indexes of hashes only")));
    }
    Ok(definition)
}

/// Whether a key is a document of the index.
fn is_document(ctx: &Context, definition: &Definition, key: Arg<'_>) -> bool {
    let is_meant = definition.schema.prefixes.iter().any(|prefix| key.bytes().starts_with(prefix));
    is_meant && definition.read(ctx, key).is_some()
}

/// Writes the fields of a document, or nil.
fn show(ctx: &Context, definition: &Definition, name: Arg<'_>) {
    let mut reply = ctx.reply();
    let key = if is_document(ctx, definition, name) { ctx.open_read(name) } else { None };
    let Some(key) = key else { return reply.bulk_or_null(None) };
    let mut fields: Vec<[Box<[u8]>; 2]> = Vec::new();
    key.hash_fields(|field, value| {
        if !definition.hides(field) {
            fields.push([field.into(), value.into()]);
        }
    });
    reply.array(2 * fields.len());
    fields.iter().flatten().for_each(|part| reply.bulk(part));
}

/// What FT.ADD is asked.
#[derive(Default)]
struct Addition<'a> {
    replace: bool,
    partial: bool,
    /// Pairs of a field and its value, one after the other.
    fields: Vec<&'a [u8]>,
}

impl<'a> Addition<'a> {
    /// Reads the words after the key. The special values go before the fields, so that a field of the same name wins.
    fn read(words: &[Arg<'a>], definition: &'a Definition) -> Result<Self, Error> {
        let schema = &definition.schema;
        let mut words = words.iter().map(|word| word.bytes());
        let mut addition = Self::default();
        let score = words.next().unwrap_or_default();
        let number = number::parse(score)
            .filter(|score| !score.is_nan())
            .ok_or(Error::fixed("Could not parse document score"))?;
        if !(0.0..=1.0).contains(&number) {
            return Err(Error::fixed("Score must be between 0 and 1"));
        }
        if number != 1.0 || schema.score_field.is_some() {
            addition.special(&schema.score_field, "SCORE_FIELD", score)?;
        }
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"REPLACE") {
                addition.replace = true;
            } else if word.eq_ignore_ascii_case(b"PARTIAL") && addition.replace {
                addition.partial = true;
            } else if word.eq_ignore_ascii_case(b"LANGUAGE") {
                let language = words.next().ok_or_else(|| Error::arity("FT.ADD"))?;
                Language::named(language).ok_or(Error::fixed("Unsupported language"))?;
                addition.special(&schema.language_field, "LANGUAGE_FIELD", language)?;
            } else if word.eq_ignore_ascii_case(b"PAYLOAD") {
                let payload = words.next().ok_or_else(|| Error::arity("FT.ADD"))?;
                addition.special(&schema.payload_field, "PAYLOAD_FIELD", payload)?;
            } else if word.eq_ignore_ascii_case(b"FIELDS") {
                let before = addition.fields.len();
                addition.fields.extend(words.by_ref());
                let count = addition.fields.len() - before;
                if count == 0 || !count.is_multiple_of(2) {
                    return Err(Error::fixed("Fields must be specified in FIELD VALUE pairs"));
                }
                return Ok(addition);
            } else {
                return Err(errors::quoting("Unknown keyword `", word, "` provided"));
            }
        }
        Err(Error::fixed("Fields must be specified in FIELD VALUE pairs"))
    }

    fn special(&mut self, field: &'a Option<Box<[u8]>>, option: &str, value: &'a [u8]) -> Result<(), Error> {
        let needs = || Error::composed(format!("The index was created without {option}, so it can't take this"));
        self.fields.extend([field.as_deref().ok_or_else(needs)?, value]);
        Ok(())
    }
}

fn add(ctx: &Context, args: Args<'_>, command: &str) -> Result<(), Error> {
    let words = all(args);
    let [index, key, rest @ ..] = &words[..] else { return Err(Error::arity(command)) };
    if rest.is_empty() {
        return Err(Error::arity(command));
    }
    let definition = definition(ctx, index.bytes(), command, errors::UNKNOWN_INDEX_NAME)?;
    let addition = Addition::read(rest, &definition)?;
    match ctx.peek(*key).map(|key| key.kind()) {
        None => {}
        Some(Kind::Hash) if addition.partial => {}
        Some(Kind::Hash) if addition.replace => ctx.call_write(c"DEL", &[key.bytes()])?,
        Some(Kind::Hash) => return Err(Error::fixed("Document already exists")),
        Some(_) => return Err(Error::fixed("Invalid Redis key")),
    }
    let hset: Vec<&[u8]> = std::iter::once(key.bytes()).chain(addition.fields.iter().copied()).collect();
    ctx.call_write(c"HSET", &hset)?;
    ctx.reply().ok();
    Ok(())
}
