//! Walking by a coarse code beside walking by `Q8` codes alone: two graphs of the same vectors, measured in turns.
//!
//! ```text
//! cargo run --release --example coarse_bench -- BASE DIM QUERIES [--wide D]... [--times N] [--rows N] [--rounds R] [--k K] [--metric 0|1|2]
//! ```
//!
//! `BASE` and `QUERIES` are rows of `DIM` little-endian floats (`.f16` or `.f32` by name). With `--wide` the rows are turned into
//! `D` components by a random rotation, which keeps all distances; each `--wide` is a run. With `--times` every row is there
//! N times, each time moved a bit. Of `BASE`, `--rows` are taken. Times are those that the thread ran, the least of the rounds.
//!
//! In the place of both files stand vectors that are hard to estimate: `normal`, `uniform` (0 to 1), `offset` (100 to 101), `clusters`
//! (50, around the origin), `many` (as many as 20 rows have one each) or `far` (50 around a point that is far from it). The metric
//! is the cosine, or the euclidean (1) or the inner product (2).
#![allow(missing_docs, clippy::print_stdout)]

mod clock;
mod rows;

use clock::processor_time;
use nearset::vector::{Encoding, Flat, Graph, Metric, NodeId, Params, Query, Restore, Scratch, Search, Vector, pin};
use rows::{floats, hash};

const M: usize = 16;
const SWEEP: [usize; 9] = [10, 16, 24, 32, 48, 64, 100, 160, 240];

/// Seconds that this thread has run.
fn seconds() -> f64 {
    processor_time() as f64 / 1e9
}

fn normalized(row: &[f32]) -> Vec<f32> {
    let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter().map(|x| x / norm).collect()
}

/// Every row `times` times, moved a bit each time.
fn repeated(base: &mut Vec<f32>, dim: usize, times: usize) {
    let len = base.len();
    for copy in 1..times {
        for at in (0..len).step_by(dim) {
            let noise = |j: usize| (0..4).map(|i| (hash(((copy * len + at + j) << 2) + i) >> 40) as f32).sum::<f32>();
            let noise: Vec<f32> = (0..dim).map(|j| noise(j) / (1 << 24) as f32 - 2.0).collect();
            let moved = normalized(&base[at..at + dim]).into_iter().zip(normalized(&noise)).map(|(x, y)| x + 0.45 * y);
            base.extend(moved.collect::<Vec<f32>>());
        }
    }
}

/// Rows of `wide` components with the same distances.
fn widened(rows: &[f32], dim: usize, wide: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len() / dim * wide);
    for row in rows.chunks_exact(dim) {
        let at = out.len();
        out.extend_from_slice(row);
        out.resize(at + wide, 0.0);
        rotate(&mut out[at..]);
    }
    out
}

/// Signs by chance and Hadamard transforms of the first and of the last 2ⁿ components in turn.
fn rotate(row: &mut [f32]) {
    let width = 1 << row.len().ilog2();
    let rest = row.len() - width;
    for round in 0..4 {
        for (j, x) in row.iter_mut().enumerate() {
            *x *= if hash(round << 32 | j) & 1 == 1 { 1.0 } else { -1.0 };
        }
        hadamard(if round % 2 == 0 { &mut row[..width] } else { &mut row[rest..] });
    }
}

fn hadamard(row: &mut [f32]) {
    let mut half = 1;
    while half < row.len() {
        for pair in row.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            low.iter_mut().zip(high).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
        half *= 2;
    }
    let scale = 1.0 / (row.len() as f32).sqrt();
    row.iter_mut().for_each(|x| *x *= scale);
}

/// The nearest by the floats.
fn truth(base: &[f32], queries: &[f32], dim: usize, metric: Metric, k: usize) -> Vec<Vec<u32>> {
    let flat = Flat::new(dim, Encoding::F32, metric);
    for row in base.chunks_exact(dim) {
        flat.add(Vector::Floats(row));
    }
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let nearest = |query: &[f32]| {
        let search = Search { k, ..Search::default() };
        flat.search(&flat.query(Vector::Floats(query)), &search, &mut scratch, &mut hits).expect("nobody cancels");
        hits.iter().map(|hit| hit.id.0).collect()
    };
    queries.chunks_exact(dim).map(nearest).collect()
}

/// A graph, and what making it took.
struct Built {
    graph: Graph,
    /// How many were linked in a second.
    rate: f64,
    /// Microseconds that adding one took.
    adding: f64,
}

/// A graph of the rows, their numbers being its ids.
fn build(base: &[f32], dim: usize, metric: Metric, coarse: bool) -> Built {
    let encoding = Encoding::Q8;
    let graph = Graph::new(Params { dim, m: M, ef_construction: 200, encoding, metric, coarse });
    let (mut scratch, begin, mut adding) = (Scratch::default(), seconds(), 0.0);
    for (many, vectors) in base.chunks(500 * dim).enumerate() {
        let start = seconds();
        for (row, vector) in vectors.chunks_exact(dim).enumerate() {
            let row = 500 * many + row;
            assert_eq!(graph.add(Vector::Floats(vector), hash(row)), NodeId(row as u32));
        }
        adding += seconds() - start;
        while graph.link_next(&mut scratch) {}
    }
    let rows = graph.len() as f64;
    Built { graph, rate: rows / (seconds() - begin), adding: adding * 1e6 / rows }
}

/// How many vectors are restored in a second, with their links.
fn restored(graph: &Graph) -> f64 {
    let begin = seconds();
    let mut restore = Restore::new(*graph.params(), graph.len() as u64);
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    let guard = pin();
    for id in graph.ids() {
        let vector = Vector::Stored { code: &graph.code(id, &guard), l2: graph.l2(id), range: graph.range_of(id) };
        restore.node(u64::from(id.0), vector, graph.level_of(id)).expect("a node");
        for level in 0..=graph.level_of(id) {
            ids.clear();
            graph.links(id, level, &mut ids);
            numbers.clear();
            numbers.extend(ids.iter().map(|id| u64::from(id.0)));
            restore.links(level, &numbers).expect("links");
        }
    }
    let restored = restore.finish().expect("a graph");
    restored.len() as f64 / (seconds() - begin)
}

#[derive(Clone, Copy)]
struct Point {
    recall: f64,
    seconds: f64,
}

/// All queries once.
fn round(graph: &Graph, queries: &[Query], truth: &[Vec<u32>], ef: usize, scratch: &mut Scratch) -> Point {
    let (mut hits, mut found) = (Vec::new(), 0);
    let k = truth[0].len();
    let search = Search { k, ef, ..Search::default() };
    let begin = seconds();
    for (query, truth) in queries.iter().zip(truth) {
        graph.search(query, &search, scratch, &mut hits).expect("nobody cancels");
        found += hits.iter().filter(|hit| truth.contains(&hit.id.0)).count();
    }
    Point { recall: found as f64 / (truth.len() * k) as f64, seconds: seconds() - begin }
}

/// Queries per second at a recall, between the two points around it.
fn rate_at(points: &[Point], queries: usize, recall: f64) -> Option<f64> {
    let rate = |point: &Point| queries as f64 / point.seconds;
    let at = points.iter().position(|point| point.recall >= recall)?;
    let (Some(low), high) = (points[..at].last(), &points[at]) else { return Some(rate(&points[at])) };
    Some(rate(low) + (rate(high) - rate(low)) * (recall - low.recall) / (high.recall - low.recall))
}

fn run(base: &[f32], queries: &[f32], dim: usize, truth: &[Vec<u32>], metric: Metric, rounds: usize) {
    let built = [false, true].map(|coarse| build(base, dim, metric, coarse));
    let loads: [f64; 2] = std::array::from_fn(|i| restored(&built[i].graph));
    let bytes = [0, 1].map(|i| built[i].graph.memory_usage() as f64 / built[i].graph.len() as f64);
    let [plain, coarse] = &built;
    let k = truth[0].len();
    println!("{} rows of {dim} components: Q8 alone, with a coarse code", base.len() / dim);
    println!("    bytes a vector {:.0}, {:.0}: {:.3}", bytes[0], bytes[1], bytes[1] / bytes[0]);
    println!("    adding, microseconds {:.2}, {:.2}: {:.2}", plain.adding, coarse.adding, coarse.adding / plain.adding);
    println!("    built per second {:.0}, {:.0}: {:.2}", plain.rate, coarse.rate, coarse.rate / plain.rate);
    println!("    restored per second {:.0}, {:.0}: {:.2}", loads[0], loads[1], loads[1] / loads[0]);
    let encoded: Vec<Query> =
        queries.chunks_exact(dim).map(|query| built[0].graph.query(Vector::Floats(query))).collect();
    let mut points = [[Point { recall: 0.0, seconds: f64::MAX }; SWEEP.len()]; 2];
    let mut scratch = Scratch::default();
    for _ in 0..rounds {
        for (i, ef) in SWEEP.into_iter().enumerate() {
            for (points, built) in points.iter_mut().zip(&built) {
                let point = round(&built.graph, &encoded, truth, ef, &mut scratch);
                points[i] = Point { seconds: point.seconds.min(points[i].seconds), ..point };
            }
        }
    }
    for (i, ef) in SWEEP.iter().enumerate() {
        let [(alone, plain), (coarse, rate)] =
            [0, 1].map(|of| (points[of][i].recall, encoded.len() as f64 / points[of][i].seconds));
        println!("    EF {ef:3}: recall@{k} {alone:.4}, {coarse:.4}  q/s {plain:.0}, {rate:.0}: {:.2}", rate / plain);
    }
    for recall in [0.95, 0.97, 0.98, 0.99] {
        if let [Some(plain), Some(rate)] = [0, 1].map(|of| rate_at(&points[of], encoded.len(), recall)) {
            println!("    at recall@{k} {recall}: {plain:.0}, {rate:.0}: {:.2}", rate / plain);
        }
    }
}

/// Vectors of a kind.
fn synthetic(kind: &str, rows: usize, dim: usize, seed: usize) -> Vec<f32> {
    let uniform = |at: usize| (hash(hash(at) as usize) >> 40) as f32 / (1 << 24) as f32;
    let normal = |at: usize| (0..12).map(|i| uniform(12 * at + i)).sum::<f32>() - 6.0;
    let clusters = if kind == "many" { rows.max(2000) / 20 } else { 50 };
    let component = |row: usize, j: usize| {
        let at = (seed + row) * dim + j;
        // The same whatever the seed.
        let around = || 0.3 * normal(at) + normal((hash(row) as usize % clusters + (1 << 30)) * dim + j);
        match kind {
            "normal" => normal(at),
            "uniform" => uniform(at),
            "offset" => 100.0 + uniform(at),
            "clusters" | "many" => around(),
            "far" => 5.0 + around(),
            _ => panic!("{kind}"),
        }
    };
    (0..rows * dim).map(|at| component(at / dim, at % dim)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = |(at, _)| arguments.get(at + 1).and_then(|x: &String| x.parse::<usize>().ok()).expect("a number");
        arguments.iter().enumerate().filter(|(_, word)| *word == name).map(at).collect::<Vec<usize>>()
    };
    let [base, dim, queries] = &arguments[..3] else { panic!("BASE DIM QUERIES") };
    let dim = dim.parse().expect("a dimension");
    let rows = number("--rows").pop();
    let (mut base, queries) = if std::path::Path::new(base).exists() {
        (floats(base), floats(queries))
    } else {
        (synthetic(base, rows.unwrap_or(15_000), dim, 0), synthetic(base, 200, dim, 1 << 24))
    };
    base.truncate(rows.map_or(base.len(), |rows| rows * dim));
    repeated(&mut base, dim, number("--times").pop().unwrap_or(1));
    let rounds = number("--rounds").pop().unwrap_or(3);
    let metric = [Metric::Cosine, Metric::L2, Metric::InnerProduct][number("--metric").pop().unwrap_or(0)];
    let truth = truth(&base, &queries, dim, metric, number("--k").pop().unwrap_or(10));
    let wide = number("--wide");
    if wide.is_empty() {
        run(&base, &queries, dim, &truth, metric, rounds);
    }
    for wide in wide {
        run(&widened(&base, dim, wide), &widened(&queries, dim, wide), wide, &truth, metric, rounds);
    }
}
