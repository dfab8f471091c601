//! Scores and their order, from text to rows, beside what RediSearch 2.10.5 answers (`data/search_scores.tsv`).

use nearset::search::analysis::{Language, Stemmer, StopWords};
use nearset::search::document::{Raw, RawDocument};
use nearset::search::execute::{Request, execute};
use nearset::search::index::{Change, Index};
use nearset::search::query::{Context, Params, parse};
use nearset::search::schema::{self, FieldMask};
use nearset::search::score::Scorer;
use std::sync::Arc;

/// Fields a, b, c, t, n and the score.
const DOCUMENTS: [[Option<&str>; 6]; 8] = [
    [Some("hello world"), Some("foo bar"), None, Some("x"), Some("1"), None],
    [Some("hello hello there brave world"), Some("hello"), None, Some("x,y"), Some("2"), None],
    [Some("running dogs run far"), Some("dogs"), None, Some("y"), Some("3"), None],
    [Some("world"), Some("hello"), Some("zed zed"), Some("y"), Some("3"), None],
    [Some("pp zz zz zz zz qq ss"), None, None, None, Some("9"), Some("0.5")],
    [Some("pp zz zz zz zz qq ss zz zz pp"), None, None, None, None, Some("3")],
    [Some("ss zz qq zz zz zz pp qq"), None, None, Some("rare"), None, Some("0.1")],
    [Some("alpha beta gamma delta"), Some("epsilon dogs"), None, None, None, None],
];

fn index() -> Index {
    let words = "SCORE_FIELD sc SCHEMA a TEXT b TEXT WEIGHT 2.7 c TEXT WEIGHT 0.5 NOSTEM t TAG n NUMERIC";
    let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema");
    let mut index = Index::new(Arc::new(schema));
    for (n, document) in DOCUMENTS.iter().enumerate() {
        let bytes = |text: &str| -> Box<[u8]> { text.as_bytes().into() };
        let fields = document[..5].iter().map(|text| text.map_or(Raw::Absent, |text| Raw::Hash(bytes(text)))).collect();
        let document = RawDocument { fields, score: document[5].map(bytes), ..RawDocument::default() };
        assert!(index.apply(&Change { key: bytes(&n.to_string()), document: Some(document) }));
    }
    index
}

#[test]
fn scores_and_their_order_are_those_of_the_peer() {
    let index = index();
    let (stop_words, params) = (StopWords::default(), Params::default());
    let stemmer = Stemmer::new(Language::English);
    let context = Context {
        schema: index.schema(),
        stop_words: &stop_words,
        stemmer: Some(&stemmer),
        expansions: Default::default(),
        params: &params,
        dialect: 2,
        in_fields: FieldMask::ALL,
    };
    for line in include_str!("data/search_scores.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (scorer, query) = (columns.next().unwrap(), columns.next().unwrap());
        let expected: Vec<(String, f64)> = columns
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|row| row.split_once('=').expect("key=score"))
            .map(|(key, score)| (key.to_owned(), score.parse().expect("a score")))
            .collect();
        let root = parse(query.as_bytes(), &context).expect(query);
        let scorer = Scorer::named(scorer.as_bytes()).expect("a scorer");
        let request = Request { scorer, scores: true, limit: 20, ..Request::new(&root) };
        let found = execute(&index, &request);
        let rows: Vec<(String, f64)> =
            found.rows.iter().map(|row| (String::from_utf8_lossy(&row.key).into_owned(), row.score)).collect();
        assert_eq!(found.total as usize, expected.len(), "{line}");
        assert_eq!(rows.len(), expected.len(), "{line}");
        for ((key, score), (expected_key, expected_score)) in rows.iter().zip(&expected) {
            assert_eq!(key, expected_key, "{line}\n{rows:?}");
            // The peer adds the clauses of a union in an order of its own, which can change the last bit.
            assert!((score - expected_score).abs() <= expected_score.abs() * 4.0 * f64::EPSILON, "{line}\n{rows:?}");
        }
    }
}
