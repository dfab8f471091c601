#!/usr/bin/env python3
"""A Redis Stack that is written to for some minutes, and a server with this module that follows it; then both are asked the same.

    tests/differential/replica.py [--minutes 10] [--queries 1000] [--seed 1]

Writes are of hashes and JSON documents, times to live, and FT.CREATE, ALTER, DROPINDEX, ALIAS*, DICT*, SYNUPDATE and SUG*,
some of which fail. At the end the replica has read all: keys have the same digests, indexes, aliases, dictionaries, groups of
synonyms and suggestions are the same, and queries have the same rows. RediSearch keeps rows of documents that have gone or
changed: of a row that only one has, its document decides whether it is right. Then the replica is promoted and answers again.
Exits with 1 where something differs.
"""

import argparse
import json
import math
import pathlib
import random
import re
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from resp import Error  # noqa: E402
from servers import Server, wait_until  # noqa: E402

WORDS = "fox dog quick lazy running runs garden gardens city cities hello world night knight house tree".split()
TAGS = "red green blue odd even".split()
DOCUMENTS = 5_000
INDEXES = [f"i{n}" for n in range(6)]


class Writer:
    """What is written: a command at a time."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def text(self):
        return " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 12)))

    def vector(self):
        return [round(self.rng.uniform(-1, 1), 3) for _ in range(4)]

    def command(self):
        rng, roll = self.rng, self.rng.random()
        key = rng.randrange(DOCUMENTS)
        if roll < 0.45:
            fields = ["t", self.text(), "n", rng.randrange(1000), "g", ",".join(rng.sample(TAGS, 2)), "p", f"{rng.uniform(0, 9):.3f},{rng.uniform(0, 9):.3f}"]
            return ["HSET", f"d:{key}", *fields, "v", struct.pack("<4f", *self.vector())]
        if roll < 0.70:
            document = {"t": self.text(), "n": rng.randrange(1000), "tags": rng.sample(TAGS, 2), "v": self.vector()}
            return ["JSON.SET", f"j:{key}", "$", json.dumps(document)]
        return rng.choice(
            [
                ["HSET", f"d:{key}", "n", rng.randrange(1000)],
                ["HDEL", f"d:{key}", "t"],
                ["HINCRBY", f"d:{key}", "n", 3],
                ["DEL", f"d:{key}", f"j:{key}"],
                ["PEXPIRE", f"d:{key}", rng.randrange(1, 2000)],
                ["RENAME", f"d:{key}", f"d:{rng.randrange(DOCUMENTS)}"],
                ["COPY", f"j:{key}", f"j:{rng.randrange(DOCUMENTS)}", "REPLACE"],
                ["JSON.NUMINCRBY", f"j:{key}", "$.n", 2],
                ["JSON.MERGE", f"j:{key}", "$", json.dumps({"t": self.text()})],
                ["JSON.ARRAPPEND", f"j:{key}", "$.tags", '"blue"'],
                ["JSON.DEL", f"j:{key}", "$.n"],
                *([self.definition()] if rng.random() < 0.05 else []),
                *([self.other()] if rng.random() < 0.2 else []),
            ]
        )

    def definition(self):
        rng, name = self.rng, self.rng.choice(INDEXES)
        hashes = ["t", "TEXT", "n", "NUMERIC", "SORTABLE", "g", "TAG", "p", "GEO"]
        vector = ["v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "L2"]
        of_json = ["$.t", "AS", "t", "TEXT", "$.n", "AS", "n", "NUMERIC", "$.tags[*]", "AS", "g", "TAG", "$.v", "AS", *vector]
        return rng.choice(
            [
                ["FT.CREATE", name, "PREFIX", 1, "d:", "SCHEMA", *hashes, *rng.choice([[], vector])],
                ["FT.CREATE", name, "ON", "JSON", "PREFIX", 1, "j:", "SCHEMA", *of_json],
                ["FT.ALTER", name, "SCHEMA", "ADD", f"f{rng.randrange(4)}", "TAG"],
                ["FT.DROPINDEX", name],
                ["FT.ALIASADD", f"a{rng.randrange(4)}", name],
                ["FT.ALIASUPDATE", f"a{rng.randrange(4)}", name],
                ["FT.ALIASDEL", f"a{rng.randrange(4)}"],
                ["FT.SYNUPDATE", name, rng.choice("xyz"), "SKIPINITIALSCAN", *rng.sample(WORDS, 2)],
            ]
        )

    def other(self):
        rng = self.rng
        return rng.choice(
            [
                ["FT.DICTADD", "words", *rng.sample(WORDS, 2)],
                ["FT.DICTDEL", "words", rng.choice(WORDS)],
                ["FT.SUGADD", "s", self.text(), rng.randint(1, 9), *rng.choice([[], ["INCR"], ["PAYLOAD", "p"]])],
                ["FT.SUGDEL", "s", self.text()],
            ]
        )

    def query(self, name):
        rng = self.rng
        clause = rng.choice([rng.choice(WORDS), f"@g:{{{rng.choice(TAGS)}}}", f"@n:[{rng.randrange(500)} {rng.randrange(500, 1000)}]", "@p:[4 4 300 km]"])
        query = rng.choice([clause, f"{clause} {rng.choice(WORDS)}", f"{clause} -{rng.choice(WORDS)}"])
        return ["FT.SEARCH", name, query, "VERBATIM", "NOCONTENT", "LIMIT", 0, 10_000, "DIALECT", 2]


def write(c, writer, minutes):
    """Writes for so long; how many commands, and how many failed."""
    end, done, failed = time.monotonic() + minutes * 60, 0, 0
    while time.monotonic() < end:
        replies = c.pipeline([writer.command() for _ in range(100)])
        done, failed = done + len(replies), failed + sum(isinstance(reply, Error) for reply in replies)
    return done, failed


def state(c):
    """What both must have alike."""
    keys = sorted(c("KEYS", "*"))
    digests = [c("DEBUG", "DIGEST-VALUE", *keys[at : at + 1000]) for at in range(0, len(keys), 1000)]
    types = [str(c("TYPE", key)) for key in keys]
    of_core = [(key, digest) for key, digest, kind in zip(keys, sum(digests, []), types) if kind == "hash"]
    documents = [(key, json.loads(c("JSON.GET", key))) for key, kind in zip(keys, types) if "JSON" in kind]
    return {
        "keys": list(zip(keys, types)),
        "hashes": of_core,
        "documents": documents,
        "suggestions": [c("FT.SUGLEN", "s"), sorted(map(str, c("FT.SUGGET", "s", "", "MAX", 10_000, "WITHSCORES") or []))],
        "dictionary": str(c("FT.DICTDUMP", "words")),
        "indexes": sorted(c("FT._LIST")),
    }


def plain(text):
    """A simple string or bytes as a text of Python's own."""
    return text.decode() if isinstance(text, bytes) else "".join(text)


def attributes(c, name):
    info = c("FT.INFO", name)
    if isinstance(info, Error):
        return str(info)
    info = {plain(key): value for key, value in zip(info[::2], info[1::2])}
    groups = c("FT.SYNDUMP", name)
    return info["attributes"], dict(zip(groups[::2], groups[1::2]))


def document(c, key):
    """What a key has, of whichever kind: words, number, tags, place."""
    if key.startswith(b"j:"):
        found = json.loads(c("JSON.GET", key))
        return found.get("t", "").split(), found.get("n"), found.get("tags", []), None
    found = c("HGETALL", key)
    found = {name.decode(): value.decode(errors="replace") for name, value in zip(found[::2], found[1::2])}
    place = [float(part) for part in found["p"].split(",")] if "p" in found else None
    number = float(found["n"]) if "n" in found else None
    return found.get("t", "").split(), number, found.get("g", "").split(","), place


def distance(one, other):
    """Kilometres between two places, as GEO computes them."""
    (x, y), (u, v) = (map(math.radians, place) for place in (one, other))
    half = math.sin((v - y) / 2) ** 2 + math.cos(y) * math.cos(v) * math.sin((u - x) / 2) ** 2
    return 2 * 6372.797560856 * math.asin(math.sqrt(half))


def matches(query, found):
    """Whether a document is what a query asks for."""
    words, number, tags, place = found
    for clause in re.findall(r"@\w:\[[^]]*\]|@\w:\{\w+\}|-?\w+", query):
        if clause.startswith("@n"):
            low, high = map(float, clause[4:-1].split())
            fits = number is not None and low <= number <= high
        elif clause.startswith("@g"):
            fits = clause[4:-1] in tags
        elif clause.startswith("@p"):
            fits = place is not None and distance(place, (4, 4)) <= 300
        else:
            fits = (clause.lstrip("-") in words) != clause.startswith("-")
        if not fits:
            return False
    return True


def compare(here, there, writer, count):
    """What differs, how many rows there were, and how many of them RediSearch had kept of documents that have gone or changed."""
    differences, rows, stale = [], 0, 0
    mine, theirs = state(here), state(there)
    differences += [what for what in mine if mine[what] != theirs[what]]
    names = [*INDEXES, *(f"a{n}" for n in range(4))]
    for name in names:
        mine, theirs = attributes(here, name), attributes(there, name)
        if mine != theirs:
            differences.append((name, mine, theirs))
    for _ in range(count):
        words = writer.query(writer.rng.choice(names))
        mine, theirs = here(*words), there(*words)
        if isinstance(mine, Error) or isinstance(theirs, Error):
            if str(mine) != str(theirs):
                differences.append((words, mine, theirs))
            continue
        rows += len(mine) - 1
        for key in {*mine[1:]} ^ {*theirs[1:]}:
            is_mine = key in mine[1:]
            fits = here("EXISTS", key) and matches(words[2], document(here, key))
            if is_mine == bool(fits):
                stale += 1
            else:
                differences.append((words, key, "here" if is_mine else "there", document(here, key)))
        if mine[0] != len(mine) - 1:
            differences.append((words, mine[0], len(mine) - 1))
    return differences, rows, stale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    writer = Writer(options.seed)
    with Server("redis-stack") as theirs, Server("redis-7.4") as ours:
        there = theirs.connect()
        write(there, writer, options.minutes / 10)
        try:
            ours.follow(theirs)
        except ConnectionError:
            sys.exit(f'died: {ours.log()[-9000:]} THEIRS {theirs.crash()}')
        here = ours.connect()
        try:
            done, failed = write(there, writer, options.minutes * 9 / 10)
        except ConnectionError:
            sys.exit(f'the peer died: {theirs.crash()}')
        time_to_live = lambda: there("SCAN", 0, "COUNT", 100_000) and any(there("PTTL", key) > 0 for key in there("KEYS", "d:*"))
        wait_until(lambda: not time_to_live(), "keys have expired")
        ours.catch_up(theirs)
        for name in there("FT._LIST"):
            wait_until(lambda name=name: float(dict(zip(*[iter(map(str, there("FT.INFO", name)))] * 2)).get("indexing", 0)) == 0, "scanned")
        differences, rows, stale = compare(here, there, writer, options.queries)
        here("REPLICAOF", "NO", "ONE")
        after, *_ = compare(here, there, writer, options.queries // 10)
    print(f"{done} commands, {failed} refused, {options.queries} queries, {rows} rows: {len(differences)} differences, {len(after)} after promotion"
          f"; {stale} rows that RediSearch has of documents that are otherwise by now")
    for difference in (differences + after)[:10]:
        print(" ", str(difference)[:600])
    return 1 if differences or after else 0


if __name__ == "__main__":
    sys.exit(main())
