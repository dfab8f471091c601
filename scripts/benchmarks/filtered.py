"""Filtered searches, from half of all elements down to one in ten thousand: recall, results, latency beside unfiltered."""

import statistics

from benchmarks.report import table
from benchmarks.sides import share_found

# Name -> share of the elements that pass.
SHARES = {"all": 1, "half": 0.5, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001, "tenthousandth": 0.0001}
K = 10
# How many queries are asked of each share: a peer takes 20 ms for one.
ASKED = 300
# Shares that are also asked for with an expression of its own for each query.
OWN = ("half", "tenth", "hundredth", "thousandth", "tenthousandth")


class Filtered:
    """Measurements of each share on each side."""

    def __init__(self, data, name_of):
        """`name_of` gives the name of the element of a row, as the server returns it."""
        ranks = data.ranks()
        self.passing = {share: max(round(part * len(ranks)), 1) for share, part in SHARES.items()}
        self.names = {name_of(row) for row in range(len(ranks))}
        self.truth = {}
        for share, count in self.passing.items():
            allowed = None if share == "all" else ranks < count
            asked = None if share == "all" else ASKED
            self.truth[share] = [set(map(name_of, map(int, rows))) for rows in data.nearest(K, allowed, asked)]
        self.figures = {}

    def measure(self, part, requests, own=None):
        """`requests` gives the arguments of the load generator for a share; answers are asked for over one connection. `own`
        gives those for a share in which no expression was ever asked. Each is compared with searches without a filter just
        before it, since the machine's memory has faster and slower minutes."""
        for side in part.turns():
            unfiltered = lambda side=side: part.found(side, "send", *requests["all"])[1]["p50_us"]
            for share in self.truth:
                self.note((side, share), share, unfiltered(), *part.found(side, "send", *requests[share]))
            for share in OWN if own else ():
                self.note((side, share, "own"), share, unfiltered(), *part.found(side, "send", *own(share)))

    def note(self, which, share, unfiltered, lines, figures):
        kept = self.figures.setdefault(which, {"recall": [], "results": [], "p50": [], "ratio": []})
        kept["ratio"].append(figures["p50_us"] / unfiltered)
        kept["recall"].append(share_found(lines, self.truth[share][: len(lines)]))
        kept["results"].append(sum(len(self.names & set(line.split())) for line in lines) / len(lines))
        kept["p50"].append(figures["p50_us"])

    def table(self, sides):
        """Share, how many pass, and for each side recall, results, median latency and what it is beside unfiltered."""
        header = ["pass the filter", "elements"]
        for side in sides:
            header += [f"{side.label}: recall@10", "results", "p50 µs", "× unfiltered"]
        rows = []
        for share, part in SHARES.items():
            rows.append([f"{part * 100:g} %" if part < 1 else "no filter", self.passing[share]])
            for side in sides:
                rows[-1] += self.cells(side, share)
        for share in OWN if (sides[0], OWN[0], "own") in self.figures else ():
            rows.append([f"{SHARES[share] * 100:g} %, each query with another expression", self.passing[share]])
            for side in sides:
                rows[-1] += self.cells(side, share, "own")
        return table(header, rows)

    def cells(self, side, *which):
        median = lambda which, name: statistics.median(self.figures[side, *which][name])
        ratio = median(which, "ratio") if which != ("all",) else 1
        return [f"{median(which, 'recall'):.4f}", f"{median(which, 'results'):.2f}", median(which, "p50"), f"{ratio:.2f}"]
