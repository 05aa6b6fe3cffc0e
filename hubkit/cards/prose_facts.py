"""The facts by name, each with the file and pointer it is read from: what an author's prose may quote, and what `build-cards --facts` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.cards.facts import Facts, SaeFact, Source
from hubkit.cards.measured import BALANCED, best_sae, of_layer, peak_layer
from hubkit.cards.settings import NAME as SETTINGS
from hubkit.cards.stated import Item, Stated
from hubkit.measures.catalogue import CATALOGUE, definitions
from hubkit.release.evidence import StatedValue
from hubkit.release.layout import CFG, EVALUATION, PROVENANCE
from hubkit.release.metrics import MetricValue

COUNTED = Source("", "")
"""A count over the listing of the release."""
BASE_KEYS = {"parameters": "parameters", "layers": "n_layers", "d_model": "d_model", "type": "model_type"}
SIZES = ("d_in", "d_sae", "k", "architecture", "dtype")
CHOSEN = {one.on_card.quoted_as: definitions(one.name) for one in CATALOGUE.values() if one.on_card.quoted_as}
"""Short names of the values that a card speaks of, and the definitions that they stand for, the better first."""
OF_LAYERS = {name: chosen for name, chosen in CHOSEN.items() if CATALOGUE[chosen[0][0]].of_layers}


@dataclass(frozen=True)
class Fact:
    """One value, and where it is written."""

    value: Any
    source: Source
    stated: str = ""
    """Who states a value that hubkit did not compute, with its n and where it can be looked up."""

    def __str__(self) -> str:
        return (
            f"{self.value:.3f}"
            if isinstance(self.value, float) and abs(self.value) < 10
            else f"{self.value:,}"
            if isinstance(self.value, int)
            else str(self.value)
        )


WHO = {
    "author": "stated by the author",
    "unrecorded": "stated, no record of a computation",
    "changed": "stated, changed since it was computed",
    "training": "stated by the training",
}
Tree = dict[str, Any]
"""Names to facts, or to further trees."""


def quotable(facts: Facts) -> Tree:
    """Everything that prose may quote, by name."""
    tree: Tree = {
        "count": Fact(len(facts.saes), COUNTED),
        "base_model": _base(facts),
        "sae": {sae.sae_id: sae_facts(sae, facts) for sae in facts.saes},
        "layer": _layers(facts),
        "tally": _tallies(facts),
        "completions": _completions(facts),
        "stated": _stated(facts),
    }
    peak = peak_layer(facts)
    if facts.study is not None and peak is not None and peak.metric.value is not None:
        tree["study"] = {
            "models": Fact(len(facts.study.others) + 1, COUNTED),
            "rank": Fact(facts.study.rank(peak.metric.value), COUNTED),
            "best_layer": {name: Fact(value, COUNTED) for name, value in facts.study.others.items()},
        }
    if (best := best_sae(facts, BALANCED)) is not None:
        tree["best_sae"] = {
            "sae_id": Fact(best.sae.sae_id, COUNTED),
            "layer": Fact(best.sae.layer, COUNTED),
            **sae_facts(best.sae, facts),
        }
    if peak is not None:
        tree["peak_layer"] = {
            "layer": Fact(peak.profile.layer, COUNTED),
            **tree["layer"][str(peak.profile.layer)],
        }
    return tree


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Fact]]:
    """Every fact with its whole name."""
    for name, value in tree.items():
        if isinstance(value, Fact):
            yield prefix + name, value
        else:
            yield from flat(value, f"{prefix}{name}.")


def _stated(facts: Facts) -> Tree:
    """What nobody here computed: under `release`, `layer.<n>` and `sae.<sae_id>`, by measure (and split) or name; of several alike the author's stands."""
    tree: Tree = {}
    for group in reversed(facts.stated):
        for item in group.items:
            place = _branch(tree, item.value)
            place[_called(item.value)] = Fact(
                item.value.value, Source(item.file, item.pointer), _who(group, item)
            )
    return tree


def _branch(tree: Tree, value: StatedValue) -> Tree:
    if value.sae_id is not None:
        return _below(_below(tree, "sae"), value.sae_id)
    if value.layer is not None:
        return _below(_below(tree, "layer"), str(value.layer))
    return _below(tree, "release")


def _below(tree: Tree, name: str) -> Tree:
    found: Tree = tree.setdefault(name, {})
    return found


def _called(value: StatedValue) -> str:
    name = value.measure or re.sub(r"\W+", "_", value.name or "").strip("_").lower() or "value"
    words = [name, value.split, re.sub(r"\W+", "_", value.contrast) if value.contrast else None]
    return "_".join(filter(None, words))


def _who(group: Stated, item: Item) -> str:
    n = f"n = {item.value.n}" if item.value.n is not None else "n not stated"
    return f"{WHO[group.origin]}, {n}, source: {item.source}"


def _base(facts: Facts) -> Tree:
    base = facts.base
    named = Source(SETTINGS, "/base_model")
    found = {name: getattr(base, key) for name, key in BASE_KEYS.items()}
    stated = base.source == PROVENANCE
    sizes = {
        name: Fact(value, Source(base.source or "", f"/base_model_shape/{BASE_KEYS[name]}" if stated else ""))
        for name, value in found.items()
        if value is not None
    }
    return {"name": Fact(base.name, named), "id": Fact(base.hub_id, named), **sizes}


def sae_facts(sae: SaeFact, facts: Facts) -> Tree:
    """Sizes from its cfg.json; every measured value under `<measure>_<split>`, the chosen ones under their short names."""
    prefix = "" if sae.sae_id == "." else f"{sae.sae_id}/"
    tree: Tree = {
        name: Fact(sae.raw[name], Source(f"{prefix}{CFG}", f"/{name}")) for name in SIZES if name in sae.raw
    }
    values = _values(sae, facts)
    for metric, source in values:
        if metric.value is not None and metric.contrast is None:
            tree[f"{metric.measure}_{metric.split}"] = Fact(metric.value, source)
    for name, wanted in CHOSEN.items():
        keys = [f"{measure}_{split}" for measure, split in wanted]
        if (key := next((key for key in keys if key in tree), None)) is not None:
            tree[name] = tree[key]
    return tree


def _values(sae: SaeFact, facts: Facts) -> list[tuple[MetricValue, Source]]:
    if sae.metrics is None or sae.metrics_file is None:
        return []
    start = ""
    if sae.metrics_file == EVALUATION and facts.evaluation is not None:
        start = f"/saes/{facts.evaluation.saes.index(sae.metrics)}"
    return [
        (value, Source(sae.metrics_file, f"{start}/values/{i}/value"))
        for i, value in enumerate(sae.metrics.values)
    ]


def _layers(facts: Facts) -> Tree:
    layers = facts.evaluation.layers if facts.evaluation else []
    found: Tree = {}
    for i, profile in enumerate(layers):
        tree: Tree = {}
        for name, wanted in OF_LAYERS.items():
            metric = of_layer(profile, wanted)
            if metric is not None:
                pointer = f"/layers/{i}/values/{profile.values.index(metric)}/value"
                tree[name] = Fact(metric.value, Source(EVALUATION, pointer))
        found[str(profile.layer)] = tree
    return found


def _tallies(facts: Facts) -> Tree:
    tallies = facts.evaluation.tallies if facts.evaluation else []
    return {
        str(i): {
            name: Fact(getattr(tally, name), Source(EVALUATION, f"/tallies/{i}/{name}"))
            for name in ("above", "total", "subject_mean", "reference_mean")
            if getattr(tally, name) is not None
        }
        for i, tally in enumerate(tallies)
    }


def _completions(facts: Facts) -> Tree:
    counted = facts.provenance.completions if facts.provenance else {}
    return {
        name.replace(" ", "_"): Fact(
            count, Source(PROVENANCE, f"/completions/{name.replace('~', '~0').replace('/', '~1')}")
        )
        for name, count in counted.items()
    }
