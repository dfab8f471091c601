"""A cost is O(n log n) in the size of one value, one document or one query: every dimension of `sizes` is made larger four times, twice.

What is counted is the time that the kernel has let the server's threads run, in nanoseconds: not the time that passes. What four
times the size adds is compared with what four times less added: four times as much where a cost grows with the size, sixteen
times where it grows with its square.
"""

import pathlib

import pytest

from resp import Error
from sizes import DIMENSIONS

# Between 4 and 16, and an n log n is below.
MOST = 9
# Of less than this, in nanoseconds, nothing can be said.
LEAST = 400_000
TRIES = 5


def ran(server):
    """Nanoseconds that the server's threads have run."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def cost(server, c, dimension, size):
    c("FLUSHALL")
    for index in c("FT._LIST"):
        c("FT.DROPINDEX", index)
    before, commands = dimension.make(size)
    for command in before:
        reply = c(*command)
        assert not isinstance(reply, Error), (dimension.name, reply)
    start = ran(server)
    for command in commands:
        c(*command)
    return ran(server) - start


def growth(server, c, dimension):
    costs = [cost(server, c, dimension, dimension.base * times) for times in (1, 4, 16)]
    small, large = costs[1] - costs[0], costs[2] - costs[1]
    return (large / max(small, LEAST / 4), costs)


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=[dimension.name for dimension in DIMENSIONS])
def test_a_cost_grows_with_the_size(server, dimension):
    c = server.connect(3, timeout=300)
    seen = []
    for _ in range(TRIES):
        seen.append(growth(server, c, dimension))
        if seen[-1][0] < MOST:
            return
    pytest.fail(f"{dimension.name}: {seen}")
