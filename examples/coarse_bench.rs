//! Walking by a coarse code beside walking by `Q8` codes alone: two graphs of the same vectors, measured in turns.
//!
//! ```text
//! cargo run --release --example coarse_bench -- BASE DIM QUERIES [--wide D]... [--times N] [--rounds R]
//! ```
//!
//! `BASE` and `QUERIES` are rows of `DIM` little-endian floats (`.f16` or `.f32` by name). With `--wide` the rows are turned into
//! `D` components by a random rotation, which keeps all distances; each `--wide` is a run. With `--times` every row is there
//! N times, each time moved a bit. Times are those that the thread ran, the least of the rounds.
#![allow(missing_docs, clippy::print_stdout)]

mod clock;
mod rows;

use clock::processor_time;
use nearset::vector::{Encoding, Flat, Graph, Metric, NodeId, Params, Query, Restore, Scratch, Search, Vector, pin};
use rows::{floats, hash};

const K: usize = 10;
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
fn truth(base: &[f32], queries: &[f32], dim: usize) -> Vec<Vec<u32>> {
    let flat = Flat::new(dim, Encoding::F32, Metric::Cosine);
    for row in base.chunks_exact(dim) {
        flat.add(Vector::Floats(row));
    }
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let nearest = |query: &[f32]| {
        let search = Search { k: K, ..Search::default() };
        flat.search(&flat.query(Vector::Floats(query)), &search, &mut scratch, &mut hits).expect("nobody cancels");
        hits.iter().map(|hit| hit.id.0).collect()
    };
    queries.chunks_exact(dim).map(nearest).collect()
}

/// A graph of the rows, their numbers being its ids, and how many were linked in a second.
fn build(base: &[f32], dim: usize, coarse: bool) -> (Graph, f64) {
    let encoding = Encoding::Q8;
    let graph = Graph::new(Params { dim, m: M, ef_construction: 200, encoding, metric: Metric::Cosine, coarse });
    let (mut scratch, begin) = (Scratch::default(), seconds());
    for (row, vector) in base.chunks_exact(dim).enumerate() {
        assert_eq!(graph.add(Vector::Floats(vector), hash(row)), NodeId(row as u32));
        while graph.tail_len() > 1000 && graph.link_next(&mut scratch) {}
    }
    while graph.link_next(&mut scratch) {}
    let rate = graph.len() as f64 / (seconds() - begin);
    (graph, rate)
}

/// How many vectors are restored in a second, with their links.
fn restored(graph: &Graph) -> f64 {
    let begin = seconds();
    let mut restore = Restore::new(*graph.params(), graph.len() as u64);
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    let guard = pin();
    for id in graph.ids() {
        let vector = Vector::Stored { code: graph.code(id, &guard), l2: graph.l2(id), range: graph.range_of(id) };
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
    let search = Search { k: K, ef, ..Search::default() };
    let begin = seconds();
    for (query, truth) in queries.iter().zip(truth) {
        graph.search(query, &search, scratch, &mut hits).expect("nobody cancels");
        found += hits.iter().filter(|hit| truth.contains(&hit.id.0)).count();
    }
    Point { recall: found as f64 / (truth.len() * K) as f64, seconds: seconds() - begin }
}

/// Queries per second at a recall, between the two points around it.
fn rate_at(points: &[Point], queries: usize, recall: f64) -> Option<f64> {
    let rate = |point: &Point| queries as f64 / point.seconds;
    let at = points.iter().position(|point| point.recall >= recall)?;
    let (Some(low), high) = (points[..at].last(), &points[at]) else { return Some(rate(&points[at])) };
    Some(rate(low) + (rate(high) - rate(low)) * (recall - low.recall) / (high.recall - low.recall))
}

fn run(base: &[f32], queries: &[f32], dim: usize, truth: &[Vec<u32>], rounds: usize) {
    let built = [false, true].map(|coarse| build(base, dim, coarse));
    let loads: [f64; 2] = std::array::from_fn(|i| restored(&built[i].0));
    let bytes = [0, 1].map(|i| built[i].0.memory_usage() as f64 / built[i].0.len() as f64);
    println!("{} rows of {dim} components: Q8 alone, with a coarse code", base.len() / dim);
    println!("    bytes a vector {:.0}, {:.0}: {:.3}", bytes[0], bytes[1], bytes[1] / bytes[0]);
    println!("    built per second {:.0}, {:.0}: {:.2}", built[0].1, built[1].1, built[1].1 / built[0].1);
    println!("    restored per second {:.0}, {:.0}: {:.2}", loads[0], loads[1], loads[1] / loads[0]);
    let encoded: Vec<Query> = queries.chunks_exact(dim).map(|query| built[0].0.query(Vector::Floats(query))).collect();
    let mut points = [[Point { recall: 0.0, seconds: f64::MAX }; SWEEP.len()]; 2];
    let mut scratch = Scratch::default();
    for _ in 0..rounds {
        for (i, ef) in SWEEP.into_iter().enumerate() {
            for (points, (graph, _)) in points.iter_mut().zip(&built) {
                let point = round(graph, &encoded, truth, ef, &mut scratch);
                points[i] = Point { seconds: point.seconds.min(points[i].seconds), ..point };
            }
        }
    }
    for (i, ef) in SWEEP.iter().enumerate() {
        let [(alone, plain), (coarse, rate)] =
            [0, 1].map(|of| (points[of][i].recall, encoded.len() as f64 / points[of][i].seconds));
        println!("    EF {ef:3}: recall@10 {alone:.4}, {coarse:.4}  q/s {plain:.0}, {rate:.0}: {:.2}", rate / plain);
    }
    for recall in [0.95, 0.97, 0.98, 0.99] {
        if let [Some(plain), Some(rate)] = [0, 1].map(|of| rate_at(&points[of], encoded.len(), recall)) {
            println!("    at recall@10 {recall}: {plain:.0}, {rate:.0}: {:.2}", rate / plain);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = |(at, _)| arguments.get(at + 1).and_then(|x: &String| x.parse::<usize>().ok()).expect("a number");
        arguments.iter().enumerate().filter(|(_, word)| *word == name).map(at).collect::<Vec<usize>>()
    };
    let [base, dim, queries] = &arguments[..3] else { panic!("BASE DIM QUERIES") };
    let dim = dim.parse().expect("a dimension");
    let (mut base, queries) = (floats(base), floats(queries));
    repeated(&mut base, dim, number("--times").pop().unwrap_or(1));
    let rounds = number("--rounds").pop().unwrap_or(3);
    let truth = truth(&base, &queries, dim);
    let wide = number("--wide");
    if wide.is_empty() {
        run(&base, &queries, dim, &truth, rounds);
    }
    for wide in wide {
        run(&widened(&base, dim, wide), &widened(&queries, dim, wide), wide, &truth, rounds);
    }
}
