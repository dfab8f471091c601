"""Replies of RediSearch 2.10.5 about scores, reducers, options, settings and FORMAT EXPAND, command by command."""

import pytest

import golden

ROWS = golden.rows("search-golden.jsonl")


@pytest.mark.smoke
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("group", golden.groups(ROWS))
def test_replies_are_those_of_the_field(server, redis_style, group, protocol):
    c = server.connect(protocol)
    c("CONFIG", "SET", "search.default-scorer", "TFIDF")  # RediSearch 2's
    golden.check(c, ROWS, group)
