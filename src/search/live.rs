//! An index that lives: its log, and how threads share it.
//!
//! 1. **Writing is appending.** The main thread appends a [`Change`] to the log and goes on ([`Live::append`]). The log's mutex is
//!    held for moving a few changes in or out, never while one is applied or a query runs.
//! 2. **A query sees what was written before it.** It notes [`Live::arrival`] when the command arrives, and [`Live::read`]
//!    applies what is left up to there before it lets the query in. Whoever comes first applies; nobody applies in vain.
//! 3. **Applying goes in batches** of at most [`BATCH`] changes, between which queries get their turn.
//! 4. **Nobody queues for writing.** The one who applies only ever *tries* the lock, so that readers never wait behind a
//!    writer that waits for readers. He cannot starve: a query that comes later waits for the same changes to be
//!    applied before it takes the lock.
//! 5. **A fork finds the index whole.** Each batch is inside the [`gate`] that fork handlers close, and nobody holds or
//!    waits for the write lock outside of it: so a forked child can read ([`Live::read_in_child`]) whatever threads the parent
//!    had. The log is not for the child: what is not applied by then is in the keys.
//!
//! The main thread calls [`Live::append`] and [`Live::arrival`]; it calls [`Live::read`] only where it must answer inline.

use super::index::{Change, Index};
use crate::vector::gate;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::Duration;

/// Changes that are applied while the lock is held once: about a millisecond.
const BATCH: usize = 64;

/// A place in the log: everything before it. The first is 0.
pub type Place = u64;

#[derive(Debug, Default)]
struct Log {
    waiting: VecDeque<Change>,
    appended: Place,
}

/// An index with its log.
#[derive(Debug)]
pub struct Live {
    log: Mutex<Log>,
    /// Up to which place the index has applied the log. Only changed by the holder of the write lock.
    applied: AtomicU64,
    index: RwLock<Index>,
}

impl Live {
    /// An index with nothing in its log.
    pub fn new(index: Index) -> Self {
        Self { log: Mutex::default(), applied: AtomicU64::new(0), index: RwLock::new(index) }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Moving changes in and out does not panic halfway.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a change.
    pub fn append(&self, change: Change) -> Place {
        let mut log = self.log();
        log.waiting.push_back(change);
        log.appended += 1;
        log.appended
    }

    /// The place after everything that was appended so far.
    pub fn arrival(&self) -> Place {
        self.log().appended
    }

    /// How many changes wait to be applied.
    pub fn waiting(&self) -> u64 {
        self.arrival().saturating_sub(self.applied.load(Acquire))
    }

    /// Applies a batch, if there is one and nobody else is at it; false: there was nothing to apply.
    pub fn apply_some(&self) -> bool {
        if self.waiting() == 0 {
            return false;
        }
        // The lock is released before the gate is left: see the fifth rule.
        let inside = gate::enter();
        let mut index = match self.index.try_write() {
            Ok(index) => index,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                drop(inside);
                std::thread::sleep(Duration::from_micros(20));
                return true;
            }
        };
        let batch: Vec<Change> = {
            let mut log = self.log();
            let count = log.waiting.len().min(BATCH);
            log.waiting.drain(..count).collect()
        };
        for change in &batch {
            index.apply(change);
            self.applied.fetch_add(1, Release);
        }
        drop(index);
        drop(inside);
        true
    }

    /// The index, with everything applied that is before a place.
    pub fn read(&self, place: Place) -> RwLockReadGuard<'_, Index> {
        while self.applied.load(Acquire) < place {
            self.apply_some();
        }
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index as a forked child finds it; for the child only.
    pub fn read_in_child(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the index beside the log: FT.ALTER, the end of loading. Everything appended before is applied first.
    pub fn change<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        let place = self.arrival();
        while self.applied.load(Acquire) < place {
            self.apply_some();
        }
        loop {
            let inside = gate::enter();
            let index = match self.index.try_write() {
                Ok(index) => Some(index),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            if let Some(mut index) = index {
                let result = change(&mut index);
                drop(index);
                drop(inside);
                return result;
            }
            drop(inside);
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::schema;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    fn live() -> Live {
        let words = "SCHEMA n NUMERIC".split(' ').map(str::as_bytes);
        Live::new(Index::new(Arc::new(schema::create(b"i", words).unwrap())))
    }

    fn change(n: u64) -> Change {
        let fields = vec![Raw::Hash(n.to_string().into_bytes().into())];
        let document = Some(RawDocument { fields, ..RawDocument::default() });
        Change { key: format!("k{n}").into_bytes().into(), document }
    }

    /// Queries on several threads while a writer appends: each finds all that was appended before it.
    #[test]
    fn a_query_sees_everything_before_its_arrival() {
        let live = live();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(Acquire) {
                        let arrival = live.arrival();
                        let index = live.read(arrival);
                        assert!(index.documents().len() as u64 >= arrival);
                    }
                });
            }
            scope.spawn(|| while !done.load(Acquire) || live.apply_some() {});
            for n in 0..5000 {
                live.append(change(n));
            }
            done.store(true, Release);
        });
        assert_eq!(live.read(live.arrival()).documents().len(), 5000);
        assert_eq!(live.waiting(), 0);
    }

    #[test]
    fn a_change_beside_the_log_comes_after_what_was_appended() {
        let live = live();
        live.append(change(1));
        assert_eq!(live.change(|index| index.documents().len()), 1);
    }
}
