"""What newer versions brought to FT.AGGREGATE and scores: COLLECT, WITHCOUNT, BM25STD.NORM and .TANH, limits of groups and memory."""

import math

import pytest

from resp import Double, Error, Map, Simple

FRUITS = {
    "apple": ("red", 4, "usa"), "cherry": ("red", 5, "turkey"), "strawberry": ("red", 3, None),
    "banana": ("yellow", 4, "ecuador"), "lemon": ("yellow", 2, None),
}  # fmt: skip


@pytest.fixture(params=[2, 3])
def c(request, server, redis_style):
    c = server.connect(request.param)
    c("FT.CREATE", "i", "SCHEMA", "color", "TAG", "name", "TEXT", "sweetness", "NUMERIC", "SORTABLE", "origin", "TEXT")
    for name, (color, sweetness, origin) in FRUITS.items():
        c("HSET", name, "color", color, "name", name, "sweetness", sweetness, *(["origin", origin] if origin else []))
    return c


def rows(reply):
    """Rows of FT.AGGREGATE as dictionaries, values as they came."""
    if isinstance(reply, Map):
        return [dict(row.get("extra_attributes")) for row in reply.get("results")]
    assert isinstance(reply, list), reply
    return [dict(zip(row[::2], row[1::2])) for row in reply[1:]]


def total(reply):
    return reply.get("total_results") if isinstance(reply, Map) else reply[0]


def collected(c, *words, by="1 @color", before=(), query="*"):
    reply = c("FT.AGGREGATE", "i", query, *before, "GROUPBY", *by.split(), "REDUCE", "COLLECT", len(words), *words, "AS", "rows")
    groups = {}
    for row in rows(reply):
        entries = row[b"rows"]
        assert c.protocol == 2 or all(isinstance(entry, Map) for entry in entries)
        entries = [dict(entry) if isinstance(entry, Map) else dict(zip(entry[::2], entry[1::2])) for entry in entries]
        group = b" ".join(value for name, value in row.items() if name != b"rows").decode()
        groups[group] = [{name.decode(): value.decode() for name, value in entry.items()} for entry in entries]
    return groups


def test_collect_shows_the_rows_of_each_group(c):
    sorted_ = collected(c, *"FIELDS 2 @name @sweetness SORTBY 2 @sweetness DESC".split())
    assert sorted_["red"] == [
        {"name": "cherry", "sweetness": "5"},
        {"name": "apple", "sweetness": "4"},
        {"name": "strawberry", "sweetness": "3"},
    ]
    assert sorted_["yellow"] == [{"name": "banana", "sweetness": "4"}, {"name": "lemon", "sweetness": "2"}]
    cut = collected(c, *"LIMIT 1 1 FIELDS 1 @name SORTBY 2 @sweetness DESC".split())
    assert cut == {"red": [{"name": "apple"}], "yellow": [{"name": "lemon"}]}
    sparse = collected(c, *"FIELDS 2 @name @origin SORTBY 1 @name".split())
    assert sparse["yellow"] == [{"name": "banana", "origin": "ecuador"}, {"name": "lemon"}]
    assert collected(c, *"FIELDS 1 @color DISTINCT".split(), by="0") == {"": [{"color": "red"}, {"color": "yellow"}]}
    assert collected(c, "FIELDS", "*", before=("LOAD", "*")) == {"red": [{"color": "red"}] * 3, "yellow": [{"color": "yellow"}] * 2}
    keys = collected(c, *"FIELDS 1 @__key SORTBY 1 @__key LIMIT 0 2".split(), by="0", before=("LOAD", 1, "@__key"))
    assert keys == {"": [{"__key": "apple"}, {"__key": "banana"}]}


def test_collect_without_limit_keeps_ten_sorted_rows(c):
    c.pipeline(("HSET", f"more:{n}", "color", "blue", "sweetness", n) for n in range(25))
    blue = collected(c, *"FIELDS 1 @sweetness SORTBY 2 @sweetness DESC".split())["blue"]
    assert [row["sweetness"] for row in blue] == [str(n) for n in range(24, 14, -1)]
    assert len(collected(c, *"FIELDS 1 @sweetness".split())["blue"]) == 25


def test_collects_nest(c):
    reply = c("FT.AGGREGATE", "i", "*", *"GROUPBY 1 @color REDUCE COLLECT 5 FIELDS 1 @name DISTINCT AS inner REDUCE COUNT 0 AS n".split(),
        *"SORTBY 1 @color GROUPBY 0 REDUCE COLLECT 6 FIELDS 2 @color @n SORTBY 1 @n AS x".split())  # fmt: skip
    assert isinstance(reply, Error)  # COLLECT counts its words
    reply = c("FT.AGGREGATE", "i", "*", *"GROUPBY 1 @color REDUCE COLLECT 4 FIELDS 1 @name DISTINCT AS inner REDUCE COUNT 0 AS n".split(),
        *"GROUPBY 0 REDUCE COLLECT 7 FIELDS 2 @color @inner SORTBY 1 @n AS x".split())  # fmt: skip
    (row,) = rows(reply)
    pair = Map if c.protocol == 3 else lambda pairs: [part for pair in pairs for part in pair]
    inner = [pair([(b"name", name)]) for name in (b"banana", b"lemon")]
    assert row[b"x"][0] == pair([(b"color", b"yellow"), (b"inner", inner)])


def test_too_many_steps_and_words_are_refused(c):
    steps = "GROUPBY 1 @color".split() * 129
    assert c("FT.AGGREGATE", "i", "*", *steps) == Error("More than 128 GROUPBY steps are not supported")
    assert rows(c("FT.AGGREGATE", "i", "*", *steps[:-3])) == [{b"color": b"red"}, {b"color": b"yellow"}]


@pytest.mark.parametrize(
    "words, count, length",
    [
        ("WITHCOUNT", 5, 5), ("WITHCOUNT LIMIT 0 2", 5, 2), ("WITHCOUNT LIMIT 0 0", 5, 0), ("LOAD 1 @name WITHCOUNT LIMIT 1 2", None, 0),
        ("WITHCOUNT SORTBY 1 @sweetness MAX 2", 5, 2), ("WITHCOUNT GROUPBY 1 @color LIMIT 0 1", 2, 1),
        ("WITHCOUNT FILTER @sweetness>3 LIMIT 0 1", 3, 1), ("WITHCOUNT FILTER @sweetness>3 SORTBY 1 @name", 3, 3),
        ("WITHCOUNT GROUPBY 1 @color REDUCE COUNT 0 AS n FILTER @n>2", 1, 1), ("LIMIT 0 2", 1, 2), ("WITHOUTCOUNT LIMIT 0 2", 1, 2),
    ],
)  # fmt: skip
def test_withcount_counts_what_there_would_be_without_limit(c, words, count, length):
    reply = c("FT.AGGREGATE", "i", "*", *words.split())
    if count is None:
        assert reply == Error("Unknown argument `WITHCOUNT` at position 4 for <main>")
    else:
        assert (total(reply), len(rows(reply))) == (count, length)


def test_withcount_of_a_cursor(c):
    reply, cursor = c("FT.AGGREGATE", "i", "*", "WITHCOUNT", "FILTER", "@sweetness>2", "WITHCURSOR", "COUNT", 3)
    assert (total(reply), len(rows(reply))) == (4, 3)
    reply, _ = c("FT.CURSOR", "READ", "i", cursor)
    assert (total(reply), len(rows(reply))) == (4, 1)


def test_a_search_without_count_tells_its_rows(c):
    found = ["FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", 0, 2]
    assert total(c(*found)) == total(c(*found, "WITHCOUNT")) == total(c(*found, "SORTBY", "sweetness")) == 5
    assert total(c(*found, "SORTBY", "sweetness", "WITHOUTCOUNT")) == 2


def scores(reply):
    if isinstance(reply, Map):
        return {row.get("id").decode(): row.get("score") for row in reply.get("results")}
    return dict(zip((key.decode() for key in reply[1::2]), reply[2::2]))


def value(score):
    return score.value if isinstance(score, Double) else float(score)


@pytest.mark.parametrize("words", [[], ["SORTBY", "sweetness"], ["LIMIT", 1, 2]])
def test_scores_divided_by_the_greatest(c, words):
    for n in range(4):
        c("HSET", f"doc:{n}", "name", "hello " * (n + 1) + "world " * (5 - n), "sweetness", n)
    ask = ["FT.SEARCH", "i", "hello", "NOCONTENT", "WITHSCORES"]
    plain = {key: value(score) for key, score in scores(c(*ask)).items()}
    norm = scores(c(*ask, "SCORER", "BM25STD.NORM", *words))
    assert {key: value(score) for key, score in norm.items()} == {key: plain[key] / max(plain.values()) for key in norm}
    assert len(norm) == (2 if words[:1] == ["LIMIT"] else 4)


def test_norm_and_tanh_explain_themselves(c):
    c("HSET", "one", "name", "hello hello")
    c("HSET", "two", "name", "hello world more words")
    ask = ["FT.SEARCH", "i", "hello", "NOCONTENT", "WITHSCORES"]
    plain = value(scores(c(*ask))["two"])
    best = value(scores(c(*ask))["one"])
    score, (text, (below,)) = scores(c(*ask, "EXPLAINSCORE", "SCORER", "BM25STD.NORM"))["two"]
    assert value(score) == plain / best
    assert text == Simple(f"Final BM25STD.NORM: {plain / best:.2f} = Original Score: {plain:.2f} / Max Score: {best:.2f}")
    assert below[0] == Simple(f"Final BM25 : words BM25 {plain:.2f} * document score 1.00")
    for option, factor in ([], 4), (["BM25STD_TANH_FACTOR", 7], 7):
        score, (text, _) = scores(c(*ask, "EXPLAINSCORE", "SCORER", "BM25STD.TANH", *option))["two"]
        assert math.isclose(value(score), math.tanh(plain / factor), rel_tol=1e-12)
        assert text == Simple(f"Final Normalized BM25 : tanh(stretch factor 1/{factor} * Final BM25 {plain:.2f})")


def test_as_many_groups_as_the_setting_says(c):
    c("CONFIG", "SET", "search.max-aggregate-groups", 4)
    refused = Error("The query has more groups than MAX_AGGREGATE_GROUPS allows, which is 4")
    for field in ("name", "sweetness"):  # read from documents, and kept by the index
        for n in range(5):
            c("HSET", f"n{n}", "sweetness", n, "name", f"word{n}")
        assert c("FT.AGGREGATE", "i", "*", "GROUPBY", 1, f"@{field}") == refused
    assert len(rows(c("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@color"))) == 3
    c("CONFIG", "SET", "search.max-aggregate-groups", -1)
    assert len(rows(c("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@name"))) == 10


@pytest.mark.smoke
def test_queries_while_memory_is_short(c):
    search, aggregate = ["FT.SEARCH", "i", "*", "NOCONTENT"], ["FT.AGGREGATE", "i", "*"]
    warning = Simple("One or more shards failed to execute the query due to insufficient memory")
    for policy, works in [("ignore", True), ("return", False), ("fail", False)]:
        c("CONFIG", "SET", "search.on-oom", policy)
        for maxmemory in (0, 1):
            assert c("CONFIG", "SET", "maxmemory", maxmemory) == Simple("OK")
            for words in (search, aggregate):
                reply = c(*words)
                if maxmemory == 0 or works:
                    assert not isinstance(reply, Error) and total(reply) >= 1
                elif policy == "fail":
                    assert reply == Error("Not enough memory available to execute the query")
                else:
                    assert total(reply) == 0
                    assert not isinstance(reply, Map) or reply.get("warning") == [warning]
        c("CONFIG", "SET", "maxmemory", 0)
