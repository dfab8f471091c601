"""What grows: each dimension of one value, one document or one query, for the law that a cost is O(n log n) in it.

A dimension makes, for a size, the commands that come before, and those whose cost is looked at. `scripts/bench sizes` prints
the cost of each against its size, beside the peer; `tests/search/test_sizes.py` counts instructions.
"""

import json
import struct
from collections.abc import Callable
from typing import NamedTuple

DOCUMENTS = 100


class Dimension(NamedTuple):
    """One thing that grows."""

    name: str
    # The smallest size; each of the four that follow is twice the one before.
    base: int
    # Size -> commands before, commands whose cost is looked at.
    make: Callable
    # Whether RediSearch 2.10 can be asked too.
    peer: bool = True


DIMENSIONS = []


def dimension(name, base, peer=True):
    def add(make):
        DIMENSIONS.append(Dimension(name, base, make, peer))
        return make

    return add


def create(*schema, on="HASH", name="i"):
    return ["FT.CREATE", name, "ON", on, "PREFIX", 1, "d:", "SCHEMA", *" ".join(schema).split()]


def ask(query, *options):
    return ["FT.SEARCH", "i", query, "NOCONTENT", "DIALECT", 2, "TIMEOUT", 0, *options]


def aggregate(query, *steps):
    return ["FT.AGGREGATE", "i", query, "DIALECT", 2, "TIMEOUT", 0, *steps]


def joined(numbers, form, by=" "):
    return by.join(form.format(number) for number in numbers)


def documents(count=DOCUMENTS):
    """An index of documents that have a word in common, one of their own, tags and a number."""
    yield create("t TEXT u TEXT g TAG n NUMERIC SORTABLE s TAG SORTABLE")
    for number in range(count):
        yield [
            "HSET",
            f"d:{number}",
            "t",
            f"common word{number}",
            "u",
            f"other{number % 7}",
            "g",
            f"v{number}",
            "n",
            number,
            "s",
            f"s{number % 9}",
        ]
    yield ask("*")


# One value of a document. A search makes sure that it is in the index.


def of_value(schema, value, field="t"):
    return lambda n: ([create(schema)], [["HSET", "d:1", field, value(n)], ask("@n:[1 2]")])


def word(n):
    return "y" * n


TEXTS = "t TEXT n NUMERIC"
dimension("letters of a word", 4000)(of_value(TEXTS, word))
dimension("letters of a word, as a suffix table has it", 4000)(of_value("t TEXT WITHSUFFIXTRIE n NUMERIC", word))
dimension("letters of a word of two letters", 4000)(of_value("t TEXT WITHSUFFIXTRIE n NUMERIC", lambda n: "ab" * n))
dimension("letters of a word that has no stem", 4000)(of_value("t TEXT NOSTEM n NUMERIC", word))
dimension("letters beyond ASCII of a word", 4000)(of_value(TEXTS, lambda n: "Ä" * n))
dimension("words of a value", 1000)(of_value(TEXTS, lambda n: joined(range(n), "w{}")))
dimension("equal words of a value", 2000)(of_value(TEXTS, lambda n: "same " * n))
dimension("escapes of a value", 4000)(of_value(TEXTS, lambda n: "\\-" * n))
CHINESE = ["FT.CREATE", "i", "PREFIX", 1, "d:", "LANGUAGE", "chinese", "SCHEMA", "t", "TEXT", "n", "NUMERIC"]
dimension("characters of a Chinese value", 2000)(lambda n: ([CHINESE], [["HSET", "d:1", "t", "中国人民" * n], ask("@n:[1 2]")]))
dimension("one character of a Chinese value", 2000)(lambda n: ([CHINESE], [["HSET", "d:1", "t", "中" * n], ask("@n:[1 2]")]))
dimension("marks of a value", 4000)(of_value(TEXTS, lambda n: "-\\" * n))
dimension("tags of a value", 1000)(of_value("t TAG n NUMERIC", lambda n: joined(range(n), "w{}", ",")))
dimension("equal tags of a value", 2000)(of_value("t TAG n NUMERIC", lambda n: "same," * n))
dimension("letters of a tag", 4000)(of_value("t TAG WITHSUFFIXTRIE n NUMERIC", word))
dimension("letters of a sortable text", 4000)(of_value("t TEXT NOSTEM SORTABLE n NUMERIC", word))
dimension("letters of a number", 4000)(of_value("t NUMERIC n NUMERIC", lambda n: "1" * n))


@dimension("tags of a document of which another field is written", 1000)
def tags_beside(n):
    first = ["HSET", "d:1", "g", joined(range(n), "w{}", ","), "n", 1]
    return [create("g TAG n NUMERIC"), first, ask("@n:[1 2]")], [["HSET", "d:1", "n", 2], ask("@n:[1 2]")]


@dimension("tags of a document that is written anew", 1000)
def tags_anew(n):
    first = ["HSET", "d:1", "g", joined(range(n), "w{}", ","), "n", 1]
    second = ["HSET", "d:1", "g", joined(range(n // 2, n + n // 2), "w{}", ","), "n", 1]
    return [create("g TAG n NUMERIC"), first, ask("@n:[1 2]")], [second, ask("@n:[1 2]")]


@dimension("words of a document that goes", 1000)
def words_going(n):
    first = ["HSET", "d:1", "t", joined(range(n), "w{}"), "n", 1]
    return [create("t TEXT WITHSUFFIXTRIE n NUMERIC"), first, ask("@n:[1 2]")], [["DEL", "d:1"], ask("@n:[1 2]")]


def of_array(kind, element):
    def make(n):
        value = json.dumps({"a": [element(number) for number in range(n)], "n": 1})
        path = "$.a AS a" if kind.startswith("VECTOR") else "$.a[*] AS a"
        schema = create(f"{path} {kind} $.n AS n NUMERIC", on="JSON")
        return [schema], [["JSON.SET", "d:1", "$", value], ask("@n:[1 2]"), ["DEL", "d:1"], ask("@n:[1 2]")]

    return make


dimension("numbers of an array", 1000)(of_array("NUMERIC", lambda n: n * 7919 % 100003))
dimension("equal numbers of an array", 1000)(of_array("NUMERIC", lambda n: 5))
dimension("tags of an array", 1000)(of_array("TAG", lambda n: f"w{n}"))
dimension("texts of an array", 1000)(of_array("TEXT", lambda n: f"some w{n}"))
dimension("places of an array", 1000)(of_array("GEO", lambda n: f"{n % 179},{n % 83}"))


@dimension("vectors of a document", 100)
def vectors(n):
    value = json.dumps({"a": [[number, 1.5] for number in range(n)], "n": 1})
    schema = create("$.a[*] AS a VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 $.n AS n NUMERIC", on="JSON")
    return [schema], [["JSON.SET", "d:1", "$", value], ask("@n:[1 2]"), ["DEL", "d:1"], ask("@n:[1 2]")]


@dimension("fields of a schema", 60)
def fields(n):
    schema = create(joined(range(n), "f{} TAG"), "n NUMERIC")
    values = [word for number in range(n) for word in (f"f{number}", f"v{number}")]
    return [], [schema, ["HSET", "d:1", "n", 1, *values], ask("@n:[1 2]")]


@dimension("prefixes of an index", 1000)
def prefixes(n):
    names = [f"p{number}:" for number in range(n)]
    schema = ["FT.CREATE", "i", "PREFIX", n, *names, "SCHEMA", "n", "NUMERIC"]
    return [], [schema, ["HSET", "p1:1", "n", 1], ask("@n:[1 2]")]


@dimension("stop words of an index", 1000)
def stop_words(n):
    schema = ["FT.CREATE", "i", "STOPWORDS", n, *[f"w{number}" for number in range(n)], "SCHEMA", "t", "TEXT"]
    return [], [schema, ask("w1 w2")]


# One query, over documents that stay as they are.


def of_query(query, *options, times=1):
    def make(n):
        words = [option(n) if callable(option) else option for option in options]
        flat = [word for option in words for word in (option if isinstance(option, list) else [option])]
        return documents(), [ask(query(n) if callable(query) else query, *flat)] * times

    return make


def of_steps(*steps, query="*"):
    def make(n):
        words = [step(n) if callable(step) else step for step in steps]
        flat = [word for step in words for word in (step if isinstance(step, list) else [step])]
        return documents(), [aggregate(query, *flat)]

    return make


dimension("letters of a word asked for", 4000)(of_query(word))
dimension("letters of a phrase's word", 4000)(of_query(lambda n: f'"{word(n)} common"'))
dimension("letters of a tag asked for", 4000)(of_query(lambda n: f"@g:{{{word(n)}}}"))
dimension("letters of a parameter", 4000)(of_query("@t:$p", "PARAMS", 2, "p", word))
dimension("letters of a prefix", 4000)(of_query(lambda n: f"{word(n)}*"))
dimension("letters of a suffix", 4000)(of_query(lambda n: f"*{word(n)}"))
dimension("letters of an infix", 4000)(of_query(lambda n: f"*{word(n)}*"))
dimension("letters of a fuzzy word", 4000)(of_query(lambda n: f"%%%{word(n)}%%%"))
dimension("stars of a pattern", 2000)(of_query(lambda n: f"w'{'*o' * n}'"))
dimension("question marks of a pattern", 2000)(of_query(lambda n: f"w'c{'?' * n}*'"))
dimension("words of a phrase", 1000)(of_query(lambda n: f'"{joined(range(n), "word{}")}"'))
dimension("equal words of a phrase", 1000)(of_query(lambda n: f'"{"common " * n}"'))
dimension("words that must be there", 500)(of_query(lambda n: joined(range(n), "w{}")))
dimension("equal words that must be there", 250)(of_query(lambda n: "common " * n))
dimension("words in order", 250)(of_query(lambda n: "common " * n, "SLOP", 5, "INORDER"))
dimension("alternatives", 500)(of_query(lambda n: joined(range(n), "word{}", "|")))
dimension("equal alternatives", 250)(of_query(lambda n: "|".join(["common"] * n)))
dimension("alternatives, explained", 250)(of_query(lambda n: joined(range(n), "word{}", "|"), "WITHSCORES", "EXPLAINSCORE"))
dimension("tags asked for", 1000)(of_query(lambda n: f"@g:{{{joined(range(n), 'v{}', '|')}}}"))
dimension("prefixes of tags asked for", 250)(of_query(lambda n: f"@g:{{{joined(range(n), 'v{}*', '|')}}}"))
dimension("words of a tag asked for", 1000)(of_query(lambda n: f"@g:{{{joined(range(n), 'v{}')}}}"))
dimension("ranges", 250)(of_query(lambda n: joined(range(n), "@n:[{} 100]", "|")))
dimension("ranges that must hold", 250)(of_query(lambda n: joined(range(n), "@n:[-{} 100]")))
dimension("words that must not be there", 250)(of_query(lambda n: joined(range(n), "-w{}")))
dimension("words that may be there", 250)(of_query(lambda n: "common " + joined(range(n), "~w{}")))
dimension("parentheses", 25)(of_query(lambda n: "(" * n + "common" + ")" * n))
dimension("alternatives in parentheses", 25)(of_query(lambda n: "(a|" * n + "common" + ")" * n))
dimension("words in parentheses", 25)(of_query(lambda n: "(common " * n + "common" + ")" * n))
dimension("parameters", 500)(of_query("common", "PARAMS", lambda n: [2 * n, *[word for at in range(n) for word in (f"p{at}", at)]]))
dimension("parameters used", 500)(
    of_query(
        lambda n: joined(range(n), "$p{}", "|"), "PARAMS", lambda n: [2 * n, *[word for at in range(n) for word in (f"p{at}", f"w{at}")]]
    )
)
dimension("keys", 1000)(of_query("*", "INKEYS", lambda n: [n, *[f"d:{at}" for at in range(n)]]))
dimension("fields to look into", 500)(of_query("common", "INFIELDS", lambda n: [n, *["t"] * n]))
dimension("fields returned", 100)(
    lambda n: (documents(), [["FT.SEARCH", "i", "*", "RETURN", n, *[f"t{at}" for at in range(n)], "TIMEOUT", 0]])
)
dimension("fields returned by other names", 100)(
    lambda n: (
        documents(),
        [["FT.SEARCH", "i", "*", "RETURN", 3 * n, *[w for at in range(n) for w in ("t", "AS", f"t{at}")], "TIMEOUT", 0, "LIMIT", 0, 1]],
    )
)
dimension("filters", 250)(of_query("*", lambda n: ["FILTER", "n", "0", "1000"] * n))
dimension("rows", 25)(of_query("*", "LIMIT", 0, lambda n: n))

dimension("fields loaded", 250)(of_steps("LOAD", lambda n: [n, *[f"@t{at}" for at in range(n)]], query="word1"))
dimension("keys to sort by", 50)(of_steps("SORTBY", lambda n: [n, *[f"@{name}" for name in ["n", "s"] * n][:n]]))
dimension("loaded keys to sort by", 50)(
    lambda n: (documents(), [aggregate("*", "LOAD", n, *[f"@t{at}" for at in range(n)], "SORTBY", n, *[f"@t{at}" for at in range(n)])])
)
dimension("keys to group by", 50)(
    lambda n: (
        documents(),
        [
            aggregate(
                "*",
                "LOAD",
                n,
                *[f"@t{at}" for at in range(n)],
                "GROUPBY",
                n,
                *[f"@t{at}" for at in range(n)],
                "REDUCE",
                "COUNT",
                0,
                "AS",
                "c",
            )
        ],
    )
)
dimension("reducers", 50)(
    of_steps("GROUPBY", 1, "@s", lambda n: [w for at in range(n) for w in ("REDUCE", "SUM", 1, "@n", "AS", f"r{at}")])
)
dimension("steps", 50)(of_steps(lambda n: [w for at in range(n) for w in ("APPLY", "@n+1", "AS", f"r{at}")]))
dimension("terms of an expression", 250)(of_steps("APPLY", lambda n: "+".join(["@n"] * n), "AS", "r"))
dimension("names of an expression", 250)(
    lambda n: (
        documents(),
        [aggregate("word1", "LOAD", n, *[f"@t{at}" for at in range(n)], "APPLY", joined(range(n), "@t{}", "=="), "AS", "r")],
    )
)
dimension("letters of an expression's text", 4000)(of_steps("APPLY", lambda n: f"upper('{word(n)}')", "AS", "r", query="word1"))
dimension("terms of a filter", 250)(of_steps("FILTER", lambda n: "||".join(["@n==1000"] * n)))
dimension("parts of a text that is split", 1000)(
    lambda n: (
        [create("t TEXT n NUMERIC"), ["HSET", "d:1", "t", joined(range(n), "w{}", ","), "n", 1]],
        [aggregate("*", "LOAD", 1, "@t", "APPLY", "split(@t)", "AS", "r", "GROUPBY", 1, "@r", "REDUCE", "COUNT", 0, "AS", "c")],
    )
)
dimension("values of a list", 1000)(
    lambda n: (
        [create("t TAG SORTABLE n NUMERIC"), *[["HSET", f"d:{at}", "t", f"v{at}", "n", 1] for at in range(n)], ask("*")],
        [aggregate("*", "GROUPBY", 1, "@n", "REDUCE", "TOLIST", 1, "@t", "AS", "l")],
    )
)


# A query and as many documents.


def of_both(query, *options):
    return lambda n: (documents(n), [ask(query(n), *options)])


dimension("tags asked for of as many documents", 250)(of_both(lambda n: f"@g:{{{joined(range(n), 'v{}', '|')}}}"))
dimension("tags asked for of as many documents, sorted", 250)(of_both(lambda n: f"@g:{{{joined(range(n), 'v{}', '|')}}}", "SORTBY", "n"))
dimension("alternatives of as many documents", 250)(of_both(lambda n: joined(range(n), "word{}", "|")))
dimension("terms of an expansion", 250)(of_both(lambda n: "word*"))
dimension("terms of an infix", 250)(of_both(lambda n: "*ord*"))
dimension("terms of a negation", 250)(of_both(lambda n: "-word*"))
dimension("tags of an expansion", 250)(of_both(lambda n: "@g:{v*}"))
dimension("keys of as many documents", 250)(lambda n: (documents(n), [ask("common", "INKEYS", n, *[f"d:{at}" for at in range(n)])]))
dimension("rows of a step", 250)(lambda n: (documents(n), [aggregate("*", "APPLY", "sqrt(@n)+sqrt(@n)", "AS", "r")]))
dimension("rows that are sorted", 250)(lambda n: (documents(n), [aggregate("*", "SORTBY", 2, "@n", "DESC", "MAX", 1_000_000)]))
dimension("rows of groups", 250)(lambda n: (documents(n), [aggregate("*", "GROUPBY", 1, "@n", "REDUCE", "COUNT", 0, "AS", "c")]))
dimension("rows that are returned", 250)(lambda n: (documents(n), [["FT.SEARCH", "i", "*", "LIMIT", 0, n, "TIMEOUT", 0]]))


@dimension("equal words of a phrase and of a document", 500)
def long_phrase(n):
    query = '"' + "same " * n + '"'
    return [create("t TEXT n NUMERIC"), ["HSET", "d:1", "t", "same " * n, "n", 1], ask("@n:[1 2]")], [ask(query)]


# Vector sets.


def elements(n=200):
    for number in range(n):
        yield ["VADD", "v", "VALUES", 2, number % 17 + 1, number % 11, f"e{number}", "SETATTR", json.dumps({"n": number})]


def of_filter(expression):
    return lambda n: (elements(), [["VSIM", "v", "VALUES", 2, 1, 1, "FILTER", expression(n)]])


dimension("terms of a vector set's filter", 100, peer=False)(of_filter(lambda n: joined(range(n), ".n==-{}", " or ")))
dimension("values of a vector set's filter", 1000, peer=False)(of_filter(lambda n: f".n in [{joined(range(n), '-{}', ',')}]"))
dimension("letters of a vector set's filter", 4000, peer=False)(of_filter(lambda n: f'.n == "{word(n)}"'))
dimension("fields of an element", 500, peer=False)(
    lambda n: (
        [["VADD", "v", "VALUES", 2, 1, 1, "e"]],
        [
            ["VADD", "v", "VALUES", 2, 1, 1, "e", "SETATTR", json.dumps({f"f{at}": at for at in range(n)})],
            ["VSIM", "v", "ELE", "e", "FILTER", ".f1 == 1"],
        ],
    )
)


def blob(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


dimension("vector ranges", 50)(
    lambda n: (
        [
            create("e VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 n NUMERIC"),
            ["HSET", "d:1", "e", blob(1, 2), "n", 1],
            ask("@n:[1 2]"),
        ],
        [
            ask(
                joined(range(n), "@e:[VECTOR_RANGE 5 $b]=>{{$yield_distance_as: y{}}}", "|"),
                "PARAMS",
                2,
                "b",
                blob(1, 2),
            )
        ],
    )
)
