"""The error table of FT.*: what is asked and the exact text that comes back."""

import pytest

from resp import Error, Simple

V = ["v", "VECTOR", "FLAT", "6", "TYPE", "FLOAT32", "DIM", "2", "DISTANCE_METRIC", "L2"]

ERRORS = [
    ("FT.CREATE x", "ERR wrong number of arguments for 'FT.CREATE' command"),
    ("FT.SEARCH i", "No query string provided"),
    ("FT.AGGREGATE i", "No query string provided"),
    ("FT.SEARCH nope *", "nope: no such index"),
    ("FT.AGGREGATE nope *", "nope: no such index"),
    ("FT.EXPLAIN nope *", "nope: no such index"),
    ("FT.INFO nope", "Unknown index name"),
    ("FT.ALTER nope SCHEMA ADD x TAG", "Unknown index name"),
    ("FT.DROPINDEX nope", "Unknown Index name"),
    ("FT.TAGVALS nope t", "Unknown Index name"),
    ("FT.TAGVALS i nope", "No such field"),
    ("FT.TAGVALS i n", "Not a tag field"),
    ("FT.ALIASADD a nope", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASUPDATE a nope", "Unknown index name (or name is an alias itself)"),
    ("FT.ALIASDEL a", "Alias does not exist"),
    ("FT.CREATE i SCHEMA t TAG", "Index already exists"),
    ("FT.CREATE x ON FOO SCHEMA t TAG", "Invalid rule type: FOO"),
    ("FT.CREATE x PREFIX x SCHEMA t TAG", "Bad arguments for PREFIX: Could not convert argument to expected type"),
    ("FT.CREATE x SCHEMA t FOO", "Invalid field type for field `t`"),
    ("FT.CREATE x SCHEMA t TAG t TAG", "Duplicate field in schema - t"),
    ("FT.CREATE x FILTER foo(1) SCHEMA t TAG", "Unknown function name 'foo'"),
    ("FT.CREATE x SCHEMA v VECTOR FLAT 4 TYPE FLOAT32 DISTANCE_METRIC L2",
     "Missing mandatory parameter: cannot create FLAT index without specifying DIM argument"),
    ("FT.SEARCH i * SORTBY nope", "Property `nope` not loaded nor in schema"),
    ("FT.SEARCH i * LIMIT 0", "LIMIT requires two arguments"),
    ("FT.SEARCH i * LIMIT 0 1000001", "LIMIT exceeds maximum of 1000000"),
    ("FT.SEARCH i * DIALECT 5", "DIALECT requires a non negative integer >=1 and <= 4"),
    ("FT.SEARCH i * FOO", "Unknown argument `FOO` at position 1 for <main>"),
    ("FT.SEARCH i * SCORER FOO", "No such scorer FOO"),
    ("FT.SEARCH i * EXPLAINSCORE", "EXPLAINSCORE must be accompanied with WITHSCORES"),
    ("FT.SEARCH i *=>[KNN_1_@v_$b] DIALECT 2", "No such parameter `b`"),
    ("FT.SEARCH i *=>[KNN_1_@v_$b] PARAMS 2 b abc DIALECT 2",
     "Error parsing vector similarity query: query vector blob size (3) does not match index's expected size (8)."),
    ("FT.AGGREGATE i * APPLY foo(1) AS x", "Unknown function name 'foo'"),
    ("FT.AGGREGATE i * APPLY @nope AS x", "Property `nope` not loaded nor in pipeline"),
    ("FT.AGGREGATE i * GROUPBY 1 @nope", "No such property `nope`"),
    ("FT.AGGREGATE i * GROUPBY 1 @g REDUCE FOO 0", "No such reducer: FOO"),
    ("FT.CURSOR READ i 99", "Cursor not found"),
    ("FT.CURSOR DEL i 99", "Cursor does not exist"),
    ("FT.CURSOR READ i x", "Bad cursor ID"),
    ("FT.CURSOR FOO i 1", "Unknown subcommand"),
    ("FT.CURSOR READ i 99 COUNT 0", "Bad arguments for COUNT: Value is outside acceptable bounds"),
    ("FT.CONFIG SET nope 1", "Invalid option"),
    ("FT.CONFIG SET MINSTEMLEN 1", "Not modifiable at runtime"),
    ("FT.CONFIG SET TIMEOUT x", "Could not convert argument to expected type"),
    ("FT.CONFIG SET DEFAULT_DIALECT 5", "Default dialect version cannot be higher than 4"),
    ("FT.CONFIG SET ON_TIMEOUT x", "Invalid ON_TIMEOUT value"),
]  # fmt: skip


@pytest.mark.parametrize("line, text", ERRORS)
def test_errors(r2, line, text):
    assert r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC", *V) == Simple("OK")
    words = [word.replace("_", " ") if word.startswith("*=>") else word for word in line.split()]
    assert r2(*words) == Error(text)
