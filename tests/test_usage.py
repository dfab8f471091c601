"""COMMAND DOCS: what it says of each command's arguments is what the parsers accept, and nothing is left out."""

import re

import pytest

from resp import Error
from servers import BUILTIN_VECTOR_SETS, ROOT

# What an argument of this name is given, where a command of the family does not say otherwise.
VALUES = {
    "index": "i", "query": "*", "field": "n", "property": "n", "identifier": "n", "attribute": "n", "alias": "a", "argument": "@n",
    "expression": "1", "language": "english", "scorer": "BM25STD", "expander": "SYNONYM", "payload": "p", "name": "x", "value": "1",
    "dialect": "2", "separator": ",", "matcher": "dm:en", "weight": "1", "score": "1", "min": "0", "max": "1", "option": "TIMEOUT",
    "longitude": "1", "latitude": "1", "radius": "1", "prefix": "p:", "stopword": "the", "cursor": "1", "epsilon": "0.1",
    "distance": "0.5", "key": "k", "element": "e", "vector": b"\0\0\x80?", "attributes": "{}", "start": "0", "stop": "1",
    "bytes": "b", "path": "$", "json": "1", "string": '"s"', "text": "s", "number": "1", "indent": " ", "newline": "", "space": "",
}  # fmt: skip
OF_COMMAND = {
    ("VRANGE", "start"): "-",
    ("VRANGE", "end"): "+",
    ("FT.AGGREGATE", "property"): "@n",
    ("FT.HYBRID", "subqueries"): "2",
    ("FT.HYBRID", "field"): "@v",
    ("FT.HYBRID", "vector"): "$b",
    ("FT.HYBRID", "condition"): "*",
    ("FT.HYBRID", "expression"): "@n>0",
    ("FT.HYBRID", "property"): "@n",
    ("FT.HYBRID", "identifier"): "@n",
    ("FT.SPELLCHECK", "distance"): "2",
    ("FT.CREATE", "index"): "fresh",
    ("FT.CREATE", "expression"): "@n==1",
    ("json.arrinsert", "index"): "0",
    ("json.arrpop", "index"): "0",
}
MISREAD = re.compile(r"unknown argument|invalid option|syntax error|wrong number|unknown subcommand|unrecognized|invalid field type", re.I)
# The server's own use only.
INTERNAL = {"_VRESTORE"}


def pairs(flat):
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2])}


def read(argument):
    """An argument as a dictionary, all the way down."""
    argument = {name: value.decode() if isinstance(value, bytes) else value for name, value in pairs(argument).items()}
    argument["flags"] = {str(flag) for flag in argument.get("flags", [])}
    argument["arguments"] = [read(inner) for inner in argument.get("arguments", [])]
    return argument


def documented(connection):
    """Command -> its arguments, for all of ours."""
    commands = [name for name in connection("COMMAND", "LIST") if re.match(rb"(?i)ft\.|json\.|_?v[a-z]+$", name)]
    docs = pairs(connection("COMMAND", "DOCS", *commands))
    ours = {name: pairs(doc) for name, doc in docs.items()}
    ours = {name: doc for name, doc in ours.items() if doc.get("module") == b"search"}
    return {name: [read(argument) for argument in doc.get("arguments", [])] for name, doc in ours.items()}


def once(command, argument, following):
    """The ways to write an argument once, without its token."""
    kind, name = argument["type"], argument["name"]
    if kind == "pure-token":
        return [[argument["token"]]]
    if kind == "oneof":
        return [words for inner in argument["arguments"] for words in ways(command, inner, 0)]
    if kind == "block":
        return sequences(command, argument["arguments"])
    if kind == "integer" and name in ("count", "nargs"):
        return [[str(following)]]
    if kind == "key" and command.startswith("json."):
        return [["j"]]
    return [[OF_COMMAND.get((command, name)) or VALUES.get(name, "1")]]


def ways(command, argument, following):
    """The ways to write an argument that is there."""
    token = [argument["token"]] if argument.get("token") and argument["type"] != "pure-token" else []
    bare = once(command, argument, following)
    found = [token + words for words in bare]
    if "multiple" in argument["flags"]:
        found.append([*token, *bare[0], *(token if "multiple_token" in argument["flags"] else []), *bare[-1]])
    return found


def sequences(command, arguments):
    """The shortest way to write them, and with each way of each of them instead."""
    chosen = [[] if "optional" in argument["flags"] else ways(command, argument, 1)[0] for argument in arguments]
    found = [chosen]
    for at, argument in enumerate(arguments):
        found += [[*chosen[:at], words, *chosen[at + 1 :]] for words in ways(command, argument, 1)]
    return [sum(counted(command, arguments, words), []) for words in found]


def counted(command, arguments, words):
    """A count is that of the words of the argument after it."""
    for at, argument in enumerate(arguments[:-1]):
        if words[at] and argument["type"] == "integer" and argument["name"] in ("count", "nargs"):
            words = [*words[:at], [*words[at][:-1], str(len(words[at + 1]))], *words[at + 1 :]]
    return words


def prepare(connection):
    connection("FLUSHALL")
    fields = "t TEXT n NUMERIC SORTABLE g TAG p GEO v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2"
    connection("FT.CREATE", "i", "SCHEMA", *fields.split())
    connection("JSON.SET", "j", "$", "[1]")


@pytest.mark.smoke
def test_every_command_tells_its_arguments(server, r2):
    found = documented(r2)
    assert len(found) > (60 if server.name not in BUILTIN_VECTOR_SETS else 45)
    assert {name for name, arguments in found.items() if not arguments} == {"FT._LIST", "FT._ALIASLIST"}
    assert "refused the arguments" not in server.log()


@pytest.mark.smoke
def test_no_command_made_of_them_is_misread(r2):
    wrong, tried = [], 0
    for command, arguments in documented(r2).items():
        if command in INTERNAL:
            continue
        for words in sequences(command, arguments):
            prepare(r2)
            answer = r2(command, *words)
            tried += 1
            if isinstance(answer, Error) and MISREAD.search(answer):
                wrong.append((command, words, answer))
    assert not wrong, wrong[:8]
    assert tried > 300


def tokens(arguments):
    for argument in arguments:
        if argument.get("token"):
            yield argument["token"]
        yield from tokens(argument["arguments"])


# Where options are read -> the commands that take them.
PARSERS = {
    "src/search/request/options.rs": ["FT.SEARCH", "FT.AGGREGATE"],
    "src/search/request/presentation.rs": ["FT.SEARCH"],
    "src/search/request/search.rs": ["FT.SEARCH"],
    "src/search/request/spelling.rs": ["FT.SPELLCHECK"],
    "src/search/aggregate/request.rs": ["FT.AGGREGATE"],
    "src/search/aggregate/reduce.rs": ["FT.AGGREGATE", "FT.HYBRID"],
    "src/search/hybrid/combine.rs": ["FT.HYBRID"],
    "src/search/hybrid/request.rs": ["FT.HYBRID"],
    "src/search/hybrid/tail.rs": ["FT.HYBRID"],
    "src/search/hybrid/vsim.rs": ["FT.HYBRID"],
    "src/search/schema/create.rs": ["FT.CREATE"],
    "src/search/schema/vector.rs": ["FT.CREATE"],
    "src/search/schema/names.rs": ["FT.CREATE"],
    "src/commands/search/profile.rs": ["FT.PROFILE"],
    "src/commands/vset/vadd.rs": ["VADD"],
    "src/commands/vset/vsim.rs": ["VSIM"],
    "src/commands/json/set.rs": ["json.set"],
    "src/commands/json/get.rs": ["json.get"],
}
# Words of those files that are no options of the command: parts of other options' grammar or of refusals.
OTHERWISE = {
    "src/search/request/search.rs": {"GROUPBY", "APPLY", "ADDSCORES"},
    "src/search/aggregate/request.rs": {"RETURN", "SUMMARIZE", "HIGHLIGHT"},
    "src/search/aggregate/reduce.rs": {"BY", "ASC", "DESC"},
    "src/search/schema/create.rs": {"ADD"},
    "src/search/request/options.rs": {"NOCONTENT", "DEFAULT", "PHONETIC", "SBSTEM", "SYNONYM"},
}


def test_every_option_that_the_parsers_know_is_told(r2):
    told = {command: {token.upper() for token in tokens(arguments)} for command, arguments in documented(r2).items()}
    for file, commands in PARSERS.items():
        code = (ROOT / file).read_text().split("#[cfg(test)]")[0]
        code = re.sub(r"//.*", "", code)
        known = set(re.findall(r'(?:accept(?:_all)?|next_if)\((?:words, )?"([A-Z_]{2,})"\)', code))
        known |= set(re.findall(r'b"([A-Z][A-Z0-9_-]*)"\s*(?:\||=>)', code))
        known |= set(re.findall(r'\("([A-Z][A-Z0-9_-]+)",\s*(?:&mut|Type|Algorithm|Element|Metric|Compression|Source|true|false)', code))
        known |= set(re.findall(r'^\s*"([A-Z_]{3,})",$', code, re.M))
        assert known, file
        for command in commands:
            assert known - told[command] - OTHERWISE.get(file, set()) == set(), (file, command)
