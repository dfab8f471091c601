"""Laws of what a query says: literals, patterns, parts of words, numbers, places, and paths of JSON."""

import json
import struct

import pytest

from resp import Error

SUFFIXES = [[], ["WITHSUFFIXTRIE"]]


def keys(reply):
    assert not isinstance(reply, Error), reply
    return sorted(key.decode() for key in reply[1:])


def search(link, query, *more, index="i", dialect=2):
    return keys(link("FT.SEARCH", index, query, "NOCONTENT", "LIMIT", 0, 1000, *more, "DIALECT", dialect))


def with_params(link, query, **params):
    words = [word for pair in params.items() for word in pair]
    return search(link, query, "PARAMS", len(words), *words)


def index(link, texts, *suffixes):
    """The texts are keys, too, of hashes with the text as a TEXT and as a TAG."""
    made = link("FT.CREATE", "i", "STOPWORDS", 0, "SCHEMA", "t", "TEXT", "NOSTEM", *suffixes, "g", "TAG", "SEPARATOR", ";", *suffixes)
    assert str(made) == "OK", made
    for text in texts:
        link("HSET", text, "t", text, "g", text)


@pytest.mark.smoke
@pytest.mark.parametrize("suffixes", SUFFIXES)
def test_a_pattern_of_wildcards_matches_what_it_says(r2, suffixes):
    words = ["a", "ab", "abc", "é", "éa", "中国人民", "🙂", "b"]
    index(r2, words, *suffixes)
    lengths = {word: len(word) for word in words}
    for pattern, wanted in [
        ("*", lambda n: True),
        ("**", lambda n: True),
        ("?*", lambda n: n >= 1),
        ("*?", lambda n: n >= 1),
        ("*?*", lambda n: n >= 1),
        ("?", lambda n: n == 1),
        ("??", lambda n: n == 2),
        ("???", lambda n: n == 3),
        ("??*", lambda n: n >= 2),
        ("*??*?", lambda n: n >= 3),
        ("?????", lambda n: n == 5),
    ]:
        found = sorted(word for word in words if wanted(lengths[word]))
        others = sorted(set(words) - set(found))
        for dialect in (2, 3, 4):
            for query in (f"w'{pattern}'", f"@t:w'{pattern}'", f"@g:{{w'{pattern}'}}"):
                assert search(r2, query, dialect=dialect) == found, query
                assert search(r2, f"-{query}", dialect=dialect) == others, query
        assert with_params(r2, "@t:w'$p'", p=pattern) == found
        assert with_params(r2, "@g:{w'$p'}", p=pattern) == found


@pytest.mark.smoke
@pytest.mark.parametrize("suffixes", SUFFIXES)
def test_one_letter_of_any_script_is_enough_for_a_part(r2, suffixes):
    words = ["中国人民", "中", "мир", "éa", "ñandú", "日本語", "שלום", "سلام", "हिन्दी", "🙂x", "e\u0301a", "abc"]
    index(r2, words, *suffixes)
    for letter in sorted({letter for word in words for letter in word if not letter.isascii()}):
        for part, has in [
            (letter + "*", str.startswith),
            ("*" + letter, str.endswith),
            (f"*{letter}*", str.__contains__),
        ]:
            found = sorted(word for word in words if has(word, letter))
            for query in (part, f"@t:{part}", f"@g:{{{part}}}"):
                assert search(r2, query) == found, query
                assert search(r2, f"-{query}") == sorted(set(words) - set(found)), query
            assert with_params(r2, "@g:{" + part.replace(letter, "$l") + "}", l=letter) == found
            assert with_params(r2, part.replace(letter, "$l"), l=letter) == found
    # Of ASCII, one letter is too little.
    for part in ("a*", "*a", "*a*"):
        assert search(r2, part) == search(r2, f"@g:{{{part}}}") == []


@pytest.mark.smoke
def test_an_escape_stands_before_punctuation_and_blanks_only(r2):
    tags = ["a\\b", "ab", "a-b", "a\\-b", "hello-world", "a b", "\\é", "a\\", "\\\\", "x.y\\z", 'a"b']
    index(r2, tags)
    for tag in tags:
        escaped = "".join("\\" + char if char.isascii() and not char.isalnum() else char for char in tag)
        assert search(r2, f"@g:{{{escaped}}}") == [tag], tag
        assert search(r2, f'@g:{{"{escaped}"}}') == [tag], tag
        assert with_params(r2, "@g:{$v}", v=escaped) == [tag], tag
        assert search(r2, f"@g:{{w'{escaped}'}}") == [tag], tag
        if not any(a == "\\" and not b.isalnum() and b.isascii() for a, b in zip(tag, tag[1:])):
            # What is no escape is itself.
            assert with_params(r2, "@g:{$v}", v=tag) == [tag], tag
    assert search(r2, '@g:{"a\\b"}') == ["a\\b"]


@pytest.mark.smoke
def test_a_parameter_is_unescaped_as_a_literal_is(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "NOSTEM", "WITHSUFFIXTRIE", "g", "TAG")
    r2("HSET", "d", "t", "hello\\-world x", "g", "hello-world")
    literal = "hello\\-world"
    for query in (
        "@t:($v)",
        "@t:$v",
        "$v",
        "@t:%$v%",
        "@t:(x $v)",
        "@t:(zz | $v)",
        "@t:$v*",
        "@t:*$v",
        "@t:*$v*",
        "@t:w'$v'",
        "@g:{$v}",
        "@g:{$v*}",
    ):
        assert with_params(r2, query, v=literal) == ["d"], query
        written = query.replace("$v", literal)
        assert search(r2, written) == ["d"], written


@pytest.mark.smoke
def test_nothing_in_a_parameter_finds_no_tag(r2):
    r2("FT.CREATE", "i", "SCHEMA", "g", "TAG", "e", "TAG", "INDEXEMPTY")
    r2("HSET", "d", "g", "x", "e", "")
    assert with_params(r2, "@g:{$v}", v="") == with_params(r2, "@g:{$v}", v="  ") == []
    assert with_params(r2, "@g:{x|$v}", v="") == with_params(r2, "@e:{$v}", v="") == ["d"]
    assert "INDEXEMPTY" in str(r2("FT.SEARCH", "i", '@g:{""}', "DIALECT", 2))


@pytest.mark.smoke
def test_digits_too_many_for_a_double_are_no_number(r2):
    r2("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC", "SORTABLE")
    for key, number in {"good": "1e308", "inf": "inf", "over": "1e400", "under": "-1e400", "hex": "0x1p1024"}.items():
        r2("HSET", key, "n", number)
    assert search(r2, "*") == search(r2, "@n:[-inf inf]") == ["good", "inf"]
    info = [str(item.decode() if isinstance(item, bytes) else item) for item in r2("FT.INFO", "i")]
    assert info[info.index("hash_indexing_failures") + 1] == "3"
    for words, error in [
        (["@n:[1e400 inf]"], "Bad lower range: 1e400"),
        (["@n:[0 1e400]"], "Bad upper range: 1e400"),
        (["@n:[$a $b]", "PARAMS", 4, "a", "-1e400", "b", 1], "Bad lower range: -1e400"),
        (["@n:[$a $b]", "PARAMS", 4, "a", 1, "b", "1e400"], "Bad upper range: 1e400"),
        (["*", "FILTER", "n", "-1e400", 5], "Bad lower range: -1e400"),
        (["*", "FILTER", "n", 5, "1e400"], "Bad upper range: 1e400"),
        (["@n:[2 1]"], "Invalid numeric range (min > max): @n:[2.000000 1.000000]"),
    ]:
        assert str(r2("FT.SEARCH", "i", *words, "DIALECT", 2)) == error, words


@pytest.mark.smoke
def test_points_are_found_up_to_the_poles(r2):
    r2("FT.CREATE", "i", "SCHEMA", "p", "GEO")
    for lat in (80, 85.0511, 85.06, 86, 89.99, 90, -86, -90):
        r2("HSET", str(lat), "p", f"10,{lat}")
    assert r2("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [8]
    assert search(r2, "@p:[10 86 110 km]") == ["85.0511", "85.06", "86"]
    assert search(r2, "@p:[-170 89.999 2 km]") == ["89.99", "90"]
    assert search(r2, "@p:[10 -90 500 km]") == ["-86", "-90"]
    assert search(r2, "*", "GEOFILTER", "p", 10, 90, 1, "km") == ["90"]
    for query in ("@p:[10 90.1 1 km]", "@p:[180.1 0 1 km]"):
        assert str(r2("FT.SEARCH", "i", query)) == "Invalid GeoFilter lat/lon"


@pytest.mark.smoke
def test_a_query_vector_is_made_of_numbers(r2):
    r2(
        "FT.CREATE",
        "i",
        "SCHEMA",
        "g",
        "TAG",
        *(
            word
            for name, kind in (("h", "HNSW"), ("f", "FLAT"))
            for word in (name, "VECTOR", kind, 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2")
        ),
    )
    r2("HSET", "d", "g", "x", "h", struct.pack("<2f", 1, 2), "f", struct.pack("<2f", 1, 2))
    error = "Error parsing vector similarity query: element 1 of the query vector is not a finite number"
    for query in ("*=>[KNN 2 @h $b]", "@g:{x}=>[KNN 2 @f $b]", "@h:[VECTOR_RANGE 5 $b]", "-@f:[VECTOR_RANGE 5 $b]"):
        for bad in (float("nan"), float("inf"), float("-inf")):
            blob = struct.pack("<2f", 1, bad)
            for command in ("FT.SEARCH", "FT.AGGREGATE"):
                assert str(r2(command, "i", query, "PARAMS", 2, "b", blob, "DIALECT", 2)) == error, query
    refused = r2("FT.SEARCH", "i", "@h:[VECTOR_RANGE 5 $b]=>{$ef_runtime: 10}", "PARAMS", 2, "b", struct.pack("<2f", 1, 2), "DIALECT", 2)
    assert str(refused) == "Error parsing vector similarity parameters: Invalid option"


@pytest.mark.smoke
def test_a_sortable_text_is_without_case(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "SORTABLE", "g", "TAG", "SORTABLE", "raw", "TAG", "SORTABLE", "UNF")
    for key, text in {"1": "Maße", "2": "MASSE", "3": "Zeit", "4": "ÉLAN", "5": "élan", "6": "ΟΔΟΣ", "7": "οδος"}.items():
        r2("HSET", key, "t", text, "g", text, "raw", text)
    for field in "tg":
        groups = r2("FT.AGGREGATE", "i", "*", "GROUPBY", 1, f"@{field}", "REDUCE", "COUNT", 0, "AS", "c", "SORTBY", 1, f"@{field}")[1:]
        assert [(row[1].decode(), int(row[3])) for row in groups] == [("masse", 2), ("zeit", 1), ("élan", 2), ("οδοσ", 2)]
        rows = r2("FT.SEARCH", "i", "*", "SORTBY", field, "NOCONTENT")
        assert [key.decode() for key in rows[1:]] == ["1", "2", "3", "4", "5", "6", "7"]
    assert len(r2("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@raw")) == 8


@pytest.mark.smoke
def test_the_booleans_of_a_path_are_tags(r2):
    paths = ["$.b", "AS", "b", "TAG", "$.b[*]", "AS", "each", "TAG", "$..x", "AS", "x", "TAG"]
    r2("FT.CREATE", "i", "ON", "JSON", "SCHEMA", *paths)
    for key, document in {
        "both": {"b": [True, False]},
        "one": {"b": True},
        "mixed": {"b": [True, "s", None]},
        "deep": {"c": {"x": True}, "d": {"x": False}},
        "bad": {"b": [1]},
    }.items():
        assert str(r2("JSON.SET", key, "$", json.dumps(document))) == "OK"
    assert search(r2, "*") == ["both", "deep", "mixed", "one"]
    assert search(r2, "@b:{true}") == ["both", "mixed", "one"]
    assert search(r2, "@each:{true}") == ["both", "mixed"]
    assert search(r2, "@b:{false}") == search(r2, "@each:{false}") == ["both"]
    assert search(r2, "@x:{true} @x:{false}") == ["deep"]
    assert search(r2, "@each:{s}") == ["mixed"]


BAD_PATHS = ["$.a[*", "$..", "$.", "$[", "$.a[?(@.b", "$.a[", "$.a]", "$a[", "$.a['b", "$.a.."]


@pytest.mark.smoke
@pytest.mark.parametrize("path", BAD_PATHS)
def test_what_is_no_path_is_refused(r2, path):
    error = f"Invalid JSONPath '{path}' in attribute 'a' in index 'b'"
    assert str(r2("FT.CREATE", "b", "ON", "JSON", "SCHEMA", path, "AS", "a", "TAG")) == error
    assert str(r2("FT.INFO", "b")) == "Unknown index name"
    assert str(r2("FT.CREATE", "b", "ON", "JSON", "SCHEMA", "$.z", "AS", "z", "TAG")) == "OK"
    assert str(r2("FT.ALTER", "b", "SCHEMA", "ADD", path, "AS", "a", "TAG")) == error
    bare = f"Invalid JSONPath '{path}' in attribute '{path}' in index 'b'"
    assert str(r2("FT.ALTER", "b", "SCHEMA", "ADD", path, "TAG")) == bare
    # Of hashes it is the name of a field like any other.
    assert str(r2("FT.CREATE", "h", "SCHEMA", path, "AS", "a", "TAG")) == "OK"


@pytest.mark.smoke
def test_a_path_needs_no_dot_after_the_dollar(r2):
    r2("JSON.SET", "d", "$", '{"arr":["q","r"],"x":{"y":"z"},"é":"t"}')
    for name, path, tags in (("a", "$arr[*]", [b"q", b"r"]), ("b", "$x.y", [b"z"]), ("c", "$é", [b"t"]), ("d", "$.arr[*]", [b"q", b"r"])):
        assert str(r2("FT.CREATE", name, "ON", "JSON", "SCHEMA", path, "AS", "g", "TAG")) == "OK"
        assert search(r2, f"@g:{{{tags[0].decode()}}}", index=name) == ["d"]
        assert sorted(r2("FT.TAGVALS", name, "g")) == tags
