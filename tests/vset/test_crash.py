"""kill -9 during writes: a few rounds of tests/crash.py."""

import pytest

import crash


@pytest.mark.differs("10.1, 10.2", crashes=True)
@pytest.mark.smoke
def test_acknowledged_writes_survive_kill_9(server_name):
    written, wrong = crash.run(4, server_name)
    assert not wrong, wrong[:10]
    assert written > 500
