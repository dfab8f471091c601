//! Asks other nodes.
//!
//! One thread sends all frames and reads all replies; it is begun by the first frame. [`ask`] may be called on any thread and waits
//! for nothing. What is to follow is called once, on the thread of the wire, whatever happens: so it is short.
//!
//! # Connections
//! They are ordinary ones, to the port that clients use. One is made when it is first needed, says hello (see
//! [`login`]), and is closed when nothing was asked on it for [`IDLE`]. The server answers the commands of one connection in turn, and
//! takes none while one waits for a worker. So a frame goes to a connection on which nothing is under way; another is made where there
//! is none, up to `MOST` to a node; beyond that frames stand in line on them.
//!
//! # What goes wrong
//! | | then |
//! |---|---|
//! | the node does not take the connection, or the hello | what waits for it fails; the next attempt comes 50 ms to 2 s later, for frames that can wait so long |
//! | a frame's time is over | it fails; its reply is dropped when it comes |
//! | a reply is overdue by [`STUCK`] | the connection is closed: the node is stopped, or the network gone |
//! | what comes is no reply, or too much | the connection is closed, and what was asked on it fails |
//! | too much is under way to a node | the frame fails at once |

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use super::connection::{Connection, End, Ticket};
use super::figures;
use super::frame::{Frame, Kind, Standing};
use super::login::{self, Hello, Secret};
use super::node::{NodeId, Peer};
use super::resp::{self, Reply};

/// Connections to one node.
const MOST: usize = 8;
/// Frames to one node that may be under way.
const FRAMES: usize = 256;
/// Bytes to one node that may be unsent.
const UNSENT: usize = 64 << 20;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_millis(500);
/// How long a node may take to answer a hello: what the bus needs, three times.
const GREET: Duration = Duration::from_secs(3);
/// So long after the last reply a connection is closed.
pub const IDLE: Duration = Duration::from_secs(300);
/// So long after its time a reply must have come.
pub const STUCK: Duration = Duration::from_secs(5);
/// The first and the longest pause before a node is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// How often connections are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// After so many hellos that the bus did not confirm, the secret is told.
const SILENCES: u32 = 3;

/// The token by which [`ask`] wakes the thread.
const WOKEN: Token = Token(0);
/// The ticket of a hello.
const HELLO: Ticket = 0;

/// Why a frame has no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The node can't be reached. It has not got the frame.
    Unreachable,
    /// The connection was lost. The node may have got the frame.
    Lost,
    /// Its time is over. The node may have got the frame.
    Late,
    /// Too much is under way to this node. It has not got the frame.
    Busy,
    /// Nobody waits any more.
    Cancelled,
    /// What came is no reply.
    Garbled,
    /// The node refuses, with this text.
    Refused(Vec<u8>),
    /// The node takes no hello of this one, and says why. It has not got the frame.
    Shut(Vec<u8>),
}

/// What follows a frame.
type Then = Box<dyn FnOnce(Result<Frame, Failure>) + Send>;

struct Order {
    peer: Peer,
    request: Vec<u8>,
    asked: Instant,
    deadline: Instant,
    then: Then,
}

enum Command {
    Ask(Ticket, Order),
    Cancel(Ticket),
}

struct Gate {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
    next: AtomicU64,
}

static GATE: OnceLock<Option<Gate>> = OnceLock::new();
/// Who this node is to others, and what it can tell them where the bus is silent.
static ME: Mutex<Option<(NodeId, Secret)>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame that is under way.
#[derive(Debug)]
pub struct Asked(Ticket);

impl Asked {
    /// Nobody waits any more.
    pub fn cancel(self) {
        if let Some(Some(gate)) = GATE.get() {
            gate.tell(Command::Cancel(self.0));
        }
    }
}

impl Gate {
    fn tell(&self, command: Command) {
        let first = {
            let mut commands = lock(&self.commands);
            commands.push(command);
            commands.len() == 1
        };
        if first {
            // The thread takes all of them at once. Where it can't be woken, it looks by itself in a while.
            let _ = self.waker.wake();
        }
    }
}

/// Says who this node is. To be called before anybody is asked, and when it has changed.
pub fn introduce(me: NodeId, secret: Secret) {
    *lock(&ME) = Some((me, secret));
}

/// Asks a node. `then` is called once, on the thread of the wire.
pub fn ask(
    peer: Peer,
    frame: Frame,
    deadline: Instant,
    then: impl FnOnce(Result<Frame, Failure>) + Send + 'static,
) -> Asked {
    let Some(gate) = GATE.get_or_init(start) else {
        then(Err(Failure::Unreachable));
        return Asked(HELLO);
    };
    let asked = Instant::now();
    let patience = deadline.saturating_duration_since(asked).as_millis();
    let words = frame.kind.words();
    let frame = Frame { patience: u32::try_from(patience).unwrap_or(u32::MAX), ..frame };
    let mut request = Vec::new();
    resp::request(&mut request, words, &frame.encode());
    let ticket = gate.next.fetch_add(1, Ordering::Relaxed);
    gate.tell(Command::Ask(ticket, Order { peer, request, asked, deadline, then: Box::new(then) }));
    Asked(ticket)
}

/// Starts the thread; `None`: the system has none, or nothing to wait with.
fn start() -> Option<Gate> {
    let poll = Poll::new().ok()?;
    let waker = Waker::new(poll.registry(), WOKEN).ok()?;
    std::thread::Builder::new().name("nearset-wire".into()).spawn(|| Wire::new(poll).run()).ok()?;
    Some(Gate { commands: Mutex::default(), waker, next: AtomicU64::new(HELLO + 1) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Greeting,
    Ready,
}

/// A connection, of one node.
struct Link {
    peer: NodeId,
    state: State,
    /// When it came into this state, or was last of use.
    since: Instant,
    connection: Connection<TcpStream>,
}

/// All that leads to a node.
struct Line {
    peer: Peer,
    links: Vec<Token>,
    waiting: VecDeque<Ticket>,
    failures: u32,
    silences: u32,
    /// When it may be tried again, after failures.
    again: Instant,
}

/// What the thread has.
struct Wire {
    poll: Poll,
    orders: HashMap<Ticket, Order>,
    deadlines: BinaryHeap<Reverse<(Instant, Ticket)>>,
    links: HashMap<Token, Link>,
    lines: HashMap<NodeId, Line>,
    last: usize,
    looked: Instant,
}

impl Wire {
    fn new(poll: Poll) -> Self {
        Self {
            poll,
            orders: HashMap::new(),
            deadlines: BinaryHeap::new(),
            links: HashMap::new(),
            lines: HashMap::new(),
            last: WOKEN.0,
            looked: Instant::now(),
        }
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            // An error is an interruption by a signal.
            let _ = self.poll.poll(&mut events, self.pause());
            let commands = GATE.get().and_then(Option::as_ref).map(|gate| std::mem::take(&mut *lock(&gate.commands)));
            for command in commands.unwrap_or_default() {
                match command {
                    Command::Ask(ticket, order) => self.take(ticket, order),
                    Command::Cancel(ticket) => self.finish(ticket, Err(Failure::Cancelled)),
                }
            }
            for event in events.iter().filter(|event| event.token() != WOKEN) {
                self.turn(event.token());
            }
            self.look();
        }
    }

    /// How long nothing needs to be looked at by itself.
    fn pause(&self) -> Option<Duration> {
        let unsettled = self.links.values().any(|link| link.state != State::Ready)
            || self.lines.values().any(|line| !line.waiting.is_empty());
        let look = match (unsettled, self.links.is_empty()) {
            (true, _) => Some(LOOK),
            (false, false) => Some(Duration::from_secs(1)),
            (false, true) => None,
        };
        let due = self.deadlines.peek().map(|Reverse((due, _))| due.saturating_duration_since(Instant::now()));
        look.into_iter().chain(due).min()
    }

    /// Takes a frame in.
    fn take(&mut self, ticket: Ticket, order: Order) {
        let (peer, now) = (order.peer, Instant::now());
        let moved = self.lines.get(&peer.id).is_some_and(|line| line.peer.address != peer.address);
        if moved {
            self.hang_up(peer.id, &Failure::Lost);
        }
        let line = self.lines.entry(peer.id).or_insert_with(|| Line {
            peer,
            links: Vec::new(),
            waiting: VecDeque::new(),
            failures: 0,
            silences: 0,
            again: now,
        });
        let links = || line.links.iter().filter_map(|token| self.links.get(token));
        let asked = |link: &Link| link.connection.tickets().filter(|ticket| *ticket != HELLO).count();
        let frames = line.waiting.len() + links().map(asked).sum::<usize>();
        let waiting = || line.waiting.iter().filter_map(|ticket| self.orders.get(ticket));
        let unsent = links().map(|link| link.connection.unsent()).sum::<usize>()
            + waiting().map(|order| order.request.len()).sum::<usize>();
        let refused = if frames >= FRAMES || unsent + order.request.len() > UNSENT {
            figures::BUSY.add(1);
            Some(Failure::Busy)
        } else if line.links.is_empty() && line.again >= order.deadline {
            Some(Failure::Unreachable)
        } else {
            line.waiting.push_back(ticket);
            None
        };
        self.deadlines.push(Reverse((order.deadline, ticket)));
        self.orders.insert(ticket, order);
        match refused {
            Some(failure) => self.finish(ticket, Err(failure)),
            None => self.pump(peer.id, now),
        }
    }

    /// A frame is done with.
    fn finish(&mut self, ticket: Ticket, outcome: Result<Frame, Failure>) {
        let Some(order) = self.orders.remove(&ticket) else { return };
        match &outcome {
            Ok(_) | Err(Failure::Refused(_)) => figures::replied(order.peer.id, order.asked.elapsed()),
            Err(_) => figures::failed(order.peer.id),
        }
        // The panic hook has logged it.
        let _ = catch_unwind(AssertUnwindSafe(|| (order.then)(outcome)));
    }

    /// Sends what waits for a node, as far as there are connections; makes one where there are not enough.
    fn pump(&mut self, id: NodeId, now: Instant) {
        loop {
            let Some(line) = self.lines.get_mut(&id) else { return };
            let Some(ticket) = line.waiting.front() else { return };
            let Some(order) = self.orders.get(ticket) else {
                line.waiting.pop_front();
                continue;
            };
            let ready = line.links.iter().filter_map(|token| {
                let link = self.links.get(token).filter(|link| link.state == State::Ready)?;
                Some((link.connection.in_flight(), *token))
            });
            let Some((_, token)) = ready.min().filter(|(flight, _)| *flight == 0 || line.links.len() >= MOST) else {
                break;
            };
            let ticket = *ticket;
            line.waiting.pop_front();
            if let Some(link) = self.links.get_mut(&token) {
                link.since = now;
                link.connection.push(ticket, order.deadline, &order.request);
                figures::SENT.add(1);
                self.send(token);
            }
        }
        let Some(line) = self.lines.get(&id) else { return };
        let settled =
            line.links.iter().all(|token| self.links.get(token).is_some_and(|link| link.state == State::Ready));
        if settled && line.links.len() < MOST && line.again <= now {
            self.connect(id, now);
        }
    }

    fn connect(&mut self, id: NodeId, now: Instant) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        self.last += 1;
        let token = Token(self.last);
        let stream = TcpStream::connect(line.peer.address).and_then(|mut stream| {
            self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        });
        line.links.push(token);
        match stream {
            Ok(stream) => {
                let connection = Connection::new(stream);
                self.links.insert(token, Link { peer: id, state: State::Connecting, since: now, connection });
            }
            Err(_) => self.missed(id, token, &Failure::Unreachable),
        }
    }

    /// Something happened to a connection.
    fn turn(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(&token) else { return };
        if link.state == State::Connecting {
            let stream = link.connection.stream();
            if stream.take_error().ok().flatten().is_some() {
                return self.end(token, &Failure::Unreachable);
            }
            // It is said to be there only when it is.
            if stream.peer_addr().is_err() {
                return;
            }
            let _ = stream.set_nodelay(true);
            return self.greet(token);
        }
        let mut replies = Vec::new();
        let came = link.connection.receive(|ticket, reply| {
            let outcome = match reply {
                Reply::Bulk(body) => Frame::decode(body).map_err(|_| Failure::Garbled),
                Reply::Error(text) => Err(Failure::Refused(text.to_vec())),
            };
            replies.push((ticket, outcome));
        });
        let id = link.peer;
        let garbled = came == Err(End::Garbled) || replies.iter().any(|(_, outcome)| *outcome == Err(Failure::Garbled));
        figures::BYTES_RECEIVED.add(came.unwrap_or_default() as u64);
        let refused = replies.iter().find(|(ticket, _)| *ticket == HELLO).map(|(_, outcome)| outcome.clone());
        for (ticket, outcome) in replies {
            figures::RECEIVED.add(1);
            self.finish(ticket, outcome);
        }
        match refused {
            Some(Ok(_)) => self.welcome(token),
            Some(Err(failure)) => return self.end(token, &failure),
            None => {}
        }
        if garbled {
            figures::GARBLED.add(1);
            return self.end(token, &Failure::Garbled);
        }
        if came.is_err() {
            return self.end(token, &Failure::Lost);
        }
        self.send(token);
        self.pump(id, Instant::now());
    }

    /// Sends what a connection takes.
    fn send(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(&token) else { return };
        match link.connection.send() {
            Ok(sent) => figures::BYTES_SENT.add(sent as u64),
            Err(_) => self.end(token, &Failure::Lost),
        }
    }

    /// Says hello on a connection that was made.
    fn greet(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(&token) else { return };
        let silences = self.lines.get(&link.peer).map_or(0, |line| line.silences);
        let me = lock(&ME).clone();
        let Some(((from, secret), nonce)) = me.zip(login::say(link.peer)) else {
            return self.end(token, &Failure::Unreachable);
        };
        let secret = if silences >= SILENCES { secret } else { Secret::default() };
        let body = Hello { from, nonce, secret }.encode();
        let frame = Frame { kind: Kind::Hello, patience: 0, standing: Standing::default(), body };
        let mut request = Vec::new();
        resp::request(&mut request, Kind::Hello.words(), &frame.encode());
        let now = Instant::now();
        (link.state, link.since) = (State::Greeting, now);
        link.connection.push(HELLO, now + GREET, &request);
        self.send(token);
    }

    /// The hello was answered.
    fn welcome(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(&token) else { return };
        (link.state, link.since) = (State::Ready, Instant::now());
        figures::CONNECTED.add(1);
        let id = link.peer;
        if let Some(line) = self.lines.get_mut(&id) {
            (line.failures, line.silences) = (0, 0);
            figures::connected(id, line.links.len());
        }
    }

    /// A connection is over.
    fn end(&mut self, token: Token, why: &Failure) {
        let Some(link) = self.links.remove(&token) else { return };
        let failure = if *why == Failure::Garbled { Failure::Garbled } else { Failure::Lost };
        let asked: Vec<Ticket> = link.connection.tickets().filter(|ticket| *ticket != HELLO).collect();
        if !asked.is_empty() {
            figures::LOST.add(1);
        }
        let id = link.peer;
        let was_ready = link.state == State::Ready;
        drop(link);
        asked.into_iter().for_each(|ticket| self.finish(ticket, Err(failure.clone())));
        if was_ready {
            self.forget(id, token);
            self.pump(id, Instant::now());
        } else {
            self.missed(id, token, why);
        }
    }

    fn forget(&mut self, id: NodeId, token: Token) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.links.retain(|other| *other != token);
            figures::connected(id, line.links.len());
        }
    }

    /// A connection did not come about.
    fn missed(&mut self, id: NodeId, token: Token, why: &Failure) {
        figures::LOST.add(1);
        self.forget(id, token);
        let Some(line) = self.lines.get_mut(&id) else { return };
        line.failures += 1;
        line.silences += u32::from(*why == Failure::Refused(login::SILENT.into()));
        line.again = Instant::now() + pause_after(line.failures);
        if line.links.is_empty() {
            let waiting = std::mem::take(&mut line.waiting);
            let why = match why {
                Failure::Refused(text) => Failure::Shut(text.clone()),
                why => why.clone(),
            };
            waiting.into_iter().for_each(|ticket| self.finish(ticket, Err(why.clone())));
        }
    }

    /// Closes all that leads to a node.
    fn hang_up(&mut self, id: NodeId, why: &Failure) {
        let Entry::Occupied(line) = self.lines.entry(id) else { return };
        let line = line.remove();
        line.links.iter().for_each(|token| self.end(*token, why));
        line.waiting.into_iter().for_each(|ticket| self.finish(ticket, Err(why.clone())));
        figures::connected(id, 0);
    }

    /// Ends what has taken too long, and tries again whom that was put off for.
    fn look(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, ticket))) = self.deadlines.peek().copied().filter(|Reverse((due, _))| *due <= now)
        {
            self.deadlines.pop();
            debug_assert!(due <= now);
            if self.orders.contains_key(&ticket) {
                figures::LATE.add(1);
                self.finish(ticket, Err(Failure::Late));
            }
        }
        if now.duration_since(self.looked) < LOOK {
            return;
        }
        self.looked = now;
        let over = |link: &Link| match link.state {
            State::Connecting => now.duration_since(link.since) > CONNECT,
            State::Greeting => now.duration_since(link.since) > GREET,
            State::Ready => match link.connection.due() {
                Some(due) => now.saturating_duration_since(due) > STUCK,
                None => now.duration_since(link.since) > IDLE,
            },
        };
        let over: Vec<Token> = self.links.iter().filter(|(_, link)| over(link)).map(|(token, _)| *token).collect();
        over.into_iter().for_each(|token| self.end(token, &Failure::Unreachable));
        let waited: Vec<NodeId> =
            self.lines.iter().filter(|(_, line)| !line.waiting.is_empty()).map(|(id, _)| *id).collect();
        waited.into_iter().for_each(|id| self.pump(id, now));
        self.lines.retain(|_, line| {
            !line.links.is_empty() || !line.waiting.is_empty() || now.saturating_duration_since(line.again) < IDLE
        });
    }
}

/// How long a node is left alone after so many failures: twice as long each time, and not the same for all who try.
fn pause_after(failures: u32) -> Duration {
    let [first, longest] = PAUSES;
    let pause = first.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(longest);
    let part = RandomState::new().build_hasher().finish() % 1024;
    pause / 2 + pause * u32::try_from(part).unwrap_or(0) / 2048
}

#[cfg(test)]
mod tests;
