"""docs/differences.md: each row of its tables is what the module answers, and what the peer does.

The peers come from PyPI (scripts/setup). Rows are asked in their order, on an empty server, in RESP2.
"""

import codecs
import re

import pytest

from resp import NULL, NULL_BULK, Error
from servers import ROOT

PAGE = (ROOT / "docs" / "differences.md").read_text()
PEERS = {"RediSearch 2.10.5": "redis-stack", "RedisJSON 2.8": "redis-stack", "Redis 8.2.3": "redis-8.2"}


def words(line):
    """The words of a command, with quotes as redis-cli takes them."""
    for word in re.findall(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|\S+', line):
        plain = word[1:-1].encode() if word[0] in "\"'" else word.encode()
        yield codecs.escape_decode(plain)[0] if word[0] == '"' else plain


def shown(reply):
    """A reply as the page shows it."""
    if isinstance(reply, Error):
        return f"error: {reply}"
    if isinstance(reply, list):
        return f"[{', '.join(map(shown, reply))}]"
    if reply is NULL or reply is NULL_BULK:
        return "nil"
    return reply.decode(errors="backslashreplace") if isinstance(reply, bytes) else str(reply)


def sections():
    """(heading, given lines, [(asked, here, there)]) of each table of answers."""
    for title, body in re.findall(r"^## ([^\n]*, beside [^\n]*)\n(.*?)(?=^## )", PAGE, re.M | re.S):
        given = re.search(r"^```text\n(.*?)^```", body, re.M | re.S)[1].splitlines()
        rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \|", body, re.M)
        yield title, given, [[cell.replace("\\|", "|") for cell in row] for row in rows]


def ask(connection, given, rows):
    """What it answers to each row."""
    for line in given:
        reply = connection(*words(line))
        assert not isinstance(reply, Error), (line, reply)
    return [shown(connection(*words(asked))) for asked, _, _ in rows]


SECTIONS = [pytest.param(*section, id=section[0]) for section in sections()]


@pytest.mark.parametrize("title, given, rows", SECTIONS)
def test_the_module_answers_as_the_page_says(server, r2, title, given, rows):
    assert rows and ask(r2, given, rows) == [here for _, here, _ in rows]


@pytest.mark.parametrize("title, given, rows", SECTIONS)
def test_the_peer_answers_as_the_page_says(start, title, given, rows):
    peer = start(name=PEERS[title.split("beside ")[1]])
    assert ask(peer.connect(), given, rows) == [there for _, _, there in rows]
