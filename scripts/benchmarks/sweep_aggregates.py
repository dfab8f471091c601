"""FT.AGGREGATE and the small commands of an index, for the sweep. `aggregates` and `small` give (name, commands)."""

from benchmarks.sweep_queries import drawn

FIRST = ("LIMIT", 0, 10)
COUNT = ("REDUCE", "COUNT", 0, "AS", "n")


def ask(query, *words):
    return ["FT.AGGREGATE", "idx", query, *words]


def by(field, *words):
    return ("GROUPBY", 1, f"@{field}", *words)


def reduce(name, *arguments):
    return ("REDUCE", name, len(arguments), *arguments)


def groups(c):
    brand, cat = (lambda: f"@brand:{{b{c.number(1000)}}}"), (lambda: f"@cat:{{c{c.number(10)}}}")
    yield "AGG groupby cat count *", lambda: ask("*", *by("cat", *COUNT))
    sums = (*reduce("SUM", "@price"), *reduce("AVG", "@price"))
    yield "AGG groupby cat sum avg *", lambda: ask("*", *by("cat", *sums))
    reducers = {
        "count_distinct": ("COUNT_DISTINCT", "@name"),
        "count_distinctish": ("COUNT_DISTINCTISH", "@name"),
        "quantile": ("QUANTILE", "@price", 0.5),
        "tolist": ("TOLIST", "@ts"),
        "stddev": ("STDDEV", "@price"),
        "first_value": ("FIRST_VALUE", "@name", "BY", "@price", "DESC"),
        "random_sample": ("RANDOM_SAMPLE", "@name", 10),
    }
    for name, words in reducers.items():
        yield f"AGG groupby cat {name} *", lambda words=words: ask("*", *by("cat", *reduce(*words)))
    yield "AGG groupby cat tolist tag", lambda: ask(brand(), *by("cat", *reduce("TOLIST", "@name")))
    yield "AGG groupby name(28k) count *", lambda: ask("*", *by("name", *COUNT), *FIRST)
    yield "AGG groupby ts(200k) count *", lambda: ask("*", *by("ts", *COUNT), *FIRST)
    yield "AGG groupby brand (unsortable) 10%", lambda: ask(cat(), *by("brand", *COUNT), *FIRST)
    yield "AGG groupby tags array unsortable 10%", lambda: ask(cat(), *by("tags", *COUNT), *FIRST)
    yield "AGG groupby cat brand 1/1000", lambda: ask(brand(), "GROUPBY", 2, "@cat", "@brand", *COUNT)
    yield "AGG groupby word mid", lambda: ask(c.of(c.mid), *by("cat", *COUNT, *reduce("MAX", "@price")))
    yield "AGG group+sortby", lambda: ask("*", *by("name", *COUNT), "SORTBY", 2, "@n", "DESC", "MAX", 10)


def steps(c):
    """APPLY and FILTER."""
    apply = lambda expression, *words: ask("*", "APPLY", expression, "AS", "x", *words)
    yield "AGG apply arithmetic *", lambda: apply("@price*2+sqrt(@ts)%7", "GROUPBY", 0, "REDUCE", "SUM", 1, "@x", "AS", "s")
    yield "AGG apply strings *", lambda: apply("upper(substr(@name,0,3))", *by("x", *COUNT), *FIRST)
    yield "AGG apply format *", lambda: apply('format("%s-%s",@cat,@name)', *by("x", *COUNT), *FIRST)
    yield "AGG apply timefmt *", lambda: apply('timefmt(@ts,"%Y-%m")', *by("x", *COUNT))
    month = ("APPLY", "monthofyear(@ts)", "AS", "m", "GROUPBY", 2, "@x", "@m", *COUNT)
    yield "AGG apply year/month *", lambda: apply("year(@ts)", *month)
    away = ("LOAD", 1, "@loc", "APPLY", 'geodistance(@loc,"5,10")', "AS", "x", "SORTBY", 2, "@x", "ASC", "MAX", 10)
    yield "AGG apply geodistance 1/1000", lambda: ask(f"@brand:{{b{c.number(1000)}}}", *away)
    keep = lambda expression: ask("*", "FILTER", expression, *by("cat", *COUNT))
    yield "AGG filter *", lambda: keep("@price>500000 && @ts<1700000000")
    yield "AGG filter string *", lambda: keep('startswith(@name,"ba") || contains(@name,"sto")')


def rows(c):
    """Sorting and loading."""
    cat = lambda: f"@cat:{{c{c.number(10)}}}"
    top = ("SORTBY", 2, "@price", "DESC", "MAX", 10)
    yield "AGG SORTBY MAX 10 *", lambda: ask("*", "LOAD", 1, "@price", *top)
    yield "AGG SORTBY 2 keys MAX 10 *", lambda: ask("*", "SORTBY", 4, "@cat", "ASC", "@price", "DESC", "MAX", 10)
    two = ("LOAD", 2, "@title", "@rating")
    yield "AGG LOAD unsortable 10 rows", lambda: ask(cat(), *two, *FIRST)
    yield "AGG LOAD sortable 10 rows", lambda: ask(cat(), "LOAD", 1, "@price", *FIRST)
    yield "AGG LOAD unsortable 1000 rows", lambda: ask(cat(), *two, "LIMIT", 0, 1000)
    yield "AGG LOAD * 1000 rows", lambda: ask(cat(), "LOAD", "*", "LIMIT", 0, 1000)
    average = by("cat", "REDUCE", "AVG", 1, "@rating", "AS", "a")
    yield "AGG LOAD unsortable GROUPBY 10%", lambda: ask(cat(), "LOAD", 1, "@rating", *average)
    yield "AGG LOAD @__key 10%", lambda: ask(cat(), "LOAD", 1, "@__key", "LIMIT", 0, 1000)


def aggregates(documents):
    return drawn(documents, 10, groups, steps, rows)


def small(documents):
    """Commands that look at an index and not at documents."""
    yield "FT.INFO", [["FT.INFO", "idx"]]
    for count, field in (("1000", "brand"), ("10", "cat"), ("200k", "uid")):
        yield f"FT.TAGVALS {count}", [["FT.TAGVALS", "idx", field]]
    yield "FT._LIST", [["FT._LIST"]]


# What is read page by page: name of the case -> words of the command.
CURSORS = {
    "sortable": ["LOAD", 1, "@price"],
    "none": [],
    "unsortable": ["LOAD", 2, "@title", "@rating"],
    "sortby": ["SORTBY", 2, "@price", "ASC", "MAX", 1_000_000],
}


def read_all(connection, words):
    """Reads all pages of 1,000 rows of a cursor; returns how many rows there were."""
    reply, cursor = connection(*ask("*", *words, "WITHCURSOR", "COUNT", 1000))
    count = len(reply) - 1
    while cursor:
        reply, cursor = connection("FT.CURSOR", "READ", "idx", cursor)
        count += len(reply) - 1
    return count
