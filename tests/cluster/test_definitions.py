"""One list of definitions for a whole cluster: what one master is told holds on all nodes, and what was acknowledged is not lost."""

import threading

import pytest

from nodes import Cluster
from resp import Error, Simple
from servers import wait_until

OK = Simple("OK")
EXISTS = Error("Index already exists")


def standing(c):
    """The version of the catalogue and the digest of all versions."""
    lines = c("INFO", "search_cluster").decode().split("\r\n")
    return [line.split(":")[1] for line in lines if "catalogue_version" in line or "catalogue_digest" in line]


def names(c):
    return sorted(str(name) if isinstance(name, Simple) else name.decode() for name in c("FT._LIST"))


def fields(c, index):
    info = c("FT.INFO", index)
    if isinstance(info, Error):
        return info
    attributes = info[
        [str(word) if isinstance(word, Simple) else word for word in info[::2]].index(
            b"attributes" if b"attributes" in info[::2] else "attributes"
        )
        * 2
        + 1
    ]
    return [bytes(attribute[1]) if isinstance(attribute[1], bytes) else str(attribute[1]).encode() for attribute in attributes]


def same(connections, within=30):
    wait_until(lambda: len({str(standing(c)) for c in connections}) == 1, "the same definitions everywhere", within)


@pytest.fixture
def cluster(start):
    return Cluster(start, 3)


def replica(cluster, start, of):
    """A node that replicates the master at this place."""
    node = start("--cluster-enabled", "yes", "--cluster-node-timeout", 2000)
    c = node.connect()
    assert c("CLUSTER", "MEET", "127.0.0.1", cluster.nodes[0].port) == OK
    wait_until(lambda: c("CLUSTER", "REPLICATE", cluster.ids[of]) == OK, "it knows its master")
    wait_until(lambda: b"master_link_status:up" in c("INFO", "replication"), "it is in step")
    # Who does not know yet that its master has slots never takes its place.
    wait_until(lambda: cluster.serves(c), "it knows who has which slots")
    return node, c


@pytest.mark.smoke
def test_what_one_master_is_told_holds_on_all(cluster, start):
    first, second, third = cluster.connections
    _, follower = replica(cluster, start, 2)
    nodes = [first, second, third, follower]
    settled = lambda what, wanted: wait_until(lambda: all(what(c) == wanted for c in nodes), str(wanted))

    def everywhere(what, wanted):
        """On masters at once, on replicas when they have got it."""
        assert [what(c) for c in nodes[:3]] == [wanted] * 3
        settled(what, wanted)

    assert first("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK
    everywhere(names, ["i"])
    assert [c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC") for c in nodes[:3]] == [EXISTS] * 3
    assert [c("FT._CREATEIFNX", "i", "SCHEMA", "n", "NUMERIC") for c in nodes[:3]] == [OK] * 3
    assert third("FT.ALTER", "i", "SCHEMA", "ADD", "n", "NUMERIC") == OK
    everywhere(lambda c: fields(c, "i"), [b"t", b"n"])
    assert third("FT._ALTERIFNX", "i", "SCHEMA", "ADD", "n", "NUMERIC") == OK
    assert second("FT.ALIASADD", "a", "i") == OK
    everywhere(lambda c: c("FT.ALIASLIST", "i"), [b"a"])
    assert first("FT.ALIASADD", "a", "i") == Error("Alias already exists")
    assert first("FT.DICTADD", "d", "one", "two", "one") == 2
    everywhere(lambda c: sorted(c("FT.DICTDUMP", "d")), [b"one", b"two"])
    assert second("FT.DICTDEL", "d", "one", "three") == 1
    everywhere(lambda c: c("FT.DICTDUMP", "d"), [b"two"])
    assert third("FT.SYNUPDATE", "a", "g", "boy", "child") == OK
    everywhere(lambda c: c("FT.SYNDUMP", "i"), [b"boy", [b"g"], b"child", [b"g"]])
    same(nodes)
    # Documents are found by what came later, too.
    for at in range(30):
        assert cluster("HSET", f"k{at}", "t", "a boy", "n", at, key=f"k{at}") == 2
    assert first("FT.ALTER", "i", "SCHEMA", "ADD", "x", "TAG") == OK
    total = lambda query: sum(c("FT.SEARCH", "a", query, "LIMIT", 0, 0, "DIALECT", 2)[0] for c in nodes[:3])
    wait_until(lambda: total("child") == total("@n:[0 +inf]") == 30, "all are found")
    assert second("FT.DROPINDEX", "a", "DD") == OK
    everywhere(names, [])
    wait_until(lambda: sum(c("DBSIZE") for c in nodes[:3]) == 0, "gone with its documents")
    for c in nodes[:3]:
        assert c("FT.ALIASDEL", "a") == Error("Alias does not exist")
        assert c("FT.DROPINDEX", "i").lower().startswith("unknown index name")
        assert c("FT._DROPINDEXIFX", "i") == OK
    same(nodes)
    # A definition can't wait in a transaction or a script.
    assert second("MULTI") == OK
    second("FT.CREATE", "j", "SCHEMA", "t", "TEXT")
    assert second("EXEC") == [Error("Cannot perform `FT.CREATE`: Cannot block")]
    assert names(second) == []


def test_of_many_who_make_one_index_one_does(cluster):
    for round in range(5):
        answers = {}

        def make(at, c, name=f"i{round}", answers=answers):
            answers[at] = c("FT.CREATE", name, "SCHEMA", f"f{at}", "TEXT")

        clients = [node.connect() for node in cluster.nodes for _ in range(2)]
        threads = [threading.Thread(target=make, args=one) for one in enumerate(clients)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        made = [at for at, answer in answers.items() if answer == OK]
        assert len(made) == 1 and all(answer in (OK, EXISTS) for answer in answers.values()), answers
        same(cluster.connections, 2)
        assert [fields(c, f"i{round}") for c in cluster.connections] == [[f"f{made[0]}".encode()]] * 3
    assert [names(c) for c in cluster.connections] == [[f"i{round}" for round in range(5)]] * 3


def test_two_who_alter_one_index_both_do(cluster):
    assert cluster.connections[0]("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK
    answers = []

    def alter(at, c):
        answers.append(c("FT.ALTER", "i", "SCHEMA", "ADD", f"f{at}", "TAG"))

    threads = [threading.Thread(target=alter, args=one) for one in enumerate(cluster.connections)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert answers == [OK] * 3
    same(cluster.connections, 2)
    for c in cluster.connections:
        assert sorted(fields(c, "i")) == [b"f0", b"f1", b"f2", b"t"]


def registrar(cluster):
    """Where the node is that decides: the master of slot 6257."""
    for first, last, (_, port, *_), *_ in cluster.connections[0]("CLUSTER", "SLOTS"):
        if first <= 6257 <= last:
            return next(at for at, node in enumerate(cluster.nodes) if node.port == port)
    raise LookupError("nobody")


def test_a_registrar_that_dies_takes_nothing_with_it(cluster, start):
    at = registrar(cluster)
    _, heir = replica(cluster, start, at)
    others = [c for nth, c in enumerate(cluster.connections) if nth != at]
    acknowledged = []
    for nth in range(20):
        if others[nth % 2]("FT.CREATE", f"before{nth:02}", "SCHEMA", "t", "TEXT") == OK:
            acknowledged.append(f"before{nth:02}")
    assert len(acknowledged) == 20
    cluster.nodes[at].kill()
    answer = others[0]("FT.CREATE", "meanwhile", "SCHEMA", "t", "TEXT")
    assert answer.startswith(("TRYAGAIN", "CLUSTERDOWN")), answer
    wait_until(lambda: b"role:master" in heir("INFO", "replication"), "another is elected")
    made = lambda: others[0]("FT.CREATE", "after", "SCHEMA", "t", "TEXT") in (OK, EXISTS)
    wait_until(made, "it decides")
    assert heir("FT.DROPINDEX", "before00") == OK
    wanted = {*acknowledged[1:], "after"}
    for c in (*others, heir):
        assert wanted <= set(names(c)) and "before00" not in names(c)
    # The old one comes back with what it had, and hears of the rest.
    cluster.nodes[at].start()
    back = cluster.nodes[at].connect()
    same([*others, heir, back])
    wait_until(lambda: wanted <= set(names(back)), "it has all")
    assert "before00" not in names(back)


def test_a_node_that_joins_gets_all_and_brings_its_own(cluster, start):
    c = cluster.connections[0]
    assert c("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK and c("FT.CREATE", "same", "SCHEMA", "t", "TEXT") == OK
    assert c("FT.DICTADD", "d", "word") == 1
    # It was a server of its own, and has definitions without versions.
    alone = start()
    d = alone.connect()
    for words in (("i", "SCHEMA", "other", "TAG"), ("same", "SCHEMA", "t", "TEXT"), ("mine", "SCHEMA", "m", "TAG")):
        assert d("FT.CREATE", *words) == OK
    assert d("FT.ALIASADD", "a", "mine") == OK and d("SAVE") == OK
    alone.args = (*alone.args, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    alone.restart()
    d = alone.connect()
    assert names(d) == ["i", "mine", "same"]
    assert d("CLUSTER", "MEET", "127.0.0.1", cluster.nodes[0].port) == OK
    nodes = [*cluster.connections, d]
    wait_until(lambda: all(names(node) == ["i", "mine", "same"] for node in nodes), "the union")
    wait_until(lambda: all(fields(node, "i") == [b"t"] for node in nodes), "the cluster's own stays")
    wait_until(lambda: all(node("FT.ALIASLIST", "mine") == [b"a"] for node in nodes), "with its alias")
    assert d("FT.DICTDUMP", "d") == [b"word"]
    same(nodes)
    assert "index 'i' is another in the cluster" in alone.log()


def test_definitions_survive_restarts_with_their_versions(cluster):
    for c in cluster.connections:
        assert c("CONFIG", "SET", "appendonly", "yes") == OK
        wait_until(lambda c=c: b"aof_rewrite_in_progress:0" in c("INFO", "persistence"), "the AOF begins")
    c = cluster.connections[0]
    assert c("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK and c("FT.CREATE", "j", "SCHEMA", "t", "TEXT") == OK
    assert c("FT.DROPINDEX", "j") == OK and c("FT.ALIASADD", "a", "i") == OK
    before = standing(c)
    node = cluster.nodes[0]
    node.args = (*node.args, "--appendonly", "yes")
    node.restart()
    c = node.connect()
    assert (names(c), c("FT.ALIASLIST", "i"), standing(c)) == (["i"], [b"a"], before)
    # From a file that has the keys only, and commands.
    assert c("CONFIG", "SET", "aof-use-rdb-preamble", "no") == OK and c("BGREWRITEAOF").startswith("Background")
    wait_until(lambda: b"aof_rewrite_in_progress:0" in c("INFO", "persistence"), "rewritten")
    node.restart()
    c = node.connect()
    assert (names(c), c("FT.ALIASLIST", "i"), standing(c)) == (["i"], [b"a"], before)


def test_who_empties_one_node_loses_no_definition_and_who_empties_all_does(cluster):
    first, second, third = cluster.connections
    assert first("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK and first("FT.DICTADD", "d", "w") == 1
    for at in range(30):
        cluster("HSET", f"k{at}", "t", "x", key=f"k{at}")
    total = lambda c: c("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "DIALECT", 2)[0]
    assert second("FLUSHALL") == OK
    assert total(second) == 0 and total(first) > 0 and names(second) == ["i"]
    assert first("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC") == EXISTS
    assert first("FLUSHALL") == OK and third("FLUSHALL") == OK
    # At once, on whichever node.
    assert third("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC") == OK
    assert [fields(c, "i") for c in cluster.connections] == [[b"n"]] * 3
    wait_until(lambda: all(isinstance(c("FT.DICTDUMP", "d"), Error) for c in cluster.connections), "dictionaries go too")
    assert all(c("FLUSHALL") == OK for c in cluster.connections)
    wait_until(lambda: all(names(c) == [] for c in cluster.connections), "what is older goes")
    same(cluster.connections)


def test_who_is_no_node_defines_nothing(cluster):
    c = cluster.connections[0]
    for word, kind in (("PUT", 5), ("PROPOSE", 4)):
        frame = b"nF\x01" + bytes([kind]) + bytes(36) + bytes(32)
        assert c("FT._DEF", word, frame) == Error("NOPERM this client is no node of the cluster")
    assert c("FT._NODE", "PULL", b"nF\x01\x06" + bytes(60)) == Error("NOPERM this client is no node of the cluster")


def test_a_minority_defines_nothing(cluster):
    at = registrar(cluster)
    first, second = (c for nth, c in enumerate(cluster.connections) if nth != at)
    c = cluster.connections[at]
    assert c("CONFIG", "SET", "search.cluster-define-timeout", 300) == OK
    assert c("FT.CREATE", "i", "SCHEMA", "t", "TEXT") == OK
    for nth, node in enumerate(cluster.nodes):
        if nth != at:
            node.process.send_signal(19)  # SIGSTOP
    try:
        answer = c("FT.CREATE", "j", "SCHEMA", "t", "TEXT")
        assert answer == Error("TRYAGAIN definition reached 1 of 3 nodes; it may still take hold") or answer.startswith("CLUSTERDOWN")
    finally:
        for nth, node in enumerate(cluster.nodes):
            if nth != at:
                node.process.send_signal(18)  # SIGCONT
    same(cluster.connections)
    assert len({tuple(names(c)) for c in cluster.connections}) == 1
    assert first("PING") == second("PING") == Simple("PONG")
