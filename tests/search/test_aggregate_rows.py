"""What FT.AGGREGATE shows beside the values of rows, matched_terms(), and to whom a cursor belongs."""

import shlex

import pytest

from resp import NULL, NULL_BULK, Double, Error, Simple
from servers import wait_until

SETUP = [
    "FT.CREATE i PREFIX 1 d: PAYLOAD_FIELD pay SCORE_FIELD s SCHEMA t TEXT g TAG SORTABLE n NUMERIC SORTABLE",
    "HSET d:1 t 'hello world' g a n 1 pay foo s 0.5",
    "HSET d:2 t 'hello hello' g B n 2 s 1",
    "HSET d:3 t 'world foo' g a n 3 pay barr",
]
WHY = [
    "Final TFIDF : words TFIDF 1.00 * document score 0.50 / norm 1 / slop 1",
    "(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00)",
]
WHY = [[Simple(WHY[0]), [Simple(WHY[1])]]]
ROWS = [
    ("world WITHPAYLOADS", [1, b"foo", [], b"barr", []]),
    ("hello WITHPAYLOADS SORTBY 1 @n", [2, b"foo", [b"n", b"1"], NULL_BULK, [b"n", b"2"]]),
    ("hello WITHPAYLOADS GROUPBY 1 @g SORTBY 1 @g", [2, NULL_BULK, [b"g", b"a"], NULL_BULK, [b"g", b"b"]]),
    ("hello WITHSORTKEYS", [1, NULL_BULK, [], NULL_BULK, []]),
    ("hello WITHSORTKEYS SORTBY 4 @g ASC @n DESC", [2, b"$a", [b"g", b"a", b"n", b"1"], b"$b", [b"g", b"b", b"n", b"2"]]),
    ("hello WITHSORTKEYS SORTBY 1 @n", [2, b"#1", [b"n", b"1"], b"#2", [b"n", b"2"]]),
    ("hello WITHSORTKEYS SORTBY 1 @n APPLY @n*2 AS n", [2, b"#1", [b"n", b"2"], b"#2", [b"n", b"4"]]),
    ("hello WITHSORTKEYS GROUPBY 1 @g SORTBY 2 @g DESC", [2, b"$b", [b"g", b"b"], b"$a", [b"g", b"a"]]),
    ("hello NOCONTENT", [1]),
    ("hello NOCONTENT SORTBY 1 @n", [2]),
    (
        "hello NOCONTENT WITHSCORES WITHPAYLOADS WITHSORTKEYS SCORER DOCSCORE SORTBY 1 @g",
        [2, b"0.5", b"foo", b"$a", b"1", NULL_BULK, b"$b"],
    ),
    ("'@n:[1 1]' WITHSCORES SCORER DOCSCORE", [1, b"0.5", []]),
    ("'hello @n:[1 1]' NOCONTENT WITHSCORES EXPLAINSCORE SCORER DOCSCORE", [1, [b"0.5", Simple("Document's score is 0.50")]]),
    ("hello WITHSCORES EXPLAINSCORE GROUPBY 1 @g SORTBY 1 @g", [2, [b"0"], [b"g", b"a"], [b"0"], [b"g", b"b"]]),
]  # fmt: skip
TERMS = [
    ("hello", [[b"hello"], [b"hello"]]),
    ("worlds", [[b"world"], [b"world"]]),
    ("hel*", [[b"hello"], [b"hello"]]),
    ("'\"hello world\"'", [[b"hello", b"world"]]),
    ("~world", [[b"world"], NULL_BULK, [b"world"]]),
    ("*", [NULL_BULK, NULL_BULK, NULL_BULK]),
    ("@g:{a|b}", [[b"a"], [b"b"], [b"a"]]),
    ("'(hello|world) @g:{a} -foo'", [[b"hello", b"world", b"a"]]),
    ("'foo foo'", [[b"foo", b"foo"]]),
]


@pytest.fixture
def indexed(r2):
    for line in SETUP:
        assert not isinstance(r2(*shlex.split(line)), Error)
    return r2


@pytest.mark.parametrize("line, reply", ROWS)
def test_what_stands_beside_values(indexed, line, reply):
    assert indexed("FT.AGGREGATE", "i", *shlex.split(line)) == reply


def test_in_resp3(indexed, r3):
    options = "WITHSCORES EXPLAINSCORE WITHPAYLOADS WITHSORTKEYS SCORER TFIDF SORTBY 1 @n LIMIT 0 1"
    (row,) = r3("FT.AGGREGATE", "i", "hello", *options.split()).get("results")
    assert [str(name) for name, _ in row] == ["score", "payload", "sortkey", "extra_attributes", "values"]
    assert row.get("score") == [Double("0.5"), WHY[0]]
    assert (row.get("payload"), row.get("sortkey"), row.get("values")) == (b"foo", b"#1", [])
    bare = "NOCONTENT WITHPAYLOADS SORTBY 1 @n".split()
    rows = r3("FT.AGGREGATE", "i", "hello", *bare).get("results")
    assert [[(str(name), value) for name, value in row] for row in rows] == [
        [("payload", b"foo"), ("values", [])],
        [("payload", NULL), ("values", [])],
    ]


@pytest.mark.parametrize("query, terms", TERMS)
def test_matched_terms(indexed, query, terms):
    query = shlex.split(query)
    reply = indexed(
        "FT.AGGREGATE", "i", *query, "SCORER", "DOCSCORE", "LOAD", 1, "@n", "APPLY", "matched_terms()", "AS", "x", "SORTBY", 1, "@n"
    )
    assert [row[-1] for row in reply[1:]] == terms
    first = indexed("FT.AGGREGATE", "i", *query, "APPLY", "matched_terms(1)", "AS", "x", "SORTBY", 1, "@n")
    assert [row[1] for row in first[1:]] == [[words[0]] if isinstance(words, list) else words for words in terms]


def test_a_cursor_belongs_to_its_index(indexed):
    assert indexed("FT.CREATE", "other", "SCHEMA", "t", "TEXT") == Simple("OK")
    assert indexed("FT.ALIASADD", "alias", "i") == Simple("OK")
    _, cursor = indexed("FT.AGGREGATE", "i", "*", "WITHCURSOR", "COUNT", 1)
    for name in ("other", "nope"):
        assert indexed("FT.CURSOR", "READ", name, cursor) == Error("Cursor not found")
        assert indexed("FT.CURSOR", "DEL", name, cursor) == Error("Cursor does not exist")
    rows, cursor = indexed("FT.CURSOR", "READ", "alias", cursor)
    assert len(rows) == 2 and cursor
    assert indexed("FT.CURSOR", "DEL", "i", cursor) == Simple("OK")


def test_who_may_not_query_an_index_gets_nothing_of_its_cursors(indexed, server):
    indexed("FT.CREATE", "other", "PREFIX", 1, "o:", "SCHEMA", "t", "TEXT")
    indexed("ACL", "SETUSER", "guest", "on", "nopass", "+@all", "~o:*")
    _, cursor = indexed("FT.AGGREGATE", "i", "*", "WITHCURSOR", "COUNT", 1)
    guest = server.connect()
    assert guest("AUTH", "guest", "x") == Simple("OK")
    refused = Error("NOPERM User does not have the required permissions to query the index")
    for action in ("READ", "DEL"):
        assert guest("FT.CURSOR", action, "i", cursor) == refused
        assert str(guest("FT.CURSOR", action, "other", cursor)).startswith("Cursor ")
    indexed("ACL", "DELUSER", "guest")


def test_a_query_out_of_time_fails_where_it_should(r2, server):
    client = server.redis()
    pipe = client.pipeline(transaction=False)
    for n in range(20_000):
        pipe.execute_command("HSET", f"d:{n}", "t", f"word{n}")
    pipe.execute()
    client.close()
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    wait_until(lambda: r2("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [20_000], "scanned")
    r2("CONFIG", "SET", "search.on-timeout", "fail")
    # Twenty thousand rows are loaded and sorted: more than a millisecond's work.
    steps = ["LOAD", 1, "@t", "APPLY", "upper(@t)", "AS", "u", "SORTBY", 1, "@u"]
    assert r2("FT.AGGREGATE", "i", "*", "TIMEOUT", 1, *steps) == Error("Timeout limit was reached")
    assert not isinstance(r2("FT.AGGREGATE", "i", "*", "TIMEOUT", 0, *steps), Error)
