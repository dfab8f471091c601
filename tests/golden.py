"""Replies that were captured from RediSearch: files of tests/data whose lines have a command, its replies in both protocols, and flags.

A line with the flag `quirk` is sent, since others build on it, and not compared: there it is better to differ. `unordered`: the order is
not specified.
"""

import json
import pathlib

from resp import Map, Set, from_notation


def rows(name):
    """The lines of a file."""
    return [json.loads(line) for line in (pathlib.Path(__file__).parent / "data" / name).read_text().splitlines()]


def groups(rows):
    """The names of the groups: each begins with an empty server."""
    return sorted({row["group"] for row in rows})


def check(connection, rows, group):
    """Sends the commands of a group and compares what is answered."""
    wrong = []
    for row in rows:
        if row["group"] == group:
            flags = row.get("flags", [])
            got, want = connection(*words(row["cmd"])), reply(row[f"resp{connection.protocol}"])
            order = in_any_order if "unordered" in flags else lambda value: value
            if "quirk" not in flags and order(got) != order(want):
                wrong.append((row["cmd"], got, want))
    assert not wrong, (len(wrong), wrong[:5])


def words(command):
    return [bytes.fromhex(word[4:]) if word.startswith("hex:") else word for word in command]


def reply(value):
    """A reply of a file, where a bare text is a bulk string."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [reply(item) for item in value]
    if isinstance(value, dict) and "map" in value:
        return Map((reply(name), reply(inner)) for name, inner in value["map"])
    if isinstance(value, dict) and "set" in value:
        return Set(map(reply, value["set"]))
    return from_notation(value)


def in_any_order(value):
    """A reply in an order of its own, all the way down."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, sorted(map(in_any_order, value), key=repr)
    return repr(getattr(value, "value", value))
