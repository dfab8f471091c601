//! The clock by which programs here time what one thread does.

/// Nanoseconds that this thread has had of a processor, so that others on the machine do not count.
pub fn processor_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer, which is all that the call writes.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "the system has such a clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
