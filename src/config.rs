//! Every setting: name, default, range, one sentence.
//!
//! Engines don't read these: who calls them passes a value. `redis.conf.example` is checked against this table.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::redis::settings::{Kind, Setting};
use crate::redis::workers;

static WORKERS: AtomicI64 = AtomicI64::new(0);
static TAIL_LIMIT: AtomicI64 = AtomicI64::new(512);
static INLINE_MICROSECONDS: AtomicI64 = AtomicI64::new(30);
static SINGLE_THREADED: AtomicBool = AtomicBool::new(false);

/// The settings, in the order of the documentation.
pub static ALL: &[Setting] = &[
    Setting {
        name: c"workers",
        kind: Kind::Number { cell: &WORKERS, min: 0, max: 256 },
        doc: "Threads that search and link; 0 means as many as there are cores.",
        apply: Some(resize_pool),
    },
    Setting {
        name: c"tail-limit",
        kind: Kind::Number { cell: &TAIL_LIMIT, min: 1, max: 1_000_000 },
        doc: "Elements of one set or field that may wait to be linked; the client that adds beyond it waits for its reply.",
        apply: None,
    },
    Setting {
        name: c"inline-microseconds",
        kind: Kind::Number { cell: &INLINE_MICROSECONDS, min: 0, max: 10_000 },
        doc: "A search expected to take no longer than this runs on the main thread, without the hand-over to a worker.",
        apply: None,
    },
    Setting {
        name: c"vset-force-single-threaded-execution",
        kind: Kind::Switch(&SINGLE_THREADED),
        doc: "Runs every vector-set command on the main thread, as the setting of the same name in Redis 8 does.",
        apply: None,
    },
];

fn resize_pool() {
    workers::resize(workers());
}

/// Worker threads to run.
pub fn workers() -> usize {
    match WORKERS.load(Ordering::Relaxed) {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some as usize,
    }
}

/// Elements that may wait to be linked.
pub fn tail_limit() -> usize {
    TAIL_LIMIT.load(Ordering::Relaxed) as usize
}

/// Longest expected search that runs on the main thread, in microseconds.
pub fn inline_microseconds() -> u64 {
    INLINE_MICROSECONDS.load(Ordering::Relaxed) as u64
}

/// Whether vector-set commands must not leave the main thread.
pub fn single_threaded() -> bool {
    SINGLE_THREADED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `redis.conf.example` has every setting with its sentence and its default, and nothing else.
    #[test]
    fn the_example_is_this_table() {
        let written: String = ALL
            .iter()
            .map(|setting| {
                let value = match setting.kind {
                    Kind::Number { cell, .. } => cell.load(Ordering::Relaxed).to_string(),
                    Kind::Switch(cell) => if cell.load(Ordering::Relaxed) { "yes" } else { "no" }.into(),
                };
                format!("\n# {}\n# search.{} {value}\n", setting.doc, setting.name.to_string_lossy())
            })
            .collect();
        let example = include_str!("../redis.conf.example");
        let settings = example.split_once("\n\n").map(|(_head, settings)| format!("\n{settings}"));
        assert_eq!(settings.as_deref(), Some(written.as_str()));
    }
}
