"""A short storm; `tests/storm.py` brews longer ones."""

from storm import storm


def test_nothing_is_lost_repeated_or_empty_in_a_storm(start):
    server = start()
    counts, _, _ = storm(server, 8)
    assert min(counts.values()) > 0
    assert not server.crash()
