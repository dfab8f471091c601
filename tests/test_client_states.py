"""Every command that may have its client wait, asked by a client in each state that a server knows.

The law: the answer is the one that a plain client gets, or the server's own refusal; nothing crashes, and nobody waits for
ever. Searches are handed to the workers here whatever they cost, so that each command does have its client wait where it can.
"""

import pathlib
import re

import pytest

from resp import Disconnected, Error, Simple, encode
from servers import BUILTIN_VECTOR_SETS, ROOT, wait_until

DOCUMENTS, ELEMENTS = 300, 200
BLOB = bytes(16)

# Commands that read and may wait. None stands for the number of a cursor that was made for the command.
READS = {
    "search": ("FT.SEARCH", "i", "@n:[10 20]", "SORTBY", "n", "LIMIT", 0, 3),
    "knn": ("FT.SEARCH", "i", "*=>[KNN 3 @v $b AS far]", "PARAMS", 2, "b", BLOB, "DIALECT", 2, "RETURN", 1, "far"),
    "range": ("FT.SEARCH", "i", "@v:[VECTOR_RANGE 2.5 $b]", "PARAMS", 2, "b", BLOB, "DIALECT", 2, "NOCONTENT", "SORTBY", "n"),
    "aggregate": ("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@t", "REDUCE", "SUM", 1, "@n", "AS", "s", "SORTBY", 2, "@t", "ASC"),
    "load": ("FT.AGGREGATE", "i", "@n:[1 2]", "LOAD", 1, "@n", "SORTBY", 2, "@n", "ASC"),
    "with cursor": ("FT.AGGREGATE", "i", "*", "LOAD", 1, "@n", "SORTBY", 2, "@n", "ASC", "WITHCURSOR", "COUNT", 2),
    "cursor": ("FT.CURSOR", "READ", "i", None, "COUNT", 2),
    "info": ("FT.INFO", "i"),
    "tags": ("FT.TAGVALS", "i", "t"),
    "explain": ("FT.EXPLAIN", "i", "@n:[10 20]"),
    "vsim": ("VSIM", "vs", "VALUES", 2, 0.3, 0.7, "COUNT", 5, "WITHSCORES"),
    "filtered vsim": ("VSIM", "vs", "ELE", "e7", "COUNT", 3, "FILTER", ".n > 100"),
    "vinfo": ("VINFO", "vs"),
    "vlinks": ("VLINKS", "vs", "e7"),
}
# Commands that write, and what a RESP2 client reads. {} is another word each time.
WRITES = {
    "vadd": (("VADD", "grows", "VALUES", 2, 0.3, 0.7, "{}"), 1),
    "vrem": (("VREM", "shrinks", "{}"), 1),
    "json": (("JSON.SET", "doc:{}", "$", '{"n":1}'), Simple("OK")),
}


def fill(r):
    r("CONFIG", "SET", "search.inline-microseconds", 0)
    r("CONFIG", "SET", "search.alone-microseconds", 0)
    schema = ("n", "NUMERIC", "SORTABLE", "t", "TAG", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "L2")
    assert r("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", *schema) == Simple("OK")
    vector = "VALUES", 2
    commands = [("HSET", f"d:{n}", "n", n, "t", f"g{n % 7}", "v", bytes([0, 0, n % 200, 63]) * 4) for n in range(DOCUMENTS)]
    attributes = ("SETATTR", '{"n":%d}')
    commands += [("VADD", "vs", *vector, n, 100 - n, f"e{n}", attributes[0], attributes[1] % n) for n in range(ELEMENTS)]
    commands += [("VADD", "shrinks", *vector, n, 100 - n, n) for n in range(1000)]
    assert not [reply for reply in r.pipeline(commands) if isinstance(reply, Error)]
    # It links what is not linked, so that an answer is the same each time.
    r("VINFO", "vs")


@pytest.fixture
def filled(server):
    fill(server.connect())
    return server


def asked(server, words, protocol=2):
    """The words to send, with a cursor of its own where one is named."""
    if None not in words:
        return words
    plain = server.connect(protocol)
    _, cursor = plain(*READS["with cursor"])
    return tuple(cursor if word is None else word for word in words)


def same(answer):
    """An answer without what differs from one time to the next: the numbers of cursors, and what counts and takes time."""
    text = repr(answer)
    text = re.sub(
        r"(number_of_uses|_time\S*|percent_indexed|cursor_stats|index_total|global_\w+|\w*_mb)\W.*?(?=\(?Simple|b'|$)", r"\1", text
    )
    return re.sub(r", \d+\]$", "]", text)


def expected(server, name, protocol):
    return same(server.connect(protocol)(*asked(server, READS[name], protocol)))


def is_right(server, name, protocol, answer):
    assert not isinstance(answer, Error), (name, answer)
    assert same(answer) == expected(server, name, protocol), name


class Words:
    """Another word each time."""

    def __init__(self):
        self.next = 0

    def of(self, words):
        self.next += 1
        return tuple(str(word).replace("{}", str(self.next)) if isinstance(word, str) else word for word in words)


def subscribe(*words):
    def enter(client):
        client.send(*words)
        wait_until(lambda: client._parse(), "subscribed")

    return enter


# States that a client brings itself into, and stays in while it asks: its protocol, and how.
STATES = {
    "plain": (2, lambda client: None),
    "plain in RESP3": (3, lambda client: None),
    "subscribed": (3, subscribe("SUBSCRIBE", "x")),
    "subscribed to a pattern": (3, subscribe("PSUBSCRIBE", "x*")),
    "subscribed to a shard's channel": (3, subscribe("SSUBSCRIBE", "x")),
    "tracking": (3, lambda client: client("CLIENT", "TRACKING", "ON")),
    "tracking all": (3, lambda client: client("CLIENT", "TRACKING", "ON", "BCAST")),
    "tracking, subscribed": (3, lambda client: (client("CLIENT", "TRACKING", "ON", "OPTIN"), subscribe("SUBSCRIBE", "x")(client))),
    "not evicted": (2, lambda client: client("CLIENT", "NO-EVICT", "ON")),
    "not touching": (2, lambda client: client("CLIENT", "NO-TOUCH", "ON")),
    "watching": (2, lambda client: client("WATCH", "d:1", "vs")),
    "reset": (2, lambda client: (client("MULTI"), client("RESET"))),
    "named": (3, lambda client: client("CLIENT", "SETNAME", "someone")),
    "in another database and back": (2, lambda client: (client("SELECT", 1), client("SELECT", 0))),
}


@pytest.mark.smoke
@pytest.mark.parametrize("state", STATES)
def test_every_answer_is_a_plain_client_s(filled, state):
    protocol, enter = STATES[state]
    client, words = filled.connect(protocol), Words()
    enter(client)
    for name in READS:
        is_right(filled, name, protocol, client(*asked(filled, READS[name], protocol)))
    for name, (command, answer) in WRITES.items():
        for _ in range(20):
            assert client(*words.of(command)) == answer or protocol == 3, name
    # All of them at once, as a client that doesn't wait sends them.
    replies = client.pipeline(READS[name] for name in READS if name != "cursor")
    assert not [reply for reply in replies if isinstance(reply, Error)]


RUNNERS = {
    "MULTI": lambda client, words: (client("MULTI"), client(*words), client("EXEC"))[2][0],
    "EVAL": lambda client, words: client("EVAL", "return redis.call(unpack(ARGV))", 0, *words),
    "EVAL_RO": lambda client, words: client("EVAL_RO", "return redis.call(unpack(ARGV))", 0, *words),
    "FCALL": lambda client, words: client("FCALL", "ask", 0, *words),
    "FCALL_RO": lambda client, words: client("FCALL_RO", "ask_ro", 0, *words),
}
LIBRARY = """#!lua name=ask
redis.register_function('ask', function(keys, args) return redis.call(unpack(args)) end)
redis.register_function{function_name='ask_ro', callback=function(keys, args) return redis.call(unpack(args)) end, flags={'no-writes'}}
"""


@pytest.mark.smoke
@pytest.mark.parametrize("runner", RUNNERS)
def test_scripts_and_transactions_answer_at_once(filled, runner):
    client, words = filled.connect(), Words()
    assert client("FUNCTION", "LOAD", "REPLACE", LIBRARY) == b"ask"
    run = RUNNERS[runner]
    for name in READS:
        is_right(filled, name, 2, run(client, asked(filled, READS[name])))
    if runner.endswith("_RO"):
        return
    for name, (command, answer) in WRITES.items():
        assert all(run(client, words.of(command)) == answer for _ in range(20)), name


@pytest.mark.smoke
def test_a_subscriber_s_script_and_transaction(filled):
    """Both at once: the reason not to wait that is seen first hides the other."""
    client = filled.connect(3)
    subscribe("SUBSCRIBE", "x")(client)
    for runner in ("MULTI", "EVAL"):
        for name in READS:
            assert not isinstance(RUNNERS[runner](client, asked(filled, READS[name], 3)), Error), name


@pytest.mark.smoke
def test_replies_off_and_skipped(filled):
    client = filled.connect()
    for words in READS.values():
        words = asked(filled, words)
        client.send("CLIENT", "REPLY", "SKIP")
        client.send(*words)
        assert client("ECHO", "next") == b"next", words
        client.send("CLIENT", "REPLY", "OFF")
        client.send(*words)
        assert client("CLIENT", "REPLY", "ON") == Simple("OK"), words


@pytest.mark.smoke
def test_reset_in_the_middle_of_a_pipeline(filled):
    client = filled.connect()
    for name, words in READS.items():
        answer, reset, pong = client.pipeline([asked(filled, words), ("RESET",), ("PING",)])
        is_right(filled, name, 2, answer)
        assert (reset, pong) == (Simple("RESET"), Simple("PONG"))


@pytest.mark.smoke
def test_monitors(filled):
    """One who watches sees it all; asked by a monitor itself, the server refuses or we answer."""
    monitor, client = filled.connect(), filled.connect()
    monitor("MONITOR")
    for name, words in READS.items():
        is_right(filled, name, 2, client(*asked(filled, words)))
    for words in READS.values():
        monitor.send(*asked(filled, words))
    assert client("PING") == Simple("PONG")
    monitor.close()


@pytest.mark.smoke
@pytest.mark.parametrize("what", ["WRITE", "ALL"])
def test_paused(filled, what):
    """Whoever asked before the pause is answered; who asks in it is answered at once, or after it."""
    client, writer, operator = filled.connect(), filled.connect(), filled.connect()
    for name, words in READS.items():
        words = asked(filled, words)
        client.send(*words)
        writer.send(*Words().of(WRITES["json"][0]))
        # Nobody can end a pause of all, so it ends soon.
        assert operator("CLIENT", "PAUSE", 100_000 if what == "WRITE" else 20, what) == Simple("OK")
        client.send("PING")
        writer.send(*Words().of(WRITES["json"][0]))
        if what == "WRITE":
            is_right(filled, name, 2, client.read())
            assert client.read() == Simple("PONG")
            assert operator("CLIENT", "UNPAUSE") == Simple("OK")
        else:
            is_right(filled, name, 2, client.read())
            assert client.read() == Simple("PONG")
        assert [writer.read() for _ in range(2)] == [Simple("OK")] * 2


def open_jobs(r):
    found = re.search(rb"^search_jobs_waiting:(\d+)", r("INFO", "modules"), re.M)
    return int(found[1]) if found else 0


@pytest.mark.smoke
@pytest.mark.parametrize("end", ["kill", "close", "reset"])
def test_clients_that_end_while_they_wait(filled, end):
    operator = filled.connect()
    for words in READS.values():
        if None in words:
            continue
        for _ in range(8):
            client = filled.connect(3)
            number = client("CLIENT", "ID")
            client.socket.sendall(b"".join(map(encode, [words] * 3)))
            if end == "kill":
                operator("CLIENT", "KILL", "ID", number)
            elif end == "close":
                client.close()
            else:
                client.reset()
    wait_until(lambda: open_jobs(operator) == 0, "the workers to be done")
    for name in READS:
        is_right(filled, name, 2, operator(*asked(filled, READS[name])))


@pytest.mark.smoke
@pytest.mark.parametrize("how", ["TIMEOUT", "ERROR"])
def test_unblock_leaves_a_search_alone(filled, how):
    """The server lets no operator end a wait that has no time limit of its own."""
    client, operator = filled.connect(), filled.connect()
    number = client("CLIENT", "ID")
    for name, words in READS.items():
        client.send(*asked(filled, words))
        operator("CLIENT", "UNBLOCK", number, how)
        is_right(filled, name, 2, client.read())


@pytest.mark.smoke
def test_a_killed_client_reads_no_half_answer(filled):
    client = filled.connect()
    number = client("CLIENT", "ID")
    client.socket.sendall(encode(("CLIENT", "KILL", "ID", number, "SKIPME", "no")) + encode(READS["aggregate"]))
    assert client.read() == 1
    with pytest.raises((Disconnected, OSError)):
        client.read()
    assert filled.connect()("PING") == Simple("PONG")


@pytest.mark.smoke
def test_a_replica_answers_and_takes_what_its_master_sends(start):
    master, replica = start(), start()
    fill(master.connect())
    replica.follow(master)
    reader, words, writer = replica.connect(), Words(), master.connect()
    for setting in ("inline-microseconds", "alone-microseconds"):
        reader("CONFIG", "SET", f"search.{setting}", 0)
    reader("CONFIG", "SET", "search.tail-limit", 1)
    # The link can't wait: what comes through it is linked on the spot.
    commands = [words.of(command) for command, _ in WRITES.values() for _ in range(100)]
    assert not [reply for reply in writer.pipeline(commands) if isinstance(reply, Error)]
    replica.catch_up(master)
    for name in READS:
        if name in ("info", "vinfo"):
            continue  # counts of its own
        is_right(replica, name, 2, reader(*asked(replica, READS[name])))
    for command, _ in WRITES.values():
        assert reader(*words.of(command)).startswith("READONLY")


@pytest.mark.smoke
def test_while_a_file_is_loaded_the_server_refuses(filled):
    """No command of ours is one that may run meanwhile; what is asked afterwards sees all that was loaded."""
    client, loader, words = filled.connect(), filled.connect(), Words()
    before = [expected(filled, name, 2) for name in ("search", "aggregate", "tags")]
    # Each key takes 10 ms, and clients are heard in between.
    loader("CONFIG", "SET", "key-load-delay", 10_000, "loading-process-events-interval-bytes", 1024)
    loader.send("DEBUG", "RELOAD")
    wait_until(lambda: b"\r\nloading:1\r\n" in client("INFO", "persistence"), "loading")
    asked_for = [command for name, command in READS.items() if name != "cursor"]
    replies = client.pipeline(asked_for + [words.of(command) for command, _ in WRITES.values()])
    assert b"\r\nloading:1\r\n" in client("INFO", "persistence")
    assert not [reply for reply in replies if not (isinstance(reply, Error) and reply.startswith("LOADING"))]
    client("CONFIG", "SET", "key-load-delay", 0)
    assert loader.read() == Simple("OK")
    assert before == [same(client(*READS[name])) for name in ("search", "aggregate", "tags")]


@pytest.mark.smoke
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_commands_that_an_aof_repeats(start, preamble):
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    client, words = server.connect(), Words()
    fill(client)
    client("CONFIG", "SET", "search.tail-limit", 1)
    client.pipeline(words.of(command) for command, _ in WRITES.values() for _ in range(100))
    for runner in ("MULTI", "EVAL"):
        RUNNERS[runner](client, words.of(WRITES["vadd"][0]))
    before = [same(client(*READS[name])) for name in ("search", "aggregate", "tags")], client("VCARD", "grows"), client("VCARD", "shrinks")
    server.module_args = () if server.name in BUILTIN_VECTOR_SETS else ("tail-limit", 1)
    server.restart()
    client = server.connect()
    assert before == (
        [same(client(*READS[name])) for name in ("search", "aggregate", "tags")],
        client("VCARD", "grows"),
        client("VCARD", "shrinks"),
    )


def calls():
    """The functions of the server that src/redis takes for granted."""
    sources = "".join(path.read_text() for path in (ROOT / "src" / "redis").glob("*.rs"))
    return sorted(set(re.findall(r"api!\(\s*(RedisModule_\w+)", sources)))


@pytest.mark.smoke
def test_every_function_that_is_taken_for_granted_is_there(server):
    """Servers register their functions by name, so their programs hold the names."""
    program = pathlib.Path(f"/proc/{server.process.pid}/exe").read_bytes()
    assert len(calls()) > 80
    missing = [name for name in calls() if name.encode() + b"\0" not in program]
    assert not missing
