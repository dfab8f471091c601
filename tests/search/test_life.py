"""How an index is used: what INFO and FT.INFO count, and TEMPORARY."""

import random
import struct

import pytest

from resp import Simple
from servers import wait_until


def test_a_temporary_index_goes_with_its_documents(start):
    master, replica = start(), start()
    c = master.connect()
    replica.follow(master)
    c("SELECT", 2)
    c("HSET", "t:1", "n", 1)
    c("HSET", "other", "n", 1)
    for name, seconds in [("soon", 1), ("late", 1000), ("never", -1)]:
        c("FT.CREATE", name, "PREFIX", 1, f"{name[0].replace('s', 't')}:", "TEMPORARY", seconds, "SCHEMA", "n", "NUMERIC")
    for node in (master, replica):
        link = node.connect()
        link("SELECT", 2)
        wait_until(lambda link=link: sorted(map(str, link("FT._LIST"))) == ["late", "never"], "the index has gone")
        wait_until(lambda link=link: link("KEYS", "*") == [b"other"], "its document has gone, and no other")
    assert master.info("everything", "search_indexes_expired") == "1"
    assert replica.info("everything", "search_indexes_expired") == "0"


def test_a_temporary_index_expires_after_a_restart(start):
    server = start()
    c = server.connect()
    c("FT.CREATE", "soon", "TEMPORARY", 2, "SCHEMA", "n", "NUMERIC")
    c("SAVE")
    server.restart()
    c = server.connect()
    wait_until(lambda: c("FT._LIST") == [], "the index has gone")


def test_settings_have_two_names(start):
    c = start().connect()
    settings = [("TIMEOUT", "timeout", "7"), ("ON_TIMEOUT", "on-timeout", "fail"), ("MINPREFIX", "min-prefix", "3")]
    settings += [("DEFAULT_DIALECT", "default-dialect", "3"), ("MAXSEARCHRESULTS", "max-search-results", "9")]
    settings += [("MAXPREFIXEXPANSIONS", "max-prefix-expansions", "5"), ("CURSOR_MAX_IDLE", "cursor-max-idle", "6")]
    for old, new, value in settings:
        before = c("CONFIG", "GET", f"search.{new}")[1]
        assert c("FT.CONFIG", "GET", old) == [[Simple(old), before]] and before != value.encode()
        assert c("CONFIG", "SET", f"search.{new}", value) == Simple("OK")
        assert c("FT.CONFIG", "GET", old) == [[Simple(old), value.encode()]]
        assert c("FT.CONFIG", "SET", old, before) == Simple("OK")
        assert c("CONFIG", "GET", f"search.{new}")[1] == before


def test_uses_are_counted(start):
    server = start()
    c = server.connect(3)
    c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC", "t", "TEXT")
    c("HSET", "d", "n", "no number")
    c("HSET", "e", "n", 1)
    for dialect in (2, 3, 2):
        c("FT.SEARCH", "i", "*", "DIALECT", dialect)
    c("FT.AGGREGATE", "i", "*")
    info = c("FT.INFO", "i")
    assert [used for _, used in info.get("dialect_stats")] == [1, 1, 1, 0]
    figures = {name: server.info("everything", f"search_{name}") for name in (
        "number_of_indexes", "total_num_docs_in_indexes", "indexing_failures", "total_queries_processed", "total_queries_timed_out",
    )}  # fmt: skip
    assert list(figures.values()) == ["1", "1", "1", "4", "0"]
    for n in range(3000):
        c("HSET", f"d:{n}", "n", n)
    before = int(server.info("everything", "search_total_query_microseconds"))
    assert c("FT.SEARCH", "i", "@n:[0 2999]", "LIMIT", 0, 0, "DIALECT", 2).get("total_results") == 3001
    assert c("FT.AGGREGATE", "i", "*", "SORTBY", 2, "@n", "DESC")
    assert int(server.info("everything", "search_total_query_microseconds")) > before


@pytest.mark.parametrize("field", ["vectors", "words"])
def test_who_writes_faster_than_the_workers_follow_is_slowed_down(start, field):
    """What waits is bounded: the main thread helps before a log becomes as large as the data."""
    server = start("--search.workers", "1", "--search.tail-limit", "10")
    c, rng = server.connect(), random.Random(1)
    if field == "vectors":
        kind = ["VECTOR", "HNSW", 8, "TYPE", "FLOAT32", "DIM", 16, "DISTANCE_METRIC", "L2", "EF_CONSTRUCTION", 20]
    else:
        kind = ["TEXT"]
    c("FT.CREATE", "i", "SCHEMA", "f", *kind)
    client, most_changes, most_vectors = server.redis(), 0, 0
    for start_at in range(0, 20_000, 500):
        pipe = client.pipeline(transaction=False)
        for n in range(start_at, start_at + 500):
            value = struct.pack("<16f", *(rng.gauss(0, 1) for _ in range(16))) if kind[0] == "VECTOR" else f"word{n} " * 50
            pipe.execute_command("HSET", f"d:{n}", "f", value)
        pipe.execute()
        changes, vectors = (int(server.info("everything", f"search_{name}")) for name in ("changes_waiting", "unlinked_vectors"))
        most_changes, most_vectors = max(most_changes, changes), max(most_vectors, vectors)
    client.close()
    # Twice what may wait, and a batch of changes that a worker had begun with.
    assert most_changes <= 2 * 4096 + 64
    # What may wait of vectors, and what those changes bring.
    assert most_vectors <= 128 * 10 + 2 * 4096 + 64
    assert c("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 0) == [20_000]
