"""The data type among the others: generic commands, transactions, scripts, tracking, notifications, ACL, metadata."""

import pytest

from resp import FALSE, NULL, NULL_ARRAY, TRUE, Double, Error, Map, Simple
from servers import Connection, wait_until
from vectors import clusters, fill, fp32, links, state, vadd

READERS = ("VSIM", "VDIM", "VCARD", "VEMB", "VLINKS", "VINFO", "VGETATTR", "VRANDMEMBER", "VISMEMBER", "VRANGE")
WRITERS = ("VADD", "VREM", "VSETATTR")
FAST = ("VDIM", "VCARD", "VEMB", "VLINKS", "VINFO", "VSETATTR", "VGETATTR", "VISMEMBER")
ARITY = {
    "VADD": -5, "VREM": 3, "VSIM": -4, "VDIM": 2, "VCARD": 2, "VEMB": -3, "VLINKS": -3,
    "VINFO": 2, "VSETATTR": 4, "VGETATTR": 3, "VRANDMEMBER": -2, "VISMEMBER": 3, "VRANGE": -4,
}  # fmt: skip


@pytest.fixture
def small(r2):
    """A set `k` of 100 elements, every tenth with attributes."""
    fill(r2, "k", clusters(100, 8, seed=21))
    for n in range(0, 100, 10):
        r2("VSETATTR", "k", f"e{n}", f'{{"n":{n}}}')
    return r2


@pytest.mark.smoke
def test_type_encoding_and_scan(small):
    small("SET", "s", "1")
    assert small("TYPE", "k") == Simple("vectorset")
    assert small("OBJECT", "ENCODING", "k") == b"raw"
    assert small("OBJECT", "REFCOUNT", "k") == 1
    assert small("SCAN", 0, "TYPE", "vectorset", "COUNT", 100)[1] == [b"k"]
    assert small("SCAN", 0, "TYPE", "VectorSet", "COUNT", 100)[1] == [b"k"]


@pytest.mark.smoke
def test_rename_move_expire_swapdb(small):
    before = state(small, "k")
    assert small("RENAME", "k", "k2") == Simple("OK")
    assert state(small, "k2") == before
    assert small("MOVE", "k2", 1) == 1
    small("SELECT", 1)
    assert state(small, "k2") == before
    small("SWAPDB", 0, 1)
    small("SELECT", 0)
    assert state(small, "k2") == before
    assert small("PEXPIRE", "k2", 30) == 1
    wait_until(lambda: small("EXISTS", "k2") == 0, "the key expired")
    assert small("VCARD", "k2") == 0


def test_expire_is_kept_by_writes(small):
    small("EXPIRE", "k", 1000)
    small(*vadd("k", [1] * 8, "e0"))
    small("VREM", "k", "e1")
    assert 0 < small("TTL", "k") <= 1000


@pytest.mark.smoke
def test_del_unlink_and_flush(small):
    for command in (["DEL", "k"], ["UNLINK", "k"], ["FLUSHALL", "SYNC"], ["FLUSHALL", "ASYNC"], ["FLUSHDB", "ASYNC"]):
        fill(small, "k", clusters(300, 8, seed=22)) if not small("EXISTS", "k") else None
        small(*command)
        assert small("EXISTS", "k") == 0 and small("VCARD", "k") == 0
        assert small("VADD", "k", "VALUES", 3, 1, 2, 3, "e") == 1
        assert small("VSIM", "k", "VALUES", 3, 1, 2, 3) == [b"e"]
        small("DEL", "k")


@pytest.mark.differs("10.7")
@pytest.mark.smoke
def test_unlink_frees_in_the_background(server, r2):
    fill(r2, "k", clusters(2000, 32, seed=23))
    before = int(server.info("memory", "lazyfreed_objects"))
    r2("UNLINK", "k")
    wait_until(lambda: int(server.info("memory", "lazyfreed_objects")) > before, "freed by the background thread")


@pytest.mark.smoke
def test_memory_comes_back(server, r2):
    r2("VADD", "k", "VALUES", 1, 1, "e")
    r2("UNLINK", "k")
    before = int(server.info("memory", "used_memory"))
    fill(r2, "k", clusters(3000, 64, seed=24))
    assert int(server.info("memory", "used_memory")) > before + 3000 * 64
    r2("UNLINK", "k")
    wait_until(lambda: int(server.info("memory", "used_memory")) < before + 300_000, "memory given back")


@pytest.mark.differs("10.7")
@pytest.mark.smoke
def test_copy(small):
    before, linked = state(small, "k"), links(small, "k")
    assert small("COPY", "k", "k2") == 1
    assert small("COPY", "k", "k2") == 0
    assert small("COPY", "k", "k", "DB", 1) == 1
    assert state(small, "k2") == before and links(small, "k2") == linked
    small("VREM", "k", "e0")
    small("VADD", "k", "VALUES", 8, *[1] * 8, "e1", "SETATTR", "{}")
    assert state(small, "k2") == before
    small("DEL", "k")
    assert small("VSIM", "k2", "ELE", "e0", "COUNT", 1) == [b"e0"]
    small("SELECT", 1)
    assert state(small, "k") == before


@pytest.mark.module_only
@pytest.mark.smoke
def test_copies_of_a_large_set_go_their_own_ways(server, r2):
    """A thread makes them; whatever comes meanwhile finds them as they are to be."""
    rows = clusters(20_000, 16, seed=26)
    fill(r2, "k", rows)
    r2("VSETATTR", "k", "e7", '{"n":7}')

    def figures(key):
        return r2("VCARD", key), r2("VGETATTR", key, "e7"), r2("VISMEMBER", key, "new"), r2("VEMB", key, "e9")

    before = figures("k")
    digest_before = digest(r2, "k")
    # One after the other, without a pause in between: reads, a copy of a copy, changes of all, the end of the first.
    replies = r2.pipeline(
        [
            ("COPY", "k", "c1"),
            ("VCARD", "c1"),
            ("COPY", "c1", "c2"),
            ("VSETATTR", "c1", "e7", '{"n":8}'),
            ("COPY", "k", "c3"),
            vadd("k", rows[0], "new"),
            ("VREM", "c2", "e9"),
            ("COPY", "k", "gone"),
            ("UNLINK", "gone"),
            ("COPY", "c3", "c4"),
            ("DEL", "c3"),
            ("COPY", "k", "c5"),
            ("UNLINK", "k"),
        ]
    )
    assert replies == [1, len(rows), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert figures("c1") == (before[0], b'{"n":8}', 0, before[3])
    assert figures("c2")[:3] == (before[0] - 1, b'{"n":7}', 0)
    assert digest(r2, "c4") == digest_before and figures("c4") == before
    assert figures("c5") == (before[0] + 1, b'{"n":7}', 1, before[3])
    assert r2("VSIM", "c5", "ELE", "new", "COUNT", 2) in ([b"new", b"e0"], [b"e0", b"new"])
    assert r2("DEBUG", "RELOAD") == Simple("OK")
    assert digest(r2, "c4") == digest_before
    r2("MULTI")
    r2("COPY", "c4", "c6")
    r2("VREM", "c6", "e0")
    r2("VREM", "c4", "e1")
    assert r2("EXEC") == [1, 1, 1]
    assert [r2("VISMEMBER", key, element) for key in ("c4", "c6") for element in ("e0", "e1")] == [1, 0, 0, 1]


@pytest.mark.module_only
@pytest.mark.smoke
@pytest.mark.parametrize("options", [[], ["NOQUANT"], ["BIN"], ["M", "4"]])
def test_memory_usage_is_what_the_set_takes(start, options):
    """Within 5 % of what the server's own count grows by; buffers of clients and threads are there before."""
    server = start()
    rows = clusters(10_000, 48, seed=25)

    def used():
        """When the buffers of clients that left, and what waits to be freed, are gone."""
        wait_until(lambda: server.info("clients", "connected_clients") == "1", "no client but this")
        for field in ("search_worker_sources", "search_worker_threads_busy", "search_worker_frees_waiting"):
            wait_until(lambda field=field: server.info("everything", field) == "0", f"no {field}")
        return int(server.info("memory", "used_memory"))

    def filled():
        with Connection(server.port) as connection:
            fill(connection, "k", rows, *options)
            connection("VINFO", "k")  # everything is linked
            return connection("MEMORY", "USAGE", "k")

    def empty():
        with Connection(server.port) as connection:
            connection("DEL", "k")
        wait_until(lambda: server.info("everything", "search_vset_sets") == "0", "the set is gone")

    filled()
    empty()
    before = wait_until(lambda: (first := used()) == used() and first, "memory at rest")
    usage = filled()
    after = wait_until(lambda: (first := used()) == used() and first, "memory at rest")
    assert usage == pytest.approx(after - before, rel=0.05)


@pytest.mark.smoke
def test_memory_usage_exists_and_grows(small):
    before = small("MEMORY", "USAGE", "k")
    small(*vadd("k", [1] * 8, "x" * 20000))
    assert small("MEMORY", "USAGE", "k") > before > 100 * 8
    assert small("MEMORY", "USAGE", "k", "SAMPLES", 0) > before


def digest(connection, key):
    (value,) = connection("DEBUG", "DIGEST-VALUE", key)
    return str(value) if isinstance(value, Simple) else value.decode()


@pytest.mark.smoke
def test_debug_digest(small):
    first = digest(small, "k")
    assert first != "0" * 40 and digest(small, "k") == first
    small("DEBUG", "RELOAD")
    assert digest(small, "k") == first
    small("VSETATTR", "k", "e1", "{}")
    second = digest(small, "k")
    assert second != first
    small("VSETATTR", "k", "e1", "")
    assert digest(small, "k") == first
    small("VADD", "k", "VALUES", 8, *range(8), "e1")
    assert digest(small, "k") not in (first, second)


def test_debug_digest_does_not_depend_on_the_order(r2):
    rows = clusters(20, 8, seed=26)
    fill(r2, "a", rows)
    for n in reversed(range(20)):
        r2(*vadd("b", rows[n], f"e{n}"))
    assert digest(r2, "a") == digest(r2, "b")


def test_the_last_removal_removes_the_key(r2):
    r2("VADD", "k", "VALUES", 1, 1, "a")
    r2("VADD", "k", "VALUES", 1, 1, "b")
    assert r2("VREM", "k", "a") == 1 and r2("EXISTS", "k") == 1
    assert r2("VREM", "k", "b") == 1 and r2("EXISTS", "k") == 0
    assert r2("VADD", "k", "VALUES", 3, 1, 2, 3, "a", "NOQUANT") == 1


# WATCH

DIRTIES = {
    "VADD k VALUES 2 1 1 new": True,
    "VADD k VALUES 2 1 1 e": True,
    "VREM k e": True,
    "VSETATTR k e {}": True,
    "VADD k VALUES 3 1 1 1 new": True,  # opened for writing, then refused
    "VADD k VALUES 2 1 1 new NOQUANT": True,
    "VREM k none": True,
    "VSETATTR k none {}": True,
    "VREM gone e": True,
    "VSETATTR gone e {}": True,
    "VADD k VALUES 2 1 1 new FOO": False,
    "VADD k VALUES x 1 1 new": False,
    "VSIM k ELE e": False,
    "VINFO k": False,
    "VLINKS k e": False,
    "VRANDMEMBER k 5": False,
    "DEL k": True,
    "RENAME k other": True,
}


@pytest.mark.parametrize("command, dirties", DIRTIES.items(), ids=DIRTIES)
def test_watch(server, r2, command, dirties):
    r2("VADD", "k", "VALUES", 2, 1, 0, "e")
    r2("WATCH", "k", "gone")
    server.connect()(*command.split())
    r2("MULTI")
    r2("PING")
    assert r2("EXEC") == (NULL_ARRAY if dirties else [Simple("PONG")])


@pytest.mark.smoke
def test_multi(r2, r3):
    for connection in (r2, r3):
        connection("DEL", "k")
        connection("MULTI")
        for command in (
            "VADD k VALUES 2 1 0 a", "VADD k VALUES 2 0 1 b CAS", "VSIM k VALUES 2 1 0", "VSIM k VALUES 2 1 0 WITHSCORES COUNT 1",
            "VADD k VALUES 3 1 0 0 c", "VREM k a", "VSIM k VALUES 2 1 0 TRUTH", "VCARD k",
        ):  # fmt: skip
            assert connection(*command.split()) == Simple("QUEUED")
        yes = 1 if connection is r2 else TRUE
        scored = [b"a", b"1"] if connection is r2 else Map([(b"a", Double("1"))])
        mismatch = Error("ERR Vector dimension mismatch - got 3 but set has 2")
        assert connection("EXEC") == [yes, yes, [b"a", b"b"], scored, mismatch, yes, [b"b"], 1]


@pytest.mark.smoke
def test_lua_in_resp2(r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    r2("VADD", "k", "VALUES", 2, 0, 1, "b")
    run = lambda body: r2("EVAL", body, 1, "k")
    assert run("return redis.call('VSIM', KEYS[1], 'VALUES', 2, 1, 0)") == [b"a", b"b"]
    assert run("return redis.call('VSIM', KEYS[1], 'VALUES', 2, 1, 0, 'WITHSCORES')") == [b"a", b"1", b"b", b"0.5"]
    assert run("return type(redis.call('VISMEMBER', KEYS[1], 'a'))") == b"number"
    assert run("return redis.call('VADD', KEYS[1], 'VALUES', 2, 1, 1, 'c', 'CAS')") == 1
    assert run("return redis.call('VREM', KEYS[1], 'none')") == 0
    assert run("return {redis.call('VEMB', KEYS[1], 'none') == false}") == [1]
    assert run("return redis.pcall('VSIM', KEYS[1], 'ELE', 'none').err") == b"ERR element not found in set"
    assert run("return redis.call('VCARD', KEYS[1])") == 3


@pytest.mark.smoke
def test_lua_in_resp3(r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    r2("VADD", "k", "VALUES", 2, 0, 1, "b")
    run = lambda body: r2("EVAL", "redis.setresp(3); " + body, 1, "k")
    assert run("return type(redis.call('VISMEMBER', KEYS[1], 'a'))") == b"boolean"
    assert run("return tostring(redis.call('VREM', KEYS[1], 'none'))") == b"false"
    assert run("return tostring(redis.call('VSIM', KEYS[1], 'VALUES', 2, 1, 0, 'WITHSCORES').map.b.double)") == b"0.5"
    assert run("for k, v in pairs(redis.call('VINFO', KEYS[1]).map) do if k.ok == 'size' then return v end end") == 2
    assert run("return tostring(redis.call('VGETATTR', KEYS[1], 'a'))") == b"nil"


def test_tracking(server, r3):
    r3("VADD", "k", "VALUES", 2, 1, 0, "a")
    r3("CLIENT", "TRACKING", "ON")
    other = server.connect()
    for write in ("VADD k VALUES 2 0 1 b", "VADD k VALUES 2 1 1 a", "VSETATTR k a {}", "VREM k b"):
        r3("VCARD", "k")
        other(*write.split())
        r3("PING")
        assert r3.pushes == [[b"invalidate", [b"k"]]], write
        r3.pushes.clear()


def test_tracking_of_searches(server, r3):
    r3("VADD", "k", "VALUES", 2, 1, 0, "a")
    r3("CLIENT", "TRACKING", "ON")
    r3("VSIM", "k", "VALUES", 2, 1, 0)
    server.connect()("VADD", "k", "VALUES", 2, 0, 1, "b")
    r3("PING")
    assert r3.pushes == [[b"invalidate", [b"k"]]]


def events(server, *commands):
    """The keyevent notifications that the commands cause, as (event, key)."""
    r2, listener = server.connect(), server.connect()
    r2("CONFIG", "SET", "notify-keyspace-events", "EAn")
    listener("PSUBSCRIBE", "__keyevent@*__:*")
    for command in commands:
        assert not isinstance(r2(*command.split()), Error)
    r2("SET", "end", "1")
    seen = []
    while True:
        _, _, channel, key = listener.read()
        if key == b"end":
            return seen
        seen.append((channel.decode().split(":")[1], key.decode()))


@pytest.mark.differs("10.6")
@pytest.mark.smoke
def test_notifications(server):
    seen = events(
        server,
        "VADD k VALUES 2 1 0 a", "VADD k VALUES 2 0 1 b CAS", "VADD k VALUES 2 1 1 a", "VSETATTR k a {}", "VREM k a", "VREM k b",
    )  # fmt: skip
    assert [event for event in seen if event[0] != "new"] == [
        ("vadd", "k"), ("vadd", "k"), ("vadd", "k"), ("vsetattr", "k"), ("vrem", "k"), ("vrem", "k"), ("del", "k"),
    ]  # fmt: skip
    assert seen[:2] in ([("new", "k"), ("vadd", "k")], [("vadd", "k"), ("new", "k")])


def test_what_changes_nothing_notifies_nobody(server, r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    assert events(server, "VREM k none", "VSETATTR k none {}", "VSIM k ELE a", "VCARD k", "VINFO k", "VREM none a") == []


# ACL and metadata


@pytest.mark.differs("10.6")
@pytest.mark.smoke
def test_readers_need_read_permission_only(server, r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    r2("ACL", "SETUSER", "reader", "reset", "on", ">pw", "%R~k", "+@all")
    reader = server.connect()
    reader("AUTH", "reader", "pw")
    assert reader("VCARD", "k") == 1 and reader("VSIM", "k", "ELE", "a") == [b"a"] and reader("VGETATTR", "k", "a") is not None
    for write in ("VADD k VALUES 2 1 1 b", "VREM k a", "VSETATTR k a {}"):
        assert reader(*write.split()).startswith("NOPERM")
    assert reader("VCARD", "other").startswith("NOPERM")
    r2("ACL", "DELUSER", "reader")


@pytest.mark.differs("10.6")
@pytest.mark.smoke
def test_acl_categories(server, r2):
    if server.version() < (7, 2):
        pytest.skip("Redis 7.0 has no categories for commands of modules")
    # ACL CAT leaves commands of modules out before Redis 8.
    commands = {name: set(map(str, r2("COMMAND", "INFO", name)[0][6])) for name in (*READERS, *WRITERS)}
    members = {category: {name for name, has in commands.items() if f"@{category}" in has} for category in ("read", "write", "fast")}
    assert members["read"] >= set(READERS) and not members["read"] & set(WRITERS)
    assert members["write"] >= set(WRITERS) and not members["write"] & set(READERS)
    assert members["fast"] >= set(FAST) and not members["fast"] & {"VADD", "VSIM"}


@pytest.mark.smoke
def test_users_by_command(server, r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    r2("ACL", "SETUSER", "searcher", "reset", "on", ">pw", "~*", "+vsim")
    searcher = server.connect()
    searcher("AUTH", "searcher", "pw")
    assert searcher("VSIM", "k", "ELE", "a") == [b"a"]
    assert searcher("VCARD", "k").startswith("NOPERM")
    r2("ACL", "DELUSER", "searcher")


def command_info(connection, name):
    (info,) = connection("COMMAND", "INFO", name)
    return info[1], {str(flag) for flag in info[2]}, info[3:6]


@pytest.mark.newer("arity in COMMAND INFO")
@pytest.mark.smoke
@pytest.mark.parametrize(
    "name", ["VADD", "VREM", "VSIM", "VDIM", "VCARD", "VEMB", "VLINKS", "VINFO", "VSETATTR", "VGETATTR", "VRANDMEMBER", "VISMEMBER"]
)
def test_command_metadata(r2, name):
    arity, flags, keys = command_info(r2, name)
    assert arity == ARITY[name]
    wanted = (
        {"write" if name in WRITERS else "readonly", "module"}
        | ({"fast"} if name in FAST else set())
        | ({"denyoom"} if name == "VADD" else set())
    )
    assert flags & {"write", "readonly", "fast", "denyoom", "module", "admin", "blocking"} == wanted
    assert keys == [1, 1, 1]
    assert r2("COMMAND", "GETKEYS", name, "key", *["x"] * (abs(arity) - 2)) == [b"key"]


@pytest.mark.newer("VRANGE")
@pytest.mark.smoke
def test_command_metadata_of_vrange(r2):
    arity, flags, keys = command_info(r2, "VRANGE")
    assert arity == -4 and "readonly" in flags and keys == [1, 1, 1]


def key_flags(r2, name):
    (info,) = r2("COMMAND", "INFO", name)
    (spec,) = info[8]
    return {str(flag) for flag in dict(zip(map(_text, spec[::2]), spec[1::2]))["flags"]}


@pytest.mark.parametrize("name", WRITERS)
def test_key_flags_of_writers(r2, name):
    assert "RW" in key_flags(r2, name)


@pytest.mark.differs("10.6")
@pytest.mark.parametrize("name", READERS)
def test_key_flags_of_readers(r2, name):
    assert "RO" in key_flags(r2, name)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.smoke
def test_command_docs(r2):
    docs = r2("COMMAND", "DOCS", "VADD", "VSIM")
    for name in (b"VADD", b"VSIM"):
        fields = dict(zip(map(_text, docs[docs.index(name) + 1][::2]), docs[docs.index(name) + 1][1::2])) if name in docs else {}
        assert fields, docs
        assert _text(fields["group"]) == "module"


def test_object_idletime_and_touch(small):
    assert small("OBJECT", "IDLETIME", "k") == 0
    assert small("TOUCH", "k") == 1


def test_other_types_are_refused_by_our_key_and_ours_by_theirs(small):
    wrong = Error("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert small("GET", "k") == wrong and small("HSET", "k", "a", "b") == wrong and small("SADD", "k", "a") == wrong
    assert small("SET", "k", "v") == Simple("OK")
    assert small("VCARD", "k") == wrong


def test_setting_of_the_peers_name_is_answered(r2):
    """`vset-force-single-threaded-execution`, prefixed where a server demands it (10.9)."""
    flat = r2("CONFIG", "GET", "*vset-force-single-threaded-execution")
    assert len(flat) == 2 and flat[1] == b"no"
    name = flat[0]
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    assert r2("CONFIG", "SET", name, "yes") == Simple("OK")
    assert r2("VSIM", "k", "ELE", "a") == [b"a"] and r2("VADD", "k", "VALUES", 2, 1, 1, "b", "CAS") == 1
    assert r2("CONFIG", "SET", name, "maybe") == Error(
        f"ERR CONFIG SET failed (possibly related to argument '{name.decode()}') - argument must be 'yes' or 'no'"
    )
    assert r2("CONFIG", "SET", name, "no") == Simple("OK")


def test_resp3_booleans_of_noops(r3):
    assert r3("VREM", "none", "e") is FALSE and r3("VSETATTR", "none", "e", "{}") is FALSE
    assert r3("VGETATTR", "none", "e") is NULL
    assert r3("VADD", "k", "FP32", fp32([1, 0]), "e") is TRUE


@pytest.mark.smoke
def test_scripts_and_functions_that_only_read(r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "a")
    assert r2("EVAL_RO", "return redis.call('VSIM', KEYS[1], 'ELE', 'a')", 1, "k") == [b"a"]
    assert isinstance(r2("EVAL_RO", "return redis.call('VADD', KEYS[1], 'VALUES', 2, 1, 1, 'b')", 1, "k"), Error)
    assert isinstance(r2("EVAL_RO", "return redis.call('VREM', KEYS[1], 'a')", 1, "k"), Error)
    library = """#!lua name=vectors
        redis.register_function{function_name='near', flags={'no-writes'}, callback=function(keys, args)
            return redis.call('VSIM', keys[1], 'VALUES', 2, args[1], args[2], 'WITHSCORES') end}
        redis.register_function('put', function(keys, args)
            return redis.call('VADD', keys[1], 'VALUES', 2, args[1], args[2], args[3]) end)"""
    assert r2("FUNCTION", "LOAD", library) == b"vectors"
    assert r2("FCALL_RO", "near", 1, "k", 1, 0) == [b"a", b"1"]
    assert r2("FCALL", "put", 1, "k", -1, 0, "b") == 1
    assert r2("FCALL", "near", 1, "k", 1, 0) == [b"a", b"1", b"b", b"0"]


def test_in_a_cluster(start):
    """Slots are those of the key, and MIGRATE carries a set to another node."""
    nodes = [start("--cluster-enabled", "yes", "--cluster-node-timeout", "500") for _ in range(2)]
    r2, other = (node.connect() for node in nodes)
    assert r2("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == Simple("OK")
    wait_until(lambda: b"cluster_state:ok" in r2("CLUSTER", "INFO"), "the cluster is up")
    fill(r2, "{tag}k", clusters(100, 8, seed=27))
    slot = r2("CLUSTER", "KEYSLOT", "tag")
    assert r2("VSIM", "{tag}k", "ELE", "e1", "COUNT", 1) == [b"e1"]
    assert r2("COMMAND", "GETKEYS", "VSIM", "{tag}k", "ELE", "e1") == [b"{tag}k"]
    before = state(r2, "{tag}k")
    assert r2("CLUSTER", "MEET", "127.0.0.1", nodes[1].port) == Simple("OK")
    wait_until(
        lambda: b"cluster_known_nodes:2" in other("CLUSTER", "INFO") and b"cluster_state:ok" in other("CLUSTER", "INFO"), "the nodes met"
    )
    mine, theirs = (connection("CLUSTER", "MYID").decode() for connection in (r2, other))
    assert r2("CLUSTER", "SETSLOT", slot, "MIGRATING", theirs) == Simple("OK")
    assert other("CLUSTER", "SETSLOT", slot, "IMPORTING", mine) == Simple("OK")
    assert r2("MIGRATE", "127.0.0.1", nodes[1].port, "{tag}k", 0, 5000) == Simple("OK")
    for connection in (other, r2):
        assert connection("CLUSTER", "SETSLOT", slot, "NODE", theirs) == Simple("OK")
    assert state(other, "{tag}k") == before
    assert r2("VCARD", "{tag}k") == Error(f"MOVED {slot} 127.0.0.1:{nodes[1].port}")


@pytest.mark.smoke
def test_active_defragmentation(server, r2):
    if isinstance(r2("CONFIG", "SET", "activedefrag", "yes"), Error):
        pytest.skip("this server is built without active defragmentation")
    for name, value in (("ignore-bytes", "1"), ("threshold-lower", "0"), ("cycle-min", "75"), ("cycle-max", "75")):
        r2("CONFIG", "SET", f"active-defrag-{name}", value)
    try:
        for key in range(20):
            fill(r2, f"k{key}", clusters(300, 32, seed=28), "SETATTR", '{"n":1}')
        for key in range(20):
            r2.pipeline(["VREM", f"k{key}", f"e{n}"] for n in range(300) if (n + key) % 3)
        kept = {key: state(r2, f"k{key}") for key in range(20)}
        passes = int(server.info("stats", "active_defrag_key_misses")) + int(server.info("stats", "active_defrag_key_hits"))
        wait_until(
            lambda: (
                int(server.info("stats", "active_defrag_key_misses")) + int(server.info("stats", "active_defrag_key_hits")) > passes + 20
            ),
            "the keys were visited",
        )
        for key in range(20):
            assert state(r2, f"k{key}") == kept[key]
            assert len(r2("VSIM", f"k{key}", "ELE", kept[key][1].copy().popitem()[0], "COUNT", 10)) == 10
    finally:
        r2("CONFIG", "SET", "activedefrag", "no")
