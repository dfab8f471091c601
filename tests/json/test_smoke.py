"""JSON documents on every server: kept by every way of saving, copying and replicating, and exchanged with RedisJSON."""

import json

import pytest

import dump_footer
from resp import Error, Simple
from servers import wait_until

DOCUMENTS = {
    "object": {"a": 1, "b": [1.5, -2, 1e300, 'é\n"', None, True], "c": {"": {}}, "long": "x" * 100_000},
    "vector": {"embedding": [n / 7 for n in range(1536)], "name": "v"},
    "deep": json.loads("[" * 100 + "1" + "]" * 100),
    "scalar": "text",
    "numbers": [0, -1, 2**63 - 1, -(2**63), 2**64 - 1, 0.1, 1e-7, 5e-324, -0.0],
    "empty": [],
}


def store(r2):
    for key, document in DOCUMENTS.items():
        assert r2("JSON.SET", key, "$", json.dumps(document)) == Simple("OK")
    assert r2("JSON.NUMINCRBY", "object", "$.a", 41) == b"[42]"
    assert r2("JSON.ARRAPPEND", "empty", "$", "1", '"two"') == [2]
    assert r2("JSON.DEL", "object", "$.c") == 1
    return texts(r2)


def texts(r2):
    return {key: r2("JSON.GET", key) for key in DOCUMENTS}


@pytest.mark.smoke
def test_type_and_reload(r2):
    before = store(r2)
    assert r2("TYPE", "object") == Simple("ReJSON-RL") and r2("OBJECT", "ENCODING", "object") == b"raw"
    assert sorted(r2("SCAN", 0, "TYPE", "rejson-rl", "COUNT", 100)[1]) == sorted(key.encode() for key in DOCUMENTS)
    assert r2("DEBUG", "RELOAD") == Simple("OK")
    assert texts(r2) == before
    assert json.loads(before["object"])["a"] == 42 and json.loads(before["numbers"]) == DOCUMENTS["numbers"]


@pytest.mark.smoke
def test_keyspace(r2):
    before = store(r2)
    assert r2("COPY", "object", "copied") == 1
    r2("JSON.SET", "object", "$.a", "0")
    assert r2("JSON.GET", "copied") == before["object"]
    assert r2("RENAME", "copied", "renamed") == Simple("OK") and r2("MOVE", "renamed", 1) == 1
    r2("EXPIRE", "vector", 1000)
    r2("JSON.SET", "vector", "$", "{}")
    assert r2("TTL", "vector") > 0 and r2("MEMORY", "USAGE", "object") > 100_000
    assert r2("UNLINK", "object") == 1 and r2("FLUSHALL", "ASYNC") == Simple("OK")
    assert r2("DBSIZE") == 0


@pytest.mark.smoke
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_aof_and_its_rewrite(start, preamble):
    server = start("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", preamble)
    r2 = server.connect()
    before = store(r2)
    server.kill()
    server.start()
    r2 = server.connect()
    assert texts(r2) == before
    assert not isinstance(r2("BGREWRITEAOF"), Error)
    wait_until(
        lambda: (server.info("persistence", "aof_rewrite_in_progress"), server.info("persistence", "aof_rewrite_scheduled")) == ("0", "0"),
        "AOF rewritten",
    )
    assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"
    server.kill()
    server.start()
    assert texts(server.connect()) == before


@pytest.mark.smoke
def test_replication(start):
    master, replica = start(), start()
    r2 = master.connect()
    store(r2)
    replica.follow(master)
    r2("MULTI")
    r2("JSON.SET", "object", "$.new", "[1,2]")
    r2("JSON.ARRPOP", "numbers", "$", 0)
    r2("EXEC")
    r2("EVAL", "return redis.call('JSON.SET', KEYS[1], '$', '{\"by\":\"script\"}')", 1, "scalar")
    replica.catch_up(master)
    assert texts(replica.connect()) == texts(r2)
    assert master.connect()("DEBUG", "DIGEST") == replica.connect()("DEBUG", "DIGEST")


def read(text):
    """A document whose numbers are those of a reader that is wrong in the last bit, as RedisJSON 2.8 is."""
    return json.loads(text, parse_float=lambda number: float(f"{float(number):.14g}"))


@pytest.mark.smoke
def test_exchange_with_redisjson(server, r2, start):
    """Values dumped here load there, and the other way round."""
    peer = start(name="redis-stack").connect()
    before = store(r2)
    for key in DOCUMENTS:
        payload = r2("DUMP", key)
        version = min(dump_footer.version(payload), 11)
        assert peer("RESTORE", key, 0, dump_footer.seal(dump_footer.body(payload), version)) == Simple("OK")
        assert read(peer("JSON.GET", key)) == read(before[key])
        r2("DEL", key)
        assert r2("RESTORE", key, 0, dump_footer.seal(dump_footer.body(peer("DUMP", key)), version)) == Simple("OK")
        assert read(r2("JSON.GET", key)) == read(before[key])


def test_damaged_payloads_are_refused(r2):
    store(r2)
    payload = r2("DUMP", "object")
    for end in range(10, len(dump_footer.body(payload)), 97):
        cut = dump_footer.seal(dump_footer.body(payload)[:end], dump_footer.version(payload))
        assert r2("RESTORE", "cut", 0, cut) == Error("ERR Bad data format")
    assert r2("EXISTS", "cut") == 0
