"""What follows from a JSON command: events, replication, TTL, ACL, key positions, memory; and who serves the family."""

import json
import struct

import pytest

from resp import Error, Simple
from servers import UNPACKED, library, wait_until

EVENTS = [
    (["JSON.SET", "k", "$", '{"n":1,"s":"x","l":[1,2,3],"t":true}'], "json.set"),
    (["JSON.SET", "k", "$.n", "2", "NX"], None),
    (["JSON.SET", "k", "$.x.y", "2"], None),
    (["JSON.MERGE", "k", "$", '{"m":{"a":1}}'], "json.merge"),
    (["JSON.NUMINCRBY", "k", "$.n", "1"], "json.numincrby"),
    (["JSON.NUMINCRBY", "k", "$.s", "1"], None),
    (["JSON.NUMMULTBY", "k", "$.n", "2"], "json.nummultby"),
    (["JSON.NUMPOWBY", "k", "$.n", "2"], "json.numpowby"),
    (["JSON.STRAPPEND", "k", "$.s", '"y"'], "json.strappend"),
    (["JSON.TOGGLE", "k", "$.t"], "json.toggle"),
    (["JSON.TOGGLE", "k", "$.s"], None),
    (["JSON.ARRAPPEND", "k", "$.l", "4"], "json.arrappend"),
    (["JSON.ARRINSERT", "k", "$.l", "0", "0"], "json.arrinsert"),
    (["JSON.ARRINSERT", "k", "$.l", "99", "0"], None),
    (["JSON.ARRPOP", "k", "$.l"], "json.arrpop"),
    (["JSON.ARRTRIM", "k", "$.l", "0", "1"], "json.arrtrim"),
    (["JSON.CLEAR", "k", "$.l"], "json.clear"),
    (["JSON.CLEAR", "k", "$.l"], None),
    (["JSON.ARRPOP", "k", "$.l"], None),
    (["JSON.DEL", "k", "$.nope"], None),
    (["JSON.FORGET", "k", "$.s"], "json.del"),
    (["JSON.MSET", "k", "$.a", "1", "k", "$.b.c", "2"], "json.mset"),
    (["JSON.GET", "k"], None),
    (["JSON.DEL", "k"], "json.del"),
]


@pytest.mark.smoke
def test_events_and_replication_only_where_something_changed(r2, server):
    r2("CONFIG", "SET", "notify-keyspace-events", "KEA")
    listener = server.connect()
    listener("PSUBSCRIBE", "__keyevent@0__:*")
    for command, event in EVENTS:
        offset = lambda: int(server.info("replication", "master_repl_offset"))
        r2(*command)
        r2("SET", "fence", "x")
        seen = []
        while (message := listener.read())[2] != b"__keyevent@0__:set":
            seen.append((message[2].decode().split(":", 1)[1], message[3]))
        assert seen == ([(event, b"k")] if event else []), command
        assert offset() >= 0


@pytest.mark.smoke
def test_a_replica_gets_changes_only(start):
    master, replica = start(), start()
    replica.follow(master)
    r2 = master.connect()
    counted = lambda name: int((replica.info("commandstats", f"cmdstat_{name}") or "calls=0,").split("calls=")[1].split(",")[0])
    sent = {}
    for command, event in EVENTS:
        r2(*command)
        name = command[0].lower()
        sent[name] = sent.get(name, 0) + (event is not None)
    replica.catch_up(master)
    for name, count in sent.items():
        assert counted(name) == count, name


def test_ttl_stays(r2):
    r2(
        "JSON.SET",
        "k",
        "$",
        '{"n":1,"l":[]}',
    )
    r2("EXPIRE", "k", 1000)
    for command in (["JSON.SET", "k", "$", '{"n":1,"l":[]}'], ["JSON.NUMINCRBY", "k", "$.n", "1"], ["JSON.MSET", "k", "$", '{"l":[]}'],
                    ["JSON.MERGE", "k", "$", '{"x":1}'], ["JSON.ARRAPPEND", "k", "$.l", "1"], ["JSON.CLEAR", "k"]):  # fmt: skip
        assert not isinstance(r2(*command), Error)
        assert r2("TTL", "k") > 900, command


@pytest.mark.smoke
def test_keys_of_commands(r2):
    for command, keys in [
        (["JSON.MGET", "a", "b", "$"], [b"a", b"b"]),
        (["JSON.MSET", "a", "$", "1", "b", "$", "2"], [b"a", b"b"]),
        (["JSON.DEBUG", "MEMORY", "a"], [b"a"]),
        (["JSON.SET", "a", "$", "1"], [b"a"]),
        (["JSON.ARRPOP", "a"], [b"a"]),
    ]:
        assert r2("COMMAND", "GETKEYS", *command) == keys, command
    flags = {
        name: {str(flag) for flag in r2("COMMAND", "INFO", name)[0][2]} for name in ("json.set", "json.get", "json.del", "json.arrpop")
    }
    assert {"write", "denyoom"} <= flags["json.set"] and "readonly" in flags["json.get"]
    assert "write" in flags["json.del"] and "denyoom" not in flags["json.del"] | flags["json.arrpop"]


@pytest.mark.smoke
def test_acl(r2, server):
    r2("JSON.SET", "mine", "$", "1")
    r2("JSON.SET", "other", "$", "1")
    r2("ACL", "SETUSER", "reader", "on", ">pw", "%R~mine", "+@all")
    c = server.connect()
    assert c("AUTH", "reader", "pw") == Simple("OK")
    assert c("JSON.GET", "mine") == b"1"
    for command in (
        ["JSON.GET", "other"],
        ["JSON.SET", "mine", "$", "2"],
        ["JSON.MGET", "mine", "other", "$"],
        ["JSON.DEBUG", "MEMORY", "other"],
    ):
        assert str(c(*command)).startswith("NOPERM"), command
    r2("ACL", "DELUSER", "reader")


def test_memory_is_exact(r2, server):
    """MEMORY USAGE of many documents is what used_memory grew by, but for the 32 bytes a value that the server leaves out."""
    count = 300
    text = json.dumps({"a": list(range(3000)), "b": ["text"] * 700, "c": {f"key{n}": {"n": n} for n in range(2000)}})
    r2("JSON.SET", "warm", "$", text)
    for n in range(count):
        r2("SET", f"k{n}", "")
    empty = sum(r2("MEMORY", "USAGE", f"k{n}") for n in range(count))
    used = lambda: int(server.info("memory", "used_memory"))
    before = used()
    for n in range(count):
        r2("DEL", f"k{n}")
        r2("JSON.SET", f"k{n}", "$", text)
    grown = used() - before
    said = sum(r2("MEMORY", "USAGE", f"k{n}") for n in range(count)) - empty
    # what the buffers of connections take and give back meanwhile
    assert said > 20_000_000 and abs(grown - said - 32 * count) < 60_000, (grown, said)


def test_a_large_document_is_freed_in_the_background(r2, server):
    text = "[" + ",".join(f'{{"n":{n},"text":"{"x" * 50}"}}' for n in range(200_000)) + "]"
    before = int(server.info("memory", "used_memory"))
    for _ in range(5):
        assert r2("JSON.SET", "k", "$", text) == Simple("OK")
    assert r2("DEL", "k") == 1
    wait_until(lambda: int(server.info("memory", "used_memory")) < before + 5_000_000, "memory given back")


@pytest.mark.smoke
def test_multi_and_lua(r2):
    r2("MULTI")
    for command in (
        ["JSON.SET", "k", "$", '{"n":1}'],
        ["JSON.NUMINCRBY", "k", "$.n", "1"],
        ["JSON.GET", "nokey"],
        ["JSON.SET", "k", "$.x.y", "1"],
        ["JSON.GET", "k"],
    ):
        assert r2(*command) == Simple("QUEUED")
    replies = r2("EXEC")
    assert replies[0] == Simple("OK") and replies[1] == b"[2]" and replies[4] == b'{"n":2}'
    assert (
        r2("EVAL", "return {redis.call('JSON.GET', KEYS[1], '$.n'), redis.call('JSON.ARRAPPEND', KEYS[1], '$.n', '1')}", 1, "k")[0]
        == b"[2]"
    )
    assert isinstance(r2("EVAL", "return redis.call('JSON.SET', KEYS[1], '$', '{')", 1, "k"), Error)


@pytest.mark.smoke
def test_it_steps_aside_for_redisjson(start):
    server = start(name="redis-stack")
    r2 = server.connect()
    r2("JSON.SET", "k", "$", "1")
    loaded = r2("MODULE", "LOAD", str(library()))
    assert loaded == Simple("OK"), server.log()[-2000:]
    assert "JSON: served by the server or another module" in server.log()
    assert r2("JSON.GET", "k") == b"1"


@pytest.mark.smoke
def test_search_reads_the_documents_of_redisjson(start):
    """Where the type is another module's, FT.* reads through that module's commands."""
    start(name="redis-stack").close()  # fetches it
    server = start("--loadmodule", UNPACKED / "redis-stack" / "modules" / "rejson.so", name="redis-7.4")
    r2 = server.connect()
    assert "JSON: served by the server or another module" in server.log()
    found = lambda query, *more: r2("FT.SEARCH", "i", query, "NOCONTENT", "DIALECT", 2, *more)
    r2("JSON.SET", "d:1", "$", '{"n":1,"tags":["a","b"],"v":[1.0,0.0]}')
    vector = ["$.v", "AS", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2"]
    schema = ["$.n", "AS", "n", "NUMERIC", "$.tags[*]", "AS", "tags", "TAG", *vector]
    assert r2("FT.CREATE", "i", "ON", "JSON", "PREFIX", 1, "d:", "SCHEMA", *schema) == Simple("OK")
    wait_until(lambda: found("*") == [1, b"d:1"], "the document that was there")
    r2("JSON.SET", "d:2", "$", '{"n":2,"tags":["b"],"v":[0.0,1.0]}')
    r2("SET", "d:3", "no document")
    r2("VADD", "d:4", "VALUES", 2, 1, 0, "e")
    assert found("@tags:{a}") == [1, b"d:1"] and sorted(found("@tags:{b}")[1:]) == [b"d:1", b"d:2"]
    near = found("*=>[KNN 1 @v $b]", "PARAMS", 2, "b", struct.pack("2f", 0, 1))
    assert near == [1, b"d:2"]
    for command, n in [
        (["JSON.NUMINCRBY", "d:2", "$.n", "5"], 7),
        (["JSON.NUMPOWBY", "d:2", "$.n", "2"], 49),
        (["JSON.MERGE", "d:2", "$", '{"n":3}'], 3),
        (["JSON.CLEAR", "d:2", "$.n"], 0),
    ]:
        assert not isinstance(r2(*command), Error)
        assert found(f"@n:[{n} {n}]") == [1, b"d:2"], command
    rows = r2("FT.SEARCH", "i", "@tags:{a}", "RETURN", 2, "n", "$.tags", "DIALECT", 3)
    assert rows == [1, b"d:1", [b"n", b"[1]", b"$.tags", b'[["a","b"]]']]
    assert r2("DEBUG", "RELOAD") == Simple("OK")
    wait_until(lambda: sorted(found("*")[1:]) == [b"d:1", b"d:2"], "loaded")
    r2("JSON.DEL", "d:1", "$.tags")
    assert found("@tags:{a}") == [0]
    r2("JSON.DEL", "d:2")
    assert found("*") == [1, b"d:1"]
