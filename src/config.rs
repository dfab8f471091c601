//! Every setting: name, default, range, one sentence.
//!
//! Engines don't read these: who calls them passes a value. `redis.conf.example` is checked against this table.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::redis::placement::Limits;
use crate::redis::settings::{Kind, Setting};
use crate::redis::workers;

static WORKERS: AtomicI64 = AtomicI64::new(0);
static TAIL_LIMIT: AtomicI64 = AtomicI64::new(512);
static INLINE_MICROSECONDS: AtomicI64 = AtomicI64::new(100);
static ALONE_MICROSECONDS: AtomicI64 = AtomicI64::new(400);
static COARSE_DIM: AtomicI64 = AtomicI64::new(0);
static SINGLE_THREADED: AtomicBool = AtomicBool::new(false);
static COMPACT: AtomicBool = AtomicBool::new(false);
static TIMEOUT: AtomicI64 = AtomicI64::new(500);
static FAIL_ON_TIMEOUT: AtomicBool = AtomicBool::new(false);
static DEFAULT_DIALECT: AtomicI64 = AtomicI64::new(1);
static MAX_SEARCH_RESULTS: AtomicI64 = AtomicI64::new(1_000_000);
static MIN_PREFIX: AtomicI64 = AtomicI64::new(2);
static MAX_PREFIX_EXPANSIONS: AtomicI64 = AtomicI64::new(200);
static CURSOR_MAX_IDLE: AtomicI64 = AtomicI64::new(300_000);
static INDEX_CURSOR_LIMIT: AtomicI64 = AtomicI64::new(128);

/// The settings, in the order of the documentation.
pub static ALL: &[Setting] = &[
    Setting {
        name: c"workers",
        kind: Kind::Number { cell: &WORKERS, min: 0, max: 256 },
        doc: "Threads that search and link; 0 means as many as there are cores, but no more than 16.",
        apply: Some(resize_pool),
    },
    Setting {
        name: c"tail-limit",
        kind: Kind::Number { cell: &TAIL_LIMIT, min: 1, max: 1_000_000 },
        doc: "Elements of a set that may wait to be linked, beyond which who adds waits for a reply; 128 times as many of a field.",
        apply: None,
    },
    Setting {
        name: c"inline-microseconds",
        kind: Kind::Number { cell: &INLINE_MICROSECONDS, min: 0, max: 10_000 },
        doc: "A search expected to take no longer than this, divided by how many clients search in turn, runs on the main thread.",
        apply: None,
    },
    Setting {
        name: c"alone-microseconds",
        kind: Kind::Number { cell: &ALONE_MICROSECONDS, min: 0, max: 10_000 },
        doc: "As inline-microseconds, for the searches of a client while no other client searches.",
        apply: None,
    },
    Setting {
        name: c"coarse-dim",
        kind: Kind::Number { cell: &COARSE_DIM, min: 0, max: 1_000_000 },
        doc: "Q8 vectors with at least as many components get a coarse code beside them, to walk by where that finds as much; 0 means none do.",
        apply: None,
    },
    Setting {
        name: c"vset-force-single-threaded-execution",
        kind: Kind::Switch(&SINGLE_THREADED),
        doc: "Runs every vector-set command on the main thread, as the setting of the same name in Redis 8 does.",
        apply: None,
    },
    Setting {
        name: c"vset-rdb-format",
        kind: Kind::Either(&COMPACT, [c"redis", c"compact"]),
        doc: "RDB files and DUMPs have vector sets as Redis 8 does, or in a form that loads several times as fast but here only.",
        apply: None,
    },
    Setting {
        name: c"timeout",
        kind: Kind::Number { cell: &TIMEOUT, min: 0, max: i64::MAX },
        doc: "Milliseconds after which a query ends with what it has found, unless it says TIMEOUT; 0 means never.",
        apply: None,
    },
    Setting {
        name: c"on-timeout",
        kind: Kind::Either(&FAIL_ON_TIMEOUT, [c"return", c"fail"]),
        doc: "A query whose time is over returns what it has found, or fails.",
        apply: None,
    },
    Setting {
        name: c"default-dialect",
        kind: Kind::Number { cell: &DEFAULT_DIALECT, min: 1, max: 4 },
        doc: "DIALECT of queries that say none.",
        apply: None,
    },
    Setting {
        name: c"max-search-results",
        kind: Kind::Number { cell: &MAX_SEARCH_RESULTS, min: 1, max: 1_000_000_000 },
        doc: "Largest offset and largest count that FT.SEARCH accepts in LIMIT.",
        apply: None,
    },
    Setting {
        name: c"min-prefix",
        kind: Kind::Number { cell: &MIN_PREFIX, min: 1, max: 1000 },
        doc: "Characters that a prefix, suffix or infix needs; with fewer it matches nothing.",
        apply: None,
    },
    Setting {
        name: c"max-prefix-expansions",
        kind: Kind::Number { cell: &MAX_PREFIX_EXPANSIONS, min: 1, max: 1_000_000_000 },
        doc: "Terms that a prefix, suffix, infix, wildcard or fuzzy word stands for at most.",
        apply: None,
    },
    Setting {
        name: c"cursor-max-idle",
        kind: Kind::Number { cell: &CURSOR_MAX_IDLE, min: 0, max: i64::MAX },
        doc: "Milliseconds that a cursor is kept between two reads, and the most that MAXIDLE can ask for.",
        apply: None,
    },
    Setting {
        name: c"index-cursor-limit",
        kind: Kind::Number { cell: &INDEX_CURSOR_LIMIT, min: 0, max: 1_000_000_000 },
        doc: "Cursors that one index may have at a time.",
        apply: None,
    },
];

fn resize_pool() {
    workers::resize(workers());
}

/// Worker threads to run.
///
/// By default no more than 16. jemalloc gives each an arena of its own, and ten times a second the server's cron has their statistics
/// added up on the main thread: an idle server's `PING` has a p99.9 of 0.5 ms with two, 1.2 with 16, 2.1 with 64. So
/// many are busy only where they link faster than the main thread can take elements in.
pub fn workers() -> usize {
    /// See above.
    const MOST: usize = 16;
    match WORKERS.load(Ordering::Relaxed) {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(MOST),
        some => some as usize,
    }
}

/// Elements that may wait to be linked.
pub fn tail_limit() -> usize {
    TAIL_LIMIT.load(Ordering::Relaxed) as usize
}

/// What a search may take that runs on the main thread.
pub fn main_thread() -> Limits {
    let nanoseconds = |microseconds: i64| u64::try_from(microseconds).unwrap_or_default() * 1000;
    Limits {
        inline: nanoseconds(INLINE_MICROSECONDS.load(Ordering::Relaxed)),
        alone: nanoseconds(ALONE_MICROSECONDS.load(Ordering::Relaxed)),
    }
}

/// How many components a vector has at least that gets a coarse code. A graph keeps what it was made with.
pub fn coarse_dim() -> usize {
    match COARSE_DIM.load(Ordering::Relaxed) {
        0 => usize::MAX,
        some => some as usize,
    }
}

/// Whether vector-set commands must not leave the main thread.
pub fn single_threaded() -> bool {
    SINGLE_THREADED.load(Ordering::Relaxed)
}

/// Whether vector sets are saved in the compact format.
pub fn saves_compact() -> bool {
    COMPACT.load(Ordering::Relaxed)
}

/// A setting of searches by the name that it has in `CONFIG`, for `FT.CONFIG`.
pub fn named(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name.to_bytes() == name.as_bytes())
}

/// Milliseconds that a query has; 0 means all it takes.
pub fn timeout() -> u64 {
    TIMEOUT.load(Ordering::Relaxed) as u64
}

/// Whether a query whose time is over fails.
pub fn fail_on_timeout() -> bool {
    FAIL_ON_TIMEOUT.load(Ordering::Relaxed)
}

/// DIALECT of queries that say none.
pub fn default_dialect() -> u8 {
    DEFAULT_DIALECT.load(Ordering::Relaxed) as u8
}

/// Largest offset and count of FT.SEARCH.
pub fn max_search_results() -> usize {
    MAX_SEARCH_RESULTS.load(Ordering::Relaxed) as usize
}

/// Characters that a prefix needs.
pub fn min_prefix() -> usize {
    MIN_PREFIX.load(Ordering::Relaxed) as usize
}

/// Terms that a pattern stands for at most.
pub fn max_prefix_expansions() -> usize {
    MAX_PREFIX_EXPANSIONS.load(Ordering::Relaxed) as usize
}

/// Milliseconds that a cursor is kept between two reads.
pub fn cursor_max_idle() -> u64 {
    CURSOR_MAX_IDLE.load(Ordering::Relaxed) as u64
}

/// Cursors that one index may have.
pub fn index_cursor_limit() -> usize {
    INDEX_CURSOR_LIMIT.load(Ordering::Relaxed) as usize
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
                    Kind::Either(cell, words) => {
                        words[usize::from(cell.load(Ordering::Relaxed))].to_string_lossy().into_owned()
                    }
                };
                format!("\n# {}\n# search.{} {value}\n", setting.doc, setting.name.to_string_lossy())
            })
            .collect();
        let example = include_str!("../redis.conf.example");
        let settings = example.split_once("\n\n").map(|(_head, settings)| format!("\n{settings}"));
        assert_eq!(settings.as_deref(), Some(written.as_str()));
    }
}
