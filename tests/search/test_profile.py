"""FT.PROFILE: the field's replies where they are facts, and laws where the plan is ours."""

import json
import struct

import pytest

import golden
from resp import Double, Error, Map, Simple, from_notation

ROWS = golden.rows("profile-golden.jsonl")
ANY = object()


def reply(value):
    """A reply of the file, where a bare text is a bulk string, `hex` its bytes, and `any` a time."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [reply(item) for item in value]
    if isinstance(value, dict):
        if "any" in value:
            return ANY
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        if "map" in value:
            return Map([(reply(key), reply(item)) for key, item in value["map"]])
    return from_notation(value)


def alike(got, want):
    """Whether a reply is what is wanted; the fields of documents may come in any order."""
    if want is ANY:
        return (float(got.text) if isinstance(got, Double) else float(got)) >= 0
    if isinstance(want, Map):
        return isinstance(got, Map) and len(got) == len(want) and all(alike(g, w) for g, w in zip(ordered(got), ordered(want)))
    if isinstance(want, tuple):
        return all(alike(g, w) for g, w in zip(got, want))
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return False
        if want and len(want) % 2 == 0 and all(isinstance(item, bytes) for item in want):
            return sorted(zip(got[::2], got[1::2])) == sorted(zip(want[::2], want[1::2]))
        return all(alike(g, w) for g, w in zip(got, want))
    return got == want


def ordered(pairs):
    return sorted(pairs, key=lambda pair: repr(pair[0])) if all(isinstance(key, bytes) for key, _ in pairs) else list(pairs)


def is_sharded(server):
    return not server.name.startswith("valkey") and server.version() >= (8, 0)


@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_are_those_of_the_field(server, protocol):
    if is_sharded(server):
        pytest.skip("the shape of version 8")
    c = server.connect(protocol)
    c("CONFIG", "SET", "search.default-scorer", "TFIDF")
    wrong = []
    for row in ROWS:
        got, want = c(*golden.words(row["cmd"])), reply(row[f"resp{protocol}"])
        if not alike(got, want):
            wrong.append((row["cmd"], got, want))
    assert not wrong, wrong[:3]


class Node:
    """A node of the tree, whichever shape it has."""

    def __init__(self, given):
        listed = given if not isinstance(given, Map) else [item for pair in given for item in pair]
        self.members, self.children, self.limited = {}, [], None
        at = 0
        while at < len(listed):
            name = str(listed[at])
            if name.startswith("Child iterator"):
                rest = listed[at + 1 :]
                if name == "Child iterators" and len(rest) == 1 and isinstance(rest[0], list) and not is_node(rest[0]):
                    rest = rest[0]
                if rest and isinstance(rest[0], Simple):
                    self.limited = str(rest[0])
                else:
                    self.children = [Node(child) for child in rest]
                break
            self.members[name] = listed[at + 1]
            at += 2
        self.kind = str(self.members["Type"])
        self.time = number(self.members["Time"])
        self.count = self.members.get("Counter", self.members.get("Number of reading operations"))

    def all(self):
        yield self
        for child in self.children:
            yield from child.all()

    def shape(self):
        return (self.kind, *(child.shape() for child in self.children)) if self.children else self.kind


def is_node(value):
    return isinstance(value, Map) or (bool(value) and value[0] == Simple("Type"))


def number(value):
    return float(value.text) if isinstance(value, Double) else float(value)


class Profile:
    """The reply of FT.PROFILE, whichever shape it has."""

    def __init__(self, server, c, *command):
        given = c("FT.PROFILE", *command)
        assert isinstance(given, list), given
        self.sharded = is_sharded(server)
        if isinstance(given, Map):
            self.reply = given.get("Results") if self.sharded else Map([pair for pair in given if pair[0] != Simple("profile")])
            profile = given.get("Profile").get("Shards")[0] if self.sharded else given.get("profile")
            members = {str(name): value for name, value in profile}
            tree = members["Iterators profile"] if self.sharded else members["Iterators profile"][0]
            steps = members["Result processors profile"]
        elif self.sharded:
            self.reply, profile = given
            assert [profile[0], profile[2], profile[3]] == [Simple("Shards"), Simple("Coordinator"), []]
            shard = profile[1][0]
            members = {str(name): value for name, value in zip(shard[::2], shard[1::2])}
            tree, steps = members["Iterators profile"], members["Result processors profile"]
        else:
            self.reply, profile = given
            members = {str(pair[0]): pair[1] if len(pair) > 1 else None for pair in profile}
            tree, steps = members["Iterators profile"], profile[-1][1:]
        self.members, self.tree = members, Node(tree)
        pairs = [step if isinstance(step, Map) else list(zip(step[::2], step[1::2])) for step in steps]
        self.steps = [(str(step[0][1]), number(step[1][1]), step[2][1]) for step in pairs]

    @property
    def counts(self):
        return [(name, count) for name, _, count in self.steps]


def fill(c):
    v = ["VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2"]
    c(
        "FT.CREATE",
        "i",
        "SCHEMA",
        "t",
        "TEXT",
        "n",
        "NUMERIC",
        "SORTABLE",
        "g",
        "TAG",
        "SORTABLE",
        "p",
        "GEO",
        "m",
        "TAG",
        "INDEXMISSING",
        "v",
        *v,
    )
    for n in range(40):
        word = ["hello world", "hello there", "help me", "wide world"][n % 4]
        c("HSET", f"d{n}", "t", word, "n", n, "g", "abcd"[n % 4], "p", f"{n},1", "v", struct.pack("<2f", n, 1))


BLOB = ["PARAMS", 2, "b", struct.pack("<2f", 3, 1), "DIALECT", 2]
PLAIN = ["NOCONTENT", "DIALECT", 2]
QUERIES = [
    # query, options, shape, documents that the tree gave
    ("hello", PLAIN, "TEXT", 20),
    ("hello world", PLAIN, ("INTERSECT", "TEXT", "TEXT"), 10),
    ("hello | wide", PLAIN, ("UNION", "TEXT", "TEXT"), 30),
    ('"hello wide"', PLAIN, ("INTERSECT", "TEXT", "TEXT"), 0),
    ('"wide world"', PLAIN, ("INTERSECT", "TEXT", "TEXT"), 10),
    ("hel*", PLAIN, ("UNION", "TEXT", "TEXT"), 30),
    ("%helo%", PLAIN, ("UNION", "TEXT", "TEXT"), 30),
    ("w'hel*'", PLAIN, ("UNION", "TEXT", "TEXT"), 30),
    ("-hello", PLAIN, ("NOT", "TEXT"), 20),
    ("~hello", PLAIN, ("OPTIONAL", "TEXT"), 40),
    ("world -hello", PLAIN, ("INTERSECT", "TEXT", ("NOT", "TEXT")), 10),
    ("world ~hello", PLAIN, ("INTERSECT", "TEXT", ("OPTIONAL", "TEXT")), 20),
    ("*", PLAIN, "WILDCARD", 40),
    ("nothing", PLAIN, "EMPTY", 0),
    ("", PLAIN, "EMPTY", 0),
    ("@n:[3 12]", PLAIN, "NUMERIC", 10),
    ("@p:[3 1 1 km]", PLAIN, "GEO", 1),
    ("@g:{a}", PLAIN, "TAG", 10),
    ("@g:{a|b}", PLAIN, ("UNION", "TAG", "TAG"), 20),
    ("ismissing(@m)", PLAIN, "MISSING", 40),
    ("*", [*PLAIN, "INKEYS", 2, "d1", "d2"], ("INTERSECT", "ID-LIST", "WILDCARD"), 2),
    ("hello", [*PLAIN, "FILTER", "n", 0, 9, "INKEYS", 3, "d1", "d2", "d30"], ("INTERSECT", "ID-LIST", "NUMERIC", "TEXT"), 1),
    ("hello @n:[0 9]", [*PLAIN, "SORTBY", "n"], ("INTERSECT", "NUMERIC", "TEXT"), 6),
    ("@v:[VECTOR_RANGE 1.5 $b]", ["NOCONTENT", *BLOB], "METRIC - VECTOR DISTANCE", 3),
    ("*=>[KNN 4 @v $b]", ["NOCONTENT", *BLOB], "VECTOR", 4),
    ("(hello)=>[KNN 4 @v $b]", ["NOCONTENT", *BLOB], ("VECTOR", "TEXT"), 4),
    ("@g:{a}=>[KNN 4 @v $b]", ["NOCONTENT", *BLOB], ("VECTOR", "TAG"), 4),
]


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_each_kind_of_clause_has_its_node(server, protocol):
    c = server.connect(protocol)
    fill(c)
    wrong = []
    for query, options, shape, count in QUERIES:
        found = Profile(server, c, "i", "SEARCH", "QUERY", query, *options)
        got = (json.loads(json.dumps(found.tree.shape()).replace(" SORTED BY ID", "")), found.tree.count)
        if got != (json.loads(json.dumps(shape)), count):
            wrong.append((query, options, got, shape, count))
    assert not wrong


@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_the_reply_is_what_it_is_otherwise_and_figures_agree(server, protocol):
    c = server.connect(protocol)
    fill(c)
    for query, options, *_ in QUERIES:
        for more in ([], ["LIMIT", 0, 3], ["LIMIT", 0, 0], ["WITHSCORES"], ["RETURN", 1, "t", "HIGHLIGHT"], ["SORTBY", "n", "DESC"]):
            options = [word for word in options if word != "NOCONTENT"] if more[:1] == ["RETURN"] else options
            more = [] if "SORTBY" in options and "SORTBY" in more else more
            plain = c("FT.SEARCH", "i", query, *options, *more)
            found = Profile(server, c, "i", "SEARCH", "QUERY", query, *options, *more)
            assert found.reply == plain, (query, more)
            total = plain.get("total_results") if protocol == 3 else plain[0]
            counts = dict(found.counts)
            assert counts["Index"] == total, (query, more)
            if "LIMIT" in more and more[2] == 0:
                assert counts["Counter"] == 1
            else:
                assert counts["Sorter"] == min(total, 3 if "LIMIT" in more else 10)
            assert ("Highlighter" in counts) == (more[:1] == ["RETURN"])
            sums_hold(found)


def sums_hold(found):
    """Times of parts are no more than that of the whole, which floats round."""
    whole = number(found.members["Total profile time"])
    assert sum(time for _, time, _ in found.steps) <= whole * 1.001
    for node in found.tree.all():
        assert sum(child.time for child in node.children) <= node.time * 1.001 + 1e-9
        assert node.members.get("Size", node.members.get("Estimated number of matches", node.count)) >= node.count or node.kind == "NUMERIC"
    assert found.tree.time <= whole


STEPS = [
    (["*"], [("Index", 40)]),
    (["hello", "LOAD", 1, "@t"], [("Index", 20), ("Loader", 20)]),
    (["*", "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c"], [("Index", 40), ("Grouper", 4)]),
    (
        ["*", "LOAD", 1, "@t", "GROUPBY", 1, "@t", "REDUCE", "COUNT", 0, "AS", "c", "SORTBY", 2, "@c", "DESC", "MAX", 2],
        [("Index", 40), ("Loader", 40), ("Grouper", 4), ("Sorter", 2)],
    ),
    (
        ["*", "LOAD", 1, "@n", "APPLY", "@n*2", "AS", "m", "FILTER", "@m>40", "LIMIT", 0, 100],
        [("Index", 40), ("Loader", 40), ("Projector - Operator *", 40), ("Filter - Predicate >", 19), ("Pager/Limiter", 19)],
    ),
    (["*", "APPLY", 1, "AS", "u"], [("Index", 40), ("Projector - Literal 1", 40)]),
    (["nothing", "LOAD", "*"], [("Index", 0), ("Loader", 0)]),
]


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_steps_count_their_rows(server, protocol):
    c = server.connect(protocol)
    fill(c)
    for query, steps in STEPS:
        found = Profile(server, c, "i", "AGGREGATE", "QUERY", *query)
        got = found.counts
        assert got == steps, query
        assert found.reply == c("FT.AGGREGATE", "i", *query)
        sums_hold(found)


@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_limited_counts_what_patterns_stand_for(server, protocol):
    c = server.connect(protocol)
    fill(c)
    for query in ("hel*", "%helo%", "w'hel*'"):
        tree = Profile(server, c, "i", "SEARCH", "LIMITED", "QUERY", query, "DIALECT", 2).tree
        assert (tree.shape(), tree.limited) == ("UNION", "The number of iterators in the union is 2")
    tree = Profile(server, c, "i", "SEARCH", "LIMITED", "QUERY", "@g:{a|b}").tree
    assert tree.shape() == ("UNION", "TAG", "TAG")


@pytest.mark.usefixtures("redis_style")
def test_members_by_version_and_modes_of_vector_searches(server, r3):
    fill(r3)
    modes = {
        "*=>[KNN 4 @v $b]": "STANDARD_KNN",
        "(hello)=>[KNN 4 @v $b]": "HYBRID_ADHOC_BF",
        "@v:[VECTOR_RANGE 1.5 $b]": "RANGE_QUERY",
    }
    for query, mode in modes.items():
        found = Profile(server, r3, "i", "SEARCH", "QUERY", query, *BLOB)
        first = ["Total profile time", "Parsing time"]
        rest = ["Pipeline creation time", "Warning", "Iterators profile", "Result processors profile"]
        assert list(found.members) == first + (["Workers queue time"] if found.sharded else []) + rest
        assert found.members["Warning"] == ([Simple("None")] if found.sharded else Simple("None"))
        assert found.tree.members.get("Vector search mode") == (Simple(mode) if found.sharded else None)


@pytest.mark.usefixtures("redis_style")
def test_what_was_left_out_is_said(server, r3):
    fill(r3)
    r3("CONFIG", "SET", "search.max-prefix-expansions", 1)
    tree = Profile(server, r3, "i", "SEARCH", "QUERY", "hel*").tree
    assert (tree.kind, tree.members["Warning"]) == ("UNION", Simple("Max prefix expansion reached"))


HYBRID = ["SEARCH", "hello", "VSIM", "@v", "$b", "KNN", 2, "K", 3, "COMBINE", "RRF", 2, "WINDOW", 4, "LOAD", 1, "@n"]
HYBRID += ["APPLY", "@n + 1", "AS", "m", "SORTBY", 2, "@n", "ASC", "PARAMS", 2, "b", struct.pack("<2f", 1, 2)]
ERRORS = [
    (["i"], "ERR wrong number of arguments for 'FT.PROFILE' command"),
    (["i", "SEARCH", "QUERY"], "ERR wrong number of arguments for 'FT.PROFILE' command"),
    (["i", "FOO", "QUERY", "hello"], "No `SEARCH`, `AGGREGATE`, or `HYBRID` provided"),
    (["i", "SEARCH", "LIMITED", "hello"], "The QUERY keyword is expected"),
    (["i", "SEARCH", "QUERY", "(("], "Syntax error at offset 1 near "),
    (["nope", "SEARCH", "QUERY", "hello"], "nope: no such index"),
    (["i", "SEARCH", "QUERY", "hello", "FOO"], "Unknown argument `FOO` at position 1 for <main>"),
    (["i", "AGGREGATE", "QUERY", "hello", "WITHCURSOR"], "FT.PROFILE does not support cursor"),
    (["i", "HYBRID", "QUERY", *HYBRID, "WITHCURSOR"], "FT.PROFILE does not support cursor"),
    (["i", "HYBRID", "QUERY", "SEARCH", "hello"], "VSIM argument is required"),
    (["i", "AGGREGATE", "QUERY", "*", "GROUPBY", "1", "@nope"], "No such property `nope`"),
]


def test_what_is_refused(r2):
    fill(r2)
    for words, text in ERRORS:
        assert r2("FT.PROFILE", *words) == Error(text), words


def pairs(flat):
    """What stands in a list of names and values, or in a map."""
    if isinstance(flat, Map):
        return {str(key) if isinstance(key, Simple) else key.decode(): value for key, value in flat}
    return {str(key) if isinstance(key, Simple) else key.decode(): value for key, value in zip(flat[::2], flat[1::2])}


@pytest.mark.smoke
@pytest.mark.usefixtures("redis_style")
@pytest.mark.parametrize("protocol", [2, 3])
def test_both_arms_are_told_of(server, protocol):
    c = server.connect(protocol)
    fill(c)
    plain, found = c("FT.HYBRID", "i", *HYBRID), c("FT.PROFILE", "i", "HYBRID", "QUERY", *HYBRID)
    if protocol == 2:
        # Eight words of four pairs, and the profile.
        assert len(found) == 9
        reply, profile = pairs(found[:8]), pairs(found[8])
    else:
        reply = pairs(found)
        profile = pairs(reply.pop("Profile"))
    plain = pairs(plain)
    assert {name: reply[name] for name in ("total_results", "results", "warnings")} == {
        name: plain[name] for name in ("total_results", "results", "warnings")
    }
    (shard,) = profile["Shards"]
    arms = {name: pairs(arm) for name, arm in pairs(shard).items()}
    assert list(arms) == ["SEARCH", "VSIM"]
    steps = {
        name: [(str(pairs(step)["Type"]), pairs(step)["Results processed"]) for step in arm["Result processors profile"]]
        for name, arm in arms.items()
    }
    trees = {name: pairs(arm["Iterators profile"]) for name, arm in arms.items()}
    assert [str(trees[name]["Type"]) for name in arms] == ["TEXT", "VECTOR"] and arms["SEARCH"]["Warning"] == [Simple("None")]
    matching = c("FT.SEARCH", "i", "hello", "LIMIT", 0, 0, "VERBATIM", "DIALECT", 2)
    matching = pairs(matching)["total_results"] if isinstance(matching, Map) else matching[0]
    assert steps["SEARCH"] == [("Index", matching), ("Scorer", matching), ("Sorter", min(matching, 4))]
    assert steps["VSIM"][-1] == ("Metrics Applier", 3)
    coordinator = pairs(profile["Coordinator"])
    types = [(str(pairs(step)["Type"]), pairs(step)["Results processed"]) for step in coordinator["Result processors profile"]]
    total = reply["total_results"]
    assert types[0] == ("Hybrid Merger", total) and ("Projector - Operator +", total) in types and types[-1][0] == "Sorter"


def test_in_a_transaction(r2):
    fill(r2)
    query = ["hello", "NOCONTENT", "LIMIT", 0, 1]
    r2("MULTI")
    r2("FT.PROFILE", "i", "SEARCH", "QUERY", *query)
    assert r2("EXEC")[0][0] == r2("FT.SEARCH", "i", *query)
