"""The card's figures of what stands beside its null: effects of latents, other seeds, steering, other precisions; and how often latents fire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubkit import svg
from hubkit.cards.drawn import (
    Drawn,
    architectures,
    drawn_as,
    from_to,
    known,
    legend_of,
    number_of,
)
from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.sections.saes import densities
from hubkit.measures.measure import Split
from hubkit.release.experiments import Steering
from hubkit.release.metrics import MetricValue, NullReference
from hubkit.words import many

D_MAX, AGREEMENT, DROP = "d_max", "seed_agreement", "explained_variance_drop"
SPLITS: tuple[Split, ...] = ("crossfit", "held_out", "train")
MOST_CURVES = 4
"""Directions of one picture: more would hide each other."""
BAR = '<line x1="-8" y1="0" x2="8" y2="0" class="raw"/>'
Beside = tuple[SaeFact, MetricValue]


def effect_sizes(facts: Facts) -> Drawn | None:
    """The largest |d| of each SAE, and the same maximum where labels mean nothing."""
    found = [
        (sae, value)
        for sae in facts.saes
        for value in [next(filter(None, (known(sae.metric(D_MAX, split)) for split in SPLITS)), None)]
        if value is not None and value.null_point is not None
    ]
    # its interval is that of a latent chosen beforehand, which this one was not
    found = [(sae, value.model_copy(update={"interval": None})) for sae, value in found]
    above = sum(number_of(value) > (value.null_point or 0.0) for _, value in found)
    kinds = sorted({value.null.kind for _, value in found if isinstance(value.null, NullReference)})
    caption = f"Above the 95 % point of its null ({', '.join(kinds)}): {above} of {len(found)}. Expected by chance: {0.05 * len(found):.1f}."
    return _beside_nulls("effect_sizes", "Largest effect of a latent, d_max", found, caption)


def seeds(facts: Facts) -> Drawn | None:
    """How far the decoders of other seeds agree, and as many random directions."""
    found = [
        (sae, value)
        for sae in facts.saes
        if (value := known(sae.metric(AGREEMENT, "train"))) is not None and value.null_level is not None
    ]
    judged = [value for _, value in found if value.interval]
    above = sum(value.interval[0] > (value.null_level or 0.0) for value in judged if value.interval)
    caption = (
        f"Whole 95 % interval above random directions: {above} of {len(judged)}."
        if judged
        else "Two seeds give no interval."
    )
    return _beside_nulls("seeds", "Agreement of decoders over seeds", found, caption)


def _beside_nulls(name: str, title: str, found: Sequence[Beside], caption: str) -> Drawn | None:
    """Each SAE's value with its interval, and a bar where its null is; sorted by how far the two are apart. One alone is a line of a table."""
    if len(found) < 2:
        return None

    def away(one: Beside) -> tuple[float, str]:
        return number_of(one[1]) - (one[1].null_level or 0.0), one[0].sae_id

    ordered = sorted(found, key=away)
    series = architectures([sae for sae, _ in ordered])
    key, taken = svg.legend(52, [*legend_of(series), (BAR, "its null")])
    edges = [
        edge
        for _, value in ordered
        for edge in (*(value.interval or ()), number_of(value), value.null_level or 0.0)
    ]
    panel = svg.Panel(58 + taken, 220, svg.Axis.around(edges), len(ordered))
    half = min(8.0, panel.step / 2.5)
    body = [key, panel.frame("")]
    for place, (sae, value) in enumerate(ordered):
        x, which = panel.x(place), series.index(sae.trained_as)
        if value.interval:
            low, high = map(panel.y, value.interval)
            body.append(svg.line(x, low, x, high, f"s{which % svg.COLOURS}"))
        null = panel.y(value.null_level or 0.0)
        body.append(svg.line(x - half, null, x + half, null, "raw"))
        body.append(svg.mark(x, panel.y(number_of(value)), which, min(4.0, panel.step / 3)))
    words = f"{len(ordered)} SAEs, sorted by their distance from the null"
    body.append(svg.text(panel.x((len(ordered) - 1) / 2), panel.bottom + 20, words, "m"))
    values, nulls = (
        from_to(map(number_of, (v for _, v in ordered))),
        from_to(v.null_level or 0.0 for _, v in ordered),
    )
    alt = f"{title}: {len(ordered)} SAEs, {values}; their nulls {nulls}. {caption}"
    return drawn_as(name, title, panel.bottom + 34, "".join(body), alt, caption)


def steering(facts: Facts) -> Drawn | None:
    """The rate of the label by the strength of each direction; random directions of the same length at the two ends."""
    listed = facts.evaluation.steering if facts.evaluation else []
    shown = [one for one in listed if len(one.doses) > 2][:MOST_CURVES]
    if not shown or len({one.label for one in shown}) > 1:
        return None
    names = [f"{one.direction}{f' of {one.sae_id}' if one.sae_id else ''}" for one in shown]
    key, taken = svg.legend(52, [*legend_of(names), *([(svg.RULE, "without steering")] if _at_zero(shown[0]) is not None else [])])  # fmt: skip
    alphas = [dose.alpha for one in shown for dose in one.doses]
    plot = svg.Plot(svg.MARGIN_LEFT, 58 + taken, svg.WIDTH - svg.MARGIN_LEFT - svg.MARGIN_RIGHT, 220, svg.Axis.around(alphas), svg.Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0)))  # fmt: skip
    body = [key, plot.frame("", "alpha")]
    if (zero := _at_zero(shown[0])) is not None:
        body.append(plot.level(zero))
    for number, one in enumerate(shown):
        doses = sorted(one.doses, key=lambda dose: dose.alpha)
        body.append(plot.curve([(dose.alpha, dose.rate) for dose in doses], number))
        body += [svg.mark(*plot.point(dose.alpha, dose.rate), number) for dose in doses]
    title = f"Rate of {shown[0].label} by the strength of a direction"
    parts = [f"{name} {from_to((dose.rate for dose in one.doses), 2)}" for name, one in zip(names, shown, strict=True)]  # fmt: skip
    controlled = [one for one in shown if one.controls]
    caption = (
        "Random directions of the same length moved the rate as far: "
        + "; ".join(
            f"{sum(abs(effect) >= abs(one.effect or 0.0) for control in one.controls for effect in control.effects)} of {sum(len(control.effects) for control in one.controls)} ({name})"
            for name, one in zip(names, shown, strict=True)
            if one.controls
        )
        + "."
        if controlled
        else "No random directions were tried beside them."
    )
    bottom = plot.top + plot.height
    return drawn_as(
        "steering", title, bottom + 52, "".join(body), f"{title}: {'; '.join(parts)}. {caption}", caption
    )


def _at_zero(one: Steering) -> float | None:
    return next((dose.rate for dose in one.doses if dose.alpha == 0), None)


def transfers(facts: Facts) -> Drawn | None:
    """By how much explained variance falls on activations of each other precision, each SAE a mark with its interval."""
    by_id = {sae.sae_id: sae for sae in facts.saes}
    found = [
        (one.to, by_id[one.sae_id], value)
        for one in (facts.evaluation.transfers if facts.evaluation else ())
        if one.sae_id in by_id
        for value in one.values
        if value.measure == DROP and known(value) is not None
    ]
    if not found:
        return None
    places = list(dict.fromkeys(to for to, _, _ in found))
    series = architectures([sae for _, sae, _ in found])
    # names of precisions are too long for their places
    numbered = [("", f"{number}: {to}") for number, to in enumerate(places, 1)]
    key, taken = svg.legend(52, [*legend_of(series), (svg.RULE, "nothing lost"), *numbered])
    edges = [edge for *_, value in found for edge in (*(value.interval or ()), number_of(value))]
    panel = svg.Panel(58 + taken, 220, svg.Axis.around([*edges, 0.0]), len(places))
    body = [
        key,
        panel.frame(""),
        panel.level(0.0),
        panel.names([str(number + 1) for number in range(len(places))], "activations of"),
    ]
    for place, to in enumerate(places):
        here = [(sae, value) for there, sae, value in found if there == to]
        for number, (sae, value) in enumerate(here):
            which = series.index(sae.trained_as)
            x = panel.x(place + 0.7 * ((number + 1) / (len(here) + 1) - 0.5))
            if value.interval:
                low, high = map(panel.y, value.interval)
                body.append(svg.line(x, low, x, high, f"s{which % svg.COLOURS}"))
            body.append(svg.mark(x, panel.y(number_of(value)), which, 3.5))
    title = "Explained variance lost on other activations"
    told = "; ".join(f"{to} {from_to(number_of(v) for there, _, v in found if there == to)}" for to in places)
    caption = f"Of {many(len({sae.sae_id for _, sae, _ in found}), 'SAE')}; whiskers are 95 % intervals over rows. The rule by which a transfer is judged stands in the table."
    return drawn_as(
        "transfers", title, panel.bottom + 52, "".join(body), f"{title}: {told}. {caption}", caption
    )


def density(facts: Facts) -> Drawn | None:
    """How often latents fire: the histogram of each architecture, as a share of its latents."""
    found = densities(facts)
    if found is None:
        return None
    bins = ["never", *found["heads"]]
    shares = {kind: _shares([dead, *counts]) for kind, dead, counts, _ in found["rows"]}
    names = sorted(shares)
    key, taken = svg.legend(52, [(svg.BOX.format(i), name) for i, name in enumerate(names)])
    panel = svg.Panel(78 + taken, 180, svg.Axis.around([0.0, *(one for name in names for one in shares[name])]), len(bins))  # fmt: skip
    width = 0.8 * panel.step / len(names)
    body = [key, panel.frame("share of the latents"), panel.names(bins, "share of the rows on which a latent fires")]  # fmt: skip
    for which, name in enumerate(names):
        for place, share in enumerate(shares[name]):
            if share:
                left = panel.x(place) + width * (which - len(names) / 2)
                box = (left, panel.y(share), width, panel.bottom - panel.y(share))
                x, y, w, h = map(svg.number, box)
                body.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" class="f{which % svg.COLOURS}"/>')  # fmt: skip
    title = "How often latents fire"
    never = "; ".join(f"{name} {100 * shares[name][0]:.0f} %" for name in names)
    caption = f"On no row: {never}."
    return drawn_as(
        "density", title, panel.bottom + 52, "".join(body), f"{title}, by architecture. {caption}", caption
    )


def _shares(counts: Iterable[int]) -> list[float]:
    listed = list(counts)
    total = sum(listed) or 1
    return [one / total for one in listed]
