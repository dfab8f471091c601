//! In whose style `FT.*` and `JSON.*` reply: the setting `reply-style`.
//!
//! RediSearch and RedisJSON have shapes of their own for RESP3: maps, doubles, nested arrays. Valkey's modules and the clients made for
//! them know one shape for both protocols, that of RESP2.

use crate::config::replies_as_valkey;
use crate::redis::context::Context;
use crate::redis::reply::Reply;

/// Whether the reply has the shapes that RESP3 has of its own: the client speaks it, and knows them.
pub fn resp3(ctx: &Context) -> bool {
    ctx.resp3() && !replies_as_valkey()
}

/// A writer for the reply of a call, in the style of [`resp3`].
pub fn reply(ctx: &Context) -> Reply<'_> {
    if resp3(ctx) { ctx.reply() } else { ctx.reply().plain() }
}
