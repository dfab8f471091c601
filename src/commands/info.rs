//! The sections of `INFO`: what the module did and does.

use super::about;
use super::vset::{counters, value};
use crate::indexes::{counters as searches, registry};
use crate::redis::info::InfoWriter;
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
    let sets = value::stats();
    info.section("vectorsets");
    info.number("vset_sets", sets.sets);
    info.number("vset_elements", sets.elements);
    info.number("vset_unlinked_elements", sets.unlinked);
    info.number("vset_used_memory", sets.memory);
    info.number("vset_searches", counters::SEARCHES.get());
    info.number("vset_searches_on_main_thread", counters::INLINE_SEARCHES.get());
    info.number("vset_search_microseconds", counters::SEARCH_TIME.get() / 1000);
    info.number("vset_inserts", counters::INSERTS.get());
    info.number("vset_updates", counters::UPDATES.get());
    info.number("vset_attribute_updates", counters::ATTRIBUTE_UPDATES.get());
    info.number("vset_removals", counters::REMOVALS.get());
    info.number("vset_waits_for_tail", counters::TAIL_WAITS.get());
    let indexes = registry::with(|registry| registry.stats());
    info.section("index");
    info.number("number_of_indexes", indexes.indexes);
    info.number("number_of_indexes_scanning", indexes.scanning);
    info.number("total_num_docs_in_indexes", indexes.documents);
    info.number("changes_waiting", indexes.waiting);
    info.number("unlinked_vectors", indexes.unlinked);
    info.number("vector_links", searches::LINKS.get());
    info.number("graphs_restored", searches::GRAPHS_RESTORED.get());
    info.number("graphs_refused", searches::GRAPHS_REFUSED.get());
    info.number("indexing_failures", indexes.failures);
    info.number("indexes_expired", searches::EXPIRED.get());
    info.section("queries");
    info.number("total_queries_processed", searches::QUERIES.get());
    info.number("total_query_microseconds", searches::QUERY_TIME.get() / 1000);
    info.number("total_measuring_microseconds", searches::MEASURE_TIME.get() / 1000);
    info.number("total_queries_timed_out", searches::TIMEOUTS.get());
}
