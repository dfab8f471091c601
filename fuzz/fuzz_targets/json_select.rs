//! Pairs of document and path, made from the bytes: the same answer as the naive evaluator's.
#![no_main]

#[path = "../../tests/json_model/mod.rs"]
mod json_model;

use libfuzzer_sys::fuzz_target;
use nearset::json::{Document, Error, Path};

fuzz_target!(|bytes: &[u8]| {
    let mut choices = json_model::Choices(bytes);
    let value = choices.document(3);
    let segments = choices.path(2);
    let document = Document::parse(value.to_string().as_bytes()).expect("is JSON");
    let path = Path::parse(format!("${}", json_model::text(&segments)).as_bytes()).expect("is a path");
    let expected: Vec<String> =
        json_model::evaluate(&value, &value, &segments).into_iter().map(|value| value.to_string()).collect();
    match path.matches(document.root()) {
        Err(Error::PathTooCostly) => {}
        matches => {
            let matches = matches.expect("no other error");
            let ours: Vec<serde_json::Value> = matches
                .into_iter()
                .map(|value| serde_json::from_slice(&Document::copy_of(value).to_text()).expect("is JSON"))
                .collect();
            assert_eq!(ours.into_iter().map(|value| value.to_string()).collect::<Vec<_>>(), expected);
        }
    }
});
