"""overhead: what lies between the engine's time and the command's, on one connection; and whether the load generator is fast enough.

commands   medians of VSIM and of FT.SEARCH with KNN beside those of the engine in a program of its own (examples/engine_bench and
           examples/search, same rows) and of PING: the rest is parsing, handing over to a worker and replying
writes     VADD of 768 dimensions: what the main thread takes for each
generator  the load generator's rate with PING and with a command that does nothing, as long as a VSIM, and the processor
           time that it takes for itself
"""

import re
import statistics
import subprocess

import numpy

from benchmarks.engine import Library, files, ours
from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.search import Searching
from benchmarks.sides import CONNECTIONS
from servers import TARGET, Server
from vectors import clusters

EF = 100
INLINE = "search.inline-microseconds"
SCHEMA = "SCHEMA gloss TEXT lexfile TAG v VECTOR HNSW 8 TYPE FLOAT32 DISTANCE_METRIC COSINE M 16 DIM"


class Overhead(Part):
    """The part."""

    NAME = "overhead"
    STEPS = {"commands": (4, True), "writes": (1, True), "generator": (1, True)}
    EXAMPLES = ("load", "engine_bench", "search")

    def prepare(self, stack):
        self.data = self.read_data()
        self.paths = files(self, self.data, self.data.nearest(100))
        self.stack = stack
        self.server = stack.enter_context(Server(self.options.server or "redis-7.0"))
        self.side = Searching("nearset", self.server)
        self.times, self.notes, self.rates = {}, [], []

    def vsim(self, *rest):
        return ["vsim", "--vectors", self.paths[1], "--dim", self.data.dim, *rest, "--", "COUNT", 10, "EF", EF]

    def fill(self):
        if self.side.r2("VCARD", "bench") != len(self.data.rows):
            self.side.load("vadd", "--vectors", self.paths[0], "--dim", self.data.dim)

    def commands(self):
        engine = self.stack.enter_context(Library("engine_bench", 0, False, ours("q8", self.paths, self.data.dim)))
        self.fill()
        knn = self.knn_requests()
        self.index()
        note = lambda name, value: self.times.setdefault(name, []).append(value)
        asked = {"VSIM": [], "VSIM on the main thread": ["NOTHREAD"], "VSIM handed over": []}
        inline = self.side.r2("CONFIG", "GET", INLINE)[1]
        for _ in self.rounds():
            note("engine: index", self.engine_of_knn())
            # Often and shortly in turns, since these are small differences.
            for _ in range(5):
                note("engine: graph, int8", engine.measure([EF])[0]["p50_us"])
                note("PING", self.median("ping"))
                for name, words in asked.items():
                    self.side.r2("CONFIG", "SET", INLINE, 0 if "over" in name else inline)
                    note(name, self.median(*self.vsim(), *words))
                self.side.r2("CONFIG", "SET", INLINE, inline)
                note("FT.SEARCH with KNN", self.median("send", *knn))
            self.side.r2("CONFIG", "RESETSTAT")
            self.side.load(*self.vsim(), "NOTHREAD")
            note("inside VSIM", self.inside("VSIM"))

    def median(self, mode, *rest):
        """Median of the latency, over one connection."""
        return self.side.load(mode, "--seconds", self.seconds / 2, *rest)["p50_us"]

    def inside(self, command):
        """Microseconds of a call on the main thread, by the server's count."""
        return float(self.server.info("commandstats", f"cmdstat_{command}").split("usec_per_call=")[1].split(",")[0])

    def index(self):
        documents = self.data.documents()
        rows = zip(documents, self.data.rows)
        commands = (["HSET", f"d:{n}", "v", row.tobytes(), "gloss", text, "lexfile", kind] for n, ((text, kind), row) in enumerate(rows))
        self.side.create(self.data.dim, SCHEMA)
        self.side.load("send", *self.requests("hashes", commands))
        self.side.wait()
        with open(self.folder / "rows.jsonl", "w") as file:
            for text, kind in [("", "")] * 100 + documents:
                words = re.sub(r"[^\w ]", " ", text)
                file.write(f'{{"gloss": "{words}", "lemma": "", "pos": "n", "lexfile": "{kind}", "rnd": 1}}\n')
        numpy.concatenate([self.data.queries[:100], self.data.rows]).astype("<f2").tofile(self.folder / "all.f16")

    def knn_requests(self):
        query = ["FT.SEARCH", "idx", f"*=>[KNN 10 @v $q EF_RUNTIME {EF}]", "PARAMS", 2, "q"]
        return self.requests("knn", ([*query, one.tobytes(), "NOCONTENT", "DIALECT", 2] for one in self.data.queries))

    def engine_of_knn(self):
        program = TARGET / "release" / "examples" / "search"
        words = [program, self.folder / "rows.jsonl", self.folder / "all.f16", self.data.dim]
        out = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True, timeout=600).stdout
        found = re.search(rf"([\d.]+) µs  recall [\d.]+  \*=>\[KNN 10 @v \$b EF_RUNTIME {EF}\]", out)
        return float(found[1])

    def writes(self):
        rows = clusters(500 if self.options.quick else 5000, 768, 1)
        adding = self.requests("adding", (["VADD", "wide", "FP32", row.tobytes(), n] for n, row in enumerate(rows)))
        for connections in CONNECTIONS:
            self.side.r2("UNLINK", "wide")
            self.side.r2("CONFIG", "RESETSTAT")
            before = self.server.main_thread()[0]
            self.side.load("send", *adding, "--connections", connections)
            busy = (self.server.main_thread()[0] - before) / len(rows) / 1e3
            inside = self.inside("VADD")
            words = f"VADD of 768 dimensions, {connections} connection(s), main thread"
            self.notes.append([f"{words}: inside the command, by the clock (INFO commandstats)", inside])
            self.notes.append([f"{words}: processor time of all, with the socket", busy])
        self.side.r2("UNLINK", "wide")

    def generator(self):
        self.fill()
        nothing = self.requests("nothing", (["EXISTS", one.tobytes() + bytes(30)] for one in self.data.queries))
        for connections, pipeline in ((1, 1), (8, 1), (2, 100)):
            more = ("--connections", connections, "--pipeline", pipeline, "--seconds", self.seconds)
            self.rate("PING", connections, pipeline, self.side.load("ping", *more))
            self.rate("EXISTS of a key as long as a vector", connections, pipeline, self.side.load("send", *nothing, *more))
        for connections in CONNECTIONS:
            load = self.side.load(*self.vsim("--connections", connections, "--seconds", self.seconds))
            self.rate(f"VSIM, EF {EF}", connections, 1, load)

    def rate(self, name, connections, pipeline, load):
        share = 100 * load["rate"] * load["own_us"] / 1e6
        self.rates.append([name, str(connections), str(pipeline), load["rate"], load["own_us"], f"{share:.0f} %"])

    def report(self):
        times = {name: statistics.median(values) for name, values in self.times.items()}
        lines = []
        engines = {name: times["engine: index" if "KNN" in name else "engine: graph, int8"] for name in times if name[0] in "VF"}
        for name, engine in engines.items():
            lines.append([name, times[name], engine, times["PING"], times[name] - engine - times["PING"]])
        if lines:
            inside, engine = times["inside VSIM"], engines["VSIM"]
            lines.append(["inside VSIM on the main thread (INFO commandstats)", inside, engine, "", inside - engine])
        text = f"{self.data}, EF {EF}, 1 connection.\n\n"
        if lines:
            text += table(["median, µs", "command", "engine alone", "PING", "what lies between"], lines) + "\n\n"
        if self.notes:
            text += table(["", "µs"], self.notes) + "\n\n"
        if self.rates:
            header = ["the load generator", "connections", "pipeline", "per second", "its own µs for each", "of one core"]
            text += table(header, self.rates)
        return text
