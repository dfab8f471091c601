"""sizes: what one value, one document or one query costs as it grows, each doubled four times.

sizes      the time that the server's threads run for it, by size, beside RediSearch where that has it; how many times the
           last doubling costs the one before: about 2 where a cost grows with the size, 4 where it grows with its square
"""

import pathlib

from benchmarks.part import Part
from benchmarks.report import table
from servers import Server
from sizes import DIMENSIONS

DOUBLINGS = 4


class Sizes(Part):
    """The part."""

    NAME = "sizes"
    STEPS = {"sizes": (1, True)}
    EXAMPLES = ()

    def prepare(self, stack):
        self.data = "Dimensions of tests/sizes.py"
        self.stack = stack
        names = ["redis-7.0"] if self.options.alone else ["redis-7.0", "redis-stack"]
        self.servers = [stack.enter_context(Server(name)) for name in names]
        self.costs = []

    def sizes(self):
        for dimension in DIMENSIONS:
            sizes = [dimension.base << doubling for doubling in range(1 if self.options.quick else DOUBLINGS + 1)]
            sides = range(len(self.servers) if dimension.peer else 1)
            self.costs.append([dimension, [[self.cost(side, dimension, size) for size in sizes] for side in sides]])

    def cost(self, side, dimension, size):
        """Of nearset or the peer; `None` where the peer dies of it, which is started again."""
        try:
            return cost(self.servers[side], dimension, size)
        except ConnectionError:
            if side == 0:
                raise
            self.servers[side] = self.stack.enter_context(Server("redis-stack"))
            return None

    def report(self):
        rows = []
        for dimension, sides in self.costs:
            row = [dimension.name, dimension.base]
            for costs in sides:
                row += [" ".join("died" if each is None else f"{each / 1e6:.2f}" for each in costs)]
                row += ["" if None in costs[-2:] else f"{costs[-1] / max(costs[-2:][0], 1):.1f}"]
            rows.append(row + ["", ""] * (len(self.servers) - len(sides)))
        heads = [head for side in ("nearset", "RediSearch")[: len(self.servers)] for head in (f"{side}, ms", "last doubling")]
        return table(["what grows", "from", *heads], rows)


def ran(server):
    """Nanoseconds that the server's threads have run."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def cost(server, dimension, size):
    """Nanoseconds, the least of three."""
    c = server.connect(3, timeout=600)
    seen = []
    for _ in range(3):
        c("FLUSHALL")
        for index in c("FT._LIST"):
            c("FT.DROPINDEX", index)
        before, commands = dimension.make(size)
        for command in before:
            c(*command)
        start = ran(server)
        for command in commands:
            c(*command)
        seen.append(ran(server) - start)
    c.close()
    return min(seen)
