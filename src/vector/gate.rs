//! The gate: nobody is in the middle of changing a graph when the server forks.
//!
//! A forked child has the memory of every thread and only one of them. Whoever changes a graph (adding, linking,
//! unlinking) is inside the gate for that one unit of work; [`close`] waits until all have left and keeps others out, so
//! that the child finds whole nodes and free locks. Searches are never inside: they change nothing. The server's fork
//! handlers call [`close`] before the fork, [`open`] after it in the parent and in the child.
//!
//! Entering is reentrant: who applies several changes as one unit enters once around them.
//!
//! One word, no mutex (a mutex held by a thread that the child lacks could never be released): the top bit says closed,
//! the rest counts who is inside. Waiting is by short naps; it happens around forks only.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

const CLOSED: u32 = 1 << 31;

static GATE: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// How often this thread has entered without leaving.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Being inside; dropped when the unit of work is done. Never held while waiting for another thread's work.
#[derive(Debug)]
pub struct Inside(std::marker::PhantomData<*const ()>);

/// Enters, waiting while the gate is closed, unless this thread is inside already.
#[must_use]
pub fn enter() -> Inside {
    if DEPTH.replace(DEPTH.get() + 1) > 0 {
        return Inside(std::marker::PhantomData);
    }
    let mut naps = 0;
    while GATE.fetch_add(1, Acquire) & CLOSED != 0 {
        GATE.fetch_sub(1, Release);
        nap(&mut naps);
    }
    Inside(std::marker::PhantomData)
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            GATE.fetch_sub(1, Release);
        }
    }
}

/// Closes the gate and waits until nobody is inside: at most one unit of work per linking thread.
///
/// The calling thread must not be inside, and closes only once before it opens.
pub fn close() {
    let mut naps = 0;
    let mut inside = GATE.fetch_or(CLOSED, AcqRel) & !CLOSED;
    while inside != 0 {
        nap(&mut naps);
        inside = GATE.load(Acquire) & !CLOSED;
    }
}

/// Opens the gate again. In a forked child too: whoever tried to enter just then does not exist there.
pub fn open() {
    GATE.fetch_and(!CLOSED, Release);
}

/// Opens the gate in a forked child, where the caller is the only thread: nobody is inside, whatever the word says.
pub fn open_in_child() {
    GATE.store(0, Relaxed);
}

/// Does something while nobody is inside; the calling thread must not be, and nobody else closes the gate meanwhile.
pub fn at_rest<T>(work: impl FnOnce() -> T) -> T {
    /// Opens the gate, even where the work panics.
    struct Closed;
    impl Drop for Closed {
        fn drop(&mut self) {
            open();
        }
    }
    close();
    let _closed = Closed;
    work()
}

fn nap(naps: &mut u32) {
    *naps += 1;
    if *naps < 50 {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_micros(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn who_is_inside_enters_again_though_it_is_closed() {
        let outer = enter();
        let closer = std::thread::spawn(|| {
            close();
            open();
        });
        while GATE.load(Acquire) & CLOSED == 0 {
            std::thread::yield_now();
        }
        drop(enter());
        drop(outer);
        closer.join().expect("closes once nobody is inside");
    }

    #[test]
    fn nobody_enters_while_it_is_closed() {
        let inside = enter();
        let entered = Arc::new(AtomicBool::new(false));
        let closer = std::thread::spawn({
            let entered = entered.clone();
            move || {
                close();
                assert!(!entered.load(Acquire), "the first has left before close returned");
                let late = std::thread::spawn(|| drop(enter()));
                open();
                late.join().expect("enters once it is open");
            }
        });
        while GATE.load(Acquire) & CLOSED == 0 {
            std::thread::yield_now();
        }
        drop(inside);
        closer.join().expect("closes once nobody is inside");
    }
}
