//! TEMPORARY: an index that is neither asked nor written to for so many seconds goes, with its documents.
//!
//! A timer of the main thread looks when the time could be over. A replica leaves it to its master, which sends what it has
//! deleted.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::registry::{self, Registered};
use super::{counters, drop};
use crate::redis::context::{Context, LogLevel, log};

/// The longest time of a timer: so what it holds of an index that went otherwise goes soon.
const LONGEST: Duration = Duration::from_secs(60);

/// Says whether he sees to it that the index of a name goes.
type Otherwise = fn(&Context, &[u8]) -> bool;

thread_local! {
    /// Who may see to it in another way that an index goes.
    static OTHERWISE: Cell<Option<Otherwise>> = const { Cell::new(None) };
    /// The indexes that have a timer.
    static WATCHED: RefCell<Vec<Weak<Registered>>> = RefCell::default();
}

/// Has somebody asked first who may see to it that an index goes.
pub fn when_over(otherwise: Otherwise) {
    OTHERWISE.set(Some(otherwise));
}

/// How long an index may be idle.
fn limit(index: &Registered) -> Option<Duration> {
    index.definition().schema.temporary.map(Duration::from_secs)
}

/// How long it still has.
pub fn left(index: &Registered) -> Option<Duration> {
    let until = index.last_use.get().checked_add(limit(index)?)?;
    Some(until.saturating_duration_since(Instant::now()))
}

/// Sees to it that every index that can expire is watched: for one that was made, and for those that came with a file.
pub fn watch(ctx: &Context) {
    for index in registry::with(|registry| registry.all()) {
        let known = |watched: &Vec<Weak<Registered>>| watched.iter().any(|one| one.as_ptr() == Rc::as_ptr(&index));
        if limit(&index).is_some() && !WATCHED.with_borrow(known) {
            WATCHED.with_borrow_mut(|watched| {
                watched.retain(|one| one.strong_count() > 0);
                watched.push(Rc::downgrade(&index));
            });
            index.touch();
            look_later(ctx, &index);
        }
    }
}

fn look_later(ctx: &Context, index: &Rc<Registered>) {
    let Some(left) = left(index) else { return };
    let milliseconds = i64::try_from(left.min(LONGEST).as_millis()).unwrap_or(i64::MAX);
    let index = Rc::downgrade(index);
    ctx.later(milliseconds.saturating_add(1), move |ctx| match index.upgrade().filter(|index| !index.is_dropped()) {
        Some(index) => look(ctx, &index),
        None => WATCHED.with_borrow_mut(|watched| {
            watched.retain(|one| one.strong_count() > 0);
            watched.shrink_to(2 * watched.len());
        }),
    });
}

fn look(ctx: &Context, index: &Rc<Registered>) {
    if left(index).is_none_or(|left| !left.is_zero()) {
        return look_later(ctx, index);
    }
    if ctx.is_replica() {
        // Until the master says so.
        index.touch();
        return look_later(ctx, index);
    }
    let Some(database) = registry::with(|registry| registry.database_of(index)) else { return };
    let selected = ctx.database();
    if ctx.select(database) {
        let name = index.definition().schema.name.clone();
        log(LogLevel::Notice, &format!("index '{}' was idle for its time, and goes", String::from_utf8_lossy(&name)));
        counters::EXPIRED.add(1);
        if OTHERWISE.get().is_some_and(|otherwise| otherwise(ctx, &name)) {
            index.touch();
            look_later(ctx, index);
        } else {
            drop::drop_index(ctx, &name, true);
        }
        ctx.select(selected);
    }
}
