//! Every setting: name, default, range, one sentence.
//!
//! Engines don't read these: who calls them passes a value. `redis.conf.example` is checked against this table. Settings of RediSearch
//! that mean nothing here are in [`idle`].

#![forbid(unsafe_code)]

pub mod idle;

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::redis::context::is_valkey;
use crate::redis::placement::Limits;
use crate::redis::settings::{Foreign, Kind, Setting, Text, UNSET};
use crate::redis::workers;

static WORKERS: AtomicI64 = AtomicI64::new(0);
static TAIL_LIMIT: AtomicI64 = AtomicI64::new(512);
static INLINE_MICROSECONDS: AtomicI64 = AtomicI64::new(100);
static ALONE_MICROSECONDS: AtomicI64 = AtomicI64::new(400);
static COARSE_DIM: AtomicI64 = AtomicI64::new(0);
static SINGLE_THREADED: AtomicBool = AtomicBool::new(false);
static RDB_FORMAT: AtomicI64 = AtomicI64::new(0);
static REPLY_STYLE: AtomicI64 = AtomicI64::new(UNSET);
static DEFAULT_DIALECT: AtomicI64 = AtomicI64::new(UNSET);
static DEFAULT_SCORER: AtomicI64 = AtomicI64::new(0);
static TANH_FACTOR: AtomicI64 = AtomicI64::new(4);
static TIMEOUT: AtomicI64 = AtomicI64::new(500);
static VSIM_TIMEOUT: AtomicI64 = AtomicI64::new(-1);
static ON_TIMEOUT: AtomicI64 = AtomicI64::new(0);
static MAX_SEARCH_RESULTS: AtomicI64 = AtomicI64::new(1_000_000);
static MAX_AGGREGATE_RESULTS: AtomicI64 = AtomicI64::new(-1);
static MAX_AGGREGATE_GROUPS: AtomicI64 = AtomicI64::new(-1);
static ON_OOM: AtomicI64 = AtomicI64::new(0);
static MIN_PREFIX: AtomicI64 = AtomicI64::new(2);
static MAX_PREFIX_EXPANSIONS: AtomicI64 = AtomicI64::new(200);
static MIN_STEM_LEN: AtomicI64 = AtomicI64::new(4);
static MIN_PHONETIC_TERM_LEN: AtomicI64 = AtomicI64::new(3);
static MULTI_TEXT_SLOP: AtomicI64 = AtomicI64::new(100);
static CURSOR_MAX_IDLE: AtomicI64 = AtomicI64::new(300_000);
static CLUSTER_SPREAD: AtomicBool = AtomicBool::new(true);
static CLUSTER_DEFINE_TIMEOUT: AtomicI64 = AtomicI64::new(2000);
static CLUSTER_USER: Text = Text::none();
static CLUSTER_PASSWORD: Text = Text::none();
static INDEX_CURSOR_LIMIT: AtomicI64 = AtomicI64::new(128);

/// The scorers by the names that queries give them.
static SCORERS: &[&CStr] = &[
    c"BM25STD",
    c"BM25STD.TANH",
    c"BM25STD.NORM",
    c"TFIDF",
    c"TFIDF.DOCNORM",
    c"BM25",
    c"DISMAX",
    c"DOCSCORE",
    c"HAMMING",
];

/// All settings.
pub static ALL: [&[Setting]; 2] = [OURS, idle::ALL];

/// Load arguments of RediSearch and RedisJSON that are no settings, with whether a value follows.
pub static FOREIGN: Foreign = &[("UPGRADE_INDEX", true), ("JSON_BACKEND", true)];

/// The settings that do something, in the order of the documentation.
static OURS: &[Setting] = &[
    Setting::new(
        c"workers",
        &["WORKERS"],
        Kind::Number { cell: &WORKERS, min: 0, max: 8192 },
        "Threads that search and link; 0 means as many as there are cores, but no more than 16.",
    ).then(resize_pool),
    Setting::new(
        c"tail-limit",
        &[],
        Kind::Number { cell: &TAIL_LIMIT, min: 1, max: 1_000_000 },
        "Elements of a set that may wait to be linked, beyond which who adds waits for a reply; 128 times as many of a field.",
    ),
    Setting::new(
        c"inline-microseconds",
        &[],
        Kind::Number { cell: &INLINE_MICROSECONDS, min: 0, max: 10_000 },
        "A search expected to take no longer than this, divided by how many clients search in turn, runs on the main thread.",
    ),
    Setting::new(
        c"alone-microseconds",
        &[],
        Kind::Number { cell: &ALONE_MICROSECONDS, min: 0, max: 10_000 },
        "As inline-microseconds, for the searches of a client while no other client searches.",
    ),
    Setting::new(
        c"coarse-dim",
        &[],
        Kind::Number { cell: &COARSE_DIM, min: 0, max: 1_000_000 },
        "Q8 vectors with at least as many components get a coarse code beside them, to walk by where that finds as much; 0 means none do.",
    ),
    Setting::new(
        c"vset-force-single-threaded-execution",
        &[],
        Kind::Switch(&SINGLE_THREADED),
        "Runs every vector-set command on the main thread, as the setting of the same name in Redis 8 does.",
    ),
    Setting::new(
        c"vset-rdb-format",
        &[],
        Kind::Choice(&RDB_FORMAT, &[c"redis", c"compact"]),
        "RDB files and DUMPs have vector sets as Redis 8 does, or in a form that loads several times as fast but here only.",
    ),
    Setting::new(
        c"reply-style",
        &[],
        Kind::Choice(&REPLY_STYLE, &[c"redis", c"valkey"]),
        "FT.* replies as RediSearch gives them, or as valkey-search does, with arrays in RESP3 and dialect 2; on Valkey that is the default.",
    ).or_else(style_of_server),
    Setting::new(
        c"timeout",
        &["TIMEOUT"],
        Kind::Number { cell: &TIMEOUT, min: 0, max: i64::MAX },
        "Milliseconds after which a query ends with what it has found, unless it says TIMEOUT; 0 means never.",
    ),
    Setting::new(
        c"vsim-timeout",
        &[],
        Kind::Number { cell: &VSIM_TIMEOUT, min: -1, max: i64::MAX },
        "As timeout, for VSIM; -1 means as timeout says where it has a FILTER, and never without one.",
    ),
    Setting::new(
        c"on-timeout",
        &["ON_TIMEOUT"],
        Kind::Choice(&ON_TIMEOUT, &[c"return", c"fail", c"return_strict"]),
        "A query whose time is over returns what it has found, or fails; return_strict is the same as return.",
    ),
    Setting::new(
        c"default-dialect",
        &["DEFAULT_DIALECT"],
        Kind::Number { cell: &DEFAULT_DIALECT, min: 1, max: 4 },
        "DIALECT of queries that say none; 1, or 2 where reply-style is valkey.",
    ).or_else(dialect_of_style),
    Setting::new(
        c"default-scorer",
        &["DEFAULT_SCORER"],
        Kind::Choice(&DEFAULT_SCORER, SCORERS),
        "SCORER of queries that say none.",
    ),
    Setting::new(
        c"bm25std-tanh-factor",
        &["BM25STD_TANH_FACTOR"],
        Kind::Number { cell: &TANH_FACTOR, min: 1, max: 10_000 },
        "What the scorer BM25STD.TANH divides by.",
    ),
    Setting::new(
        c"max-search-results",
        &["MAXSEARCHRESULTS"],
        Kind::Number { cell: &MAX_SEARCH_RESULTS, min: -1, max: i64::MAX },
        "Largest offset and largest count that FT.SEARCH accepts in LIMIT; -1 means any.",
    ),
    Setting::new(
        c"max-aggregate-results",
        &["MAXAGGREGATERESULTS"],
        Kind::Number { cell: &MAX_AGGREGATE_RESULTS, min: -1, max: i64::MAX },
        "Largest count that FT.AGGREGATE accepts in LIMIT; -1 means any.",
    ),
    Setting::new(
        c"max-aggregate-groups",
        &["MAX_AGGREGATE_GROUPS"],
        Kind::Number { cell: &MAX_AGGREGATE_GROUPS, min: -1, max: i64::MAX },
        "Groups that a GROUPBY of FT.AGGREGATE may come to have; a query with more fails; -1 means any number.",
    ),
    Setting::new(
        c"on-oom",
        &["ON_OOM"],
        Kind::Choice(&ON_OOM, &[c"ignore", c"return", c"fail"]),
        "A query that comes while the server uses more than maxmemory is done all the same, finds nothing, or fails.",
    ),
    Setting::new(
        c"min-prefix",
        &["MINPREFIX"],
        Kind::Number { cell: &MIN_PREFIX, min: 1, max: 1000 },
        "Bytes that a prefix, suffix or infix needs; with fewer it matches nothing. Letters beyond ASCII have two or more.",
    ),
    Setting::new(
        c"max-prefix-expansions",
        &["MAXPREFIXEXPANSIONS", "MAXEXPANSIONS"],
        Kind::Number { cell: &MAX_PREFIX_EXPANSIONS, min: 1, max: i64::MAX },
        "Terms that a prefix, suffix, infix, wildcard or fuzzy word stands for at most.",
    ),
    Setting::new(
        c"min-stem-len",
        &["MINSTEMLEN"],
        Kind::Number { cell: &MIN_STEM_LEN, min: 2, max: u32::MAX as i64 },
        "Characters of the shortest word that is stored under its stem too, in documents that come after the change.",
    ),
    Setting::new(
        c"min-phonetic-term-len",
        &["MIN_PHONETIC_TERM_LEN"],
        Kind::Number { cell: &MIN_PHONETIC_TERM_LEN, min: 1, max: u32::MAX as i64 },
        "Bytes of the shortest word that is stored under what it sounds like too, in documents that come after the change.",
    ),
    Setting::new(
        c"multi-text-slop",
        &["MULTI_TEXT_SLOP"],
        Kind::Number { cell: &MULTI_TEXT_SLOP, min: 0, max: u32::MAX as i64 },
        "Positions between two values of a TEXT field of a JSON document; only when the module is loaded.",
    ).at_load(),
    Setting::new(
        c"cursor-max-idle",
        &["CURSOR_MAX_IDLE"],
        Kind::Number { cell: &CURSOR_MAX_IDLE, min: 0, max: i64::MAX },
        "Milliseconds that a cursor is kept between two reads, and the most that MAXIDLE can ask for.",
    ),
    Setting::new(
        c"cluster-spread",
        &[],
        Kind::Switch(&CLUSTER_SPREAD),
        "Whether what one node of a cluster is told to define holds on all of them.",
    ),
    Setting::new(
        c"cluster-define-timeout",
        &[],
        Kind::Number { cell: &CLUSTER_DEFINE_TIMEOUT, min: 10, max: 600_000 },
        "Milliseconds that the nodes of a cluster have to take a definition; after that a majority of the masters is enough.",
    ),
    Setting::new(
        c"cluster-user",
        &[],
        Kind::Text(&CLUSTER_USER),
        "With cluster-password, what the nodes of a cluster show each other where its bus does not tell who they are.",
    ),
    Setting::new(
        c"cluster-password",
        &[],
        Kind::Text(&CLUSTER_PASSWORD),
        "See cluster-user; the same on all nodes. Without one, masteruser and masterauth of the server are taken.",
    ).secret(),
    Setting::new(
        c"index-cursor-limit",
        &["INDEX_CURSOR_LIMIT"],
        Kind::Number { cell: &INDEX_CURSOR_LIMIT, min: 0, max: 1_000_000_000 },
        "Cursors that one index may have at a time.",
    ),
];

fn resize_pool() {
    workers::resize(workers());
}

/// The style that clients of this server know.
fn style_of_server() -> i64 {
    i64::from(is_valkey())
}

/// valkey-search knows dialects from 2 on only.
fn dialect_of_style() -> i64 {
    if replies_as_valkey() { 2 } else { 1 }
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
    RDB_FORMAT.load(Ordering::Relaxed) == 1
}

/// A setting by its name, or by what RediSearch calls it.
pub fn named(name: &[u8]) -> Option<&'static Setting> {
    all().find(|setting| setting.is_named(name))
}

/// All settings, one after the other.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    ALL.iter().copied().flatten()
}

/// Whether replies are valkey-search's.
pub fn replies_as_valkey() -> bool {
    match REPLY_STYLE.load(Ordering::Relaxed) {
        UNSET => is_valkey(),
        style => style == 1,
    }
}

/// SCORER of queries that say none.
pub fn default_scorer() -> &'static [u8] {
    SCORERS[DEFAULT_SCORER.load(Ordering::Relaxed) as usize].to_bytes()
}

/// What the scorer BM25STD.TANH divides by.
pub fn tanh_factor() -> u32 {
    TANH_FACTOR.load(Ordering::Relaxed) as u32
}

/// Characters of the shortest word that is stored under its stem too.
pub fn min_stem_len() -> usize {
    MIN_STEM_LEN.load(Ordering::Relaxed) as usize
}

/// Bytes of the shortest word that is stored under what it sounds like too.
pub fn min_phonetic_term_len() -> usize {
    MIN_PHONETIC_TERM_LEN.load(Ordering::Relaxed) as usize
}

/// Positions between two values of a TEXT field.
pub fn multi_text_slop() -> u32 {
    MULTI_TEXT_SLOP.load(Ordering::Relaxed) as u32
}

/// A number that -1 takes the limit from.
fn limit(cell: &AtomicI64) -> usize {
    usize::try_from(cell.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
}

/// Milliseconds that a query has; 0 means all it takes.
pub fn timeout() -> u64 {
    TIMEOUT.load(Ordering::Relaxed) as u64
}

/// Milliseconds that a VSIM has, with a filter or without; 0 means all it takes.
pub fn vsim_timeout(has_filter: bool) -> u64 {
    match u64::try_from(VSIM_TIMEOUT.load(Ordering::Relaxed)) {
        Ok(milliseconds) => milliseconds,
        Err(_) if has_filter => timeout(),
        Err(_) => 0,
    }
}

/// Whether a query whose time is over fails.
pub fn fail_on_timeout() -> bool {
    ON_TIMEOUT.load(Ordering::Relaxed) == 1
}

/// DIALECT of queries that say none.
pub fn default_dialect() -> u8 {
    match DEFAULT_DIALECT.load(Ordering::Relaxed) {
        UNSET => dialect_of_style() as u8,
        dialect => dialect as u8,
    }
}

/// Largest offset and count of FT.SEARCH.
pub fn max_search_results() -> usize {
    limit(&MAX_SEARCH_RESULTS)
}

/// Largest count of FT.AGGREGATE.
pub fn max_aggregate_results() -> usize {
    limit(&MAX_AGGREGATE_RESULTS)
}

/// Most groups of a GROUPBY.
pub fn max_aggregate_groups() -> usize {
    limit(&MAX_AGGREGATE_GROUPS)
}

/// What becomes of a query that comes while the server uses more memory than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOom {
    /// It is done all the same.
    Ignore,
    /// It finds nothing, and says why.
    Return,
    /// It fails.
    Fail,
}

/// See [`OnOom`].
pub fn on_oom() -> OnOom {
    match ON_OOM.load(Ordering::Relaxed) {
        0 => OnOom::Ignore,
        1 => OnOom::Return,
        _ => OnOom::Fail,
    }
}

/// Bytes that a prefix needs.
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

/// Whether definitions hold on all nodes.
pub fn cluster_spread() -> bool {
    CLUSTER_SPREAD.load(Ordering::Relaxed)
}

/// Milliseconds that nodes have to take a definition.
pub fn cluster_define_timeout() -> u64 {
    CLUSTER_DEFINE_TIMEOUT.load(Ordering::Relaxed) as u64
}

/// What nodes show each other where the bus is silent: a user and a password.
pub fn cluster_login() -> (Vec<u8>, Vec<u8>) {
    (CLUSTER_USER.get().unwrap_or_default(), CLUSTER_PASSWORD.get().unwrap_or_default())
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
        let line = |setting: &Setting| {
            let value = setting.shown().unwrap_or_else(|| b"\"\"".to_vec());
            format!("# search.{} {}\n", setting.name.to_string_lossy(), String::from_utf8_lossy(&value))
        };
        let ours = OURS.iter().map(|setting| format!("\n# {}\n{}", setting.doc, line(setting)));
        let idle = format!("\n# {}\n{}", idle::DOC, idle::ALL.iter().map(line).collect::<String>());
        let written: String = ours.chain([idle]).collect();
        let example = include_str!("../redis.conf.example");
        let settings = example.split_once("\n\n").map(|(_head, settings)| format!("\n{settings}"));
        assert_eq!(settings.as_deref(), Some(written.as_str()));
    }

    /// No word is the name of two settings, in whichever spelling.
    #[test]
    fn each_name_is_one_setting() {
        for setting in all() {
            let names = setting.old.iter().map(|old| old.as_bytes()).chain([setting.name.to_bytes()]);
            for name in names {
                assert_eq!(all().filter(|other| other.is_named(name)).count(), 1, "{}", String::from_utf8_lossy(name));
                assert!(FOREIGN.iter().all(|(foreign, _)| !setting.is_named(foreign.as_bytes())));
            }
        }
    }

    /// What a setting refuses, its range says; what it shows, it takes.
    #[test]
    fn settings_take_what_they_show() {
        for setting in all() {
            let Some(shown) = setting.shown() else { continue };
            assert_eq!(setting.take(&shown), Ok(()), "{:?}", setting.name);
            assert!(!setting.range().is_empty());
            if let Kind::Number { min, max, .. } = setting.kind {
                assert!(
                    setting.take_number(min - 1).is_err() && max == i64::MAX || setting.take_number(max + 1).is_err()
                );
            }
        }
    }
}
