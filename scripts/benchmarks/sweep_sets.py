"""Vector sets beside VSIM of plain vectors, for the sweep: filters, links, attributes, members. `cases` yields (name, commands)."""

import json
import random

from vectors import clusters

DIM = 64
FILTERS = """.year > 1950|.year == 1950|.price < 10|.cat == "c3"|.cat in ["c1","c2"]|"t3" in .tags|.ok|not .ok|.year > 1990 and .price < 20
.year < 1910 or .price > 90|.year % 7 == 3|.year ** 2 > 3900000|(.price + .year) / 2 > 1000|.name == "item 77"|.cat != "c1"|.missing == 1
.price - 5 > 90""".replace("\n", "|").split("|")


def attributes(number):
    fields = {"year": 1900 + number % 120, "price": number * 37 % 1000 / 10, "cat": f"c{number % 10}", "ok": number % 2 == 0}
    return json.dumps(fields | {"tags": [f"t{number % 7}", f"t{number % 3}"], "name": f"item {number}"})


class Elements:
    """The vectors: as many in the set `v` as there are, fewer in `vn` and `vb` of other quantization."""

    def __init__(self, count):
        self.count = count
        self.rows = clusters(count, DIM, 1)
        self.blobs = [row.astype("<f4").tobytes() for row in self.rows]

    def sets(self):
        """(name, key, how many, commands that fill it)"""
        for name, key, words, share in (("Q8", "v", [], 1), ("NOQUANT", "vn", ["NOQUANT"], 0.3), ("BIN", "vb", ["BIN"], 0.3)):
            count = int(self.count * share)
            add = lambda number, key=key, words=words: [
                *("VADD", key, "FP32", self.blobs[number], f"e{number}", *words, "SETATTR", attributes(number))
            ]
            yield name, key, count, map(add, range(count))

    def cases(self):
        chance, count = random.Random(4), self.count
        element, blob = (lambda: f"e{chance.randrange(count)}"), (lambda: chance.choice(self.blobs))
        near = lambda *words, key="v": ["VSIM", key, "FP32", blob(), *words]
        ten = ("COUNT", 10)
        table = {
            "VSIM COUNT 10": lambda: near(*ten),
            "VSIM ELE COUNT 10": lambda: ["VSIM", "v", "ELE", element(), *ten],
            "VSIM VALUES COUNT 10": lambda: [
                *("VSIM", "v", "VALUES", DIM, *(f"{value:.6f}" for value in self.rows[chance.randrange(count)]), *ten)
            ],
            "VSIM COUNT 1000 WITHSCORES WITHATTRIBS": lambda: near("COUNT", 1000, "WITHSCORES", "WITHATTRIBS"),
            "VSIM COUNT 1000": lambda: near("COUNT", 1000),
            "VSIM EPSILON 0.2 COUNT 100": lambda: near("COUNT", 100, "EPSILON", 0.2),
            "VSIM TRUTH": lambda: near(*ten, "TRUTH"),
            "VSIM NOTHREAD": lambda: near(*ten, "NOTHREAD"),
            "VSIM NOQUANT": lambda: near(*ten, key="vn"),
            "VSIM BIN": lambda: near(*ten, key="vb"),
            **{f"VSIM FILTER {text}": lambda text=text: near(*ten, "FILTER", text) for text in FILTERS},
            "VSIM FILTER-EF 1000": lambda: near(*ten, "FILTER", ".year == 1950", "FILTER-EF", 1000),
            "VRANDMEMBER": lambda: ["VRANDMEMBER", "v"],
            "VRANDMEMBER 1000": lambda: ["VRANDMEMBER", "v", 1000],
            "VRANDMEMBER -1000": lambda: ["VRANDMEMBER", "v", -1000],
            "VLINKS": lambda: ["VLINKS", "v", element()],
            "VLINKS WITHSCORES": lambda: ["VLINKS", "v", element(), "WITHSCORES"],
            "VGETATTR": lambda: ["VGETATTR", "v", element()],
            "VEMB": lambda: ["VEMB", "v", element()],
            "VEMB RAW": lambda: ["VEMB", "v", element(), "RAW"],
            "VISMEMBER": lambda: ["VISMEMBER", "v", element()],
            "VCARD": lambda: ["VCARD", "v"],
            "VINFO": lambda: ["VINFO", "v"],
            "VDIM": lambda: ["VDIM", "v"],
            "VRANGE 10": lambda: ["VRANGE", "v", "[e5", "+", 10],
            "VRANGE 1000": lambda: ["VRANGE", "v", f"[{element()}", "+", 1000],
            "VRANGE all": lambda: ["VRANGE", "v", "-", "+"],
            "VSETATTR same keys": lambda: ["VSETATTR", "v", element(), attributes(chance.randrange(count))],
            "VADD update existing": lambda: ["VADD", "v", "FP32", blob(), element()],
            "MEMORY USAGE": lambda: ["MEMORY", "USAGE", "v"],
        }
        for name, draw in table.items():
            yield f"V {name}", [draw() for _ in range(40)]
