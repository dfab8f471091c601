//! Shows how queries are read: what FT.EXPLAIN answers, without a server.
//!
//! Reads a JSON object a line, `{"schema": [word, …], "query": text, "dialect": n, "params": [word, …]}`, where `schema`
//! is what follows the name in FT.CREATE and `params` what follows PARAMS and its count; writes `{"tree": text}` or
//! `{"error": text}` a line. `tests/differential/explain.py` compares these with a server's.

use std::io::{BufRead, Write};

use nearset::error;
use nearset::search::analysis::{Stemmer, StopWords};
use nearset::search::arguments::Words;
use nearset::search::query::{self, Context, Params};
use nearset::search::schema::{self, FieldMask};
use serde_json::{Value, json};

fn words(value: &Value) -> Vec<&[u8]> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::as_bytes).collect()
}

fn explain(input: &Value) -> Result<Vec<u8>, error::Error> {
    let schema = schema::create(b"index", words(&input["schema"]))
        .map_err(|fact| error::search::definition("FT.CREATE", &fact))?;
    let stop_words = StopWords::of(schema.stop_words.as_ref());
    let stemmer = Stemmer::new(schema.language.unwrap_or_default());
    let given = words(&input["params"]);
    let count = given.len().to_string();
    let params = match given.len() {
        0 => Ok(Params::default()),
        _ => Params::read(&mut Words::new(std::iter::once(count.as_bytes()).chain(given))),
    };
    let context = Context {
        schema: &schema,
        stop_words: &stop_words,
        stemmer: Some(&stemmer),
        expansions: Default::default(),
        params: &params.map_err(|fact| error::search::query(&fact))?,
        dialect: input["dialect"].as_u64().and_then(|dialect| u8::try_from(dialect).ok()).unwrap_or(2),
        in_fields: FieldMask::ALL,
    };
    let text = input["query"].as_str().unwrap_or_default();
    let read = if input["bind"] == true { query::parse } else { query::parse_unbound };
    let tree = read(text.as_bytes(), &context).map_err(|fact| error::search::query(&fact))?;
    Ok(query::explain(&tree, &schema))
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let input: Value = serde_json::from_str(&line?)?;
        let answer = match explain(&input) {
            Ok(tree) => json!({ "tree": String::from_utf8_lossy(&tree) }),
            Err(error) => json!({ "error": String::from_utf8_lossy(error.text()) }),
        };
        writeln!(out, "{answer}")?;
    }
    out.flush()
}
