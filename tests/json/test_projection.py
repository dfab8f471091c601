"""The expressions of JSONPath in Redis 8.10: replies by its documentation, in tests/data/json-path-derived.jsonl; and where they
are no path."""

import json
import pathlib

import pytest

from resp import NULL, NULL_BULK, Error, Simple
from servers import wait_until

ROWS = [json.loads(line) for line in (pathlib.Path(__file__).parents[1] / "data" / "json-path-derived.jsonl").read_text().splitlines()]


def matches(want, got):
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and all(map(matches, want, got))
    if isinstance(want, dict):
        ((kind, inner),) = want.items()
        known = {"simple": lambda: Simple(inner), "nullbulk": lambda: NULL_BULK, "null": lambda: NULL}
        return isinstance(got, Error) if kind == "anyerror" else got == known[kind]()
    return got == (want.encode() if isinstance(want, str) else want)


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_are_those_of_the_documentation(server, protocol):
    c = server.connect(protocol)
    wrong = []
    for row in ROWS:
        got = c(*row["cmd"])
        if not matches(row[f"resp{protocol}"], got):
            wrong.append((row["cmd"], got, row[f"resp{protocol}"]))
    assert not wrong, wrong[:10]


DOCUMENT = '{"n":7,"s":"abc","a":[3,1,2],"o":{"p":1,"q~":2},"size":4,"n+1":70,"l":[{"a":1},{"a":[1,2]},{"b":null}]}'
# What the documentation leaves open, decided.
DECIDED = [
    ("size", b"4"),
    ("n+1", b"70"),
    ("-n", Error("ERR Path '$.-n' does not exist")),
    ("-$.n", b"[-7]"),
    ("$.n == 7", b"[true]"),
    ("$.missing == 1", b"[false]"),
    ("!$.missing", b"[true]"),
    ("$.n in [1,7]", b"[true]"),
    ("$.s in ['abc']", b"[true]"),
    ("$.a size 3 && $.n > 6", b"[true]"),
    ("$.l[?@.a != 1]", b'[{"a":[1,2]},{"b":null}]'),
    ("$.l[?@.a[*] == 2]", b'[{"a":[1,2]}]'),
    ("$.l[?@.a / 0 != 1]", b"[]"),
    # RFC 9535 has nothing equal nothing; Redis 8.10 has no comparison hold with it.
    ("$.l[?length(@.x) == length(@.y)]", b"[]"),
    ("$.l[?@.missing == $.missing]", b'[{"a":1},{"a":[1,2]},{"b":null}]'),
    ("$.l[?'a' in @~]", b'[{"a":1},{"a":[1,2]}]'),
    ("$.o~", b'["p","q~"]'),
    ("$.n % 4 * 2 - -1", b"[7]"),
    ("$.n / 2 + 1", b"[4.5]"),
    ("9223372036854775807 + $.n", b"[9223372036854775814]"),
    ("$.s.match('a.c')", b"[true]"),
    ("search($.s, 'b')", b"[true]"),
    ("$.a.append(1, 'x', [2])", b'[3,1,2,1,"x",[2]]'),
    ("$.a[*].append(4)", b"[3,1,2,4]"),
    ("$.a.first().abs() + 1", b"[4]"),
    ("$.a.index(0.5)", b"[]"),
    ("count($.a[*])", b"[3]"),
    ("$.a[*].length()", b"[]"),
]


@pytest.mark.smoke
def test_what_the_documentation_leaves_open(r2):
    r2("JSON.SET", "k", "$", DOCUMENT)
    wrong = [(text, reply, want) for text, want in DECIDED if (reply := r2("JSON.GET", "k", text)) != want]
    assert not wrong, wrong


@pytest.mark.smoke
def test_a_projection_is_no_path(r2):
    """Every other command refuses one and changes nothing; an index takes every path and no projection."""
    r2("JSON.SET", "k", "$", DOCUMENT)
    for text in ("$.n + 1", "$.a.length()", "$.o~", "-$.n", "($.n)", "n + 1", "length($.a)", "$.n == 7"):
        commands = [[f"JSON.{name}", "k", text] for name in "DEL FORGET CLEAR TYPE STRLEN ARRLEN OBJLEN OBJKEYS TOGGLE ARRPOP".split()]
        commands += [[f"JSON.{name}", "k", text, "1"] for name in "SET MERGE NUMINCRBY NUMMULTBY NUMPOWBY ARRAPPEND ARRINDEX".split()]
        commands += [["JSON.STRAPPEND", "k", text, '"x"'], ["JSON.ARRINSERT", "k", text, "0", "1"], ["JSON.ARRTRIM", "k", text, "0", "1"]]
        commands += [["JSON.MSET", "k", text, "1"], ["JSON.DEBUG", "MEMORY", "k", text]]
        for command in commands:
            reply = r2(*command)
            assert isinstance(reply, Error), (command, reply)
        assert r2("JSON.GET", "k") == DOCUMENT.encode(), text
    if not isinstance(r2("FT._LIST"), Error):
        for text in ("$.n + 1", "$.a.length()", "$.o~", "-$.n", "$[01]", "$. a", "$[?true]"):
            reply = r2("FT.CREATE", "i", "ON", "JSON", "SCHEMA", text, "AS", "n", "NUMERIC")
            assert reply == Error(f"Invalid JSONPath '{text}' in attribute 'n' in index 'i'")
        for number, text in enumerate(["$ .n", "$.l[?length(@.a) == 2].a[0]", "$.l[?@.a + 1 == 2].a"]):
            assert r2("FT.CREATE", f"i{number}", "ON", "JSON", "SCHEMA", text, "AS", "n", "NUMERIC") == Simple("OK"), text
            wait_until(lambda: r2("FT.SEARCH", f"i{number}", "@n:[1 7]", "NOCONTENT")[0] == 1, f"{text} is indexed")  # noqa: B023


BROKEN = [b"\xff", b'"\xff"', b'{"\xc3":1}', b"$.\xff", b'$["\xff"]']
UTF8 = Error("Couldn't parse as UTF-8 string")


@pytest.mark.smoke
@pytest.mark.parametrize("bad", BROKEN, ids=repr)
def test_bytes_that_are_not_utf_8(r2, bad):
    """As a path, as JSON, and as any other word that is text: the same error from each command, and nothing is changed."""
    document = '{"a":1,"s":"x","e":[1]}'
    r2("JSON.SET", "k", "$", document)
    one = "GET TYPE STRLEN ARRLEN OBJLEN OBJKEYS RESP DEL FORGET CLEAR TOGGLE ARRPOP MGET".split()
    commands = [[f"JSON.{name}", "k", bad] for name in one]
    two = "SET MERGE STRAPPEND NUMINCRBY NUMMULTBY NUMPOWBY ARRAPPEND ARRINDEX MSET".split()
    commands += [[f"JSON.{name}", "k", *rest] for name in two for rest in ([bad, "1"], ["$.a", bad])]
    commands += [["JSON.ARRINSERT", "k", bad, "0", "1"], ["JSON.ARRINSERT", "k", "$.e", "0", bad], ["JSON.ARRTRIM", "k", bad, "0", "1"]]
    commands += [["JSON.GET", "k", word, bad, "$.a"] for word in ("INDENT", "NEWLINE", "SPACE", "$.a")]
    commands += [["JSON.SET", "k", "$.a", "1", *rest] for rest in ([bad], ["FORMAT", bad], ["FPHA", bad])]
    commands += [
        ["JSON.DEBUG", bad, "k"],
        ["JSON.DEBUG", "MEMORY", "k", bad],
        ["JSON.SET", "new", "$", bad],
        ["JSON.MSET", "k", "$.a", "2", "k", "$.s", bad],
    ]
    wrong = [(command, reply) for command in commands if (reply := r2(*command)) != UTF8]
    assert not wrong, wrong
    assert r2("JSON.GET", "k") == document.encode() and r2("EXISTS", "new") == 0
    assert r2("JSON.SET", bad, "$", "1") == Simple("OK") and r2("JSON.GET", bad) == b"1"
