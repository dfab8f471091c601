"""Floors of recall@10 against exact search, on seeded clusters: after insertion, removal, updates, and with filters."""

import numpy
import pytest

from vectors import clusters, fill, fp32, recall, vadd

ROWS, QUERIES = clusters(5000, 64, seed=101), clusters(200, 64, seed=102)
# quantization -> floor at EF 100; what is missing for BIN is lost by one bit a component, whatever the graph
FLOORS = {"Q8": 0.975, "NOQUANT": 0.99, "BIN": 0.30}


def truth_recall(r2, quantization):
    """What an exact search of the quantized vectors reaches: the graph can't be better."""
    return recall(r2, "k", ROWS, QUERIES, 10, "TRUTH")


@pytest.mark.parametrize("quantization", FLOORS)
def test_after_insertion(r2, quantization):
    fill(r2, "k", ROWS, quantization)
    reached, best = recall(r2, "k", ROWS, QUERIES, 10, "EF", 100), truth_recall(r2, quantization)
    assert reached >= FLOORS[quantization] and reached >= best - 0.02
    assert recall(r2, "k", ROWS, QUERIES, 10, "EF", 400) >= best - 0.005


@pytest.mark.parametrize("quantization", FLOORS)
def test_after_removing_and_adding_half_again(r2, quantization):
    fill(r2, "k", ROWS, quantization)
    assert r2.pipeline(["VREM", "k", f"e{n}"] for n in range(0, 5000, 2)) == [1] * 2500
    left = [n for n in range(5000) if n % 2]
    half = ROWS[left]
    found = 0
    for query in QUERIES:
        exact = {f"e{left[n]}".encode() for n in numpy.argsort(-(half @ query))[:10]}
        found += len(exact & set(r2("VSIM", "k", "FP32", fp32(query), "EF", 100)))
    assert found / 2000 >= FLOORS[quantization]
    assert r2.pipeline(vadd("k", ROWS[n], f"e{n}", quantization) for n in range(0, 5000, 2)) == [1] * 2500
    assert recall(r2, "k", ROWS, QUERIES, 10, "EF", 100) >= FLOORS[quantization]


def test_after_updating_everything(r2):
    fill(r2, "k", ROWS[::-1])
    assert r2.pipeline(vadd("k", row, f"e{n}") for n, row in enumerate(ROWS)) == [0] * 5000
    assert recall(r2, "k", ROWS, QUERIES, 10, "EF", 100) >= FLOORS["Q8"]


def test_every_element_finds_itself(r2):
    fill(r2, "k", ROWS)
    replies = r2.pipeline(["VSIM", "k", "FP32", fp32(row), "COUNT", "1", "EF", "100"] for row in ROWS)
    assert sum(reply == [f"e{n}".encode()] for n, reply in enumerate(replies)) >= 4990


@pytest.mark.parametrize("count", [1, 100, 1000])
def test_of_other_counts(r2, count):
    fill(r2, "k", ROWS)
    assert recall(r2, "k", ROWS, QUERIES[:50], count, "EF", 200) >= 0.97


def test_count_greater_than_ef(r2):
    """A large COUNT alone is as good as a large COUNT with a large EF."""
    fill(r2, "k", ROWS)
    assert recall(r2, "k", ROWS, QUERIES[:50], 2000) >= 0.985


@pytest.mark.differs("9")
def test_duplicates(r2):
    """A thousand equal vectors do not cut the rest off: with a beam that they don't fill, everything is reached."""
    fill(r2, "k", numpy.repeat(ROWS[:1], 1000, axis=0), name="same{}".format)
    fill(r2, "k", ROWS[:2000])
    replies = r2.pipeline(["VSIM", "k", "FP32", fp32(row), "COUNT", "3", "EF", "1500"] for row in ROWS[1:2000])
    assert sum(f"e{n + 1}".encode() in reply for n, reply in enumerate(replies)) >= 1990


def test_vsim_scores_are_those_of_exact_search(r2):
    fill(r2, "k", ROWS[:1000], "NOQUANT")
    for query in QUERIES[:20]:
        flat = r2("VSIM", "k", "FP32", fp32(query), "COUNT", 50, "EF", 1000, "WITHSCORES")
        for name, score in zip(flat[::2], flat[1::2]):
            assert float(score) == pytest.approx((1 + float(ROWS[int(name[1:])] @ query)) / 2, abs=2e-6)
        scores = [float(score) for score in flat[1::2]]
        assert scores == sorted(scores, reverse=True)
