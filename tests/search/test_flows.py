"""What users do first: indexes over hashes and JSON, vector queries, filters, aggregation, cursors."""

import json
import pathlib
import struct

import pytest

from resp import Double, Error, Map, Set, Simple

REFERENCE = json.loads((pathlib.Path(__file__).parent.parent / "data" / "reference_examples.json").read_text())
HAPPY = REFERENCE["happy"]
OK = Simple("OK")


def blob(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


def happy_index(c, kind):
    source = (lambda name: ["$." + name, "AS", name]) if kind == "JSON" else (lambda name: [name])
    schema = [*source("content"), "TEXT", *source("genre"), "TAG", *source("embedding"), "VECTOR", "HNSW", "6"]
    schema += ["TYPE", "FLOAT32", "DIM", "384", "DISTANCE_METRIC", "L2"]
    assert c("FT.CREATE", "vector_idx", "ON", kind, "PREFIX", "1", "doc:", "SCHEMA", *schema) == OK
    for number, (text, vector) in enumerate(zip(HAPPY["texts"], HAPPY["embeddings"])):
        genre = "pets" if "dog" in text else "persons"
        if kind == "JSON":
            c("JSON.SET", f"doc:{number}", "$", json.dumps({"content": text, "genre": genre, "embedding": vector}))
        else:
            c("HSET", f"doc:{number}", "content", text, "genre", genre, "embedding", blob(vector))


@pytest.mark.usefixtures("redis_style")
@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["HASH", "JSON"])
def test_happy_person(r2, r3, kind):
    """The nearest come first without SORTBY, with the distances that the guides print."""
    happy_index(r2, kind)
    query = ["FT.SEARCH", "vector_idx", "*=>[KNN 3 @embedding $vec AS vector_distance]", "RETURN", "2", "vector_distance", "content"]
    query += ["DIALECT", "2", "PARAMS", "2", "vec", blob(HAPPY["query_embedding"])]
    total, *rows = r2(*query)
    assert total == 3
    assert rows[::2] == [b"doc:0", b"doc:1", b"doc:2"]
    for fields, text, expected in zip(rows[1::2], HAPPY["texts"], HAPPY["expected_l2_squared_go_seed"]):
        assert fields[0] == b"vector_distance" and fields[2:] == [b"content", text.encode()]
        assert abs(float(fields[1]) - float(expected)) < 2e-6
    reply = r3(*query)
    assert [str(name) for name, _ in reply] == ["attributes", "total_results", "format", "results", "warning"]
    assert reply.get("total_results") == 3 and reply.get("format") == Simple("STRING") and reply.get("warning") == []
    first = reply.get("results")[0]
    assert [str(name) for name, _ in first] == ["id", "extra_attributes", "values"]
    assert first.get("extra_attributes").get("content") == HAPPY["texts"][0].encode()
    filtered = [word.replace("*=>", "@genre:{pets}=>") if word.startswith("*=>") else word for word in query[:-1]] + query[-1:]
    assert r2(*filtered)[:2] == [1, b"doc:1"]


def small_index(c, *options):
    assert c("FT.CREATE", "i", *options, "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC", "SORTABLE") == OK
    for number in range(5):
        c("HSET", f"d:{number}", "t", f"hello {number}", "g", "ab"[number % 2], "n", number)


def test_search_shapes(r2, r3):
    small_index(r2)
    assert r2("FT.SEARCH", "i", "@n:[3 4]", "NOCONTENT") == [2, b"d:3", b"d:4"]
    assert r2("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [5]
    assert r2("FT.SEARCH", "i", "*", "SORTBY", "n", "DESC", "LIMIT", 0, 1, "WITHSORTKEYS") == [
        5, b"d:4", b"#4", [b"n", b"4", b"t", b"hello 4", b"g", b"a"],
    ]  # fmt: skip
    assert r2("FT.SEARCH", "i", "@n:[1 1]", "RETURN", 3, "n", "AS", "x") == [1, b"d:1", [b"x", b"1"]]
    assert r2("FT.SEARCH", "i", "@n:[1 1]", "RETURN", 1, "nope") == [1, b"d:1", []]
    assert r2("FT.SEARCH", "i", "@n:[1 1]", "RETURN", 1, "__key") == [1, b"d:1", [b"__key", b"d:1"]]
    assert r2("FT.SEARCH", "i", "*", "INKEYS", 2, "d:1", "nope", "NOCONTENT") == [1, b"d:1"]
    assert r2("FT.SEARCH", "i", "*", "FILTER", "n", "(1", "3", "NOCONTENT") == [2, b"d:2", b"d:3"]
    row = r3("FT.SEARCH", "i", "hello", "WITHSCORES", "LIMIT", 0, 1, "NOCONTENT").get("results")[0]
    assert [str(name) for name, _ in row] == ["id", "score", "values"] and isinstance(row.get("score"), Double)


def test_json_values_by_dialect(r2):
    assert r2("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", "$.n", "AS", "n", "NUMERIC", "$.a[*]", "AS", "a", "TAG") == OK
    r2("JSON.SET", "j:1", "$", '{"n":1.0,"a":["x","y"],"o":{"k":null},"b":true}')
    rows = r2("FT.SEARCH", "j", "@a:{y}", "RETURN", 5, "n", "a", "$.o", "$.b", "$.nope", "DIALECT", 2)
    assert rows == [1, b"j:1", [b"n", b"1", b"a", b"x", b"$.o", b'{"k":null}', b"$.b", b"1"]]
    rows = r2("FT.SEARCH", "j", "@a:{y}", "RETURN", 2, "n", "a", "DIALECT", 3)
    assert rows == [1, b"j:1", [b"n", b"[1.0]", b"a", b'["x","y"]']]


def test_aggregate_and_cursor(r2, r3):
    small_index(r2)
    count = ["REDUCE", "COUNT", 0, "AS", "k"]
    grouped = r2("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@g", *count, "SORTBY", 2, "@g", "ASC")
    assert grouped == [2, [b"g", b"a", b"k", b"3"], [b"g", b"b", b"k", b"2"]]
    rows = r3("FT.AGGREGATE", "i", "@n:[4 4]", "LOAD", 1, "@t", "APPLY", "upper(@t)", "AS", "u").get("results")
    assert rows == [Map([(Simple("extra_attributes"), Map([(b"t", b"hello 4"), (b"u", b"HELLO 4")])), (Simple("values"), [])])]
    seen, (reply, cursor) = [], r2("FT.AGGREGATE", "i", "*", "LOAD", 1, "__key", "WITHCURSOR", "COUNT", 2)
    while True:
        seen += [row[1] for row in reply[1:]]
        if not cursor:
            break
        reply, cursor = r2("FT.CURSOR", "READ", "i", cursor)
    assert seen == [b"d:%d" % number for number in range(5)]


def test_aliases_list_and_tags(r2, r3):
    small_index(r2)
    assert r2("FT.ALIASADD", "other", "i") == OK
    assert r2("FT.SEARCH", "other", "*", "LIMIT", 0, 0) == [5]
    assert r2("FT.ALIASLIST", "i") == [b"other"]
    assert r2("FT.ALIASLIST", "other") == Error("Unknown index name")
    assert r2("FT._LIST") == [Simple("i")] and r3("FT._LIST") == Set([Simple("i")])
    assert r2("FT.TAGVALS", "i", "g") == [b"a", b"b"]
    assert r2("FT.ALIASDEL", "other") == OK
    assert r2("FT.CONFIG", "SET", "MINPREFIX", "3") == OK
    assert r2("CONFIG", "GET", "search.min-prefix") == [b"search.min-prefix", b"3"]
    assert r2("FT.CONFIG", "GET", "MINPREFIX") == [[Simple("MINPREFIX"), b"3"]]


def test_alter(r2):
    small_index(r2)
    r2("HSET", "d:1", "later", "x")
    assert r2("FT.ALTER", "i", "SCHEMA", "ADD", "later", "TAG") == OK
    assert r2("FT.SEARCH", "i", "@later:{x}", "NOCONTENT", "DIALECT", 2) == [1, b"d:1"]


def test_info(r2, r3):
    small_index(r2)
    r2("HSET", "d:bad", "n", "x")
    info = r3("FT.INFO", "i")
    assert info.get("num_docs") == 5 and info.get("hash_indexing_failures") == 1
    assert info.get("Index Errors").get("last indexing error") == Simple("Invalid numeric value: 'x'")
    assert info.get("Index Errors").get("last indexing error key") == b"d:bad"
    flat = r2("FT.INFO", "i")
    assert [str(name) for name in flat[::2]] == [str(name) for name, _ in info]
    assert flat[4:6] == [
        Simple("index_definition"),
        [Simple("key_type"), Simple("HASH"), Simple("prefixes"), [Simple("d:")], Simple("default_score"), b"1"],
    ]
