//! Many clients in one thread, for benchmarks of what a server answers in microseconds or in long replies: they take as little
//! of the machine as they can, so that what is measured is the server.
//!
//! ```text
//! clients --port P --requests FILE [--connections N] [--pipeline N] [--count N | --seconds S] [--rate R]
//! ```
//!
//! * The file has requests as they go over the wire, one after the other; they are sent in turn, from the start again when all were.
//! * Each connection has `--pipeline` requests under way. With `--rate`, all of them together send so many a second and no more.
//! * Replies are skipped, not kept. Those that are errors are counted, and the first is told.
//!
//! Unlike `load` it copies no reply and wakes no thread for one. Prints one line of JSON: operations, seconds, rate, percentiles of
//! the latency in microseconds, errors, the first of them, and the microseconds of processor time of its own for each operation.

mod clock;
mod requests;

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clock::processor_time;
use requests::{quantile, split};

/// Seconds without a reply after which it gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that a connection may have to send before it takes more requests.
const FULL: usize = 1 << 20;

/// What the command line asks for.
struct Options {
    port: u16,
    requests: String,
    connections: usize,
    pipeline: usize,
    count: usize,
    seconds: f64,
    rate: f64,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let (mut port, mut requests, mut connections, mut pipeline) = (0, String::new(), 1, 1);
        let (mut count, mut seconds, mut rate) = (None, f64::INFINITY, f64::INFINITY);
        let mut args = env::args().skip(1);
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = || value.parse::<usize>().map_err(|_| format!("{flag} needs a number"));
            let float = || value.parse::<f64>().map_err(|_| format!("{flag} needs a number"));
            match flag.as_str() {
                "--port" => port = value.parse().map_err(|_| "--port needs a port")?,
                "--requests" => requests = value,
                "--connections" => connections = number()?.max(1),
                "--pipeline" => pipeline = number()?.max(1),
                "--count" => count = Some(number()?),
                "--seconds" => seconds = float()?,
                "--rate" => rate = float()?,
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        let count = match count {
            Some(count) => count,
            None if seconds.is_finite() => usize::MAX,
            None => return Err("--count or --seconds is missing".into()),
        };
        Ok(Self { port, requests, connections, pipeline, count, seconds, rate })
    }
}

/// Finds the ends of replies in what comes, piece by piece.
#[derive(Default)]
struct Replies {
    /// Values of the reply that are still to come; 0 between two replies.
    values: usize,
    /// Bytes of a string that are still to come.
    skip: usize,
    /// How many replies were errors, and the first.
    errors: usize,
    error: Option<String>,
}

impl Replies {
    /// Whether a whole reply ended, and how many bytes were looked at and are done with.
    fn next(&mut self, data: &[u8]) -> (bool, usize) {
        let mut at = 0;
        loop {
            let skipped = self.skip.min(data.len() - at);
            at += skipped;
            self.skip -= skipped;
            if self.skip > 0 {
                return (false, at);
            }
            if self.values == 0 && at > 0 {
                return (true, at);
            }
            let Some(length) = data[at..].iter().position(|byte| *byte == b'\n') else { return (false, at) };
            let line = &data[at..at + length];
            at += length + 1;
            self.line(line);
            if self.values == 0 && self.skip == 0 {
                return (true, at);
            }
        }
    }

    /// Takes the line that begins a value.
    fn line(&mut self, line: &[u8]) {
        let first = self.values == 0;
        self.values = self.values.max(1) - 1;
        let number = || str::from_utf8(&line[1..]).ok().and_then(|digits| digits.trim_end().parse::<usize>().ok());
        match line.first() {
            Some(b'*' | b'~' | b'>') => self.values += number().unwrap_or(0),
            Some(b'%') => self.values += 2 * number().unwrap_or(0),
            Some(b'$' | b'=') => self.skip = number().map_or(0, |length| length + 2),
            Some(b'-') if first => {
                self.errors += 1;
                self.error.get_or_insert_with(|| String::from_utf8_lossy(line).trim_end().to_owned());
            }
            _ => {}
        }
    }
}

/// One connection.
struct Client {
    stream: TcpStream,
    /// What is to be sent, and how much of it was.
    out: Vec<u8>,
    sent: usize,
    /// What came and was not looked at: the beginning of a line.
    rest: Vec<u8>,
    replies: Replies,
    /// When the requests under way were made.
    under_way: VecDeque<Instant>,
}

impl Client {
    fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (replies, under_way) = (Replies::default(), VecDeque::new());
        Ok(Self { stream, out: Vec::new(), sent: 0, rest: Vec::new(), replies, under_way })
    }

    /// Sends what the socket takes.
    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Takes what has come; `latencies` gets those of the requests that are answered.
    fn receive(&mut self, buffer: &mut [u8], latencies: &mut Vec<f32>) -> io::Result<()> {
        let kept = self.rest.len();
        buffer[..kept].copy_from_slice(&self.rest);
        self.rest.clear();
        let received = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err(io::Error::other("the server closed the connection")),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        let (mut data, now) = (&buffer[..kept + received], Instant::now());
        while !data.is_empty() {
            let (whole, done) = self.replies.next(data);
            data = &data[done..];
            if !whole {
                break;
            }
            let sent = self.under_way.pop_front().ok_or_else(|| io::Error::other("a reply that nobody asked for"))?;
            latencies.push((now - sent).as_secs_f32() * 1e6);
        }
        self.rest.extend_from_slice(data);
        Ok(())
    }
}

/// All connections and what is measured.
struct Run<'a> {
    options: &'a Options,
    requests: &'a [&'a [u8]],
    clients: Vec<Client>,
    issued: usize,
    latencies: Vec<f32>,
    start: Instant,
}

impl Run<'_> {
    /// Whether another request is due now.
    fn due(&self) -> bool {
        let passed = self.start.elapsed().as_secs_f64();
        self.issued < self.options.count
            && passed < self.options.seconds
            && (self.issued as f64) < self.options.rate * passed
    }

    /// Gives a connection what it may send.
    fn feed(&mut self, number: usize) -> io::Result<()> {
        while self.clients[number].under_way.len() < self.options.pipeline
            && self.clients[number].out.len() < FULL
            && self.due()
        {
            let client = &mut self.clients[number];
            client.out.extend_from_slice(self.requests[self.issued % self.requests.len()]);
            client.under_way.push_back(Instant::now());
            self.issued += 1;
        }
        self.clients[number].send()
    }

    /// Whether there is more to send, now or later.
    fn goes_on(&self) -> bool {
        self.issued < self.options.count && self.start.elapsed().as_secs_f64() < self.options.seconds
    }

    fn all(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 18];
        let mut last = Instant::now();
        let paced = self.options.rate.is_finite();
        for number in 0..self.clients.len() {
            self.feed(number)?;
        }
        while self.latencies.len() < self.issued || (paced && self.goes_on()) {
            let mut waiting: Vec<libc::pollfd> = self.clients.iter().map(wanted).collect();
            // SAFETY: the list is ours, as long as it says.
            unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, if paced { 1 } else { 1000 }) };
            for (number, seen) in waiting.iter().enumerate() {
                if seen.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0 {
                    self.clients[number].receive(&mut buffer, &mut self.latencies)?;
                    last = Instant::now();
                }
                if seen.revents != 0 || paced {
                    self.feed(number)?;
                }
            }
            if last.elapsed() > PATIENCE {
                return Err(io::Error::other("no reply for a long time"));
            }
        }
        Ok(())
    }
}

/// What a connection waits for.
fn wanted(client: &Client) -> libc::pollfd {
    let sending = if client.sent < client.out.len() { libc::POLLOUT } else { 0 };
    libc::pollfd { fd: client.stream.as_raw_fd(), events: libc::POLLIN | sending, revents: 0 }
}

fn run() -> Result<(), String> {
    let options = Options::parse()?;
    let data = fs::read(&options.requests).map_err(|error| format!("{}: {error}", options.requests))?;
    let requests = split(&data).filter(|all| !all.is_empty());
    let requests = requests.ok_or_else(|| format!("{}: no requests", options.requests))?;
    let clients: io::Result<Vec<_>> = (0..options.connections).map(|_| Client::open(options.port)).collect();
    let clients = clients.map_err(|error| error.to_string())?;
    let before = processor_time();
    let start = Instant::now();
    let mut run = Run { options: &options, requests: &requests, clients, issued: 0, latencies: Vec::new(), start };
    run.all().map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    let own = processor_time() - before;
    let (mut latencies, operations) = (run.latencies, run.issued);
    latencies.sort_unstable_by(f32::total_cmp);
    let errors: usize = run.clients.iter().map(|client| client.replies.errors).sum();
    let error = run.clients.into_iter().find_map(|client| client.replies.error).unwrap_or_default();
    println!(
        r#"{{"operations":{operations},"seconds":{seconds:.6},"rate":{:.2},"p50_us":{:.1},"p99_us":{:.1},"p999_us":{:.1},"max_us":{:.1},"errors":{errors},"error":{error:?},"own_us":{:.3}}}"#,
        operations as f64 / seconds,
        quantile(&latencies, 0.5),
        quantile(&latencies, 0.99),
        quantile(&latencies, 0.999),
        quantile(&latencies, 1.0),
        own as f64 / 1e3 / operations.max(1) as f64,
    );
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clients: {error}");
            ExitCode::FAILURE
        }
    }
}
