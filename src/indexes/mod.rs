//! The search indexes of this server, whichever command asks.
//!
//! | file | what |
//! |---|---|
//! | [`query`] | where a query runs, and what it is told |
//! | [`measuring`] | how far documents are that were found by codes |
//! | [`follow`] | keyspace events become entries of logs |
//! | [`moved`] | indexes that come with files of RediSearch |
//! | [`persistence`] | definitions, aliases, graphs and dictionaries in RDB files |
//! | [`temporary`] | indexes that expire |
//! | [`mod@drop`] | dropping one, with its documents |
//! | [`scan`] | existing keys become entries of logs |
//! | [`heartbeat`] | pings, and what is to be done now and then |
//! | [`registrar`] | one list of definitions for a whole cluster |
//! | [`telling`] | entries of the catalogue on their way to every master |
//! | [`peers`] | the other nodes of the cluster |
//! | [`definitions`] | definitions as entries of the cluster's catalogue |
//! | [`replication`] | how a change of definitions reaches replicas |
//! | [`permission`] | who may do what with one |
//! | [`cursors`] | what waits to be read on |
//! | [`dictionaries`] | words that are right, of the whole server |
//! | [`registry`] | which indexes there are |
//! | [`definition`] | what the main thread knows of one |
//! | [`handle`] | what threads share of one: its log and the index |
//! | [`document`] | from a key to the parts of its document |
//! | [`counters`] | what is counted for `INFO` |
//!
//! A file uses those below it only. What a lower one must tell a higher one, such as that an index went, it tells through a hook that the
//! higher one registers.
//!
//! # How a write becomes visible
//! The main thread copies what an index wants to know of a key into the log of the index, and goes on. Workers apply the log.
//! A query notes how long the log is when it arrives; the worker that runs it first makes sure that everything up to there
//! has been applied. So a query sees every write that was acknowledged before it, and neither waits for the other on the
//! main thread. Where the client can't wait (MULTI, scripts), the log is applied and the index read on the spot.

#![forbid(unsafe_code)]

pub mod counters;
pub mod cursors;
pub mod definition;
pub mod definitions;
pub mod dictionaries;
pub mod document;
pub mod drop;
pub mod figures;
pub mod follow;
pub mod handle;
pub mod heartbeat;
pub mod measured;
pub mod measuring;
pub mod moved;
pub mod peers;
pub mod permission;
pub mod persistence;
pub mod query;
pub mod registrar;
pub mod registry;
pub mod replication;
pub mod scan;
pub mod telling;
pub mod temporary;

use crate::redis::loading::Loading;
use crate::redis::{auxiliary, bus, events};

/// Follows the keyspace and saves definitions; false where another module has taken our place in RDB files.
pub fn register(loading: &Loading) -> bool {
    temporary::when_over(registrar::expires);
    bus::join(loading, &heartbeat::MEMBERS);
    auxiliary::register(loading, &persistence::AUXILIARY)
        && auxiliary::register_reader::<moved::Indexes>(loading)
        && auxiliary::register_reader::<moved::Dictionaries>(loading)
        && events::follow(loading, &follow::FOLLOWERS)
}
