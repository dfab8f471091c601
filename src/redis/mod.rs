//! Everything that touches the server's module API.
//!
//! Only this folder (and the library's entry point) names `redis_module` or calls through a C function pointer. What it
//! offers to the rest is safe: arguments as bytes, replies by a writer, values by type, background work by a pool.
//!
//! | file | what |
//! |---|---|
//! | [`alloc`] | the global allocator |
//! | [`args`] | a command's arguments |
//! | [`auxiliary`] | data of the module itself in an RDB file |
//! | [`blocking`] | a client that waits for a worker's reply |
//! | [`command`] | the table of commands and how it is registered |
//! | [`context`] | a command's call: its client, keys, replication, events |
//! | [`counter`] | what is counted for `INFO` |
//! | [`double`] | doubles as text |
//! | [`events`] | what happens in the keyspace and to the server |
//! | [`info`] | the sections of `INFO` |
//! | [`json_api`] | the table through which other modules read documents |
//! | [`keyspace`] | opened keys and the values in them |
//! | [`module`] | loading: name, options, fork handlers |
//! | [`placement`] | where a search runs |
//! | [`rdb`] | the codec over the server's RDB, AOF and digest |
//! | [`reply`] | writing replies in RESP2 and RESP3 |
//! | [`settings`] | `CONFIG` and load arguments |
//! | `syntax` | the arguments of a command, from a line of usage |
//! | [`turns`] | how threads share the cores |
//! | [`types`] | data types and their callbacks |
//! | [`workers`] | the pool of threads |

/// Calls a function of the server's API. Every one named in this way is part of Redis 7.0's API; those that came later
/// are looked at as the `Option`s they are.
macro_rules! api {
    ($name:ident($($arg:expr),* $(,)?)) => {
        (redis_module::raw::$name.expect(concat!(stringify!($name), " is in every supported server")))($($arg),*)
    };
}

pub mod alloc;
mod answers;
pub mod args;
pub mod auxiliary;
pub mod blocking;
pub mod command;
pub mod context;
pub mod counter;
pub mod double;
pub mod events;
pub mod info;
pub mod json_api;
pub mod keyspace;
pub mod module;
pub mod placement;
pub mod rdb;
pub mod reply;
pub mod settings;
mod syntax;
pub mod turns;
pub mod types;
pub mod workers;
