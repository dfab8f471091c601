"""What the comparison with RediSearch (tests/differential/search.py) leaves out because it is different on purpose."""

import json
import struct

import pytest

from resp import Error


def keys(reply):
    return sorted(key.decode() for key in reply[1:])


@pytest.fixture
def found(r2):
    """Keys that a query finds in an index over hashes."""
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "w", "TEXT", "NOSTEM", "g", "TAG", "n", "NUMERIC")
    r2("HSET", "near", "t", "hello brave world", "g", "x", "n", 1)
    r2("HSET", "far", "t", "hello a1 a2 a3 a4 world", "g", "x", "n", 2)
    r2("HSET", "one", "t", "hello", "g", "x", "n", 3)

    def found(query, *options):
        reply = r2("FT.SEARCH", "i", query, *options, "NOCONTENT", "LIMIT", 0, 100, "DIALECT", 2)
        assert not isinstance(reply, Error), reply
        return keys(reply)

    return found


@pytest.mark.parametrize(
    "query, options, rows",
    [
        # Tags and numbers have no positions: they neither are far from words, nor make one word a phrase.
        ("@g:{x} hello", ["SLOP", 0], ["far", "near", "one"]),
        ("hello @n:[1 2]", ["SLOP", 1, "INORDER"], ["far", "near"]),
        ("@g:{x} hello world", ["SLOP", 1], ["near"]),
        ("(hello | zzz) world", ["SLOP", 1, "INORDER"], ["near"]),
        ("hello -brave", ["SLOP", 0], ["far", "one"]),
        # Two words of a query are two words of the document.
        ("hello hello", ["SLOP", 3], []),
        ('"hello hello"', [], []),
        # Stop words stand in phrases.
        ('"hello the world"', [], []),
        ('"the brave world"', [], ["near"]),
        # A negation of a range is what the range leaves.
        ("-(-(@n:[1 2]))", [], ["far", "near"]),
    ],
)
def test_words_and_what_has_no_position(found, query, options, rows):
    assert found(query, *options) == rows


def test_a_phrase_with_a_stop_word(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    r2("HSET", "d", "t", "king of the hill")
    assert keys(r2("FT.SEARCH", "i", '"king of the hill"', "NOCONTENT")) == ["d"]


def test_null_and_no_match_are_missing(r2):
    vector = ["VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2", "INDEXMISSING"]
    fields = ["$.t", "AS", "t", "TEXT", "INDEXMISSING", "$.g[*]", "AS", "g", "TAG", "INDEXMISSING", "$.v[*]", "AS", "v", *vector]
    r2("FT.CREATE", "i", "ON", "JSON", "SCHEMA", *fields)
    documents = {"absent": {}, "null": {"t": None, "g": None, "v": None}, "empty": {"g": [], "v": []}}
    documents["full"] = {"t": "x", "g": ["a"], "v": [[1, 2], [3, 4]]}
    for key, document in documents.items():
        r2("JSON.SET", key, "$", json.dumps(document))
    for field in "tgv":
        reply = r2("FT.SEARCH", "i", f"ismissing(@{field})", "NOCONTENT", "DIALECT", 2)
        assert keys(reply) == ["absent", "empty", "null"], field


@pytest.mark.parametrize("algorithm", ["FLAT", "HNSW"])
def test_a_negated_vector_range_leaves_out_what_is_within(r2, algorithm):
    r2("FT.CREATE", "i", "SCHEMA", "v", "VECTOR", algorithm, 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2")
    for n in range(30):
        r2("HSET", f"d{n:02}", "v", struct.pack("<2f", n, 0))
    for n in (0, 3, 17, 29):
        params = ["PARAMS", 2, "b", struct.pack("<2f", n, 0), "NOCONTENT", "LIMIT", 0, 100, "DIALECT", 2]
        within = keys(r2("FT.SEARCH", "i", "@v:[VECTOR_RANGE 4 $b]", *params))
        without = keys(r2("FT.SEARCH", "i", "-(@v:[VECTOR_RANGE 4 $b])", *params))
        assert within == [f"d{m:02}" for m in range(30) if abs(m - n) <= 2]
        assert sorted(within + without) == [f"d{m:02}" for m in range(30)]


def test_weights_count(r2):
    """$weight counts for every scorer, and once."""
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "NOSTEM", "g", "TAG", "n", "NUMERIC")
    r2("HSET", "d", "t", "hello world", "g", "a,b", "n", 1)
    r2("HSET", "e", "t", "other")

    def score(query, scorer):
        return float(r2("FT.SEARCH", "i", query, "WITHSCORES", "NOCONTENT", "SCORER", scorer, "DIALECT", 2)[2])

    for scorer in ("BM25STD", "BM25", "TFIDF", "DISMAX"):
        for clause in ("hello", "hello world", "hello | world", "@g:{a}", "@g:{a|b}", "@g:{a*|b}", "hel*"):
            assert score(f"({clause})=>{{$weight: 2}}", scorer) == pytest.approx(2 * score(f"({clause})", scorer)), (scorer, clause)
