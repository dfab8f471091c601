//! Where a search runs: on the main thread or on a worker.
//!
//! | the search | runs |
//! |---|---|
//! | its client can't wait | on the main thread |
//! | takes less than the hand-over would cost: `search.inline-microseconds` | on the main thread |
//! | is a short one, `search.alone-microseconds`, and its client is the only one that searches | on the main thread |
//! | any other | on a worker |
//!
//! A client searches alone where the search before was its own and no worker has one to do. What that saves is most of
//! what a client sees of a short search: two threads have to wake up for a hand-over. As soon as two clients search, all
//! searches go to the workers, which run side by side. Everybody else waits for one short search at most.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::config;
use crate::redis::context::Context;
use crate::redis::workers;

/// Whether a search that takes about so many nanoseconds is for the main thread. Asked once for each search.
pub fn is_for_main_thread(ctx: &Context, nanoseconds: u64) -> bool {
    /// Who searched last.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let client = ctx.client();
    let again = LAST.swap(client, Ordering::Relaxed) == client;
    if !ctx.can_block() || nanoseconds < config::inline_nanoseconds() {
        return true;
    }
    again && nanoseconds < config::alone_nanoseconds() && !workers::has_jobs()
}
