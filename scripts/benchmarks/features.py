"""features: what FT.* has beside plain search, each as a client waits for it; beside RediSearch 2.10 where that has it, too.

    hybrid       FT.HYBRID beside each of its arms alone
    suggestions  FT.SUGGET over a million entries, exact and fuzzy, and their memory
    spelling     FT.SPELLCHECK over 100,000 words, of one and of two differences
    shown        HIGHLIGHT and SUMMARIZE of ten rows, and FT.PROFILE, beside the search without
    shapes       WITHIN a small shape, over 100,000 squares

Figures are medians over round trips of one client, in turns, less that of PING. Data is made up from seeds.
"""

import random
import statistics
import time

from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.sides import PATIENCE, Side
from servers import Server, wait_until
from vectors import clusters, fp32

DIM = 64
TRIPS = 300
BATCH = 1000


def words(count, seed):
    """Made-up words, each once."""
    chance = random.Random(seed)
    syllables = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "ol")]
    found = {}
    while len(found) < count:
        found["".join(chance.choices(syllables, k=chance.randint(2, 5)))] = None
    return list(found)


def polygon(x, y, size):
    return f"POLYGON(({x} {y}, {x + size} {y}, {x + size} {y + size}, {x} {y + size}, {x} {y}))"


class Features(Part):
    """The part."""

    NAME = "features"
    STEPS = {"hybrid": (2, True), "suggestions": (5, True), "spelling": (2, True), "shown": (2, True), "shapes": (3, True)}
    EXAMPLES = ()

    def prepare(self, stack):
        self.data = "made up from seeds"
        names = {"nearset": "redis-7.0"} | ({} if self.options.alone else {"RediSearch": "redis-stack"})
        self.sides = [Side(label, stack.enter_context(Server(name))) for label, name in names.items()]
        for side in self.sides:
            side.server.patience = PATIENCE
        self.lines = []

    def size(self, count):
        return count // 100 if self.options.quick else count

    def fill(self, commands):
        for side in self.sides:
            side.clear()
            for start in range(0, len(commands), BATCH):
                side.r2.pipeline(commands[start : start + BATCH])
            if side.r2("FT._LIST"):
                wait_until(lambda side=side: b"indexing" not in self.unfinished(side), "all is indexed", timeout=PATIENCE)

    @staticmethod
    def unfinished(side):
        """The name of the figure that says that an index is not complete, where that is so."""
        info = side.r2("FT.INFO", side.r2("FT._LIST")[0])
        figures = dict(zip(map(lambda key: key if isinstance(key, bytes) else str(key).encode(), info[::2]), info[1::2]))
        return [b"indexing"] if str(figures[b"indexing"]).strip("b'") != "0" else []

    def medians(self, side, by_name):
        """Name -> median of microseconds, of lists of commands that are asked in turns."""
        times = {name: [] for name in ("ping", *by_name)}
        for trip in range(20 if self.options.quick else TRIPS):
            for name, commands in {"ping": [("PING",)], **by_name}.items():
                start = time.perf_counter()
                side.r2(*commands[trip % len(commands)])
                times[name].append(time.perf_counter() - start)
        medians = {name: 1e6 * statistics.median(seen) for name, seen in times.items()}
        return {name: max(medians[name] - medians["ping"], 0.1) for name in by_name}

    def line(self, what, mine, theirs=None, of=None):
        """A line of the table; `of`: what the first figure is to be compared with."""
        ratio = lambda figure: f"{figure:.2f}" if figure is not None else ""
        self.lines.append([what, mine, theirs, ratio(theirs / mine) if theirs else "", ratio(mine / of) if of else ""])

    def hybrid(self):
        vocabulary, chance = words(5000, 1), random.Random(2)
        rows, queries = clusters(self.size(20_000), DIM, seed=3), clusters(50, DIM, seed=4)
        create = [
            "FT.CREATE",
            "i",
            "SCHEMA",
            "t",
            "TEXT",
            "v",
            "VECTOR",
            "HNSW",
            6,
            "TYPE",
            "FLOAT32",
            "DIM",
            DIM,
            "DISTANCE_METRIC",
            "COSINE",
        ]
        text = lambda: " ".join(chance.choices(vocabulary, weights=range(5000, 0, -1), k=12))
        side, others = self.sides[0], self.sides[1:]
        self.sides = [side]
        self.fill([create] + [["HSET", f"d:{n}", "t", text(), "v", fp32(row)] for n, row in enumerate(rows)])
        wait_until(lambda: side.server.info("everything", "search_unlinked_vectors") in ("0", None), "all is linked", timeout=PATIENCE)
        self.sides += others
        asked = [(f"{chance.choice(vocabulary)}|{chance.choice(vocabulary)}", fp32(query)) for query in queries]
        first = ("LIMIT", 0, 20, "NOCONTENT", "DIALECT", 2)
        found = self.medians(
            side,
            {
                "text": [("FT.SEARCH", "i", query, *first) for query, _ in asked],
                "vector": [("FT.SEARCH", "i", "*=>[KNN 20 @v $b]", "PARAMS", 2, "b", blob, *first) for _, blob in asked],
                "both": [
                    ("FT.HYBRID", "i", "SEARCH", query, "VSIM", "@v", "$b", "KNN", 2, "K", 20, "LIMIT", 0, 20, "PARAMS", 2, "b", blob)
                    for query, blob in asked
                ],
            },
        )
        self.line("text arm alone, 20 of 20,000", found["text"])
        self.line("vector arm alone", found["vector"])
        self.line("FT.HYBRID; beside the slower arm", found["both"], of=max(found["text"], found["vector"]))

    def suggestions(self):
        entries = words(self.size(1_000_000), 5)
        chance = random.Random(6)
        self.fill([["FT.SUGADD", "s", entry, 1 + n % 100] for n, entry in enumerate(entries)])
        prefixes = [chance.choice(entries)[:5] for _ in range(100)]
        asked = {
            "exact": [("FT.SUGGET", "s", prefix) for prefix in prefixes],
            "fuzzy": [("FT.SUGGET", "s", prefix, "FUZZY") for prefix in prefixes],
        }
        found = [self.medians(side, asked) for side in self.sides]
        self.beside("FT.SUGGET of 1,000,000", found, "exact")
        self.beside("FT.SUGGET FUZZY", found, "fuzzy")
        texts = sum(map(len, entries))
        memory = [(side.r2("MEMORY", "USAGE", "s", "SAMPLES", 0) - texts) / len(entries) for side in self.sides]
        self.line("bytes an entry beyond its text", *(memory[:1] + [memory[1] if len(memory) > 1 and memory[1] > 0 else None]))

    def beside(self, what, found, name, of=None):
        mine, theirs = found[0][name], found[1][name] if len(found) > 1 else None
        self.line(what, mine, theirs, found[0][of] if of else None)

    def spelling(self):
        vocabulary = words(self.size(100_000), 7)
        chance = random.Random(8)
        texts = [" ".join(vocabulary[start : start + 20]) for start in range(0, len(vocabulary), 20)]
        self.fill([["FT.CREATE", "i", "SCHEMA", "t", "TEXT", "NOSTEM"]] + [["HSET", f"d:{n}", "t", text] for n, text in enumerate(texts)])

        def wrong():
            word = chance.choice(vocabulary)
            at = chance.randrange(len(word))
            return word[:at] + chance.choice("qxwy") + word[at + 1 :]

        asked = [wrong() for _ in range(50)]
        by_name = {f"{d}": [("FT.SPELLCHECK", "i", word, "DISTANCE", d) for word in asked] for d in (1, 2)}
        found = [self.medians(side, by_name) for side in self.sides]
        self.beside("FT.SPELLCHECK DISTANCE 1 of 100,000 words", found, "1")
        self.beside("FT.SPELLCHECK DISTANCE 2", found, "2")

    def shown(self):
        vocabulary, chance = words(2000, 9), random.Random(10)
        text = lambda: " ".join(chance.choices(vocabulary, k=120))
        self.fill([["FT.CREATE", "i", "SCHEMA", "t", "TEXT"]] + [["HSET", f"d:{n}", "t", text()] for n in range(self.size(20_000))])
        asked = [f"{chance.choice(vocabulary)} {chance.choice(vocabulary)}" for _ in range(50)]
        search = lambda *options: [("FT.SEARCH", "i", query, *options) for query in asked]
        by_name = {
            "plain": search(),
            "marked": search("HIGHLIGHT"),
            "pieces": search("SUMMARIZE"),
            "profile": [("FT.PROFILE", "i", "SEARCH", "QUERY", query) for query in asked],
        }
        found = [self.medians(side, by_name) for side in self.sides]
        self.beside("FT.SEARCH of two words, ten rows of 120 words", found, "plain")
        self.beside("with HIGHLIGHT; beside the search", found, "marked", "plain")
        self.beside("with SUMMARIZE; beside the search", found, "pieces", "plain")
        self.beside("FT.PROFILE of it; beside the search", found, "profile", "plain")

    def shapes(self):
        chance = random.Random(11)
        place = lambda: (round(chance.uniform(0, 1000), 3), round(chance.uniform(0, 1000), 3))
        documents = [["HSET", f"d:{n}", "s", polygon(*place(), 0.5)] for n in range(self.size(100_000))]
        self.fill([["FT.CREATE", "i", "SCHEMA", "s", "GEOSHAPE", "FLAT"], *documents])
        query = lambda predicate, size: [
            ("FT.SEARCH", "i", f"@s:[{predicate} $p]", "PARAMS", 2, "p", polygon(*place(), size), "NOCONTENT", "DIALECT", 2)
            for _ in range(50)
        ]
        by_name = {"within": query("WITHIN", 5), "across": query("INTERSECTS", 5), "large": query("WITHIN", 100)}
        found = [self.medians(side, by_name) for side in self.sides]
        self.beside("WITHIN a square that holds 2 of 100,000", found, "within")
        self.beside("INTERSECTS the same", found, "across")
        self.beside("WITHIN a square that holds 1,000", found, "large")

    def report(self):
        return table(["", "nearset, µs", "RediSearch, µs", "times as fast", "beside what it adds to"], self.lines)
