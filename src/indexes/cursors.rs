//! What waits to be read on: a table of cursors.
//!
//! A command that leaves something to be read has a table of its own, of what it leaves: a `thread_local` of the main thread,
//! used through [`Cursors`]. While one is being read, it is not in the table. One that is not read for too long is forgotten, and
//! so are those of an index that goes. What is forgotten may be large, so another thread frees it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::LocalKey;
use std::time::{Duration, Instant};

use super::handle::Handle;
use crate::redis::context::Context;
use crate::redis::workers;

/// A cursor that waits to be read.
struct Waiting<T> {
    left: T,
    handle: Arc<Handle>,
    until: Instant,
}

/// The cursors by number.
pub struct Table<T> {
    waiting: HashMap<u64, Waiting<T>>,
    last: u64,
    /// When idle ones are next looked for.
    look: Option<Instant>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), last: 0, look: None }
    }
}

/// How many cursors there are.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// All of them.
    pub all: usize,
    /// Those of one index.
    pub of_index: usize,
}

/// A table on the main thread.
pub struct Cursors<T: 'static>(pub &'static LocalKey<RefCell<Table<T>>>);

impl<T> Clone for Cursors<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cursors<T> {}

impl<T: Send + 'static> Cursors<T> {
    /// How many there are.
    pub fn all(self) -> usize {
        self.0.with_borrow(|table| table.waiting.len())
    }

    /// Counts cursors.
    pub fn counts(self, handle: &Arc<Handle>) -> Counts {
        self.0.with_borrow(|table| Counts {
            all: table.waiting.len(),
            of_index: table.waiting.values().filter(|waiting| Arc::ptr_eq(&waiting.handle, handle)).count(),
        })
    }

    /// Keeps what is left of an index's answer for so long, and returns its number; `number` 0 stands for a new one.
    pub fn keep(self, ctx: &Context, number: u64, handle: &Arc<Handle>, idle: Duration, left: T) -> u64 {
        let now = Instant::now();
        let until = now.checked_add(idle).unwrap_or(now);
        let number = self.0.with_borrow_mut(|table| {
            table.last += u64::from(number == 0);
            let number = if number == 0 { table.last } else { number };
            table.waiting.insert(number, Waiting { left, handle: Arc::clone(handle), until });
            number
        });
        self.look_at(ctx, until);
        number
    }

    /// Takes a cursor of an index out of the table.
    pub fn take(self, handle: &Arc<Handle>, number: u64) -> Option<T> {
        self.forget_idle();
        self.0.with_borrow_mut(|table| {
            let known = table.waiting.get(&number).is_some_and(|waiting| Arc::ptr_eq(&waiting.handle, handle));
            if known { table.waiting.remove(&number).map(|waiting| waiting.left) } else { None }
        })
    }

    /// Forgets the cursors of an index that has gone.
    pub fn forget(self, handle: &Arc<Handle>) {
        self.forget_if(|waiting| Arc::ptr_eq(&waiting.handle, handle));
    }

    /// Forgets what has not been read for too long, and says how many cursors that were.
    pub fn forget_idle(self) -> usize {
        let now = Instant::now();
        self.forget_if(|waiting| waiting.until <= now)
    }

    fn forget_if(self, is_over: impl Fn(&Waiting<T>) -> bool) -> usize {
        let gone: Vec<T> = self.0.with_borrow_mut(|table| {
            table.waiting.extract_if(|_, waiting| is_over(waiting)).map(|(_, waiting)| waiting.left).collect()
        });
        let count = gone.len();
        if count > 0 {
            workers::reclaim(gone);
        }
        count
    }

    /// Has idle cursors forgotten at a time, unless that is done earlier: then the time comes up again. One timer for all, since
    /// a cursor is kept once more with every page that is read.
    fn look_at(self, ctx: &Context, until: Instant) {
        let is_set = self.0.with_borrow_mut(|table| {
            let is_set = table.look.is_some_and(|look| look <= until);
            if !is_set {
                table.look = Some(until);
            }
            is_set
        });
        if is_set {
            return;
        }
        let wait = until.saturating_duration_since(Instant::now()).as_millis();
        ctx.later(i64::try_from(wait).unwrap_or(i64::MAX).saturating_add(1), move |ctx| {
            self.0.with_borrow_mut(|table| {
                if table.look == Some(until) {
                    table.look = None;
                }
            });
            self.forget_idle();
            let next = self.0.with_borrow(|table| table.waiting.values().map(|waiting| waiting.until).min());
            if let Some(next) = next {
                self.look_at(ctx, next);
            }
        });
    }
}
