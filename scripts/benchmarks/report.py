"""What benchmarks print: numbers, tables in Markdown, the blocks of docs/performance.md."""

import re


def number(value):
    """Three or four digits that mean something."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def is_rate(name):
    """Whether more is better of what is measured under this name."""
    return "per second" in name or "recall@10 at" in name or name.startswith("recall@10")


def table(header, rows):
    """A table in Markdown: texts to the left in the first column, numbers to the right in the others."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def rate_at(target, points):
    """The rate where recall reaches the target, between the two points of a sweep around it; None if it never does.

    `points` are (recall, rate) by growing effort.
    """
    for (low, slow), (high, fast) in zip(points, points[1:]):
        if low <= target <= high and high > low:
            return slow + (fast - slow) * (target - low) / (high - low)
    return points[0][1] if points and points[0][0] >= target else None


def put_block(text, name, block):
    """The page with what stands between the marks of this name replaced."""
    begin, end = f"<!-- bench {name} -->", f"<!-- /bench {name} -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.S)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"the page has no place for {name}: it lacks {begin} … {end}")
    return pattern.sub(lambda _: f"{begin}\n{block.strip()}\n{end}", text)
