#!/usr/bin/env python3
"""Random FT.AGGREGATE (and sorted FT.SEARCH) over hashes and JSON, sent to this module and to RediSearch 2.10.5, and compared.

    tests/differential/aggregate.py [--count 10000] [--seed 1] [--show 20]

Starts both servers itself (the library is $NEARSET_LIB, or what the profile `fast` built), and starts the peer again where a
request has crashed it. In rounds of 100 requests: an index, documents, requests. Hashes have numbers that are written in other
ways than they are printed (`007`, `1e3`, `0x10`); JSON has several values under one path, values in values, booleans, nulls,
and is asked in dialects 1 to 4, with FORMAT EXPAND too. Half of all requests are made in RESP3, and some leave cursors, which
are read to their end, page by page.

The order of groups, of equals in a SORTBY, and of distinct values is no one's promise: there, rows are compared as sets, lists
sorted. Prints every difference that `Comparison` does not account for; exits 1 if there is any.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from resp import NULL, NULL_BULK, Disconnected, Double, Error, Map  # noqa: E402
from servers import Server  # noqa: E402

TEXTS = ["Red", "green", "Blue x", "red", "x,y", "7", "10"]
NUMBERS = ["007", "1e3", "+5", ".5", "5.", "0x10", "-0", "1.50", "12345678901234567890", "3", "2.5", "-7", "1e-300", "0.30000000000000004"]
JSON_NUMBERS = [7, 1000.0, 0.5, -0.0, 1e300, 9007199254740993, 12345678901234567890, 3, 2.5, -7, 10, 9, 1e-7]
NESTED = [{"k": 1}, {"k": [1, 2.5, None, "s", True, {"z": []}]}, [1, [2]], [], {}, None, True, False, "text", 5, 2.5]
# What documents have beside the fields of the schema.
UNINDEXED = ["u", "o"]
REDUCERS = ["COUNT", "COUNT_DISTINCT", "SUM", "MIN", "MAX", "AVG", "STDDEV", "QUANTILE", "TOLIST", "FIRST_VALUE", "RANDOM_SAMPLE"]
FUNCTIONS_OF_TEXT = ["upper(@{})", "lower(@{})", "strlen(@{})", "substr(@{},0,2)", "contains(@{},'e')", "startswith(@{},'R')", "split(@{})"]
FUNCTIONS_OF_NUMBER = [
    "@{}+1",
    "@{} * 2",
    "abs(@{})",
    "floor(@{})",
    "ceil(@{})",
    "sqrt(@{})",
    "log(@{})",
    "@{} > 5",
    "@{} == 3",
    "@{} % 3",
    "to_number(@{})",
]
FUNCTIONS_OF_ANY = ["exists(@{})", "to_str(@{})", "format('%s-%s', @{}, @{})", "@{}", "!@{}", "@{} == 'Red'", "@{} && 1", "@{} || 0"]


class Round:
    """An index, its documents, and requests of it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.json = self.rng.random() < 0.7
        # Only numbers, so that the peer can sort and compare.
        self.kinds = {"n": "number", "m": "number", "t": "text", "s": "text", "g": "text", "w": "text"}
        self.sortable = {"m", "s", "w"}
        if self.json:
            self.kinds |= {"a": "number", "b": "bool"}
        self.documents = [self.document(number) for number in range(self.rng.randrange(3, 24))]

    def create(self):
        types = {"n": "NUMERIC", "m": "NUMERIC SORTABLE", "t": "TEXT", "s": "TEXT SORTABLE", "g": "TAG", "w": "TAG SORTABLE UNF"}
        types |= {"a": "NUMERIC", "b": "TAG"} if self.json else {}
        words = ["FT.CREATE", "i", "ON", "JSON" if self.json else "HASH", "PREFIX", 1, "d:", "SCHEMA"]
        for name, kind in types.items():
            path = f"$.{name}[*]" if name in ("a", "g") else f"$.{name}"
            words += ([path, "AS"] if self.json else []) + [name, *kind.split()]
        return words

    def document(self, number):
        r = self.rng
        if not self.json:
            document = {name: r.choice(NUMBERS if kind == "number" else TEXTS) for name, kind in self.kinds.items()}
            document |= {"u": r.choice(NUMBERS + TEXTS), "o": f"O{number % 4}"}
        else:
            document = {name: r.choice(JSON_NUMBERS if kind == "number" else TEXTS) for name, kind in self.kinds.items()}
            document |= {"a": [r.choice([1, 2, 3.5, 10]) for _ in range(r.randrange(0, 4))], "b": r.choice([True, False, None])}
            document |= {"g": [r.choice(TEXTS) for _ in range(r.randrange(0, 3))], "u": r.choice(JSON_NUMBERS), "o": r.choice(NESTED)}
        for name in list(document):
            if r.random() < 0.06:
                if self.json and r.random() < 0.3:
                    document[name] = None
                else:
                    del document[name]
        return document

    def put(self, number):
        document = self.documents[number]
        if self.json:
            return ["JSON.SET", f"d:{number}", "$", json.dumps(document)]
        return ["HSET", f"d:{number}", "id", number, *[word for pair in document.items() for word in pair]]


class Request:
    """A random request, and which columns it has, so that most requests are right."""

    def __init__(self, round, protocol):
        self.round, self.rng = round, round.rng
        r = self.rng
        self.dialect = r.choice([1, 2, 3, 3, 3, 4])
        self.expand = round.json and protocol == 3 and r.random() < 0.3
        self.cursor = r.random() < 0.2
        self.words, self.loaded, self.fresh = ["FT.AGGREGATE", "i", "*"], set(), 0
        self.grouped = self.sorted = self.limited = self.everything = False
        self.known = {name: kind for name, kind in round.kinds.items()}
        if r.random() < 0.1:
            self.search()
        else:
            for _ in range(r.randrange(1, 6)):
                r.choice([self.load, self.load, self.apply, self.apply, self.filter, self.group, self.sort, self.limit])()
            if self.cursor:
                self.words += ["WITHCURSOR", "COUNT", r.choice([1, 2, 3, len(round.documents), 100])]
        if self.expand:
            self.words += ["FORMAT", "EXPAND"]
            self.dialect = r.choice([None, 3, 4])
        self.words += [] if self.dialect is None else ["DIALECT", self.dialect]

    def search(self):
        r = self.rng
        self.cursor = False
        self.words[0] = "FT.SEARCH"
        names = [*self.known, *(["$.u", "$.o", "$"] if self.round.json else UNINDEXED)]
        if r.random() < 0.5:
            chosen = [
                word for name in r.sample(names, r.randrange(1, 4)) for word in r.choice([[name], [name, "AS", name.strip("$.") + "x"]])
            ]
            self.words += ["RETURN", len(chosen), *chosen]
        if r.random() < 0.7:
            self.sorted = True
            by = r.choice(sorted(self.round.sortable | {"n"}))
            self.words += ["SORTBY", by, *r.choice([[], ["DESC"]])]
        self.words += ["LIMIT", 0, 100]

    def usable(self, *kinds):
        """A column of one of these kinds that the peer knows without LOAD, or that is loaded."""
        names = [
            name
            for name, kind in sorted(self.known.items())
            if kind in kinds
            and (self.grouped or name in self.loaded or name in self.round.sortable or self.everything and not self.round.json)
        ]
        return self.rng.choice(names) if names else None

    def new(self, kind):
        self.fresh += 1
        name = f"c{self.fresh}"
        self.known[name] = kind
        self.loaded.add(name)
        return name

    def load(self):
        if self.grouped:
            return
        if self.rng.random() < 0.15:
            self.words += ["LOAD", "*"]
            self.everything = True
            return
        fields = []
        for _ in range(self.rng.randrange(1, 4)):
            if self.round.json and self.rng.random() < 0.3:
                path, kind = self.rng.choice([("$.u", "number"), ("$.o", "any"), ("$", "any"), ("$.a", "any"), ("$.g[0]", "text")])
                fields += [path, "AS", self.new(kind)]
                continue
            name = self.rng.choice([*self.round.kinds, "__key"] + ([] if self.round.json else UNINDEXED))
            fields.append(self.rng.choice(["", "@"]) + name)
            kind = {"u": "any", "o": "text", "__key": "text"}.get(name) or self.round.kinds[name]
            if self.rng.random() < 0.2:
                fields += ["AS", self.new(kind)]
            else:
                self.known.setdefault(name, kind)
                self.loaded.add(name)
        self.words += ["LOAD", len(fields), *fields]

    def apply(self):
        functions, kinds = self.rng.choice(
            [(FUNCTIONS_OF_TEXT, ["text"]), (FUNCTIONS_OF_NUMBER, ["number"]), (FUNCTIONS_OF_ANY, ["text", "number", "bool", "any"])]
        )
        name = self.usable(*kinds)
        if name is None:
            return
        function = self.rng.choice(functions)
        text = function.format(*[name] * 2)
        kind = self.known[name] if function == "@{}" else "number" if functions is FUNCTIONS_OF_NUMBER else "any"
        # Where a value is absent, an expression is an error; so ask for it only where there is one.
        if self.rng.random() < 0.7:
            self.words += ["FILTER", f"exists(@{name})"]
        self.words += ["APPLY", text, "AS", self.new(kind)]

    def filter(self):
        name = self.usable("number")
        if name:
            self.words += ["FILTER", self.rng.choice([f"exists(@{name}) && @{name} > 2", f"!exists(@{name}) || @{name} <= 5"])]

    def group(self):
        names = [name for name in sorted(self.known) if self.usable_for_group(name)]
        by = self.rng.sample(names, min(len(names), self.rng.randrange(0, 3)))
        self.words += ["GROUPBY", len(by), *["@" + name for name in by]]
        columns = {name: self.known[name] for name in by}
        for _ in range(self.rng.randrange(0, 4)):
            function = self.rng.choice(REDUCERS)
            arguments = [] if function == "COUNT" or not names else ["@" + self.rng.choice(names)]
            if not arguments:
                function = "COUNT"
            of = self.known[arguments[0][1:]] if arguments else "number"
            if function == "QUANTILE":
                arguments.append(self.rng.choice(["0.5", "0", "1", "0.25", "0.9"]))
            elif function == "RANDOM_SAMPLE":
                arguments.append(100)
            elif function == "FIRST_VALUE":
                sort = [name for name in names if self.known[name] == "number"]
                if sort:
                    arguments += ["BY", "@" + self.rng.choice(sort), *self.rng.choice([[], ["ASC"], ["DESC"]])]
            self.words += ["REDUCE", function, len(arguments), *arguments, "AS"]
            kind = {"FIRST_VALUE": of, "TOLIST": "list", "RANDOM_SAMPLE": "list"}.get(function, "number")
            self.fresh += 1
            columns[f"c{self.fresh}"] = kind
            self.words.append(f"c{self.fresh}")
        self.known, self.grouped, self.sorted = columns, True, False

    def usable_for_group(self, name):
        return self.known[name] != "list"

    def sort(self):
        names = [name for name, kind in sorted(self.known.items()) if kind in ("number", "text", "bool")]
        if self.sorted or not names:
            return
        self.sorted = True
        fields = []
        for name in self.rng.sample(names, min(len(names), self.rng.randrange(1, 3))):
            fields += ["@" + name, *self.rng.choice([[], ["ASC"], ["DESC"]])]
        self.words += ["SORTBY", len(fields), *fields, "MAX", 100]

    def limit(self):
        if not self.grouped and not self.sorted:  # which rows are cut is decided by an order that is no promise
            self.limited = True
            self.words += ["LIMIT", self.rng.randrange(0, 4), self.rng.choice([1, 5, 100])]


class Answer:
    """What one side answers: an error, or pages of rows, each a list of pairs."""

    def __init__(self, link, protocol, request):
        reply = link(*request.words)
        self.error, self.pages, self.total = None, [], None
        while True:
            error = reply if isinstance(reply, Error) else None
            body, cursor = (reply if request.cursor else (reply, 0)) if error is None else (None, 0)
            rows = [] if error is not None else body.get("results") if protocol == 3 else body[1:]
            inner = next((row for row in rows if isinstance(row, Error)), None)
            if error is not None or inner is not None:
                self.error = str(error if error is not None else inner)
                return
            if request.words[0] == "FT.SEARCH":
                rows = [row.get("extra_attributes") for row in rows] if protocol == 3 else rows[1::2]
            elif protocol == 3:
                rows = [row.get("extra_attributes") for row in rows]
            self.pages.append([pairs(row) for row in rows])
            if self.total is None:
                self.total = body.get("total_results") if protocol == 3 else body[0]
            if not cursor:
                return
            reply = link("FT.CURSOR", "READ", "i", cursor)

    @property
    def rows(self):
        return [row for page in self.pages for row in page]

    def shape(self):
        return [len(page) for page in self.pages]


def pairs(row):
    if isinstance(row, Map):
        return [(name, value) for name, value in row]
    return list(zip(row[::2], row[1::2], strict=True))


def plain(value):
    """Values that can be compared and sorted: numbers as numbers, lists sorted."""
    if value is NULL or value is NULL_BULK or value is None:
        return "nil"
    if isinstance(value, Double):
        return f"{float(value):.11g}"
    if isinstance(value, Map):
        return "{" + ",".join(f"{plain(name)}:{plain(item)}" for name, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(plain, value))) + "]"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


class Comparison:
    """Compares two answers, and collects what accounts for differences."""

    def __init__(self, request, mine, peer):
        self.request, self.mine, self.peer, self.reasons = request, mine, peer, set()

    def because(self, reason, holds=True):
        if holds:
            self.reasons.add(reason)
        return bool(holds)

    def accounted(self):
        mine, peer, words = self.mine, self.peer, " ".join(map(str, self.request.words))
        if mine.error is not None or peer.error is not None:
            return self.errors(words)
        if mine.shape() != peer.shape() and len(mine.rows) == len(peer.rows):
            return False
        sides = [[self.row(row) for row in answer.rows] for answer in (mine, peer)]
        if not self.ordered():
            sides = [sorted(side) for side in sides]
        if sides[0] == sides[1] or sorted(sides[0]) == sorted(sides[1]):
            return True
        return self.explained(words, *sides)

    def ordered(self):
        return not self.request.grouped and not self.request.sorted

    def row(self, row):
        """What LOAD * adds to a row has no order that anybody promises."""
        return sorted((name.decode(), plain(value)) for name, value in row)

    def errors(self, words):
        mine, peer = self.mine.error, self.peer.error
        if mine == peer:
            return True
        if mine is None:
            known = ["not loaded nor in pipeline", "not all numbers"]
            if any(text in peer for text in known):
                return self.because("fields of the schema, and after LOAD * all others, need no LOAD here")
            if "converting string" in peer and "SORTBY" in words:
                return self.because("the peer can't sort values that are not all numbers")
            later = (self.request.dialect or 3) >= 3 and self.request.round.json
            if "Invalid type (9)" in peer or (later and "Could not convert" in peer):
                return self.because("the peer can't look into texts of JSON in dialects 3 and 4")
            if self.request.round.json and ("has no value" in peer or "'(null)'" in peer):
                return self.because("null of a SORTABLE field is no value for the peer, null in an array is text")
            return self.because("text that the peer takes for a place or a number", "converting" in peer and "LOAD *" in words)
        if any(text in mine for text in ("has no value", "Could not convert", "Error converting", "Invalid type", "cannot convert")):
            if peer is None:
                return self.because(
                    "an error after the first row: the peer cuts its answer short without a word",
                    "has no value" in mine or len(self.peer.rows) < len(self.request.round.documents),
                )
            several = "not loaded" in peer or "has no value" in peer + mine or "Invalid type (9)" in peer
            return self.because("another of several errors", several)
        return False

    def explained(self, words, mine, peer):
        request = self.request
        later = request.round.json and (request.dialect or 3) >= 3
        if request.dialect == 4 and request.sorted:
            return self.because("dialect 4 of the peer shows and counts less where it sorts")
        if request.round.json and len(self.peer.rows) < len(self.mine.rows):
            # An error after the first row cuts its answer: null in an array is no number for it, null of a SORTABLE field no value.
            cuts = re.search(r"FILTER|APPLY", words)
            return self.because("the peer takes an array of JSON for false, and cuts its answer at null", cuts)
        if request.grouped and len(self.peer.rows) != len(self.mine.rows):
            return self.because("for the peer, null, an empty array, and -0 are groups of their own, at times")
        steps = [
            ("FIRST_VALUE", "FIRST_VALUE: which row is first among equals, or without BY, is no promise", request.grouped),
            ("AVG", "documents without the value count in AVG of the peer", True),
            ("COUNT_DISTINCT", "null in an array counts among distinct values of the peer", later),
        ]
        masks, reasons = [set(self.columns(name)) for name, _, holds in steps if holds], []
        hidden = set().union(*masks)
        # Nor does it show an empty array, and null of a SORTABLE field.
        faces = [
            sorted([(name, self.face(value)) for name, value in row if self.face(value) not in ("", "nil")] for row in side)
            for side in (mine, peer)
        ]
        for name, reason, holds in steps:
            if holds and self.columns(name):
                reasons.append(reason)
        if request.round.json:
            reasons.append("of SORTABLE fields in JSON the peer shows what it keeps: the first value, and no array")
            mine, peer = faces
            if request.limited and request.sorted:
                return self.because("which of equals a LIMIT keeps is no promise")
        if self.masked(mine, hidden) == self.masked(peer, hidden):
            return all(self.because(reason) for reason in reasons)
        if hidden and request.words.count("GROUPBY") + request.words.count("FILTER") + request.words.count("APPLY") > 1:
            return all(self.because(reason + ", and what is made of it") for reason in reasons[:1])
        if later and request.words.count("GROUPBY") > 1:
            return self.because("which array of one first value a group shows is that of its first row, and groups have no order")
        if request.round.json and re.search(r"exists\(@[msw]\)", words) and request.grouped:
            return self.because("null of a SORTABLE field is no value for the peer, null in an array is text")
        if later and re.search(r"!@\w+|@\w+ && |@\w+ [|][|]|== 'Red'|FILTER", words):
            return self.because("the peer takes an array of JSON for false, and cuts its answer at null")
        if "LOAD *" in words and not request.round.json:
            masks = [sorted(map(self.numbers, side)) for side in (mine, peer)]
            holds = masks[0] == masks[1] or request.sorted or request.grouped or "APPLY" in words
            return self.because("after LOAD *, a number that a step mentions is computed with as a number here, as text in the peer", holds)
        return False

    def columns(self, function):
        words = list(map(str, self.request.words))
        found = set()
        for at, word in enumerate(words):
            if word == function and words[at - 1] == "REDUCE":
                found.add(words[at + 2 + int(words[at + 1]) + 1])
        return found

    @staticmethod
    def masked(side, names):
        return sorted([(name, "?" if name in names else value) for name, value in row] for row in side)

    @staticmethod
    def face(value):
        """What stands in a value, whether as itself, as the only one of an array, or as JSON text in a list."""

        def word(text):
            try:
                return f"{float(text) or 0.0:.11g}"
            except ValueError:
                return {"true": "1", "false": "0", "null": "nil"}.get(text, text)

        if value[:1] not in ("[", "{"):
            return word(value)
        words = map(word, filter(None, re.split(r"[][{},:\\\"]+", value)))
        return ",".join(sorted(word for word in words if word != "nil"))

    @staticmethod
    def numbers(row):
        def number(value):
            try:
                return f"{float(int(value, 16) if value.startswith('0x') else value) or 0.0:.11g}"
            except ValueError:
                return value

        return [(name, number(value)) for name, value in row]


class Run:
    def __init__(self, options):
        self.options = options
        self.mine, self.peer = Server("redis-7.4"), Server("redis-stack")
        self.reasons, self.asked, self.rows, self.differences, self.crashes = collections.Counter(), 0, 0, 0, 0
        self.connect()

    def connect(self):
        self.links = {(side, protocol): server.connect(protocol) for side, server in self.sides() for protocol in (2, 3)}

    def sides(self):
        return (("mine", self.mine), ("peer", self.peer))

    def both(self, words):
        for side, _ in self.sides():
            reply = self.links[side, 2](*words)
            if isinstance(reply, Error):
                raise RuntimeError(f"{side}: {words} {reply}")

    def round(self, seed):
        round = Round(seed)
        self.both(["FLUSHALL"])
        self.both(round.create())
        for number in range(len(round.documents)):
            self.both(round.put(number))
        for _ in range(100):
            protocol = round.rng.choice([2, 3])
            request = Request(round, protocol)
            self.asked += 1
            answers = [Answer(self.links[side, protocol], protocol, request) for side, _ in self.sides()]
            self.rows += len(answers[0].rows)
            comparison = Comparison(request, *answers)
            if comparison.accounted():
                self.reasons.update(comparison.reasons)
                continue
            self.differences += 1
            if self.differences <= self.options.show:
                words = [repr(word) if " " in str(word) else word for word in request.words]
                print(f"-- seed {seed} RESP{protocol} {'JSON' if round.json else 'HASH'}:", *words)
                shapes = [answer.shape() for answer in answers]
                for side, answer in zip(("mine", "peer"), answers, strict=True):
                    print(f"   {side} {answer.error or (answer.shape() if shapes[0] != shapes[1] else '', answer.rows[:12])}")

    def run(self):
        seed = self.options.seed * 1_000_000
        while self.asked < self.options.count:
            try:
                self.round(seed)
            except Disconnected:
                if not self.mine.alive():
                    print(f"the module's server died in round {seed}", self.mine.crash())
                    return 1
                self.crashes += 1
                if not self.peer.alive():
                    self.peer.start()
                self.connect()
            seed += 1
        print(f"{self.asked} requests, {self.rows} rows, {self.differences} differences, {self.crashes} crashes of the peer")
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
        run.mine.close()
        run.peer.close()


if __name__ == "__main__":
    sys.exit(main())
