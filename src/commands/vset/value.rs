//! The value in the keyspace: the engine's set, shared between the main thread and the workers.
//!
//! The main thread changes the set; workers search and link through `&self` (see `vset` and `vector`). The keyspace owns
//! one reference, each job at work another: a set that is deleted in the middle of a search is freed after it.
//!
//! A set of which most was removed is built anew by the workers ([`crate::vset::renewal`]), and the heir is put in its place
//! here, by one of them. That takes the flag `writing`, which the main thread has while it changes the set; so the main thread
//! waits at most for the last few changes to be caught up with, once for each heir. Who searches takes the set of that moment.

use std::ffi::{CStr, c_int};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::pieces::Pieces;
use super::totals::{Counted, Figures};
use crate::codec::Corrupt;
use crate::config;
use crate::redis::alloc::rounded;
use crate::redis::blocking::Blocked;
use crate::redis::context::Context;
use crate::redis::rdb::{Aof, Digest, RdbSink, RdbSource};
use crate::redis::turns;
use crate::redis::types::{DataType, Slot};
use crate::redis::workers::{self, Source};
use crate::vset::deferred::{Copied, Copies, Deferred};
use crate::vset::encoding::{Format, VERSION};
use crate::vset::{Step, VectorSet};

static SLOT: Slot = Slot::new();

/// A set and what the workers need beside it.
pub struct Shared {
    set: ArcSwap<VectorSet>,
    /// Somebody changes the set, or puts another in its place.
    writing: AtomicBool,
    /// Stands in the pool's queue.
    queued: AtomicBool,
    /// The keyspace has let go of it: no use in linking on.
    abandoned: AtomicBool,
    /// Clients whose addition is done and whose reply waits for the tail to shrink, with that reply.
    waiting: Mutex<Vec<(Blocked, bool)>>,
    /// Copies of the set that are being made.
    copies: Copies<Shared>,
    /// What it counts in `INFO`.
    counted: Counted,
}

impl Shared {
    fn new(set: VectorSet) -> Self {
        let shared = Self {
            set: ArcSwap::from_pointee(set),
            writing: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            waiting: Mutex::new(Vec::new()),
            copies: Copies::default(),
            counted: Counted::new(),
        };
        shared.count();
        shared
    }

    /// Has `INFO` say what the set is now. Whoever has changed it calls this.
    pub fn count(&self) {
        self.counted.update(|| {
            let set = self.set();
            Figures {
                elements: set.card() as u64,
                unlinked: set.tail_len() as u64,
                removed: set.removed() as u64,
                memory: self.memory_of(&set) as u64,
            }
        });
    }

    /// Bytes of memory, but for the keyspace's reference.
    fn memory_usage(&self) -> usize {
        self.memory_of(&self.set())
    }

    /// As [`Shared::memory_usage`], with this set.
    fn memory_of(&self, set: &VectorSet) -> usize {
        // With what `Arc` counts beside each of them.
        rounded(size_of::<Self>() + 16) + rounded(size_of::<VectorSet>() + 16) + set.memory_usage()
    }

    /// The set as it is now.
    pub fn set(&self) -> Arc<VectorSet> {
        self.set.load_full()
    }

    /// Puts the heir of a set in its place; false: not now.
    fn replace(&self, set: &VectorSet) -> bool {
        set.pass_on(|| Writing::begin(&self.writing), |heir| self.set.store(heir))
    }

    /// Does one unit of background work; false where none was found.
    fn work(&self) -> bool {
        let set = self.set();
        // Of a set that is built anew, no more waits to be linked than keeps those who add from waiting.
        if set.tail_len() > config::tail_limit() / 2 && set.is_to_renew() && set.link_one() {
            return true;
        }
        match set.renew_step() {
            Step::Done => true,
            Step::Ready if self.replace(&set) => true,
            Step::Ready | Step::Nothing => set.work(),
        }
    }

    /// Lets waiting clients go on, if the tail is short enough or `always`.
    fn release(&self, always: bool) {
        if !always && self.set().tail_len() >= config::tail_limit() {
            return;
        }
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for (client, added) in waiting {
            client.reply(|reply| reply.boolean(added));
        }
    }
}

impl Source for Shared {
    fn step(&self) -> bool {
        if self.abandoned.load(Ordering::Relaxed) {
            return false;
        }
        let worked = self.work();
        self.count();
        self.release(false);
        worked
    }

    fn unbegun(&self) -> usize {
        if self.abandoned.load(Ordering::Relaxed) { 0 } else { self.set().unbegun() }
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }
}

impl Copied for Shared {
    fn copied(&self) -> Self {
        Self::new(self.set().copy())
    }

    fn copies(&self) -> &Copies<Self> {
        &self.copies
    }

    fn made(shared: &Arc<Self>) {
        // What was loaded or copied may have been badly linked.
        if !config::single_threaded() && shared.unbegun() > 0 {
            let source: Arc<dyn Source> = Arc::clone(shared) as _;
            workers::enqueue(&source);
        }
    }
}

/// The right to change a set or to put another in its place.
struct Writing<'a>(&'a AtomicBool);

impl<'a> Writing<'a> {
    /// The right, if nobody has it.
    fn begin(flag: &'a AtomicBool) -> Option<Self> {
        (!flag.swap(true, Ordering::Acquire)).then_some(Self(flag))
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A set that is changed: the flag `writing` is up.
pub struct Changing {
    set: Arc<VectorSet>,
    shared: Arc<Shared>,
}

impl Changing {
    fn begin(shared: Arc<Shared>) -> Self {
        // Who puts another set in its place is at it for the time of a few changes.
        while shared.writing.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        Self { set: shared.set(), shared }
    }
}

impl Deref for Changing {
    type Target = VectorSet;
    fn deref(&self) -> &VectorSet {
        &self.set
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        drop(Writing(&self.shared.writing));
    }
}

/// Units of background work that the main thread does after a write, where it must: more than a write brings.
const UNITS: usize = 8;

/// Sets of more elements are copied by a thread; those that were removed and are not freed yet count, too.
const COPIED_AT_ONCE: usize = 500;
/// Sets of more elements are freed by a thread, likewise.
const FREED_AT_ONCE: usize = 500;
/// In sets of more elements, workers link what is new.
const LINKED_AT_ONCE: usize = 16;

/// The keyspace's reference to a set.
pub struct Value(Deferred<Shared>);

impl Value {
    /// A value of a set.
    pub fn new(set: VectorSet) -> Self {
        Self(Deferred::new(Shared::new(set)))
    }

    /// The set, to be read.
    pub fn set(&self) -> Arc<VectorSet> {
        self.0.get().set()
    }

    /// The set, to be changed once: no copy of it is being made, which this waits for.
    pub fn set_to_change(&self) -> Changing {
        Changing::begin(self.0.settled())
    }

    /// The set in the form that a worker can keep.
    pub fn shared(&self) -> Arc<Shared> {
        self.0.get()
    }

    /// Sees to it that new work (elements to link or unlink) is done: by the workers, or here and now, where nothing may leave
    /// the main thread, and in a set that is so small that telling a worker takes as long. Then it is more than a write brings, and
    /// so little that nobody notices.
    pub fn has_new_work(&self) {
        let shared = self.shared();
        if config::single_threaded() {
            (0..UNITS).take_while(|_| shared.work()).for_each(drop);
        } else if shared.set().card() <= LINKED_AT_ONCE && !shared.set().is_to_renew() {
            (0..UNITS).take_while(|_| shared.unbegun() > 0 && shared.work()).for_each(drop);
        }
        shared.count();
        if shared.unbegun() > 0 && !config::single_threaded() {
            let source: Arc<dyn Source> = shared;
            workers::enqueue(&source);
        }
    }

    /// Replies to an addition: at once while the tail is short; otherwise the client waits, not the server, and where a
    /// client can't wait, the main thread helps to link.
    pub fn reply_added(&self, ctx: &Context, added: bool) {
        let limit = config::tail_limit();
        let shared = self.shared();
        if shared.set().tail_len() <= limit {
            ctx.reply().boolean(added);
        } else if let Some(client) = ctx.block_if(!config::single_threaded()) {
            super::counters::TAIL_WAITS.add(1);
            shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((client, added));
            // The workers may have finished in between.
            shared.release(false);
        } else {
            let set = shared.set();
            (0..UNITS).take_while(|_| set.tail_len() > limit && set.link_one()).for_each(drop);
            ctx.reply().boolean(added);
        }
    }
}

impl DataType for Value {
    const NAME: &'static CStr = c"vectorset";
    const VERSION: c_int = VERSION;

    fn slot() -> &'static Slot {
        &SLOT
    }

    fn load(source: &mut RdbSource, version: c_int) -> Result<Self, Corrupt> {
        VectorSet::decode(source, version, config::coarse_dim()).map(Self::new)
    }

    fn save(&self, sink: &mut RdbSink) {
        let shared = self.shared();
        shared.set().encode(sink, if config::saves_compact() { Format::Compact } else { Format::Redis });
        // It has linked what waited.
        shared.count();
    }

    fn rewrite(&self, aof: &mut Aof<'_>) {
        let mut pieces = Pieces::new(aof);
        let shared = self.shared();
        shared.set().encode(&mut pieces, Format::Redis);
        shared.count();
        pieces.finish();
    }

    fn memory_usage(&self) -> usize {
        self.0.memory_usage(rounded) + self.shared().memory_usage()
    }

    fn digest(&self, digest: &mut Digest) {
        let set = self.set();
        digest.integer(set.card() as i64);
        digest.integer(set.dim() as i64);
        digest.end();
        set.each(|element| {
            digest.bytes(element.name);
            digest.bytes(element.code);
            digest.bytes(element.attributes.unwrap_or_default());
            digest.end();
        });
    }

    fn copy(&self) -> Self {
        let set = self.set();
        if set.slots() <= COPIED_AT_ONCE || config::single_threaded() {
            return Self::new(set.copy());
        }
        Self(self.0.copy(turns::come_after))
    }

    fn free_effort(&self) -> usize {
        self.set().card()
    }

    fn dispose(self: Box<Self>) {
        // What is another key's set lives on.
        if let Some(shared) = self.0.last() {
            shared.abandoned.store(true, Ordering::Relaxed);
            shared.release(true);
            let source: Arc<dyn Source> = shared.clone();
            workers::withdraw(&source);
            drop(source);
            let is_small = shared.set().slots() <= FREED_AT_ONCE;
            workers::release(shared, is_small);
        }
    }
}
