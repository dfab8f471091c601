"""An HNSW field of long vectors keeps codes, and measures the documents: its answers are those of a FLAT field, digit for digit."""

import json

import pytest

from resp import Simple
from servers import wait_until
from vectors import clusters, fp32

DIM = 96
ROWS = 600
VECTORS = clusters(ROWS, DIM, seed=11)
QUERIES = clusters(6, DIM, seed=12)
OTHERS = clusters(ROWS, DIM, seed=13)
OK = Simple("OK")

#: What follows the name of the index: each is asked with `$q`, a query vector.
ASKED = [
    ["*=>[KNN 10 @v $q]"],
    ["*=>[KNN 10 @v $q]", "NOCONTENT"],
    ["*=>[KNN 25 @v $q AS d]", "SORTBY", "d", "DESC", "LIMIT", "3", "9", "RETURN", "1", "d"],
    ["*=>[KNN 30 @v $q AS d]", "SORTBY", "n", "LIMIT", "0", "7", "RETURN", "2", "n", "d"],
    ["*=>[KNN 30 @v $q AS d]", "SORTBY", "w", "DESC", "LIMIT", "2", "7", "RETURN", "2", "w", "d"],
    ["@g:{b}=>[KNN 10 @v $q AS d]", "RETURN", "1", "d", "WITHSCORES"],
    ["@n:[100 104]=>[KNN 10 @v $q AS d]", "RETURN", "1", "d"],
    ["@g:{a}=>[KNN 10 @v $q HYBRID_POLICY ADHOC_BF AS d]", "RETURN", "1", "d"],
    ["*=>[KNN 1000 @v $q AS d]", "LIMIT", "0", "1000", "RETURN", "1", "d"],
    ["@v:[VECTOR_RANGE 0.6 $q]=>{$YIELD_DISTANCE_AS: d}", "SORTBY", "d", "LIMIT", "0", "1000", "RETURN", "1", "d"],
    ["@v:[VECTOR_RANGE 0.7 $q]=>{$YIELD_DISTANCE_AS: d} @g:{a}", "SORTBY", "d", "DESC", "RETURN", "1", "d"],
    ["-@v:[VECTOR_RANGE 0.9 $q]", "NOCONTENT", "SORTBY", "n", "LIMIT", "0", "1000"],
    ["@v:[VECTOR_RANGE 0.9 $q]=>{$YIELD_DISTANCE_AS: r}=>[KNN 12 @v $q AS d]", "SORTBY", "r", "RETURN", "2", "r", "d"],
]

#: The same for FT.AGGREGATE.
AGGREGATED = [
    ["*=>[KNN 20 @v $q AS d]", "SORTBY", "2", "@d", "DESC", "LIMIT", "0", "5"],
    ["*=>[KNN 20 @v $q AS d]", "LOAD", "2", "@__key", "@d", "APPLY", "@d*2", "AS", "twice", "FILTER", "@d<0.5"],
    ["*=>[KNN 40 @v $q AS d]", "GROUPBY", "1", "@g", "REDUCE", "AVG", "1", "@d", "AS", "mean", "SORTBY", "2", "@g", "ASC"],
    [
        "@v:[VECTOR_RANGE 0.7 $q]=>{$YIELD_DISTANCE_AS: d}",
        "GROUPBY",
        "1",
        "@g",
        "REDUCE",
        "MIN",
        "1",
        "@d",
        "AS",
        "least",
        "SORTBY",
        "1",
        "@g",
    ],
]


def create(c, name, algorithm, *options, element="FLOAT32", metric="COSINE"):
    """An index whose beam is as wide as everything, so that nothing but codes could make a difference."""
    more = ["M", "16", "EF_RUNTIME", "5000"] if algorithm == "HNSW" else []
    vector = ["VECTOR", algorithm, 6 + len(more), "TYPE", element, "DIM", DIM, "DISTANCE_METRIC", metric, *more]
    fields = ["g", "TAG", "n", "NUMERIC", "SORTABLE", "w", "NUMERIC", "v"]
    if "JSON" in options:
        fields = ["$.g", "AS", "g", "TAG", "$.n", "AS", "n", "NUMERIC", "SORTABLE", "$.w", "AS", "w", "NUMERIC", "$.v[*]", "AS", "v"]
    assert c("FT.CREATE", name, *options, "PREFIX", 1, "d:", "SCHEMA", *fields, *vector) == OK


def fill_hashes(c, blob=fp32, scale=1.0):
    fields = (["g", "ab"[i % 2], "n", i, "w", i * 7 % 41, "v", blob(VECTORS[i] * scale)] for i in range(ROWS))
    c.pipeline(["HSET", f"d:{i}", *pairs] for i, pairs in enumerate(fields))


def ask(c, command, name, words, query, blob=fp32):
    return c(command, name, *words, "PARAMS", "2", "q", blob(query), "TIMEOUT", "0", "DIALECT", "2")


def assert_alike(c, blob=fp32, scale=1.0):
    for query in QUERIES * scale:
        for words in ASKED:
            graph, flat = (ask(c, "FT.SEARCH", name, words, query, blob) for name in ("graph", "flat"))
            assert graph == flat, words
        for words in AGGREGATED:
            graph, flat = (ask(c, "FT.AGGREGATE", name, words, query, blob) for name in ("graph", "flat"))
            assert graph == flat, words


def bfloat16(vector):
    """The upper halves of the floats."""
    return (vector.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


BLOBS = {
    "FLOAT32": fp32,
    "FLOAT64": lambda vector: vector.astype("<f8").tobytes(),
    "FLOAT16": lambda vector: vector.astype("<f2").tobytes(),
    "BFLOAT16": bfloat16,
}


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
@pytest.mark.parametrize("element", list(BLOBS))
def test_every_kind_of_float_and_every_metric(r2, element, metric):
    for scale in (1.0, 20.0):
        r2("FLUSHALL")
        create(r2, "graph", "HNSW", element=element, metric=metric)
        create(r2, "flat", "FLAT", element=element, metric=metric)
        fill_hashes(r2, BLOBS[element], scale)
        assert_alike(r2, BLOBS[element], scale)


def test_answers_are_those_of_a_flat_field(r2, r3):
    create(r2, "graph", "HNSW")
    create(r2, "flat", "FLAT")
    fill_hashes(r2)
    assert ask(r2, "FT.SEARCH", "graph", ASKED[0], QUERIES[0])[0] == 10
    assert ask(r2, "FT.SEARCH", "graph", ASKED[9], QUERIES[0])[0] > 5
    assert_alike(r2)
    assert_alike(r3)


def test_answers_in_a_transaction_are_the_same(r2):
    create(r2, "graph", "HNSW")
    fill_hashes(r2)
    for words in ASKED:
        outside = ask(r2, "FT.SEARCH", "graph", words, QUERIES[0])
        r2("MULTI")
        ask(r2, "FT.SEARCH", "graph", words, QUERIES[0])
        assert r2("EXEC") == [outside]


def test_many_clients_are_answered_though_some_have_gone(start):
    """Handed over, and answered by the main thread in turns."""
    server = start("--search.inline-microseconds", "0", "--search.alone-microseconds", "0")
    c = server.connect()
    fill_hashes(c)
    create(c, "graph", "HNSW")
    wait_until(lambda: server.info("everything", "search_number_of_indexes_scanning") == "0", "the keys are indexed")
    asked = [(ASKED[n % 4], QUERIES[n % len(QUERIES)]) for n in range(12)]
    expected = [ask(c, "FT.SEARCH", "graph", *one) for one in asked]
    clients = [server.connect() for _ in range(24)]
    for words, query in asked:
        for client in clients:
            client.send("FT.SEARCH", "graph", *words, "PARAMS", "2", "q", fp32(query), "TIMEOUT", "0", "DIALECT", "2")
    for client in clients[::3]:
        client.close()
    del clients[::3]
    for client in clients:
        assert [client.read() for _ in asked] == expected
    assert c("PING") == Simple("PONG")
    wait_until(lambda: server.info("everything", "search_worker_jobs_waiting") == "0", "the workers rest")


def test_documents_are_measured_as_they_are_now(r2):
    """Changed, deleted and spoilt documents."""
    create(r2, "graph", "HNSW")
    create(r2, "flat", "FLAT")
    fill_hashes(r2)
    for i in range(0, ROWS, 3):
        r2("HSET", f"d:{i}", "v", fp32(OTHERS[i]))
    for i in range(1, ROWS, 7):
        r2("DEL", f"d:{i}")
    for i in range(2, ROWS, 11):
        r2("HSET", f"d:{i}", "v", "no vector")
    assert_alike(r2)


@pytest.mark.parametrize("protocol", [2, 3])
def test_json_documents_with_several_vectors(r2, r3, protocol):
    c = {2: r2, 3: r3}[protocol]
    create(c, "graph", "HNSW", "ON", "JSON")
    create(c, "flat", "FLAT", "ON", "JSON")
    for i in range(0, ROWS - 3, 3):
        vectors = [vector.tolist() for vector in VECTORS[i : i + 1 + i // 3 % 3]]
        c("JSON.SET", f"d:{i}", "$", json.dumps({"g": "ab"[i % 2], "n": i, "w": i * 7 % 41, "v": vectors}))
    assert_alike(c)


def test_an_index_survives_a_restart(start):
    """The links are saved, the codes are made of the documents again."""
    server = start()
    with server.connect() as c:
        create(c, "graph", "HNSW")
        create(c, "flat", "FLAT")
        fill_hashes(c)
        assert_alike(c)
        c("SAVE")
    server.restart()
    with server.connect() as c:
        assert_alike(c)
