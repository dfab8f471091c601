"""Replays the recorded replies of Redis 8.8, byte for byte, in RESP2 and RESP3."""

import json
import pathlib

import pytest

from resp import Double, Error, Map, from_notation
from servers import BUILTIN_VECTOR_SETS

DATA = pathlib.Path(__file__).parent.parent / "data"

# Where we answer otherwise on purpose: command -> (number in the specification's list of differences, RESP2, RESP3).
DIFFERS = {
    "VSIM q ELE e0 FILTER-EF 0": ("10.5", [b"e0", b"e3", b"e1", b"e2"], [b"e0", b"e3", b"e1", b"e2"]),
    "COPY q q2": ("10.7", 1, 0),  # asked twice: the second finds q2 there
}
# What Redis 8.2 answers otherwise than 8.8; left out where its own vector sets are asked.
NEWER = {"VADD k REDUCE 3 VALUES 2 1 1 e", "VSIM q ELE e0 EF 1000001"}


def same(got, wanted, exact_doubles):
    """Equality of replies, kinds included. Redis 7.0 itself prints RESP3 doubles in another form: there values count."""
    if isinstance(wanted, Double):
        return got == wanted and (not exact_doubles or got.text == wanted.text)
    if isinstance(wanted, (list, tuple)):
        return type(got) is type(wanted) and len(got) == len(wanted) and all(map(same, got, wanted, [exact_doubles] * len(got)))
    return type(got) is type(wanted) and got == wanted


@pytest.mark.smoke
def test_every_recorded_reply_comes_back(server, r2, r3):
    rows = [json.loads(line) for line in (DATA / "vset-golden.jsonl").read_text().splitlines()]
    builtin = server.name in BUILTIN_VECTOR_SETS
    exact_doubles = server.version() >= (7, 2)
    wrong, seen = [], set()
    for row in rows:
        command = " ".join(row["cmd"])
        if builtin and (command in NEWER or row["cmd"][0] == "VRANGE"):
            continue
        wanted = {protocol: from_notation(row[protocol]) for protocol in ("resp2", "resp3") if protocol in row}
        if command in DIFFERS and not builtin:
            _, wanted["resp2"], wanted["resp3"] = DIFFERS[command]
            seen.add(command)
        for protocol, reply in wanted.items():
            got = (r2 if protocol == "resp2" else r3)(*row["cmd"])
            if row["cmd"][0] == "VLINKS" and isinstance(got, list):
                got = got[-1:]  # how many layers are above is up to chance; the recorded element has none
            if not same(got, reply, exact_doubles):
                wrong.append(f"{protocol} {command}\n  got    {got!r}\n  wanted {reply!r}")
    assert not wrong, "\n".join(wrong)
    assert builtin or seen == set(DIFFERS)


def test_comparison_of_replies_tells_kinds_apart():
    assert not same(1, from_notation({"bool": True}), True)
    assert not same([b"a", b"b"], Map([(b"a", b"b")]), True)
    assert not same(b"x", from_notation({"simple": "x"}), True)
    assert not same(Error("x"), from_notation({"simple": "x"}), True)
    assert not same(Double("0.10000000000000001"), Double("0.1"), True)
    assert same(Double("0.10000000000000001"), Double("0.1"), False)
