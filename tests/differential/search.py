#!/usr/bin/env python3
"""Random schemas, documents, updates, deletes and queries, sent to this module and to RediSearch 2.10.5, and compared.

    tests/differential/search.py [--count 10000] [--seed 1] [--show 20]

Starts both servers itself (the library is $NEARSET_LIB, or what the profile `fast` built), and starts the peer again where a
query has crashed it. In rounds of about 200 queries: an index over hashes or JSON; documents; queries, of which scores are
compared; then changes of all kinds between further queries, without scores, since the peer goes on counting what it has
deleted. Every other query is asked in RESP3.

Which rows come first among equals is no promise: rows of equal score, sort key or distance are compared as sets. `explained`
names the differences that are left on purpose. Exits with 1 if there are others.
"""

import argparse
import collections
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
ESCAPED = {tag: "".join("\\" + c if not c.isalnum() else c for c in tag) for tag in TAGS}
FORMATS = {"FLOAT32": "f", "FLOAT64": "d", "FLOAT16": "e"}
SCORERS = ["TFIDF", "TFIDF.DOCNORM", "BM25", "BM25STD", "DISMAX", "DOCSCORE"]
ALL = 1000


class Round:
    """An index with its documents, and what may be asked of it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.json = self.rng.random() < 0.5
        self.dim, self.element = self.rng.randrange(2, 5), self.rng.choice([*FORMATS, "FLOAT32"])
        if self.json and self.element == "FLOAT16":
            self.element = "FLOAT32"
        self.metric = self.rng.choice(["L2", "IP", "COSINE"])
        self.suffixes = self.rng.random() < 0.3
        self.stems = self.rng.random() < 0.5
        self.vectors = self.rng.random() < 0.7
        self.missing = {name for name in ("t", "g", "n", "p", "v") if self.rng.random() < 0.3}
        self.keys = [f"d:{number}" for number in range(40)]
        self.changed = False

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
        words += r.choice([[], [], ["LANGUAGE", "english"], ["LANGUAGE", "german"]])
        words += r.choice([[], [], ["SCORE", "0.5"], ["SCORE_FIELD", "$.s" if self.json else "s"]])
        words += r.choice([[], [], [], ["NOFREQS"], ["NOOFFSETS"], ["NOFIELDS"]])
        self.placeless = words[-1] == "NOOFFSETS"
        self.fieldless = words[-1] == "NOFIELDS"
        words += ["SCHEMA"]
        self.sortable = ["u"]
        for name, kind in (("t", self.text), ("w", self.text), ("g", self.tag), ("n", self.number), ("p", self.point), ("v", self.vector)):
            if name == "v" and not self.vectors:
                continue
            words += [f"$.{name}", "AS", name] if self.json else [name]
            words += kind()
            words += ["INDEXMISSING"] if name in self.missing else []
            if name in "tgn" and self.flip(0.4):
                self.sortable.append(name)
                words += ["SORTABLE"] + (["UNF"] if self.flip(0.3) and name != "n" else [])
        return words + (["$.u", "AS"] if self.json else []) + ["u", "NUMERIC", "SORTABLE"]

    def text(self):
        words = ["TEXT"] + self.rng.choice([[], ["WEIGHT", 2], ["WEIGHT", 3]])
        words += [] if self.stems and self.flip(0.8) else ["NOSTEM"]
        return words + (["WITHSUFFIXTRIE"] if self.suffixes else [])

    def tag(self):
        return ["TAG"] + self.rng.choice([[], ["SEPARATOR", ";"]]) + self.rng.choice([[], [], ["CASESENSITIVE"]])

    def number(self):
        return ["NUMERIC"]

    def point(self):
        return ["GEO"]

    def vector(self):
        words = ["VECTOR", self.rng.choice(["FLAT", "HNSW"]), 6]
        return words + ["TYPE", self.element, "DIM", self.dim, "DISTANCE_METRIC", self.metric]

    # Documents

    def words(self, most):
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randrange(1, most)))

    def a_number(self):
        return self.rng.choice([self.rng.randrange(-5, 20), round(self.rng.uniform(-5, 20), 2), 1e3])

    def a_place(self):
        return f"{round(self.rng.uniform(-3, 3), 3)},{round(self.rng.uniform(-3, 3), 3)}"

    def a_vector(self):
        return [round(self.rng.gauss(0, 1), 4) for _ in range(self.dim)]

    def blob(self, vector):
        return struct.pack(f"<{self.dim}{FORMATS[self.element]}", *vector)

    def value(self, name):
        """A value of a field, right or, seldom, wrong."""
        r, wrong = self.rng, self.flip(0.01)
        if name in "tw":
            text = self.words(8)
            return r.choice([text, text, [text, self.words(4)], [text, None]]) if self.json else text
        if name == "g":
            tags = [r.choice(TAGS) for _ in range(r.randrange(1, 4))]
            return r.choice([tags, tags[0], True]) if self.json else r.choice([",", ";"]).join(tags)
        if name == "n":
            number = "foo" if wrong else self.a_number()
            return r.choice([number, number, [number, 3]]) if self.json and not wrong else number
        if name == "p":
            return "foo" if wrong else self.a_place()
        if name == "s":
            return r.choice([0.25, 1, 2])
        vector = self.a_vector()[: 1 if wrong else None]
        return vector if self.json else struct.pack(f"<{len(vector)}{FORMATS[self.element]}", *vector)

    def document(self, number):
        names = [name for name in "twgnpvs" if self.flip(0.85)]
        fields = {name: self.value(name) for name in names} | {"u": number}
        if self.json and self.flip(0.1):
            fields[self.rng.choice("tgnpv")] = None
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
        if roll < 0.7:
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
            return f"-({self.clause(depth - 1)})"
        if roll < 0.93:
            return f"(~({self.clause(depth - 1)}) {self.atom()})"
        return f"({self.clause(depth - 1)})=>{{$weight: {self.rng.choice([2, 0.5])}}}"

    def query(self):
        """A command of the family."""
        roll = self.rng.random()
        if roll < 0.2 and self.vectors:
            return self.knn()
        if roll < 0.3:
            return self.aggregate()
        if roll < 0.32 and not self.changed:
            return ["FT.TAGVALS", "i", "g"]
        words = ["FT.SEARCH", "i", " ".join(self.clause(2) for _ in range(self.rng.randrange(1, 3)))]
        words += self.options(["u"])
        return words + ["PARAMS", 2, "b", self.blob(self.a_vector()), "DIALECT", self.rng.choice([2, 2, 2, 3])]

    def knn(self):
        r = self.rng
        filter = r.choice(["*", "*", f"({self.clause(1)})"])
        words = ["FT.SEARCH", "i", f"{filter}=>[KNN {r.randrange(1, 12)} @v $b AS d]", "SORTBY", "d"]
        words += r.choice([[], ["RETURN", 2, "d", "n"], ["RETURN", 1, "d"]]) + ["LIMIT", 0, ALL]
        return words + ["PARAMS", 2, "b", self.blob(self.a_vector()), "DIALECT", 2]

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

    def options(self, unique):
        r, words = self.rng, []
        if self.flip(0.15):
            words += ["FILTER", "n", r.randrange(-5, 5), r.choice(["inf", 10, "(10"])]
        if self.flip(0.05):
            words += ["INKEYS", 3, *r.sample(self.keys, 3)]
        if self.flip(0.05):
            words += ["INFIELDS", 1, r.choice("tw")]
        if self.flip(0.1):
            words += ["VERBATIM"]
        if self.flip(0.07):
            words += ["SLOP", r.randrange(4)] + (["INORDER"] if self.flip(0.5) else [])
        words += r.choice([[], ["NOCONTENT"], ["RETURN", 3, "t", "n", "u"], ["RETURN", 3, "g", "AS", "x"], ["RETURN", 1, "nope"]])
        sort = self.flip(0.4)
        if sort:
            field = r.choice(self.sortable)
            words += ["SORTBY", field] + r.choice([[], ["ASC"], ["DESC"]]) + ["WITHSORTKEYS"]
            words += ["LIMIT", r.randrange(3), r.randrange(8)] if field == "u" and not self.changed and self.flip(0.5) else ["LIMIT", 0, ALL]
            return words
        scored = [] if self.changed else ["WITHSCORES"]
        return words + scored + ["SCORER", "DOCSCORE" if self.changed else r.choice(SCORERS), "LIMIT", 0, ALL]


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def close(a, b):
    """Equal, or equal numbers up to single precision."""
    if a == b:
        return True
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    x, y = number(a), number(b)
    return x is not None and y is not None and (x == y or abs(x - y) <= 1e-3 * max(1, abs(x)) or x != x and y != y)


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

    def grouped(self, words):
        """Rows of one order after another; within one, by key."""
        rows = []
        for order, key, fields in self.rows:
            shown = dict(fields).get("d") if fields and "KNN" in words[2] else order
            if isinstance(shown, bytes) and shown[:1] in b"#$":
                shown = shown[1:]
            shown = round(value, 3) if (value := number(shown)) is not None else shown
            rows.append((shown, key, fields))
        if words[0] == "FT.AGGREGATE" and "SORTBY" not in words:
            return sorted(rows, key=repr)
        result, same = [], []
        for row in rows:
            if same and not close(same[-1][0], row[0]):
                result += sorted(same, key=lambda row: (row[1], repr(row[2])))
                same = []
            same.append(row)
        return result + sorted(same, key=lambda row: (row[1], repr(row[2])))


def map_items(pairs_of_map):
    return [(str(name), value) for name, value in pairs_of_map]


def equal(words, mine, peer):
    if mine.error is not None or peer.error is not None:
        return mine.error == peer.error
    if mine.other is not None:
        return mine.other == peer.other
    if words[0] == "FT.SEARCH" and mine.total != peer.total:
        return False
    if "KNN" in words[2]:
        return same_nearest(mine, peer)
    return close(mine.grouped(words), peer.grouped(words))


def same_nearest(mine, peer):
    """The same distances, and the same rows but for those as far as the farthest: which of equals is in is no promise."""
    sides = []
    for answer in (mine, peer):
        sides.append(sorted((number(dict(fields)["d"]), key, fields) for _, key, fields in answer.rows))
    distances = [[row[0] for row in side] for side in sides]
    if not close(*distances):
        return False
    inner = [{key for distance, key, _ in side if not close(distance, distances[0][-1])} for side in sides]
    return inner[0] == inner[1]


def explained(words, mine, peer, round):
    """Why an answer differs on purpose, or None."""
    query, same_rows = words[2], mine.error is None and keys_of(mine) == keys_of(peer) and mine.total == peer.total
    if peer.error is not None and mine.error is None:
        return "the peer can't sort values that are not all numbers" if "to number" in peer.error and "SORTBY" in words else None
    phrases = " ".join(re.findall(r'"([^"]*)"', query)).split()
    if set(phrases) & set(round.stops):
        return "phrases with stop words match here"
    if round.json and "ismissing(" in query:
        return "null is missing, as the specification says; in the peer only what is absent is"
    if re.search(r"-\(.*VECTOR_RANGE", query):
        return "a negated vector range of the peer leaves out one document"
    if "INFIELDS" in words and round.fieldless and "@" in query:
        return "where NOFIELDS keeps no fields, the peer takes any field for the one of INFIELDS"
    if phrases and "FILTER" in words:
        return "FILTER of the command becomes part of a phrase in the peer"
    if re.search(r"-\\(@", query) and set(keys_of(peer)) < set(keys_of(mine)):
        return "a negated clause of a field looks into all fields in the peer, at times"
    if "VECTOR_RANGE" in query and (set(keys_of(peer)) < set(keys_of(mine)) or not mine.rows):
        return "a vector range of the peer misses a document in a graph"
    if round.stems and re.search(r"%\w|[*]\w", query):
        return "%x% and *x match stems, too, in the peer"
    if "SLOP" in words and ("FILTER" in words or round.stems or round.placeless or re.search(r"[@({*-]", query)):
        return "SLOP counts clauses and stems that have no positions in the peer"
    if "REDUCE" in words and "AVG" in words and len(mine.rows) == len(peer.rows) == 1:
        if all(close(*(dict(side.rows[0][2]).get(name) for side in (mine, peer))) for name in ("c", "sum")):
            return "documents without the value count in AVG of the peer"
    if not same_rows:
        return None
    if "SORTBY" in words and round.json and words[words.index("SORTBY") + 1] in ("t", "g", "n"):
        return "of several values in JSON the first is what rows are sorted by, in the peer often none"
    if words[-1] == 3 and close(plainly(mine, words), plainly(peer, words)):
        return "SORTABLE fields are no arrays in dialect 3 of the peer"
    return explained_score(words, peer, round) if "WITHSCORES" in words else None


def plainly(answer, words):
    """The rows without the brackets of dialect 3."""


    def strip(fields):
        plain = [(name, value.strip(b'[]"') if isinstance(value, bytes) else value) for name, value in fields or []]
        return [(name, value) for name, value in plain if value not in (b"null", b"")]

    return [(order, key, strip(fields)) for order, key, fields in answer.grouped(words)]


def explained_score(words, peer, round):
    """Why scores of the same rows differ on purpose, or None."""
    query, scorer = words[2], words[words.index("SCORER") + 1]
    if "FILTER" in words:
        return "FILTER of the command adds to the scores of the peer"
    if scorer == "TFIDF" and round.vectors:
        return "a vector counts as a word in what TFIDF of the peer divides by"
    if any(number(order) is None or abs(number(order)) == float("inf") or number(order) != number(order) for order, _, _ in peer.rows):
        return "a document without words has an infinite score or none in the peer"
    if re.search(r"{[^}]*[|]", query):
        return "a tag that two patterns match counts twice in the peer"
    if round.stems or re.search("[*|%]", query):
        return "of the branches of a union, of a word and its stem and of the terms of a prefix the peer scores all or one, as it goes"
    if (round.json or round.placeless) and scorer in ("TFIDF", "TFIDF.DOCNORM", "BM25"):
        return "the distance between words of several JSON values, or without offsets"
    if re.search("[-~!]", query) and scorer in ("TFIDF", "TFIDF.DOCNORM", "BM25"):
        return "negated and optional clauses count as words apart in the peer"
    if "$weight" in query:
        return "$weight counts at every clause below it, in the peer at some"
    return None


def keys_of(answer):
    return sorted(key for _, key, _ in answer.rows)


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
    return " ".join(repr(word) if isinstance(word, bytes) else str(word) if word != "" and " " not in str(word) else json.dumps(word) for word in words)


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
        if equal(words, mine, peer):
            return
        reason = explained(words, mine, peer, round) or self.approximate(words)
        if reason:
            self.reasons[reason] += 1
            return
        odd = sorted(set(keys_of(mine)) ^ set(keys_of(peer)))[:3]
        look = ["JSON.GET"] if round.json else ["HGETALL"]
        for key in odd:
            history = [*history, f"  {key} {self.pair.ask([*look, key])}"]
        self.report(words, mine.error or (mine.total, mine.grouped(words), mine.other), peer.error or (peer.total, peer.grouped(words), peer.other), history)

    def approximate(self, words):
        """Whether a difference between nearest neighbors goes when both look farther."""
        if "KNN" not in words[2]:
            return None
        wider = [*words[:2], words[2].replace(" AS d]", " EF_RUNTIME 500 AS d]"), *words[3:]]
        mine, peer = (Answer(wider, reply) for reply in self.pair.ask(wider))
        return "HNSW is approximate" if mine.error is None and equal(wider, mine, peer) else None

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
        for _ in range(80):
            self.query(round, history)
        round.changed = True
        for _ in range(120):
            self.both(round.change())
            self.query(round, history)
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
