//! An index that lives: its log, and how threads share it.
//!
//! 1. **Writing is appending.** The main thread appends an [`Entry`] to the log and goes on ([`Live::append`]). The log is a
//!    queue that one appends to without a lock: workers have a low priority, and who waits for a lock that such a thread
//!    holds waits until it gets a core again.
//! 2. **A query sees what was written before it.** It notes [`Live::arrival`] when the command arrives, and [`Live::read`]
//!    applies what is left up to there before it lets the query in. Whoever comes first applies; nobody applies in vain.
//! 3. **Applying goes in batches** of at most `BATCH` changes, or one change that takes longer than `MOMENT`, between which
//!    queries get their turn.
//! 4. **Nobody queues for the lock.** The one who applies only ever *tries* it, so that readers never wait behind a
//!    writer that waits for readers. He cannot starve: a query that comes later waits for the same changes to be
//!    applied before it takes the lock. A query tries it too, again and again, since its time may be over before it gets it
//!    ([`Live::read_within`]); it says that it waits, and until it is in, nobody begins to apply.
//! 5. **A fork finds the index whole.** Each batch is inside the [`gate`] that fork handlers close, and nobody holds or
//!    waits for the write lock outside of it: so a forked child can read ([`Live::read_at_rest`]) whatever threads the parent
//!    had. The log is not for the child: what is not applied by then is in the keys.
//!
//! 6. **The log and the unlinked vectors are bounded by who writes.** The one who appends may have nobody wait, so he helps:
//!    [`Live::try_apply`] applies a few changes where that needs no waiting, [`Live::link_next`] links a vector.
//!
//! 7. **Vectors are found at once and linked later**, by any number of threads that call [`Live::link_next`], without the lock.
//!    They also build a graph anew of which most was removed ([`crate::vector::graph::renewal`]), and one of them puts it into its
//!    field when nobody reads or applies.
//!
//! The main thread calls [`Live::append`] and [`Live::arrival`]; it calls [`Live::read`] only where it must answer inline.

use super::index::{Change, FieldIndex, Index, Values};
use super::schema::Schema;
use crate::vector::graph::Step;
use crate::vector::graph::renewal::{Finished, Renewal};
use crate::vector::{Graph, gate, scratch};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

/// Changes that are applied while the lock is held once: about a millisecond.
pub const BATCH: usize = 64;
/// How long a batch takes at most, unless one change takes longer.
const MOMENT: Duration = Duration::from_millis(1);
/// How long one who waits for the lock sleeps before he tries again.
const NAP: Duration = Duration::from_micros(20);

/// Vectors of a graph that is built anew that may wait to be linked before some are.
const LEFT_UNLINKED: usize = 512;

/// What [`Live::try_apply`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Some changes.
    Some,
    /// There were none.
    Nothing,
    /// Somebody else applies: about a millisecond.
    Applying,
    /// A query reads, as long as that takes.
    Reading,
}

/// A place in the log: everything before it. The first is 0.
pub type Place = u64;

/// What the log says.
#[derive(Debug)]
pub enum Entry {
    /// What a key holds has changed.
    Change(Change),
    /// FT.ALTER has added fields. Documents get their values for these by changes that come after it.
    Alter(Arc<Schema>),
    /// FT.SYNUPDATE has put words into a group. Documents are found by it by changes that come after it.
    Synonyms {
        /// The group.
        group: Box<[u8]>,
        /// The words.
        words: Vec<Box<[u8]>>,
    },
}

/// An index with its log.
#[derive(Debug)]
pub struct Live {
    log: Sender<Entry>,
    appended: AtomicU64,
    /// The log's other end, only locked by the holder of the write lock.
    waiting: Mutex<Receiver<Entry>>,
    /// Up to which place the index has applied the log. Only changed by the holder of the write lock.
    applied: AtomicU64,
    /// Whether the write lock is held for applying: a hint for who can't get it.
    applying: AtomicBool,
    /// Queries that wait for nothing but the lock.
    readers: AtomicUsize,
    index: RwLock<Index>,
    /// Those of the index, for who links without the lock.
    graphs: RwLock<Vec<Arc<Linked>>>,
}

/// A graph of the index, and what is built anew from it.
#[derive(Debug)]
struct Linked {
    graph: Arc<Graph>,
    renewal: Mutex<Option<Arc<Renewal<Graph>>>>,
}

impl Linked {
    fn new(graph: Arc<Graph>) -> Arc<Self> {
        Arc::new(Self { graph, renewal: Mutex::default() })
    }

    /// How much is to be done.
    fn pending(&self) -> usize {
        self.graph.pending() + usize::from(self.graph.is_to_renew())
    }

    /// What builds an heir of the graph, begun if it is not there or in vain.
    fn renewal(&self) -> Arc<Renewal<Graph>> {
        let mut renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(renewal) = renewal.as_ref().filter(|renewal| !renewal.is_vain()) {
            return Arc::clone(renewal);
        }
        let heir = Graph::new(*self.graph.params());
        let begun = Arc::new(Renewal::begin(&*self.graph, heir, renewal.as_deref()));
        *renewal = Some(Arc::clone(&begun));
        begun
    }
}

/// Runs `work` while nobody changes an index or a graph: for saving, in the server itself or in a forked child.
pub fn at_rest<T>(work: impl FnOnce() -> T) -> T {
    /// Opens the gate, even where the work panics.
    struct Closed;
    impl Drop for Closed {
        fn drop(&mut self) {
            gate::open();
        }
    }
    gate::close();
    let _closed = Closed;
    work()
}

/// The graphs of an index.
fn graphs(index: &Index) -> Vec<Arc<Graph>> {
    let of_field = |field: &FieldIndex| match &field.values {
        Values::Vector(vectors) => vectors.graph().cloned(),
        _ => None,
    };
    index.fields().iter().filter_map(of_field).collect()
}

impl Live {
    /// An index with nothing in its log.
    pub fn new(index: Index) -> Self {
        let (log, waiting) = channel();
        Self {
            log,
            appended: AtomicU64::new(0),
            waiting: Mutex::new(waiting),
            applied: AtomicU64::new(0),
            applying: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            graphs: RwLock::new(graphs(&index).into_iter().map(Linked::new).collect()),
            index: RwLock::new(index),
        }
    }

    /// Appends to the log.
    pub fn append(&self, entry: Entry) -> Place {
        // Counted before it is there: who waits for a place to be applied must not miss it. It fails where the other end is
        // gone, which is a part of this.
        let place = self.appended.fetch_add(1, AcqRel) + 1;
        let _sent = self.log.send(entry);
        place
    }

    /// The place after everything that was appended so far.
    pub fn arrival(&self) -> Place {
        self.appended.load(Acquire)
    }

    /// How many changes wait to be applied.
    pub fn waiting(&self) -> u64 {
        self.arrival().saturating_sub(self.applied.load(Acquire))
    }

    /// Applies a batch, if there is one and nobody else is at it; false: there was nothing to apply.
    pub fn apply_some(&self) -> bool {
        match self.try_apply(BATCH) {
            Applied::Nothing => false,
            Applied::Some => true,
            Applied::Applying | Applied::Reading => {
                std::thread::sleep(NAP);
                true
            }
        }
    }

    /// Applies at most so many changes, without waiting for anybody.
    pub fn try_apply(&self, most: usize) -> Applied {
        if self.waiting() == 0 {
            return Applied::Nothing;
        }
        if self.readers.load(Acquire) > 0 {
            return Applied::Reading;
        }
        let start = Instant::now();
        // The lock is released before the gate is left: see the fifth rule.
        let inside = gate::enter();
        let mut index = match self.index.try_write() {
            Ok(index) => index,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return if self.applying.load(Acquire) { Applied::Applying } else { Applied::Reading };
            }
        };
        self.applying.store(true, Release);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in waiting.try_iter().take(most) {
            match entry {
                Entry::Change(change) => drop(index.apply(&change)),
                Entry::Alter(schema) => index.alter(schema),
                Entry::Synonyms { group, words } => index.add_synonyms(&group, words),
            }
            self.applied.fetch_add(1, Release);
            if start.elapsed() >= MOMENT {
                break;
            }
        }
        drop(waiting);
        self.keep_graphs(&index);
        self.applying.store(false, Release);
        drop(index);
        drop(inside);
        Applied::Some
    }

    /// Takes note of the graphs of the index: an added field brings one, and a field that loses its last vector begins
    /// with another.
    fn keep_graphs(&self, index: &Index) {
        let now = graphs(index);
        let same = {
            let known = self.graphs();
            known.len() == now.len() && known.iter().zip(&now).all(|(one, other)| Arc::ptr_eq(&one.graph, other))
        };
        if !same {
            let mut known = self.graphs.write().unwrap_or_else(PoisonError::into_inner);
            let linked = |graph: Arc<Graph>| {
                let before = known.iter().find(|linked| Arc::ptr_eq(&linked.graph, &graph)).cloned();
                before.unwrap_or_else(|| Linked::new(graph))
            };
            *known = now.into_iter().map(linked).collect();
        }
    }

    fn graphs(&self) -> RwLockReadGuard<'_, Vec<Arc<Linked>>> {
        self.graphs.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Links one vector, or unlinks a removed one, or does a step of building anew, in the graph that has most to do; false: there
    /// was nothing to do.
    pub fn link_next(&self) -> bool {
        let Some(linked) = self.graphs().iter().max_by_key(|linked| linked.pending()).cloned() else { return false };
        let graph = &linked.graph;
        let is_to_renew = graph.is_to_renew();
        if is_to_renew {
            // No more waits to be linked than a search does not feel.
            let is_long = graph.tail_len() > LEFT_UNLINKED;
            if is_long && scratch::with(|scratch| graph.link_one(scratch)) || self.renew(&linked) {
                return true;
            }
        }
        let linked = scratch::with(|scratch| graph.link_next(scratch));
        // Here and wherever a search ends: the last one to look is the one who frees.
        let freed = graph.reclaim_at_rest(|_| {});
        linked || freed
    }

    /// Does a step of building a graph anew; false: there was nothing to do.
    fn renew(&self, linked: &Linked) -> bool {
        let inside = gate::enter();
        let renewal = linked.renewal();
        drop(inside);
        let step = scratch::with(|scratch| renewal.step(&*linked.graph, scratch));
        if step != Step::Ready || renewal.is_vain() {
            return step != Step::Nothing;
        }
        let inside = gate::enter();
        let keep_out = || match self.index.try_write() {
            // As who applies: those who wait to read come first.
            Ok(_) if self.readers.load(Acquire) > 0 => None,
            Ok(index) => Some(index),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let finished = renewal.finish(&*linked.graph, keep_out);
        if let Some(Finished { heir, moved, kept_out: mut index }) = finished {
            index.renew_graph(&linked.graph, heir, &moved);
            self.keep_graphs(&index);
            drop(index);
            drop(inside);
        } else {
            drop(inside);
            // Somebody reads or applies.
            std::thread::sleep(NAP);
        }
        true
    }

    /// Vectors that wait to be linked in the graph where most wait.
    pub fn unlinked(&self) -> usize {
        self.graphs().iter().map(|linked| linked.graph.tail_len()).max().unwrap_or(0)
    }

    /// For how many threads there is something to do that nobody has begun: for one to apply changes, for each that comes to
    /// link.
    pub fn unbegun(&self) -> usize {
        let of_graph = |graph: &Graph| graph.unbegun() + usize::from(graph.is_to_renew());
        let to_link: usize = self.graphs().iter().map(|linked| of_graph(&linked.graph)).sum();
        to_link + usize::from(self.waiting() > 0)
    }

    /// The index, with everything applied that is before a place.
    pub fn read(&self, place: Place) -> RwLockReadGuard<'_, Index> {
        while self.applied.load(Acquire) < place {
            self.apply_some();
        }
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Live::read`], if that is done before `is_over` says yes.
    pub fn read_within(&self, place: Place, is_over: &dyn Fn() -> bool) -> Option<RwLockReadGuard<'_, Index>> {
        /// One who waits for the lock.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, AcqRel);
            }
        }
        while self.applied.load(Acquire) < place {
            if is_over() {
                return None;
            }
            self.apply_some();
        }
        let mut waits = None;
        loop {
            match self.index.try_read() {
                Ok(index) => return Some(index),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if is_over() => return None,
                Err(TryLockError::WouldBlock) => {}
            }
            if waits.is_none() {
                self.readers.fetch_add(1, AcqRel);
                waits = Some(Waits(&self.readers));
            }
            std::thread::sleep(NAP);
        }
    }

    /// As [`Live::read`], if that needs no work and no waiting.
    pub fn try_read(&self, place: Place) -> Option<RwLockReadGuard<'_, Index>> {
        if self.applied.load(Acquire) < place { None } else { self.index.try_read().ok() }
    }

    /// The index as it is now, without what waits in the log. Only within [`at_rest`].
    pub fn read_at_rest(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the index beside the log: the end of loading. Everything appended before is applied first.
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
                self.keep_graphs(&index);
                drop(index);
                drop(inside);
                return result;
            }
            drop(inside);
            std::thread::sleep(NAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::schema;

    fn live() -> Live {
        let words = "SCHEMA n NUMERIC".split(' ').map(str::as_bytes);
        Live::new(Index::new(Arc::new(schema::create(b"i", words).unwrap())))
    }

    fn change(n: u64) -> Entry {
        let fields = vec![Raw::Hash(n.to_string().into_bytes().into())];
        let document = Some(RawDocument { fields, ..RawDocument::default() });
        Entry::Change(Change { key: format!("k{n}").into_bytes().into(), document })
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
                        let index = live.read_within(arrival, &|| false).unwrap();
                        assert!(index.documents().len() as u64 >= arrival);
                    }
                });
            }
            scope.spawn(|| {
                while !done.load(Acquire) || live.apply_some() {
                    std::hint::spin_loop()
                }
            });
            for n in 0..5000 {
                live.append(change(n));
            }
            done.store(true, Release);
        });
        assert_eq!(live.read(live.arrival()).documents().len(), 5000);
        assert_eq!(live.waiting(), 0);
    }

    /// Whoever links finds the graph of a field that has lost all its vectors and got others.
    #[test]
    fn vectors_are_linked_after_the_last_one_has_gone() {
        let words = "SCHEMA v VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2".split(' ').map(str::as_bytes);
        let live = Live::new(Index::new(Arc::new(schema::create(b"i", words).unwrap())));
        let put = |document| live.append(Entry::Change(Change { key: (*b"k").into(), document }));
        let vector = |n: u8| Some(RawDocument { fields: vec![Raw::Hash([n; 8].into())], ..RawDocument::default() });
        for n in 0..3 {
            put(vector(n));
            put(None);
            put(vector(n + 1));
            drop(live.read(live.arrival()));
            assert_eq!(live.unlinked(), 1);
            while live.link_next() {}
            assert_eq!(live.unlinked(), 0);
            put(None);
            drop(live.read(live.arrival()));
        }
    }

    #[test]
    fn a_change_beside_the_log_comes_after_what_was_appended() {
        let live = live();
        live.append(change(1));
        assert_eq!(live.change(|index| index.documents().len()), 1);
    }
}
