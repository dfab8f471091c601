//! `JSON.NUMINCRBY key path number`, `JSON.NUMMULTBY`, `JSON.NUMPOWBY`
//!
//! RESP2 clients read the new numbers as JSON text, RESP3 clients as an array of numbers, for legacy paths too.

use std::ffi::CStr;

use super::{Update, WRITE, any, finish, next, next_key, next_text, update, writes};
use crate::commands::style;
use crate::error::{Error, json as errors};
use crate::json::{Arithmetic, Document, Number, Path};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;

/// `JSON.NUMINCRBY`
pub struct IncrBy;

/// `JSON.NUMMULTBY`
pub struct MultBy;

/// `JSON.NUMPOWBY`
pub struct PowBy;

impl Command for IncrBy {
    const INFO: Info =
        writes(c"json.numincrby", WRITE, c"Adds to the numbers at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        apply(ctx, args, "json.numincrby", c"json.numincrby", Arithmetic::Add)
    }
}

impl Command for MultBy {
    const INFO: Info =
        writes(c"json.nummultby", WRITE, c"Multiplies the numbers at a path", c"O(N): size of the document", c"1.0.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        apply(ctx, args, "json.nummultby", c"json.nummultby", Arithmetic::Multiply)
    }
}

impl Command for PowBy {
    const INFO: Info = writes(
        c"json.numpowby",
        WRITE,
        c"Raises the numbers at a path to a power",
        c"O(N): size of the document",
        c"1.0.0",
    );

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        apply(ctx, args, "json.numpowby", c"json.numpowby", Arithmetic::Power)
    }
}

fn apply(ctx: &Context, mut args: Args<'_>, command: &str, event: &CStr, operation: Arithmetic) -> Result<(), Error> {
    let name = next_key(&mut args, command)?;
    let path = Path::parse(next(&mut args, command)?)?;
    let text = next_text(&mut args, command)?;
    finish(&args, command)?;
    let numbers = update(ctx, name, event, |document| {
        let operand = Document::parse(text).map_err(errors::argument)?;
        let operand = operand.root().as_number().ok_or(errors::OPERAND)?;
        let outcome = document.arithmetic(&path, operation, operand)?;
        Ok(Update { changed: any(&outcome), outcome })
    })?;
    let numbers = numbers.ok_or(errors::NO_KEY)?;
    if style::resp3(ctx) {
        reply_numbers(ctx, &numbers)
    } else {
        reply_text(ctx, &path, &numbers)?
    }
    Ok(())
}

fn reply_numbers(ctx: &Context, numbers: &[Option<Number>]) {
    let mut reply = ctx.reply();
    reply.array(numbers.len());
    for number in numbers {
        match number {
            Some(Number::Int(value)) => reply.integer(*value),
            Some(value) => reply.double(value.as_f64()),
            None => reply.null(),
        }
    }
}

fn reply_text(ctx: &Context, path: &Path, numbers: &[Option<Number>]) -> Result<(), Error> {
    let mut out = Vec::new();
    if path.is_legacy() {
        let last = numbers.iter().rev().flatten().next().ok_or_else(|| errors::no_number(path.text()))?;
        last.format(&mut out);
    } else {
        out.push(b'[');
        for (at, number) in numbers.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match number {
                Some(number) => number.format(&mut out),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b']');
    }
    ctx.reply().bulk(&out);
    Ok(())
}
