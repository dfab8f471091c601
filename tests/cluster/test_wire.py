"""How the nodes of a cluster talk: who is let in, what `INFO` tells, and what becomes of strangers."""

import os
import signal

import pytest

from nodes import Cluster
from resp import Error, Simple
from servers import wait_until

OK = Simple("OK")
NO_NODE = Error("NOPERM this client is no node of the cluster")
SILENT = Error("NOPERM the cluster's bus does not confirm this node")


def figures(c):
    """The section of `INFO`, with what is told of each peer as a dictionary."""
    lines = [line.split(b":", 1) for line in c("INFO", "search_cluster").split(b"\r\n") if b":" in line]
    told = {name.decode().removeprefix("search_cluster_"): value.decode() for name, value in lines}
    number = lambda text: int(text) if text.isdigit() else {k: int(v) for k, v in (pair.split("=") for pair in text.split(","))}
    return {name: number(value) for name, value in told.items() if not name.startswith("catalogue_")}


def frame(kind, body=b"", protocol=1):
    return b"nF" + bytes([protocol, kind]) + bytes(36) + body


def hello(node, nonce=bytes(16), user=b"", password=b""):
    texts = b"".join(len(text).to_bytes(8, "little") + text for text in (user, password))
    return frame(1, node + nonce + texts)


@pytest.fixture
def cluster(start):
    return Cluster(start, 3)


def peers_heard(cluster, at, but=()):
    told = figures(cluster.connections[at])
    others = [f"peer_{id.decode()}" for other, id in enumerate(cluster.ids) if other not in (at, *but)]
    return all(told.get(name, {}).get("replies", 0) > 0 for name in others)


@pytest.mark.smoke
def test_without_a_cluster_there_is_nothing_of_it(r2, server):
    assert b"cluster_frames" not in r2("INFO", "everything")
    assert r2("FT._NODE", "PING", frame(2)) == NO_NODE
    assert r2("FT._NODE", "HELLO", hello(b"a" * 40)) == NO_NODE
    names = {open(f"/proc/{server.process.pid}/task/{task}/comm").read().strip() for task in os.listdir(f"/proc/{server.process.pid}/task")}
    assert "nearset-wire" not in names


def test_nodes_hear_of_each_other_with_nothing_configured(cluster):
    for at in range(3):
        wait_until(lambda at=at: peers_heard(cluster, at), "each was pinged")
        told = figures(cluster.connections[at])
        assert told["connections_garbled"] == told["frames_late"] == 0
        peer = told[f"peer_{cluster.ids[at - 1].decode()}"]
        assert peer["connections"] == 1 and 0 < peer["p50_usec"] <= peer["p99_usec"]
        # The connection may run what nodes ask and nothing else, and is in no list of users.
        clients = cluster.connections[at]("CLIENT", "LIST").decode().split("\n")
        assert any("cmd=ft._node" in line.lower() for line in clients)
        assert not any(b"nearset-node" in user for user in cluster.connections[at]("ACL", "USERS"))


def test_with_a_password_that_no_node_is_told(cluster):
    for c in cluster.connections:
        assert c("CONFIG", "SET", "requirepass", "secret") == OK
        c("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    before = [figures(c)["hellos"] for c in cluster.connections]
    for at, c in enumerate(cluster.connections):
        wait_until(lambda c=c, at=at: figures(c)["hellos"] > before[at], "nodes log in anew")
        wait_until(lambda at=at: peers_heard(cluster, at), "each was pinged")
    # Who has not logged in may say hello, and is no node.
    stranger = cluster.nodes[0].connect()
    assert stranger("GET", "k").startswith("NOAUTH")
    assert stranger("FT._NODE", "PING", frame(2)) == NO_NODE
    assert stranger("FT._NODE", "HELLO", hello(cluster.ids[1])) == SILENT
    assert stranger("FT._NODE", "PING", frame(2)) == NO_NODE
    assert stranger("GET", "k").startswith("NOAUTH")


def test_who_is_no_node_is_refused_whatever_he_may_run(cluster):
    c = cluster.connections[0]
    before = figures(c)["strangers_refused"]
    for words in (("PING", frame(2)), ("ASK", frame(3)), ("PING", b"no frame"), ("WHAT", frame(2))):
        assert c("FT._NODE", *words) == NO_NODE
    assert figures(c)["strangers_refused"] == before + 4
    # Nobody else's name helps: the node says that it did not open this.
    for id in cluster.ids[1:]:
        assert c("FT._NODE", "HELLO", hello(id)) == SILENT
    for id in (cluster.ids[0], b"f" * 40):
        assert c("FT._NODE", "HELLO", hello(id)) == NO_NODE
    for bytes_, text in (
        (b"", "ERR corrupt payload: a frame ends early"),
        (frame(1), "ERR corrupt payload: name of a node"),
        (hello(cluster.ids[1]) + b"x", "ERR corrupt payload: more than a hello"),
        (frame(1, protocol=9), "ERR corrupt payload: a frame of another protocol"),
        (frame(2), "ERR nodes do not ask that"),
        (bytes(40), "ERR corrupt payload: no frame"),
    ):
        assert c("FT._NODE", "HELLO", bytes_) == Error(text)
    assert c("PING") == Simple("PONG")


def test_a_secret_opens_where_it_is_configured(cluster):
    c, id = cluster.connections[0], cluster.ids[1]
    wrong = [(b"", b""), (b"u", b"p"), (b"", b"p")]
    for user, password in wrong:
        assert c("FT._NODE", "HELLO", hello(id, user=user, password=password)) == SILENT
    assert c("CONFIG", "SET", "search.cluster-user", "u", "search.cluster-password", "p") == OK
    for user, password in ((b"", b"p"), (b"u", b"q")):
        assert c("FT._NODE", "HELLO", hello(id, user=user, password=password)) == SILENT
    node = cluster.nodes[0].connect()
    assert node("FT._NODE", "HELLO", hello(id, user=b"u", password=b"p"))[:4] == b"nF\x01\x01"
    assert node("FT._NODE", "PING", frame(2))[:4] == b"nF\x01\x02"
    # From now on it can do nothing else.
    assert node("GET", "k").startswith("NOPERM") and node("FT._LIST").startswith("NOPERM")
    assert node("FT._NODE", "PING", frame(7)) == Error("ERR corrupt payload: kind of a frame")
    # Nor is anybody a node by its name.
    assert c("FT._NODE", "PING", frame(2)) == NO_NODE


def test_a_node_that_stops_and_one_that_dies_keep_nobody_waiting(cluster):
    first, last = cluster.connections[0], cluster.nodes[2]
    wait_until(lambda: peers_heard(cluster, 0), "each was pinged")
    last.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: figures(first)["pings_unanswered"] > 0, "the ping was late")
    last.process.send_signal(signal.SIGCONT)
    name = f"peer_{cluster.ids[2].decode()}"
    replies = figures(first)[name]["replies"]
    wait_until(lambda: figures(first)[name]["replies"] > replies, "it is heard again")
    last.kill()
    wait_until(lambda: figures(first)[name]["connections"] == 0, "the connection is closed")
    assert first("PING") == Simple("PONG") and peers_heard(cluster, 0, but=(2,))


def test_connections_that_are_cut_are_made_again(cluster):
    c, other = cluster.connections[:2]
    name = f"peer_{cluster.ids[1].decode()}"
    wait_until(lambda: peers_heard(cluster, 0), "pinged")
    files = lambda: len(os.listdir(f"/proc/{cluster.nodes[0].process.pid}/fd"))
    before = files()
    for _ in range(3):
        replies = figures(c)[name]["replies"]
        other("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda replies=replies: figures(c)[name]["replies"] > replies, "heard again")
    # Nothing is left of those that were cut.
    wait_until(lambda: files() <= before + 2, "closed")
