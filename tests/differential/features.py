#!/usr/bin/env python3
"""Random cases for suggestions, spelling, synonyms, phonetics, highlighting and shapes, sent to this module and to RediSearch 2.10.5.

    tests/differential/features.py [FEATURE...] [--count 20000] [--seed 1] [--show 10]

FEATURE: suggestions spelling synonyms phonetic shown shapes; without one: all. `--count` cases of each. Starts both servers
itself (the library is $NEARSET_LIB, or what the profile `fast` built), and starts the peer again where a case has crashed it.

A round is an empty server, what a feature puts there, and some hundred questions, every other one in RESP3. Order among
equals is no promise: what has no order is compared as a set. Where answers differ, a reason that the feature names must
account for it, or it is a difference; reasons are counted. Exits with 1 if there are differences.
"""

import argparse
import collections
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from resp import Disconnected, Double, Error, Map, Set, Simple  # noqa: E402
from servers import Server, wait_until  # noqa: E402

# Words that are near each other, of several kinds of stems and sounds.
WORDS = """hello help held hell helm hallo yellow jello world word sword wild wide garden gardens gardener gardening run runs
 running runner city cities happy happily smith smyth schmidt knight night write right phone fone jon john joan through threw
 thomas tomas catherine katherine box boxes fox foxes quick quickly lazy dog dogs sleep sleeps hunter hunters jump jumped""".split()
STOPS = "the of and a is".split()
STOP_WORDS = set(
    """a is the an and are as at be but by for if in into it no not of on or such that their then there these they to was will
 with""".split()
)


def plain(reply):
    """A reply as Python's own types, the same for both protocols where they say the same."""
    if isinstance(reply, (Map, list, Set)) and not isinstance(reply, (bytes, Simple)):
        return [plain(one) for one in reply]
    if isinstance(reply, tuple):
        return [plain(one) for one in reply]
    if isinstance(reply, Double):
        return float(reply)
    if isinstance(reply, Error):
        return ("error", str(reply))
    if isinstance(reply, bytes):
        return reply.decode(errors="backslashreplace")
    return reply if isinstance(reply, (int, float)) else str(reply)


class Feature:
    """What is put on a server, and what is asked there."""

    QUESTIONS = 200

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def text(self, least=3, most=25):
        words = self.rng.choices(WORDS, k=self.rng.randint(least, most))
        return " ".join(self.rng.choice(STOPS) if self.rng.random() < 0.1 else word for word in words)

    def setup(self):
        """Commands that both servers get first."""
        return []

    def question(self):
        """A command."""
        raise NotImplementedError

    def same(self, command, mine, theirs):
        """Whether the answers say the same; or the reason why not, as a text."""
        return mine == theirs


class Suggestions(Feature):
    """FT.SUG*: entries with scores and payloads, exact and fuzzy."""

    LETTERS = ["a", "b", "c", "A", "é", "É", " ", "ab", "日"]

    def entry(self, longest=6):
        return "".join(self.rng.choices(self.LETTERS, k=self.rng.randint(1, longest)))

    def question(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            words = ["FT.SUGADD", "s", self.entry(), rng.choice([1, 2, 0.5, 7, -1, 100, "1e3", "0x10"])]
            if rng.random() < 0.3:
                words.append("INCR")
            return words + (["PAYLOAD", rng.choice(["p", "payload", ""])] if rng.random() < 0.3 else [])
        if roll < 0.36:
            return ["FT.SUGDEL", "s", self.entry()]
        if roll < 0.4:
            return ["FT.SUGLEN", "s"]
        words = ["FT.SUGGET", "s", self.entry(4), "WITHSCORES"]
        options = [["FUZZY"], ["WITHPAYLOADS"]]
        for option in rng.sample(options, rng.randint(0, 2)):
            words += option
        return [*words, "MAX", rng.choice([1, 3, 5, 1000, 1000])]

    def same(self, command, mine, theirs):
        if mine == theirs:
            return True
        if command[0] != "FT.SUGGET" or not isinstance(mine, list) or not isinstance(theirs, list):
            return False
        width = 3 if "WITHPAYLOADS" in command else 2
        rows = [[(rounded(row[1]), row[0], *row[2:]) for row in zip(*[iter(reply)] * width)] for reply in (mine, theirs)]
        most, fuzzy = command[-1], "FUZZY" in command
        # Equals come in any order, and any of the last ones.
        whole = [{row for row in side if len(side) < most or row[0] > side[-1][0]} for side in rows]
        if whole[0] == whole[1] and [row[0] for row in rows[0]] == [row[0] for row in rows[1]]:
            return True
        if not command[2].isascii() and any(row[0] > 1e6 for side in rows for row in side):
            return "what is the prefix itself is decided without the case of ASCII letters only in the peer"
        if width == 3 and sorted(row[:2] for row in rows[0]) == sorted(row[:2] for row in rows[1]):
            return "a text that comes again has the payload that it had before in the peer"
        # What scores as the prefix itself there alone: the peer takes a text of which half is the prefix for it.
        exact = [{row[1] for row in side if row[0] > 1e6} for side in rows]
        if len(rows[0]) == len(rows[1]) == most and all(here[0] >= there[0] for here, there in zip(*rows)) and exact[1] <= exact[0]:
            return "the peer passes over texts of greater scores where MAX others were found"
        if exact[1] - exact[0]:
            return "the peer takes a text of which half is the prefix for the prefix"
        if not fuzzy:
            return False
        if most < 1000:
            return "FUZZY finds more here, so that others are the first" if len(rows[0]) >= len(rows[1]) else False
        return False if set(rows[1]) - set(rows[0]) else "the peer tests FUZZY only where its tree branches"


def rounded(number):
    """Six digits: the peer computes in single precision throughout."""
    return float(f"{float(number):.6g}")


class Spelling(Feature):
    """FT.SPELLCHECK with dictionaries."""

    def setup(self):
        nostem = ["NOSTEM"] if self.rng.random() < 0.5 else []
        yield ["FT.CREATE", "i", "SCHEMA", "t", "TEXT", *nostem, "u", "TEXT", "g", "TAG"]
        for number in range(self.rng.randint(1, 12)):
            yield ["HSET", f"d:{number}", "t", self.text(1, 8), "u", self.text(1, 3)]
        for name in "de":
            yield ["FT.DICTADD", name, *(self.wrong() for _ in range(6)), *self.rng.sample(WORDS, 4)]

    def wrong(self):
        """A word with some letters changed."""
        word = list(self.rng.choice(WORDS))
        for _ in range(self.rng.randint(0, 2)):
            at = self.rng.randrange(len(word))
            self.rng.choice([word.pop, lambda at: word.insert(at, "e"), lambda at: word.__setitem__(at, "l")])(at)
            if not word:
                return "x"
        return "".join(word)

    def question(self):
        rng = self.rng
        if rng.random() < 0.1:
            return ["FT.DICTDUMP", rng.choice("de")]
        if rng.random() < 0.05:
            return [rng.choice(["FT.DICTADD", "FT.DICTDEL"]), rng.choice("de"), self.wrong(), self.wrong()]
        terms = [rng.choice(["{}", "{}", "{}", "@t:{}", "@u:{}", "-{}", "~{}", "({}|held)", '"{} dog"', "{}*", "%{}%"]) for _ in range(3)]
        query = " ".join(term.format(self.wrong()) for term in terms[: rng.randint(1, 3)])
        words = ["FT.SPELLCHECK", "i", query]
        if rng.random() < 0.6:
            words += ["DISTANCE", rng.randint(1, 4)]
        for _ in range(rng.choice([0, 0, 1, 2])):
            words += ["TERMS", rng.choice(["INCLUDE", "EXCLUDE"]), rng.choice("de")]
        return words

    @staticmethod
    def terms(reply):
        """(term, suggestions) in RESP2 and RESP3."""
        if reply and reply[0] and isinstance(reply[0], list) and reply[0][0] == "results":
            pairs = reply[0][1]
            found = [(term, [(float(one[0][1]), one[0][0]) for one in near]) for term, near in pairs]
        else:
            found = [(term, [(float(score), word) for score, word in near]) for _, term, near in reply]
        # Stems of the peer's own are no words, and stop words are not checked here.
        return sorted((term, sorted(one for one in near if one[1][:1] != "+")) for term, near in found if term not in STOP_WORDS)

    def same(self, command, mine, theirs):
        if mine == theirs or command[0] != "FT.SPELLCHECK" or "error" in (mine[:1], theirs[:1]):
            return mine == theirs or (command[0] == "FT.DICTDUMP" and sorted(mine) == sorted(theirs))
        mine, theirs = self.terms(mine), self.terms(theirs)
        if mine == theirs:
            return True
        if [term for term, _ in mine] != [term for term, _ in theirs]:
            return False
        limit = command[command.index("DISTANCE") + 1] if "DISTANCE" in command else 1
        for (term, here), (_, there) in zip(mine, theirs):
            if {score for score, _ in set(here) - set(there)} == {0} and "@" in command[2] and "INCLUDE" in command:
                return "the peer leaves out words of a dictionary that another field has"
            if set(here) - set(there) or any(distance(term, word) <= limit for _, word in set(there) - set(here)):
                return False
        return "the peer finds some words that are farther than DISTANCE"


def distance(one, other):
    """Edits from one text to another."""
    row = list(range(len(other) + 1))
    for nth, letter in enumerate(one, 1):
        last, row = row, [nth]
        for at, wanted in enumerate(other, 1):
            row.append(min(last[at] + 1, row[-1] + 1, last[at - 1] + (letter != wanted)))
    return row[-1]


class Keys(Feature):
    """Searches whose keys are compared."""

    def asked(self, query, *more):
        return ["FT.SEARCH", "i", query, "NOCONTENT", "LIMIT", 0, 1000, "DIALECT", self.rng.choice([1, 2]), *more]

    @staticmethod
    def keys(reply):
        if reply and isinstance(reply[0], list):
            found = dict(map(tuple_of, reply))
            return found["total_results"], sorted(dict(map(tuple_of, row))["id"] for row in found["results"])
        return reply[0], sorted(reply[1:])

    def same(self, command, mine, theirs):
        if mine == theirs or command[0] != "FT.SEARCH" or "error" in (mine[0], theirs[0]):
            return mine == theirs
        return self.keys(mine) == self.keys(theirs)


def tuple_of(pair):
    return (pair[0], pair[1])


class Synonyms(Keys):
    """FT.SYN*: groups that come before, between and after the documents."""

    def setup(self):
        nostem = ["NOSTEM"] if self.rng.random() < 0.3 else []
        yield ["FT.CREATE", "i", "SCHEMA", "t", "TEXT", *nostem, "u", "TEXT"]
        for part in range(3):
            for number in range(self.rng.randint(1, 8)):
                yield ["HSET", f"d:{part}:{number}", "t", self.text(1, 6), "u", self.text(1, 3)]
            if self.rng.random() < 0.8:
                skip = ["SKIPINITIALSCAN"] if self.rng.random() < 0.5 else []
                yield ["FT.SYNUPDATE", "i", f"g{self.rng.randint(1, 3)}", *skip, *self.rng.sample(WORDS, 3)]
                yield ["scanned"]

    def question(self):
        rng = self.rng
        if rng.random() < 0.05:
            return ["FT.SYNDUMP", "i"]
        atoms = [rng.choice(["{}", "{}", "{}", '"{}"', "@t:{}", "@u:{}", "-{}", "{}*", "({}|dog)", "%{}%"]) for _ in range(2)]
        query = " ".join(atom.format(rng.choice(WORDS)) for atom in atoms[: rng.randint(1, 2)])
        more = rng.choice([[], [], ["VERBATIM"], ["EXPANDER", rng.choice(["SYNONYM", "SBSTEM", "DEFAULT", "other"])]])
        return self.asked(query, *more)

    def same(self, command, mine, theirs):
        if command[0] == "FT.SYNDUMP":
            pairs = [
                sorted((pair[0], sorted(pair[1])) for pair in (reply if reply and isinstance(reply[0], list) else zip(reply[::2], reply[1::2])))
                for reply in (mine, theirs)
            ]
            return pairs[0] == pairs[1]
        if super().same(command, mine, theirs):
            return True
        # Stems are terms of the peer's, near to words.
        return "%x% matches stems, too, in the peer" if "%" in command[2] else False


class Phonetic(Keys):
    """PHONETIC fields."""

    def setup(self):
        yield ["FT.CREATE", "i", "SCHEMA", "t", "TEXT", "PHONETIC", self.rng.choice(["dm:en", "dm:fr"]), "u", "TEXT"]
        for number in range(self.rng.randint(4, 20)):
            yield ["HSET", f"d:{number}", "t", self.sound(), "u", self.sound()]

    def sound(self):
        rng = self.rng
        made = "".join(rng.choice(["sch", "c", "k", "ph", "f", "gh", "t", "th", "s", "z", "kn", "n", "wr", "r", "x"]) + rng.choice("aeiou") for _ in range(rng.randint(1, 3)))
        return rng.choice([rng.choice(WORDS), made])

    def question(self):
        rng = self.rng
        atom = rng.choice(["{}", "{}", "@t:{}", "@u:{}", "@t:{}=>{{$phonetic:false}}", "@t:{}=>{{$phonetic:true}}", "{}|dog", "{}*"])
        if "$" in atom:
            return ["FT.SEARCH", "i", atom.format(self.sound()), "NOCONTENT", "LIMIT", 0, 1000, "DIALECT", 2]
        return self.asked(atom.format(self.sound()), *rng.choice([[], [], ["VERBATIM"], ["EXPANDER", "PHONETIC"]]))


class Shown(Feature):
    """HIGHLIGHT and SUMMARIZE."""

    def setup(self):
        yield ["FT.CREATE", "i", "SCHEMA", "t", "TEXT", "u", "TEXT", "n", "NUMERIC", "g", "TAG"]
        self.texts = {}
        for number in range(self.rng.randint(2, 10)):
            self.texts[f"d:{number}"] = {"t": self.prose(), "u": self.prose(), "g": "red"}
            texts = self.texts[f"d:{number}"]
            yield ["HSET", f"d:{number}", *(part for pair in texts.items() for part in pair), "n", number]

    def prose(self):
        """Words with what may stand between them."""
        words = []
        for _ in range(self.rng.choice([1, 5, 20, 60, 150])):
            word = self.rng.choice(STOPS if self.rng.random() < 0.1 else WORDS)
            words.append(self.rng.choice([word, word, word, word.title(), f"{word}'s", f"({word})"]))
            words.append(self.rng.choice([" ", " ", " ", " ", ", ", ". ", "  ", "-", "; "]))
        return "".join(words[:-1])

    def question(self):
        rng = self.rng
        atoms = [rng.choice(["{}", "{}", "{}", "@t:{}", '"{} {}"', "{}*", "({}|{})", "%{}%"]) for _ in range(rng.randint(1, 3))]
        query = rng.choice([" ", "|"]).join(atoms).replace("{}*", rng.choice(WORDS)[:3] + "*")
        # No word twice: a phrase of one word twice is found in the peer where it stands once.
        chosen = iter(rng.sample(WORDS, 12))
        query = re.sub(r"\{\}", lambda _: next(chosen), query)
        words = ["FT.SEARCH", "i", query, "LIMIT", 0, 100, *rng.choice([[], [], [], ["VERBATIM"]])]
        fields = [[], [], ["FIELDS", 1, "t"], ["FIELDS", 2, "t", "u"]]
        returned = rng.choice([[], ["RETURN", 2, "t", "u"], ["RETURN", 1, "t"]])
        kind = rng.randrange(3)
        if kind != 0:
            words += ["SUMMARIZE", *rng.choice(fields)]
            for option in rng.sample([["FRAGS", rng.randint(1, 4)], ["LEN", rng.randint(1, 25)], ["SEPARATOR", "|"]], rng.randint(0, 3)):
                words += option
        if kind != 1:
            words += ["HIGHLIGHT", *rng.choice(fields), *rng.choice([[], ["TAGS", "[", "]"]])]
        return [*words, *returned]

    @staticmethod
    def rows(reply):
        if reply and isinstance(reply[0], list):
            found = dict(map(tuple_of, reply))
            rows = [dict(map(tuple_of, row)) for row in found["results"]]
            return {row["id"]: dict(map(tuple_of, row.get("extra_attributes", []))) for row in rows}
        return {key: dict(zip(row[::2], row[1::2])) for key, row in zip(reply[1::2], reply[2::2])}

    def same(self, command, mine, theirs):
        if mine == theirs or "error" in (mine[0], theirs[0]):
            return mine == theirs
        mine, theirs = self.rows(mine), self.rows(theirs)
        if mine == theirs:
            return True
        if re.search("[%*]", command[2]):
            return "the peer marks only one of the words of %x% and x*"
        if mine.keys() != theirs.keys():
            return False
        reasons = set()
        for key, row in mine.items():
            for field in row.keys() | theirs[key].keys():
                here, there = row.get(field), theirs[key].get(field)
                if here == there:
                    continue
                if here is None or there is None:
                    reasons.add("FIELDS without RETURN restricts the row" if "FIELDS" in command and "RETURN" not in command else None)
                elif there == self.texts[key].get(field) and {"SUMMARIZE", "HIGHLIGHT"} < set(command):
                    # With FIELDS of the one, the other does not act on other fields there.
                    only = "FIELDS" in command
                    reasons.add("FIELDS of one of both is for both in the peer" if only else "a text without a match is not cut by both in the peer")
                elif re.sub(r"\s+", " ", here).startswith(there.rstrip()) and "SUMMARIZE" in command:
                    reasons.add("a text without a match that fits is whole here")
                else:
                    reasons.add(None)
        stems = [word[:3] for word in re.findall("[a-z]{3,}", command[2])]
        if None in reasons and len(set(stems)) < len(stems):
            return "a stem that two words of the query have counts twice in the peer"
        return False if None in reasons else "; ".join(sorted(reasons))


class Shapes(Keys):
    """GEOSHAPE fields, FLAT and SPHERICAL."""

    def setup(self):
        self.system = self.rng.choice(["FLAT", "SPHERICAL"])
        yield ["FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", self.system, "n", "NUMERIC"]
        for number in range(self.rng.randint(5, 40)):
            yield ["HSET", f"d:{number}", "g", self.shape(), "n", number]

    def shape(self):
        """A point, or a star-shaped polygon. Places are at random, so that none lies exactly on another's edge."""
        import math

        rng = self.rng
        span = (100, 100) if self.system == "FLAT" else (20, 20)
        x, y = rng.uniform(-span[0], span[0]), rng.uniform(-span[1], span[1])
        if rng.random() < 0.3:
            return f"POINT({x:.5f} {y:.5f})"
        corners = rng.randint(3, 9)
        size = rng.choice([1, 5, 20])
        places = []
        for nth in range(corners):
            angle = 2 * math.pi * (nth + rng.uniform(0.1, 0.9)) / corners
            reach = size * rng.uniform(0.5, 1)
            places.append(f"{x + reach * math.cos(angle):.5f} {y + reach * math.sin(angle):.5f}")
        return f"POLYGON(({', '.join([*places, places[0]])}))"

    def question(self):
        rng = self.rng
        words = rng.choice(["WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"])
        query = f"@g:[{words} $s]" + rng.choice(["", "", " @n:[3 20]"])
        return ["FT.SEARCH", "i", query, "PARAMS", 2, "s", self.shape(), "NOCONTENT", "LIMIT", 0, 1000, "DIALECT", rng.choice([2, 3])]


FEATURES = {kind.__name__.lower(): kind for kind in (Suggestions, Spelling, Synonyms, Phonetic, Shown, Shapes)}


class Run:
    """Both servers, and what was found."""

    def __init__(self, options):
        self.options = options
        self.mine, self.peer = Server("redis-7.0", module_args=["reply-style", "redis"]), Server("redis-stack")
        self.connect()

    def connect(self):
        self.links = [[side.connect(protocol) for side in (self.mine, self.peer)] for protocol in (2, 3)]

    def put(self, command):
        if command == ["scanned"]:
            for link in self.links[1]:
                wait_until(lambda link=link: link("FT.INFO", "i").get("indexing") == 0, "scanned")
            return
        replies = [plain(link(*command)) for link in self.links[0]]
        assert replies[0] == replies[1], (command, replies)

    def feature(self, name):
        """Asks so many questions; the number of differences."""
        asked, differences, crashes, seed = 0, 0, 0, self.options.seed * 1_000_000
        reasons = collections.Counter()
        while asked < self.options.count:
            seed += 1
            feature = FEATURES[name](seed)
            history = []
            try:
                self.put(["FLUSHALL"])
                for command in feature.setup():
                    self.put(command)
                    history.append(command)
                for nth in range(feature.QUESTIONS):
                    command = feature.question()
                    mine, theirs = (plain(link(*command)) for link in self.links[nth % 2])
                    same = feature.same(command, mine, theirs)
                    asked += 1
                    if isinstance(same, str):
                        reasons[same] += 1
                    elif not same:
                        differences += 1
                        if differences <= self.options.show:
                            print(f"-- {name}, seed {seed}, RESP{nth % 2 + 2}\n{command}\n  here  {mine}\n  there {theirs}\n  {history[-40:]}")
                    if not command[0].startswith("FT.SE"):
                        history.append(command)
            except Disconnected:
                assert self.mine.alive(), self.mine.crash()
                crashes += 1
                self.peer.kill()
                self.peer.start()
                self.connect()
        print(f"{name}: {asked} cases, {differences} differences, {crashes} crashes of the peer", flush=True)
        for reason, count in reasons.most_common():
            print(f"  {count:6} {reason}")
        return differences

    def close(self):
        self.mine.close()
        self.peer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="*", metavar="FEATURE", choices=[*FEATURES, []])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=10)
    options = parser.parse_args()
    run = Run(options)
    try:
        return 1 if sum(run.feature(name) for name in options.features or FEATURES) else 0
    finally:
        run.close()


if __name__ == "__main__":
    sys.exit(main())
