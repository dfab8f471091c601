"""What a server is at, for the sweep: its processor time, whether it rests, whether an index has all that was written."""

import os
import pathlib
import time

from servers import wait_until

TICKS = os.sysconf("SC_CLK_TCK")
# Share of a core below which a server rests, over a twentieth of a second.
RESTS = 0.2


def processor(server):
    """Seconds of processor time of a server: all its threads, those that have ended too, and the processes it made and waited for."""
    process = server.process.pid
    # The clock of another process: its number negated, shifted, and the kind of the clock (all threads).
    own = time.clock_gettime((~process << 3) | 2)
    children = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[13:15]
    return own + sum(map(int, children)) / TICKS


def quiet(side, patience=120):
    """Waits until what the server does behind its clients is done."""

    def rests():
        before = processor(side.server)
        time.sleep(0.05)
        return processor(side.server) - before < RESTS * 0.05

    wait_until(rests, f"{side.label} rests", timeout=patience)


def indexed(side, name):
    """Whether an index has all documents."""
    info = side.r2("FT.INFO", name)
    figures = {bytes_of(key): value for key, value in zip(info[::2], info[1::2])}
    return float(figures[b"percent_indexed"]) >= 1 and int(figures[b"indexing"]) == 0


def searchable(side):
    """Waits until all that was written is found: an index has to have applied it before it answers."""
    wait_until(lambda: indexed(side, "idx"), "all is indexed", timeout=120)
    side.r2("FT.SEARCH", "idx", "@cat:{c1}", "LIMIT", 0, 0)


def bytes_of(value):
    return value if isinstance(value, bytes) else str(value).encode()
