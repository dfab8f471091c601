"""JSON documents of 1 KB, 100 KB and 10 MB, read and changed, for the sweep. `cases` yields (name, commands)."""

import json
import random
import re

SIZES = {"1KB": 1000, "100KB": 100_000, "10MB": 10_000_000}
# Not asked of 10 MB: replies of as much as that, often.
TOO_LONG = re.compile(r"INDENT|regex|\.\.\*|OBJKEYS|TYPE")


def document(size):
    """A document of about so many bytes: an array of objects beside a few small members."""
    chance = random.Random(4)
    made = {"id": 1, "name": "x", "num": 5, "arr": [1, 2, 3], "obj": {"a": 1, "b": "two", "c": None}, "items": []}
    length = 150
    while length < size:
        number = len(made["items"])
        colours = ["red", "green", "blue"][: chance.randrange(4)]
        inner = {"stock": chance.random() < 0.5, "qty": chance.randrange(100)}
        item = {"id": number, "price": round(chance.random() * 100, 2), "name": f"item number {number}", "tags": colours, "in": inner}
        made["items"].append(item)
        length += len(json.dumps(item)) + 1
    return made


def reads(key, middle):
    get = lambda *paths: [["JSON.GET", key, *paths]]
    yield "GET .", get()
    yield "GET $", get("$")
    yield "GET INDENT", get("INDENT", "  ", "NEWLINE", "\n", "SPACE", " ", "$")
    yield "GET $.items[mid].price", get(f"$.items[{middle}].price")
    yield "GET 3 paths", get("$.name", "$.num", "$.obj.b")
    yield "GET $.items[*].id", get("$.items[*].id")
    yield "GET $..qty", get("$..qty")
    yield "GET $..*", get("$..*")
    yield "GET $..[?(@.price>90)]", get("$..[?(@.price>90)].name")
    yield "GET $.items[?(price<50 && stock)]", get("$.items[?(@.price<50 && @.in.stock==true)].id")
    yield "GET filter regex", get('$.items[?(@.name =~ "9.*1")].id')
    yield "GET slice", get("$.items[1:-1:7].id")
    yield "ARRINDEX", [["JSON.ARRINDEX", key, "$.items[*].tags", '"blue"']]
    yield "ARRLEN $..tags", [["JSON.ARRLEN", key, "$..tags"]]
    yield "OBJKEYS $.items[*]", [["JSON.OBJKEYS", key, "$.items[*]"]]
    yield "TYPE $..*", [["JSON.TYPE", key, "$..*"]]
    yield "RESP", [["JSON.RESP", key, "$.items[0]"]]
    yield "DEBUG MEMORY", [["JSON.DEBUG", "MEMORY", key]]
    yield "DUMP", [["DUMP", key]]


def changes(key, text):
    put = lambda path, values: [["JSON.SET", key, path, value] for value in values]
    yield "SET whole", put("$", [text])
    yield "SET $.num", put("$.num", range(20))
    yield "SET $.items[*].price all", put("$.items[*].price", range(4))
    yield "NUMINCRBY $.num", [["JSON.NUMINCRBY", key, "$.num", 1]]
    yield "NUMINCRBY $..qty", [["JSON.NUMINCRBY", key, "$..qty", 1]]
    yield "MERGE $.obj", [["JSON.MERGE", key, "$.obj", '{"a":5,"z":{"y":1}}']]
    yield "MERGE $ whole", [["JSON.MERGE", key, "$", '{"num":7,"obj":{"q":[1,2]}}']]
    yield "MERGE $.items[*]", [["JSON.MERGE", key, "$.items[*]", '{"m":1}']]
    pop = ["JSON.ARRPOP", key, "$.arr"]
    yield "ARRAPPEND+POP", [["JSON.ARRAPPEND", key, "$.arr", 1, 2], pop, pop]
    yield "ARRINSERT front+POP front", [["JSON.ARRINSERT", key, "$.items", 0, '{"id":-1}'], ["JSON.ARRPOP", key, "$.items", 0]]
    yield "STRAPPEND", [["JSON.STRAPPEND", key, "$.name", '"y"'], *put("$.name", ['"x"'])]
    yield "SET+DEL $.obj.t", [*put("$.obj.t", [1]), ["JSON.DEL", key, "$.obj.t"]]
    yield "SET new+DEL key", [["JSON.SET", "tmp", "$", text], ["JSON.DEL", "tmp"]]
    yield "TOGGLE $..stock", [["JSON.TOGGLE", key, "$..stock"]]
    yield "CLEAR obj", [*put("$.obj2", ['{"a":1}']), ["JSON.CLEAR", key, "$.obj2"]]
    yield "COPY key", [["COPY", key, "tmp", "REPLACE"]]


def cases(size):
    """(name, commands that come before, commands) of documents of one size."""
    key, made = f"doc:{size}", document(SIZES[size])
    text = json.dumps(made)
    for name, commands in (*reads(key, len(made["items"]) // 2), *changes(key, text)):
        if size != "10MB" or not TOO_LONG.search(name):
            yield f"JSON {size} {name}", [["JSON.SET", key, "$", text]], commands


def several():
    """Commands of several keys."""
    text = json.dumps(document(SIZES["1KB"]))
    keys = [f"m:{number}" for number in range(100)]
    before = [["JSON.SET", key, "$", text] for key in keys]
    yield "JSON MGET 100 x $.num", before, [["JSON.MGET", *keys, "$.num"]]
    yield "JSON MGET 100 x $", before, [["JSON.MGET", *keys, "$"]]
    yield "JSON MSET 10x1KB", before, [["JSON.MSET", *(word for key in keys[:10] for word in (key, "$", text))]]
