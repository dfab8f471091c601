"""How long a benchmark may take, and how quiet the machine was meanwhile."""

import math
import os
import pathlib
import re
import resource
import time


class Budget:
    """Seconds to spend, handed down in shares: whoever ends early leaves the rest to those who follow."""

    def __init__(self, seconds=math.inf, clock=time.monotonic):
        self.clock, self.end = clock, clock() + seconds

    def left(self):
        return self.end - self.clock()

    def share(self, weight, others):
        """What is left, divided between one of this weight and others of that weight together."""
        return Budget(self.left() * weight / (weight + others), self.clock)

    def rounds(self, most):
        """0, 1, … below `most`: at least one, and no further one that would take longer than there is time."""
        longest = 0
        for number in range(most):
            start = self.clock()
            if number and longest > self.left():
                return
            yield number
            longest = max(longest, self.clock() - start)


class Quiet:
    """What else the machine did since this was made. Ask when the processes that were measured have ended."""

    def __init__(self):
        self.start, self.load = time.monotonic(), os.getloadavg()[0]
        self.busy, self.steal, self.all = processor_seconds()
        self.own = own_seconds()

    def describe(self):
        busy, steal, total = (now - then for now, then in zip(processor_seconds(), (self.busy, self.steal, self.all)))
        others = max(busy - (own_seconds() - self.own), 0) / (time.monotonic() - self.start)
        stolen = 100 * steal / total if total else 0
        return (
            f"load average {self.load:.1f} before and {os.getloadavg()[0]:.1f} after, "
            f"other processes took {others:.2f} cores, {stolen:.1f} % stolen"
        )


def processor_seconds():
    """(busy, stolen, all) seconds of all cores since the system started."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, waiting, hard, soft, steal = (int(word) / os.sysconf("SC_CLK_TCK") for word in words)
    busy = user + nice + system + hard + soft
    return busy, steal, busy + idle + waiting + steal


def own_seconds():
    """What this process and those it waited for have taken."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def machine():
    """Its kind, in a few words."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.M)
    flags = re.search(r"^flags\s*: (.*)$", text, re.M)
    vectors = [name for name in ("avx512_vnni", "avx512f", "avx2") if flags and name in flags[1].split()]
    cores = f"{os.cpu_count()} cores of {model[1] if model else os.uname().machine}"
    return f"{cores}, {vectors[0].replace('_', ' ').upper()}" if vectors else cores
