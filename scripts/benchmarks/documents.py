"""json: documents beside RedisJSON 2.8.3, both in Redis 7.4, the commands of both interleaved.

    memory   bytes over those of the compact text, without the key's own
    speed    microseconds a call inside the command, as the server counts them (INFO commandstats), over one connection, pipelined

--corpus names a file as wordnet.50k.jsonl.gz; without it documents of that kind are made up.
"""

import gzip
import json
import random
import statistics
import struct

from benchmarks.part import Part
from benchmarks.report import table
from benchmarks.sides import Side, in_turns
from servers import Server

R = random.Random(7)
WORDS = "port city country mild chronic depression animal form between largest state of".split()
# How a float32 is written: as short as gives it back, or as Python prints it.
FORMS = {"shortest": "as an f32 prints itself", "widened": "as Python prints an f32"}


def single(value):
    """The nearest f32, as a double."""
    return struct.unpack("f", struct.pack("f", value))[0]


def shortest(value):
    """The shortest text that gives the f32 back."""
    return next(text for text in (f"{value:.{n}g}" for n in range(1, 10)) if single(float(text)) == value)


def floats(count, form):
    values = [single(R.gauss(0, 0.05)) for _ in range(count)]
    return "[" + ",".join(shortest(v) if form == "shortest" else repr(v) for v in values) + "]"


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def made_up(count):
    for n in range(count):
        gloss = " ".join(R.choice(WORDS) for _ in range(R.randint(4, 20)))
        document = {"n": n, "lemma": R.choice(WORDS), "pos": "n", "lexfile": "noun.state", "gloss": gloss}
        yield document | {"nlemmas": 1, "glosslen": len(gloss), "rnd": R.randrange(1000)}


def one_kilobyte():
    """A document of 1 KB: scalars, nesting, an array of objects."""
    person = lambda n: {"id": n, "name": f"person {n}", "mail": f"p{n}@example.org", "active": n % 2 == 0, "score": n * 1.25}
    document = {"id": 4711, "title": "a document of one kilobyte", "n": 0, "price": 19.99}
    document |= {"tags": ["red", "green", "blue"], "nested": {"a": {"b": {"c": 1}}}, "people": []}
    while len(text(document)) < 980:
        document["people"].append(person(len(document["people"])))
    return text(document)


def use(side, texts):
    """Loads the texts and tells bytes over bytes of text: by MEMORY USAGE without the key, by used_memory with it."""
    side.clear()
    before = side.used()
    side.r2.pipeline(["JSON.SET", f"d{n}", "$", t] for n, t in enumerate(texts))
    grown = side.used() - before
    sample = range(0, len(texts), max(1, len(texts) // 2000))
    usage = sum(side.r2.pipeline(["MEMORY", "USAGE", f"d{n}"] for n in sample))
    # The key itself, in the same server with the same name, as an empty string's.
    side.r2.pipeline(["SET", f"e{n}", ""] for n in sample)
    usage -= sum(side.r2.pipeline(["MEMORY", "USAGE", f"e{n}"] for n in sample))
    return usage / sum(len(texts[n].encode()) for n in sample), grown / sum(len(t.encode()) for t in texts)


class Documents(Part):
    """The part."""

    NAME = "json"
    STEPS = {"memory": (1, True), "speed": (3, True)}
    EXAMPLES = ()

    def prepare(self, stack):
        if self.options.corpus:
            with gzip.open(self.options.corpus, "rt") as lines:
                self.documents = [json.loads(line) for line in lines]
        else:
            self.documents = list(made_up(20_000))
        self.kilobyte = one_kilobyte()
        ours, peer = (stack.enter_context(Server(name)) for name in (self.options.server or "redis-7.4", "redis-stack"))
        self.sides = [Side("nearset", ours), Side("RedisJSON 2.8.3", peer)]
        self.memories, self.speeds = [], []

    def memory(self):
        corpus = [text(document) for document in self.documents[: 2000 if self.options.quick else None]]
        length = sum(len(t.encode()) for t in corpus) / len(corpus)
        cases = {
            f"{len(corpus):,} dictionary entries of {length:.0f} bytes": corpus,
            **{f"arrays of 384 floats, {words}": [floats(384, form) for _ in range(300)] for form, words in FORMS.items()},
            "arrays of 384 doubles": [text([R.gauss(0, 0.05) for _ in range(384)]) for _ in range(300)],
            "arrays of 1,536 floats, as an f32 prints itself": [floats(1536, "shortest") for _ in range(100)],
            "1 KB: scalars, nesting, objects in an array": [self.kilobyte] * 2000,
            "300 such entries in an array": [text(self.documents[:300])] * 50,
        }
        for name, texts in cases.items():
            (ours, ours_grown), (theirs, theirs_grown) = (use(side, texts) for side in self.sides)
            self.memories.append([name, *(f"{value:.2f}" for value in (ours, theirs, ours_grown, theirs_grown))])

    def cases(self):
        """(name, what is there before, commands)"""
        calls = 300 if self.options.quick else self.options.calls
        keys = [["JSON.SET", f"d{n}", "$", self.kilobyte] for n in range(100)]
        on_keys = lambda command, *rest: [[command, f"d{n % 100}", *rest] for n in range(calls)]
        yield "`JSON.SET`, 1 KB", [], on_keys("JSON.SET", "$", self.kilobyte)
        yield "`JSON.GET`, 1 KB", keys, on_keys("JSON.GET")
        yield "`JSON.GET`, one path of it", keys, on_keys("JSON.GET", "$.nested.a.b.c")
        yield "`JSON.GET`, a filter over objects", keys, on_keys("JSON.GET", "$.people[?(@.score>3)].name")
        yield "`JSON.SET`, one path of it", keys, on_keys("JSON.SET", "$.nested.a.b.c", "7")
        yield "`JSON.NUMINCRBY`", keys, on_keys("JSON.NUMINCRBY", "$.n", "1")
        yield "`JSON.ARRAPPEND`, a string to a list in 1 KB", keys, on_keys("JSON.ARRAPPEND", "$.tags", '"x"')[:300]
        yield "`JSON.MGET`, a number of 100 keys", keys, [["JSON.MGET", *(f"d{n}" for n in range(100)), "$.n"]] * (calls // 30)
        for form, words in FORMS.items():
            vectors = [floats(1536, form) for _ in range(20)]
            load = [["JSON.SET", f"v{n % 20}", "$", vectors[n % 20]] for n in range(max(calls // 15, 20))]
            yield f"`JSON.SET`, 1,536 floats, {words}", [], load
            yield f"`JSON.GET`, 1,536 floats, {words}", load[:20], [["JSON.GET", command[1]] for command in load]
        wide = [["JSON.SET", "w", "$", text({f"key{n}": n for n in range(20_000)})]]
        yield "`JSON.GET`, one of 20,000 members", wide, [["JSON.GET", "w", "$.key19999"]] * calls
        yield "`JSON.NUMINCRBY`, one of 20,000 members", wide, [["JSON.NUMINCRBY", "w", "$.key9999", "1"]] * calls
        long = [["JSON.SET", "l", "$", text(self.documents[:10_000])]]
        yield "`JSON.GET`, one of 10,000 objects", long, [["JSON.GET", "l", "$[1999].n"]] * calls
        numbers = [["JSON.SET", "l", "$", text(list(range(100_000)))]]
        yield "`JSON.ARRAPPEND` to 100,000 numbers", numbers, [["JSON.ARRAPPEND", "l", "$", "100000"]] * calls

    def speed(self):
        cases = list(self.cases())
        for place, (name, before, commands) in enumerate(cases):
            share = self.pace.share(1, len(cases) - 1 - place)
            times = {side: [] for side in self.sides}
            for side in self.sides:
                side.r2("FLUSHALL", "SYNC")
                side.r2.pipeline(before)
            # Three times as many as elsewhere: a round is short.
            for number, side in enumerate(in_turns(self.sides, share.rounds(3 * self.options.rounds))):
                self.rounds_run[name] = number // 2 + 1
                times[side].append(inside(side, commands))
            ours, theirs = (statistics.median(times[side]) for side in self.sides)
            self.speeds.append([name, ours, theirs, f"{theirs / ours:.1f}"])

    def report(self):
        memory = table(
            ["bytes over those of the compact text", "nearset", "RedisJSON", "with the key: nearset", "RedisJSON"], self.memories
        )
        speed = table(["microseconds inside the command", "nearset", "RedisJSON", "ratio"], self.speeds)
        return f"Both in Redis 7.4, commands interleaved.\n\n{memory}\n\n{speed}"


def inside(side, commands):
    """Microseconds a call inside the server."""
    side.r2("CONFIG", "RESETSTAT")
    side.r2.pipeline(commands)
    name = commands[0][0].lower()
    return float(side.server.info("commandstats", f"cmdstat_{name}").split("usec_per_call=")[1].split(",")[0])
