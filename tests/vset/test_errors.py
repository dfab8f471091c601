"""Every error a client can provoke, with its exact text, and which of several errors wins."""

import pytest

from resp import FALSE, NULL, NULL_ARRAY, NULL_BULK, Error
from vectors import fp32

ARITY = "ERR wrong number of arguments for '%s' command"
SPEC = "ERR invalid vector specification"
OPTION = "ERR invalid option after element"
TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
VSIM_SYNTAX = "ERR syntax error in VSIM command"

# Sets that the tables ask: q int8, f NOQUANT, b BIN, m with M 8, p projected from 4 to 2 components; s a string.
SETUP = """
VADD q VALUES 2 1 0 e0 | VADD q VALUES 2 0 1 e1 | VADD f VALUES 2 1 0 e0 NOQUANT | VADD b VALUES 2 1 0 e0 BIN
VADD m VALUES 2 1 0 e0 M 8 | VADD p REDUCE 2 VALUES 4 1 2 3 4 e0 | SET s 1
"""

ERRORS = [
    # arity, whatever case was sent
    ("VADD k VALUES 1", ARITY % "VADD"),
    ("vadd k", ARITY % "VADD"),
    ("VSIM k ELE", ARITY % "VSIM"),
    ("vDim", ARITY % "VDIM"),
    ("VDIM q x", ARITY % "VDIM"),
    ("VCARD", ARITY % "VCARD"),
    ("VREM q", ARITY % "VREM"),
    ("VREM q e0 e1", ARITY % "VREM"),
    ("VEMB q", ARITY % "VEMB"),
    ("VLINKS q", ARITY % "VLINKS"),
    ("VINFO", ARITY % "VINFO"),
    ("VSETATTR q e0", ARITY % "VSETATTR"),
    ("VSETATTR q e0 {} x", ARITY % "VSETATTR"),
    ("VGETATTR q", ARITY % "VGETATTR"),
    ("VRANDMEMBER", ARITY % "VRANDMEMBER"),
    ("VISMEMBER q", ARITY % "VISMEMBER"),
    ("VLINKS q e0 FOO", ARITY % "VLINKS"),
    ("VLINKS q e0 WITHSCORES WITHSCORES", ARITY % "VLINKS"),
    # the vector of VADD
    ("VADD k FOO 2 1 1 e", SPEC),
    ("VADD k VALUES x 1 1 e", SPEC),
    ("VADD k VALUES 0 1 1 e", SPEC),
    ("VADD k VALUES -2 1 1 e", SPEC),
    ("VADD k VALUES 65537 1 1 e", SPEC),
    ("VADD k VALUES 99999999999999999999 1 1 e", SPEC),
    ("VADD k VALUES 5 1 1 e", SPEC),
    ("VADD k VALUES +2 1 1 e", SPEC),
    ("VADD k VALUES 02 1 1 e", SPEC),
    ("VADD k VALUES 2.0 1 1 e", SPEC),
    ("VADD k VALUES 2 1 one e", SPEC),
    ("VADD k VALUES 2 1 nan e", SPEC),
    ("VADD k VALUES 2 1 1x e", SPEC),
    ("VADD k VALUES 2 1 1e999 e", SPEC),
    ("VADD k FP32 abc e", SPEC),
    ("VADD k FP32 abcde e", SPEC),
    ("VADD k REDUCE 0 VALUES 2 1 1 e", SPEC),
    ("VADD k REDUCE -1 VALUES 2 1 1 e", SPEC),
    ("VADD k REDUCE x VALUES 2 1 1 e", SPEC),
    ("VADD k REDUCE 2 FOO 2 1 1 e", SPEC),
    ("VADD k VALUES 2 1 1", ARITY % "VADD"),
    ("VADD k REDUCE 1 VALUES 2 1 1", ARITY % "VADD"),
    # options of VADD
    ("VADD k VALUES 2 1 1 e FOO", OPTION),
    ("VADD k VALUES 2 1 1 e EF", OPTION),
    ("VADD k VALUES 2 1 1 e M", OPTION),
    ("VADD k VALUES 2 1 1 e SETATTR", OPTION),
    ("VADD k VALUES 2 1 1 e REDUCE 2", OPTION),
    ("VADD k VALUES 2 1 1 e CAS x", OPTION),
    ("VADD k VALUES 2 1 1 e EF x", "ERR invalid EF"),
    ("VADD k VALUES 2 1 1 e EF 0", "ERR invalid EF"),
    ("VADD k VALUES 2 1 1 e EF -1", "ERR invalid EF"),
    ("VADD k VALUES 2 1 1 e EF 1000001", "ERR invalid EF"),
    ("VADD k VALUES 2 1 1 e M x", "ERR invalid M"),
    ("VADD k VALUES 2 1 1 e M 3", "ERR invalid M"),
    ("VADD k VALUES 2 1 1 e M 4097", "ERR invalid M"),
    # against an existing set
    ("VADD s VALUES 2 1 1 e", TYPE),
    ("VADD q VALUES 2 1 1 e NOQUANT", "ERR asked quantization mismatch with existing vector set"),
    ("VADD q VALUES 2 1 1 e BIN", "ERR asked quantization mismatch with existing vector set"),
    ("VADD f VALUES 2 1 1 e", "ERR asked quantization mismatch with existing vector set"),
    ("VADD b VALUES 2 1 1 e Q8", "ERR asked quantization mismatch with existing vector set"),
    ("VADD q VALUES 2 1 1 e M 8", "ERR asked M value mismatch with existing vector set"),
    ("VADD m VALUES 2 1 1 e", "ERR asked M value mismatch with existing vector set"),
    ("VADD q VALUES 3 1 1 1 e", "ERR Vector dimension mismatch - got 3 but set has 2"),
    ("VADD q REDUCE 1 VALUES 2 1 1 e", "ERR cannot add projection to existing set without projection"),
    ("VADD p VALUES 4 1 1 1 1 e", "ERR Vector dimension mismatch - got 4 but set has 2"),
    ("VADD p REDUCE 3 VALUES 4 1 1 1 1 e", "ERR Vector dimension mismatch - got 4 but set has 2"),
    ("VADD p REDUCE 2 VALUES 3 1 1 1 e", "ERR Input dimension mismatch for projection - got 3 but projection expects 4"),
    # VSIM
    ("VSIM s ELE e0", TYPE),
    ("VSIM q ELE none", "ERR element not found in set"),
    ("VSIM q FOO e0", SPEC),
    ("VSIM q VALUES x 1 1", SPEC),
    ("VSIM q VALUES 0 1 1", SPEC),
    ("VSIM q VALUES 3 1 1", SPEC),
    ("VSIM q VALUES 2 1 one", SPEC),
    ("VSIM q FP32 abc", SPEC),
    ("VSIM q REDUCE 2 VALUES 2 1 1", SPEC),
    ("VSIM q VALUES 3 1 1 1", "ERR Vector dimension mismatch - got 3 but set has 2"),
    ("VSIM p VALUES 3 1 1 1", "ERR Input dimension mismatch for projection - got 3 but projection expects 4"),
    ("VSIM q ELE e0 COUNT x", "ERR invalid COUNT"),
    ("VSIM q ELE e0 COUNT 0", "ERR invalid COUNT"),
    ("VSIM q ELE e0 COUNT -1", "ERR invalid COUNT"),
    ("VSIM q ELE e0 EPSILON x", "ERR invalid EPSILON"),
    ("VSIM q ELE e0 EPSILON 0", "ERR invalid EPSILON"),
    ("VSIM q ELE e0 EPSILON -0.1", "ERR invalid EPSILON"),
    ("VSIM q ELE e0 EPSILON nan", "ERR invalid EPSILON"),
    ("VSIM q ELE e0 EF x", "ERR invalid EF"),
    ("VSIM q ELE e0 EF 0", "ERR invalid EF"),
    ("VSIM q ELE e0 FILTER-EF x", "ERR invalid FILTER-EF"),
    ("VSIM q ELE e0 FILTER-EF -1", "ERR invalid FILTER-EF"),
    ("VSIM q ELE e0 FILTER .n=5", "ERR syntax error in FILTER expression near: 5"),
    ("VSIM q ELE e0 FILTER (1", "ERR syntax error in FILTER expression near: (1"),
    ("VSIM q ELE e0 FOO", VSIM_SYNTAX),
    ("VSIM q ELE e0 COUNT", VSIM_SYNTAX),
    ("VSIM q ELE e0 EF", VSIM_SYNTAX),
    ("VSIM q ELE e0 EPSILON", VSIM_SYNTAX),
    ("VSIM q ELE e0 FILTER", VSIM_SYNTAX),
    ("VSIM q ELE e0 FILTER-EF", VSIM_SYNTAX),
    # the others
    ("VDIM none", "ERR key does not exist"),
    ("VEMB q e0 FOO", "ERR invalid option"),
    ("VEMB q e0 RAW FOO", "ERR invalid option"),
    ("VRANDMEMBER q x", "ERR COUNT value is not an integer"),
    ("VRANDMEMBER q 1.5", "ERR COUNT value is not an integer"),
    ("VDIM s", TYPE),
    ("VCARD s", TYPE),
    ("VEMB s e", TYPE),
    ("VLINKS s e", TYPE),
    ("VINFO s", TYPE),
    ("VREM s e", TYPE),
    ("VSETATTR s e {}", TYPE),
    ("VGETATTR s e", TYPE),
    ("VRANDMEMBER s", TYPE),
    ("VRANDMEMBER s 1", TYPE),
    ("VISMEMBER s e", TYPE),
]

# What Redis 8.2 does otherwise or lacks.
NEWER_ERRORS = [
    ("VADD k REDUCE 3 VALUES 2 1 1 e", SPEC),
    ("VADD q REDUCE 3 VALUES 2 1 1 e", SPEC),
    ("VSIM q ELE e0 EF 1000001", "ERR invalid EF"),
    ("VRANGE q", ARITY % "VRANGE"),
    ("VRANGE q -", ARITY % "VRANGE"),
    ("VRANGE q - + x", "ERR invalid COUNT value"),
    ("VRANGE q e +", "ERR invalid start range format"),
    ("VRANGE q [ +", "ERR invalid start range format"),
    ("VRANGE q ( +", "ERR invalid start range format"),
    ("VRANGE q - e", "ERR invalid end range format"),
    ("VRANGE q - [", "ERR invalid end range format"),
    ("VRANGE q + -", "ERR '-' can only be used as first argument, '+' only as second"),
    ("VRANGE q - -", "ERR '-' can only be used as first argument, '+' only as second"),
    ("VRANGE s - +", TYPE),
]

# (command with two mistakes, the one that is reported)
ORDER = [
    ("VADD s FOO 2 1 1 e", SPEC),  # vector before type
    ("VADD s VALUES 2 1 1", ARITY % "VADD"),  # element before type
    ("VADD k VALUES 2 1 1 e EF 0 FOO", "ERR invalid EF"),  # options from left to right
    ("VADD k VALUES 2 1 1 e FOO EF 0", OPTION),
    ("VADD s VALUES 2 1 1 e FOO", OPTION),  # options before type
    ("VADD s VALUES 2 1 1 e M 3", "ERR invalid M"),
    ("VADD q VALUES 3 1 1 1 e NOQUANT M 8", "ERR asked quantization mismatch with existing vector set"),
    ("VADD q VALUES 3 1 1 1 e M 8", "ERR asked M value mismatch with existing vector set"),
    ("VADD q REDUCE 2 VALUES 3 1 1 1 e", "ERR Vector dimension mismatch - got 3 but set has 2"),
    ("VADD p REDUCE 1 VALUES 3 1 1 1 e", "ERR Vector dimension mismatch - got 3 but set has 2"),
    ("VSIM s FOO e0", TYPE),  # type before everything but the missing key
    ("VSIM q ELE none COUNT 0", "ERR element not found in set"),  # the query before its options
    ("VSIM q FOO none COUNT 0", SPEC),
    ("VSIM q VALUES 3 1 1 1 COUNT 0", "ERR Vector dimension mismatch - got 3 but set has 2"),
    ("VSIM q ELE e0 COUNT 0 EF 0", "ERR invalid COUNT"),
    ("VSIM q ELE e0 EF 0 COUNT 0", "ERR invalid EF"),
    ("VSIM q ELE e0 FILTER ( COUNT 0", "ERR syntax error in FILTER expression near: ("),
    ("VEMB s e FOO", "ERR invalid option"),  # options before type
    ("VEMB none e FOO", "ERR invalid option"),
    ("VLINKS s e FOO", ARITY % "VLINKS"),
    ("VRANDMEMBER s x", "ERR COUNT value is not an integer"),
    ("VRANDMEMBER none x", "ERR COUNT value is not an integer"),
]

NEWER_ORDER = [
    ("VRANGE s + -", "ERR '-' can only be used as first argument, '+' only as second"),
    ("VRANGE s e +", "ERR invalid start range format"),
    ("VRANGE s - + x", "ERR invalid COUNT value"),
    ("VRANGE none - + x", "ERR invalid COUNT value"),
]

# Not errors, although one may think so: missing keys answer first, repeated options count once, the last one wins.
ACCEPTED = [
    ("VSIM none FOO BAR BAZ", []),
    ("VSIM none ELE e WITHSCORES", []),
    ("VSIM none VALUES 1 x", []),
    ("VRANDMEMBER s 0", []),
    ("VREM none e", 0),
    ("VSETATTR none e {}", 0),
    ("VSETATTR q none {}", 0),
    ("VREM q none", 0),
    ("VCARD none", 0),
    ("VISMEMBER none e", 0),
    ("VINFO none", NULL_ARRAY),
    ("VEMB none e", NULL_BULK),
    ("VEMB q none RAW", NULL_BULK),
    ("VLINKS q none", NULL_BULK),
    ("VGETATTR q none", NULL_BULK),
    ("VRANDMEMBER none", NULL_BULK),
    ("VRANDMEMBER none 3", []),
    ("VRANDMEMBER none -3", []),
    ("vsim q ele e0 count 1 count 2 withscores WithScores", [b"e0", b"1", b"e1", b"0.5"]),
    ("VSIM q ELE e0 EPSILON inf", [b"e0", b"e1"]),
    ("VSIM q ELE e0 COUNT 3 EF 1000000 FILTER-EF 5 TRUTH TRUTH NOTHREAD NOTHREAD", [b"e0", b"e1"]),
    ("VSIM q VALUES 2 +1 0x0", [b"e0", b"e1"]),
    ("VADD f VALUES 2 1e0 0.5 e1 BIN Q8 NOQUANT", 1),
    ("VADD q VALUES 2 1 1 e2 EF 0 EF 5 M 5 M 16", Error("ERR invalid EF")),
    ("VADD q VALUES 2 1 1 e2 EF 1000000 EF 5 M 5 M 16", 1),
    ("VADD p REDUCE 2 VALUES 4 4 3 2 1 e1", 1),
    ("VEMB q e0 raw RAW", [*"~"]),
]


@pytest.fixture
def sets(r2):
    for command in SETUP.replace("\n", " | ").split(" | "):
        if command.strip():
            assert not isinstance(r2(*command.split()), Error)
    return r2


def ask(connection, command):
    return connection(*command.split(" "))


@pytest.mark.parametrize("command, text", ERRORS, ids=[command for command, _ in ERRORS])
def test_error(sets, command, text):
    assert ask(sets, command) == Error(text)


@pytest.mark.newer("VRANGE, the bound of EF and of REDUCE")
@pytest.mark.parametrize("command, text", NEWER_ERRORS, ids=[command for command, _ in NEWER_ERRORS])
def test_newer_error(sets, command, text):
    assert ask(sets, command) == Error(text)


@pytest.mark.parametrize("command, text", ORDER, ids=[command for command, _ in ORDER])
def test_which_error_wins(sets, command, text):
    assert ask(sets, command) == Error(text)


@pytest.mark.newer("VRANGE")
@pytest.mark.parametrize("command, text", NEWER_ORDER, ids=[command for command, _ in NEWER_ORDER])
def test_which_error_wins_newer(sets, command, text):
    assert ask(sets, command) == Error(text)


@pytest.mark.parametrize("command, reply", ACCEPTED, ids=[command for command, _ in ACCEPTED])
def test_not_an_error(sets, command, reply):
    got = ask(sets, command)
    assert len(got) == 4 if reply == ["~"] else got == reply


def test_nulls_of_missing_things_in_resp3(r3):
    assert r3("VINFO", "none") is NULL
    assert r3("VEMB", "none", "e") is NULL
    assert r3("VLINKS", "none", "e") is NULL
    assert r3("VGETATTR", "none", "e") is NULL
    assert r3("VRANDMEMBER", "none") is NULL
    assert r3("VREM", "none", "e") is FALSE
    assert r3("VSIM", "none", "ELE", "e", "WITHSCORES") == []


@pytest.mark.differs("10.3")
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_components_that_are_no_numbers_are_refused(r2, bad):
    r2("VADD", "k", "VALUES", 2, 1, 0, "e")
    assert r2("VADD", "k", "FP32", fp32([1, bad]), "x") == Error(SPEC)
    assert r2("VSIM", "k", "FP32", fp32([1, bad])) == Error(SPEC)
    assert r2("VCARD", "k") == 1


@pytest.mark.differs("10.3")
@pytest.mark.parametrize("bad", ["inf", "-inf", "infinity", "1e39"])
def test_values_beyond_float32_are_refused(r2, bad):
    assert r2("VADD", "k", "VALUES", 2, 1, bad, "e") == Error(SPEC)
    assert r2("EXISTS", "k") == 0


@pytest.mark.differs("10.5")
def test_filter_ef_zero_is_accepted(sets):
    assert ask(sets, "VSIM q ELE e0 FILTER-EF 0") == [b"e0", b"e1"]


def test_refused_commands_leave_nothing_behind(sets):
    before = sets("DBSIZE")
    for command, _ in ERRORS + ORDER:
        ask(sets, command)
    assert sets("DBSIZE") == before
    assert [sets("VCARD", key) for key in "qfbmp"] == [2, 1, 1, 1, 1]


def test_writes_under_maxmemory(sets):
    sets("CONFIG", "SET", "maxmemory", "1")
    assert ask(sets, "VADD q VALUES 2 1 1 e2") == Error("OOM command not allowed when used memory > 'maxmemory'.")
    assert ask(sets, "VSETATTR q e0 {}") == 1
    assert ask(sets, "VREM q e0") == 1
    assert ask(sets, "VSIM q VALUES 2 1 0") == [b"e1"]


def test_writes_on_a_replica(server, start):
    replica = start()
    replica.follow(server)
    r2 = replica.connect()
    for command in ("VADD k VALUES 1 1 e", "VREM k e", "VSETATTR k e {}"):
        assert ask(r2, command) == Error("READONLY You can't write against a read only replica.")
