"""Replies in RESP2 and RESP3, errors, and the document afterwards: the table that RedisJSON 2.8.3 filled in, where we answer
alike (tests/differential/json_documents.py lists where we do not)."""

import json
import pathlib

import pytest

from resp import Error, Simple, from_notation

ROWS = [json.loads(line) for line in (pathlib.Path(__file__).parents[1] / "data" / "json-golden.jsonl").read_text().splitlines()]
DOCUMENT = ROWS.pop(0)["document"]


@pytest.mark.usefixtures("redis_style")
@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_are_those_of_the_field(server, protocol):
    c = server.connect(protocol)
    wrong = []
    for row in ROWS:
        c("DEL", "jk", "jn")
        assert c("JSON.SET", "jk", "$", DOCUMENT) == Simple("OK")
        c("SET", "js", "x")
        got, want = c(*row["command"]), from_notation(row[f"resp{protocol}"])
        if repr(got) != repr(want) and got != want:
            wrong.append((row["command"], got, want))
        after = c("JSON.GET", "jk")
        if (after.decode() if isinstance(after, bytes) else None) != row.get("after", DOCUMENT):
            wrong.append((row["command"], after))
    assert not wrong, wrong[:10]


OURS = [
    (["JSON.SET", "jk", "$", "[1] 2"], Error("trailing characters at line 1 column 5")),
    (["JSON.DEL", "jk", "$", "extra"], Error("ERR wrong number of arguments for 'json.del' command")),
    (["JSON.GET", "jk", "$.n", "$.s"], b'{"$.n":[1],"$.s":["str"]}'),
    (["JSON.NUMINCRBY", "jk", "$.big", "0"], b"[18446744073709551615]"),
    (["JSON.NUMINCRBY", "jk", "$.big", "1"], b"[1.8446744073709552e19]"),
    (["JSON.NUMINCRBY", "jk", "$.n", "9223372036854775807"], b"[9223372036854775808]"),
    (["JSON.NUMINCRBY", "jk", "$.n", "-9223372036854775808"], b"[-9223372036854775807]"),
    (["JSON.GET", "jk", "$.l[?(!@.k)]"], b'[1,"x",null,true,[]]'),
    (["JSON.GET", "jk", "$.l[-9]"], b"[]"),
    (["JSON.SET", "jk", "$.é", "1"], Simple("OK")),
    (["JSON.SET", "jk", "$.v", "[0.1,2.5]", "FPHA", "FP16"], Simple("OK")),
    (["JSON.SET", "jk", "$", "[1e6,2.5]", "FPHA", "fp16"], Error("value out of range")),
    (["JSON.SET", "jk", "$", "[1,1e39]", "FPHA", "BF16"], Error("value out of range")),
    (["JSON.SET", "jk", "$", "[1e6,2.5]", "FPHA", "FP8"], Error("invalid FPHA type")),
    (["JSON.SET", "jk", "$", "[1]", "FPHA"], Error("ERR wrong number of arguments for 'json.set' command")),
    (["JSON.GET", "jk", "$. n"], Error("Error occurred on position 2, \"$. ---->>>>  n\", expected one of the following: <string>, '*'.")),
    (["JSON.GET", "jk", "$ .n"], b"[1]"),
    (["JSON.GET", "jk", "$.l[0:2:0]"], b"[]"),
    (["JSON.GET", "jk", "$.l[1::-1]"], b'["x",1]'),
    (["JSON.SET", "jk", "$.v", "[1.1,2.5]", "NX", "FPHA", "FP32"], Simple("OK")),
]


@pytest.mark.smoke
@pytest.mark.parametrize("command, reply", OURS, ids=[" ".join(map(str, command)) for command, _ in OURS])
def test_where_we_differ_on_purpose(r2, command, reply):
    r2("JSON.SET", "jk", "$", DOCUMENT)
    assert r2(*command) == reply


# Type, array, what it prints: the shortest text of that type, and a double where an integer was.
KEPT = [
    ("FP16", "[0.1,2.5,-1e-3]", b"[0.1,2.5,-0.001]"),
    ("BF16", "[0.3,0.1]", b"[0.3,0.1]"),
    ("bf16", "[0.123456789,1]", b"[0.1235,1.0]"),
    ("FP16", "[0.123456789,65504]", b"[0.1235,65500.0]"),
    ("FP32", "[0.123456789,16777217,1e-3]", b"[0.12345679,16777216.0,0.001]"),
    ("FP64", "[0.123456789,1,9007199254740993]", b"[0.123456789,1.0,9007199254740992.0]"),
    ("BF16", "[1,2,3]", b"[1.0,2.0,3.0]"),
    ("FP16", '[0.123456789,"x"]', b'[0.123456789,"x"]'),
    ("FP16", "[]", b"[]"),
    ("BF16", "[[1,0.3],[3e38]]", b"[[1.0,0.3],[3e38]]"),
]


@pytest.mark.smoke
def test_arrays_are_kept_in_the_type_that_was_asked_for(r2):
    """What it prints is the same after a reload, and so is its memory; later elements widen it."""
    for number, (kind, text, printed) in enumerate(KEPT):
        key = f"k{number}"
        assert r2("JSON.SET", key, "$", text, "FPHA", kind) == Simple("OK")
        assert r2("JSON.GET", key) == printed, (kind, text)
    r2("JSON.SET", "o", "$", '{"v":[0.1,1],"n":0.123456789}', "FPHA", "BF16")
    assert r2("JSON.GET", "o") == b'{"v":[0.1,1.0],"n":0.123456789}'
    vector = json.dumps([n / 1536 for n in range(1536)])
    r2("JSON.SET", "vector", "$", vector, "FPHA", "BF16")
    r2("JSON.SET", "doubles", "$", vector)
    size = r2("MEMORY", "USAGE", "vector")
    assert 1536 * 2 <= size < 1536 * 3 < r2("MEMORY", "USAGE", "doubles")
    before = r2("JSON.GET", "vector")
    assert r2("DEBUG", "RELOAD") == Simple("OK")
    assert r2("JSON.GET", "vector") == before and r2("MEMORY", "USAGE", "vector") == size
    for number, (_, _, printed) in enumerate(KEPT):
        assert r2("JSON.GET", f"k{number}") == printed
    assert r2("JSON.NUMINCRBY", "k1", "$[1]", "1") == b"[1.1]" and r2("JSON.GET", "k1") == b"[0.3,1.1]"
    assert r2("JSON.ARRAPPEND", "k1", "$", "0.123456789", "7") == [4] and r2("JSON.GET", "k1") == b"[0.3,1.1,0.123456789,7]"
    assert r2("JSON.ARRPOP", "k0", "$", "0") == [b"0.1"] and r2("JSON.GET", "k0") == b"[2.5,-0.001]"
