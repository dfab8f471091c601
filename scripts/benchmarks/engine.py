"""engine: our graph alone, in one thread and without a server, beside hnswlib (PyPI) on the same rows.

    sweep    queries per second at recall@10 0.95 and 0.99, rate of building, bytes a vector

M 16, EF_CONSTRUCTION 200, cosine. Each graph is in a process of its own, gets all queries in one call (examples/engine_bench,
scripts/benchmarks/hnswlib_engine.py) and is timed by the processor time of its thread. hnswlib is compiled on this machine, with
its own flags (-O3 -march=native).
"""

import json
import pathlib
import statistics
import subprocess
import sys

from benchmarks import data
from benchmarks.part import Part
from benchmarks.plot import Curve
from benchmarks.report import rate_at, table
from benchmarks.sides import EFS, in_turns
from servers import TARGET

RECALLS = (0.95, 0.99)
M, EF_CONSTRUCTION = 16, 200


class Library:
    """A graph in a process that waits for its turns: `build_rate`, `bytes`, and rates by EF."""

    def __init__(self, label, color, dashed, command):
        self.label, self.color, self.dashed = label, color, dashed
        self.recalls, self.rates = {}, {ef: [] for ef in EFS}
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        built = self.read()
        self.build_rate, self.bytes = built["build_rate"], built["bytes"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label} ended with {self.process.wait()}")
        return json.loads(line)

    def measure(self, efs):
        """What it measures with each beam."""
        self.process.stdin.write(",".join(map(str, efs)) + "\n")
        self.process.stdin.flush()
        return self.read()

    def turn(self):
        for point in self.measure(EFS):
            self.recalls[point["ef"]] = point["recall"]
            self.rates[point["ef"]].append(point["rate"])

    def points(self):
        return [(self.recalls[ef], statistics.median(rates)) for ef, rates in self.rates.items() if rates]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def ours(encoding, paths, dim):
    """The command that runs our graph."""
    base, queries, truth = paths
    program = TARGET / "release" / "examples" / "engine_bench"
    return [program, base, dim, queries, truth, "--turns", "--encodings", encoding, "--m", M, "--efc", EF_CONSTRUCTION]


def theirs(paths, dim):
    """The command that runs hnswlib's."""
    base, queries, truth = paths
    return [sys.executable, pathlib.Path(__file__).with_name("hnswlib_engine.py"), base, dim, queries, truth, M, EF_CONSTRUCTION]


def files(part, measured, nearest):
    """Rows, queries and truth as engine_bench takes them."""
    paths = [part.folder / name for name in ("base.f32", "queries.f32", "truth.i32")]
    for path, values in zip(paths, (measured.rows.astype("<f4"), measured.queries.astype("<f4"), nearest.astype("<i4"))):
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
        data.install("hnswlib")
        self.data = self.read_data()
        paths = files(self, self.data, self.data.nearest(100))
        commands = [
            ("nearset, float32", 0, False, ours("f32", paths, self.data.dim)),
            ("nearset, int8", 0, True, ours("q8", paths, self.data.dim)),
            ("hnswlib, float32", 1, False, theirs(paths, self.data.dim)),
        ]
        self.libraries = []
        for label, color, dashed, command in commands:
            self.say(f"building {label}")
            self.libraries.append(stack.enter_context(Library(label, color, dashed, command)))

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
