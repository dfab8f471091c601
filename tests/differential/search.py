#!/usr/bin/env python3
"""Random schemas, documents, updates, deletes and queries, sent to this module and to RediSearch 2.10.5, and compared.

    tests/differential/search.py [--count 10000] [--seed 1] [--show 20]

Starts both servers itself (the library is $NEARSET_LIB, or what the profile `fast` built), and starts the peer again where a
query has crashed it. In rounds of about 240 queries: an index over hashes or JSON; documents; queries, of which scores are
compared; then changes of all kinds between further queries, without scores, since the peer goes on counting what it has
deleted; then queries with scores again, for which the peer gets a new index over what is there now. Every other query is
asked in RESP3.

Which rows come first among equals is no promise: rows of equal score, sort key or distance are compared as sets. Where answers
differ, one of three things must account for it exactly, or it counts as a difference:

* `REWRITES`: a query that says what the peer understands; to that one, the module must answer as the peer did to the first;
* `wider`: nearest neighbors and vector ranges that the peer finds, too, when its graph is searched farther;
* `explained`: what is known of single rows, checked on each of them.

Exits with 1 if there are others.
"""

import argparse
import collections
import itertools
import json
import pathlib
import random
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from resp import Disconnected, Error, Map  # noqa: E402
from servers import Server, wait_until  # noqa: E402

WORDS = """hello world running runs run flies fly dogs dog happy happiness quick brown fox jumps cities city generously
 generous xylophone alpha beta 42 7th foo_bar the and of""".split()
TAGS = ["a", "b", "c d", "Red", "red", "x-y", "e@f.com", "long tag value", "7"]
# Of other scripts, and of one letter; lower case, as the peer folds ASCII only.
OTHERS = "中 中国 中国人民 日本語 мир мира м é éa año ñ שלום سلام हिन्दी ελλάδα x xy b Maße MASSE".split()
# Texts that need escapes, or look as if they did.
ODD = ["hello-world", "foo bar", "a.b", "don't", "a\\b", "x_y", "50%", "a+b", "(q)", "$p", "a|b", "né-e"]
# Patterns without a letter; `?` is a byte in tags of the peer, and half a character of those beyond 16 bits.
LETTERLESS = ["w'*'", "w'**'", "w'?*'", "w'*?'", "w'*?*'", "w'??*'", "w'?'", "w'??'", "w'???'"]
# What no field of a JSON document can be.
SHAPES = [{"x": 1}, [["a"]], [[1, 2]], [1, "a"], [{"x": "a"}], {"x": {"y": [None]}}, [[]], [None, [None]], {}]
EXPANDERS = ["DEFAULT", "SBSTEM", "SYNONYM", "foo", "sbstem"]
EXTREMES = ["1e308", "-1e308", "4e-300", "inf", "-inf", "1e17", "0x1p60", "+7", "-0"]
# Without Dutch, whose stems are others since Snowball 3, and Chinese, which every dictionary cuts in its own way.
LANGUAGES = """arabic armenian basque catalan danish english finnish french german greek hindi hungarian indonesian irish
 italian lithuanian nepali norwegian portuguese romanian russian serbian spanish swedish tamil turkish yiddish""".split()
ESCAPED = {tag: "".join("\\" + c if not c.isalnum() else c for c in tag) for tag in TAGS}
FORMATS = {"FLOAT32": "f", "FLOAT64": "d", "FLOAT16": "e", "BFLOAT16": "H"}
# How far distances may be apart: the peer computes with halves in their own precision.
COARSE = {"FLOAT32": 1e-5, "FLOAT64": 1e-5, "FLOAT16": 4e-3, "BFLOAT16": 3e-2}
SCORERS = ["TFIDF", "TFIDF.DOCNORM", "BM25", "BM25STD", "DISMAX", "DOCSCORE"]
ALL = 1000
# What dialect 1 does not know.
NOT_IN_DIALECT_1 = r"VECTOR_RANGE|w'|ismissing|@n[<>=!]|weight|} [|]"


class Round:
    """An index with its documents, and what may be asked of it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.json = self.rng.random() < 0.5
        self.dim, self.element = self.rng.randrange(2, 5), self.rng.choice([*FORMATS, "FLOAT32"])
        self.several = self.json and self.rng.random() < 0.3
        self.metric = self.rng.choice(["L2", "IP", "COSINE"])
        self.suffixes = self.rng.random() < 0.3
        self.stems = self.rng.random() < 0.5
        self.vectors = self.rng.random() < 0.7
        self.missing = {name for name in ("t", "g", "n", "p", "v") if self.rng.random() < 0.3}
        self.keys = [f"d:{number}" for number in range(40)]
        self.changed = False
        self.texts, self.stemmed = 0, ""
        self.whole = True  # every document has its `u`

    def flip(self, chance):
        return self.rng.random() < chance

    def create(self):
        """FT.CREATE."""
        r = self.rng
        words = ["FT.CREATE", "i", "ON", "JSON" if self.json else "HASH", "PREFIX", 1, "d:"]
        words += ["FILTER", "@u<35"] if self.flip(0.2) and not self.json else []
        stops = r.choice([None, None, [], ["fox", "hello"]])
        words += [] if stops is None else ["STOPWORDS", len(stops), *stops]
        self.stops = ["the", "and", "of"] if stops is None else stops
        words += r.choice([[], [], ["LANGUAGE", "english"], ["LANGUAGE", r.choice(LANGUAGES)]])
        words += r.choice([[], [], ["SCORE", "0.5"], ["SCORE_FIELD", "$.s" if self.json else "s"]])
        words += r.choice([[], [], [], ["NOFREQS"], ["NOOFFSETS"], ["NOFIELDS"]])
        self.placeless = words[-1] == "NOOFFSETS"
        self.fieldless = words[-1] == "NOFIELDS"
        words += ["SCHEMA"]
        self.sortable = ["u"]
        for name, kind in (("t", self.text), ("w", self.text), ("g", self.tag), ("n", self.number), ("p", self.point), ("v", self.vector)):
            if name == "v" and not self.vectors:
                continue
            path = f"$.{name}[*]" if name == "v" and self.several else f"$.{name}"
            words += [path, "AS", name] if self.json else [name]
            words += kind()
            words += ["INDEXMISSING"] if name in self.missing else []
            if name in "tgn" and self.flip(0.4):
                self.sortable.append(name)
                words += ["SORTABLE"] + (["UNF"] if self.flip(0.3) and name != "n" else [])
        return words + (["$.u", "AS"] if self.json else []) + ["u", "NUMERIC", "SORTABLE"]

    def text(self):
        words = ["TEXT"] + self.rng.choice([[], ["WEIGHT", 2], ["WEIGHT", 3]])
        if self.stems and self.flip(0.8):
            self.stemmed = "|".join(filter(None, [self.stemmed, "w" if self.texts else "t"]))
        else:
            words += ["NOSTEM"]
        self.texts += 1
        return words + (["WITHSUFFIXTRIE"] if self.suffixes else [])

    def tag(self):
        return ["TAG"] + self.rng.choice([[], ["SEPARATOR", ";"]]) + self.rng.choice([[], [], ["CASESENSITIVE"]])

    def number(self):
        return ["NUMERIC"]

    def point(self):
        return ["GEO"]

    def vector(self):
        self.graph = self.rng.random() < 0.5
        words = ["VECTOR", "HNSW" if self.graph else "FLAT", 6]
        return words + ["TYPE", self.element, "DIM", self.dim, "DISTANCE_METRIC", self.metric]

    # Documents

    def words(self, most):
        every = (
            self.rng.choice(WORDS if self.flip(0.9) else OTHERS + [self.escaped(self.rng.choice(ODD))])
            for _ in range(self.rng.randrange(1, most))
        )
        return " ".join(every)

    def a_number(self):
        return self.rng.choice([self.rng.randrange(-5, 20), round(self.rng.uniform(-5, 20), 2), 1e3])

    def a_place(self):
        return f"{round(self.rng.uniform(-3, 3), 3)},{round(self.rng.uniform(-3, 3), 3)}"

    def a_vector(self):
        return [round(self.rng.gauss(0, 1), 4) for _ in range(self.dim)]

    def blob(self, vector):
        if self.element == "BFLOAT16":
            vector = [struct.unpack("<I", struct.pack("<f", number))[0] >> 16 for number in vector]
        return struct.pack(f"<{len(vector)}{FORMATS[self.element]}", *vector)

    def value(self, name):
        """A value of a field, right or, seldom, wrong."""
        r, wrong = self.rng, self.flip(0.01)
        if self.json and name in "twgnp" and self.flip(0.02):
            return r.choice(SHAPES)
        if name in "tw":
            text = self.words(8)
            return r.choice([text, text, [text, self.words(4)], [text, None]]) if self.json else text
        if name == "g":
            tags = [r.choice(TAGS if self.flip(0.8) else OTHERS + ODD) for _ in range(r.randrange(1, 4))]
            return r.choice([tags, tags[0], True]) if self.json else r.choice([",", ";"]).join(tags)
        if name == "n":
            number = "foo" if wrong else self.a_number()
            return r.choice([number, number, [number, 3]]) if self.json and not wrong else number
        if name == "p":
            return "foo" if wrong else self.a_place()
        if name == "s":
            return r.choice([0.25, 1, 2])
        vector = self.a_vector()[: 1 if wrong else None]
        if self.several:
            return [vector, *(self.a_vector() for _ in range(r.randrange(3)))]
        return vector if self.json else self.blob(vector)

    def document(self, number):
        names = [name for name in "twgnpvs" if self.flip(0.85)]
        fields = {name: self.value(name) for name in names} | {"u": number}
        if self.json and self.flip(0.1):
            # Where INDEXMISSING makes a difference: null is missing, as the specification says; in the peer only what is absent.
            fields[self.rng.choice([name for name in "tgnpv" if name not in self.missing] or "u")] = None
        return fields

    def put(self, key):
        fields = self.document(int(key.split(":")[1]))
        if self.json:
            return ["JSON.SET", key, "$", json.dumps(fields)]
        return ["HSET", key, *(word for pair in fields.items() for word in pair)]

    def change(self):
        """A write to some key."""
        r, key, name = self.rng, self.rng.choice(self.keys), self.rng.choice("twgnpv")
        every = [
            lambda: self.put(key),
            lambda: self.put(key),
            lambda: ["DEL", key],
            lambda: ["RENAMENX", key, r.choice(["x:1", r.choice(self.keys)])],
            lambda: ["RENAMENX", "x:1", key],
            lambda: ["COPY", key, r.choice(self.keys)],
            lambda: ["SET", key, "text"],
            lambda: ["PEXPIRE", key, 0],
        ]
        if self.json:
            every += [
                lambda: ["JSON.SET", key, f"$.{name}", json.dumps(self.value(name))],
                lambda: ["JSON.DEL", key, f"$.{name}"],
                lambda: ["JSON.NUMINCRBY", key, "$.n", 2],
                lambda: ["JSON.STRAPPEND", key, "$.t", '" dogs"'],
                lambda: ["JSON.ARRAPPEND", key, "$.g", '"b"'],
                lambda: ["JSON.TOGGLE", key, "$.g"],
                lambda: ["JSON.MERGE", key, "$", json.dumps({name: self.value(name)})],
            ]
        else:
            every += [
                lambda: ["HSET", key, name, self.value(name)],
                lambda: ["HDEL", key, name],
                lambda: ["HDEL", key, "t", "g"],
                lambda: ["HINCRBY", key, "u", 0],
                lambda: ["HINCRBYFLOAT", key, "n", 1.5],
                lambda: ["HSETNX", key, name, self.value(name)],
            ]
        return r.choice(every)()

    # Queries

    def word(self):
        return self.rng.choice(WORDS[:-3] if self.flip(0.97) else WORDS)

    def term(self):
        r, word = self.rng, self.word()
        roll = r.random()
        if roll < 0.55:
            return word
        if roll < 0.7 or self.stemmed:
            # Where there are stems, other patterns stand alone: see `query`.
            return word[: r.randrange(2, 5)] + "*"
        if roll < 0.75:
            return f"%{word}%" if word.isalpha() else word
        if roll < 0.8:
            return "*" + word[-3:]
        if roll < 0.85:
            return "*" + word[1:4] + "*" if len(word) > 3 else word
        if roll < 0.88:
            return f"w'{word[:2]}?*'"
        return '"{} {}"'.format(*self.rng.sample(WORDS[:-3], 2))

    def atom(self):
        r, roll = self.rng, self.rng.random()
        if roll < 0.25:
            return self.term()
        if roll < 0.4:
            return f"@{r.choice(['t', 'w', 't|w'])}:{r.choice([self.term(), f'({self.term()} {self.term()})', f'({self.term()}|{self.term()})'])}"
        if roll < 0.6:
            tags = [r.choice([ESCAPED[r.choice(TAGS)], ESCAPED[r.choice(TAGS)], "re*", "*ed", "lon*"]) for _ in range(r.randrange(1, 3))]
            return "@g:{" + "|".join(tags) + "}"
        if roll < 0.75:
            low, high = sorted((self.a_number(), self.a_number()))
            return r.choice(
                [f"@n:[{low} {high}]", f"@n:[({low} {high}]", f"@n:[{low} inf]", f"@n>{low}", f"@n<={high}", f"@n=={high}", f"@n!={low}"]
            )
        if roll < 0.82:
            place = self.a_place().replace(",", " ")
            return f"@p:[{place} {r.choice([50, 150, 300])} km]"
        if roll < 0.87 and self.missing:
            return f"ismissing(@{r.choice(sorted(self.missing))})"
        if roll < 0.92 and self.vectors:
            return f"@v:[VECTOR_RANGE {r.choice([0.3, 0.7, 1.5])} $b]"
        return r.choice(["*", self.word()]) if roll < 0.93 else self.term()

    def clause(self, depth):
        roll = self.rng.random()
        if depth == 0 or roll < 0.5:
            return self.atom()
        if roll < 0.65:
            return f"({self.clause(depth - 1)} {self.clause(depth - 1)})"
        if roll < 0.8:
            return f"({self.clause(depth - 1)} | {self.clause(depth - 1)})"
        if roll < 0.88:
            inner = self.clause(depth - 1)
            # The peer forgets one document of a negated vector range.
            return inner if "VECTOR_RANGE" in inner else f"-({inner})"
        if roll < 0.93:
            inner = self.clause(depth - 1)
            # Of an optional clause the peer scores what is missing as if it were there, and weights at times.
            inner = "beta" if re.search(r"ismissing|weight|~", inner) else inner
            # A pattern after it is part of it.
            return f"(~({inner}) {self.meant(lambda: re.sub('.*([*%]|VECTOR).*', 'dogs', self.atom()))})"
        # Of a word, a tag or a range see `unweighted`; what patterns weigh in the peer depends on how many terms they stand for.
        one = self.rng.choice([self.word(), f"@g:{{{ESCAPED[self.rng.choice(TAGS)]}}}", "@n:[-2 7]", "@p:[1 1 200 km]"])
        if self.stems or self.flip(0.7):
            # Of a union in a union, or of one with a single branch, the peer forgets it.
            one = f"{self.meant(lambda: self.clause(depth - 1))} {self.meant(self.atom)}"
        elif set(one.split()) & set(self.stops):
            one = "beta"
        return f"({one})=>{{$weight: {self.rng.choice([2, 0.5])}}}"

    def meant(self, make):
        """A clause without stop words, which the peer forgets together with what stands around them."""
        while set(re.findall(r"\w+", text := make())) & set(self.stops):
            pass
        return text

    def query(self):
        """A command of the family."""
        roll = self.rng.random()
        if roll < 0.2 and self.vectors:
            return self.knn()
        if 0.32 < roll < 0.5:
            return self.literal()
        if roll < 0.3:
            return self.aggregate()
        if roll < 0.32 and not self.changed:
            return ["FT.TAGVALS", "i", "g"]
        dialect = self.rng.choice([1, 2, 2, 2, 3, 4])
        query = " ".join(self.clause(2) for _ in range(self.rng.randrange(1, 3)))
        if self.stemmed and self.flip(0.1) and not (self.fieldless and self.stemmed != "t|w"):
            word, field = self.rng.choice(WORDS[:12]), self.rng.choice(["", f"@{self.stemmed}:", f"@{self.stemmed[0]}:"])
            query = field + self.rng.choice([f"%{word}%", f"*{word[-3:]}", f"*{word[1:4]}*"])
        stops = "|".join(self.stops) or "$"
        while dialect == 1 and re.search(rf'{NOT_IN_DIALECT_1}|"[^"]*\b({stops})\b', query):
            query = " ".join(self.clause(2) for _ in range(self.rng.randrange(1, 3)))
        options = self.options(query)
        if self.flip(0.07) and not self.placeless:
            # A clause without positions beside one that has some: see `tests/search`.
            query = self.near()
            options = ["SLOP", self.rng.randrange(4), *(["INORDER"] if self.flip(0.5) else []), *self.options(None)]
        words = ["FT.SEARCH", "i", query, *options]
        swallows = "~" in query or len(re.findall("@[tw]", query)) > 1 or set(re.findall(r"\w+", query)) & set(self.stops)
        if dialect == 1 and swallows:
            dialect = 2  # in the peer, half an optional clause scores, and a field in a field or around a stop word is forgotten
        if dialect == 4 and ("SORTBY" in words or "WITHSCORES" in words):
            dialect = 3  # in the peer it leaves out documents without the value, and scores as many branches as it must
        params = [] if dialect == 1 else ["PARAMS", 2, "b", self.blob(self.a_vector())]
        return words + params + ["DIALECT", dialect]

    def literal(self):
        """A command whose text is a literal of some kind: escaped or not, in the query or in PARAMS, a part of one, a pattern."""
        r = self.rng
        make = r.choice(
            [self.written_text, self.written_tag, self.one_letter, self.one_letter, self.letterless, self.letterless, self.extreme]
        )
        query, params = make()
        inner, newer = query, params or re.search("@n|w'|\"", query)
        if self.flip(0.25):
            query, newer = r.choice([("-{}", newer), ("(-{} {})", True), ("({} | {})", True)])
            query = query.format(inner, inner)
        dialect = r.choice([2, 2, 3, 4]) if newer else r.choice([1, 2])
        words = ["FT.SEARCH", "i", query, *r.choice([["NOCONTENT"], ["RETURN", 2, "t", "g"]])]
        words += r.choice([[], [], ["VERBATIM"], ["SORTBY", r.choice(self.sortable), "WITHSORTKEYS"]])
        # In dialect 4 the peer leaves out documents without the value.
        dialect = 3 if dialect == 4 and "SORTBY" in words else dialect
        words += ["EXPANDER", r.choice(EXPANDERS)] if self.stemmed and "%" not in query and self.flip(0.3) else []
        return words + ["LIMIT", 0, ALL, *(["PARAMS", len(params), *params] if params else []), "DIALECT", dialect]

    def escaped(self, text):
        """A text as a literal."""
        return "".join("\\" + char if char.isascii() and not char.isalnum() and char != "_" else char for char in text)

    def written_text(self):
        """A word with marks in it."""
        # In prefixes the peer folds other letters than in words.
        r, text = self.rng, self.rng.choice([text for text in ODD + OTHERS if not set(text) & set("\\ß")])
        literal, field = self.escaped(text), r.choice(["@t:", "@w:", "@t|w:"])
        if self.flip(0.6):
            return field + r.choice(["$x", "($x)", "$x*"]), ["x", r.choice([literal, text])]
        return field + r.choice(["{}", "({})", "{}*"]).format(literal), []

    def written_tag(self):
        """A tag with marks in it."""
        r, text = self.rng, self.rng.choice(ODD + OTHERS + TAGS)
        literal, quoted = self.escaped(text), '"' + text.replace('"', '\\"') + '"'
        if self.flip(0.5):
            return "@g:{" + r.choice(["$x", "$x|zz", "$x*"] if "\\" not in text else ["$x"]) + "}", ["x", r.choice([literal, text])]
        if "\\" in text:
            return "@g:{" + r.choice([literal, quoted]) + "}", []
        return "@g:{" + r.choice(
            [literal, literal + "*", "*" + literal, f"*{literal}*", quoted, quoted + "*", "w'" + literal + "'"]
        ) + "}", []

    def one_letter(self):
        """An affix of one character."""
        r, text = self.rng, self.rng.choice(OTHERS + ["hello", "a"])
        part = r.choice([text[0] + "*", "*" + text[-1], "*" + r.choice(text) + "*"])
        if self.stemmed and not part[-2].isascii():
            pass
        elif self.stemmed and part[0] == "*":
            part = text[0] + "*"  # stems, too, in the peer
        return r.choice(["{}", "@t:{}", "@w:({})", "@g:{{{}}}", "({} | beta)"]).format(part), []

    def letterless(self):
        """A pattern of wildcards only."""
        r, pattern = self.rng, self.rng.choice(LETTERLESS)
        tag = pattern if not re.search(r"\?[?']|'[?]'", pattern) else "w'*'"
        # Of other patterns, stems are words, too, in the peer.
        word = pattern if not self.stemmed else r.choice(["w'*'", "w'?*'"])
        return r.choice([f"@t:{word}", f"@w:({word})", word, "@g:{" + tag + "}", "@g:{zz|" + tag + "}"]), []

    def extreme(self):
        """A range with large or odd bounds."""
        low, high = sorted(self.rng.sample(EXTREMES, 2), key=value_of_number)
        if self.flip(0.4):
            return f"@n:[$x {self.rng.choice(['', '('])}$y]", ["x", low, "y", high]
        return self.rng.choice([f"@n:[{low} {high}]", f"@n>={low}", f"@n<={high}"]) if "x" not in low + high else "@n:[-inf 1e308]", []

    def near(self):
        """Words whose distance matters."""
        r = self.rng
        words = ["hello", "fox", "brown", "beta", "world", "alpha", "quick", "42", "7th"]
        a, b, c, d = r.sample([word for word in words if word not in self.stops], 4)
        return r.choice([f"{a} {b}", f"{a} {b} {c}", f"@t:({a} {b})", f"({a} {b}) | ({c} {d})", f"@w:{a} @t|w:{b}"])

    def knn(self):
        r = self.rng
        filter = r.choice(["*", "*", f"({self.clause(1)})"])
        words = ["FT.SEARCH", "i", f"{filter}=>[KNN {r.randrange(1, 12)} @v $b AS d]", "SORTBY", "d"]
        words += r.choice([[], ["RETURN", 2, "d", "n"], ["RETURN", 1, "d"]]) + ["LIMIT", 0, ALL]
        return words + ["PARAMS", 2, "b", self.blob(self.a_vector()), "DIALECT", r.choice([2, 2, 3, 4])]

    def aggregate(self):
        r = self.rng
        words = ["FT.AGGREGATE", "i", self.clause(1)]
        words += r.choice(
            [
                ["GROUPBY", 1, "@u", "REDUCE", "COUNT", 0, "AS", "c"],
                ["GROUPBY", 1, "@n", "REDUCE", "COUNT", 0, "AS", "c", "REDUCE", "MAX", 1, "@u", "AS", "m"],
                ["GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "c", "REDUCE", "SUM", 1, "@u", "AS", "sum", "REDUCE", "AVG", 1, "@u"],
                ["LOAD", 2, "@u", "@n", "SORTBY", 1, "@u", "MAX", ALL],
                ["APPLY", "@u*2", "AS", "x", "FILTER", "@x>10", "SORTBY", 2, "@x", "DESC", "LIMIT", 1, 5],
            ]
        )
        return words + ["PARAMS", 2, "b", self.blob(self.a_vector()), "DIALECT", 2]

    def options(self, query):
        """Options of FT.SEARCH; without FILTER for `None`, as for queries that the peer makes something else of with it."""
        r, words = self.rng, []
        bare = " ".join(word for word in re.sub("[()|]", " ", query or "").split() if word not in self.stops)
        alone = (
            query is None
            or re.fullmatch(r'(\w+ )?(@[tw|]+:)?"[^"]*"( \w+)?|-.*|\*|\(.*\)=>{[^}]*}', query)
            or re.fullmatch(r'(@[tw]+:)?"[^"]*"', bare)
        )
        if self.flip(0.15) and not alone:
            words += ["FILTER", "n", r.randrange(-5, 5), r.choice(["inf", 10, "(10"])]
        if self.flip(0.05) and query is not None:
            words += ["INKEYS", 3, *r.sample(self.keys, 3)]
        if self.flip(0.1):
            words += ["LANGUAGE", r.choice(LANGUAGES)]
        if self.flip(0.05) and not self.fieldless:
            words += ["INFIELDS", 1, r.choice("tw")]
        # Patterns know stems in the peer even so: see `stems_of_patterns`.
        if self.flip(0.1) and not (self.stemmed and re.search(r"[%*]\w", query or "")):
            words += ["VERBATIM"]
        words += r.choice([[], ["NOCONTENT"], ["RETURN", 3, "t", "n", "u"], ["RETURN", 3, "g", "AS", "x"], ["RETURN", 1, "nope"]])
        sort = self.flip(0.4)
        if sort:
            field = r.choice(self.sortable)
            words += ["SORTBY", field] + r.choice([[], ["ASC"], ["DESC"]]) + ["WITHSORTKEYS"]
            words += (
                ["LIMIT", r.randrange(3), r.randrange(8)]
                if field == "u" and self.whole and "-(" not in (query or "") and self.flip(0.5)
                else ["LIMIT", 0, ALL]
            )
            return words
        scored = [] if self.changed else ["WITHSCORES"]
        # Of the others, how far clauses without positions are apart in the peer cannot be told from outside.
        plain = query is None or not ("FILTER" in words or re.search(r"[-~!]", query))
        scorers = SCORERS if plain else ["BM25STD", "DISMAX", "DOCSCORE"]
        return words + scored + ["SCORER", "DOCSCORE" if self.changed else r.choice(scorers), "LIMIT", 0, ALL]


def value_of_number(text):
    return float.fromhex(text) if "x" in text else float(text)


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def close(a, b, off=1e-6):
    """Equal, or equal numbers up to what is off."""
    if a == b:
        return True
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, off) for x, y in zip(a, b))
    x, y = number(a), number(b)
    return x is not None and y is not None and (x == y or abs(x - y) <= off * max(1, abs(x)) or x != x and y != y)


def pairs(fields):
    """The fields of a row, by name, in an order of ours."""
    if not isinstance(fields, list):
        return fields
    if not isinstance(fields, Map):
        fields = list(zip(fields[::2], fields[1::2]))
    return sorted(((text(name), unordered(value)) for name, value in fields), key=lambda pair: pair[0])


def unordered(value):
    """A JSON object with its members in an order of ours: the peer changes theirs when one is deleted."""
    if isinstance(value, bytes) and value[:1] in (b"{", b"["):
        try:
            return json.dumps(json.loads(value), sort_keys=True).encode()
        except ValueError:
            return value
    return value


def text(name):
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


class Answer:
    """A reply in one form for both protocols: an error, or a total and rows of (order, key, fields)."""

    def __init__(self, words, reply):
        self.error = text(reply) if isinstance(reply, Error) else None
        self.total, self.rows, self.other = None, [], None
        if self.error is not None:
            return
        if words[0] == "FT.TAGVALS":
            self.other = sorted(map(text, list(reply)))
        elif isinstance(reply, Map):
            self.total = reply.get("total_results")
            for row in reply.get("results"):
                order = row.get("score") if "score" in dict(map_items(row)) else dict(map_items(row)).get("sortkey")
                fields = dict(map_items(row)).get("extra_attributes")
                self.rows.append((order, text(dict(map_items(row)).get("id", "")), pairs(fields) if fields is not None else None))
        elif words[0] == "FT.AGGREGATE":
            self.total = reply[0]
            self.rows = [(None, "", pairs(row)) for row in reply[1:]]
        else:
            extra = ("WITHSCORES" in words) + ("WITHSORTKEYS" in words)
            step = 1 + extra + ("NOCONTENT" not in words)
            self.total = reply[0]
            for at in range(1, len(reply), step):
                fields = pairs(reply[at + step - 1]) if "NOCONTENT" not in words else None
                self.rows.append((reply[at + 1] if extra else None, text(reply[at]), fields))


def map_items(pairs_of_map):
    return [(str(name), value) for name, value in pairs_of_map]


def keys_of(answer):
    return sorted(key for _, key, _ in answer.rows)


def order_of(value):
    """What a row is sorted by, to be compared: numbers, then texts, then nothing."""
    if isinstance(value, bytes) and value[:1] in b"#$":
        return (1, value[1:]) if value[:1] == b"$" else (0, float(value[1:]))
    shown = number(value)
    return (2, b"") if shown is None else (0, shown)


def is_sorted(words, answer):
    """Whether the rows are in the order of what they say that they are sorted by; what has no value comes last."""
    orders = [order_of(order) for order, _, _ in answer.rows]
    falls = "WITHSCORES" in words or "DESC" in words
    if falls:
        there = [order for order in orders if order[0] < 2]
        return orders == sorted(there, reverse=True) + [(2, b"")] * (len(orders) - len(there))
    return orders == sorted(orders)


class Comparison:
    """Compares two answers to a query, and collects what accounts for differences."""

    def __init__(self, words, mine, peer, round, ask):
        self.words, self.mine, self.peer, self.round, self.ask = words, mine, peer, round, ask
        self.reasons, self.scores, self.note, self.explained = set(), True, "", None

    def because(self, reason, holds):
        if holds:
            self.reasons.add(reason)
        return holds

    def accounted(self):
        """Whether everything is equal or accounted for by `reasons`."""
        mine, peer, words = self.mine, self.peer, self.words
        if mine.error is not None or peer.error is not None:
            mixed = mine.error is None and "to number" in peer.error and "SORTBY" in words
            return mine.error == peer.error or self.because("the peer can't sort values that are not all numbers", mixed)
        if mine.other is not None:
            return mine.other == peer.other
        if words[0] == "FT.AGGREGATE":
            return self.groups()
        if mine.total != peer.total:
            fewer = words[-1] == 4 and peer.total < mine.total == len(mine.rows) == len(peer.rows)
            if not self.because("dialect 4 of the peer does not count to the end", fewer):
                return self.forgets_fields()
        if "KNN" in words[2] and len(mine.rows) == len(peer.rows):
            return same_nearest(mine, peer, COARSE[self.round.element])
        return self.rows()

    def forgets_fields(self):
        """Whether the peer leaves out documents that have a negated word in another field only."""
        mine, peer = set(keys_of(self.mine)), set(keys_of(self.peer))
        restricted = re.search(r"-\(.*@[tw]", self.words[2]) or ("INFIELDS" in self.words and "-(" in self.words[2])
        if not restricted or len(mine) != self.mine.total or len(peer) != self.peer.total:
            return False
        if not (mine > peer or ("-(-(" in self.words[2] and mine < peer)):
            return False
        words = set(re.findall(r"[a-z0-9_]+", self.words[2]))
        for key in mine ^ peer:
            found = self.ask(["JSON.GET", key] if self.round.json else ["HMGET", key, "t", "w"])[0]
            if not words & set(re.findall(r"[a-z0-9_]+", str(found).lower())):
                return False
        return self.because("a negated clause of a field looks into all fields in the peer, at times", True)

    def groups(self):
        """Rows of FT.AGGREGATE, in any order but for SORTBY."""
        mine, peer, words = self.mine, self.peer, self.words
        sides = [[fields for _, _, fields in answer.rows] for answer in (mine, peer)]
        if "SORTBY" not in words or ("LIMIT" not in words and not self.round.whole):
            sides = [sorted(side, key=repr) for side in sides]
        if close(*sides):
            return True
        if "AVG" not in words or len(mine.rows) != 1 or len(peer.rows) != 1:
            return False
        a, b = (dict(side[0]) for side in sides)
        of_values = all(close(a.get(name), b.get(name)) for name in ("c", "sum"))
        return self.because("documents without the value count in AVG of the peer", of_values)

    def rows(self):
        """Rows of FT.SEARCH: the same documents with the same fields and orders, and sorted by these."""
        mine, peer = ({key: (order, fields) for order, key, fields in answer.rows} for answer in (self.mine, self.peer))
        if mine.keys() != peer.keys():
            return False
        for key, (order, fields) in mine.items():
            if not close(fields, peer[key][1]) and not self.same_fields(fields, peer[key][1]):
                return False
            same = close(order_of(order), order_of(peer[key][0]))
            if self.scores and not same and not self.same_score(key, order, peer[key][0]):
                return False
        if not self.scores or not ("WITHSCORES" in self.words or "SORTBY" in self.words):
            return True
        if not is_sorted(self.words, self.mine):
            return False
        return is_sorted(self.words, self.peer) or self.odd_order()

    def odd_order(self):
        """Why the peer's rows are not in the order of their own sort keys."""
        if "WITHSCORES" in self.words:
            return self.because("NaN has no order", any(number(order) != number(order) for order, _, _ in self.peer.rows))
        name = self.words[self.words.index("SORTBY") + 1]
        several = self.round.json and any(isinstance(self.value(key, name), list) for _, key, _ in self.mine.rows)
        return self.because("the peer sorts arrays of JSON apart from other values", several)

    def value(self, key, name):
        """What a JSON document holds."""
        text = self.ask(["JSON.GET", key, f"$.{name}"])[0]
        return (json.loads(text) or [None])[0] if isinstance(text, bytes) else None

    def same_fields(self, mine, peer):
        """In dialects from 3 on the peer shows values that it keeps for sorting as they are, not as arrays."""
        if not isinstance(mine, list) or not isinstance(peer, list):
            return False
        kept = [{"x": "g"}.get(name, name) in self.round.sortable for name, _ in mine]
        theirs = dict(peer)
        for (name, value), is_kept in zip(mine, kept):
            shown = theirs.pop(name, None)
            plain = json.loads(value) if is_kept and isinstance(value, bytes) and value[:1] == b"[" else [value]
            first = plain[0] if plain else None
            first = first[0] if isinstance(first, list) and first else first
            as_shown = (
                {True: b"true", False: b"false", None: None}.get(first, str(first).encode())
                if isinstance(first, (bool, type(None)))
                else first
            )
            wanted = as_shown.encode() if isinstance(as_shown, str) else as_shown
            truth = is_kept and {b"1": b"true", b"0": b"false"}.get(value) == shown and shown is not None
            truth = truth or is_kept and shown is None and not value
            if not (truth or close(value, shown) or is_kept and close(wanted, shown if isinstance(shown, bytes) else None)):
                self.note = f"{name}: {value!r} {shown!r}"
                return False
        return self.because("of SORTABLE fields in JSON the peer shows what it keeps: the first value, and no array", not theirs)

    def same_score(self, key, mine, peer):
        """Why the score of one document differs."""
        query, round = self.words[2], self.round
        if "WITHSCORES" not in self.words:
            return False
        if (round.suffixes or round.stemmed) and re.search(r"(?<!\w)[*]\w|%\w", query):
            return self.because("which of the terms of *x and %x% scores depends on stems and on a table of the peer", True)
        scorer, mine, shown = self.words[self.words.index("SCORER") + 1], number(mine), number(peer)
        document = self.ask(["JSON.GET", key] if round.json else ["HMGET", key, "t", "w", "v"])[0]
        fields = json.loads(document) if round.json else dict(zip("twv", [value or None for value in document]))
        held = [text(value) for name in "tw" for value in (fields.get(name) if isinstance(fields.get(name), list) else [fields.get(name)])]
        counted = set(re.findall(r"\w+", " ".join(held))) - {"None", *round.stops}
        if not counted and (shown is None or shown != shown or abs(shown) == float("inf")):
            return self.because("a document without words has an infinite score or none in the peer", True)
        if shown is None or shown != shown:
            return False
        tree, whole, norm, slop = self.explanation(key)
        self.note = f"score of {key}: {self.explained}"
        partly = "of the branches of a union beside another clause the peer scores some"
        if "~(" in query and shown > mine and scorer in ("BM25STD", "DISMAX"):
            theirs = self.tree_of(self.explained[1])[0]
            return self.because(
                "an optional clause scores in the peer where it does not match, at times",
                any(close(mine, part * whole, 0.02) for part in branches(theirs)),
            )
        if scorer in ("BM25STD", "DISMAX") or shown == 0:
            return self.because(partly, any(close(shown, part * whole, 0.02) for part in branches(tree)))
        vector = scorer == "TFIDF" and fields.get("v") is not None and round.vectors
        factors = (norm / (norm + 1), 1) if vector else (1,)
        if vector and close(shown, mine * factors[0]):
            return self.because("a vector counts as a word in what TFIDF of the peer divides by", True)
        others = re.search(r"[@~*-]|ismissing", re.sub(r"@[tw|]+:|\w[*]|[*]\w", "", query))
        if others or "INKEYS" in self.words or round.json or round.placeless:
            if any(is_count(mine * slop * factor / shown, 1e-6) for factor in factors):
                return self.because("clauses without positions are apart from words in the peer", True)
        scale = mine / value_of(tree) if value_of(tree) else 0
        # Words are branches, too: themselves and their stems.
        branching = "VERBATIM" not in self.words or re.search(r"[|*%]", query)
        parts = [part * scale * slop * factor for part in branches(tree) for factor in factors]
        return self.because(partly, bool(branching) and any(is_count(part / shown, 0.04) for part in parts))

    def explanation(self, key):
        """What the module says of a score: the tree, the score of the document, and by what TFIDF is divided."""
        words = [word for word in self.words if word != "NOCONTENT"]
        if "RETURN" in words:
            at = words.index("RETURN")
            del words[at : at + 2 + int(words[at + 1])]
        replies = self.ask([*words, "NOCONTENT", "EXPLAINSCORE"])
        self.explained = [dict(zip(map(text, reply[1::2]), reply[2::2])).get(key) for reply in replies]
        return self.tree_of(self.explained[0])

    @staticmethod
    def tree_of(explained):
        """What the explanation of a score says, see `explanation`."""
        found = re.search(r"(?:norm (\d+) / )?slop (\d+)", repr(explained))
        norm, slop = (float(found[1] or 1), float(found[2])) if found else (1.0, 1.0)
        document = re.search(r"document score ([0-9.]+)", repr(explained))
        tree = explained[1]
        tree = tree[1][0] if document and isinstance(tree, list) else tree
        return tree, float(document[1]) if document else 1.0, norm, slop


def is_count(value, off):
    """Whether a number is 1, 2, 3 or so."""
    return value > 0.5 and close(value, float(int(value + 0.5)), off)


def value_of(tree):
    """What a node of an explanation adds."""
    shown = re.search(r"children (?:[A-Z0-9]+ )?(-?[0-9.]+)", tree[0]) if isinstance(tree, list) else None
    if shown:
        weight = re.search(r"[Ww]eight ([0-9.]+)", tree[0])
        return float(weight[1]) * float(shown[1])
    shown = re.search(
        r"(?:^|[( ])(?:TFIDF |DISMAX )?(-?[0-9]+\.[0-9]+) = |^\((?:TFIDF )?(-?[0-9.]+)", tree if isinstance(tree, str) else tree[0]
    )
    return float(shown[1] or shown[2]) if shown else 0.0


def branches(tree):
    """What a node of an explanation may add if only some of its branches count, up to rounding."""
    if not isinstance(tree, list):
        return {round(value_of(tree), 2)}
    weight = re.search(r"[Ww]eight ([0-9.]+)", tree[0])
    sums = {0.0}
    for child in tree[1]:
        parts = branches(child)
        sums |= {round(total + part, 2) for total in sums for part in parts}
        if len(sums) > 4000:
            break
    return {round(float(weight[1]) * total, 2) for total in sums}


def same_nearest(mine, peer, off):
    """The same distances, and the same rows but for those as far as the farthest: which of equals is in is no promise."""
    sides = []
    for answer in (mine, peer):
        sides.append(sorted((number(plain(dict(fields)["d"])), key, fields) for _, key, fields in answer.rows))
    distances = [[row[0] for row in side] for side in sides]
    if not close(*distances, off):
        return False
    inner = [{key for distance, key, _ in side if not close(distance, distances[0][-1], off)} for side in sides]
    return inner[0] == inner[1]


def plain(value):
    """A distance, which some dialects show as an array."""
    return value.strip(b"[]") if isinstance(value, bytes) else value


# What the peer understands, said so that everybody does: (reason, query -> query or the same).


def filter_in_query(words, round):
    """FILTER is a clause of the peer's query, and scores."""
    if "FILTER" not in words or words[0] != "FT.SEARCH":
        return words
    at = words.index("FILTER")
    _, low, high = words[at + 1 : at + 4]
    query = f"({words[2]})" if words[-1] == 1 else words[2]
    return [*words[:2], f"{query} @n:[{low} {high}]", *words[3:at], *words[at + 4 :]]


def no_stop_words_in_phrases(words, round):
    """A phrase with a stop word matches nothing in the peer."""

    def phrase(found):
        return "zzzz" if set(found[1].split()) & set(round.stops) else found[0]

    return [*words[:2], re.sub(r'"([^"]*)"', phrase, words[2]), *words[3:]]


def stems_of_patterns(words, round):
    """%x%, *x and *x* match stems, too, in the peer, which are terms that begin with a plus."""
    if not round.stemmed:
        return words

    def pattern(found):
        text = found[0]
        if text[0] == "%":
            core = text.strip("%")
            wanted = [word for word, stem in round.stem_of.items() if distance("+" + stem, core) <= 1]
        else:
            part = text.strip("*")
            wanted = [word for word, stem in round.stem_of.items() if (part in stem if text[-1] == "*" else stem.endswith(part))]
        # Only in fields that have stems.
        stemmed = set(round.stemmed.split("|"))
        within = re.search(r"@([tw|]+):(?:\([^()]*)?$", words[2][: found.start()])
        fields = set(within[1].split("|")) if within else {"t", "w"}
        if not wanted or not fields & stemmed:
            return text
        named = "" if fields <= stemmed else f"@{round.stemmed}:"
        return f"({'|'.join([text, *(named + word for word in wanted)])})"

    return [*words[:2], re.sub(r"(?<![\w'])(%\w+%|\*\w+\*?)(?!\w)(?![^{}]*})", pattern, words[2]), *words[3:]]


def distance(a, b):
    """Edits from one text to another."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, last = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
    return row[-1]


def unweighted(words, round):
    """$weight of a range counts for nothing in the peer, and that of a word or tag not for BM25 and BM25STD."""
    scorer = words[words.index("SCORER") + 1] if "SCORER" in words else None
    ranges = r"@[np]:\[[^\]]*\]"
    one = rf"\w+|@g:\{{[^}}|*]*\}}|{ranges}" if scorer in ("BM25", "BM25STD") else ranges
    return [*words[:2], re.sub(rf"\(({one})\)=>{{\$weight: [0-9.]+}}", r"(\1)", words[2]), *words[3:]]


REWRITES = [
    ("FILTER of the command is a clause of the query in the peer, and scores", filter_in_query),
    ("phrases with stop words match here", no_stop_words_in_phrases),
    ("%x% and *x match stems, too, in the peer", stems_of_patterns),
    ("$weight of a range counts for nothing in the peer, that of a word not for BM25", unweighted),
]


class Pair:
    """Both servers, in RESP2 and RESP3."""

    def __init__(self):
        self.mine, self.peer = Server("redis-7.0"), Server("redis-stack")
        self.connect()

    def connect(self):
        self.links = {(side, protocol): getattr(self, side).connect(protocol) for side in ("mine", "peer") for protocol in (2, 3)}

    def ask(self, words, protocol=2):
        return self.links["mine", protocol](*words), self.links["peer", protocol](*words)

    def revive(self):
        self.peer.kill()
        self.peer.start()
        self.connect()

    def close(self):
        self.mine.close()
        self.peer.close()


def shown(words):
    return " ".join(
        repr(word) if isinstance(word, bytes) else str(word) if word != "" and " " not in str(word) else json.dumps(word) for word in words
    )


class Run:
    def __init__(self, options):
        self.options, self.pair = options, Pair()
        self.asked, self.rows, self.differences, self.crashes = 0, 0, 0, 0
        self.reasons = collections.Counter()

    def both(self, words):
        """A write: the same answer from both, or an error from both."""
        mine, peer = self.pair.ask(words)
        if isinstance(mine, Error) != isinstance(peer, Error):
            self.report(words, mine, peer, [])

    def report(self, words, mine, peer, history):
        self.differences += 1
        if self.differences <= self.options.show:
            print(*history, shown(words), f"  mine {mine!r:.900}", f"  peer {peer!r:.900}", sep="\n")

    def query(self, round, history):
        words = round.query()
        protocol = self.asked % 2 + 2
        mine, peer = self.pair.ask(words, protocol)
        mine, peer = Answer(words, mine), Answer(words, peer)
        self.asked += 1
        self.rows += len(mine.rows)
        reasons = self.compare(words, mine, peer, round)
        if reasons is None:
            reasons = self.rewritten(words, peer, round, protocol) or self.wider(words, round)
        if reasons is not None:
            self.reasons.update(reasons)
            return
        odd = sorted(set(keys_of(mine)) ^ set(keys_of(peer)))[:3]
        look = ["JSON.GET"] if round.json else ["HGETALL"]
        for key in odd:
            history = [*history, f"  {key} {self.pair.ask([*look, key])}"]
        self.compare(words, mine, peer, round)
        history = [*history, f"  {self.note}"]
        shown = [answer.error or (answer.total, answer.rows, answer.other) for answer in (mine, peer)]
        self.report(words, *shown, history)

    def compare(self, words, mine, peer, round, scores=True):
        """What accounts for differences; `None`: nothing."""
        comparison = Comparison(words, mine, peer, round, self.pair.ask)
        comparison.scores = scores
        accounted = comparison.accounted()
        self.note = comparison.note
        return comparison.reasons if accounted else None

    def rewritten(self, words, peer, round, protocol):
        """Asks the module for what the peer understands."""
        applicable = [rewrite for rewrite in REWRITES if rewrite[1](words, round) != words]
        for count in range(1, len(applicable) + 1):
            for chosen in itertools.combinations(applicable, count):
                asked = words
                for _, rewrite in chosen:
                    asked = rewrite(asked, round)
                mine = Answer(asked, self.pair.links["mine", protocol](*asked))
                # Which of several terms scores depends on those that are there.
                scores = stems_of_patterns not in [rewrite for _, rewrite in chosen]
                reasons = self.compare(asked, mine, peer, round, scores)
                if reasons is not None:
                    return reasons | {reason for reason, _ in chosen}
        return None

    def wider(self, words, round):
        """Whether a difference goes when graphs are searched farther."""
        if not round.vectors or not round.graph:
            return None
        query = words[2].replace(" AS d]", " EF_RUNTIME 500 AS d]")
        query = re.sub(r"(@v:\[VECTOR_RANGE [^\]]*\])", r"\1=>{$EPSILON: 1000}", query)
        wider = [*words[:2], query, *words[3:]]
        if wider == words:
            return None
        mine, peer = (Answer(wider, reply) for reply in self.pair.ask(wider))
        reasons = None if mine.error else self.compare(wider, mine, peer, round)
        if reasons is None:
            reasons = None if mine.error else self.rewritten(wider, peer, round, 2)
        return None if reasons is None else reasons | {"HNSW is approximate"}

    def stems(self, round):
        """What the peer makes of words."""
        round.stem_of = {}
        for word in WORDS:
            shown = text(self.pair.links["peer", 2]("FT.EXPLAIN", "i", f"@t|w:{word}", "DIALECT", 2))
            found = re.search(r"\+([\w]+)\(expanded\)", shown)
            if found:
                round.stem_of[word] = found[1]

    def anew(self, create):
        """Gives the peer a new index over what is there."""
        peer = self.pair.links["peer", 3]
        peer("FT.DROPINDEX", "i")
        peer(*create)
        for link in (self.pair.links["mine", 3], peer):
            wait_until(lambda link=link: link("FT.INFO", "i").get("indexing") == 0, "scanned")

    def round(self, seed):
        round = Round(seed)
        self.both(["FLUSHALL"])
        create = round.create()
        history = [f"-- seed {seed}", shown(create)]
        late = round.flip(0.3)
        if not late:
            self.both(create)
        for key in round.keys[: round.rng.randrange(5, 40)]:
            self.both(round.put(key))
        if late:
            self.both(create)
            for link in (self.pair.links["mine", 3], self.pair.links["peer", 3]):
                wait_until(lambda link=link: link("FT.INFO", "i").get("indexing") == 0, "scanned")
        self.stems(round)
        for _ in range(80):
            self.query(round, history)
        round.changed, round.whole = True, False
        for _ in range(120):
            self.both(round.change())
            self.query(round, history)
        self.figures(history)
        if "FILTER" in create[:8]:
            return  # documents that FILTER refuses count in the scores of the peer
        self.anew(create)
        round.changed = False
        for _ in range(40):
            self.query(round, history)

    def figures(self, history):
        """Documents and failures after all changes."""
        infos = [self.pair.links[side, 3]("FT.INFO", "i") for side in ("mine", "peer")]
        figures = [[info.get(name) for name in ("num_docs", "hash_indexing_failures")] for info in infos]
        if figures[0] == figures[1]:
            return
        if figures[0][0] == figures[1][0]:
            self.reasons["HDEL of the last field is a failure in the peer, and renaming a refused document is none"] += 1
        else:
            self.report(["FT.INFO", "i"], *figures, history)

    def run(self):
        seed = self.options.seed * 1_000_000
        while self.asked < self.options.count:
            try:
                self.round(seed)
            except Disconnected:
                if not self.pair.mine.alive():
                    print(f"the module's server died in round {seed}", self.pair.mine.crash())
                    return 1
                self.crashes += 1
                self.pair.revive()
            seed += 1
        print(f"{self.asked} queries, {self.rows} rows, {self.differences} differences, {self.crashes} crashes of the peer")
        for reason, count in self.reasons.most_common():
            print(f"  {count:6} {reason}")
        return 1 if self.differences else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20)
    run = Run(parser.parse_args())
    try:
        return run.run()
    finally:
        run.pair.close()


if __name__ == "__main__":
    sys.exit(main())
