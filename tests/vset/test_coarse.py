"""Wide vectors, which are walked to by coarse codes: scores and distances are those of the whole codes, and so is recall."""

import numpy
import pytest

from vectors import clusters, fill, fp32, nearest, recall

ROWS, QUERIES = clusters(3000, 1024, seed=201, spread=1.2), clusters(20, 1024, seed=202, spread=1.2)


@pytest.fixture(autouse=True)
def coarse_codes(r2):
    """From 768 components on."""
    r2("CONFIG", "SET", "search.coarse-dim", 768)
    yield
    r2("CONFIG", "SET", "search.coarse-dim", 0)


def scores(connection, query, *options, key="k"):
    """Element -> score."""
    reply = connection("VSIM", key, "FP32", fp32(query), "WITHSCORES", *options)
    return dict(zip(reply[::2], reply[1::2]))


def memory(connection, key):
    return connection("MEMORY", "USAGE", key, "SAMPLES", 0)


@pytest.mark.module_only
def test_scores_are_those_of_truth(r2, server):
    fill(r2, "k", ROWS, "SETATTR", '{"a":1}')
    for reload in range(2):
        for query in QUERIES:
            truth = scores(r2, query, "COUNT", len(ROWS), "TRUTH")
            for options in ["EF", 100], ["EF", 40, "FILTER", ".a == 1"], ["EF", 100, "EPSILON", 0.45]:
                found = scores(r2, query, *options)
                assert found and found.items() <= truth.items(), (reload, options)
        assert recall(r2, "k", ROWS, QUERIES, 10, "EF", 100) >= 0.97
        if not reload:
            digest = r2("DEBUG", "DIGEST-VALUE", "k")
            r2("DEBUG", "RELOAD")
            assert r2("DEBUG", "DIGEST-VALUE", "k") == digest


@pytest.mark.module_only
def test_the_setting_decides_when_a_set_is_made_or_loaded(r2):
    """A set keeps what it was made with; a dump does not tell."""
    rows = ROWS[:2000]
    fill(r2, "with", rows)
    r2("CONFIG", "SET", "search.coarse-dim", 0)
    fill(r2, "without", rows)
    dump = r2("DUMP", "with")
    r2("RESTORE", "again", 0, dump)
    assert memory(r2, "without") < memory(r2, "with") < 1.2 * memory(r2, "without")
    assert abs(memory(r2, "again") - memory(r2, "without")) < 0.01 * memory(r2, "with")
    r2("CONFIG", "SET", "search.coarse-dim", 1024)
    r2("RESTORE", "again", 0, dump, "REPLACE")
    assert memory(r2, "again") > 1.03 * memory(r2, "without")
    for query in QUERIES:
        with_, without, again = (scores(r2, query, "COUNT", 2000, key=key) for key in ("with", "without", "again"))
        assert len(with_) == 2000 and with_ == without == again


@pytest.mark.module_only
def test_distances_of_a_field_are_those_of_the_floats(r2):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 1024, "DISTANCE_METRIC", "COSINE")
    r2.pipeline(["HSET", f"d:{number}", "v", fp32(row)] for number, row in enumerate(ROWS))
    found = 0
    for query in QUERIES:
        options = ["PARAMS", 2, "q", fp32(query), "NOCONTENT", "DIALECT", 2]
        reply = r2("FT.SEARCH", "i", "*=>[KNN 10 @v $q AS far]", "SORTBY", "far", *options)
        numbers = [int(name[2:]) for name in reply[1:]]
        found += len(set(numbers) & set(nearest(ROWS, query, 10)))
        far = 1 - ROWS[numbers] @ (query / numpy.linalg.norm(query))
        assert (numpy.diff(far) >= -1e-6).all(), "in the order of the floats"
    assert found >= 0.97 * 10 * len(QUERIES)
