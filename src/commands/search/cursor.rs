//! Cursors: what FT.AGGREGATE WITHCURSOR leaves to be read, and `FT.CURSOR READ|DEL index cursor`.
//!
//! A cursor holds the keys that the query found and the steps at work on them; so it repeats no document and skips none that is
//! still there. While it is being read, it is not in the table. One that is not read for too long is forgotten. It is read and
//! deleted by the name of its index or an alias only: who may not query the index gets nothing by the number.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aggregate::{Access, Answer, Running};
use super::handle::Handle;
use super::query;
use super::{find, reads};
use crate::config;
use crate::error::{Error, search as errors};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::search::arguments::Words;

/// `FT.CURSOR`
pub struct Cursor;

/// A cursor that waits to be read.
struct Waiting {
    running: Running,
    until: Instant,
}

thread_local! {
    /// The cursors, by number. Of the main thread.
    static CURSORS: RefCell<HashMap<u64, Waiting>> = RefCell::default();
    static LAST: Cell<u64> = const { Cell::new(0) };
    /// When idle ones are next looked for.
    static LOOK: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How many cursors there are.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// All of them.
    pub all: usize,
    /// Those of one index.
    pub of_index: usize,
}

/// Counts cursors.
pub fn counts(handle: &Arc<Handle>) -> Counts {
    CURSORS.with_borrow(|cursors| Counts {
        all: cursors.len(),
        of_index: cursors.values().filter(|waiting| Arc::ptr_eq(&waiting.running.handle, handle)).count(),
    })
}

/// Sees to it that an index can have one more.
///
/// # Errors
/// Where it has too many.
pub fn make_room(_ctx: &Context, handle: &Arc<Handle>) -> Result<(), Error> {
    forget_idle();
    if counts(handle).of_index < config::index_cursor_limit() { Ok(()) } else { Err(errors::TOO_MANY_CURSORS) }
}

/// Forgets the cursors of an index that has gone.
pub fn forget(handle: &Arc<Handle>) {
    CURSORS.with_borrow_mut(|cursors| cursors.retain(|_, waiting| !Arc::ptr_eq(&waiting.running.handle, handle)));
}

/// Forgets what has not been read for too long.
fn forget_idle() {
    let now = Instant::now();
    CURSORS.with_borrow_mut(|cursors| cursors.retain(|_, waiting| waiting.until > now));
}

/// Keeps what is left to be read and returns its number; 0 stands for a new one.
pub fn keep(ctx: &Context, number: u64, running: Running) -> u64 {
    let number = if number == 0 { LAST.replace(LAST.get() + 1) + 1 } else { number };
    let most = config::cursor_max_idle();
    let idle = running.cursor.and_then(|cursor| cursor.max_idle).map_or(most, |asked| asked.min(most));
    let now = Instant::now();
    let until = now.checked_add(Duration::from_millis(idle)).unwrap_or(now);
    CURSORS.with_borrow_mut(|cursors| cursors.insert(number, Waiting { running, until }));
    look_at(ctx, until);
    number
}

/// Has idle cursors forgotten at a time, unless that is done earlier: then the time comes up again. One timer for all, since
/// a cursor is kept once more with every page that is read.
fn look_at(ctx: &Context, until: Instant) {
    if LOOK.get().is_some_and(|look| look <= until) {
        return;
    }
    LOOK.set(Some(until));
    let wait = until.saturating_duration_since(Instant::now()).as_millis();
    ctx.later(i64::try_from(wait).unwrap_or(i64::MAX).saturating_add(1), move |ctx| {
        if LOOK.get() == Some(until) {
            LOOK.set(None);
        }
        forget_idle();
        let next = CURSORS.with_borrow(|cursors| cursors.values().map(|waiting| waiting.until).min());
        if let Some(next) = next {
            look_at(ctx, next);
        }
    });
}

impl Command for Cursor {
    const INFO: Info = reads(c"FT.CURSOR", c"Reads on where FT.AGGREGATE stopped", c"1.1.0");

    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error> {
        let words: Vec<&[u8]> = args.collect();
        let [action, name, number, rest @ ..] = &words[..] else { return Err(Error::arity("FT.CURSOR")) };
        let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
        let number: u64 = number.ok_or(Error::fixed("Bad cursor ID"))?;
        match &action.to_ascii_uppercase()[..] {
            b"READ" => read(ctx, name, number, rest),
            b"DEL" => {
                let unknown = || Error::fixed("Cursor does not exist");
                take(&find(ctx, name, unknown)?.handle, number).ok_or_else(unknown)?;
                ctx.reply().ok();
                Ok(())
            }
            _ => Err(Error::fixed("Unknown subcommand")),
        }
    }
}

/// Takes a cursor of an index out of the table.
fn take(handle: &Arc<Handle>, number: u64) -> Option<Running> {
    forget_idle();
    CURSORS.with_borrow_mut(|cursors| {
        let known = cursors.get(&number).is_some_and(|waiting| Arc::ptr_eq(&waiting.running.handle, handle));
        if known { cursors.remove(&number).map(|waiting| waiting.running) } else { None }
    })
}

fn read(ctx: &Context, name: &[u8], number: u64, options: &[&[u8]]) -> Result<(), Error> {
    let mut words = Words::new(options.iter().copied());
    let count = if words.accept("COUNT") {
        Some(words.count(1).map_err(|problem| errors::bad_arguments("COUNT", problem))?)
    } else {
        None
    };
    let unknown = || Error::fixed("Cursor not found");
    let index = find(ctx, name, unknown)?;
    index.touch();
    let mut running = take(&index.handle, number).ok_or_else(unknown)?;
    running.begin_read();
    let most = count.or(running.cursor.map(|cursor| cursor.count)).unwrap_or(usize::MAX);
    query::run_with(
        ctx,
        &index,
        move |_, _, ctx| {
            let server = Server::of(ctx, running.database);
            let batch = running.next(Access::Server(server), most)?;
            Ok(Answer { running, batch, cursor: Some(number) })
        },
        |ctx, answer: Result<Answer, Error>| answer?.reply(ctx),
    )
}
