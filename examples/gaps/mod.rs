//! When the machine stood still: stretches of time in which a core ran nothing, not even a thread that comes before all others.
//!
//! A virtual machine does not have its cores all the time. Of what a server's client waits for, the server has no part in such a gap. So
//! on each core a thread of the highest priority sleeps [`STEP`] after [`STEP`], and where it wakes more than [`LATE`] late, the core
//! was gone. (Or the kernel kept it: it lets nobody in while it does some of its work, such as copying page tables for a fork. A
//! gap is not the server's doing as far as its own code goes.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_micros(200);
const LATE: Duration = Duration::from_micros(150);

/// The priority of who looks on.
pub const BYSTANDER: i32 = 1;
/// Of who looks out for gaps: before the bystander, too.
const LOOKOUT: i32 = BYSTANDER + 1;

/// A stretch of time.
pub type Span = (Instant, Instant);

/// Looks out for gaps until it is asked for them.
pub struct Lookout {
    over: Arc<AtomicBool>,
    /// One for each core; what it returns are its gaps, where the system let it look.
    threads: Vec<JoinHandle<Option<Vec<Span>>>>,
}

impl Lookout {
    /// Begins to look out, on each core that this program may use.
    pub fn new() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let on = |core| {
            let over = Arc::clone(&over);
            thread::spawn(move || look_out(core, &over))
        };
        Self { threads: cores().into_iter().map(on).collect(), over }
    }

    /// The gaps, in their order, none overlapping another; `None` where the system did not let it look.
    pub fn gaps(self) -> Option<Vec<Span>> {
        self.over.store(true, Relaxed);
        let all: Vec<_> =
            self.threads.into_iter().map(|thread| thread.join().expect("no panic on the lookout")).collect();
        let mut all: Vec<Span> = all.into_iter().collect::<Option<Vec<_>>>()?.concat();
        all.sort_unstable();
        let mut gaps: Vec<Span> = Vec::with_capacity(all.len());
        for (start, end) in all {
            match gaps.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => gaps.push((start, end)),
            }
        }
        Some(gaps)
    }
}

/// How much of a stretch of time is in none of the gaps.
pub fn clear(gaps: &[Span], (start, end): Span) -> Duration {
    let first = gaps.partition_point(|gap| gap.1 <= start);
    let inside = gaps[first..].iter().take_while(|gap| gap.0 < end);
    let lost: Duration = inside.map(|gap| gap.1.min(end) - gap.0.max(start)).sum();
    (end - start).saturating_sub(lost)
}

/// Lets the calling thread have a core whenever it wants one and nobody of a higher priority has it; whether the system grants that.
pub fn come_first(priority: i32) -> bool {
    let priority = libc::sched_param { sched_priority: priority };
    // SAFETY: a plain system call on the calling thread, which reads the parameter.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) == 0 }
}

/// The cores that this program may use.
fn cores() -> Vec<usize> {
    // SAFETY: a set of cores is bits, which may all be 0; the system fills in the one it is given.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        (0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}

/// The gaps of one core; `None` where the system refuses the priority.
fn look_out(core: usize, over: &AtomicBool) -> Option<Vec<Span>> {
    // SAFETY: a plain system call on the calling thread, which reads the set that it is given.
    let is_there = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set) == 0
    };
    if !(is_there && come_first(LOOKOUT)) {
        return None;
    }
    let mut gaps = Vec::new();
    while !over.load(Relaxed) {
        let due = Instant::now() + STEP;
        thread::sleep(STEP);
        let now = Instant::now();
        if now > due + LATE {
            gaps.push((due, now));
        }
    }
    Some(gaps)
}
