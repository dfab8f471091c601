//! What the vector set's own parts cost, without a server: `vset [elements] [dim]`.
//!
//! Prints, for random vectors with names and attributes: nanoseconds of the writing thread per addition, per evaluation of a
//! filter, per element saved and loaded and copied; bytes per element by part. Linking is not the writing thread's and is
//! left to two others.

mod clock;

use std::hint::black_box;

use clock::processor_time;
use nearset::vset::attributes::Attributes;
use nearset::vset::encoding::Format;
use nearset::vset::random::Rng;
use nearset::vset::{Add, Filter, Quantization, VectorSet};

fn each(what: &str, count: usize, since: u64) {
    println!("{what:44} {:10.0} ns", (processor_time() - since) as f64 / count as f64);
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse().expect("a number"));
    let (count, dim) = (args.next().unwrap_or(50_000usize), args.next().unwrap_or(50usize));
    let mut rng = Rng::seeded(1);
    let mut vector: Vec<f32> = vec![0.0; dim];
    let attributes = |n: usize| format!(r#"{{"year": {}, "genre": "action", "rating": {}.5}}"#, 1900 + n % 120, n % 10);
    filters(&attributes(77));

    let zeros = vector.clone();
    let add = Add {
        element: b"",
        vector: &zeros,
        reduce: None,
        quantization: Quantization::Q8,
        m: 16,
        ef: 200,
        attributes: None,
        coarse_dim: 768,
    };
    let set = VectorSet::new(&add).expect("a set");
    let mut adding = Vec::with_capacity(count);
    std::thread::scope(|scope| {
        for n in 0..count {
            vector.iter_mut().for_each(|x| *x = (rng.below(20_001) as f32 - 10_000.0) / 10_000.0);
            let (name, attributes) = (format!("element:{:08}", n * 7919 % 99_999_989), attributes(n));
            let (element, attributes) = (name.as_bytes(), Some(attributes.as_bytes()));
            let begin = std::time::Instant::now();
            set.add(&Add { element, vector: &vector, attributes, ..add }).expect("adds");
            adding.push(begin.elapsed().as_nanos() as u64);
            if n % 4096 == 4095 || n + 1 == count {
                let helper = scope.spawn(|| while set.work() {});
                while set.work() {}
                helper.join().expect("links");
            }
        }
    });
    adding.sort_unstable();
    println!("{:44} {:10.0} ns (99 %: {})", "add, median", adding[count / 2], adding[count / 100 * 99]);
    println!("{:44} {:10.0} bytes", "whole", set.memory_usage() as f64 / count as f64);
    for (part, bytes) in set.memory_by_part() {
        println!("{part:44} {:10.1} bytes", bytes as f64 / count as f64);
    }
    let mut loaded = set;
    for format in [Format::Redis, Format::Compact] {
        let mut bytes = Vec::new();
        let begin = processor_time();
        loaded.encode(&mut bytes, format);
        each(&format!("encode, {format:?}"), count, begin);
        println!("{:44} {:10.0} bytes", "encoding", bytes.len() as f64 / count as f64);
        let begin = processor_time();
        loaded = VectorSet::decode(&mut &bytes[..], 0, 768).expect("loads");
        each(&format!("decode, {format:?}"), count, begin);
    }
    let begin = processor_time();
    let copy = loaded.copy();
    each("copy", count, begin);
    assert_eq!(copy.card(), count);
}

fn filters(attributes: &str) {
    let blob = Attributes::encode(attributes.as_bytes());
    println!("{attributes}: {} bytes beside it", blob.len() - attributes.len());
    const TIMES: usize = 300_000;
    for expression in
        [".year >= 1950", ".rating > 7 and .genre == \"action\"", ".year in [1999, 2000, 2001] or .rating > 9"]
    {
        let filter = Filter::compile(expression.as_bytes()).expect("compiles");
        let begin = processor_time();
        for _ in 0..TIMES {
            black_box(filter.matches(Attributes::of(black_box(&blob))));
        }
        each(expression, TIMES, begin);
    }
}
