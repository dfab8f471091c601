"""What is measured: one server of two that run on one machine and are measured in turns, driven by our load generator."""

import json
import statistics
import subprocess
import time

from benchmarks.report import is_rate, number
from servers import TARGET

CONNECTIONS = (1, 8)
EFS = (10, 15, 25, 40, 60, 80, 100, 130, 170, 200, 300, 400, 600, 800)
# Seconds after which a load generator is given up.
PATIENCE = 600
RUNNING = []
# A bystander, while a load generator works.
WATCHED = ("--watch", "--gaps")


class Side:
    """A server, and what was measured on it: name -> values. `seconds`: how long a rate is measured."""

    def __init__(self, label, server, seconds=0.5):
        self.label, self.server, self.seconds, self.results = label, server, seconds, {}
        self.points = {}  # number of connections -> ef -> rates
        self.recalls = {}  # ef -> recall
        self.r2 = server.connect(timeout=PATIENCE)

    def note(self, name, value):
        self.results.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.results[name])

    def start_load(self, mode, *args):
        return self.start_program("load", mode, "--port", self.server.port, *args)

    def start_program(self, name, *words):
        """Starts a program of examples/ that drives this server."""
        command = [TARGET / "release" / "examples" / name, *words]
        running = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        RUNNING.append(running)
        return running

    def load(self, mode, *args):
        return finish(self.start_load(mode, *args))

    def rate(self, mode, *args):
        """What happens per second."""
        return self.load(mode, "--seconds", self.seconds, *args)["rate"]

    def watch(self):
        """A bystander, until it is finished."""
        return self.start_load("watch", "--gaps")

    def used(self):
        return int(self.server.info("memory", "used_memory"))

    def clear(self):
        """Empties the server, and waits until what a thread frees is freed."""
        self.r2("FLUSHALL", "SYNC")
        self.settle()

    def settle(self):
        """Waits until no more memory is given back."""
        before = None
        while before is None or self.used() < before:
            before = self.used()
            time.sleep(0.2)

    def save_and_load(self):
        """Seconds of SAVE, bytes of the file, and seconds of loading it into the empty server."""
        saved = timed(self.r2, "SAVE")
        size = (self.server.folder / "dump.rdb").stat().st_size
        self.clear()
        return saved, size, timed(self.r2, "DEBUG", "RELOAD", "NOSAVE")

    def save_vector_sets(self, form):
        """Chooses the format of RDB files."""
        timed(self.r2, "CONFIG", "SET", "search.vset-rdb-format", form)

    def renew(self):
        """Begins with a fresh server: nothing of what was there before is still to be freed."""
        self.server.restart()
        self.r2 = self.server.connect(timeout=PATIENCE)

    def sweep(self, connections, rates):
        """Notes the rates at each EF and returns [(recall, rate)]."""
        kept = self.points.setdefault(connections, {ef: [] for ef in EFS})
        for ef, rate in zip(EFS, rates):
            kept[ef].append(rate)
        return [(self.recalls[ef], rate) for ef, rate in zip(EFS, rates)]

    def curve(self, connections):
        """[(recall, median rate)] by EF."""
        return [(self.recalls[ef], statistics.median(rates)) for ef, rates in self.points[connections].items()]


def finish(running):
    """What a load generator measured; one that watches ends now."""
    try:
        out, _ = running.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()
        raise
    finally:
        RUNNING.remove(running)
    if running.returncode:
        raise RuntimeError(f"load failed with {running.returncode}")
    return json.loads(out)


def waited(figures, what="p999"):
    """Microseconds that a bystander's PING took; without the times in which a core stood still, where the system let them be seen."""
    return figures.get(f"clear_{what}_us", figures[f"ping_{what}_us"])


def stop(running):
    """Ends a load generator whose figures nobody asks for."""
    running.kill()
    running.communicate()
    RUNNING.remove(running)


def stop_all():
    for running in list(RUNNING):
        stop(running)


def in_turns(sides, rounds):
    """The sides in turns, which of them goes first changing from round to round."""
    for round_number in rounds:
        yield from sides if round_number % 2 == 0 else reversed(sides)


def timed(connection, *command):
    start = time.monotonic()
    reply = connection(*command)
    if str(reply).startswith("ERR"):
        raise RuntimeError(f"{command[0]}: {reply}")
    return time.monotonic() - start


def connections_text(count):
    return f"{count} connection{'s' * (count > 1)}"


def share_found(found, truth):
    """Of the names in `truth`, a set for each query, how many stand in the lines of `found`."""
    hits = sum(len(keys & set(line.split())) for keys, line in zip(truth, found))
    return hits / max(sum(map(len, truth)), 1)


def comparison(ours, peer=None):
    """A table of each line that was measured of ours, beside the peer's."""
    if not ours.results:
        return ""
    if peer is None:
        return "\n".join([f"| | {ours.label} |", "|---|--:|", *(f"| {name} | {number(ours.median(name))} |" for name in ours.results)])
    lines = [f"| | {ours.label} | {peer.label} | ratio |", "|---|--:|--:|--:|"]
    for name in ours.results:
        mine = ours.median(name)
        if name not in peer.results:
            lines.append(f"| {name} | {number(mine)} | {'–' if 'recall' not in name else 'never reached'} | |")
            continue
        theirs = peer.median(name)
        high, low = (mine, theirs) if is_rate(name) else (theirs, mine)
        lines.append(f"| {name} | {number(mine)} | {number(theirs)} | {f'{high / low:.2f}' if low else ''} |")
    return "\n".join(lines)
