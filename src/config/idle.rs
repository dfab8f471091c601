//! Settings of RediSearch that mean nothing here: what they tune does not exist, or works without being told.
//!
//! They are taken and shown, so that config files, load lines and scripts written for RediSearch go on working. A load argument of this
//! kind gives a warning in the log; `FT.CONFIG HELP` and `redis.conf.example` say that it has no effect.

use std::sync::atomic::{AtomicBool, AtomicI64};

use crate::redis::settings::{Kind, Setting, Text};

/// What `redis.conf.example` says of them.
pub const DOC: &str = "Settings of RediSearch that are taken and shown, so that files and scripts written for it work; they change nothing here.";
const NONE: &str = "Taken and shown for RediSearch's sake; without effect here";

/// A number with a cell of its own.
macro_rules! number {
    ($min:literal, $default:literal) => {{
        static CELL: AtomicI64 = AtomicI64::new($default);
        Kind::Number { cell: &CELL, min: $min, max: i64::MAX }
    }};
}

/// A switch with a cell of its own.
macro_rules! switch {
    ($default:literal) => {{
        static CELL: AtomicBool = AtomicBool::new($default);
        Kind::Switch(&CELL)
    }};
}

/// One of some words, the first by default.
macro_rules! choice {
    ($($word:literal),+) => {{
        static CELL: AtomicI64 = AtomicI64::new(0);
        Kind::Choice(&CELL, &[$($word),+])
    }};
}

/// A text with a cell of its own.
macro_rules! text {
    () => {{
        static CELL: Text = Text::none();
        Kind::Text(&CELL)
    }};
}

/// The settings, in the order of the documentation.
pub static ALL: &[Setting] = &[
    Setting::new(c"min-operation-workers", &["MIN_OPERATION_WORKERS"], number!(0, 4), NONE).without_effect(),
    Setting::new(c"_max-foreground-timeout-limit", &["_MAX_FOREGROUND_TIMEOUT_LIMIT"], number!(0, 60000), NONE)
        .without_effect(),
    Setting::new(c"enable-unstable-features", &["ENABLE_UNSTABLE_FEATURES"], switch!(false), NONE).without_effect(),
    Setting::new(c"gc-policy", &["GC_POLICY"], choice!(c"none", c"fork", c"default", c"legacy"), NONE).without_effect(),
    Setting::new(c"fork-gc-run-interval", &["FORK_GC_RUN_INTERVAL"], number!(0, 30), NONE).without_effect(),
    Setting::new(c"fork-gc-clean-threshold", &["FORK_GC_CLEAN_THRESHOLD"], number!(0, 100), NONE).without_effect(),
    Setting::new(c"fork-gc-retry-interval", &["FORK_GC_RETRY_INTERVAL"], number!(0, 5), NONE).without_effect(),
    Setting::new(
        c"fork-gc-sleep-before-exit",
        &["FORKGC_SLEEP_BEFORE_EXIT", "FORK_GC_SLEEP_BEFORE_EXIT"],
        number!(0, 0),
        NONE,
    )
    .without_effect(),
    Setting::new(c"fork-gc-clean-numeric-empty-nodes", &["FORK_GC_CLEAN_NUMERIC_EMPTY_NODES"], switch!(true), NONE)
        .without_effect(),
    Setting::new(c"_fork-gc-clean-numeric-empty-nodes", &["_FORK_GC_CLEAN_NUMERIC_EMPTY_NODES"], switch!(true), NONE)
        .without_effect(),
    Setting::new(c"no-gc", &["NOGC", "NO_GC"], switch!(false), NONE).at_load().without_effect(),
    Setting::new(c"gc-scan-size", &["GCSCANSIZE", "GC_SCAN_SIZE"], number!(0, 100), NONE).without_effect(),
    Setting::new(c"union-iterator-heap", &["UNION_ITERATOR_HEAP"], number!(0, 20), NONE).without_effect(),
    Setting::new(c"raw-docid-encoding", &["RAW_DOCID_ENCODING"], switch!(false), NONE).at_load().without_effect(),
    Setting::new(c"no-mem-pools", &["NO_MEM_POOLS"], switch!(false), NONE).at_load().without_effect(),
    Setting::new(c"partial-indexed-docs", &["PARTIAL_INDEXED_DOCS"], switch!(false), NONE).at_load().without_effect(),
    Setting::new(c"vss-max-resize", &["VSS_MAX_RESIZE"], number!(0, 0), NONE).without_effect(),
    Setting::new(c"tiered-hnsw-buffer-limit", &["TIERED_HNSW_BUFFER_LIMIT"], number!(0, 1024), NONE)
        .at_load()
        .without_effect(),
    Setting::new(c"friso-ini", &["FRISOINI"], text!(), NONE).at_load().without_effect(),
    Setting::new(c"ext-load", &["EXTLOAD"], text!(), NONE).at_load().without_effect(),
    Setting::new(c"max-doctablesize", &["MAXDOCTABLESIZE"], number!(0, 1000000), NONE).at_load().without_effect(),
    Setting::new(c"threads", &["THREADS"], number!(0, 20), NONE).at_load().without_effect(),
    Setting::new(c"search-threads", &["SEARCH_THREADS"], number!(0, 20), NONE).at_load().without_effect(),
    Setting::new(c"io-threads", &["IO_THREADS", "SEARCH_IO_THREADS"], number!(0, 1), NONE).without_effect(),
    Setting::new(c"conn-per-shard", &["CONN_PER_SHARD"], number!(0, 0), NONE).without_effect(),
    Setting::new(c"cursor-reply-threshold", &["CURSOR_REPLY_THRESHOLD"], number!(0, 1), NONE).without_effect(),
    Setting::new(c"topology-validation-timeout", &["TOPOLOGY_VALIDATION_TIMEOUT"], number!(0, 30000), NONE)
        .without_effect(),
    Setting::new(c"workers-priority-bias-threshold", &["WORKERS_PRIORITY_BIAS_THRESHOLD"], number!(0, 1), NONE)
        .at_load()
        .without_effect(),
    Setting::new(c"bg-index-sleep-gap", &["BG_INDEX_SLEEP_GAP"], number!(0, 100), NONE).at_load().without_effect(),
    Setting::new(c"bg-index-sleep-duration-us", &["BG_INDEX_SLEEP_DURATION_US"], number!(0, 1), NONE).without_effect(),
    Setting::new(c"_numeric-compress", &["_NUMERIC_COMPRESS"], switch!(false), NONE).without_effect(),
    Setting::new(c"_numeric-ranges-parents", &["_NUMERIC_RANGES_PARENTS"], number!(0, 0), NONE).without_effect(),
    Setting::new(c"_free-resource-on-thread", &["_FREE_RESOURCE_ON_THREAD"], switch!(true), NONE).without_effect(),
    Setting::new(c"_print-profile-clock", &["_PRINT_PROFILE_CLOCK"], switch!(true), NONE).without_effect(),
    Setting::new(
        c"_prioritize-intersect-union-children",
        &["_PRIORITIZE_INTERSECT_UNION_CHILDREN"],
        switch!(false),
        NONE,
    )
    .without_effect(),
];
