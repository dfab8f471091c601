"""Input made to break things: damaged payloads, deep JSON, huge numbers, no memory. An error is fine; a crash, a hang or a
half-made key is not."""

import copy
import random
import struct

import numpy
import pytest

from dump_footer import body, seal, version
from resp import Error, Simple
from vectors import clusters, elements, fill, fp32, state, vadd
from vectorset_payload import Node, VectorSet, reseal

BAD = Error("ERR Bad data format")
OLDEST = 10  # the RDB version of Redis 7.0


def triangle(**options):
    return VectorSet.of([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], **options)


def use(connection, key):
    """Everything that walks through a set; what it answers does not matter here."""
    names = elements(connection, key)
    for command in (
        ["VSIM", key, "VALUES", 2, 1, 0, "WITHSCORES"],
        ["VSIM", key, "VALUES", 2, 1, 0, "TRUTH", "FILTER", ".n > 1"],
        ["VINFO", key], ["VRANDMEMBER", key, -20], ["VADD", key, "VALUES", 2, 1, 1, "added", "NOQUANT"],
        ["DEBUG", "DIGEST-VALUE", key], ["MEMORY", "USAGE", key], ["DUMP", key],
    ):  # fmt: skip
        connection(*command)
    for name in names:
        connection("VLINKS", key, name, "WITHSCORES")
        connection("VSIM", key, "ELE", name)
        connection("VREM", key, name)
    connection("DEL", key)


def test_the_builder_builds_what_the_server_writes(r2):
    assert r2("RESTORE", "k", 0, triangle().payload(OLDEST)) == Simple("OK")
    assert elements(r2, "k") == [b"e0", b"e1", b"e2"]
    assert r2("VSIM", "k", "VALUES", 2, 1, 0, "WITHSCORES") == [b"e0", b"1", b"e2", b"0.800000011920929", b"e1", b"0.5"]
    assert r2("VEMB", "k", "e2") == [b"0.6000000238418579", b"0.800000011920929"]
    use(r2, "k")
    projected = VectorSet.of([[1.0, 0.0]], matrix=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert r2("RESTORE", "k", 0, projected.payload(OLDEST)) == Simple("OK")
    assert r2("VSIM", "k", "VALUES", 3, 5, 0, 0, "WITHSCORES") == [b"e0", b"1"]


def change(**fields):
    def apply(made):
        for name, value in fields.items():
            setattr(made, name, value)

    return apply


def change_node(number, **fields):
    return lambda made: change(**fields)(made.nodes[number])


def layers(number, *lists):
    return change_node(number, layers=list(lists))


PROJECTED = dict(matrix=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

REFUSED = {
    "dimension 0": change(dim=0),
    "dimension 65537": change(dim=65537),
    "dimension 2^63": change(dim=1 << 63),
    "dimension other than the vectors'": change(dim=3),
    "unknown quantization": change(quant=3),
    "count greater than the elements": change(count=4),
    "count 2^32": change(count=1 << 32),
    "count 2^64 - 1": change(count=(1 << 64) - 1),
    "count less than the elements": change(count=2),
    "another encoding version": change(type_id=0xBDE72DA2BB1EB401),
    "vector too short": change_node(0, vector=b"\0" * 4),
    "vector too long": change_node(0, vector=b"\0" * 12),
    "vector empty": change_node(0, vector=b""),
    "node version 2": change_node(0, version=2),
    "no parameters": change_node(0, parameter_count=0),
    "too few parameters": change_node(0, parameter_count=3),
    "level without links": change_node(0, level=5),
    "more links than the most": layers(0, ([2, 3], 1, 0)),
    "max_links 16385": layers(0, ([2, 3], 16385, 0)),
    "max_links 2^40": layers(0, ([2, 3], 1 << 40, 0)),
    "worst index beyond the links": layers(0, ([2, 3], 32, 2)),
    "link to itself": layers(0, ([2, 1], 32, 0)),
    "the same link twice": layers(0, ([2, 2], 32, 0)),
    "link to nobody": layers(0, ([2, 99], 32, 0)),
    "link not returned": layers(0, ([2], 32, 0)),
    "link not given": lambda made: layers(1, ([3], 32, 0))(made),
    "neighbor lacks the layer": layers(0, ([2, 3], 32, 0), ([2], 16, 0)),
    "the same id twice": change_node(1, id=1),
}

REFUSED_PROJECTIONS = {
    "input dimension 0": change(input_dim=0),
    "input dimension less than the output's": change(input_dim=1, matrix=b"\0" * 8),
    "input dimension 65537": change(input_dim=65537, matrix=b"\0" * (4 * 2 * 65537)),
    "matrix too short": change(matrix=b"\0" * 20),
    "matrix too long": change(matrix=b"\0" * 28),
    "product that wraps around": change(input_dim=1 << 62, matrix=b""),
}

# Redis takes these; we refuse what would break an invariant (10.4).
REFUSED_BY_US = {
    "no elements": lambda made: change(nodes=[])(made),
    "the same name twice": change_node(1, element=b"e0"),
    "2^64 - 1 parameters": change_node(0, parameter_count=(1 << 64) - 1),  # Redis 8.2 is busy with it for minutes
}

# Odd, but harmless one way or the other: refused or usable, never a crash.
ODD = {
    "unknown flags": change(flags=2 | 64),
    "extra parameters": change_node(0, extra=(1, 2, 3)),
    "level 255": change_node(0, layers=[([2, 3], 32, 0)] + [([], 16, 0)] * 255),
    "M 1": change(m=1),
    "M 0": change(m=0),
    "M 5000": change(m=5000),
    "unlinked": lambda made: [layers(n, ([], 32, 0))(made) for n in range(3)],
    "two islands": lambda made: [layers(0, ([2], 32, 0))(made), layers(1, ([1], 32, 0))(made), layers(2, ([], 32, 0))(made)],
    "norm NaN": change_node(0, l2=float("nan")),
    "norm infinite": change_node(0, l2=float("inf")),
    "components NaN": change_node(0, vector=struct.pack("<2f", float("nan"), 1)),
    "components infinite": change_node(0, vector=struct.pack("<2f", float("inf"), 1)),
    "components not normalized": change_node(0, vector=struct.pack("<2f", 3e38, 3e38)),
    "node id 0": change_node(0, id=0),
    "node id 2^64 - 1": lambda made: [
        change_node(0, id=(1 << 64) - 1)(made),
        layers(1, ([(1 << 64) - 1, 3], 32, 0))(made),
        layers(2, ([(1 << 64) - 1, 2], 32, 0))(made),
    ],
    "worst index with junk distance": layers(0, ([2, 3], 32, (0xFFFFFFFF << 32) | 1)),
    "node version 0": change_node(0, version=0),
    "attributes that are no JSON": change_node(0, attributes=b"\xff" * 100),
    "one more element than a set of one": lambda made: change(nodes=made.nodes[:1] + [Node(b"x", fp32([1, 0]), 7, [([], 32, 0)])])(made),
}


def damaged(alter, **options):
    made = copy.deepcopy(triangle(**options))
    alter(made)
    return made.payload(OLDEST)


@pytest.mark.parametrize("alter", REFUSED.values(), ids=REFUSED)
def test_refused(r2, alter):
    assert r2("RESTORE", "k", 0, damaged(alter)) == BAD
    assert r2("EXISTS", "k") == 0


@pytest.mark.newer("these checks")
@pytest.mark.parametrize("alter", REFUSED_PROJECTIONS.values(), ids=REFUSED_PROJECTIONS)
def test_refused_projection(r2, alter):
    assert r2("RESTORE", "k", 0, damaged(alter, **PROJECTED)) == BAD
    assert r2("EXISTS", "k") == 0


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize("alter", REFUSED_BY_US.values(), ids=REFUSED_BY_US)
def test_refused_by_us(r2, alter):
    assert r2("RESTORE", "k", 0, damaged(alter)) == BAD
    assert r2("EXISTS", "k") == 0


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize("alter", ODD.values(), ids=ODD)
def test_odd(r2, alter):
    reply = r2("RESTORE", "k", 0, damaged(alter))
    assert reply in (BAD, Simple("OK"))
    if reply == Simple("OK"):
        use(r2, "k")
    assert r2("EXISTS", "k") == 0


def rich_payload(r2, options=(), form="redis"):
    r2("CONFIG", "SET", "search.vset-rdb-format", form)
    rows = clusters(12, 6, seed=71)
    for n, row in enumerate(rows):
        r2("VADD", "source", *options, "FP32", fp32(row), f"e{n}", "SETATTR", f'{{"n":{n}}}')
    return r2("DUMP", "source")


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize("options", [[], ["REDUCE", 3]], ids=["plain", "reduced"])
@pytest.mark.parametrize("form", ["redis", "compact"])
def test_payloads_cut_anywhere_are_refused(r2, options, form):
    payload = rich_payload(r2, options, form)
    # A server reads on into the footer: cut by less than its ten bytes, the payload may be completed by it (the version
    # for the last byte of a norm and for the end mark).
    for end in range(10, len(body(payload)) - 10):
        assert r2("RESTORE", "k", 0, seal(body(payload)[:end], version(payload))) == BAD, end
    assert r2("EXISTS", "k") == 0


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["redis", "compact"])
def test_mutated_payloads_do_no_harm(r2, seed, form):
    """The same mutations each time; whatever still loads can be used and removed."""
    chance = random.Random(seed)
    payload = rich_payload(r2, ["REDUCE", 3] if seed % 2 else [], form)

    def mutate(data):
        data = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5))):
            place = chance.randrange(10, len(data))
            match chance.randrange(4):
                case 0:
                    data[place] ^= 1 << chance.randrange(8)
                case 1:
                    data[place] = chance.choice((0, 1, 2, 5, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xFF))
                case 2:
                    del data[place : place + chance.randrange(1, 9)]
                case 3:
                    data[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        return bytes(data)

    loaded = 0
    for _ in range(1000):
        reply = r2("RESTORE", "k", 0, reseal(payload, mutate))
        assert isinstance(reply, Simple)
        if reply == Simple("OK") and r2("TYPE", "k") == Simple("vectorset"):
            loaded += 1
            use(r2, "k")
        r2("DEL", "k")
    assert loaded


def test_a_damaged_rdb_file_does_not_start_half_loaded(start):
    server = start("--save", "3600 1")
    r2 = server.connect()
    fill(r2, "k", clusters(100, 8, seed=72))
    r2("SAVE")
    server.kill()
    file = server.folder / "dump.rdb"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(RuntimeError):
        server.start()


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("shape", ['{"a":%s1%s}', '{"a":1,"b":%s1%s}', "%s1%s"])
@pytest.mark.parametrize("brackets", ["[]", "{}", '{"x":}'])
def test_deep_json_in_attributes(r2, depth, shape, brackets):
    opening, closing = brackets[:-1], brackets[-1]
    attributes = shape % (opening * depth, closing * depth)
    assert r2("VADD", "k", "VALUES", 1, 1, "e", "SETATTR", attributes) == 1
    for expression in (".a == 1", "1 in .a", ".b == 1", ".a"):
        assert r2("VSIM", "k", "VALUES", 1, 1, "FILTER", expression) in ([], [b"e"])
    assert r2("VGETATTR", "k", "e") == attributes.encode()
    assert r2("VSETATTR", "k", "e", opening * depth) == 1
    assert r2("VSIM", "k", "VALUES", 1, 1, "FILTER", ".a") == []


@pytest.mark.differs("10.4", crashes=True)
@pytest.mark.parametrize(
    "expression",
    [
        "(" * 100_000 + "1" + ")" * 100_000,
        "(" * 100_000,
        "!(" * 50_000 + "1" + ")" * 50_000,
        "1" + "+1" * 200_000,
        "2" + "**1" * 100_000,
        "-" * 100_000,
        "[" * 100_000,
    ]
    + [".n in [" + "1," * 200_000 + "2]", '"' + "x" * 1_000_000 + '" == .n', "1 or " * 100_000 + "1"],
    ids=lambda text: text[:12],
)
def test_long_expressions(r2, expression):
    r2("VADD", "k", "VALUES", 1, 1, "e", "SETATTR", '{"n":2}')
    reply = r2("VSIM", "k", "VALUES", 1, 1, "FILTER", expression)
    assert reply in ([], [b"e"]) or reply.startswith("ERR syntax error in FILTER expression near: ")


HUGE = [2**31 - 1, 2**31, 2**32, 2**63 - 1]


@pytest.mark.parametrize("count", HUGE)
@pytest.mark.differs("10.4", crashes=True)
def test_huge_counts(r2, count):
    fill(r2, "k", clusters(20, 4, seed=73))
    everything = elements(r2, "k")
    assert sorted(r2("VRANDMEMBER", "k", count)) == everything
    assert sorted(r2("VSIM", "k", "ELE", "e1", "COUNT", count)) == everything
    assert r2("VRANGE", "k", "-", "+", count) == everything
    assert r2("VSIM", "k", "ELE", "e1", "EF", count) == Error("ERR invalid EF")
    assert sorted(r2("VSIM", "k", "ELE", "e1", "COUNT", 20, "FILTER-EF", count)) == everything


@pytest.mark.module_only
@pytest.mark.parametrize("count", [-(2**63), -(2**62)])
def test_counts_that_no_memory_holds_are_refused(r2, count):
    fill(r2, "k", clusters(20, 4, seed=73))
    assert isinstance(r2("VRANDMEMBER", "k", count), Error)


@pytest.mark.smoke
def test_the_greatest_dimension(r2):
    vector = numpy.linspace(-1, 1, 65536, dtype=numpy.float32)
    assert r2(*vadd("k", vector, "e")) == 1
    assert r2("VDIM", "k") == 65536
    assert r2("VSIM", "k", "FP32", fp32(vector), "WITHSCORES")[0] == b"e"
    assert r2("VADD", "k", "VALUES", 65536, *vector[::-1], "reversed") == 1


@pytest.mark.newer("this bound")
def test_beyond_the_greatest_dimension(r2):
    refused = Error("ERR invalid vector specification")
    r2("VADD", "k", "VALUES", 1, 1, "e")
    for key in ("k", "new"):
        assert r2(*vadd(key, numpy.ones(65537), "x")) == refused
        assert r2("VADD", key, "VALUES", 65537, *[1] * 65537, "x") == refused
    assert r2("VSIM", "k", "FP32", fp32(numpy.ones(65537))) == refused
    assert r2("VADD", "p", "REDUCE", 65536, "FP32", fp32([1, 2, 3]), "e") == refused


@pytest.mark.module_only
def test_a_projection_matrix_of_many_gigabytes(r2):
    """65536 × 65536 float32 are 16 GiB: an error or a set, but no abort."""
    r2("CONFIG", "SET", "maxmemory", "1gb")
    reply = r2("VADD", "k", "REDUCE", 65536, "FP32", fp32(numpy.ones(65536)), "e")
    assert reply == 1 or isinstance(reply, Error)
    r2("DEL", "k")


def test_maxmemory_in_the_middle_of_a_load(server, r2):
    rows = clusters(6000, 64, seed=74)
    fill(r2, "k", rows[:1000])
    r2("CONFIG", "SET", "maxmemory", int(server.info("memory", "used_memory")) + 500_000)
    replies = r2.pipeline(vadd("k", row, f"more{n}") for n, row in enumerate(rows[1000:]))
    taken = [n for n, reply in enumerate(replies) if reply == 1]
    refused = [n for n, reply in enumerate(replies) if reply == Error("OOM command not allowed when used memory > 'maxmemory'.")]
    assert taken and refused and len(taken) + len(refused) == len(replies)
    assert r2("VCARD", "k") == 1000 + len(taken)
    assert r2("VSIM", "k", "FP32", fp32(rows[1000 + taken[-1]]), "COUNT", 1) == [b"more%d" % taken[-1]]
    assert r2("VREM", "k", "e1") == 1 and r2("VSETATTR", "k", "e2", "{}") == 1
    r2("CONFIG", "SET", "maxmemory", 0)
    again = r2.pipeline(vadd("k", rows[1000 + n], f"more{n}") for n in refused)
    assert again == [1] * len(refused)
    assert r2("VCARD", "k") == 5999
    before = state(r2, "k")
    r2("DEBUG", "RELOAD")
    assert state(r2, "k") == before


@pytest.mark.differs("10.1, 10.4", crashes=True)
def test_eviction_of_a_set(server, r2):
    """A set is evicted whole, also while it is searched and filled."""
    fill(r2, "k", clusters(2000, 64, seed=75))
    r2("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    r2("CONFIG", "SET", "maxmemory", int(server.info("memory", "used_memory")) - 100_000)
    r2("SET", "small", "x")
    assert r2("EXISTS", "k") == 0
    r2("CONFIG", "SET", "maxmemory", 0)
    r2("CONFIG", "SET", "maxmemory-policy", "noeviction")
