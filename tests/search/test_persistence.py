"""What a restart keeps: definitions, aliases, and the graphs of vector fields, which are not built again."""

import json
import random
import struct

import pytest

from servers import wait_until

DIM = 16


def blob(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


def vectors(count, seed=1):
    rng = random.Random(seed)
    return [[rng.gauss(0, 1) for _ in range(DIM)] for _ in range(count)]


def create(c, name, *options, path="v", metric="COSINE"):
    c("FT.CREATE", name, *options, "SCHEMA", path, "AS", "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", metric)


def load(server, keys):
    """Writes (command, key, …) lists in large pipelines, and waits until every vector is linked."""
    client = server.redis()
    for start in range(0, len(keys), 2000):
        pipe = client.pipeline(transaction=False)
        for words in keys[start : start + 2000]:
            pipe.execute_command(*words)
        pipe.execute()
    client.close()
    settle(server)


def settle(server):
    waiting = ("search_changes_waiting", "search_unlinked_vectors")
    wait_until(lambda: all(server.info("everything", field) == "0" for field in waiting), "all linked", 120)


def answers(c, index):
    queries = [["*=>[KNN 10 @v $b EF_RUNTIME 200]", "PARAMS", 2, "b", blob(vector)] for vector in vectors(20, seed=2)]
    return [c("FT.SEARCH", index, *query, "NOCONTENT", "DIALECT", 2) for query in queries]


def figure(server, field):
    return int(server.info("everything", field))


def test_graphs_survive_a_restart(start):
    """20,000 vectors: what the server links after the restart is nothing."""
    server = start()
    c = server.connect()
    create(c, "i", "PREFIX", 1, "d:")
    load(server, [["HSET", f"d:{n}", "v", blob(vector)] for n, vector in enumerate(vectors(20_000))])
    before, linked = answers(c, "i"), figure(server, "search_vector_links")
    assert linked >= 19_000
    c("SAVE")
    server.restart()
    c = server.connect()
    assert answers(c, "i") == before
    assert figure(server, "search_graphs_restored") == 1 and figure(server, "search_graphs_refused") == 0
    settle(server)
    assert figure(server, "search_vector_links") == 0
    assert c("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [20_000]


@pytest.mark.parametrize("how", ["SAVE", "BGSAVE", "AOF", "RELOAD"])
def test_what_changes_after_a_save_is_known(start, how):
    """Documents that changed, came or went since the graphs were saved are found as they are now."""
    server = start(*(["--appendonly", "yes"] if how == "AOF" else []))
    c = server.connect()
    create(c, "i", "PREFIX", 1, "d:")
    create(c, "j", "ON", "JSON", "PREFIX", 1, "j:", path="$.v[*]", metric="L2")
    all_vectors = vectors(1500)
    load(server, [["HSET", f"d:{n}", "v", blob(vector)] for n, vector in enumerate(all_vectors)])
    several = [json.dumps({"v": all_vectors[n : n + 3]}) for n in range(0, 300, 3)]
    load(server, [["JSON.SET", f"j:{n}", "$", text] for n, text in enumerate(several)])
    if how in ("BGSAVE", "AOF"):
        c("BGREWRITEAOF" if how == "AOF" else "BGSAVE")
        fields = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
        wait_until(lambda: all(server.info("persistence", field) == "0" for field in fields), "saved")
    if how == "AOF":
        for n, vector in enumerate(vectors(50, seed=3)):
            c("HSET", f"d:{n}", "v", blob(vector))
            c("DEL", f"d:{n + 50}")
            c("HSET", f"d:new{n}", "v", blob(vector[::-1]))
        c("JSON.SET", "j:0", "$.v[1]", json.dumps(list(range(DIM))))
    settle(server)
    before = [answers(c, "i"), answers(c, "j"), c("FT.SEARCH", "i", "*", "LIMIT", 0, 0)]
    if how == "RELOAD":
        c("DEBUG", "RELOAD")
    else:
        if how == "SAVE":
            c("SAVE")
        server.restart()
    c = server.connect()
    after = [answers(c, "i"), answers(c, "j"), c("FT.SEARCH", "i", "*", "LIMIT", 0, 0)]
    assert after == before
    assert figure(server, "search_graphs_restored") == 2 and figure(server, "search_graphs_refused") == 0


def test_a_replica_gets_the_graphs(start):
    master, replica = start(), start()
    c = master.connect()
    create(c, "i", "PREFIX", 1, "d:")
    load(master, [["HSET", f"d:{n}", "v", blob(vector)] for n, vector in enumerate(vectors(1000))])
    replica.follow(master)
    assert answers(replica.connect(), "i") == answers(c, "i")
    assert figure(replica, "search_graphs_restored") == 1 and figure(replica, "search_vector_links") == 0


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_are_refused_or_read(start, seed):
    """Bytes of the saved indexes are changed: the server says that the file is bad, or starts and answers."""
    server = start("--rdbchecksum", "no", "--rdbcompression", "no")
    c = server.connect()
    create(c, "i", "PREFIX", 1, "d:")
    load(server, [["HSET", f"d:{n}", "v", blob(vector)] for n, vector in enumerate(vectors(200))])
    c("SAVE")
    server.shutdown()
    path = server.folder / "dump.rdb"
    data = bytearray(path.read_bytes())
    # Up to where the keys of the database begin: those are the server's to read.
    begin, end = data.index(b"COSINE"), data.index(b"\xfe\x00\xfb")
    rng = random.Random(seed)
    for _ in range(4):
        data[rng.randrange(begin, end)] = rng.randrange(256)
    path.write_bytes(data)
    try:
        server.start()
    except RuntimeError as refused:
        assert "nearsetFT: corrupt payload" in str(refused) or "Internal error in RDB" in str(refused)
    else:
        assert server.connect()("FT.SEARCH", "i", "*", "LIMIT", 0, 0)[0] == 200
    assert not server.crash()
