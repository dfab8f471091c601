#![no_main]
//! Any text is a query or an error, in every dialect; its tree can be shown. The first byte chooses the dialect.

use libfuzzer_sys::fuzz_target;
use nearset::search::analysis::{Stemmer, StopWords};
use nearset::search::arguments::Words;
use nearset::search::query::{self, Context, Params};
use nearset::search::schema::{self, FieldMask, Language};

const SCHEMA: &str = "SCHEMA t TEXT ws TEXT WITHSUFFIXTRIE te TEXT INDEXEMPTY tg TAG tm TAG INDEXMISSING n NUMERIC g GEO \
    v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";
const PARAMS: [&str; 7] = ["6", "p", "foo", "k", "5", "b", "12345678"];

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let schema = schema::create(b"i", SCHEMA.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes)).unwrap();
    let stemmer = Stemmer::new(Language::English);
    let context = Context {
        schema: &schema,
        stop_words: &StopWords::default(),
        stemmer: Some(&stemmer),
        expansions: Default::default(),
        params: &Params::read(&mut Words::new(PARAMS.map(str::as_bytes))).unwrap(),
        dialect: 1 + first % 4,
        in_fields: FieldMask::ALL,
    };
    if let Ok(tree) = query::parse(text, &context) {
        query::explain(&tree, &schema);
    }
});
