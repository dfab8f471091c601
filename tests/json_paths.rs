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

/// Where `serde_json_path` is at odds with RFC 9535 §2.3.5.3: a path without match equals a null there, and is not <= another
/// without; booleans are ordered; and a negative index in a filter is another element's.
fn beyond_serde_json_path(path: &str) -> bool {
    let second_path = ["= @", "= $", "< @", "< $", "> @", "> $"];
    let ordered = ["> true", "> false", "< true", "< false", ">= true", ">= false", "<= true", "<= false"];
    let orders = ["true >", "false >", "true <", "false <"];
    let from_the_end = path.split_once('?').is_some_and(|(_, filter)| filter.contains("[-"));
    from_the_end || second_path.iter().chain(&ordered).chain(&orders).any(|part| path.contains(part))
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
        if text.contains("1844674407370955") || value.to_string().contains("1844674407370955") {
            return Ok(());
        }
        if beyond_serde_json_path(&text) {
            return Ok(());
        }
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
