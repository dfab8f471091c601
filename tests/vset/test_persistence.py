"""RDB, AOF, rewriting, restarts: what was acknowledged is there afterwards."""

import pytest

from resp import Error, Simple
from servers import wait_until
from vectors import clusters, fill, fp32, links, recall, state, vadd

OPTIONS = {"q8": [], "f32": ["NOQUANT"], "bin": ["BIN"], "m4": ["M", "4"], "big-m": ["M", "40", "EF", "50"]}
AOF = ("--appendonly", "yes", "--appendfsync", "always")


def build_sets(r2):
    """One set of each kind, with attributes, updates and removals behind them."""
    rows = clusters(300, 24, seed=31)
    for key, options in OPTIONS.items():
        fill(r2, key, rows, *options)
    fill(r2, "once", rows[:1])
    for n, row in enumerate(rows):
        r2("VADD", "reduced", "REDUCE", 10, "FP32", fp32(row), f"e{n}", "NOQUANT")
    for key in (*OPTIONS, "reduced"):
        for n in range(0, 300, 7):
            r2("VSETATTR", key, f"e{n}", f'{{"n":{n}}}')
        for n in range(0, 300, 11):
            r2("VREM", key, f"e{n}")
    r2("VADD", "q8", "FP32", fp32(rows[5]), b"\0\r\n\xff", "SETATTR", b"\0\xff")
    return [*OPTIONS, "reduced", "once"]


def update_some(r2):
    """Changes of what exists."""
    assert r2(*vadd("q8", [1] * 24, "e1")) == 0
    assert r2(*vadd("q8", [2] + [0] * 23, "e2", "SETATTR", '{"new":1}')) == 0
    assert r2(*vadd("f32", [3] + [1] * 23, "e3", "NOQUANT", "SETATTR", "")) == 0
    assert r2("VSETATTR", "bin", "e7", "") == 1


def all_states(r2, keys):
    return {key: state(r2, key) for key in keys}


@pytest.mark.smoke
def test_reload(r2):
    keys = build_sets(r2)
    update_some(r2)
    before, linked = all_states(r2, keys), {key: links(r2, key) for key in keys}
    ask = lambda key: r2("VSIM", key, "ELE", "e1", "COUNT", 20, "EF", 300, "WITHSCORES")[1::2]
    answers = {key: ask(key) for key in keys if key != "once"}
    for _ in range(2):
        assert r2("DEBUG", "RELOAD") == Simple("OK")
        assert all_states(r2, keys) == before
        assert {key: links(r2, key) for key in keys} == linked
    for key, answer in answers.items():
        assert ask(key) == answer, key
    for key, options in OPTIONS.items():
        assert r2(*vadd(key, [1] * 24, "after", *options)) == 1


@pytest.mark.smoke
def test_restart_from_rdb(start):
    server = start("--save", "3600 1")
    r2 = server.connect()
    keys = build_sets(r2)
    before = all_states(r2, keys)
    server.restart()
    r2 = server.connect()
    assert all_states(r2, keys) == before


def test_bgsave_under_writes(start):
    server = start()
    r2 = server.connect()
    rows = clusters(3000, 24, seed=32)
    fill(r2, "k", rows[:2000])
    for part in range(4):
        assert not isinstance(r2("BGSAVE"), Error)
        fill(r2, "k", rows[2000 + 250 * part : 2250 + 250 * part], name=f"p{part}-{{}}".format)
        wait_until(lambda: server.info("persistence", "rdb_bgsave_in_progress") == "0", "saved")
        assert server.info("persistence", "rdb_last_bgsave_status") == "ok"
    before = state(r2, "k")
    assert r2("SAVE") == Simple("OK")
    server.kill()
    server.start()
    assert state(server.connect(), "k") == before


@pytest.mark.smoke
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_restart_from_aof(start, preamble):
    server = start(*AOF, "--aof-use-rdb-preamble", preamble)
    r2 = server.connect()
    keys = build_sets(r2)
    before = all_states(r2, keys)
    server.kill()
    server.start()
    assert all_states(server.connect(), keys) == before


@pytest.mark.differs("10.1")
@pytest.mark.smoke
def test_updates_are_in_the_aof(start):
    server = start(*AOF)
    r2 = server.connect()
    keys = build_sets(r2)
    update_some(r2)
    before = all_states(r2, keys)
    server.kill()
    server.start()
    assert all_states(server.connect(), keys) == before


@pytest.mark.differs("10.2", crashes=True)
@pytest.mark.smoke
def test_cas_in_the_aof_can_be_loaded(start):
    server = start(*AOF)
    r2 = server.connect()
    rows = clusters(200, 16, seed=33)
    fill(r2, "k", rows, "CAS", "SETATTR", "{}")
    fill(r2, "k", rows[:50], "CAS", name="second{}".format)
    before = state(r2, "k")
    server.kill()
    server.start()
    assert state(server.connect(), "k") == before


def rewrite(server, r2):
    assert not isinstance(r2("BGREWRITEAOF"), Error)
    wait_until(
        lambda: (server.info("persistence", "aof_rewrite_in_progress"), server.info("persistence", "aof_rewrite_scheduled")) == ("0", "0"),
        "AOF rewritten",
    )
    assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"


@pytest.mark.smoke
def test_aof_rewrite_with_preamble(start):
    server = start(*AOF)
    r2 = server.connect()
    keys = build_sets(r2)
    rewrite(server, r2)
    fill(r2, "later", clusters(50, 8, seed=34))
    before = all_states(r2, [*keys, "later"])
    server.kill()
    server.start()
    assert all_states(server.connect(), [*keys, "later"]) == before


@pytest.mark.differs("10.2", crashes=True)
@pytest.mark.smoke
def test_aof_rewrite_without_preamble(start):
    """Parameters, vectors bit by bit, attributes and the projection come back from commands."""
    server = start(*AOF, "--aof-use-rdb-preamble", "no")
    r2 = server.connect()
    keys = build_sets(r2)
    update_some(r2)
    rewrite(server, r2)
    before = all_states(r2, keys)
    server.kill()
    server.start()
    r2 = server.connect()
    assert all_states(r2, keys) == before
    row = clusters(300, 24, seed=31)[0]
    assert r2("VADD", "reduced", "REDUCE", 10, "FP32", fp32(row), "again", "NOQUANT") == 1
    assert r2("VSIM", "reduced", "FP32", fp32(row), "COUNT", 1) == [b"again"]


@pytest.mark.differs("10.2", crashes=True)
def test_a_foreign_projection_survives_an_aof_rewrite(start):
    """A matrix that REDUCE would not make, as a file may carry, is not replaced by ours."""
    from vectorset_payload import VectorSet

    server = start(*AOF, "--aof-use-rdb-preamble", "no")
    r2 = server.connect()
    foreign = VectorSet.of([[1.0, 0.0], [0.0, 1.0]], quant="f32", matrix=[[0.5, 0.25, 0.125], [1.0, -1.0, 0.0]])
    assert r2("RESTORE", "k", 0, foreign.payload(10)) == Simple("OK")
    answer = r2("VSIM", "k", "VALUES", 3, 1, 0, 0, "WITHSCORES")
    rewrite(server, r2)
    server.kill()
    server.start()
    r2 = server.connect()
    assert r2("VSIM", "k", "VALUES", 3, 1, 0, 0, "WITHSCORES") == answer


def test_aof_rewrite_emits_bounded_commands(start):
    """Nothing in a rewritten AOF is longer than its element needs, so that any client buffer holds it."""
    server = start(*AOF, "--aof-use-rdb-preamble", "no")
    if server.name == "bare-redis-8.2":
        pytest.skip("its rewrite crashes")
    r2 = server.connect()
    fill(r2, "k", clusters(5000, 24, seed=35))
    rewrite(server, r2)
    longest = 0
    for file in (server.folder / "appendonlydir").glob("*.base.aof"):
        for part in file.read_bytes().split(b"\r\n$"):
            longest = max(longest, len(part))
    assert 0 < longest < 64 * 1024


def test_writes_in_multi_and_lua_are_in_the_aof(start):
    server = start(*AOF)
    r2 = server.connect()
    r2("MULTI")
    for n in range(20):
        r2(*vadd("k", [n, 1, 2], f"e{n}"))
    r2("VREM", "k", "e3")
    r2("EXEC")
    r2("EVAL", "for i = 1, 20 do redis.call('VADD', KEYS[1], 'VALUES', 3, i, 2, 1, 'lua' .. i, 'SETATTR', '{}') end", 1, "k")
    before = state(r2, "k")
    assert len(before[1]) == 39
    server.kill()
    server.start()
    assert state(server.connect(), "k") == before


def test_search_quality_survives_a_restart(start):
    server = start("--save", "3600 1")
    r2 = server.connect()
    rows, queries = clusters(3000, 32, seed=36), clusters(100, 32, seed=37)
    fill(r2, "k", rows)
    before = recall(r2, "k", rows, queries)
    server.restart()
    assert recall(server.connect(), "k", rows, queries) >= before - 0.005


def test_empty_attributes_after_a_reload(r2):
    """An empty attribute is written as none."""
    r2("VADD", "k", "VALUES", 1, 1, "a", "SETATTR", "")
    r2("VADD", "k", "VALUES", 1, 1, "b", "SETATTR", "{}")
    r2("DEBUG", "RELOAD")
    assert not r2("VGETATTR", "k", "a") and r2("VGETATTR", "k", "b") == b"{}"
