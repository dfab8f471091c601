"""What the sweep is measured over: documents of fifteen fields as hashes and as JSON, made up from a seed.

Texts are of words as rare as those of a language are (the n-th is 1/n as frequent), a third of them inflected, so that stemming has
something to do, with stop words between them. The same seed makes the same documents whatever their number is, so that sizes compare.
"""

import collections
import itertools
import json
import pathlib
import random

from resp import encode
from servers import TARGET

# Changes when other documents are made: what lies in files by its number is then made anew.
VERSION = 1
GLOSSES = 50_000
WORDS = 40_000
STOPS = "a the of in or and to by is with for on an that are at".split()
ENDINGS = ("", "", "", "s", "ing", "ed", "ly", "ness")
SYLLABLES = [a + b for a in "b c d f g h l m n p r s t v br st tr pl gr".split() for b in ("a", "e", "i", "o", "u", "an", "er", "on")]
SCHEMA = """title TEXT WEIGHT 2 body TEXT note TEXT WEIGHT 0.5 alias TEXT WITHSUFFIXTRIE cat TAG SORTABLE brand TAG uid TAG tags TAG
    price NUMERIC SORTABLE qty NUMERIC ts NUMERIC SORTABLE rating NUMERIC name TEXT SORTABLE loc GEO opt TAG INDEXMISSING""".split()
CREATE = ["FT.CREATE", "idx", "PREFIX", 1, "d:", "SCHEMA", *SCHEMA]
FOLDER = TARGET / "bench"


def vocabulary():
    """Made-up words, each once, the most frequent first."""
    chance, found = random.Random(1), {}
    while len(found) < WORDS:
        stem = "".join(chance.choices(SYLLABLES, k=chance.randint(1, 4)))
        found[stem + chance.choice(ENDINGS)] = None
    return [word for word in found if len(word) > 2]


class Texts:
    """The texts of all fields: `glosses` of a dozen words and `lemmas` of one or two."""

    def __init__(self):
        chance, words = random.Random(2), vocabulary()
        sums = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(words))))
        draw = lambda count: chance.choices(words, cum_weights=sums, k=count)

        def gloss():
            plain = draw(chance.randint(4, 14))
            return " ".join(word for pair in plain for word in ([chance.choice(STOPS), pair] if chance.random() < 0.5 else [pair]))

        self.glosses = [gloss() for _ in range(GLOSSES)]
        self.lemmas = [" ".join(chance.choices(words, k=1 + (chance.random() < 0.2))) for _ in range(GLOSSES)]


def zipf(chance):
    return min(1_000_000, int(chance.paretovariate(1.1)))


class Documents:
    """Documents by number. `words` are those of the bodies by their frequency: [(word, documents)]."""

    def __init__(self, count):
        self.count = count
        self.texts = Texts()
        self.words = self.frequencies()

    def document(self, number):
        """The fields of a document."""
        chance, glosses, lemmas = random.Random(f"d{number}"), self.texts.glosses, self.texts.lemmas
        own = number % GLOSSES
        fields = {
            "title": f"{lemmas[own]} {chance.choice(lemmas)}",
            "body": " ".join([glosses[own], chance.choice(glosses), chance.choice(glosses), chance.choice(glosses)]),
            "note": chance.choice(glosses),
            "alias": lemmas[own],
            "cat": f"c{chance.randrange(10)}",
            "brand": f"b{chance.randrange(1000)}",
            "uid": f"u{number}",
            "tags": ",".join(f"t{chance.randrange(100)}" for _ in range(3)),
            "price": f"{chance.random() * 1e6:.2f}",
            "qty": zipf(chance),
            "ts": 1_600_000_000 + chance.randrange(150_000_000),
            "rating": f"{chance.random():.3f}",
            "name": lemmas[number * 7 % GLOSSES],
            "loc": f"{chance.random() * 60 - 30:.5f},{chance.random() * 60 - 10:.5f}",
        }
        return fields | ({"opt": f"o{chance.randrange(20)}"} if chance.random() < 0.5 else {})

    def frequencies(self):
        """The words of every so-manieth document, counted up to all."""
        step = max(1, self.count // 20_000)
        counts = collections.Counter()
        for number in range(0, self.count, step):
            counts.update(set(self.document(number)["body"].split()))
        return [(word, seen * step) for word, seen in counts.most_common() if word not in STOPS]

    def between(self, low, high):
        """The words that stand in more than one of `low` and less than one of `high` documents of a million, more where none is."""
        share = self.count / 1e6
        found = [word for word, seen in self.words if low * share < seen < high * share]
        return found or [word for word, _ in self.words[-100:]]

    def hashes(self, start=0, count=None):
        for number in range(start, start + (self.count if count is None else count)):
            yield hset(number, self.document(number))

    def json(self, count):
        for number in range(count):
            yield ["JSON.SET", f"j:{number}", "$", json.dumps(self.nested(number))]

    def nested(self, number):
        """A document as JSON has them: with arrays, and objects in objects."""
        fields, chance = self.document(number), random.Random(f"j{number}")
        taken = {name: fields[name] for name in ("title", "body", "cat", "brand", "ts")}
        return taken | {
            "tags": fields["tags"].split(","),
            "price": float(fields["price"]),
            "nums": [chance.randrange(1000) for _ in range(5)],
            "nest": {
                "a": {"b": chance.randrange(100_000)},
                "list": [{"k": f"k{chance.randrange(50)}", "v": chance.random()} for _ in range(4)],
            },
        }

    def file(self, name, count, commands):
        """The path of a file of these requests, that is made where it was not made before."""
        path = FOLDER / f"sweep-{name}-{count}-{VERSION}.requests"
        if not path.exists():
            write(path, commands)
        return path


def hset(number, fields):
    return ["HSET", f"d:{number}", *(word for pair in fields.items() for word in pair)]


def write(path, commands):
    """A file of requests, whole or not at all."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with open(beside, "wb") as file:
        file.writelines(map(encode, commands))
    beside.rename(path)
    return path
