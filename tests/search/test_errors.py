"""The error table of FT.*: what is asked and the exact text that comes back, in both protocols.

Lines are split as a shell would split them; BLOB is a vector of the fields `v` and `h`, SHORT one that is too short. Rows of
the table that belong to later features are in LATER with the reason; the rest of it, row by row, is TABLE.
"""

import shlex

import pytest

from resp import Error, Simple

V = "VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2"
H = V.replace("FLAT", "HNSW")
INDEXES = [
    f"FT.CREATE i SCHEMA t TEXT g TAG n NUMERIC p GEO v {V} h {H}",
    "FT.CREATE k SCHEMA s TEXT WITHSUFFIXTRIE t TEXT",
    f"FT.CREATE j ON JSON SCHEMA $.t AS t TEXT $.n AS n NUMERIC $.v AS v {V}",
    "FT.ALIASADD other i",
]
DOCUMENTS = ["HSET d:1 t hello g red n 3 p 1,2 v BLOB h BLOB", "HSET d:2 t hello g a n 3 v BLOB h BLOB"]

EXPECTED, TYPE, BOUNDS, UNKNOWN = (
    "Expected an argument, but none provided",
    "Could not convert argument to expected type",
    "Value is outside acceptable bounds",
    "Unknown argument",
)
VECTOR = "Error parsing vector similarity parameters: "
MATCHER = (
    "Matcher Format: <2 chars algorithm>:<2 chars language>. Support algorithms: double metaphone (dm). "
    "Supported languages: English (en), French (fr), Portuguese (pt) and Spanish (es)"
)


def arity(*names):
    return [(f"FT.{name}", f"ERR wrong number of arguments for 'FT.{name}' command") for name in names]


def create(fields):
    return f"FT.CREATE x SCHEMA {fields}"


def vector(parameters, algorithm="FLAT"):
    count = len(parameters.split())
    return create(f"v VECTOR {algorithm} {count} {parameters}")


def knn(inside, filter="*", more="PARAMS 2 b BLOB", index="i"):
    return f"FT.SEARCH {index} '{filter}=>[{inside}]' {more} DIALECT 2"


def search(query, more="", dialect=2):
    return f"FT.SEARCH i '{query}' {more} DIALECT {dialect}"


def graph(name, value, text):
    """What a bad parameter of a vector field answers; `text` is what it is called."""
    lines = [(vector(f"TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 {name} {value}", "HNSW"), TYPE if value == "x" else BOUNDS)]
    return [(line, f"Bad arguments for vector similarity HNSW index {text}: {problem}") for line, problem in lines]


TABLE = [
    # Too few words
    *arity("CREATE", "SEARCH", "AGGREGATE", "INFO", "ALTER", "DROPINDEX", "TAGVALS", "EXPLAIN", "EXPLAINCLI", "CURSOR", "CONFIG"),
    *arity("ALIASADD", "ALIASUPDATE", "ALIASDEL", "_CREATEIFNX", "_ALTERIFNX", "_DROPINDEXIFX", "_ALIASADDIFNX", "_ALIASDELIFX"),
    ("FT.CREATE x", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("FT.CREATE x SCHEMA t", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("FT.ALIASADD a", "ERR wrong number of arguments for 'FT.ALIASADD' command"),
    ("FT.SEARCH i", "No query string provided"),
    ("FT.AGGREGATE i", "No query string provided"),
    # Names of indexes
    ("FT.SEARCH nope *", "nope: no such index"),
    ("FT.AGGREGATE nope *", "nope: no such index"),
    ("FT.EXPLAIN nope *", "nope: no such index"),
    ("FT.EXPLAINCLI nope *", "nope: no such index"),
    ("FT.INFO nope", "Unknown index name"),
    ("FT.ALTER nope SCHEMA ADD x TAG", "Unknown index name"),
    ("FT.DROPINDEX nope", "Unknown Index name"),
    ("FT.TAGVALS nope t", "Unknown Index name"),
    ("FT.ALIASADD a nope", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASADD a other", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASUPDATE a nope", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASUPDATE a other", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASADD other i", "Alias already exists"),
    ("FT.ALIASDEL a", "Alias does not exist"),
    ("FT.CREATE i SCHEMA t TAG", "Index already exists"),
    # FT.CREATE before SCHEMA
    ("FT.CREATE x ON FOO SCHEMA t TAG", "Invalid rule type: FOO"),
    ("FT.CREATE x PREFIX x SCHEMA t TAG", f"Bad arguments for PREFIX: {TYPE}"),
    ("FT.CREATE x PREFIX -1 SCHEMA t TAG", f"Bad arguments for PREFIX: {BOUNDS}"),
    ("FT.CREATE x ON HASH PREFIX", f"Bad arguments for PREFIX: {EXPECTED}"),
    ("FT.CREATE x LANGUAGE klingon SCHEMA t TEXT", "Invalid language"),
    ("FT.CREATE x SCORE 2 SCHEMA t TEXT", "Invalid score"),
    ("FT.CREATE x SCORE x SCHEMA t TEXT", "Invalid score"),
    ("FT.CREATE x FILTER '@a>' SCHEMA t TEXT", "Syntax error at offset 2 near 'a'"),
    ("FT.CREATE x FILTER foo(1) SCHEMA t TAG", "Unknown function name 'foo'"),
    ("FT.CREATE x TEMPORARY x SCHEMA t TAG", f"Bad arguments for TEMPORARY: {TYPE}"),
    ("FT.CREATE x STOPWORDS x SCHEMA t TAG", f"Bad arguments for STOPWORDS: {TYPE}"),
    ("FT.CREATE x FOO SCHEMA t TAG", "Unknown argument `FOO`"),
    # Fields
    (create("t FOO"), "Invalid field type for field `t`"),
    (create("t TAG u"), "Field `u` does not have a type"),
    (create("t TAG t2 AS"), "AS requires an argument"),
    (create("t TAG t TAG"), "Duplicate field in schema - t"),
    (create("t TAG INDEXMISSING NOINDEX"), "'Field `t` cannot be defined with both `NOINDEX` and `INDEXMISSING`'"),
    (create("t TEXT WEIGHT x"), f"Bad arguments for weight: {TYPE}"),
    (create("t TEXT PHONETIC"), "PHONETIC requires an argument"),
    (create("t TEXT PHONETIC foo"), MATCHER),
    (create("t TAG SEPARATOR"), "SEPARATOR requires an argument"),
    (create("t TAG SEPARATOR ab"), "Tag separator must be a single character. Got `ab`"),
    # Vector fields
    (create("v VECTOR"), f"Bad arguments for vector similarity algorithm: {EXPECTED}"),
    (create("v VECTOR FOO 2 a b"), f"Bad arguments for vector similarity algorithm: {UNKNOWN}"),
    (create("v VECTOR FLAT x"), f"Bad arguments for vector similarity number of parameters: {TYPE}"),
    (create("v VECTOR FLAT -1"), f"Bad arguments for vector similarity number of parameters: {BOUNDS}"),
    (
        create("v VECTOR FLAT 5 TYPE FLOAT32 DIM 2 DISTANCE_METRIC"),
        "Bad number of arguments for vector similarity index: got 5 but expected even number as algorithm parameters "
        "(should be submitted as named arguments)",
    ),
    (create("v VECTOR FLAT 8 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2"), "Expected 8 parameters but got 6"),
    *[
        (
            vector(parameters, algorithm),
            f"Missing mandatory parameter: cannot create {algorithm} index without specifying {name} argument",
        )
        for algorithm in ("FLAT", "HNSW")
        for name, parameters in (
            ("DIM", "TYPE FLOAT32 DISTANCE_METRIC L2"),
            ("TYPE", "DIM 2 DISTANCE_METRIC L2"),
            ("DISTANCE_METRIC", "TYPE FLOAT32 DIM 2"),
        )
    ],
    (vector("TYPE FOO DIM 2 DISTANCE_METRIC L2"), f"Bad arguments for vector similarity FLAT index type: {UNKNOWN}"),
    (vector("TYPE FLOAT32 DIM 0 DISTANCE_METRIC L2"), f"Bad arguments for vector similarity FLAT index dim: {BOUNDS}"),
    (vector("TYPE FLOAT32 DIM -1 DISTANCE_METRIC L2"), f"Bad arguments for vector similarity FLAT index dim: {BOUNDS}"),
    (vector("TYPE FLOAT32 DIM x DISTANCE_METRIC L2"), f"Bad arguments for vector similarity FLAT index dim: {TYPE}"),
    (vector("TYPE FLOAT32 DIM 2.5 DISTANCE_METRIC L2"), f"Bad arguments for vector similarity FLAT index dim: {TYPE}"),
    (vector("TYPE FLOAT32 DIM 2 DISTANCE_METRIC FOO"), f"Bad arguments for vector similarity FLAT index metric: {UNKNOWN}"),
    *graph("M", "x", "m"),
    *graph("M", "0", "m"),
    *graph("EF_CONSTRUCTION", "x", "efConstruction"),
    *graph("EF_CONSTRUCTION", "0", "efConstruction"),
    *graph("EF_RUNTIME", "x", "efRuntime"),
    *graph("EF_RUNTIME", "0", "efRuntime"),
    *graph("EPSILON", "x", "epsilon"),
    *graph("EPSILON", "-1", "epsilon"),
    *graph("INITIAL_CAP", "x", "initial cap"),
    *graph("INITIAL_CAP", "-1", "initial cap"),
    (
        vector("TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 BLOCK_SIZE x"),
        f"Bad arguments for vector similarity FLAT index blocksize: {TYPE}",
    ),
    (vector("TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 FOO 1", "HNSW"), "Bad arguments for algorithm HNSW: FOO"),
    (vector("TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 M 1"), "Bad arguments for algorithm FLAT: M"),
    # FT.ALTER
    ("FT.ALTER i FOO ADD x TAG", "ALTER must be followed by SCHEMA"),
    ("FT.ALTER i SCHEMA FOO x TAG", "Unknown action passed to ALTER SCHEMA"),
    ("FT.ALTER i SCHEMA ADD t TAG", "Duplicate field in schema - t"),
    # Syntax of queries
    (search("hello @t: )"), "Syntax error at offset 10 near t"),
    (search("hello:x"), "Syntax error at offset 5 near hello"),
    (search("@g:{hello-world}"), "Syntax error at offset 9 near hello"),
    (search("*=>[FOO 2 @v $b]", "PARAMS 2 b BLOB"), "Syntax error: Expecting Vector Similarity command at offset 4 near FOO"),
    (
        search("@v:[FOO 1 $b]", "PARAMS 2 b BLOB"),
        "Syntax error: expecting vector similarity range command at offset 4 near FOO",
    ),
    (search("(" * 5000 + "a" + ")" * 5000), "Parser stack overflow. Try moving nested parentheses more to the left"),
    # Parameters
    (knn("KNN 1 @v $b", more=""), "No such parameter `b`"),
    (search("@n:[$a $b]", "PARAMS 2 a 1"), "No such parameter `b`"),
    (knn("KNN $k @v $b", more="PARAMS 4 b BLOB k x"), "Invalid numeric value (x) for parameter `k`"),
    (search("*", "PARAMS 1 b"), "Parameters must be specified in PARAM VALUE pairs"),
    (search("*", "PARAMS 0"), "Parameters must be specified in PARAM VALUE pairs"),
    (search("*", "PARAMS 4 b 1 b 2"), "Duplicate parameter `b`"),
    (search("*", "PARAMS 2 a 1 PARAMS 2 b 2"), "Multiple PARAMS are not allowed. Parameters can be defined only once"),
    (search("*", "PARAMS x a 1"), f"Bad arguments for PARAMS: {TYPE}"),
    # Vectors in queries
    (
        knn("KNN 1 @v $b", more="PARAMS 2 b SHORT"),
        "Error parsing vector similarity query: query vector blob size (3) does not match index's expected size (8).",
    ),
    (
        search("@v:[VECTOR_RANGE -1 $b]", "PARAMS 2 b BLOB"),
        "Error parsing vector similarity query: negative radius (-1) given in a range query",
    ),
    (knn("KNN 1 @v $b FOO 1"), f"{VECTOR}Invalid option"),
    (knn("KNN 1 @v $b EF_RUNTIME 5"), f"{VECTOR}Invalid option"),
    (knn("KNN 1 @h $b EF_RUNTIME 0"), f"{VECTOR}Invalid value was given"),
    (knn("KNN 1 @h $b EF_RUNTIME x"), f"{VECTOR}Invalid value was given"),
    (knn("KNN 1 @h $b BATCH_SIZE 0", "@g:{a}"), f"{VECTOR}Invalid value was given"),
    (search("@h:[VECTOR_RANGE 1 $b]=>{$EPSILON: 0}", "PARAMS 2 b BLOB"), f"{VECTOR}Invalid value was given"),
    (knn("KNN 1 @h $b EF_RUNTIME 5 EF_RUNTIME 6"), f"{VECTOR}Parameter was specified twice"),
    (knn("KNN 1 @h $b EPSILON 0.1"), f"{VECTOR}range query attributes were sent for a non-range query"),
    (knn("KNN 1 @v $b HYBRID_POLICY ADHOC_BF"), f"{VECTOR}hybrid query attributes were sent for a non-hybrid query"),
    (knn("KNN 1 @v $b BATCH_SIZE 5"), f"{VECTOR}hybrid query attributes were sent for a non-hybrid query"),
    (knn("KNN 1 @v $b HYBRID_POLICY FOO", "@g:{a}"), f"{VECTOR}invalid hybrid policy was given"),
    (
        knn("KNN 1 @v $b HYBRID_POLICY ADHOC_BF BATCH_SIZE 5", "@g:{a}"),
        f"{VECTOR}'batch size' is irrelevant for 'ADHOC_BF' policy",
    ),
    (
        knn("KNN 1 @h $b HYBRID_POLICY ADHOC_BF EF_RUNTIME 5", "@g:{a}"),
        f"{VECTOR}'EF_RUNTIME' is irrelevant for 'ADHOC_BF' policy",
    ),
    (knn("KNN 1 @v $b AS t"), "Property `t` already exists in schema"),
    (
        knn("KNN 1 @v $b AS d", "@v:[VECTOR_RANGE 1 $b]=>{$YIELD_DISTANCE_AS: d}"),
        "Property `d` specified more than once",
    ),
    (
        search("*=>[KNN 1 @v $b AS d]=>{$YIELD_DISTANCE_AS: e}", "PARAMS 2 b BLOB"),
        "Distance field was specified twice for vector query: d and e",
    ),
    # Attributes and fields of clauses
    (search("hello=>{$foo: 1}"), "Invalid attribute foo"),
    (search("hello=>{$weight: -2}"), "Invalid value (-2) for `weight`"),
    (search("ismissing(@t)"), "'ismissing' requires field 't' to be defined with 'INDEXMISSING'"),
    (search('@g:{""}'), "Use `INDEXEMPTY` in field creation in order to index and query for empty strings"),
    ("FT.SEARCH k '@t:*suffix' DIALECT 2", "Contains query on fields without WITHSUFFIXTRIE support"),
    # Places
    (search("@p:[1 2 3 foo]"), "Invalid GeoFilter unit"),
    (search("@p:[200 2 3 km]"), "Invalid GeoFilter lat/lon"),
    (search("@p:[1 2 -3 km]"), "Invalid GeoFilter radius"),
    (search("*", "GEOFILTER p 1 2 3 foo"), "Unknown distance unit foo"),
    (search("*", "GEOFILTER p 1 2 x km"), f"Bad arguments for <radius>: {TYPE}"),
    ("FT.SEARCH i * GEOFILTER p 1 2", "GEOFILTER requires 5 arguments"),
    # Options of FT.SEARCH
    ("FT.SEARCH i * FILTER n 1", "FILTER requires 3 arguments"),
    (search("*", "FILTER n 1 x"), "Bad upper range: x"),
    (search("*", "FILTER n x 1"), "Bad lower range: x"),
    (search("*", "SORTBY nope"), "Property `nope` not loaded nor in schema"),
    ("FT.SEARCH i * SORTBY", "Bad SORTBY arguments"),
    (search("*", "SORTBY n SORTBY n"), "Multiple SORTBY steps are not allowed"),
    ("FT.SEARCH i * RETURN", f"Bad arguments for RETURN: {EXPECTED}"),
    ("FT.SEARCH i * RETURN x t", f"Bad arguments for RETURN: {TYPE}"),
    ("FT.SEARCH i * RETURN 2 t AS", "RETURN path AS name - must be accompanied with NAME"),
    ("FT.SEARCH i * LIMIT 0", "LIMIT requires two arguments"),
    ("FT.SEARCH i * LIMIT x 1", "LIMIT needs two numeric arguments"),
    ("FT.SEARCH i * LIMIT 0 1000001", "LIMIT exceeds maximum of 1000000"),
    ("FT.SEARCH i * LIMIT 1000001 1", "OFFSET exceeds maximum of 1000000"),
    ("FT.SEARCH i * DIALECT 5", "DIALECT requires a non negative integer >=1 and <= 4"),
    ("FT.SEARCH i * DIALECT", "Need an argument for DIALECT"),
    ("FT.SEARCH i * TIMEOUT x", "TIMEOUT requires a non negative integer"),
    ("FT.SEARCH i * SCORER FOO", "No such scorer FOO"),
    ("FT.SEARCH i * LANGUAGE klingon", "No such language"),
    ("FT.SEARCH i * EXPLAINSCORE", "EXPLAINSCORE must be accompanied with WITHSCORES"),
    ("FT.SEARCH i * FORMAT FOO", "FORMAT FOO is not supported"),
    ("FT.SEARCH i * FOO", "Unknown argument `FOO` at position 1 for <main>"),
    ("FT.SEARCH i * INKEYS x", f"Bad arguments for INKEYS: {TYPE}"),
    ("FT.SEARCH i * INKEYS", f"Bad arguments for INKEYS: {EXPECTED}"),
    ("FT.SEARCH i * SLOP x", f"Bad arguments for SLOP: {TYPE}"),
    ("FT.SEARCH i * SLOP", f"Bad arguments for SLOP: {EXPECTED}"),
    ("FT.PROFILE i FOO QUERY hello", "No `SEARCH`, `AGGREGATE`, or `HYBRID` provided"),
    ("FT.PROFILE i SEARCH hello world", "The QUERY keyword is expected"),
    ("FT.SEARCH i hello HIGHLIGHT TAGS a", "Bad arguments for HIGHLIGHT"),
    ("FT.SEARCH i hello HIGHLIGHT FIELDS 2 t", "Bad arguments for HIGHLIGHT"),
    ("FT.SEARCH i hello SUMMARIZE LEN x", "Bad arguments for SUMMARIZE"),
    ("FT.SEARCH i hello SUMMARIZE FRAGS -1", "Bad arguments for SUMMARIZE"),
    ("FT.SEARCH i hello SUMMARIZE FIELDS 1 nope", "No such property `nope`"),
    ("FT.SEARCH i hello HIGHLIGHT FIELDS 1 x RETURN 1 x", "Property `x` is not in schema"),
    ("FT.AGGREGATE i hello LOAD 1 t HIGHLIGHT", "Unknown argument `HIGHLIGHT` at position 4 for <main>"),
    # Steps of FT.AGGREGATE
    ("FT.AGGREGATE i * GROUPBY 1 @nope", "No such property `nope`"),
    ("FT.AGGREGATE i * GROUPBY 1 cat", "Bad arguments for GROUPBY: Unknown property `cat`. Did you mean `@cat`?"),
    ("FT.AGGREGATE i * GROUPBY 1 @g REDUCE FOO 0", "No such reducer: FOO"),
    ("FT.AGGREGATE i * GROUPBY 1 @g REDUCE SUM 0", "Missing arguments for SUM"),
    ("FT.AGGREGATE i * GROUPBY 1 @g REDUCE COUNT 1 @n", "Count accepts 0 values only"),
    ("FT.AGGREGATE i * SORTBY 1 n", "MISSING ASC or DESC after sort field (n)"),
    ("FT.AGGREGATE i * APPLY @nope AS x", "Property `nope` not loaded nor in pipeline"),
    ("FT.AGGREGATE i * APPLY foo(1) AS x", "Unknown function name 'foo'"),
    ("FT.AGGREGATE i * APPLY inf AS x", "Unknown symbol 'inf'"),
    ("FT.AGGREGATE i * LOAD 1 @t APPLY @t+1 AS x", "Could not convert value to a number"),
    ("FT.AGGREGATE i * APPLY format('\"%d\",1') AS x", "Unknown format specifier passed"),
    ("FT.AGGREGATE i * APPLY format('\"%s\"') AS x", "Not enough arguments for format"),
    ("FT.AGGREGATE i * LOAD x", "Bad arguments for LOAD: SUCCESS"),
    # Cursors
    ("FT.CURSOR READ i 99", "Cursor not found"),
    ("FT.CURSOR DEL i 99", "Cursor does not exist"),
    ("FT.CURSOR READ i x", "Bad cursor ID"),
    ("FT.CURSOR FOO i 1", "Unknown subcommand"),
    ("FT.CURSOR READ i 99 COUNT 0", f"Bad arguments for COUNT: {BOUNDS}"),
    ("FT.AGGREGATE i * WITHCURSOR COUNT 0", f"Bad arguments for COUNT: {BOUNDS}"),
    # Tags
    ("FT.TAGVALS i nope", "No such field"),
    ("FT.TAGVALS i n", "Not a tag field"),
    # Settings
    ("FT.CONFIG SET nope 1", "Invalid option"),
    ("FT.CONFIG SET MULTI_TEXT_SLOP 1", "Not modifiable at runtime"),
    ("FT.CONFIG SET TIMEOUT x", TYPE),
    ("FT.CONFIG SET DEFAULT_DIALECT 5", "Default dialect version cannot be higher than 4"),
    ("FT.CONFIG SET ON_TIMEOUT x", "Invalid ON_TIMEOUT value"),
]

EXPAND = [
    (2, "FT.SEARCH j * FORMAT EXPAND DIALECT 3", "EXPAND format is only supported with RESP3"),
    (3, "FT.SEARCH i * FORMAT EXPAND DIALECT 3", "EXPAND format is only supported with JSON"),
    (3, "FT.SEARCH j * FORMAT EXPAND DIALECT 2", "EXPAND format requires dialect 3 or greater"),
]

LATER = {
    "CREATE db 1": "indexes work in every database, see test_life.py",
    "geoshape, geoshape operand": "many, see test_shapes.py",
    "SPELLCHECK, DICTDUMP, SUGADD": "the commands are not there",
    "FT.SYNUPDATE, FT.SYNDUMP of an unknown index": "the commands are not there",
    "timeout (FAIL)": "needs a query that takes time: see test_aggregate_rows.py",
    "HYBRID": "the command is not there",
}


def words_of(line):
    blobs = {"BLOB": bytes(8), "SHORT": bytes(3)}
    return [blobs.get(word, word) for word in shlex.split(line)]


@pytest.fixture(params=[2, 3])
def c(server, request):
    connection = server.connect(request.param)
    for line in INDEXES + DOCUMENTS:
        assert not isinstance(connection(*words_of(line)), Error)
    return connection


def test_the_table(c):
    answers = [(line, c(*words_of(line))) for line, _ in TABLE]
    wrong = [(line[:200], answer, text) for (line, answer), (_, text) in zip(answers, TABLE) if answer != Error(text)]
    assert not wrong


@pytest.mark.parametrize("protocol, line, text", EXPAND)
def test_format_expand(server, protocol, line, text):
    connection = server.connect(protocol)
    for setup in INDEXES:
        assert connection(*words_of(setup)) == Simple("OK")
    assert connection(*words_of(line)) == Error(text)
