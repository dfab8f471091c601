//! The cluster that this server is a node of: whether it serves.
//!
//! The server looks at that for commands with keys only. A command that asks all documents, or that changes what indexes there
//! are, has none: its answer would be smaller than the truth, or it would hold on this node alone, and nobody would know.
//!
//! Only the main thread asks. What it was told holds for [`HOLDS`], which is short beside the time in which nodes notice
//! that one is gone.

use std::cell::Cell;
use std::time::{Duration, Instant};

use redis_module::raw as ffi;

use super::context::Context;
use crate::error::Error;

/// How long an answer of the server holds.
const HOLDS: Duration = Duration::from_millis(100);

const DOWN: Error = Error::fixed("CLUSTERDOWN The cluster is down");
const READS_ONLY: Error = Error::fixed("CLUSTERDOWN The cluster is down and only accepts read commands");

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Serves,
    /// It is down, and nodes answer what is only read (`cluster-allow-reads-when-down`).
    Reads,
    Down,
}

thread_local! {
    static TOLD: Cell<Option<(Instant, State)>> = const { Cell::new(None) };
}

fn state(ctx: &Context) -> State {
    let now = Instant::now();
    if let Some((when, state)) = TOLD.get()
        && now.duration_since(when) < HOLDS
    {
        return state;
    }
    let serves = b"cluster_state:ok";
    let serves = ctx
        .call(c"CLUSTER", &[b"INFO"], |info| info.is_none_or(|info| info.windows(serves.len()).any(|at| at == serves)));
    let state = match serves {
        true => State::Serves,
        false if ctx.server_setting(b"cluster-allow-reads-when-down").is_some_and(|value| value == b"yes") => {
            State::Reads
        }
        false => State::Down,
    };
    TOLD.set(Some((now, state)));
    state
}

/// Why a command that no key of its own leads to this node is refused: the cluster is down, as for commands with keys. What
/// comes from the master or from a file is never refused.
pub(super) fn refusal(ctx: &Context, writes: bool) -> Option<Error> {
    const OTHERS: u32 = ffi::REDISMODULE_CTX_FLAGS_REPLICATED | ffi::REDISMODULE_CTX_FLAGS_LOADING;
    let flags = ctx.flags();
    if flags & ffi::REDISMODULE_CTX_FLAGS_CLUSTER == 0 || flags & OTHERS != 0 {
        return None;
    }
    match state(ctx) {
        State::Serves => None,
        State::Reads if writes => Some(READS_ONLY),
        State::Reads => None,
        State::Down => Some(DOWN),
    }
}
