"""Input made to break things: an error is fine; a crash, a hang or a half-made change is not."""

import time

import pytest

import dump_footer
from resp import Error, Simple
from servers import wait_until

DEEP = "[" * 127 + "]" * 127


@pytest.mark.smoke
def test_depth(r2):
    assert r2("JSON.SET", "k", "$", DEEP) == Simple("OK")
    assert r2("JSON.SET", "k", "$", f"[{DEEP}]") == Error("recursion limit exceeded at line 1 column 128")
    assert r2("JSON.SET", "k", "$", "[" * 1_000_000) == Error("recursion limit exceeded at line 1 column 128")
    # Updates go deeper, as RedisJSON lets them.
    inner = "$" + "[0]" * 126
    assert r2("JSON.ARRAPPEND", "k", inner, DEEP) == [1]
    assert r2("JSON.ARRAPPEND", "k", inner + "[0]" * 127, "1") == [1]
    r2("JSON.SET", "o", "$", '{"a":' * 126 + "{}" + "}" * 126)
    assert r2("JSON.SET", "o", "$" + ".a" * 126 + ".b", DEEP) == Simple("OK")
    assert r2("JSON.MERGE", "o", "$" + ".a" * 126, '{"c":{"d":[1]}}') == Simple("OK")
    assert r2("DEBUG", "RELOAD") == Simple("OK") and r2("DBSIZE") == 2
    assert r2("JSON.GET", "k", "$" + "[0]" * 252) == b"[[[1]]]"
    assert r2("JSON.GET", "o", "$" + ".a" * 126) == f'[{{"b":{DEEP},"c":{{"d":[1]}}}}]'.encode()
    for command in ("JSON.GET", "JSON.RESP", "JSON.TYPE", "JSON.DEBUG MEMORY"):
        assert not isinstance(r2(*command.split(), "k"), Error)


def nested(depth, inner):
    """Text of so many containers around another, objects and arrays by turns."""
    pairs = depth // 2
    return ('{"k":[' * pairs + inner + "]}" * pairs).encode()


def seed(payload, text):
    """The payload of DUMP with another text in it."""
    body = dump_footer.body(payload)
    return dump_footer.seal(body[:11] + b"\x80" + len(text).to_bytes(4, "big") + text + b"\x00", dump_footer.version(payload))


@pytest.mark.smoke
@pytest.mark.parametrize("depth", [128, 300, 10_240])
def test_deep_documents_of_others_are_loaded_and_kept(start, depth):
    """By RESTORE, RDB, AOF rewritten without preamble, and replica; what is too deep is an error with its reason in the log."""
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    r2 = server.connect()
    assert r2("JSON.SET", "k", "$", "[]") == Simple("OK")
    text = nested(depth, '-9223372036854775808,"x"')
    empty = r2("DUMP", "k")
    assert r2("RESTORE", "k", 0, seed(empty, text), "REPLACE") == Simple("OK")
    assert r2("JSON.GET", "k") == text
    assert r2("COPY", "k", "copy") == 1 and r2("JSON.TYPE", "k", "$..k") is not None
    assert r2("DEBUG", "RELOAD") == Simple("OK") and r2("JSON.GET", "k") == text
    inner = "$" + ".k[0]" * (depth // 2 - 1) + ".k[1]"
    assert r2("JSON.STRAPPEND", "k", inner, '"y"') == [2]
    changed = text.replace(b'"x"', b'"xy"')
    assert r2("JSON.GET", "k") == changed
    assert not isinstance(r2("BGREWRITEAOF"), Error)
    wait_until(
        lambda: server.info("persistence", "aof_rewrite_in_progress") == server.info("persistence", "aof_rewrite_scheduled") == "0",
        "AOF rewritten",
    )
    server.kill()
    server.start()
    r2 = server.connect()
    assert r2("JSON.GET", "k") == changed and r2("JSON.GET", "copy") == text
    replica = start()
    replica.follow(server)
    assert replica.connect()("JSON.GET", "k") == changed
    assert r2("FLUSHALL", "SYNC") == Simple("OK")
    assert r2("RESTORE", "deep", 0, seed(empty, nested(10_242, "1"))) == Error("ERR Bad data format")
    assert "JSON that nests deeper than 10,240 levels" in server.log()


def test_what_cannot_be_loaded_names_the_key_and_the_reason(start):
    server = start()
    r2 = server.connect()
    r2("JSON.SET", "the key", "$", '"unlikely text"')
    assert r2("SAVE") == Simple("OK")
    server.kill()
    file = server.folder / "dump.rdb"
    file.write_bytes(file.read_bytes().replace(b'"unlikely text"', b"{unlikely text}"))
    server.args = (*server.args, "--rdbchecksum", "no")
    with pytest.raises(RuntimeError):
        server.start()
    assert "ReJSON-RL value of key 'the key': corrupt payload: not JSON" in server.log()


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
