"""A query whose time is over answers with what it has, and says so where there is a place; or fails, where that is wanted."""

import json

import pytest

from resp import Error, Simple

OK = Simple("OK")
TIMEOUT = Simple("Timeout limit was reached")
EXPANSIONS = Simple("Max prefix expansions limit was reached")

pytestmark = pytest.mark.usefixtures("redis_style")


@pytest.fixture
def many(r3):
    """Terms enough that 512 infixes of them take far more than a millisecond."""
    r3("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC", "SORTABLE")
    for at in range(400):
        r3(
            "HSET",
            f"d:{at}",
            "t",
            " ".join(f"w{at}x{word}" for word in range(40)),
            "g",
            ",".join(f"v{at}y{tag}" for tag in range(40)),
            "n",
            at,
        )
    assert r3("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 0).get("total_results") == 400
    return r3


INFIXES = "|".join(f"*q{at}*" for at in range(512))
COSTLY = [
    (INFIXES,),
    ("|".join(f"w'*q?{at}*'" for at in range(512)),),
    ("|".join(f"%%%qqqqqq{at}%%%" for at in range(512)),),
    ("@g:{" + "|".join(f"*q{at}*" for at in range(512)) + "}",),
    (f"-({INFIXES})",),
    (f"common | ({INFIXES})",),
]


@pytest.mark.parametrize("query", COSTLY, ids=lambda query: query[0][:20])
def test_time_that_is_over_is_told(many, query):
    for command in (
        ["FT.SEARCH", "i", *query, "NOCONTENT"],
        ["FT.SEARCH", "i", *query, "SORTBY", "n", "LIMIT", 0, 1000],
        ["FT.AGGREGATE", "i", *query, "LOAD", 1, "@n"],
        ["FT.AGGREGATE", "i", *query, "GROUPBY", 1, "@n"],
    ):
        reply = many(*command, "DIALECT", 2, "TIMEOUT", 1)
        assert reply.get("warning") == [TIMEOUT], command[2:]
        assert many(*command, "DIALECT", 2, "TIMEOUT", 0).get("warning") == []
    page, cursor = many("FT.AGGREGATE", "i", *query, "DIALECT", 2, "TIMEOUT", 1, "WITHCURSOR")
    assert page.get("warning") == [TIMEOUT]
    if cursor:
        many("FT.CURSOR", "DEL", "i", cursor)


def test_rows_of_costly_steps_are_cut(many):
    costly = "+".join(["sqrt(@n)"] * 5000)
    reply = many("FT.AGGREGATE", "i", "*", "APPLY", costly, "AS", "x", "TIMEOUT", 1)
    assert reply.get("warning") == [TIMEOUT] and len(reply.get("results")) < 400
    # What was grouped before the end of time is told.
    reply = many("FT.AGGREGATE", "i", "*", "APPLY", costly, "AS", "x", "GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "c", "TIMEOUT", 1)
    assert reply.get("warning") == [TIMEOUT] and len(reply.get("results")) == 1


def test_a_query_may_fail_instead(many):
    assert many("FT.CONFIG", "SET", "ON_TIMEOUT", "fail") == OK
    try:
        for command in ("FT.SEARCH", "FT.AGGREGATE"):
            reply = many(command, "i", INFIXES, "DIALECT", 2, "TIMEOUT", 1)
            assert reply == Error(TIMEOUT)
    finally:
        many("FT.CONFIG", "SET", "ON_TIMEOUT", "return")


def test_words_are_checked_until_time_is_over(many):
    words = [f"w{at}x{at}y{at}" for at in range(300)]
    ask = ["FT.SPELLCHECK", "i", " ".join(words), "DISTANCE", 4, "TIMEOUT"]
    found = many(*ask, 1).get("results")
    assert [name for name, _ in found] == [word.encode() for word in words[: len(found)]] and len(found) < 300
    many("FT.CONFIG", "SET", "ON_TIMEOUT", "fail")
    try:
        assert many(*ask, 1) == Error(TIMEOUT)
    finally:
        many("FT.CONFIG", "SET", "ON_TIMEOUT", "return")


@pytest.mark.smoke
def test_terms_that_were_left_out_are_told(r3, r2):
    r3("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC")
    for at in range(30):
        r3("HSET", f"d:{at}", "t", f"term{at:02}", "g", f"tag{at:02}", "n", at)
    assert r3("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 10) == OK
    try:
        for query, total, warning in [
            ("term*", 10, [EXPANSIONS]),
            ("@g:{tag*}", 10, [EXPANSIONS]),
            ("term0*", 10, []),
            ("-term*", 0, []),
            ("-@g:{tag*}", 0, []),
            ("-(-term*)", 30, []),
            ("(zzz|term*)", 10, [EXPANSIONS]),
        ]:
            reply = r3("FT.SEARCH", "i", query, "DIALECT", 2, "NOCONTENT", "LIMIT", 0, 100)
            assert (reply.get("total_results"), len(reply.get("results")), reply.get("warning")) == (total, total, warning), query
            reply = r3("FT.AGGREGATE", "i", query, "DIALECT", 2, "LOAD", 1, "@n")
            assert (len(reply.get("results")), reply.get("warning")) == (total, warning), query
            reply = r3("FT.AGGREGATE", "i", query, "DIALECT", 2, "GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "c")
            assert reply.get("warning") == warning, query
            assert r2("FT.SEARCH", "i", query, "DIALECT", 2, "NOCONTENT", "LIMIT", 0, 0) == [total]
        # What may be there is looked for only where it counts for scores.
        assert r3("FT.SEARCH", "i", "@n:[0 100] ~term*", "DIALECT", 2, "NOCONTENT").get("warning") == [EXPANSIONS]
        page, cursor = r3("FT.AGGREGATE", "i", "term*", "LOAD", 1, "@n", "WITHCURSOR", "COUNT", 4)
        assert page.get("warning") == [EXPANSIONS]
        page, cursor = r3("FT.CURSOR", "READ", "i", cursor)
        assert page.get("warning") == [EXPANSIONS]
    finally:
        r3("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 200)


@pytest.mark.smoke
def test_one_long_word_is_found_and_keeps_nobody(r3):
    r3("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "WITHSUFFIXTRIE", "n", "NUMERIC")
    word = "y" * 200_000
    r3("HSET", "d:1", "t", f"{word} short", "n", 1)
    for query in (word, f"{word}*", f"*{word[:-1]}", f"*{word[:1000]}*", f"w'{word[:-1]}?'", f"%{word[:-1]}%", f'"{word} short"'):
        for command in ([], ["MULTI"]):
            if command:
                r3("MULTI")
                r3("FT.SEARCH", "i", query, "DIALECT", 2, "NOCONTENT")
                [reply] = r3("EXEC")
            else:
                reply = r3("FT.SEARCH", "i", query, "DIALECT", 2, "NOCONTENT")
            assert (reply.get("total_results"), reply.get("warning")) == (1, []), query[:5]
    assert r3("FT.INFO", "i").get("num_docs") == 1


@pytest.mark.smoke
def test_as_many_tags_as_hashes_are_all_found(r3):
    r3("FT.CREATE", "i", "SCHEMA", "g", "TAG")
    r3.pipeline([("HSET", f"d:{at}", "g", f"v{at}") for at in range(20_000)])
    query = "@g:{" + "|".join(f"v{at}" for at in range(20_000)) + "}"
    reply = r3("FT.SEARCH", "i", query, "NOCONTENT", "LIMIT", 0, 0, "TIMEOUT", 0)
    assert (reply.get("total_results"), reply.get("warning")) == (20_000, [])


# Not where vector sets are the server's own.


@pytest.mark.module_only
def test_vsim_ends_when_its_time_is_over(r3, server):
    for at in range(2000):
        r3("VADD", "v", "VALUES", 2, at % 17 + 1, at % 11, f"e{at}", "SETATTR", json.dumps({"n": at}))
    expression = " or ".join(f".n=={at}" for at in range(0, 2000, 2))
    even = {f"e{at}".encode() for at in range(0, 2000, 2)}
    ask = ["VSIM", "v", "VALUES", 2, 1, 1, "FILTER", expression]
    assert r3("CONFIG", "SET", "search.vsim-timeout", 1) == OK
    try:
        timed_out = int(server.info("everything", "search_vset_searches_timed_out"))
        for options in ([], ["TRUTH"], ["NOTHREAD"], ["COUNT", 500]):
            assert set(r3(*ask, *options)) <= even
        assert int(server.info("everything", "search_vset_searches_timed_out")) == timed_out + 4
        assert r3("CONFIG", "SET", "search.on-timeout", "fail") == OK
        reply = r3(*ask, "TRUTH")
        assert reply == Error(TIMEOUT)
        # One without a filter has its time too, if the setting says so; this one needs less.
        assert len(r3("VSIM", "v", "ELE", "e1")) == 10
        assert r3("CONFIG", "SET", "search.vsim-timeout", 0) == OK
        assert len(r3(*ask, "COUNT", 5000)) == 1000
    finally:
        r3("CONFIG", "SET", "search.vsim-timeout", -1)
        r3("CONFIG", "SET", "search.on-timeout", "return")
