#!/usr/bin/env python3
"""Random expressions of APPLY against RediSearch 2.10.5 on the given port, and the same through `cargo run --example expr`.

    tests/differential/expr.py PORT [COUNT [SEED]]      needs: cargo build --profile fast --example expr

Prints every difference that EXPLAINED does not account for, and a summary; exits 1 if there is any.
"""

import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from resp import Connection, Disconnected, Error, NULL_BULK  # noqa: E402

INDEX = "expr-differential"
# name, field type, value of the document (None: absent)
FIELDS = [
    ("t", "TEXT SORTABLE", "Hello World"),
    ("n", "NUMERIC SORTABLE", "3.5"),
    ("m", "NUMERIC", "-7"),
    ("g", "GEO", "1.5,2.5"),
    ("tag", "TAG", "a,b"),
    ("e", None, ""),
    ("num", None, "12"),
    ("zz", None, None),
    ("time", "NUMERIC", "1700000000"),
]
NUMERIC = {"n", "m", "time"}

FUNCTIONS = {
    "log": 1, "log2": 1, "exp": 1, "abs": 1, "ceil": 1, "floor": 1, "sqrt": 1, "upper": 1, "lower": 1, "strlen": 1,
    "startswith": 2, "contains": 2, "substr": 3, "format": 2, "split": 2, "matched_terms": 0, "to_str": 1,
    "to_number": 1, "exists": 1, "timefmt": 2, "parsetime": 2, "day": 1, "hour": 1, "minute": 1, "month": 1,
    "dayofweek": 1, "dayofmonth": 1, "dayofyear": 1, "year": 1, "monthofyear": 1, "geodistance": 2, "foo": 1,
}  # fmt: skip
STRINGS = ["", "a", "b", "abc", "Hello", "12", " 7", "7 ", "-3.5", "1e2", "x,y", "a,,b ,c", "1,2", "3 4", "%s", "%s-%s",
           "%Y-%m-%d", "2023-11-14", "%F %T", "\\,", "a\\\"b", "é", "it's", "inf", "nan", "0x10", "l"]  # fmt: skip
NUMBERS = ["0", "1", "2", "3", "7", "-1", "-2", "0.5", "1.5", "-0.25", "10", "1e3", "1e-2", "1700000000", "100000",
           "123456.789", "0.1", "1e15", "12345678901234567890", "-inf", "+inf"]  # fmt: skip
OPERATORS = [" + ", " - ", " * ", " / ", " % ", " ^ ", "+", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", " && ",
             " || ", "&&", "||", " == ", " < "]  # fmt: skip
NOISE = list("+-*/%^()!,.@&|=<>\"' 01ae_\\~;") + ["&&", "||", "@n", "NULL", "abs(", "inf"]


def expression(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.25:
        return atom(rng)
    if kind < 0.55:
        return expression(rng, depth - 1) + rng.choice(OPERATORS) + expression(rng, depth - 1)
    if kind < 0.65:
        return f"({expression(rng, depth - 1)})"
    if kind < 0.72:
        return rng.choice(["!", "! ", "!!", "-", "- "]) + expression(rng, depth - 1)
    name = rng.choice(list(FUNCTIONS))
    count = FUNCTIONS[name]
    if rng.random() < 0.2:
        count = rng.randrange(0, 5)
    arguments = [expression(rng, depth - 2) for _ in range(count)]
    if rng.random() < 0.1:
        name = name.upper()
    return f"{name}({rng.choice([',', ', '])[:].join(arguments)})"


def atom(rng):
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(NUMBERS)
    if kind < 0.7:
        quote = rng.choice("\"'")
        return quote + rng.choice(STRINGS) + quote
    if kind < 0.95:
        return "@" + rng.choice(FIELDS)[0]
    return rng.choice(["NULL", "null", "@nope", "inf", "()", "", "1.5.2"])


def noisy(rng, text):
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(NOISE) + text[at + rng.randrange(2) :]
    return text


def cases(rng, count):
    for _ in range(count):
        text = expression(rng, rng.randrange(1, 5))
        yield noisy(rng, text) if rng.random() < 0.15 else text


def shown(value):
    if value is NULL_BULK:
        return "NULL"
    if isinstance(value, list):
        return "[" + ",".join(map(shown, value)) + "]"
    return '"' + escaped(value) + '"'


def escaped(data):
    """As Rust's `escape_ascii`."""
    special = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    return "".join(special.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data)


class Peer:
    def __init__(self, port):
        self.port = port
        self.connect()

    def connect(self):
        self.connection = Connection(self.port)
        schema = [word for name, kind, _ in FIELDS if kind for word in [name, *kind.split()]]
        self.connection("FT.CREATE", INDEX, "PREFIX", 1, INDEX + ":", "SCHEMA", *schema)
        self.connection("HSET", INDEX + ":1", *[word for name, _, value in FIELDS if value is not None for word in (name, value)])

    def ask(self, text):
        names = [name for name, _, _ in FIELDS]
        try:
            reply = self.connection("FT.AGGREGATE", INDEX, "*", "LOAD", len(names), *names, "APPLY", text, "AS", "r")
        except Disconnected:
            return None
        if isinstance(reply, Error):
            return "ERR " + escaped(reply.encode("utf-8", "surrogateescape"))
        row = dict(zip(reply[1][::2], reply[1][1::2]))
        return shown(row[b"r"])

    def close(self):
        self.connection("FT.DROPINDEX", INDEX, "DD")


def ours(texts):
    header = "\t".join(
        f"{name}=" + ("-" if value is None else f"{'#' if name in NUMERIC else '$'}{value}") for name, _, value in FIELDS
    )
    lines = "\n".join([header, *texts]).encode()
    binary = ROOT / "target/fast/examples/expr"
    return subprocess.run([binary], input=lines, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()


def explained(text, peer, mine):
    """Why the two may differ, or None."""
    if peer is None:
        return "the peer died"
    if mine.startswith("ERR Unknown symbol") or mine.startswith("ERR Unknown function"):
        if "badly formatted" in peer or "Property" in peer or "Unknown symbol" in peer or "Unknown function" in peer:
            return "the peer tells what became of its tree"
    if re.search(r"[-+]?inf[a-z0-9_]", text):
        return "the peer cuts `infa` in two"
    # The peer numbers text of a document 5 or 7, text of the expression 3.
    if re.sub(r"type \([357]\)", "type (3)", peer) == mine:
        return "kinds of text"
    if "argument 1 in function \\'time\\'" in peer and "(7)" in peer:
        return "the peer takes no format from a document"
    part_of_time = re.search(r"day|hour|minute|month|year", text, re.I)
    if part_of_time and ("NULL" in mine or "Could not convert" in mine or re.search(r"inf|nan|e15|\d{15}|geodist", text, re.I)):
        return "the peer computes with a time that does not exist"
    if re.search("to_str", text, re.I) and "NULL" in peer:
        return "the peer's to_str knows no text that a function made"
    if re.search("substr", text, re.I) and re.search("inf|e15|/|%|90", text):
        return "the peer's substr overflows"
    return None


def main():
    port, count, seed = (int(word) for word in (sys.argv[1:] + ["5000", "1"][len(sys.argv) - 2 :]))
    rng = random.Random(seed)
    texts = [text for text in cases(rng, count) if "\n" not in text and not dangerous(text)]
    peer = Peer(port)
    differences, reasons = 0, {}
    for text, mine in zip(texts, ours(texts), strict=True):
        theirs = peer.ask(text)
        if theirs == mine:
            continue
        reason = explained(text, theirs, mine)
        if theirs is None:
            print(f"peer died of {text!r}")
            return 1
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            differences += 1
            print(f"{text!r}\n  peer {theirs}\n  ours {mine}")
    peer.close()
    print(f"{len(texts)} expressions, {differences} unexplained differences, explained: {reasons}")
    return 1 if differences else 0


def dangerous(text):
    """What kills the peer: a remainder by a fraction below 1, `geodistance` of three numbers."""
    text = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    text = re.sub(r"% ?\d*[1-9](?![\d.eE])", "", text)
    return "%" in text or re.search("geodistance", text, re.I) and text.count(",") >= 2 and re.search(
        r"geodistance\([^()]*,[^()]*,[^()]*\)", text, re.I
    )


if __name__ == "__main__":
    sys.exit(main())
