"""search: search of this module on a server of ours beside RediSearch 2.10.5 on Redis 7.4, over the same hashes.

Each document has a vector (HNSW, FLOAT32, COSINE, M 16, EF_CONSTRUCTION 200), a text, a number, a tag of 45 kinds and five
tags that 50 % down to 0.01 % of the documents have.

    load     HSETs per second with 1 and 8 connections, until everything is indexed and linked, and PING meanwhile
    create   FT.CREATE over hashes that are there: seconds until they are indexed, PING meanwhile, bytes per document
    knn      KNN 10 per second with 1 and 8 connections, at equal recall@10 (interpolated over a sweep of EF_RUNTIME)
    filter   KNN 10 with each of the five tags as its filter, and with ranges of the number, another for each query; EF_RUNTIME 100
    text     a word, two words, a prefix, scored by BM25STD; GROUPBY with COUNT over all documents
    ping     PING while 8 connections ask KNN
    restart  SAVE, SIGKILL, start: seconds until the first complete answer

PING: p99.9 of a bystander's, one each millisecond, without the times in which a core of the machine stood still (see stalls). In
knn and text, a single connection spins: each server answers it on one core, and what the client's core takes to wake up is not
measured.
"""

import collections
import itertools
import random
import re
import time

from benchmarks.filtered import ASKED, SHARES, Filtered
from benchmarks.part import Part
from benchmarks.plot import Curve
from benchmarks.report import rate_at
from benchmarks.sides import CONNECTIONS, EFS, PATIENCE, WATCHED, Side, comparison, connections_text, finish, share_found, timed, waited
from resp import Error
from servers import Server, wait_until

RECALLS = (0.95, 0.99)
TAGS = [share for share in SHARES if share != "all"]
SCHEMA = f"""SCHEMA gloss TEXT n NUMERIC lexfile TAG SORTABLE {" ".join(f"{tag} TAG" for tag in TAGS)}
    v VECTOR HNSW 10 TYPE FLOAT32 DISTANCE_METRIC COSINE M 16 EF_CONSTRUCTION 200 DIM"""
WORD = re.compile("[a-z]{4,}")
# Of INFO, what is to be done.
WAITING = re.compile(r"^search_(?:changes_waiting|unlinked_vectors|number_of_indexes_scanning):(\d+)", re.M)


def shared(connections):
    """What has the load generator share its requests out among so many connections."""
    return ["--connections", connections, *(["--spin"] if connections == 1 else [])]


class Searching(Side):
    """A server with an index."""

    def create(self, dim, schema=SCHEMA):
        reply = self.r2("FT.CREATE", "idx", "ON", "HASH", "PREFIX", 1, "d:", *schema.split(), dim)
        assert not isinstance(reply, Error), reply

    def clear(self):
        self.r2("FT.DROPINDEX", "idx")
        super().clear()

    def is_indexed(self):
        """Everything is in the index, and no vector waits to be linked. Asked often, by what takes the server little time."""
        waiting = WAITING.findall(self.r2("INFO", "search").decode())
        if any(count != "0" for count in waiting):
            return False
        info = self.r2("FT.INFO", "idx")
        if isinstance(info, Error):
            return False
        fact = {str(name): value for name, value in zip(info[::2], info[1::2])}
        return float(fact["percent_indexed"]) == 1 and int(fact["indexing"]) == 0

    def wait(self):
        """Seconds until everything is indexed."""
        start = time.monotonic()
        wait_until(self.is_indexed, "all indexed", timeout=PATIENCE)
        return time.monotonic() - start

    def answers(self, count, knn):
        """Whether all documents are found, and as many as are asked for by a KNN."""
        found, near = self.r2("FT.SEARCH", "idx", "*", "LIMIT", 0, 0), self.r2(*knn)
        return found == [count] and not isinstance(near, Error) and near[0] == 10


class Search(Part):
    """The part."""

    NAME = "search"
    EACH_DATA = True
    STEPS = {
        "load": (4, True),
        "create": (3, True),
        "knn": (3, True),
        "filter": (2, True),
        "text": (2, True),
        "ping": (1, True),
        "restart": (2, True),
    }

    def prepare(self, stack):
        self.data = self.read_data()
        self.documents = self.data.documents()
        self.count = len(self.data.rows)
        self.filtered = Filtered(self.data, "d:{}".format)
        self.ranks = self.data.ranks()
        self.hashes = self.requests("hashes", map(self.hset, range(self.count)))
        name = self.options.server or "redis-7.4"
        servers = {f"nearset on {name}": name} | ({} if self.options.alone else {"RediSearch 2.10.5": "redis-stack"})
        self.sides = []
        for label, one in servers.items():
            server = stack.enter_context(Server(one))
            server.patience = PATIENCE
            self.sides.append(Searching(label, server, self.seconds))

    def hset(self, n):
        gloss, lexfile = self.documents[n]
        tags = [word for tag in TAGS for word in (tag, "yes" if self.ranks[n] < self.filtered.passing[tag] else "no")]
        return ["HSET", f"d:{n}", "v", self.data.rows[n].tobytes(), "gloss", gloss, "n", int(self.ranks[n]), "lexfile", lexfile, *tags]

    def near(self, one, filter="*", ef=100):
        query = f"{filter}=>[KNN 10 @v $q EF_RUNTIME {ef} AS d]"
        return ["FT.SEARCH", "idx", query, "PARAMS", 2, "q", one.tobytes(), "SORTBY", "d", "RETURN", 1, "d", "DIALECT", 2]

    def knn_requests(self, ef):
        return self.requests(f"knn-{ef}", (self.near(one, ef=ef) for one in self.data.queries))

    def load(self):
        for side in self.turns():
            for connections in CONNECTIONS:
                side.clear()
                side.create(self.data.dim)
                loaded = side.load("send", *self.hashes, "--connections", connections, *WATCHED)
                seconds = loaded["seconds"] + side.wait()
                side.note(f"HSET per second, {connections_text(connections)}", self.count / seconds)
                side.note(f"PING while {connections_text(connections)} add, µs", waited(loaded))

    def create(self):
        for side in self.turns():
            side.renew()
            side.clear()
            side.load("send", *self.hashes, "--connections", 8)
            before = side.used()
            watcher = side.watch()
            start = time.monotonic()
            side.create(self.data.dim)
            side.wait()
            side.note("FT.CREATE over hashes, seconds", time.monotonic() - start)
            side.note("PING during FT.CREATE, µs", waited(finish(watcher)))
            side.note("bytes per document beside the hashes", (side.used() - before) / self.count)

    def filled(self):
        for side in self.sides:
            if isinstance(side.r2("FT.INFO", "idx"), Error):
                side.clear()
                side.create(self.data.dim)
                side.load("send", *self.hashes, "--connections", 8)
                side.wait()

    def knn(self):
        self.filled()
        requests = {ef: self.knn_requests(ef) for ef in EFS}
        for side in self.sides:
            side.recalls = {
                ef: share_found(self.found(side, "send", *file)[0], self.filtered.truth["all"]) for ef, file in requests.items()
            }
            side.note("recall@10 at EF_RUNTIME 100", side.recalls[100])
        for side in self.turns():
            for connections in CONNECTIONS:
                rates = [side.rate("send", *file, *shared(connections)) for file in requests.values()]
                points = side.sweep(connections, rates)
                for target in RECALLS:
                    rate = rate_at(target, points)
                    if rate:
                        side.note(f"KNN per second at recall@10 {target}, {connections_text(connections)}", rate)

    def filter(self):
        self.filled()
        some = self.data.queries[:ASKED]
        asked = lambda share: (self.near(one, "*" if share == "all" else f"(@{share}:{{yes}})") for one in some)
        never = itertools.count(1)  # below what any document has

        def own(share):
            last = self.filtered.passing[share] - 1
            return self.requests("own", (self.near(one, f"(@n:[-{next(never)} {last}])") for one in some))

        self.filtered.measure(self, {share: self.requests(share, asked(share)) for share in SHARES}, own)

    def text_requests(self):
        glosses = [sorted(set(WORD.findall(gloss))) for gloss, _ in self.documents]
        counts = collections.Counter(word for gloss in glosses for word in gloss)
        chance = random.Random(11)
        some = [word for word, count in counts.items() if self.count / 500 <= count]
        pairs = [chance.sample(gloss, 2) for gloss in chance.sample(glosses, len(glosses)) if len(gloss) > 1]
        ask = {
            "a word": [f"@gloss:{chance.choice(some)}" for _ in range(500)],
            "two words": [f"@gloss:({' '.join(pair)})" for pair in pairs[:500]],
            "a prefix": [f"@gloss:{chance.choice(some)[:3]}*" for _ in range(500)],
        }
        scored = lambda query: ["FT.SEARCH", "idx", query, "SCORER", "BM25STD", "RETURN", 1, "n", "DIALECT", 2]
        files = {name: self.requests(name, map(scored, queries)) for name, queries in ask.items()}
        group = ["FT.AGGREGATE", "idx", "*", "GROUPBY", 1, "@lexfile", "REDUCE", "COUNT", 0, "AS", "c", "DIALECT", 2]
        return files | {"GROUPBY with COUNT": self.requests("group", [group])}

    def text(self):
        self.filled()
        files = self.text_requests()
        for side in self.turns():
            for name, file in files.items():
                for connections in CONNECTIONS:
                    rate = side.rate("send", *file, *shared(connections))
                    side.note(f"{name}, per second, {connections_text(connections)}", rate)

    def ping(self):
        self.filled()
        requests = self.knn_requests(100)
        for side in self.turns():
            asked = side.load("send", *requests, "--connections", 8, "--seconds", 6 * self.seconds, *WATCHED)
            side.note("PING while 8 connections ask KNN, µs", waited(asked))

    def restart(self):
        self.filled()
        vector = self.data.queries[0].tobytes()
        knn = ["FT.SEARCH", "idx", "*=>[KNN 10 @v $q]", "PARAMS", 2, "q", vector, "NOCONTENT", "DIALECT", 2]
        for side in self.turns():
            side.note("SAVE, seconds", timed(side.r2, "SAVE"))
            side.server.kill()
            start = time.monotonic()
            side.server.start()
            side.r2 = side.server.connect(timeout=PATIENCE)
            wait_until(lambda side=side: side.answers(self.count, knn), "complete answers", timeout=PATIENCE)
            side.note("restart until the answers are complete, seconds", time.monotonic() - start)

    def report(self):
        text = f"{self.data}, {self.described()}.\n\n{comparison(*self.sides)}"
        if self.filtered.figures:
            how = "EF_RUNTIME 100, as its filter a tag or, where each query has another, a range of numbers, 1 connection"
            text += f"\n\n`FT.SEARCH` with KNN 10, {how}:\n\n{self.filtered.table(self.sides)}"
        return text

    def panels(self):
        """What the plot shows."""
        return [
            (
                f"FT.SEARCH with KNN, {connections_text(connections)}",
                [Curve(side.label, side.curve(connections), color) for color, side in enumerate(self.sides) if connections in side.points],
            )
            for connections in CONNECTIONS
        ]
