//! Load generator for benchmarks: RESP over plain sockets, one thread a connection, requests encoded beforehand.
//!
//! ```text
//! load ping  --port P [--connections N] [--count N]
//! load vadd  --port P --vectors FILE --dim D [--connections N] [--pipeline N] [--count N] [--from ROW] [-- options of VADD]
//! load vsim  --port P --vectors FILE --dim D [--connections N] [--count N] [--found FILE] [-- options of VSIM]
//! load send  --port P --requests FILE [--connections N] [--pipeline N] [--count N] [--found FILE]
//! load watch --port P [--seconds S]
//! ```
//!
//! * `FILE` holds rows of `D` little-endian float32. `vadd` adds row `i` to the key `bench` under the name `i`; its time ends
//!   when `VINFO` has answered too, so that nothing acknowledged is left to be linked. `vsim` asks for the neighbors of each row in turn.
//! * `send` sends requests of any kind: the file has them as they go over the wire, one after the other. With `--count` they
//!   are sent again from the start until there were so many.
//! * `--found` takes the bulk strings, a line a query in the order of the file (one connection).
//! * `watch` is a bystander: a `PING` every millisecond; those that a stall held back count as waiting too. Without `--seconds` it
//!   looks on until its standard input ends.
//!
//! Prints one line of JSON: operations, seconds, rate, and the percentiles of the latency in microseconds. `ping` tells how
//! fast this generator and the server's networking are by themselves.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

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
            requests: String::new(),
            extra: Vec::new(),
        };
        while let Some(flag) = args.next() {
            if flag == "--" {
                options.extra = args.collect();
                break;
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

/// The requests of a file; `None` if it does not end with a whole one.
fn split(data: &[u8]) -> Option<Vec<&[u8]>> {
    fn number(data: &[u8], at: &mut usize) -> Option<usize> {
        let length = data[*at..].iter().position(|byte| *byte == b'\r')?;
        let digits = str::from_utf8(data.get(*at + 1..*at + length)?).ok()?;
        *at += length + 2;
        digits.parse().ok()
    }
    let (mut requests, mut at) = (Vec::new(), 0);
    while at < data.len() {
        let start = at;
        for _ in 0..number(data, &mut at)? {
            let length = number(data, &mut at)?;
            at += length + 2;
        }
        requests.push(data.get(start..at)?);
    }
    Some(requests)
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

/// One connection with its buffers.
struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    line: Vec<u8>,
}

impl Connection {
    fn open(port: u16) -> io::Result<Self> {
        let writer = TcpStream::connect(("127.0.0.1", port))?;
        writer.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(1 << 16, writer.try_clone()?), writer, line: Vec::new() })
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

    /// Sends the requests, `pipeline` at a time, and returns the latency of each batch.
    fn run(
        &mut self,
        requests: &[Vec<u8>],
        pipeline: usize,
        found: &mut Vec<Vec<Vec<u8>>>,
    ) -> io::Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(requests.len() / pipeline + 1);
        let mut batch = Vec::new();
        for part in requests.chunks(pipeline) {
            batch.clear();
            part.iter().for_each(|request| batch.extend_from_slice(request));
            let start = Instant::now();
            self.writer.write_all(&batch)?;
            for _ in part {
                let mut bulks = Vec::new();
                self.read(&mut bulks)?;
                found.push(bulks);
            }
            latencies.push(start.elapsed());
        }
        Ok(latencies)
    }
}

/// What a run measured.
struct Measured {
    operations: usize,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Measured {
    fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let place = (share * last as f64).ceil() as usize;
        self.latencies.get(place.min(last)).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    }

    fn print(mut self, mode: &str) {
        self.latencies.sort_unstable();
        let seconds = self.elapsed.as_secs_f64();
        println!(
            r#"{{"mode":"{mode}","operations":{},"seconds":{seconds:.4},"rate":{:.1},"p50_us":{:.1},"p99_us":{:.1},"p999_us":{:.1},"max_us":{:.1}}}"#,
            self.operations,
            self.operations as f64 / seconds,
            self.percentile(0.5),
            self.percentile(0.99),
            self.percentile(0.999),
            self.percentile(1.0),
        );
    }
}

/// Shares the requests out among the connections, starts them together and waits for all. `last` is sent when they have
/// ended and belongs to the time.
fn drive(options: &Options, requests: &[Vec<u8>], last: Option<&[u8]>) -> io::Result<Measured> {
    let share = requests.len().div_ceil(options.connections).max(1);
    let parts: Vec<&[Vec<u8>]> = requests.chunks(share).collect();
    let barrier = Barrier::new(parts.len() + 1);
    let (results, elapsed) = thread::scope(|scope| {
        let threads: Vec<_> = parts
            .iter()
            .map(|part| {
                let barrier = &barrier;
                scope.spawn(move || -> io::Result<_> {
                    let mut found = Vec::with_capacity(part.len());
                    let connection = Connection::open(options.port);
                    barrier.wait();
                    let latencies = connection?.run(part, options.pipeline, &mut found)?;
                    Ok((latencies, found))
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic in a client")).collect();
        let finished = last.map_or(Ok(()), |request| {
            let mut connection = Connection::open(options.port)?;
            connection.writer.write_all(request)?;
            connection.read(&mut Vec::new())
        });
        (finished.map(|()| results), start.elapsed())
    });
    let mut latencies = Vec::new();
    let mut found = Vec::new();
    for result in results? {
        let (its_latencies, its_found) = result?;
        latencies.extend(its_latencies);
        found.extend(its_found);
    }
    if let Some(path) = &options.found {
        let mut file = BufWriter::new(fs::File::create(path)?);
        for names in found {
            writeln!(file, "{}", String::from_utf8_lossy(&names.join(&b' ')))?;
        }
        file.flush()?;
    }
    Ok(Measured { operations: requests.len(), elapsed, latencies })
}

/// A `PING` each millisecond. Those that were due while an earlier one waited would have waited for the rest of that time,
/// and are counted so; otherwise a stall would hide most of what it did.
fn watch(options: &Options) -> io::Result<Measured> {
    const INTERVAL: Duration = Duration::from_millis(1);
    let mut connection = Connection::open(options.port)?;
    let request = encode(&[b"PING"]);
    let ended = Arc::new(AtomicBool::new(false));
    if options.seconds.is_infinite() {
        let ended = Arc::clone(&ended);
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ended.store(true, Ordering::Relaxed);
        });
    }
    let start = Instant::now();
    let mut latencies = Vec::new();
    while !ended.load(Ordering::Relaxed) && start.elapsed().as_secs_f64() < options.seconds {
        let sent = Instant::now();
        connection.writer.write_all(&request)?;
        connection.read(&mut Vec::new())?;
        let mut latency = sent.elapsed();
        latencies.push(latency);
        thread::sleep(INTERVAL.saturating_sub(latency));
        while latency > INTERVAL {
            latency -= INTERVAL;
            latencies.push(latency);
        }
    }
    Ok(Measured { operations: latencies.len(), elapsed: start.elapsed(), latencies })
}

/// The requests of the file, `--count` of them.
fn send(options: &Options) -> Result<io::Result<Measured>, String> {
    let data = fs::read(&options.requests).map_err(|error| format!("{}: {error}", options.requests))?;
    let all = split(&data).filter(|all| !all.is_empty());
    let all = all.ok_or_else(|| format!("{}: no requests", options.requests))?;
    let count = if options.count == 0 { all.len() } else { options.count };
    let requests: Vec<Vec<u8>> = all.iter().cycle().take(count).map(|request| request.to_vec()).collect();
    Ok(drive(options, &requests, None))
}

fn run() -> Result<(), String> {
    let options = Options::parse()?;
    let extra: Vec<&[u8]> = options.extra.iter().map(String::as_bytes).collect();
    let measured = match options.mode.as_str() {
        "ping" => {
            let requests = vec![encode(&[b"PING"]); options.count.max(1)];
            drive(&options, &requests, None)
        }
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
            drive(&options, &requests, Some(&encode(&[b"VINFO", KEY.as_bytes()])))
        }
        "vsim" => {
            let rows = options.rows()?;
            let count = if options.count == 0 { rows.len() } else { options.count };
            let requests: Vec<_> = rows
                .iter()
                .cycle()
                .take(count)
                .map(|row| {
                    let mut words: Vec<&[u8]> = vec![b"VSIM", KEY.as_bytes(), b"FP32", row];
                    words.extend(&extra);
                    encode(&words)
                })
                .collect();
            drive(&options, &requests, None)
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
