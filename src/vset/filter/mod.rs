//! The FILTER language: an expression over an element's attributes that keeps or drops it.
//!
//! [`Filter::compile`] turns the text into a postfix program once per query; [`Filter::matches`] runs it against the field
//! table that [`Attributes`] made when they were written, so nothing is parsed while a graph is searched. Grammar and
//! arithmetic are those of Redis 8, oddities included; the corpus in `tests/data` is the contract.
//!
//! A filter is immutable and shared by threads. Neither compiling nor matching recurses.

#![forbid(unsafe_code)]

mod evaluation;
mod lexer;
#[cfg(test)]
mod naive;
mod plan;
mod program;

pub(super) use lexer::{Literal, NUMBER_LEN, is_selectable};
pub(super) use plan::Plan;

use crate::vset::attributes::Attributes;
use crate::watch::Watch;
use program::Program;

/// A compiled expression: its program, and its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Program, Box<[u8]>);

/// The expression does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The part of the expression that the client is shown: from where the reading stopped, or all of it.
    pub near: Vec<u8>,
}

impl Filter {
    /// Compiles an expression, which ends at its first NUL byte.
    ///
    /// # Errors
    /// [`SyntaxError`] with the text near the place.
    pub fn compile(expression: &[u8]) -> Result<Self, SyntaxError> {
        let end = expression.iter().position(|&b| b == 0).unwrap_or(expression.len());
        let text = &expression[..end];
        program::compile(text).map(|program| Self(program, text.into())).map_err(|stopped| {
            // Where reading stopped at the end there is nothing to show but the whole; a NUL byte is not the end.
            let from = if stopped.0 == expression.len() { 0 } else { stopped.0 };
            SyntaxError { near: text[from..].to_vec() }
        })
    }

    /// The text that was compiled.
    pub(super) fn expression(&self) -> &[u8] {
        &self.1
    }

    /// How to ask it of many elements at once, if it can be.
    pub(super) fn plan(&self) -> Option<Plan<'_>> {
        Plan::of(&self.0)
    }

    /// Whether an element with these attributes passes.
    pub fn matches(&self, attributes: Attributes<'_>) -> bool {
        self.matches_within(attributes, &Watch::default())
    }

    /// As [`Filter::matches`]; false when time is over.
    pub(super) fn matches_within(&self, attributes: Attributes<'_>, watch: &Watch<'_>) -> bool {
        evaluation::run(&self.0, attributes, watch)
    }

    /// How many steps it takes to tell of an element whether it passes.
    pub(super) fn steps(&self) -> usize {
        self.0.steps.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(expression: &str, attributes: &str) -> bool {
        Filter::compile(expression.as_bytes())
            .unwrap()
            .matches(Attributes::of(&Attributes::encode(attributes.as_bytes())))
    }

    /// Every row that Redis 8.8 answered: value or error text.
    #[test]
    fn the_corpus_of_the_peer() {
        let corpus = include_str!("../../../tests/data/vset-filter-corpus.jsonl");
        let mut rows = 0;
        for line in corpus.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let expression = row["expr"].as_str().unwrap();
            // No attributes: never a match, whatever the expression.
            let Some(text) = row["attr"].as_str() else { continue };
            let blob = Attributes::encode(text.as_bytes());
            let got = Filter::compile(expression.as_bytes()).map(|f| f.matches(Attributes::of(&blob)));
            match &row["result"] {
                serde_json::Value::Bool(expected) => assert_eq!(got, Ok(*expected), "{line}"),
                serde_json::Value::String(expected) => {
                    let near = expected.strip_prefix("ERR syntax error in FILTER expression near: ").unwrap();
                    // The corpus keeps error bytes as Latin-1.
                    let near: Vec<u8> = near.chars().map(|c| c as u8).collect();
                    assert_eq!(got, Err(SyntaxError { near }), "{line}");
                }
                other => panic!("{other}"),
            }
            rows += 1;
        }
        assert_eq!(rows, 238);
    }

    /// Seen on Redis 8.2 beside the corpus: where reading stops.
    #[test]
    fn where_an_expression_is_refused() {
        let ones = "1".repeat(300);
        let cut = format!("{}]", "1".repeat(45));
        let table: &[(&str, &str)] = &[
            ("1 android 2", " 2"),
            ("nullx == 1", " == 1"),
            ("nulland1", "1"),
            ("(null)", "(null)"),
            ("null==null", "null==null"),
            ("null-1", "1"),
            ("1 and . n", ". n"),
            (". == 1", ". == 1"),
            ("1 and .)", ".)"),
            ("[1 2]", "2]"),
            ("[1,,2] 3", ",2] 3"),
            ("[1", "[1"),
            ("[1.5.5] 2", "] 2"),
            ("[- 1]", " 1]"),
            ("[+1]", "+1]"),
            ("[\"a\" \"b\"] 3", "\"b\"] 3"),
            ("[1e-5] 2", "-5] 2"),
            ("\"a\0b\"", ""),
            ("foo\0bar", ""),
            ("1*\0", "1*"),
            ("@\0", "@"),
            ("1\r\n@ 2\r3", "@ 2\r3"),
            ("1 +) @ 2", "@ 2"),
            (") 1 @ 2", "@ 2"),
            ("1|||1", "1"),
            ("1!==2", "2"),
            ("1=!1", "1"),
            ("a_b 3", "_b 3"),
            ("1,2", ",2"),
            ("ab-cd 3", " 3"),
            (".n. ", ". "),
            ("--1", "--1"),
        ];
        for &(expression, near) in table {
            assert_eq!(Filter::compile(expression.as_bytes()).unwrap_err().near, near.as_bytes(), "{expression:?}");
        }
        assert_eq!(Filter::compile(format!("[{ones}]").as_bytes()).unwrap_err().near, cut.as_bytes());
        assert!(Filter::compile(b"1 \0 @").is_ok());
    }

    /// Seen on Redis 8.2 beside the corpus: odd values.
    #[test]
    fn what_odd_expressions_give() {
        let zeros = |n: usize| format!(r#"{{"a":{}1}}"#, "0".repeat(n));
        assert!(matches(".a == 1", &zeros(254)) && !matches(".a == 1", &zeros(255)));
        for (expression, attributes, expected) in [
            ("1 2 3 + +", "{}", true),
            ("1.-2", "{}", true),
            ("null -1", "{}", true),
            ("not 1 not", "{}", true),
            ("1 not 2 and", "{}", false),
            ("null ** null == 1", "{}", true),
            ("(-8) ** (1/3)", "{}", true),
            ("(0/0) == (0/0)", "{}", false),
            ("(0/0) != (0/0)", "{}", true),
            ("-7 % 3 == -1", "{}", true),
            ("(0 or .a) == \"a\"", r#"{"a":"a"}"#, false),
            ("[] in .a", r#"{"a":[[1]]}"#, true),
            ("[] in .a", r#"{"a":[1]}"#, false),
            ("null in .a", r#"{"a":[[null]]}"#, false),
            (".a == 5", "{\"a\":\"5\u{0}5\"}", true),
            (".a == .b", "{\"a\":\"a\u{0}b\",\"b\":\"a\u{0}c\"}", false),
            ("1/.a < 0", r#"{"a":-0}"#, true),
            (".a != 0", r#"{"a":"nan(1)"}"#, true),
        ] {
            assert_eq!(matches(expression, attributes), expected, "{expression} {attributes}");
        }
    }

    /// Expressions and attributes made of the languages' own pieces, so that most are nearly right.
    fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(of), 0..most).prop_map(|pieces| pieces.concat())
    }

    const EXPRESSION: &[&str] = &[
        ".a",
        ".b",
        ".c",
        ".",
        "1",
        "2.5",
        "-3",
        "1e2",
        "\"x\"",
        "'5'",
        "\"\"",
        "null",
        "[1,2]",
        "[\"x\",5]",
        "[]",
        " ",
        " ",
        "and",
        "or",
        "not ",
        "in ",
        "==",
        "!=",
        "<",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "!",
        "(",
        ")",
        "&&",
        "||",
        "@",
    ];
    const ATTRIBUTES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\"a\":",
        "\"b\":",
        "\"c\":",
        "\"a\"",
        "\"x\\n\"",
        "\"5\"",
        "\"\\u00e9\"",
        "1",
        "-2.5",
        "1e400",
        "true",
        "false",
        "null",
        "tru",
        "[1,\"x\"]",
        "[[1],null]",
        "{\"a\":2}",
        "[{}]",
        "\\",
        "\"",
        "\0",
        "+",
        ".",
    ];
    const VALUES: &[&str] = &[
        "1",
        "-2.5",
        "\"x\"",
        "\"5\"",
        "\"\"",
        "\"a\\\"b\"",
        "true",
        "false",
        "null",
        "[1,2]",
        "[\"x\",5,null]",
        "[[1]]",
        "{}",
        "[{}]",
        "tru",
        "1.2.3",
        "\" 7\"",
        "\"0x10\"",
        "[]",
        "3000000000",
        "0.1",
    ];

    pub(super) fn object() -> impl Strategy<Value = String> {
        let field = (proptest::sample::select(&["a", "b", "c", "é", ""][..]), proptest::sample::select(VALUES));
        proptest::collection::vec(field, 0..5)
            .prop_map(|fields| fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>().join(","))
            .prop_map(|fields| format!("{{{fields}}}"))
    }

    /// An expression that compiles.
    pub(super) fn expression() -> impl Strategy<Value = String> {
        let leaf = proptest::sample::select(&EXPRESSION[..15]).prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 2, |inner| {
            let operator = proptest::sample::select(
                &["and", "or", "in", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**"][..],
            );
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|(l, o, r)| format!("({l} {o} {r})")),
                inner.prop_map(|i| format!("not ({i} )")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_second_evaluator_agrees(expression in expression(), attributes in object()) {
            if let Ok(filter) = Filter::compile(expression.as_bytes()) {
                let blob = Attributes::encode(attributes.as_bytes());
                let expected = naive::matches(&filter.0, attributes.as_bytes());
                prop_assert_eq!(filter.matches(Attributes::of(&blob)), expected);
            }
        }

        #[test]
        fn a_second_evaluator_agrees_on_rubble(expression in pieces(EXPRESSION, 8), attributes in pieces(ATTRIBUTES, 14)) {
            if let Ok(filter) = Filter::compile(expression.as_bytes()) {
                let blob = Attributes::encode(attributes.as_bytes());
                let expected = naive::matches(&filter.0, attributes.as_bytes());
                prop_assert_eq!(filter.matches(Attributes::of(&blob)), expected);
            }
        }

        #[test]
        fn a_second_scan_agrees_on_rubble(attributes in pieces(ATTRIBUTES, 14)) {
            let attributes = format!("{{{attributes}");
            let blob = Attributes::encode(attributes.as_bytes());
            for name in ["a", "b", "c"] {
                let filter = Filter::compile(format!(".{name} == null or 1").as_bytes()).unwrap();
                let expected = naive::matches(&filter.0, attributes.as_bytes());
                prop_assert_eq!(filter.matches(Attributes::of(&blob)), expected);
            }
        }

        #[test]
        fn any_bytes_compile_or_tell_where(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Err(error) = Filter::compile(&text) {
                prop_assert!(error.near.len() <= text.len());
            }
        }
    }

    #[test]
    fn long_expressions_need_no_stack() {
        let deep = format!("{}1{}", "(".repeat(1 << 20), ")".repeat(1 << 20));
        assert!(Filter::compile(deep.as_bytes()).unwrap().matches(Attributes::of(&Attributes::encode(b"{}"))));
        let wide = format!("{}{}", "1 ".repeat(1 << 16), "+ ".repeat((1 << 16) - 1));
        assert!(Filter::compile(wide.as_bytes()).unwrap().matches(Attributes::of(&Attributes::encode(b"{}"))));
    }
}
