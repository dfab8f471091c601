//! JSONPath against a naive evaluator and, for what both understand, against `serde_json_path`.

mod json_model;

use nearset::json::{Document, Path};
use proptest::prelude::*;
use serde_json::Value;

/// The matches of a path here, as texts.
fn ours(document: &Document, path: &str) -> Vec<Value> {
    let path = Path::parse(path.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"));
    let texts = path.matches(document.root()).unwrap().into_iter().map(|value| Document::copy_of(value).to_text());
    texts.map(|text| serde_json::from_slice(&text).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn paths_select_what_the_naive_evaluator_selects(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let mut choices = json_model::Choices(&bytes);
        let value = choices.document(3);
        let segments = choices.path(2);
        let text = format!("${}", json_model::text(&segments));
        let document = Document::parse(value.to_string().as_bytes()).unwrap();
        let expected: Vec<Value> = json_model::evaluate(&value, &value, &segments).into_iter().cloned().collect();
        prop_assert_eq!(ours(&document, &text), expected, "{} of {}", text, value);
        // Each place leads to what the path selects.
        for place in Path::parse(text.as_bytes()).unwrap().locations(document.root()).unwrap() {
            let found = document.at(&place).unwrap();
            prop_assert!(ours(&document, &text).contains(&serde_json::from_slice(&Document::copy_of(found).to_text()).unwrap()));
        }
    }

    #[test]
    fn paths_select_what_serde_json_path_selects(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let mut choices = json_model::Choices(&bytes);
        let value = choices.document(3);
        let text = format!("${}", json_model::text(&choices.path(2)));
        // It compares integers as doubles, so those beyond 2^53 are left out.
        prop_assume!(!text.contains("1844674407370955") && !value.to_string().contains("1844674407370955"));
        if let Ok(path) = serde_json_path::JsonPath::parse(&text) {
            let document = Document::parse(value.to_string().as_bytes()).unwrap();
            let theirs: Vec<Value> = path.query(&value).all().into_iter().cloned().collect();
            prop_assert_eq!(ours(&document, &text), theirs, "{} of {}", text, value);
        }
    }

    #[test]
    fn any_bytes_are_a_path_or_an_error_in_it(bytes: Vec<u8>, text in "[$@.\\[\\]?()a-c0-9*:,'\"=!<>~&| \\\\-]{0,30}") {
        let document = Document::parse(br#"{"a":[1,{"b":"c"},[2,3]],"b":{"a":null}}"#).unwrap();
        for path in [bytes.as_slice(), text.as_bytes()] {
            match Path::parse(path) {
                Ok(path) => drop(path.matches(document.root())),
                Err(nearset::json::Error::Path(malformed)) => prop_assert!(malformed.position <= malformed.path.len()),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
