"""The FILTER language: recorded results of Redis 8.8, and what we promise beyond."""

import json
import pathlib
import random
import threading

import pytest

from resp import FALSE, TRUE, Error
from servers import steady, wait_until
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


@pytest.mark.parametrize("protocol", [2, 3])
def test_filters_that_come_again_see_every_change(server, protocol):
    """The same few expressions again and again, while elements and attributes come, change and go: always what a model has."""
    redis = server.connect(protocol)
    rows = numbered(redis)
    chance = random.Random(protocol)
    model = dict(enumerate(range(len(rows))))
    accepted = {".n < 30": lambda n: n < 30, ".n % 50 == 7": lambda n: n % 50 == 7, ".n >= 1000": lambda n: n >= 1000}
    for turn in range(150):
        element, number = chance.randrange(len(rows)), chance.randrange(3000)
        kind = chance.randrange(4)
        if kind == 0:
            assert redis("VREM", "f", f"e{element}") in ((1, TRUE) if element in model else (0, FALSE))
            model.pop(element, None)
        elif kind == 1:
            changed = redis("VSETATTR", "f", f"e{element}", "" if turn % 5 == 0 else json.dumps({"n": number}))
            assert changed in ((1, TRUE) if element in model else (0, FALSE))
            if element in model:
                model[element] = None if turn % 5 == 0 else number
        else:
            redis("VADD", "f", "FP32", fp32(rows[chance.randrange(len(rows))]), f"e{element}", "SETATTR", json.dumps({"n": number}))
            model[element] = number
        for expression, accept in accepted.items():
            exact = ["TRUTH"] if turn % 3 == 0 else []
            found = redis("VSIM", "f", "FP32", fp32(rows[element]), "COUNT", 5000, "FILTER", expression, "WITHATTRIBS", *exact)
            found = dict(zip(found[::2], found[1::2]) if protocol == 2 else found)
            wanted = {f"e{e}".encode(): n for e, n in model.items() if n is not None and accept(n)}
            assert {name: json.loads(attributes)["n"] for name, attributes in found.items()} == wanted


def test_a_filter_that_comes_again_asks_for_what_it_says(r2):
    """Options mean the same whether or not it is known who passes."""
    rows = numbered(r2, count=5000)
    query, rare = fp32(rows[3]), ["FILTER", ".n % 1000 == 3"]
    ask = lambda *more: r2("VSIM", "f", "FP32", query, *more, *rare)
    for _ in range(3):
        assert sorted(ask("COUNT", 9)) == sorted(b"e%d" % n for n in range(3, 5000, 1000))
        assert ask("COUNT", 9, "TRUTH") == ask("COUNT", 9, "NOTHREAD")
        assert ask("COUNT", 2) == ask("COUNT", 9)[:2]
        assert ask("EPSILON", "0.01") == [b"e3"] and len(ask("EPSILON", "2", "EF", 5)) == 5
        assert len(ask("COUNT", 9, "FILTER-EF", 1)) < 5


def test_what_is_remembered_of_filters_is_counted_bounded_and_given_back(server):
    """Thousands of expressions in turn, while several clients change attributes: a small share of the set, gone with it."""
    r2 = server.connect()
    empty = int(server.info("memory", "used_memory"))
    rows = numbered(r2, count=5000)
    r2("VINFO", "f")
    # Tables of attributes that were outgrown go when nobody can read them any more.
    before = steady(lambda: r2("MEMORY", "USAGE", "f"))
    query = fp32(rows[0])
    for start in range(0, 3000, 500):
        found = r2.pipeline(["VSIM", "f", "FP32", query, "FILTER", f".n == {n}"] for n in range(start, start + 500))
        assert found == [[b"e%d" % n] for n in range(start, start + 500)]
    remembered = r2("MEMORY", "USAGE", "f")
    assert before < remembered < before + 40 * len(rows)

    def change(part):
        connection = server.connect()
        for n in range(part, 5000, 2):
            assert connection("VSETATTR", "f", f"e{n}", json.dumps({"n": n + 1}))
            assert connection("VSIM", "f", "FP32", query, "FILTER", f".n == {n + 1}", "COUNT", 1) != []

    threads = [threading.Thread(target=change, args=(part,)) for part in range(2)]
    [thread.start() for thread in threads]
    [thread.join(80) for thread in threads]
    assert r2("VSIM", "f", "FP32", query, "FILTER", ".n == 0") == []
    assert len(r2("VSIM", "f", "FP32", query, "FILTER", ".n == 5000")) == 1
    r2("DEL", "f")
    wait_until(lambda: int(server.info("memory", "used_memory")) < empty + 300_000, "memory is given back")
