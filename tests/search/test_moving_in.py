"""Files of Redis Stack, and replicas of it: what was there is here, and answers the same."""

import struct

import pytest

from resp import Error, Simple
from servers import wait_until

OK = Simple("OK")
LANGUAGES = (
    "arabic armenian basque catalan chinese danish dutch english finnish french german greek hindi hungarian indonesian irish italian "
    "lithuanian nepali norwegian portuguese romanian russian serbian spanish swedish tamil turkish yiddish"
).split()
# The options of each index beside `PREFIX 1 d:`, and its fields. Every option and type that a file can have.
INDEXES = {
    "plain": "SCHEMA t TEXT n NUMERIC g TAG p GEO",
    "weights": "SCHEMA t TEXT WEIGHT 2.5 NOSTEM SORTABLE u TEXT WITHSUFFIXTRIE SORTABLE UNF",
    "empty": "SCHEMA t TEXT INDEXEMPTY INDEXMISSING g TAG INDEXEMPTY INDEXMISSING n NUMERIC INDEXMISSING p GEO INDEXMISSING",
    "tags": "SCHEMA g TAG SEPARATOR ; CASESENSITIVE SORTABLE h TAG WITHSUFFIXTRIE SORTABLE UNF k TAG NOINDEX SORTABLE",
    "sorted": "SCHEMA n NUMERIC SORTABLE m NUMERIC SORTABLE NOINDEX p GEO SORTABLE",
    "other names": "SCHEMA t AS words TEXT g AS labels TAG n AS number NUMERIC",
    "no offsets": "NOOFFSETS SCHEMA t TEXT",
    "no highlighting": "NOHL NOFREQS SCHEMA t TEXT",
    # NOFIELDS and MAXTEXTFIELDS together kill RediSearch.
    "no fields": "NOFIELDS SCHEMA t TEXT u TEXT",
    "many fields": "MAXTEXTFIELDS SCHEMA t TEXT u TEXT",
    "stop words": "STOPWORDS 2 fox quick SCHEMA t TEXT",
    "no stop words": "STOPWORDS 0 SCHEMA t TEXT",
    "filtered": "FILTER @n>3 SCHEMA t TEXT n NUMERIC",
    "fields of documents": "LANGUAGE french LANGUAGE_FIELD lang SCORE 0.5 SCORE_FIELD score PAYLOAD_FIELD payload SCHEMA t TEXT",
    "for a while": "TEMPORARY 100000 SCHEMA t TEXT",
    "later": "SKIPINITIALSCAN SCHEMA t TEXT",
    "shapes": "SCHEMA s GEOSHAPE FLAT",
    "near": "SCHEMA v VECTOR HNSW 12 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 M 11 EF_CONSTRUCTION 99 EF_RUNTIME 22",
    "near too": "SCHEMA v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC COSINE",
    "nearest of all": "SCHEMA v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC IP w VECTOR HNSW 6 TYPE FLOAT64 DIM 1 DISTANCE_METRIC L2",
    "sounding": "SCHEMA t TEXT PHONETIC dm:en NOSTEM",
    "halves": "SCHEMA v VECTOR HNSW 6 TYPE FLOAT16 DIM 4 DISTANCE_METRIC L2 w VECTOR FLAT 6 TYPE BFLOAT16 DIM 4 DISTANCE_METRIC L2",
} | {language: f"LANGUAGE {language} SCHEMA t TEXT" for language in LANGUAGES}
JSON_INDEXES = {
    "documents": "SCHEMA $.t AS t TEXT $.n AS n NUMERIC SORTABLE $.tags[*] AS g TAG $.tags[*] AS s TAG SEPARATOR ,",
    "their vectors": "SCHEMA $.v AS v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2",
}
BLOB = struct.pack("<2f", 1.25, 2)
QUERIES = [
    ("plain", "fox"),
    ("plain", "@g:{a}"),
    ("plain", "@n:[2 5]"),
    ("plain", "@p:[13 38 500 km]"),
    ("plain", "reynard"),
    ("sounding", "foks"),
    ("weights", "running"),
    ("empty", "ismissing(@g)", "DIALECT", 2),
    ("empty", "@g:{''}", "DIALECT", 2),
    ("tags", "@h:{*b}", "DIALECT", 2),
    ("sorted", "*", "SORTBY", "m"),
    ("other names", "@words:fox @labels:{a}"),
    ("stop words", "the"),
    ("no stop words", "the"),
    ("filtered", "fox"),
    ("fields of documents", "fox", "WITHPAYLOADS"),
    ("french", "courir"),
    ("near", "*=>[KNN 3 @v $b AS d]", "PARAMS", 2, "b", BLOB, "DIALECT", 2, "SORTBY", "d"),
    ("near too", "*=>[KNN 3 @v $b AS d]", "PARAMS", 2, "b", BLOB, "DIALECT", 2, "SORTBY", "d"),
    ("documents", "@n:[3 6]"),
    ("documents", "@g:{odd}"),
    ("their vectors", "*=>[KNN 3 @v $b AS d]", "PARAMS", 2, "b", BLOB, "DIALECT", 2, "SORTBY", "d"),
    ("another name", "fox"),
    ("sounding", "phox"),
    ("plain", "vixen"),
    ("shapes", "@s:[WITHIN $area]", "PARAMS", 2, "area", "POLYGON((2 0, 9 0, 9 2, 2 2))", "DIALECT", 2),
]
# What is asked beside searches, each with replies that have one order.
OTHERS = [
    ("FT.DICTDUMP", "words"),
    ("FT.SUGLEN", "names"),
    ("FT.SUGGET", "names", "he", "WITHSCORES", "WITHPAYLOADS"),
    ("FT.SPELLCHECK", "plain", "foxx", "TERMS", "INCLUDE", "words"),
]


def fill(c):
    definitions = [("FT.CREATE", name, "ON", "HASH", "PREFIX", 1, "d:", *words.split()) for name, words in INDEXES.items()]
    definitions += [("FT.CREATE", name, "ON", "JSON", "PREFIX", 1, "j:", *words.split()) for name, words in JSON_INDEXES.items()]
    assert set(c.pipeline(definitions)) == {OK}
    assert c("FT.ALTER", "plain", "SCHEMA", "ADD", "later", "TAG") == OK
    assert c("FT.ALIASADD", "another name", "plain") == OK and c("FT.ALIASADD", "one more", "documents") == OK
    assert c("FT.SYNUPDATE", "plain", "animals", "fox", "vixen") == OK and c("FT.SYNUPDATE", "plain", "red", "fox") == OK
    assert c("FT.DICTADD", "words", "fox", "Box", "ox") == 3 and c("FT.DICTADD", "others", "x") == 1
    assert c("FT.SUGADD", "names", "hello", 2, "PAYLOAD", "p") == 1 and c("FT.SUGADD", "names", "help", 1) == 2
    for n in range(20):
        texts = "t", f"The quick fox {n} is running courir", "u", f"other {n % 3}", "lang", "english", "score", 0.1, "payload", f"p{n}"
        labels = "g", "" if n == 7 else "a;b" if n % 2 else "a", "h", "ab", "k", n, "later", "yes"
        assert (
            c("HSET", f"d:{n}", *texts, *(labels if n != 8 else ()), "n", n, "m", -n, "p", f"13.{n},38.1", "v", struct.pack("<2f", n, 1))
            > 0
        )
        assert c("JSON.SET", f"j:{n}", "$", f'{{"t":"fox {n}","n":{n},"tags":["{"odd" if n % 2 else "even"}","x"],"v":[{n},1]}}') == OK


def answers(c, queries=QUERIES):
    """The replies, with the rows of those that are not sorted in an order of their own."""
    replies = []
    for index, query, *options in queries:
        reply = c("FT.SEARCH", index, query, *options, "LIMIT", 0, 100)
        assert not isinstance(reply, Error), (index, query, reply)
        width = 3 if "WITHPAYLOADS" in options else 2
        rows = [reply[at : at + width] for at in range(1, len(reply), width)]
        for row in rows:
            row[-1] = dict(zip(row[-1][::2], row[-1][1::2]))
        replies.append([reply[0], rows if "SORTBY" in options else sorted(rows, key=lambda row: row[0])])
    return replies


def others(c, commands=OTHERS):
    groups = c("FT.SYNDUMP", "plain")
    return dict(zip(groups[::2], groups[1::2])), [c(*command) for command in commands]


def definition(c, index):
    info = c("FT.INFO", index)
    info = dict(zip([str(Simple(key)) if isinstance(key, Simple) else key.decode() for key in info[::2]], info[1::2]))
    fields = [[word for word in field if word not in (b"INITIAL_CAP",)] for field in info["attributes"]]
    return info["index_options"], info["index_definition"], fields, info.get("stopwords_list")


def stack(start):
    server = start(name="redis-stack")
    c = server.connect()
    fill(c)
    return server, c


def test_a_file_of_redis_stack_is_loaded(start):
    theirs, c = stack(start)
    ours = start(name="redis-7.4")
    here = ours.connect()
    assert c("SAVE") == OK
    (ours.folder / "dump.rdb").write_bytes((theirs.folder / "dump.rdb").read_bytes())
    assert here("DEBUG", "RELOAD", "NOSAVE") == OK
    assert sorted(here("FT._LIST")) == sorted(c("FT._LIST"))
    for index in [*INDEXES, *JSON_INDEXES]:
        assert definition(here, index) == definition(c, index), index
    assert answers(here) == answers(c) and others(here) == others(c)
    assert "not taken over" not in ours.log()
    # What was taken over is ours from now on.
    before = answers(here), others(here)
    assert here("DEBUG", "RELOAD") == OK
    assert (answers(here), others(here)) == before


def test_a_replica_of_redis_stack_answers_as_it_does(start):
    theirs, c = stack(start)
    ours = start(name="redis-7.4")
    ours.follow(theirs)
    here = ours.connect()
    assert answers(here) == answers(c) and others(here) == others(c)
    changes = [
        ("HSET", "d:3", "t", "another fox", "n", 4),
        ("DEL", "d:4"),
        ("FT.CREATE", "new", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT"),
        ("FT.ALTER", "new", "SCHEMA", "ADD", "n", "NUMERIC"),
        ("FT.ALIASADD", "new name", "new"),
        ("FT.ALIASUPDATE", "one more", "new"),
        ("FT.ALIASDEL", "another name"),
        ("FT.DROPINDEX", "danish"),
        ("JSON.NUMINCRBY", "j:1", "$.n", 4),
        ("JSON.MERGE", "j:2", "$", '{"tags":["odd"]}'),
        ("FT.SUGADD", "s", "hello", 1),
        ("FT.SUGDEL", "names", "help"),
        ("FT.SYNUPDATE", "plain", "red", "SKIPINITIALSCAN", "rouge"),
        ("FT.DICTADD", "words", "fix"),
        ("FT.DICTDEL", "words", "ox"),
        ("FT.CREATE", "gone", "PREFIX", 1, "gone:", "SCHEMA", "t", "TEXT"),
        ("HSET", "gone:1", "t", "x"),
        ("FT.DROPINDEX", "gone", "DD"),
        ("FT.ADD", "plain", "d:added", 1, "FIELDS", "t", "fox added"),
    ]
    assert not [reply for reply in c.pipeline(changes) if isinstance(reply, Error)]
    ours.catch_up(theirs)
    count = lambda index: c("FT.SEARCH", index, "fox", "LIMIT", 0, 0)
    wait_until(lambda: count("new") == count("plain"), "their new index has the keys that were there")
    asked = [query for query in QUERIES if query[0] != "another name"]
    asked += [("new", "fox"), ("new name", "@n:[2 9]"), ("one more", "fox")]
    # RediSearch counts documents that have gone in the scores of its last reply.
    assert answers(here, asked) == answers(c, asked) and others(here, OTHERS[:-1]) == others(c, OTHERS[:-1])
    assert sorted(here("FT._LIST")) == sorted(c("FT._LIST"))
    assert here("EXISTS", "gone:1") == 0 and here("FT.SUGLEN", "s") == 1
    assert here("FT.SEARCH", "another name", "fox") == c("FT.SEARCH", "another name", "fox")
    assert here("REPLICAOF", "NO", "ONE") == OK
    assert here("HSET", "d:new", "t", "fox") == 1
    assert here("FT.SEARCH", "plain", "fox", "LIMIT", 0, 0)[0] == answers(c, [("plain", "fox")])[0][0] + 1


@pytest.mark.parametrize("rewritten", [False, True])
def test_an_aof_of_redis_stack_is_loaded(start, rewritten):
    theirs = start("--appendonly", "yes", name="redis-stack")
    c = theirs.connect()
    fill(c)
    if rewritten:
        assert not isinstance(c("BGREWRITEAOF"), Error)
        wait_until(lambda: theirs.info("persistence", "aof_rewrite_in_progress") == "0", "rewritten")
    assert c("HSET", "d:last", "t", "fox") == 1
    wait_until(lambda: theirs.info("persistence", "aof_buffer_length") == "0", "written")
    ours = start("--appendonly", "yes", name="redis-7.4")
    ours.shutdown()
    for file in (theirs.folder / "appendonlydir").iterdir():
        (ours.folder / "appendonlydir" / file.name).write_bytes(file.read_bytes())
    ours.start()
    here = ours.connect()
    assert answers(here) == answers(c) and others(here) == others(c)
