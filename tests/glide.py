#!/usr/bin/env python3
"""glide.py PORT: Valkey's own client, valkey-glide (sync), over FT.* and JSON.*, against a server with the module.

Its own tests are not on PyPI. So this program makes each of its calls that a server can answer, in RESP3 (its default) and RESP2, and
compares with what its documentation says. The server has `search.reply-style valkey`, as Valkey has by default. Exit status 0 when all is
as documented. Needs valkey-glide-sync (scripts/setup clients).
"""

import json
import struct
import sys

from glide_shared.commands.server_modules.ft_options.ft_aggregate_options import (
    FtAggregateApply,
    FtAggregateFilter,
    FtAggregateGroupBy,
    FtAggregateLimit,
    FtAggregateOptions,
    FtAggregateReducer,
    FtAggregateSortBy,
    FtAggregateSortProperty,
    FtWithCursor,
)
from glide_shared.commands.server_modules.ft_options.ft_create_options import (
    DataType,
    DistanceMetricType,
    FtCreateOptions,
    NumericField,
    TagField,
    TextField,
    VectorAlgorithm,
    VectorField,
    VectorFieldAttributesFlat,
    VectorFieldAttributesHnsw,
    VectorType,
)
from glide_shared.commands.server_modules.ft_options.ft_search_options import (
    ConsistencyMode,
    FtSearchLimit,
    FtSearchOptions,
    InfoScope,
    ReturnField,
    ShardScope,
)
from glide_shared.commands.server_modules.json_options import JsonArrPopOptions
from glide_sync import (
    ConditionalChange,
    GlideClient,
    GlideClientConfiguration,
    NodeAddress,
    OrderBy,
    ProtocolVersion,
    RequestError,
    ft,
    glide_json,
)

CHECKED = 0


def check(got, expected, what):
    global CHECKED
    CHECKED += 1
    if got != expected:
        sys.exit(f"glide: {what}: {got!r}, not {expected!r}")


def refused(call, text, what):
    try:
        got = call()
    except RequestError as error:
        check(text.lower() in str(error).lower(), True, f"{what}: {error}")
    else:
        sys.exit(f"glide: {what}: {got!r}, not an error")


def blob(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def hashes(client):
    fields = [
        TextField("title", nostem=True, weight=2.0, withsuffixtrie=True, sortable=True),
        TagField("kind", alias="k", separator=";", case_sensitive=True),
        NumericField("price", sortable=True),
        VectorField(
            "vec",
            VectorAlgorithm.HNSW,
            VectorFieldAttributesHnsw(
                2,
                DistanceMetricType.L2,
                VectorType.FLOAT32,
                initial_cap=10,
                number_of_edges=8,
                vectors_examined_on_construction=50,
                vectors_examined_on_runtime=20,
            ),
        ),
        VectorField("flat", VectorAlgorithm.FLAT, VectorFieldAttributesFlat(2, DistanceMetricType.COSINE, VectorType.FLOAT32)),
    ]
    check(ft.create(client, "idx", fields, FtCreateOptions(DataType.HASH, prefixes=["d:"])), "OK", "create")
    refused(lambda: ft.create(client, "idx", fields), "exists", "create again")
    for n, (title, kind) in enumerate([("red apple", "Fruit"), ("green apple", "Fruit;Sour"), ("red car", "Thing")], 1):
        client.hset(f"d:{n}", {"title": title, "kind": kind, "price": str(n * 10), "vec": blob(n, 0), "flat": blob(n, 1)})
    check(ft.list(client), [b"idx"], "list")


def document(client, number):
    return {name: value for name, value in client.hgetall(f"d:{number}").items()}


def searches(client):
    search = lambda query, **options: ft.search(client, "idx", query, FtSearchOptions(**options))
    check(ft.search(client, "idx", "@k:{Sour}"), [1, {b"d:2": document(client, 2)}], "search by a tag")
    check(search("apple", nocontent=True), [2, {b"d:1": {}, b"d:2": {}}], "no content")
    check(search("@price:[20 30]", count=True), [2], "count only")
    check(search("@k:{none}"), [0], "nothing found")
    rows = search(
        "@price:[0 100]",
        return_fields=[ReturnField("title", alias="t"), ReturnField("price")],
        sortby="price",
        sortby_order=OrderBy.DESC,
        limit=FtSearchLimit(0, 2),
    )
    check(rows, [3, {b"d:3": {b"t": b"red car", b"price": b"30"}, b"d:2": {b"t": b"green apple", b"price": b"20"}}], "sorted, renamed, cut")
    check([*rows[1]], [b"d:3", b"d:2"], "order of rows")
    near = search("*=>[KNN 2 @vec $v]", params={"v": blob(3, 0)}, return_fields=[ReturnField("__vec_score")])
    check(near, [2, {b"d:3": {b"__vec_score": b"0"}, b"d:2": {b"__vec_score": b"1"}}], "KNN without a dialect")
    near = search("(@k:{Fruit})=>[KNN 2 @flat $v AS far]", params={"v": blob(1, 1)}, return_fields=[ReturnField("far")], dialect=2)
    check([*near[1]], [b"d:1", b"d:2"], "KNN with a filter")
    near = search(
        "@vec:[VECTOR_RANGE $r $v]=>{$yield_distance_as: d}", params={"r": "1", "v": blob(1, 0)}, return_fields=[ReturnField("d")]
    )
    check(near, [2, {b"d:1": {b"d": b"0"}, b"d:2": {b"d": b"1"}}], "range")
    every = dict(
        verbatim=True,
        inorder=True,
        slop=1,
        timeout=1000,
        dialect=2,
        shard_scope=ShardScope.ALLSHARDS,
        consistency=ConsistencyMode.CONSISTENT,
    )
    check(search("red apple", nocontent=True, in_keys=["d:1", "d:3"], **every), [1, {b"d:1": {}}], "every flag")
    rows = search("apple", sortby="price", withsortkeys=True, return_fields=[ReturnField("price")])
    check(rows, [2, {b"d:1": [b"#10", {b"price": b"10"}], b"d:2": [b"#20", {b"price": b"20"}]}], "sort keys")
    rows = search("apple", with_scores=True, scorer="BM25STD", nocontent=True)
    check([*rows[1]] and all(float(score[0]) > 0 for score in rows[1].values()), True, "scores")
    refused(lambda: ft.search(client, "none", "*"), "no such index", "search of an unknown index")


def aggregates(client):
    run = lambda query, *clauses, **options: ft.aggregate(client, "idx", query, FtAggregateOptions(clauses=[*clauses], **options))
    group = FtAggregateGroupBy(["@k"], [FtAggregateReducer("COUNT", [], "n"), FtAggregateReducer("SUM", ["@price"], "sum")])
    rows = run("@price:[0 100]", group, FtAggregateSortBy([FtAggregateSortProperty("@sum", OrderBy.DESC)]), loadFields=["k"])
    check(
        rows,
        [{b"k": kind, b"n": b"1", b"sum": total} for kind, total in [(b"Thing", b"30"), (b"Fruit;Sour", b"20"), (b"Fruit", b"10")]],
        "group",
    )
    rows = run(
        "@price:[0 100]",
        FtAggregateApply("@price * 2", "twice"),
        FtAggregateFilter("@twice > 30"),
        FtAggregateSortBy([FtAggregateSortProperty("@twice", OrderBy.ASC)]),
        FtAggregateLimit(0, 1),
        loadFields=["price"],
    )
    check(rows, [{b"price": b"20", b"twice": b"40"}], "apply, filter, sort, limit")
    check(run("*", loadAll=True, params={"x": "1"}, timeout=1000, verbatim=True)[0].keys() >= {b"title", b"kind"}, True, "load all")
    rows, cursor = run("*", loadFields=["price"], with_cursor=FtWithCursor(count=2, maxidle=10_000))
    check(len(rows), 2, "first page")
    more, cursor = ft.cursor_read(client, "idx", cursor, 5)
    check(([*more], cursor), ([{b"price": b"30"}], 0), "last page")
    rows, cursor = run("*", loadFields=["price"], with_cursor=FtWithCursor(count=1))
    check(ft.cursor_del(client, "idx", cursor), "OK", "cursor deleted")


def about(client):
    info = ft.info(client, "idx", InfoScope.LOCAL, ShardScope.SOMESHARDS, ConsistencyMode.INCONSISTENT)
    info = {key.decode(): value for key, value in info.items()}
    check((info["index_name"], info["num_docs"], info["state"]), (b"idx", 3, b"ready"), "info")
    check((info["backfill_in_progress"], info["mutation_queue_size"]), (b"0", b"0"), "info of the backfill")
    attributes = [dict(zip(attribute[::2], attribute[1::2])) for attribute in info["attributes"]]
    check([attribute[b"identifier"] for attribute in attributes], [b"title", b"kind", b"price", b"vec", b"flat"], "attributes")
    index = attributes[3][b"index"]
    index = dict(zip(index[::2], index[1::2]))
    algorithm = index[b"algorithm"]
    check((index[b"dimensions"], index[b"distance_metric"], index[b"size"]), (2, b"L2", b"3"), "vector index")
    check(algorithm, [b"name", b"HNSW", b"m", 8, b"ef_construction", 50, b"ef_runtime", 20], "vector index algorithm")
    check(ft.aliasadd(client, "other", "idx"), "OK", "aliasadd")
    check(ft.search(client, "other", "@price:[10 10]", FtSearchOptions(nocontent=True)), [1, {b"d:1": {}}], "search by alias")
    check(ft.aliasupdate(client, "other", "idx"), "OK", "aliasupdate")
    check(ft.aliaslist(client), {b"other": b"idx"}, "aliaslist")
    check(ft.aliasdel(client, "other"), "OK", "aliasdel")
    check(b"price" in ft.explain(client, "idx", "@price:[0 10]"), True, "explain")
    check(any(b"price" in line for line in ft.explaincli(client, "idx", "@price:[0 10]")), True, "explaincli")
    check(ft.dropindex(client, "idx"), "OK", "dropindex")
    refused(lambda: ft.info(client, "idx"), "index name", "info of an unknown index")


def over_json(client):
    fields = [
        NumericField("$.a", alias="a"),
        VectorField("$.v", VectorAlgorithm.FLAT, VectorFieldAttributesFlat(2, DistanceMetricType.IP, VectorType.FLOAT32), alias="v"),
    ]
    check(ft.create(client, "j", fields, FtCreateOptions(DataType.JSON, prefixes=["j:"])), "OK", "create over JSON")
    for n in (1, 2):
        check(glide_json.set(client, f"j:{n}", "$", json.dumps({"a": n, "v": [n, 1]})), "OK", "JSON.SET")
    found = ft.search(
        client,
        "j",
        "@a:[2 2]=>[KNN 5 @v $v]",
        FtSearchOptions(params={"v": blob(1, 0)}, return_fields=[ReturnField("a"), ReturnField("$")]),
    )
    check(found[0], 1, "search over JSON")
    check((found[1][b"j:2"][b"a"], json.loads(found[1][b"j:2"][b"$"])), (b"2", {"a": 2, "v": [2, 1]}), "row of JSON")
    ft.dropindex(client, "j")


def creation(client):
    """Every option of FT.CREATE that there is a meaning for: MINSTEMSIZE and PUNCTUATION of an index are refused."""
    options = FtCreateOptions(
        DataType.HASH,
        prefixes=["x:"],
        score=0.5,
        language="english",
        skipinitialscan=True,
        withoffsets=True,
        nostopwords=True,
        filter="@n > 1",
        score_field="s",
        no_highlight=True,
    )
    fields = [
        TextField("t", nosuffixtrie=True, sortable=True, unf=True),
        TagField("g", sortable=True, unf=True),
        NumericField("n", sortable=True),
    ]
    check(ft.create(client, "full", fields, options), "OK", "create with every option")
    client.hset("x:1", {"t": "the word", "n": "2"})
    client.hset("x:2", {"t": "the word", "n": "1"})
    check(ft.search(client, "full", "the", FtSearchOptions(nocontent=True)), [1, {b"x:1": {}}], "a stop word, and the filter")
    ft.dropindex(client, "full")
    stops = FtCreateOptions(DataType.HASH, prefixes=["x:"], nooffsets=True, stopwords=["word"])
    check(ft.create(client, "stops", [TextField("t", withsuffixtrie=True)], stops), "OK", "create with stop words")
    check(ft.search(client, "stops", "word"), [0], "a word that is left out")
    ft.dropindex(client, "stops")
    for option in ({"minstemsize": 3}, {"punctuation": ",."}):
        refused(
            lambda option=option: ft.create(client, "no", [TextField("t")], FtCreateOptions(**option)), "argument", f"create with {option}"
        )


def documents(client):
    """JSON.*: values at `$` paths come as lists, at legacy paths alone."""
    run = glide_json
    text = '{"a":1.0,"b":[1,2,3],"s":"str","o":{"x":1,"y":null},"t":true}'
    check(run.set(client, "doc", "$", text), "OK", "set")
    check(run.set(client, "doc", "$", "1", set_condition=ConditionalChange.ONLY_IF_DOES_NOT_EXIST), None, "set if absent")
    check(json.loads(run.get(client, "doc", "$.b")), [[1, 2, 3]], "get")
    check(json.loads(run.get(client, "doc")), json.loads(text), "get all")
    check(json.loads(run.get(client, "doc", ["$.a", "$.s"])), {"$.a": [1.0], "$.s": ["str"]}, "get of two paths")
    check(run.get(client, "none"), None, "get of nothing")
    check(run.mget(client, ["doc", "none"], "$.s"), [b'["str"]', None], "mget")
    check(run.type(client, "doc", "$.b"), [b"array"], "type")
    check(run.type(client, "doc", ".s"), b"string", "type at a legacy path")
    check(json.loads(run.numincrby(client, "doc", "$.a", 1.5)), [2.5], "numincrby")
    check(json.loads(run.numincrby(client, "doc", ".a", 1)), 3.5, "numincrby at a legacy path")
    check(json.loads(run.nummultby(client, "doc", "$.a", 2)), [7], "nummultby")
    check(run.arrappend(client, "doc", "$.b", ["4", '"x"']), [5], "arrappend")
    check(run.arrindex(client, "doc", "$.b", "2"), [1], "arrindex")
    check(run.arrinsert(client, "doc", "$.b", 0, ["0"]), [6], "arrinsert")
    check(run.arrlen(client, "doc", ".b"), 6, "arrlen")
    check(run.arrpop(client, "doc", JsonArrPopOptions("$.b", 5)), [b'"x"'], "arrpop")
    check(run.arrtrim(client, "doc", "$.b", 1, 2), [2], "arrtrim")
    check(run.toggle(client, "doc", "$.t"), [False], "toggle")
    check(run.toggle(client, "doc", ".t"), True, "toggle at a legacy path")
    check(run.strappend(client, "doc", '"ing"', "$.s"), [6], "strappend")
    check(run.strlen(client, "doc", "$.s"), [6], "strlen")
    check(run.objlen(client, "doc", "$.o"), [2], "objlen")
    check(run.objkeys(client, "doc", "$.o"), [[b"x", b"y"]], "objkeys")
    check(run.resp(client, "doc", "$.o"), [[b"{", b"x", 1, b"y", None]], "resp")
    check(run.clear(client, "doc", "$.b"), 1, "clear")
    check(run.delete(client, "doc", "$.s"), 1, "delete")
    check(run.forget(client, "doc"), 1, "forget")
    check(run.get(client, "doc"), None, "forgotten")


def main(port):
    for protocol in (ProtocolVersion.RESP3, ProtocolVersion.RESP2):
        client = GlideClient.create(GlideClientConfiguration([NodeAddress("127.0.0.1", port)], protocol=protocol, request_timeout=10_000))
        client.flushall()
        hashes(client)
        searches(client)
        aggregates(client)
        about(client)
        over_json(client)
        creation(client)
        documents(client)
        client.close()
    print(f"glide: {CHECKED} replies as documented")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
