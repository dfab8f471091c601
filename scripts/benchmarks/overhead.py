"""overhead: what lies between the engine's time and the command's, on one connection; and whether the load generator is fast enough.

commands   VSIM and FT.SEARCH with KNN, at the client and in the server (commandstats), beside what of them is the search, and for
           KNN reading documents, whose floats make the distances, by the module's own count (INFO vset_search_microseconds,
           total_query_microseconds, total_measuring_microseconds), all as means. The rest in the server is parsing and
           replying; handing over to a worker and back, and the sockets, are outside of it, and so is what a processor that
           has rested takes to wake up: PING shows sockets that it needn't wake for
writes     VADD of 768 dimensions: what the main thread takes for each
generator  the load generator's rate with PING and with a command that does nothing, as long as a VSIM, and the processor
           time that it takes for itself
"""

import statistics

from benchmarks.engine import files
from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.search import Searching
from benchmarks.sides import CONNECTIONS
from servers import Server
from vectors import clusters

EF = 100
# What decides whether a search is handed over, with many clients and with one.
INLINE = ("search.inline-microseconds", "search.alone-microseconds")
SCHEMA = "SCHEMA gloss TEXT lexfile TAG v VECTOR HNSW 8 TYPE FLOAT32 DISTANCE_METRIC COSINE M 16 DIM"


class Overhead(Part):
    """The part."""

    NAME = "overhead"
    STEPS = {"commands": (4, True), "writes": (1, True), "generator": (1, True)}
    EXAMPLES = ("load",)

    def prepare(self, stack):
        self.data = self.read_data()
        self.paths = files(self, self.data, self.data.nearest(100))
        self.stack = stack
        self.server = stack.enter_context(Server(self.options.server or "redis-7.0"))
        self.side = Searching("nearset", self.server)
        self.times, self.notes, self.rates = {}, [], []

    def vsim(self, *words):
        return ["vsim", "--vectors", self.paths[1], "--dim", self.data.dim], ["--", "COUNT", 10, "EF", EF, *words]

    def fill(self):
        if self.side.r2("VCARD", "bench") != len(self.data.rows):
            self.side.load("vadd", "--vectors", self.paths[0], "--dim", self.data.dim)

    def commands(self):
        self.fill()
        knn = self.knn_requests()
        self.index()
        asked = {"VSIM": self.vsim(), "VSIM on the main thread": self.vsim("NOTHREAD"), "VSIM handed over": self.vsim()}
        asked["FT.SEARCH with KNN"] = ["send", *knn], []
        inline = [self.side.r2("CONFIG", "GET", name)[1] for name in INLINE]
        for _ in self.rounds():
            # Often and shortly in turns, since these are small differences.
            for _ in range(5):
                ping = self.side.load("ping", "--seconds", self.seconds / 2)
                self.note("PING", 1e6 / ping["rate"], None, 0, 0)
                for name, (mode, words) in asked.items():
                    self.place(["0", "0"] if "over" in name else inline)
                    self.side.r2("CONFIG", "RESETSTAT")
                    before = self.engine(name)
                    load = self.side.load(*mode, "--seconds", self.seconds / 2, *words)
                    engine, measuring = ((now - then) / load["operations"] for now, then in zip(self.engine(name), before))
                    # Of what is handed over, the server counts the first part only.
                    inside = None if "over" in name else self.inside("VSIM" if name[0] == "V" else "FT.SEARCH")
                    self.note(name, 1e6 / load["rate"], inside, engine, measuring)
                self.place(inline)

    def place(self, microseconds):
        for name, value in zip(INLINE, microseconds):
            self.side.r2("CONFIG", "SET", name, value)

    def note(self, name, command, inside, engine, measuring):
        self.times.setdefault(name, []).append((command, inside, engine, measuring))

    def engine(self, name):
        """Microseconds of all searches of a kind and of reading documents for them so far, by the module's count."""
        search = "vset_search_microseconds" if name[0] == "V" else "total_query_microseconds"
        return [int(self.server.info("search", f"search_{field}")) for field in (search, "total_measuring_microseconds")]

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

    def knn_requests(self):
        query = ["FT.SEARCH", "idx", f"*=>[KNN 10 @v $q EF_RUNTIME {EF}]", "PARAMS", 2, "q"]
        return self.requests("knn", ([*query, one.tobytes(), "NOCONTENT", "DIALECT", 2] for one in self.data.queries))

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
            mode, words = self.vsim()
            load = self.side.load(*mode, "--connections", connections, "--seconds", self.seconds, *words)
            self.rate(f"VSIM, EF {EF}", connections, 1, load)

    def rate(self, name, connections, pipeline, load):
        share = 100 * load["rate"] * load["own_us"] / 1e6
        self.rates.append([name, str(connections), str(pipeline), load["rate"], load["own_us"], f"{share:.0f} %"])

    def report(self):
        text = f"{self.data}, EF {EF}, 1 connection.\n\n"
        lines = [self.line(name) for name in self.times if name != "PING"]
        if lines:
            header = [
                "µs",
                "at the client",
                "in the server",
                "its search",
                "reading documents",
                "beside them in the server",
                "PING",
                "beside all that at the client",
            ]
            text += table(header, lines) + "\n\n"
        if self.notes:
            text += table(["", "µs"], self.notes) + "\n\n"
        if self.rates:
            header = ["the load generator", "connections", "pipeline", "per second", "its own µs for each", "of one core"]
            text += table(header, self.rates)
        return text

    def line(self, name):
        command, inside, engine, measuring = zip(*self.times[name])
        ping = [one[0] for one in self.times["PING"]]
        # Differences are of one turn each.
        less = lambda values, *others: statistics.median(one - sum(of) for one, *of in zip(values, *others))
        in_server = [None, None] if None in inside else [less(inside), less(inside, engine, measuring)]
        documents = less(measuring) if any(measuring) else None
        rest = less(command, engine, measuring, ping)
        return [name, less(command), in_server[0], less(engine), documents, in_server[1], less(ping), rest]
