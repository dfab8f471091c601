//! Suggestions: `FT.SUGADD key text score [INCR] [PAYLOAD payload]`, `FT.SUGGET key prefix [FUZZY] [WITHSCORES] [WITHPAYLOADS]
//! [MAX max]`, `FT.SUGDEL key text`, `FT.SUGLEN key`.
//!
//! A dictionary is a key of its own, and has nothing to do with an index. Only what changes something is replicated. A dictionary
//! that becomes empty goes.

use std::ffi::CStr;

use crate::error::{Error, suggest as errors};
use crate::redis::args::Args;
use crate::redis::command::{Access, Command, Info, Keys};
use crate::redis::context::{Context, EventClass};
use crate::search::arguments::Words;
use crate::search::decimal;
use crate::search::number;
use crate::search::suggest::{Addition, LONGEST, Suggested, Suggestions, count_chars};

/// `FT.SUGADD`
pub struct Add;

/// `FT.SUGGET`
pub struct Get;

/// `FT.SUGDEL`
pub struct Delete;

/// `FT.SUGLEN`
pub struct Length;

/// How many are given without MAX.
const DEFAULT_MAX: usize = 5;

const fn info(name: &'static CStr, flags: &'static CStr, access: Access, arity: i32, summary: &'static CStr) -> Info {
    let acl = if matches!(access, Access::Read) { "read slow" } else { "write slow" };
    Info { name, flags, arity, keys: Keys::first(access), acl, summary, complexity: c"O(N)", since: c"1.0.0" }
}

impl Command for Add {
    const INFO: Info =
        info(c"FT.SUGADD", c"write deny-oom", Access::Update, -1, c"Adds a text to a dictionary of suggestions");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("FT.SUGADD");
        if !(3..=6).contains(&args.len()) {
            return Err(arity());
        }
        let (name, text) = (args.next_arg().ok_or_else(arity)?, args.next().ok_or_else(arity)?);
        let score = args.next().filter(|word| !word.first().copied().is_some_and(number::is_blank));
        let score = score.and_then(number::parse).filter(|score| !score.is_nan()).ok_or(errors::SCORE)?;
        let mut addition = Addition { text, score: score as f32, increment: false, payload: None };
        while let Some(word) = args.next() {
            if word.eq_ignore_ascii_case(b"INCR") {
                addition.increment = true;
            } else if word.eq_ignore_ascii_case(b"PAYLOAD") {
                addition.payload = Some(args.next().ok_or(errors::NO_PAYLOAD)?);
            } else {
                return Err(errors::unknown_argument(word));
            }
        }
        if count_chars(text) > LONGEST {
            return Err(errors::TOO_LONG);
        }
        let mut key = ctx.open_write(name);
        let (changed, len) = match key.value_mut::<Suggestions>()? {
            Some(there) => (there.add(addition), there.len()),
            None if text.is_empty() => (false, 0),
            None => (key.set(Suggestions::default())?.add(addition), 1),
        };
        drop(key);
        if changed {
            ctx.replicate_verbatim();
            ctx.notify(EventClass::Module, c"sugadd", name);
        }
        ctx.reply().integer(integer(len));
        Ok(())
    }
}

/// The words after the prefix in FT.SUGGET.
#[derive(Debug)]
struct Options {
    fuzzy: bool,
    scores: bool,
    payloads: bool,
    max: usize,
}

impl Options {
    fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut options = Self { fuzzy: false, scores: false, payloads: false, max: DEFAULT_MAX };
        let mut words = Words::new(words);
        while !words.is_empty() {
            if words.accept("FUZZY") {
                options.fuzzy = true;
            } else if words.accept("WITHSCORES") {
                options.scores = true;
            } else if words.accept("WITHPAYLOADS") {
                options.payloads = true;
            } else if words.accept("MAX") {
                options.max = words.count(1).map_err(errors::max)?;
            } else {
                return Err(errors::unrecognized(words.word().unwrap_or_default()));
            }
        }
        Ok(options)
    }
}

impl Command for Get {
    const INFO: Info = info(c"FT.SUGGET", c"readonly", Access::Read, -1, c"Shows the suggestions for a prefix");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("FT.SUGGET");
        let (name, prefix) = (args.next_arg().ok_or_else(arity)?, args.next().ok_or_else(arity)?);
        let options = Options::parse(args)?;
        if prefix.len() >= errors::LONGEST_PREFIX_BYTES {
            return Err(errors::PREFIX_BYTES);
        }
        if count_chars(prefix) >= errors::LONGEST_PREFIX {
            return Err(errors::PREFIX);
        }
        let key = ctx.open_read(name);
        let Some(suggestions) = key.as_ref().map(|key| key.value::<Suggestions>()).transpose()?.flatten() else {
            ctx.reply().null();
            return Ok(());
        };
        write(ctx, &suggestions.get(prefix, options.fuzzy, options.max), &options);
        Ok(())
    }
}

fn write(ctx: &Context, found: &[Suggested], options: &Options) {
    let mut reply = ctx.reply();
    reply.array(found.len() * (1 + usize::from(options.scores) + usize::from(options.payloads)));
    for one in found {
        reply.bulk(&one.text);
        if options.scores && reply.resp3() {
            reply.double(f64::from(one.score));
        } else if options.scores {
            reply.bulk(&decimal::exact(f64::from(one.score)));
        }
        if options.payloads {
            reply.bulk_or_null(one.payload.as_deref());
        }
    }
}

impl Command for Delete {
    const INFO: Info =
        info(c"FT.SUGDEL", c"write", Access::Update, 3, c"Takes a text out of a dictionary of suggestions");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("FT.SUGDEL");
        let (name, text) = (args.next_arg().ok_or_else(arity)?, args.next().ok_or_else(arity)?);
        let mut key = ctx.open_write(name);
        let (removed, is_empty) = match key.value_mut::<Suggestions>()? {
            Some(there) => (there.remove(text), there.is_empty()),
            None => (false, false),
        };
        if is_empty {
            key.delete()?;
        }
        drop(key);
        if removed {
            ctx.replicate_verbatim();
            ctx.notify(EventClass::Module, c"sugdel", name);
        }
        if is_empty {
            ctx.notify(EventClass::Generic, c"del", name);
        }
        ctx.reply().integer(i64::from(removed));
        Ok(())
    }
}

impl Command for Length {
    const INFO: Info =
        info(c"FT.SUGLEN", c"readonly", Access::Read, 2, c"Counts the texts of a dictionary of suggestions");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next_arg().ok_or_else(|| Error::arity("FT.SUGLEN"))?;
        let key = ctx.open_read(name);
        let found = key.as_ref().map(|key| key.value::<Suggestions>()).transpose()?.flatten();
        ctx.reply().integer(integer(found.map_or(0, Suggestions::len)));
        Ok(())
    }
}

/// A length as replies carry it.
fn integer(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
