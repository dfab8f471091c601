"""What changes documents of an index, for the sweep. `writes` yields (name, commands of a round, pipeline)."""

import random

from benchmarks.sweep_data import hset, zipf

# Documents that a round adds have numbers from here.
NEW = 10_000_000


class Changes:
    """Draws documents and values; each round has others."""

    def __init__(self, documents, quick):
        self.documents, self.random = documents, random.Random(3)
        self.few, self.many = (500, 1000) if quick else (10_000, 20_000)

    def some(self, count):
        return (self.random.randrange(self.documents.count) for _ in range(count))

    def note(self):
        return self.random.choice(self.documents.texts.glosses)

    def price(self):
        return f"{self.random.random() * 1e6:.2f}"

    def indexed(self, command, *values):
        """A round of a command of documents that there are; values that can be called are drawn."""
        draw = lambda value: value() if callable(value) else value
        return lambda _: [[command, f"d:{number}", *map(draw, values)] for number in self.some(self.few)]

    def plain(self, prefix, *words):
        command, *rest = words
        return lambda number: [[command, f"{prefix}:{place}", *rest] for place in range(self.many)]

    def new(self, count, number):
        first = NEW * (number + 1)
        return [hset(first + place, self.documents.document(first + place)) for place in range(count)]

    def gone(self, number):
        return [["DEL", f"d:{NEW * (number + 1) + place}"] for place in range(self.few)]

    def same(self, _):
        return [["HSET", f"d:{number}", "opt", "same"] for number in range(self.few // 2)] * 2

    def writes(self):
        brand = lambda: f"b{self.random.randrange(1000)}"
        yield "HSET plain key, module loaded, P8", self.plain("x", "HSET", "a", 1, "b", 2, "c", 3), 8
        yield "SET plain, P8", self.plain("s", "SET", "abc"), 8
        yield "GET plain, P8", self.plain("s", "GET"), 8
        yield "HGETALL indexed hash, P8", self.indexed("HGETALL"), 8
        yield "HSET new document into index (full schema)", lambda number: self.new(self.few, number), 1
        yield "HSET price (sortable num) of indexed", self.indexed("HSET", "price", self.price), 1
        yield "HSET qty (num) of indexed", self.indexed("HSET", "qty", lambda: zipf(self.random)), 1
        yield "HINCRBY qty", self.indexed("HINCRBY", "qty", 1), 1
        yield "HSET brand (tag) of indexed", self.indexed("HSET", "brand", brand), 1
        yield "HSET note (text) of indexed", self.indexed("HSET", "note", self.note), 1
        yield "HSET unindexed field of indexed", self.indexed("HSET", "zz", 1), 1
        yield "HSET same value of indexed field", self.same, 1
        yield "EXPIRE far of indexed", self.indexed("EXPIRE", 100_000), 1
        yield "PERSIST of indexed", self.indexed("PERSIST"), 1
        yield "DEL of indexed", self.gone, 1

    def load(self, kind):
        """Writes for a mixed load: fresh values, so that each changes something."""
        if kind == "price":
            return [["HSET", f"d:{number}", "price", self.price()] for number in self.some(self.many)]
        return [["HSET", f"d:{number}", "note", f"{self.note()} {self.random.random()}"] for number in self.some(self.many)]

    def reads(self):
        """What others ask meanwhile."""
        brand = lambda: f"@brand:{{b{self.random.randrange(1000)}}} @price:[0 500000]"
        return [["FT.SEARCH", "idx", brand(), "LIMIT", 0, 10] for _ in range(500)]
