"""counts: instructions that the server executes for a command, counted by callgrind: noise on the machine does not change them.

    callgrind  VSIM, VADD with its linking, FT.SEARCH with KNN, HSET into an index; the ten functions that take most
    profile    the same four by time instead, with perf where it is installed: the functions that take most on this processor

valgrind 3.19 knows no AVX-512, so callgrind counts the AVX2 kernels; perf sees the real ones.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import time
from itertools import starmap

from benchmarks import data
from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.search import Searching
from servers import Server, wait_until

SCHEMA = "SCHEMA v VECTOR HNSW 10 TYPE FLOAT32 DISTANCE_METRIC COSINE M 16 EF_CONSTRUCTION 200 DIM"
TOP = 10


class Counts(Part):
    """The part."""

    NAME = "counts"
    STEPS = {"callgrind": (3, True), "profile": (1, True)}
    ROWS, QUICK_ROWS = 10_000, 1000

    def prepare(self, stack):
        self.data = self.read_data()
        self.operations = 100 if self.options.quick else 500
        self.counts, self.shares = [], {}

    def loads(self, repeats=1):
        """(name, arguments of the load generator, operations, what to wait for) in the order in which they are counted."""
        base, queries = len(self.data.rows) - self.operations, self.data.queries
        queries = [queries[n % len(queries)] for n in range(self.operations)]
        vsim = (["VSIM", "bench", "FP32", one.tobytes(), "COUNT", 10, "EF", 100, "NOTHREAD"] for one in queries)
        knn = ["FT.SEARCH", "idx", "*=>[KNN 10 @v $q EF_RUNTIME 100]", "PARAMS", 2, "q"]
        ask = ([*knn, one.tobytes(), "NOCONTENT", "DIALECT", 2] for one in queries)
        file = self.vector_file()
        yield "VSIM, EF 100", ["send", *self.requests("vsim", vsim), "--count", self.operations * repeats], self.operations * repeats, None
        yield (
            "FT.SEARCH with KNN, EF_RUNTIME 100",
            ["send", *self.requests("knn", ask), "--count", self.operations * repeats],
            self.operations * repeats,
            None,
        )
        yield "VADD with its linking", ["vadd", *file, "--from", base], self.operations, None
        yield "HSET into an index with its linking", ["send", *self.hashes("new", base, len(self.data.rows))], self.operations, "index"

    def vector_file(self):
        path = self.folder / "rows"
        self.data.rows.tofile(path)
        return ["--vectors", path, "--dim", self.data.dim]

    def hashes(self, name, first, last):
        return self.requests(name, (["HSET", f"d:{n}", "v", self.data.rows[n].tobytes()] for n in range(first, last)))

    def fill(self, side):
        base = len(self.data.rows) - self.operations
        side.load("vadd", *self.vector_file(), "--count", base)
        side.create(self.data.dim, SCHEMA)
        side.load("send", *self.hashes("old", 0, base))
        side.wait()

    def callgrind(self):
        data.install("valgrind")
        with under_callgrind(self.folder), Server("redis-7.0", "--hz", "1") as server:
            side = Searching("nearset", server)
            self.fill(side)
            pid = server.process.pid
            control(pid, "--instr=on")
            for number, (name, load, operations, wait) in enumerate(self.loads(), 1):
                control(pid, "--zero")
                side.load(*load)
                if wait:
                    side.wait()
                control(pid, "--dump")
                dump = self.folder / f"callgrind.{number}"
                wait_until(lambda dump=dump: dump.exists() and "totals:" in dump.read_text(errors="replace"), "a dump", timeout=120)
                self.counts.append([name, total(dump) / operations])
                self.shares[f"callgrind, {name}"] = annotated(dump)

    def profile(self):
        if not shutil.which("perf"):
            self.failures.append("profile: perf is not installed (Debian: linux-perf)")
            return
        with Server("redis-7.0") as server:
            side = Searching("nearset", server)
            self.fill(side)
            for name, load, _, wait in self.loads(repeats=2 if self.options.quick else 40):
                record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-o", self.folder / "perf", "-p", server.process.pid]
                watcher = subprocess.Popen(list(map(str, record)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.3)
                side.load(*load)
                if wait:
                    side.wait()
                watcher.terminate()
                watcher.wait(60)
                report = ["perf", "report", "-i", self.folder / "perf", "--no-children", "--sort", "symbol", "--stdio", "-q"]
                lines = subprocess.run(list(map(str, report)), capture_output=True, text=True, timeout=120).stdout.splitlines()
                found = [re.match(r"\s*([\d.]+)%\s+\[(.)\]\s+(.*?)(\s+-\s+-)?\s*$", line) for line in lines]
                self.shares[f"time, {name}"] = [(float(one[1]), shortened(one[3])) for one in found if one]

    def report(self):
        text = f"{self.data}. Redis 7.0; valgrind has no AVX-512, so these are the AVX2 kernels.\n\n"
        if self.counts:
            text += table(["callgrind", "instructions for each"], self.counts) + "\n\n"
        if self.shares:
            text += "The functions that take most:\n\n" + "\n".join(starmap(listed, self.shares.items()))
        return text


def listed(name, parts):
    """A line about one command: what its distances take together, and each of the functions on top."""
    distances = sum(share for share, function in parts if "vector::distance" in function)
    functions = "; ".join(f"{function} {share:.0f} %" for share, function in parts[:TOP])
    return f"* {name}: distances {distances:.0f} %. {functions}"


@contextlib.contextmanager
def under_callgrind(folder):
    """The redis-server of the system runs under callgrind, which counts nothing before it is told to."""
    before = os.environ.get("REDIS_SERVER")
    real = shutil.which(before or "redis-server")
    wrapper = pathlib.Path(folder) / "redis-server"
    options = f"--tool=callgrind --callgrind-out-file={folder}/callgrind --instr-atstart=no --log-file={folder}/valgrind.log"
    wrapper.write_text(f'#!/bin/sh\nexec valgrind {options} {real} "$@"\n')
    wrapper.chmod(0o755)
    os.environ["REDIS_SERVER"] = str(wrapper)
    try:
        yield
    finally:
        os.environ.pop("REDIS_SERVER")
        if before is not None:
            os.environ["REDIS_SERVER"] = before


def control(pid, what):
    subprocess.run(["callgrind_control", what, str(pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


def total(dump):
    """Instructions that a dump counted."""
    return int(re.search(r"^totals: (\d+)", dump.read_text(errors="replace"), re.M)[1])


def annotated(dump):
    """[(percent, function)] of those that take most."""
    out = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=99.5", str(dump)], capture_output=True, text=True, timeout=300
    ).stdout
    found = re.finditer(r"^\s*[\d,]+ \(\s*([\d.]+)%\)\s+\S*?:(.*?)(?: \[.*\])?$", out, re.M)
    return [(float(one[1]), shortened(one[2])) for one in found if "PROGRAM TOTALS" not in one[2]]


def shortened(function):
    """A function's name without hash and generics, in code quotes."""
    name = re.sub(r"::h[0-9a-f]{16}$", "", function.strip())
    name = re.sub(r"<impl [\w:]*?(\w+)>", r"\1", re.sub(r"nearset::", "", name))
    return f"`{name[:70]}`"
