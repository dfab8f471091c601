//! What filters of a vector set cost by how many pass, without a server: on real vectors.
//!
//! ```text
//! cargo run --release --example filter_bench -- BASE DIM QUERIES [--rows N] [--asked N] [--rounds N] [--ef N] [--kept FILE]
//! ```
//!
//! `BASE` and `QUERIES` are rows of `DIM` little-endian floats (`.f16` or `.f32` by name). Prints, for each share of the
//! elements that pass: recall@10, results, the median of the microseconds of processor time that a search takes, and its
//! multiple of a search without filter; with an expression that was asked before, and with another one for each query. With
//! `--kept` the set is read from a file, or written to it where it is not there.
#![allow(missing_docs, clippy::print_stdout)]

mod clock;
mod rows;

use clock::processor_time;
use nearset::vset::encoding::Format;
use nearset::vset::{Add, Filter, Quantization, Query, Target, VectorSet};
use rows::{floats, hash};

const K: usize = 10;
const SHARES: [f64; 8] = [1.0, 0.5, 0.3, 0.1, 0.03, 0.01, 0.001, 0.0001];

struct Options {
    rows: usize,
    asked: usize,
    rounds: usize,
    ef: usize,
    kept: Option<String>,
}

/// What one share is measured with.
struct Share {
    part: f64,
    passing: usize,
    /// The nearest that pass, of each query.
    truth: Vec<Vec<usize>>,
    seen: Measured,
    unseen: Measured,
}

#[derive(Default)]
struct Measured {
    found: usize,
    results: usize,
    times: Vec<u64>,
}

impl Measured {
    fn p50(&mut self) -> f64 {
        self.times.sort_unstable();
        self.times[self.times.len() / 2] as f64 / 1e3
    }
}

fn options() -> (Vec<String>, Options) {
    let mut options = Options { rows: usize::MAX, asked: 300, rounds: 5, ef: 100, kept: None };
    let (mut files, mut args) = (Vec::new(), std::env::args().skip(1));
    while let Some(arg) = args.next() {
        let mut value = || args.next().expect("a value");
        match arg.as_str() {
            "--rows" => options.rows = value().parse().expect("a number"),
            "--asked" => options.asked = value().parse().expect("a number"),
            "--rounds" => options.rounds = value().parse().expect("a number"),
            "--ef" => options.ef = value().parse().expect("a number"),
            "--kept" => options.kept = Some(value()),
            _ => files.push(arg),
        }
    }
    (files, options)
}

/// A number for each row, each of 0, 1, … once, that has nothing to do with its vector.
fn ranks(rows: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|&row| hash(row + 1_000_000_007));
    let mut ranks = vec![0; rows];
    order.iter().enumerate().for_each(|(rank, &row)| ranks[row] = rank);
    ranks
}

fn build(base: &[f32], dim: usize, ranks: &[usize]) -> VectorSet {
    let add = Add {
        element: b"",
        vector: &base[..dim],
        reduce: None,
        quantization: Quantization::Q8,
        m: 16,
        ef: 200,
        attributes: None,
        coarse_dim: usize::MAX,
    };
    let set = VectorSet::new(&add).expect("a set");
    for (row, vector) in base.chunks_exact(dim).enumerate() {
        let (name, attributes) = (row.to_string(), format!(r#"{{"rank": {}}}"#, ranks[row]));
        let (element, attributes) = (name.as_bytes(), Some(attributes.as_bytes()));
        set.add(&Add { element, vector, attributes, ..add }).expect("adds");
        if row % 1000 == 999 {
            while set.work() {}
        }
    }
    set.link_all();
    set
}

fn kept(file: Option<&str>, build: impl FnOnce() -> VectorSet) -> VectorSet {
    if let Some(bytes) = file.and_then(|file| std::fs::read(file).ok()) {
        return VectorSet::decode(&mut &bytes[..], 0, usize::MAX).expect("a set");
    }
    let set = build();
    if let Some(file) = file {
        let mut bytes = Vec::new();
        set.encode(&mut bytes, Format::Redis);
        std::fs::write(file, bytes).expect("writes");
    }
    set
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn shares(base: &[f32], queries: &[f32], dim: usize, ranks: &[usize]) -> Vec<Share> {
    let norms: Vec<f32> = base.chunks_exact(dim).map(|row| dot(row, row).sqrt()).collect();
    let orders: Vec<Vec<usize>> = queries
        .chunks_exact(dim)
        .map(|query| {
            let near = |row: usize| dot(&base[row * dim..(row + 1) * dim], query) / norms[row];
            let mut order: Vec<(f32, usize)> = (0..ranks.len()).map(|row| (-near(row), row)).collect();
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            order.into_iter().map(|(_, row)| row).collect()
        })
        .collect();
    let share = |&part: &f64| {
        let passing = ((part * ranks.len() as f64).round() as usize).max(1);
        let truth = |order: &Vec<usize>| order.iter().copied().filter(|&row| ranks[row] < passing).take(K).collect();
        let truth = orders.iter().map(truth).collect();
        Share { part, passing, truth, seen: Measured::default(), unseen: Measured::default() }
    };
    SHARES.iter().map(share).collect()
}

/// Asks each query, with the filter that `filter` gives.
fn ask(
    set: &VectorSet,
    queries: &[Query],
    truth: &[Vec<usize>],
    filter: impl Fn() -> Option<String>,
    into: &mut Measured,
) {
    for (query, truth) in queries.iter().zip(truth) {
        let filter = filter().map(|text| Filter::compile(text.as_bytes()).expect("compiles"));
        let mut query = query.clone();
        query.filter = filter;
        let begin = processor_time();
        let rows: Vec<usize> = set.search(&query, |hits| {
            hits.iter()
                .map(|found| std::str::from_utf8(found.element).expect("a name").parse().expect("a row"))
                .collect()
        });
        into.times.push(processor_time() - begin);
        set.learn(&query, None);
        into.results += rows.len();
        into.found += rows.iter().filter(|row| truth.contains(row)).count();
    }
}

fn line(what: &str, share: &Share, measured: &mut Measured, unfiltered: f64) {
    let asked = measured.times.len();
    let p50 = measured.p50();
    let wanted = share.truth.iter().map(Vec::len).sum::<usize>() as f64 * (asked / share.truth.len()) as f64;
    println!(
        "{:>8} % {what:10} {:>8} pass  recall {:.4}  results {:5.2}  p50 {p50:7.1} us  {:5.2} x",
        share.part * 100.0,
        share.passing,
        measured.found as f64 / wanted,
        measured.results as f64 / asked as f64,
        p50 / unfiltered
    );
}

fn main() {
    let (files, options) = options();
    let [base, dim, queries] = &files[..] else { panic!("BASE DIM QUERIES") };
    let (mut base, dim, mut queries) = (floats(base), dim.parse().expect("a dimension"), floats(queries));
    base.truncate(options.rows.saturating_mul(dim));
    queries.truncate(options.asked * dim);
    let ranks = ranks(base.len() / dim);
    let set = kept(options.kept.as_deref(), || build(&base, dim, &ranks));
    let mut shares = shares(&base, &queries, dim, &ranks);
    let query = |vector| {
        let mut query = set.query(Target::Vector(vector)).expect("a query");
        query.ef = options.ef;
        query
    };
    let queries: Vec<Query> = queries.chunks_exact(dim).map(query).collect();
    let never = std::cell::Cell::new(ranks.len());
    for round in 0..=options.rounds {
        for share in &mut shares {
            let Share { part, passing, truth, seen, unseen } = share;
            if round == 1 {
                // The first round warms up.
                (*seen, *unseen) = (Measured::default(), Measured::default());
            }
            let all = *part == 1.0;
            ask(&set, &queries, truth, || (!all).then(|| format!(".rank < {passing}")), seen);
            let other = || {
                never.set(never.get() + 1);
                Some(format!(".rank < {passing} and .rank != {}", never.get()))
            };
            if !all {
                ask(&set, &queries, truth, other, unseen);
            }
        }
    }
    let unfiltered = shares[0].seen.p50();
    for mut share in shares {
        let (mut seen, mut unseen) = (std::mem::take(&mut share.seen), std::mem::take(&mut share.unseen));
        line("seen", &share, &mut seen, unfiltered);
        if !unseen.times.is_empty() {
            line("never seen", &share, &mut unseen, unfiltered);
        }
    }
}
