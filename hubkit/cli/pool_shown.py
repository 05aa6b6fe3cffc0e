"""A pool report as lines for a person, before hours of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from hubkit.console import Console
    from hubkit.release.pool_report import PoolReport, ScenarioReport


def show(console: Console, report: PoolReport, times: Mapping[str, float]) -> None:
    """Print the funnel, the texts, the controls and what must be known, to stderr."""
    for line in _lines(report):
        console.say(escape(line))
    if times:
        console.say(escape("took: " + ", ".join(f"{name} {value:g}" for name, value in times.items())))
    console.warn({"pool": report.warnings})


def _lines(report: PoolReport) -> Iterator[str]:
    counts = ", ".join(f"{count} {label}" for label, count in report.counts.items())
    ambiguous = report.sampled - report.decisive
    yield f"{report.sampled} sampled -> {ambiguous} ambiguous -> {report.decisive} decisive: {counts} (effective n {report.n_effective:g})"
    yield f"judged by {report.judge}; pooled: {report.pooling} of the {report.token_span}"
    width = max(len(_name(one)) for one in report.scenarios)
    first, second = report.labels
    yield f"{'scenario':<{width}}  sampled  decisive  {first:>12}  {second:>12}  tokens  repeats  refusals"
    for one in sorted(report.scenarios, key=lambda one: one.control):  # the controls last
        texts = one.texts
        yield (
            f"{_name(one):<{width}}  {one.sampled:>7}  {one.decisive:>8}  {one.counts[first]:>12}  {one.counts[second]:>12}  "
            f"{texts.mean_tokens:>6.1f}  {texts.duplicates:>7}  {texts.refusals:>8}"
        )
    texts, words = report.texts, report.words
    yield f"texts: {texts.at_limit} cut at the limit, {texts.empty} empty, {texts.repetitive} repetitive (mean repetition {texts.repetition:.1%})"
    if words.value is None:
        yield f"words alone: not measured ({words.reason})"
    else:
        yield f"words alone tell the labels apart with a balanced accuracy of {words.value:.3f}{_interval(words.interval)} (n {words.n})"
    if (mean := report.turned_mean) is not None and mean.mean is not None:
        yield (
            f"facts turned around: share of {first} {mean.mean:+.3f}{_interval(mean.interval, '+')}, up in {mean.rise} and down in {mean.fall} "
            f"of {mean.scenarios} scenarios"
        )


def _name(one: ScenarioReport) -> str:
    name = f"{one.scenario_id}/{one.variant}" if one.variant else one.scenario_id
    return f"{name} (neutral)" if one.control == "neutral" else name


def _interval(interval: tuple[float, float] | None, sign: str = "") -> str:
    return "" if interval is None else f" (95 % {interval[0]:{sign}.3f} to {interval[1]:{sign}.3f})"
