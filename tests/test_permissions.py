"""Who may do what: kinds of users × every command of ours × what is theirs and what is not, against a written table.

The rules: an index needs the permission to read every key under its prefixes, and to write them where documents go; a key needs
what the command does with it; the categories are those of Redis 8, on servers that let a module name some.
"""

import random
import re
import string

import pytest

from resp import Error, Simple
from servers import BUILTIN_VECTOR_SETS

OK = Simple("OK")
NO_INDEX = Error("NOPERM User does not have the required permissions to query the index")
NO_SETTING = Error("NOPERM User does not have the required permissions to change a setting")

# Kinds of users: their rules, what they may read and write (of "app:" and "sec:"), what they may do by one pattern, and the
# categories taken from them; None: they have but a few commands by name.
USERS = {
    "anything": ("~* +@all", "app sec", "app sec", "app sec", set()),
    "own": ("~app:* +@all", "app", "app", "app", set()),
    "own, read": ("%R~app:* +@all", "app", "", "", set()),
    "own, written": ("%W~app:* +@all", "", "app", "", set()),
    "one byte more": ("~app:? ~sec:? +@all", "", "", "", set()),
    "the prefix alone": ("~app: ~sec: +@all", "", "", "", set()),
    "no key": ("resetkeys +@all", "", "", "", set()),
    "by a selector": ("resetkeys +@all (~app:* +@all)", "app", "app", "app", set()),
    "all read, own written": ("%R~* %W~app:* +@all", "app sec", "app", "", set()),
    "no admin": ("~app:* +@all -@admin -@dangerous", "app", "app", "app", {"admin", "dangerous"}),
    "no writes": ("~app:* +@all -@write", "app", "app", "app", {"write"}),
    "a few commands": ("~app:* -@all +ft.search +vsim +json.get", "app", "app", "app", None),
}
FEW = {"ft.search", "vsim", "json.get"}

# Command -> its words after the name, what it needs of the index ("r" to read, "rw" to delete, "" nothing), its categories.
# {i} is an index, {a} its alias, {p} its prefix.
INDEXES = {
    "FT.CREATE": ("new PREFIX 1 {p} SCHEMA t TAG", "r", "write"),
    "FT._CREATEIFNX": ("new PREFIX 1 {p} SCHEMA t TAG", "r", "write"),
    "FT.CREATE TEMPORARY": ("new PREFIX 1 {p} TEMPORARY 100 SCHEMA t TAG", "rw", "write"),
    "FT.CREATE AS AN ALIAS": ("{a} PREFIX 1 app:more: SCHEMA t TAG", "r+", "write"),
    "FT.ALTER": ("{i} SCHEMA ADD n NUMERIC", "r", "write"),
    "FT._ALTERIFNX": ("{i} SCHEMA ADD n NUMERIC", "r", "write"),
    "FT.DROPINDEX": ("{i}", "r", "write dangerous"),
    "FT.DROPINDEX BY ALIAS": ("{a}", "r", "write dangerous"),
    "FT.DROPINDEX DD": ("{i} DD", "rw", "write dangerous"),
    "FT._DROPINDEXIFX": ("{i}", "r", "write dangerous"),
    "FT._DROPINDEXIFX DD": ("{i} DD", "rw", "write dangerous"),
    "FT._DROPIFX": ("{i}", "rw", "write dangerous"),
    "FT.DROP": ("{i}", "rw", "write dangerous"),
    "FT.DROP KEEPDOCS": ("{i} KEEPDOCS", "r", "write dangerous"),
    "FT._DROPIFX KEEPDOCS": ("{i} KEEPDOCS", "r", "write dangerous"),
    "FT.ALIASADD": ("other {i}", "r", "write"),
    "FT._ALIASADDIFNX": ("other {i}", "r", "write"),
    "FT.ALIASUPDATE": ("other {i}", "r", "write"),
    "FT.ALIASUPDATE OF ANOTHER": ("{a} i:app", "r+", "write"),
    "FT.ALIASDEL": ("{a}", "r", "write"),
    "FT._ALIASDELIFX": ("{a}", "r", "write"),
    "FT.ALIASLIST": ("{i}", "r", "read"),
    "FT._ALIASLIST": ("", "", "read"),
    "FT.SEARCH": ("{i} *", "r", "read"),
    "FT.SEARCH BY ALIAS": ("{a} *", "r", "read"),
    "FT.AGGREGATE": ("{i} * LOAD 1 @t", "r", "read"),
    "FT.AGGREGATE WITHCURSOR": ("{i} * WITHCURSOR COUNT 1", "r", "read"),
    "FT.HYBRID": ("{i} SEARCH * VSIM @v $b PARAMS 2 b 1234", "r", "read"),
    "FT.PROFILE SEARCH": ("{i} SEARCH QUERY *", "r", "read"),
    "FT.PROFILE AGGREGATE": ("{i} AGGREGATE QUERY *", "r", "read"),
    "FT.CURSOR READ": ("READ {i} {c}", "r", "read"),
    "FT.CURSOR DEL": ("DEL {i} {c}", "r", "read"),
    "FT.INFO": ("{i}", "r", "read"),
    "FT.EXPLAIN": ("{i} *", "r", "read"),
    "FT.EXPLAINCLI": ("{i} *", "r", "read"),
    "FT.TAGVALS": ("{i} t", "r", "read dangerous"),
    "FT.SPELLCHECK": ("{i} word", "r", "read"),
    "FT.SYNUPDATE": ("{i} group word", "r", "write"),
    "FT.SYNDUMP": ("{i}", "r", "read"),
    "FT.DICTADD": ("dictionary word", "", "write"),
    "FT.DICTDEL": ("dictionary word", "", "write"),
    "FT.DICTDUMP": ("dictionary", "", "read"),
    "FT._LIST": ("", "", "admin"),
    "FT.CONFIG GET": ("GET TIMEOUT", "", "admin"),
    "FT.CONFIG HELP": ("HELP TIMEOUT", "", "admin"),
    "FT.CONFIG SET": ("SET TIMEOUT 500", "s", "admin"),
}
# Command -> its words, what it needs of the index and of its document ("both": to read and to write it by one pattern), its
# category.
LEGACY = {
    "FT.ADD": ("{i} {p}h:9 1 FIELDS t x", "both", "write"), "FT.SAFEADD": ("{i} {p}h:9 1 FIELDS t x", "both", "write"),
    "FT.DEL": ("{i} {p}h:0", "rw", "write"), "FT.GET": ("{i} {p}h:0", "r", "read"), "FT.MGET": ("{i} {p}h:0 {p}h:1", "r", "read"),
}  # fmt: skip
# Command -> its words, {k} a key and {l} another; what it does with the keys ("r" reads, "rw" changes), its category.
DOCUMENTS = {
    "JSON.SET": ("{k} $.n 1", "rw"), "JSON.MSET": ("{k} $.n 1 {l} $.n 2", "rw"), "JSON.MERGE": ('{k} $ {{"m":1}}', "rw"),
    "JSON.DEL": ("{k} $.n", "rw"), "JSON.FORGET": ("{k} $.n", "rw"), "JSON.CLEAR": ("{k} $.a", "rw"),
    "JSON.NUMINCRBY": ("{k} $.n 1", "rw"), "JSON.NUMMULTBY": ("{k} $.n 2", "rw"), "JSON.NUMPOWBY": ("{k} $.n 2", "rw"),
    "JSON.STRAPPEND": ('{k} $.s "x"', "rw"), "JSON.ARRAPPEND": ("{k} $.a 1", "rw"), "JSON.ARRINSERT": ("{k} $.a 0 1", "rw"),
    "JSON.ARRPOP": ("{k} $.a", "rw"), "JSON.ARRTRIM": ("{k} $.a 0 0", "rw"), "JSON.TOGGLE": ("{k} $.b", "rw"),
    "JSON.GET": ("{k} $", "r"), "JSON.MGET": ("{k} {l} $", "r"), "JSON.TYPE": ("{k} $", "r"), "JSON.STRLEN": ("{k} $.s", "r"),
    "JSON.ARRLEN": ("{k} $.a", "r"), "JSON.OBJLEN": ("{k} $", "r"), "JSON.ARRINDEX": ("{k} $.a 1", "r"),
    "JSON.OBJKEYS": ("{k} $", "r"), "JSON.RESP": ("{k} $", "r"), "JSON.DEBUG": ("MEMORY {k}", "r"),
}  # fmt: skip
SUGGESTIONS = {
    "FT.SUGADD": ("{k} text 1", "rw"), "FT.SUGDEL": ("{k} text", "rw"), "FT.SUGGET": ("{k} t", "r"), "FT.SUGLEN": ("{k}", "r"),
}  # fmt: skip
SETS = {
    "VADD": ("{k} VALUES 1 1 new", "rw"), "VREM": ("{k} e", "rw"), "VSETATTR": ("{k} e {{}}", "rw"),
    "_VRESTORE": ("{k} END x", "rw"), "VCARD": ("{k}", "r"), "VDIM": ("{k}", "r"), "VEMB": ("{k} e", "r"),
    "VGETATTR": ("{k} e", "r"), "VINFO": ("{k}", "r"), "VISMEMBER": ("{k} e", "r"), "VLINKS": ("{k} e", "r"),
    "VRANDMEMBER": ("{k}", "r"), "VRANGE": ("{k} - + 5", "r"), "VSIM": ("{k} ELE e", "r"),
}  # fmt: skip


def words_of(command, text, **names):
    """What is sent: the command's own words stand in the table's name up to a blank."""
    return command.split()[0].encode(), *(word.format(**names) for word in text.split())


def restore(r):
    """What is there before each command: an index, an alias, a key of each kind, of whom may be asked and of another."""
    r("FLUSHALL")
    for p in ("app", "sec"):
        space = "v VECTOR FLAT 6 TYPE FLOAT32 DIM 1 DISTANCE_METRIC L2"
        r("FT.CREATE", f"i:{p}", "PREFIX", 1, f"{p}:", "SCHEMA", "t", "TAG", *space.split())
        r("FT.ALIASADD", f"a:{p}", f"i:{p}")
        r.pipeline(("HSET", f"{p}:h:{n}", "t", "x") for n in range(3))
        for name in ("j", "k"):
            r("JSON.SET", f"{p}:d:{name}", "$", '{"n":1,"s":"s","a":[1,2],"b":true}')
        r("VADD", f"{p}:d:v", "VALUES", 1, 1, "e")
        r("FT.SUGADD", f"{p}:d:s", "text", 1)
    r("FT.DICTADD", "dictionary", "word")


def state(r):
    return r("DBSIZE"), sorted(map(str, r("FT._LIST"))), [sorted(r("FT.ALIASLIST", f"i:{p}")) for p in ("app", "sec")]


def has_categories(server):
    return server.version() >= (7, 2)


@pytest.fixture(params=USERS)
def user(request, server, r2):
    rules, reads, writes, both, without = USERS[request.param]
    restore(r2)
    assert r2("ACL", "SETUSER", "someone", "reset", "on", "nopass", *split(rules)) == OK
    client = server.connect()
    assert client("AUTH", "someone", "x") == OK
    client.reads, client.writes, client.both, client.without = reads.split(), writes.split(), both.split(), without
    yield client
    r2("ACL", "DELUSER", "someone")


def split(rules):
    """Words, and what stands in parentheses as one."""
    return re.findall(r"\([^)]*\)|\S+", rules)


def may_run(server, user, command, categories):
    if user.without is None:
        return command.split()[0].lower() in FEW
    return not (has_categories(server) and user.without & set(categories.split()))


def may_use(user, needs, prefix):
    if needs == "s":
        return user.without is not None and "admin" not in user.without
    allowed = {"r": prefix in user.reads, "rw": prefix in user.reads and prefix in user.writes, "": True}
    return allowed.get(needs, prefix in user.reads and "app" in user.reads)


@pytest.mark.smoke
def test_indexes(server, r2, user):
    restore(r2)
    before = state(r2)
    for command, (text, needs, categories) in INDEXES.items():
        for prefix in ("app", "sec"):
            cursor = r2("FT.AGGREGATE", f"i:{prefix}", "*", "WITHCURSOR", "COUNT", 1)[1]
            names = {"i": f"i:{prefix}", "a": f"a:{prefix}", "p": f"{prefix}:", "c": cursor}
            answer = user(*words_of(command, text, **names))
            case = f"{command} {prefix}: {answer!r}"
            if not may_run(server, user, command, categories):
                assert isinstance(answer, Error) and re.match("NOPERM .*no permissions to run", answer), case
            elif not may_use(user, needs, prefix):
                assert answer == (NO_SETTING if needs == "s" else NO_INDEX), case
            else:
                assert not isinstance(answer, Error), case
            if isinstance(answer, Error):
                assert state(r2) == before, case
            elif "write" in categories:
                restore(r2)


@pytest.mark.smoke
def test_documents_of_an_index(server, r2, user):
    restore(r2)
    before = state(r2)
    for command, (text, needs, categories) in LEGACY.items():
        for prefix in ("app", "sec"):
            answer = user(*words_of(command, text, i=f"i:{prefix}", p=f"{prefix}:"))
            case = f"{command} {prefix}: {answer!r}"
            allowed = prefix in user.both if needs == "both" else may_use(user, needs, prefix)
            if may_run(server, user, command, categories) and allowed:
                assert not isinstance(answer, Error), case
            else:
                assert isinstance(answer, Error) and answer.startswith("NOPERM "), case
                assert state(r2) == before, case
            if categories == "write" and not isinstance(answer, Error):
                restore(r2)


@pytest.mark.smoke
def test_keys(server, r2, user):
    tables = [("j", DOCUMENTS), ("s", SUGGESTIONS)] + [("v", SETS)] * (server.name not in BUILTIN_VECTOR_SETS)
    for kind, table in tables:
        for command, (text, needs) in table.items():
            for prefix, other in (("app", "app"), ("sec", "sec"), ("app", "sec"), ("sec", "app")):
                if other != prefix and "{l}" not in text:
                    continue
                answer = user(*words_of(command, text, k=f"{prefix}:d:{kind}", l=f"{other}:d:k"))
                case = f"{command} {prefix} {other}: {answer!r}"
                allowed = {prefix, other} <= set(user.both if needs == "rw" else user.reads)
                if not may_run(server, user, command, "write" if needs == "rw" else "read"):
                    assert isinstance(answer, Error) and re.match("NOPERM .*no permissions to run", answer), case
                elif not allowed:
                    assert isinstance(answer, Error) and re.match("NOPERM .*(No|no) permissions to access", answer), case
                else:
                    assert not isinstance(answer, Error) or command == "_VRESTORE", case
                if needs == "rw" and not isinstance(answer, Error):
                    restore(r2)


@pytest.mark.smoke
def test_one_sees_the_indexes_that_one_may_read(server, r2, user):
    if not may_run(server, user, "FT._LIST", "admin"):
        return
    assert sorted(map(str, user("FT._LIST"))) == [f"i:{prefix}" for prefix in ("app", "sec") if prefix in user.reads]


@pytest.mark.smoke
def test_every_command_stands_in_a_table(server, r2):
    """A new command takes a line above: what it needs, and its categories."""
    ours = {name.decode().upper() for name in r2("COMMAND", "LIST", "FILTERBY", "MODULE", "search")}
    # FT.SYNADD does nothing; FT._NODE and FT._DEF refuse whoever is no node of a cluster, see tests/cluster.
    known = {name.split()[0] for table in (INDEXES, LEGACY, DOCUMENTS, SUGGESTIONS, SETS) for name in table} | {
        "FT.SYNADD",
        "FT._NODE",
        "FT._DEF",
    }
    assert ours - known == set()


CATEGORIES = {name.split()[0]: set(categories.split()) for name, (_, _, categories) in (INDEXES | LEGACY).items()}


@pytest.mark.smoke
def test_categories(server, r2):
    if not has_categories(server):
        pytest.skip("Redis 7.0 has no categories for commands of modules")
    rest = {name: {"write"} if needs == "rw" else {"read"} for name, (_, needs) in (DOCUMENTS | SUGGESTIONS | SETS).items()}
    for name, wanted in (CATEGORIES | rest).items():
        if name in SETS and server.name in BUILTIN_VECTOR_SETS:
            continue
        has = {str(category).removeprefix("@") for category in r2("COMMAND", "INFO", name)[0][6]}
        assert wanted <= has, (name, has)
        assert not {"read", "write", "admin", "dangerous"} & has - wanted, (name, has)
        assert {"fast", "slow"} & has, (name, has)
        family = "search" if name.startswith("FT.") else "json" if name in DOCUMENTS else "vectorset"
        assert family in has or server.version() < (7, 4), (name, has)


SUFFIXES = ("", "0", "1", "x", "xy", ":", "*", "?", "\\", "[", "]", "a:", "secret", "x" * 70)
PATTERNS = (
    "*", "**", "?*", "user:*", "user:?", "user:1", "user:1*", "user:?*", "user:1?*", "user:[0-9]*", "user:[^0]*", "user:1[^x]*",
    "u*r:*", "*:1*", "*1*", "user:1*x", "us\\er:*", "user:\\*", "user:1\\*", "[tu]ser:*", "user:1**", "user:1*[x]*", "user:1[*",
    "*?", "a*user:1*", "user:[9-0]*", "user:[x\\]1]*", "user:1*?",
)  # fmt: skip


@pytest.mark.smoke
def test_whoever_may_read_an_index_may_read_every_key_under_its_prefix(server, r2):
    """The law, over patterns that somebody would write and over others."""
    chance = random.Random(20)
    letters = "user:1*?[]^\\" + string.digits[:2]
    made = {"".join(chance.choice(letters) for _ in range(chance.randrange(1, 9))) for _ in range(150)}
    client = server.connect()
    prefixes = ("user:1", "user:", "u", "")
    for number, prefix in enumerate(prefixes):
        r2("FT.CREATE", f"i{number}", "PREFIX", 1, prefix, "SCHEMA", "t", "TAG")
    refused = 0
    for pattern in (*PATTERNS, *sorted(made)):
        assert r2("ACL", "SETUSER", "someone", "reset", "on", "nopass", "+@all", f"~{pattern}") == OK
        client("AUTH", "someone", "x")
        for number, prefix in enumerate(prefixes):
            allowed = not isinstance(client("FT.SEARCH", f"i{number}", "*"), Error)
            readable = all(r2("ACL", "DRYRUN", "someone", "GET", prefix + suffix) == OK for suffix in SUFFIXES)
            assert readable or not allowed, (pattern, prefix)
            refused += readable and not allowed
    # What is refused although no key shows why: patterns that end in `*?`, and suffixes that are not tried.
    assert refused <= 12
    r2("ACL", "DELUSER", "someone")


@pytest.mark.smoke
def test_a_change_of_users_is_seen_at_once(server, r2):
    """In whichever way it comes: what is kept of a user must not outlive it."""
    r2("FT.CREATE", "i", "PREFIX", 1, "user:1", "SCHEMA", "t", "TAG")
    r2("ACL", "SETUSER", "someone", "reset", "on", "nopass", "+@all", "~user:1*")
    client = server.connect()
    client("AUTH", "someone", "x")

    def ask():
        return client("FT.SEARCH", "i", "*")

    def narrow(*words):
        return ("ACL", "SETUSER", "someone", "resetkeys", *words)

    assert ask() == [0]
    # Each still lets the prefix itself be read, as a key.
    r2(*narrow("~user:1"))
    assert ask() == NO_INDEX
    r2(*narrow("~user:1*"))
    assert ask() == [0]
    r2("MULTI")
    r2(*narrow("~user:1"))
    assert ask() == [0], "it is queued"
    r2("EXEC")
    assert ask() == NO_INDEX
    assert client("MULTI") == OK and client("FT.SEARCH", "i", "*") == Simple("QUEUED")
    r2(*narrow("~user:1*"))
    assert client("EXEC") == [[0]]
    # Within a transaction of one's own, before and after the change.
    client.pipeline([("MULTI",), ("FT.SEARCH", "i", "*"), narrow("~user:1"), ("FT.SEARCH", "i", "*")])
    assert client("EXEC") == [[0], OK, NO_INDEX]
    assert ask() == NO_INDEX
    assert client("EVAL", "return redis.pcall('FT.SEARCH', 'i', '*')", 0) == NO_INDEX
    r2(*narrow("~user:1*"))
    assert client("EVAL", "return redis.call('FT.SEARCH', 'i', '*')", 0) == [0]
    r2("ACL", "DELUSER", "someone")


@pytest.mark.smoke
def test_another_s_documents_stay(server, r2):
    r2("HSET", "sec:1", "t", "x")
    r2("ACL", "SETUSER", "someone", "reset", "on", "nopass", "~app:*", "+@all", "-@admin")
    client = server.connect()
    client("AUTH", "someone", "x")
    for words in (
        ("mine", "SCHEMA", "t", "TAG"),
        ("mine", "PREFIX", 2, "app:", "sec:", "SCHEMA", "t", "TAG"),
        ("mine", "PREFIX", 1, "app", "SCHEMA", "t", "TAG"),
    ):
        assert client("FT.CREATE", *words) == NO_INDEX
    assert client("FT.DROPINDEX", "mine", "DD").lower().startswith("unknown index name")
    assert r2("EXISTS", "sec:1") == 1 and r2("FT._LIST") == []
    r2("ACL", "DELUSER", "someone")


@pytest.mark.smoke
def test_servers_of_their_own_ask_nobody(start):
    """What a master or an AOF brings was asked for where it came from."""
    master, replica = start("--appendonly", "yes", "--aof-use-rdb-preamble", "no"), start()
    r = master.connect()
    replica.connect()("ACL", "SETUSER", "default", "resetkeys", "~nothing", "+@all")
    replica.follow(master)
    restore(r)
    r("FT.DROPINDEX", "i:app", "DD")
    r("MULTI")
    r("FT.CREATE", "new", "PREFIX", 1, "new:", "SCHEMA", "t", "TAG")
    r("EXEC")
    r("EVAL", "return redis.call('FT.ALIASADD', 'a', 'new')", 0)
    replica.catch_up(master)
    wanted = ["i:sec", "new"]
    r2 = replica.connect()
    assert r2("FT.SEARCH", "i:sec", "*") == NO_INDEX
    r2("ACL", "SETUSER", "default", "~*")
    assert sorted(map(str, r2("FT._LIST"))) == wanted and r2("EXISTS", "app:h:1", "sec:h:1") == 1
    master.restart()
    r = master.connect()
    assert sorted(map(str, r("FT._LIST"))) == wanted and r("FT.ALIASLIST", "new") == [b"a"]
