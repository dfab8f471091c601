//! Where a search runs: on the main thread or on a worker.
//!
//! | the search | runs |
//! |---|---|
//! | its client can't wait | on the main thread |
//! | takes less than the hand-over would cost: `search.inline-microseconds`, divided by how many clients search in turn | on the main thread |
//! | is a short one, `search.alone-microseconds`, and its client is the only one that searches | on the main thread |
//! | any other | on a worker |
//!
//! A client searches alone where the search before was its own and no worker has one to do. What that saves is most of
//! what a client sees of a short search: two threads have to wake up for a hand-over. As soon as two clients search, all
//! but the shortest searches go to the workers, which run side by side. Everybody else waits for one short search at most. (One of
//! 0.5 ms among 399,000 × 50 takes 13 % less time on the main thread; a bystander's `PING` has a p99.9 of 1.4 ms then, instead of 0.3.)
//!
//! The more clients search, the less of a time anybody sleeps, the less a hand-over costs, and the more the main thread has to do. Vector
//! sets of 2,000 to 100,000 × 50 on 2 cores: up to about 60 µs a search, 2 clients get more answers on the main thread, 3 clients
//! up to 30 µs, 8 up to 15; and what all of them together make a bystander wait for is the same then.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::context::Context;
use super::workers;

/// What the settings of the same names say, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `search.inline-microseconds`.
    pub inline: u64,
    /// `search.alone-microseconds`.
    pub alone: u64,
}

/// How many of the last searches tell how many clients search.
const RECENT: usize = 8;

/// Whose the last searches were; 0: there were none. Only the main thread asks.
struct Last {
    clients: [AtomicU64; RECENT],
    next: AtomicUsize,
}

impl Last {
    const fn new() -> Self {
        Self { clients: [const { AtomicU64::new(0) }; RECENT], next: AtomicUsize::new(0) }
    }

    /// Notes a client that searches; whether it was the last one too.
    fn note(&self, client: u64) -> bool {
        let next = self.next.load(Relaxed);
        let last = self.clients[(next + RECENT - 1) % RECENT].load(Relaxed);
        self.clients[next].store(client, Relaxed);
        self.next.store((next + 1) % RECENT, Relaxed);
        last == client
    }

    /// How many there were.
    fn count(&self) -> u64 {
        let clients = self.clients.each_ref().map(|client| client.load(Relaxed));
        let is_first = |&(nth, client): &(usize, &u64)| *client != 0 && !clients[..nth].contains(client);
        clients.iter().enumerate().filter(is_first).count() as u64
    }
}

/// Whether a search that takes about so many nanoseconds is for the main thread. Asked once for each search.
pub fn is_for_main_thread(ctx: &Context, nanoseconds: u64, limits: Limits) -> bool {
    static LAST: Last = Last::new();
    let again = LAST.note(ctx.client());
    if !ctx.can_block() {
        return true;
    }
    let clients = if workers::threads() > 1 { LAST.count().max(1) } else { 1 };
    nanoseconds < limits.inline / clients || (again && nanoseconds < limits.alone && !workers::has_jobs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_search_in_turn_are_counted() {
        let last = Last::new();
        assert_eq!(last.count(), 0);
        let seen: Vec<_> = [7, 7, 8, 9, 8, 7].map(|client| (last.note(client), last.count())).into();
        assert_eq!(seen, [(false, 1), (true, 1), (false, 2), (false, 3), (false, 3), (false, 3)]);
        for (client, count) in (1..=8).zip([4, 5, 6, 7, 8, 8, 7, 8]) {
            last.note(client);
            assert_eq!(last.count(), count, "{client}");
        }
        for (nth, count) in (1..=8).zip([8, 7, 6, 5, 4, 3, 2, 1]) {
            assert_eq!((last.note(1), last.count()), (nth > 1, count), "the others end");
        }
    }
}
