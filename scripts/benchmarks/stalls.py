"""stalls: what a bystander's PING sees while heavy things happen, one each millisecond: p99.9 and the longest.

    sets     399,000 vectors added, asked, saved (BGSAVE), written to the AOF, unlinked; beside Redis 8.2 where there is time
    indexes  399,000 hashes saved, FT.CREATE over them, KNN, all saved, dropping the index; beside RediSearch 2.10.5 where there is time

The bystander stands for a client on another machine: where it may (as root), it has a real-time priority, so it never waits for a
core to look on from. `clear` is the same without the times in which a core of the machine stood still: when not even a thread that
comes before all others ran (examples/gaps), the server had no part in it. Some lines tell what the machine and the server themselves
do: an idle server, whose cron alone takes some 0.3 ms ten times a second, 8 connections that send PING, and the same saves of strings
and of hashes with nothing of ours in memory, where it is `fork` that everybody waits for. `starved` is for how
long in all the server's main thread could have run and got no core: where that is much, the machine was too small or too busy. Peers
are left out where there is no time for them; the vectors are GloVe's, whatever --data says, since many are needed.
"""

import contextlib
import time

from benchmarks import data
from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.search import Searching
from benchmarks.sides import PATIENCE, WATCHED, finish, timed
from servers import Server, wait_until

SCHEMA = "SCHEMA n NUMERIC v VECTOR HNSW 10 TYPE FLOAT32 DISTANCE_METRIC COSINE M 16 EF_CONSTRUCTION 200 DIM"
# Of what is measured: what the tables show, and under which title.
FIGURES = {
    "ping_p999_us": "p99.9",
    "ping_max_us": "longest",
    "clear_p999_us": "clear p99.9",
    "clear_max_us": "clear longest",
    "starved_ms": "starved, ms",
}
# How much longer a peer takes than we do, at most, as far as is known.
PEER = 4


class Stalls(Part):
    """The part."""

    NAME = "stalls"
    STEPS = {"sets": (1, True), "indexes": (1, True)}
    ROWS, QUICK_ROWS = 399_000, 5000

    def prepare(self, stack):
        self.data = data.glove(self.rows(), 1000)
        self.count = len(self.data.rows)
        for name, rows in (("rows", self.data.rows), ("queries", self.data.queries)):
            rows.tofile(self.folder / name)
        self.figures = {}  # step -> event -> label of the server -> figures
        # So long that one pause of the machine is not yet the thousandth that p99.9 tells.
        self.seconds *= 24

    def file(self, name):
        return ["--vectors", self.folder / name, "--dim", self.data.dim]

    def sets(self):
        self.beside(self.set_of, self.options.server or "redis-7.0", "bare-redis-8.2", "Redis 8.2")

    def indexes(self):
        self.beside(self.index_of, self.options.server or "redis-7.4", "redis-stack", "RediSearch 2.10.5")

    def beside(self, measure, ours, peer, label):
        start = time.monotonic()
        self.on(measure, "nearset", ours)
        if PEER * (time.monotonic() - start) < self.pace.left():
            self.on(measure, label, peer)
        else:
            self.say(f"no time for {label}")

    def on(self, measure, label, name):
        with Server(name) as server:
            server.patience = PATIENCE
            self.label, self.side = label, Searching(label, server)
            measure()

    @contextlib.contextmanager
    def during(self, event):
        """A bystander looks on; the longest of what comes a little later counts too."""
        watcher = self.side.watch()
        time.sleep(0.2)
        before = self.side.server.main_thread()[1]
        yield
        time.sleep(0.5)
        self.note(event, finish(watcher), before)

    def loaded(self, event, mode, *args):
        """As `during`, of a load: the bystander looks on from its first request to its last reply."""
        before = self.side.server.main_thread()[1]
        self.note(event, self.side.load(mode, *WATCHED, *args), before)

    def note(self, event, figures, before):
        starved = (self.side.server.main_thread()[1] - before) / 1e6
        self.figures.setdefault(self.current, {}).setdefault(event, {})[self.label] = figures | {"starved_ms": starved}

    def wait_for(self, section, *fields):
        wait_until(lambda: all(self.side.server.info(section, field) == "0" for field in fields), fields[0], timeout=PATIENCE)

    def background(self, *command):
        timed(self.side.r2, *command)
        self.wait_for("persistence", "rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

    def set_of(self):
        side = self.side
        with self.during("nothing"):
            time.sleep(self.seconds)
        self.loaded("8 connections send PING", "ping", "--connections", 8, "--seconds", self.seconds)
        self.loaded(f"8 connections add {self.count:,} elements", "vadd", *self.file("rows"), "--connections", 8)
        asking = ["--connections", 8, "--seconds", self.seconds, "--", "COUNT", 10, "EF", 100]
        self.loaded("8 connections search them", "vsim", *self.file("queries"), *asking)
        self.saved("them")
        with self.during("UNLINK of them"):
            timed(side.r2, "UNLINK", "bench")
            side.settle()
        strings = self.requests("strings", (["SET", f"s:{n}", row.tobytes()] for n, row in enumerate(self.data.rows)))
        side.load("send", *strings, "--pipeline", 50)
        self.saved("as many strings")

    def saved(self, what):
        """A fork for an RDB file, and one for an AOF."""
        with self.during(f"BGSAVE of {what}"):
            self.background("BGSAVE")
        with self.during(f"rewrite of the AOF of {what}"):
            self.background("CONFIG", "SET", "appendonly", "yes")
        timed(self.side.r2, "CONFIG", "SET", "appendonly", "no")

    def index_of(self):
        side = self.side
        rows = enumerate(self.data.rows)
        hashes = self.requests("hashes", (["HSET", f"d:{n}", "n", n, "v", row.tobytes()] for n, row in rows))
        side.load("send", *hashes, "--pipeline", 50)
        with self.during("BGSAVE of the hashes, without an index"):
            self.background("BGSAVE")
        with self.during(f"FT.CREATE over {self.count:,} hashes"):
            side.create(self.data.dim, SCHEMA)
            side.wait()
        query = ["FT.SEARCH", "idx", "*=>[KNN 10 @v $q]", "PARAMS", 2, "q"]
        queries = self.requests("queries", ([*query, one.tobytes(), "NOCONTENT", "DIALECT", 2] for one in self.data.queries))
        self.loaded("8 connections ask KNN", "send", *queries, "--connections", 8, "--seconds", self.seconds)
        with self.during("BGSAVE of the hashes and the index"):
            self.background("BGSAVE")
        with self.during("FT.DROPINDEX"):
            timed(side.r2, "FT.DROPINDEX", "idx")
            side.settle()

    def report(self):
        tables = [self.table(events) for events in self.figures.values()]
        return (
            f"{self.count:,} × {self.data.dim} ({self.data.name}). `PING`, µs; clear: without the times in which a core of the machine "
            "stood still; starved: what the main thread waited for a core, in all:\n\n" + "\n\n".join(tables)
        )

    def table(self, events):
        labels = list(dict.fromkeys(label for by_label in events.values() for label in by_label))
        rows = []
        for event, by_label in events.items():
            figures = [by_label.get(label, {}) for label in labels]
            rows.append([event] + [one.get(name) for one in figures for name in FIGURES])
        columns = FIGURES.values()
        return table(["while there is", *(f"{label}: {what}" for label in labels for what in columns)], rows)
