"""Loss and L0 of the published SAEs on the way, as SVG: one figure each, a panel for every architecture and layer."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from hubkit.release.writing import keep_or_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.train.spec import SaeSpec
    from hubkit.train.unit import Done

    Trained = Sequence[tuple[SaeSpec, Done]]
    Panel = tuple[str, int]
    """Architecture and layer."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, told apart by every eye."""
TARGET = "#555555"
PANEL = (2.6, 1.9)
"""Inches."""
COLUMNS = 6
"""Layers side by side; more of them go on in another row."""


def write_curves(folder: Path, trained: Trained) -> None:
    """Write `loss.svg` and `l0.svg` into `folder`; the same trainings give the same bytes. Nothing without a curve."""
    curves = [(spec, done) for spec, done in trained if done.curve]
    if not curves:
        return
    for name, title, logarithmic in (("loss", "Loss", True), ("l0", "L0", False)):
        keep_or_write(folder / f"{name}.svg", _figure(curves, name, title, logarithmic=logarithmic))


def _figure(trained: Trained, name: str, title: str, *, logarithmic: bool) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels: list[Panel] = sorted({(spec.architecture, spec.layer) for spec, _ in trained})
    conditions = sorted({spec.condition for spec, _ in trained})
    rows = _rows(panels)
    width = max(map(len, rows))
    settings = {
        "svg.hashsalt": "hubkit",
        "svg.fonttype": "path",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(PANEL[0] * width + 0.4, PANEL[1] * len(rows) + 0.7), layout="constrained")
        axes = figure.subplots(len(rows), width, squeeze=False)
        for at, row in zip(axes, rows, strict=True):
            for place, axis in enumerate(at):
                if place >= len(row):
                    axis.set_axis_off()
                    continue
                _panel(
                    axis,
                    [one for one in trained if (one[0].architecture, one[0].layer) == row[place]],
                    name,
                    conditions,
                )
                axis.set_yscale("log" if logarithmic else "linear")
            at[0].set_ylabel(title)
        handles, labels = _legend(axes)
        figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": f"{title} in training"})
    return file.getvalue()


def _rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """The panels of each architecture in rows of at most COLUMNS."""
    found: list[list[Panel]] = []
    for architecture in dict.fromkeys(architecture for architecture, _ in panels):
        own = [panel for panel in panels if panel[0] == architecture]
        found += [own[start : start + COLUMNS] for start in range(0, len(own), COLUMNS)]
    return found


def _panel(axis: Any, trained: Trained, name: str, conditions: list[str]) -> None:
    """One architecture at one layer: a line for each condition, and the L0 that was asked for."""
    for spec, done in trained:
        values = [getattr(point, name) for point in done.curve]
        steps = [point.step for point in done.curve]
        colour = COLOURS[conditions.index(spec.condition) % len(COLOURS)]
        axis.plot(steps, values, color=colour, linewidth=1, label=spec.condition)
    first = trained[0][0]
    if name == "l0" and first.k is not None:
        axis.axhline(first.k, color=TARGET, linewidth=0.8, linestyle="--", label="asked for")
        axis.set_ylim(bottom=0)
    axis.set_title(f"{first.architecture}, layer {first.layer}", fontsize=8, loc="left")
    axis.set_xlabel("step")


def _legend(axes: Any) -> tuple[list[Any], list[str]]:
    """Every label once."""
    found = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    return list(found.values()), list(found)
