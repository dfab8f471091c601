//! `FT.INFO index`: what an index is about and how it fares (specification §10; clients rely on the order).

use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use super::aggregate::CURSORS;
use super::{find, reads};
use crate::commands::style::reply;
use crate::config::{self, replies_as_valkey};
use crate::error::{Error, search as errors};
use crate::indexes::cursors::Counts;
use crate::indexes::definition::Definition;
use crate::indexes::handle::Handle;
use crate::indexes::query::{self, Deadline};
use crate::indexes::registry::Registered;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info as CommandInfo};
use crate::redis::context::Context;
use crate::redis::reply::Reply;
use crate::search::analysis::Language;
use crate::search::arguments::name_of;
use crate::search::index::{Failures, Index};
use crate::search::info::{Facts, OfField};
use crate::search::schema::{Algorithm, Compression, Element, Field, Kind, Metric, Schema, Source, Vector, names};

/// `FT.INFO`
pub struct Info;

/// valkey-search's words for which nodes are to be asked, and which of them may fail to answer: here is all that there is.
const SCOPES: &[&str] = &["LOCAL", "ALLSHARDS", "SOMESHARDS", "CONSISTENT", "INCONSISTENT"];

/// Milliseconds that it waits for what was written before it to be applied. Then it tells what is, and that there is more. Clients
/// write some hundreds of documents and look at once whether they are there: the text of 500 takes 50 ms, and several times that where the machine is busy.
const PATIENCE: u64 = 250;

/// Nanoseconds that the figures of an index without vectors take, however large it is.
const COST: u64 = 5000;

impl Command for Info {
    const INFO: CommandInfo = reads(c"FT.INFO", c"Shows what an index is about and how it fares", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let Some(name) = args.next() else { return Err(Error::arity("FT.INFO")) };
        if !args.all(|word| SCOPES.iter().any(|scope| word.eq_ignore_ascii_case(scope.as_bytes()))) {
            return Err(Error::arity("FT.INFO"));
        }
        let index = find(ctx, name, || errors::UNKNOWN_INDEX_NAME)?;
        let definition = index.definition();
        let mut state = State::of(ctx, &index);
        let deadline = Deadline::after(None).or_after(PATIENCE);
        let work = move |handle: &Arc<Handle>, arrival, _: Option<&Context>| {
            let all = handle.live.read_within(arrival, &|| deadline.has_passed());
            let (is_behind, index) = (all.is_none(), all.or_else(|| handle.live.try_read(0)));
            (index.map_or_else(|| facts_known(handle), |index| facts_of(&index, handle)), is_behind)
        };
        // Graphs of vectors are counted under a lock that workers take.
        let cost = |index: &Index| {
            index.schema().iter().all(|(_, field)| !matches!(field.kind, Kind::Vector(_))).then_some(COST)
        };
        query::run_with_cost(ctx, &index, cost, work, move |ctx, (facts, is_behind)| {
            state.indexing |= is_behind;
            write(&mut reply(ctx), &definition, &state, &facts);
            Ok(())
        })
    }
}

/// What the main thread knows.
struct State {
    name: Box<[u8]>,
    /// Keys of before FT.CREATE are being walked over, so answers may lack documents. Vectors that are not linked yet are not
    /// lacking: every search looks at them.
    indexing: bool,
    percent: f64,
    uses: u64,
    /// Changes that are not applied yet.
    waiting: u64,
    dialects: [bool; 4],
    milliseconds: f64,
    cursors: Counts,
}

impl State {
    fn of(ctx: &Context, index: &Rc<Registered>) -> Self {
        let met = index.progress.borrow().as_ref().map(|progress| progress.met);
        let keys = ctx.database_size();
        let schema = &index.definition().schema;
        Self {
            name: schema.name.clone(),
            indexing: met.is_some(),
            // Keys may come while the walk is under way, which is not at its end before it says so.
            percent: met.map_or(1.0, |met| met as f64 / (keys.max(met) + 1) as f64),
            uses: index.handle.uses() + 1,
            waiting: index.handle.live.waiting(),
            dialects: index.handle.dialects(),
            milliseconds: index.handle.worked().as_secs_f64() * 1000.0,
            cursors: CURSORS.counts(&index.handle),
        }
    }
}

/// What an index tells of itself, which the next FT.INFO may have to tell again.
fn facts_of(index: &Index, handle: &Handle) -> Facts {
    let facts = Facts::of(index);
    *handle.facts.lock().unwrap_or_else(PoisonError::into_inner) = facts.clone();
    facts
}

/// What it told the last time: while a change is applied that takes long, nobody can read the index.
fn facts_known(handle: &Handle) -> Facts {
    handle.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A part of the reply.
enum Item {
    Word(Vec<u8>),
    Bulk(Vec<u8>),
    Number(u64),
    Double(f64),
    List(Vec<Item>),
    Map(Vec<(&'static str, Item)>),
    /// A map with words that stand bare at its end in RESP2, and under `flags` in RESP3.
    Flagged(Vec<(&'static str, Item)>, Vec<&'static str>),
}

impl Item {
    fn word(text: impl AsRef<[u8]>) -> Self {
        Self::Word(text.as_ref().to_vec())
    }

    fn bulk(text: impl AsRef<[u8]>) -> Self {
        Self::Bulk(text.as_ref().to_vec())
    }

    fn number(value: usize) -> Self {
        Self::Number(value as u64)
    }

    fn write(&self, reply: &mut Reply<'_>) {
        match self {
            Self::Word(text) => reply.simple_bytes(text),
            Self::Bulk(text) => reply.bulk(text),
            Self::Number(value) => reply.integer(i64::try_from(*value).unwrap_or(i64::MAX)),
            Self::Double(value) => reply.double(*value),
            Self::List(items) => {
                reply.array(items.len());
                items.iter().for_each(|item| item.write(reply));
            }
            Self::Map(pairs) => {
                reply.map(pairs.len());
                write_pairs(reply, pairs);
            }
            Self::Flagged(pairs, flags) if reply.resp3() => {
                reply.map(pairs.len() + 1);
                write_pairs(reply, pairs);
                reply.simple("flags");
                reply.array(flags.len());
                flags.iter().for_each(|flag| reply.simple(flag));
            }
            Self::Flagged(pairs, flags) => {
                reply.array(2 * pairs.len() + flags.len());
                write_pairs(reply, pairs);
                flags.iter().for_each(|flag| reply.simple(flag));
            }
        }
    }
}

fn write_pairs(reply: &mut Reply<'_>, pairs: &[(&'static str, Item)]) {
    for (name, item) in pairs {
        reply.simple(name);
        item.write(reply);
    }
}

fn write(reply: &mut Reply<'_>, definition: &Definition, state: &State, facts: &Facts) {
    let schema = &definition.schema;
    let none = OfField::default();
    let by_field = || facts.by_field.iter().chain(std::iter::repeat(&none));
    let mut pairs = vec![
        ("index_name", Item::word(&state.name)),
        ("index_options", Item::List(options(schema))),
        ("index_definition", Item::Map(about(schema))),
        ("attributes", Item::List(schema.fields.iter().zip(by_field()).map(attribute).collect())),
    ];
    pairs.extend(sizes(facts));
    pairs.extend(progress(state));
    if let Some(words) = &schema.stop_words {
        pairs.push(("stopwords_list", Item::List(words.iter().map(|word| Item::Bulk(word.to_vec())).collect())));
    }
    let dialects = ["dialect_1", "dialect_2", "dialect_3", "dialect_4"].into_iter().zip(state.dialects);
    let dialects = dialects.map(|(name, used)| (name, Item::Number(u64::from(used))));
    pairs.push(("dialect_stats", Item::Map(dialects.collect())));
    pairs.push(("Index Errors", failures(&facts.failures)));
    let statistics = schema.fields.iter().zip(by_field()).map(|(field, OfField { failures: failed, .. })| {
        Item::Map(vec![
            ("identifier", Item::word(&field.source)),
            ("attribute", Item::word(&field.alias)),
            ("Index Errors", failures(failed)),
        ])
    });
    pairs.push(("field statistics", Item::List(statistics.collect())));
    if replies_as_valkey() {
        pairs.extend(as_valkey(state));
    }
    Item::Map(pairs).write(reply);
}

/// What valkey-search tells of an index besides, in its words.
fn as_valkey(state: &State) -> Vec<(&'static str, Item)> {
    vec![
        ("backfill_in_progress", Item::bulk(if state.indexing { "1" } else { "0" })),
        ("backfill_complete_percent", Item::bulk(format!("{:.6}", state.percent))),
        ("mutation_queue_size", Item::bulk(state.waiting.to_string())),
        ("state", Item::bulk(if state.indexing { "backfill_in_progress" } else { "ready" })),
    ]
}

fn options(schema: &Schema) -> Vec<Item> {
    let flags = &schema.flags;
    let all = [
        ("NOFREQS", flags.no_frequencies),
        ("NOFIELDS", flags.no_fields),
        ("NOOFFSETS", flags.no_offsets),
        ("NOHL", flags.no_highlight),
        ("MAXTEXTFIELDS", flags.max_text_fields),
    ];
    all.iter().filter(|(_, given)| *given).map(|(name, _)| Item::word(name)).collect()
}

fn about(schema: &Schema) -> Vec<(&'static str, Item)> {
    let mut pairs = vec![
        ("key_type", Item::word(if schema.source == Source::Json { "JSON" } else { "HASH" })),
        ("prefixes", Item::List(schema.prefixes.iter().map(Item::word).collect())),
    ];
    let optional = |name, value: &Option<Box<[u8]>>| value.as_ref().map(|value| (name, Item::word(value)));
    pairs.extend(optional("filter", &schema.filter));
    let language = schema.language.filter(|language| *language != Language::default());
    pairs.extend(language.map(|language| ("default_language", Item::word(language.name()))));
    pairs.extend(optional("language_field", &schema.language_field));
    pairs.push(("default_score", Item::Double(schema.score)));
    pairs.extend(optional("score_field", &schema.score_field));
    pairs.extend(optional("payload_field", &schema.payload_field));
    pairs.extend(schema.index_all.map(|all| ("indexes_all", Item::word(if all { "true" } else { "false" }))));
    pairs
}

fn attribute((field, facts): (&Field, &OfField)) -> Item {
    let mut pairs = vec![("identifier", Item::word(&field.source)), ("attribute", Item::word(&field.alias))];
    let (mut case_sensitive, mut no_stem, mut suffix_trie) = (false, false, false);
    let mut kind = |name| pairs.push(("type", Item::word(name)));
    match &field.kind {
        Kind::Text(text) => {
            kind("TEXT");
            pairs.push(("WEIGHT", Item::Double(text.weight)));
            (no_stem, suffix_trie) = (text.no_stem, text.suffix_trie);
        }
        Kind::Tag(tag) => {
            kind("TAG");
            pairs.push(("SEPARATOR", Item::word(tag.separator.as_slice())));
            (case_sensitive, suffix_trie) = (tag.case_sensitive, tag.suffix_trie);
        }
        Kind::Numeric => kind("NUMERIC"),
        Kind::Geo => kind("GEO"),
        Kind::Shape(system) => {
            kind("GEOSHAPE");
            pairs.push(("coord_system", Item::word(name_of(names::SYSTEMS, system).unwrap_or_default())));
        }
        Kind::Vector(vector) => {
            kind("VECTOR");
            pairs.extend(vector_attributes(vector));
            if replies_as_valkey() {
                pairs.push(("index", Item::Map(vector_index(vector, facts.vectors))));
            }
        }
    }
    let flags = [
        ("CASESENSITIVE", case_sensitive),
        ("SORTABLE", field.sortable),
        ("UNF", field.sortable && field.unf),
        ("NOSTEM", no_stem),
        ("NOINDEX", field.no_index),
        ("WITHSUFFIXTRIE", suffix_trie),
        ("INDEXEMPTY", field.index_empty),
        ("INDEXMISSING", field.index_missing),
    ];
    Item::Flagged(pairs, flags.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect())
}

fn vector_attributes(vector: &Vector) -> Vec<(&'static str, Item)> {
    let word = |name: Option<&'static str>| Item::word(name.unwrap_or_default());
    let mut pairs = vec![
        ("algorithm", word(name_of::<Algorithm>(names::ALGORITHMS, &vector.algorithm))),
        ("data_type", word(name_of::<Element>(names::ELEMENTS, &vector.element))),
        ("dim", Item::number(vector.dim)),
        ("distance_metric", word(name_of::<Metric>(names::METRICS, &vector.metric))),
    ];
    match (vector.algorithm, &vector.svs) {
        (Algorithm::Hnsw, _) => {
            pairs.push(("M", Item::number(vector.m)));
            pairs.push(("ef_construction", Item::number(vector.ef_construction)));
        }
        (Algorithm::SvsVamana, Some(svs)) => {
            let compression = svs.compression.and_then(|kind| name_of::<Compression>(names::COMPRESSIONS, &kind));
            pairs.push(("graph_max_degree", Item::number(svs.max_degree)));
            pairs.push(("construction_window_size", Item::number(svs.construction_window)));
            pairs.push(("compression", Item::word(compression.unwrap_or("NO_COMPRESSION"))));
            pairs.extend(svs.training_threshold.map(|threshold| ("training_threshold", Item::number(threshold))));
            pairs.extend(svs.reduce.map(|dim| ("reduced_dim", Item::number(dim))));
        }
        _ => {}
    }
    pairs
}

/// A vector field in the words of valkey-search.
fn vector_index(vector: &Vector, size: usize) -> Vec<(&'static str, Item)> {
    let word = |name: Option<&'static str>| Item::word(name.unwrap_or_default());
    let mut algorithm = vec![("name", word(name_of::<Algorithm>(names::ALGORITHMS, &vector.algorithm)))];
    if vector.algorithm == Algorithm::Hnsw {
        algorithm.push(("m", Item::number(vector.m)));
        algorithm.push(("ef_construction", Item::number(vector.ef_construction)));
        algorithm.push(("ef_runtime", Item::number(vector.ef_runtime)));
    }
    vec![
        ("capacity", Item::number(size)),
        ("dimensions", Item::number(vector.dim)),
        ("distance_metric", word(name_of::<Metric>(names::METRICS, &vector.metric))),
        ("size", Item::bulk(size.to_string())),
        ("data_type", word(name_of::<Element>(names::ELEMENTS, &vector.element))),
        ("algorithm", Item::Map(algorithm)),
    ]
}

fn megabytes(bytes: usize) -> Item {
    Item::Double(bytes as f64 / (1024.0 * 1024.0))
}

fn sizes(facts: &Facts) -> Vec<(&'static str, Item)> {
    let figures = &facts.figures;
    let per = |all: f64, of: f64| Item::Double(if of == 0.0 { f64::NAN } else { all / of });
    let (docs, records) = (figures.docs as f64, figures.records as f64);
    let inverted = figures.inverted as f64;
    vec![
        ("num_docs", Item::Number(figures.docs)),
        ("max_doc_id", Item::Number(figures.max_doc_id)),
        ("num_terms", Item::Number(figures.terms)),
        ("num_records", Item::Number(figures.records)),
        ("inverted_sz_mb", megabytes(figures.inverted)),
        ("vector_index_sz_mb", megabytes(figures.vectors)),
        ("total_inverted_index_blocks", Item::Number(figures.blocks)),
        // Offsets are kept within the postings.
        ("offset_vectors_sz_mb", megabytes(0)),
        ("doc_table_size_mb", megabytes(figures.documents)),
        ("sortable_values_size_mb", megabytes(figures.sortable)),
        ("key_table_size_mb", megabytes(figures.keys)),
        ("tag_overhead_sz_mb", megabytes(figures.tags)),
        ("text_overhead_sz_mb", megabytes(figures.text_overhead)),
        ("total_index_memory_sz_mb", megabytes(figures.total() - figures.vectors)),
        ("geoshapes_sz_mb", megabytes(figures.shapes)),
        ("records_per_doc_avg", per(records, docs)),
        ("bytes_per_record_avg", per(inverted, records)),
        ("offsets_per_term_avg", per(figures.offsets as f64, records)),
        ("offset_bits_per_record_avg", per(8.0 * inverted, figures.offsets as f64)),
        ("hash_indexing_failures", Item::Number(facts.failures.count)),
    ]
}

fn progress(state: &State) -> Vec<(&'static str, Item)> {
    let zero = || Item::Double(0.0);
    let collected = vec![
        ("bytes_collected", zero()),
        ("total_ms_run", zero()),
        ("total_cycles", zero()),
        ("average_cycle_time_ms", Item::Double(f64::NAN)),
        ("last_run_time_ms", zero()),
        ("gc_numeric_trees_missed", zero()),
        ("gc_blocks_denied", zero()),
    ];
    let cursors = vec![
        ("global_idle", Item::number(state.cursors.all)),
        ("global_total", Item::number(state.cursors.all)),
        ("index_capacity", Item::number(config::index_cursor_limit())),
        ("index_total", Item::number(state.cursors.of_index)),
    ];
    vec![
        ("total_indexing_time", Item::Double(state.milliseconds)),
        ("indexing", Item::Number(u64::from(state.indexing))),
        ("percent_indexed", Item::Double(state.percent)),
        ("number_of_uses", Item::Number(state.uses)),
        ("cleaning", Item::Number(0)),
        // Documents are removed at once: nothing is left to collect.
        ("gc_stats", Item::Map(collected)),
        ("cursor_stats", Item::Map(cursors)),
    ]
}

fn failures(failures: &Failures) -> Item {
    let (text, key) = match &failures.last {
        Some((failure, key)) => (errors::failure(failure), key.to_vec()),
        None => (b"N/A".to_vec(), b"N/A".to_vec()),
    };
    Item::Map(vec![
        ("indexing failures", Item::Number(failures.count)),
        ("last indexing error", Item::Word(text)),
        ("last indexing error key", Item::Bulk(key)),
    ])
}
