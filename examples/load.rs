//! Load generator for benchmarks: RESP over plain sockets, one thread a connection, requests encoded beforehand.
//!
//! ```text
//! load ping  --port P [--connections N] [--count N | --seconds S]
//! load vadd  --port P --vectors FILE --dim D [--connections N] [--pipeline N] [--count N] [--from ROW] [-- options of VADD]
//! load vsim  --port P --vectors FILE --dim D [--connections N] [--count N | --seconds S] [--found FILE] [-- options of VSIM]
//! load send  --port P --requests FILE [--connections N] [--pipeline N] [--count N | --seconds S] [--found FILE]
//! load watch --port P [--seconds S] [--gaps]
//! ```
//!
//! * `FILE` holds rows of `D` little-endian float32. `vadd` adds row `i` to the key `bench` under the name `i`; its time ends
//!   when `VINFO` has answered too, so that nothing acknowledged is left to be linked. `vsim` asks for the neighbors of each row in turn.
//! * `send` sends requests of any kind: the file has them as they go over the wire, one after the other. With `--count` they
//!   are sent again from the start until there were so many.
//! * `vsim`, `send` and `ping` go on for `--seconds`, where that is said, instead of a count.
//! * `--found` takes the bulk strings, a line a query in the order of the file (one connection).
//! * With `--spin`, a connection asks its socket again and again for the reply instead of sleeping until it is there: a core has to
//!   wake up from that, which takes as long as some searches, and is not the server's time.
//! * `watch` is a bystander: a `PING` every millisecond; those that a stall held back count as waiting too. Without `--seconds` it
//!   looks on until its standard input ends. Where it may, it has a real-time priority: it stands for a client on a machine of
//!   its own, so what it waits for is the server and not a core to look on from. `--watch` lets one look on while others work,
//!   from their first request to their last reply: what the generator does before, reading and encoding, disturbs nobody then.
//! * `--gaps` tells too what the bystander waited for while the machine had all its cores: each `PING` without the [gaps] in it.
//!
//! Prints one line of JSON: operations, seconds, rate, the percentiles of the latency in microseconds, and the microseconds
//! of processor time that this generator took for each operation. `ping` tells how fast it and the server's networking are by
//! themselves.

mod clock;
mod gaps;
mod requests;

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use clock::processor_time;
use gaps::{BYSTANDER, Lookout, Span, clear, come_first};
use requests::{quantile, split};

const KEY: &str = "bench";

/// What the command line asks for.
struct Options {
    mode: String,
    port: u16,
    vectors: String,
    dim: usize,
    connections: usize,
    pipeline: usize,
    count: usize,
    from: usize,
    seconds: f64,
    found: Option<String>,
    watch: bool,
    gaps: bool,
    spin: bool,
    requests: String,
    /// Words that go to the command as they are.
    extra: Vec<String>,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let mut args = env::args().skip(1);
        let mut options = Self {
            mode: args.next().ok_or("which mode: ping, vadd, vsim, send or watch?")?,
            port: 0,
            vectors: String::new(),
            dim: 0,
            connections: 1,
            pipeline: 1,
            count: 0,
            from: 0,
            seconds: f64::INFINITY,
            found: None,
            watch: false,
            gaps: false,
            spin: false,
            requests: String::new(),
            extra: Vec::new(),
        };
        while let Some(flag) = args.next() {
            if flag == "--" {
                options.extra = args.collect();
                break;
            }
            let switch = match flag.as_str() {
                "--watch" => Some(&mut options.watch),
                "--gaps" => Some(&mut options.gaps),
                "--spin" => Some(&mut options.spin),
                _ => None,
            };
            if let Some(switch) = switch {
                *switch = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = || value.parse::<usize>().map_err(|_| format!("{flag} needs a number"));
            match flag.as_str() {
                "--port" => options.port = value.parse().map_err(|_| "--port needs a port")?,
                "--vectors" => options.vectors = value,
                "--dim" => options.dim = number()?,
                "--connections" => options.connections = number()?.max(1),
                "--pipeline" => options.pipeline = number()?.max(1),
                "--count" => options.count = number()?,
                "--from" => options.from = number()?,
                "--seconds" => options.seconds = value.parse().map_err(|_| "--seconds needs a number")?,
                "--found" => options.found = Some(value),
                "--requests" => options.requests = value,
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        Ok(options)
    }

    /// The rows of the file as blobs of `FP32`.
    fn rows(&self) -> Result<Vec<Vec<u8>>, String> {
        if self.dim == 0 {
            return Err("--dim is missing".into());
        }
        let data = fs::read(&self.vectors).map_err(|error| format!("{}: {error}", self.vectors))?;
        Ok(data.chunks_exact(self.dim * 4).map(<[u8]>::to_vec).collect())
    }
}

/// A command as a client sends it.
fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// What replies are read from.
struct Socket {
    stream: TcpStream,
    /// Whether to ask it again and again instead of sleeping.
    spin: bool,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.spin {
            return self.stream.read(buffer);
        }
        loop {
            // SAFETY: the buffer is ours to write to, as many bytes as it has.
            let received = unsafe {
                libc::recv(self.stream.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT)
            };
            match usize::try_from(received) {
                Ok(received) => return Ok(received),
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
                    error => return Err(error),
                },
            }
        }
    }
}

/// One connection with its buffers.
struct Connection {
    reader: BufReader<Socket>,
    writer: TcpStream,
    line: Vec<u8>,
}

impl Connection {
    fn open(port: u16, spin: bool) -> io::Result<Self> {
        let writer = TcpStream::connect(("127.0.0.1", port))?;
        writer.set_nodelay(true)?;
        let socket = Socket { stream: writer.try_clone()?, spin };
        Ok(Self { reader: BufReader::with_capacity(1 << 16, socket), writer, line: Vec::new() })
    }

    /// Reads a reply; bulk strings go to `bulks`, errors end the run.
    fn read(&mut self, bulks: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            self.line.clear();
            self.reader.read_until(b'\n', &mut self.line)?;
            let text =
                self.line.strip_suffix(b"\r\n").ok_or_else(|| io::Error::other("the server closed the connection"))?;
            let number = || str::from_utf8(&text[1..]).ok().and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
            match text.first() {
                Some(b'*') => left += usize::try_from(number()).unwrap_or(0),
                Some(b'$') => {
                    if let Ok(length) = usize::try_from(number()) {
                        let mut bulk = vec![0; length + 2];
                        self.reader.read_exact(&mut bulk)?;
                        bulk.truncate(length);
                        bulks.push(bulk);
                    }
                }
                Some(b'-') => return Err(io::Error::other(String::from_utf8_lossy(text))),
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends the requests, `pipeline` at a time and for so many seconds at most; returns how many they were, and the latency
    /// of each batch. `found` takes the bulk strings of each reply, if somebody wants them.
    fn run<'a>(
        &mut self,
        mut requests: impl Iterator<Item = &'a [u8]>,
        pipeline: usize,
        seconds: f64,
        mut found: Option<&mut Vec<Vec<Vec<u8>>>>,
    ) -> io::Result<(usize, Vec<Duration>)> {
        let (mut batch, mut bulks) = (Vec::new(), Vec::new());
        let (mut operations, mut latencies) = (0, Vec::new());
        let began = Instant::now();
        loop {
            batch.clear();
            if began.elapsed().as_secs_f64() > seconds {
                return Ok((operations, latencies));
            }
            let count = requests.by_ref().take(pipeline).map(|request| batch.extend_from_slice(request)).count();
            if count == 0 {
                return Ok((operations, latencies));
            }
            operations += count;
            let start = Instant::now();
            self.writer.write_all(&batch)?;
            for _ in 0..count {
                bulks.clear();
                self.read(&mut bulks)?;
                if let Some(found) = &mut found {
                    found.push(bulks.clone());
                }
            }
            latencies.push(start.elapsed());
        }
    }
}

/// What a run measured.
struct Measured {
    operations: usize,
    /// Nanoseconds of processor time that the generator itself took.
    own: u64,
    elapsed: Duration,
    latencies: Vec<Duration>,
    /// What a bystander saw, where there was one.
    bystander: Option<Seen>,
}

/// What a bystander saw.
struct Seen {
    latencies: Vec<Duration>,
    /// The same without gaps of the machine, where these are known.
    clear: Option<Vec<Duration>>,
}

impl Seen {
    /// Its figures as members of a JSON object.
    fn figures(self) -> String {
        let of = |name: &str, mut latencies: Vec<Duration>| {
            latencies.sort_unstable();
            let (p999, max) = (percentile(&latencies, 0.999), percentile(&latencies, 1.0));
            format!(r#","{name}_p999_us":{p999:.1},"{name}_max_us":{max:.1}"#)
        };
        of("ping", self.latencies) + &self.clear.map_or_else(String::new, |clear| of("clear", clear))
    }
}

/// Microseconds of a percentile.
fn percentile(sorted: &[Duration], share: f64) -> f64 {
    quantile(sorted, share).as_secs_f64() * 1e6
}

impl Measured {
    fn print(mut self, mode: &str) {
        self.latencies.sort_unstable();
        let seconds = self.elapsed.as_secs_f64();
        let bystander = self.bystander.map_or_else(String::new, Seen::figures);
        println!(
            r#"{{"mode":"{mode}","operations":{},"seconds":{seconds:.4},"rate":{:.1},"p50_us":{:.1},"p99_us":{:.1},"p999_us":{:.1},"max_us":{:.1},"own_us":{:.3}{bystander}}}"#,
            self.operations,
            self.operations as f64 / seconds,
            percentile(&self.latencies, 0.5),
            percentile(&self.latencies, 0.99),
            percentile(&self.latencies, 0.999),
            percentile(&self.latencies, 1.0),
            self.own as f64 / 1e3 / self.operations.max(1) as f64,
        );
    }
}

/// Sends `count` requests, or as many as `--seconds` allow, these in turn, shared out among the connections, which start together, and waits for all. `last`
/// is sent when they have ended and belongs to the time.
fn drive(options: &Options, requests: &[Vec<u8>], count: usize, last: Option<&[u8]>) -> io::Result<Measured> {
    let count = if options.seconds.is_finite() { usize::MAX / 2 } else { count };
    let share = count.div_ceil(options.connections).max(1);
    let starts: Vec<usize> = (0..count).step_by(share).collect();
    let barrier = Barrier::new(starts.len() + 1);
    let ended = AtomicBool::new(false);
    let (results, bystander, elapsed) = thread::scope(|scope| {
        let threads: Vec<_> = starts
            .iter()
            .map(|&start| {
                let barrier = &barrier;
                scope.spawn(move || -> io::Result<_> {
                    let part = (start..count.min(start + share)).map(|number| &requests[number % requests.len()][..]);
                    let mut found = Vec::new();
                    let connection = Connection::open(options.port, options.spin);
                    barrier.wait();
                    let before = processor_time();
                    let wanted = options.found.is_some().then_some(&mut found);
                    let (operations, latencies) = connection?.run(part, options.pipeline, options.seconds, wanted)?;
                    Ok((operations, latencies, found, processor_time() - before))
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let bystander = options.watch.then(|| scope.spawn(|| look_on(options, || ended.load(Ordering::Relaxed))));
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic in a client")).collect();
        let finished = last.map_or(Ok(()), |request| {
            let mut connection = Connection::open(options.port, false)?;
            connection.writer.write_all(request)?;
            connection.read(&mut Vec::new())
        });
        let elapsed = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        let bystander = bystander.map(|thread| thread.join().expect("no panic in the bystander"));
        (finished.map(|()| results), bystander.transpose(), elapsed)
    });
    let (mut operations, mut latencies, mut found, mut own) = (0, Vec::new(), Vec::new(), 0);
    for result in results? {
        let (its_operations, its_latencies, its_found, its_own) = result?;
        operations += its_operations;
        latencies.extend(its_latencies);
        found.extend(its_found);
        own += its_own;
    }
    if let Some(path) = &options.found {
        let mut file = BufWriter::new(fs::File::create(path)?);
        for names in found {
            writeln!(file, "{}", String::from_utf8_lossy(&names.join(&b' ')))?;
        }
        file.flush()?;
    }
    Ok(Measured { operations, own, elapsed, latencies, bystander: bystander? })
}

/// The time between two `PING`s of a bystander.
const INTERVAL: Duration = Duration::from_millis(1);

/// A `PING` each millisecond until it `ended`.
fn look_on(options: &Options, ended: impl Fn() -> bool) -> io::Result<Seen> {
    let lookout = options.gaps.then(Lookout::new);
    // Where that is refused, it waits for a core like anybody else.
    let _granted = come_first(BYSTANDER);
    let mut connection = Connection::open(options.port, false)?;
    let request = encode(&[b"PING"]);
    let mut pings: Vec<Span> = Vec::new();
    while !ended() {
        let sent = Instant::now();
        connection.writer.write_all(&request)?;
        connection.read(&mut Vec::new())?;
        let latency = sent.elapsed();
        pings.push((sent, sent + latency));
        thread::sleep(INTERVAL.saturating_sub(latency));
    }
    let gaps = lookout.and_then(Lookout::gaps);
    Ok(Seen {
        clear: gaps.map(|gaps| with_held_back(pings.iter().map(|ping| clear(&gaps, *ping)))),
        latencies: with_held_back(pings.iter().map(|(sent, received)| *received - *sent)),
    })
}

/// Latencies with those of the `PING`s that were due while an earlier one waited: they would have waited for the rest of that
/// time; otherwise a stall would hide most of what it did.
fn with_held_back(latencies: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let and_later = |latency| {
        std::iter::successors(Some(latency), |rest: &Duration| {
            rest.checked_sub(INTERVAL).filter(|rest| !rest.is_zero())
        })
    };
    latencies.flat_map(and_later).collect()
}

/// A bystander, until the seconds are over or standard input ends.
fn watch(options: &Options) -> io::Result<Measured> {
    let ended = Arc::new(AtomicBool::new(false));
    if options.seconds.is_infinite() {
        let ended = Arc::clone(&ended);
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ended.store(true, Ordering::Relaxed);
        });
    }
    let (start, before) = (Instant::now(), processor_time());
    let over = || ended.load(Ordering::Relaxed) || start.elapsed().as_secs_f64() >= options.seconds;
    let seen = look_on(options, over)?;
    let (operations, own) = (seen.latencies.len(), processor_time() - before);
    Ok(Measured { operations, own, elapsed: start.elapsed(), latencies: seen.latencies.clone(), bystander: Some(seen) })
}

/// The requests of the file, `--count` of them.
fn send(options: &Options) -> Result<io::Result<Measured>, String> {
    let data = fs::read(&options.requests).map_err(|error| format!("{}: {error}", options.requests))?;
    let all = split(&data).filter(|all| !all.is_empty());
    let all = all.ok_or_else(|| format!("{}: no requests", options.requests))?;
    let count = if options.count == 0 { all.len() } else { options.count };
    let requests: Vec<Vec<u8>> = all.iter().map(|request| request.to_vec()).collect();
    Ok(drive(options, &requests, count, None))
}

fn run() -> Result<(), String> {
    let options = Options::parse()?;
    let extra: Vec<&[u8]> = options.extra.iter().map(String::as_bytes).collect();
    let measured = match options.mode.as_str() {
        "ping" => drive(&options, &[encode(&[b"PING"])], options.count.max(1), None),
        "vadd" => {
            let rows = options.rows()?;
            let count = if options.count == 0 { rows.len() } else { options.count };
            let requests: Vec<_> = rows
                .iter()
                .enumerate()
                .skip(options.from)
                .take(count)
                .map(|(number, row)| {
                    let name = number.to_string();
                    let mut words: Vec<&[u8]> = vec![b"VADD", KEY.as_bytes(), b"FP32", row, name.as_bytes()];
                    words.extend(&extra);
                    encode(&words)
                })
                .collect();
            drive(&options, &requests, requests.len(), Some(&encode(&[b"VINFO", KEY.as_bytes()])))
        }
        "vsim" => {
            let rows = options.rows()?;
            let count = if options.count == 0 { rows.len() } else { options.count };
            let requests: Vec<_> = rows
                .iter()
                .map(|row| {
                    let mut words: Vec<&[u8]> = vec![b"VSIM", KEY.as_bytes(), b"FP32", row];
                    words.extend(&extra);
                    encode(&words)
                })
                .collect();
            drive(&options, &requests, count, None)
        }
        "send" => send(&options)?,
        "watch" => watch(&options),
        other => return Err(format!("unknown mode {other}")),
    };
    measured.map_err(|error| error.to_string())?.print(&options.mode);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
