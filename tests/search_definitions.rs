//! FT.CREATE and FT.ALTER: what is accepted, and the exact text of every refusal, as RediSearch 2.10 words it.

use nearset::error;
use nearset::search::schema::{self, FieldId, Kind, Schema};
use proptest::prelude::*;

/// A definition, and what the command answers to it.
const DEFINITIONS: &[(&str, &str)] = &[
    ("on foo schema t text", "Invalid rule type: foo"),
    ("on json schema $.a[* as a tag", "Invalid JSONPath '$.a[*' in attribute 'a' in index 'index'"),
    ("on json schema $.b tag $.a[? tag", "Invalid JSONPath '$.a[?' in attribute '$.a[?' in index 'index'"),
    ("on json schema $.. as a numeric", "Invalid JSONPath '$..' in attribute 'a' in index 'index'"),
    ("on json schema $a[ as a geo", "Invalid JSONPath '$a[' in attribute 'a' in index 'index'"),
    (
        "on json score_field $.s[ schema $.a as a tag",
        "Invalid JSONPath '$.s[' in attribute 'SCORE_FIELD' in index 'index'",
    ),
    (
        "on json language_field $[ schema $.a as a tag",
        "Invalid JSONPath '$[' in attribute 'LANGUAGE_FIELD' in index 'index'",
    ),
    ("on schema t text", "Invalid rule type: schema"),
    ("on", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("prefix schema t text", "Bad arguments for PREFIX: Could not convert argument to expected type"),
    ("prefix x a schema t text", "Bad arguments for PREFIX: Could not convert argument to expected type"),
    ("prefix 0 schema t text", "OK"),
    ("prefix 3 a schema t text", "Unknown argument `text`"),
    ("prefix 2 a b prefix 1 c on hash schema t text", "OK"),
    ("language klingon schema t text", "Invalid language"),
    ("language German schema t text", "OK"),
    ("language schema t text", "Invalid language"),
    ("language_field schema t text", "Unknown argument `t`"),
    ("language_field l schema t text", "OK"),
    ("score 2 schema t text", "Invalid score"),
    ("score -0.1 schema t text", "Invalid score"),
    ("score x schema t text", "Invalid score"),
    ("score 0x1p-1 schema t text", "OK"),
    ("score", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("score_field", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("payload_field p schema t text", "OK"),
    ("payload_field", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("temporary x schema t text", "Bad arguments for TEMPORARY: Could not convert argument to expected type"),
    ("temporary 1.5 schema t text", "Bad arguments for TEMPORARY: Could not convert argument to expected type"),
    ("temporary 1000 schema t text", "OK"),
    ("temporary -1 schema t text", "OK"),
    ("temporary", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("stopwords x schema t text", "Bad arguments for STOPWORDS: Could not convert argument to expected type"),
    ("stopwords -1 schema t text", "Bad arguments for STOPWORDS: Value is outside acceptable bounds"),
    ("stopwords 0 schema t text", "OK"),
    ("stopwords 2 The B schema t text", "OK"),
    ("stopwords 5 a schema t text", "Bad arguments for STOPWORDS: Expected an argument, but none provided"),
    ("stopwords", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("foo schema t text", "Unknown argument `foo`"),
    ("maxtextfields nooffsets nofreqs schema t text", "OK"),
    ("nofields nohl skipinitialscan schema t text", "OK"),
    ("schema", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("schema t", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("schema t as", "AS requires an argument"),
    ("schema t as x", "Field `x` does not have a type"),
    ("schema t as x foo", "Invalid field type for field `x`"),
    ("schema t foo", "Invalid field type for field `t`"),
    ("schema t text foo", "Field `foo` does not have a type"),
    ("schema t text sortable weight 2", "Invalid field type for field `weight`"),
    ("schema t text noindex sortable unf", "OK"),
    ("schema t text noindex sortable unf noindex", "OK"),
    ("schema t text sortable noindex", "OK"),
    ("schema t text unf", "Field `unf` does not have a type"),
    ("schema t text noindex indexmissing", "Field `indexmissing` does not have a type"),
    ("schema t text indexmissing noindex", "'Field `t` cannot be defined with both `NOINDEX` and `INDEXMISSING`'"),
    ("schema t text weight", "Bad arguments for weight: Could not convert argument to expected type"),
    ("schema t text weight x", "Bad arguments for weight: Could not convert argument to expected type"),
    ("schema t text weight -2 nostem weight 3 indexempty withsuffixtrie indexmissing sortable", "OK"),
    ("schema t text weight 1e400", "Bad arguments for weight: Could not convert argument to expected type"),
    ("schema t text phonetic", "PHONETIC requires an argument"),
    (
        "schema t text phonetic foo",
        "Matcher Format: <2 chars algorithm>:<2 chars language>. Support algorithms: double metaphone (dm). Supported languages: English (en), French (fr), Portuguese (pt) and Spanish (es)",
    ),
    ("schema t tag separator", "SEPARATOR requires an argument"),
    ("schema t tag separator ab", "Tag separator must be a single character. Got `ab`"),
    ("schema t tag casesensitive separator @ indexempty withsuffixtrie sortable unf noindex", "OK"),
    ("schema t numeric indexempty", "Field `indexempty` does not have a type"),
    ("schema t numeric sortable unf", "OK"),
    ("schema t geo sortable noindex", "OK"),
    ("schema t text t tag", "Duplicate field in schema - t"),
    ("schema t text u as t tag", "Duplicate field in schema - t"),
    ("schema t text t as u tag", "OK"),
    ("on json schema $.a text sortable $.b as b tag", "OK"),
    ("schema v vector", "Bad arguments for vector similarity algorithm: Expected an argument, but none provided"),
    ("schema v vector foo", "Bad arguments for vector similarity algorithm: Unknown argument"),
    (
        "schema v vector flat",
        "Bad arguments for vector similarity number of parameters: Expected an argument, but none provided",
    ),
    (
        "schema v vector flat x",
        "Bad arguments for vector similarity number of parameters: Could not convert argument to expected type",
    ),
    (
        "schema v vector flat -1",
        "Bad arguments for vector similarity number of parameters: Value is outside acceptable bounds",
    ),
    (
        "schema v vector flat 0",
        "Missing mandatory parameter: cannot create FLAT index without specifying TYPE argument",
    ),
    (
        "schema v vector flat 5 type float32 dim 2 distance_metric l2",
        "Bad number of arguments for vector similarity index: got 5 but expected even number as algorithm parameters (should be submitted as named arguments)",
    ),
    ("schema v vector flat 8 type float32 dim 2 distance_metric l2", "Expected 8 parameters but got 6"),
    (
        "schema v vector flat 4 type float32 dim 2 distance_metric l2",
        "Missing mandatory parameter: cannot create FLAT index without specifying DISTANCE_METRIC argument",
    ),
    ("schema v vector flat 6 type float32 dim 2 distance_metric l2 sortable", "Field `sortable` does not have a type"),
    ("schema v vector flat 6 type float32 dim 2 distance_metric l2 noindex", "Field `noindex` does not have a type"),
    ("schema v vector flat 6 type float32 dim 2 distance_metric l2 indexmissing", "OK"),
    (
        "schema v vector flat 6 type float32 dim 2 distance_metric l2 indexempty",
        "Field `indexempty` does not have a type",
    ),
    (
        "schema v vector flat 4 dim 2 distance_metric l2",
        "Missing mandatory parameter: cannot create FLAT index without specifying TYPE argument",
    ),
    (
        "schema v vector flat 4 type float32 distance_metric l2",
        "Missing mandatory parameter: cannot create FLAT index without specifying DIM argument",
    ),
    (
        "schema v vector flat 4 type float32 dim 2",
        "Missing mandatory parameter: cannot create FLAT index without specifying DISTANCE_METRIC argument",
    ),
    (
        "schema v vector flat 6 type float32 dim 0 distance_metric l2",
        "Bad arguments for vector similarity FLAT index dim: Value is outside acceptable bounds",
    ),
    (
        "schema v vector flat 6 type float32 dim x distance_metric l2",
        "Bad arguments for vector similarity FLAT index dim: Could not convert argument to expected type",
    ),
    (
        "schema v vector flat 6 type float32 dim 2.5 distance_metric l2",
        "Bad arguments for vector similarity FLAT index dim: Could not convert argument to expected type",
    ),
    (
        "schema v vector flat 6 type float32 dim -1 distance_metric l2",
        "Bad arguments for vector similarity FLAT index dim: Value is outside acceptable bounds",
    ),
    (
        "schema v vector flat 6 type float32 dim 2 distance_metric foo",
        "Bad arguments for vector similarity FLAT index metric: Unknown argument",
    ),
    (
        "schema v vector flat 8 type float32 dim 2 distance_metric l2 initial_cap -1",
        "Bad arguments for vector similarity FLAT index initial cap: Value is outside acceptable bounds",
    ),
    (
        "schema v vector flat 8 type float32 dim 2 distance_metric l2 initial_cap x",
        "Bad arguments for vector similarity FLAT index initial cap: Could not convert argument to expected type",
    ),
    ("schema v vector flat 8 type float32 dim 2 distance_metric l2 initial_cap 10", "OK"),
    (
        "schema v vector flat 8 type float32 dim 2 distance_metric l2 block_size 0",
        "Bad arguments for vector similarity FLAT index blocksize: Value is outside acceptable bounds",
    ),
    ("schema v vector flat 8 type float32 dim 2 distance_metric l2 block_size 10", "OK"),
    ("schema v vector flat 8 type float32 dim 2 distance_metric l2 foo 10", "Bad arguments for algorithm FLAT: foo"),
    ("schema v vector flat 8 type float32 dim 2 distance_metric l2 m 10", "Bad arguments for algorithm FLAT: m"),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 m 0",
        "Bad arguments for vector similarity HNSW index m: Value is outside acceptable bounds",
    ),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 m x",
        "Bad arguments for vector similarity HNSW index m: Could not convert argument to expected type",
    ),
    ("schema v vector hnsw 8 type float32 dim 2 distance_metric l2 m 10", "OK"),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 ef_construction 0",
        "Bad arguments for vector similarity HNSW index efConstruction: Value is outside acceptable bounds",
    ),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 ef_runtime 0",
        "Bad arguments for vector similarity HNSW index efRuntime: Value is outside acceptable bounds",
    ),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 epsilon -1",
        "Bad arguments for vector similarity HNSW index epsilon: Value is outside acceptable bounds",
    ),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 epsilon x",
        "Bad arguments for vector similarity HNSW index epsilon: Could not convert argument to expected type",
    ),
    ("schema v vector hnsw 8 type float32 dim 2 distance_metric l2 epsilon 0", "OK"),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 block_size 10",
        "Bad arguments for algorithm HNSW: block_size",
    ),
    ("schema v vector hnsw 8 type float32 dim 2 distance_metric l2 foo 10", "Bad arguments for algorithm HNSW: foo"),
    ("schema v vector hnsw 6 type float32 dim 2 foo 3", "Bad arguments for algorithm HNSW: foo"),
    ("schema v vector hnsw 4 foo 2 dim 2", "Bad arguments for algorithm HNSW: foo"),
    (
        "schema v vector hnsw 14 type float32 dim 2 distance_metric l2 m 40 ef_construction 250 ef_runtime 20 initial_cap 10",
        "OK",
    ),
    (
        "schema v vector hnsw 16 type float32 dim 2 distance_metric l2 m 40 ef_construction 250 ef_runtime 20 epsilon 0.8 dim 7",
        "OK",
    ),
    (
        "schema v vector hnsw 6 dim 2 type",
        "Bad arguments for vector similarity HNSW index type: Expected an argument, but none provided",
    ),
    (
        "schema v vector hnsw 2 dim",
        "Bad arguments for vector similarity HNSW index dim: Expected an argument, but none provided",
    ),
    ("on json schema $.v as v vector flat 6 type float32 dim 2 distance_metric l2", "OK"),
    ("schema a text", "OK"),
    ("nohl nofreqs schema", "Fields arguments are missing"),
    ("stopwords 3 The B é schema t text", "OK"),
    ("stopwords 2 The The schema t text", "OK"),
    (
        "temporary 99999999999999999999 schema t text",
        "Bad arguments for TEMPORARY: Could not convert argument to expected type",
    ),
    ("temporary 2.0 schema t text", "OK"),
    ("temporary 1e3 schema t text", "OK"),
    ("prefix 1.0 a schema t text", "OK"),
    ("prefix +1 a schema t text", "OK"),
    ("prefix 0x1 a schema t text", "OK"),
    ("schema t text weight inf", "Bad arguments for weight: Could not convert argument to expected type"),
    ("schema t text weight 0x10", "OK"),
    ("schema v vector flat 6 type float32 dim 2.0 distance_metric l2", "OK"),
    ("schema v vector flat 6 type float32 dim 1e2 distance_metric l2", "OK"),
    ("schema v vector flat 6.0 type float32 dim 1e2 distance_metric l2", "OK"),
    (
        "schema v vector flat 6 type float32 dim 99999999999999999999 distance_metric l2",
        "Bad arguments for vector similarity FLAT index dim: Could not convert argument to expected type",
    ),
    ("schema v vector hnsw 8 type float32 dim 2 distance_metric l2 ef_runtime 1.0", "OK"),
    (
        "schema v vector hnsw 8 type float32 dim 2 distance_metric l2 epsilon inf",
        "Bad arguments for vector similarity HNSW index epsilon: Could not convert argument to expected type",
    ),
    ("schema t text as x", "Invalid field type for field `as`"),
    ("schema t as x as y text", "Invalid field type for field `x`"),
    ("on json schema $.t text noindex sortable", "OK"),
    ("on json schema $.t tag sortable", "OK"),
    ("on json schema $.t geo sortable", "OK"),
    ("language en schema t text", "Invalid language"),
    ("language english schema t text", "OK"),
    ("schema v vector flat 8 type float32", "Expected 8 parameters but got 2"),
    (
        "schema v vector flat 8 type float32 dim",
        "Bad arguments for vector similarity FLAT index dim: Expected an argument, but none provided",
    ),
    ("schema v vector flat 8 type float32 foo", "Bad arguments for algorithm FLAT: foo"),
    (
        "schema v vector flat 2 type float32 t text",
        "Missing mandatory parameter: cannot create FLAT index without specifying DIM argument",
    ),
    ("schema v vector flat 6 type float32 dim 2 distance_metric l2 foo text", "OK"),
    (
        "schema v vector flat 6 type float32 dim 2 distance_metric",
        "Bad arguments for vector similarity FLAT index metric: Expected an argument, but none provided",
    ),
    (
        "schema v vector flat 5 type",
        "Bad number of arguments for vector similarity index: got 5 but expected even number as algorithm parameters (should be submitted as named arguments)",
    ),
    (
        "schema v vector flat 1 type",
        "Bad number of arguments for vector similarity index: got 1 but expected even number as algorithm parameters (should be submitted as named arguments)",
    ),
    ("schema v vector flat 6 type float32 dim 2 indexmissing text", "Bad arguments for algorithm FLAT: indexmissing"),
    ("schema t numeric sortable indexmissing text", "OK"),
    ("schema t numeric indexmissing sortable", "OK"),
    ("schema t text nostem indexempty sortable unf noindex indexmissing text", "OK"),
    (
        "schema t text indexmissing sortable noindex",
        "'Field `t` cannot be defined with both `NOINDEX` and `INDEXMISSING`'",
    ),
    ("schema t text as x phonetic dm:xx", "Invalid field type for field `as`"),
    ("nohl nofreqs language", "Bad arguments for LANGUAGE: Expected an argument, but none provided"),
    ("nohl nofreqs language_field", "Bad arguments for LANGUAGE_FIELD: Expected an argument, but none provided"),
    ("nohl nofreqs score", "Bad arguments for SCORE: Expected an argument, but none provided"),
    ("nohl nofreqs score_field", "Bad arguments for SCORE_FIELD: Expected an argument, but none provided"),
    ("nohl nofreqs payload_field", "Bad arguments for PAYLOAD_FIELD: Expected an argument, but none provided"),
    ("nohl nofreqs temporary", "Bad arguments for TEMPORARY: Expected an argument, but none provided"),
    ("nohl nofreqs stopwords", "Bad arguments for STOPWORDS: Expected an argument, but none provided"),
    ("nohl nofreqs prefix", "Bad arguments for PREFIX: Expected an argument, but none provided"),
    ("nohl nofreqs on", "Bad arguments for ON: Expected an argument, but none provided"),
    ("nohl nofreqs maxtextfields", "No schema found"),
];

fn words(line: &str) -> Vec<&[u8]> {
    line.split_ascii_whitespace().map(str::as_bytes).collect()
}

fn answer<T>(result: Result<T, schema::Error>, command: &str) -> String {
    match result {
        Ok(_) => "OK".to_owned(),
        Err(fact) => String::from_utf8_lossy(error::search::definition(command, &fact).text()).into_owned(),
    }
}

fn create(line: &str) -> Result<Schema, schema::Error> {
    schema::create(b"index", words(line))
}

#[test]
fn definitions_are_answered_as_clients_know_it() {
    for (line, expected) in DEFINITIONS {
        assert_eq!(&answer(create(line), "FT.CREATE"), expected, "{line}");
    }
}

#[test]
fn a_filter_has_to_be_an_expression() {
    for (words, text) in [
        (&["filter", "@a ==", "schema", "t", "foo"][..], "Syntax error at offset 3 near 'a'"),
        (&["filter", "@a ==", "foo", "schema", "t", "text"], "Syntax error at offset 3 near 'a'"),
        (&["filter", "foo(@a)", "schema", "t", "text"], "Unknown function name 'foo'"),
        (&["filter", "@a ==", "language", "klingon", "schema", "t", "text"], "Invalid language"),
        (&["filter", "@a==\"x\" && @__key", "schema", "t", "text"], "OK"),
    ] {
        assert_eq!(
            answer(schema::create(b"i", words.iter().map(|word| word.as_bytes())), "FT.CREATE"),
            text,
            "{words:?}"
        );
    }
}

#[test]
fn what_newer_servers_added_is_accepted() {
    let vector = "dim 8 distance_metric cosine";
    for line in [
        "indexall enable schema t text".to_owned(),
        "indexall disable schema t text".to_owned(),
        format!("schema v vector flat 6 type int8 {vector}"),
        format!("schema v vector hnsw 6 type uint8 {vector}"),
        format!("schema v vector svs-vamana 6 type float16 {vector}"),
        format!(
            "schema v vector svs-vamana 12 type float32 {vector} compression leanvec4x8 reduce 4 training_threshold 2048"
        ),
        format!(
            "schema v vector svs-vamana 12 type float32 {vector} construction_window_size 100 graph_max_degree 16 search_window_size 20"
        ),
    ] {
        assert_eq!(answer(create(&line), "FT.CREATE"), "OK", "{line}");
    }
    for (line, text) in [
        (
            format!("schema v vector svs-vamana 6 type float64 {vector}"),
            "Bad arguments for vector similarity SVS-VAMANA index type: Unknown argument",
        ),
        (
            format!("schema v vector svs-vamana 8 type float32 {vector} m 10"),
            "Bad arguments for algorithm SVS-VAMANA: m",
        ),
        (
            "schema t text weight nan".to_owned(),
            "Bad arguments for weight: Could not convert argument to expected type",
        ),
        ("score nan schema t text".to_owned(), "Invalid score"),
    ] {
        assert_eq!(answer(create(&line), "FT.CREATE"), text, "{line}");
    }
}

#[test]
fn alter_appends_or_leaves_everything_as_it_was() {
    let schema = create("schema a text").unwrap();
    for (line, text) in [
        ("", "ERR wrong number of arguments for 'FT.ALTER' command"),
        ("schema add", "ERR wrong number of arguments for 'FT.ALTER' command"),
        ("schema add b", "Field `b` does not have a type"),
        ("foo bar baz", "ALTER must be followed by SCHEMA"),
        ("schema foo baz bar", "Unknown action passed to ALTER SCHEMA"),
        ("schema add c tag a text", "Duplicate field in schema - a"),
        ("schema add e numeric skipinitialscan", "Field `skipinitialscan` does not have a type"),
    ] {
        assert_eq!(answer(schema::alter(&schema, words(line)), "FT.ALTER"), text, "{line}");
    }
    let altered = schema::alter(&schema, words("skipinitialscan schema add d numeric b text")).unwrap();
    assert!(altered.skip_initial_scan);
    assert_eq!(altered.schema.fields.len(), 3);
    assert_eq!(altered.schema.fields[0], schema.fields[0]);
    assert_eq!(altered.schema.find(b"b"), Some(FieldId(2)));
    assert!(matches!(&altered.schema.fields[2].kind, Kind::Text(text) if text.id.0 == 1));
}

#[test]
fn there_are_limits_to_the_number_of_fields() {
    let fields =
        |count: usize, kind: &str| (0..count).fold("schema".to_owned(), |line, at| format!("{line} f{at} {kind}"));
    assert_eq!(answer(create(&fields(1024, "numeric")), "FT.CREATE"), "OK");
    assert_eq!(answer(create(&fields(1025, "numeric")), "FT.CREATE"), "Schema is limited to 1024 fields");
    assert!(create(&fields(128, "text")).unwrap().flags.max_text_fields);
    assert!(!create(&fields(32, "text")).unwrap().flags.max_text_fields);
    assert_eq!(answer(create(&fields(129, "text")), "FT.CREATE"), "Schema is limited to 128 TEXT fields");
}

/// A definition with every option and every type of field.
const EVERYTHING: &str = "ON JSON PREFIX 2 doc: x FILTER @n>3 LANGUAGE german LANGUAGE_FIELD l SCORE 0.25 SCORE_FIELD s \
    PAYLOAD_FIELD p MAXTEXTFIELDS TEMPORARY 3600 NOOFFSETS NOFIELDS NOFREQS STOPWORDS 3 Der die das SKIPINITIALSCAN \
    INDEXALL ENABLE SCHEMA $.t AS t TEXT WEIGHT -0.1 NOSTEM WITHSUFFIXTRIE INDEXEMPTY INDEXMISSING SORTABLE \
    $.t AS u TEXT SORTABLE UNF NOINDEX $.g TAG SEPARATOR ; CASESENSITIVE WITHSUFFIXTRIE $.h TAG $.n NUMERIC SORTABLE \
    $.p GEO SORTABLE NOINDEX $.f VECTOR FLAT 10 TYPE FLOAT64 DIM 3 DISTANCE_METRIC IP INITIAL_CAP 9 \
    BLOCK_SIZE 7 $.v VECTOR HNSW 14 TYPE INT8 DIM 384 DISTANCE_METRIC COSINE M 40 EF_CONSTRUCTION 250 EF_RUNTIME 20 \
    EPSILON 0.8 INDEXMISSING $.s VECTOR SVS-VAMANA 16 TYPE FLOAT16 DIM 8 DISTANCE_METRIC L2 COMPRESSION LeanVec4x8 \
    REDUCE 4 TRAINING_THRESHOLD 2048 GRAPH_MAX_DEGREE 16 SEARCH_WINDOW_SIZE 30";

fn everything() -> Schema {
    create(EVERYTHING).unwrap()
}

fn decoded(mut bytes: &[u8]) -> Result<Schema, nearset::codec::Corrupt> {
    Schema::decode(&mut bytes)
}

fn encoded(schema: &Schema) -> Vec<u8> {
    let mut bytes = Vec::new();
    schema.encode(&mut bytes);
    bytes
}

#[test]
fn a_schema_is_written_as_what_makes_it_again() {
    let words = |schema: &Schema| -> String {
        let words = schema.words();
        words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
    };
    let small =
        create("prefix 1 doc: schema content text genre tag v vector hnsw 6 type float32 dim 3 distance_metric l2");
    assert_eq!(
        words(&small.unwrap()),
        "ON HASH PREFIX 1 doc: SCHEMA content TEXT genre TAG v VECTOR HNSW 14 TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2 \
         M 16 EF_CONSTRUCTION 200 EF_RUNTIME 10 EPSILON 0.01"
    );
    let all = everything();
    assert_eq!(create(&words(&all)).unwrap(), all);
}

#[test]
fn the_first_layout_is_read_for_ever() {
    let all = everything();
    assert_eq!(encoded(&all), include_bytes!("data/search-schema-1.bin"));
    assert_eq!(decoded(include_bytes!("data/search-schema-1.bin")), Ok(all));
}

#[test]
fn a_damaged_schema_is_refused() {
    let bytes = encoded(&everything());
    for end in 0..bytes.len() {
        assert!(decoded(&bytes[..end]).is_err());
    }
    let mut other = bytes.clone();
    other[0] = 2;
    assert!(decoded(&other).is_err());
    other[0] = 1;
    other[21] = 0xff;
    assert!(decoded(&other).is_err());
}

/// Lines of options and fields, most of them definitions.
fn definition() -> impl Strategy<Value = String> {
    let option = prop::sample::select(vec![
        "on json",
        "on hash",
        "prefix 0",
        "prefix 2 a b",
        "filter @a>1",
        "language french",
        "score 0.5",
        "nohl",
        "nooffsets",
        "nofields",
        "nofreqs",
        "stopwords 0",
        "stopwords 2 A é",
        "temporary 5",
        "skipinitialscan",
        "indexall disable",
        "payload_field p",
        "score_field s",
        "language_field l",
        "maxtextfields",
    ]);
    let field = prop::sample::select(vec![
        "text",
        "text weight 1e-9 nostem",
        "text indexempty sortable unf",
        "text sortable noindex",
        "text phonetic dm:en nostem",
        "text phonetic dm:pt weight 2",
        "tag",
        "tag separator ,",
        "tag separator ; casesensitive sortable",
        "tag withsuffixtrie indexmissing",
        "numeric",
        "numeric sortable",
        "numeric noindex",
        "geo",
        "geo sortable noindex",
        "geo indexmissing",
        "vector flat 6 type float32 dim 2 distance_metric l2",
        "vector flat 8 type int8 dim 2 distance_metric ip block_size 3",
        "vector hnsw 10 type bfloat16 dim 9 distance_metric cosine m 5 epsilon 1e-3 indexmissing",
        "vector svs-vamana 8 type float16 dim 9 distance_metric l2 compression lvq4x8",
    ]);
    let options = proptest::collection::vec(option, 0..6);
    (options, proptest::collection::vec(field, 1..8)).prop_map(|(options, fields)| {
        let fields = fields.iter().enumerate().map(|(at, field)| format!("$.s{} as f{at} {field}", at / 2));
        format!("{} schema {}", options.join(" "), fields.collect::<Vec<_>>().join(" "))
    })
}

proptest! {
    #[test]
    fn any_schema_comes_back(line in definition()) {
        let schema = create(&line).unwrap();
        prop_assert_eq!(&decoded(&encoded(&schema)), &Ok(schema.clone()));
        let words = schema.words();
        prop_assert_eq!(&schema::create(b"index", words.iter().map(|word| &word[..])), &Ok(schema));
    }

    #[test]
    fn any_bytes_are_a_schema_or_corrupt(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&bytes);
        let _ = decoded(&[&encoded(&everything())[..bytes.len()], &bytes].concat());
    }
}
