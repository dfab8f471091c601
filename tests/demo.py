#!/usr/bin/env python3
"""demo.py PORT: the reference example, asked through redis-py of the server on PORT.

Adds eight people with their embeddings and the years of their birth and death, asks for the nearest to three words, and
prints each answer beside the expected one. Exit status 0 when all agree.
"""

import json
import pathlib
import sys

import numpy
import redis

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
        agreed &= got == expected
        print(f"VSIM {KEY} {word!r} {' '.join(f'{name.upper()} {value}' for name, value in options.items())}".rstrip())
        for place in range(max(len(got), len(expected))):
            mine, wanted = (names[place] if place < len(names) else "-" for names in (got, expected))
            print(f"  {mine:<20} expected {wanted:<20} {'' if mine == wanted else '<- differs'}".rstrip())
    client.delete(KEY)
    print("demo: every answer as expected" if agreed else "demo: answers differ")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
