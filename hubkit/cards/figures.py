"""The card's figures, from the release's own numbers: `figures/*.svg`, each with a text for those who do not see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from hubkit import svg
from hubkit.cards.drawn import (
    FOLDER,
    Drawn,
    architectures,
    drawn_as,
    from_to,
    how_many,
    known,
    legend_of,
    needed,
    number_of,
)
from hubkit.cards.facts import NEVER_LEARNED, Facts, SaeFact, Thresholds
from hubkit.cards.figures_of_experiments import density, effect_sizes, seeds, steering, transfers
from hubkit.errors import UsageError
from hubkit.release.metrics import MetricValue, NullReference
from hubkit.release.writing import keep_or_write
from hubkit.words import many

PROBE = "probe_balanced_accuracy"
BAND = 1.96
SPLITS = {"crossfit": "rows it never saw", "held_out": "held-out rows", "train": "its training rows"}


@dataclass(frozen=True)
class Figure:
    """One picture of the card."""

    path: str
    """In the release, with `/`."""
    alt: str
    caption: str


def write_figures(facts: Facts, release: Path) -> list[Figure]:
    """Draw every figure that the numbers allow; a figure of an earlier build that they no longer allow is removed.

    Raises UsageError where the folder of figures is a link that leads out of the release: somebody else's files would be written over.
    """
    if not (release / FOLDER).resolve().is_relative_to(release.resolve()):
        raise UsageError(
            f"{release / FOLDER}: a link that leads out of the release, expected a folder",
            "remove the link and build the card again",
        )
    drawn = draw_figures(facts)
    for one in drawn:
        keep_or_write(release / FOLDER / f"{one.name}.svg", one.text)
    for name in FIGURES.keys() - {one.name for one in drawn}:
        (release / FOLDER / f"{name}.svg").unlink(missing_ok=True)
    return [Figure(f"{FOLDER}/{one.name}.svg", one.alt, one.caption) for one in drawn]


def draw_figures(facts: Facts) -> list[Drawn]:
    """Every figure that the numbers allow, in the order of the card. Same facts, same bytes."""
    return [figure for one in FIGURES.values() if (figure := one.draw(facts)) is not None]


def layer_profile(facts: Facts) -> Drawn | None:
    """Probe balanced accuracy by layer: raw activations with intervals, each SAE, and chance."""
    profiles = [p for p in (facts.evaluation.layers if facts.evaluation else ()) if known(p.get(PROBE))]
    if not profiles:
        return None
    profiles.sort(key=lambda profile: profile.layer)
    layers, raw = [p.layer for p in profiles], [needed(p.get(PROBE)) for p in profiles]
    probed = {sae.sae_id: number_of(metric) for sae in facts.saes if (metric := _probe(sae))}
    saes = [sae for sae in facts.saes if sae.sae_id in probed and sae.layer in layers]
    null = next((metric for metric in raw if metric.null_level is not None), None)
    level, name = (null.null_level or 0.0, null.null_kind or "") if null else (0.5, "chance")
    edges = [edge for metric in raw for edge in (metric.interval or ())]
    bands = [edge for metric in raw for edge in (_band(metric) or ())]
    values = [*(probed[sae.sae_id] for sae in saes), *map(number_of, raw), *edges, *bands, level]
    whiskers = "raw activations, 95 % interval" if edges else "raw activations"
    key, taken = svg.legend(52, [(svg.DOT, whiskers), *legend_of(architectures(saes)), (svg.RULE, name)])
    panel = svg.Panel(58 + taken, 220, svg.Axis.around(values), len(profiles))
    body = [
        key,
        panel.frame(""),
        _null_band(panel, raw),
        panel.level(level),
        panel.names([str(layer) for layer in layers], "layer"),
    ]
    body += [_by_layer(panel, saes, probed, layers), *_raw_line(panel, raw)]
    best = max(range(len(raw)), key=lambda i: number_of(raw[i]))
    title = "Probe balanced accuracy by layer"
    alt = f"{title}: raw activations of {_layers(raw, layers[best])}; {name} is {level:g}." + (
        f" {how_many(saes)} beside them, {from_to(probed[sae.sae_id] for sae in saes)}." if saes else ""
    )
    caption = f"n = {raw[best].n}." + (f" The band holds 95 % of what {name} gives." if bands else "")
    return drawn_as("layer_profile", title, panel.bottom + 52, "".join(body), alt, caption)


def _band(metric: MetricValue) -> tuple[float, float] | None:
    """Where 95 % of its null lie, by the null's own scatter; None where that is not known."""
    null = metric.null
    if not isinstance(null, NullReference) or null.mean is None or not null.std:
        return None
    return null.mean - BAND * null.std, null.mean + BAND * null.std


def _null_band(panel: svg.Panel, raw: Sequence[MetricValue]) -> str:
    """A box behind the value of each layer."""
    boxes = []
    for place, metric in enumerate(raw):
        if (ends := _band(metric)) is not None:
            low, high = map(panel.y, ends)
            x, y, w, h = map(svg.number, (panel.x(place) - panel.step / 2, high, panel.step, low - high))
            boxes.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" class="band"/>')
    return "".join(boxes)


def comparisons(facts: Facts) -> Drawn | None:
    """Each SAE's probe minus that of the raw activations, sorted, with intervals; one alone is a sentence of the card, and no picture."""
    by_id = {sae.sae_id: sae for sae in facts.saes}
    found = [
        (by_id[c.sae_id], c.difference)
        for c in (facts.evaluation.comparisons if facts.evaluation else ())
        if c.sae_id in by_id and known(c.difference) and c.reference.startswith("raw")
    ]
    if len(found) < 2:
        return None
    found.sort(key=lambda one: (number_of(one[1]), one[0].sae_id))
    series = architectures([sae for sae, _ in found])
    key, taken = svg.legend(52, [*legend_of(series), (svg.RULE, "no difference")])
    edges = [edge for _, metric in found for edge in (metric.interval or (number_of(metric),))]
    panel = svg.Panel(58 + taken, 220, svg.Axis.around([*edges, 0.0]), len(found))
    body = [panel.frame(""), panel.level(0.0)]
    for i, (sae, metric) in enumerate(found):
        which = series.index(sae.trained_as)
        if metric.interval:
            ends = [panel.y(edge) for edge in metric.interval]
            body.append(svg.line(panel.x(i), ends[0], panel.x(i), ends[1], f"s{which % svg.COLOURS}"))
        body.append(svg.mark(panel.x(i), panel.y(number_of(metric)), which, min(4.0, panel.step / 3)))
    body.append(svg.text(panel.x((len(found) - 1) / 2), panel.bottom + 20, f"{len(found)} SAEs, sorted", "m"))
    title = "SAE probe minus raw activations, balanced accuracy"
    alt = (
        f"{title}, {len(found)} SAEs: from {number_of(found[0][1]):+.3f} to {number_of(found[-1][1]):+.3f}. "
    )
    caption = _beyond_zero([metric for _, metric in found])
    return drawn_as("comparisons", title, panel.bottom + 34, key + "".join(body), alt + caption, caption)


def _beyond_zero(differences: Sequence[MetricValue]) -> str:
    """How many differences are told from zero, and how many would be by chance."""
    judged = [metric.interval for metric in differences if metric.interval]
    if not judged:
        return "No intervals: whether any difference is more than chance is not known."
    above, below = sum(low > 0 for low, _ in judged), sum(high < 0 for _, high in judged)
    return (
        f"Whole 95 % interval above zero: {above} of {len(judged)}; below: {below}. "
        f"Expected by chance: {0.025 * len(judged):.1f} of {len(judged)} each, or more."
    )


def reconstruction(facts: Facts) -> Drawn | None:
    """Explained variance and L0 by layer, each SAE a mark, each architecture's mean a line."""
    found = [
        (sae, variance, l0)
        for sae in facts.saes
        if (variance := _best(sae, "explained_variance")) and (l0 := _best(sae, "l0"))
    ]
    variances = {sae.sae_id: number_of(variance) for sae, variance, _ in found}
    l0s = {sae.sae_id: number_of(l0) for sae, _, l0 in found}
    saes = [sae for sae, _, _ in found if sae.layer is not None]
    layers = sorted({sae.layer for sae in saes if sae.layer is not None})
    if not layers:
        return None
    key, taken = svg.legend(52, legend_of(architectures(saes)))
    upper = svg.Panel(78 + taken, 150, svg.Axis.around([*variances.values()], lines=4), len(layers))
    lower = svg.Panel(upper.bottom + 40, 150, svg.Axis.around([*l0s.values()], lines=4), len(layers))
    body = [key, upper.frame("Explained variance"), _by_layer(upper, saes, variances, layers)]
    body += [lower.frame("L0 (active latents per row)"), _by_layer(lower, saes, l0s, layers)]
    body.append(lower.names([str(layer) for layer in layers], "layer"))
    title = "Reconstruction by layer"
    alt = (
        f"{title}: {how_many(saes)}; explained variance {from_to(variances.values())}, "
        f"L0 {from_to(l0s.values(), 1)}."
    )
    splits = sorted({SPLITS.get(variance.split, variance.split) for _, variance, _ in found})
    means = "; lines are the means of an architecture" if len(layers) > 1 else ""
    caption = f"Each mark is an SAE, on {' or '.join(splits)}{means}."
    return drawn_as("reconstruction", title, lower.bottom + 52, "".join(body), alt, caption)


def frontier(facts: Facts) -> Drawn | None:
    """Explained variance against L0, both on the same rows: what an SAE says back for how many latents. Two SAEs at least."""
    found = [
        (sae, number_of(variance), number_of(l0))
        for sae in facts.saes
        if (variance := _best(sae, "explained_variance")) and (l0 := _best(sae, "l0")) and variance.split == l0.split
    ]  # fmt: skip
    if len(found) < 2:
        return None
    series = architectures([sae for sae, *_ in found])
    key, taken = svg.legend(52, legend_of(series))
    variances, l0s = [one for _, one, _ in found], [one for *_, one in found]
    plot = svg.Plot(
        svg.MARGIN_LEFT,
        78 + taken,
        svg.WIDTH - svg.MARGIN_LEFT - svg.MARGIN_RIGHT,
        220,
        svg.Axis.around(l0s),
        svg.Axis.around(variances),
    )
    body = [key, plot.frame("explained variance", "L0 (active latents per row)")]
    body += [svg.mark(*plot.point(l0, variance), series.index(sae.trained_as), 3.5) for sae, variance, l0 in found]  # fmt: skip
    title = "Explained variance against L0"
    alt = f"{title}: {how_many([sae for sae, *_ in found])}; explained variance {from_to(variances)}, L0 {from_to(l0s, 1)}."
    caption = "Each mark is an SAE. Up and to the left is better: more said back by fewer latents."
    return drawn_as("frontier", title, plot.top + plot.height + 52, "".join(body), alt, caption)


def _by_layer(
    panel: svg.Panel, saes: Sequence[SaeFact], values: Mapping[str, float], layers: Sequence[int]
) -> str:
    """A mark for each SAE, architectures side by side, and a line through the means of each."""
    series = architectures(saes)
    means, marks = [], []
    for i, architecture in enumerate(series):
        points = []
        for place, layer in enumerate(layers):
            x = panel.x(place + _offset(i, len(series)))
            here = [values[s.sae_id] for s in saes if s.trained_as == architecture and s.layer == layer]
            marks += [svg.mark(x, panel.y(value), i, 3.5) for value in here]
            points += [(x, panel.y(fmean(here)))] if here else []
        means.append(svg.path(points, f"s{i % svg.COLOURS}"))
    return "".join((*means, *marks))


KINDS: tuple[tuple[Thresholds, str], ...] = (
    ("differ", "differ between latents"),
    ("one value", "one value for all"),
    ("never learned", "never learned"),
    ("barely moved", "barely moved"),
    ("not read", "not read"),
)
"""What a threshold tensor shows, and how the legend calls it."""


def thresholds(facts: Facts) -> Drawn | None:
    """What the thresholds of the SAEs of each layer show: that they differ between latents, or why they do not."""
    found = [
        (sae, sae.thresholds) for sae in facts.saes if sae.thresholds is not None and sae.layer is not None
    ]
    if not found:
        return None
    layers = sorted({sae.layer for sae, _ in found if sae.layer is not None})
    totals = Counter(sae.layer for sae, _ in found)
    here = [(kind, words) for kind, words in KINDS if any(shown == kind for _, shown in found)]
    most = max(totals.values())
    entries = [(svg.BOX.format(i), words) for i, (_, words) in enumerate(here)]
    key, taken = svg.legend(52, entries)
    axis = svg.Axis(0, most, tuple(range(0, most + 1, max(1, most // 4))))
    panel = svg.Panel(78 + taken, 110, axis, len(layers))
    width = min(40.0, panel.step * 0.6)
    body = [panel.frame("SAEs")]
    for place, layer in enumerate(layers):
        low = 0
        for i, (kind, _) in enumerate(here):
            high = low + sum(shown == kind and sae.layer == layer for sae, shown in found)
            if high > low:
                box = (panel.x(place) - width / 2, panel.y(high), width, panel.y(low) - panel.y(high))
                x, y, w, h = (svg.number(value) for value in box)
                body.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" class="f{i}"/>')
            low = high
    body.append(panel.names([str(layer) for layer in layers], "layer"))
    title = "Thresholds of the SAEs"
    counts = Counter(shown for _, shown in found)
    alt = f"{title}, {len(found)}: {', '.join(f'{counts[kind]} {words}' for kind, words in here)}."
    return drawn_as(
        "thresholds", title, panel.bottom + 52, key + "".join(body), alt, _about_thresholds(facts, counts)
    )


def _about_thresholds(facts: Facts, counts: Mapping[Thresholds, int]) -> str:
    """What each kind means, of the kinds that there are."""
    found = {(one.code, one.title) for sae in facts.saes for one in sae.findings}
    codes = {code for code, title in found if not title}
    codes |= {sae.rewritten.rule for sae in facts.saes if sae.rewritten}
    said = [f"What the tensors of {many(sum(counts.values()), 'SAE')} hold."]
    if "THR001" in codes:
        said.append("A threshold of 0 leaves a plain ReLU; `hubkit explain THR001` says why.")
    if "THR002" in codes:
        said.append(
            "A threshold at its initial value was never learned; `hubkit explain THR002` says how that is told."
        )
    if any(code in NEVER_LEARNED and title for code, title in found):
        said.append(
            "One threshold for all latents of a trained JumpReLU was never learned; `hubkit explain THR002` says how that is told."
        )
    if counts["one value"]:
        said.append("One value for all latents was set or exported so; it was not learned latent by latent.")
    return " ".join(said)


class Listed(NamedTuple):
    """What draws it, None where there is nothing to see, and the section that it stands in."""

    draw: Callable[[Facts], Drawn | None]
    section: str


FIGURES: dict[str, Listed] = {
    "layer_profile": Listed(layer_profile, "key_findings"),
    "comparisons": Listed(comparisons, "key_findings"),
    "reconstruction": Listed(reconstruction, "quality"),
    "frontier": Listed(frontier, "quality"),
    "density": Listed(density, "quality"),
    "thresholds": Listed(thresholds, "architecture"),
    "effect_sizes": Listed(effect_sizes, "effect_sizes"),
    "seeds": Listed(seeds, "seeds"),
    "steering": Listed(steering, "steering"),
    "transfers": Listed(transfers, "precision"),
}
"""By file name without its end; in the order of the card."""


def _layers(raw: Sequence[MetricValue], best: int) -> str:
    """`12 layers, 0.50 to 0.72, highest at layer 11`, or the one that was measured."""
    values = from_to(map(number_of, raw))
    return (
        f"{len(raw)} layers, {values}, highest at layer {best}" if len(raw) > 1 else f"layer {best}, {values}"
    )


def _raw_line(panel: svg.Panel, raw: Sequence[MetricValue]) -> list[str]:
    """The reference: a line through its values, a whisker for each interval."""
    parts = [svg.path([(panel.x(i), panel.y(number_of(m))) for i, m in enumerate(raw)], "raw")]
    for i, metric in enumerate(raw):
        if metric.interval:
            low, high = metric.interval
            parts.append(svg.line(panel.x(i), panel.y(low), panel.x(i), panel.y(high), "raw"))
        parts.append(
            f'<circle cx="{svg.number(panel.x(i))}" cy="{svg.number(panel.y(number_of(metric)))}" r="4" class="rawdot"/>'
        )
    return parts


def _offset(series: int, count: int) -> float:
    """Places beside the middle, so that architectures do not cover each other."""
    return 0.5 * ((series + 1) / (count + 1) - 0.5)


def _best(sae: SaeFact, measure: str) -> MetricValue | None:
    """On unseen rows where that was measured, else on held-out, else on training rows."""
    return _probe(sae, measure) or known(sae.metric(measure, "train"))


def _probe(sae: SaeFact, measure: str = PROBE) -> MetricValue | None:
    """On unseen or held-out rows: an SAE remembers the rows that it was trained on."""
    return known(sae.metric(measure, "crossfit")) or known(sae.metric(measure, "held_out"))
