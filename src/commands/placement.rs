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
//!
//! In a crowd, where each of the last searches was another client's, nobody sleeps for long: a hand-over costs a fraction
//! (`CROWDED`) of what it costs otherwise, and the main thread has enough to do. (8 clients that ask FT.SEARCH for 10 neighbors
//! among 20,000 vectors of 384 components with a beam of 15 get 19,900 answers a second so, 16,200 on the main thread; 2 clients
//! 10,400 and 11,900. 3 and 4 clients, 50,000 vectors and a beam of 40: a fifth less time for each so.)

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::config;
use crate::redis::context::Context;
use crate::redis::workers;

/// How many of the last searches, each of another client, make a crowd.
const CROWD: usize = 3;
/// In a crowd, a search of this part of `search.inline-microseconds` is worth handing over.
const CROWDED: u64 = 4;

/// Who searched last. Only the main thread asks.
struct Last {
    clients: [AtomicU64; CROWD],
    next: AtomicUsize,
}

impl Last {
    const fn new() -> Self {
        Self { clients: [const { AtomicU64::new(0) }; CROWD], next: AtomicUsize::new(0) }
    }

    /// Notes a client that searches; whether it was the last one too.
    fn note(&self, client: u64) -> bool {
        let next = self.next.load(Relaxed);
        let last = self.clients[(next + CROWD - 1) % CROWD].load(Relaxed);
        self.clients[next].store(client, Relaxed);
        self.next.store((next + 1) % CROWD, Relaxed);
        last == client
    }

    /// Whether they are all different.
    fn is_crowd(&self) -> bool {
        let clients = self.clients.each_ref().map(|client| client.load(Relaxed));
        clients.iter().enumerate().all(|(n, client)| !clients[..n].contains(client))
    }
}

/// Whether a search that takes about so many nanoseconds is for the main thread. Asked once for each search.
pub fn is_for_main_thread(ctx: &Context, nanoseconds: u64) -> bool {
    static LAST: Last = Last::new();
    let again = LAST.note(ctx.client());
    if !ctx.can_block() {
        return true;
    }
    let short = if LAST.is_crowd() && workers::threads() > 1 { CROWDED } else { 1 };
    nanoseconds < config::inline_nanoseconds() / short
        || (again && nanoseconds < config::alone_nanoseconds() && !workers::has_jobs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_three_clients_in_turn() {
        let last = Last::new();
        let seen: Vec<_> =
            [7, 7, 8, 9, 10, 7, 8, 8, 9, 10, 11].map(|client| (last.note(client), last.is_crowd())).into();
        let again: Vec<_> = seen.iter().map(|seen| seen.0).collect();
        let crowd: Vec<_> = seen.iter().map(|seen| seen.1).collect();
        assert_eq!(again, [false, true, false, false, false, false, false, true, false, false, false]);
        assert_eq!(crowd, [false, false, false, true, true, true, true, false, false, true, true]);
    }
}
