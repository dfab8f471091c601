"""The queries of the sweep: FT.SEARCH of every kind. `cases` gives (name, commands)."""

import random

from benchmarks.sweep_data import STOPS

# Values of a case: so many different commands are sent in turn.
VALUES = 40
NC = ("NOCONTENT",)
# Both rank by the same rule, where words rank.
TF = ("SCORER", "TFIDF")
TWO = ("DIALECT", 2)


class Chance:
    """Draws words, ranges and phrases for queries."""

    def __init__(self, documents, seed):
        self.random, self.documents = random.Random(seed), documents
        self.common, self.mid = documents.between(50_000, 250_000), documents.between(5_000, 25_000)
        self.rare, self.very = documents.between(80, 400), documents.between(75_000, 10**9)
        self.long = [word for word in self.mid if len(word) > 5] or self.mid

    def of(self, words):
        return self.random.choice(words)

    def some(self, words, count):
        return self.random.sample(words, min(count, len(words)))

    def number(self, *bounds):
        return self.random.randrange(*bounds)

    def range(self, share, width=1e6):
        low = self.random.random() * (1 - share) * width
        return f"[{low:.4f} {low + share * width:.4f}]"

    def phrase(self, count):
        while True:
            words = self.of(self.documents.texts.glosses).split()
            start = self.number(max(1, len(words) - count))
            found = words[start : start + count]
            # RediSearch refuses some phrases with stop words.
            if len(found) == count and not set(found) & set(STOPS):
                return " ".join(found)

    def numbers(self, count):
        return self.random.sample(range(self.documents.count), min(count, self.documents.count))


def search(query, *words):
    return ["FT.SEARCH", "idx", query, *words]


def words(c):
    """One word and several, by scorer, field and frequency."""
    for name, scorer in (("NOCONTENT TFIDF", "TFIDF"), ("BM25STD NC", "BM25STD"), ("DOCSCORE NC", "DOCSCORE"), ("DISMAX NC", "DISMAX")):
        yield f"word common {name}", lambda scorer=scorer: search(c.of(c.common), *NC, "SCORER", scorer)
    yield "word TFIDF.DOCNORM NC", lambda: search(c.of(c.common), *NC, "SCORER", "TFIDF.DOCNORM")
    yield "word default scorer NC", lambda: search(c.of(c.common), *NC)
    yield "word common rows TFIDF", lambda: search(c.of(c.common), *TF)
    yield "word common field @title", lambda: search("@title:" + c.of(c.mid), *NC, *TF)
    yield "word mid NC", lambda: search(c.of(c.mid), *NC, *TF)
    yield "word rare NC", lambda: search(c.of(c.rare), *NC, *TF)
    yield "word rare rows", lambda: search(c.of(c.rare), *TF)
    for count in (2, 3, 5):
        yield f"AND {count} common", lambda count=count: search(" ".join(c.some(c.very, count)), *NC, *TF)
    yield "AND 2 common+rare", lambda: search(f"{c.of(c.common)} {c.of(c.rare)}", *NC, *TF)
    for count, name in ((5, "mid"), (5, "common"), (50, "mid"), (50, "rare")):
        yield f"OR {count} {name}", lambda count=count, name=name: search("|".join(c.some(getattr(c, name), count)), *NC, *TF)
    yield "VERBATIM word", lambda: search(c.of(c.common), *NC, *TF, "VERBATIM")
    yield "DIALECT 4 word", lambda: search(c.of(c.common), *NC, *TF, "DIALECT", 4)
    yield "INFIELDS title", lambda: search(c.of(c.mid), *NC, *TF, "INFIELDS", 1, "title")
    yield "no such word", lambda: search(f"zzqx{c.number(1000)}", *NC, *TF)


def nearness(c):
    """Phrases, SLOP and INORDER."""
    for count in (2, 3):
        yield f"phrase {count}", lambda count=count: search(f'"{c.phrase(count)}"', *NC, *TF)
    yield "phrase 2 common", lambda: search('"{} {}"'.format(*c.some(c.very, 2)), *NC, *TF)
    yield "SLOP 2 INORDER", lambda: search(" ".join(c.some(c.very, 2)), "SLOP", 2, "INORDER", *NC, *TF)
    yield "SLOP 5", lambda: search(" ".join(c.some(c.very, 3)), "SLOP", 5, *NC, *TF)
    yield "attr slop", lambda: search("({} {})=>{{$slop:3;$inorder:true}}".format(*c.some(c.very, 2)), *NC, *TF, *TWO)


def patterns(c):
    """Prefixes, suffixes, wildcards, fuzzy words."""
    yield "prefix short 2", lambda: search(c.of(c.mid)[:2] + "*", *NC, *TF)
    yield "prefix 3", lambda: search(c.of(c.mid)[:3] + "*", *NC, *TF)
    yield "prefix long 5", lambda: search(c.of(c.long)[:5] + "*", *NC, *TF)
    yield "suffix (trie)", lambda: search(f"@alias:*{c.of(c.long)[-4:]}", *NC, *TF, *TWO)
    yield "infix (trie)", lambda: search(f"@alias:*{c.of(c.long)[1:5]}*", *NC, *TF, *TWO)
    for count in (1, 2, 3):
        yield f"fuzzy {count}", lambda count=count: search("%" * count + c.of(c.long) + "%" * count, *NC, *TF)


def without_tries(c):
    """What RediSearch answers only where no field of the index has a trie of suffixes: asked of the index `plain`."""
    ask = lambda pattern: ["FT.SEARCH", "plain", f"@body:{pattern}", *NC, *TF, *TWO]
    wild = lambda shape: ask(f"w'{shape(c.of(c.long))}'")
    yield "suffix (no trie)", lambda: ask(f"*{c.of(c.long)[-4:]}")
    yield "infix (no trie)", lambda: ask(f"*{c.of(c.long)[1:5]}*")
    yield "wildcard a?b*c", lambda: wild(lambda word: f"{word[0]}?{word[2]}*{word[-2:]}")
    yield "wildcard *ab*cd*", lambda: wild(lambda word: f"*{word[:2]}*{word[-2:]}*")


def tags(c):
    unique = lambda: c.number(c.documents.count)
    yield "tag common 10%", lambda: search(f"@cat:{{c{c.number(10)}}}", *NC)
    yield "tag common rows", lambda: search(f"@cat:{{c{c.number(10)}}}")
    yield "tag 1/1000", lambda: search(f"@brand:{{b{c.number(1000)}}}", *NC)
    yield "tag unique", lambda: search(f"@uid:{{u{unique()}}}", *NC)
    yield "tag unique rows", lambda: search(f"@uid:{{u{unique()}}}")
    yield "tag OR 100 of brand", lambda: search("@brand:{" + "|".join(f"b{x}" for x in c.some(range(1000), 100)) + "}", *NC)
    yield "tag OR 100 unique", lambda: search("@uid:{" + "|".join(f"u{x}" for x in c.numbers(100)) + "}", *NC)
    yield "tag multi t", lambda: search(f"@tags:{{t{c.number(100)}}}", *NC)
    yield "tag multi AND 2", lambda: search(f"@tags:{{t{c.number(100)}}} @tags:{{t{c.number(100)}}}", *NC)
    yield "tag prefix uid:{u12*}", lambda: search(f"@uid:{{u{c.number(10, 1000)}*}}", *NC)
    yield "tag infix", lambda: search(f"@brand:{{*{c.number(10, 99)}*}}", *NC, *TWO)
    yield "ismissing", lambda: search("ismissing(@opt)", *NC, *TWO)
    yield "ismissing AND word", lambda: search(f"{c.of(c.common)} ismissing(@opt)", *NC, *TF, *TWO)


def places(c):
    """Numbers and circles."""
    for share in (0.0001, 0.001, 0.01, 0.1, 0.5):
        yield f"numeric {100 * share:g}%", lambda share=share: search("@price:" + c.range(share), *NC)
    yield "numeric 10% rows", lambda: search("@price:" + c.range(0.1))
    yield "numeric zipf [1 3]", lambda: search(f"@qty:[1 {c.number(1, 5)}]", *NC)
    yield "numeric zipf tail", lambda: search(f"@qty:[({c.number(50, 5000)} +inf]", *NC)
    yield "numeric equal qty", lambda: search("@qty:[{0} {0}]".format(c.number(5, 100)), *NC)
    two = lambda one, other: search(f"@price:{c.range(one)} @rating:{c.range(other, 1)}", *NC)
    yield "2 ranges 10%x10%", lambda: two(0.1, 0.1)
    yield "2 ranges 50%x50%", lambda: two(0.5, 0.5)
    yield "2 ranges 50%x.1%", lambda: two(0.5, 0.001)
    place = lambda: f"{c.random.random() * 40 - 20:.3f} {c.random.random() * 40:.3f}"
    for radius in (1, 10, 100, 1000):
        yield f"geo {radius} km", lambda radius=radius: search(f"@loc:[{place()} {radius} km]", *NC)
    yield "FILTER price legacy", lambda: search(c.of(c.common), *NC, *TF, "FILTER", "price", 1000, 200000)
    yield "GEOFILTER legacy", lambda: search(c.of(c.common), *NC, *TF, "GEOFILTER", "loc", 5, 10, 500, "km")


def mixed(c):
    """Several kinds in one query."""
    cat = lambda: f"@cat:{{c{c.number(10)}}}"
    yield "text+num+tag", lambda: search(f"{c.of(c.common)} @price:{c.range(0.2)} {cat()}", *NC, *TF)
    cats = lambda: f"@cat:{{c{c.number(5)}|c{5 + c.number(5)}}}"
    yield "rare text+num50%+tag", lambda: search(f"{c.of(c.mid)} @price:{c.range(0.5)} {cats()}", *NC, *TF)
    yield "negation -word", lambda: search("-" + c.of(c.common), *NC, *TF)
    yield "word -word", lambda: search(f"{c.of(c.common)} -{c.of(c.very)}", *NC, *TF)
    yield "tag -num", lambda: search(f"{cat()} -@price:{c.range(0.3)}", *NC)
    yield "optional word ~word", lambda: search(f"{c.of(c.common)} ~{c.of(c.very)}", *NC, *TF)
    yield "optional alone ~word", lambda: search("~" + c.of(c.common), *NC, *TF)
    nested = lambda: f"(@title:{c.of(c.mid)})|(@body:({c.of(c.common)} {c.of(c.common)}))|(@cat:{{c1}} @price:[0 1000])"
    yield "OR of fields nested", lambda: search(nested(), *NC, *TF)
    yield "boost attr weight", lambda: search(f"({c.of(c.mid)})=>{{$weight:5}} | {c.of(c.mid)}", *NC, *TF, *TWO)
    given = ("PARAMS", 6, "a", 1000, "b", 300000, "c", "c3", *TWO)
    yield "DIALECT 2 params", lambda: search("@price:[$a $b] @cat:{$c}", *NC, *given)
    keys = lambda: ("INKEYS", 1000, *(f"d:{number}" for number in c.numbers(1000)))
    if c.documents.count >= 1000:
        yield "INKEYS 1000 *", lambda: search("*", *NC, *keys())
        yield "INKEYS 1000 word", lambda: search(c.of(c.common), *NC, *TF, *keys())
    yield "FT.EXPLAIN", lambda: ["FT.EXPLAIN", "idx", nested()]
    yield "FT.EXPLAIN prefix", lambda: ["FT.EXPLAIN", "idx", c.of(c.mid)[:3] + "*"]


def shapes(c):
    """What is returned, and in which order."""
    cat = lambda: f"@cat:{{c{c.number(10)}}}"
    yield "* 0 10", lambda: search("*", *NC)
    none = ("LIMIT", 0, 0)
    yield "* LIMIT 0 0", lambda: search("*", *none)
    yield "word LIMIT 0 0", lambda: search(c.of(c.common), *none, *TF)
    yield "tag LIMIT 0 0", lambda: search(cat(), *none)
    yield "num 10% LIMIT 0 0", lambda: search("@price:" + c.range(0.1), *none)
    by = lambda query, field, *words: search(query, *NC, "SORTBY", field, *words)
    yield "SORTBY price * 10", lambda: by("*", "price", c.of(["ASC", "DESC"]))
    yield "SORTBY price tag10% 10", lambda: by(cat(), "price", "ASC")
    yield "SORTBY price word 1000 10", lambda: by(c.of(c.common), "price", "ASC", "LIMIT", 1000, 10)
    yield "SORTBY price * 10000 10", lambda: by("*", "price", "ASC", "LIMIT", 10000, 10)
    yield "SORTBY ts range rows", lambda: search("@price:" + c.range(0.1), "SORTBY", "ts", "DESC")
    yield "SORTBY name word", lambda: by(c.of(c.common), "name", "ASC")
    yield "SORTBY name * 10000 10", lambda: by("*", "name", "ASC", "LIMIT", 10000, 10)
    yield "SORTBY cat(tag) word", lambda: by(c.of(c.mid), "cat", "ASC")
    yield "SORTBY unsortable num 1/1000", lambda: by(f"@brand:{{b{c.number(1000)}}}", "rating", "ASC")
    yield "SORTBY unsortable num 10%", lambda: by(cat(), "rating", "ASC")
    yield "SORTBY unsortable text mid word", lambda: by(c.of(c.mid), "title", "ASC")
    yield "RETURN 1", lambda: search(c.of(c.mid), "RETURN", 1, "price", *TF)
    yield "RETURN 4", lambda: search(c.of(c.mid), "RETURN", 4, "title", "price", "cat", "uid", *TF)
    three = ("RETURN", 3, "title", "price", "cat")
    yield "LIMIT 0 100 RETURN 3", lambda: search(c.of(c.common), *three, "LIMIT", 0, 100, *TF)
    yield "LIMIT 0 1000 NC", lambda: search(c.of(c.common), *NC, "LIMIT", 0, 1000, *TF)
    yield "LIMIT 0 1000 rows", lambda: search(c.of(c.common), "LIMIT", 0, 1000, *TF)
    yield "LIMIT 0 1000 RETURN 1", lambda: search(cat(), "RETURN", 1, "price", "LIMIT", 0, 1000)
    yield "LIMIT 10000 10 word", lambda: search(c.of(c.common), *NC, "LIMIT", 10000, 10, *TF)
    yield "WITHSCORES", lambda: search(c.of(c.common), *NC, "WITHSCORES", *TF)
    yield "EXPLAINSCORE", lambda: search(c.of(c.mid), *NC, "WITHSCORES", "EXPLAINSCORE", *TF)
    yield "WITHSORTKEYS", lambda: search(c.of(c.mid), *NC, "WITHSORTKEYS", "SORTBY", "price", *TF)


def drawn(documents, seed, *families):
    """(name, commands) of all cases of these families."""
    c = Chance(documents, seed)
    for family in families:
        for name, draw in family(c):
            yield name, [draw() for _ in range(VALUES)]


def cases(documents):
    """Those that are asked of the index of all fields."""
    return drawn(documents, 9, words, nearness, patterns, tags, places, mixed, shapes)


def plain_cases(documents):
    return drawn(documents, 11, without_tries)
