//! Epochs: when nobody can still see what was taken out of a graph.
//!
//! Readers of a graph take no lock, so a vector that was just unlinked may be under a reader's eyes. A reader [`pin`]s
//! for the time of its search; whoever unlinks something `retire`s it and gets a stamp; what is stamped may be reused
//! once every pin is younger, which `oldest` tells.
//!
//! # Protocol
//!
//! A pin publishes the epoch it read in its thread's slot, then issues a sequentially consistent fence, then reads.
//! `retire` comes after the unlinking stores and advances the epoch; `oldest` issues the fence, then reads the slots. A
//! pin that `oldest` did not see has its fence later in the total order, so its reads see the unlinking; one that it saw
//! counts with its epoch, which is at most the stamp if it began before the epoch was advanced. Slots form a list that
//! only grows; a thread that ends gives its slot to the next that begins.
//!
//! After a fork the child has one thread and the pins of the others stay for ever: the child can search, link and save,
//! but never reclaims anything.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, fence};

/// The current epoch; 0 in a slot means "not pinned".
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// One thread's announcement.
struct Slot {
    pinned: AtomicU64,
    taken: AtomicBool,
    next: OnceLock<Box<Slot>>,
}

static FIRST: Slot = Slot::new(false);

impl Slot {
    const fn new(taken: bool) -> Slot {
        Slot { pinned: AtomicU64::new(0), taken: AtomicBool::new(taken), next: OnceLock::new() }
    }

    /// A slot for this thread: one that an ended thread has left, or a new one at the end of the list.
    fn take() -> &'static Slot {
        let mut slot = &FIRST;
        loop {
            if slot.taken.compare_exchange(false, true, AcqRel, Relaxed).is_ok() {
                return slot;
            }
            slot = slot.next.get_or_init(|| Box::new(Slot::new(false)));
        }
    }
}

/// This thread's slot and how many guards it holds.
struct Local {
    slot: &'static Slot,
    depth: Cell<usize>,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.slot.taken.store(false, Release);
    }
}

thread_local! {
    static LOCAL: Local = Local { slot: Slot::take(), depth: Cell::new(0) };
}

/// Keeps what this thread can see from being reused, until it is dropped. Guards nest.
#[derive(Debug)]
pub struct Guard(PhantomData<*const ()>);

/// Pins the current thread. Costs a few nanoseconds; hold it for a search and for as long as the ids found are used.
#[must_use]
pub fn pin() -> Guard {
    LOCAL.with(|local| {
        let depth = local.depth.get();
        if depth == 0 {
            local.slot.pinned.store(EPOCH.load(Acquire), Relaxed);
            fence(SeqCst);
        }
        local.depth.set(depth + 1);
    });
    Guard(PhantomData)
}

impl Drop for Guard {
    fn drop(&mut self) {
        LOCAL.with(|local| {
            let depth = local.depth.get() - 1;
            local.depth.set(depth);
            if depth == 0 {
                local.slot.pinned.store(0, Release);
            }
        });
    }
}

/// Stamps something that no new reader can reach. It may be reused when its stamp is below `oldest`.
pub(super) fn retire() -> u64 {
    fence(SeqCst);
    EPOCH.fetch_add(1, SeqCst)
}

/// The epoch of the oldest pin, `u64::MAX` when no thread is pinned.
pub(super) fn oldest() -> u64 {
    fence(SeqCst);
    let mut oldest = u64::MAX;
    let mut slot = Some(&FIRST);
    while let Some(seen) = slot {
        match seen.pinned.load(Acquire) {
            0 => {}
            epoch => oldest = oldest.min(epoch),
        }
        slot = seen.next.get().map(|next| &**next);
    }
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_was_retired_under_a_pin_waits_for_it() {
        let outer = pin();
        let inner = pin();
        let stamp = retire();
        assert!(stamp >= oldest());
        drop(inner);
        assert!(stamp >= oldest(), "the outer guard still holds");
        drop(outer);
        // Other tests pin too, but only for the time of a search.
        while stamp >= oldest() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn another_threads_pin_counts_until_it_ends() {
        let (pinned, is_pinned) = channel();
        let (leave, left) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let _guard = pin();
            pinned.send(()).expect("the test waits");
            left.recv().expect("the test sends");
        });
        is_pinned.recv().expect("the thread sends");
        let stamp = retire();
        assert!(stamp >= oldest());
        leave.send(()).expect("the thread waits");
        thread.join().expect("the thread ends well");
        while stamp >= oldest() {
            std::thread::yield_now();
        }
    }
}
