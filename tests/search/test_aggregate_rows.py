"""Rows: the two faces of values, what whole documents show, FORMAT EXPAND; what FT.AGGREGATE shows beside the values of rows;
matched_terms(); the pages of cursors, and to whom a cursor belongs."""

import shlex

import pytest

from resp import NULL, NULL_BULK, Double, Error, Map, Simple
from servers import wait_until

pytestmark = pytest.mark.usefixtures("redis_style")

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
    for most in ("0", "-1", "0.5", "1/0", "NULL", "1000"):
        every = indexed("FT.AGGREGATE", "i", *query, "APPLY", f"matched_terms({most})", "AS", "x", "SORTBY", 1, "@n")
        assert [row[1] for row in every[1:]] == terms, most


# Steps, and how many rows come out of four documents; whether a LIMIT cuts rows that are not sorted.
PAGED = [
    ("", 4, None),
    ("LOAD 1 @n", 4, None),
    ("LOAD *", 4, None),
    ("APPLY @n+1 AS x", 4, None),
    ("FILTER @n>2", 2, None),
    ("FILTER @n>9", 0, None),
    ("SORTBY 1 @n", 4, None),
    ("SORTBY 1 @n MAX 2", 2, None),
    ("SORTBY 1 @n LIMIT 0 2", 2, None),
    ("SORTBY 1 @n LIMIT 0 2 FILTER @n>1", 1, None),
    ("GROUPBY 1 @n", 4, None),
    ("GROUPBY 0", 1, None),
    ("LIMIT 0 0", 0, None),
    ("LIMIT 0 2", 2, 2),
    ("LIMIT 1 2", 2, 2),
    ("LIMIT 0 4", 4, 4),
    ("LIMIT 0 9", 4, 9),
]


@pytest.mark.parametrize("steps, rows, limit", PAGED)
def test_an_empty_page_follows_a_full_one(r2, r3, steps, rows, limit):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE")
    for number in range(1, 5):
        r2("HSET", f"d:{number}", "n", number)
    for protocol, count in ((r2, 1), (r3, 2), (r2, 3), (r3, 4), (r2, 5)):
        # A LIMIT that cuts rows as they come makes pages of its size full.
        full = min(count, limit or count)
        expected = [count] * (rows // count)
        expected += [rows % count] if rows % count or not expected else []
        expected += [0] if expected[-1] >= full else []
        page, cursor = protocol("FT.AGGREGATE", "i", "*", *steps.split(), "WITHCURSOR", "COUNT", count)
        pages = [page]
        while cursor:
            page, cursor = protocol("FT.CURSOR", "READ", "i", cursor)
            pages.append(page)
        sizes = [len(page) - 1 if protocol is r2 else len(page.get("results")) for page in pages]
        assert sizes == expected, (steps, count)


@pytest.mark.smoke
def test_a_limit_is_filled_up_where_documents_have_gone(r2):
    """Documents that have expired are in the index until the server notices."""
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "n", "NUMERIC", "SORTABLE")
    for number in range(1, 9):
        r2("HSET", f"d:{number}", "t", f"a{number}", "n", number)
    r2("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        r2("PEXPIREAT", "d:1", 1)
        for key in ("d:2", "d:4"):
            r2("PEXPIRE", key, 1)
        wait_until(lambda: r2("PTTL", "d:4") == -2, "the documents have expired")
        found = r2("FT.AGGREGATE", "i", "*", "LOAD", 1, "@t", "LIMIT", 0, 3)
        assert found[1:] == [[b"t", b"a3"], [b"t", b"a5"], [b"t", b"a6"]]
        last = r2("FT.AGGREGATE", "i", "*", "LOAD", 1, "@t", "LIMIT", 4, 9)
        assert last[1:] == [[b"t", b"a8"]]
    finally:
        r2("DEBUG", "SET-ACTIVE-EXPIRE", 1)


LOADED = [
    ("n", b"7"),
    ("u", b"Unfolded Text"),
    ("t", b"Folded Text"),
    ("b", b"1.50"),
]


@pytest.mark.parametrize("name, value", LOADED)
def test_what_is_loaded_is_what_the_document_has(r2, name, value):
    fields = ["n", "NUMERIC", "SORTABLE", "u", "TAG", "SORTABLE", "UNF", "t", "TEXT", "SORTABLE", "b", "TAG", "SORTABLE", "UNF"]
    r2("FT.CREATE", "i", "SCHEMA", *fields)
    r2("HSET", "d", "n", "007", "u", "Unfolded Text", "t", "Folded Text", "b", "1.50")
    for steps in (["LOAD", 1, f"@{name}"], ["LOAD", 3, f"@{name}", "AS", name], ["LOAD", 2, "@__key", f"@{name}"]):
        assert r2("FT.AGGREGATE", "i", "*", *steps)[1][-2:] == [name.encode(), value]
    # After everything was loaded, a number is as it is stored.
    stored = b"007" if name == "n" else value
    row = r2("FT.AGGREGATE", "i", "*", "LOAD", 1, f"@{name}", "LOAD", "*")[1]
    assert dict(zip(row[::2], row[1::2]))[name.encode()] == stored
    assert r2("FT.AGGREGATE", "i", "*", "LOAD", 1, "@n", "APPLY", "@n*2", "AS", "x")[1] == [b"n", b"7", b"x", b"14"]


@pytest.mark.parametrize("steps", ["", "LOAD 1 @n", "LOAD 1 @t", "LOAD 2 @__key @t", "SORTBY 1 @n MAX 100 LOAD 1 @t"])
def test_a_cursor_repeats_nothing_and_leaves_out_what_has_gone(r2, steps):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "n", "NUMERIC", "SORTABLE")
    for number in range(100):
        r2("HSET", f"d:{number}", "t", f"a{number}", "n", number)
    page, cursor = r2("FT.AGGREGATE", "i", "*", *steps.split(), "WITHCURSOR", "COUNT", 10)
    rows = page[1:]
    r2("DEL", "d:50", "d:3")
    r2("HSET", "d:60", "t", "changed")
    r2("HSET", "d:100", "t", "new", "n", 100)
    while cursor:
        page, cursor = r2("FT.CURSOR", "READ", "i", cursor)
        rows += page[1:]
    texts = [dict(zip(row[::2], row[1::2])).get(b"t") for row in rows]
    if "@t" in steps:
        assert texts == [b"changed" if at == 60 else b"a%d" % at for at in range(100) if at != 50]
    else:
        assert len(rows) in (99, 100)


def test_cursors_that_nobody_reads_are_collected(indexed, server):
    for name, number in (("i", 0), ("i", 5), ("nope", 5)):
        assert indexed("FT.CURSOR", "GC", name, number) == 0
    assert indexed("FT.CURSOR", "GC", "i", "x") == Error("Bad cursor ID")
    assert indexed("FT.CURSOR", "GC", "i") == Error("ERR wrong number of arguments for 'FT.CURSOR' command")
    _, cursor = indexed("FT.AGGREGATE", "i", "*", "WITHCURSOR", "COUNT", 1)
    assert cursor and indexed("FT.CURSOR", "GC", "i", 0) == 0
    rows, _ = indexed("FT.CURSOR", "READ", "i", cursor, "COUNT", 1)
    assert len(rows) == 2
    indexed("ACL", "SETUSER", "guest", "on", "nopass", "+@all", "~o:*")
    guest = server.connect()
    guest("AUTH", "guest", "x")
    assert str(guest("FT.CURSOR", "GC", "i", 0)).startswith("NOPERM")
    indexed("ACL", "DELUSER", "guest")


@pytest.mark.parametrize(
    "words, text",
    [
        ("READ i -1", "Cursor not found"),
        ("READ i 18446744073709551616", "Bad cursor ID"),
        ("READ i 5 COUNT x", "Bad value for COUNT"),
        ("READ i 5 COUNT 1.5", "Bad value for COUNT"),
        ("READ i 5", "Cursor not found"),
        ("DEL i -1", "Cursor does not exist"),
        ("FOO i 5", "Unknown subcommand"),
    ],
)
def test_what_cursors_refuse(indexed, words, text):
    assert indexed("FT.CURSOR", *words.split()) == Error(text)


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


SCHEMA = "$.n AS n NUMERIC $.m AS m NUMERIC SORTABLE $.t AS t TEXT $.s AS s TEXT SORTABLE $.g[*] AS g TAG $.a[*] AS a NUMERIC"
JSON = [
    '{"n":9,"m":1.0,"t":"Hi There","s":"Foo","g":["x","y"],"a":[3,1],"b":true,"o":{"k":[1,2.5,null,"s"]},"u":"é"}',
    '{"n":10,"m":2e19,"t":"bye","s":"bar","g":["z"],"a":[20],"b":false,"o":{"k":[]},"u":7}',
    '{"n":1.0,"m":7,"t":"bye","s":"BAZ","g":["x"],"a":[3],"b":true,"o":{"k":[1,2.5,null,"s"]},"u":null}',
]
# How each loaded part of the first document is shown in dialects 3 and 4.
ARRAYS = {
    b"n": b"[9]",
    b"m": b"[1.0]",
    b"t": b'["Hi There"]',
    b"s": b'["Foo"]',
    b"g": b'["x","y"]',
    b"a": b"[3,1]",
    b"b": b"[true]",
    b"o": b'[{"k":[1,2.5,null,"s"]}]',
    b"u": '["é"]'.encode(),
}
LOADED = "LOAD 15 n m t s g a $.b AS b $.o AS o $.u AS u"
COMPUTED = [
    *("log(@n) log2(@n) exp(@n) abs(@n) ceil(@n) floor(@n) sqrt(@n) @n+1 @a*2 @m/2 @n%4 @n^2 -@n @n-@a".split()),
    *("upper(@t) lower(@t) strlen(@t) startswith(@t,'b') contains(@t,'e') substr(@t,0,2) split(@t) upper(@g)".split()),
    *("to_str(@n) to_str(@b) to_str(@t) to_number(@n) exists(@o) upper(@o) upper(@u) to_str(@u) strlen(@o)".split()),
    *("timefmt(@n) day(@n) hour(@n) minute(@n) month(@n) dayofweek(@n) dayofmonth(@n) dayofyear(@n) year(@n) monthofyear(@n)".split()),
    *("@n>9 @n==10 @n<@a !@b @b @b&&1 @b||0 !@n @t=='bye' @g=='x' @s<'C' @u==7 @b==1 @a!=3".split()),
    *("format('%s-%s',@n,@t) case(@b,upper(@t),'no') case(@n>9,@n+0,@a+0) geodistance(@n,@a,1,2) parsetime(@t,'%Y')".split()),
]


@pytest.fixture
def documents(r2):
    assert r2("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", *SCHEMA.split()) == Simple("OK")
    for number, text in enumerate(JSON):
        assert r2("JSON.SET", f"j:{number}", "$", text) == Simple("OK")
    return r2


def rows(reply):
    assert not isinstance(reply, Error), reply
    return [dict(zip(row[::2], row[1::2])) for row in reply[1:]]


@pytest.mark.smoke
@pytest.mark.parametrize("dialect", [3, 4])
def test_json_is_computed_with_by_its_first_value_and_shown_as_an_array(documents, dialect):
    def asked(*steps, dialect=dialect):
        return rows(documents("FT.AGGREGATE", "j", "*", *LOADED.split(), *steps, "DIALECT", dialect))

    assert asked()[0] == ARRAYS
    for expression in COMPUTED:
        steps = ["APPLY", expression, "AS", "x"]
        if expression.startswith("@") and expression[1:].isalnum():
            assert [row[b"x"] for row in asked(*steps)] == [row[expression[1:].encode()] for row in asked()]
            steps += ["APPLY", "format('%s',@x)", "AS", "x"]  # the same, computed with again
        assert [row[b"x"] for row in asked(*steps)] == [row[b"x"] for row in asked(*steps, dialect=2)], expression
        keys = [row[b"n"] for row in asked("FILTER", expression)]
        numbers = [row[b"n"] for row in asked("FILTER", expression, dialect=2)]
        assert [{b"[9]": b"9", b"[10]": b"10", b"[1.0]": b"1"}[key] for key in keys] == numbers, expression


@pytest.mark.parametrize("dialect", [3, 4])
def test_json_is_grouped_sorted_and_reduced_by_its_first_value(documents, dialect):
    def asked(words, dialect=dialect):
        return documents("FT.AGGREGATE", "j", "*", *words.split(), "DIALECT", dialect)

    for field in "nmtsgabo":
        for reducer in ("COUNT_DISTINCT", "SUM", "MIN", "MAX", "AVG", "STDDEV", "COUNT_DISTINCTISH"):
            words = f"{LOADED} GROUPBY 0 REDUCE {reducer} 1 @{field} AS x REDUCE QUANTILE 2 @{field} 0.5 AS q"
            assert asked(words) == asked(words, 2), (field, reducer)
        sketch = f"{LOADED} GROUPBY 0 REDUCE HLL 1 @{field} AS h GROUPBY 0 REDUCE HLL_SUM 1 @h AS x"
        assert asked(sketch) == asked(sketch, 2)
        for direction in ("ASC", "DESC"):
            words = f"{LOADED} LOAD 1 @__key SORTBY 2 @{field} {direction} GROUPBY 1 @__key"
            assert asked(words) == asked(words, 2)
        # As many groups, each shown by the value of its first document.
        words = f"{LOADED} GROUPBY 1 @{field} REDUCE COUNT 0 AS c"
        counts = [[row[b"c"] for row in rows(asked(words, number))] for number in (dialect, 2)]
        assert counts[0] == counts[1]
        assert rows(asked(words))[0][field.encode()] == ARRAYS[field.encode()]
    lists = "GROUPBY 0 REDUCE TOLIST 1 @g AS l REDUCE FIRST_VALUE 1 @g AS f REDUCE RANDOM_SAMPLE 2 @g 9 AS r REDUCE TOLIST 1 @n AS n"
    (row,) = rows(asked(lists))
    assert row == {
        b"l": [b'["x","y"]', b'["z"]'],
        b"f": b'["x","y"]',
        b"r": [b'["x","y"]', b'["z"]', b'["x"]'],
        b"n": [b"[9]", b"[10]", b"[1.0]"],
    }
    (row,) = rows(asked("GROUPBY 0 REDUCE FIRST_VALUE 4 @t BY @a DESC AS f REDUCE FIRST_VALUE 3 @t BY @n AS g"))
    assert row == {b"f": b'["bye"]', b"g": b'["bye"]'}
    assert documents("FT.AGGREGATE", "j", "*", "WITHSORTKEYS", "LOAD", 1, "n", "SORTBY", 1, "@n", "DIALECT", dialect)[1::2] == [
        b"#1",
        b"#9",
        b"#10",
    ]


@pytest.mark.parametrize("dialect", [3, 4])
def test_of_an_array_the_first_element_is_computed_with(r2, dialect):
    r2("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", "$.w", "AS", "w", "TAG", "$.n", "AS", "n", "NUMERIC")
    r2("JSON.SET", "j:1", "$", '{"w":["q","r"],"n":[3,1],"o":[[5,6],7],"e":[],"z":[null,4],"h":[{"k":1}]}')
    load = "LOAD 17 w n $.o AS o $.o[*] AS each $.e AS e $.z AS z $.h AS h".split()
    for expression, value in [
        ("upper(@w)", b"Q"),
        ("@n+1", b"4"),
        ("to_str(@o)", b"[5,6]"),
        ("@each*2", b"10"),
        ("to_str(@e)", b""),
        ("to_str(@z)", b""),
        ("to_str(@h)", b'{"k":1}'),
    ]:
        (row,) = rows(r2("FT.AGGREGATE", "j", "*", *load, "APPLY", expression, "AS", "x", "DIALECT", dialect))
        assert row[b"x"] == value, expression
        assert (row[b"w"], row[b"o"], row[b"each"]) == (b'[["q","r"]]', b"[[[5,6],7]]", b"[[5,6],7]")
    sums = ["GROUPBY", 0, "REDUCE", "SUM", 1, "@n", "AS", "x", "REDUCE", "MAX", 1, "@each", "AS", "y"]
    assert rows(r2("FT.AGGREGATE", "j", "*", *load, *sums, "DIALECT", dialect)) == [{b"x": b"3", b"y": b"5"}]


def test_whole_documents_of_json_stand_in_brackets(documents):
    for dialect in (1, 2, 3, 4):
        shown = [f"[{text}]" if dialect >= 3 else text for text in JSON]
        shown = [text.encode() for text in shown]
        for steps in (["LOAD", "*"], ["LOAD", 1, "$"]):
            assert [row[b"$"] for row in rows(documents("FT.AGGREGATE", "j", "*", *steps, "DIALECT", dialect))] == shown
        found = documents("FT.SEARCH", "j", "*", "SORTBY", "n", "DIALECT", dialect)
        numbers = [b"[1.0]", b"[9]", b"[10]"] if dialect >= 3 else [b"1", b"9", b"10"]
        assert [row for row in found[2::2]] == [[b"n", numbers[at], b"$", shown[doc]] for at, doc in enumerate((2, 0, 1))]


def test_what_is_kept_for_sorting_is_one_value_wherever_it_is_taken_from(r2):
    schema = "$.w AS w TAG SORTABLE $.v[*] AS v TAG SORTABLE $.b AS b TAG SORTABLE $.k[*] AS k NUMERIC SORTABLE $.t AS t TEXT SORTABLE"
    r2("FT.CREATE", "j", "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", *schema.split())
    r2("JSON.SET", "j:1", "$", '{"w":["q","r"],"v":["q","r"],"b":true,"k":[3,1],"t":["a","b"],"x":1}')
    r2("JSON.SET", "j:2", "$", '{"w":null,"v":[null,"z"],"b":null,"k":[null,4],"t":null,"x":2}')
    r2("JSON.SET", "j:3", "$", '{"w":[],"v":[],"b":false,"k":[],"t":[],"x":3}')
    for dialect in (2, 3):
        for field in "wvbkt":
            steps = ["SORTBY", 1, f"@{field}", "DIALECT", dialect]
            kept = rows(r2("FT.AGGREGATE", "j", "*", *steps))
            loaded = rows(r2("FT.AGGREGATE", "j", "*", "LOAD", 3, "$.x", "AS", "x", *steps))
            assert [row.get(field.encode()) for row in loaded] == [row.get(field.encode()) for row in kept], (field, dialect)


# How a number is stored, and how it is printed as a number.
WRITTEN = [
    ("007", "7"),
    ("1e3", "1000"),
    ("+5", "5"),
    (".5", "0.5"),
    ("5.", "5"),
    ("0x10", "16"),
    ("-0", "0"),
    ("1.50", "1.5"),
    ("12345678901234567890", "1.23456789012e+19"),
    ("0.3333333333333333", "0.333333333333"),
    ("1e-300", "1e-300"),
]
WHOLE = [
    "FT.SEARCH i *",
    "FT.SEARCH i * SORTBY n",
    "FT.SEARCH i * SORTBY n DESC DIALECT 3",
    "FT.SEARCH i * SORTBY m",
    "FT.AGGREGATE i * LOAD *",
    "FT.AGGREGATE i * LOAD * SORTBY 1 @n",
    "FT.AGGREGATE i * LOAD * SORTBY 2 @m DESC",
    "FT.AGGREGATE i * SORTBY 1 @n LOAD *",
    "FT.AGGREGATE i * SORTBY 1 @m LOAD *",
    "FT.AGGREGATE i * LOAD 2 n m LOAD *",
    "FT.AGGREGATE i * LOAD * LOAD 2 n m",
    "FT.AGGREGATE i * LOAD * FILTER @n<1e30 FILTER @m<1e30",
    "FT.AGGREGATE i * FILTER @n<1e30 LOAD *",
    "FT.AGGREGATE i * APPLY @n+1 AS x APPLY @m AS y LOAD *",
    "FT.AGGREGATE i * LOAD * APPLY @n AS x APPLY @m*2 AS y",
    "FT.AGGREGATE i * LOAD * GROUPBY 2 @n @m",
]
AS_NUMBERS = [
    "FT.SEARCH i * RETURN 2 n m",
    "FT.SEARCH i * SORTBY n RETURN 2 n m",
    "FT.SEARCH i * SORTBY m RETURN 2 m n DIALECT 3",
    "FT.AGGREGATE i * LOAD 2 n m",
    "FT.AGGREGATE i * SORTBY 2 @n @m",
    "FT.AGGREGATE i * LOAD 1 n LOAD 1 m SORTBY 1 @m",
    "FT.AGGREGATE i * GROUPBY 2 @n @m",
]


@pytest.mark.smoke
@pytest.mark.parametrize("line, as_stored", [(line, True) for line in WHOLE] + [(line, False) for line in AS_NUMBERS])
def test_whole_documents_show_what_is_stored(r2, line, as_stored):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE", "m", "NUMERIC")
    for stored, _ in WRITTEN:
        r2("DEL", "d:1")
        r2("HSET", "d:1", "n", stored, "m", stored)
        reply = r2(*line.split())
        (row,) = reply[2:] if line.startswith("FT.SEARCH") else reply[1:]
        shown = dict(zip(row[::2], row[1::2]))
        expected = (stored if as_stored else dict(WRITTEN)[stored]).encode()
        assert (shown[b"n"], shown[b"m"]) == (expected, expected), line


def test_stored_numbers_are_numbers_in_what_is_computed(r2):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE")
    for key, stored in (("a", "007"), ("b", "0x10"), ("c", "1e1"), ("d", "7.0")):
        r2("HSET", f"d:{key}", "n", stored)
    ask = lambda *steps: rows(r2("FT.AGGREGATE", "i", "*", "LOAD", "*", *steps))
    assert [row[b"n"] for row in ask("SORTBY", 2, "@n", "DESC")] == [b"0x10", b"1e1", b"7.0", b"007"]
    assert [row[b"n"] for row in ask("FILTER", "@n>7")] == [b"0x10", b"1e1"]
    assert [row[b"x"] for row in ask("APPLY", "@n*2", "AS", "x")] == [b"14", b"32", b"20", b"14"]
    groups = ask("GROUPBY", 1, "@n", "REDUCE", "SUM", 1, "@n", "AS", "s")
    assert [(row[b"n"], row[b"s"]) for row in groups] == [(b"007", b"14"), (b"0x10", b"16"), (b"1e1", b"10")]


NESTED = Map([(b"k", [1, Double("2.5"), NULL, b"s"])])
EMPTY = Map([(b"k", [])])
EXPANDED = [
    ("LOAD 1 n", [{b"n": [9]}, {b"n": [10]}, {b"n": [1]}]),
    ("LOAD 3 $.o AS o", [{b"o": [NESTED]}, {b"o": [EMPTY]}, {b"o": [NESTED]}]),
    ("LOAD 1 g", [{b"g": [b"x", b"y"]}, {b"g": [b"z"]}, {b"g": [b"x"]}]),
    ("LOAD 3 $.b AS b", [{b"b": [1]}, {b"b": [0]}, {b"b": [1]}]),
    ("LOAD 3 $.u AS u", [{b"u": ["é".encode()]}, {b"u": [7]}, {b"u": [NULL]}]),
    ("LOAD 1 $.nope", [{}, {}, {}]),
    ("LOAD 2 @__key n LIMIT 0 1", [{b"__key": b"j:0", b"n": [9]}]),
    ("APPLY @n/2 AS x LIMIT 0 1", [{b"n": [9], b"x": Double("4.5")}]),
    ("APPLY @n+1 AS x APPLY upper(@t) AS y LIMIT 0 1", [{b"n": [9], b"x": 10, b"t": [b"Hi There"], b"y": b"HI THERE"}]),
    ("APPLY split('a,b') AS x APPLY NULL AS y LIMIT 0 1", [{b"x": [b"a", b"b"], b"y": NULL}]),
    ("SORTBY 2 @m DESC MAX 1", [{b"m": Double("2e19")}]),
    ("GROUPBY 1 @t REDUCE COUNT 0 AS c", [{b"t": [b"Hi There"], b"c": 1}, {b"t": [b"bye"], b"c": 2}]),
    ("LOAD 3 $.o AS o GROUPBY 1 @o REDUCE AVG 1 @n AS v", [{b"o": [NESTED], b"v": 5}, {b"o": [EMPTY], b"v": 10}]),
    ("GROUPBY 0 REDUCE FIRST_VALUE 1 @g AS f REDUCE TOLIST 1 @a AS l", [{b"f": [b"x", b"y"], b"l": [[3, 1], [20]]}]),
]


@pytest.mark.smoke
@pytest.mark.parametrize("steps, expected", EXPANDED)
def test_expanded_values_nest(documents, r3, steps, expected):
    for dialect in ([], ["DIALECT", 3], ["DIALECT", 4]):
        reply = r3("FT.AGGREGATE", "j", "*", *steps.split(), "FORMAT", "EXPAND", *dialect)
        assert reply.get("format") == Simple("EXPAND")
        assert [dict(row.get("extra_attributes")) for row in reply.get("results")] == expected
    page, cursor = r3("FT.AGGREGATE", "j", "*", *steps.split(), "WITHCURSOR", "COUNT", 1, "FORMAT", "EXPAND")
    assert dict(page.get("results")[0].get("extra_attributes")) == expected[0]
    if len(expected) > 1:
        page, _ = r3("FT.CURSOR", "READ", "j", cursor)
        assert dict(page.get("results")[0].get("extra_attributes")) == expected[1]


def test_expanded_documents_are_those_of_search(documents, r3):
    found = r3("FT.SEARCH", "j", "*", "SORTBY", "n", "FORMAT", "EXPAND")
    documents_of_search = [dict(row.get("extra_attributes"))[b"$"] for row in found.get("results")]
    listed = r3("FT.AGGREGATE", "j", "*", "LOAD", "*", "SORTBY", 1, "@n", "FORMAT", "EXPAND")
    assert [dict(row.get("extra_attributes"))[b"$"] for row in listed.get("results")] == documents_of_search
    assert dict(documents_of_search[1][0])[b"o"] == NESTED


@pytest.mark.parametrize("command", ["FT.SEARCH", "FT.AGGREGATE"])
def test_what_expand_asks_for(documents, r3, command):
    documents("FT.CREATE", "h", "SCHEMA", "n", "NUMERIC")
    protocol, source = "EXPAND format is only supported with RESP3", "EXPAND format is only supported with JSON"
    dialect = "EXPAND format requires dialect 3 or greater"
    for ask, index, options, text in [
        (documents, "h", "EXPAND", protocol),
        (documents, "h", "EXPAND DIALECT 2", dialect),
        (documents, "j", "EXPAND DIALECT 2", dialect),
        (documents, "j", "EXPAND", protocol),
        (r3, "h", "EXPAND", source),
        (r3, "h", "EXPAND DIALECT 2", dialect),
        (r3, "h", "EXPAND DIALECT 3", source),
        (r3, "j", "EXPAND DIALECT 2", dialect),
        (r3, "j", "EXPAND DIALECT 1", dialect),
        (r3, "j", "foo", "FORMAT foo is not supported"),
        (r3, "j", "", "Need an argument for FORMAT"),
    ]:
        assert ask(command, index, "*", "FORMAT", *options.split()) == Error(text)


def test_numbers_of_expressions(r2):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "FILTER", "@p-5>0", "SCHEMA", "p", "NUMERIC", "SORTABLE")
    r2("HSET", "d:1", "p", 10)
    r2("HSET", "d:2", "p", 5)
    for expression, value in [("@p*.5", 5), ("@p-5", 5), ("10-5", 5), ("-@p", -10), ("2^-1", 0.5), ("@p-@p-1", -1), ("1e+1-@p", 0)]:
        (row,) = rows(r2("FT.AGGREGATE", "i", "*", "APPLY", expression, "AS", "x"))
        assert row[b"x"] == str(value).encode(), expression
        assert r2("FT.AGGREGATE", "i", "*", "FILTER", f"{expression}=={value}", "LIMIT", 0, 0) == [1]


def test_texts_are_characters(r2):
    r2("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT")
    r2("HSET", "d:1", "t", "Éa日本".encode() + b"\xff")
    for expression, value in [
        ("strlen(@t)", b"5"),
        ("upper(@t)", "ÉA日本".encode() + b"\xff"),
        ("lower(@t)", "éa日本".encode() + b"\xff"),
        ("substr(@t,0,1)", "É".encode()),
        ("substr(@t,-2,2)", "本".encode() + b"\xff"),
        ("substr(@t,2,-1)", "日本".encode()),
        ("contains(@t,'')", b"6"),
        ("startswith(@t,'É')", b"1"),
        ("split(@t,'日')", ["Éa".encode(), "本".encode() + b"\xff"]),
    ]:
        assert r2("FT.AGGREGATE", "i", "*", "LOAD", 1, "t", "APPLY", expression, "AS", "x")[1][3] == value, expression
