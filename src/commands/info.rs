//! The sections of `INFO`: what the module did and does.

use crate::redis::info::InfoWriter;
use crate::redis::workers;

/// Fills the sections.
pub fn fill(info: &mut InfoWriter) {
    let pool = workers::stats();
    info.section("workers");
    info.number("worker_threads", pool.threads);
    info.number("worker_jobs_waiting", pool.jobs_waiting);
    info.number("worker_sources", pool.sources);
    info.number("worker_jobs_done", pool.jobs_done);
    info.number("worker_steps_done", pool.steps_done);
    info.number("worker_panics", pool.panics);
}
