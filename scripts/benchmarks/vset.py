"""vset: vector sets of this module on a redis-server of ours beside those built into Redis 8.2.

vadd     elements per second with 1 and 8 connections, until they are linked; bytes per element
vsim     searches per second with 1 and 8 connections, at equal recall@10 (interpolated over a sweep of EF)
filter   VSIM FILTER that 50 % down to 0.01 % of the elements pass, with the first EF of 100, 160, 240 that finds 0.955 of the
         nearest 10 without a filter
save     seconds of SAVE, bytes of the file, and seconds of loading it; of this module in both formats
memory   bytes per element of 300 dimensions with its name and attributes, Q8 and BIN
ping     p99.9 of a bystander's PING while 8 connections add and search, and the longest during UNLINK of the set; without the
         times in which a core of the machine stood still (see stalls)
quant    only when it is named: recall@10 at EF 50, 100, 200, 400 for Q8, NOQUANT and BIN, and after half of the set
         was removed and added again; of this module only
"""

import itertools
import time

from benchmarks.filtered import ASKED, Filtered
from benchmarks.part import Part
from benchmarks.plot import Curve
from benchmarks.report import rate_at
from benchmarks.sides import CONNECTIONS, EFS, WATCHED, Side, comparison, connections_text, finish, share_found, stop, timed, waited
from servers import Server
from vectors import clusters

RECALLS = (0.90, 0.95, 0.98, 0.99)
# Beams that filtered searches are measured with: the first of them by which a search without filter has this recall@10.
BEAMS = (100, 160, 240)
ENOUGH = 0.955
OPTIONS = {"Q8": [], "NOQUANT": ["NOQUANT"], "BIN": ["BIN"]}


class Adding(Side):
    """A server with a set."""

    def __init__(self, label, server, part):
        super().__init__(label, server, part.seconds)
        self.part = part

    def vadd(self, connections, *more):
        return self.load("vadd", *self.part.rows_file, "--connections", connections, *more, "--", *self.part.quantization)


class VectorSets(Part):
    """The part."""

    NAME = "vset"
    EACH_DATA = True
    STEPS = {
        "vadd": (6, True),
        "vsim": (3, True),
        "filter": (2, True),
        "save": (1, True),
        "memory": (2, True),
        "ping": (4, True),
        "quant": (4, False),
    }

    def prepare(self, stack):
        self.quantization = OPTIONS[self.options.quant]
        self.data = self.read_data()
        self.count = len(self.data.rows)
        self.rows_file = self.vectors("rows", self.data.rows)
        self.queries_file = self.vectors("queries", self.data.queries)
        self.truth = [set(map(str, row)) for row in self.data.nearest(10)]
        self.filtered = None
        name = self.options.server or "redis-7.0"
        servers = {f"nearset on {name}": name} | ({} if self.options.alone else {"Redis 8.2": "bare-redis-8.2"})
        self.sides = [Adding(label, stack.enter_context(Server(one)), self) for label, one in servers.items()]

    def vectors(self, name, rows):
        path = self.folder / name
        rows.astype("<f4").tofile(path)
        return ["--vectors", path, "--dim", rows.shape[1]]

    def vadd(self):
        for side in self.turns():
            for connections in CONNECTIONS:
                side.clear()
                before = side.used()
                side.note(f"VADD per second, {connections_text(connections)}", side.vadd(connections)["rate"])
                side.note("bytes per element", (side.used() - before) / self.count)

    def filled(self):
        for side in self.sides:
            if side.r2("VCARD", "bench") != self.count:
                side.clear()
                side.vadd(8)

    def recall(self, side, ef):
        lines, _ = self.found(side, "vsim", *self.queries_file, end=("COUNT", 10, "EF", ef))
        return share_found(lines, self.truth)

    def vsim(self):
        self.filled()
        for side in self.sides:
            side.recalls = {ef: self.recall(side, ef) for ef in EFS}
            side.note("recall@10 at EF 100", side.recalls[100])
        for side in self.turns():
            for connections in CONNECTIONS:
                ask = ("vsim", *self.queries_file, "--connections", connections, "--", "COUNT", 10, "EF")
                rates = [side.rate(*ask, ef) for ef in EFS]
                points = side.sweep(connections, rates)
                for target in RECALLS:
                    rate = rate_at(target, points)
                    if rate:
                        side.note(f"VSIM per second at recall@10 {target}, {connections_text(connections)}", rate)

    def beam(self):
        """The narrowest beam by which our side finds, without a filter, a little more than the recall that it is to keep with one."""
        self.ef = next((ef for ef in BEAMS if self.recall(self.sides[0], ef) >= ENOUGH), BEAMS[-1])
        return self.ef

    def filter(self):
        self.filled()
        ef = self.beam()
        self.filtered = Filtered(self.data, str)
        ranks = self.data.ranks()
        attributes = self.requests("attributes", (["VSETATTR", "bench", n, f'{{"rank": {rank}}}'] for n, rank in enumerate(ranks)))
        for side in self.sides:
            side.load("send", *attributes, "--pipeline", 100)
        vsim = lambda one, *rest: ["VSIM", "bench", "FP32", one.tobytes(), "COUNT", 10, "EF", ef, *rest]
        asked = {}
        for share, count in self.filtered.passing.items():
            rest = [] if share == "all" else ["FILTER", f".rank < {count}"]
            asked[share] = self.requests(share, (vsim(one, *rest) for one in self.data.queries[:ASKED]))
        never = itertools.count(self.count)  # ranks that no element has

        def own(share):
            some = self.data.queries[:ASKED]
            other = f".rank < {self.filtered.passing[share]} and .rank != "
            return self.requests("own", (vsim(one, "FILTER", f"{other}{next(never)}") for one in some))

        self.filtered.measure(self, asked, own)

    def quant(self):
        half = self.count // 2
        side = self.sides[0]
        for name, options in OPTIONS.items():
            side.clear()
            side.load("vadd", *self.rows_file, "--connections", 8, "--", *options)
            self.note_recalls(side, name)
            for start in range(0, half, 500):
                assert all(side.r2.pipeline(("VREM", "bench", row) for row in range(start, min(start + 500, half))))
            side.load("vadd", *self.rows_file, "--connections", 8, "--count", half, "--", *options)
            self.note_recalls(side, f"{name}, half removed and added again")
            side.clear()

    def note_recalls(self, side, name):
        for ef in (50, 100, 200, 400):
            side.note(f"recall@10, {name}, EF {ef}", self.recall(side, ef))

    def save(self):
        self.filled()
        ours = self.sides[0]
        for side in self.turns():
            self.note_saving(side, "")
            if side is ours:
                ours.save_vector_sets("compact")
                self.note_saving(ours, ", compact format")
                ours.save_vector_sets("redis")

    def note_saving(self, side, form):
        saved, size, loaded = side.save_and_load()
        side.note(f"SAVE{form}, seconds", saved)
        side.note(f"bytes of the file{form}", size)
        side.note(f"load{form}, seconds", loaded)
        side.note(f"elements loaded per second{form}", self.count / loaded)

    def memory(self):
        rows = clusters(min(self.count, 20_000), 300, 1)
        for name in ("Q8", "BIN"):
            adding = (
                ["VADD", "memory", "FP32", row.tobytes(), f"element:{n}", *OPTIONS[name], "SETATTR", f'{{"year": {1950 + n % 70}}}']
                for n, row in enumerate(rows)
            )
            requests = self.requests("adding", adding)
            for side in self.sides:
                side.clear()
                before = side.used()
                side.load("send", *requests, "--connections", 8)
                side.r2("VINFO", "memory")
                side.note(f"bytes per element of 300 dimensions, {name}, with name and attributes", (side.used() - before) / len(rows))
                side.clear()

    def ping(self):
        half = self.count // 2
        for side in self.turns():
            side.clear()
            side.vadd(8, "--count", half)
            searches = side.start_load("vsim", *self.queries_file, "--connections", 4, "--seconds", 3600, "--", "COUNT", 10, "EF", 200)
            added = side.vadd(4, "--from", half, *WATCHED)
            side.note("PING p99.9 while 8 connections add and search, µs", waited(added))
            stop(searches)
            watcher = side.watch()
            time.sleep(0.5)
            timed(side.r2, "UNLINK", "bench")
            time.sleep(1)
            side.note("longest PING during UNLINK, µs", waited(finish(watcher), "max"))

    def report(self):
        text = f"{self.data}, {self.options.quant}, {self.described()}.\n\n{comparison(*self.sides)}"
        if any(side.points for side in self.sides):
            text += "\n\nRecall@10 by EF. " + " ".join(f"{side.label}: {self.listed(side)}." for side in self.sides)
        if self.filtered and self.filtered.figures:
            text += f"\n\n`VSIM … COUNT 10 EF {self.ef} FILTER …`, 1 connection:\n\n{self.filtered.table(self.sides)}"
        return text

    def listed(self, side):
        return ", ".join(f"{ef}: {recall:.4f}" for ef, recall in side.recalls.items())

    def panels(self):
        """What the plot shows."""
        return [
            (
                f"VSIM, {connections_text(connections)}",
                [Curve(side.label, side.curve(connections), color) for color, side in enumerate(self.sides) if connections in side.points],
            )
            for connections in CONNECTIONS
        ]
