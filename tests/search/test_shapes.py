"""GEOSHAPE: the field's replies, and what a field of an index must do: documents that come and go, JSON, FT.INFO, FT.ALTER, files."""

import pytest

import golden
from resp import Error, Map, Simple
from servers import wait_until

ROWS = golden.rows("shapes-golden.jsonl")
OK = Simple("OK")
SQUARE = "POLYGON((0 0,0 4,4 4,4 0,0 0))"


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_field(server, redis_style, group, protocol):
    """Lines with the flag `quirk` are sent and not compared: keywords are read in any case and after blanks, a point without
    numbers is refused, shapes score as numbers do, and the total of dialect 4 is exact."""
    golden.check(server.connect(protocol), ROWS, group)


def found(c, predicate, shape, field="g", index="i", extra=()):
    answer = c(
        "FT.SEARCH", index, f"@{field}:[{predicate} $w]", "PARAMS", 2, "w", shape, "NOCONTENT", "LIMIT", 0, 100, *extra, "DIALECT", 2
    )
    assert not isinstance(answer, Error), answer
    return sorted(key.decode() for key in answer[1:])


def test_what_the_field_does_otherwise(r2):
    r2("FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", "FLAT")
    r2("HSET", "a", "g", " point ( 1 1 )")
    assert found(r2, "within", SQUARE) == ["a"]
    refused = "Error querying geoshape index: invalid geometry: Geometry has too few points"
    for text in ("POINT()", "POINT(1)", "POINT EMPTY"):
        assert r2("FT.SEARCH", "i", "@g:[within $w]", "PARAMS", 2, "w", text, "DIALECT", 2) == Error(refused)
    scored = r2("FT.SEARCH", "i", "@g:[within $w]", "PARAMS", 2, "w", SQUARE, "NOCONTENT", "WITHSCORES", "DIALECT", 2)
    assert scored == [1, b"a", b"0"]


def test_documents_come_change_and_go(r2):
    r2("FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", "FLAT", "INDEXMISSING", "n", "NUMERIC")
    for n in range(50):
        r2("HSET", f"d{n}", "g", f"POINT({n} {n})", "n", n)
    assert found(r2, "within", "POLYGON((9.5 9.5,9.5 12.5,12.5 12.5,12.5 9.5))") == ["d10", "d11", "d12"]
    r2("HSET", "d11", "g", "POINT(99 99)")
    r2("HDEL", "d12", "g")
    r2("DEL", "d10")
    r2("HSET", "d13", "g", "POINT(10 10)")
    assert found(r2, "within", "POLYGON((9.5 9.5,9.5 12.5,12.5 12.5,12.5 9.5))") == ["d13"]
    assert r2("FT.SEARCH", "i", "ismissing(@g)", "NOCONTENT", "DIALECT", 2) == [1, b"d12"]
    r2("HSET", "d14", "g", "POLYGON((0 0,1 1))")
    assert r2("FT.SEARCH", "i", "ismissing(@g) @n:[14 14]", "NOCONTENT", "DIALECT", 2) == [1, b"d14"]
    assert len(found(r2, "disjoint", "POINT(500 500)")) == 47
    rare = r2("FT.SEARCH", "i", "@n:[20 20] @g:[disjoint $w]", "PARAMS", 2, "w", SQUARE, "NOCONTENT", "DIALECT", 2)
    assert rare == [1, b"d20"]


def fields(answer):
    return (
        answer
        if isinstance(answer, dict)
        else {str(name): value for name, value in (answer if isinstance(answer, Map) else zip(answer[::2], answer[1::2]))}
    )


@pytest.mark.smoke
def test_json_and_what_info_tells(server, redis_style):
    c = server.connect(3)
    c("FT.CREATE", "i", "ON", "JSON", "SCHEMA", "$.g", "AS", "g", "GEOSHAPE", "FLAT", "INDEXMISSING", "SORTABLE", "$.t", "AS", "t", "TAG")
    for name, value in [("a", '"POINT(1 1)"'), ("b", "null"), ("c", '"bad"'), ("d", "1"), ("e", '["POINT(1 1)"]'), ("f", "{}")]:
        c("JSON.SET", name, "$", f'{{"t":"x","g":{value}}}')

    def keys(query):
        answer = c("FT.SEARCH", "i", query, "PARAMS", 2, "w", SQUARE, "NOCONTENT", "DIALECT", 2)
        return sorted(row.get("id") for row in answer.get("results"))

    assert keys("@g:[within $w]") == [b"a"] and keys("@t:{x}") == [b"a", b"b", b"c"] and keys("ismissing(@g)") == [b"b", b"c"]
    info = fields(c("FT.INFO", "i"))
    attribute = fields(info["attributes"][0])
    assert (str(attribute["type"]), str(attribute["coord_system"])) == ("GEOSHAPE", "FLAT")
    assert [str(flag) for flag in attribute["flags"]] == ["SORTABLE", "UNF", "INDEXMISSING"]
    assert info["geoshapes_sz_mb"].value > 0 and info["hash_indexing_failures"] == 4
    statistics = fields(fields(info["field statistics"][0])["Index Errors"])
    assert statistics["indexing failures"] == 4
    c("JSON.SET", "c", "$", '{"t":"x","g":"POINT(1,1)"}')
    errors = fields(fields(c("FT.INFO", "i"))["Index Errors"])
    assert str(errors["last indexing error"]) == "Error indexing geoshape: Expected ')' at ',' in 'POINT(1,1)'"
    assert errors["last indexing error key"] == b"c"


def test_memory_comes_and_goes(r2):
    r2("FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", "FLAT")

    def megabytes():
        answer = r2("FT.INFO", "i")
        return float(dict(zip(map(str, answer[::2]), answer[1::2]))["geoshapes_sz_mb"])

    empty = megabytes()
    ring = ",".join(f"{x} {x * x}" for x in range(200))
    r2("HSET", "d", "g", f"POLYGON(({ring},0 0))")
    assert megabytes() > empty + 200 * 16 / 2**20
    r2("DEL", "d")
    assert megabytes() == empty


def test_a_field_that_is_added_and_what_files_keep(start):
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    c = server.connect()
    c("HSET", "a", "g", "POINT(45 65)", "h", "POINT(45 55)")
    assert c("FT.CREATE", "i", "SCHEMA", "h", "GEOSHAPE", "FLAT") == OK
    assert c("FT.ALTER", "i", "SCHEMA", "ADD", "g", "GEOSHAPE") == OK
    band = "POLYGON((0 50,90 50,90 60,0 60,0 50))"

    def check(c):
        wait_until(lambda: found(c, "within", band) == ["a"], "the field is there")
        assert found(c, "within", band, "h") == ["a"] and found(c, "disjoint", band) == []

    check(c)
    c("DEBUG", "RELOAD")
    check(c)
    replica = start()
    replica.follow(server)
    check(replica.connect())
    c("BGREWRITEAOF")
    server.restart()
    check(server.connect())


def test_definitions(r2):
    for text, refusal in [
        ("GEOSHAPE", OK), ("GEOSHAPE FLAT", OK), ("geoshape spherical indexmissing sortable unf", OK), ("GEOSHAPE NOINDEX", OK),
        ("GEOSHAPE FLAT SPHERICAL", Error("Field `SPHERICAL` does not have a type")),
        ("GEOSHAPE SORTABLE FLAT", Error("Field `FLAT` does not have a type")),
        ("GEOSHAPE INDEXEMPTY", Error("Field `INDEXEMPTY` does not have a type")),
    ]:  # fmt: skip
        assert r2("FT.CREATE", text, "SCHEMA", "g", *text.split()) == refusal, text


def test_a_deadline_ends_what_takes_long(r2):
    r2("FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", "FLAT")
    ring = ",".join(f"{x} {(x % 2) * 1000 + x / 5000}" for x in range(20_000))
    text = f"POLYGON(({ring},20000 -5,-1 -5))"
    r2.pipeline(("HSET", f"d{n}", "g", text) for n in range(20))
    r2("CONFIG", "SET", "search.on-timeout", "fail")
    ask = ["FT.SEARCH", "i", "@g:[within $w]", "PARAMS", 2, "w", text, "LIMIT", 0, 0, "DIALECT", 2]
    assert r2(*ask, "TIMEOUT", 1) == Error("Timeout limit was reached")
    assert r2(*ask, "TIMEOUT", 0) == [20]
