//! An index as the pool knows it: a [`Live`] index, worked on in small steps.
//!
//! A worker does not apply more of the log while too many vectors wait to be linked; a query does, since it must see
//! everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counters;
use crate::config;
use crate::redis::workers::{self, Source};
use crate::search::index::Index;
use crate::search::live::{Entry, Live};
use crate::search::schema::Schema;

/// An index and what the workers need beside it.
#[derive(Debug)]
pub struct Handle {
    /// The index with its log.
    pub live: Live,
    queued: AtomicBool,
    /// The registry has let go of it: no use in working on.
    abandoned: AtomicBool,
    uses: AtomicU64,
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

    /// Work on it is of no use any more.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Counts a query.
    pub fn count_use(&self) {
        counters::QUERIES.add(1);
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
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
        let too_many = self.live.unlinked() > config::tail_limit();
        let link = || {
            let linked = self.live.link_next();
            counters::LINKS.add(u64::from(linked));
            linked
        };
        let worked = (too_many && link()) || self.live.apply_some() || link();
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
