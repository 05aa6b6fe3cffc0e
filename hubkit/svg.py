"""Plots as SVG text: axes, marks, legends. No library, the same bytes for the same numbers, readable on light and on dark ground.

The ground is part of the picture: a page may be dark where the system is light.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
MARGIN_LEFT, MARGIN_RIGHT = 58, 24
LETTER = 6.5
"""Pixels that a letter of 12 px takes at most, on average."""
COLOURS = 6
LINE = '<line x1="-8" y1="0" x2="8" y2="0" class="s{}"/>'
RULE = '<line x1="-8" y1="0" x2="8" y2="0" class="rule"/>'
BOX = '<rect x="-6" y="-6" width="12" height="12" class="f{}"/>'
DOT = '<circle r="4" class="rawdot"/>'
SHAPES = ("circle", "square", "diamond", "triangle", "cross", "ring")

STYLE = """
:root{--g:#ffffff;--t:#1b1f24;--q:#5d6672;--l:#dfe2e7;--c0:#2f6bd0;--c1:#c2500f;--c2:#23824f;--c3:#8a45bd;--c4:#a3142f;--c5:#0f7f86}
@media (prefers-color-scheme:dark){:root{--g:#14171b;--t:#e4e7eb;--q:#9aa4b1;--l:#343a43;--c0:#7aa9f7;--c1:#f29a62;--c2:#63c792;--c3:#c79af0;--c4:#f58a9b;--c5:#5cc6cd}}
text{font:12px system-ui,"Segoe UI",Roboto,sans-serif;fill:var(--q)}.h{font-size:14px;font-weight:600;fill:var(--t)}.e{text-anchor:end}.m{text-anchor:middle}
.g{fill:var(--g)}.grid{stroke:var(--l)}.axis{stroke:var(--q)}.rule{stroke:var(--q);stroke-dasharray:5 4}.raw{stroke:var(--t);fill:none;stroke-width:2}.rawdot{fill:var(--t)}.band{fill:var(--l);opacity:.55}
""" + "".join(
    f".s{i}{{stroke:var(--c{i});fill:none;stroke-width:1.5}}.f{i}{{fill:var(--c{i});stroke:none}}"
    for i in range(COLOURS)
)


@dataclass(frozen=True)
class Axis:
    """An axis: from, to, and where its lines are."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Sequence[float], *, lines: int = 5) -> Axis:
        """The round axis that holds all `values`, with about `lines` lines."""
        low, high = min(values), max(values)
        if high - low < 1e-9:
            low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
        rough = (high - low) / lines
        base = 10 ** math.floor(math.log10(rough))
        step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return cls(first * step, last * step, tuple(i * step for i in range(first, last + 1)))

    def share(self, value: float) -> float:
        """How far along the axis a value is, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def label(self, value: float) -> str:
        """A line's number, as short as its neighbours allow."""
        step = self.ticks[1] - self.ticks[0]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        if round(step, digits) != round(step, 9):
            digits += 1
        return f"{value:,.{digits}f}".replace("-0.", "−0.").replace("-", "−")


@dataclass(frozen=True)
class LogAxis(Axis):
    """A logarithmic one: each decade takes as much of it."""

    @classmethod
    def around(cls, values: Sequence[float], *, lines: int = 5) -> LogAxis:
        """The axis from the smallest to the largest of `values`, all above 0; lines at powers of ten, between them where those are few."""
        low, high = min(values), max(values)
        if high < low * 1.01:
            low, high = low / 2, high * 2
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        choices = [
            tuple(10.0**n * factor for n in decades for factor in factors if low <= 10.0**n * factor <= high)
            for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10))
        ]
        choices.append(tuple(tick for tick in Axis.around([low, high]).ticks if low <= tick <= high))
        ticks = next((choice for choice in choices if 2 * len(choice) >= lines), choices[-1])
        return cls(low, high, ticks[:: math.ceil(len(ticks) / (2 * lines)) or 1])

    def share(self, value: float) -> float:
        """By its logarithm."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def label(self, value: float) -> str:
        """`0.03`, `20`, `1e+06`."""
        return f"{value:g}"


@dataclass(frozen=True)
class Plot:
    """A rectangle with two axes of numbers, one of several in a picture."""

    left: float
    top: float
    width: float
    height: float
    x_axis: Axis
    y_axis: Axis

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        across, up = self.x_axis.share(x), self.y_axis.share(y)
        return self.left + self.width * across, self.top + self.height * (1 - up)

    def frame(self, title: str, below: str) -> str:
        """Title, lines and numbers of both axes, and what the lower one is."""
        bottom, right = self.top + self.height, self.left + self.width
        parts = [text(self.left, self.top - 10, title)]
        for tick in self.y_axis.ticks:
            _, y = self.point(self.x_axis.low, tick)
            parts.append(line(self.left, y, right, y, "grid"))
            parts.append(text(self.left - 6, y + 4, self.y_axis.label(tick), "e"))
        for tick in self.x_axis.ticks:
            x, _ = self.point(tick, self.y_axis.low)
            parts += [
                line(x, bottom, x, bottom + 4, "axis"),
                text(x, bottom + 18, self.x_axis.label(tick), "m"),
            ]
        parts.append(line(self.left, bottom, right, bottom, "axis"))
        return "".join([*parts, text(self.left + self.width / 2, bottom + 36, below, "m")])

    def level(self, value: float) -> str:
        """A dashed line across; its name is for the legend (RULE)."""
        left, y = self.point(self.x_axis.low, value)
        return line(left, y, self.left + self.width, y, "rule")

    def curve(self, points: Sequence[tuple[float, float | None]], series: int) -> str:
        """A line through points, broken where one has no value."""
        runs: list[list[tuple[float, float]]] = [[]]
        for x, y in points:
            if y is None:
                runs.append([])
            else:
                runs[-1].append(self.point(x, y))
        return "".join(path(run, f"s{series % COLOURS}") for run in runs)


@dataclass(frozen=True)
class Panel:
    """A rectangle with a vertical axis and evenly spaced places along the bottom."""

    top: float
    height: float
    axis: Axis
    places: int

    def x(self, place: float) -> float:
        """Pixels of a place; fractions are beside it."""
        span = WIDTH - MARGIN_LEFT - MARGIN_RIGHT
        return MARGIN_LEFT + span * (place + 0.5) / self.places

    def y(self, value: float) -> float:
        """Pixels of a value."""
        return self.top + self.height * (1 - self.axis.share(value))

    @property
    def bottom(self) -> float:
        """Pixels of the lower edge."""
        return self.top + self.height

    @property
    def step(self) -> float:
        """Pixels from one place to the next."""
        return (WIDTH - MARGIN_LEFT - MARGIN_RIGHT) / self.places

    def frame(self, title: str) -> str:
        """Title, lines and numbers of the axis."""
        parts = [text(MARGIN_LEFT - 44, self.top - 14, title, "h")]
        for tick in self.axis.ticks:
            y = self.y(tick)
            parts.append(line(MARGIN_LEFT, y, WIDTH - MARGIN_RIGHT, y, "grid"))
            parts.append(text(MARGIN_LEFT - 8, y + 4, self.axis.label(tick), "e"))
        parts.append(line(MARGIN_LEFT, self.bottom, WIDTH - MARGIN_RIGHT, self.bottom, "axis"))
        return "".join(parts)

    def names(self, names: Sequence[str], title: str) -> str:
        """Names of the places, as many as fit without touching, and what they are."""
        widest = max(len(name) for name in names) * LETTER + 8
        every = max(1, math.ceil(widest / self.step))
        parts = [
            text(self.x(i), self.bottom + 18, name, "m") for i, name in enumerate(names) if i % every == 0
        ]
        return "".join([*parts, text(self.x((self.places - 1) / 2), self.bottom + 38, title, "m")])

    def level(self, value: float) -> str:
        """A dashed line across; its name is for the legend (RULE), where no mark can cover it."""
        return line(MARGIN_LEFT, self.y(value), WIDTH - MARGIN_RIGHT, self.y(value), "rule")


def number(value: float) -> str:
    """A coordinate: at most one digit after the point."""
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Words at a point."""
    return f'<text x="{number(x)}" y="{number(y)}" class="{style}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" class="{style}"/>'


def path(points: Sequence[tuple[float, float]], style: str) -> str:
    """A line through `points`."""
    steps = " L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f'<path d="M{steps}" class="{style}"/>' if len(points) > 1 else ""


def mark(x: float, y: float, series: int, size: float = 4.0) -> str:
    """The mark of a series: its colour, and its shape for those who do not tell colours apart."""
    i = series % COLOURS
    shape, r = SHAPES[i], size
    if shape == "circle":
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}" class="f{i}"/>'
    if shape == "ring":
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}" class="s{i}"/>'
    if shape == "cross":
        return line(x - r, y - r, x + r, y + r, f"s{i}") + line(x - r, y + r, x + r, y - r, f"s{i}")
    corners = {
        "square": [(-r, -r), (r, -r), (r, r), (-r, r)],
        "diamond": [(0, -r * 1.3), (r * 1.3, 0), (0, r * 1.3), (-r * 1.3, 0)],
        "triangle": [(0, -r * 1.2), (r * 1.1, r * 0.9), (-r * 1.1, r * 0.9)],
    }[shape]
    points = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners)
    return f'<polygon points="{points}" class="f{i}"/>'


def legend(top: float, entries: Sequence[tuple[str, str]], across: float = WIDTH) -> tuple[str, float]:
    """Rows of (mark drawn around 0,0; name), broken where the width ends; the SVG and the pixels it takes."""
    parts, x, y = [], float(MARGIN_LEFT - 44), top
    for drawn, name in entries:
        width = 22 + len(name) * LETTER + 16
        if x + width > across - MARGIN_RIGHT and x > MARGIN_LEFT:
            x, y = float(MARGIN_LEFT - 44), y + 20
        parts.append(f'<g transform="translate({number(x + 8)} {number(y - 4)})">{drawn}</g>')
        parts.append(text(x + 22, y, name))
        x += width
    return "".join(parts), y - top + 20


def picture(height: float, title: str, body: str, width: float = WIDTH) -> str:
    """The whole file; `title` is what a screen reader says."""
    across = number(width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {number(height)}" width="{across}" height="{number(height)}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE.strip()}</style>"
        f'<rect class="g" width="{across}" height="{number(height)}" rx="10"/>{body}</svg>\n'
    )
