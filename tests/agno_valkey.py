#!/usr/bin/env python3
"""agno_valkey.py PORT: agno's ValkeyDb, unmodified, over a server with the module: create, insert, search, filter, scope, update, delete.

agno reaches the server through valkey-glide, and names no dialect. scripts/client-suites runs it. Exit status 0 when all is found that
should be. Needs agno and valkey-glide-sync (scripts/setup clients).
"""

import logging
import sys
from dataclasses import dataclass

from agno.knowledge.document import Document
from agno.knowledge.embedder.base import Embedder
from agno.vectordb.distance import Distance
from agno.vectordb.search import SearchType
from agno.vectordb.valkey import ValkeyDb

WORDS = ("cat", "dog", "car", "bus", "sea", "sky", "red", "old")
TEXTS = {
    "pets": "the cat and the dog",
    "cat": "an old cat",
    "traffic": "a red bus behind a red car",
    "holiday": "sea and sky",
}


@dataclass
class Counting(Embedder):
    """A vector counts which of a few words a text has."""

    dimensions: int = len(WORDS)

    def get_embedding(self, text):
        return [0.1 + text.split().count(word) for word in WORDS]

    def get_embedding_and_usage(self, text):
        return self.get_embedding(text), None


def names(documents):
    return [document.name for document in documents]


def check(got, expected, what):
    if got != expected:
        sys.exit(f"agno: {what}: {got!r}, not {expected!r}")


def documents():
    return [Document(name=name, content=text, content_id=f"c-{name}", meta_data={"category": name[:3]}) for name, text in TEXTS.items()]


def tour(port, search_type, algorithm, distance):
    db = ValkeyDb(
        f"agno-{search_type.name}-{algorithm}-{distance.name}",
        port=port,
        embedder=Counting(),
        search_type=search_type,
        vector_algorithm=algorithm,
        distance=distance,
        request_timeout=10_000,
    )
    check(db.exists(), False, "exists before")
    db.create()
    check(db.exists(), True, "exists")
    db.insert("hash-1", documents())
    db.insert("hash-2", [Document(name="mine", content="my own cat", content_id="c-mine")], user_id="user-1|x")
    check(db.name_exists("cat") and db.content_hash_exists("hash-1") and not db.name_exists("bird"), True, "known names")
    check(names(db.search("cat dog", limit=1)) if search_type is SearchType.vector else ["pets"], ["pets"], "nearest")
    check(set(names(db.keyword_search("cat"))), {"pets", "cat", "mine"}, "words, of all owners")
    check(set(names(db.keyword_search("cat", user_id="someone"))), {"pets", "cat"}, "words, of a user without documents")
    check(set(names(db.vector_search("cat", user_id="user-1|x", limit=9))), {*TEXTS, "mine"}, "vectors, of a user")
    check(names(db.vector_search("red", limit=3, filters={"category": "hol"})), ["holiday"], "vectors with a filter")
    check(len(db.keyword_search("", limit=9)), 5, "no words match all")
    db.upsert("hash-1", documents()[:2])
    check(set(names(db.vector_search("sea", limit=9))), {"pets", "cat", "mine"}, "after upsert")
    db.update_metadata("c-cat", {"status": "seen"})
    check(names(db.keyword_search("cat", filters={"status": "seen"})), ["cat"], "after an update")
    check(db.delete_by_name("cat") and db.delete_by_content_id("c-pets"), True, "deletes")
    check(names(db.keyword_search("cat")), ["mine"], "after deletes")
    check((db.drop(), db.exists()), (True, False), "drop")


def main(port):
    logging.getLogger("agno").setLevel(logging.ERROR)
    tours = 0
    for search_type in (SearchType.vector, SearchType.keyword):
        for algorithm in ("HNSW", "FLAT"):
            for distance in (Distance.cosine, Distance.l2, Distance.max_inner_product):
                tour(port, search_type, algorithm, distance)
                tours += 1
    print(f"agno: {tours} tours of ValkeyDb")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
