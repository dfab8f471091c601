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
    (["JSON.SET", "jk", "$", b'"\xff"'], Error("invalid unicode code point at line 1 column 2")),
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
    (["JSON.SET", "jk", "$", "[1e6,2.5]", "FPHA", "fp16"], Error("ERR value out of range for FP16")),
    (["JSON.SET", "jk", "$", "[1e6,2.5]", "FPHA", "FP8"], Error("ERR wrong floating-point type")),
    (["JSON.SET", "jk", "$.v", "[1.1,2.5]", "NX", "FPHA", "FP32"], Simple("OK")),
]


@pytest.mark.smoke
@pytest.mark.parametrize("command, reply", OURS, ids=[" ".join(map(str, command)) for command, _ in OURS])
def test_where_we_differ_on_purpose(r2, command, reply):
    r2("JSON.SET", "jk", "$", DOCUMENT)
    assert r2(*command) == reply


def test_half_floats_are_rounded_and_kept(r2):
    r2("JSON.SET", "k", "$", '{"v":[0.1,2.5,-1e-3],"n":0.1,"mixed":[0.1,1]}', "FPHA", "FP16")
    before = r2("JSON.GET", "k")
    assert json.loads(before) == {"v": [0.0999755859375, 2.5, -0.0010004043579101562], "n": 0.1, "mixed": [0.1, 1]}
    size = r2("MEMORY", "USAGE", "k")
    r2("DEBUG", "RELOAD")
    assert r2("JSON.GET", "k") == before and r2("MEMORY", "USAGE", "k") == size
