"""A replica holds what its master holds, whatever the way of writing."""

import pytest

from servers import wait_until
from vectors import clusters, fill, fp32, recall, state, vadd


@pytest.fixture
def pair(start):
    master, replica = start(), start()
    replica.follow(master)
    return master, replica


def same_on_both(master, replica, keys=("k",)):
    replica.catch_up(master)
    ours, theirs = master.connect(), replica.connect()
    for key in keys:
        assert state(theirs, key) == state(ours, key)
        assert theirs("DEBUG", "DIGEST-VALUE", key) == ours("DEBUG", "DIGEST-VALUE", key)


@pytest.mark.smoke
def test_every_write_reaches_the_replica(pair):
    master, replica = pair
    r2 = master.connect()
    rows = clusters(200, 16, seed=41)
    fill(r2, "k", rows)
    fill(r2, "f", rows, "NOQUANT", "SETATTR", '{"n":1}')
    fill(r2, "b", rows, "BIN", "M", "5", "EF", "20")
    for n, row in enumerate(rows):
        assert r2("VADD", "p", "REDUCE", 4, "FP32", fp32(row), f"e{n}") == 1
    for n in range(0, 200, 3):
        assert r2("VSETATTR", "k", f"e{n}", f'{{"n":{n}}}') == 1
        assert r2("VREM", "f", f"e{n}") == 1
    same_on_both(master, replica, "kfbp")


@pytest.mark.differs("10.1")
@pytest.mark.smoke
def test_updates_reach_the_replica(pair):
    master, replica = pair
    r2 = master.connect()
    fill(r2, "k", clusters(50, 8, seed=42), "SETATTR", '{"old":1}')
    assert r2(*vadd("k", range(8), "e1")) == 0
    assert r2(*vadd("k", [1] * 8, "e2", "SETATTR", '{"new":1}')) == 0
    assert r2(*vadd("k", [2] * 8, "e3", "SETATTR", "")) == 0
    assert r2(*vadd("k", range(1, 9), "e4", "CAS")) == 0
    same_on_both(master, replica)


@pytest.mark.smoke
def test_cas_reaches_the_replica(pair):
    master, replica = pair
    fill(master.connect(), "k", clusters(200, 16, seed=43), "CAS")
    same_on_both(master, replica)


@pytest.mark.differs("9.4 (10.1)")
@pytest.mark.smoke
def test_attributes_of_cas_reach_a_replica_that_comes_later(start):
    master, replica = start(), start()
    master.connect()(*vadd("k", [1] * 16, "first"))
    fill(master.connect(), "k", clusters(50, 16, seed=43), "CAS", "SETATTR", '{"n":1}')
    replica.follow(master)
    same_on_both(master, replica)


def test_a_full_synchronization_carries_everything(start):
    master, replica = start(), start()
    r2 = master.connect()
    fill(r2, "k", clusters(1000, 16, seed=44), "SETATTR", "{}")
    replica.connect()("VADD", "k", "VALUES", 2, 1, 1, "old")
    replica.follow(master)
    same_on_both(master, replica)


@pytest.mark.parametrize("mode", ["swapdb", "on-empty-db", "disabled"])
def test_diskless_load(start, mode):
    master, replica = start(), start("--repl-diskless-load", mode)
    fill(master.connect(), "k", clusters(1000, 16, seed=45))
    fill(replica.connect(), "mine", clusters(1000, 16, seed=46))
    replica.follow(master)
    same_on_both(master, replica)
    assert replica.connect()("EXISTS", "mine") == 0


@pytest.mark.smoke
def test_multi_and_lua_reach_the_replica(pair):
    master, replica = pair
    r2 = master.connect()
    r2("MULTI")
    for n in range(10):
        r2(*vadd("k", [n, 1, 2], f"e{n}", *(["CAS"] if n % 2 else [])))
    r2("VREM", "k", "e3")
    r2("VSETATTR", "k", "e4", "{}")
    r2("EXEC")
    r2(
        "EVAL",
        "for i = 1, 10 do redis.call('VADD', KEYS[1], 'VALUES', 3, i, 2, 1, 'lua' .. i) end; return redis.call('VREM', KEYS[1], 'lua3')",
        1,
        "k",
    )
    same_on_both(master, replica)


def test_the_last_removal_removes_the_key_on_the_replica(pair):
    master, replica = pair
    r2 = master.connect()
    r2("VADD", "k", "VALUES", 1, 1, "e")
    r2("VREM", "k", "e")
    replica.catch_up(master)
    assert replica.connect()("EXISTS", "k") == 0


def test_what_changes_nothing_is_not_replicated(pair):
    master, replica = pair
    r2 = master.connect()
    r2("VADD", "k", "VALUES", 2, 1, 1, "e")
    replica.catch_up(master)
    feed = replica.connect()

    def writes():
        return sum(
            int(part.split("calls=")[1].split(",")[0])
            for part in feed("INFO", "commandstats").decode().split("\r\n")
            if part.startswith("cmdstat_v")
        )

    before = writes()
    for command in ("VREM k none", "VSETATTR k none {}", "VREM none e", "VSIM k ELE e", "VADD k VALUES 3 1 1 1 e", "VINFO k"):
        r2(*command.split())
    replica.catch_up(master)
    assert writes() == before


def test_a_replica_answers_as_its_master(pair):
    master, replica = pair
    rows, queries = clusters(2000, 24, seed=47), clusters(50, 24, seed=48)
    fill(master.connect(), "k", rows)
    replica.catch_up(master)
    assert recall(replica.connect(), "k", rows, queries) >= recall(master.connect(), "k", rows, queries) - 0.02


def test_a_promoted_replica_goes_on(pair):
    master, replica = pair
    fill(master.connect(), "k", clusters(100, 8, seed=49))
    replica.catch_up(master)
    master.kill()
    r2 = replica.connect()
    r2("REPLICAOF", "NO", "ONE")
    assert r2(*vadd("k", [1] * 8, "new")) == 1 and r2("VSIM", "k", "ELE", "new", "COUNT", 1) == [b"new"]


@pytest.mark.differs("10.1")
def test_a_cas_write_survives_its_client(start):
    server = start()
    r2 = server.connect()
    fill(r2, "k", clusters(2000, 64, seed=50))
    for n, row in enumerate(clusters(100, 64, seed=51)):
        client = server.connect()
        client.send(*vadd("k", row, f"gone{n}", "CAS", "EF", 2000))
        client.close()
        server.connections.pop()
    wait_until(lambda: r2("VCARD", "k") == 2100, "every write of a client that left", timeout=20)
