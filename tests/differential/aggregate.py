#!/usr/bin/env python3
"""Random FT.AGGREGATE requests against RediSearch 2.10.5 on the given port, and the same through the example `aggregate`.

    tests/differential/aggregate.py PORT [COUNT [SEED]]     needs: cargo build --profile fast --example aggregate

The order of groups and of distinct values is no one's promise: where rows come out of a GROUPBY unsorted, they are compared as
sets, lists sorted. Prints every difference that `explained` does not account for, and a summary; exits 1 if there is any.
"""

import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/differential"))
from expr import escaped, shown  # noqa: E402
from resp import Connection, Disconnected, Error  # noqa: E402

INDEX = "agg-differential"
SCHEMA = "SCHEMA t TEXT SORTABLE n NUMERIC SORTABLE tag TAG m NUMERIC u TEXT".split()
PROPERTIES = ["t", "n", "tag", "m", "u", "z"]
DOCUMENTS = 23


def documents():
    rng = random.Random(7)
    for number in range(DOCUMENTS):
        fields = {"t": rng.choice(["Red", "green", "Blue x"]), "n": str(rng.randrange(5) / 2), "m": str(number)}
        fields |= {"tag": rng.choice(["a", "b"]), "u": f"u{number % 4}", "z": f"Z{number % 5}"}
        if number % 6 == 5:
            del fields["tag"]
        if number % 11 == 3:
            del fields["n"]
        yield fields


class Request:
    """A random request, and which columns it has, so that most requests are right."""

    def __init__(self, rng):
        self.rng, self.words, self.known, self.fresh = rng, ["*"], list(PROPERTIES[:-1]), 0
        self.grouped, self.sorted, self.ordered = False, False, True
        for _ in range(rng.randrange(1, 6)):
            rng.choice([self.load, self.apply, self.apply, self.filter, self.group, self.group, self.sort, self.limit])()

    def name(self):
        if self.rng.random() < 0.02 or not self.known:
            return "nope"
        return self.rng.choice(self.known)

    def new(self):
        self.fresh += 1
        return f"c{self.fresh}"

    def load(self):
        if self.grouped and self.rng.random() < 0.9:
            return
        if self.rng.random() < 0.2:
            self.words += ["LOAD", "*"]
            return
        fields = []
        for _ in range(self.rng.randrange(1, 4)):
            source = self.rng.choice(PROPERTIES + ["__key"])
            fields.append(self.rng.choice(["", "@"]) + source)
            name = source
            if self.rng.random() < 0.3:
                name = self.new()
                fields += ["AS", name]
            if name not in self.known:
                self.known.append(name)
        self.words += ["LOAD", len(fields), *fields]

    def apply(self):
        a, b = self.name(), self.name()
        if not self.grouped and {a, b} & {"tag", "m", "u"} and f"@{a}" not in self.words:
            a, b = "t", "t"  # the peer wants them loaded
        text = self.rng.choice(
            [f"upper(@{a})", f"exists(@{a})", f"format('%s-%s', @{a}, @{b})", f"to_str(@{a})", "split('x,y,x')", "1", "NULL",
             f"case(1, @{a}, @{b})" if self.rng.random() < 0.01 else f"@{a}", f"@{a} == @{b}", "'k' + 1"]
            if self.rng.random() < 0.9 else [f"@{a} + 1"])  # fmt: skip
        self.words += ["APPLY", text]
        name = text
        if self.rng.random() < 0.9:
            name = self.rng.choice([self.new(), self.rng.choice(self.known or ["x"])])
            self.words += ["AS", name]
        if name not in self.known:
            self.known.append(name)

    def filter(self):
        name = self.name()
        if not self.grouped and name in ("tag", "m", "u"):
            name = "n"
        self.words += ["FILTER", self.rng.choice([f"exists(@{name})", "1", "0", f"!exists(@{name})"])]

    def group(self):
        by = self.rng.sample(self.known, min(len(self.known), self.rng.randrange(0, 3)))
        self.words += ["GROUPBY", len(by), *["@" + name for name in by]]
        columns = list(by)
        for _ in range(self.rng.randrange(0, 4)):
            function = self.rng.choice(["COUNT", "COUNT_DISTINCT", "SUM", "MIN", "MAX", "STDDEV", "QUANTILE", "TOLIST"])
            arguments = [] if function == "COUNT" else ["@" + (self.rng.choice(self.known) if self.known else "t")]
            if function == "QUANTILE":
                arguments.append(self.rng.choice(["0.5", "0", "1", "0.25", "0.9"]))
            self.words += ["REDUCE", function, len(arguments), *arguments]
            name = f"__generated_alias{function}{','.join(word.lstrip('@') for word in arguments)}".lower()
            if self.rng.random() < 0.8:
                name = self.new()
                self.words += ["AS", name]
            columns.append(name)
        self.known, self.grouped, self.sorted, self.ordered = columns, True, False, False

    def sort(self):
        if self.sorted and self.rng.random() < 0.9 or not self.known:
            return
        self.sorted = True
        fields = []
        for name in self.rng.sample(self.known, min(len(self.known), self.rng.randrange(1, 3))):
            fields += ["@" + name, *self.rng.choice([[], ["ASC"], ["DESC"]])]
        self.words += ["SORTBY", len(fields), *fields]
        if self.rng.random() < 0.8:
            self.words += ["MAX", 100]

    def limit(self):
        if self.grouped:  # which rows are cut is decided by an order that is no promise
            return
        self.words += ["LIMIT", self.rng.randrange(0, 4), self.rng.choice([0, 1, 5, 100])]


def peer_answer(connection, words):
    reply = connection("FT.AGGREGATE", INDEX, *words)
    if isinstance(reply, Error):
        return "ERR " + escaped(reply.encode("utf-8", "surrogateescape"))
    for row in reply[1:]:
        if isinstance(row, Error):
            return "ERR " + escaped(row.encode())
    rows = []
    for row in reply[1:]:
        rows.append("{" + ",".join(f'"{escaped(name)}":{shown(value)}' for name, value in zip(row[::2], row[1::2])) + "}")
    return f"{reply[0]} " + " ".join(rows)


def unordered(answer):
    """The same text for the same rows in any order, and for lists in any order."""
    total, _, rows = answer.partition(" ")
    return sorted(rows), len(rows)


def explained(words, peer, mine, request):
    if "not loaded nor in pipeline" in peer:
        return "fields of the schema, and after LOAD * all others, need no LOAD here"
    if mine.startswith("ERR") and not peer.startswith("ERR"):
        if any(text in mine for text in ("has no value", "Could not convert", "Error converting")):
            return "an error after the first row: the peer cuts its answer short without a word"
        return None
    if peer.startswith("ERR"):
        return "another of several errors" if "has no value" in peer + mine else None
    if (request.grouped or "SORTBY" in words) and unordered(peer) == unordered(mine):
        return "order of groups, of ties or of lists"
    if peer.partition(" ")[2] == mine.partition(" ")[2]:
        return "total"
    if "Unknown function name \\'case\\'" in peer:
        return "case() is of later versions"
    if request.grouped and "SORTBY" in words and "MAX" not in words:
        return "the order of groups, which decides which ten are kept"
    limits = [words[at + 2] for at, word in enumerate(words) if word == "LIMIT"]
    if 0 in limits and peer.endswith(" "):
        return "for the peer, one LIMIT n 0 is for ever, and nothing else is looked at"
    if "*" in words[1:] and unordered(without_zeros(peer)) == unordered(without_zeros(mine)):
        return "after LOAD *, numbers that a step mentions are numbers here, text in the peer"
    if words.count("GROUPBY") > 1 and "TOLIST" in words:
        return "the peer takes lists of lists apart"
    if "TOLIST" in words and unordered(re.sub(r"\[.*?\]", "[]", peer)) == unordered(re.sub(r"\[.*?\]", "[]", mine)):
        return "the peer's TOLIST loses a value that COUNT_DISTINCT counts"
    return None


def without_zeros(answer):
    return answer.partition(" ")[2].replace(".0\"", "\"")


def main():
    port, count, seed = (int(word) for word in (sys.argv[1:] + ["3000", "1"][len(sys.argv) - 2 :]))
    rng = random.Random(seed)
    requests = [Request(rng) for _ in range(count)]
    docs = list(documents())
    lines = ["\t".join(SCHEMA), *("\t".join(word for pair in doc.items() for word in pair) for doc in docs), ""]
    lines += ["\t".join(map(str, request.words)) for request in requests]
    binary = ROOT / "target/fast/examples/aggregate"
    run = subprocess.run([binary], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
    connection = Connection(port)
    connection("FT.CREATE", INDEX, "PREFIX", 1, INDEX + ":", *SCHEMA)
    for number, doc in enumerate(docs, 1):
        connection("DEL", f"{INDEX}:{number}")
        connection("HSET", f"{INDEX}:{number}", *[word for pair in doc.items() for word in pair])
    differences, reasons = 0, {}
    for request, mine in zip(requests, run.stdout.decode().splitlines(), strict=True):
        try:
            peer = peer_answer(connection, request.words)
        except Disconnected:
            print("the peer died of", *request.words)
            return 1
        if peer == mine:
            continue
        reason = explained(request.words, peer, mine, request)
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        differences += 1
        print(*request.words, f"\n  peer {peer}\n  ours {mine}")
    connection("FT.DROPINDEX", INDEX, "DD")
    print(f"{len(requests)} requests, {differences} unexplained differences, explained: {reasons}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
