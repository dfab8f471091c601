#!/usr/bin/env python3
"""Random expressions of APPLY against RediSearch 2.10.5 on the given port, and the same through `cargo run --example expr`.

    tests/differential/expr.py PORT [COUNT [SEED]]      needs: cargo build --profile fast --example expr

Each expression is a tree that is written twice. For this module it has no more parentheses and blanks than it needs, and
numbers and signs as people write them (`.5`, `1e+3`, `0x10`, `@n-1`, `-@n`). For the peer, which misreads those, it has all
parentheses, blanks around operators, `0 - x` for `-x`, and plain numbers. Texts beyond ASCII, which the peer takes apart into
bytes, go to it with an ASCII stand-in for each character, and are put back in what it answers. Some expressions are spoilt; those
are written the same for both.

Prints every difference that `explained` does not account for, and a summary; exits 1 if there is any.
"""

import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from resp import NULL_BULK, Connection, Disconnected, Error  # noqa: E402

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
    ("u", None, "Éé日 я😀"),
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
           "%Y-%m-%d", "2023-11-14", "%F %T", "\\,", "a\\\"b", "it's", "inf", "nan", "0x10", "l",
           "é", "ÉÉé", "日", "日本", "aя日😀", "é,日 ,я", "%s日", "本", "яЯ"]  # fmt: skip
# Characters beyond ASCII, and what stands for each where the peer is asked. The texts above have none of these.
STAND_INS = dict(zip("éÉяЯ日本😀", "qQzZ{|}"))
# How a number is written for the module, and for the peer.
NUMBERS = [
    *((text, text) for text in ("0", "1", "2", "3", "7", "10", "0.5", "1.5", "0.1", "1e3", "1e-2", "100000", "123456.789", "1e15")),
    *((text, text) for text in ("1700000000", "12345678901234567890", "1e-300", "1e300", "9007199254740993")),
    (".5", "0.5"), ("5.", "5"), (".25e1", "2.5"), ("5.e-1", "0.5"), ("1e+3", "1000"), ("1E+2", "100"), ("0x10", "16"),
    ("0xfF", "255"), ("007", "7"), ("1.50", "1.5"), (".5e-2", "0.005"),
]  # fmt: skip
# By how tightly they bind; all are left associative.
LEVELS = [["&&", "||"], ["==", "!=", "<", "<=", ">", ">="], ["+", "-"], ["*", "/", "%"], ["^"]]
LEVEL = {operator: level for level, operators in enumerate(LEVELS) for operator in operators}
NOISE = list("+-*/%^()!,.@&|=<>\"' 01ae_\\~;") + ["&&", "||", "@n", "NULL", "abs(", "inf"]
NEGATION, SIGNED, OPERAND = 0.5, 3.5, 9


class Written:
    """An expression: how it is written for the module and for the peer, and the level of its outermost operator."""

    def __init__(self, mine, peer, level=OPERAND):
        self.mine, self.peer, self.level = mine, peer, level

    def inside(self, level):
        """For the module, as an operand of an operator of this level."""
        return self.mine if self.level >= level else f"({self.mine})"


def expression(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.25:
        return atom(rng)
    if kind < 0.6:
        return binary(rng, depth)
    if kind < 0.65:
        inner = expression(rng, depth - 1)
        return Written(f"({inner.mine})", inner.peer)
    if kind < 0.75:
        return signed(rng, depth)
    name = rng.choice(list(FUNCTIONS))
    count = FUNCTIONS[name]
    if rng.random() < 0.2:
        count = rng.randrange(0, 5)
    arguments = [expression(rng, depth - 2) for _ in range(count)]
    if rng.random() < 0.1:
        name = name.upper()
    comma = rng.choice([",", ", "])
    return Written(*(f"{name}({comma.join(side)})" for side in ([a.mine for a in arguments], [a.peer for a in arguments])))


def binary(rng, depth):
    operator = rng.choice(rng.choice(LEVELS))
    level = LEVEL[operator]
    left = expression(rng, depth - 1)
    # A remainder by a fraction below 1 kills the peer.
    right = Written("3", "3") if operator == "%" else expression(rng, depth - 1)
    blank = rng.choice(["", " "])
    after = rng.choice(["", " "]) if blank else ""
    least = SIGNED if level < SIGNED else level + 1
    least = least if right.level == SIGNED else level + 1
    mine = left.inside(level) + blank + operator + after + right.inside(least)
    return Written(mine, f"({left.peer} {operator} {right.peer})", level)


def signed(rng, depth):
    """`!x` takes everything up to the next `&&` or `||`; `-x` binds looser than a power and tighter than the rest."""
    inner = expression(rng, depth - 1)
    if rng.random() < 0.4:
        return Written(rng.choice(["!", "! "]) + inner.inside(LEVEL["=="]), f"(!({inner.peer}))", NEGATION)
    if inner.mine.startswith("inf"):
        return inner  # `-inf` is a number
    sign, opposite = rng.choice([("-", True), ("- ", True), ("+", False), ("--", False)])
    # A sign before a literal is part of it, whatever stands behind it.
    is_literal = inner.mine[:1] in tuple("0123456789.-+")
    mine = sign + inner.inside(OPERAND if is_literal else LEVEL["^"])
    return Written(mine, f"(0 - {inner.peer})" if opposite else f"(0 + {inner.peer})", SIGNED)


def atom(rng):
    kind = rng.random()
    if kind < 0.4:
        return Written(*rng.choice(NUMBERS))
    if kind < 0.7:
        quote = rng.choice("\"'")
        text = quote + rng.choice(STRINGS) + quote
        return Written(text, stood_in(text))
    if kind < 0.95:
        name = "@" + rng.choice(FIELDS)[0]
        return Written(name, name)
    text = rng.choice(["NULL", "null", "@nope", "inf", "-inf", "()", "", "1.5.2"])
    return Written(text, text, -1 if text in ("", "()") else OPERAND)


def stood_in(text):
    return text.translate(str.maketrans(STAND_INS))


def as_asked(mine):
    """The module's answer with the stand-ins in place of the characters."""
    for character, stand_in in STAND_INS.items():
        mine = mine.replace(escaped(character.encode()), escaped(stand_in.encode()))
    return mine


def noisy(rng, text):
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(NOISE) + text[at + rng.randrange(2) :]
    return text


def cases(rng, count):
    """Pairs: for the module, for the peer."""
    for _ in range(count):
        written = expression(rng, rng.randrange(1, 5))
        if rng.random() < 0.15:
            text = noisy(rng, stood_in(written.mine))
            yield text, text
        else:
            yield written.mine, written.peer


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
        values = [word for name, _, value in FIELDS if value is not None for word in (name, stood_in(value))]
        self.connection("HSET", INDEX + ":1", *values)

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
    header = "\t".join(f"{name}=" + ("-" if value is None else f"{'#' if name in NUMERIC else '$'}{value}") for name, _, value in FIELDS)
    lines = "\n".join([header, *texts]).encode()
    binary = ROOT / "target/fast/examples/expr"
    return subprocess.run([binary], input=lines, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()


def explained(text, peer, mine, spoilt):
    """Why the two may differ, or None."""
    if spoilt and (syntax(peer) or syntax(mine)) and re.search(r"[-+.]|0x|[a-zA-Z]", text):
        return "signs and points of numbers are read as elsewhere"
    if spoilt and re.search(r"(^|[^0-9])[.][0-9]|\\^", text):
        return "points of numbers and powers are read as elsewhere"
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
    if part_of_time and (
        "NULL" in mine or "Could not convert" in mine or re.search(r"inf|nan|e15|\d{15}|geodist|\^|log|sqrt|exp", text, re.I)
    ):
        return "the peer computes with a time that does not exist"
    if re.search(r"[<>]", text) and re.search(r"[^ -~]|@u", text):
        return "the stand-ins have another order"
    if re.search("to_str", text, re.I) and "NULL" in peer:
        return "the peer's to_str knows no text that a function made"
    if re.search("substr", text, re.I) and re.search("inf|e15|/|%|90", text):
        return "the peer's substr overflows"
    return None


def main():
    port, count, seed = (int(word) for word in (sys.argv[1:] + ["5000", "1"][len(sys.argv) - 2 :]))
    rng = random.Random(seed)
    pairs = cases(rng, count)
    texts = [pair for pair in pairs if "\n" not in pair[0] and not (pair[0] == pair[1] and dangerous(pair[0])) and not deadly(pair[1])]
    peer = Peer(port)
    differences, reasons = 0, {}
    for (text, theirs), mine in zip(texts, ours([text for text, _ in texts]), strict=True):
        peers, mine = peer.ask(theirs), as_asked(mine)
        if peers == mine or syntax(peers) == syntax(mine) is not None:
            continue
        reason = explained(text, peers, mine, text == theirs)
        if peers is None:
            print(f"peer died of {theirs!r}")
            return 1
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            differences += 1
            print(f"{text!r} (peer: {theirs!r})\n  peer {peers}\n  ours {mine}")
    peer.close()
    print(f"{len(texts)} expressions, {differences} unexplained differences, explained: {reasons}")
    return 1 if differences else 0


def syntax(answer):
    """The two sides have other offsets, since they are asked in other words."""
    return "Syntax error" if answer and answer.startswith("ERR Syntax error") else None


def dangerous(text):
    """What kills the peer: a remainder by a fraction below 1, `geodistance` of three numbers."""
    text = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    text = re.sub(r"% ?\d*[1-9](?![\d.eE])", "", text)
    return "%" in text or deadly(text)


def deadly(text):
    return re.search("geodistance", text, re.I) and text.count(",") >= 2


if __name__ == "__main__":
    sys.exit(main())
