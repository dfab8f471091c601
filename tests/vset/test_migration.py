"""DUMP and RESTORE between this module and Redis 8.2, both ways."""

import re

import pytest

import dump_footer
from resp import Error, Simple
from servers import BUILTIN_VECTOR_SETS, Connection, wait_until
from vectors import clusters, fill, fp32, links, state


@pytest.fixture
def peer(start):
    return start(name="bare-redis-8.2").connect()


KINDS = {"q8": [], "f32": ["NOQUANT"], "bin": ["BIN"], "m4": ["M", "4"]}


def build_sets(connection):
    rows = clusters(300, 24, seed=61)
    for key, options in KINDS.items():
        fill(connection, key, rows, *options)
    for n, row in enumerate(rows):
        connection("VADD", "reduced", "REDUCE", 10, "FP32", fp32(row), f"e{n}")
    for key in (*KINDS, "reduced"):
        for n in range(0, 300, 5):
            connection("VSETATTR", key, f"e{n}", f'{{"n":{n}}}')
        for n in range(0, 300, 9):
            connection("VREM", key, f"e{n}")
    return [*KINDS, "reduced"]


def footer_version(connection):
    connection("SET", "probe", "1")
    return dump_footer.version(connection("DUMP", "probe"))


def carry(source, target, keys, version=None):
    """DUMP here, RESTORE there, with the footer of the target if asked."""
    # What is dumped is the graph as it stands, and links that are still being made would make the two differ.
    wait_until(lambda: not re.search(rb"vset_unlinked_elements:[1-9]", source("INFO", "everything")), "all is linked")
    for key in keys:
        payload = source("DUMP", key)
        # A footer newer than the target's is refused whatever is in it, and Valkey counts versions its own way.
        if not version and dump_footer.version(payload) > footer_version(target):
            version = footer_version(target)
        if version:
            payload = dump_footer.seal(dump_footer.body(payload), version)
        target("DEL", key)
        assert target("RESTORE", key, 0, payload) == Simple("OK"), key


def assert_same(one: Connection, other: Connection, keys):
    for key in keys:
        assert state(one, key) == state(other, key), key
        assert links(one, key) == links(other, key), key
        for element in ("e1", "e2", "e100"):
            query = ("VSIM", key, "ELE", element, "COUNT", 20, "EF", 300, "WITHSCORES", "TRUTH")
            mine, theirs = one(*query), other(*query)
            assert [float(score) for score in mine[1::2]] == pytest.approx([float(score) for score in theirs[1::2]], abs=2e-6), key


@pytest.mark.smoke
def test_a_dump_restores_into_redis_8(r2, peer):
    keys = build_sets(r2)
    carry(r2, peer, keys)
    assert_same(r2, peer, keys)


@pytest.mark.smoke
def test_a_dump_of_redis_8_restores_here(r2, peer):
    keys = build_sets(peer)
    version = footer_version(r2)
    if version < footer_version(peer):
        assert r2("RESTORE", "k", 0, peer("DUMP", "q8")) == Error("ERR DUMP payload version or checksum are wrong")
    carry(peer, r2, keys, version)
    assert_same(r2, peer, keys)
    carry(r2, peer, keys)
    assert_same(r2, peer, keys)


@pytest.mark.smoke
def test_restored_sets_take_writes(r2, peer):
    build_sets(peer)
    carry(peer, r2, ["q8"], footer_version(r2))
    rows = clusters(100, 24, seed=62)
    fill(r2, "q8", rows, name="new{}".format)
    for n, row in enumerate(rows):
        assert r2("VSIM", "q8", "FP32", fp32(row), "COUNT", 1, "EF", 300) == [b"new%d" % n]
    for name in r2("VRANDMEMBER", "q8", 1000):
        assert r2("VREM", "q8", name) == 1
    assert r2("EXISTS", "q8") == 0


def test_restore_replace_and_ttl(r2):
    r2("VADD", "k", "VALUES", 2, 1, 1, "e")
    payload = r2("DUMP", "k")
    assert r2("RESTORE", "k", 0, payload) == Error("BUSYKEY Target key name already exists.")
    assert r2("RESTORE", "k", 100000, payload, "REPLACE") == Simple("OK")
    assert r2("PTTL", "k") > 0 and r2("VCARD", "k") == 1


def test_footer_tool(server, r2):
    """What dump_footer computes is what the server accepts and writes."""
    r2("SET", "s", "value")
    payload = r2("DUMP", "s")
    assert dump_footer.seal(dump_footer.body(payload), dump_footer.version(payload)) == payload
    older = dump_footer.seal(dump_footer.body(payload), 9)
    assert r2("RESTORE", "s", 0, older, "REPLACE") == Simple("OK")
    assert dump_footer.crc64(b"123456789") == 0xE9C6D914C4B8D9CA
    assert server.name in BUILTIN_VECTOR_SETS or dump_footer.version(payload) < 12
