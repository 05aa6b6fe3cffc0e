"""Axes of numbers, and plots of several to a picture; the cards' own pictures are tested in tests/cards/."""

from __future__ import annotations

import pytest

from hubkit import svg


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.2, 60.0], (1.0, 10.0)),
        ([0.002, 3e4], (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)),
        ([2.0, 9.0], (2.0, 5.0)),
        ([7.0, 7.0], (5.0, 10.0)),
        ([0.9, 40.0], (1.0, 10.0)),
        ([4.1, 4.6], (4.1, 4.2, 4.3, 4.4, 4.5)),
    ],
)
def test_a_logarithmic_axis_has_lines_at_round_numbers(values: list[float], ticks: tuple[float, ...]) -> None:
    axis = svg.LogAxis.around(values, lines=4)
    assert axis.ticks == pytest.approx(ticks)
    assert all(0 <= axis.share(value) <= 1 for value in (*values, *axis.ticks))


def test_each_decade_takes_as_much() -> None:
    axis = svg.LogAxis.around([1.0, 1000.0])
    assert [axis.share(value) for value in (1, 10, 100, 1000)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [axis.label(value) for value in (0.1, 20.0, 1e6)] == ["0.1", "20", "1e+06"]
    assert len(svg.LogAxis.around([1e-12, 1e12], lines=4).ticks) <= 8


def test_a_line_is_broken_where_a_value_is_missing() -> None:
    axis = svg.Axis(0, 10, (0.0, 5.0, 10.0))
    plot = svg.Plot(10, 20, 100, 50, axis, axis)
    assert plot.point(0, 0) == (10, 70)
    assert plot.point(10, 10) == (110, 20)
    whole = plot.curve([(0, 0), (5, 5), (10, 10)], 0)
    assert whole == '<path d="M10 70 L60 45 L110 20" class="s0"/>'
    assert plot.curve([(0, 0), (1, 1), (2, None), (5, 5), (10, 10)], 7).count('class="s1"') == 2
    assert plot.curve([(0, None), (1, 1)], 0) == "", "a point alone is no line"
    assert "&lt;" in plot.frame("a < b", "step")
