//! Indexing keys that were there before their index: a walk over the database in slices of the main thread's time.
//!
//! A slice is done whenever the main thread has served everybody: with nobody to serve, one after the other ([`spare`]). It takes at
//! most `SLICE`, which is what a client waits for who comes in between: his reply is written before the next. As long as the main thread has others to serve, a walk
//! takes a smaller share of its time (`room`). A walk waits while the workers are behind with its index: what waits would only
//! cost memory, and make queries slower. The first slice is done at once, so that a small database is indexed when FT.CREATE returns.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::registry::{self, Progress, Registered};
use crate::redis::context::Context;
use crate::redis::keyspace::Scan;
use crate::redis::spare;

/// How long one slice takes at most.
const SLICE: Duration = Duration::from_micros(200);
/// How long it takes at least, be there as many to serve as there may.
const LEAST: Duration = Duration::from_micros(20);
/// How long the main thread is away between two slices when it serves nobody: less than this.
const ALONE: Duration = Duration::from_micros(30);
/// A walk takes the time that others take, divided by this.
const SHARE: u32 = 2;
/// Milliseconds until a walk looks again whether the workers are less behind.
const PAUSE: i64 = 1;
/// Writes that an index may be behind before its walk waits.
pub const FULL: usize = 2048;

thread_local! {
    /// Whether slices are under way.
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
    /// Whether a timer is set.
    static SCHEDULED: Cell<bool> = const { Cell::new(false) };
    /// Whether there was a slice the last time that everybody was served.
    static SLICED: Cell<bool> = const { Cell::new(false) };
    /// When the last slice ended.
    static ENDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Starts the walk for an index, or starts it again.
pub fn start(ctx: &Context, index: &Rc<Registered>) {
    *index.progress.borrow_mut() = Some(Progress { scan: Scan::new(), met: 0 });
    slice(ctx, index, SLICE);
    resume(ctx);
}

/// Goes on with walks that are under way.
pub fn resume(ctx: &Context) {
    if walking().is_empty() || UNDER_WAY.replace(true) {
        return;
    }
    spare::begin(ctx, turn);
    go_on(ctx);
}

/// The next turn is at once, or in a moment where the server does not tell when everybody was served.
fn go_on(ctx: &Context) {
    if !spare::go_on() {
        wait(ctx);
    }
}

/// Everybody was served: does one slice of one walk.
fn turn(ctx: &Context) {
    let walking = walking();
    if walking.is_empty() {
        UNDER_WAY.set(false);
        spare::end(ctx);
        return;
    }
    // Whoever came during a slice was served since, and the server writes his reply when this returns.
    if SLICED.replace(false) {
        return go_on(ctx);
    }
    // One a turn: who has walked longest comes last.
    let ready = walking.into_iter().filter(|index| index.handle.behind() < FULL);
    let Some(index) = ready.min_by_key(|index| met(index)) else { return wait(ctx) };
    slice(ctx, &index, ENDED.get().map_or(SLICE, |ended| room(ended.elapsed())));
    ENDED.set(Some(Instant::now()));
    SLICED.set(true);
    go_on(ctx);
}

/// Comes back in a moment.
fn wait(ctx: &Context) {
    ENDED.set(None);
    if !SCHEDULED.replace(true) {
        ctx.later(PAUSE, |ctx| {
            SCHEDULED.set(false);
            turn(ctx);
        });
    }
}

/// How long a slice may take, after the main thread was away for so long since the last.
fn room(away: Duration) -> Duration {
    if away < ALONE { SLICE } else { (away / SHARE).clamp(LEAST, SLICE) }
}

fn met(index: &Registered) -> u64 {
    index.progress.borrow().as_ref().map_or(0, |progress| progress.met)
}

/// The indexes with a walk under way.
fn walking() -> Vec<Rc<Registered>> {
    let all = registry::with(|registry| registry.all());
    all.into_iter().filter(|index| index.progress.borrow().is_some()).collect()
}

/// Does one slice of the walk of an index, that takes so long.
fn slice(ctx: &Context, index: &Rc<Registered>, room: Duration) {
    let Some(database) = registry::with(|registry| registry.database_of(index)) else { return };
    // It is put back when there is more to walk over; nobody else takes it meanwhile.
    let Some(mut progress) = index.progress.take() else { return };
    let selected = ctx.database();
    if !ctx.select(database) {
        return;
    }
    let start = Instant::now();
    let mut more = true;
    while more && index.handle.behind() < FULL && start.elapsed() < room {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_served_has_most_of_the_time_and_an_idle_server_none_to_lose() {
        let micros = Duration::from_micros;
        assert_eq!([0, 5, 29].map(|away| room(micros(away))), [SLICE; 3]);
        assert_eq!([30, 40, 100, 300].map(|away| room(micros(away))), [20, 20, 50, 150].map(micros));
        assert_eq!(room(Duration::from_secs(1)), SLICE);
    }
}
