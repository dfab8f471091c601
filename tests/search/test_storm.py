"""A short storm; `tests/storm.py` brews longer ones."""

from storm import storm


def test_nothing_is_lost_repeated_or_empty_in_a_storm(start):
    server = start()
    counts, before, after = storm(server, 8)
    assert min(count for name, count in counts.items() if name != "missed") > 0
    # Thirty fields more, and the room that the graph had for the vectors that waited.
    assert after < before + 12_000_000
    assert not server.crash()
