"""What is said while it runs, and what is left to say at the end."""

import collections
import json
import os
import sys
import time

try:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
except ImportError:  # plain lines then
    Progress = None

NAMED = 20


class Report:
    """Counts what was copied and keeps what could not be. Progress is a line that changes, or plain lines where there is no screen."""

    def __init__(self, quiet=False):
        self.started = time.monotonic()
        self.keys = self.bytes = self.total = 0
        self.kinds = collections.Counter()
        self.made = {}
        self.failures = {}
        self.losses, self.notes, self.differences = {}, {}, collections.defaultdict(list)
        self.refusals = collections.Counter()
        self.quiet, self.told = quiet, 0.0
        self.bar = self.task = None
        if Progress and sys.stderr.isatty() and not quiet:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[what]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )

    def elapsed(self):
        return time.monotonic() - self.started

    def begin(self, databases):
        self.total = sum(databases.values())
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task("keys", total=self.total, what="")

    def end(self):
        if self.bar:
            self.bar.stop()
            self.bar = None

    def copied(self, kind, size):
        self.keys += 1
        self.bytes += size
        self.kinds[kind] += 1
        if time.monotonic() - self.told > 0.5:
            self.told = time.monotonic()
            self.progress()

    def progress(self):
        rate = self.keys / max(self.elapsed(), 0.001)
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.most_common(5))
        what = f"{self.keys:,} of {self.total:,} keys, {self.bytes / 1e6:,.1f} MB, {rate:,.0f}/s; {kinds}"
        if self.bar:
            self.bar.update(self.task, completed=min(self.keys, self.total), what=what)
        elif not self.quiet and self.elapsed() > 5:
            self.told += 4.5
            left = max(self.total - self.keys, 0) / max(rate, 1)
            print(f"move-in: {what}; about {left:.0f} s left", file=sys.stderr, flush=True)

    def say(self, line):
        """A step, said at once."""
        if self.bar:
            self.bar.console.print(f"move-in: {line}", markup=False, highlight=False)
        elif not self.quiet:
            print(f"move-in: {line}", file=sys.stderr, flush=True)

    def defined(self, what):
        self.made[what] = True

    def refused(self, kind, error):
        """RESTORE refused it; it goes by commands."""
        self.refusals[kind, error] += 1

    def failed(self, db, key, kind, error):
        self.failures[db, key] = kind, error

    def mended(self, db, key):
        self.failures.pop((db, key), None)

    def lost(self, what):
        self.losses[what] = True

    def note(self, what):
        self.notes[what] = True

    def differs(self, kind, what):
        self.differences[kind].append(what)

    def complete(self):
        """True where everything came and nothing differs."""
        return not (self.failures or self.losses or self.differences)

    def print(self):
        """The closing account, to standard output."""
        rate = self.keys / max(self.elapsed(), 0.001)
        print(f"copied {self.keys:,} keys, {self.bytes / 1e6:,.1f} MB in {self.elapsed():.1f} s ({rate:,.0f} keys/s)")
        for kind, count in sorted(self.kinds.items()):
            print(f"  {kind}: {count:,}")
        counted = collections.Counter(what.split()[0] for what in self.made)
        if counted:
            print("made " + ", ".join(f"{what}: {count}" for what, count in sorted(counted.items())))
        for (kind, error), count in self.refusals.items():
            print(f"went by commands, since RESTORE said `{error}`: {count} of {kind}")
        reasons = collections.defaultdict(list)
        for (db, key), (kind, error) in self.failures.items():
            reasons[f"{kind}: {error.partition(', with args')[0]}"].append(f"db {db} {key.decode(errors='backslashreplace')}")
        for reason, keys in reasons.items():
            print(f"NOT COPIED, {len(keys)} keys, {reason}: {', '.join(keys[:NAMED])}{', …' * (len(keys) > NAMED)}")
        for title, lines in (("NOT COPIED", self.losses), ("note", self.notes)):
            lines = list(lines)
            for line in lines[: NAMED * 5]:
                print(f"{title}: {line}")
            if len(lines) > NAMED * 5:
                print(f"{title}: {len(lines) - NAMED * 5} more")
        for kind, found in self.differences.items():
            print(f"DIFFERS, {len(found)} {kind}: {'; '.join(found[:NAMED])}{'; …' * (len(found) > NAMED)}")


class State:
    """What a later run needs to go on; in a file where one was chosen."""

    def __init__(self, path, sides):
        self.path = path
        self.values = {"sides": sides}
        if path and os.path.exists(path):
            with open(path) as file:
                self.values = json.load(file)

    def get(self, name, default=None):
        return self.values.get(name, default)

    def set(self, **values):
        self.values.update(values)
        if self.path:
            with open(f"{self.path}.part", "w") as file:
                json.dump(self.values, file, indent=1)
            os.replace(f"{self.path}.part", self.path)
