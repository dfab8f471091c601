"""Both sides held against each other: counts by type and database, digests of values, and what each index answers.

Where writes go on, a difference counts only if it stays after what changed was copied: what is written faster than it can be looked at
is said to be so, and is no difference.
"""

import collections
import functools
import json
import random
import re
import struct
import time

from . import definitions, payload
from .values import KINDS, SUGGESTIONS, VECTORS, Source, Unreadable, digest, knows_field_times, same
from .wire import failed, mapping, text

ATTEMPTS = 8
QUERIES = 20
SAMPLE = 1000
# Distances that differ by less are equal: both sides count in 32 bits, in another order.
NEAR = 1e-4


class Verifier:
    """Compares what a `Mover` copied."""

    def __init__(self, mover, options):
        self.mover, self.options, self.report = mover, options, mover.report
        self.source, self.target = mover.source, mover.target
        self.random = random.Random(options.seed)
        self.compared = self.asked = 0
        self.moving = []
        self.samples = []

    def run(self):
        self.report.say("counting")
        self.settle(self.counts, self.name_missing, attempts=3)
        self.report.say(f"comparing {'all' if self.options.verify == 'all' else 'some'} values")
        self.values()
        self.report.say("asking the indexes")
        for index in definitions.indexes(self.source):
            self.index(index)
        print(f"compared {self.compared:,} values and {self.asked} queries")
        for what in self.moving[:20]:
            print(f"changes too fast to be compared: {what}")

    def settle(self, look, name, attempts=ATTEMPTS):
        """Looks until nothing differs; what still does is named, unless writes go on."""
        for _ in range(attempts):
            before = self.heard()
            found = look()
            if not found:
                return
            busy = self.heard() != before
            self.catch_up()
        name(found, busy)

    def heard(self):
        return self.mover.follower.heard if self.mover.follower else 0

    def catch_up(self):
        if self.mover.follower:
            self.mover.catch_up()

    # Keys

    def counts(self):
        """What is counted otherwise, as lines."""
        self.samples = []
        here, there = self.count(self.source, True), self.count(self.target, False)
        if self.options.merge:
            there = {place: min(count, here.get(place, 0)) for place, count in there.items()}
        return {place: (here.get(place, 0), there.get(place, 0)) for place in {*here, *there} if here.get(place) != there.get(place)}

    def count(self, side, sample):
        """(database, type) -> number of keys. Keys of the source to be compared are kept on the way."""
        found = collections.Counter()
        every = max(sum(side.databases().values()) // SAMPLE, 1) if self.options.verify == "sample" else 1
        for db in side.databases():
            seen = set()
            for keys in side.scan(db, 1000):
                keys = [key for key in dict.fromkeys(keys) if hash(key) not in seen]
                seen.update(map(hash, keys))
                kinds = side.many(db, [(key, "TYPE", key) for key in keys])
                found.update((db, text(kind)) for kind in kinds if text(kind) != "none")
                if sample and self.options.verify != "none":
                    self.samples += [(db, key, text(kind)) for key, kind in zip(keys, kinds) if not self.random.randrange(every)]
        return found

    def name_missing(self, found, busy):
        for (db, kind), (here, there) in sorted(found.items()):
            line = f"db {db}: {here} keys of type {kind} here, {there} there"
            if busy and abs(here - there) <= self.options.batch:
                self.moving.append(line)
            else:
                self.report.differs("counts", line)

    def values(self):
        for start in range(0, len(self.samples), 250):
            batch = self.samples[start : start + 250]
            for _ in range(ATTEMPTS):
                heard = self.heard()
                batch = self.differing(batch)
                if not batch:
                    break
                self.catch_up()
            for db, key, kind in batch:
                line = f"db {db} {text(key)} ({kind})"
                if (db, key) in self.report.failures:
                    continue
                if self.mover.follower and (self.mover.follower.holds(db, key) or (self.heard() != heard and self.changes(db, key, kind))):
                    self.moving.append(line)
                else:
                    self.report.differs("values", line)
        self.compared = len(self.samples)

    def differing(self, batch):
        """Those of (database, key, kind) whose values or times to live differ."""
        rest = []
        for db in {db for db, *_ in batch}:
            entries = [(key, kind, 0) for place, key, kind in batch if place == db]
            plain, large = self.mover.by_size(db, entries)
            ask = [(key, command, key) for key, *_ in plain for command in ("DUMP", "PTTL")]
            ask += [(key, "PTTL", key) for key, *_ in large]
            here, there = self.source.many(db, ask), self.target.many(db, ask)
            for place, (key, kind, _) in enumerate(plain):
                pairs = list(zip(here[2 * place : 2 * place + 2], there[2 * place : 2 * place + 2]))
                if not ((equal(*pairs[0]) or self.alike(db, key, kind)) and lasting(*pairs[1])):
                    rest.append((db, key, kind))
            for (key, kind, _), *times in zip(large, here[2 * len(plain) :], there[2 * len(plain) :]):
                if not (self.alike(db, key, kind) and lasting(*times)):
                    rest.append((db, key, kind))
        return rest

    def alike(self, db, key, kind):
        """True where commands read the same of both."""
        if kind not in KINDS:
            return False
        try:
            # Times of fields that the target can't have are named when they are lost.
            timed = all(map(knows_field_times, (self.source, self.target)))
            alike = same(*(Source(side, db, key, self.options.large, timed) for side in (self.source, self.target)), kind)
        except Unreadable:
            return False
        if not alike and kind in (VECTORS, SUGGESTIONS):
            self.mover.silent_keys()
        return alike

    def changes(self, db, key, kind):
        """True where the source's own value is another one now than a moment ago."""
        ask = Source(self.source, db, key, self.options.large)
        try:
            return digest(ask, kind) != digest(ask, kind)
        except Unreadable:
            return True

    # Indexes

    def index(self, index):
        name = text(index.name)
        if problem := self.wait_filled(index):
            self.report.differs("indexes", f"{name}: {problem}")
            return
        self.settle(functools.partial(self.documents, index), functools.partial(self.name_answer, f"{name}: documents"))
        for words in self.queries(index):
            self.asked += 1
            shown = " ".join(text(word) if len(word) < 60 else "…" for word in map(bytes_of, words))
            self.settle(functools.partial(self.answers, index, words), functools.partial(self.name_answer, f"{name}: {shown}"))

    def name_answer(self, what, found, busy):
        line = f"{what}: {shorten(found[0])} here, {shorten(found[1])} there"
        if busy:
            self.moving.append(line)
        else:
            self.report.differs("answers of indexes", line)

    def wait_filled(self, index):
        """Waits until both sides have indexed all; what the target says where it has no such index."""
        for side in (self.source, self.target):
            known = [node for node in side.nodes if not failed(reply := node.one("FT.INFO", index.name, db=index.db))]
            if not known:
                return str(reply).partition(", with args")[0]
            while any(filling(node.one("FT.INFO", index.name, db=index.db)) for node in known):
                time.sleep(0.05)
        return None

    def documents(self, index):
        numbers = [self.count_documents(side, index) for side in (self.source, self.target)]
        return None if numbers[0] == numbers[1] else numbers

    def count_documents(self, side, index):
        if not side.cluster:
            return int(mapping(side.one(index.db, None, "FT.INFO", index.name)).get("num_docs", 0))
        replies = asked(side, "FT.SEARCH", index.name, "*", "NOCONTENT", "LIMIT", 0, 100, "DIALECT", 2, db=index.db)
        return total(side, [(node, reply) for node, reply in replies if not failed(reply)])

    def queries(self, index):
        """Some queries that documents of the index would answer."""
        found = [["*"]]
        documents = self.documents_of(index)
        attributes = list(index.attributes())
        for document in documents * 3:
            name, entry, flags = self.random.choice(attributes)
            value = document.get(text(entry["identifier"]).encode())
            if value is not None and "NOINDEX" not in flags and len(found) < QUERIES:
                query = self.query(name, entry, value)
                if query and query not in found:
                    found.append(query)
        return found

    def documents_of(self, index):
        """Fields of some documents, by what the index calls their identifiers."""
        reply = self.source.one(index.db, None, "FT.SEARCH", index.name, "*", "NOCONTENT", "LIMIT", 0, 60, "DIALECT", 2)
        keys = [] if failed(reply) else reply[1:]
        documents = []
        for key in keys:
            if index.kind == "HASH":
                reply = self.source.one(index.db, key, "HGETALL", key)
                documents.append({} if failed(reply) else dict(zip(reply[::2], reply[1::2])))
            else:
                names = [text(entry["identifier"]) for _, entry, _ in index.attributes()]
                replies = self.source.many(index.db, [(key, "JSON.GET", key, name) for name in names])
                documents.append({name.encode(): first(reply) for name, reply in zip(names, replies)})
        return documents

    def query(self, name, entry, value):
        """A query for a value of an attribute; None where the value does not lend itself to one."""
        kind, field = text(entry["type"]).upper(), definitions.escape(name)
        if kind == "VECTOR":
            flat = definitions.flat(entry)
            blob = vector_blob(value, text(flat.get("data_type", b"FLOAT32")).upper())
            return blob and [f"*=>[KNN 10 @{field} $b AS distance]", "PARAMS", 2, "b", blob, "SORTBY", "distance"]
        shown = text(value) if isinstance(value, bytes) else str(value)
        if kind == "NUMERIC" and re.fullmatch(r"-?\d+(\.\d+)?", shown):
            return [f"@{field}:[{shown} {float(shown) + abs(float(shown)) / 10:.17g}]"]
        if isinstance(value, list) and kind != "VECTOR":
            shown = str(value[0]) if value else ""
        if kind == "TAG":
            separator = text(entry.get("separator") or b",") or ","
            tag = shown.split(separator)[0].strip()
            return [f"@{field}:{{{definitions.escape(tag)}}}"] if tag and tag.isprintable() else None
        if kind == "TEXT":
            words = re.findall(r"[A-Za-z]{3,20}", shown)
            return [f"@{field}:{self.random.choice(words)}"] if words else None
        if kind == "GEO" and re.fullmatch(r"-?[\d.]+,-?[\d.]+", shown):
            return [f"@{field}:[{shown.replace(',', ' ')} 100 km]"]
        return None

    def answers(self, index, words):
        """None where both sides answer alike, else what they answer."""
        query, *more = words
        search = ["FT.SEARCH", index.name, query, *more, "LIMIT", 0, 1000, "DIALECT", 2]
        search += ["RETURN", 1, "distance"] if more else ["NOCONTENT"]
        replies = [asked(side, *search, db=index.db) for side in (self.source, self.target)]
        good = [[(node, reply) for node, reply in answers if not failed(reply)] for answers in replies]
        if not all(good):
            return None if not any(good) else [answers[0][1] for answers in replies]
        if more:
            return near(*map(distances, good))
        here, there = map(hits, (self.source, self.target), good)
        return None if here == there else (here, there) if here[0] != there[0] else (here[1][:5], there[1][:5])


def equal(here, there):
    """True where two payloads hold the same bytes, or both keys are gone."""
    if here is None or there is None or failed(here) or failed(there):
        return here is there
    return payload.body(here) == payload.body(there)


def lasting(here, there):
    """True where two times to live are the same, up to when they were asked."""
    return abs(here - there) <= 2000 and (here < 0) == (there < 0)


def asked(side, *words, db):
    """(node, what it answers) of each node."""
    return [(node, node.one(*words, db=db)) for node in side.nodes]


def total(side, replies):
    """Number of hits, where each node of a cluster answers for all, which the keys that it names show, or for its own keys."""
    for node, reply in replies:
        if any(side.node(key) is not node for key in reply[1:]):
            return reply[0]
    return sum(reply[0] for _, reply in replies)


def hits(side, replies):
    """(number of hits, their keys where these are not many) of all nodes."""
    keys = {key for _, reply in replies for key in reply[1:]}
    number = total(side, replies) if side.cluster else replies[0][1][0]
    return number, sorted(keys) if number <= 1000 else []


def filling(reply):
    """True where an index is not yet filled."""
    about = mapping(reply)
    return int(float(about.get("indexing", about.get("backfill_in_progress", 0)) or 0)) != 0


def near(here, there):
    """None where the second distances are the first, or better."""
    equal = len(here) == len(there) and all(other <= one + NEAR * max(abs(one), 1) for one, other in zip(here, there))
    # Both are approximate: as many hits that are on the whole about as near are the same answer.
    return None if equal or (len(here) == len(there) and sum(there) <= sum(here) * 1.1 + NEAR) else (here, there)


def shorten(answer):
    return str(answer)[:150].partition(", with args")[0]


def distances(replies):
    """Distances of the ten nearest of all nodes."""
    found = {key: fields[1] for _, reply in replies for key, fields in zip(reply[1::2], reply[2::2]) if len(fields) > 1}
    return sorted(map(float, found.values()))[:10]


def bytes_of(word):
    return word if isinstance(word, bytes) else str(word).encode()


def first(reply):
    """What a path of a JSON document leads to first."""
    try:
        found = json.loads(reply)
    except (TypeError, ValueError):
        return None
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, (str, int, float, list)) and not isinstance(found, bool) else None


def vector_blob(value, kind):
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and value and all(isinstance(number, (int, float)) for number in value):
        code = {"FLOAT32": "f", "FLOAT64": "d", "FLOAT16": "e"}.get(kind)
        return code and struct.pack(f"<{len(value)}{code}", *value)
    return None
