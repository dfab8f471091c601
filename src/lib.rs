//! Vector sets, search and JSON documents for any Redis ≥ 7.0 and any Valkey, as one module.
//!
//! Map of the code; the arrows between the layers are kept by `scripts/check-layers`.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | every setting |
//! | [`error`] | every text a client can read |
//! | [`watch`] | when a query stops |
//! | [`codec`] | byte sources and sinks, so that encodings are tested without a server |
//! | [`redis`] | the only code that knows the server's module API |
//! | [`commands`] | one command a file: parse, call the engine, reply |
//! | [`indexes`] | the search indexes of this server: which there are, how they follow the keyspace, where queries run |
//! | [`cluster`] | what the nodes of a cluster tell each other, and how; knows no Redis |
//! | [`vector`] | distances, quantization, the graph, the flat index; knows no Redis |
//! | [`search`] | search indexes over documents; knows no Redis |
//! | [`json`] | JSON documents: value, paths, edits, text; knows no Redis |
//! | [`vset`] | the vector set: names, attributes, filter language, encoding; knows no Redis |

#[cfg(test)]
mod allocations;
pub mod cluster;
pub mod codec;
pub mod commands;
pub mod config;
pub mod error;
pub mod indexes;
pub mod json;
pub mod redis;
pub mod search;
pub mod vector;
pub mod vset;
pub mod watch;

#[global_allocator]
static ALLOCATOR: redis::alloc::ServerAlloc = redis::alloc::ServerAlloc;

/// Everything the library brings. A RediSearch-style version number, since clients open their gates by it.
static MODULE: redis::module::Module = redis::module::Module {
    names: [c"search", c"nearset"],
    version: 21020,
    families: &[
        ("vector sets", Some(redis::types::register::<commands::vset::value::Value>), commands::vset::FAMILY),
        ("JSON", Some(commands::json::register_type), commands::json::FAMILY),
        ("search", Some(commands::search::register), commands::search::FAMILY),
    ],
    usage: commands::usage::ALL,
    settings: (&config::ALL, config::FOREIGN),
    changed: tell_engines,
    info: commands::info::fill,
    kernels: vector::distance::kernels,
    greeting: commands::about::greeting,
    begin: measure_blocks,
    fork: [close_gate, open_gate, open_gate_in_child],
};

redis::module::export!(MODULE);

/// Tells the engine what the server's allocator takes for a block.
fn measure_blocks() {
    vector::allocation::measure_with(redis::alloc::rounded);
}

/// Gives the search engine those settings that are the same for all indexes.
fn tell_engines() {
    search::analysis::store_stems_from(config::min_stem_len());
    search::analysis::store_sounds_from(config::min_phonetic_term_len());
    search::index::separate_values_by(config::multi_text_slop());
}

/// Before a fork: linking comes to rest, so that the child sees whole nodes.
extern "C" fn close_gate() {
    vector::gate::close();
}

/// After a fork, in the server.
extern "C" fn open_gate() {
    vector::gate::open();
}

/// After a fork, in the child, which has this one thread.
extern "C" fn open_gate_in_child() {
    vector::gate::open_in_child();
}
