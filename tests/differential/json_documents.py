#!/usr/bin/env python3
"""json_documents.py [--pairs N] [--seed S] [--protocol 2|3]: random documents and commands, here and
on RedisJSON 2.8.3, replies compared.

A pair is a random document and a random sequence of commands on it, made from the seed and the pair's number. Both servers
get the same commands; every reply must be equal, and so must the document afterwards. Differences that are meant are in
ACCEPTED, each with its reason; a pair ends at its first one, since the documents may differ from there on. Prints how
often each occurred, every other difference in full, and exits with 1 if there is one.

Starts the two servers itself; RedisJSON comes from a PyPI wheel (scripts/setup redis-stack). Not part of CI: it is the tool
to run after a change of the engine or the commands.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import resp  # noqa: E402
import servers  # noqa: E402

KEYS = ["a", "b", "c", "d", "key", "x-y", "é", "", "a b", 'q"t', "$", "p:n", "#/%+^`", "x~y"]
STRINGS = ["", "x", "foo", "föö", 'with "quotes"', "tab\t\n", "^f", "f.*", "\u0001", "日本", "\\", "/"]
EXTREMES = [2**53, 2**53 + 1, -(2**63), 2**63 - 1, 1e308, -1e308, 5e-324, 1e-300, 123456789012345680.0]
# Ends of ranges for arrays of a few elements: inside, at the ends, far outside, and no integers.
INDEXES = ["0", "1", "2", "-1", "-2", "4", "5", "9", "-5", "-9", "100", "-100", "9223372036854775807", "9223372036854775808", "x", "1.0", "+1", ""]
FORMATS = ["STRING", "STRINGS", "EXPAND", "EXPAND1", "expand1", "JSON", "x"]
# Bytes that are not UTF-8, as Python writes them in a string.
BROKEN = ["\udcff", '"\udcff"', '{"\udcc3":1}', "$.\udcff", '$["\udcff"]', "\udce2(\udca1"]


class Pair:
    """A document and commands, from a seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        # Deleting members is what changes the key order of the peer, so half of the pairs never do.
        self.deletes = self.r.random() < 0.5
        self.document = self.value(self.r.choice([1, 2, 3, 4]), container=True)
        if self.r.random() < 0.02:
            self.document = self.deep(self.r.choice([20, 100, 126, 127]))
        self.commands = [self.command() for _ in range(self.r.randint(3, 9))]

    # Documents

    def number(self):
        r = self.r
        kinds = [
            lambda: r.randint(-3, 9),
            lambda: r.randint(-(2**31), 2**31),
            lambda: r.randint(-(2**63), 2**63 - 1),
            lambda: r.choice([0.5, -1.5, 100.0, 1e15, 1e16, 1e-7, 1.5e-10, 0.1, 19.99, -0.0, 3.0, 1e300]),
            lambda: round(r.uniform(-100, 100), r.randint(0, 12)),
            lambda: r.uniform(-1, 1),
            lambda: r.choice(EXTREMES),
        ]
        return r.choices(kinds, [6, 1, 0.3, 2, 2, 0.03, 0.05])[0]()

    def scalar(self):
        kind = self.r.random()
        if kind < 0.5:
            return self.number()
        if kind < 0.8:
            return self.r.choice(STRINGS)
        return self.r.choice([True, False, None])

    def value(self, depth, container=False):
        if depth == 0 or (not container and self.r.random() < 0.3):
            return self.scalar()
        size = self.r.choice([0, 1, 2, 2, 3, 3, 4, 6])
        kind = self.r.random()
        if kind < 0.5:
            return {self.r.choice(KEYS): self.value(depth - 1) for _ in range(size)}
        if kind < 0.65:
            make = self.r.choice([lambda: self.r.randint(-9, 9), lambda: round(self.r.uniform(-1, 1), 9), lambda: round(self.r.uniform(-9, 9), 2)])
            return [make() for _ in range(size * 2)]
        return [self.value(depth - 1) for _ in range(size)]

    def deep(self, depth):
        """A document of so many containers inside each other."""
        value = self.scalar()
        for _ in range(depth):
            value = [value] if self.r.random() < 0.5 else {self.r.choice(KEYS[:4]): value}
        return value

    def text(self, depth=2):
        if self.r.random() < 0.01:
            return json.dumps(self.deep(self.r.choice([5, 60, 127, 128, 129])))
        value = self.value(self.r.randint(0, depth))
        style = self.r.random()
        return json.dumps(value, ensure_ascii=style < 0.3, separators=(",", ":") if style < 0.7 else None)

    # Paths

    def name(self, key):
        quote = self.r.choice("'\"")
        if re.fullmatch(r"[A-Za-z0-9_$#%+/:^`~-]+", key) and self.r.random() < 0.7:
            return "." + key
        escaped = json.dumps(key, ensure_ascii=False)[1:-1]
        if quote == "'":
            escaped = escaped.replace('\\"', '"')
        return f"[{quote}{escaped}{quote}]"

    def operand(self):
        r = self.r
        kind = r.random()
        if kind < 0.9:
            return "@" + "".join(self.name(r.choice(KEYS[:5])) for _ in range(r.choice([0, 1, 1, 1, 2])))
        return "$" + self.name(r.choice(KEYS[:5]))

    def literal(self):
        return self.r.choice([str(self.r.randint(-3, 9)), "0.5", "'x'", '"foo"', "'f.*'", "true", "false", "null"])

    def filter(self, depth=0):
        r = self.r
        kind = r.random()
        if kind < 0.2:
            return "@" + self.name(r.choice(KEYS[:5]))
        if kind < 0.35 and depth < 2:
            return f"({self.filter(depth + 1)}){r.choice([' && ', '||'])}({self.filter(depth + 1)})"
        if kind < 0.42:
            return self.operand() + " =~ " + r.choice(['"^f"', '"o+"', '"("', "@.a"])
        sides = [self.operand(), self.operand() if r.random() < 0.05 else self.literal()]
        r.shuffle(sides)
        return r.choice(["==", "!=", "<", "<=", ">", ">=", " == ", " > "]).join(sides)

    def path(self, writes=False):
        r = self.r
        if r.random() < 0.01:
            return r.choice(["$.", "$[", "$.a[", "$..", "$a", "$.a.[", "$[?(@.a]", "$[1", "", " ", "$.a[0.5]"])
        out, value = "", self.document
        for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3])):
            kind = r.random()
            if kind < 0.08:
                out += r.choice(["..", ".."]) + r.choice([*KEYS[:5], "*"])
                value = self.value(1)
            elif kind < 0.16:
                out += r.choice([".*", "[*]"])
                value = r.choice(list(value.values() if isinstance(value, dict) else value)) if isinstance(value, (dict, list)) and value else None
            elif kind < 0.26 and isinstance(value, (dict, list)):
                out += f"[?({self.filter()})]"
                value = r.choice(list(value.values() if isinstance(value, dict) else value)) if isinstance(value, (dict, list)) and value else None
            elif isinstance(value, dict) and value and kind < 0.93:
                key = r.choice(list(value))
                out += self.name(key)
                value = value[key]
            elif isinstance(value, list) and value and kind < 0.93:
                at = r.randrange(len(value))
                form = r.random()
                if form < 0.6:
                    out += f"[{at if r.random() < 0.7 else at - len(value)}]"
                    value = value[at]
                elif form < 0.8:
                    bound = lambda: r.choice(["", str(r.randint(-4, 6))])
                    out += f"[{bound()}:{bound()}{r.choice(['', ':1', ':2', ':'])}]"
                else:
                    picks = r.sample(range(len(value)), min(2, len(value)))
                    out += f"[{','.join(map(str, picks))}]"
            else:
                out += r.choice([self.name(r.choice(KEYS)), f"[{r.randint(-2, 4)}]"])
                value = None
        if r.random() < 0.3:
            return out.removeprefix(".") if out and r.random() < 0.5 and not out.startswith("..") else out or "."
        return "$" + out

    # Commands

    def command(self):
        r = self.r
        key = "other" if r.random() < 0.02 else "string" if r.random() < 0.01 else "k"
        reads = ["GET", "GET", "GET", "TYPE", "STRLEN", "ARRLEN", "OBJLEN", "OBJKEYS", "RESP", "ARRINDEX", "MGET"]
        updates = ["SET", "SET", "MERGE", "MERGE", "NUMINCRBY", "NUMMULTBY", "STRAPPEND", "ARRAPPEND", "ARRINSERT", "ARRPOP", "ARRTRIM", "TOGGLE", "CLEAR", "MSET", "NUMPOWBY"]
        if self.deletes:
            updates += ["DEL", "DEL", "FORGET"]
        name = r.choice(reads if r.random() < 0.4 else updates)
        path = self.path()
        args = {
            "GET": lambda: self.get(path),
            "SET": lambda: [path, self.text(), *r.choice([[], [], [], ["NX"], ["XX"], ["xx"], ["BOGUS"]])],
            "MERGE": lambda: [path, self.patch()],
            "NUMINCRBY": lambda: [path, r.choice(["1", "-1", "0.5", "1e3", "2", "100"] if r.random() < 0.95 else ["x", '"1"'])],
            "NUMMULTBY": lambda: [path, r.choice(["2", "0", "-1", "0.5", "3"])],
            "NUMPOWBY": lambda: [path, r.choice(["2", "0", "0.5", "1"])],
            "STRAPPEND": lambda: [path, json.dumps(r.choice(STRINGS)) if r.random() < 0.97 else self.text(1)],
            "ARRAPPEND": lambda: [path, *(self.text(1) for _ in range(r.randint(1, 3)))],
            "ARRINSERT": lambda: [path, self.index(), *(self.text(1) for _ in range(r.randint(1, 2)))],
            "ARRPOP": lambda: [*self.format(), *r.choice([[], [path], [path, self.index()], [path, self.index()]])],
            "ARRTRIM": lambda: [path, self.index(), self.index()],
            "ARRINDEX": lambda: [path, self.text(1), *(self.index() for _ in range(r.choice([0, 1, 1, 2, 2])))],
            "MSET": lambda: [path, self.text(1), "k2", "$", self.text(1)],
            "MGET": lambda: ["other", "string", path],
            "TOGGLE": lambda: [path],
        }.get(name, lambda: r.choice([[], [path], [path], [path]]))()
        command = [f"JSON.{name}", key, *args]
        if r.random() < 0.02:
            command.append(r.choice(["x", "$", "0", "NX", "FORMAT"]))
        elif r.random() < 0.02:
            command.pop()
        elif r.random() < 0.02 and len(command) > 2:
            command[r.randrange(2, len(command))] = r.choice(BROKEN)
        return command

    def index(self):
        return str(self.r.randint(-4, 5)) if self.r.random() < 0.6 else self.r.choice(INDEXES)

    def format(self):
        return ["FORMAT", self.r.choice(FORMATS)] if self.r.random() < 0.3 else []

    def patch(self):
        value = self.value(2)
        if not self.deletes:
            value = without_nulls(value)
        return json.dumps(value)

    def get(self, path):
        r = self.r
        style = [word for pair in (["INDENT", "  "], ["NEWLINE", "\n"], ["SPACE", " "]) if r.random() < 0.15 for word in pair]
        style += self.format() if r.random() < 0.5 else ["NOESCAPE"] if r.random() < 0.1 else []
        paths = r.choice([[], [path], [path], [path], [path, self.path()]])
        return [*style, *paths] if r.random() < 0.8 else [*paths, *style]


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    return value


# Comparing


class Text(str):
    """A number as it was written."""


def parsed(data):
    """JSON text with its numbers as text and objects without order; None if it is none."""
    try:
        return json.loads(data, parse_int=Text, parse_float=Text)
    except (ValueError, RecursionError):
        return None


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, resp.Map):
        # The peer expands objects in any order.
        a, b = (sorted(map(list, pairs), key=lambda pair: pair[0]) for pairs in (a, b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bytes) and a != b:
        # The peer shuffles the members of an answer to several paths; white space must match in kind.
        x, y = parsed(a), parsed(b)
        return isinstance(x, (dict, list)) and x == y and sorted(a) == sorted(b)
    return a == b if not isinstance(a, resp.Constant) else a is b


def shuffled(a, b):
    """Equal when order is left out of account altogether."""
    return unordered(a) == unordered(b)


def unordered(value):
    if isinstance(value, bytes):
        inner = parsed(value)
        return unordered(inner) if isinstance(inner, (dict, list)) else repr(value)
    if isinstance(value, resp.Double):
        value = value.value
    if isinstance(value, dict):
        value = [[key, member] for key, member in value.items()]
    return repr(sorted(map(unordered, value))) if isinstance(value, list) else repr(value)


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
UPDATE = r"SET|MSET|MERGE|DEL|FORGET|CLEAR|NUM\w+|STRAPPEND|TOGGLE|ARRAPPEND|ARRINSERT|ARRPOP|ARRTRIM"
UPDATES = re.compile(rf"JSON\.({UPDATE})$")
CONTAINERS = {"array", "object"}
BEFORE = r"\[(-\d+|.*,-\d+|-\d+,.*)\]"


def numbers_of(reply):
    return [float(n) for n in NUMBER.findall(repr(reply))]


def path_error(reply):
    return isinstance(reply, resp.Error) and reply.startswith("Error occurred on position")


def close(a, b):
    """Equal but for the last digits of doubles."""
    if NUMBER.sub("", repr(a)) != NUMBER.sub("", repr(b)):
        return False
    return all(x == y or (x % 1 and abs(x - y) <= 4e-16 * abs(x)) for x, y in zip(numbers_of(a), numbers_of(b)))


def paths_of(command):
    return [word for word in command[2:] if re.match(r"[$.\[#/A-Za-z*\s]|$", word)]


class Difference:
    """A command that was answered differently, and what led to it."""

    def __init__(self, connection, before, command, ours, theirs):
        self.connection, self.before, self.command, self.ours, self.theirs = connection, before, command, ours, theirs
        self.paths = paths_of(command)

    def earlier(self, updates, path):
        """True if this or an earlier command is of those, with such a path: its effect may have been another."""
        return any(re.match(rf"JSON\.({updates})$", command[0]) and any(re.search(path, word) for word in paths_of(command))
                   for command in [*self.before, self.command])

    def removed(self):
        """A member of an object may have been removed before, so that the order of keys may differ."""
        return any(re.match(r"JSON\.(DEL|FORGET|MERGE)", command[0]) for command in self.before)

    def filtered(self):
        """The types of the values to which the command's filters are applied."""
        types = set()
        for command in [*self.before, self.command]:
            for path in paths_of(command) if command is self.command or UPDATES.match(command[0]) else []:
                for found in re.finditer(r"\[\?", path):
                    prefix = path[: found.start()]
                    prefix = prefix if prefix.startswith("$") else "$" + ("" if prefix[:1] in (".", "[", "") else ".") + prefix
                    reply = self.connection("JSON.TYPE", "k", prefix)
                    types.update(re.findall(r"[a-z]+", repr(reply).replace("b'", "'")))
            self.connection(*(word.encode("utf-8", "surrogateescape") for word in command))
        return types


# (name, reason, applies(difference)). The first that applies counts.
ACCEPTED = [
    ("path error wording", "the list of what was expected, and at which token parsing stopped, is not reproduced",
     lambda d: path_error(d.ours) and path_error(d.theirs)),
    ("surplus arguments", "2.8 ignores them; here they are refused",
     lambda d: isinstance(d.ours, resp.Error) and d.ours.startswith("ERR wrong number of arguments")),
    ("bytes that are not UTF-8", "2.8 answers of the root where the path of a command that reads is not UTF-8; here that is an error",
     lambda d: isinstance(d.ours, resp.Error) and d.ours.startswith("Couldn't parse as UTF-8")),
    ("words in another order", "where two words are wrong, 2.8 may complain of the other one",
     lambda d: isinstance(d.ours, resp.Error) and isinstance(d.theirs, resp.Error)
     and (d.theirs.startswith("Couldn't parse as UTF-8") or d.command[0] == "JSON.MERGE" and len(d.command) > 4)),
    ("names with ~", "in Redis 8.10 a bare `~` asks for the names of members, and names that have one need brackets",
     lambda d: any(re.search(r"\w~", path) for path in d.paths) or d.earlier(UPDATE, r"\w~")),
    ("formats in lower case", "2.8 wants the words of FORMAT in capitals",
     lambda d: "expand1" in d.command),
    ("i64 as an end", "2.8 overflows with the largest integers as ends of ranges",
     lambda d: d.command[0].startswith("JSON.ARR") and any(len(word) > 18 and word.lstrip("-").isdigit() for word in d.command)),
    ("path error first", "2.8 looks at key and other arguments before it parses the path, and leaves out a bad path among several",
     lambda d: path_error(d.ours)),
    ("non-ASCII in paths", "2.8 wants quotes around a non-ASCII member name, and quotes such names as Latin-1 in error texts",
     lambda d: isinstance(d.theirs, resp.Error) and any(re.search(r"[^\x00-\x7f]", word) for word in d.paths)),
    ("last digits of doubles", "2.8 parses one double in three to a neighbour of the nearest one; here every double comes back",
     lambda d: close(d.ours, d.theirs)),
    ("integer overflow", "2.8 wraps around or goes to doubles below 2^64; here integers are exact up to 2^64 - 1, then doubles",
     lambda d: d.command[0].startswith("JSON.NUM") and any(abs(n) > 2**52 for n in numbers_of(d.ours) + numbers_of(d.theirs))),
    ("argument read first", "2.8 reads the operand of NUM* and STRAPPEND only when it needs it; here a bad one is an error at once",
     lambda d: re.match(r"JSON\.(NUM|STRAPPEND)", d.command[0]) and isinstance(d.ours, resp.Error)
     and re.match(r"ERR .* at line|bad input|WRONGTYPE wrong type", d.ours)),
    ("filter of a scalar", "2.8 applies a filter to a scalar itself; RFC 9535 to children only",
     lambda d: (any("[?" in path for path in d.paths) or d.earlier(UPDATE, r"\[\?")) and d.filtered() - CONTAINERS),
    ("update by filter of members", "2.8 finds the members of an object by a filter, but does not update them",
     lambda d: d.earlier(UPDATE, r"\[\?") and "object" in d.filtered()),
    ("order of booleans", "2.8 says false < true; RFC 9535 orders numbers and strings only",
     lambda d: any(re.search(r"[<>]=? ?(true|false)|(true|false) ?[<>]", path) for path in d.paths)),
    ("deleting many", "2.8 leaves out elements from the tenth on (it sorts places as text) and siblings of a member named ''",
     lambda d: d.earlier("DEL|FORGET|CLEAR", r"\*|\.\.|:|\?|,")),
    ("overlapping places", "where one place lies inside another, 2.8 changes both in turn; here replacing the outer one wins, other changes go inside out",
     lambda d: d.earlier(r"SET|MSET|MERGE|ARR\w+", r"\.\.")),
    ("failed updates", "where one of several results is no number or out of bounds, 2.8 has changed those before it; here nothing is changed",
     lambda d: d.earlier(r"NUM\w+|ARRINSERT", r"\*|\.\.|:|\?|,")),
    ("comparison of two paths", "without a match on either side, 2.8 says unequal, RFC 9535 equal; containers are compared with <= and >=, too",
     lambda d: any(re.search(r"[@$][^&|()]*[=<>][^&|()]*[@$]", path) for path in d.paths)),
    ("index before the start", "2.8 takes element 0 for a negative index beyond the array; RFC 9535 selects nothing",
     lambda d: any(re.search(BEFORE, path) for path in d.paths) or d.earlier(UPDATE, BEFORE)),
    ("escapes in names", "2.8 does not decode escapes in the names of updates; here as in reads",
     lambda d: any('\\"' in path for command in [*d.before, d.command] for path in paths_of(command))),
    ("key order", "2.8 moves the last member into the place of a deleted one; here insertion order stays",
     lambda d: d.removed() and (shuffled(d.ours, d.theirs) or any(re.search(r"\*|\.\.|\?", path) for path in d.paths))),
]


CRASHED = ("peer crashed", "2.8 ends the server with a panic")


def run(pairs, seed, protocol, ours, theirs):
    """Compares so many pairs on the two servers: accepted differences by name, how many replies were compared, others."""
    a, b = ours.connect(protocol), theirs.connect(protocol)
    accepted, replies, unexplained = collections.defaultdict(list), 0, []
    for number in range(pairs):
        pair = Pair(f"{seed}-{number}")
        document = json.dumps(pair.document, ensure_ascii=False)
        commands = [["FLUSHALL"], ["SET", "string", "x"], ["JSON.SET", "k", "$", document], *pair.commands, ["JSON.GET", "k"]]
        sent = [[word.encode("utf-8", "surrogateescape") for word in command] for command in commands]
        here = a.pipeline(sent)
        try:
            peer = b.pipeline(sent)
        except (resp.Disconnected, ConnectionError):
            accepted[CRASHED[0]].append((number, document, commands[3:], None, None))
            theirs.kill()
            theirs.start()
            b = theirs.connect(protocol)
            continue
        for at, (command, x, y) in enumerate(zip(commands, here, peer)):
            if at < 2:
                continue
            replies += 1
            if same(x, y):
                continue
            difference = Difference(a, commands[:at], command, x, y)
            why = next((name for name, _, applies in ACCEPTED if applies(difference)), None)
            found = accepted[why] if why else unexplained
            found.append((number, document, commands[3 : at + 1], x, y))
            break
    return accepted, replies, unexplained


def show(number, document, commands, ours, theirs):
    print(f"  pair {number}: {document}")
    for command in commands:
        print(f"    {' '.join(repr(word) if ' ' in word or not word else word for word in command)}")
    print(f"    here: {ours!r}\n    peer: {theirs!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--protocol", type=int, choices=[2, 3], action="append")
    parser.add_argument("--show", type=int, default=20, help="how many differences to print")
    parser.add_argument("--examples", type=int, default=0, help="how many of each accepted difference to print")
    options = parser.parse_args()
    failed = 0
    with servers.Server("redis-7.0") as ours, servers.Server("redis-stack") as theirs:
        for protocol in options.protocol or [2, 3]:
            accepted, replies, unexplained = run(options.pairs, options.seed, protocol, ours, theirs)
            differing = sum(map(len, accepted.values()))
            print(f"RESP{protocol}: {options.pairs} pairs, {replies} replies compared, {differing} accepted differences, {len(unexplained)} others")
            for name, reason in [*(rule[:2] for rule in ACCEPTED), CRASHED]:
                if accepted[name]:
                    print(f"  {len(accepted[name]):6} {name}: {reason}")
                for example in accepted[name][: options.examples]:
                    show(*example)
            for difference in unexplained[: options.show]:
                show(*difference)
            failed += len(unexplained)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
