"""Many clients at once: answers stay right, nobody is left waiting, the server stays up."""

import random
import threading

import pytest

from resp import Disconnected, Error
from servers import wait_until
from vectors import clusters, fill, fp32, links, recall, vadd


def run_all(workers):
    """Runs the functions in threads and raises the first failure."""
    failures = []

    def guarded(worker):
        try:
            worker()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive(), "a client waits for ever"
    if failures:
        raise failures[0]


@pytest.mark.smoke
@pytest.mark.parametrize("cas", [[], ["CAS"]], ids=["plain", "cas"])
def test_each_client_reads_its_own_writes(server, cas):
    """Eight clients add, update, search and remove, each elements of its own: it finds what it added as soon as it is
    acknowledged, the newest vector of what it updated, and never again what it removed."""
    rows = clusters(8 * 150, 32, seed=81)

    def client(number):
        r2 = server.connect()
        chance = random.Random(number)
        mine = rows[number::8]
        name = lambda n: f"c{number}-{n}".encode()
        nearest = lambda row, *more: r2("VSIM", "k", "FP32", fp32(row), "COUNT", 5, "EF", 200, *more)
        here = {}
        for n, row in enumerate(mine):
            assert r2(*vadd("k", row, name(n), *cas)) == 1
            here[n] = row
            assert name(n) in nearest(row), "not found after it was added"
            if n % 5 == 4:
                other = chance.choice(sorted(here))
                moved = -here[other]
                assert r2(*vadd("k", moved, name(other))) == 0
                here[other] = moved
                assert nearest(moved, "TRUTH")[0] == name(other)
            if n % 3 == 2:
                gone = chance.choice(sorted(here))
                assert r2("VREM", "k", name(gone)) == 1
                vector = here.pop(gone)
                assert name(gone) not in nearest(vector), "found after it was removed"
                assert name(gone) not in nearest(vector, "TRUTH")
        return len(here)

    run_all([lambda number=number: client(number) for number in range(8)])
    r2 = server.connect()
    assert r2("VCARD", "k") == 8 * 100
    for layers in links(r2, "k").values():
        assert all(r2("VISMEMBER", "k", name) == 1 for name in layers[-1][:2])


def test_searches_of_all_kinds_while_the_set_changes(server):
    rows = clusters(3000, 32, seed=82)
    setup = server.connect()
    fill(setup, "k", rows[:2000])
    setup.pipeline(["VSETATTR", "k", f"e{n}", f'{{"n":{n}}}'] for n in range(2000))
    stop = threading.Event()

    def writer(part):
        r2 = server.connect()
        for n in range(2000 + part, 3000, 2):
            assert r2(*vadd("k", rows[n], f"e{n}", "SETATTR", f'{{"n":{n}}}')) == 1
            if n % 4 == part:
                r2("VREM", "k", f"e{n - 2000}")
            r2("VSETATTR", "k", f"e{n - 500}", f'{{"n":{n - 500}}}')

    def reader(number):
        r2 = server.connect(3 if number % 2 else 2)
        chance = random.Random(number)
        while not stop.is_set():
            query = fp32(rows[chance.randrange(3000)])
            for options in (
                ["COUNT", 10],
                ["FILTER", ".n < 1000", "COUNT", 5],
                ["TRUTH", "WITHSCORES"],
                ["WITHATTRIBS", "EPSILON", "0.3"],
                ["EF", 500],
            ):
                reply = r2("VSIM", "k", "FP32", query, *options)
                assert not isinstance(reply, Error), reply
                if options[0] == "FILTER":
                    assert all(int(name[1:]) < 1000 for name in reply)
            for command in ("VRANDMEMBER k 20", "VINFO k", "VCARD k", f"VLINKS k e{chance.randrange(3000)} WITHSCORES"):
                assert not isinstance(r2(*command.split()), Error)

    def writers():
        try:
            run_all([lambda: writer(0), lambda: writer(1)])
        finally:
            stop.set()

    run_all([writers] + [lambda number=number: reader(number) for number in range(6)])


def test_sets_that_vanish_under_their_searches(server):
    """DEL, UNLINK, RENAME, FLUSHALL, overwriting and expiry while searches and CAS inserts run."""
    rows = clusters(1500, 32, seed=83)
    stop = threading.Event()

    def searcher(number):
        r2 = server.connect()
        while not stop.is_set():
            reply = r2("VSIM", "k", "FP32", fp32(rows[number]), "EF", 1000, "COUNT", 100)
            assert isinstance(reply, list) or reply.startswith("WRONGTYPE"), reply
            r2(*vadd("k", rows[number], f"cas{number}", "CAS"))

    def destroyer():
        r2 = server.connect()
        try:
            for _ in range(4):
                for way in (
                    ["DEL", "k"],
                    ["UNLINK", "k"],
                    ["RENAME", "k", "k2"],
                    ["FLUSHALL", "ASYNC"],
                    ["SET", "k", "string"],
                    ["PEXPIRE", "k", "1"],
                ):
                    r2("DEL", "k")
                    for start in range(0, 1500, 300):
                        r2.pipeline(vadd("k", row, f"e{start + n}") for n, row in enumerate(rows[start : start + 300]))
                    r2(*way)
                    if way[0] == "SET":
                        r2("DEL", "k")
        finally:
            stop.set()

    run_all([destroyer] + [lambda number=number: searcher(number) for number in range(6)])
    assert isinstance(server.connect()("VCARD", "k"), int)


def test_clients_that_leave_in_the_middle_of_a_search(server):
    rows = clusters(4000, 64, seed=84)
    r2 = server.connect()
    fill(r2, "k", rows)
    for n in range(100):
        client = server.connect()
        server.connections.pop()
        for _ in range(1 + n % 5):
            client.send("VSIM", "k", "FP32", fp32(rows[n]), "EF", 4000, "COUNT", 1000, "WITHSCORES", "WITHATTRIBS")
        if n % 2:
            client.reset()
        else:
            client.close()
    assert r2("VSIM", "k", "FP32", fp32(rows[0]), "COUNT", 1) == [b"e0"]
    wait_until(lambda: server.info("clients", "blocked_clients") == "0", "nobody is blocked")


def test_clients_killed_in_the_middle_of_a_search(server):
    rows = clusters(4000, 64, seed=85)
    r2 = server.connect()
    fill(r2, "k", rows)
    for n in range(30):
        victim = server.connect()
        number = victim("CLIENT", "ID")
        victim.send("VSIM", "k", "FP32", fp32(rows[n]), "EF", 100000, "COUNT", 4000, "WITHSCORES")
        r2("CLIENT", "UNBLOCK", number, "ERROR" if n % 2 else "TIMEOUT")
        r2("CLIENT", "KILL", "ID", number)
        try:
            while True:
                victim.read()
        except (Disconnected, ConnectionResetError):
            pass
    assert r2("VSIM", "k", "FP32", fp32(rows[0]), "COUNT", 1) == [b"e0"]
    wait_until(lambda: server.info("clients", "blocked_clients") == "0", "nobody is blocked")


def test_pipelined_commands_are_answered_in_order(server):
    rows = clusters(1000, 32, seed=86)
    r2 = server.connect()
    commands, wanted = [], []
    for n, row in enumerate(rows[:300]):
        commands += [
            vadd("k", row, f"e{n}", *(["CAS"] if n % 3 == 0 else [])),
            ["ECHO", str(n)],
            ["VSIM", "k", "FP32", fp32(row), "COUNT", "1", "EF", "500"],
        ]
        wanted += [1, str(n).encode(), [f"e{n}".encode()]]
    assert r2.pipeline(commands) == wanted


def test_shutdown_in_the_middle_of_searches(start):
    server = start()
    rows = clusters(4000, 64, seed=87)
    r2 = server.connect()
    fill(r2, "k", rows)
    for n in range(20):
        server.connect().send("VSIM", "k", "FP32", fp32(rows[n]), "EF", 100000, "COUNT", 4000)
        server.connect().send(*vadd("k", -rows[n], f"new{n}", "CAS", "EF", 4000))
    server.shutdown()
    assert server.process.returncode == 0


def test_saves_in_the_middle_of_inserts_and_searches(start):
    """A fork sees whole nodes: every file written under load can be loaded."""
    server = start("--save", "", "--appendonly", "yes")
    rows = clusters(4000, 32, seed=88)
    r2 = server.connect()
    fill(r2, "k", rows[:1000])
    stop = threading.Event()

    def writer(part):
        connection = server.connect()
        for n in range(1000 + part, 4000, 4):
            assert connection(*vadd("k", rows[n], f"e{n}")) == 1
            if n % 3 == 0:
                connection("VREM", "k", f"e{n - 1000}")

    def searcher():
        connection = server.connect()
        while not stop.is_set():
            assert len(connection("VSIM", "k", "FP32", fp32(rows[7]), "COUNT", 10)) == 10

    def saver():
        connection = server.connect()
        for n in range(6):
            assert not isinstance(connection("BGREWRITEAOF" if n % 2 else "BGSAVE"), Error)
            wait_until(
                lambda: (
                    (server.info("persistence", "rdb_bgsave_in_progress"), server.info("persistence", "aof_rewrite_in_progress"))
                    == ("0", "0")
                ),
                "saved",
            )
            assert server.info("persistence", "rdb_last_bgsave_status") == "ok"
            assert server.info("persistence", "aof_last_bgrewrite_status") == "ok"
        stop.set()

    run_all([lambda part=part: writer(part) for part in range(4)] + [searcher, saver])
    before = sorted(r2("VRANDMEMBER", "k", 10000))
    server.restart()
    assert sorted(server.connect()("VRANDMEMBER", "k", 10000)) == before


def test_quality_of_a_set_filled_by_many(server):
    """Recall does not suffer from inserting at once."""
    rows, queries = clusters(3000, 32, seed=89), clusters(100, 32, seed=90)

    def writer(part):
        connection = server.connect()
        connection.pipeline(vadd("k", rows[n], f"e{n}") for n in range(part, 3000, 8))

    run_all([lambda part=part: writer(part) for part in range(8)])
    assert recall(server.connect(), "k", rows, queries, 10, "EF", 100) >= 0.97
