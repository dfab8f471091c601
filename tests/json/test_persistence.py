"""Every write, kept by every way of saving and replicating; crashes; exchange of whole RDB files with RedisJSON; defragmentation."""

import json
import random
import threading

import pytest

import dump_footer
from resp import Error, Simple
from servers import UNPACKED, wait_until

OK = Simple("OK")
START = {"n": 1, "d": 1.5, "s": "x", "t": True, "l": [1, 2, 3], "o": {"a": 1, "b": [[1], [2]]}, "f": [n / 7 for n in range(200)]}
WRITES = [
    ["JSON.SET", "k", "$", json.dumps(START)],
    ["JSON.SET", "k", "$.new", '{"é":"\\u0001\\n"}'],
    ["JSON.SET", "k", ".o.c", "18446744073709551615"],
    ["JSON.SET", "k", "$.nx", "[]", "NX"],
    ["JSON.SET", "k", "$.n", "0", "NX"],
    ["JSON.SET", "k", "$.half", "[0.1,0.2]", "FPHA", "FP16"],
    ["JSON.MSET", "k", "$.m", "1", "k2", "$", '{"x":[]}', "k", "$.m", "2"],
    ["JSON.MERGE", "k", "$.o", '{"a":null,"new":{"x":null,"y":1}}'],
    ["JSON.NUMINCRBY", "k", "$..n", "0.1"],
    ["JSON.NUMMULTBY", "k", "$.f[*]", "1.1"],
    ["JSON.NUMPOWBY", "k", "$.d", "3"],
    ["JSON.NUMINCRBY", "k", "$.f[-1:]", "1e300"],
    ["JSON.STRAPPEND", "k", "$.s", '"日本"'],
    ["JSON.TOGGLE", "k", "$.t"],
    ["JSON.ARRAPPEND", "k", "$.l", "4", '"five"', "[6]"],
    ["JSON.ARRINSERT", "k", "$.o.b", "-1", "0.25"],
    ["JSON.ARRPOP", "k", "$.l", "0"],
    ["JSON.ARRTRIM", "k", "$.f", "10", "150"],
    ["JSON.CLEAR", "k2", "$.x"],
    ["JSON.DEL", "k", "$.f[?(@>20)]"],
    ["JSON.FORGET", "k", "$.nx"],
    ["JSON.SET", "gone", "$", "1"],
    ["JSON.DEL", "gone"],
    ["JSON.SET", "big", "$", "[" + ",".join(f'{{"id":{n},"text":"{"x" * 60}"}}' for n in range(2000)) + "]"],
    ["JSON.SET", "big", "$[77].text", '"other"'],
    ["JSON.SET", "numbers", "$", json.dumps([n * 0.001 for n in range(20_000)])],
    ["JSON.NUMINCRBY", "numbers", "$[19999]", "1"],
    ["COPY", "k", "copy"],
    ["JSON.SET", "copy", "$.only", '"here"'],
]
KEYS = ["k", "k2", "big", "numbers", "copy"]


def write_all(server, how):
    """All the writes, one by one, in a transaction or in a script."""
    c = server.connect()
    if how == "multi":
        assert c("MULTI") == OK
        assert {c(*command) for command in WRITES} == {Simple("QUEUED")}
        replies = c("EXEC")
    elif how == "script":
        replies = [c("EVAL", "return redis.call(unpack(ARGV))", 1, command[1], *command) for command in WRITES]
    else:
        replies = [c(*command) for command in WRITES]
    assert not [(command, reply) for command, reply in zip(WRITES, replies) if isinstance(reply, Error)]
    return state(server)


def state(server):
    """The documents, byte for byte, and the server's digest of all of its data."""
    c = server.connect()
    assert c("DBSIZE") == len(KEYS)
    texts = {key: c("JSON.GET", key) for key in KEYS}
    assert all(isinstance(text, bytes) for text in texts.values())
    return texts, str(c("DEBUG", "DIGEST"))


def rewrite_the_aof(server):
    assert not isinstance(server.connect()("BGREWRITEAOF"), Error)
    running = [("persistence", "aof_rewrite_in_progress"), ("persistence", "aof_rewrite_scheduled")]
    wait_until(lambda: [server.info(*field) for field in running] == ["0", "0"], "AOF rewritten")
    assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"


@pytest.mark.smoke
@pytest.mark.parametrize("how", ["one by one", "multi", "script"])
def test_every_write_is_kept_everywhere(start, how):
    """Replica from the start, AOF, rewritten AOF with and without preamble, RDB, replica by full synchronisation."""
    master = start("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no")
    replica = start()
    replica.follow(master)
    expected = write_all(master, how)
    replica.catch_up(master)
    assert state(replica) == expected
    master.kill()
    master.start()
    assert state(master) == expected, "from the AOF"
    for preamble in ("no", "yes"):
        master.connect()("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
        rewrite_the_aof(master)
        master.kill()
        master.start()
        assert state(master) == expected, f"from the rewritten AOF, preamble {preamble}"
    assert master.connect()("DEBUG", "RELOAD") == OK
    assert state(master) == expected, "from the RDB"
    fresh = start()
    fresh.follow(master)
    assert state(fresh) == expected, "by synchronisation"


class Writer:
    """Changes a document of its own, and knows what it must be: after the last acknowledged write, and after the next."""

    def __init__(self, number):
        self.chance, self.key = random.Random(number), f"own{number}"
        self.held, self.pending, self.written, self.failure = None, None, 0, None

    def command(self):
        """A command, and the document after it."""
        if self.held is None:
            return ["JSON.SET", self.key, "$", '{"n":0,"l":[],"m":{}}'], {"n": 0, "l": [], "m": {}}
        after, number = json.loads(json.dumps(self.held)), self.chance.randrange(1000)
        name = f"m{number % 50}"
        match self.chance.randrange(5):
            case 0:
                after["n"] += number
                return ["JSON.NUMINCRBY", self.key, "$.n", number], after
            case 1:
                after["l"].append(number)
                return ["JSON.ARRAPPEND", self.key, "$.l", number], after
            case 2 if after["l"]:
                after["l"].pop(0)
                return ["JSON.ARRPOP", self.key, "$.l", 0], after
            case 3:
                after["m"].pop(name, None)
                return ["JSON.DEL", self.key, f"$.m.{name}"], after
        after["m"][name] = "x" * number
        return ["JSON.MERGE", self.key, "$.m", json.dumps({name: "x" * number})], after

    def run(self, connection):
        """Writes until the server dies."""
        try:
            while True:
                command, self.pending = self.command()
                if isinstance(reply := connection(*command), Error):
                    raise AssertionError((command, reply))
                self.held, self.written = self.pending, self.written + 1
        except (ConnectionError, OSError):
            pass
        except AssertionError as failure:
            self.failure = failure


def test_acknowledged_writes_survive_kill_9(start):
    server = start(
        "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "10", "--auto-aof-rewrite-min-size", "1"
    )
    writers = [Writer(number) for number in range(4)]
    for round in range(1, 4):
        threads = [threading.Thread(target=writer.run, args=[server.connect()]) for writer in writers]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(writer.written >= 150 * round or writer.failure for writer in writers), "150 writes each", timeout=50)  # noqa: B023
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        c = server.connect()
        for writer in writers:
            assert not writer.failure
            found = json.loads(c("JSON.GET", writer.key))
            assert found in (writer.held, writer.pending), (writer.key, round)
            writer.held = found


@pytest.mark.smoke
def test_the_digest_is_of_the_document(r2):
    """Equal documents have equal digests, however they were made; others have others."""
    text = json.dumps({"a": list(range(5000)), "b": {"c": [1.5, "x", None]}}, separators=(",", ":"))
    r2("JSON.SET", "whole", "$", text)
    r2("JSON.SET", "parts", "$", '{"a":[]}')
    r2("JSON.ARRAPPEND", "parts", "$.a", *range(2500))
    r2("JSON.ARRAPPEND", "parts", "$.a", *range(2500, 5000))
    r2("JSON.SET", "parts", "$.b", '{"c":[1.5]}')
    r2("JSON.MERGE", "parts", "$.b", '{"c":[1.5,"x",null]}')
    assert r2("JSON.GET", "parts") == text.encode()
    whole, parts = r2("DEBUG", "DIGEST-VALUE", "whole", "parts")
    assert whole == parts
    r2("JSON.NUMINCRBY", "parts", "$.a[4999]", "1")
    assert r2("DEBUG", "DIGEST-VALUE", "parts") != [whole]


def test_the_encoding_of_redisjson_2_0_loads(r2):
    """Version 2: the text, then a number, and where that is not 0, two strings."""
    r2("JSON.SET", "k", "$", '{"a":[1,2.5]}')
    body = dump_footer.body(r2("DUMP", "k"))
    assert body[:2] == b"\x07\x81" and body[9] & 3 == 3 and body[-1] == 0
    older = body[:9] + bytes([body[9] & ~3 | 2]) + body[10:-1]
    for rest in (b"\x02\x00\x00", b"\x02\x01\x05\x01a\x05\x01b\x00"):
        assert r2("RESTORE", "k", 0, dump_footer.seal(older + rest, 10), "REPLACE") == OK
        assert r2("JSON.GET", "k") == b'{"a":[1,2.5]}'
    for rest in (b"\x00", b"\x02\x01\x05\x01a\x00", b"\x05\x00\x00"):
        assert r2("RESTORE", "bad", 0, dump_footer.seal(older + rest, 10)) == Error("ERR Bad data format")


def test_a_database_moves_from_redisjson_and_back(start):
    """The RDB file of a server with RedisJSON is loaded by one with this module, and the other way round."""
    start(name="redis-stack").close()  # fetches it
    theirs = start("--loadmodule", UNPACKED / "redis-stack" / "modules" / "rejson.so", name="bare-redis-7.4")
    ours = start(name="redis-7.4")
    c, here = theirs.connect(), ours.connect()
    documents = {"o": START, "s": "text", "e": {}, "big": [{"id": n, "text": "x" * 50} for n in range(3000)]}
    for key, document in documents.items():
        assert c("JSON.SET", key, "$", json.dumps(document)) == OK
    assert c("SAVE") == OK
    (ours.folder / "dump.rdb").write_bytes((theirs.folder / "dump.rdb").read_bytes())
    assert here("DEBUG", "RELOAD", "NOSAVE") == OK
    texts = {key: here("JSON.GET", key) for key in documents}
    assert {key: json.loads(text) for key, text in texts.items()} == {key: json.loads(c("JSON.GET", key)) for key in documents}
    assert here("JSON.SET", "o", "$.new", "[1]") == OK and here("SAVE") == OK
    (theirs.folder / "dump.rdb").write_bytes((ours.folder / "dump.rdb").read_bytes())
    assert c("DEBUG", "RELOAD", "NOSAVE") == OK
    assert c("JSON.GET", "o", "$.new") == b"[[1]]" and c("JSON.GET", "big") == texts["big"]


@pytest.mark.smoke
def test_defragmentation_moves_documents(start):
    server = start()
    r2 = server.connect()
    if isinstance(r2("CONFIG", "SET", "activedefrag", "yes"), Error):
        pytest.skip("this server's allocator does not tell where the gaps are")
    r2("CONFIG", "SET", "activedefrag", "no")
    for setting in (("ignore-bytes", 1), ("threshold-lower", 0), ("cycle-min", 60), ("cycle-max", 75), ("max-scan-fields", 1000)):
        assert r2("CONFIG", "SET", f"active-defrag-{setting[0]}", setting[1]) == OK
    document = lambda n: json.dumps({"n": n, "text": f"{n} " * 90}, separators=(",", ":"))
    element = lambda n: '{"n":%d,"text":"%s"}' % (n, "y" * 90)  # noqa: UP031
    r2("JSON.SET", "big", "$", "[]")
    for n in range(20_000):
        r2("JSON.SET", f"k{n}", "$", document(n))
        if n % 10 == 0:
            r2("JSON.ARRAPPEND", "big", "$", *(element(n + at) for at in range(10)))
    r2.pipeline(["DEL", f"k{n}"] for n in range(20_000) if n % 8)
    big, size = r2("JSON.GET", "big"), r2("MEMORY", "USAGE", "big")
    assert json.loads(big)[7777] == json.loads(element(7777))
    hits = lambda: int(server.info("stats", "active_defrag_hits"))
    gaps = lambda: int(server.info("memory", "allocator_frag_bytes"))
    wait_until(lambda: gaps() > 5_000_000, "the server sees the gaps")
    before = gaps()
    assert r2("CONFIG", "SET", "activedefrag", "yes") == OK
    wait_until(lambda: hits() > 2500, "values moved")
    if server.version() >= (8, 0):  # an older one finds few gaps, in its own strings, too
        wait_until(lambda: gaps() < before / 3, "gaps closed")
    assert r2("CONFIG", "SET", "activedefrag", "no") == OK
    for n in range(0, 20_000, 8):
        assert r2("JSON.GET", f"k{n}") == document(n).encode()
    assert r2("JSON.GET", "big") == big and r2("MEMORY", "USAGE", "big") == size
    assert r2("JSON.ARRAPPEND", "big", "$", "1") == [20_001] and r2("FLUSHALL", "SYNC") == OK
