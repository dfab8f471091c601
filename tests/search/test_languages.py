"""Every language that an index, a document or a query can name does what its name says."""

import pathlib

import pytest

from resp import Error

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "snowball-vocabulary.tsv"


def pairs():
    """For each language two words of one stem."""
    by_stem, found = {}, {}
    for line in DATA.read_text(encoding="utf8").splitlines():
        language, word, stem = line.split("\t")
        other = by_stem.setdefault((language, stem), word)
        if other != word and min(len(other.encode()), len(word.encode())) >= 4:
            found.setdefault(language, (other, word))
    return found


PAIRS = pairs()
CHINESE = {"1": "北京天安门广场", "2": "我爱北京大学", "3": "Redis支持全文搜索 hello world", "4": "天安门"}


def keys(reply):
    assert not isinstance(reply, Error), reply
    return sorted(key.decode() for key in reply[1:])


@pytest.mark.parametrize("language", sorted(PAIRS))
def test_forms_of_a_word_find_each_other(r2, language):
    one, other = PAIRS[language]
    r2("FT.CREATE", "index", "LANGUAGE", language, "SCHEMA", "t", "TEXT")
    r2("FT.CREATE", "document", "LANGUAGE_FIELD", "l", "SCHEMA", "t", "TEXT")
    r2("HSET", "d", "t", one, "l", language)
    assert keys(r2("FT.SEARCH", "index", f"@t:{other}", "NOCONTENT")) == ["d"]
    assert keys(r2("FT.SEARCH", "document", f"@t:{other}", "NOCONTENT", "LANGUAGE", language)) == ["d"]
    for index in ("index", "document"):
        for more in (["VERBATIM"], ["EXPANDER", "none"], ["EXPANDER", "SYNONYM"], ["EXPANDER", "PHONETIC"]):
            assert keys(r2("FT.SEARCH", index, f"@t:{other}", "NOCONTENT", "LANGUAGE", language, *more)) == []


def test_there_is_a_pair_for_every_language_that_is_stemmed():
    assert len(PAIRS) == 28


@pytest.mark.smoke
def test_expanders(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    stems = b"UNION {\n  running\n  +run(expanded)\n  run(expanded)\n}\n"
    for name, tree in (
        ("DEFAULT", stems),
        ("SBSTEM", stems),
        ("SYNONYM", b"running\n"),
        ("PHONETIC", b"UNION {\n  running\n  <RNNK(expanded)\n}\n"),
        ("foo", b"running\n"),
        ("sbstem", b"running\n"),
    ):
        assert r2("FT.EXPLAIN", "i", "running", "EXPANDER", name) == tree, name
    r2("HSET", "d", "t", "he runs")
    for command in ("FT.SEARCH", "FT.AGGREGATE"):
        found = [
            r2(command, "i", "running", "EXPANDER", name, *(["NOCONTENT"] if command == "FT.SEARCH" else ["LOAD", 1, "@t"]))[1:]
            for name in ("DEFAULT", "SBSTEM", "foo", "SYNONYM")
        ]
        assert [len(rows) for rows in found] == [1, 1, 0, 0], command


@pytest.mark.smoke
def test_a_language_without_an_algorithm_is_refused(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT")
    for name in ("malay", "tagalog", "klingon"):
        assert str(r2("FT.CREATE", "x", "LANGUAGE", name, "SCHEMA", "t", "TEXT")) == "Invalid language"
        assert str(r2("FT.SEARCH", "i", "x", "LANGUAGE", name)) == "No such language"


@pytest.mark.smoke
def test_chinese_is_cut_into_words(r2):
    r2("FT.CREATE", "zh", "LANGUAGE", "chinese", "SCHEMA", "t", "TEXT", "n", "TEXT", "NOSTEM")
    r2("FT.CREATE", "each", "LANGUAGE_FIELD", "l", "SCHEMA", "t", "TEXT")
    for key, text in CHINESE.items():
        r2("HSET", key, "t", text, "n", text, "l", "chinese")
    for query, found in [
        ("北京", ["1"]),
        ("天安门广场", ["1"]),
        ("天安门", ["4"]),
        ("北京大学", ["2"]),
        ("大学", []),
        ("搜索", ["3"]),
        ("全文搜索", ["3"]),
        ("北京天安门广场", ["1"]),
        ("爱北京大学", ["2"]),
        ("redis", ["3"]),
        ("HELLO", ["3"]),
        ("-北京", ["2", "3", "4"]),
        ("@n:全文搜索", ["3"]),
        ('"全文搜索"', ["3"]),
        ('"搜索全文"', []),
        ("全*", ["3"]),
        ("@t:(支持 全文)", ["3"]),
    ]:
        assert keys(r2("FT.SEARCH", "zh", query, "NOCONTENT", "DIALECT", 2)) == found, query
        if "@n" not in query:
            assert keys(r2("FT.SEARCH", "each", query, "NOCONTENT", "LANGUAGE", "chinese", "DIALECT", 2)) == found, query
    assert keys(r2("FT.SEARCH", "zh", "北京天安门广场", "NOCONTENT", "VERBATIM")) == []
    assert keys(r2("FT.SEARCH", "zh", "北京天安门广场", "NOCONTENT", "LANGUAGE", "english")) == []
    tree = "@t:UNION {\n  @t:我爱北京大学\n  @t:INTERSECT {\n    @t:我(expanded)\n    @t:爱(expanded)\n    @t:北京大学(expanded)\n  }\n}\n"
    assert r2("FT.EXPLAIN", "zh", "@t:我爱北京大学").decode() == tree
