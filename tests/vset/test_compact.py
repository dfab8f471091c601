"""The compact format of RDB files and DUMPs: a set is what it was before, and both formats load whatever the setting says."""

import pytest

import dump_footer
from resp import Error, Simple
from servers import wait_until
from vectors import clusters, fill, fp32, links, state

pytestmark = pytest.mark.module_only

SETTING = "search.vset-rdb-format"
KINDS = {"q8": [], "f32": ["NOQUANT"], "bin": ["BIN"], "m4": ["M", "4"], "big-m": ["M", "40", "EF", "50"]}


def set_format(connection, name):
    assert connection("CONFIG", "SET", SETTING, name) == Simple("OK")


def build_sets(connection):
    """One set of each kind, with attributes, updates and removals behind them; one is read by several threads."""
    rows = clusters(300, 24, seed=91)
    for key, options in KINDS.items():
        fill(connection, key, rows, *options)
    connection.pipeline(["VADD", "reduced", "REDUCE", 10, "FP32", fp32(row), f"e{n}"] for n, row in enumerate(rows))
    fill(connection, "large", clusters(6000, 16, seed=92), "M", "8")
    fill(connection, "once", rows[:1])
    for key in (*KINDS, "reduced", "large"):
        connection.pipeline(["VSETATTR", key, f"e{n}", f'{{"n":{n}}}'] for n in range(0, 300, 7))
        connection.pipeline(["VREM", key, f"e{n}"] for n in range(0, 300, 11))
    connection("VADD", "q8", "FP32", fp32(rows[5]), b"\0\r\n\xff", "SETATTR", b"\0\xff")
    connection("VADD", "f32", "FP32", fp32(rows[7]), "n" * 70_000, "NOQUANT", "SETATTR", "a" * 300_000)
    return [*KINDS, "reduced", "large", "once"]


def observed(connection, key):
    """All that a client can see of a set, ties, distances and the walks of searches included."""
    info = connection("VINFO", key)
    figures = {str(name): value for name, value in zip(info[::2], info[1::2]) if str(name) != "vset-uid"}
    names = sorted(connection("VRANDMEMBER", key, 400)) if key != "large" else [f"e{n}" for n in range(300, 600)]
    seen = connection.pipeline(["VLINKS", key, name, "WITHSCORES"] for name in names)
    some = names[:: max(len(names) // 20, 1)]
    asked = connection.pipeline(["VSIM", key, "ELE", name, "EF", 20, "WITHSCORES", "WITHATTRIBS"] for name in some)
    truth = connection.pipeline(["VSIM", key, "ELE", name, "TRUTH", "COUNT", 30, "WITHSCORES"] for name in some)
    return state(connection, key), figures, seen, asked, truth, connection("DEBUG", "DIGEST-VALUE", key)


def all_observed(connection, keys):
    return {key: observed(connection, key) for key in keys}


@pytest.mark.smoke
def test_reload(r2):
    keys = build_sets(r2)
    before = all_observed(r2, keys)
    set_format(r2, "compact")
    for _ in range(2):
        assert r2("DEBUG", "RELOAD") == Simple("OK")
        assert all_observed(r2, keys) == before
    for key, options in KINDS.items():
        fill(r2, key, clusters(50, 24, seed=93), *options, name="after{}".format)
        assert r2("VCARD", key) == len(before[key][0][1]) + 50


@pytest.mark.smoke
def test_both_formats_load_whatever_the_setting_says(r2):
    keys = build_sets(r2)
    before = {key: (state(r2, key), links(r2, key)) for key in keys}
    dumps = {}
    for name in ("redis", "compact"):
        set_format(r2, name)
        dumps[name] = {key: r2("DUMP", key) for key in keys}
    for name in ("redis", "compact"):
        set_format(r2, name)
        for dumped in dumps.values():
            for key in keys:
                assert r2("RESTORE", key, 0, dumped[key], "REPLACE") == Simple("OK")
            assert {key: (state(r2, key), links(r2, key)) for key in keys} == before
        # What was loaded is written as the setting says.
        assert (len(r2("DUMP", "large")) < 0.6 * len(dumps["redis"]["large"])) == (name == "compact")


@pytest.mark.smoke
def test_restart_from_rdb(start):
    """The setting itself is not saved: what is loaded was written under another."""
    server = start("--save", "3600 1")
    r2 = server.connect()
    keys = build_sets(r2)
    before = all_observed(r2, keys)
    set_format(r2, "compact")
    server.restart()
    r2 = server.connect()
    assert r2("CONFIG", "GET", SETTING) == [SETTING.encode(), b"redis"]
    assert all_observed(r2, keys) == before


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_restart_from_a_rewritten_aof(start, preamble):
    server = start(
        "--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", preamble, module_args=("vset-rdb-format", "compact")
    )
    r2 = server.connect()
    assert r2("CONFIG", "GET", SETTING) == [SETTING.encode(), b"compact"]
    keys = build_sets(r2)
    # Asking for links has all of them made, so that the child that writes has none to make by itself.
    before = {key: (state(r2, key), links(r2, key)) for key in keys}
    r2("BGREWRITEAOF")
    wait_until(
        lambda: (server.info("persistence", "aof_rewrite_in_progress"), server.info("persistence", "aof_rewrite_scheduled")) == ("0", "0"),
        "AOF rewritten",
    )
    assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"
    server.kill()
    server.start()
    r2 = server.connect()
    assert {key: (state(r2, key), links(r2, key)) for key in keys} == before


def test_bgsave_under_writes(start):
    server = start(module_args=("vset-rdb-format", "compact"))
    r2 = server.connect()
    rows = clusters(4000, 24, seed=94)
    fill(r2, "k", rows[:3000])
    for part in range(4):
        assert not isinstance(r2("BGSAVE"), Error)
        fill(r2, "k", rows[3000 + 250 * part : 3250 + 250 * part], name=f"p{part}-{{}}".format)
        r2.pipeline(["VREM", "k", f"e{n}"] for n in range(300 * part, 300 * part + 100))
        wait_until(lambda: server.info("persistence", "rdb_bgsave_in_progress") == "0", "saved")
        assert server.info("persistence", "rdb_last_bgsave_status") == "ok"
        saved = (server.folder / "dump.rdb").read_bytes()
    assert r2("DEBUG", "RELOAD", "NOSAVE") == Simple("OK")
    assert saved and 3000 <= r2("VCARD", "k") <= 4000
    assert len(state(r2, "k")[1]) == r2("VCARD", "k")


@pytest.mark.smoke
@pytest.mark.parametrize("mode", ["swapdb", "disabled"])
def test_full_sync(start, mode):
    master, replica = start(module_args=("vset-rdb-format", "compact")), start("--repl-diskless-load", mode)
    r2 = master.connect()
    keys = build_sets(r2)
    before = all_observed(r2, keys)
    replica.follow(master)
    assert all_observed(replica.connect(), keys) == before


@pytest.mark.smoke
def test_redis_8_refuses_it_and_goes_on(r2, start):
    peer = start(name="bare-redis-8.2").connect()
    fill(r2, "k", clusters(100, 8, seed=95))
    peer("SET", "probe", "1")
    newest = dump_footer.version(peer("DUMP", "probe"))
    for name, reply in (("compact", Error("ERR Bad data format")), ("redis", Simple("OK"))):
        set_format(r2, name)
        payload = r2("DUMP", "k")
        payload = dump_footer.seal(dump_footer.body(payload), min(newest, dump_footer.version(payload)))
        assert peer("RESTORE", "k", 0, payload) == reply
    assert state(peer, "k") == state(r2, "k")


def test_the_setting_takes_two_words(r2):
    assert r2("CONFIG", "GET", SETTING) == [SETTING.encode(), b"redis"]
    assert isinstance(r2("CONFIG", "SET", SETTING, "other"), Error)
    set_format(r2, "compact")
    assert r2("CONFIG", "GET", SETTING) == [SETTING.encode(), b"compact"]
