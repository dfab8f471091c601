//! A copy that is made behind its owner's back.
//!
//! Copying a large set takes as long as reading it; who asks for the copy must not wait for that. So a [`Deferred`] holds
//! either its own value, or, for a while, the one it is to be a copy of, which a thread is copying. Readers read that one:
//! it says the same. Whoever wants to change a value first waits ([`Deferred::settled`]) until it is its own and nobody
//! copies it any more; so what is copied never changes meanwhile. Only a change within the time of the copy has to wait,
//! and only for the rest of it.
//!
//! # Threads
//!
//! One thread calls [`Deferred::copy`] and [`Deferred::settled`] and changes values. The copying thread takes the lock of a
//! state only inside the gate ([`crate::vector::gate`]), so that a fork never finds it held; another thread that looks into
//! a [`Deferred`] has to be inside as well ([`Deferred::last`]).
#![forbid(unsafe_code)]

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::vector::gate;

/// What can be copied by another thread while nobody changes it.
pub trait Copied: Send + Sync + Sized + 'static {
    /// The copy. Takes long.
    fn copied(&self) -> Self;
    /// The copies of it that are being made.
    fn copies(&self) -> &Copies<Self>;
    /// Told of every value that comes into being.
    fn made(_: &Arc<Self>) {}
}

/// The copies of a value that are being made. One that is made, or has gone, is not in the list any more.
pub struct Copies<T>(Mutex<Vec<Weak<Place<T>>>>);

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// See the module's documentation.
pub struct Deferred<T>(Arc<Place<T>>);

struct Place<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Own(Arc<T>),
    /// A thread is copying, or (`busy` is false) it failed.
    CopyOf {
        source: Arc<T>,
        busy: bool,
    },
}

impl<T> State<T> {
    fn value(&self) -> &Arc<T> {
        match self {
            State::Own(value) | State::CopyOf { source: value, .. } => value,
        }
    }
}

/// Nothing panics while a lock of this module is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Copied> Place<T> {
    /// Waits until no thread is copying into this place, makes the copy here if that thread failed, and returns it.
    fn own(&self) -> Arc<T> {
        let mut state = lock(&self.state);
        while let State::CopyOf { busy: true, .. } = *state {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let State::CopyOf { source, .. } = &*state {
            let own = Arc::new(source.copied());
            T::made(&own);
            *state = State::Own(own);
        }
        Arc::clone(state.value())
    }

    /// What the copying thread does.
    fn fill(&self, source: &T) {
        let _ends = Ends(self);
        let own = Arc::new(source.copied());
        T::made(&own);
        let inside = gate::enter();
        let before = std::mem::replace(&mut *lock(&self.state), State::Own(own));
        self.leave(source);
        drop(inside);
        // Perhaps the last reference to a large value: not to be dropped inside the gate.
        drop(before);
    }

    /// Leaves the list of who is a copy of `source`.
    fn leave(&self, source: &T) {
        let mut copies = lock(&source.copies().0);
        copies.retain(|copy| !std::ptr::eq(copy.as_ptr(), self));
        if copies.is_empty() {
            *copies = Vec::new();
        }
    }
}

/// Says at the end that nobody copies into a place any more, also when the copy failed.
struct Ends<'a, T>(&'a Place<T>);

impl<T> Drop for Ends<'_, T> {
    fn drop(&mut self) {
        let _inside = gate::enter();
        if let State::CopyOf { busy, .. } = &mut *lock(&self.0.state) {
            *busy = false;
        }
        self.0.changed.notify_all();
    }
}

impl<T: Copied> Deferred<T> {
    /// A value of its own.
    pub fn new(value: T) -> Self {
        let value = Arc::new(value);
        T::made(&value);
        Self::of(State::Own(value))
    }

    fn of(state: State<T>) -> Self {
        Self(Arc::new(Place { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// The value, to be read.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(lock(&self.0.state).value())
    }

    /// Whether it is still read from what it is a copy of.
    #[cfg(test)]
    fn is_pending(&self) -> bool {
        matches!(*lock(&self.0.state), State::CopyOf { .. })
    }

    /// A copy, at once; a thread makes it its own, calling `begin` first. Where no thread can be had, it is made here.
    pub fn copy(&self, begin: fn()) -> Self {
        let source = self.get();
        let copy = Self::of(State::CopyOf { source: Arc::clone(&source), busy: true });
        lock(&source.copies().0).push(Arc::downgrade(&copy.0));
        let place = Arc::clone(&copy.0);
        let thread = std::thread::Builder::new().name("nearset-copy".into());
        let work = move || {
            begin();
            place.fill(&source);
        };
        if thread.spawn(work).is_err() {
            drop(Ends(&*copy.0));
            copy.0.own();
        }
        copy
    }

    /// The value, to be changed: its own, and copied by nobody.
    pub fn settled(&self) -> Arc<T> {
        let own = self.0.own();
        let copies = std::mem::take(&mut *lock(&own.copies().0));
        for place in copies.iter().filter_map(Weak::upgrade) {
            place.own();
        }
        own
    }

    /// Bytes of what this holds beside the value, where `taken` says what a block of a size takes; with this itself.
    pub fn memory_usage(&self, taken: fn(usize) -> usize) -> usize {
        // With the two counts of an `Arc`.
        taken(size_of::<Self>()) + taken(size_of::<Place<T>>() + 16)
    }

    /// The value, for the last time, from any thread; `None` while it is what another holds.
    pub fn last(self) -> Option<Arc<T>> {
        let _inside = gate::enter();
        match &*lock(&self.0.state) {
            State::Own(own) => Some(Arc::clone(own)),
            State::CopyOf { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A number whose copy waits for a word.
    struct Slow {
        number: AtomicU32,
        copies: Copies<Slow>,
        go: Mutex<Receiver<bool>>,
    }

    impl Copied for Slow {
        fn copied(&self) -> Self {
            assert!(lock(&self.go).recv().unwrap_or(true), "a copy that fails");
            slow(self.number.load(SeqCst)).0
        }
        fn copies(&self) -> &Copies<Self> {
            &self.copies
        }
    }

    fn slow(number: u32) -> (Slow, Sender<bool>) {
        let (say, go) = channel();
        (Slow { number: number.into(), copies: Copies::default(), go: Mutex::new(go) }, say)
    }

    fn number(value: &Deferred<Slow>) -> u32 {
        value.get().number.load(SeqCst)
    }

    #[test]
    fn a_copy_is_there_at_once_and_becomes_its_own() {
        let (value, say) = slow(7);
        let value = Deferred::new(value);
        let (copy, second) = (value.copy(|| ()), value.copy(|| ()));
        assert!(copy.is_pending() && number(&copy) == 7);
        let third = copy.copy(|| ());
        (0..3).for_each(|_| say.send(true).expect("the copies wait"));
        value.settled().number.store(8, SeqCst);
        assert!(!copy.is_pending() && !third.is_pending());
        copy.settled().number.store(9, SeqCst);
        assert_eq!([&value, &copy, &second, &third].map(number), [8, 9, 7, 7]);
    }

    #[test]
    fn a_copy_outlives_what_it_is_a_copy_of() {
        let (value, say) = slow(7);
        let value = Deferred::new(value);
        let copy = value.copy(|| ());
        let source = Arc::downgrade(&value.get());
        assert!(value.last().is_some());
        assert_eq!(number(&copy), 7);
        say.send(true).expect("the copy waits");
        copy.settled().number.store(9, SeqCst);
        while source.strong_count() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(number(&copy), 9);
        assert!(copy.last().is_some());
    }

    #[test]
    fn a_copy_that_failed_is_made_by_who_needs_it() {
        let (value, say) = slow(7);
        let value = Deferred::new(value);
        let copy = value.copy(|| ());
        say.send(false).expect("the copy waits");
        drop(say);
        value.settled().number.store(8, SeqCst);
        assert_eq!((number(&value), number(&copy)), (8, 7));
    }

    #[test]
    fn a_pending_copy_can_go() {
        let (value, say) = slow(7);
        let value = Deferred::new(value);
        assert!(value.copy(|| ()).last().is_none());
        say.send(true).expect("the copy waits");
        value.settled().number.store(8, SeqCst);
        assert_eq!(number(&value), 8);
    }
}
