//! Two pieces of one query's work at the same time.
//!
//! The caller does the first itself. The second stands in the pool's queue meanwhile, and whoever comes to it first does it: a free
//! worker, or the caller when it is done with the first. So nobody waits for a worker that is busy with something else, and the two
//! may borrow from the caller: nobody has them any more when [`both`] returns.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::workers;

/// The second piece of work.
type Work = Box<dyn FnOnce() + Send>;

/// What a panic says.
type Panic = Box<dyn Any + Send>;

/// How far the second piece of work is.
enum Progress {
    Waiting(Work),
    Begun,
    Ended,
}

struct Slot {
    progress: Mutex<Progress>,
    ended: Condvar,
}

impl Slot {
    /// No thread panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work, if nobody has begun it.
    fn run(&self) {
        let mut progress = self.lock();
        match std::mem::replace(&mut *progress, Progress::Begun) {
            Progress::Waiting(work) => {
                drop(progress);
                work();
                *self.lock() = Progress::Ended;
                self.ended.notify_one();
            }
            other => *progress = other,
        }
    }

    /// Waits until the work is done, by whomever.
    fn wait(&self) {
        let mut progress = self.lock();
        while !matches!(*progress, Progress::Ended) {
            progress = self.ended.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Does both, and returns what came of them. Where one panics, so does this, after both have ended.
pub fn both<A, B: Send>(first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    let outcome: Mutex<Option<Result<B, Panic>>> = Mutex::new(None);
    let work = || {
        let came = catch_unwind(AssertUnwindSafe(second));
        *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(came);
    };
    let work: Box<dyn FnOnce() + Send + '_> = Box::new(work);
    // SAFETY: the types differ in the lifetime of what is borrowed only. `slot.wait` returns when the work has been called, which
    // uses it up, and nothing before it can panic: both pieces of work are called through `catch_unwind`. So what it
    // borrows outlives it.
    let work: Work = unsafe { std::mem::transmute(work) };
    let slot = Arc::new(Slot { progress: Mutex::new(Progress::Waiting(work)), ended: Condvar::new() });
    let theirs = Arc::clone(&slot);
    workers::submit(move || theirs.run());
    let first = catch_unwind(AssertUnwindSafe(first));
    slot.run();
    slot.wait();
    let second = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (first, second) {
        (Ok(first), Some(Ok(second))) => (first, second),
        (Err(panic), _) | (_, Some(Err(panic))) => resume_unwind(panic),
        (_, None) => unreachable!("the work leaves an outcome"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done_whether_there_are_workers_or_not() {
        let numbers = [1, 2, 3];
        for threads in [0, 2] {
            workers::resize(threads);
            for _ in 0..200 {
                let sums = both(|| numbers.iter().sum::<i32>(), || numbers.iter().product::<i32>());
                assert_eq!(sums, (6, 6));
            }
        }
    }

    #[test]
    fn a_panic_of_either_comes_after_both() {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let count = || done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(catch_unwind(AssertUnwindSafe(|| both(|| panic!("first"), count))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| both(count, || panic!("second")))).is_err());
        assert_eq!(done.into_inner(), 2);
    }
}
