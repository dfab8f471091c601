//! `_VRESTORE key (ALL | BEGIN | MORE | END) bytes`: a whole set in its own encoding, in pieces of bounded size.
//!
//! It is what an AOF rewritten without an RDB preamble holds: `VADD` could not bring back a set exactly (the projection's
//! matrix, the last bits of a vector, the graph), and would link every element again. Pieces come in order; the set
//! appears with the last. For the server's own use, though nothing forbids a client to send it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::value::Value;
use super::writer;
use crate::config;
use crate::error::Error;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::Context;
use crate::vset::VectorSet;

/// The command.
pub struct Vrestore;

/// Milliseconds that the next piece may take to come; a file that was cut off, or a client that gave up, brings none.
const PATIENCE: i64 = 60_000;

/// Where a set will be: database and key.
type Place = (i32, Vec<u8>);

/// Pieces of sets that are not complete yet. Only the main thread touches it.
static PARTIAL: Mutex<Option<HashMap<Place, Vec<u8>>>> = Mutex::new(None);

/// Forgets the pieces of a set that has not grown beyond `len` bytes when the time is over.
fn forget_later(ctx: &Context, slot: Place, len: usize) {
    ctx.later(PATIENCE, move |ctx| {
        let mut partial = PARTIAL.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(partial) = partial.as_mut() else { return };
        match partial.get(&slot).map(Vec::len) {
            Some(now) if now > len => forget_later(ctx, slot, now),
            Some(_) => {
                partial.remove(&slot);
                partial.shrink_to_fit();
            }
            None => {}
        }
    });
}

impl Command for Vrestore {
    const INFO: Info = Info {
        summary: c"Restores a vector set from pieces of its encoding; for the server's own use.",
        complexity: c"O(N) where N is the number of elements",
        ..writer(c"_VRESTORE", c"write deny-oom", 4, "write slow")
    };

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let arity = || Error::arity("_VRESTORE");
        let name = args.next_arg().ok_or_else(arity)?;
        let place = args.next().ok_or_else(arity)?.to_ascii_uppercase();
        let piece = args.next().ok_or_else(arity)?;
        let slot = (ctx.database(), name.bytes().to_vec());
        let mut partial = PARTIAL.lock().unwrap_or_else(PoisonError::into_inner);
        let partial = partial.get_or_insert_default();
        let whole = match place.as_slice() {
            b"ALL" => Some(piece.to_vec()),
            b"BEGIN" => {
                // Where there are pieces already, somebody waits for them to grow.
                if partial.insert(slot.clone(), piece.to_vec()).is_none() {
                    forget_later(ctx, slot, piece.len());
                }
                None
            }
            b"MORE" => {
                partial.get_mut(&slot).ok_or(Error::BAD_DATA)?.extend_from_slice(piece);
                None
            }
            b"END" => {
                let mut whole = partial.remove(&slot).ok_or(Error::BAD_DATA)?;
                whole.extend_from_slice(piece);
                Some(whole)
            }
            _ => return Err(Error::fixed("ERR syntax error")),
        };
        if let Some(whole) = whole {
            let set = VectorSet::decode(&mut whole.as_slice(), 0, config::coarse_dim())
                .map_err(|_corrupt| Error::BAD_DATA)?;
            ctx.open_write(name).set(Value::new(set))?;
        }
        ctx.replicate_verbatim();
        ctx.reply().ok();
        Ok(())
    }
}
