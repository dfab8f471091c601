"""Commands that old clients send: FT.ADD, FT.SAFEADD, FT.DEL, FT.GET, FT.MGET, FT.DROP. Their replies are in search-golden.jsonl too."""

import pytest

from resp import NULL_BULK, Error, Simple

OK = Simple("OK")


@pytest.fixture
def c(r2):
    r2(
        "FT.CREATE",
        "i",
        "PREFIX",
        1,
        "p:",
        "SCORE_FIELD",
        "sc",
        "LANGUAGE_FIELD",
        "lang",
        "PAYLOAD_FIELD",
        "pl",
        "SCHEMA",
        "t",
        "TEXT",
        "n",
        "NUMERIC",
    )
    r2("FT.CREATE", "plain", "PREFIX", 1, "q:", "SCHEMA", "t", "TEXT")
    return r2


@pytest.mark.smoke
def test_documents_are_hashes(c):
    assert c("FT.ADD", "i", "p:1", "0.5", "LANGUAGE", "french", "PAYLOAD", "x", "FIELDS", "t", "chats", "n", 1) == OK
    assert sorted(c("HGETALL", "p:1")) == sorted([b"sc", b"0.5", b"lang", b"french", b"pl", b"x", b"t", b"chats", b"n", b"1"])
    assert c("FT.SEARCH", "i", "chat", "LANGUAGE", "french", "NOCONTENT", "WITHSCORES", "SCORER", "DOCSCORE") == [1, b"p:1", b"0.5"]
    assert c("FT.GET", "i", "p:1") == [b"t", b"chats", b"n", b"1"]
    assert c("FT.ADD", "i", "p:1", 1, "FIELDS", "t", "x") == Error("Document already exists")
    assert c("FT.ADD", "i", "p:1", 1, "REPLACE", "PARTIAL", "FIELDS", "n", 2) == OK
    assert c("FT.GET", "i", "p:1") == [b"t", b"chats", b"n", b"2"]
    assert c("FT.SAFEADD", "i", "p:1", 1, "REPLACE", "FIELDS", "t", "y") == OK
    assert c("FT.MGET", "i", "p:1", "p:2") == [[b"t", b"y"], NULL_BULK]
    assert c("FT.DEL", "i", "p:1") == 1 and c("FT.DEL", "i", "p:1", "DD") == 0 and c("EXISTS", "p:1") == 0


def test_what_is_no_document_is_left_alone(c):
    c("SET", "p:s", "x")
    c("HSET", "else", "t", "x")
    for key in ("p:s", "else"):
        assert c("FT.GET", "i", key) == NULL_BULK and c("FT.DEL", "i", key) == 0
    assert c("EXISTS", "p:s", "else") == 2
    assert c("FT.ADD", "i", "p:s", 1, "REPLACE", "FIELDS", "t", "x") == Error("Invalid Redis key")


@pytest.mark.parametrize(
    "line, text",
    [
        ("FT.ADD i p:1 x FIELDS t a", "Could not parse document score"),
        ("FT.ADD i p:1 2 FIELDS t a", "Score must be between 0 and 1"),
        ("FT.ADD i p:1 nan FIELDS t a", "Could not parse document score"),
        ("FT.ADD i p:1 1 FIELDS t", "Fields must be specified in FIELD VALUE pairs"),
        ("FT.ADD i p:1 1 FIELDS", "Fields must be specified in FIELD VALUE pairs"),
        ("FT.ADD i p:1 1", "Fields must be specified in FIELD VALUE pairs"),
        ("FT.ADD i p:1 1 NOSAVE FIELDS t a", "Unknown keyword `NOSAVE` provided"),
        ("FT.ADD i p:1 1 PARTIAL FIELDS t a", "Unknown keyword `PARTIAL` provided"),
        ("FT.ADD i p:1 1 LANGUAGE klingon FIELDS t a", "Unsupported language"),
        ("FT.ADD nope p:1 1 FIELDS t a", "Unknown index name"),
        ("FT.ADD i p:1", "ERR wrong number of arguments for 'FT.ADD' command"),
        ("FT.ADD plain q:1 0.5 FIELDS t a", "The index was created without SCORE_FIELD, so it can't take this"),
        ("FT.ADD plain q:1 1 PAYLOAD x FIELDS t a", "The index was created without PAYLOAD_FIELD, so it can't take this"),
        ("FT.GET j a", "FT.GET is for indexes of hashes only"),
        ("FT.DEL i p:1 NOW", "Unknown keyword `NOW` provided"),
        ("FT.DROP i NOW", "Unknown argument `NOW`"),
    ],
)
def test_refusals(c, line, text):
    c("FT.CREATE", "j", "ON", "JSON", "SCHEMA", "$.t", "AS", "t", "TEXT")
    assert c(*line.split()) == Error(text) and c("DBSIZE") == 0


def test_drop_takes_the_documents_along(c):
    c("HSET", "p:1", "t", "a")
    c("HSET", "q:1", "t", "a")
    assert c("FT.DROP", "plain", "KEEPDOCS") == OK and c("FT.DROP", "i") == OK
    assert c("EXISTS", "p:1") == 0 and c("EXISTS", "q:1") == 1


def test_they_reach_replicas_and_the_aof(start, tmp_path):
    master = start("--appendonly", "yes")
    replica = start()
    replica.follow(master)
    c = master.connect()
    c("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    for n in range(3):
        assert c("FT.ADD", "i", f"d{n}", 1, "FIELDS", "t", "old", "u", "x") == OK
    c("FT.ADD", "i", "d1", 1, "REPLACE", "FIELDS", "t", "new")
    c("FT.DEL", "i", "d2")
    replica.catch_up(master)
    expected = [[b"t", b"old", b"u", b"x"], [b"t", b"new"], NULL_BULK]
    assert replica.connect()("FT.MGET", "i", "d0", "d1", "d2") == expected
    master.restart()
    assert master.connect()("FT.MGET", "i", "d0", "d1", "d2") == expected
