"""Spelling, dictionaries, synonyms and sounds (FT.SPELLCHECK, FT.DICT*, FT.SYN*, PHONETIC): the field's replies, and what outlives what."""

import re

import pytest

import golden
from resp import Double, Error, Map, Set, Simple
from servers import wait_until

OK = Simple("OK")
ROWS = golden.rows("words-golden.jsonl")


def plain(value, ordered):
    """A reply whose scores are numbers, and whose lists are sorted where no order is promised."""
    if isinstance(value, Map):
        return plain([[name, item] for name, item in value], ordered)
    if isinstance(value, Set):
        return plain(list(value), False)
    if isinstance(value, list):
        items = [plain(item, ordered) for item in value]
        return (
            items if ordered else sorted(items, key=lambda item: re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.4g}", repr(item)))
        )
    if isinstance(value, Double) or isinstance(value, bytes) and value.replace(b".", b"").isdigit() and b"." in value:
        return float(value)
    return value


def same(one, other):
    """Scores may differ where single precision ends."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6)
    return one == other


def settled(c, index="i"):
    """Waits until the keys that were there are indexed."""
    flat = c("FT.INFO", index)
    info = dict(zip(map(str, flat[::2]), flat[1::2]))
    return info["indexing"] == 0


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_field(server, r2, group, protocol):
    c = server.connect(protocol)
    wrong = []
    for row in ROWS:
        if row["group"] != group:
            continue
        got, want = c(*row["cmd"]), golden.reply(row[f"resp{protocol}"])
        if row["cmd"][0] in ("FT.CREATE", "FT.SYNUPDATE") and got == OK:
            wait_until(lambda row=row: settled(r2, row["cmd"][1]), "the keys are indexed")
        ordered = not row.get("unordered")
        if not same(plain(got, ordered), plain(want, ordered)):
            wrong.append((row["cmd"], got, want))
    assert not wrong, wrong[:5]


@pytest.mark.usefixtures("redis_style")
def test_parameters_of_a_query_that_is_checked(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    r2("HSET", "d", "t", "hello")
    found = [[Simple("TERM"), b"helo", [[b"1", b"hello"]]]]
    assert r2("FT.SPELLCHECK", "i", "$p", "PARAMS", 2, "p", "helo", "DIALECT", 2) == found
    assert r2("FT.SPELLCHECK", "i", "$p", "DIALECT", 2) == Error("No such parameter `p`")
    r2("MULTI")
    r2("FT.SPELLCHECK", "i", "helo")
    assert r2("EXEC") == [found]
    assert r2("EVAL", "return redis.call('FT.SPELLCHECK', 'i', 'helo', 'DISTANCE', 1)[1][3]", 0) == found[0][2]


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
def test_spelling_follows_the_documents(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    for n in range(4):
        r2("HSET", f"d:{n}", "t", f"hello help{n}")
    assert r2("FT.SPELLCHECK", "i", "helo")[0][2] == [[b"1", b"hello"]]
    r2("HSET", "d:0", "t", "held")
    assert r2("FT.SPELLCHECK", "i", "helo")[0][2] == [[b"0.75", b"hello"], [b"0.25", b"held"]]
    r2("DEL", "d:0")
    assert r2("FT.SPELLCHECK", "i", "helo")[0][2] == [[b"1", b"hello"]]
    r2("HSET", "d:0", "t", "helo")
    assert r2("FT.SPELLCHECK", "i", "helo") == []


def words_of(c, *names):
    return [c("FT.DICTDUMP", name) for name in names]


ADDED = {"d": [b"Helo", b"hel", b"help"], "many": sorted(b"w%d" % n for n in range(700)), "empty": []}


def fill(c):
    """Three dictionaries, one of them empty, and an index with synonyms and sounds."""
    for name, words in ADDED.items():
        c("FT.DICTADD", name, *words, "gone")
        c("FT.DICTDEL", name, "gone")
    c("SELECT", 3)
    c("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "NOSTEM", "PHONETIC", "dm:pt")
    c("FT.ALIASADD", "a", "i")
    c("FT.SYNUPDATE", "a", "g1", "boy", "child")
    c("FT.SYNUPDATE", "i", "", "SKIPINITIALSCAN", "child", *(f"w{n}" for n in range(300)))
    c("FT.ALTER", "i", "SCHEMA", "ADD", "n", "NUMERIC")
    c("HSET", "d:1", "t", "the boy John", "n", 1)
    wait_until(lambda: settled(c), "all is indexed")


def check(c):
    assert words_of(c, *ADDED) == list(ADDED.values())
    c("SELECT", 3)
    wait_until(lambda: settled(c), "all is indexed")
    groups = dict(zip(*[iter(c("FT.SYNDUMP", "i"))] * 2))
    assert groups[b"boy"] == [b"g1"] and groups[b"child"] == [b"g1", b""] and len(groups) == 302
    for word in ("child", "jon", "boy"):
        assert c("FT.SEARCH", "i", word, "NOCONTENT") == [1, b"d:1"], word
    assert c("FT.EXPLAIN", "i", "w7 jon").count(b"(expanded)") == 4
    assert c("FT.SEARCH", "i", "w7", "NOCONTENT") == [0]


@pytest.mark.smoke
def test_all_of_it_is_saved(r2):
    fill(r2)
    r2("DEBUG", "RELOAD")
    check(r2)


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_an_aof_that_is_written_anew_keeps_it(start, preamble):
    server = start("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    c = server.connect()
    fill(c)
    c("BGREWRITEAOF")
    wait_until(lambda: b"aof_rewrite_in_progress:0" in c("INFO", "persistence"), "the file is written")
    c("DEBUG", "LOADAOF")
    check(c)


@pytest.mark.smoke
def test_dictionaries_are_in_no_database(r2):
    fill(r2)
    assert words_of(r2, "d") == [ADDED["d"]]
    r2("FLUSHDB")
    r2("SELECT", 0)
    r2("FLUSHDB")
    assert words_of(r2, *ADDED) == list(ADDED.values())
    r2("FLUSHALL")
    assert words_of(r2, *ADDED) == [Error("could not open dict key")] * 3
    assert r2("FT.DICTDEL", "d", "word") == 0 and words_of(r2, "d") == [Error("could not open dict key")]


def test_only_changes_are_replicated(start):
    master, replica = start(), start()
    m, r = master.connect(), replica.connect()
    fill(m)
    r("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: b"master_link_status:up" in r("INFO", "replication"), "the replica is in step")
    check(r)
    offset = lambda: m("INFO", "replication").split(b"master_repl_offset:")[1].split()[0]
    m("SET", "x", 1)
    before = offset()
    assert m("FT.DICTADD", "d", "help", "") == 0 and m("FT.DICTDEL", "d", "none") == 0 and m("FT.DICTDEL", "none", "x") == 0
    assert m("FT.SYNUPDATE", "i", "g1", "SKIPINITIALSCAN", "BOY") == OK and m("FT.SYNUPDATE", "i", "g9", "SKIPINITIALSCAN") == OK
    assert offset() == before
    assert m("FT.DICTADD", "d", "new", "help") == 1 and m("FT.DICTADD", "another", "") == 0 and m("FT.DICTDEL", "d", "hel") == 1
    m("FT.SYNUPDATE", "i", "g2", "john", "johnny")
    wait_until(lambda: words_of(r, "d", "another") == [[b"Helo", b"help", b"new"], []], "the replica follows")
    wait_until(lambda: r("FT.SEARCH", "i", "johnny", "NOCONTENT") == [1, b"d:1"], "its documents are indexed again")
    for words in (("FT.DICTADD", "d", "x"), ("FT.DICTDEL", "d", "x"), ("FT.SYNUPDATE", "i", "g", "x")):
        assert r(*words).startswith("READONLY"), words
    m("FLUSHALL")
    wait_until(lambda: isinstance(r("FT.DICTDUMP", "d"), Error), "the replica forgets them")


@pytest.mark.smoke
def test_synonyms_go_with_their_index(r2):
    fill(r2)
    r2("FT.DROPINDEX", "i")
    assert r2("FT.SYNDUMP", "i") == Error("Unknown index name")
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    assert r2("FT.SYNDUMP", "i") == []
    assert r2("FT.EXPLAIN", "i", "boy", "VERBATIM") == b"boy\n"


def test_many_documents_are_indexed_again(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    r2.pipeline(("HSET", f"d:{n}", "t", f"a car {n}") for n in range(5000))
    assert r2("FT.SYNUPDATE", "i", "g", "SKIPINITIALSCAN", "car", "auto") == OK
    assert r2("FT.SEARCH", "i", "auto", "LIMIT", 0, 0) == [0]
    r2("HSET", "d:7", "t", "a car 7")
    assert r2("FT.SEARCH", "i", "auto", "NOCONTENT") == [1, b"d:7"]
    assert r2("FT.SYNUPDATE", "i", "g", "car") == OK
    wait_until(lambda: r2("FT.SEARCH", "i", "auto", "LIMIT", 0, 0) == [5000], "all are found")
    assert r2("FT.SEARCH", "i", "@t:auto @t:7", "NOCONTENT") == [1, b"d:7"]


@pytest.mark.smoke
def test_the_shortest_word_that_sounds(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "PHONETIC", "dm:en")
    r2("HSET", "d:1", "t", "ra")
    r2("HSET", "d:2", "t", "rae")
    assert r2("FT.SEARCH", "i", "row", "NOCONTENT") == [1, b"d:2"]
    assert r2("FT.CONFIG", "SET", "MIN_PHONETIC_TERM_LEN", 2) == OK
    try:
        r2("HSET", "d:1", "t", "ra ")
        assert sorted(r2("FT.SEARCH", "i", "row", "NOCONTENT")[1:]) == [b"d:1", b"d:2"]
    finally:
        r2("FT.CONFIG", "SET", "MIN_PHONETIC_TERM_LEN", 3)


@pytest.mark.smoke
def test_what_is_derived_from_words_is_no_word(r2):
    """No pattern finds a group or a sound, and no client is told of one."""
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "PHONETIC", "dm:en", "WITHSUFFIXTRIE")
    r2("FT.SYNUPDATE", "i", "group", "boy", "child")
    r2("HSET", "d", "t", "boy john")
    for query in ("\\~group*", "*roup", "*roup*", "%\\~grou%", "w'?group'", "*JN", "%\\<jm%", "\\<J*"):
        assert r2("FT.SEARCH", "i", query, "NOCONTENT", "DIALECT", 2) == [0], query
    assert r2("FT.SPELLCHECK", "i", "groups", "DISTANCE", 4)[0][2] == []


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
def test_what_was_found_so_is_highlighted(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "PHONETIC", "dm:en", "u", "TEXT")
    r2("FT.SYNUPDATE", "i", "g", "boy", "child")
    r2("HSET", "d", "t", "John Smith", "u", "the boy John")
    assert r2("FT.SEARCH", "i", "jon", "HIGHLIGHT") == [1, b"d", [b"t", b"<b>John</b> Smith", b"u", b"the boy John"]]
    assert r2("FT.SEARCH", "i", "child", "HIGHLIGHT") == [1, b"d", [b"t", b"John Smith", b"u", b"the <b>boy</b> John"]]
