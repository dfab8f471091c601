"""A node of a cluster: what it answers while the cluster is down, what it tells clients, and slots that move with their keys."""

import struct

import pytest

from nodes import SLOTS, Cluster
from resp import Error, Simple
from servers import wait_until

OK = Simple("OK")
# What a node answers whatever the cluster does: it asks no documents, and changes nothing.
ALONE = {"FT.CONFIG", "FT._LIST", "FT._NODE", "FT._DEF", "FT.ALIASLIST", "FT._ALIASLIST", "FT.EXPLAIN", "FT.EXPLAINCLI"}
DOWN = Error("CLUSTERDOWN The cluster is down")
READS_ONLY = Error("CLUSTERDOWN The cluster is down and only accepts read commands")


def commands(c):
    """Name -> flags of the FT.* commands that no key leads to a node."""
    names = c("COMMAND", "LIST", "FILTERBY", "PATTERN", "ft.*")
    infos = c("COMMAND", "INFO", *names)
    return {info[0].decode().upper(): {str(flag) for flag in info[2]} for info in infos if info[3] == 0}


@pytest.mark.smoke
def test_what_asks_all_or_defines_is_refused_while_the_cluster_is_down(start):
    c = start("--cluster-enabled", "yes").connect()
    assert Cluster.info(c)[b"cluster_state"] == b"fail"
    found = commands(c)
    assert len(found) > 12 and ALONE <= set(found)
    for name in found:
        assert (c(name, "i", "*", "x") == DOWN) == (name not in ALONE), name
    assert c("EVAL", "return redis.pcall('FT.SEARCH', 'i', '*')", 0) == DOWN
    assert c("CONFIG", "SET", "cluster-allow-reads-when-down", "yes") == OK
    wait_until(lambda: c("FT.SEARCH", "i", "*") != DOWN, "looked again")
    for name, flags in found.items():
        assert (c(name, "i", "*", "x") == READS_ONLY) == ("write" in flags and name not in ALONE), name
    assert c("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1) == OK
    wait_until(lambda: c("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK, "serves")
    assert c("HSET", "d", "t", "x") == 1 and c("FT.SEARCH", "i", "x", "NOCONTENT") == [1, b"d"]


@pytest.mark.smoke
def test_clients_are_told_that_a_cursor_has_its_node(r2):
    (info,) = r2("COMMAND", "INFO", "FT.CURSOR")
    assert [str(tip) if isinstance(tip, Simple) else tip.decode() for tip in info[7]] == ["request_policy:special"]


@pytest.mark.smoke
def test_slots_move_at_once_with_their_keys(start, server_name):
    if not server_name.startswith("valkey"):
        pytest.skip("this server moves slots key by key")
    cluster = Cluster(start, 2)
    source, target = cluster.connections
    # What one node is told holds on both.
    vector = "v VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2"
    assert source("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", *vector.split()) == OK
    assert target("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", "$.n", "AS", "n", "NUMERIC") == OK
    count = 300
    for n in range(count):
        assert cluster("HSET", f"d:{n}", "n", n, "v", struct.pack("<2f", n, 1), key=f"d:{n}") == 2
        assert cluster("JSON.SET", f"j:{n}", "$", f'{{"n":{n}}}', key=f"j:{n}") == OK
        assert cluster("VADD", f"s:{n % 7}", "VALUES", 2, n, 1, f"e{n}", "SETATTR", f'{{"n":{n}}}', key=f"s:{n % 7}") == 1
        cluster("FT.SUGADD", f"g:{n % 5}", f"text {n}", 1, key=f"g:{n % 5}")
    total = lambda index: sum(c("FT.SEARCH", index, "@n:[0 +inf]", "LIMIT", 0, 0, "DIALECT", 2)[0] for c in cluster.connections)
    assert total("i") == total("j") == count
    before = source("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "DIALECT", 2)[0]
    assert 0 < before < count
    keys = {f"s:{n}": cluster("VSIM", f"s:{n}", "VALUES", 2, 3, 1, "WITHSCORES", "WITHATTRIBS", key=f"s:{n}") for n in range(7)}
    last = SLOTS // 4
    moving = sum(source("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in range(last + 1))
    assert moving > 100
    assert source("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, last, "NODE", cluster.ids[1]) == OK
    gone = lambda: sum(source("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in range(last + 1)) == 0
    wait_until(gone, "moved")
    assert (total("i"), total("j")) == (count, count)
    assert source("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "DIALECT", 2)[0] < before
    nearest = lambda c: c("FT.SEARCH", "i", "*=>[KNN 1 @v $b]", "PARAMS", 2, "b", struct.pack("<2f", 7, 1), "NOCONTENT", "DIALECT", 2)
    assert [1, b"d:7"] in [nearest(c) for c in cluster.connections]
    for key, answer in keys.items():
        assert cluster("VSIM", key, "VALUES", 2, 3, 1, "WITHSCORES", "WITHATTRIBS", key=key) == answer
    assert cluster("FT.SUGLEN", "g:1", key="g:1") == count // 5 and cluster("JSON.GET", "j:9", key="j:9") == b'{"n":9}'
