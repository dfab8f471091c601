"""sweep: everything beside plain vector search, case by case, beside RediSearch 2.10.5 and RedisJSON 2.8.3 on Redis 7.4 and Redis 8.2.

    create      FT.CREATE over documents that are there, by the type of a field: until all is indexed
    queries     FT.SEARCH of every kind
    aggregates  FT.AGGREGATE
    small       commands that look at an index and not at documents
    cursors     all rows of an index, page by page
    writes      changes of documents in an index, until they are searchable
    mixed       readers while changes are offered at a rate; a storm of keys that expire
    json        documents of 1 KB, 100 KB and 10 MB
    sets        vector sets beside plain VSIM, beside Redis 8.2
    growth      ten cases over a quarter, all and four times as many documents (only when it is asked for)

`--only TEXT` takes steps, or the cases whose name has this text: `--only "AGG LOAD"`. `--documents`, `--connections`, `--seconds` and
`--rounds` make it shorter: `--documents 50000 --rounds 1 --seconds 0.2`. Both sides answer the same commands over closed loops, in turns
(A B B A); a case is a rate and the processor time of all threads of the server, medians of the rounds, and whether answers agree.
What was found lies in target/bench/sweep.json, case by case, and `--beside FILE` shows such a file of before beside it.
"""

import json
import pathlib
import statistics
import time

from benchmarks import sweep_aggregates, sweep_json, sweep_queries, sweep_sets
from benchmarks.part import Part
from benchmarks.report import number as digits
from benchmarks.sides import PATIENCE, Side, finish, in_turns
from benchmarks.sweep_data import CREATE, FOLDER, Documents, write
from benchmarks.sweep_report import agreement, growth, listing, summary
from benchmarks.sweep_state import indexed, processor, quiet, searchable
from benchmarks.sweep_writes import Changes
from resp import Error
from servers import Server, wait_until

FOUND = FOLDER / "sweep.json"
FIELDS = """body TEXT|note TEXT|title TEXT|alias TEXT|alias TEXT WITHSUFFIXTRIE|cat TAG|cat TAG SORTABLE|brand TAG|uid TAG
uid TAG WITHSUFFIXTRIE|tags TAG|price NUMERIC|price NUMERIC SORTABLE|qty NUMERIC|ts NUMERIC|rating NUMERIC|name TEXT SORTABLE|loc GEO
opt TAG INDEXMISSING|absent TAG""".replace("\n", "|").split("|")
BARE = "body TEXT NOFREQS NOOFFSETS"
GROWING = (
    "FT.INFO|AGG SORTBY MAX 10 *|AGG LOAD unsortable 10 rows|AGG apply strings *|AGG filter *|word common NOCONTENT TFIDF|OR 50 mid"
    "|phrase 3|FT.TAGVALS 1000|fuzzy 2"
).split("|")


class Case:
    """What was measured of one case, of both sides: rates, processor time of an operation in µs, and words."""

    def __init__(self, name):
        self.name, self.rates, self.times, self.words = name, ([], []), ([], []), ""

    def note(self, side, rate, microseconds=None):
        self.rates[side].append(rate)
        if microseconds is not None:
            self.times[side].append(microseconds)

    def row(self):
        """(ratio of rates, ratio of processor time, rates, times, words); None where there is nothing to compare."""
        middle = lambda values: statistics.median(values) if values else None
        rates, times = map(middle, self.rates), map(middle, self.times)
        (ours, theirs), (mine, peers) = rates, times
        ratio = ours / theirs if ours and theirs else None
        return {
            "name": self.name,
            "ratio": ratio,
            "processor": peers / mine if mine and peers else None,
            "rates": [ours, theirs],
            "times": [mine, peers],
            "answers": self.words,
        }


class Sweep(Part):
    """The part."""

    NAME = "sweep"
    STEPS = {
        "create": (30, True),
        "queries": (25, True),
        "aggregates": (12, True),
        "small": (1, True),
        "cursors": (3, True),
        "writes": (15, True),
        "mixed": (5, True),
        "json": (15, True),
        "sets": (8, True),
        "growth": (20, False),
    }
    EXAMPLES = ("clients",)

    @classmethod
    def asked(cls, only):
        """The steps that are named; all that run unasked, with less to do, when cases are."""
        steps = [name for name in cls.STEPS if name in only]
        return steps or [name for name, (_, unasked) in cls.STEPS.items() if unasked]

    def prepare(self, stack):
        self.stack, options = stack, self.options
        self.patterns = [text for text in options.only if text not in self.STEPS]
        self.count = options.documents or (2000 if options.quick else 200_000)
        self.connections, self.seconds = options.connections, options.seconds or (0.05 if options.quick else 0.3)
        self.cases, self.grown = {}, {}
        self.sides, self.filled, self.indexed, self.made = [], None, False, None
        self.data = f"{self.count:,} documents made up from a seed"

    @property
    def documents(self):
        self.made = self.made or Documents(self.count)
        return self.made

    def wanted(self, name):
        return not self.patterns or any(text.lower() in name.lower() for text in self.patterns)

    def case(self, name):
        return self.cases.setdefault(name, Case(name))

    # The two sides.

    def start(self, ours, peer, label):
        sides = [Side("nearset", self.stack.enter_context(Server(ours)))]
        if not self.options.alone:
            sides.append(Side(label, self.stack.enter_context(Server(peer))))
        for side in sides:
            side.server.patience = PATIENCE
        return sides

    def begin(self):
        """The sides of all but vector sets."""
        sides = self.start(self.options.server or "redis-7.4", "redis-stack", "RediSearch")
        for side in sides:
            side.r2("FT.CONFIG", "SET", "TIMEOUT", 0)
        return sides

    def fill(self, count=None, indexed=True):
        """Has the documents in both, and the index."""
        count = count or self.count
        self.sides = self.sides or self.begin()
        if self.filled != count:
            path = self.documents.file("hashes", count, self.documents.hashes(0, count))
            for side in self.sides:
                side.clear()
                self.drive(side, path, "--pipeline", 16, "--count", count, "--connections", 8)
            self.filled, self.indexed = count, False
        if indexed and not self.indexed:
            for side in self.sides:
                self.build(side, *CREATE)
            self.indexed = True

    def build(self, side, *command):
        """Seconds and processor seconds until all is indexed."""
        before, start = processor(side.server), time.monotonic()
        reply = side.r2(*command)
        if isinstance(reply, Error):
            raise RuntimeError(f"{command}: {reply}")
        wait_until(lambda: indexed(side, command[1]), "all is indexed", timeout=PATIENCE)
        return time.monotonic() - start, processor(side.server) - before

    def drive(self, side, path, *words):
        return finish(self.start_clients(side, path, *words))

    def start_clients(self, side, path, *words):
        return side.start_program("clients", "--port", side.server.port, "--requests", path, *words)

    def turns_of(self, rounds=None):
        """(number of the side, side), in turns."""
        for side in in_turns(self.sides, range(rounds or self.options.rounds)):
            yield self.sides.index(side), side

    def compare(self, cases, connections=None, **given):
        """Measures commands that are asked again and again: (name, commands)."""
        for name, commands in cases:
            if self.wanted(name):
                self.one(name, commands, connections or self.connections, **given)

    def one(self, name, commands, connections, before=()):
        for side in self.sides:
            side.r2.pipeline(before)
        case, path = self.case(name), write(self.folder / "case.requests", commands)
        if len(self.sides) > 1:
            ask = commands[: 4 if commands[0][0] == "FT.AGGREGATE" else 8]
            case.words = agreement(ask, *([side.r2(*command) for command in ask] for side in self.sides))
        for place, side in self.turns_of():
            start = processor(side.server)
            load = self.drive(side, path, "--connections", connections, "--seconds", self.seconds)
            case.note(place, load["rate"], (processor(side.server) - start) * 1e6 / load["operations"])
            if load["errors"]:
                case.words = f"{side.label}: {load['error']}"
        self.tell(case)

    def tell(self, case):
        row = case.row()
        text = "  ".join(f"{digits(value):>9}" for value in (*row["rates"], row["ratio"], *row["times"], row["processor"]))
        self.say(f"{row['name']:44} {text}  {row['answers']}")

    # The steps.

    def create_cases(self):
        for field in (*FIELDS, BARE):
            options = [word for word in field.split() if word.startswith("NO")]
            words = [word for word in field.split() if word not in options]
            yield (
                f"FT.CREATE over {self.count // 1000}k hashes: {field}",
                ["FT.CREATE", "one", "PREFIX", 1, "d:", *options, "SCHEMA", *words],
            )
        yield f"FT.CREATE over {self.count // 1000}k hashes: whole schema", ["FT.CREATE", "one", *CREATE[2:]]

    def create(self):
        for name, command in self.create_cases():
            if not self.wanted(name):
                continue
            self.fill(indexed=False)
            case, sizes = self.case(name), ([], [])
            for place, side in self.turns_of():
                used = side.used()
                seconds, busy = self.build(side, *command)
                case.note(place, self.count / seconds, busy * 1e6 / self.count)
                sizes[place].append((side.used() - used) / self.count)
                side.r2("FT.DROPINDEX", "one")
                quiet(side)
            case.words = "bytes a document " + " / ".join(digits(statistics.median(size)) for size in sizes if size)
            self.tell(case)

    def queries(self):
        self.search_cases(sweep_queries.cases)
        plain = [case for case in sweep_queries.plain_cases(self.documents) if self.wanted(case[0])]
        if plain:
            self.fill()
            for side in self.sides:
                self.build(side, "FT.CREATE", "plain", "PREFIX", 1, "d:", "SCHEMA", "body", "TEXT", "note", "TEXT", "brand", "TAG")
            self.compare(plain)
            for side in self.sides:
                side.r2("FT.DROPINDEX", "plain")

    def aggregates(self):
        self.search_cases(sweep_aggregates.aggregates)

    def small(self):
        self.search_cases(sweep_aggregates.small)

    def search_cases(self, cases):
        """Cases that need the index, which is made only if there is one of them."""
        chosen = [case for case in cases(self.documents) if self.wanted(case[0])]
        if chosen:
            self.fill()
            self.compare(chosen)

    def cursors(self):
        for name, words in sweep_aggregates.CURSORS.items():
            if not self.wanted(f"cursor {name}"):
                continue
            self.fill()
            case, rows = self.case(f"cursor {name}"), [0, 0]
            for place, side in self.turns_of():
                start, began = processor(side.server), time.monotonic()
                rows[place] = sweep_aggregates.read_all(side.r2, words)
                case.note(place, 1 / (time.monotonic() - began), (processor(side.server) - start) * 1e6)
            case.words = "rows " + " / ".join(map(str, rows[: len(self.sides)]))
            self.tell(case)

    def writes(self):
        changes = Changes(self.documents, self.options.quick)
        gone = "DEL of indexed"
        for name, commands, pipeline in changes.writes():
            # What is removed was added by the case of new documents.
            if self.wanted(name) or (name.startswith("HSET new") and self.wanted(gone)):
                self.fill()
                self.change(name, commands, pipeline)

    def change(self, name, commands, pipeline):
        case = self.case(name)
        waits = ([], [])
        for number in range(self.options.rounds):
            requests = commands(number)
            path = write(self.folder / "changes.requests", requests)
            for place, side in enumerate(self.sides) if number % 2 == 0 else reversed(list(enumerate(self.sides))):
                quiet(side)
                start, began = processor(side.server), time.monotonic()
                words = ("--connections", self.connections, "--pipeline", pipeline, "--count", len(requests))
                load = self.drive(side, path, *words)
                searchable(side)
                seconds = time.monotonic() - began
                quiet(side)
                case.note(place, len(requests) / seconds, (processor(side.server) - start) * 1e6 / len(requests))
                waits[place].append(load["p99_us"])
        case.words = "p99 µs " + " / ".join(digits(statistics.median(wait)) for wait in waits if wait)
        self.tell(case)

    def mixed(self):
        changes = Changes(self.documents, self.options.quick)
        for kind, rate in (("price", 5000), ("text", 500), ("text", 2000), ("text", 5000)):
            name = f"reads while {rate:,} {kind} updates/s are offered"
            if self.wanted(name):
                self.fill()
                self.while_written(name, changes, kind, rate)
        name = "expiry storm, until expired"
        if self.wanted(name):
            self.fill()
            self.storm(name, changes)

    def while_written(self, name, changes, kind, rate):
        case = self.case(name)
        reads = write(self.folder / "reads.requests", changes.reads())
        writes = write(self.folder / "writes.requests", changes.load(kind))
        seconds, notes = (0.3 if self.options.quick else 2), ([], [])
        for place, side in self.turns_of():
            quiet(side)
            writer = self.start_clients(side, writes, "--connections", 4, "--pipeline", 4, "--rate", rate, "--seconds", seconds * 1.5)
            time.sleep(seconds / 6)
            load = self.drive(side, reads, "--connections", 4, "--seconds", seconds)
            written = finish(writer)
            case.note(place, load["rate"])
            notes[place].append((load["p99_us"], written["rate"]))
        text = lambda note: (
            f"p99 {digits(statistics.median(a for a, _ in note))} µs, {digits(statistics.median(b for _, b in note))} writes/s"
        )
        case.words = " / ".join(text(note) for note in notes if note)
        self.tell(case)

    def storm(self, name, changes):
        """Many documents that expire at one moment, and what a client waits for meanwhile."""
        case, notes, count = self.case(name), ([], []), changes.many
        for turn, (place, side) in enumerate(self.turns_of()):
            path = write(self.folder / "storm.requests", changes.new(count, 50 + turn))
            self.drive(side, path, "--pipeline", 8, "--count", count, "--connections", 8)
            searchable(side)
            quiet(side)
            at = time.time_ns() // 1_000_000 + 1500
            first = 10_000_000 * (51 + turn)
            side.r2.pipeline([["PEXPIREAT", f"d:{first + document}", at] for document in range(count)])
            before = int(side.server.info("stats", "expired_keys"))
            time.sleep(max(0, at / 1000 - time.time() - 0.01))
            start, began, waited = processor(side.server), time.monotonic(), []
            while True:
                sent = time.perf_counter()
                side.r2("PING")
                waited.append(time.perf_counter() - sent)
                gone = len(waited) % 20 == 0 and int(side.server.info("stats", "expired_keys")) - before
                if gone >= count or time.monotonic() - began > 30:
                    break
                time.sleep(0.0005)
            seconds = time.monotonic() - began
            quiet(side)
            case.note(place, count / seconds, (processor(side.server) - start) * 1e6 / count)
            notes[place].append(sorted(waited)[int(len(waited) * 0.999)] * 1e6)
        case.words = "p99.9 of PING, µs " + " / ".join(digits(statistics.median(note)) for note in notes if note)
        self.tell(case)

    def json(self):
        for size in sweep_json.SIZES:
            for name, before, commands in sweep_json.cases(size):
                self.json_case(name, before, commands, 1 if size == "10MB" else 4)
        for name, before, commands in sweep_json.several():
            self.json_case(name, before, commands, 4)

    def json_case(self, name, before, commands, connections):
        if self.wanted(name):
            if not self.sides:
                self.sides = self.begin()
            self.one(name, commands, min(connections, self.connections), before)

    def sets(self):
        elements = sweep_sets.Elements(max(self.count // 2, 100))
        adding = {f"V VADD {name} + attributes": (key, count, commands) for name, key, count, commands in elements.sets()}
        chosen = [case for case in elements.cases() if self.wanted(case[0])]
        if not chosen and not any(map(self.wanted, adding)):
            return
        kept, self.sides = self.sides, self.start("redis-7.4", "bare-redis-8.2", "Redis 8.2")
        try:
            for name, (key, count, commands) in adding.items():
                self.add(name, key, count, commands)
            self.compare(chosen)
        finally:
            self.sides = kept

    def add(self, name, key, count, commands):
        path, case, sizes = write(self.folder / "adding.requests", commands), self.case(name), []
        for place, side in enumerate(self.sides):
            used = side.used()
            start, began = processor(side.server), time.monotonic()
            self.drive(side, path, "--connections", self.connections, "--count", count)
            side.r2("VINFO", key)
            seconds = time.monotonic() - began
            quiet(side)
            case.note(place, count / seconds, (processor(side.server) - start) * 1e6 / count)
            sizes.append((side.used() - used) / count)
        case.words = "bytes an element " + " / ".join(map(digits, sizes))
        self.tell(case)

    def growth(self):
        kept, self.cases = self.cases, {}
        names = [name for name in GROWING if self.wanted(name)]
        sizes = (self.count // 4, self.count, self.count * 4)
        for count in sizes if names else ():
            self.count, self.made = count, None
            self.fill(count)
            every = (
                *sweep_queries.cases(self.documents),
                *sweep_aggregates.aggregates(self.documents),
                *sweep_aggregates.small(self.documents),
            )
            self.cases = {}
            self.compare((case for case in every if case[0] in names), connections=1)
            for case in self.cases.values():
                self.grown.setdefault(case.name, []).append((count, case.row()["times"]))
        self.cases = kept

    # What was found.

    def found(self):
        return [case.row() for case in self.cases.values()]

    def report(self):
        rows = self.found()
        FOLDER.mkdir(parents=True, exist_ok=True)
        FOUND.write_text(json.dumps(rows, indent=0))
        before = {row["name"]: row for row in json.loads(pathlib.Path(self.options.beside).read_text())} if self.options.beside else {}
        text = f"{self.data}, {self.connections} connections.\n\n{summary(rows)}\n\n{listing(rows, before)}"
        return text + (f"\n\n{growth(self.grown)}" if self.grown else "")
