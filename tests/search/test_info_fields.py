"""INFO's search_* names, which exporters read: each against what is true."""

import re
import struct
import threading

import pytest

from servers import wait_until


def fields(connection):
    text = connection("INFO", "modules")
    text = (text if isinstance(text, bytes) else bytes(text)).decode()
    return {name.removeprefix("search_"): value for name, value in re.findall(r"^(search_\w+):(.*?)\r?$", text, re.M)}


def index_info(connection, name):
    info = connection("FT.INFO", name)
    return {str(key): value for key, value in zip(info[::2], info[1::2])}


@pytest.mark.smoke
def test_every_name_has_its_section(start):
    """INFO search is asked by names of sections, too."""
    r2 = start().connect()
    told = r2("INFO", "modules").decode()
    sections = dict(re.findall(r"^# (search_\w+)\r?\n((?:search_.*\n)*)", told, re.M))
    for section, names in {
        "version": ["version", "redis_version"],
        "index": [
            "number_of_indexes",
            "number_of_active_indexes",
            "number_of_active_indexes_indexing",
            "number_of_active_indexes_running_queries",
        ],
        "memory": [
            "used_memory_indexes",
            "used_memory_indexes_human",
            "smallest_memory_index",
            "largest_memory_index",
            "used_memory_vector_index",
        ],
        "cursors": [
            "global_idle",
            "global_total",
            "cursors_user_idle",
            "cursors_user_active",
            "cursors_internal_idle",
            "cursors_internal_active",
        ],
        "gc": ["bytes_collected", "total_cycles", "total_ms_run", "gc_bytes_collected", "gc_total_cycles", "gc_total_ms_run"],
        "dialect_statistics": ["dialect_1", "dialect_2", "dialect_3", "dialect_4"],
        "queries": ["total_queries_processed", "total_query_commands", "total_query_execution_time_ms", "total_active_queries"],
        "warnings_and_errors": ["errors_indexing_failures", "errors_for_index_with_max_failures"],
        "runtime_configurations": ["query_timeout_ms", "timeout_policy", "minimal_term_prefix"],
    }.items():
        for name in names:
            assert re.search(rf"^search_{name}:\S", sections[f"search_{section}"], re.M), (section, name)
    numbers = [
        name for name in re.findall(r"^search_(\w+):", told, re.M) if re.match("used_memory|gc_|dialect_|errors_|total_|number_", name)
    ]
    assert numbers and all(re.fullmatch(r"[\d.]+", fields(r2)[name]) for name in numbers)


@pytest.mark.smoke
def test_fields_and_failures(start):
    r2 = start().connect()
    r2("FT.CREATE", "a", "SCHEMA", "t", "TEXT", "SORTABLE", "NOINDEX", "n", "NUMERIC", "SORTABLE", "p", "GEO")
    r2(
        "FT.CREATE",
        "b",
        "SCHEMA",
        "t",
        "TEXT",
        "g",
        "TAG",
        "CASESENSITIVE",
        "v",
        "VECTOR",
        "FLAT",
        6,
        "TYPE",
        "FLOAT32",
        "DIM",
        2,
        "DISTANCE_METRIC",
        "L2",
    )
    r2(
        "FT.CREATE",
        "c",
        "SCHEMA",
        "v",
        "VECTOR",
        "HNSW",
        6,
        "TYPE",
        "FLOAT32",
        "DIM",
        2,
        "DISTANCE_METRIC",
        "L2",
        "w",
        "VECTOR",
        "HNSW",
        6,
        "TYPE",
        "FLOAT32",
        "DIM",
        3,
        "DISTANCE_METRIC",
        "L2",
    )
    r2("HSET", "d1", "n", "x", "p", "1,2")
    r2("HSET", "d2", "n", "y", "v", "short")
    failures = {name: int(index_info(r2, name)["hash_indexing_failures"]) for name in "abc"}
    assert failures == {"a": 2, "b": 1, "c": 1}
    told = wait_until(lambda: (now := fields(r2)).get("fields_vector", "").count("IndexErrors") and now, "measured")
    assert told["number_of_indexes"] == "3"
    assert told["fields_text"] == "Text=2,Sortable=1,NoIndex=1"
    assert told["fields_tag"] == "Tag=1,CaseSensitive=1" and told["fields_geo"] == "Geo=1"
    assert told["fields_vector"] == "Vector=3,Flat=1,HNSW=2,IndexErrors=2"
    assert wait_until(lambda: fields(r2)["fields_numeric"] == "Numeric=1,Sortable=1,IndexErrors=2", "numbers that are none are counted")
    assert (told["errors_indexing_failures"], told["errors_for_index_with_max_failures"]) == ("4", "2")


@pytest.mark.smoke
def test_memory_is_that_of_ft_info(start):
    r2 = start().connect()
    vector = ("v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 16, "DISTANCE_METRIC", "L2")
    r2("FT.CREATE", "small", "PREFIX", 1, "s:", "SCHEMA", "t", "TEXT")
    r2("FT.CREATE", "large", "PREFIX", 1, "l:", "SCHEMA", "t", "TEXT", "g", "TAG", *vector)
    for n in range(500):
        r2("HSET", f"l:{n}", "t", f"word{n} word", "g", f"tag{n}", "v", struct.pack("<16f", *range(n, n + 16)))
    r2("HSET", "s:1", "t", "word")

    def bytes_of(name):
        info = index_info(r2, name)
        total, vectors = (float(info[f"{part}_sz_mb"]) for part in ("total_index_memory", "vector_index"))
        return round((total + vectors) * 2**20), round(vectors * 2**20)

    def agree():
        (small, _), (large, vectors) = bytes_of("small"), bytes_of("large")
        now = fields(r2)
        names = ("used_memory_indexes", "smallest_memory_index", "largest_memory_index", "used_memory_vector_index")
        return [int(now[name]) for name in names] == [small + large, small, large, vectors] and now

    told = wait_until(agree, "INFO and FT.INFO agree")
    assert abs(float(told["used_memory_indexes_human"]) * 2**20 - int(told["used_memory_indexes"])) < 1
    assert float(told["total_indexing_time"]) > 0
    r2("FT.DROPINDEX", "large")
    wait_until(lambda: fields(r2)["largest_memory_index"] == fields(r2)["smallest_memory_index"], "the large one is gone")
    r2("FT.DROPINDEX", "small")
    assert fields(r2)["used_memory_indexes"] == "0"


def test_queries_dialects_and_cursors(start):
    r2 = start().connect()
    r2("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC")
    for n in range(3):
        r2("HSET", n, "n", n)
    before = fields(r2)
    assert [before[f"dialect_{d}"] for d in (1, 2, 3, 4)] == ["0"] * 4
    r2("FT.SEARCH", "i", "*", "DIALECT", 2)
    r2("FT.SEARCH", "i", "*", "DIALECT", 3)
    _, cursor = r2("FT.AGGREGATE", "i", "*", "WITHCURSOR", "COUNT", 1, "DIALECT", 3)
    told = fields(r2)
    assert [told[f"dialect_{d}"] for d in (1, 2, 3, 4)] == ["0", "1", "1", "0"]
    assert (told["total_queries_processed"], told["total_query_commands"]) == ("3", "3")
    assert (told["global_total"], told["global_idle"], told["cursors_user_idle"]) == ("1", "1", "1")
    r2("FT.CURSOR", "READ", "i", cursor)
    assert fields(r2)["total_query_commands"] == "4"
    r2("FT.CURSOR", "DEL", "i", cursor)
    assert fields(r2)["global_total"] == "0"
    wait_until(lambda: (now := fields(r2))["total_active_queries"] == now["number_of_active_indexes"] == "0", "nothing is under way")


def test_running_queries_are_seen(start):
    """While somebody always has one under way, INFO sees it sooner or later; afterwards none."""
    server = start()
    r2, other = server.connect(), server.connect()
    r2("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC")
    other.pipeline([("HSET", n, "n", n) for n in range(3000)])
    done = threading.Event()

    def ask():
        while not done.is_set():
            other("FT.AGGREGATE", "i", "*", "APPLY", "format('%s', sqrt(@n) ^ 1.5)", "AS", "x", "GROUPBY", 1, "@x")

    asking = threading.Thread(target=ask)
    asking.start()
    names = ("total_active_queries", "number_of_active_indexes_running_queries", "number_of_active_indexes")
    try:
        wait_until(lambda: [fields(r2)[name] for name in names] == ["1"] * 3, "a query under way is seen")
    finally:
        done.set()
        asking.join()
    wait_until(lambda: [fields(r2)[name] for name in names] == ["0"] * 3, "none is")
