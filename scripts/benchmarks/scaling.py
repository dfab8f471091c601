"""scaling: how cost grows with size and with connections, from 10,000 to 400,000 elements; of this module only.

    grow     one set grows through the sizes; the rate of the elements added last, then VSIM with EF 100: rate, p50, p99
    load     that set is saved, and loaded by DEBUG RELOAD, in both formats

The vectors are GloVe's, whatever --data says, since many are needed.
"""

import math
import statistics

from benchmarks import data
from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.sides import Side, share_found
from servers import Server

SIZES = (10_000, 25_000, 50_000, 100_000, 200_000, 399_000)
QUICK_SIZES = (1000, 2000, 4000)
# The ends first, for the case that time is short.
CONNECTIONS = (1, 8, 2, 4)
# Values of the setting for the format of RDB files -> what they are called.
FORMS = {"redis": "as Redis 8", "compact": "compact format"}
SEARCH = ("COUNT", 10, "EF", 100)


class Scaling(Part):
    """The part."""

    NAME = "scaling"
    STEPS = {"grow": (20, True), "load": (1, True)}

    def prepare(self, stack):
        self.sizes = QUICK_SIZES if self.options.quick else [size for size in SIZES if size <= (self.options.rows or max(SIZES))]
        self.data = data.glove(max(self.sizes), 200 if self.options.quick else 1000)
        for name, rows in (("rows", self.data.rows), ("queries", self.data.queries)):
            rows.tofile(self.folder / name)
        self.cells, self.loads = {}, {}
        self.recalls = {}
        server = stack.enter_context(Server(self.options.server or "redis-7.0"))
        self.side = Side("nearset", server)

    def file(self, name):
        return ["--vectors", self.folder / name, "--dim", self.data.dim]

    def grow(self):
        for connections in CONNECTIONS:
            self.side.clear()
            done, slowest = 0, 0
            for size in self.sizes:
                if slowest * (size - done) > self.pace.left():
                    self.failures.append(f"no time for {size:,} elements with {connections} connections")
                    break
                load = ("--connections", connections)
                added = self.side.load("vadd", *self.file("rows"), "--from", done, "--count", size - done, *load)
                slowest = max(slowest, added["seconds"] / (size - done))
                asked = self.side.load("vsim", *self.file("queries"), "--seconds", 2 * self.seconds, *load, "--", *SEARCH)
                self.say(f"{size:,} elements, {connections} connections: {added['rate']:,.0f} added, {asked['rate']:,.0f} asked per second")
                self.cells[size, connections] = (added["rate"], asked["rate"], asked["p50_us"], asked["p99_us"])
                done = size
                if connections == 1:
                    self.recalls[size] = self.recall(size)

    def load(self):
        count = self.side.r2("VCARD", "bench")
        if not count:
            raise RuntimeError("there is nothing to load: the step before this one adds the elements")
        for _ in self.rounds():
            for form in FORMS:
                self.side.save_vector_sets(form)
                self.loads.setdefault(form, []).append((count, *self.side.save_and_load()))
        self.side.save_vector_sets("redis")

    def recall(self, size):
        some = data.Data("", self.data.rows[:size], self.data.queries[:200])
        lines, _ = self.found(self.side, "vsim", *self.file("queries"), "--count", 200, end=SEARCH)
        return share_found(lines, [set(map(str, row)) for row in some.nearest(10)])

    def report(self):
        header = [
            "elements",
            "connections",
            "VADD per second",
            "VSIM per second",
            "p50 µs",
            "p99 µs",
            "recall@10",
            "p50 × first",
            "log n × first",
        ]
        rows = []
        for size in self.sizes:
            for connections in sorted(CONNECTIONS):
                if (size, connections) not in self.cells:
                    continue
                added, asked, p50, p99 = self.cells[size, connections]
                cost = p50 / self.cells[self.sizes[0], connections][2]
                growth = math.log(size) / math.log(self.sizes[0])
                recall = f"{self.recalls[size]:.4f}" if connections == 1 else ""
                rows.append([f"{size:,}", str(connections), added, asked, p50, p99, recall, f"{cost:.2f}", f"{growth:.2f}"])
        return (
            f"{self.data.name}, {self.data.dim} dimensions, Q8; elements added last until they are linked, `VSIM … COUNT 10 EF 100`.\n\n"
            f"{table(header, rows)}{self.loading()}"
        )

    def loading(self):
        if not self.loads:
            return ""
        rows = []
        for form, loads in self.loads.items():
            count, saved, size, loaded = (statistics.median(column) for column in zip(*loads))
            rows.append([FORMS[form], saved, size, loaded, count / loaded])
        header = ["", "SAVE, seconds", "bytes of the file", "load, seconds", "elements loaded per second"]
        return f"\n\n{count:,.0f} elements, saved and loaded:\n\n{table(header, rows)}"
