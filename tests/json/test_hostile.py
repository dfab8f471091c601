"""Input made to break things: an error is fine; a crash, a hang or a half-made change is not."""

import time

import pytest

from resp import Error, Simple

DEEP = "[" * 127 + "]" * 127


@pytest.mark.smoke
def test_depth(r2):
    assert r2("JSON.SET", "k", "$", DEEP) == Simple("OK")
    assert r2("JSON.SET", "k", "$", f"[{DEEP}]") == Error("recursion limit exceeded at line 1 column 128")
    assert r2("JSON.SET", "k", "$", "[" * 1_000_000) == Error("recursion limit exceeded at line 1 column 128")
    inner = "$" + "[0]" * 126
    assert r2("JSON.ARRAPPEND", "k", inner, "[]") == Error("ERR recursion limit exceeded")
    assert r2("JSON.ARRAPPEND", "k", inner, "1") == [1]
    r2("JSON.SET", "o", "$", '{"a":' * 126 + "{}" + "}" * 126)
    assert r2("JSON.SET", "o", "$" + ".a" * 126 + ".b", "[]") == Error("ERR recursion limit exceeded")
    assert r2("JSON.MERGE", "o", "$" + ".a" * 126, '{"b":{}}') == Error("ERR recursion limit exceeded")
    assert r2("DEBUG", "RELOAD") == Simple("OK") and r2("DBSIZE") == 2
    for command in ("JSON.GET", "JSON.RESP", "JSON.TYPE", "JSON.DEBUG MEMORY"):
        assert not isinstance(r2(*command.split(), "k"), Error)


@pytest.mark.smoke
def test_path_bombs_end_soon(r2):
    r2("JSON.SET", "k", "$", "[1," * 60 + "1" + "]" * 60)
    r2("JSON.SET", "wide", "$", "[" + ",".join(["[1,[2,[3]]]"] * 1000) + "]")
    began = time.monotonic()
    paths = [
        "$" + "..*" * 12,
        "$..[?($..[?($..[?($..*)])])]",
        "$..[?(@ =~ @)]",
        "$" + "[?(@" * 20 + ")]" * 20,
        "$[?" + "(" * 100_000,
        "$" + ".a" * 100_000,
        "$" + "..a" * 10_000,
        "$[" + "0," * 100_000 + "0]",
        "$[?(@ == '" + "x" * 1_000_000 + "')]",
        '$..[?(@ =~ "(((a{99}){99}){99}){99}")]',
        '$..[?(@ =~ "' + "(" * 10_000 + '")]',
    ]
    for path in paths:
        for key in ("k", "wide"):
            r2("JSON.GET", key, path)
            r2("JSON.DEL", "nokey", path)
            r2("JSON.NUMINCRBY", key, path, "0")
    assert time.monotonic() - began < 60
    assert r2("JSON.GET", "k", "$" + "..*" * 12) == Error("ERR path matches too many values")


@pytest.mark.smoke
def test_numbers_and_bytes(r2):
    for text in (
        b"1e999",
        b"-1e999",
        b"1" * 400,
        b"0." + b"0" * 1000 + b"1",
        b"1e-999",
        b"\xff",
        b'"\xc3"',
        b'{"\xff":1}',
        b"\0",
        b'"\0"',
        b"[" * 200,
    ):
        r2("JSON.SET", "k", "$", text)
        r2("JSON.SET", "k2", "$", "1")
        r2("JSON.NUMINCRBY", "k2", "$", text)
        r2("JSON.GET", "k2", text)
        r2("JSON.ARRINSERT", "k2", "$", text, "1")
    r2("JSON.SET", "k", "$", "[1,1e308,1]")
    assert r2("JSON.NUMMULTBY", "k", "$[*]", "10") == Error("ERR result is not a number")
    assert r2("JSON.GET", "k") == b"[1,1e308,1]"
    assert r2("JSON.ARRINSERT", "k", "$", "-9223372036854775808", "1") == Error("ERR index out of bounds")
    assert r2("JSON.ARRTRIM", "k", "$", "-9223372036854775808", "9223372036854775807") == [3]
    assert r2("JSON.ARRPOP", "k", "$", "-9223372036854775808") == [b"1"]


def test_mset_is_all_or_nothing(r2):
    r2("JSON.SET", "a", "$", '{"l":[]}')
    for bad in (["b", "$.x", "1"], ["b", "$", "{"], ["a", "$.l[3]", "1"], ["a", "$..nope", "1"], ["a", "$[", "1"], ["s", "$", "1"]):
        r2("SET", "s", "x")
        assert isinstance(r2("JSON.MSET", "a", "$.n", "1", *bad), Error), bad
        assert r2("JSON.GET", "a") == b'{"l":[]}' and r2("EXISTS", "b") == 0


def test_a_million_duplicate_keys(r2):
    assert r2("JSON.SET", "k", "$", "{" + ",".join(f'"k{n % 1000}":{n}' for n in range(300_000)) + "}") == Simple("OK")
    assert r2("JSON.OBJLEN", "k", "$") == [1000] and r2("JSON.GET", "k", "$.k7") == b"[299007]"
