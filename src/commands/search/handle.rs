//! An index as the pool knows it: a [`Live`] index, worked on in small steps.
//!
//! A worker does not apply more of the log while too many vectors wait to be linked; a query does, since it must see
//! everything. Who writes faster than the workers follow is slowed down: a client of HSET cannot be told to wait, so the main
//! thread does a share of the work for each write ([`Handle::keep_up`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counters;
use crate::config;
use crate::redis::workers::{self, Source};
use crate::search::index::Index;
use crate::search::live::{Applied, Entry, Live};
use crate::search::schema::Schema;

/// How long a query helps with linking.
const HELP: Duration = Duration::from_millis(2);

/// Writes that the workers may be behind, beside the vectors that may wait to be linked anyway, before writing is slowed down.
const BEHIND: usize = 4096;
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
        })
    }

    /// Appends to the log, and has a worker apply it.
    pub fn append(self: &Arc<Self>, entry: Entry) {
        self.live.append(entry);
        // One worker at a time can apply; while the source stands in the queue, that one sees this entry too.
        if !self.queued.load(Ordering::SeqCst) {
            let source: Arc<dyn Source> = Arc::clone(self) as _;
            workers::enqueue(&source);
        }
    }

    /// Does a little of the work that waits, if that is too much; as much as needed, if it is twice that. For the main
    /// thread after a write. It waits for nobody but a worker that applies changes too: while a query reads, what is written
    /// is left for later.
    pub fn keep_up(&self) {
        let (behind, much) = (self.behind(), BEHIND + config::tail_limit());
        if behind <= much {
            return;
        }
        for _ in 0..behind.saturating_sub(much + BEHIND).max(1) {
            if self.has_too_many() {
                if self.link() {
                    continue;
                }
                return;
            }
            match self.live.try_apply(SHARE) {
                Applied::Some => {}
                Applied::Applying if behind > much + BEHIND => std::thread::sleep(MOMENT),
                _ => return,
            }
        }
    }

    /// How many changes and vectors wait.
    fn behind(&self) -> usize {
        usize::try_from(self.live.waiting()).unwrap_or(usize::MAX).saturating_add(self.live.unlinked())
    }

    /// Whether more vectors wait to be linked than should.
    fn has_too_many(&self) -> bool {
        self.live.unlinked() > config::tail_limit()
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

    /// Time that workers have spent on it.
    pub fn worked(&self) -> Duration {
        Duration::from_nanos(self.worked.load(Ordering::Relaxed))
    }
}

impl Source for Handle {
    fn step(&self) -> bool {
        if self.abandoned.load(Ordering::Relaxed) {
            return false;
        }
        let start = Instant::now();
        let worked = (self.has_too_many() && self.link()) || self.live.apply_some() || self.link();
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.worked.fetch_add(nanoseconds, Ordering::Relaxed);
        worked
    }

    fn has_work(&self) -> bool {
        !self.abandoned.load(Ordering::Relaxed) && self.live.has_work()
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }
}
