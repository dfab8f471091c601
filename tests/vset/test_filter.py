"""The FILTER language: recorded results of Redis 8.8, and what we promise beyond."""

import json
import pathlib

import pytest

from resp import Error
from vectors import clusters, fill, fp32, nearest

DATA = pathlib.Path(__file__).parent.parent / "data"


@pytest.mark.smoke
def test_every_recorded_result_comes_back(r2):
    wrong = []
    for line in (DATA / "vset-filter-corpus.jsonl").read_text().splitlines():
        row = json.loads(line)
        r2("DEL", "f")
        r2("VADD", "f", "VALUES", 1, 1, "e", *(["SETATTR", row["attr"]] if row["attr"] is not None else []))
        got = r2("VSIM", "f", "VALUES", 1, 1, "FILTER", row["expr"])
        # error texts are recorded a byte a character
        wanted = Error(row["result"].encode("latin-1").decode()) if isinstance(row["result"], str) else [b"e"] if row["result"] else []
        if got != wanted:
            wrong.append(f"{row}\n  got    {got!r}\n  wanted {wanted!r}")
    assert not wrong, "\n".join(wrong)


def test_the_expression_ends_at_the_first_nul(r2):
    r2("VADD", "f", "VALUES", 1, 1, "e", "SETATTR", '{"n":1}')
    assert r2("VSIM", "f", "VALUES", 1, 1, "FILTER", b".n == 1\0 bogus (") == [b"e"]


def test_the_whole_expression_stands_in_the_error_with_newlines_as_blanks(r2):
    r2("VADD", "f", "VALUES", 1, 1, "e")
    got = r2("VSIM", "f", "VALUES", 1, 1, "FILTER", "(1\r\n+ 2")
    assert got == Error("ERR syntax error in FILTER expression near: (1  + 2")


def numbered(r2, count=2000, dim=16):
    """A set whose elements carry their number and its remainders."""
    rows = clusters(count, dim, seed=11)
    fill(r2, "f", rows)
    r2.pipeline(["VSETATTR", "f", f"e{n}", json.dumps({"n": n, "even": n % 2 == 0, "kind": f"k{n % 100}"})] for n in range(count))
    return rows


def matching(rows, query, count, accept):
    """The exact answer: nearest rows whose number is accepted."""
    return [n for n in nearest(rows, query, len(rows)) if accept(n)][:count]


@pytest.mark.parametrize(
    "expression, accept",
    [
        (".even", lambda n: n % 2 == 0),
        ('.kind == "k7"', lambda n: n % 100 == 7),
        (".n in [3, 1999, 1000]", lambda n: n in (3, 1999, 1000)),
        (".n >= 100 and .n < 110 or .n == 0", lambda n: 100 <= n < 110 or n == 0),
    ],
)
@pytest.mark.parametrize("limit", [["FILTER-EF", "1000000"], ["TRUTH"]])
def test_filtered_answers_are_the_nearest_matching_ones(r2, expression, accept, limit):
    rows = numbered(r2)
    found = total = 0
    for query in clusters(20, 16, seed=11)[:20]:
        wanted = matching(rows, query, 10, accept)
        got = r2("VSIM", "f", "FP32", fp32(query), "COUNT", 10, "EF", 500, "FILTER", expression, *limit)
        assert len(got) == len(wanted) and all(accept(int(name[1:])) for name in got)
        found += len({f"e{n}".encode() for n in wanted} & set(got))
        total += len(wanted)
    assert found >= 0.95 * total


@pytest.mark.differs("10.5")
@pytest.mark.parametrize("limit", [[], ["FILTER-EF", "0"]])
def test_count_results_come_back_whenever_that_many_match(r2, limit):
    rows = numbered(r2, count=5000)
    for query in rows[:20]:
        got = r2(
            "VSIM", "f", "FP32", fp32(query), "COUNT", 10, "FILTER", ".n in [1, 500, 900, 1500, 2400, 2600, 3100, 4000, 4500, 4999]", *limit
        )
        assert sorted(got) == sorted(b"e%d" % n for n in (1, 500, 900, 1500, 2400, 2600, 3100, 4000, 4500, 4999))
