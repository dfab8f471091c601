//! `JSON.SET key path json [NX | XX] [FORMAT STRING] [FPHA BF16 | FP16 | FP32 | FP64]`
//!
//! `FORMAT STRING` says what is the case anyway. `FPHA` rounds every array of doubles to the type and keeps it in it.

use super::document::release;
use super::{WRITE_MORE, next, next_key, next_text, writes};
use crate::error::{Error, json as errors};
use crate::json::edit::Condition;
use crate::json::{Document, FloatType, Path};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};
use crate::redis::keyspace::Key;

/// See the file's documentation.
pub struct Set;

const NAME: &str = "json.set";

/// The words after the value.
#[derive(Default)]
struct Options {
    condition: Condition,
    floats: Option<FloatType>,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        while args.len() > 0 {
            if options.condition == Condition::Always && args.next_if("NX") {
                options.condition = Condition::Absent;
            } else if options.condition == Condition::Always && args.next_if("XX") {
                options.condition = Condition::Present;
            } else if args.next_if("FORMAT") {
                let format = next_text(args, NAME)?;
                if !format.eq_ignore_ascii_case(b"STRING") && !format.eq_ignore_ascii_case(b"JSON") {
                    return Err(errors::STORED_FORMAT);
                }
            } else if args.next_if("FPHA") {
                options.floats = Some(float_type(next_text(args, NAME)?).ok_or(errors::FLOAT_TYPE)?);
            } else {
                next_text(args, NAME)?;
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn float_type(word: &[u8]) -> Option<FloatType> {
    let types =
        [("BF16", FloatType::Bf16), ("FP16", FloatType::Fp16), ("FP32", FloatType::Fp32), ("FP64", FloatType::Fp64)];
    types.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, floats)| floats)
}

impl Command for Set {
    const INFO: Info = writes(
        c"json.set",
        WRITE_MORE,
        c"Sets the JSON value at a path",
        c"O(M+N): sizes of the old and the new value",
        c"1.0.0",
    );

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = next_key(&mut args, NAME)?;
        let path = next_text(&mut args, NAME)?;
        let text = next(&mut args, NAME)?;
        let options = Options::parse(&mut args)?;
        let value = match options.floats {
            Some(floats) => Document::parse_rounded(text, floats)?,
            None => Document::parse(text)?,
        };
        let changed = store(&mut ctx.open_write(name), path, value, options.condition)?;
        if !changed {
            ctx.reply().null();
            return Ok(());
        }
        ctx.replicate_verbatim();
        ctx.notify(EventClass::Module, c"json.set", name);
        ctx.reply().ok();
        Ok(())
    }
}

/// Puts a value at a path; at the root also into a key that does not exist. False if nothing was changed.
pub(super) fn store(key: &mut Key<'_>, path: &[u8], value: Document, condition: Condition) -> Result<bool, Error> {
    let at_root = matches!(path, b"$" | b".");
    let Some(document) = key.value_mut::<Document>().map_err(|_| errors::WRONG_TYPE)? else {
        return match condition {
            Condition::Present => Ok(false),
            _ if !at_root => Err(errors::NEW_AT_ROOT),
            _ => {
                key.set(value)?;
                Ok(true)
            }
        };
    };
    if at_root {
        if condition == Condition::Absent {
            return Ok(false);
        }
        release(std::mem::replace(document, value));
        return Ok(true);
    }
    Ok(document.set(&Path::parse(path)?, &value, condition)?)
}
