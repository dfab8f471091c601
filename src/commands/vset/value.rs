//! The value in the keyspace: the engine's set, shared between the main thread and the workers.
//!
//! The main thread changes the set; workers search and link through `&self` (see `vset` and `vector`). The keyspace owns
//! one reference, each job at work another: a set that is deleted in the middle of a search is freed after it.

use std::ffi::{CStr, c_int};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::totals::{Counted, Figures};
use super::vrestore::Pieces;
use crate::codec::Corrupt;
use crate::config;
use crate::redis::alloc::rounded;
use crate::redis::blocking::Blocked;
use crate::redis::context::Context;
use crate::redis::rdb::{Aof, Digest, RdbSink, RdbSource};
use crate::redis::turns;
use crate::redis::types::{DataType, Slot};
use crate::redis::workers::{self, Source};
use crate::vset::VectorSet;
use crate::vset::deferred::{Copied, Copies, Deferred};
use crate::vset::encoding::{Format, VERSION};

static SLOT: Slot = Slot::new();

/// A set and what the workers need beside it.
pub struct Shared {
    /// The set.
    pub set: VectorSet,
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
            set,
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
        self.counted.update(|| Figures {
            elements: self.set.card() as u64,
            unlinked: self.set.tail_len() as u64,
            memory: self.memory_usage() as u64,
        });
    }

    /// Bytes of memory, but for the keyspace's reference.
    fn memory_usage(&self) -> usize {
        // With what `Arc` counts beside it.
        rounded(size_of::<Self>() + 16) + self.set.memory_usage()
    }

    /// Lets waiting clients go on, if the tail is short enough or `always`.
    fn release(&self, always: bool) {
        if !always && self.set.tail_len() >= config::tail_limit() {
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
        let worked = self.set.work();
        self.count();
        self.release(false);
        worked
    }

    fn unbegun(&self) -> usize {
        if self.abandoned.load(Ordering::Relaxed) { 0 } else { self.set.unbegun() }
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }
}

impl Copied for Shared {
    fn copied(&self) -> Self {
        Self::new(self.set.copy())
    }

    fn copies(&self) -> &Copies<Self> {
        &self.copies
    }
}

/// A set that is held while it is used.
pub struct Held(Arc<Shared>);

impl Deref for Held {
    type Target = VectorSet;
    fn deref(&self) -> &VectorSet {
        &self.0.set
    }
}

/// Sets of more elements are copied by a thread.
const COPIED_AT_ONCE: usize = 500;
/// Sets of more elements are freed by a thread.
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
    pub fn set(&self) -> Held {
        Held(self.0.get())
    }

    /// The set, to be changed: no copy of it is being made, which this waits for.
    pub fn set_to_change(&self) -> Held {
        Held(self.0.settled())
    }

    /// The set in the form that a worker can keep.
    pub fn shared(&self) -> Arc<Shared> {
        self.0.get()
    }

    /// Sees to it that new work (elements to link or unlink) is done: by the workers, or here and now, where nothing may leave
    /// the main thread, and in a set that is so small that telling a worker takes as long.
    pub fn has_new_work(&self) {
        let shared = self.shared();
        if config::single_threaded() {
            shared.set.link_all();
        } else if shared.set.card() <= LINKED_AT_ONCE {
            while shared.set.unbegun() > 0 && shared.set.work() {}
        }
        shared.count();
        if shared.set.unbegun() > 0 {
            let source: Arc<dyn Source> = shared;
            workers::enqueue(&source);
        }
    }

    /// Replies to an addition: at once while the tail is short; otherwise the client waits, not the server, and where a
    /// client can't wait, the main thread helps to link.
    pub fn reply_added(&self, ctx: &Context, added: bool) {
        let limit = config::tail_limit();
        let shared = self.shared();
        if shared.set.tail_len() <= limit {
            ctx.reply().boolean(added);
        } else if let Some(client) = ctx.block_if(!config::single_threaded()) {
            super::counters::TAIL_WAITS.add(1);
            shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((client, added));
            // The workers may have finished in between.
            shared.release(false);
        } else {
            while shared.set.tail_len() > limit && shared.set.work() {}
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
        self.set().encode(sink, if config::saves_compact() { Format::Compact } else { Format::Redis });
    }

    fn rewrite(&self, aof: &mut Aof<'_>) {
        let mut pieces = Pieces::new(aof);
        self.set().encode(&mut pieces, Format::Redis);
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
        if set.card() <= COPIED_AT_ONCE || config::single_threaded() {
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
            let is_small = shared.set.card() <= FREED_AT_ONCE;
            workers::release(shared, is_small);
        }
    }
}
