#!/usr/bin/env python3
"""demo.py PORT: the reference examples, asked through redis-py of the server on PORT.

Adds eight people with their embeddings and the years of their birth and death, and asks for the nearest to three words; then
does what the guides show of search over hashes and JSON documents (tests/guides.py). Prints each answer beside the expected
one. Exit status 0 when all agree.
"""

import json
import pathlib
import sys

import numpy
import redis

import guides

EXAMPLES = pathlib.Path(__file__).parent / "data" / "reference_examples.json"
KEY = "famous-people"


def questions(examples):
    """(word, VSIM options, expected names). For "entertainer" the page that the example comes from lists two neighbours
    in the other order, although their similarities differ by 1e-3; there the answer of Redis itself counts."""
    queries = examples["people_queries"]
    answers = {word: query["redis_8_8_0"]["Q8"]["order"] for word, query in queries.items()}
    science = examples["science2000"]
    return [
        ("actors", {}, answers["actors"]),
        ("actors", {"count": 2}, answers["actors"][:2]),
        ("entertainer", {}, answers["entertainer"]),
        ("science", {}, answers["science"]),
        ("science", {"filter": science["filter"]}, science["expected"]),
    ]


def compare(asked, got, expected, width):
    """Prints an answer beside the expected one; whether they agree."""
    print(asked)
    for place in range(max(len(got), len(expected))):
        mine, wanted = (lines[place] if place < len(lines) else "-" for lines in (got, expected))
        print(f"  {mine:<{width}} expected {wanted:<{width}} {'' if mine == wanted else '<- differs'}".rstrip())
    return got == expected


def main(port):
    examples = json.loads(EXAMPLES.read_text())
    client = redis.Redis(port=port, decode_responses=True)
    client.delete(KEY)
    for name, person in examples["people"].items():
        attributes = {"born": person["born"], "died": person["died"]}
        client.vset().vadd(KEY, person["embedding"], name, attributes=attributes)
    agreed = True
    for word, options, expected in questions(examples):
        query = numpy.array(examples["people_queries"][word]["embedding"], dtype=numpy.float32).tobytes()
        got = client.vset().vsim(KEY, query, **options)
        show = f"VSIM {KEY} {word!r} {' '.join(f'{name.upper()} {value}' for name, value in options.items())}".rstrip()
        agreed &= compare(show, got, expected, 20)
    client.delete(KEY)
    for asked, got, expected in guides.all_of(client):
        agreed &= compare(asked, got, expected, 46)
    print("demo: every answer as expected" if agreed else "demo: answers differ")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
