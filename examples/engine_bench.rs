//! The graph engine alone, on real vectors: build rate, queries per second by recall, memory, removal.
//!
//! ```text
//! cargo run --release --example engine_bench -- BASE DIM QUERIES TRUTH [--encodings f64,f32,f16,bf16,q8,bin] [--rows N] [--coarse-dim N] [--quick | --turns]
//! ```
//!
//! With `--turns` it builds, prints what that took as a line of JSON, and then measures each time it reads a line, which lists
//! beams (`10,16,24`): so that others can be measured in between.
//!
//! `BASE` and `QUERIES` are rows of `DIM` little-endian floats (`.f16` or `.f32` by name); `TRUTH` holds the row numbers of
//! each query's nearest, best first, 100 little-endian 32-bit integers a query. With `--rows` the truth is computed.
#![allow(missing_docs, clippy::print_stdout)]

mod clock;
mod rows;

use std::io::BufRead;
use std::time::Instant;

use clock::processor_time;
use nearset::vector::{Encoding, Graph, Hit, Metric, NodeId, Params, Query, Scratch, Search, Vector};
use rows::{floats, hash};

const K: usize = 10;
const SWEEP: [usize; 14] = [10, 16, 24, 32, 40, 48, 64, 80, 100, 128, 160, 200, 300, 400];

/// Seconds that this thread has run: what single-threaded work is measured by, so that other work disturbs it less.
fn seconds() -> f64 {
    processor_time() as f64 / 1e9
}

struct Data {
    dim: usize,
    base: Vec<f32>,
    queries: Vec<f32>,
    truth: Vec<Vec<u32>>,
}

impl Data {
    fn row(&self, row: usize) -> Vector<'_> {
        Vector::Floats(&self.base[row * self.dim..(row + 1) * self.dim])
    }
    fn rows(&self) -> usize {
        self.base.len() / self.dim
    }
    fn queries(&self, graph: &Graph) -> Vec<Query> {
        self.queries.chunks_exact(self.dim).map(|query| graph.query(Vector::Floats(query))).collect()
    }
}

fn link_all(graph: &Graph, threads: usize) {
    if threads == 1 {
        let mut scratch = Scratch::default();
        while graph.link_next(&mut scratch) {}
        return;
    }
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                while graph.link_next(&mut scratch) {}
            });
        }
    });
}

fn build(data: &Data, params: Params, threads: usize) -> (Graph, Vec<NodeId>, f64) {
    let graph = Graph::new(params);
    let begin = (seconds(), Instant::now());
    let mut ids = Vec::new();
    // As a server does it: a bounded tail.
    for first in (0..data.rows()).step_by(1000) {
        for row in first..(first + 1000).min(data.rows()) {
            ids.push(graph.add(data.row(row), hash(row)));
        }
        link_all(&graph, threads);
    }
    let spent = if threads == 1 { seconds() - begin.0 } else { begin.1.elapsed().as_secs_f64() };
    let rate = data.rows() as f64 / spent;
    (graph, ids, rate)
}

/// Recall at 10 and queries per second.
fn measure(data: &Data, graph: &Graph, queries: &[Query], ids: &[NodeId], ef: usize, rounds: usize) -> (f64, f64) {
    let mut scratch = Scratch::default();
    let mut hits: Vec<Hit> = Vec::new();
    let search = Search { k: K, ef, ..Search::default() };
    let mut found = 0;
    for (query, truth) in queries.iter().zip(&data.truth) {
        graph.search(query, &search, &mut scratch, &mut hits).expect("nobody cancels");
        found += hits.iter().filter(|hit| truth[..K].iter().any(|&row| ids[row as usize] == hit.id)).count();
    }
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let begin = seconds();
        for query in queries {
            graph.search(query, &search, &mut scratch, &mut hits).expect("nobody cancels");
        }
        best = best.min(seconds() - begin);
    }
    (found as f64 / (queries.len() * K) as f64, queries.len() as f64 / best)
}

/// Median of the microseconds that a query takes.
fn median(graph: &Graph, queries: &[Query], ef: usize) -> f64 {
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let search = Search { k: K, ef, ..Search::default() };
    let timed = |query| {
        let begin = Instant::now();
        graph.search(query, &search, &mut scratch, &mut hits).expect("nobody cancels");
        begin.elapsed()
    };
    let mut times: Vec<_> = queries.iter().map(timed).collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// A line of JSON for each line of beams read.
fn take_turns(data: &Data, graph: &Graph, ids: &[NodeId]) {
    let queries = data.queries(graph);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        let points = line.split(',').map(|ef| {
            let ef = ef.trim().parse().expect("a beam");
            let (recall, rate) = measure(data, graph, &queries, ids, ef, 1);
            format!(
                r#"{{"ef":{ef},"recall":{recall:.5},"rate":{rate:.1},"p50_us":{:.2}}}"#,
                median(graph, &queries, ef)
            )
        });
        println!("[{}]", points.collect::<Vec<_>>().join(","));
    }
}

fn sweep(data: &Data, graph: &Graph, ids: &[NodeId], rounds: usize) {
    let queries = data.queries(graph);
    let mut at = [(0.95, None), (0.99, None)];
    let mut last: Option<(f64, f64)> = None;
    print!("   ef recall@10 q/s:");
    for ef in SWEEP {
        let (recall, rate) = measure(data, graph, &queries, ids, ef, rounds);
        print!("  {ef}: {recall:.4} {rate:.0}");
        for (wanted, got) in &mut at {
            if got.is_none() && recall >= *wanted {
                *got = Some(match last {
                    Some((r, q)) => q + (rate - q) * (*wanted - r) / (recall - r),
                    None => rate,
                });
            }
        }
        last = Some((recall, rate));
    }
    println!();
    for (wanted, got) in at {
        println!("   q/s @{wanted}: {}", got.map_or("never".into(), |rate: f64| format!("{rate:.0}")));
    }
}

fn replace_half(data: &Data, graph: &Graph, ids: &mut [NodeId]) {
    let begin = seconds();
    for row in (0..ids.len()).step_by(2) {
        graph.remove(ids[row]);
    }
    link_all(graph, 1);
    let rate = (ids.len() / 2) as f64 / (seconds() - begin);
    let statistics = graph.check_invariants();
    println!("   half removed, {rate:.0}/s: {statistics:?}");
    graph.reclaim(|_| {});
    for row in (0..ids.len()).step_by(2) {
        ids[row] = graph.add(data.row(row), hash(row + ids.len()));
    }
    link_all(graph, 1);
    println!("   added again: {:?}", graph.check_invariants());
}

fn truth(data: &Data) -> Vec<Vec<u32>> {
    let params = Params {
        dim: data.dim,
        m: 4,
        ef_construction: 1,
        encoding: Encoding::F32,
        metric: Metric::Cosine,
        coarse: false,
    };
    let graph = Graph::new(params);
    (0..data.rows()).for_each(|row| assert_eq!(graph.add(data.row(row), 1), NodeId(row as u32)));
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let nearest = |query: &Query| {
        graph.scan(query, &Search { k: 100, ..Search::default() }, &mut scratch, &mut hits).expect("nobody cancels");
        hits.iter().map(|hit| hit.id.0).collect()
    };
    data.queries(&graph).iter().map(nearest).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).map(|at| arguments[at + 1].clone());
    let [base, dim, queries, truths] = &arguments[..4] else { panic!("BASE DIM QUERIES TRUTH") };
    let dim: usize = dim.parse().expect("a dimension");
    let [quick, turns] = ["--quick", "--turns"].map(|name| arguments.iter().any(|a| a == name));
    let mut data = Data { dim, base: floats(base), queries: floats(queries), truth: Vec::new() };
    if let Some(rows) = option("--rows") {
        data.base.truncate(rows.parse::<usize>().expect("a number of rows") * dim);
        data.truth = truth(&data);
    } else {
        let bytes = std::fs::read(truths).expect("the truth");
        let rows: Vec<u32> = bytes.chunks_exact(4).map(|x| u32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect();
        data.truth = rows.chunks_exact(100).map(<[u32]>::to_vec).collect();
    }
    let ef_construction = option("--efc").map_or(200, |x| x.parse().expect("a beam"));
    let coarse_dim = option("--coarse-dim").map_or(768, |x| x.parse().expect("components"));
    let m = option("--m").map_or(16, |x| x.parse().expect("links"));
    for name in option("--encodings").unwrap_or("f32,q8,bin".into()).split(',') {
        let encoding = match name {
            "f32" => Encoding::F32,
            "f64" => Encoding::F64,
            "f16" => Encoding::F16,
            "bf16" => Encoding::BF16,
            "q8" => Encoding::Q8,
            "bin" => Encoding::Bin,
            other => panic!("no encoding {other}"),
        };
        let (metric, coarse) = (Metric::Cosine, dim >= coarse_dim);
        let params = Params { dim, m, ef_construction, encoding, metric, coarse };
        let (graph, mut ids, rate) = build(&data, params, 1);
        let bytes = graph.memory_usage() as f64 / graph.len() as f64;
        if turns {
            println!(r#"{{"encoding":"{name}","rows":{},"build_rate":{rate:.1},"bytes":{bytes:.1}}}"#, data.rows());
            take_turns(&data, &graph, &ids);
            continue;
        }
        println!("{name}: {} rows, build {rate:.0}/s with 1 thread", data.rows());
        println!("   {bytes:.1} bytes a vector, {:?}", graph.check_invariants());
        sweep(&data, &graph, &ids, if quick { 1 } else { 5 });
        if !quick {
            replace_half(&data, &graph, &mut ids);
            sweep(&data, &graph, &ids, 3);
            drop(graph);
            let (graph, ids, rate) = build(&data, params, 2);
            println!("   build {rate:.0}/s with 2 threads");
            sweep(&data, &graph, &ids, 1);
        }
    }
}
