"""Indexes follow the keyspace: every way in which a key comes, changes and goes; databases; transactions; saving."""

import pytest

from resp import Error, Simple
from servers import wait_until

OK = Simple("OK")


@pytest.fixture
def c(r2):
    assert r2("FT.CREATE", "h", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG") == OK
    assert r2("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "d:", "SCHEMA", "$.n", "AS", "n", "NUMERIC") == OK
    return r2


def hashes(c, query="*"):
    return sorted(c("FT.SEARCH", "h", query, "NOCONTENT", "LIMIT", 0, 100, "DIALECT", 2)[1:])


def documents(c, query="*"):
    return sorted(c("FT.SEARCH", "j", query, "NOCONTENT", "LIMIT", 0, 100, "DIALECT", 2)[1:])


CHANGES = [
    ([("HSET", "d:1", "g", "b")], "@g:{b}", [b"d:1"]),
    ([("DEL", "d:1")], "*", []),
    ([("UNLINK", "d:1")], "*", []),
    ([("HDEL", "d:1", "g")], "*", []),
    ([("HDEL", "d:1", "other"), ("HSET", "d:1", "x", "1"), ("HDEL", "d:1", "g")], "@g:{a}", []),
    ([("RENAME", "d:1", "d:2")], "*", [b"d:2"]),
    ([("RENAME", "d:1", "e:2")], "*", []),
    ([("COPY", "d:1", "d:2")], "*", [b"d:1", b"d:2"]),
    ([("MOVE", "d:1", "1")], "*", []),
    ([("SET", "d:1", "text")], "*", []),
    ([("JSON.SET", "d:2", "$", "{}")], "*", [b"d:1"]),
    ([("HSET", "e:1", "g", "a"), ("RENAME", "e:1", "d:3")], "*", [b"d:1", b"d:3"]),
    ([("HINCRBY", "d:1", "g2", "1")], "@g:{a}", [b"d:1"]),
]


@pytest.mark.parametrize("commands, query, expected", CHANGES)
def test_hashes_are_followed(c, commands, query, expected):
    c("HSET", "d:1", "g", "a")
    assert hashes(c) == [b"d:1"]
    for command in commands:
        assert not isinstance(c(*command), Error), command
    assert hashes(c, query) == expected


JSON_CHANGES = [
    (("JSON.SET", "d:1", "$.n", "5"), [b"d:1"]),
    (("JSON.NUMINCRBY", "d:1", "$.n", "4"), [b"d:1"]),
    (("JSON.NUMMULTBY", "d:1", "$.n", "5"), [b"d:1"]),
    (("JSON.MERGE", "d:1", "$", '{"n":5}'), [b"d:1"]),
    (("JSON.MSET", "d:1", "$", '{"n":5}', "d:2", "$", '{"n":5}'), [b"d:1", b"d:2"]),
    (("JSON.CLEAR", "d:1"), []),
    (("JSON.DEL", "d:1", "$.n"), []),
    (("JSON.DEL", "d:1"), []),
    (("SET", "d:1", "x"), []),
]


@pytest.mark.parametrize("command, expected", JSON_CHANGES)
def test_documents_are_followed(c, command, expected):
    c("JSON.SET", "d:1", "$", '{"n":1}')
    assert documents(c, "@n:[1 1]") == [b"d:1"]
    assert not isinstance(c(*command), Error)
    assert documents(c, "@n:[5 5]") == expected


def test_json_numpowby_is_followed(c):
    c("JSON.SET", "d:1", "$", '{"n":3}')
    assert not isinstance(c("JSON.NUMPOWBY", "d:1", "$.n", "2"), Error)
    assert documents(c, "@n:[9 9]") == [b"d:1"]


def test_a_refused_document_is_out_until_it_is_right(c):
    c("JSON.SET", "d:1", "$", '{"n":1}')
    c("JSON.SET", "d:1", "$.n", '"x"')
    assert documents(c) == []
    c("JSON.SET", "d:1", "$.n", "2")
    assert documents(c) == [b"d:1"]


def test_expired_keys_are_no_rows(c):
    c("HSET", "d:1", "g", "a")
    c("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    c("PEXPIRE", "d:1", 1)
    wait_until(lambda: c("FT.SEARCH", "h", "*") == [0], "the expired key is left out")
    c("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_restore_and_flush(c):
    c("HSET", "d:1", "g", "a")
    payload = c("DUMP", "d:1")
    c("DEL", "d:1")
    assert c("RESTORE", "d:2", 0, payload) == OK
    assert hashes(c) == [b"d:2"]
    c("FLUSHDB")
    assert c("FT._LIST") == []


def test_an_index_belongs_to_its_database(c, server):
    other = server.connect(2)
    other("SELECT", 1)
    assert other("FT.CREATE", "h", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG") == OK
    c("HSET", "d:1", "g", "a")
    other("HSET", "d:2", "g", "a")
    assert hashes(c) == [b"d:1"] and hashes(other) == [b"d:2"]
    c("MOVE", "d:1", 1)
    assert hashes(c) == [] and hashes(other) == [b"d:1", b"d:2"]
    c("SWAPDB", 0, 1)
    assert hashes(c) == [b"d:1", b"d:2"] and hashes(other) == []
    other("FLUSHDB")
    assert hashes(c) == [b"d:1", b"d:2"]
    assert isinstance(other("FT.SEARCH", "h", "*"), Error)


def test_transactions_and_scripts_see_their_own_writes(c):
    c("MULTI")
    c("HSET", "d:1", "g", "a")
    c("FT.SEARCH", "h", "@g:{a}", "NOCONTENT", "DIALECT", 2)
    assert c("EXEC")[1] == [1, b"d:1"]
    script = "redis.call('HSET', 'd:2', 'g', 'b'); return redis.call('FT.SEARCH', 'h', '@g:{b}', 'NOCONTENT', 'DIALECT', 2)"
    assert c("EVAL", script, 0) == [1, b"d:2"]


def test_filter(r2):
    assert r2("FT.CREATE", "f", "PREFIX", 1, "d:", "FILTER", "@age > 16", "SCHEMA", "name", "TAG") == OK
    r2("HSET", "d:1", "name", "a", "age", 20)
    r2("HSET", "d:2", "name", "a", "age", 10)
    assert r2("FT.SEARCH", "f", "*", "NOCONTENT") == [1, b"d:1"]
    r2("HSET", "d:2", "age", 30)
    r2("HSET", "d:1", "age", 3)
    assert r2("FT.SEARCH", "f", "*", "NOCONTENT") == [1, b"d:2"]


def test_existing_keys_are_indexed(r2, r3):
    r2.pipeline(("HSET", f"d:{number}", "g", "a") for number in range(5000))
    assert r2("FT.CREATE", "h", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG") == OK
    wait_until(lambda: r3("FT.INFO", "h").get("indexing") == 0, "the keys are indexed")
    assert r2("FT.SEARCH", "h", "@g:{a}", "LIMIT", 0, 0, "DIALECT", 2) == [5000]


def test_drop_with_documents(c):
    c("HSET", "d:1", "g", "a")
    c("HSET", "e:1", "g", "a")
    assert c("FT.DROPINDEX", "h", "DD") == OK
    assert c("KEYS", "*") == [b"e:1"]


@pytest.mark.smoke
def test_reload(c):
    c("HSET", "d:1", "g", "a")
    c("FT.ALIASADD", "a", "h")
    c("FT.ALTER", "h", "SCHEMA", "ADD", "n", "NUMERIC")
    assert c("DEBUG", "RELOAD") == OK
    assert c("FT.SEARCH", "a", "@g:{a}", "NOCONTENT", "DIALECT", 2) == [1, b"d:1"]
    assert sorted(c("FT._LIST")) == [Simple("h"), Simple("j")]


@pytest.mark.smoke
def test_aof_and_replica(start):
    master, replica = start("--appendonly", "yes"), start()
    c, r = master.connect(), None
    assert c("FT.CREATE", "h", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG") == OK
    c("HSET", "d:1", "g", "a")
    replica.follow(master)
    c("FT.ALIASADD", "a", "h")
    c("FT.ALTER", "h", "SCHEMA", "ADD", "n", "NUMERIC")
    c("HSET", "d:2", "g", "b", "n", 2)
    assert c("FT.CREATE", "gone", "PREFIX", 1, "x:", "SCHEMA", "g", "TAG") == OK
    c("HSET", "x:1", "g", "a")
    assert c("FT.DROPINDEX", "gone", "DD") == OK
    replica.catch_up(master)
    r = replica.connect()
    assert r("FT._LIST") == [Simple("h")]
    assert r("FT.SEARCH", "a", "@n:[2 2]", "NOCONTENT") == [1, b"d:2"]
    assert r("EXISTS", "x:1") == 0
    assert hashes(r) == [b"d:1", b"d:2"]
    master.kill()
    master.start()
    c = master.connect()
    assert hashes(c) == [b"d:1", b"d:2"]
    assert c("FT.SEARCH", "a", "@n:[2 2]", "NOCONTENT") == [1, b"d:2"]


def test_permissions(c, server):
    c("ACL", "SETUSER", "bob", "on", "nopass", "+@all", "~d:*")
    c("ACL", "SETUSER", "eve", "on", "nopass", "+@all", "~x:*")
    user = server.connect(2)
    user("AUTH", "bob", "x")
    assert user("FT.SEARCH", "h", "*") == [0]
    user("AUTH", "eve", "x")
    assert user("FT.SEARCH", "h", "*") == Error("NOPERM User does not have the required permissions to query the index")
    c("ACL", "DELUSER", "bob", "eve")
