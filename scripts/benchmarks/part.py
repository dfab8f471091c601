"""What every part of the benchmark is: steps that share its time, run on, one after the other, even if one fails."""

import contextlib
import pathlib
import sys
import tempfile
import time
import traceback

from benchmarks import data
from benchmarks.pace import Quiet, machine
from benchmarks.sides import in_turns, stop_all
from resp import encode


class Part:
    """A part by name. `STEPS` is step -> (weight of its share of the time, whether it runs unasked); a step is a method."""

    NAME = ""
    STEPS = {}
    ROWS, QUICK_ROWS = 50_000, 4000
    # Whether it measures each of the data that --data names, or the first only.
    EACH_DATA = False
    # Programs of examples/ that it runs.
    EXAMPLES = ("load",)

    def __init__(self, options, budget, source=None):
        """`source`: the data, as `data.read` takes it."""
        self.options, self.budget, self.source = options, budget, source
        self.pace = budget
        self.current, self.rounds_run = "", {}
        # How long a rate is measured.
        self.seconds = 0.05 if options.quick else 0.5
        self.failures = []

    def run(self):
        """Measures; returns the text for the page."""
        quiet = Quiet()
        with tempfile.TemporaryDirectory(prefix="nearset-") as folder:
            self.folder = pathlib.Path(folder)
            with contextlib.ExitStack() as stack:
                self.prepare(stack)
                names = self.chosen()
                for place, name in enumerate(names):
                    self.step(name, sum(self.STEPS[later][0] for later in names[place + 1 :]))
        return self.block(quiet)

    @classmethod
    def asked(cls, only):
        """The steps to run when these are named; those that run unasked when none is."""
        if only:
            return [name for name in cls.STEPS if name in only]
        return [name for name, (_, unasked) in cls.STEPS.items() if unasked]

    def chosen(self):
        return self.asked(self.options.only)

    def step(self, name, weight_of_others):
        self.current, self.pace = name, self.budget.share(self.STEPS[name][0], weight_of_others)
        self.say(f"{name} (about {self.pace.left():.0f} s)" if self.pace.left() < 1e6 else name)
        start = time.monotonic()
        try:
            getattr(self, name)()
        except Exception as error:  # the other figures are worth having
            traceback.print_exc()
            self.failures.append(f"{name} failed: {error}")
        finally:
            stop_all()
        self.say(f"{name} took {time.monotonic() - start:.0f} s")

    def say(self, words):
        print(f"bench: {time.strftime('%H:%M:%S')} {self.NAME}: {words}", file=sys.stderr, flush=True)

    def prepare(self, stack):
        """Starts what is measured; `stack` ends it."""

    def report(self):
        """What it found, in Markdown."""
        return ""

    def rows(self):
        return self.options.rows or (self.QUICK_ROWS if self.options.quick else self.ROWS)

    def read_data(self):
        return data.read(self.source, self.rows(), 200 if self.options.quick else 1000)

    def rounds(self):
        """The rounds of one step, as many as its time allows."""
        for number in self.pace.rounds(self.options.rounds):
            self.rounds_run[self.current] = number + 1
            yield number

    def described(self):
        """Says how it was measured."""
        return "both servers on one machine, in turns" if len(self.sides) > 1 else "without the peer"

    def turns(self):
        return in_turns(self.sides, self.rounds())

    def requests(self, name, commands):
        """A file of requests, as the load generator takes it."""
        path = self.folder / name
        with open(path, "wb") as file:
            file.writelines(map(encode, commands))
        return ["--requests", path]

    def found(self, side, *load, end=()):
        """What the load generator finds over one connection: the lines of bulk strings, and the figures. `end`: words for the command."""
        path = self.folder / "found"
        figures = side.load(*load, "--found", path, "--", *end)
        return path.read_text().splitlines(), figures

    def panels(self):
        """What its plot shows: (title, curves); none without a plot."""
        return []

    def block(self, quiet):
        """The text for the page: when, by which command, how quiet it was, and the report."""
        counts = sorted(set(self.rounds_run.values()))
        rounds = "" if not counts else f"; {f'medians of {counts[0]} to {counts[-1]} rounds' if counts[1:] else times(counts[0])}"
        failures = "".join(f"\n\nWithout some: {failure}." for failure in self.failures)
        return (
            f"{time.strftime('%Y-%m-%d')}, `{self.options.command}`{rounds}. {machine()}; {quiet.describe()}.\n\n{self.report()}{failures}"
        )


def times(rounds):
    return "one round" if rounds == 1 else f"medians of {rounds} rounds"
