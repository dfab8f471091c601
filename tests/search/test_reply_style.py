"""The setting reply-style: RediSearch's replies or valkey-search's, and the default of each server."""

import struct

import pytest

from resp import Error, Map, Simple

OK = Simple("OK")
BLOB = struct.pack("<2f", 1, 0)


def setting(connection, name):
    value = connection("CONFIG", "GET", f"search.{name}")
    return (dict(zip(value[::2], value[1::2])) if isinstance(value, list) else dict(value.pairs))[f"search.{name}".encode()]


def pairs(flat):
    return {str(name): value for name, value in zip(flat[::2], flat[1::2])}


def fill(connection):
    connection(
        "FT.CREATE",
        "i",
        "SCHEMA",
        "n",
        "NUMERIC",
        "g",
        "TAG",
        "v",
        "VECTOR",
        "FLAT",
        6,
        "TYPE",
        "FLOAT32",
        "DIM",
        2,
        "DISTANCE_METRIC",
        "L2",
    )
    for n in (1, 2):
        connection("HSET", f"d{n}", "n", n, "g", "abc"[n], "v", struct.pack("<2f", n, 0))


# Commands whose RESP3 shape is RediSearch's own. In valkey's style both protocols have the reply of RESP2.
SHAPED = [
    "FT.SEARCH i @n:[1,2] SORTBY n RETURN 2 n g",
    "FT.SEARCH i @n:[1,2] SORTBY n NOCONTENT WITHSCORES WITHSORTKEYS",
    "FT.SEARCH i @n:[7,8]",
    "FT.SEARCH i * LIMIT 0 0",
    "FT.AGGREGATE i @n:[1,2] LOAD 1 @n SORTBY 1 @n",
    "FT.AGGREGATE i @n:[1,2] GROUPBY 1 @g REDUCE TOLIST 1 @n AS l SORTBY 1 @g",
    "FT.AGGREGATE i @n:[1,2] LOAD 1 @n SORTBY 1 @n WITHCURSOR COUNT 5",
    "FT._LIST",
    "FT._ALIASLIST",
    "FT.SPELLCHECK i wrong",
    "JSON.TYPE j $.a",
    "JSON.TYPE j .a",
    "JSON.NUMINCRBY j $.a 0",
    "JSON.NUMMULTBY j .b 1",
    "JSON.RESP j $",
]


@pytest.mark.smoke
def test_the_default_is_what_clients_of_the_server_know(server, r2, r3):
    valkey = server.name.startswith("valkey")
    assert setting(r2, "reply-style") == (b"valkey" if valkey else b"redis")
    assert setting(r2, "default-dialect") == (b"2" if valkey else b"1")
    assert r2("FT.CONFIG", "GET", "DEFAULT_DIALECT")[0][1] == (b"2" if valkey else b"1")
    fill(r3)
    assert isinstance(r3("FT.SEARCH", "i", "*"), list if valkey else Map)


@pytest.mark.smoke
@pytest.mark.parametrize("style", ["redis", "valkey"])
def test_shapes(start, style):
    server = start("--search.reply-style", style)
    r2, r3 = server.connect(2), server.connect(3)
    fill(r2)
    r2("FT.ALIASADD", "other", "i")
    r2("JSON.SET", "j", "$", '{"a":1.5,"b":2,"c":[true,null,{"d":0.5}]}')
    for line in SHAPED:
        words = line.split()
        plain, shaped = r2(*words), r3(*words)
        same = repr(shaped).replace("NULL", "NULL_BULK").replace("NULL_BULK_BULK", "NULL_BULK") == repr(plain)
        assert not isinstance(plain, Error) and same == (style == "valkey"), (line, plain, shaped)


def test_info_has_the_words_of_both(start):
    server = start("--search.reply-style", "valkey")
    r2, r3 = server.connect(2), server.connect(3)
    fill(r2)
    for connection in (r2, r3):
        info = connection("FT.INFO", "i", "LOCAL", "SOMESHARDS", "INCONSISTENT")
        assert isinstance(info, list) and len(info) % 2 == 0
        info = pairs(info)
        assert info["num_docs"] == 2 and info["hash_indexing_failures"] == 0
        assert (info["backfill_in_progress"], info["backfill_complete_percent"], info["state"]) == (b"0", b"1.000000", b"ready")
        assert info["mutation_queue_size"].isdigit()
        vector = info["attributes"][2]
        vector = pairs(vector)
        assert vector["dim"] == 2
        index = pairs(vector["index"])
        assert (index["dimensions"], index["size"], index["algorithm"]) == (2, b"2", [Simple("name"), Simple("FLAT")])
    assert isinstance(r2("FT.INFO", "i", "EVERYWHERE"), Error)


def test_style_and_dialect_change_together_until_a_dialect_is_told(start):
    server = start()
    r2, r3 = server.connect(2), server.connect(3)
    fill(r2)
    only_in_2 = ("FT.SEARCH", "i", "@n:[$a 2]", "PARAMS", 2, "a", 2, "NOCONTENT")
    assert isinstance(r2(*only_in_2), Error)
    assert r2("CONFIG", "SET", "search.reply-style", "valkey") == OK
    assert r3(*only_in_2) == [1, b"d2"]
    assert setting(r2, "default-dialect") == b"2"
    assert r2("CONFIG", "SET", "search.reply-style", "redis") == OK
    assert isinstance(r2(*only_in_2), Error) and setting(r2, "default-dialect") == b"1"
    assert r2("FT.CONFIG", "SET", "DEFAULT_DIALECT", "1") == OK
    assert r2("CONFIG", "SET", "search.reply-style", "valkey") == OK
    assert setting(r2, "default-dialect") == b"1" and isinstance(r2(*only_in_2), Error)


@pytest.mark.parametrize("given, dialect", [((), b"2"), (("default-dialect", "1"), b"1"), (("default-dialect", "3"), b"3")])
def test_style_as_load_argument(start, given, dialect):
    server = start(module_args=("reply-style", "valkey", *given))
    assert setting(server.connect(), "default-dialect") == dialect


@pytest.mark.smoke
@pytest.mark.parametrize("filter", ["*", "(*)", "@n:[1 2]", "(@n:[1 2] @g:{b|c})", "(-@g:{x})"])
def test_knn_in_every_dialect(r2, filter):
    fill(r2)
    for dialect in (1, 2, 3, 4):
        asked = ("FT.SEARCH", "i", f"{filter}=>[KNN 1 @v $b AS d]", "PARAMS", 2, "b", BLOB, "RETURN", 1, "d", "DIALECT", dialect)
        assert r2(*asked) == [1, b"d1", [b"d", b"0"]], dialect
        assert r2("FT.AGGREGATE", "i", f"{filter}=>[KNN 1 @v $b AS d]", "PARAMS", 2, "b", BLOB, "DIALECT", dialect) == [1, [b"d", b"0"]]


def test_dialect_1_is_as_it_was_without_knn(r2):
    fill(r2)
    for text, error in [
        ("@n:[$a 2]", "Syntax error at offset"),
        ("*=>[KNN", "Syntax error at offset"),
        ("*=>[FOO 1 @v $b]", "Syntax error: Expecting Vector Similarity command"),
    ]:
        answer = r2("FT.SEARCH", "i", text, "PARAMS", 4, "a", 1, "b", BLOB, "DIALECT", 1)
        assert isinstance(answer, Error) and answer.startswith(error), answer


@pytest.mark.smoke
def test_words_of_valkey_about_shards(r2):
    fill(r2)
    for word in ("ALLSHARDS", "SOMESHARDS", "CONSISTENT", "INCONSISTENT"):
        assert r2("FT.SEARCH", "i", "@n:[1 1]", word, "NOCONTENT") == [1, b"d1"]


def test_redis_py_reads_valkey_style(start):
    """In RESP2 as ever; in RESP3 it gives FT.SEARCH's list as it comes, since it expects a map: the page about search says so."""
    server = start("--search.reply-style", "valkey")
    fill(server.connect())
    assert [doc.id for doc in server.redis(protocol=2).ft("i").search("@n:[1 2]").docs] == ["d1", "d2"]
    raw = server.redis(protocol=3).ft("i").search("@n:[2 2]")
    assert raw[:2] == [1, b"d2"] and raw[2][:2] == [b"n", b"2"]


@pytest.mark.smoke
def test_largest_results(r2):
    """What MAXSEARCHRESULTS and MAXAGGREGATERESULTS allow, -1 being everything."""
    fill(r2)
    everything = 2**63 - 1
    assert r2("FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", 0, everything) == Error("LIMIT exceeds maximum of 1000000")
    assert r2("FT.CONFIG", "SET", "MAXSEARCHRESULTS", -1) == OK
    assert r2("FT.CONFIG", "GET", "MAXSEARCHRESULTS") == [[Simple("MAXSEARCHRESULTS"), b"unlimited"]]
    assert setting(r2, "max-search-results") == b"-1"
    assert r2("FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", 0, everything) == [2, b"d1", b"d2"]
    assert r2("FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", everything, everything) == [2]
    assert r2("CONFIG", "SET", "search.max-search-results", 1) == OK
    assert r2("FT.SEARCH", "i", "*", "NOCONTENT") == [2, b"d1"]
    assert r2("FT.AGGREGATE", "i", "*", "LIMIT", 0, everything)[1:] == [[], []]
    assert r2("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", 1) == OK
    assert r2("FT.AGGREGATE", "i", "*")[1:] == [[]]
    assert r2("FT.AGGREGATE", "i", "*", "SORTBY", 1, "@n", "MAX", 2, "LOAD", 1, "@n")[1:] == [[b"n", b"1"]]
    assert r2("FT.AGGREGATE", "i", "*", "LIMIT", 0, 2) == Error("LIMIT exceeds maximum of 1")
    assert r2("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", -1) == OK
    assert len(r2("FT.AGGREGATE", "i", "*")) == 3


def test_settings_of_scores_and_words(r2):
    """default-scorer, bm25std-tanh-factor and min-stem-len change what queries find and how it scores."""
    r2("FT.CREATE", "t", "SCHEMA", "t", "TEXT")
    r2("HSET", "d", "t", "cats cats ants")
    score = lambda *words: float(r2("FT.SEARCH", "t", "cats", "NOCONTENT", "WITHSCORES", *words)[2])
    plain = score()
    assert plain == score("SCORER", "BM25STD") != score("SCORER", "TFIDF")
    assert r2("FT.CONFIG", "SET", "DEFAULT_SCORER", "TFIDF") == OK
    assert score() == score("SCORER", "TFIDF")
    assert r2("FT.CONFIG", "SET", "DEFAULT_SCORER", "tfidf2") == Error("Invalid DEFAULT_SCORER value")
    before = score("SCORER", "BM25STD.TANH")
    assert r2("FT.CONFIG", "SET", "BM25STD_TANH_FACTOR", 8) == OK
    assert 0 < score("SCORER", "BM25STD.TANH") < before
    assert r2("FT.CONFIG", "SET", "BM25STD_TANH_FACTOR", 0) == Error("BM25STD_TANH_FACTOR must be between 1 and 10000")
    assert r2("FT.SEARCH", "t", "ant", "NOCONTENT") == [1, b"d"]
    assert r2("FT.CONFIG", "SET", "MINSTEMLEN", 5) == OK
    r2("HSET", "e", "t", "ants")
    assert r2("FT.SEARCH", "t", "ant", "NOCONTENT") == [1, b"d"]
    assert r2("FT.CONFIG", "SET", "MINSTEMLEN", 4) == OK
    r2("HSET", "f", "t", "ants")
    assert r2("FT.SEARCH", "t", "ant", "NOCONTENT")[0] == 2


def test_positions_between_values(start):
    server = start(module_args=("MULTI_TEXT_SLOP", "2"))
    r2 = server.connect()
    r2("FT.CREATE", "j", "ON", "JSON", "SCHEMA", "$.t", "AS", "t", "TEXT")
    r2("JSON.SET", "d", "$", '{"t":["red","sea"]}')
    assert r2("FT.SEARCH", "j", "@t:(red sea)", "SLOP", 1, "INORDER", "NOCONTENT") == [1, b"d"]
    assert r2("FT.SEARCH", "j", "@t:(red sea)", "SLOP", 0, "INORDER", "NOCONTENT") == [0]
