"""scripts/move-in between real servers: everything comes, what can't is named, a stopped run goes on, writes go on meanwhile."""

import pathlib
import random
import signal
import struct
import subprocess
import sys
import threading

import pytest

from nodes import Cluster
from resp import Error
from servers import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from movein.definitions import Index, indexes  # noqa: E402
from movein.payload import for_version, older_stream, with_version  # noqa: E402
from movein.wire import Side  # noqa: E402

PROGRAM = ROOT / "scripts" / "move-in"
STACK, MODULE = "redis-stack", "valkey-9.1"


def vector(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def ask(server, *commands):
    """Sends commands, each a list of words or a text without blanks in its words; none may fail."""
    connection = server.connect()
    commands = [command.split() if isinstance(command, str) else command for command in commands]
    for command, reply in zip(commands, connection.pipeline(commands)):
        assert not isinstance(reply, Error), (command[:5], reply)
    return connection


def fill_core(server, field_times=True):
    """One of everything that a server without modules has."""
    c = ask(
        server,
        ["SET", "bytes", b"\x00\xff"],
        "SET number 12345",
        "SET short x PX 1000000",
        "SETBIT bits 1000 1",
        "PFADD hll a b c",
        "GEOADD geo 13 52 berlin",
        ["RPUSH", "list", *range(500)],
        "SADD set a b c",
        "SADD integers 1 2 3",
        ["SADD", "table", *(f"m{number}" for number in range(1000))],
        "ZADD zset 1.5 a -inf b 3 c",
        ["ZADD", "skiplist", *(word for number in range(500) for word in (number / 3, f"m{number}"))],
        "HSET hash a 1 b 2",
        ["HSET", "wide", *(word for number in range(600) for word in (f"f{number}", number))],
        *(f"XADD stream {number}-0 f {number}" for number in range(1, 300)),
        "XDEL stream 5-0",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group alice COUNT 10 STREAMS stream >",
        "XACK stream group 3-0",
        "XGROUP CREATECONSUMER stream group bob",
        "XADD emptied 1-1 a b",
        "XDEL emptied 1-1",
        "XGROUP CREATE never g $ MKSTREAM",
        ["FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"],
        ["ACL", "SETUSER", "ann", "on", ">pw", "~app:*", "+@read", "(~x:* +get)"],
        "SELECT 3",
        "SET elsewhere y",
        "SELECT 0",
        *(f"SET k:{number} value{number}" for number in range(300)),
    )
    if field_times:
        c.pipeline([["HSET", "timed", "a", 1, "b", 2], ["HPEXPIRE", "timed", 10**7, "FIELDS", 1, "a"]])


def fill_search(server, documents=200):
    """Indexes over hashes and JSON with every kind of field, and what belongs to indexes."""
    draw = random.Random(3)
    numbers = [[draw.random() for _ in range(4)] for _ in range(documents)]
    ask(
        server,
        "FT.CREATE hashes PREFIX 2 d: e: LANGUAGE german SCORE 0.5 NOOFFSETS STOPWORDS 1 foo SCHEMA t TEXT WEIGHT 2 NOSTEM u AS v TEXT "
        "g TAG SEPARATOR ; CASESENSITIVE SORTABLE n NUMERIC SORTABLE place GEO "
        "vec VECTOR HNSW 10 TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2 M 20 EF_RUNTIME 50",
        "FT.CREATE documents ON JSON PREFIX 1 j: SCHEMA $.t AS t TEXT $.n AS n NUMERIC SORTABLE $.g[*] AS g TAG "
        "$.v AS v VECTOR FLAT 6 TYPE FLOAT32 DIM 4 DISTANCE_METRIC COSINE",
        "FT.ALIASADD known hashes",
        *(
            ["HSET", f"d:{i}", "t", f"hello world{i % 9} foo", "g", f"x;y{i % 4}", "n", i, "place", f"{i % 180},{i % 80}"]
            + ["vec", vector(*numbers[i])]
            for i in range(documents)
        ),
        *(
            [
                "JSON.SET",
                f"j:{i}",
                "$",
                f'{{"t":"word{i % 7}","n":{i / 4},"g":["a","b{i % 5}"],"v":{numbers[i]},"x":{{"y":[null,true,"ä"]}}}}',
            ]
            for i in range(documents)
        ),
        ["FT.SUGADD", "names", "hello world", "2.5", "PAYLOAD", "p"],
        ["FT.SUGADD", "names", "héllo", "1"],
        "FT.SYNUPDATE hashes group boy child",
        "FT.DICTADD words one two",
    )


def fill_vectors(server):
    draw = random.Random(4)
    ask(
        server,
        *(
            ["VADD", f"v{quantized}", *reduce, "FP32", vector(*(draw.gauss(0, 1) for _ in range(8))), f"e{number}", quantized]
            + ["SETATTR", f'{{"n":{number}}}']
            for quantized, reduce in (("Q8", []), ("NOQUANT", []), ("BIN", []), ("Q8", ["REDUCE", 4]))
            for number in range(40)
            if not reduce
        ),
        *(["VADD", "reduced", "REDUCE", 4, "FP32", vector(*(draw.gauss(0, 1) for _ in range(8))), f"e{number}"] for number in range(20)),
    )


def command(source, target, *options):
    return [sys.executable, PROGRAM, f"localhost:{source.port}", f"localhost:{target.port}", "--quiet", *map(str, options)]


def move(source, target, *options, status=0):
    """What it prints; it must end with this status."""
    ended = subprocess.run(command(source, target, *options), capture_output=True, text=True, timeout=120)
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def fleet_of(start):
    """fleet_of(NAME, ...): these servers, started anew."""
    return lambda *names: [start(name=name) for name in names]


@pytest.mark.module_only
def test_stack_to_valkey(fleet_of):
    source, target = fleet_of(STACK, MODULE)
    fill_core(source)
    fill_search(source)
    assert "everything can come" in move(source, target, "--dry-run")
    assert target.connect()("DBSIZE") == 0
    said = move(source, target, "--acl", "--verify", "all")
    assert "complete: nothing differs" in said
    assert "alias: 1, dictionary: 1, functions: 1, index: 2, synonyms: 1, user: 1" in said
    here, there = source.connect(), target.connect()
    for question in (
        "HPEXPIRETIME timed FIELDS 2 a b",
        "FT.DICTDUMP words",
        "FT.SEARCH known @g:{y1} LIMIT 0 3 NOCONTENT SORTBY n",
        "PEXPIRETIME short",
        "FUNCTION LIST",
        "XINFO GROUPS stream",
    ):
        assert here(*question.split()) == there(*question.split()), question
    assert "complete: nothing differs" in move(source, target, "--merge")
    created = [index.create() for side in (source, target) for index in indexes(Side(f"localhost:{side.port}"))]
    assert created[:2] == created[2:]
    assert b"~app:*" in b"".join(there("ACL", "LIST"))
    assert here("CONFIG", "GET", "notify-keyspace-events")[1] == b""


@pytest.mark.module_only
def test_redis_8_to_redis_7(fleet_of):
    source, target = fleet_of("bare-redis-8.2", "redis-7.0")
    fill_core(source, field_times=False)
    fill_vectors(source)
    assert "complete: nothing differs" in move(source, target, "--verify", "all")
    # A vector set that is made, and one that changes, while it stays in step: Redis 8 tells of neither what it tells of others.
    running = subprocess.Popen(command(source, target, "--merge", "--follow"), stdout=subprocess.PIPE, text=True)
    assert any("in step" in line for line in running.stdout)
    ask(source, "VADD made VALUES 1 1 e", "VREM vQ8 e3", 'VSETATTR vBIN e1 {"n":-1}')
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert target.connect()("VCARD", "vQ8") == 39 and target.connect()("VGETATTR", "vBIN", "e1") == b'{"n":-1}'
    ask(source, ["HSET", "timed", "a", 1], ["HPEXPIRE", "timed", 10**7, "FIELDS", 1, "a"])
    assert "times of fields: db 0, timed: the target knows none" in move(source, target, "--merge", status=1)


@pytest.mark.module_only
def test_by_commands(fleet_of):
    source, target = fleet_of(STACK, MODULE)
    fill_core(source)
    fill_search(source)
    assert "complete: nothing differs" in move(source, target, "--by-commands", "--large", "100", "--verify", "all", "--no-notifications")


@pytest.mark.module_only
def test_and_out_again(fleet_of):
    source, target = fleet_of("redis-7.0", STACK)
    fill_core(source, field_times=False)
    fill_search(source)
    assert "complete: nothing differs" in move(source, target, "--verify", "all")
    fill_vectors(source)
    said = move(source, target, "--merge", status=1)
    assert "NOT COPIED, 4 keys, vectorset: the target has no VADD" in said
    assert "CAN'T COME: db 0: 4 keys of type vectorset: the target has no VADD" in move(source, target, "--dry-run", status=1)


class Writer(threading.Thread):
    """Some 500 writes a second until it is told to end: every kind of change, to keys old and new."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended, self.written = server, threading.Event(), 0
        self.start()

    def run(self):
        draw = random.Random(5)
        connection = self.server.connect()
        while not self.ended.wait(0.015):
            number = draw.randrange(400)
            connection.pipeline(
                [
                    ["SET", f"k:{number}", draw.random()],
                    ["DEL", f"k:{draw.randrange(400)}"],
                    ["HSET", f"d:{number}", "n", draw.randrange(100), "t", f"other{draw.randrange(9)}"],
                    ["JSON.NUMINCRBY", f"j:{number % 200}", "$.n", 1],
                    ["RPUSH", "list", number],
                    ["XADD", "stream", "*", "f", number],
                    ["FT.SUGADD", "names", f"name {number}", 1],
                    ["UNLINK", f"d:{draw.randrange(400)}"],
                ]
            )
            self.written += 1

    def end(self):
        self.ended.set()
        self.join()


@pytest.mark.module_only
def test_killed_and_resumed_while_writes_go_on(fleet_of, tmp_path):
    source, target = fleet_of(STACK, MODULE)
    fill_core(source)
    fill_search(source)
    state = ["--state", tmp_path / "state"]
    writer = Writer(source)
    for keys in (50, 200):
        running = subprocess.Popen(command(source, target, *state, "--rate", 300, "--batch", 20), stdout=subprocess.PIPE)
        wait_until(lambda keys=keys: target.connect()("DBSIZE") >= keys, "some keys copied")
        running.kill()
        running.wait()
    running = subprocess.Popen(command(source, target, *state, "--rate", 600, "--batch", 20), stdout=subprocess.PIPE, text=True)
    running.stdout.readline()
    ask(source, "FT.CREATE late PREFIX 1 d: SCHEMA n NUMERIC")
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 3
    running = subprocess.Popen(command(source, target, *state, "--follow", "--pause", 60), stdout=subprocess.PIPE, text=True)
    assert any("in step" in line for line in running.stdout)
    written = writer.written
    wait_until(lambda: writer.written > written + 40, "more writes")
    ask(source, "DEL k:1 hash", "SET last word")
    wait_until(lambda: target.connect()("GET", "last") == b"word", "in step")
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    source.connect()("CLIENT", "UNPAUSE")
    writer.end()
    assert running.returncode == 0, said
    assert "complete: nothing differs" in said and "too fast" not in said
    assert move(source, target, *state, "--verify", "all")
    assert source.connect()("CONFIG", "GET", "notify-keyspace-events")[1] == b""


@pytest.mark.module_only
def test_clusters_and_sockets(start, tmp_path):
    """From a server at a socket to a cluster, and from there to a server."""
    socket = tmp_path / "socket"
    source, target = start("--unixsocket", socket, name=STACK), start(name="redis-7.0")
    cluster = Cluster(lambda *words: start(*words, name=MODULE), 2)
    fill_core(source)
    source.connect().pipeline([["SELECT", 3], ["FLUSHDB"]])
    fill_search(source, 60)
    words = command(source, cluster.nodes[1], "--verify", "all")
    words[2] = f"unix://{socket}"
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(c("DBSIZE") > 100 for c in cluster.connections)
    said = move(cluster.nodes[0], target, "--verify", "all", status=1)
    assert "DIFFERS" not in said and said.count("NOT COPIED") == 1 and "times of fields: db 0, timed" in said, said


@pytest.mark.module_only
def test_differences_are_named(fleet_of):
    source, target = fleet_of(STACK, "redis-7.0")
    fill_search(source, 20)
    move(source, target, "--verify", "none")
    ask(target, *(f"HSET d:{number} n 77" for number in range(3, 15)), "SET surplus 1", "FT.DROPINDEX documents")
    said = subprocess.run(
        [sys.executable, "-c", VERIFY, str(ROOT / "scripts"), str(source.port), str(target.port)],
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    for line in ("12 values", "d:3 (hash)", "db 0: 0 keys of type string here, 1 there", "documents: Unknown index name", "hashes: @n:"):
        assert line in said, said


VERIFY = """
import argparse, sys
sys.path.insert(0, sys.argv[1])
from movein.copying import Mover, Stop
from movein.report import Report, State
from movein.verify import Verifier
from movein.wire import Side
options = argparse.Namespace(verify="all", merge=False, batch=250, large=1000, seed=1)
sides = [Side("localhost:" + port) for port in sys.argv[2:]]
report = Report(quiet=True)
Verifier(Mover(*sides, options, State(None, []), report, Stop()), options).run()
report.print()
"""


@pytest.mark.module_only
def test_refusals(fleet_of):
    source, target = fleet_of("redis-7.0", "redis-7.0")
    ask(target, "SET there 1")
    ask(source, "SET here 1", "ACL SETUSER ann on >pw ~* +@all")
    refused = subprocess.run(command(source, target), capture_output=True, text=True)
    assert refused.returncode == 2 and "TO has keys already; --merge keeps them" in refused.stderr
    refused = subprocess.run(command(source, source), capture_output=True, text=True)
    assert refused.returncode == 2 and "the same server" in refused.stderr
    words = command(source, target, "--merge")
    words[2] = f"redis://ann:wrong@localhost:{source.port}"
    refused = subprocess.run(words, capture_output=True, text=True)
    assert refused.returncode == 2 and "invalid username-password" in refused.stderr
    words[2] = f"redis://ann:pw@localhost:{source.port}"
    assert subprocess.run(words, capture_output=True).returncode == 0
    assert target.connect()("MGET", "there", "here") == [b"1", b"1"]


VALKEY_VECTOR = ["capacity", 10240, "dimensions", 3, "distance_metric", "L2", "size", b"0", "data_type", "FLOAT32", "algorithm"]
VALKEY_VECTOR.append(["name", "HNSW", "m", 16, "ef_construction", 200, "ef_runtime", 20])


@pytest.mark.module_only
def test_every_option_of_an_index_is_read(fleet_of):
    """Those too that FT.INFO does not tell: PHONETIC, EF_RUNTIME, EPSILON, TEMPORARY."""
    (source,) = fleet_of(STACK)
    options = (
        "FT.CREATE i ON HASH PREFIX 2 a: b: FILTER @n>3 LANGUAGE german LANGUAGE_FIELD lf SCORE_FIELD sf PAYLOAD_FIELD pf SCORE 0.5 "
        "NOFREQS NOFIELDS NOOFFSETS NOHL MAXTEXTFIELDS TEMPORARY 100 STOPWORDS 2 bar foo SCHEMA "
        "t AS tt TEXT WEIGHT 2.5 NOSTEM WITHSUFFIXTRIE INDEXEMPTY SORTABLE UNF u TEXT PHONETIC dm:en w TEXT INDEXMISSING "
        "g TAG SEPARATOR ; CASESENSITIVE SORTABLE UNF n NUMERIC SORTABLE geo GEO SORTABLE NOINDEX s GEOSHAPE FLAT r GEOSHAPE SPHERICAL "
        "v VECTOR HNSW 14 TYPE FLOAT32 DIM 4 DISTANCE_METRIC COSINE M 20 EF_CONSTRUCTION 100 EF_RUNTIME 30 EPSILON 0.1 "
        "f VECTOR FLAT 6 TYPE FLOAT64 DIM 3 DISTANCE_METRIC L2"
    )
    c = ask(source, options, "FT.CREATE j ON JSON SCHEMA $.t AS t TEXT $.g AS g TAG SEPARATOR , SORTABLE $.n NUMERIC")
    first, second = indexes(Side(f"localhost:{source.port}"))
    assert [word.decode() for word in first.create()] == options.split()
    words = second.create()
    c("FT.DROPINDEX", "j")
    ask(source, words)
    assert Index(Side(f"localhost:{source.port}"), 0, b"j").create() == words


class Told:
    """A server that answers FT.INFO as given."""

    nearset = cluster = False

    def __init__(self, reply):
        self.reply, self.nodes = reply, [self]

    def one(self, *words, db=None):
        return self.reply if "FT.INFO" in words else LookupError("unknown command")


@pytest.mark.parametrize(
    "reply, words",
    [
        pytest.param(
            ["index_name", b"i", "index_definition", ["key_type", "HASH", "prefixes", ["p:"], "default_score", b"1"], "attributes"]
            + [
                [
                    ["identifier", "v", "attribute", "vec", "type", "VECTOR", "index", VALKEY_VECTOR],
                    ["identifier", "g", "attribute", "g", "type", "TAG", "SEPARATOR", "@", "CASESENSITIVE", 1],
                    ["identifier", "h", "attribute", "h", "type", "TAG", "SEPARATOR", ",", "CASESENSITIVE", 0],
                    ["identifier", "n", "attribute", "n", "type", "NUMERIC"],
                ]
            ],
            "FT.CREATE i ON HASH PREFIX 1 p: SCHEMA v AS vec VECTOR HNSW 12 TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2 M 16 EF_CONSTRUCTION 200 "
            "EF_RUNTIME 20 g TAG SEPARATOR @ CASESENSITIVE h TAG n NUMERIC",
            id="valkey-search",
        ),
        pytest.param(
            {
                b"index_name": b"i",
                b"index_options": [b"NOFREQS"],
                b"index_definition": {
                    b"key_type": b"JSON",
                    b"prefixes": [b""],
                    b"filter": b"@n>3",
                    b"default_score": 0.5,
                    b"indexes_all": b"true",
                },
                b"attributes": [
                    {
                        b"identifier": b"$.t",
                        b"attribute": b"t",
                        b"type": b"TEXT",
                        b"WEIGHT": 2.0,
                        b"flags": [b"SORTABLE", b"UNF", b"NOSTEM"],
                    },
                    {b"identifier": b"$.g", b"attribute": b"g", b"type": b"TAG", b"SEPARATOR": b"", b"flags": [b"INDEXMISSING"]},
                    {b"identifier": b"$.v", b"attribute": b"v", b"type": b"VECTOR", b"algorithm": b"SVS-VAMANA", b"data_type": b"FLOAT32"}
                    | {b"dim": 4, b"distance_metric": b"COSINE", b"compression": b"NO_COMPRESSION", b"graph_max_degree": 32, b"flags": []},
                ],
                b"stopwords_list": [],
            },
            "FT.CREATE i ON JSON FILTER @n>3 SCORE 0.5 INDEXALL ENABLE NOFREQS STOPWORDS 0 SCHEMA $.t AS t TEXT WEIGHT 2.0 NOSTEM SORTABLE "
            "$.g AS g TAG INDEXMISSING $.v AS v VECTOR SVS-VAMANA 8 TYPE FLOAT32 DIM 4 DISTANCE_METRIC COSINE GRAPH_MAX_DEGREE 32",
            id="Redis 8, RESP3",
        ),
    ],
)
def test_definitions_are_read_in_every_shape(reply, words):
    made = Index(Told(reply), 0, b"i").create()
    assert b" ".join(made).decode() == words


@pytest.mark.module_only
def test_footers():
    """The checksum after a change of the version is that of the whole, for values of any length."""
    from dump_footer import body, seal

    for length in (0, 1, 7, 1000):
        for old, new in ((12, 10), (80, 11), (9, 80)):
            value = seal(bytes([0]) + bytes(range(256)) * length, old)
            assert with_version(value, new) == seal(body(value), new)
    # A stream: its nodes, its numbers, a group with a pending entry and a consumer that was active.
    numbers = bytes(range(1, 9))
    group = b"\x01\x01g" + bytes(3) + b"\x01" + bytes(16 + 8) + b"\x02" + b"\x01\x01c" + b"SEEN----"
    stream = b"\x01\x02id\xc3\x02\x05zz" + numbers + group
    newer, older = b"\x15" + stream + b"ACTIVE--" + b"\x01" + bytes(16), b"\x13" + stream + b"\x01" + bytes(16)
    assert for_version(seal(newer, 11), 10, True) == seal(older, 10)
    for length in range(1, len(newer) - 1):
        with pytest.raises(ValueError):
            older_stream(newer[:length])
    assert for_version(seal(b"\x18", 12), 11, True) is None
    assert for_version(seal(b"\x16", 80), 12, False) is None
