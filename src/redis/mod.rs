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
//! | [`bus`] | the nodes of the cluster, and messages to them |
//! | [`command`] | the table of commands and how it is registered |
//! | [`context`] | a command's call: its client, keys, replication, events |
//! | [`counter`] | what is counted for `INFO` |
//! | [`double`] | doubles as text |
//! | [`errands`] | what other threads have for the main thread |
//! | [`events`] | what happens in the keyspace and to the server |
//! | [`info`] | the sections of `INFO` |
//! | [`json_api`] | the table through which other modules read documents |
//! | `key_rules` | a user's key patterns |
//! | [`keyspace`] | opened keys and the values in them |
//! | [`module`] | loading: name, options, fork handlers |
//! | [`pair`] | two pieces of one query's work at the same time |
//! | [`placement`] | where a search runs |
//! | [`rdb`] | the codec over the server's RDB, AOF and digest |
//! | [`reply`] | writing replies in RESP2 and RESP3 |
//! | [`settings`] | `CONFIG` and load arguments |
//! | [`spare`] | time that the main thread has to spare |
//! | `syntax` | the arguments of a command, from a line of usage |
//! | [`turns`] | how threads share the cores |
//! | [`types`] | data types and their callbacks |
//! | [`user`] | who asks, and what he may |
//! | [`workers`] | the pool of threads |
//!
//! # What the server's functions may answer
//! Asked of Redis 7.0, 7.4, 8.2 and Valkey 9.1, with a client in each state that they know (`tests/test_client_states.py`).
//! Those that are not in every server are looked up; a test of each server looks for the others by name.
//!
//! | call | may answer | then |
//! |---|---|---|
//! | `BlockClient` | null: Valkey from 8.1 on, for a client that is subscribed. In MULTI and scripts an error to the client | those are not asked, and null is as good: the work is done here and now |
//! | `BlockedClientMeasureTimeStart`, `BlockedClientMeasureTimeEnd` | an error: not begun | times lack one |
//! | `GetThreadSafeContext` | never null, of a client that has gone, too: its reply is thrown away | |
//! | `UnblockClient` | an error: of clients that wait for keys only | ours never do |
//! | `GetBlockedClientPrivateData` | null: the worker has replied | nothing is left to do |
//! | `GetDetachedThreadSafeContext` | never null | |
//! | `EventLoopAddOneShot` | an error: no function given | the turn comes at once |
//! | `OpenKey` | null: no such key; for writing too, where the server does not let a slot's keys be changed | reads as none; to put a value or delete is refused |
//! | `KeyType` | empty, of null too | asked before anything else of a key |
//! | `ModuleTypeGetType`, `ModuleTypeGetValue` | null: no value of a module | another type |
//! | `ModuleTypeSetValue`, `DeleteKey`, `UnlinkKey` | an error: not open for writing; all of them follow null | refused, and the value dropped |
//! | `HashGet`, `ScanKey` | an error: no hash. A value that is null: no such field, or it has expired | none |
//! | `Scan`, `ScanCursorCreate` | 0 at the end; never null | |
//! | `CreateString`, `StringPtrLen` | never null: a server without memory ends | |
//! | `Call` | null: no such command (`rename-command`), or it can't be run now | no reply, as for an error |
//! | `CallReplyType`, `CallReplyLength`, `CallReplyArrayElement`, `CallReplyStringPtr`, `CallReplyInteger` | null, or 0, of another kind of reply | none |
//! | `Replicate` | an error: no such command (`rename-command`) | another command for it, or a line in the log |
//! | `ReplicateVerbatim`, `NotifyKeyspaceEvent` | an error is not told | |
//! | `ReplyWith…`, `ReplySetArrayLength` | an error is not told; without a client (`CLIENT REPLY OFF`, gone) thrown away | |
//! | `GetContextFlags`, `GetClientId`, `GetSelectedDb`, `DbSize`, `AvoidReplicaTraffic` | a number, 0 without a client | |
//! | `SelectDb` | an error: no such database | nothing is done there |
//! | `GetClientUserNameById` | null: in no list (a script's, an AOF's, another module's), or without a user (a master's link) | the next |
//! | `GetCurrentUserName` | null without a user; Redis 7.0 crashes there | asked only where there is one, see [`user`] |
//! | `GetModuleUserFromUserName` | null: a user whom the server does not list | may nothing |
//! | `ACLCheckKeyPermissions`, `ACLCheckCommandPermissions`, `ACLCheckKeyPrefixPermissions` (not everywhere) | an error: may not, or a wrong question | may not |
//! | `GetModuleUserACLString` (from 7.0.6 on) | never null | read from `ACL LIST` without it |
//! | `GetServerVersion` | of Valkey, the Redis that it is like | |
//! | `GetServerInfo`, `ServerInfoGetFieldC` | null: no such field | as the server says nothing |
//! | `CreateTimer` | a number; never fails | |
//! | `GetUsedMemoryRatio` | 0 without `maxmemory` | not over it |
//! | `LoadUnsigned`, `LoadFloat`, `LoadDouble` | anything, if `IsIOError` says so | corrupt |
//! | `LoadStringBuffer` | null, or `IsIOError` | corrupt |
//! | `GetKeyNameFromIO` | null, where no key is known | the log names none |
//! | `SaveUnsigned`, `SaveFloat`, `SaveDouble`, `SaveStringBuffer`, `EmitAOF` | the server remembers an error and gives up the file | |
//! | `DigestAddStringBuffer`, `DigestAddLongLong`, `DigestEndSequence` | nothing | |
//! | `DefragAlloc` | null: stays where it is | kept |
//! | `DefragCursorGet` | an error at the first call | from the beginning |
//! | `DefragCursorSet`, `DefragShouldStop` | an error is not told | |
//! | `GetClusterNodesList` | null: in no cluster | no nodes |
//! | `GetClusterNodeInfo` | an error: no such node any more | left out |
//! | `SendClusterMessage` | an error: no such node, or no link to it | not told |
//! | `RegisterClusterMessageReceiver` | nothing | |
//! | `CreateModuleUser`, `SetModuleUserACL` | never null; an error: a wrong rule | no client becomes a node |
//! | `AuthenticateClientWithUser` | an error: no client, or another module's | refused |
//! | `GetClientInfoById` | an error: no such client | forgotten |
//! | `CreateDataType`, `CreateCommand`, `GetCommand` | null or an error: the name is taken | the family steps aside, or the load fails |
//! | `SetCommandInfo`, `SubscribeToKeyspaceEvents`, `SubscribeToServerEvent` | an error: unknown to the server | the load fails |
//! | `RegisterNumericConfig`, `RegisterBoolConfig`, `RegisterEnumConfig`, `RegisterStringConfig`, `LoadConfigs` | an error | the load fails |
//! | `RegisterInfoFunc`, `SetModuleOptions`, `GetTypeMethodVersion` | never fail | |
//! | `ExportSharedAPI` | an error: another module has the name | it keeps it |
//! | `InfoAddSection`, `InfoAddFieldULongLong`, `InfoAddFieldCString` | an error: not asked for | not written |
//! | `Free`, `FreeString`, `FreeCallReply`, `FreeServerInfo`, `FreeClusterNodesList`, `FreeModuleUser`, `FreeThreadSafeContext`, `CloseKey`, `ScanCursorDestroy`, `ThreadSafeContextLock`, `ThreadSafeContextUnlock` | nothing | |

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
pub mod bus;
mod cluster;
pub mod command;
pub mod context;
pub mod counter;
pub mod double;
pub mod errands;
pub mod events;
pub mod info;
pub mod json_api;
mod key_rules;
pub mod keyspace;
pub mod loading;
pub mod module;
pub mod pair;
pub mod placement;
pub mod rdb;
pub mod reply;
pub mod settings;
pub mod spare;
mod syntax;
pub mod turns;
pub mod types;
pub mod user;
pub mod workers;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The names after `mark` in a text.
    fn names(text: &str, mark: &str) -> BTreeSet<String> {
        let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric()).collect();
        text.split(mark).skip(1).map(name).collect()
    }

    #[test]
    fn every_call_stands_in_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/redis");
        let files = std::fs::read_dir(folder).expect("the folder of this file");
        let called: BTreeSet<String> = files
            .flat_map(|file| {
                let text = std::fs::read_to_string(file.expect("a file").path()).expect("a source");
                names(&text.replace("api!(\n", "api!(").replace("api!( ", "api!("), concat!("api!(", "RedisModule_"))
            })
            .collect();
        assert!(called.len() > 70, "{called:?}");
        let said = names(include_str!("mod.rs"), "`");
        let missing: Vec<&String> =
            called.iter().filter(|call| !call.starts_with("ReplyWith") && !said.contains(*call)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
