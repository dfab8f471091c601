"""SUMMARIZE and HIGHLIGHT: the field's replies, and what the specification asks for beyond them."""

import struct

import pytest

import golden
from resp import Error, Map, Simple

ROWS = golden.rows("highlight-golden.jsonl")


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_field(server, group, protocol):
    c = server.connect(protocol)
    c("CONFIG", "SET", "search.default-scorer", "TFIDF")
    wrong = []
    for row in ROWS:
        if row["group"] == group:
            got, want = c(*row["cmd"]), golden.reply(row[f"resp{protocol}"])
            if got != want and not (row.get("unordered") and in_any_order(got) == in_any_order(want)):
                wrong.append((row["cmd"], got, want))
    assert not wrong, wrong[:5]


def in_any_order(value):
    """A reply whose rows have their fields in any order."""
    if isinstance(value, Map):
        return sorted((repr(key), in_any_order(item)) for key, item in value)
    if isinstance(value, list) and value and len(value) % 2 == 0 and all(isinstance(item, bytes) for item in value):
        return sorted(zip(value[::2], value[1::2]))
    return [in_any_order(item) for item in value] if isinstance(value, list) else value


def shown(c, *query):
    """What each row shows, by its key."""
    found = c("FT.SEARCH", *query)
    assert isinstance(found, list), found
    return {key: dict(zip(row[::2], row[1::2])) for key, row in zip(found[1::2], found[2::2])}


def texts(c, index, query, *options):
    """The field `t` of each row, marked."""
    rows = shown(c, index, query, "HIGHLIGHT", "TAGS", "<", ">", *options)
    return {key.decode(): row[b"t"].decode() for key, row in rows.items()}


def test_whatever_a_query_becomes_is_marked(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "WITHSUFFIXTRIE", "ns", "TEXT", "NOSTEM")
    r2("HSET", "d", "t", "Running runners ran to the Größe of ÉCOLES, naïvely", "ns", "running run")
    for query, expected in [
        ("run", "<Running> runners ran to the Größe of ÉCOLES, naïvely"),
        ("runn*", "<Running> <runners> ran to the Größe of ÉCOLES, naïvely"),
        ("*ners", "Running <runners> ran to the Größe of ÉCOLES, naïvely"),
        ("*unne*", "Running <runners> ran to the Größe of ÉCOLES, naïvely"),
        ("w'r?n'", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("%rin%", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("größe", "Running runners ran to the <Größe> of ÉCOLES, naïvely"),
        ("école*", "Running runners ran to the Größe of <ÉCOLES>, naïvely"),
        ('"running runners"', "<Running> <runners> ran to the Größe of ÉCOLES, naïvely"),
        ("@ns:running @t:ran", "<Running> runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("ran | (größe nowhere)", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("ran -nowhere ~größe", "Running runners <ran> to the <Größe> of ÉCOLES, naïvely"),
        ("~nowhere ran", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("~(nowhere ran -größe)", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
        ("*", "Running runners ran to the Größe of ÉCOLES, naïvely"),
        ("the | ran", "Running runners <ran> to the Größe of ÉCOLES, naïvely"),
    ]:
        assert texts(r2, "i", query, "DIALECT", 2) == {"d": expected}, query
    assert texts(r2, "i", "running", "VERBATIM")["d"].startswith("<Running> runners")
    # A field without stems marks the word only.
    assert shown(r2, "i", "run", "HIGHLIGHT")[b"d"][b"ns"] == b"running <b>run</b>"


def test_tags_and_numbers_stay_as_they_are(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC", "no", "TEXT", "SORTABLE", "NOINDEX")
    r2("HSET", "d", "t", "fox and 5", "g", "fox", "n", "5", "no", "fox", "other", "fox")
    same = {b"g": b"fox", b"n": b"5", b"no": b"fox", b"other": b"fox"}
    assert shown(r2, "i", "fox", "HIGHLIGHT")[b"d"] == {b"t": b"<b>fox</b> and 5", **same}
    assert shown(r2, "i", "fox", "SUMMARIZE", "FRAGS", 1, "LEN", 1)[b"d"] == {b"t": b"fox ... ", **same}
    assert shown(r2, "i", "@g:{fox}", "HIGHLIGHT")[b"d"] == {b"t": b"fox and 5", **same}


def test_fields_by_alias_and_by_source(r2):
    r2("FT.CREATE", "i", "SCHEMA", "f1", "AS", "a", "TEXT", "t", "TEXT")
    r2("HSET", "d", "f1", "a fox", "t", "fox two")
    both = {b"f1": b"a <b>fox</b>", b"t": b"<b>fox</b> two"}
    assert shown(r2, "i", "fox", "HIGHLIGHT") == {b"d": both}
    assert shown(r2, "i", "fox", "HIGHLIGHT", "RETURN", 2, "f1", "t") == {b"d": both}
    assert shown(r2, "i", "fox", "HIGHLIGHT", "RETURN", 1, "a") == {b"d": {b"a": b"a <b>fox</b>"}}
    assert shown(r2, "i", "fox", "HIGHLIGHT", "RETURN", 3, "a", "AS", "z") == {b"d": {b"z": b"a <b>fox</b>"}}
    # FIELDS are shown otherwise; the others come as they are.
    assert shown(r2, "i", "fox", "HIGHLIGHT", "FIELDS", 1, "a") == {b"d": {b"f1": b"a <b>fox</b>", b"t": b"fox two"}}
    assert shown(r2, "i", "fox", "HIGHLIGHT", "FIELDS", 1, "t", "RETURN", 1, "a") == {b"d": {b"a": b"a fox"}}
    mixed = ["HIGHLIGHT", "TAGS", "[", "]", "HIGHLIGHT", "FIELDS", 1, "t", "TAGS", "(", ")", "SUMMARIZE", "FIELDS", 1, "a", "LEN", 1]
    assert shown(r2, "i", "fox", *mixed) == {b"d": {b"f1": b"[fox]... ", b"t": b"(fox) two"}}


def test_json_by_alias(r2):
    r2("FT.CREATE", "j", "ON", "JSON", "SCHEMA", "$.t", "AS", "t", "TEXT", "$.l[*]", "AS", "l", "TEXT", "$.o", "AS", "o", "TEXT")
    r2("JSON.SET", "d", "$", '{"t":"a fox","l":["one fox","two fox"],"o":["fox"]}')
    whole = {b"$": b'{"t":"a fox","l":["one fox","two fox"],"o":["fox"]}'}
    assert shown(r2, "j", "fox", "HIGHLIGHT") == {b"d": whole}
    got = shown(r2, "j", "fox", "HIGHLIGHT", "RETURN", 4, "t", "l", "o", "$.t")[b"d"]
    assert got == {b"t": b"a <b>fox</b>", b"l": b"one <b>fox</b>", b"o": b'["fox"]', b"$.t": b"a <b>fox</b>"}
    assert shown(r2, "j", "fox", "HIGHLIGHT", "RETURN", 1, "t", "DIALECT", 3) == {b"d": {b"t": b'["a fox"]'}}
    assert r2("FT.SEARCH", "j", "fox", "HIGHLIGHT", "FIELDS", 1, "t") == Error("No such property `t`")


def test_a_document_is_read_in_its_own_language(r2):
    r2("FT.CREATE", "i", "LANGUAGE_FIELD", "lang", "SCHEMA", "t", "TEXT")
    r2("HSET", "de", "lang", "german", "t", "Die Häuser und das Haus")
    r2("HSET", "zh", "lang", "chinese", "t", "我爱北京大学和全文搜索")
    assert texts(r2, "i", "haus", "LANGUAGE", "german") == {"de": "Die <Häuser> und das <Haus>"}
    assert texts(r2, "i", "搜索", "LANGUAGE", "chinese") == {"zh": "我爱北京大学和全文<搜索>"}
    # Two words before and after, and no character is cut.
    assert texts(r2, "i", "北京大学", "LANGUAGE", "chinese", "SUMMARIZE", "LEN", 2) == {"zh": "我爱<北京大学>和全... "}


def test_rows_that_documents_sort_and_rows_that_are_near(r2):
    schema = ["t", "TEXT", "n", "NUMERIC", "u", "TEXT", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 1, "DISTANCE_METRIC", "L2"]
    r2("FT.CREATE", "i", "SCHEMA", *schema)
    for n in range(20):
        r2("HSET", f"d{n}", "t", f"fox {n}", "u", f"u{n:02}", "n", n, "v", struct.pack("<f", n))
    # `u` is not SORTABLE, so the documents are read for it.
    assert texts(r2, "i", "fox", "SORTBY", "u", "DESC", "LIMIT", 1, 2) == {"d18": "<fox> 18", "d17": "<fox> 17"}
    assert texts(r2, "i", "fox", "SORTBY", "n", "LIMIT", 0, 1) == {"d0": "<fox> 0"}
    near = ["PARAMS", 2, "b", struct.pack("<f", 7), "DIALECT", 2]
    assert texts(r2, "i", "(fox)=>[KNN 1 @v $b]", *near) == {"d7": "<fox> 7"}
    assert texts(r2, "i", "*=>[KNN 1 @v $b]", *near) == {"d7": "fox 7"}
    assert texts(r2, "i", "fox", "INKEYS", 1, "d3") == {"d3": "<fox> 3"}


@pytest.mark.parametrize("option", ["NOHL", "NOOFFSETS"])
def test_indexes_that_are_not_for_it_refuse(r2, option):
    r2("FT.CREATE", "i", option, "SCHEMA", "t", "TEXT")
    text = Error("Cannot use highlight/summarize because NOOFSETS was specified at index level")
    for query in (["fox", "HIGHLIGHT"], ["fox", "SUMMARIZE", "NOCONTENT"], ["((", "HIGHLIGHT", "FIELDS", 1, "nope"]):
        assert r2("FT.SEARCH", "i", *query) == text


def test_no_content_and_what_is_refused_first(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    r2("HSET", "d", "t", "fox")
    assert r2("FT.SEARCH", "i", "fox", "HIGHLIGHT", "FIELDS", 1, "nope", "NOCONTENT") == [1, b"d"]
    assert r2("FT.SEARCH", "i", "((", "HIGHLIGHT", "FIELDS", 1, "nope") == Error("Syntax error at offset 1 near ")
    assert r2("FT.SEARCH", "i", "fox", "HIGHLIGHT", "FIELDS", 1, "nope") == Error("No such property `nope`")


@pytest.mark.usefixtures("redis_style")
def test_a_text_that_takes_too_long_comes_as_it_is(server, r2, r3):
    text = "fox running " * 400_000
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "NOINDEX", "SORTABLE", "u", "TEXT")
    r2("HSET", "d", "u", "fox running")
    r2("FT.CREATE", "j", "SCHEMA", "t", "TEXT")
    wanted = ["FT.SEARCH", "j", "run", "HIGHLIGHT", "RETURN", 1, "t", "TIMEOUT"]
    r2("HSET", "d", "t", text)
    assert r3(*wanted, 1).get("warning") == [Simple("Timeout limit was reached")]
    r2("CONFIG", "SET", "search.on-timeout", "fail")
    assert r3(*wanted, 1) == Error("Timeout limit was reached")
    r2("CONFIG", "SET", "search.on-timeout", "return")
    assert r2(*wanted, 0)[2][1].count(b"<b>running</b>") == 400_000


def test_in_a_transaction_and_in_a_script(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    r2("MULTI")
    r2("HSET", "d", "t", "a fox")
    r2("FT.SEARCH", "i", "fox", "HIGHLIGHT")
    assert r2("EXEC")[1] == [1, b"d", [b"t", b"a <b>fox</b>"]]
    script = "return redis.call('FT.SEARCH', 'i', 'fox', 'SUMMARIZE', 'LEN', '1', 'HIGHLIGHT')"
    assert r2("EVAL", script, 0) == [1, b"d", [b"t", b"<b>fox</b>... "]]
