"""Keys that were there before their index: how the walk over them shares the main thread with clients."""

import pytest

from resp import Error, Simple, encode
from servers import wait_until

COUNT = 20_000
# Keeps the server busy for so many milliseconds; other clients are answered that it is.
BUSY = "local at = redis.call('TIME') repeat local now = redis.call('TIME') until (now[1] - at[1]) * 1000 + (now[2] - at[2]) / 1000 > {}"


def fill(c):
    c.pipeline([["HSET", f"d:{n}", "n", n, "t", f"t{n % 100}"] for n in range(COUNT)])


def is_complete(c, name=b"i"):
    info = c("FT.INFO", name)
    figures = {str(key): value for key, value in zip(info[::2], info[1::2])}
    return int(figures["indexing"]) == 0 and float(figures["percent_indexed"]) == 1


def hits(c, query="*"):
    return c("FT.SEARCH", "i", query, "LIMIT", 0, 0)[0]


@pytest.mark.smoke
def test_a_walk_rests_while_a_script_keeps_the_server_busy(start):
    """Then the server looks at its sockets in the middle of the script: no moment for anybody else to read keys."""
    server = start()
    c, other = server.connect(), server.connect()
    fill(c)
    c("CONFIG", "SET", "busy-reply-threshold", 10)
    # Both in one go: the script begins with most keys still to be met.
    c.socket.sendall(encode(["FT.CREATE", "i", "SCHEMA", "n", "NUMERIC", "t", "TAG"]) + encode(["EVAL", BUSY.format(500), 0]))
    refused = wait_until(lambda: [reply for reply in [other("PING")] if isinstance(reply, Error)], "the script is busy")
    assert refused[0].startswith("BUSY")
    assert c.read() == Simple("OK")
    c.read()
    wait_until(lambda: is_complete(c), "all keys were met")
    assert (hits(c), hits(c, "@t:{t7}"), hits(c, "@n:[0 99]")) == (COUNT, COUNT // 100, 100)


def test_several_walks_and_writes_go_on_side_by_side(start):
    c = start().connect()
    fill(c)
    names = [b"i", b"j", b"k"]
    for name in names:
        c("FT.CREATE", name, "SCHEMA", "n", "NUMERIC")
    c.pipeline([["HSET", f"d:{n}", "n", -1] for n in range(0, COUNT, 2)])
    c.pipeline([["DEL", f"d:{n}"] for n in range(1, COUNT, 4)])
    wait_until(lambda: all(is_complete(c, name) for name in names), "all walks are over")
    assert [c("FT.SEARCH", name, "*", "LIMIT", 0, 0) for name in names] == [[COUNT * 3 // 4]] * 3
    assert [c("FT.SEARCH", name, "@n:[-1 -1]", "LIMIT", 0, 0) for name in names] == [[COUNT // 2]] * 3


def test_a_walk_ends_with_its_index_and_the_next_begins(start):
    c = start().connect()
    fill(c)
    for _ in range(5):
        assert c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC") == Simple("OK")
        assert c("FT.DROPINDEX", "i") == Simple("OK")
    c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC")
    wait_until(lambda: is_complete(c), "all keys were met")
    assert hits(c) == COUNT


def test_keys_that_expire_before_they_are_met_are_not_found(start):
    c = start().connect()
    c("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    fill(c)
    c.pipeline([["PEXPIRE", f"d:{n}", 1] for n in range(0, COUNT, 2)])
    wait_until(lambda: c("PTTL", f"d:{COUNT - 2}") == -2, "the last has expired, and all before it")
    c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC")
    wait_until(lambda: is_complete(c), "all keys were met")
    assert hits(c) == COUNT // 2
