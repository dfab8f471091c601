#!/usr/bin/env python3
"""Reads random queries with a server that has RediSearch and with this crate, and compares what FT.EXPLAIN shows.

    cargo build --profile fast --example explain
    tests/differential/explain.py --port 7501 --count 20000 --seed 1 [--dialect 2] [--show 20] [--start COMMAND]

Some queries crash RediSearch 2.10.5; COMMAND starts it again, and the query is left out.

Trees and error texts must be equal, but for the differences on purpose that `same` names. Exits with 1 if others are left.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
ROOT = pathlib.Path(__file__).resolve().parents[2]

from resp import Connection, Error  # noqa: E402

INDEX = "differential-explain"
SCHEMA = """SCHEMA t TEXT u TEXT NOSTEM ws TEXT WITHSUFFIXTRIE te TEXT INDEXEMPTY INDEXMISSING WITHSUFFIXTRIE tg TAG
 tc TAG CASESENSITIVE tm TAG INDEXMISSING INDEXEMPTY n NUMERIC g GEO v VECTOR FLAT 6 TYPE FLOAT32 DIM 2
 DISTANCE_METRIC L2 h VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC COSINE""".split()
PARAMS = [
    "p",
    "foo",
    "k",
    "5",
    "r",
    "0.25",
    "b",
    "12345678",
    "s",
    "the",
    "e",
    "",
    "w",
    "Two Words",
    "neg",
    "-3",
    "x",
    "foo\\-bar",
    "o",
    "a\\b",
    "l",
    "中",
]
WORDS = "hello world running dogs flies x y a1 the and as Hello HELLO foo_bar __ café 12abc e5 ismissing knn cities generously".split()
ESCAPED = ["foo\\-bar", "a\\ b", "x\\_y", "\\@x", "q\\\\r", "中国", "мир", "a\\b", "é\\-ñ"]
NUMBERS = "1 12 3.5 -7 +4 1e3 -inf inf 0 2.50 1e-2 007".split()
TEXTS, TAGS = ["t", "u", "ws", "te", "zz", "n"], ["tg", "tc", "tm", "zz", "t"]
PUNCTUATION = list("()[]{}|-~*%:;@$\"'=>,.!&#/\\ _")


class Generator:
    """Makes queries: most are right, some are nearly so."""

    def __init__(self, seed, dialect):
        self.random, self.dialect = random.Random(seed), dialect

    def pick(self, *choices):
        choice = self.random.choice(choices)
        return choice(self) if callable(choice) else choice

    def word(self):
        roll = self.random.random()
        return self.random.choice(WORDS if roll < 0.85 else ESCAPED)

    def number(self):
        roll = self.random.random()
        if roll < 0.15 and self.dialect > 1:
            return self.random.choice(["$k", "$r", "-$k", "+$r", "$neg", "$p", "$nope"])
        return self.random.choice(NUMBERS)

    def atom(self):
        roll = self.random.random()
        if roll < 0.45:
            return self.word()
        if roll < 0.52:
            return self.random.choice(NUMBERS)
        if roll < 0.6:
            return '"' + " ".join(self.word() for _ in range(self.random.randint(1, 3))) + '"'
        if roll < 0.68:
            left, right = self.random.choice([("", "*"), ("*", ""), ("*", "*")])
            return (
                left + self.random.choice([self.word, self.word, lambda: self.random.choice(["$p", "$x", "$l", "$o", "中", "м"])])() + right
            )
        if roll < 0.74:
            marks = "%" * self.random.randint(1, 3)
            return marks + self.random.choice([self.word(), "$p", "12", "$x"]) + marks
        if roll < 0.79:
            return "w'" + self.random.choice(["hel*", "h?l", "a b", "$p", "x\\'y", "*", "?*", "??", "中?", "$x"]) + "'"
        if roll < 0.85:
            return self.random.choice(["$p", "$k", "$s", "$w", "$nope", "$e", "$x", "$o", '""', "''"])
        return self.word()

    def tag(self):
        roll = self.random.random()
        if roll < 0.4:
            return self.word()
        if roll < 0.6:
            return " ".join(self.word() for _ in range(self.random.randint(1, 3)))
        if roll < 0.7:
            return '"' + self.random.choice(["a-b", "x y", "Hello", "@q", "a\\b", "\\a", "a\\", "中"]) + '"'
        if roll < 0.8:
            return self.random.choice(["$p", "$k", "$e", "$w", "$x", "$o", '""', "12", "1.5", "-3", "$p $k", 'a "b c"'])
        if roll < 0.9:
            return self.random.choice(
                ["hel*", "*lo", "*ell*", "$p*", '"a-b"*', '*"x"', "w'h*'", "w'$p'", "中*", "*м*", "$l*", "w'*'", "w'??'"]
            )
        return self.random.choice(["a-b", "a,b", "*", "", "a b*", "(a)", "hel* x", "a:b", "%a%", "a|b"])

    def clause(self):
        roll = self.random.random()
        if roll < 0.3:
            return f"@{self.random.choice(TAGS)}:{{{'|'.join(self.tag() for _ in range(self.random.randint(1, 3)))}}}"
        if roll < 0.55:
            low, high = (self.random.choice(["", "", "("]) + self.number() for _ in range(2))
            return f"@{self.random.choice(['n', 'n', 'zz', 't'])}:[{low}{self.random.choice([' ', ',', ', '])}{high}]"
        if roll < 0.65:
            operator = self.random.choice(["==", "!=", "<", "<=", ">", ">=", "="])
            blank = self.random.choice(["", " "])
            return f"@n{blank}{operator}{blank}{self.number()}"
        if roll < 0.75:
            unit = self.random.choice(["km", "m", "mi", "ft", "KM", "$p", "parsec"])
            return f"@g:[{self.number()} {self.number()} {self.number()} {unit}]"
        if roll < 0.8:
            return f"@n:[{self.number()}]"
        if roll < 0.9:
            return f"ismissing(@{self.random.choice(['tm', 'te', 't', 'zz'])})"
        attributes = self.random.choice(
            ["", "", "=>{$yield_distance_as: d%d}" % self.random.randint(1, 3), "=>{$epsilon: 0.5}", "=>{$weight: 2}"]
        )
        return f"@{self.random.choice(['v', 'h', 'zz'])}:[VECTOR_RANGE {self.random.choice(['0.5', '$r', '3', '-1'])} ${self.random.choice('bbbp')}]{attributes}"

    def attributes(self):
        names = [
            "$weight: " + self.random.choice(["2", "0.5", "$k", "$p", "-1", "1"]),
            "$slop: " + self.random.choice(["1", "0", "-1", "-2", "$k"]),
            "$inorder: " + self.random.choice(["true", "false", "1", "maybe"]),
            "$foo: 1",
        ]
        return "=>{" + ";".join(self.random.sample(names[: self.random.choice([3, 3, 3, 4])], self.random.randint(0, 2))) + "}"

    def expression(self, depth):
        roll = self.random.random()
        if depth == 0 or roll < 0.25:
            return self.atom()
        if roll < 0.4:
            return self.clause()
        if roll < 0.5:
            fields = "|".join(self.random.choice(TEXTS) for _ in range(self.random.choice([1, 1, 2])))
            inner = self.expression(depth - 1)
            return f"@{fields}:" + (inner if self.random.random() < 0.5 else f"({inner})")
        if roll < 0.6:
            return self.random.choice("-~") + self.expression(depth - 1)
        if roll < 0.68:
            return f"({self.expression(depth - 1)})"
        if roll < 0.75:
            return self.expression(depth - 1) + self.attributes()
        glue = self.random.choice([" ", " ", " ", "|", " | ", ""])
        return glue.join(self.expression(depth - 1) for _ in range(self.random.randint(2, 3)))

    def knn(self):
        filtered = self.random.choice(["*", "(*)", self.word(), f"({self.expression(2)})", self.clause(), self.expression(1)])
        options = self.random.sample(
            ["EF_RUNTIME 5", "ef_runtime $k", "HYBRID_POLICY BATCHES", "BATCH_SIZE 7", "FOO bar"], self.random.choice([0, 0, 1, 2])
        )
        name = self.random.choice(["", "", "AS dist", "as $p", "AS t", "AS"])
        after = self.random.choice(["", "", "", "=>{$yield_distance_as: z}", "=>{$ef_runtime: 9}", "=>{$weight: 3}", " x"])
        k, field = self.random.choice(["3", "10", "$k", "$p", "-1", "0"]), self.random.choice(["v", "h", "zz", "t"])
        return f"{filtered}=>[{self.random.choice(['KNN', 'knn', 'KNN', 'FOO'])} {k} @{field} $b {' '.join(options)} {name}]{after}"

    def query(self):
        text = self.knn() if self.dialect > 1 and self.random.random() < 0.12 else self.expression(self.random.randint(0, 4))
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])):  # damage
            at = self.random.randint(0, len(text))
            text = text[:at] + self.random.choice(PUNCTUATION) + text[at + self.random.randint(0, 1) :]
        return text


PATTERNS = re.compile(r"(PREFIX|SUFFIX|INFIX|WILDCARD|FUZZY)\{[^}]*\}")
STOP_WORDS = (
    "a|an|and|are|as|at|be|but|by|for|if|in|into|is|it|no|not|of|on|or|such|that|the|their|then|there|these|they|this|to|was|will|with"
)


def normalized(text):
    """A tree without what is shown otherwise on purpose: we show tags without their escapes, and patterns as they are
    compared, in lower case."""
    text = re.sub(r"(@\S+:)?EXACT \{\s+(\S+)\s+\}", r"\2", text)  # dialect 1 shows a quoted word bare
    text = PATTERNS.sub(lambda found: found[1] + found[0][len(found[1]) :].lower(), text)
    return " ".join(flattened(text.replace("\\", "").split("\n")))


def flattened(lines):
    """The words of a tree, where a union that is a branch of a union is dissolved in it, unless it is a word's stems."""
    out, closing = [], []
    for at, line in enumerate(lines):
        word = line.strip()
        if word == "UNION {":
            stems = at + 2 < len(lines) and "(expanded)" in lines[at + 2]
            dissolved = not stems and closing[-1:] in (["union"], ["dissolved"])
            closing.append("stems" if stems else "dissolved" if dissolved else "union")
            if dissolved:
                continue
        elif word.endswith("{"):
            closing.append("other")
        elif word.startswith("}"):
            if closing and closing.pop() == "dissolved":
                continue
        out.append(word)
    return " ".join(out).split()


# Queries that we answer otherwise on purpose, each with its reason.
ON_PURPOSE = {
    "all of Unicode is folded": lambda query, theirs: any(ord(char) > 127 and char.lower() != char for char in query),
    "a stop word beside | makes the server lose a branch or refuse the next": lambda query, theirs: re.search(
        rf"(?i)\b({STOP_WORDS})\b[\")}}>{{\s,.!&#/=_']*\||\|[-~\"(@\w:{{>\s,.!&#/=_']*\b({STOP_WORDS})\b", query
    ),
    "the server reads a run of words with | before what stands around it, and then refuses a field behind it": lambda query, theirs: (
        query.count("|") >= 2
    ),
    "messages quote names with escapes as they lie in the server's memory": lambda query, theirs: (
        "\\" in query and theirs.startswith("ERROR Syntax error") or "'%" in query
    ),
    "the server drops a stop word that is the third word of a tag or a later one": lambda query, theirs: re.search(
        rf"(?i)\{{[^}}]*\b({STOP_WORDS})\b", query
    ),
    "a KNN of a field that is no vector field": lambda query, theirs: re.search(r"(?i)\[knn \S+ @(zz|t)\b", query),
    "dialect 1 shows the fields around a field": lambda query, theirs: re.search(r"@[\w|]+:[(]*[-~]*[(]*@", query),
    "dialect 1 refuses stop words in quotations": lambda query, theirs: (
        '"' in query and theirs.startswith("ERROR Syntax error") and re.search(rf"(?i) near ({STOP_WORDS})$", theirs)
    ),
    "the server leaves out what it quotes": lambda query, theirs: re.search(r"(command|predicate) at offset \d+$", theirs),
    "of two wrong parameters the server names another": lambda query, theirs: (
        len(re.findall(r"\$(p|nope|e|w|s|neg)\b", query)) >= 2
        and ("lower range" in theirs or "upper range" in theirs or "parameter" in theirs)
    ),
    "the server shows escaped backslashes as none": lambda query, theirs: "\\\\" in query,
    "a word that reads as a number is one, escaped or not": lambda query, theirs: re.search(r"\\[-+.]\d", query),
    "behind a tag clause the server holds the empty string against that field": lambda query, theirs: "INDEXEMPTY" in theirs,
    "a comparison where a field should be": lambda query, theirs: re.search(r"=>\[\w+ \S+ @\w+[<>]", query),
    "a range whose bounds are turned round is refused, as Redis 8 does": lambda query, theirs: (
        re.search(r"\[|@n", query) and "NUMERIC" in theirs
    ),
    "the empty string in a parameter finds no tag; it is no mistake": lambda query, theirs: "$e" in query and "INDEXEMPTY" in theirs,
    "$ in a quotation is punctuation": lambda query, theirs: re.search(r'"[^"]*\$[^"]*"', query),
    "a parameter's name is a word": lambda query, theirs: re.search(r"\$\w*[^\w\s]", query) and "No such parameter" in theirs,
}


def same(query, theirs, ours):
    """Whether two answers agree, or differ as the specification says."""
    if normalized(theirs) == normalized(ours):
        return True
    # Stop words fall out of phrases, as they do from documents.
    if "EXACT" in theirs and normalized(without_stop_words(theirs)) == normalized(ours):
        return True
    return any(reason(query, theirs) for reason in ON_PURPOSE.values())


def without_stop_words(tree):
    return "\n".join(line for line in tree.split("\n") if line.strip().split(":")[-1] not in STOP_WORDS.split("|"))


def prepared(options):
    """A connection to the server, with the index there."""
    server = Connection(options.port)
    server("FT.DROPINDEX", INDEX)
    made = server("FT.CREATE", INDEX, "PREFIX", "1", INDEX + ":", *SCHEMA)
    assert str(made) == "OK", made
    return server


def answers(options, queries):
    """What the server shows for each query; None where it crashed."""
    params = ["PARAMS", str(len(PARAMS)), *PARAMS] if options.dialect > 1 else []
    server, replies = prepared(options), []
    for query in queries:
        try:
            replies.append(server("FT.EXPLAIN", INDEX, query, *params, "DIALECT", options.dialect))
        except ConnectionError:
            print(f"crashed by {query!r}")
            replies.append(None)
            if not options.start:
                raise
            subprocess.run(options.start, shell=True, check=True, capture_output=True)
            while True:
                try:
                    server = prepared(options)
                    break
                except ConnectionError:
                    continue
    server("FT.DROPINDEX", INDEX)
    return replies


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=7501)
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--dialect", type=int, default=2)
    options.add_argument("--write", help="a file to add 400 short queries to that are answered exactly alike")
    options.add_argument("--start")
    options.add_argument("--show", type=int, default=20)
    options = options.parse_args()

    generator = Generator(options.seed, options.dialect)
    queries = [generator.query() for _ in range(options.count)]
    theirs = answers(options, queries)
    given = PARAMS if options.dialect > 1 else []
    lines = (json.dumps({"schema": SCHEMA, "query": q, "params": given, "dialect": options.dialect}) + "\n" for q in queries)
    run = subprocess.run([ROOT / "target/fast/examples/explain"], input="".join(lines), capture_output=True, text=True, check=True)
    agreed, shown, errors, different = [], 0, 0, 0
    for query, their, line in zip(queries, theirs, run.stdout.splitlines(), strict=True):
        if their is None:
            continue
        our = json.loads(line)
        their = "ERROR " + their if isinstance(their, Error) else their.decode("utf-8", "replace")
        our = "ERROR " + our["error"] if "error" in our else our["tree"]
        errors += their.startswith("ERROR")
        if their == our and len(query) <= 60:
            agreed.append(json.dumps({"query": query, "dialect": options.dialect, "answer": our}) + "\n")
        if same(query, their, our):
            continue
        different += 1
        if shown < options.show:
            shown += 1
            print(f"query   {query!r}\n theirs {normalized(their)}\n ours   {normalized(our)}")
    if options.write:
        with open(options.write, "a") as file:
            file.writelines(agreed[:400])
    print(f"{options.count} queries of dialect {options.dialect}, {errors} refused by the server, {different} answered otherwise")
    return different > 0


if __name__ == "__main__":
    sys.exit(main())
