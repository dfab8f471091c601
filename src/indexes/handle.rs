//! An index as the pool knows it: a [`Live`] index, worked on in small steps.
//!
//! Changes are applied as soon as they come, so that queries don't wait for them; vectors are linked when there is time. What
//! is not linked yet costs queries a look at each of them, and no memory that it would not cost anyway. Who writes faster
//! than the workers link is slowed down: a client of HSET cannot be told to wait, so the main thread does a share of the
//! work ([`Handle::keep_up`]), at first no more than that nobody else notices.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::counters;
use super::measured::{Measured, Measurement};
use crate::config;
use crate::redis::workers::{self, Source};
use crate::search::index::Index;
use crate::search::info::Facts;
use crate::search::live::{Applied, BATCH, Entry, Live, Place};
use crate::search::schema::Schema;

/// How long a query helps with linking.
const HELP: Duration = Duration::from_millis(2);

/// Changes that may wait to be applied before the main thread helps, and twice as many before it helps as much as is needed to
/// have no more: each costs memory.
const BEHIND: u64 = 4096;
/// As [`BEHIND`], of vectors that wait to be linked, in multiples of what may wait anyway: each costs queries a look at it.
const UNLINKED: usize = 8;
/// How many of them before the main thread helps as much as is needed, likewise. A query looks at so many, by default
/// 65,536 of 384 components, in two to three milliseconds.
const FAR_TOO_MANY: usize = 128;
/// Share of the main thread's time that it helps for while it need not do more: one in so many.
const SHARE_OF_TIME: u32 = 4;
/// Units of work that it does after one write at most, be there as much to do as there may: more than a write brings.
const MOST: usize = 2;
/// Changes that the main thread applies at a time.
const SHARE: usize = 4;

/// How long the main thread waits for a worker that applies changes.
const MOMENT: Duration = Duration::from_micros(50);

/// An index and what the workers need beside it.
#[derive(Debug)]
pub struct Handle {
    /// The index with its log.
    pub live: Live,
    queued: AtomicBool,
    /// The registry has let go of it: no use in working on.
    abandoned: AtomicBool,
    uses: AtomicU64,
    dialects: [AtomicBool; 4],
    timeouts: AtomicU64,
    /// Nanoseconds that workers have spent on applying and linking.
    worked: AtomicU64,
    /// Queries that workers are running on it.
    running: AtomicU64,
    measurement: Measurement,
    /// Before then the main thread does not help again, unless it must.
    rests: Mutex<Option<Instant>>,
    /// What the last FT.INFO said.
    pub facts: Mutex<Facts>,
}

impl Handle {
    /// An index without documents.
    pub fn new(schema: Arc<Schema>) -> Arc<Self> {
        Arc::new(Self {
            live: Live::new(Index::new(schema)),
            queued: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            uses: AtomicU64::new(0),
            dialects: Default::default(),
            timeouts: AtomicU64::new(0),
            worked: AtomicU64::new(0),
            running: AtomicU64::new(0),
            measurement: Measurement::default(),
            rests: Mutex::new(None),
            facts: Mutex::default(),
        })
    }

    /// Appends to the log, and has a worker apply it.
    pub fn append(self: &Arc<Self>, entry: Entry) {
        self.live.append(entry);
        let source: Arc<dyn Source> = Arc::clone(self) as _;
        workers::enqueue(&source);
    }

    /// The index with everything applied up to a place; when time is over before that, with what there is, if it can be read
    /// then.
    pub fn read(&self, place: Place, is_over: &dyn Fn() -> bool) -> Option<RwLockReadGuard<'_, Index>> {
        self.live.read_within(place, is_over).or_else(|| self.live.try_read(0))
    }

    /// Does a little of the work that waits, if that is too much and the main thread has not just helped; more than a write
    /// brings, if it is far too much. For the main thread after a write. It waits for nobody but a worker that applies changes
    /// too: while a query reads, what is written is left for later.
    pub fn keep_up(&self) {
        let waiting = self.live.waiting();
        if waiting <= BEHIND && !self.has_too_many() {
            return;
        }
        let changes = usize::try_from(waiting.saturating_sub(2 * BEHIND)).unwrap_or(usize::MAX);
        let must = changes.max(self.live.unlinked().saturating_sub(FAR_TOO_MANY * config::tail_limit()));
        // Nobody but the main thread comes here.
        let mut rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        if must == 0 && rests.is_some_and(|until| start < until) {
            return;
        }
        for _ in 0..must.clamp(1, MOST) {
            if !self.help_once() {
                break;
            }
        }
        *rests = Some(start + start.elapsed() * SHARE_OF_TIME);
    }

    /// Applies a few changes and links a vector, as far as too many wait; false: none of it can be done now.
    fn help_once(&self) -> bool {
        let waiting = self.live.waiting();
        let applied = waiting > BEHIND
            && match self.live.try_apply(SHARE) {
                Applied::Some => true,
                Applied::Applying if waiting > 2 * BEHIND => {
                    std::thread::sleep(MOMENT);
                    true
                }
                _ => false,
            };
        let linked = self.has_too_many() && self.link();
        applied || linked
    }

    /// How many changes and vectors wait.
    pub fn behind(&self) -> usize {
        usize::try_from(self.live.waiting()).unwrap_or(usize::MAX).saturating_add(self.live.unlinked())
    }

    /// Whether more vectors wait to be linked than should.
    fn has_too_many(&self) -> bool {
        self.live.unlinked() > UNLINKED * config::tail_limit()
    }

    fn link(&self) -> bool {
        let linked = self.live.link_next();
        counters::LINKS.add(u64::from(linked));
        linked
    }

    /// Links for a little while, if too many vectors wait: for a worker that comes with a query. Queries come before linking,
    /// and each looks at every vector that waits, so that many queries and writes together would make ever slower ones.
    pub fn help(&self) {
        let start = Instant::now();
        while self.has_too_many() && start.elapsed() < HELP && self.link() {}
    }

    /// Work on it is of no use any more.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Counts a query in a dialect.
    pub fn count_use(&self, dialect: u8) {
        if let Some(used) = self.dialects.get(usize::from(dialect.saturating_sub(1))) {
            used.store(true, Ordering::Relaxed);
        }
        counters::QUERIES.add(1);
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Which of the dialects 1 to 4 it was asked in.
    pub fn dialects(&self) -> [bool; 4] {
        self.dialects.each_ref().map(|used| used.load(Ordering::Relaxed))
    }

    /// Counts a query that ended early.
    pub fn count_timeout(&self) {
        counters::TIMEOUTS.add(1);
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Queries that ended early.
    pub fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// A query runs on it until what this returns is dropped.
    pub fn begin_query(&self) -> impl Drop + use<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        End(|| {
            self.running.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Queries that workers are running on it.
    pub fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// What it took when it was last measured; where it has changed since, a worker measures it again.
    pub fn measured(self: &Arc<Self>) -> Measured {
        let mark = (self.live.arrival() - self.live.waiting(), self.live.unlinked());
        let (measured, again) = self.measurement.look(mark);
        if again {
            let handle = Arc::clone(self);
            workers::submit(move || {
                let _end = End(|| handle.measurement.end());
                handle.measurement.measure(&handle.live.read(0), mark);
            });
        }
        measured
    }

    /// Time that workers have spent on it.
    pub fn worked(&self) -> Duration {
        Duration::from_nanos(self.worked.load(Ordering::Relaxed))
    }
}

/// Does something at its end, after a panic too.
struct End<F: Fn()>(F);

impl<F: Fn()> Drop for End<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Source for Handle {
    fn step(&self) -> bool {
        if self.abandoned.load(Ordering::Relaxed) {
            return false;
        }
        let start = Instant::now();
        let worked = match self.live.try_apply(BATCH) {
            Applied::Some => true,
            Applied::Nothing => self.link(),
            Applied::Applying | Applied::Reading => self.link() || self.live.apply_some(),
        };
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.worked.fetch_add(nanoseconds, Ordering::Relaxed);
        worked
    }

    fn unbegun(&self) -> usize {
        if self.abandoned.load(Ordering::Relaxed) { 0 } else { self.live.unbegun() }
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }
}
