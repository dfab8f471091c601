"""The table of functions through which other modules read documents, as a small module in C uses it; and that RedisJSON's
answers to the same module are the same."""

import pathlib
import subprocess

import pytest

from resp import Error, Simple

DOCUMENT = (
    '{"n":1,"big":18446744073709551615,"x":1.5,"s":"é","t":true,"z":null,"l":[1,[2],{"k":"v"}],"f":[0.5,0.25],"e":{},"o":{"a":{"b":[]}}}'
)
PATHS = ["$", "$.n", "$.big", "$.x", "$.s", "$.t", "$.z", "$.l", "$.l[*]", "$..*", "$.f[1]", "$.nope", "$.o.a", "$.e"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The C module, compiled."""
    library = tmp_path_factory.mktemp("reader") / "reader.so"
    source = pathlib.Path(__file__).parent / "reader.c"
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", library, source], check=True)
    return library


@pytest.fixture
def c(start, reader):
    server = start()
    c = server.connect()
    assert c("MODULE", "LOAD", str(reader)) == Simple("OK")
    assert c("JSON.SET", "k", "$", DOCUMENT) == Simple("OK")
    return c


@pytest.mark.smoke
def test_values_are_read(c):
    said = c("READ", "k", "$.l").decode()
    head, *lines = said.splitlines()
    assert head == 'json=1 single=1 ordered=1 same=1 matches=1 all=[[1,[2],{"k":"v"}]]'
    assert lines == [
        'type=5 json=[1,[2],{"k":"v"}] len=3',
        " type=1 int=1 double=1 json=1",
        " type=5 json=[2] len=1",
        "  type=1 int=2 double=2 json=2",
        ' type=4 json={"k":"v"} len=1',
        "  key=k",
        '  type=0 string=v json="v" len=1.',
    ]
    assert c("READ", "k", "$.nope") == b"json=1 single=1 ordered=1 same=1 matches=0"
    assert c("READ", "k", "$.big").splitlines()[1] == b"type=2 double=1.84467e+19 json=18446744073709551615."
    assert b" error=Error occurred on position 2, " in c("READ", "k", "$.")
    assert c("READ", "nokey", "$") == b"json=-1 single=1 ordered=1 same=1"
    c("SET", "string", "x")
    assert c("READ", "string", "$") == b"json=0 single=1 ordered=1 same=1"


@pytest.mark.smoke
def test_no_reader_breaks_what_it_reads(c):
    """Many values at a time, and a document that changes in between; nothing is left behind."""
    c("JSON.SET", "long", "$", "[" + ",".join(f'{{"n":{n}}}' for n in range(1000)) + "]")
    for _ in range(30):
        assert not isinstance(c("READ", "long", "$[*]"), Error)
        assert not isinstance(c("READ", "long", "$", "AUTOMEMORY"), Error)
        assert not isinstance(c("JSON.ARRAPPEND", "long", "$", "1"), Error)
    used = c("MEMORY", "USAGE", "long")
    assert c("JSON.GET", "k") == DOCUMENT.encode() and c("MEMORY", "USAGE", "long") == used


def test_redisjson_answers_the_same(c, start, reader):
    peer = start(name="redis-stack").connect()
    assert peer("MODULE", "LOAD", str(reader)) == Simple("OK")
    assert peer("JSON.SET", "k", "$", DOCUMENT.replace("18446744073709551615", "1")) == Simple("OK")
    c("JSON.SET", "k", "$.big", "1")
    for path in PATHS:
        ours, theirs = (connection("READ", "k", path).decode() for connection in (c, peer))
        # matches have an order here, whatever the path; there only those of paths to one place
        assert ours == theirs.replace("ordered=0", "ordered=1"), path
