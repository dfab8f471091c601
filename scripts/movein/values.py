"""Values read, written and compared by commands, where DUMP and RESTORE don't do.

A value is a number of items, the same on every server that holds the same value. They are read in pieces, so that no command that
is sent answers more than some thousand of them, once a value is large.
"""

import hashlib
import json
import math
import struct

from .wire import failed, mapping, text

PIECE = 1000
JSON, VECTORS, SUGGESTIONS = "ReJSON-RL", "vectorset", "trietype0"
BYTES = 1 << 20  # a string's piece, and the length from which it is read in pieces
CARDINALITY = {"string": "STRLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"}
# Type -> the command that a server must have for it.
NEEDS = {JSON: "JSON.SET", VECTORS: "VADD", SUGGESTIONS: "FT.SUGADD"}
KINDS = {*CARDINALITY, JSON, VECTORS, SUGGESTIONS}
QUANTIZATION = {"int8": "Q8", "f32": "NOQUANT", "bin": "BIN"}


class Unreadable(Exception):
    """A value that commands can't read or write; the text says why."""


def knows_field_times(side):
    if not hasattr(side, "field_times"):
        side.field_times = side.has("HPEXPIRETIME")["HPEXPIRETIME"]
    return side.field_times


class Source:
    """One key, to be read by commands."""

    def __init__(self, side, db, key, large, timed=True):
        self.side, self.db, self.key, self.large = side, db, key, large
        self.timed = timed and knows_field_times(side)

    def ask(self, command, *words):
        """Sends the command with the key as its first word, or second where the command has two words."""
        return self.check(self.side.one(self.db, self.key, *command.split(), self.key, *words))

    @staticmethod
    def check(reply):
        if failed(reply):
            raise Unreadable(str(reply))
        return reply

    def items(self, kind):
        """The items of the value, in pieces."""
        read = {
            "string": self.string,
            "list": self.list,
            "set": self.set,
            "zset": self.zset,
            "hash": self.hash,
            "stream": self.stream,
            JSON: self.json,
            VECTORS: self.vectors,
            SUGGESTIONS: self.suggestions,
        }.get(kind)
        if read is None:
            raise Unreadable(f"nothing is known of type {kind}")
        return read()

    def string(self):
        for start in range(0, max(self.ask("STRLEN"), 1), BYTES):
            yield [(start, self.ask("GETRANGE", start, start + BYTES - 1))]

    def list(self):
        for start in range(0, self.ask("LLEN"), PIECE):
            yield list(enumerate(self.ask("LRANGE", start, start + PIECE - 1), start))

    def scanned(self, count, whole, scan):
        """A reply of `whole`, or many of `scan`, where the value has many items."""
        if self.ask(count) <= self.large:
            yield self.ask(*whole)
            return
        cursor = b"0"
        while True:
            cursor, piece = self.ask(scan, cursor, "COUNT", PIECE)
            yield piece
            if cursor == b"0":
                return

    def set(self):
        yield from self.scanned("SCARD", ["SMEMBERS"], "SSCAN")

    def zset(self):
        for piece in self.scanned("ZCARD", ["ZRANGE", 0, -1, "WITHSCORES"], "ZSCAN"):
            yield [(member, float(score)) for member, score in zip(piece[::2], piece[1::2])]

    def hash(self):
        for piece in self.scanned("HLEN", ["HGETALL"], "HSCAN"):
            fields = piece[::2]
            times = self.ask("HPEXPIRETIME", "FIELDS", len(fields), *fields) if self.timed and fields else [-1] * len(fields)
            yield list(zip(fields, piece[1::2], times))

    def stream(self):
        start = "-"
        while entries := self.ask("XRANGE", start, "+", "COUNT", PIECE):
            yield [("entry", id, *fields) for id, fields in entries]
            start = b"(" + entries[-1][0]
        about = mapping(self.ask("XINFO STREAM"))
        yield [("stream", *map(about.get, ("length", "last-generated-id", "entries-added", "max-deleted-entry-id")))]
        for group in map(mapping, self.ask("XINFO GROUPS")):
            name = group["name"]
            yield [("group", name, group["last-delivered-id"], group.get("entries-read"))]
            yield [("consumer", name, mapping(each)["name"]) for each in self.ask("XINFO CONSUMERS", name)]
            start = "-"
            while pending := self.ask("XPENDING", name, start, "+", PIECE):
                yield [("pending", name, consumer, id, Idle(idle), times) for id, consumer, idle, times in pending]
                start = b"(" + pending[-1][0]

    def json(self):
        yield [self.ask("JSON.GET")]

    def vectors(self):
        about = mapping(self.ask("VINFO"))
        if "size" not in about:
            raise Unreadable("no such key")
        shape = tuple(map(about.get, ("quant-type", "hnsw-m", "projection-input-dim")))
        elements = self.ask("VRANDMEMBER", about["size"])
        for start in range(0, len(elements), PIECE):
            piece = elements[start : start + PIECE]
            commands = [(self.key, command, self.key, element) for element in piece for command in ("VEMB", "VGETATTR")]
            replies = list(map(self.check, self.side.many(self.db, commands)))
            yield [
                (element, tuple(map(float, vector)), attributes, shape)
                for element, vector, attributes in zip(piece, replies[::2], replies[1::2])
            ]

    def suggestions(self):
        count = self.ask("FT.SUGLEN")
        found = self.ask("FT.SUGGET", "", "MAX", count, "WITHSCORES", "WITHPAYLOADS") if count else []
        # What is answered for the empty prefix is the stored score, divided by the root of 1 + the number of characters.
        yield [
            (entry, float(score) * math.sqrt(1 + len(entry.decode(errors="replace"))), payload)
            for entry, score, payload in zip(found[::3], found[1::3], found[2::3])
        ]


class Idle(int):
    """Milliseconds since a delivery: they go on, so they are no part of the value."""

    def __repr__(self):
        return "idle"


# Kinds with numbers that servers store or print with their last digits otherwise, and how far apart equal ones may be.
NEAR = {JSON: 1e-13, VECTORS: 1e-4, SUGGESTIONS: 1e-4}


def same(here, there, kind):
    """True where two sources hold the same value."""
    if kind not in NEAR:
        return digest(here, kind) == digest(there, kind)
    first, second = (sorted((item for piece in source.items(kind) for item in piece), key=repr) for source in (here, there))
    if kind == JSON:
        try:
            first, second = map(json.loads, first), map(json.loads, second)
            return near(list(first), list(second), NEAR[kind])
        except (ValueError, TypeError, RecursionError):
            return first == second
    first, second = ({item[0]: item[1:] for item in items} for items in (first, second))
    return near(first, second, NEAR[kind])


def near(one, other, distance):
    """True where both are equal but for small differences of numbers."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(near(a, b, distance) for a, b in zip(one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(near(value, other[name], distance) for name, value in one.items())
    if isinstance(one, float) or isinstance(other, float):
        return (
            isinstance(one, (int, float))
            and isinstance(other, (int, float))
            and math.isclose(one, other, rel_tol=distance, abs_tol=distance / 100)
        )
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def digest(source, kind):
    """A number that is equal for equal values, whatever the order in which they are read."""
    seen = set()
    for piece in source.items(kind):
        for item in piece:
            hashed = hashlib.blake2b(repr(item).encode(), digest_size=16).digest()
            seen.add(int.from_bytes(hashed, "big"))
    return len(seen), sum(seen) % (1 << 128)


def write(target, db, key, kind, pieces, expires, large=False):
    """Writes the items at the key instead of what is there. A value that is not large appears at once."""
    commands = [("DEL", key)]
    for piece in pieces:
        commands += commands_for(target, key, kind, piece)
        if large and (len(commands) > PIECE or kind == "string"):
            send(target, db, key, commands)
            commands = []
    if expires:
        commands.append(("PEXPIREAT", key, expires))
    if large or len(commands) == 1:
        send(target, db, key, commands)
    else:
        send(target, db, key, [("MULTI",), *commands, ("EXEC",)])


def send(target, db, key, commands):
    for reply in target.many(db, [(key, *words) for words in commands]):
        inner = next(filter(failed, reply), None) if isinstance(reply, list) else None
        if failed(reply) or inner:
            raise Unreadable(str(inner or reply))


def commands_for(target, key, kind, piece):
    """The commands that add these items. They may be sent twice."""
    if not piece:
        return []
    if kind == "string":
        return [("SETRANGE", key, start, value) if start else ("SET", key, value) for start, value in piece]
    if kind == "list":
        cut = [("LTRIM", key, 0, piece[0][0] - 1)] if piece[0][0] else []
        return [*cut, ("RPUSH", key, *(item for _, item in piece))]
    if kind == "set":
        return [("SADD", key, *piece)]
    if kind == "zset":
        return [("ZADD", key, *(word for member, score in piece for word in (repr(score), member)))]
    if kind == "hash":
        timed = [("HPEXPIREAT", key, time, "FIELDS", 1, field) for field, _, time in piece if time > 0]
        if timed and not knows_field_times(target):
            timed = []
        return [("HSET", key, *(word for field, value, _ in piece for word in (field, value))), *timed]
    if kind == "stream":
        return [words for item in piece for words in stream_commands(key, item)]
    if kind == JSON:
        return [("JSON.SET", key, "$", piece[0])]
    if kind == VECTORS:
        return [vector_commands(key, item) for item in piece]
    return [("FT.SUGADD", key, entry, repr(score), *(("PAYLOAD", load) if load else ())) for entry, score, load in piece]


def stream_commands(key, item):
    what, *rest = item
    if what == "entry":
        yield "XADD", key, *rest
    elif what == "stream":
        length, last, added, deleted = rest
        if last == b"0-0":
            # A stream that never had an entry: only a group can make it.
            yield "XGROUP", "CREATE", key, "move-in", "0", "MKSTREAM"
            yield "XGROUP", "DESTROY", key, "move-in"
        else:
            if not length:
                yield "XADD", key, "MAXLEN", "0", "0-1", "move-in", ""
            yield "XSETID", key, last, *(() if added is None else ("ENTRIESADDED", added, "MAXDELETEDID", deleted))
    elif what == "group":
        name, last, read = rest
        yield "XGROUP", "CREATE", key, name, last, *(() if read is None else ("ENTRIESREAD", read))
    elif what == "consumer":
        yield "XGROUP", "CREATECONSUMER", key, *rest
    else:
        name, consumer, id, idle, times = rest
        yield "XCLAIM", key, name, consumer, 0, id, "IDLE", int(idle), "RETRYCOUNT", times, "FORCE", "JUSTID"


def vector_commands(key, item):
    element, vector, attributes, (quantization, m, projected_from) = item
    if projected_from:
        raise Unreadable("a vector set with REDUCE can be copied by DUMP only")
    blob = struct.pack(f"<{len(vector)}f", *vector)
    quantized = QUANTIZATION.get(text(quantization), "Q8")
    return "VADD", key, "FP32", blob, element, quantized, *(("SETATTR", attributes) if attributes else ()), "M", m
