"""hnswlib_engine BASE DIM QUERIES TRUTH M EF_CONSTRUCTION: hnswlib as examples/engine_bench --turns runs our graph, in a process
of its own: builds, prints what that took as a line of JSON, and measures each time it reads a line, which lists beams (`10,16,24`).

All queries go into one call of `knn_query` with num_threads 1, on rows normalized beforehand with its inner product, so that
Python's share of a query and of a distance is nothing. Time is the processor time of the thread, memory by what the process grew.
"""

import json
import pathlib
import sys
import time

import hnswlib
import numpy

K = 10


def resident():
    """Bytes of memory that this process holds."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure(index, queries, truth, ef):
    index.set_ef(ef)
    start = time.thread_time()
    found, _ = index.knn_query(queries, k=K, num_threads=1)
    rate = len(queries) / (time.thread_time() - start)
    hits = sum(len(wanted & set(row.tolist())) for wanted, row in zip(truth, found))
    return {"ef": ef, "recall": hits / (K * len(queries)), "rate": rate}


def main():
    base, dim, queries, truth, m, ef_construction = sys.argv[1:]
    rows, queries = (numpy.fromfile(path, "<f4").reshape(-1, int(dim)) for path in (base, queries))
    truth = [set(row[:K].tolist()) for row in numpy.fromfile(truth, "<i4").reshape(len(queries), -1)]
    before = resident()
    index = hnswlib.Index("ip", int(dim))
    index.init_index(len(rows), M=int(m), ef_construction=int(ef_construction))
    start = time.thread_time()
    index.add_items(rows, num_threads=1)
    built = len(rows) / (time.thread_time() - start)
    print(json.dumps({"build_rate": built, "bytes": (resident() - before) / len(rows)}), flush=True)
    for line in sys.stdin:
        print(json.dumps([measure(index, queries, truth, int(ef)) for ef in line.split(",")]), flush=True)


if __name__ == "__main__":
    main()
