"""How the sweep tells what it found: agreement of answers, the summary in three lines, the table with the worst first."""

import collections

from benchmarks.report import number, table
from resp import Error

# Ahead by what the sweep counts as a lead.
LEAD = 3


def agreement(commands, ours, theirs):
    """In how many of the answers both agree, and how far: equal, in another order, in the number of hits alone, or not."""
    counts = collections.Counter(compared(*answers) for answers in zip(commands, ours, theirs))
    return ", ".join(f"{kind} {count}" if len(counts) > 1 else kind for kind, count in counts.items())


def compared(command, mine, other):
    if isinstance(mine, Error) or isinstance(other, Error):
        return "the same error" if mine == other else f"{str(mine)[:60]} / {str(other)[:60]}"
    if mine == other:
        return "equal"
    if isinstance(mine, list) and isinstance(other, list) and mine and other:
        if command[0] == "FT.SEARCH":
            return "as many hits" if mine[0] == other[0] else f"hits {mine[0]} / {other[0]}"
        first = 1 if command[0] == "FT.AGGREGATE" else 0
        if canonical(mine[first:]) == canonical(other[first:]):
            return "equal in another order"
        return f"rows {len(mine)} / {len(other)}, others"
    return "others"


def canonical(value):
    """Sorted, and numbers by six digits."""
    if isinstance(value, list):
        return sorted(map(canonical, value), key=repr)
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return value


def summary(rows):
    """Three lines: how many cases there are, in how many it is behind, in how many ahead by three."""
    rated = [row for row in rows if row["ratio"] is not None]
    timed = [row for row in rows if row["processor"] is not None]
    behind = [sum(row[kind] < 1 for row in of) for kind, of in (("ratio", rated), ("processor", timed))]
    ahead = [sum(row[kind] >= LEAD for row in of) for kind, of in (("ratio", rated), ("processor", timed))]
    return "\n".join(
        (
            f"* cases: {len(rated)} by rate, {len(timed)} by processor time",
            f"* behind: {behind[0]} by rate, {behind[1]} by processor time",
            f"* {LEAD} times ahead: {ahead[0]} by rate, {ahead[1]} by processor time",
        )
    )


def listing(rows, before):
    """All cases, the worst first; beside the ratios of before, where there are some."""
    rated = sorted((row for row in rows if row["ratio"] is not None), key=lambda row: row["ratio"])
    alone = [row for row in rows if row["ratio"] is None]
    header = ["case", "nearset /s", "peer /s", "ratio", "CPU µs nearset", "peer", "CPU ratio"]
    header += ["ratio before", "CPU ratio before"] if before else []
    lines = []
    for row in rated + alone:
        was = before.get(row["name"], {})
        cells = [row["name"], *row["rates"], hundredths(row["ratio"]), *row["times"], hundredths(row["processor"])]
        cells += [hundredths(was.get("ratio")), hundredths(was.get("processor"))] if before else []
        lines.append([*cells, row["answers"]])
    return table([*header, "answers, notes"], lines)


def hundredths(ratio):
    return "–" if ratio is None else f"{ratio:.2f}"


def growth(grown):
    """Processor time of an operation by the number of documents, over one connection."""
    sizes = [size for size, _ in next(iter(grown.values()))]
    header = ["CPU µs by documents", *(f"{size:,}, {who}" for size in sizes for who in ("nearset", "peer"))]
    return table(header, [[name, *(number(time) for _, times in found for time in times)] for name, found in grown.items()])
