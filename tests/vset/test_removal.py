"""Elements that are removed in large numbers: nobody waits for that, and what they took is given back.

Work is counted, not timed: `vset_removed_elements` of INFO tells how many removed elements are still in the links,
`vset_comparisons` how many vectors searches have compared, `worker_steps_done` what the workers have done.
"""

import pytest

from resp import NULL_BULK, Error, Simple
from servers import wait_until
from vectors import clusters, fill, fp32, vadd

DIM = 64


def number(server, name):
    return int(server.info("everything", f"search_{name}"))


def settle(server):
    """Waits until nothing is to be done."""
    wait_until(lambda: number(server, "vset_unlinked_elements") + number(server, "vset_removed_elements") == 0, "all is done", timeout=60)
    wait_until(lambda: number(server, "worker_sources") == 0, "nobody works", timeout=60)


def remove(r2, key, names):
    assert all(reply == 1 for reply in r2.pipeline(["VREM", key, name] for name in names))


def compared(server, r2, key, queries, *options):
    """Comparisons per search."""
    before = number(server, "vset_comparisons")
    for query in queries:
        assert len(r2("VSIM", key, "FP32", fp32(query), *options)) == 10
    return (number(server, "vset_comparisons") - before) / len(queries)


@pytest.fixture
def filled(server, r2):
    """2,000 elements, all linked."""
    rows = clusters(2000, DIM, seed=91)
    fill(r2, "k", rows)
    settle(server)
    return rows


@pytest.mark.module_only
@pytest.mark.smoke
def test_saving_beside_a_backlog_takes_none_of_it_away(server, r2, filled):
    """One thread removes, dumps and saves at once. Workers are away: what is left of the backlog is what the server itself left."""
    stays = [n for n in range(2000) if n % 10 == 3]
    threads = r2("CONFIG", "GET", "*workers")[1]
    setting = r2("CONFIG", "GET", "*workers")[0]
    r2("CONFIG", "SET", setting, 1)
    steps = number(server, "worker_steps_done")
    remove(r2, "k", [f"e{n}" for n in range(2000) if n % 10 != 3])
    dump = r2("DUMP", "k")
    done = number(server, "worker_steps_done") - steps
    r2("CONFIG", "SET", setting, threads)
    assert done < 1800, "no more was done than a worker did meanwhile"
    assert r2("RESTORE", "copy", 0, dump) == Simple("OK")
    assert r2("SAVE") == Simple("OK")
    left = filled[stays]
    names = {f"e{n}".encode() for n in stays}
    for key in ("k", "copy"):
        assert r2("VCARD", key) == 200
        assert set(r2("VRANDMEMBER", key, 1000)) == names
    settle(server)
    for key in ("k", "copy"):
        found = 0
        for query in clusters(40, DIM, seed=92):
            near = {f"e{stays[n]}".encode() for n in (-(left @ query)).argsort(kind="stable")[:10]}
            found += len(near & set(r2("VSIM", key, "FP32", fp32(query), "EF", 30)))
        assert found >= 0.9 * 400, key


@pytest.mark.module_only
@pytest.mark.parametrize("how", ["pipeline", "transaction", "script", "one by one"])
def test_memory_comes_back_without_another_write(server, r2, filled, how):
    used = lambda: int(server.info("memory", "used_memory"))
    full = used()
    names = [f"e{n}" for n in range(2000) if n % 10]
    if how == "pipeline":
        remove(r2, "k", names)
    elif how == "transaction":
        r2("MULTI")
        r2.pipeline(["VREM", "k", name] for name in names)
        assert r2("EXEC") == [1] * len(names)
    elif how == "script":
        assert r2("EVAL", "for _, name in ipairs(ARGV) do redis.call('VREM', KEYS[1], name) end return 7", 1, "k", *names) == 7
    else:
        for name in names:
            assert r2("VREM", "k", name) == 1
    settle(server)
    left = r2("MEMORY", "USAGE", "k")
    wait_until(lambda: used() < full - 0.8 * 1800 * DIM, "memory is given back")
    fill(r2, "alone", filled[::10])
    settle(server)
    least = r2("MEMORY", "USAGE", "alone")
    assert left <= 1.5 * least, f"{left} instead of {least}"
    found = sum(r2("VSIM", "k", "ELE", f"e{n}", "COUNT", 1) == [f"e{n}".encode()] for n in range(0, 2000, 100))
    assert found == 20


@pytest.mark.module_only
def test_a_search_beside_a_backlog_compares_with_what_stays(server, r2):
    rows = clusters(8_000, DIM, seed=93)
    fill(r2, "clean", rows[::4])
    fill(r2, "k", rows)
    settle(server)
    queries = clusters(30, DIM, seed=94)
    clean = compared(server, r2, "clean", queries)
    remove(r2, "k", [f"e{n}" for n in range(8_000) if n % 4])
    beside = compared(server, r2, "k", queries)
    assert beside <= 1.6 * clean, (beside, clean)
    settle(server)
    after = compared(server, r2, "k", queries)
    assert after <= 1.2 * clean, (after, clean)


@pytest.mark.module_only
def test_what_is_written_while_most_goes_is_there(server, r2, filled):
    """Elements that are added, changed and removed between the removals, while the set is built anew."""
    other = clusters(200, DIM, seed=95)
    commands, stays = [], {}
    for n in range(2000):
        if n % 10:
            commands.append(["VREM", "k", f"e{n}"])
        else:
            at = n // 10
            commands.append(vadd("k", other[at], f"new{at}"))
            commands.append(["VSETATTR", "k", f"e{n}", f'{{"n":{n}}}'])
            stays[f"new{at}"], stays[f"e{n}"] = None, f'{{"n":{n}}}'
            if at % 3 == 0:
                commands.append(vadd("k", other[at], f"e{n}"))
            if at % 5 == 0:
                commands.append(["VREM", "k", f"new{at}"])
                del stays[f"new{at}"]
    replies = r2.pipeline(commands)
    assert not [reply for reply in replies if isinstance(reply, Error)]
    info = r2("VINFO", "k")
    settle(server)
    after = r2("VINFO", "k")
    assert after == info, "an heir is the same set"
    assert set(r2("VRANDMEMBER", "k", 5000)) == {name.encode() for name in stays}
    for name, attributes in stays.items():
        assert r2("VGETATTR", "k", name) == (attributes.encode() if attributes else NULL_BULK)
    found = sum(name.encode() in r2("VSIM", "k", "ELE", name, "COUNT", 3) for name in list(stays)[::7])
    assert found >= len(list(stays)[::7]) * 0.98
    hits = r2("VSIM", "k", "FP32", fp32(other[0]), "COUNT", 1000, "FILTER", ".n >= 1000")
    assert len(hits) == 100


def test_documents_that_are_deleted_leave_little(server, r2):
    rows = clusters(2000, DIM, seed=96)

    def index(name):
        vector = ["v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", "COSINE"]
        assert r2("FT.CREATE", name, "SCHEMA", *vector) == Simple("OK")

    def figure(name, figure):
        info = r2("FT.INFO", name)
        return float(dict(zip(map(str, info[::2]), info[1::2]))[figure])

    index("i")
    r2.pipeline(["HSET", f"d:{n}", "v", fp32(row)] for n, row in enumerate(rows))
    idle = lambda: number(server, "worker_sources") == 0
    wait_until(lambda: figure("i", "num_docs") == 2000 and idle(), "all is linked", timeout=60)
    # Updates and deletions in turns.
    r2.pipeline(["DEL", f"d:{n}"] if n % 2 else ["HSET", f"d:{n}", "v", fp32(rows[n])] for n in range(2000))
    r2.pipeline(["DEL", f"d:{n}"] for n in range(2000) if n % 10)
    assert figure("i", "num_docs") == 200
    assert r2("SAVE") == Simple("OK")
    wait_until(idle, "all is done", timeout=60)
    left = figure("i", "vector_index_sz_mb")
    index("alone")
    wait_until(lambda: figure("alone", "num_docs") == 200 and idle(), "all is linked", timeout=60)
    assert left <= 1.5 * figure("alone", "vector_index_sz_mb")
    for n in range(0, 2000, 100):
        query = ["FT.SEARCH", "i", "*=>[KNN 3 @v $q]", "PARAMS", 2, "q", fp32(rows[n]), "NOCONTENT", "DIALECT", 2]
        assert f"d:{n}".encode() in r2(*query)
