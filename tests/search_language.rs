//! How queries are read: the trees and errors of RediSearch 2.10.5 where ours are the same, what differs on purpose, and
//! laws that hold for any text.

use nearset::error;
use nearset::search::analysis::{Stemmer, StopWords};
use nearset::search::arguments::Words;
use nearset::search::query::ast::{Kind, MAX_DEPTH, Node};
use nearset::search::query::{self, Context, Params};
use nearset::search::schema::{self, FieldMask, Schema};
use proptest::prelude::*;

const SCHEMA: &str = "SCHEMA t TEXT u TEXT NOSTEM ws TEXT WITHSUFFIXTRIE te TEXT INDEXEMPTY INDEXMISSING WITHSUFFIXTRIE \
    tg TAG tc TAG CASESENSITIVE tm TAG INDEXMISSING INDEXEMPTY n NUMERIC g GEO v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 \
    DISTANCE_METRIC L2 h VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC COSINE";
const PARAMS: &[&str] =
    &["16", "p", "foo", "k", "5", "r", "0.25", "b", "12345678", "s", "the", "e", "", "w", "Two Words", "neg", "-3"];

fn schema() -> Schema {
    schema::create(b"index", SCHEMA.split_ascii_whitespace().map(str::as_bytes)).unwrap()
}

fn params() -> Params {
    Params::read(&mut Words::new(PARAMS.iter().map(|word| word.as_bytes()))).unwrap()
}

fn read(text: &[u8], dialect: u8, schema: &Schema, bind: bool) -> Result<Node, query::Error> {
    let stemmer = Stemmer::new(schema::Language::English);
    let params = if dialect > 1 { params() } else { Params::default() };
    let context = Context {
        schema,
        stop_words: &StopWords::default(),
        stemmer: Some(&stemmer),
        expansions: Default::default(),
        params: &params,
        dialect,
        in_fields: FieldMask::ALL,
    };
    if bind { query::parse(text, &context) } else { query::parse_unbound(text, &context) }
}

fn text_of(fact: &query::Error) -> String {
    String::from_utf8_lossy(error::search::query(fact).text()).into_owned()
}

fn explain(text: &str, dialect: u8) -> String {
    let schema = schema();
    match read(text.as_bytes(), dialect, &schema, false) {
        Ok(tree) => String::from_utf8_lossy(&query::explain(&tree, &schema)).into_owned(),
        Err(fact) => format!("ERROR {}", text_of(&fact)),
    }
}

/// The tree on one line.
fn compact(text: &str) -> String {
    explain(text, 2).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn queries_are_read_as_clients_know_it() {
    for line in include_str!("data/search-explain.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (text, dialect) = (case["query"].as_str().unwrap(), case["dialect"].as_u64().unwrap());
        assert_eq!(explain(text, u8::try_from(dialect).unwrap()), case["answer"].as_str().unwrap(), "{text}");
    }
}

#[test]
fn where_we_differ_on_purpose() {
    for (text, tree) in [
        ("CAFÉ", "UNION { café +café(expanded) }"),
        ("\"the hello of world\"", "EXACT { hello world }"),
        ("the | x | y", "UNION { UNION { x +x(expanded) } UNION { y +y(expanded) } }"),
        (
            "x1|y1|@n:[1 2]",
            "UNION { UNION { x1 +x1(expanded) } UNION { y1 +y1(expanded) } NUMERIC {1.000000 <= @n <= 2.000000} }",
        ),
        ("@tg:{a the b the}", "TAG:@tg { INTERSECT { a the b the } }"),
    ] {
        assert_eq!(compact(text), tree, "{text}");
    }
}

/// What a query with a parameter `v` of this value is read as.
fn with_parameter(text: &str, value: &str) -> String {
    let schema = schema();
    let stemmer = Stemmer::new(schema::Language::English);
    let params = Params::read(&mut Words::new(["2", "v", value].map(str::as_bytes))).unwrap();
    let context = Context {
        schema: &schema,
        stop_words: &StopWords::default(),
        stemmer: Some(&stemmer),
        expansions: Default::default(),
        params: &params,
        dialect: 2,
        in_fields: FieldMask::ALL,
    };
    let tree = query::parse_unbound(text.as_bytes(), &context).unwrap();
    String::from_utf8_lossy(&query::explain(&tree, &schema)).into_owned()
}

/// In front of punctuation and blanks `\` is an escape, wherever a literal stands; in front of anything else it is itself.
#[test]
fn literals_and_parameters_are_unescaped_alike() {
    let forms = [
        "@t:{}",
        "@t:({})",
        "@ws:{}*",
        "@ws:*{}",
        "@ws:*{}*",
        "@t:%{}%",
        "@ws:w'{}'",
        "@tg:{{}}",
        "@tg:{{}*}",
        "@tg:{*{}*}",
        "@tg:{w'{}'}",
    ];
    for literal in ["hello\\-world", "a\\.b", "a\\\\b", "don\\'t", "\\$x", "中\\-国", "x\\_y", "50\\%"] {
        for form in forms {
            let (written, given) = (form.replace("{}", literal), form.replace("{}", "$v"));
            assert_eq!(explain(&written, 2), with_parameter(&given, literal), "{written}");
        }
    }
    for (text, tree) in [
        ("@tg:{\"a\\b\"}", "TAG:@tg { a\\b }"),
        ("@tg:{\"a\\-b\"}", "TAG:@tg { a-b }"),
        ("@tg:{\"a\\\\b\"}", "TAG:@tg { a\\b }"),
        ("@tg:{\"a\\b\"*}", "TAG:@tg { PREFIX{a\\b*} }"),
        ("@tg:{\"\\é\"}", "TAG:@tg { \\é }"),
        ("@tg:{\"a\\ b\"}", "TAG:@tg { a b }"),
        ("@tg:{\"a\\\"}", "TAG:@tg { a\\ }"),
    ] {
        assert_eq!(compact(text), tree, "{text}");
    }
    for (value, tag) in [("a\\b", "a\\b"), ("a\\", "a\\"), ("\\\\", "\\"), (" x y ", "x y"), ("a\\-b\\c", "a-b\\c")] {
        assert_eq!(with_parameter("@tg:{$v}", value), format!("TAG:@tg {{\n  {tag}\n}}\n"), "{value}");
    }
}

#[test]
fn nothing_in_a_parameter_is_no_mistake_but_written_out_it_is() {
    for value in ["", " "] {
        assert_eq!(with_parameter("@tg:{$v}", value), "TAG:@tg {\n  \"\"\n}\n");
        assert_eq!(with_parameter("@tg:{x|$v}", value), "TAG:@tg {\n  x\n  \"\"\n}\n");
    }
    assert!(explain("@tg:{\"\"}", 2).contains("INDEXEMPTY"));
}

#[test]
fn numbers_too_large_for_a_double_are_none() {
    for (text, error) in [
        ("@n:[1e400 inf]", "Bad lower range: 1e400"),
        ("@n:[0 1e309]", "Bad upper range: 1e309"),
        ("@n:[-1e400 (1e400]", "Bad lower range: -1e400"),
        ("@n:[1e400]", "Bad lower range: 1e400"),
        ("@n>1e400", "Bad lower range: 1e400"),
        ("@n<=1e400", "Bad upper range: 1e400"),
        ("@n==-1e400", "Bad lower range: -1e400"),
        ("@n:[2 1]", "Invalid numeric range (min > max): @n:[2.000000 1.000000]"),
        ("@n:[$k -inf]", "Invalid numeric range (min > max): @n:[5.000000 -inf]"),
        ("-@n:[(2 (1.5]", "Invalid numeric range (min > max): @n:[2.000000 1.500000]"),
    ] {
        assert_eq!(explain(text, 2), format!("ERROR {error}"), "{text}");
    }
    for text in ["@n:[1e308 inf]", "@n:[-inf 1e-400]", "@n:[inf inf]", "@n:[(5 5]", "@n:[-1.7976931348623157e308 0]"] {
        assert!(explain(text, 2).starts_with("NUMERIC"), "{text}");
    }
}

/// A vector that is not all numbers is near to nothing; nor is there an EF_RUNTIME of ranges.
#[test]
fn what_vector_clauses_cannot_be_asked() {
    let schema = schema();
    let blob = |x: f32| [1.0f32, x].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let error = |text: &str, blob: &[u8]| {
        let params = Params::read(&mut Words::new([&b"2"[..], b"b", blob])).unwrap();
        let stop_words = StopWords::default();
        let context = Context {
            schema: &schema,
            stop_words: &stop_words,
            stemmer: None,
            expansions: Default::default(),
            params: &params,
            dialect: 2,
            in_fields: FieldMask::ALL,
        };
        query::parse(text.as_bytes(), &context).err().map(|fact| text_of(&fact))
    };
    for text in [
        "*=>[KNN 2 @h $b]",
        "*=>[KNN 2 @v $b]",
        "@tg:{x}=>[KNN 2 @h $b]",
        "@h:[VECTOR_RANGE 5 $b]",
        "-@v:[VECTOR_RANGE 5 $b]",
    ] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let expected =
                "Error parsing vector similarity query: element 1 of the query vector is not a finite number";
            assert_eq!(error(text, &blob(bad)).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(error(text, &blob(f32::MAX)), None, "{text}");
    }
    let refused = Some("Error parsing vector similarity parameters: Invalid option".to_owned());
    assert_eq!(error("@h:[VECTOR_RANGE 5 $b]=>{$ef_runtime: 10}", &blob(1.0)), refused);
    assert_eq!(error("@h:[VECTOR_RANGE 5 $b]=>{$epsilon: 0.1; $EF_RUNTIME: 10}", &blob(1.0)), refused);
}

#[test]
fn errors_tell_where_and_what() {
    let schema = schema();
    for (text, expected) in [
        ("hello )", "Syntax error at offset 6 near hello"),
        ("hello=>{", "Syntax error at offset 7 near >{"),
        ("*=>[FOO 2 @v $b]", "Syntax error: Expecting Vector Similarity command at offset 4 near FOO"),
        ("@v:[FOO 1 $b]", "Syntax error: expecting vector similarity range command at offset 4 near FOO"),
        ("@v:[FOO $b]", "Syntax error: Expecting a geoshape predicate at offset 8"),
        ("*=>[KNN 3 @v $q]", "No such parameter `q`"),
        ("*=>[KNN $p @v $b]", "Invalid numeric value (foo) for parameter `p`"),
        ("@n:[$p 2]", "Bad lower range: foo"),
        ("@n:[2 $p]", "Bad upper range: foo"),
        (
            "*=>[KNN 3 @v $p]",
            "Error parsing vector similarity query: query vector blob size (3) does not match index's expected size (8).",
        ),
        (
            "@v:[VECTOR_RANGE -1 $b]",
            "Error parsing vector similarity query: negative radius (-1) given in a range query",
        ),
        ("*=>[KNN 3 @v $b EF_RUNTIME 5]", "Error parsing vector similarity parameters: Invalid option"),
        ("*=>[KNN 3 @v $b FOO 5]", "Error parsing vector similarity parameters: Invalid option"),
        ("*=>[KNN 3 @h $b EF_RUNTIME 0]", "Error parsing vector similarity parameters: Invalid value was given"),
        ("*=>[KNN 3 @h $b EF_RUNTIME x]", "Error parsing vector similarity parameters: Invalid value was given"),
        ("x=>[KNN 3 @h $b BATCH_SIZE 0]", "Error parsing vector similarity parameters: Invalid value was given"),
        (
            "@h:[VECTOR_RANGE 1 $b]=>{$epsilon: 0}",
            "Error parsing vector similarity parameters: Invalid value was given",
        ),
        ("@v:[VECTOR_RANGE 1 $b]=>{$epsilon: 1}", "Error parsing vector similarity parameters: Invalid option"),
        (
            "*=>[KNN 3 @h $b EF_RUNTIME 5 EF_RUNTIME 5]",
            "Error parsing vector similarity parameters: Parameter was specified twice",
        ),
        (
            "*=>[KNN 3 @h $b EPSILON 1]",
            "Error parsing vector similarity parameters: range query attributes were sent for a non-range query",
        ),
        (
            "*=>[KNN 3 @h $b BATCH_SIZE 5]",
            "Error parsing vector similarity parameters: hybrid query attributes were sent for a non-hybrid query",
        ),
        (
            "x=>[KNN 3 @h $b HYBRID_POLICY FOO]",
            "Error parsing vector similarity parameters: invalid hybrid policy was given",
        ),
        (
            "x=>[KNN 3 @h $b HYBRID_POLICY ADHOC_BF BATCH_SIZE 5]",
            "Error parsing vector similarity parameters: 'batch size' is irrelevant for 'ADHOC_BF' policy",
        ),
        (
            "x=>[KNN 3 @h $b HYBRID_POLICY ADHOC_BF EF_RUNTIME 5]",
            "Error parsing vector similarity parameters: 'EF_RUNTIME' is irrelevant for 'ADHOC_BF' policy",
        ),
        ("*=>[KNN 3 @v $b AS t]", "Property `t` already exists in schema"),
        (
            "@v:[VECTOR_RANGE 1 $b]=>{$yield_distance_as: d} @h:[VECTOR_RANGE 1 $b]=>{$yield_distance_as: d}",
            "Property `d` specified more than once",
        ),
        (
            "*=>[KNN 3 @v $b AS d]=>{$yield_distance_as: e}",
            "Distance field was specified twice for vector query: d and e",
        ),
        ("hello=>{$foo: 1}", "Invalid attribute foo"),
        ("hello=>{$weight: -2}", "Invalid value (-2) for `weight`"),
        ("hello=>{$phonetic: true}", "field does not support phonetics"),
        ("ismissing(@t)", "'ismissing' requires field 't' to be defined with 'INDEXMISSING'"),
        ("@tg:{\"\"}", "Use `INDEXEMPTY` in field creation in order to index and query for empty strings"),
        ("@t:*llo", "Contains query on fields without WITHSUFFIXTRIE support"),
        ("@g:[1 2 3 parsec]", "Invalid GeoFilter unit"),
        ("@g:[1 200 3 km]", "Invalid GeoFilter lat/lon"),
        ("@g:[1 2 0 km]", "Invalid GeoFilter radius"),
    ] {
        let result = read(text.as_bytes(), 2, &schema, true);
        assert_eq!(result.map_err(|fact| text_of(&fact)), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn params_are_pairs_of_words() {
    let read =
        |line: &str| Params::read(&mut Words::new(line.split(' ').map(str::as_bytes))).map_err(|fact| text_of(&fact));
    assert!(read("2 a b").is_ok());
    assert_eq!(read("3 a b c"), Err("Parameters must be specified in PARAM VALUE pairs".to_owned()));
    assert_eq!(read("0"), Err("Parameters must be specified in PARAM VALUE pairs".to_owned()));
    assert_eq!(read("4 b 1 b 2"), Err("Duplicate parameter `b`".to_owned()));
    assert_eq!(read("x"), Err("Bad arguments for PARAMS: Could not convert argument to expected type".to_owned()));
}

fn depth(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => parts.iter().map(depth).max().unwrap_or(0),
        Kind::Not(inner) | Kind::Optional(inner) => depth(inner),
        Kind::Knn(knn) => knn.filter.as_deref().map_or(0, depth),
        _ => 0,
    }
}

#[test]
fn depth_is_bounded() {
    let schema = schema();
    for dialect in [1, 2] {
        for text in [
            format!("{}x{}", "(".repeat(5000), ")".repeat(5000)),
            format!("{}x", "-".repeat(5000)),
            format!("{}x{}", "(x|".repeat(5000), ")".repeat(5000)),
            format!("{}x", "@t:".repeat(5000)),
            format!("{}x", "~ -".repeat(5000)),
        ] {
            assert!(read(text.as_bytes(), dialect, &schema, true).is_err());
        }
    }
    assert_eq!(read("x* ".repeat(5000).as_bytes(), 2, &schema, true), Err(query::Error::TooDeep));
    let wide = read("x ".repeat(5000).as_bytes(), 2, &schema, true).unwrap();
    assert!(depth(&wide) < 5);
}

/// Text made of what the language is made of.
fn query_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("hello"),
        Just("the"),
        Just("12"),
        Just("-"),
        Just("~"),
        Just("|"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just("*"),
        Just("%"),
        Just("\""),
        Just("'"),
        Just("w'"),
        Just("\\"),
        Just("=>"),
        Just("=>["),
        Just("KNN"),
        Just("VECTOR_RANGE"),
        Just("@t:"),
        Just("@n:["),
        Just("@tg:{"),
        Just("@v"),
        Just("$b"),
        Just("$k"),
        Just("$"),
        Just("@"),
        Just(":"),
        Just(";"),
        Just(" "),
        Just("=>{$weight:"),
        Just("ismissing("),
        Just("é"),
        Just("AS"),
        Just("@n>3"),
        Just("inf"),
        Just("@g:[1 2 3 km]"),
        Just("@n:[1 (2]"),
    ];
    proptest::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_an_error(text in query_text(), dialect in 1u8..=4) {
        let schema = schema();
        match read(text.as_bytes(), dialect, &schema, true) {
            Ok(tree) => {
                prop_assert!(depth(&tree) <= MAX_DEPTH);
                query::explain(&tree, &schema);
            }
            Err(fact) => prop_assert_ne!(error::search::query(&fact), error::Error::INTERNAL),
        }
    }

    #[test]
    fn any_bytes_are_a_query_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..80), dialect in 1u8..=4) {
        let schema = schema();
        if let Err(fact) = read(&text, dialect, &schema, true) {
            prop_assert_ne!(error::search::query(&fact), error::Error::INTERNAL);
        }
    }

    #[test]
    fn any_words_are_a_definition_or_an_error(line in "((on|hash|json|prefix|1|2|filter|language|score|stopwords|schema|as|a|b|text|tag|numeric|geo|geoshape|vector|flat|hnsw|6|type|float32|dim|distance_metric|l2|weight|nostem|separator|,|sortable|unf|noindex|indexmissing|indexempty|phonetic|dm:en|temporary|\\PC{0,3}) ){0,30}") {
        let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        if let Err(fact) = schema::create(b"i", words) {
            prop_assert_ne!(error::search::definition("FT.CREATE", &fact), error::Error::INTERNAL);
        }
    }
}
