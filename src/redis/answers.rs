//! How much of what workers leave to the main thread it does in one go.
//!
//! The server answers all clients that were let go on before it looks at its sockets again. Eight that wait for 100 µs of the
//! main thread each, for the documents of their replies, would make everybody else wait for 800. So they are let go on in
//! turns of some of them, and between two turns the main thread looks at its sockets:
//!
//! ```text
//! worker:       let_go ──┬─ there is room in the turn: UnblockClient
//!                        └─ there is none: wait in line ── ask for a turn
//! main thread:  (sockets) turn: UnblockClient for the first in line … (end of the loop) answer each ── ask for a turn
//! ```
//!
//! Invariant: as long as somebody is in line, a turn was asked for, or somebody was let go on and is not done; and whoever is done
//! last asks. So nobody waits for ever.
//!
//! A turn is asked for with `RedisModule_EventLoopAddOneShot`, which the server calls when it looks at its sockets.

use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis_module::raw as ffi;

/// How long the answers of a turn take the main thread at most, if they take as long as those before; but one is always made.
const TURN: Duration = Duration::from_micros(100);
/// So long after the last answer, the main thread is not about to make the next in one go with it.
const APART: Duration = Duration::from_micros(20);
/// The weight of an answer in the mean of how long they take.
const WEIGHT: u32 = 8;

/// A blocked client that may go on, and what is to be done for it on the main thread.
struct Ready {
    client: *mut ffi::RedisModuleBlockedClient,
    work: *mut c_void,
}

// SAFETY: the server lets any one thread unblock a client, and the work is Send (see `Blocked::finish`).
unsafe impl Send for Ready {}

impl Ready {
    /// Lets the client go on.
    fn go_on(self) {
        // SAFETY: the blocked client is valid until it is unblocked here, once, since the value is used up.
        unsafe { api!(RedisModule_UnblockClient(self.client, self.work)) };
    }
}

/// The pure part: who may go on when.
struct Line<T> {
    waiting: VecDeque<T>,
    /// Those let go on in this turn who are not done.
    out: u32,
    /// What those who are done have taken in this turn.
    spent: Duration,
    /// When the last was done.
    last: Option<Instant>,
    /// What one takes on an average.
    mean: Duration,
    /// Whether a turn was asked for and has not come.
    asked: bool,
}

impl<T> Line<T> {
    const fn new() -> Self {
        Self { waiting: VecDeque::new(), out: 0, spent: Duration::ZERO, last: None, mean: Duration::ZERO, asked: false }
    }

    /// Whether one more fits into this turn.
    fn has_room(&self) -> bool {
        self.spent + self.mean * (self.out + 1) <= TURN || (self.out == 0 && self.spent.is_zero())
    }

    /// Takes in one who may go on; gives him back where that is at once.
    fn enter(&mut self, one: T, now: Instant) -> Option<T> {
        if self.out == 0 && self.last.is_none_or(|last| now.duration_since(last) > APART) {
            self.spent = Duration::ZERO;
        }
        if self.waiting.is_empty() && self.has_room() {
            self.out += 1;
            return Some(one);
        }
        self.waiting.push_back(one);
        None
    }

    /// One is done, who has taken so long.
    fn done(&mut self, took: Duration, now: Instant) {
        self.out = self.out.saturating_sub(1);
        self.spent += took;
        self.mean = (self.mean * (WEIGHT - 1) + took) / WEIGHT;
        self.last = Some(now);
    }

    /// Whether a turn is to be asked for, which counts as done.
    fn asks(&mut self) -> bool {
        let asks = !self.waiting.is_empty() && !self.asked;
        self.asked |= asks;
        asks
    }

    /// A turn has come: who goes on.
    fn turn(&mut self) -> Vec<T> {
        self.asked = false;
        self.spent = Duration::ZERO;
        let mut going = Vec::new();
        while self.has_room() {
            let Some(one) = self.waiting.pop_front() else { break };
            self.out += 1;
            going.push(one);
        }
        going
    }
}

static LINE: Mutex<Line<Ready>> = Mutex::new(Line::new());

fn line() -> MutexGuard<'static, Line<Ready>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a blocked client go on with `work` as its private data: now, or when it is its turn.
///
/// # Safety
/// The client is valid and is unblocked by nobody else; [`done`] is called once its private data was freed.
pub(super) unsafe fn let_go(client: *mut ffi::RedisModuleBlockedClient, work: *mut c_void) {
    let (now, asks) = {
        let mut line = line();
        let now = line.enter(Ready { client, work }, Instant::now());
        (now, line.asks())
    };
    if let Some(ready) = now {
        ready.go_on();
    }
    if asks {
        ask();
    }
}

/// The main thread is done with a client that was let go on; its answer took so long.
pub(super) fn done(took: Duration) {
    let asks = {
        let mut line = line();
        line.done(took, Instant::now());
        line.asks()
    };
    if asks {
        ask();
    }
}

/// Asks the server for a turn.
fn ask() {
    let null = std::ptr::null_mut();
    // SAFETY: the function may be called from any thread; `turn` needs no data, and may be called on any thread, too.
    unsafe {
        if api!(RedisModule_EventLoopAddOneShot(Some(turn), null)) != ffi::REDISMODULE_OK as c_int {
            turn(null);
        }
    }
}

/// Called on the main thread when it has looked at its sockets.
unsafe extern "C" fn turn(_data: *mut c_void) {
    let going = line().turn();
    going.into_iter().for_each(Ready::go_on);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Event {
        /// One more may go on, so many microseconds after the event before.
        Enter(u64),
        /// The main thread answers one that was let go on, which takes so many microseconds.
        Answer(u64),
        /// The main thread looks at its sockets.
        Sockets,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![(0u64..50).prop_map(Event::Enter), (0u64..400).prop_map(Event::Answer), Just(Event::Sockets)]
    }

    proptest! {
        #[test]
        fn everybody_goes_on_in_order(events in proptest::collection::vec(event(), 0..300)) {
            let mut line = Line::new();
            let mut now = Instant::now();
            let (mut entered, mut gone, mut answered, mut asked) = (0u32, Vec::new(), 0, false);
            // At the end, the main thread answers whoever may be answered, until nothing is to be done.
            let end = (0..2000).map(|nth| if nth % 2 == 0 { Event::Sockets } else { Event::Answer(100) });
            for event in events.into_iter().chain(end) {
                match event {
                    Event::Enter(later) => {
                        now += Duration::from_micros(later);
                        gone.extend(line.enter(entered, now));
                        entered += 1;
                    }
                    Event::Answer(microseconds) => {
                        if answered < gone.len() {
                            answered += 1;
                            now += Duration::from_micros(microseconds);
                            line.done(Duration::from_micros(microseconds), now);
                        }
                    }
                    Event::Sockets => {
                        if std::mem::take(&mut asked) {
                            gone.extend(line.turn());
                        }
                        prop_assert!(line.waiting.is_empty() || asked || line.out > 0, "whoever waits will be thought of");
                        continue;
                    }
                }
                asked |= line.asks();
                prop_assert!(line.waiting.is_empty() || asked, "whoever waits has a turn coming");
                prop_assert_eq!(line.out as usize, gone.len() - answered);
            }
            prop_assert_eq!(gone, (0..entered).collect::<Vec<_>>());
            prop_assert_eq!(answered, entered as usize);
        }
    }

    #[test]
    fn a_turn_has_room_for_what_it_takes_on_an_average() {
        let mut line = Line::new();
        let now = Instant::now();
        let long = |line: &mut Line<u32>| line.done(TURN / 2, now);
        // How long they take is not known yet.
        assert!((0..50).all(|one| line.enter(one, now).is_some()));
        (0..50).for_each(|_| long(&mut line));
        // This turn is over; in the next there is room for two.
        assert!((50..55).all(|one| line.enter(one, now).is_none()));
        assert!(line.asks() && !line.asks());
        assert_eq!(line.turn(), [50, 51]);
        assert!(line.asks());
        assert_eq!(line.turn(), [] as [u32; 0], "they are not done yet");
        (0..2).for_each(|_| long(&mut line));
        assert!(line.asks());
        assert_eq!(line.turn(), [52, 53]);
    }

    #[test]
    fn what_takes_longer_than_a_turn_goes_on_alone() {
        let mut line = Line::new();
        let now = Instant::now();
        assert_eq!(line.enter(0, now), Some(0));
        line.done(TURN * 100, now);
        assert_eq!(line.enter(1, now), None, "the main thread may be about to answer the next");
        assert_eq!(line.enter(2, now + APART * 2), None, "whoever came before goes on before");
        assert!(line.asks());
        assert_eq!(line.turn(), [1]);
        line.done(TURN * 100, now);
        assert_eq!(line.turn(), [2]);
        line.done(TURN * 100, now);
        assert_eq!(line.enter(3, now + APART * 2), Some(3), "nobody was answered just now");
    }
}
