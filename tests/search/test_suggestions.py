"""Suggestions (FT.SUG*): the field's replies, what the specification asks for beyond them, and what a key must do."""

import pytest

import golden
from resp import Error, Simple
from servers import wait_until

ROWS = golden.rows("suggestions-golden.jsonl")


def in_any_order(items):
    """The texts and scores of a reply, those of entries that score alike in the order of the texts."""
    pairs = list(zip(items[::2], items[1::2]))
    return sorted(pairs, key=lambda pair: (-float(getattr(pair[1], "text", pair[1])), pair[0]))


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_field(server, group, protocol):
    c = server.connect(protocol)
    wrong = []
    for row in ROWS:
        if row["group"] == group:
            got, want = c(*row["cmd"]), golden.reply(row[f"resp{protocol}"])
            if row.get("unordered"):
                got, want = in_any_order(got), in_any_order(want)
            if got != want:
                wrong.append((row["cmd"], got, want))
    assert not wrong, wrong[:5]


ADDED = [("hello", 1, b"p"), ("Hello", 2.5, None), ("h\u00e9llo w\u00f6rld", -3, None), ("h", "inf", b"\x00\xff")]


def fill(c, key="s"):
    for text, score, payload in ADDED:
        c("FT.SUGADD", key, text, score, *(["PAYLOAD", payload] if payload else []))


def everything(c, key="s"):
    return c("FT.SUGGET", key, "", "WITHSCORES", "WITHPAYLOADS", "MAX", 100)


@pytest.mark.smoke
def test_a_dictionary_is_a_key_like_any_other(r2):
    fill(r2)
    before, digest = everything(r2), r2("DEBUG", "DIGEST-VALUE", "s")
    assert r2("COPY", "s", "t") == 1 and everything(r2, "t") == before
    assert r2("RENAME", "t", "u") == Simple("OK")
    assert r2("RESTORE", "v", 0, r2("DUMP", "s")) == Simple("OK")
    r2("DEBUG", "RELOAD")
    for key in ("s", "u", "v"):
        assert everything(r2, key) == before and r2("DEBUG", "DIGEST-VALUE", key) == digest
    assert r2("MEMORY", "USAGE", "s") > 100
    r2("FT.SUGADD", "u", "another", 1)
    assert everything(r2) == before


@pytest.mark.smoke
def test_a_dictionary_that_becomes_empty_goes(r2):
    fill(r2)
    for text, _, _ in ADDED:
        assert r2("FT.SUGDEL", "s", text) == 1
    assert r2("EXISTS", "s") == 0 and r2("FT.SUGLEN", "s") == 0


def test_too_long_texts_are_refused_and_change_nothing(r2):
    assert r2("FT.SUGADD", "s", "\u00e9" * 255, 1) == 1
    assert r2("FT.SUGADD", "s", "\u00e9" * 256, 1) == Error("ERR suggestion too long")
    assert r2("FT.SUGADD", "t", "x" * 256, 1) == Error("ERR suggestion too long")
    assert r2("FT.SUGLEN", "s") == 1 and r2("EXISTS", "t") == 0


def test_only_changes_are_replicated(start):
    master, replica = start(), start()
    m, r = master.connect(), replica.connect()
    r("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: b"master_link_status:up" in r("INFO", "replication"), "the replica is in step")
    fill(m)
    offset = lambda: m("INFO", "replication").split(b"master_repl_offset:")[1].split()[0]
    wait_until(lambda: everything(r) == everything(m), "the replica has the dictionary")
    before = offset()
    assert m("FT.SUGADD", "s", "hello", 1) == len(ADDED) and m("FT.SUGDEL", "s", "none") == 0 and m("FT.SUGDEL", "none", "x") == 0
    assert m("FT.SUGADD", "s", "", 1) == len(ADDED) and m("FT.SUGADD", "none", "", 1) == 0
    assert offset() == before
    m("FT.SUGADD", "s", "hello", 1, "INCR")
    m("FT.SUGDEL", "s", "Hello")
    wait_until(lambda: everything(r) == everything(m), "the replica follows")
    assert r("FT.SUGADD", "s", "x", 1).startswith("READONLY")


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_an_aof_that_is_written_anew_keeps_them(start, preamble):
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    c = server.connect()
    fill(c)
    before = everything(c)
    c("BGREWRITEAOF")
    wait_until(lambda: b"aof_rewrite_in_progress:0" in c("INFO", "persistence"), "the file is written")
    c("DEBUG", "LOADAOF")
    assert everything(c) == before


def test_the_format_is_the_field_s(r2):
    # As RediSearch 2.10 dumps it, but for the version of RDB and the checksum at the end.
    peer = bytes.fromhex("0781b6b89eb72a5ed0010202050668656c6c6f0004000000000000f83f050100050568656c70000400000000000000c005010000")
    r2("FT.SUGADD", "a", "hello", 1.5)
    r2("FT.SUGADD", "a", "help", -2)
    assert r2("DUMP", "a")[:-10] == peer
