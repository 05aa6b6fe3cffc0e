"""Loss and L0 of the published SAEs on the way, as SVG: one figure each, a panel for every architecture and layer. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit import svg
from hubkit.release.writing import keep_or_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.train.spec import SaeSpec
    from hubkit.train.unit import Done, Point

    Trained = Sequence[tuple[SaeSpec, Done]]

WIDTH, HEIGHT = 190, 130
"""Pixels of a panel inside its axes."""
LEFT, ABOVE, BELOW, RIGHT = 52, 30, 46, 14
"""Pixels around it."""
COLUMNS = 6
"""Layers side by side; more of them go on in another row."""
ASKED = "asked for"


@dataclass(frozen=True)
class _Measure:
    name: str
    title: str
    logarithmic: bool

    def of(self, point: Point) -> float | None:
        """Its value; None where there is none that could be drawn."""
        value: float | None = getattr(point, self.name)
        return None if value is None or (self.logarithmic and value <= 0) else value


MEASURES = (_Measure("loss", "Loss", logarithmic=True), _Measure("l0", "L0", logarithmic=False))


def write_curves(folder: Path, trained: Trained) -> None:
    """Write `loss.svg` and `l0.svg` into `folder`; the same trainings give the same bytes. Nothing without a curve."""
    curves = [(spec, done) for spec, done in trained if done.curve]
    if not curves:
        return
    for measure in MEASURES:
        keep_or_write(folder / f"{measure.name}.svg", _figure(curves, measure))


def _figure(trained: Trained, measure: _Measure) -> str:
    rows = _rows(trained)
    conditions = sorted({spec.condition for spec, _ in trained})
    entries = [(svg.LINE.format(i % svg.COLOURS), name) for i, name in enumerate(conditions)]
    if measure.name == "l0" and any(spec.k is not None for spec, _ in trained):
        entries.append((svg.RULE, ASKED))
    across = (LEFT + WIDTH + RIGHT) * max(map(len, rows))
    title = f"{measure.title} in training"
    key, taken = svg.legend(52, entries, across)
    body = [svg.text(LEFT - 38, 26, title, "h"), key]
    for down, row in enumerate(rows):
        top = 42 + taken + ABOVE + down * (ABOVE + HEIGHT + BELOW)
        for place, panel in enumerate(row):
            body.append(_panel(panel, measure, conditions, (LEFT + place * (LEFT + WIDTH + RIGHT), top)))
    height = 42 + taken + len(rows) * (ABOVE + HEIGHT + BELOW)
    return svg.picture(height, title, "".join(body), across)


def _rows(trained: Trained) -> list[list[Trained]]:
    """The SAEs of one architecture and layer together, those of an architecture in rows of at most COLUMNS."""
    found: list[list[Trained]] = []
    for architecture in sorted({spec.architecture for spec, _ in trained}):
        own = [one for one in trained if one[0].architecture == architecture]
        layers = sorted({spec.layer for spec, _ in own})
        panels: list[Trained] = [[one for one in own if one[0].layer == layer] for layer in layers]
        found += [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
    return found


def _panel(trained: Trained, measure: _Measure, conditions: list[str], corner: tuple[float, float]) -> str:
    """One architecture at one layer, at `corner`: a line for each SAE in the colour of its condition, and the L0 that was asked for."""
    spec = trained[0][0]
    target = spec.k if measure.name == "l0" else None
    values = [
        value for _, done in trained for point in done.curve if (value := measure.of(point)) is not None
    ]
    values += [] if measure.logarithmic else [0, *([] if target is None else [target])]
    steps = [point.step for _, done in trained for point in done.curve]
    axis = svg.LogAxis if measure.logarithmic else svg.Axis
    plot = svg.Plot(
        *corner,
        WIDTH,
        HEIGHT,
        svg.Axis.around([0, *steps], lines=4),
        axis.around(values or [1.0], lines=4),
    )
    parts = [plot.frame(f"{spec.architecture}, layer {spec.layer}", "step")]
    parts += [] if target is None else [plot.level(target)]
    for one, done in trained:
        points = [(point.step, measure.of(point)) for point in done.curve]
        parts.append(plot.curve(points, conditions.index(one.condition)))
    return "".join(parts)
