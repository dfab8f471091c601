//! The data, the graph, and the rounds in which all are measured in turn.

use nearset::vector::{Encoding, Flat, Graph, Metric, NodeId, Params, Scratch, Search, Vector, pin};

use crate::clock::processor_time;
use crate::codes::{Rotation, normalized};
use crate::rows::{floats, hash};
use crate::walk::{Index, K, Links, M, Work};

const SWEEP: [usize; 8] = [16, 24, 32, 48, 64, 100, 160, 240];

/// Seconds that this thread has run.
fn seconds() -> f64 {
    processor_time() as f64 / 1e9
}

/// The graph that the engine builds with these codes.
fn links(base: &[f32], dim: usize, encoding: Encoding) -> Links {
    let graph = Graph::new(Params { dim, m: M, ef_construction: 200, encoding, metric: Metric::Cosine });
    let (mut scratch, begin) = (Scratch::default(), seconds());
    let rotation = Rotation::new(dim);
    let mut ids = Vec::new();
    for (row, vector) in base.chunks_exact(dim).enumerate() {
        let mut vector = vector.to_vec();
        if encoding == Encoding::Bin {
            rotation.apply(&mut vector);
        }
        ids.push(graph.add(Vector::Floats(&vector), hash(row)));
        while graph.tail_len() > 1000 && graph.link_next(&mut scratch) {}
    }
    while graph.link_next(&mut scratch) {}
    println!("{} rows, built by {encoding:?} at {:.0}/s", ids.len(), ids.len() as f64 / (seconds() - begin));
    let _guard = pin();
    assert!(ids.iter().enumerate().all(|(row, id)| id.0 as usize == row), "ids in the order of rows");
    let top = ids.iter().map(|&id| graph.level_of(id)).max().expect("rows");
    let near = |id: NodeId, level: u8| graph.neighbors(id, level).iter().map(|hit| hit.id.0).collect();
    let level = |level: u8| {
        let at = |id: &NodeId| if graph.level_of(*id) >= level { near(*id, level) } else { Vec::new() };
        ids.iter().map(at).collect()
    };
    let entry = ids.iter().find(|&&id| graph.level_of(id) == top).expect("one is the highest").0;
    Links { levels: (0..=top).map(level).collect(), entry }
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

fn widened(rows: &[f32], dim: usize, wide: usize) -> Vec<f32> {
    let rotation = Rotation::new(wide);
    let mut out = Vec::with_capacity(rows.len() / dim * wide);
    for row in rows.chunks_exact(dim) {
        let at = out.len();
        out.extend_from_slice(row);
        out.resize(at + wide, 0.0);
        rotation.apply(&mut out[at..]);
    }
    out
}

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

#[derive(Clone, Copy)]
struct Point {
    recall: f64,
    seconds: f64,
    compared: [usize; 2],
}

/// All queries once; encoding them is part of the time.
fn round(index: &Index, links: &Links, queries: &[f32], truth: &[Vec<u32>], ef: usize, work: &mut Work) -> Point {
    let (mut out, mut found) = (Vec::new(), 0);
    work.compared = [0; 2];
    let begin = seconds();
    for (query, truth) in queries.chunks_exact(index.dim).zip(truth) {
        let query = index.query(query);
        // SAFETY: `run` has looked the features up.
        unsafe {
            match index.bits {
                8 => index.search::<8>(links, &query, ef, work, &mut out),
                4 => index.search::<4>(links, &query, ef, work, &mut out),
                2 => index.search::<2>(links, &query, ef, work, &mut out),
                _ => index.search::<1>(links, &query, ef, work, &mut out),
            }
        }
        found += out.iter().filter(|row| truth.contains(row)).count();
    }
    let compared = work.compared.map(|compared| compared / truth.len());
    Point { recall: found as f64 / (truth.len() * K) as f64, seconds: seconds() - begin, compared }
}

/// Queries per second at a recall, between the two points around it.
fn rate_at(points: &[Point], queries: usize, recall: f64) -> Option<f64> {
    let rate = |point: &Point| queries as f64 / point.seconds;
    let at = points.iter().position(|point| point.recall >= recall)?;
    let (Some(low), high) = (points[..at].last(), &points[at]) else { return Some(rate(&points[at])) };
    Some(rate(low) + (rate(high) - rate(low)) * (recall - low.recall) / (high.recall - low.recall))
}

fn print(index: &Index, points: &[Point], plain: &[Point], queries: usize) {
    println!("{:2}: {} bytes a vector", index.name, index.bytes());
    for (ef, point) in SWEEP.iter().zip(points) {
        let ([walk, rank], rate) = (point.compared, queries as f64 / point.seconds);
        println!("    ef {ef:3}: recall@10 {:.4}  {rate:.0} q/s  compared {walk} + {rank}", point.recall);
    }
    for recall in [0.95, 0.97, 0.98, 0.99] {
        if let (Some(got), Some(plain)) = (rate_at(points, queries, recall), rate_at(plain, queries, recall)) {
            println!("    at {recall}: {got:.0} q/s, {:.2} of int8 alone", got / plain);
        }
    }
}

pub(crate) fn run() {
    assert!(is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw"), "a processor with VNNI");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).map(|at| arguments[at + 1].as_str());
    let number = |name: &str, default: usize| option(name).map_or(default, |x| x.parse().expect("a number"));
    let [base, dim, queries] = &arguments[..3] else { panic!("BASE DIM QUERIES") };
    let mut dim: usize = dim.parse().expect("a dimension");
    let (mut base, mut queries) = (floats(base), floats(queries));
    repeated(&mut base, dim, number("--times", 1));
    let wide = number("--wide", dim);
    if wide != dim {
        (base, queries, dim) = (widened(&base, dim, wide), widened(&queries, dim, wide), wide);
    }
    assert!(dim.is_multiple_of(128), "a multiple of 128 components");
    let truth = truth(&base, &queries, dim);
    let links = links(&base, dim, if option("--built") == Some("bin") { Encoding::Bin } else { Encoding::Q8 });
    let indexes = ["8", "4", "2", "1", "1?"].map(|name| Index::new(name, &base, dim, &links));
    let mut work = Work { visited: vec![0; base.len() / dim], ..Work::default() };
    let none = Point { recall: 0.0, seconds: f64::MAX, compared: [0; 2] };
    let mut points = [[none; SWEEP.len()]; 5];
    for _ in 0..number("--rounds", 5) {
        for (i, ef) in SWEEP.into_iter().enumerate() {
            for (points, index) in points.iter_mut().zip(&indexes) {
                let point = round(index, &links, &queries, &truth, ef, &mut work);
                points[i] = Point { seconds: point.seconds.min(points[i].seconds), ..point };
            }
        }
    }
    for (index, of) in indexes.iter().zip(&points) {
        print(index, of, &points[0], truth.len());
    }
}
