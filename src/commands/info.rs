//! The sections of `INFO`: what the module did and does.

use super::about;
use super::search::aggregate::CURSORS;
use super::vset::{counters, totals};
use crate::cluster::figures::{self as figures_of_wire, OfPeer};
use crate::config;
use crate::indexes::measured::KINDS;
use crate::indexes::{counters as searches, definitions, figures, heartbeat, peers, registrar, registry};
use crate::redis::bus;
use crate::redis::info::InfoWriter;
use crate::redis::module::loaded;
use crate::redis::settings::Setting;
use crate::redis::workers;

/// Fills the sections.
pub fn fill(info: &mut InfoWriter) {
    info.section("nearset");
    about::fill(info);
    let pool = workers::stats();
    info.section("workers");
    info.number("worker_threads", pool.threads);
    info.number("worker_threads_busy", pool.busy);
    info.number("worker_jobs_waiting", pool.jobs_waiting);
    info.number("worker_sources", pool.sources);
    info.number("worker_jobs_done", pool.jobs_done);
    info.number("worker_steps_done", pool.steps_done);
    info.number("worker_panics", pool.panics);
    info.number("worker_frees_waiting", pool.frees_waiting);
    let sets = totals::all();
    info.section("vectorsets");
    info.number("vset_sets", sets.sets);
    info.number("vset_elements", sets.figures.elements);
    info.number("vset_unlinked_elements", sets.figures.unlinked);
    info.number("vset_removed_elements", sets.figures.removed);
    info.number("vset_used_memory", sets.figures.memory);
    info.number("vset_searches", counters::SEARCHES.get());
    info.number("vset_searches_on_main_thread", counters::INLINE_SEARCHES.get());
    info.number("vset_searches_timed_out", counters::TIMEOUTS.get());
    info.number("vset_search_microseconds", counters::SEARCH_TIME.get() / 1000);
    info.number("vset_comparisons", counters::COMPARISONS.get());
    info.number("vset_inserts", counters::INSERTS.get());
    info.number("vset_updates", counters::UPDATES.get());
    info.number("vset_attribute_updates", counters::ATTRIBUTE_UPDATES.get());
    info.number("vset_removals", counters::REMOVALS.get());
    info.number("vset_waits_for_tail", counters::TAIL_WAITS.get());
    indexes(info);
    cluster(info);
    queries(info);
    told(info);
}

/// Sections about the indexes, by the names that RediSearch has for them (those of 2.10 and of 8), which exporters read.
fn indexes(info: &mut InfoWriter) {
    let stats = registry::with(|registry| registry.stats());
    let figures = figures::all();
    info.section("version");
    info.word("version", "2.10.20");
    if let Some(loaded) = loaded() {
        info.word("redis_version", &loaded.server);
    }
    info.section("index");
    info.number("number_of_indexes", stats.indexes);
    info.number("number_of_active_indexes", figures.active);
    info.number("number_of_active_indexes_running_queries", figures.queried);
    info.number("number_of_active_indexes_indexing", figures.indexing);
    info.number("number_of_indexes_scanning", stats.scanning);
    info.number("total_num_docs_in_indexes", stats.documents);
    info.number("changes_waiting", stats.waiting);
    info.number("unlinked_vectors", stats.unlinked);
    info.number("vector_links", searches::LINKS.get());
    info.number("graphs_restored", searches::GRAPHS_RESTORED.get());
    info.number("graphs_refused", searches::GRAPHS_REFUSED.get());
    info.number("indexing_failures", stats.failures);
    info.number("indexes_expired", searches::EXPIRED.get());
    info.section("fields_statistics");
    for (kind, fields) in KINDS.iter().zip(&figures.fields).filter(|(_, fields)| !fields.counts.is_empty()) {
        let failures = (fields.failures > 0).then_some(("IndexErrors", fields.failures));
        let all = fields.counts.iter().copied().chain(failures);
        let all: Vec<_> = all.map(|(property, count)| format!("{property}={count}")).collect();
        info.word(&format!("fields_{kind}"), &all.join(","));
    }
    info.section("memory");
    let [all, smallest, largest, vectors] = figures.memory;
    for (name, bytes) in
        [("used_memory_indexes", all), ("smallest_memory_index", smallest), ("largest_memory_index", largest)]
    {
        info.number(name, bytes);
        info.double(&format!("{name}_human"), bytes as f64 / f64::from(1 << 20));
    }
    info.number("used_memory_vector_index", vectors);
    info.double("total_indexing_time", figures.milliseconds);
    info.section("dialect_statistics");
    for (nth, used) in figures.dialects.into_iter().enumerate() {
        info.number(&format!("dialect_{}", nth + 1), u64::from(used));
    }
    info.section("warnings_and_errors");
    info.number("errors_indexing_failures", stats.failures);
    info.number("errors_for_index_with_max_failures", figures.most_failures);
    info.section("gc");
    // What is removed is removed at once: nothing is collected, nothing is left to collect.
    for name in
        ["bytes_collected", "total_cycles", "total_ms_run", "gc_bytes_collected", "gc_total_cycles", "gc_total_ms_run"]
    {
        info.number(name, 0);
    }
    for name in ["total_docs_not_collected_by_gc", "gc_total_docs_not_collected"] {
        info.number(name, 0);
    }
    info.section("queries");
    info.number("total_active_queries", figures.queries);
}

/// How this node talks with the others of its cluster.
fn cluster(info: &mut InfoWriter) {
    if !bus::is_node() {
        return;
    }
    info.section("cluster");
    for (name, count) in [
        ("cluster_frames_sent", &figures_of_wire::SENT),
        ("cluster_replies_received", &figures_of_wire::RECEIVED),
        ("cluster_bytes_sent", &figures_of_wire::BYTES_SENT),
        ("cluster_bytes_received", &figures_of_wire::BYTES_RECEIVED),
        ("cluster_connections_made", &figures_of_wire::CONNECTED),
        ("cluster_connections_lost", &figures_of_wire::LOST),
        ("cluster_frames_late", &figures_of_wire::LATE),
        ("cluster_frames_refused_busy", &figures_of_wire::BUSY),
        ("cluster_connections_garbled", &figures_of_wire::GARBLED),
        ("cluster_hellos", &peers::HELLOS),
        ("cluster_strangers_refused", &peers::STRANGERS),
        ("cluster_pings_unanswered", &heartbeat::UNHEARD),
        ("cluster_definitions_decided", &registrar::DECIDED),
        ("cluster_definitions_taken", &registrar::TAKEN),
        ("cluster_definitions_asked_for", &registrar::PULLS),
        ("cluster_proposals_repeated", &registrar::RETRIES),
    ] {
        info.number(name, count.get());
    }
    let standing = definitions::standing();
    let version = standing.version;
    info.word("cluster_catalogue_version", &format!("{}-{}-{:016x}", version.epoch, version.counter, version.by));
    info.word("cluster_catalogue_digest", &format!("{:016x}", standing.digest));
    for (id, peer) in figures_of_wire::of_peers() {
        let OfPeer { connections, replies, failures, .. } = peer;
        let (median, slowest) = (peer.median(), peer.slowest());
        let line = format!(
            "connections={connections},replies={replies},failures={failures},p50_usec={median},p99_usec={slowest}"
        );
        info.word(&format!("cluster_peer_{id}"), &line);
    }
}

/// Sections about queries and cursors.
fn queries(info: &mut InfoWriter) {
    info.number("total_queries_processed", searches::QUERIES.get());
    info.number("total_query_commands", searches::QUERIES.get() + searches::CURSOR_READS.get());
    info.number("total_query_execution_time_ms", searches::QUERY_TIME.get() / 1_000_000);
    info.number("total_query_microseconds", searches::QUERY_TIME.get() / 1000);
    info.number("total_measuring_microseconds", searches::MEASURE_TIME.get() / 1000);
    info.number("total_queries_timed_out", searches::TIMEOUTS.get());
    info.section("cursors");
    let cursors = CURSORS.all() as u64;
    for name in ["global_idle", "global_total", "cursors_user_idle", "cursors_user_active"] {
        info.number(name, cursors);
    }
    for name in ["cursors_internal_idle", "cursors_internal_active"] {
        info.number(name, 0);
    }
}

/// The settings that RediSearch tells here, by its names.
fn told(info: &mut InfoWriter) {
    info.section("runtime_configurations");
    for (name, setting) in [
        ("minimal_term_prefix", "min-prefix"),
        ("minimal_stem_length", "min-stem-len"),
        ("maximal_prefix_expansions", "max-prefix-expansions"),
        ("query_timeout_ms", "timeout"),
        ("timeout_policy", "on-timeout"),
        ("cursor_max_idle_time", "cursor-max-idle"),
        ("max_search_results", "max-search-results"),
        ("max_aggregate_results", "max-aggregate-results"),
    ] {
        let value = config::named(setting.as_bytes()).and_then(Setting::shown).unwrap_or_default();
        info.word(name, &String::from_utf8_lossy(&value));
    }
}
