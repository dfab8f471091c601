"""Definitions and aliases in an AOF that is rewritten as commands, which the server makes from keys alone."""

import pytest

from resp import Simple
from servers import wait_until


def rewritten(server):
    fields = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    wait_until(lambda: all(server.info("persistence", field) == "0" for field in fields), "rewritten")
    assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"


def everything(c, names):
    """What two indexes of two databases and their aliases know, once all is indexed."""
    known = []
    for database, name in names:
        c("SELECT", database)
        wait_until(lambda name=name: dict(pairs(c("FT.INFO", name)))["indexing"] == 0, "scanned")
        info = dict(pairs(c("FT.INFO", name)))
        known.append([info["index_definition"], info["attributes"], info["num_docs"]])
        known.append(c("FT.SEARCH", name, "*", "SORTBY", "n"))
    return known


def pairs(flat):
    return zip((str(name) for name in flat[::2]), flat[1::2])


NAMES = [(0, "i"), (0, "other"), (3, "j"), (3, "alias")]


def fill(c):
    vector = ["v", "VECTOR", "HNSW", 8, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2", "M", 8]
    c("HSET", "d:0", "t", "before", "n", 0)
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "FILTER", "@n<5", "STOPWORDS", 1, "fox", "SKIPINITIALSCAN", "SCHEMA", "t", "TEXT", *vector)
    c("FT.ALTER", "i", "SCHEMA", "ADD", "n", "NUMERIC", "SORTABLE")
    c("FT.ALIASADD", "other", "i")
    for n in range(9):
        c("HSET", f"d:{n}", "t", f"fox word{n}", "n", n, "v", bytes(8))
    c("SELECT", 3)
    c("FT.CREATE", "j", "ON", "JSON", "SCHEMA", "$.n", "AS", "n", "NUMERIC", "SORTABLE")
    c("FT.ALIASADD", "alias", "j")
    c("JSON.SET", "x", "$", '{"n":1}')
    c("FT.CREATE", "gone", "SCHEMA", "t", "TAG")
    c("FT.DROPINDEX", "gone")


@pytest.mark.smoke
@pytest.mark.parametrize("how", ["rewritten", "then changed", "twice", "switched on", "cron"])
def test_a_rewrite_as_commands_keeps_indexes(start, how):
    server = start("--appendonly", "no" if how == "switched on" else "yes", "--aof-use-rdb-preamble", "no", "--appendfsync", "always")
    c = server.connect()
    fill(c)
    if how == "switched on":
        assert c("CONFIG", "SET", "appendonly", "yes") == Simple("OK")
    elif how == "cron":
        c("CONFIG", "SET", "auto-aof-rewrite-percentage", "1", "auto-aof-rewrite-min-size", "1")
        wait_until(lambda: server.info("persistence", "aof_rewrites") != "0", "rewritten by itself")
        c("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
    else:
        c("BGREWRITEAOF")
    rewritten(server)
    c("SELECT", 0)
    if how == "twice":
        c("BGREWRITEAOF")
        rewritten(server)
    if how == "then changed":
        c("HSET", "d:1", "t", "after")
        c("FT.ALTER", "i", "SCHEMA", "ADD", "g", "TAG")
        c("SELECT", 3)
        c("JSON.SET", "y", "$", '{"n":2}')
    before = everything(c, NAMES)
    server.kill()
    server.args = ("--appendonly", "yes", *server.args[2:])
    server.start()
    c = server.connect()
    assert everything(c, NAMES) == before
    assert c("FT._LIST") == [Simple("j")]


def test_nothing_is_appended_where_the_file_has_them(start):
    server = start("--appendonly", "yes")
    c = server.connect()
    fill(c)
    c("BGREWRITEAOF")
    rewritten(server)
    (last,) = (path for path in (server.folder / "appendonlydir").iterdir() if path.name.endswith(".incr.aof"))
    assert b"FT." not in last.read_bytes()


def test_replicas_are_not_told_again(start):
    master = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    replica = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    c = master.connect()
    fill(c)
    replica.follow(master)
    r = replica.connect()
    r("CONFIG", "RESETSTAT")
    c("BGREWRITEAOF")
    rewritten(master)
    r("BGREWRITEAOF")
    rewritten(replica)
    c("SET", "last", 1)
    c("WAIT", 1, 5000)
    assert "_CREATEIFNX" not in str(r("INFO", "commandstats")).upper()
    before = everything(r, NAMES)
    replica.kill()
    replica.args = [word for word in replica.args if word != "--replicaof"]
    replica.start()
    assert everything(replica.connect(), NAMES) == before


def test_paused_clients_are_waited_for(start):
    """While clients are paused nothing may be replicated; the definitions come afterwards."""
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--appendfsync", "always")
    c = server.connect()
    fill(c)
    c("CLIENT", "PAUSE", 100_000, "WRITE")
    c("BGREWRITEAOF")
    rewritten(server)
    c("CLIENT", "UNPAUSE")
    folder = server.folder / "appendonlydir"
    wait_until(lambda: any(b"FT._CREATEIFNX" in path.read_bytes() for path in folder.iterdir()), "appended")
    before = everything(c, NAMES)
    server.kill()
    server.start()
    assert everything(server.connect(), NAMES) == before
