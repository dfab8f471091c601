"""FT.HYBRID: the replies that its specification derives, what they are in each protocol, the two lists fused by hand, and what must hold
while documents and indexes go."""

import json
import random
import threading

import pytest

import golden
from resp import NULL_BULK, Double, Error, Map, Simple, from_notation
from servers import wait_until
from vectors import clusters, fp32

pytestmark = pytest.mark.usefixtures("redis_style")

OK = Simple("OK")
ROWS = golden.rows("hybrid-derived.jsonl")


def wanted(value):
    """A reply of the file, where a bare text is a bulk string; what it leaves open is None."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [wanted(item) for item in value]
    if isinstance(value, dict):
        if "any" in value:
            return None
        if "map" in value:
            return Map([(wanted(name), wanted(item)) for name, item in value["map"]])
    return from_notation(value)


def told(reply):
    """A reply as (total, rows as dictionaries, warnings)."""
    named = lambda reply: dict(reply if isinstance(reply, Map) else zip(reply[::2], reply[1::2]))
    pairs = named(reply)
    rows = [named(row) for row in pairs[b"results"]]
    assert set(pairs) == {b"total_results", b"results", b"warnings", b"execution_time"}
    return pairs[b"total_results"], rows, [str(warning) for warning in pairs[b"warnings"]]


def alike(got, want):
    """Whether they are the same but for the last digits of numbers."""
    if isinstance(got, dict):
        return got.keys() == want.keys() and all(alike(value, want[name]) for name, value in got.items())
    if isinstance(got, (list, tuple)):
        return len(got) == len(want) and all(map(alike, got, want))
    try:
        return got == want or abs(float(got) - float(want)) <= 1e-6 * max(1, abs(float(want)))
    except (TypeError, ValueError):
        return False


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_specification(server, group, protocol):
    c = server.connect(protocol)
    wrong = []
    for row in ROWS:
        if row["group"] == group:
            got, want = c(*golden.words(row["cmd"])), wanted(row[f"resp{protocol}"])
            is_rows = row["cmd"][0] == "FT.HYBRID" and not isinstance(want, Error)
            if "TFIDF" in row["cmd"]:
                continue  # derived of scores whose norm counts a vector as a word
            same = got == want if not is_rows or isinstance(got, Error) else alike(told(got), told(want))
            if not same:
                wrong.append((row["cmd"], got, want))
    assert not wrong, wrong[:5]


def vector(*floats):
    return fp32(floats)


NEAR = vector(1.25, 0.25)
TEXTS = [
    "red shoes",
    "red running shoes",
    "running gear and many different things",
    "blue shoes",
    "green hat",
    "red hat red",
    None,
    "shoes shoes shoes",
]
VECTORS = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 2), None, (0.5, 0.25), (3, 0.5)]


def fill(c, algorithm="FLAT", metric="L2"):
    fields = f"t TEXT v VECTOR {algorithm} 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC {metric} k TAG n NUMERIC s TAG SORTABLE"
    assert c("FT.CREATE", "h", "PREFIX", 1, "d", "SCHEMA", *fields.split()) == OK
    for number, (text, place) in enumerate(zip(TEXTS, VECTORS), 1):
        words = [*(["t", text] if text else []), *(["v", vector(*place)] if place else [])]
        c("HSET", f"d{number}", *words, "k", "even" if number % 2 == 0 else "odd", "n", number, "s", f"S{number % 3}")


def hybrid(c, line, *more, text="shoes", params=("PARAMS", 2, "b", NEAR), index="h"):
    return c("FT.HYBRID", index, "SEARCH", text, "VSIM", "@v", "$b", *line.split(), *more, *params)


def keys(reply):
    return [row[b"__key"] for row in told(reply)[1]]


@pytest.mark.smoke
def test_the_shape_of_a_reply(r2, r3):
    fill(r2)
    line = "KNN 2 K 1 COMBINE RRF 2 CONSTANT 1 LIMIT 0 1"
    got = hybrid(r2, line)
    assert got[:-1] == [b"total_results", 4, b"results", [[b"__key", b"d2", b"__score", b"0.7"]], b"warnings", [], b"execution_time"]
    assert float(got[-1]) > 0
    got = hybrid(r3, line)
    assert [name for name, _ in got] == [b"total_results", b"results", b"warnings", b"execution_time"]
    assert got.get("results") == [Map([(b"__key", b"d2"), (b"__score", b"0.7")])]
    assert got.get("total_results") == 4 and isinstance(got.get("execution_time"), Double)


def test_members_of_rows_and_their_order(r2):
    fill(r2)
    rows = lambda line, **more: hybrid(r2, line + " LIMIT 0 1", **more)[3]
    assert rows("YIELD_SCORE_AS vs SORTBY 1 @n") == [
        [b"__key", b"d1", b"__score", b"0.0317540322581", b"vs", b"0.380952380952", b"n", b"1"]
    ]
    assert rows("COMBINE RRF 0 YIELD_SCORE_AS f LOAD 2 @n @__key") == [[b"n", b"2", b"__key", b"d2", b"f", b"0.032018442623"]]
    assert rows("LOAD 3 @__score AS x") == [[b"x", b"0.032018442623"]]
    assert rows("LOAD 0") == [[]]
    assert rows("YIELD_SCORE_AS vs LOAD 2 @n @vs") == [[b"n", b"2", b"vs", b"0.888888888889"]]
    everything = dict(zip(*[iter(rows("YIELD_SCORE_AS vs LOAD *")[0])] * 2))
    assert everything.keys() == {b"t", b"v", b"k", b"n", b"s", b"vs"} and everything[b"n"] == b"2"
    assert rows("YIELD_SCORE_AS LOAD COMBINE LINEAR 0 YIELD_SCORE_AS LIMIT") == [
        [b"__key", b"d2", b"LIMIT", b"1.01659906597", b"LOAD", b"0.888888888889"]
    ]
    # What is missing in a list has no score there.
    got = told(hybrid(r2, "KNN 2 K 1 YIELD_SCORE_AS vs SORTBY 1 @n APPLY exists(@vs) AS near"))[1]
    assert [(row[b"__key"], row[b"near"], b"vs" in row) for row in got] == [
        (b"d1", b"0", False), (b"d2", b"1", True), (b"d4", b"0", False), (b"d8", b"0", False),
    ]  # fmt: skip


def test_steps_are_those_of_aggregations(r2):
    fill(r2)
    assert keys(hybrid(r2, "SORTBY 2 @n DESC LIMIT 0 3")) == [b"d8", b"d7", b"d5"]
    # FILTER comes before LIMIT, wherever it stands, and what it leaves out is not counted.
    total, rows, _ = told(hybrid(r2, "LIMIT 0 2 LOAD 1 @n SORTBY 1 @n FILTER @n>3"))
    assert (total, [row[b"n"] for row in rows]) == (4, [b"4", b"5"])
    total, rows, _ = told(hybrid(r2, "FILTER * LIMIT 1 1 FILTER @__score>0.03 APPLY @__score*2 AS twice"))
    assert total == 4 and len(rows) == 1 and float(rows[0][b"twice"]) == pytest.approx(2 * float(rows[0][b"__score"]))
    total, rows, _ = told(hybrid(r2, "GROUPBY 1 @k REDUCE COUNT 0 AS c REDUCE MAX 1 @n AS most SORTBY 1 @k LIMIT 0 1"))
    assert (total, rows) == (2, [{b"k": b"even", b"c": b"3", b"most": b"8"}])
    total, rows, _ = told(hybrid(r2, "SORTBY 2 @n DESC LIMIT 0 2 GROUPBY 1 @k REDUCE TOLIST 1 @n AS all FILTER @k=='even'"))
    assert (total, rows) == (1, [{b"k": b"even", b"all": [b"8"]}])
    got = told(hybrid(r2, "KNN 2 K 1 APPLY matched_terms() AS m SORTBY 1 @n", text="red|hat"))[1]
    assert [row.get(b"m") for row in got] == [[b"red"], [b"red"], [b"hat"], [b"red", b"hat"]]
    assert sorted(keys(hybrid(r2, "NOSORT"))) == sorted(keys(hybrid(r2, "")))
    # Kept in the index, folded.
    assert told(hybrid(r2, "GROUPBY 1 @s SORTBY 1 @s LIMIT 0 1"))[1] == [{b"s": b"s0"}]


def test_totals_and_pages(r2):
    fill(r2)
    assert told(hybrid(r2, "LIMIT 0 0"))[:2] == (7, [])
    assert told(hybrid(r2, "LIMIT 100 5"))[:2] == (7, [])
    pages = [keys(hybrid(r2, f"LIMIT {offset} 2")) for offset in (0, 2, 4, 6)]
    assert sum(pages, []) == keys(hybrid(r2, "")) and list(map(len, pages)) == [2, 2, 2, 1]
    assert told(hybrid(r2, "COMBINE RRF 2 WINDOW 1"))[0] == 2
    assert len(keys(hybrid(r2, "KNN 2 K 1000 COMBINE RRF 2 WINDOW 3"))) == 5


@pytest.mark.smoke
def test_lists_that_are_empty(r2):
    assert r2("FT.CREATE", "bare", "PREFIX", 1, "b", "SCHEMA", *"v VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC IP".split()) == OK
    assert told(hybrid(r2, "", index="bare", text="*")) == (0, [], [])
    for number in range(3):
        r2("HSET", f"b{number}", "v", vector(number, 0))
    # No field is text: every document scores alike. The inner product favours the far out, not the near.
    assert keys(hybrid(r2, "COMBINE LINEAR 0", index="bare", text="*")) == [b"b2", b"b1", b"b0"]
    assert keys(hybrid(r2, "", index="bare", text="word")) == [b"b2", b"b1", b"b0"]
    fill(r2)
    assert keys(hybrid(r2, "RANGE 2 RADIUS 0")) == [b"d8", b"d1", b"d4", b"d2"]
    assert told(hybrid(r2, "RANGE 2 RADIUS 0", text="none")) == (0, [], [])
    assert keys(hybrid(r2, "FILTER 1 @k:{none}")) == [b"d8", b"d1", b"d4", b"d2"]


ERRORS = [
    ("h SEARCH @v:[VECTOR_RANGE VSIM @v $b", "Syntax error at offset 4 near VECTOR_RANGE"),
    ("h SEARCH x VSIM @t $b PARAMS 2 b 12345678", "Unknown vector field `t`"),
    ("h SEARCH x VSIM @nope $b PARAMS 2 b 12345678", "Unknown vector field `nope`"),
    ("h SEARCH x VSIM @v $b PARAMS 2 c 12345678", "No such parameter `b`"),
    ("h SEARCH x VSIM @v $b", "No such parameter `b`"),
    ("h SEARCH $x VSIM @v $b PARAMS 2 b 12345678", "No such parameter `x`"),
    (
        "h SEARCH x VSIM @v $b PARAMS 2 b 1234",
        "Error parsing vector similarity query: query vector blob size (4) does not match index's expected size (8).",
    ),
    ("h SEARCH x VSIM @v $b FILTER 1 @k== PARAMS 2 b 12345678", "Syntax error at offset 0 near k"),
    ("h SEARCH x VSIM @v $b KNN 4 K 1 EF_RUNTIME 5 PARAMS 2 b 12345678", "Error parsing vector similarity parameters: Invalid option"),
    ("h SEARCH x=>[KNN&1&@v&$b] VSIM @v $b PARAMS 2 b 12345678", "Vector expressions are not allowed in FT.HYBRID SEARCH"),
    (
        "h SEARCH x VSIM @v $b FILTER (@t:blue=>{$weight:2}) PARAMS 2 b 12345678",
        "Weight attributes are not allowed in FT.HYBRID VSIM FILTER",
    ),
    ("h SEARCH x VSIM @v $b APPLY @nope PARAMS 2 b 12345678", "Property `nope` not loaded nor in pipeline"),
    ("h SEARCH x VSIM @v $b APPLY abs(@t) LIMIT 0 1 PARAMS 2 b 12345678", None),
    ("none SEARCH x VSIM @v $b", "none: no such index"),
    ("", "ERR wrong number of arguments for 'FT.HYBRID' command"),
]


@pytest.mark.parametrize("line, expected", ERRORS, ids=lambda value: value and value[:30])
def test_errors(r2, line, expected):
    fill(r2)
    got = r2("FT.HYBRID", *(word.replace("&", " ") for word in line.split()))
    if expected is None:
        assert not isinstance(got, Error)
    else:
        assert isinstance(got, Error) and got.startswith(expected), got


def tree(explanation):
    """An explanation with all its parts as nested tuples of texts."""
    if isinstance(explanation, list):
        return (str(explanation[0]), *map(tree, explanation[1]))
    return str(explanation)


def test_scores_are_explained(r2, r3):
    fill(r2)
    first = hybrid(r2, "LIMIT 0 2 EXPLAINSCORE")[3][0]
    assert first[:5] == [b"__key", b"d2", b"__score", b"0.032018442623", b"score"]
    score, explanation = first[5]
    assert float(score) == pytest.approx(0.032018442623)
    whole, (method, text, near) = tree(explanation)
    assert whole == "final score: 1 / (constant 60.00 + rank 4) + 1 / (constant 60.00 + rank 1) = 0.032018442623"
    assert method == "Hybrid score (RRF: window=20, constant=60.00)"
    assert text[:2] == ("text rank = 4", ("Text scorer: BM25STD", "normalized text score = 1.31458947914", text[1][2]))
    assert text[1][2][0].startswith("Final BM25 : words BM25 1.31")
    assert near == ("vector branch (KNN)", "vector rank = 1", "normalized vector score = 0.888888888889")

    line = "RANGE 4 RADIUS 0.7 EPSILON 0.5 COMBINE LINEAR 4 ALPHA 0.6 BETA 0.4 EXPLAINSCORE SORTBY 1 @n"
    r2("FT.DROPINDEX", "h")
    fill(r2, "HNSW")
    rows = {row[b"__key"]: row[b"score"] for row in told(hybrid(r2, line, text="green|red"))[1]}
    whole, (method, text, near) = tree(rows[b"d5"][1])
    assert whole.startswith("final score: 0.6000 * 1.") and " + 0 [vector: no match] = " in whole
    assert method == "Hybrid score (LINEAR: alpha=0.6000, beta=0.4000, window=20)"
    assert text[0].startswith("text contribution = 0.6000 * 1.") and text[1][0] == "Text scorer: BM25STD"
    assert near == ("vector branch (RANGE: radius=0.7000, epsilon=0.5)", "matched within radius = false", "vector rank = <no match>")
    whole, (_, text, near) = tree(rows[b"d7"][1])
    assert whole == "final score: 0 [text: no match] + 0.4000 * 0.64 = 0.256"
    assert text == ("text rank = <no match>", "Text scorer: BM25STD")
    assert near[1:] == ("matched within radius = true", "vector contribution = 0.4000 * 0.64 = 0.256", "normalized vector score = 0.64")
    row = hybrid(r3, "LIMIT 0 1 EXPLAINSCORE").get("results")[0]
    assert isinstance(row.get("score")[0], Double)


def read_all(c, cursor, index="h"):
    """All rows of a cursor, and how many pages they came on."""
    rows, pages = [], 0
    while cursor:
        reply, cursor = c("FT.CURSOR", "READ", index, cursor)
        rows += reply[1:]
        pages += 1
    return rows, pages


@pytest.mark.smoke
def test_each_list_is_a_cursor(r2, r3):
    fill(r2)
    got = hybrid(r2, "YIELD_SCORE_AS vs WITHCURSOR COUNT 3 MAXIDLE 10000")
    assert got[::2] == [b"SEARCH", b"VSIM", b"warnings"] and got[5] == [] and got[1] > 0 < got[3]
    rows, pages = read_all(r2, got[1])
    assert rows == [
        [b"__score", b"2.11794973857", b"__key", b"d8"], [b"__score", b"1.46627288348", b"__key", b"d1"],
        [b"__score", b"1.46627288348", b"__key", b"d4"], [b"__score", b"1.31458947914", b"__key", b"d2"],
    ] and pages == 2  # fmt: skip
    rows, _ = read_all(r2, got[3])
    assert [row[5] for row in rows] == [b"d2", b"d7", b"d4", b"d1", b"d3", b"d8", b"d5"] and rows[0][:4] == [
        b"__score",
        b"0.888888888889",
        b"vs",
        b"0.888888888889",
    ]
    got = hybrid(r3, "FILTER 1 * LOAD 1 @n FILTER @n>2 SORTBY 2 @n DESC LIMIT 0 2 WITHCURSOR")
    reply, cursor = r3("FT.CURSOR", "READ", "h", got.get("VSIM"))
    assert [row.get("extra_attributes") for row in reply.get("results")] == [Map([(b"n", b"8")]), Map([(b"n", b"7")])] and cursor == 0
    assert r3("FT.CURSOR", "DEL", "h", got.get("SEARCH")) == OK
    # Lists without members are cursors, too.
    got = hybrid(r2, "RANGE 2 RADIUS 0 WITHCURSOR", text="none")
    assert read_all(r2, got[1]) == read_all(r2, got[3]) == ([], 1)
    assert r2("FT.CURSOR", "READ", "h", got[1]) == Error("Cursor not found")


def test_cursors_are_few_and_go_with_their_index(r2):
    fill(r2)
    for _ in range(64):
        got = hybrid(r2, "WITHCURSOR")
    assert hybrid(r2, "WITHCURSOR") == Error("Too many cursors allocated for the index")
    assert r2("FT.CURSOR", "DEL", "h", got[1]) == OK
    assert hybrid(r2, "WITHCURSOR") == Error("Too many cursors allocated for the index")
    r2("FT.DROPINDEX", "h")
    fill(r2)
    assert r2("FT.CURSOR", "READ", "h", got[3]) == Error("Cursor not found")


@pytest.mark.smoke
def test_where_a_client_cannot_wait(r2):
    fill(r2)
    for number in range(200):
        r2("HSET", f"d{number + 10}", "t", "other", "v", vector(9, number))
    expected = told(hybrid(r2, ""))[:2]
    r2("MULTI")
    r2("HSET", "d9", "t", "shoes", "v", vector(1.25, 0.25))
    hybrid(r2, "")
    hybrid(r2, "WITHCURSOR")
    _, got, cursors = r2("EXEC")
    assert told(got)[0] == 10 and told(got)[1][0][b"__key"] == b"d9" and cursors[0] == b"SEARCH"
    r2("DEL", "d9")
    script = "return redis.call('FT.HYBRID', 'h', 'SEARCH', 'shoes', 'VSIM', '@v', '$b', 'PARAMS', 2, 'b', ARGV[1])"
    got = told(r2("EVAL", script, 0, NEAR))[:2]
    assert alike(got[1], expected[1]) or [row[b"__key"] for row in got[1]] == [row[b"__key"] for row in expected[1]]


@pytest.mark.smoke
def test_documents_that_have_gone_are_not_shown(r2):
    fill(r2)
    for number in range(100):
        r2("HSET", f"d{number + 10}", "t", "other", "v", vector(9, number))
    r2("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        r2("PEXPIRE", "d2", 1)
        wait_until(lambda: r2("EXISTS", "d2") == 0 or r2("PTTL", "d2") == -2, "the document has expired")
        total, rows, _ = told(hybrid(r2, "KNN 2 K 5"))
        assert b"d2" not in [row[b"__key"] for row in rows] and total == len(rows)
        total, rows, _ = told(hybrid(r2, "KNN 2 K 5 SORTBY 1 @n"))
        assert b"d2" not in [row[b"__key"] for row in rows] and total == len(rows)
    finally:
        r2("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    r2("DEL", "d8")
    assert b"d8" not in keys(hybrid(r2, "KNN 2 K 5"))
    r2("SET", "d1", "no hash")
    assert b"d1" not in keys(hybrid(r2, "KNN 2 K 5"))


def test_time_that_is_over_is_told(r3):
    fields = "t TEXT v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 n NUMERIC"
    r3("FT.CREATE", "h", "PREFIX", 1, "d", "SCHEMA", *fields.split())
    r3.pipeline(("HSET", f"d{at}", "t", " ".join(f"w{at}x{word}" for word in range(40)), "v", vector(at, 0), "n", at) for at in range(400))
    costly = "|".join(f"*q{at}*" for at in range(512))
    total, rows, warnings = told(hybrid(r3, "TIMEOUT 1", text=f"w1x1|{costly}"))
    assert "Timeout limit was reached (SEARCH)" in warnings and not any("POST" in warning for warning in warnings)
    assert told(hybrid(r3, "TIMEOUT 0", text=costly))[2] == []
    _, _, warnings = told(hybrid(r3, "FILTER", f"@t:({costly})", "TIMEOUT", 1, text="w1x1"))
    assert "Timeout limit was reached (VSIM)" in warnings
    steps = "+".join(["sqrt(@n)"] * 5000)
    _, _, warnings = told(hybrid(r3, "KNN 2 K 400 COMBINE RRF 2 WINDOW 400 LIMIT 0 400 TIMEOUT 20 APPLY", steps, text="w1x1"))
    assert warnings == ["Timeout limit was reached (POST PROCESSING)"]
    _, _, warnings = told(hybrid(r3, "FILTER @t:w1* TIMEOUT 0", text="w1*"))
    assert warnings == ["Max prefix expansions limit was reached (SEARCH)", "Max prefix expansions limit was reached (VSIM)"]
    assert r3("FT.CONFIG", "SET", "ON_TIMEOUT", "fail") == OK
    try:
        assert hybrid(r3, "TIMEOUT 1", text=costly) == Error("Timeout limit was reached")
        assert hybrid(r3, "TIMEOUT 1 WITHCURSOR", text=costly) == Error("Timeout limit was reached")
    finally:
        r3("FT.CONFIG", "SET", "ON_TIMEOUT", "return")


WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
SCORERS = ["BM25STD", "BM25STD.TANH", "BM25STD.NORM", "TFIDF", "TFIDF.DOCNORM", "BM25", "DISMAX", "DOCSCORE", "HAMMING"]
FILTERS = [None, "@n:[2 7]", "@k:{a}", "@t:(alpha|beta)", "@k:{none}"]


class Corpus:
    """Random documents in an index of a kind, and the lists of both arms by FT.SEARCH and FT.AGGREGATE."""

    def __init__(self, c, source, algorithm, metric, dim, seed):
        self.c, self.metric, self.dim, self.chance = c, metric, dim, random.Random(seed)
        path = (lambda name: f"$.{name}") if source == "JSON" else (lambda name: name)
        fields = f"{path('t')} AS t TEXT {path('k')} AS k TAG {path('n')} AS n NUMERIC"
        space = f"{path('v')} AS v VECTOR {algorithm} 6 TYPE FLOAT32 DIM {dim} DISTANCE_METRIC {metric}"
        assert c("FT.CREATE", "h", "ON", source, "PREFIX", 1, "d", "SCHEMA", *fields.split(), *space.split()) == OK
        self.vectors = clusters(140, dim, seed)
        for number, place in enumerate(self.vectors):
            document = {"k": self.chance.choice("ab"), "n": self.chance.randrange(10)}
            if self.chance.random() < 0.8:
                document["t"] = " ".join(self.chance.choices(WORDS, k=self.chance.randrange(1, 9)))
            if self.chance.random() < 0.8:
                document["v"] = place.tolist() if source == "JSON" else fp32(place)
            if source == "JSON":
                c("JSON.SET", f"d{number}", "$", json.dumps(document))
            else:
                c("HSET", f"d{number}", *(item for pair in document.items() for item in pair))

    def query(self):
        """The words of a command, and the rows that it must give."""
        chance = self.chance
        text = chance.choice(
            ["*", "|".join(chance.sample(WORDS, 2)), " ".join(chance.sample(WORDS, 2)), f"~{chance.choice(WORDS)}", "@n:[1 5]", "none"]
        )
        scorer, window, filtered = chance.choice(SCORERS), chance.choice([1, 5, 20, 200]), chance.choice(FILTERS)
        k, radius = chance.choice([1, 10, 300]), chance.choice([None, None, 0.4, 0.8])
        constant, alpha, beta = chance.choice([None, 1, 60]), chance.random(), chance.random()
        blob = fp32(self.vectors[chance.randrange(len(self.vectors))] + 0.1)
        method = ["KNN", 2, "K", k] if radius is None else ["RANGE", 2, "RADIUS", radius]
        combine = ["RRF", 4, "CONSTANT", constant] if constant else ["LINEAR", 6, "ALPHA", alpha, "BETA", beta]
        words = [
            "SEARCH",
            text,
            "SCORER",
            scorer,
            "YIELD_SCORE_AS",
            "ts",
            "VSIM",
            "@v",
            "$b",
            *method,
            *(["FILTER", filtered] if filtered else []),
        ]
        words += ["YIELD_SCORE_AS", "vs", "COMBINE", *combine, "WINDOW", window, "LIMIT", 0, 1000, "PARAMS", 2, "b", blob, "TIMEOUT", 0]
        texts = self.texts(text, scorer)[:window]
        near = self.near(min(k, window) if radius is None else None, radius, filtered, blob)[:window]
        return words, self.fused(texts, near, constant, alpha, beta)

    def texts(self, text, scorer):
        reply = self.c("FT.SEARCH", "h", text, "SCORER", scorer, "WITHSCORES", "NOCONTENT", "LIMIT", 0, 1000, "DIALECT", 2, "TIMEOUT", 0)
        return [(key, float(score)) for key, score in zip(reply[1::2], reply[2::2])]

    def near(self, k, radius, filtered, blob):
        if radius is None:
            query = f"({filtered or '*'})=>[KNN {k} @v $b AS d]"
            order = []
        else:
            query = f"{filtered or ''} @v:[VECTOR_RANGE {radius} $b]=>{{$YIELD_DISTANCE_AS: d}}"
            order = ["SORTBY", 1, "@d"]
        more = [*order, "LIMIT", 0, 1000, "PARAMS", 2, "b", blob, "DIALECT", 2, "TIMEOUT", 0]
        reply = self.c("FT.AGGREGATE", "h", query, "LOAD", 2, "@__key", "@d", *more)
        rows = [dict(zip(row[::2], row[1::2])) for row in reply[1:]]
        score = {"L2": lambda d: 1 / (1 + d), "COSINE": lambda d: (2 - d) / 2, "IP": lambda d: (2 - d) / 2}[self.metric]
        return [(row[b"__key"], score(float(row[b"d"]))) for row in rows]

    def fused(self, texts, near, constant, alpha, beta):
        rows = {}
        for name, part, weight in ((b"ts", texts, alpha), (b"vs", near, beta)):
            for rank, (key, score) in enumerate(part, 1):
                row = rows.setdefault(key, {b"__key": key, b"__score": 0})
                row[name] = score
                row[b"__score"] += 1 / (constant + rank) if constant else weight * score
        return rows


@pytest.mark.parametrize("metric", ["L2", "COSINE", "IP"])
@pytest.mark.parametrize("source, algorithm, dim", [("HASH", "FLAT", 8), ("HASH", "HNSW", 64), ("JSON", "HNSW", 8), ("JSON", "FLAT", 64)])
def test_the_lists_are_those_of_the_other_commands(r2, source, algorithm, dim, metric):
    corpus = Corpus(r2, source, algorithm, metric, dim, 7)
    for _ in range(40):
        words, expected = corpus.query()
        total, rows, warnings = told(r2("FT.HYBRID", "h", *words))
        assert warnings == [] and total == len(rows) == len(expected), words
        for row in rows:
            assert alike(row, expected[row[b"__key"]]), (words, row, expected[row[b"__key"]])
        scores = [float(row[b"__score"]) for row in rows]
        assert scores == sorted(scores, reverse=True), words


def test_while_documents_are_written_and_indexes_go(server, r2):
    """Rows have the documents that they name; whoever drops the index meanwhile leaves answers or an error."""
    rows = clusters(1500, 16, 3)

    def create():
        fields = "t TEXT k TAG v VECTOR HNSW 6 TYPE FLOAT32 DIM 16 DISTANCE_METRIC COSINE"
        r2("FT.CREATE", "h", "PREFIX", 1, "d", "SCHEMA", *fields.split())

    def document(number):
        return ("HSET", f"d{number}", "t", f"alpha w{number % 7}", "k", "x", "v", fp32(rows[number]))

    create()
    r2.pipeline(map(document, range(len(rows))))
    done, wrong, asked = threading.Event(), [], [0] * 3

    def ask(seed):
        c, chance = server.connect(), random.Random(seed)
        while not done.is_set():
            asked[seed] += 1
            line = [
                "COMBINE",
                "RRF",
                2,
                "WINDOW",
                200,
                "LIMIT",
                0,
                100,
                "LOAD",
                2,
                "@__key",
                "@k",
                *chance.choice([[], ["SORTBY", 1, "@__key"]]),
            ]
            near = fp32(rows[chance.randrange(len(rows))])
            got = c(
                "FT.HYBRID",
                "h",
                "SEARCH",
                f"alpha|w{chance.randrange(9)}",
                "VSIM",
                "@v",
                "$b",
                "KNN",
                2,
                "K",
                100,
                *line,
                "PARAMS",
                2,
                "b",
                near,
            )
            if isinstance(got, Error):
                if got != Error("h: no such index"):
                    wrong.append(got)
            elif any(row.get(b"k") != b"x" for row in told(got)[1]):
                wrong.append(told(got)[1])

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    chance, turns = random.Random(1), 0
    while turns < 4 or (sum(asked) < 300 and not wrong):
        turns += 1
        for _ in range(150):
            number = chance.randrange(len(rows))
            r2(*chance.choice([("DEL", f"d{number}"), document(number), ("PEXPIRE", f"d{number}", 1)]))
        r2("FT.DROPINDEX", "h")
        create()
        r2.pipeline(map(document, range(300)))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]


def test_what_is_null_is_shown_as_in_rows_of_aggregations(r2):
    r2(
        "FT.CREATE",
        "j",
        "ON",
        "JSON",
        "PREFIX",
        1,
        "j",
        "SCHEMA",
        *"$.v AS v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 $.a AS a TAG".split(),
    )
    r2("JSON.SET", "j1", "$", '{"v": [1, 2], "a": ["x", "y"], "o": {"p": 1}, "z": null}')
    got = hybrid(r2, "LOAD 7 @a $.o AS o @__key $.z $.none", index="j", text="*")[3]
    assert got == [[b"a", b'["x","y"]', b"o", b'{"p":1}', b"__key", b"j1", b"$.z", NULL_BULK]]
