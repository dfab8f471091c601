"""A plot of recall against rate as an SVG, by the standard library only."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 440, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 34, 44
# Marks of the axis.
RECALLS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
COLORS = ("#0b6bcb", "#d1570a", "#12805c", "#8a3ffc")


class Curve:
    """Points (recall, rate) by growing effort, with a name; one of `COLORS`, solid or dashed."""

    def __init__(self, name, points, color=0, dashed=False):
        self.name, self.points, self.color, self.dashed = name, points, COLORS[color], dashed


def svg(panels, note):
    """`panels`: (title, curves) side by side; both axes are logarithmic, that of recall in what it lacks. `note` stands below."""
    width, height = WIDTH * len(panels), HEIGHT + 22
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for place, (title, curves) in enumerate(panels):
        parts += [f'<g transform="translate({place * WIDTH} 0)">', *panel(title, curves), "</g>"]
    parts += [text(LEFT, height - 8, note, "#666"), "</svg>"]
    return "\n".join(parts) + "\n"


def panel(title, curves):
    recalls = [recall for curve in curves for recall, _ in curve.points]
    first, last = ends(recalls)
    seen = [rate for curve in curves for recall, rate in curve.points if recall >= first and rate > 0]
    low, high = decades(seen)
    x = lambda recall: LEFT + (WIDTH - LEFT - RIGHT) * (loss(recall) - loss(first)) / (loss(last) - loss(first))
    y = lambda rate: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(rate / low) / math.log(high / low)
    yield text(LEFT, 20, f"{title}: queries per second", "#222", weight="bold")
    for recall in (one for one in RECALLS if first <= one <= last):
        yield line(x(recall), TOP, x(recall), HEIGHT - BOTTOM)
        yield text(x(recall), HEIGHT - BOTTOM + 16, f"{recall:g}", "#444", anchor="middle")
    for rate in ticks(low, high):
        yield line(LEFT, y(rate), WIDTH - RIGHT, y(rate))
        yield text(LEFT - 6, y(rate) + 4, f"{rate:,.0f}", "#444", anchor="end")
    yield text((LEFT + WIDTH) / 2, HEIGHT - 10, "recall@10", "#444", anchor="middle")
    for place, curve in enumerate(curves):
        points = [(x(recall), y(rate)) for recall, rate in curve.points if recall >= first and low <= rate <= high]
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        yield f'<polyline points="{joined}" fill="none" stroke="{curve.color}" stroke-width="2"{dash}/>'
        yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{curve.color}"/>' for a, b in points)
        height = HEIGHT - BOTTOM - 10 - 16 * (len(curves) - 1 - place)
        yield f'<path d="M{LEFT + 8} {height - 4}h24" stroke="{curve.color}" stroke-width="2"{dash}/>'
        yield text(LEFT + 38, height, curve.name, "#222")


def loss(recall):
    """Where a recall stands on the axis: the logarithm of what it lacks, so that the good ones are not crowded."""
    return -math.log10(max(1 - recall, 1 - RECALLS[-1]))


def ends(recalls):
    """The ends of the axis around the recalls; more than the last counts as that."""
    low, high = min(recalls, default=0.9), max(recalls, default=0.99)
    first = max((one for one in RECALLS if one <= low), default=RECALLS[0])
    last = min((one for one in RECALLS if one >= high), default=RECALLS[-1])
    return min(first, 0.9), max(last, 0.95)


def decades(rates):
    """The ends of the axis: 1, 2 or 5 times a power of ten around all rates."""
    if not rates:
        return 1, 10
    nice = [digit * 10**power for power in range(-1, 9) for digit in (1, 2, 5)]
    low = max(value for value in nice if value <= max(min(rates), 0.1))
    high = min(value for value in nice if value >= max(rates))
    return low, high if high > low else low * 10


def ticks(low, high):
    return [digit * 10**power for power in range(-1, 9) for digit in (1, 2, 5) if low <= digit * 10**power <= high]


def line(x1, y1, x2, y2):
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#ddd"/>'


def text(x, y, words, color, anchor="start", weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
