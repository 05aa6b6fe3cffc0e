"""What metrics:2 asks of every value that hubkit computes (n, n_effective, split, interval, null), and which measure lacks which of them, each for a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hubkit.measures.catalogue import get
from hubkit.measures.measure import NO_NULL

ALONE = "each row counts by itself, and n says how many"
OF_SEEDS = "n are seeds, each trained by itself"
OF_LATENTS = (
    "its null permutes the labels where they stand, so that no scatter is taken from a number of rows"
)
BEFORE_AND_AFTER = "a row is held against itself: each counts by itself, and n says how many"

WITHOUT_N_EFFECTIVE = {
    "explained_variance": ALONE, "mse": ALONE, "mse_sum": ALONE, "cosine": ALONE, "l2_ratio": ALONE, "relative_bias": ALONE, "l0": ALONE, "l1": ALONE,
    "alive_share": ALONE, "dense_share": ALONE,
    "d_max": OF_LATENTS, "auroc_max": OF_LATENTS, "d_above_1": OF_LATENTS, "d_unseen": OF_LATENTS,
    "seed_agreement": OF_SEEDS, "seed_shared": OF_SEEDS, "seed_activation_agreement": OF_SEEDS,
    "explained_variance_drop": BEFORE_AND_AFTER, "alive_shift": BEFORE_AND_AFTER, "row_cosine": BEFORE_AND_AFTER, "latent_correlation": BEFORE_AND_AFTER, "top_latent_overlap": BEFORE_AND_AFTER,
    "control_task_balanced_accuracy": "its label is the scenario's: the throws scatter by scenario, which the interval has",
    "over_neutral": "a difference of two samples, each of which has its own beside it",
    "probe_over_folds_difference": "its t is over folds, which the interval names",
    "selected_balanced_accuracy": "the best of several probes, each of which has its own",
}  # fmt: skip
WITHOUT_INTERVAL = {
    "alive_shift": "of two halves of the rows it is what the same measure is held against",
}
WITHOUT_NULL = {
    "selected_balanced_accuracy": "the value itself is what is expected once choosing is paid for",
}
"""Beside the measures that declare that they have none (NO_NULL)."""
CEILING = "ceiling"
"""The same values of the SAE's own precision run again: they stand beside a transfer as its null does, and have none of their own."""


def values(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value of an evaluation.json with the keys that lead to it."""
    if isinstance(part, dict):
        if {"measure", "version", "split"} <= part.keys():
            yield place, part
        for key, inner in part.items():
            yield from values(inner, f"{place}/{key}")
    elif isinstance(part, list):
        for inner in part:
            yield from values(inner, place)


def lacking(evaluation: dict[str, Any]) -> list[str]:
    """What is missing without a reason, and reasons that no value needs."""
    found, without = [], defaultdict(set)
    for place, value in values(evaluation):
        name, where = value["measure"], f"{place} {value['measure']}, {value['split']}"
        if value["value"] is None:
            found += [] if value.get("reason") else [f"{where}: null without a reason"]
            continue
        if not value["n"] > 0:
            found.append(f"{where}: n is {value['n']}")
        without[name, "measured"].add(place)
        lacks = {key for key in ("n_effective", "interval", "null") if value.get(key) is None}
        for key in lacks:
            without[name, key].add(place)
        excused = {
            "n_effective": name in WITHOUT_N_EFFECTIVE,
            "interval": name in WITHOUT_INTERVAL and value.get("contrast") is not None,
            "null": name in WITHOUT_NULL
            or get(name).without_effect == NO_NULL
            or place.endswith(CEILING)
            or (name in WITHOUT_INTERVAL and value.get("contrast") is not None),
        }
        found += [f"{where}: no {key}" for key in sorted(lacks) if not excused[key]]
    for key, reasons in (
        ("n_effective", WITHOUT_N_EFFECTIVE),
        ("interval", WITHOUT_INTERVAL),
        ("null", WITHOUT_NULL),
    ):
        found += [
            f"{name}: has {key} everywhere, its reason is not needed"
            for name in reasons
            if without[name, "measured"] and not without[name, key]
        ]
    return sorted(set(found))
