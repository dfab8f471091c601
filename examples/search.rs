//! Measures the search engine alone, without a server: indexing, queries of each kind, memory.
//!
//! ```text
//! search ROWS VECTORS DIM [COUNT]
//! ```
//!
//! `ROWS` is JSON lines with `lemma`, `pos`, `lexfile`, `gloss`, `rnd` (0..999); `VECTORS` as many rows of `DIM` little-endian
//! float16, normalised here. `COUNT` rows are indexed as hashes; queries
//! take the vectors of 100 others. Prints a
//! line a measurement: microseconds a query (for KNN the median), how many documents match, and for KNN the recall against an
//! exact scan.

use nearset::search::analysis::{Language, Stemmer, StopWords};
use nearset::search::arguments::Words;
use nearset::search::document::{Raw, RawDocument};
use nearset::search::execute::{Found, Order, Request, execute};
use nearset::search::fields::vector::Ruler;
use nearset::search::index::{Change, Index, Values};
use nearset::search::query::ast::{HybridPolicy, Kind, Node, VectorOptions};
use nearset::search::query::{Context, Params, parse};
use nearset::search::schema::{self, FieldMask};
use nearset::vector::Scratch;
use nearset::watch::Watch;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

/// How often a query is timed.
const REPEATS: usize = 200;

fn vectors(path: &str, dim: usize) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).expect("the file of vectors");
    let halves: Vec<f32> = bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    let normalised = halves.chunks_exact(dim).map(|row| {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter().flat_map(|x| (x / norm).to_le_bytes()).collect()
    });
    normalised.collect()
}

fn changes(path: &str, skip: usize, vectors: &[Vec<u8>], count: usize) -> Vec<Change> {
    let text = fs::read_to_string(path).expect("the file of rows");
    let of_row = |(n, line): (usize, &str)| {
        let row: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        let field = |name: &str| match &row[name] {
            serde_json::Value::String(text) => Raw::Hash(text.as_bytes().into()),
            other => Raw::Hash(other.to_string().into_bytes().into()),
        };
        let mut fields: Vec<Raw> = ["gloss", "lemma", "pos", "lexfile", "rnd"].map(field).into();
        fields.push(Raw::Hash(vectors[n].clone().into()));
        let document = Some(RawDocument { fields, ..RawDocument::default() });
        Change { key: format!("wn:{n}").into_bytes().into(), document }
    };
    text.lines().skip(skip).take(count).enumerate().map(of_row).collect()
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

struct Bench<'a> {
    index: &'a Index,
    /// Those of the documents, in the order of their keys' numbers.
    vectors: &'a [Vec<u8>],
    vector: &'a [u8],
}

impl Bench<'_> {
    fn tree(&self, text: &str, vector: &[u8]) -> Node {
        let (stop_words, stemmer) = (StopWords::default(), Stemmer::new(Language::English));
        let params = Params::read(&mut Words::new([&b"2"[..], b"b", vector])).expect("parameters");
        let context = Context {
            schema: self.index.schema(),
            stop_words: &stop_words,
            stemmer: Some(&stemmer),
            expansions: Default::default(),
            params: &params,
            dialect: 2,
            in_fields: FieldMask::ALL,
        };
        parse(text.as_bytes(), &context).expect(text)
    }

    fn query(&self, text: &str, order: Order) {
        let root = self.tree(text, self.vector);
        let start = Instant::now();
        let mut total = 0;
        for _ in 0..REPEATS {
            total = execute(self.index, &Request { order, ..Request::new(&root) }).total;
        }
        println!("{:9.1} µs  {total:6} found  {text}", millis(start) * 1e3 / REPEATS as f64);
    }

    /// The rows of KNN, measured where they were found by codes.
    fn nearest(&self, root: &Node, vector: &[u8]) -> Found {
        let mut found = execute(self.index, &Request::new(root));
        let mut ruler = self.index.schema().fields.iter().find_map(|field| match &field.kind {
            schema::Kind::Vector(field) => Ruler::new(field, vector),
            _ => None,
        });
        let mut distance = |key: &[u8]| {
            let number: usize = std::str::from_utf8(key.strip_prefix(b"wn:")?).ok()?.parse().ok()?;
            ruler.as_mut()?.distance(&self.vectors[number])
        };
        let measure = &mut |keys: &[&[u8]]| -> Vec<Option<f64>> { keys.iter().map(|key| distance(key)).collect() };
        found.settle(Order::Best, (0, usize::MAX), 1, measure, &Watch::default());
        found
    }

    /// KNN over several vectors: the median of their times, and the recall.
    fn knn(&self, filter: &str, ef: usize, queries: &[Vec<u8>]) {
        let text = format!("{filter}=>[KNN 10 @v $b EF_RUNTIME {ef}]");
        let mut trees: Vec<Node> = queries.iter().map(|vector| self.tree(&text, vector)).collect();
        let timed = |(root, vector): (&Node, &Vec<u8>)| {
            let start = Instant::now();
            let found = self.nearest(root, vector);
            (millis(start) * 1e3, found)
        };
        let (mut times, answers): (Vec<f64>, Vec<_>) = trees.iter().zip(queries).map(timed).unzip();
        times.sort_by(f64::total_cmp);
        let (mut hit, mut wanted) = (0, 0);
        for ((root, vector), found) in trees.iter_mut().zip(queries).zip(answers) {
            let Kind::Knn(knn) = &mut root.kind else { continue };
            // Filtered by everything, so that the exact policy applies.
            knn.filter.get_or_insert_with(|| Box::new(Node::new(Kind::Not(Box::new(Node::new(Kind::Empty))))));
            knn.options =
                VectorOptions { hybrid_policy: Some(HybridPolicy::AdhocBruteForce), ..VectorOptions::default() };
            let exact = self.nearest(root, vector);
            wanted += exact.rows.len();
            hit += exact.rows.iter().filter(|row| found.rows.iter().any(|other| other.doc == row.doc)).count();
        }
        let recall = hit as f64 / wanted.max(1) as f64;
        println!("{:9.1} µs  recall {recall:.4}  {text}", times[times.len() / 2]);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, rows, file, dim, rest @ ..] = &args[..] else {
        eprintln!("usage: search ROWS VECTORS DIM [COUNT]");
        std::process::exit(2);
    };
    let dim: usize = dim.parse().expect("DIM");
    let count = rest.first().map_or(usize::MAX, |count| count.parse().expect("COUNT"));
    let vectors = vectors(file, dim);
    let (queries, indexed) = vectors.split_at(100);
    let words = format!(
        "SCHEMA gloss TEXT lemma TEXT WEIGHT 2 pos TAG lexfile TAG rnd NUMERIC v VECTOR HNSW 8 TYPE FLOAT32 DIM {dim} \
         DISTANCE_METRIC COSINE M 16"
    );
    let schema = Arc::new(schema::create(b"wn", words.split_whitespace().map(str::as_bytes)).expect("a schema"));
    let changes = changes(rows, queries.len(), indexed, count.min(indexed.len()));

    let mut index = Index::new(schema);
    let start = Instant::now();
    changes.iter().for_each(|change| assert!(index.apply(change)));
    println!("{:9.1} ms  to apply {} documents", millis(start), changes.len());
    let start = Instant::now();
    for field in index.fields() {
        if let Values::Vector(vectors) = &field.values
            && let Some(graph) = vectors.graph()
        {
            let mut scratch = Scratch::default();
            while graph.link_next(&mut scratch) {}
        }
    }
    println!("{:9.1} ms  to link them, one thread", millis(start));
    let start = Instant::now();
    changes.iter().for_each(|change| assert!(index.apply(change)));
    println!("{:9.1} ms  to apply them again, unchanged", millis(start));
    println!("{:#?}", index.info());
    let start = Instant::now();
    let mut saved = Vec::new();
    index.encode_graphs(&mut saved);
    println!("{:9.1} ms  to save the graph, {} bytes a vector", millis(start), saved.len() / changes.len());

    let bench = Bench { index: &index, vectors: indexed, vector: &queries[0] };
    for text in [
        "water",
        "body water",
        "\"body of water\"",
        "plant | animal",
        "@lemma:dog",
        "wat*",
        "%watr%",
        "*ter",
        "water -animal",
        "@pos:{n}",
        "@lexfile:{noun.time}",
        "@rnd:[0 99]",
        "@rnd:[0 499] @pos:{n}",
        "water @rnd:[0 499] @pos:{n}",
        "*",
    ] {
        bench.query(text, Order::Best);
    }
    let rnd = index.schema().find(b"rnd").expect("a field");
    bench.query("@pos:{n}", Order::Field { field: rnd, descending: true });
    bench.query("*=>[KNN 100 @v $b]", Order::Best);
    bench.query("@v:[VECTOR_RANGE 0.4 $b]", Order::Best);
    for ef in [10, 50, 100, 200] {
        bench.knn("*", ef, queries);
    }
    for filter in ["@rnd:[0 499]", "@rnd:[0 99]", "@rnd:[0 9]", "@rnd:[0 0]", "@gloss:water"] {
        bench.knn(&format!("({filter})"), 100, queries);
    }
    let start = Instant::now();
    for change in &changes {
        index.apply(&Change { key: change.key.clone(), document: None });
    }
    println!("{:9.1} ms  to delete all; {} bytes are left", millis(start), index.info().total());
}
