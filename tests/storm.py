#!/usr/bin/env python3
"""storm.py [--seconds 60] [--server NAME]: everything at once against one index, and what must hold meanwhile and afterwards.

Writers, expiring keys, renames, deletes, FT.ALTER, and queries with cursors, each over a connection of its own. Some documents
are never touched. Checked at every answer: no row without content, no document twice, no untouched document missing, vectors
nearest to an untouched document find it. Afterwards: the index has exactly the keys that there are, and when all but the
untouched ones are gone, memory is back to where it was. Exits with 1 at the first thing that does not hold.
"""

import argparse
import pathlib
import random
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from resp import Connection, Error  # noqa: E402
from servers import SERVERS, Server, wait_until  # noqa: E402

STILL, MOVING, DIM = 500, 2000, 16
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()


def vector(rng):
    return struct.pack(f"<{DIM}f", *(rng.gauss(0, 1) for _ in range(DIM)))


def document(rng, kind):
    words = " ".join(rng.choice(WORDS) for _ in range(5))
    return ["t", words, "kind", kind, "n", rng.randrange(1000), "v", vector(rng)]


class Storm:
    """The threads, and what they share."""

    def __init__(self, server, seconds):
        self.server, self.end = server, time.monotonic() + seconds
        self.failures, self.counts = [], {}
        self.altered = 0

    def over(self):
        return self.failures or time.monotonic() > self.end

    def worker(self, work, seed):
        """Repeats `work` until the time is over or something has failed."""
        rng, done = random.Random(seed), 0
        try:
            with Connection(self.server.port, timeout=60) as connection:
                while not self.over():
                    work(connection, rng)
                    done += 1
        except BaseException as failure:
            self.failures.append(failure)
        self.counts[work.__name__] = self.counts.get(work.__name__, 0) + done

    # Those who change things

    def write(self, c, rng):
        c("HSET", f"s:m{rng.randrange(MOVING)}", *document(rng, "moving"))

    def change(self, c, rng):
        key = f"s:m{rng.randrange(MOVING)}"
        rng.choice([
            lambda: c("HINCRBY", key, "n", 1) if c("EXISTS", key) else None,
            lambda: c("HSET", key, "v", vector(rng), "kind", "moving"),
            lambda: c("HDEL", key, "t"),
            lambda: c("SET", key, "no hash"),
            lambda: c("COPY", key, f"s:m{rng.randrange(MOVING)}", "REPLACE"),
        ])()  # fmt: skip

    def expire(self, c, rng):
        c("PEXPIRE", f"s:m{rng.randrange(MOVING)}", rng.randrange(20))

    def rename(self, c, rng):
        names = [rng.choice(["s:m", "other:"]) + str(rng.randrange(MOVING)) for _ in range(2)]
        c("RENAME", *names)

    def delete(self, c, rng):
        c(rng.choice(["DEL", "UNLINK"]), f"s:m{rng.randrange(MOVING)}")
        c("DEL", f"other:{rng.randrange(MOVING)}")

    def alter(self, c, rng):
        if self.altered < 30:
            self.altered += 1
            assert not isinstance(reply := c("FT.ALTER", "i", "SCHEMA", "ADD", f"x{self.altered}", "NUMERIC"), Error), reply
        time.sleep(0.2)

    # Those who ask

    def check(self, rows, still, where):
        """Rows as (key, fields): none empty, none twice, all untouched ones where all must be."""
        keys = [key for key, _ in rows]
        assert len(set(keys)) == len(keys), f"{where}: a document twice"
        for key, fields in rows:
            assert isinstance(fields, list) and fields, f"{where}: {key} without content: {fields!r}"
        there = {key for key in keys if key.startswith(b"s:still")}
        assert not still or len(there) == STILL, f"{where}: {STILL - len(there)} untouched documents are missing"

    def search(self, c, rng):
        reply = c("FT.SEARCH", "i", "@kind:{still|moving}", "LIMIT", 0, 100_000, "TIMEOUT", 0)
        assert not isinstance(reply, Error), reply
        self.check(list(zip(reply[1::2], reply[2::2])), True, "FT.SEARCH")

    def sorted(self, c, rng):
        reply = c("FT.SEARCH", "i", rng.choice(WORDS), "SORTBY", "n", "LIMIT", 0, 50, "TIMEOUT", 0)
        assert not isinstance(reply, Error), reply
        self.check(list(zip(reply[1::2], reply[2::2])), False, "SORTBY")

    def nearest(self, c, rng):
        key = f"s:still{rng.randrange(STILL)}"
        blob = c("HGET", key, "v")
        query = ["*=>[KNN 5 @v $b EF_RUNTIME 100 AS d]", "PARAMS", 2, "b", blob, "DIALECT", 2, "TIMEOUT", 0]
        reply = c("FT.SEARCH", "i", *query)
        assert not isinstance(reply, Error), reply
        rows = list(zip(reply[1::2], reply[2::2]))
        self.check(rows, False, "KNN")
        assert key.encode() in [found for found, _ in rows], f"KNN does not find {key}, which it was asked by: {rows}"

    def cursor(self, c, rng):
        words = ["FT.AGGREGATE", "i", "*", "LOAD", 2, "@__key", "@kind", "WITHCURSOR", "COUNT", rng.choice([7, 100, 1000]), "TIMEOUT", 0]
        rows, reply = [], c(*words)
        while True:
            assert not isinstance(reply, Error), reply
            page, number = reply
            rows += [(dict(zip(row[::2], row[1::2])).get(b"__key"), row) for row in page[1:]]
            if number == 0:
                break
            reply = c("FT.CURSOR", "READ", "i", number)
        self.check(rows, True, "FT.CURSOR")

    def run(self):
        work = [self.write, self.write, self.change, self.expire, self.rename, self.delete, self.alter]
        work += [self.search, self.sorted, self.nearest, self.nearest, self.cursor]
        threads = [threading.Thread(target=self.worker, args=(each, seed)) for seed, each in enumerate(work)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


def memory(server):
    return int(server.info("memory", "used_memory"))


def settled(server):
    """Whether everything written is applied, linked and freed."""
    waiting = ("search_changes_waiting", "search_unlinked_vectors", "search_worker_jobs_waiting", "search_number_of_indexes_scanning")
    return all(server.info("everything", field) == "0" for field in waiting)


def storm(server, seconds):
    """All of it; what was counted, and memory before and after in bytes."""
    c, rng = server.connect(), random.Random(99)
    # What the server remembers of commands that it has not met before is not to be mistaken for ours.
    for setting, value in ("latency-tracking", "no"), ("slowlog-log-slower-than", "-1"):
        assert not isinstance(reply := c("CONFIG", "SET", setting, value), Error), reply
    schema = ["t", "TEXT", "kind", "TAG", "n", "NUMERIC", "SORTABLE"]
    schema += ["v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", "L2"]
    c("FT.CREATE", "i", "PREFIX", 1, "s:", "SCHEMA", *schema)
    for number in range(STILL):
        c("HSET", f"s:still{number}", *document(rng, "still"))
    wait_until(lambda: settled(server), "all linked", 60)
    before = memory(server)
    run = Storm(server, seconds)
    run.run()
    c("DEL", *(f"other:{number}" for number in range(MOVING)))
    # What has expired, expires when it is looked at.
    hashes = [key for key in c("KEYS", "s:*") if str(c("TYPE", key)) == "hash"]
    total, *keys = c("FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", 0, 100_000, "TIMEOUT", 0)
    assert sorted(keys) == sorted(hashes) and total == len(keys), f"{len(keys)} documents of {len(hashes)} hashes, {total} in all"
    c("DEL", *(f"s:m{number}" for number in range(MOVING)))
    wait_until(lambda: settled(server), "all applied", 60)
    assert c("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [STILL]
    # A fifth, and a million bytes for thirty more fields and what servers and threads keep at hand.
    bound = before * 6 // 5 + 1_000_000
    wait_until(lambda: memory(server) <= bound, f"memory back from {memory(server)} to {bound} bytes, {before} before", 20)
    return run.counts, before, memory(server)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--server", choices=SERVERS, default="redis-7.0")
    options = parser.parse_args()
    with Server(options.server) as server:
        counts, before, after = storm(server, options.seconds)
        print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
        print(f"memory: {before} bytes before, {after} after, {after / before:.2f} times")
        print(server.crash())
    return 0


if __name__ == "__main__":
    sys.exit(main())
