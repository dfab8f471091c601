//! The pool of worker threads.
//!
//! Two kinds of work share a fixed number of threads:
//!
//! * **jobs**: one-off closures that a client waits for (a search). First come, first served.
//! * **sources**: values with background work of their own (a set with elements to link). Each is worked on in small
//!   steps, in turn, by as many threads as are free.
//!
//! While both are there, a thread takes one of each in turn: searches don't starve linking (an unlinked tail makes every
//! search slower, and writers wait for it), and linking delays a search by one step at most.
//!
//! A thread that takes a step of a source with more of them wakes the next sleeping one, which does the same: whoever adds work
//! wakes one thread at most, and there come as many as there is work for.
//!
//! Rules: a step is short (one element). Nothing here is touched in a forked child. The main thread holds the pool's
//! lock only to push; no thread holds it while it works. A panic in a job or step is logged and ends only that job or
//! step: a blocked client that it drops answers `ERR internal error` (see `blocking`).
//!
//! What takes long to free goes to one more thread, the reclaimer, so that freeing never delays a search or the main thread. But
//! what the server believes to be freed has to be free: see [`release`].

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{alloc, module, turns};

/// A one-off piece of work.
type Job = Box<dyn FnOnce() + Send>;

/// A value with background work.
pub trait Source: Send + Sync {
    /// Does one unit of work; false when none was found.
    fn step(&self) -> bool;

    /// How many units of work there are that no thread has begun.
    fn unbegun(&self) -> usize;

    /// Whether the source stands in the pool's queue. Owned by the pool.
    fn queued(&self) -> &AtomicBool;
}

#[derive(Default)]
struct Queues {
    jobs: VecDeque<Job>,
    sources: Sources,
    /// Whose turn it is while both kinds wait.
    source_next: bool,
}

/// The sources with work, in turn. One that is taken out leaves its turns behind, which are nobody's then.
#[derive(Default)]
struct Sources {
    turns: VecDeque<Turn>,
    /// By address, with the number of the turn.
    standing: Option<HashMap<usize, Standing>>,
    last: u64,
}

/// A source in the queue, with the number of its turn.
type Standing = (u64, Arc<dyn Source>);

/// Whose turn: the address, and a number that tells those apart who have it one after the other.
type Turn = (usize, u64);

/// Where a source is. Nobody else is there while it stands in the queue.
fn address(source: &Arc<dyn Source>) -> usize {
    Arc::as_ptr(source).cast::<()>() as usize
}

impl Sources {
    fn len(&self) -> usize {
        self.standing.as_ref().map_or(0, HashMap::len)
    }

    /// Adds a source, at the end.
    fn push(&mut self, source: Arc<dyn Source>) {
        self.last += 1;
        self.turns.push_back((address(&source), self.last));
        self.standing.get_or_insert_default().insert(address(&source), (self.last, source));
    }

    /// The one whose turn it is, which stays, at the end.
    fn next(&mut self) -> Option<Arc<dyn Source>> {
        let standing = self.standing.as_ref()?;
        while let Some((address, number)) = self.turns.pop_front() {
            if let Some((_, source)) = standing.get(&address).filter(|(current, _)| *current == number) {
                self.turns.push_back((address, number));
                return Some(Arc::clone(source));
            }
        }
        None
    }

    /// Takes a source out. With the last one, the memory for many goes.
    fn remove(&mut self, source: &Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        let (_, removed) = self.standing.as_mut()?.remove(&address(source))?;
        if self.len() == 0 {
            self.turns.clear();
            if self.turns.capacity() > KEPT {
                *self = Self { last: self.last, ..Self::default() };
            }
        }
        Some(removed)
    }
}

/// Room for as many sources or jobs stays when there are none.
const KEPT: usize = 256;

struct Pool {
    queues: Mutex<Queues>,
    wake: Condvar,
    /// Threads asleep. Changed by who holds the lock.
    idle: AtomicUsize,
    /// Threads that should run; those with a higher number end.
    target: AtomicUsize,
    /// Threads that were started and have not ended.
    running: AtomicUsize,
    /// Jobs submitted and not finished.
    jobs_open: AtomicUsize,
    jobs_done: AtomicU64,
    steps_done: AtomicU64,
    panics: AtomicU64,
}

/// Numbers for `INFO`.
pub struct Stats {
    /// Worker threads.
    pub threads: u64,
    /// Those of them that work.
    pub busy: u64,
    /// Jobs waiting.
    pub jobs_waiting: u64,
    /// Sources with work.
    pub sources: u64,
    /// Jobs finished since the start.
    pub jobs_done: u64,
    /// Background steps finished since the start.
    pub steps_done: u64,
    /// Panics caught since the start.
    pub panics: u64,
    /// Values handed to the reclaimer that it has not dropped yet.
    pub frees_waiting: u64,
}

/// See [`Stats::frees_waiting`].
static FREES_WAITING: AtomicU64 = AtomicU64::new(0);

static POOL: Pool = Pool {
    queues: Mutex::new(Queues {
        jobs: VecDeque::new(),
        sources: Sources { turns: VecDeque::new(), standing: None, last: 0 },
        source_next: false,
    }),
    wake: Condvar::new(),
    idle: AtomicUsize::new(0),
    target: AtomicUsize::new(0),
    running: AtomicUsize::new(0),
    jobs_open: AtomicUsize::new(0),
    jobs_done: AtomicU64::new(0),
    steps_done: AtomicU64::new(0),
    panics: AtomicU64::new(0),
};

enum Task {
    Job(Job),
    Step(Arc<dyn Source>),
}

impl Pool {
    /// A panic while the lock is held can't leave the queues inconsistent: they are only pushed and popped.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task, or `None` when the thread should end.
    fn next(&self, number: usize) -> Option<Task> {
        let mut queues = self.lock();
        loop {
            if number >= self.target.load(Ordering::Relaxed) {
                return None;
            }
            let take_source = queues.source_next || queues.jobs.is_empty();
            if take_source && let Some(source) = queues.sources.next() {
                queues.source_next = false;
                return Some(Task::Step(source));
            }
            if let Some(job) = queues.jobs.pop_front() {
                if queues.jobs.is_empty() && queues.jobs.capacity() > KEPT {
                    queues.jobs = VecDeque::new();
                }
                queues.source_next = true;
                return Some(Task::Job(job));
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            queues = self.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Wakes a sleeping thread for what was just put into the queues.
    fn unlock_and_wake(&self, queues: MutexGuard<'_, Queues>) {
        let anybody = self.idle.load(Ordering::Relaxed) > 0;
        drop(queues);
        if anybody {
            self.wake.notify_one();
        }
    }

    fn run(&self, number: usize) {
        while let Some(task) = self.next(number) {
            match task {
                Task::Job(job) => {
                    self.guard(job);
                    self.jobs_open.fetch_sub(1, Ordering::Relaxed);
                    self.jobs_done.fetch_add(1, Ordering::Relaxed);
                }
                Task::Step(source) => {
                    // A sleeper that is missed here, since it was not yet asleep, is met at the next step.
                    if self.idle.load(Ordering::Relaxed) > 0 && source.unbegun() > 1 {
                        self.wake.notify_one();
                    }
                    if self.guard(|| source.step()) == Some(true) {
                        self.steps_done.fetch_add(1, Ordering::Relaxed);
                        // Another thread may have taken it for done while this one's step brought more.
                        if source.unbegun() > 0 {
                            enqueue(&source);
                        }
                    } else {
                        // Guarded as well: a thread that died here would leave clients waiting for ever.
                        self.guard(|| self.retire(&source));
                    }
                }
            }
            turns::pass();
        }
    }

    /// Runs work and catches its panic, which the panic hook has logged.
    fn guard<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        if outcome.is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
        outcome.ok()
    }

    /// Takes a source without work out of the queue, unless work has come meanwhile.
    fn retire(&self, source: &Arc<dyn Source>) {
        let mut queues = self.lock();
        if queues.sources.remove(source).is_none() {
            return; // another thread found the same, or it was withdrawn
        }
        source.queued().store(false, Ordering::SeqCst);
        if source.unbegun() > 0 && !source.queued().swap(true, Ordering::SeqCst) {
            queues.sources.push(Arc::clone(source));
        }
    }
}

/// Sets the number of threads, at load and when the setting changes.
pub fn resize(threads: usize) {
    POOL.target.store(threads, Ordering::Relaxed);
    // Threads are numbered from 0; those beyond the target end when they next look.
    let running = POOL.running.load(Ordering::Relaxed);
    for number in running..threads {
        let started = std::thread::Builder::new().name(format!("nearset-{number}")).spawn(move || {
            turns::come_after();
            POOL.run(number);
            POOL.running.fetch_sub(1, Ordering::Relaxed);
        });
        if started.is_ok() {
            POOL.running.fetch_add(1, Ordering::Relaxed);
        }
    }
    POOL.wake.notify_all();
}

/// How many threads there are to be.
pub fn threads() -> usize {
    POOL.target.load(Ordering::Relaxed)
}

/// Has a worker run the job.
pub fn submit(job: impl FnOnce() + Send + 'static) {
    POOL.jobs_open.fetch_add(1, Ordering::Relaxed);
    let mut queues = POOL.lock();
    queues.jobs.push_back(Box::new(job));
    POOL.unlock_and_wake(queues);
}

/// Whether there are jobs that are not finished.
pub fn has_jobs() -> bool {
    POOL.jobs_open.load(Ordering::Relaxed) > 0
}

/// Tells the pool that a source has work.
pub fn enqueue(source: &Arc<dyn Source>) {
    if source.queued().swap(true, Ordering::SeqCst) {
        return; // who works on it wakes who can help
    }
    let mut queues = POOL.lock();
    queues.sources.push(Arc::clone(source));
    POOL.unlock_and_wake(queues);
}

/// Has the pool forget a source whose owner has let go of it, and which says itself that it has no work: what it takes is
/// free when its owner drops it, not when its turn comes.
pub fn withdraw(source: &Arc<dyn Source>) {
    if source.queued().load(Ordering::SeqCst) {
        let withdrawn = POOL.lock().sources.remove(source);
        // Outside of the lock.
        drop(withdrawn);
    }
}

/// Drops a value that the keyspace has let go of: on the reclaimer's thread where that takes long, but here
///
/// * if it takes little, as what waits for another thread takes memory meanwhile;
/// * on a thread that the server itself frees values on: then its figures of what is not free yet are right, and evicting
///   waits for it;
/// * while the server is over its limit: evicting counts what is free after each key, and would go on with the next one.
pub fn release(value: impl Send + 'static, is_small: bool) {
    if is_small || !module::is_main_thread() || alloc::is_over_limit() {
        drop(value);
    } else {
        reclaim(value);
    }
}

/// Drops a value on a thread of its own, where it delays nobody.
pub fn reclaim(value: impl Send + 'static) {
    static RECLAIMER: OnceLock<Option<Sender<Box<dyn Send>>>> = OnceLock::new();
    let sender = RECLAIMER.get_or_init(|| {
        let (sender, receiver) = channel::<Box<dyn Send>>();
        let thread = std::thread::Builder::new().name("nearset-free".into()).spawn(move || {
            turns::come_after();
            for value in receiver {
                drop(value);
                FREES_WAITING.fetch_sub(1, Ordering::Release);
            }
        });
        thread.is_ok().then_some(sender)
    });
    // Where no thread could be had, the value is dropped here.
    if let Some(sender) = sender {
        FREES_WAITING.fetch_add(1, Ordering::Relaxed);
        if sender.send(Box::new(value)).is_err() {
            FREES_WAITING.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What the pool did and does.
pub fn stats() -> Stats {
    let queues = POOL.lock();
    let threads = POOL.running.load(Ordering::Relaxed);
    Stats {
        threads: threads as u64,
        busy: threads.saturating_sub(POOL.idle.load(Ordering::Relaxed)) as u64,
        jobs_waiting: queues.jobs.len() as u64,
        sources: queues.sources.len() as u64,
        jobs_done: POOL.jobs_done.load(Ordering::Relaxed),
        steps_done: POOL.steps_done.load(Ordering::Relaxed),
        panics: POOL.panics.load(Ordering::Relaxed),
        frees_waiting: FREES_WAITING.load(Ordering::Acquire),
    }
}

/// Jobs waiting now: how busy the pool is.
pub fn waiting() -> usize {
    POOL.lock().jobs.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its units down; the test waits on the condition variable, not on time.
    struct Countdown {
        left: Mutex<usize>,
        done: Condvar,
        queued: AtomicBool,
    }

    impl Source for Countdown {
        fn step(&self) -> bool {
            let mut left = self.left.lock().expect("no panic");
            if *left == 0 {
                return false;
            }
            *left -= 1;
            self.done.notify_all();
            true
        }
        fn unbegun(&self) -> usize {
            *self.left.lock().expect("no panic")
        }
        fn queued(&self) -> &AtomicBool {
            &self.queued
        }
    }

    /// Two units, each of which ends when both have begun.
    struct Pair {
        begun: Mutex<usize>,
        both: Condvar,
        queued: AtomicBool,
    }

    impl Source for Pair {
        fn step(&self) -> bool {
            let mut begun = self.begun.lock().expect("no panic");
            if *begun == 2 {
                return false;
            }
            *begun += 1;
            self.both.notify_all();
            drop(self.both.wait_while(begun, |begun| *begun < 2).expect("no panic"));
            true
        }
        fn unbegun(&self) -> usize {
            2 - *self.begun.lock().expect("no panic")
        }
        fn queued(&self) -> &AtomicBool {
            &self.queued
        }
    }

    #[test]
    fn as_many_threads_come_as_there_is_work_for() {
        resize(2);
        for _ in 0..100 {
            let pair = Arc::new(Pair { begun: Mutex::new(0), both: Condvar::new(), queued: AtomicBool::new(false) });
            let source: Arc<dyn Source> = pair.clone();
            enqueue(&source);
            let begun = pair.begun.lock().expect("no panic");
            drop(pair.both.wait_while(begun, |begun| *begun < 2).expect("no panic"));
        }
    }

    #[test]
    fn jobs_and_sources_are_both_finished_and_a_panic_hurts_no_one() {
        resize(2);
        let source =
            Arc::new(Countdown { left: Mutex::new(1000), done: Condvar::new(), queued: AtomicBool::new(false) });
        let shared: Arc<dyn Source> = source.clone();
        // More panics than threads: each thread must survive its own.
        for _ in 0..4 {
            submit(|| panic!("a job that fails"));
        }
        let (sender, receiver) = channel();
        for number in 0..100 {
            let sender = sender.clone();
            submit(move || sender.send(number).expect("the test listens"));
            enqueue(&shared);
        }
        let mut got: Vec<i32> = receiver.iter().take(100).collect();
        got.sort_unstable();
        assert_eq!(got, (0..100).collect::<Vec<_>>());
        let left = source.left.lock().expect("no panic");
        drop(source.done.wait_while(left, |left| *left > 0).expect("no panic"));
        *source.left.lock().expect("no panic") = 5;
        enqueue(&shared);
        let left = source.left.lock().expect("no panic");
        drop(source.done.wait_while(left, |left| *left > 0).expect("no panic"));
    }
}
