"""engine: our graph alone, in one thread and without a server, beside hnswlib (PyPI) on the same rows.

    sweep    queries per second at recall@10 0.95 and 0.99, rate of building, bytes a vector

M 16, EF_CONSTRUCTION 200, cosine. Each library gets all queries in one call (hnswlib: `knn_query` with num_threads 1, on rows
normalized beforehand with its inner product, so that Python's share of a query and of a distance is nothing), and is timed by the
processor time of its thread. hnswlib is compiled on this machine, with its own flags (-O3 -march=native).
"""

import json
import pathlib
import statistics
import subprocess
import time

from benchmarks.part import Part
from benchmarks.plot import Curve
from benchmarks.report import rate_at, table
from benchmarks.sides import EFS, in_turns
from servers import ROOT, TARGET

RECALLS = (0.95, 0.99)
M, EF_CONSTRUCTION = 16, 200


class Library:
    """A graph that is built, and asked each turn: `build_rate`, `bytes`, and rates by EF."""

    def __init__(self, label, color, dashed=False):
        self.label, self.color, self.dashed = label, color, dashed
        self.recalls, self.rates = {}, {ef: [] for ef in EFS}

    def ask(self):
        """[(ef, recall, rate)]"""
        raise NotImplementedError

    def turn(self):
        for ef, recall, rate in self.ask():
            self.recalls[ef] = recall
            self.rates[ef].append(rate)

    def points(self):
        return [(self.recalls[ef], statistics.median(rates)) for ef, rates in self.rates.items() if rates]


class Ours(Library):
    """examples/engine_bench, which waits for its turns."""

    def __init__(self, label, color, dashed, encoding, files, dim):
        super().__init__(label, color, dashed)
        program = TARGET / "release" / "examples" / "engine_bench"
        base, queries, truth = files
        words = [program, base, dim, queries, truth, "--turns", "--encodings", encoding, "--m", M, "--efc", EF_CONSTRUCTION]
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        built = self.read()
        self.build_rate, self.bytes = built["build_rate"], built["bytes"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"engine_bench ended with {self.process.wait()}")
        return json.loads(line)

    def measure(self, efs):
        self.process.stdin.write(",".join(map(str, efs)) + "\n")
        self.process.stdin.flush()
        return self.read()

    def ask(self):
        return [(point["ef"], point["recall"], point["rate"]) for point in self.measure(EFS)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Hnswlib(Library):
    """The library of the paper's authors."""

    def __init__(self, label, color, data, truth):
        super().__init__(label, color)
        import hnswlib

        self.queries, self.truth = data.queries, [set(row.tolist()) for row in truth[:, :10]]
        before = resident()
        self.index = hnswlib.Index("ip", data.dim)
        self.index.init_index(len(data.rows), M=M, ef_construction=EF_CONSTRUCTION)
        start = time.thread_time()
        self.index.add_items(data.rows, num_threads=1)
        self.build_rate = len(data.rows) / (time.thread_time() - start)
        self.bytes = (resident() - before) / len(data.rows)

    def ask(self):
        for ef in EFS:
            self.index.set_ef(ef)
            start = time.thread_time()
            found, _ = self.index.knn_query(self.queries, k=10, num_threads=1)
            rate = len(self.queries) / (time.thread_time() - start)
            hits = sum(len(truth & set(row.tolist())) for truth, row in zip(self.truth, found))
            yield ef, hits / (10 * len(self.queries)), rate


def resident():
    """Bytes of memory that this process holds."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


def files(part, data, nearest):
    """Rows, queries and truth as engine_bench takes them."""
    paths = [part.folder / name for name in ("base.f32", "queries.f32", "truth.i32")]
    for path, values in zip(paths, (data.rows.astype("<f4"), data.queries.astype("<f4"), nearest.astype("<i4"))):
        values.tofile(path)
    return paths


class Engine(Part):
    """The part."""

    NAME = "engine"
    EACH_DATA = True
    STEPS = {"sweep": (1, True)}
    ROWS = 100_000
    EXAMPLES = ("engine_bench",)

    def prepare(self, stack):
        subprocess.run([ROOT / "scripts" / "setup", "hnswlib"], check=True)
        self.data = self.read_data()
        nearest = self.data.nearest(100)
        paths = files(self, self.data, nearest)
        self.libraries = []
        for label, color, dashed, encoding in (("nearset, float32", 0, False, "f32"), ("nearset, int8", 0, True, "q8")):
            self.say(f"building {label}")
            self.libraries.append(stack.enter_context(Ours(label, color, dashed, encoding, paths, self.data.dim)))
        self.say("building hnswlib")
        self.libraries.append(Hnswlib("hnswlib, float32", 1, self.data, nearest))

    def sweep(self):
        for library in in_turns(self.libraries, self.rounds()):
            library.turn()

    def report(self):
        peer = self.libraries[-1]
        rows = []
        for target in RECALLS:
            rates = [rate_at(target, library.points()) for library in self.libraries]
            rows.append(self.line(f"queries per second at recall@10 {target}", rates))
        rows.append(self.line("vectors built per second", [library.build_rate for library in self.libraries]))
        rows.append([*self.line("bytes a vector", [library.bytes for library in self.libraries])[:4], *self.ratios_of_bytes(peer)])
        rows.append(["highest recall@10 of the sweep", *(f"{max(library.recalls.values()):.4f}" for library in self.libraries), "", ""])
        header = ["", *(library.label for library in self.libraries), "float32 ratio", "int8 ratio"]
        return f"{self.data}, M {M}, EF_CONSTRUCTION {EF_CONSTRUCTION}, one thread, in turns.\n\n{table(header, rows)}"

    def line(self, name, values):
        *ours, theirs = values
        return [name, *values, *(f"{one / theirs:.2f}" if one and theirs else "–" for one in ours)]

    def ratios_of_bytes(self, peer):
        return [f"{peer.bytes / library.bytes:.2f}" for library in self.libraries[:-1]]

    def panels(self):
        """What the plot shows."""
        return [("the engine alone, one thread", [Curve(one.label, one.points(), one.color, one.dashed) for one in self.libraries])]
