//! JSONPath against a naive evaluator and, for what both understand, against `serde_json_path`.

mod json_model;

use nearset::json::{Document, Path, Query};
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

/// Paths that the grammar of RFC 9535 makes, paths that it does not make, and those beyond it that are taken here.
const GRAMMAR: &str = include_str!("data/json-path-grammar.json");

/// What the paths of the table are tried on.
const DOCUMENTS: [&str; 3] = [
    r#"{"":3,"a":[{"a":1,"b":2,"s":"foo"},{"a":"x","b":[1,"x"],"c":0},{"b":{"a":1}},[1,[2]],null],"b":[1,2],"s":"o\r","é":{"a":"'"}}"#,
    r#"[0,{"a":1,"b":1},{"a":-0.0},{"a":"ab","b":"cd","s":"foo"},[5,6,7],"a",{"a":null,"c":1},{"a":true},{"a":10},{"\"":2,"'":1}]"#,
    r#"[{"a":"a"},{"a":0.0015},{"a":100},{"a":0.5},{"a":"]"},{"a":"("},{"a":"\"\\"},{"a":false,"b":[{"a":1}]},{"a":{"a":1}}]"#,
];

#[test]
fn the_grammar_is_that_of_the_rfc_and_what_the_field_adds() {
    let table: Value = serde_json::from_str(GRAMMAR).unwrap();
    let paths = |kind: &str| -> Vec<String> { serde_json::from_value(table[kind].clone()).unwrap() };
    let taken = |path: &str| Path::parse(path.as_bytes()).is_ok_and(|path| !path.is_legacy());
    for path in paths("valid") {
        let theirs = serde_json_path::JsonPath::parse(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(taken(&path), "{path}: {:?}", Path::parse(path.as_bytes()));
        for text in DOCUMENTS {
            let value: Value = serde_json::from_str(text).unwrap();
            let theirs: Vec<Value> = theirs.query(&value).all().into_iter().cloned().collect();
            assert_eq!(ours(&Document::parse(text.as_bytes()).unwrap(), &path), theirs, "{path} of {text}");
        }
    }
    for path in paths("invalid") {
        assert!(serde_json_path::JsonPath::parse(&path).is_err(), "{path} is a path of the RFC");
        assert!(!taken(&path), "{path}");
    }
    for path in paths("beyond") {
        assert!(serde_json_path::JsonPath::parse(&path).is_err(), "{path} is a path of the RFC");
        assert!(taken(&path), "{path}: {:?}", Path::parse(path.as_bytes()));
    }
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
    fn any_bytes_are_a_path_or_an_error_in_it(bytes: Vec<u8>, text in "([$@.\\[\\]?()a-c0-9*:,'\"=!<>~&| \\\\+/%-]| in |length|[.]keys\\(\\)|size | \\+ ){0,30}") {
        let document = Document::parse(br#"{"a":[1,{"b":"c"},[2,3]],"b":{"a":null}}"#).unwrap();
        for path in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(query) = Query::parse(path) {
                drop(query.copies(document.root()));
            }
            match Path::parse(path) {
                Ok(path) => drop(path.matches(document.root())),
                Err(nearset::json::Error::Path(malformed)) => prop_assert!(malformed.position <= malformed.path.len()),
                Err(other) => assert!(other == nearset::json::Error::NotUtf8 && std::str::from_utf8(path).is_err(), "{other}"),
            }
        }
    }

    #[test]
    fn expressions_are_worked_out_as_arithmetic_is(sum in sums()) {
        let document = Document::parse(br#"{"a":7,"b":-3,"c":2.5,"z":0,"s":"x"}"#).unwrap();
        let expected = sum.value();
        let answers = Query::parse(format!("({})", sum.text()).as_bytes()).unwrap().copies(document.root()).unwrap();
        let numbers = answers.iter().filter_map(|answer| answer.root().as_number());
        let got: Vec<f64> = numbers.map(|number| number.as_f64()).collect();
        prop_assert_eq!(got.len(), usize::from(expected.is_some()), "{}", sum.text());
        if let (Some(expected), [got]) = (expected, got.as_slice()) {
            prop_assert!((expected - got).abs() <= 1e-9 * expected.abs().max(1.0), "{}: {} {}", sum.text(), expected, got);
        }
    }

    #[test]
    fn conditions_are_the_same_in_other_words(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let mut choices = json_model::Choices(&bytes);
        let value = choices.document(3);
        let path = json_model::text(&choices.path(1));
        let document = Document::parse(value.to_string().as_bytes()).unwrap();
        let answers = |text: String| {
            let query = Query::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
            query.copies(document.root()).unwrap().iter().map(Document::to_text).collect::<Vec<_>>()
        };
        prop_assert_eq!(answers(format!("$[?@{path}]")), answers(format!("$[?!!@{path}]")));
        prop_assert_eq!(answers(format!("($..*{path})")), answers(format!("$..*{path}")));
        prop_assert_eq!(answers(format!("$[?@{path} == 1]")), answers(format!("$[?@{path} in [1]]")));
        prop_assert_eq!(answers(format!("$[?!@{path}]")), answers(format!("$[?count(@{path}) == 0]")));
        prop_assert_eq!(answers(format!("$[?length(@{path}) == 2]")), answers(format!("$[?count(@{path}) == 1 && @{path} size 2]")));
        let count = answers(format!("$[*]{path}")).len();
        prop_assert_eq!(answers(format!("count($[*]{path})")), [count.to_string().into_bytes()]);
    }
}

/// An arithmetic expression over a small document.
#[derive(Debug, Clone)]
enum Sum {
    Member(&'static str, Option<f64>),
    Number(i32),
    Negative(Box<Sum>),
    Two(Box<Sum>, char, Box<Sum>),
}

impl Sum {
    fn text(&self) -> String {
        match self {
            Sum::Member(name, _) => format!("$.{name}"),
            Sum::Number(number) => number.to_string(),
            Sum::Negative(inner) => format!("-({})", inner.text()),
            Sum::Two(a, sign, b) => format!("({} {sign} {})", a.text(), b.text()),
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Sum::Member(_, value) => *value,
            Sum::Number(number) => Some(f64::from(*number)),
            Sum::Negative(inner) => inner.value().map(|value| 0.0 - value),
            Sum::Two(a, sign, b) => {
                let (a, b) = (a.value()?, b.value()?);
                let result = match sign {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    _ => a % b,
                };
                result.is_finite().then_some(result)
            }
        }
    }
}

fn sums() -> impl Strategy<Value = Sum> {
    let members =
        [("a", Some(7.0)), ("b", Some(-3.0)), ("c", Some(2.5)), ("z", Some(0.0)), ("s", None), ("missing", None)];
    let leaf = prop_oneof![
        prop::sample::select(members.to_vec()).prop_map(|(name, value)| Sum::Member(name, value)),
        (-5..50i32).prop_map(Sum::Number),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let sign = prop::sample::select(vec!['+', '-', '*', '/', '%']);
        prop_oneof![
            inner.clone().prop_map(|inner| Sum::Negative(Box::new(inner))),
            (inner.clone(), sign, inner).prop_map(|(a, sign, b)| Sum::Two(Box::new(a), sign, Box::new(b))),
        ]
    })
}
