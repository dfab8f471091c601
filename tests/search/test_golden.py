"""Replies of RediSearch 2.10.5 about scores, reducers, options, settings and FORMAT EXPAND, command by command.

A line with the flag `quirk` is sent, since others build on it, and not compared: there it is better to differ.
"""

import json
import pathlib

import pytest

from resp import Map, Set, from_notation

ROWS = [json.loads(line) for line in (pathlib.Path(__file__).parents[1] / "data" / "search-golden.jsonl").read_text().splitlines()]


def words(command):
    return [bytes.fromhex(word[4:]) if word.startswith("hex:") else word for word in command]


def reply(value):
    """A reply of the file, where a bare text is a bulk string."""
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


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", sorted({row["group"] for row in ROWS}))
def test_replies_are_those_of_the_field(server, redis_style, group, protocol):
    c = server.connect(protocol)
    c("CONFIG", "SET", "search.default-scorer", "TFIDF")  # RediSearch 2's
    wrong = []
    for row in ROWS:
        if row["group"] == group:
            flags = row.get("flags", [])
            got, want = c(*words(row["cmd"])), reply(row[f"resp{protocol}"])
            order = in_any_order if "unordered" in flags else lambda value: value
            if "quirk" not in flags and order(got) != order(want):
                wrong.append((row["cmd"], got, want))
    assert not wrong, (len(wrong), wrong[:5])
