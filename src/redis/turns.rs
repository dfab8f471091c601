//! Whose turn it is where threads want more cores than there are.
//!
//! The server's main thread has the shortest work and all the clients; a worker has work for hundreds of microseconds without
//! a pause. Left to themselves they share a core in turns of milliseconds, and whoever comes in between waits for the next
//! tick of the clock: a `PING` that takes 50 µs takes four milliseconds. So:
//!
//! * a worker has a lower priority, and offers its core to whoever waits after each unit of its work ([`pass`]);
//! * both ask for the shortest time slice that there is. Of two threads that want a core, Linux lets the one whose slice
//!   ends first go first (EEVDF; slices of one's own since 6.12, before it takes no notice of them).
//!
//! All of this are requests; a kernel that refuses or does not know them leaves things as they were.

/// Nanoseconds of a time slice: the shortest that Linux grants.
const SLICE: u64 = 100_000;
/// How much nicer than the server a worker is.
const NICER: i32 = 5;

/// As `struct sched_attr` of `sched_setattr(2)`, in its first version.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// Nanoseconds; of ordinary threads, the time slice.
    runtime: u64,
    deadline: u64,
    period: u64,
}

const SIZE: u32 = size_of::<Attributes>() as u32;

/// Those of the calling thread.
fn get() -> Option<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: a plain system call on the calling thread, which writes at most `SIZE` bytes.
    let refused = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    (refused == 0).then_some(attributes)
}

/// Makes them those of the calling thread.
fn set(attributes: &Attributes) {
    // SAFETY: a plain system call on the calling thread, which reads `size` bytes.
    let _refused = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) };
}

/// For the server's main thread: its turns are short, and come soon. Its policy and priority stay what they are.
pub fn come_soon() {
    if let Some(now) = get()
        && now.policy == libc::SCHED_OTHER as u32
    {
        set(&Attributes { size: SIZE, runtime: SLICE, ..now });
    }
}

/// For any other thread of ours: lets the main thread go first. Where the server runs under another policy than the ordinary
/// one, it stays under that.
pub fn come_after() {
    if let Some(now) = get()
        && now.policy == libc::SCHED_OTHER as u32
    {
        let nice = (now.nice + NICER).min(19);
        set(&Attributes { size: SIZE, policy: libc::SCHED_BATCH as u32, nice, runtime: SLICE, ..now });
    }
}

/// Between two units of work: whoever waits for this core has it next.
pub fn pass() {
    std::thread::yield_now();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own, since it cannot become nice again.
    #[test]
    fn a_worker_is_nicer_and_the_main_thread_stays_as_nice_as_it_was() {
        let (before, soon, after) = std::thread::spawn(|| {
            let before = get();
            come_soon();
            let soon = get();
            come_after();
            (before, soon, get())
        })
        .join()
        .expect("no panic");
        let (Some(before), Some(soon), Some(after)) = (before, soon, after) else { return };
        if before.policy == libc::SCHED_OTHER as u32 {
            assert_eq!((soon.policy, soon.nice), (before.policy, before.nice));
            assert_eq!((after.policy, after.nice), (libc::SCHED_BATCH as u32, (before.nice + NICER).min(19)));
        }
    }
}
