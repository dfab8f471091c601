//! Indexing keys that were there before their index: a walk over the database in slices of the main thread's time.
//!
//! One slice of at most `SLICE` is done, then everybody else has their turn for `PAUSE` milliseconds. A walk waits while
//! the workers are behind with its index: what waits would only cost memory, and make queries slower. The first slice is
//! done at once, so that a small database is indexed when FT.CREATE returns.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::registry::{self, Progress, Registered};
use crate::redis::context::Context;
use crate::redis::keyspace::Scan;

/// How long one slice takes.
const SLICE: Duration = Duration::from_micros(200);
/// Milliseconds between two slices.
const PAUSE: i64 = 1;
/// Writes that an index may be behind before its walk waits.
pub const FULL: usize = 2048;

thread_local! {
    /// Whether a timer is set.
    static SCHEDULED: Cell<bool> = const { Cell::new(false) };
}

/// Starts the walk for an index, or starts it again.
pub fn start(ctx: &Context, index: &Rc<Registered>) {
    *index.progress.borrow_mut() = Some(Progress { scan: Scan::new(), met: 0 });
    slice(ctx, index);
    resume(ctx);
}

/// Goes on with walks that are under way.
pub fn resume(ctx: &Context) {
    if !walking().is_empty() && !SCHEDULED.replace(true) {
        ctx.later(PAUSE, |ctx| {
            SCHEDULED.set(false);
            // One a slice, in turn: who walks longest comes last.
            if let Some(index) = walking().into_iter().min_by_key(|index| met(index)) {
                slice(ctx, &index);
            }
            resume(ctx);
        });
    }
}

fn met(index: &Registered) -> u64 {
    index.progress.borrow().as_ref().map_or(0, |progress| progress.met)
}

/// The indexes with a walk under way.
fn walking() -> Vec<Rc<Registered>> {
    let all = registry::with(|registry| registry.all());
    all.into_iter().filter(|index| index.progress.borrow().is_some()).collect()
}

/// Does one slice of the walk of an index.
fn slice(ctx: &Context, index: &Rc<Registered>) {
    let Some(database) = registry::with(|registry| registry.database_of(index)) else { return };
    // It is put back when there is more to walk over; nobody else takes it meanwhile.
    let Some(mut progress) = index.progress.take() else { return };
    let selected = ctx.database();
    if !ctx.select(database) {
        return;
    }
    let start = Instant::now();
    let mut more = true;
    while more && index.handle.behind() < FULL && start.elapsed() < SLICE {
        let mut names: Vec<Box<[u8]>> = Vec::new();
        more = progress.scan.step(ctx, |_, key| {
            progress.met += 1;
            let name = key.bytes();
            if index.definition().schema.prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                names.push(name.into());
            }
        });
        // The keys are opened after the server's step: opening one may delete it, if it has expired.
        for name in names {
            ctx.with_name(&name, |key| index.look(ctx, key));
        }
    }
    ctx.select(selected);
    if more {
        *index.progress.borrow_mut() = Some(progress);
    }
}
