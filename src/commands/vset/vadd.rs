//! `VADD key [REDUCE dim] (FP32 blob | VALUES n v1..vn) element [CAS] [NOQUANT|Q8|BIN] [EF n] [SETATTR attributes] [M n]`:
//! adds an element, or gives an existing one another vector.
//!
//! The element is found from the reply on; a worker links it into the graph later. `CAS` asks for what is so anyway
//! (the main thread never searches), so it is accepted, has no further effect, and is left out of what replicas and the
//! AOF get.

use super::value::Value;
use super::vector::{INVALID, reduce, vector};
use super::{counters, writer};
use crate::config;
use crate::error::Error;
use crate::redis::args::{Args, integer};
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, EventClass};
use crate::vset::{Add, Added, Quantization, VectorSet};

/// The command.
pub struct Vadd;

/// The options after the element, with their defaults.
struct Options<'a> {
    quantization: Quantization,
    ef: usize,
    m: usize,
    attributes: Option<&'a [u8]>,
    /// How many words were left when each `CAS` had been taken.
    cas: Vec<usize>,
}

impl<'a> Options<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self, Error> {
        const UNKNOWN: Error = Error::fixed("ERR invalid option after element");
        let mut options = Self { quantization: Quantization::Q8, ef: 200, m: 16, attributes: None, cas: Vec::new() };
        while let Some(word) = args.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"CAS" => options.cas.push(args.len()),
                b"NOQUANT" => options.quantization = Quantization::None,
                b"Q8" => options.quantization = Quantization::Q8,
                b"BIN" => options.quantization = Quantization::Bin,
                b"EF" => {
                    let value = args.next().ok_or(UNKNOWN)?;
                    options.ef = number(value, 1, 1_000_000).ok_or(Error::fixed("ERR invalid EF"))?;
                }
                b"M" => {
                    let value = args.next().ok_or(UNKNOWN)?;
                    options.m = number(value, 4, 4096).ok_or(Error::fixed("ERR invalid M"))?;
                }
                b"SETATTR" => options.attributes = Some(args.next().ok_or(UNKNOWN)?),
                _ => return Err(UNKNOWN),
            }
        }
        Ok(options)
    }
}

/// An integer within bounds, both included.
fn number(word: &[u8], min: i64, max: i64) -> Option<usize> {
    integer(word).filter(|value| (min..=max).contains(value)).and_then(|value| usize::try_from(value).ok())
}

impl Command for Vadd {
    const INFO: Info = Info {
        summary: c"Adds an element to a vector set, or gives an existing one another vector.",
        complexity:
            c"O(D) where D is the dimension, and O(log(N)) in the background, where N is the number of elements",
        ..writer(c"VADD", c"write deny-oom", -5, "write slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("VADD");
        let typed = args.clone();
        let name = args.next_arg().ok_or_else(arity)?;
        let reduce = reduce(&mut args)?;
        let components = vector(&mut args)?;
        if reduce.is_some_and(|reduce| reduce > components.len()) {
            return Err(INVALID);
        }
        let element = args.next().ok_or_else(arity)?;
        let options = Options::parse(&mut args)?;
        let mut key = ctx.open_write(name);
        let add = Add {
            element,
            vector: &components,
            reduce,
            quantization: options.quantization,
            m: options.m,
            ef: options.ef,
            attributes: options.attributes,
            coarse_dim: config::coarse_dim(),
        };
        let (value, outcome) = match key.value_mut::<Value>()? {
            Some(value) => {
                let outcome = value.set_to_change().add(&add)?;
                (value, outcome)
            }
            None => {
                let set = VectorSet::new(&add)?;
                let outcome = set.add(&add)?;
                (key.set(Value::new(set))?, outcome)
            }
        };
        let added = outcome == Added::New;
        if added {
            counters::INSERTS.add(1)
        } else {
            counters::UPDATES.add(1)
        }
        if options.cas.is_empty() {
            ctx.replicate_verbatim();
        } else {
            let count = typed.len();
            let kept = |place: &usize| !options.cas.contains(&(count - place - 1));
            let words: Vec<&[u8]> = typed.enumerate().filter(|(place, _)| kept(place)).map(|(_, word)| word).collect();
            ctx.replicate(c"VADD", &words);
        }
        ctx.notify(EventClass::Module, c"vadd", name);
        value.has_new_work();
        value.reply_added(ctx, added);
        Ok(())
    }
}
