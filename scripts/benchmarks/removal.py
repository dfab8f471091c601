"""removal: nine of ten elements of a set are removed at once, in a pipeline: who waits, and what is given back; beside Redis 8.2.

    small    8,000 elements of 384 components
    middle   40,000
    large    166,000

Of each: the longest PING of a bystander (one each millisecond) from the first VREM until 5 s after the last, in which the set is also
asked and dumped; the median of VSIM before, while elements are removed, in the first second after and 10 s later; how long DUMP
takes right after the last VREM beside what it takes at the end; used_memory before, right after, and at the end, when nothing more is
given back. The vectors are in clusters, as embeddings are: no data of so many has as many components here. Figures of one round mean
something: the ratios are large. `--rows` is not asked for: each step has its size.
"""

import statistics
import threading
import time

from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.sides import PATIENCE, Side, finish, timed
from servers import Server, wait_until
from vectors import clusters, fp32, vadd

DIM = 384
# Of so many elements one stays.
EVERY = 10
# Commands of a pipeline that are sent at a time.
BATCH = 2000


class Asking:
    """A client that asks VSIM, one query after the other, and notes when and for how long."""

    def __init__(self, server, queries):
        self.r2 = server.connect(timeout=PATIENCE)
        self.queries, self.times, self.ended = queries, [], threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        at = 0
        while not self.ended.is_set():
            start = time.monotonic()
            self.r2("VSIM", "bench", "FP32", fp32(self.queries[at % len(self.queries)]), "COUNT", 10, "EF", 100)
            self.times.append((start, time.monotonic() - start))
            at += 1
            time.sleep(0.001)

    def median_ms(self, since, until):
        """Of those that began then; the one that was under way where none did."""
        times = [took for start, took in self.times if since <= start < until]
        times = times or [took for start, took in self.times if start < until][-1:]
        return 1000 * statistics.median(times)

    def end(self):
        self.ended.set()
        self.thread.join()


class Removal(Part):
    """The part."""

    NAME = "removal"
    STEPS = {"small": (1, True), "middle": (5, True), "large": (30, True)}

    def prepare(self, stack):
        self.figures = {}  # step -> label of the server -> figures
        # What the page names it by.
        self.data = f"clusters of {DIM} components"

    def small(self):
        self.beside(800 if self.options.quick else 8_000)

    def middle(self):
        self.beside(2_000 if self.options.quick else 40_000)

    def large(self):
        self.beside(4_000 if self.options.quick else 166_000)

    def beside(self, count):
        self.say(f"{count:,} elements")
        rows, self.queries = clusters(count, DIM, seed=5, centers=500), clusters(200, DIM, seed=6, centers=500)
        servers = {"nearset": self.options.server or "redis-7.0"} | ({} if self.options.alone else {"Redis 8.2": "bare-redis-8.2"})
        for label, name in servers.items():
            with Server(name) as server:
                server.patience = PATIENCE
                figures = self.figures.setdefault(f"{count:,}", {}).setdefault(label, {})
                self.measure(Side(label, server), rows, figures)

    def linked(self, side):
        """Waits until all is linked, where that is done later."""
        if side.label == "nearset":
            names = ("vset_unlinked_elements", "vset_removed_elements", "worker_sources")
            idle = lambda: all(side.server.info("everything", f"search_{name}") == "0" for name in names)
            wait_until(idle, "all is linked", timeout=PATIENCE)

    def measure(self, side, rows, figures):
        for start in range(0, len(rows), BATCH):
            side.r2.pipeline(vadd("bench", row, f"e{start + n}") for n, row in enumerate(rows[start : start + BATCH]))
        self.linked(side)
        side.settle()
        figures["used_memory before, MB"] = side.used() / 1e6
        asking = Asking(side.server, self.queries)
        begin = time.monotonic()
        time.sleep(1)
        watcher = side.watch()
        gone = [["VREM", "bench", f"e{n}"] for n in range(len(rows)) if n % EVERY]
        start = time.monotonic()
        for at in range(0, len(gone), BATCH):
            side.r2.pipeline(gone[at : at + BATCH])
        end = time.monotonic()
        figures["seconds of all VREM"] = end - start
        figures["DUMP right after, ms"] = 1000 * timed(side.r2, "DUMP", "bench")
        figures["used_memory right after, MB"] = side.used() / 1e6
        time.sleep(max(0, end + 5 - time.monotonic()))
        figures["longest PING, ms"] = finish(watcher)["ping_max_us"] / 1000
        time.sleep(max(0, end + 11 - time.monotonic()))
        asking.end()
        figures["VSIM p50 before, ms"] = asking.median_ms(begin, start)
        figures["VSIM p50 during, ms"] = asking.median_ms(start, end)
        figures["VSIM p50 in the second after, ms"] = asking.median_ms(end, end + 1)
        figures["VSIM p50 10 s later, ms"] = asking.median_ms(end + 10, end + 11)
        self.linked(side)
        side.settle()
        figures["DUMP at the end, ms"] = 1000 * timed(side.r2, "DUMP", "bench")
        side.settle()
        figures["used_memory at the end, MB"] = side.used() / 1e6

    def report(self):
        """A line for each figure, a column for each size and server."""
        columns = [(size, label) for size, by_label in self.figures.items() for label in by_label]
        names = list(dict.fromkeys(name for by_label in self.figures.values() for figures in by_label.values() for name in figures))
        lines = [[name, *(self.figures[size][label].get(name) for size, label in columns)] for name in names]
        return table([f"× {DIM}, nine of ten removed", *(f"{size}: {label}" for size, label in columns)], lines)
