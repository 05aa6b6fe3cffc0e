"""What was seen of each SAE on the way, in few numbers: thresholds and firing as histograms, and the sizes that say how sparse it is.

Findings say what is wrong; this is what a reader judges them by, and what a faultless SAE has to show. It is made of what the rules read anyway, and is bounded
for each SAE, whatever its width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.validate.measured_values import hubkit_files

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.formats.json_file import JsonFile
    from hubkit.validate.facts import RepoFacts, SaeFacts

BINS = 24
LOGARITHMIC = 100.0
"""Largest over smallest, from where thresholds are counted by their logarithms."""
SHOWN = ("l0", "explained_variance", "alive_share")
"""Measures."""
OF_SPLITS = ("crossfit", "held_out", "train")
"""Rows that the SAE has not seen come first."""
MOST_EDGES = 65
OF_TRAINING = {"l0": "l0", "num_dead_features": "dead"}
"""What SAELens's training leaves in the metadata."""


@dataclass(frozen=True)
class ThresholdCounts:
    """The thresholds of an SAE; those at 0 are counted apart, for there they pile up where nothing was learned."""

    n: int
    zero: int
    not_finite: int
    low: float
    high: float
    """Of those that are finite and not 0; both 0 where there are none."""
    logarithmic: bool
    counts: tuple[int, ...]
    """Of these, in BINS bins of one width from low to high; a single one where all are equal."""
    init: float | None
    """The value they began with, where that is known."""


@dataclass(frozen=True)
class FiringCounts:
    """`density` of the catalogue, as evaluation.json has it: latents by how often they fire."""

    split: str
    n: int
    latents: int
    dead: int
    dense: int
    edges: tuple[float, ...]
    """log10 of the share of the rows."""
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """A value that a file states."""

    measure: str
    value: float
    split: str | None
    n: int | None
    source: str
    """Path of the file."""


@dataclass(frozen=True)
class Evidence:
    """Of one SAE."""

    thresholds: ThresholdCounts | None
    firing: FiringCounts | None
    values: tuple[Seen, ...]

    def to_json(self) -> dict[str, Any]:
        """As `schemas/report.schema.json` has it."""
        thresholds, firing = self.thresholds, self.firing
        return {
            "thresholds": vars(thresholds) | {"counts": list(thresholds.counts)} if thresholds else None,
            "firing": vars(firing) | {"edges": list(firing.edges), "counts": list(firing.counts)}
            if firing
            else None,
            "values": [dict(vars(one)) for one in self.values],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Evidence:
        """The other way round."""
        thresholds, firing = raw["thresholds"], raw["firing"]
        return cls(
            ThresholdCounts(**thresholds | {"counts": tuple(thresholds["counts"])}) if thresholds else None,
            FiringCounts(**firing | {name: tuple(firing[name]) for name in ("edges", "counts")})
            if firing
            else None,
            tuple(Seen(**one) for one in raw["values"]),
        )


def evidence_of(facts: RepoFacts) -> dict[str, Evidence]:
    """Of every SAE that has any, by its id."""
    values, firing = _values(facts), _firing(facts)
    found = {}
    for sae in facts.saes:
        evidence = Evidence(
            _thresholds(sae),
            firing.get(sae.sae_id),
            (*values.get(sae.sae_id, {}).values(), *_of_training(sae, values.get(sae.sae_id, {}))),
        )
        if evidence.thresholds or evidence.firing or evidence.values:
            found[sae.sae_id] = evidence
    return found


def _thresholds(sae: SaeFacts) -> ThresholdCounts | None:
    if sae.thresholds is None or not sae.thresholds.size:
        return None
    values = sae.thresholds
    finite = values[np.isfinite(values)]
    counted = finite[finite != 0]
    init = sae.sae.training.threshold_init
    if init is not None and not math.isfinite(init):
        init = None
    low, high = (float(counted.min()), float(counted.max())) if counted.size else (0.0, 0.0)
    logarithmic = low > 0 and high / low > LOGARITHMIC
    counts = _counts(np.log(counted) if logarithmic else counted)
    return ThresholdCounts(
        n=int(values.size),
        zero=int(finite.size - counted.size),
        not_finite=int(values.size - finite.size),
        low=_short(low),
        high=_short(high),
        logarithmic=logarithmic,
        counts=counts,
        init=init,
    )


def _counts(values: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """BINS of one width. np.histogram's generality takes longer than the rules take."""
    if not values.size:
        return ()
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low) or high <= low:
        return (int(values.size),)
    places = np.minimum((values - low) * (BINS / (high - low)), BINS - 1).astype(np.int64)
    return tuple(np.bincount(places, minlength=BINS).tolist())


def _short(value: float) -> float:
    """Six digits: what a picture can show."""
    return float(f"{value:.6g}")


def _values(facts: RepoFacts) -> dict[str, dict[str, Seen]]:
    """SAE to measure to the value on the rows that say most."""
    found: dict[str, dict[str, Seen]] = {}
    for one in facts.values:
        if one.sae_id is None or one.measure not in SHOWN or one.raw.get("contrast") or one.raw.get("label"):
            continue
        number = _finite(one.raw.get("value"))
        if number is None:
            continue
        seen = Seen(one.measure, number, one.split, one.n, one.path)
        before = found.setdefault(one.sae_id, {}).get(one.measure)
        if before is None or _rank(seen.split) < _rank(before.split):
            found[one.sae_id][one.measure] = seen
    return found


def _rank(split: str | None) -> int:
    return OF_SPLITS.index(split) if split in OF_SPLITS else len(OF_SPLITS)


def _of_training(sae: SaeFacts, measured: Mapping[str, Seen]) -> Iterator[Seen]:
    """What the training itself left in the configuration, where nobody measured it."""
    metadata = sae.cfg.metadata if sae.cfg else {}
    for key, measure in OF_TRAINING.items():
        number = _finite(metadata.get(key))
        if number is not None and number >= 0 and measure not in measured:
            yield Seen(measure, number, None, None, sae.cfg_path or "")


def _firing(facts: RepoFacts) -> dict[str, FiringCounts]:
    """SAE to its histogram, of the rows that say most; what is no histogram is passed over."""
    found: dict[str, FiringCounts] = {}
    for sae_id, raw in (pair for file in hubkit_files(facts) for pair in _densities(file)):
        one = _histogram(raw)
        before = found.get(sae_id)
        if one is not None and (before is None or _rank(one.split) < _rank(before.split)):
            found[sae_id] = one
    return found


def _densities(file: JsonFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    saes = file.value.get("saes")
    for sae in saes if isinstance(saes, list) else [file.value]:
        if not isinstance(sae, Mapping) or not isinstance(sae.get("densities"), list):
            continue
        yield from ((str(sae.get("sae_id")), raw) for raw in sae["densities"] if isinstance(raw, Mapping))


def _histogram(raw: Mapping[str, Any]) -> FiringCounts | None:
    edges, counts = raw.get("edges"), raw.get("counts")
    if not isinstance(edges, list) or not isinstance(counts, list) or len(edges) != len(counts) + 1:
        return None
    numbers = [_finite(edge) for edge in edges[:MOST_EDGES]]
    shares = [edge for edge in numbers if edge is not None]
    if len(shares) != len(edges) or any(after <= one for one, after in pairwise(shares)):
        return None
    whole = [raw.get(name) for name in ("n", "latents", "dead", "dense")]
    if not all(_is_count(one) for one in (*counts, *whole)):
        return None
    n, latents, dead, dense = (int(one) for one in whole if one is not None)
    return FiringCounts(str(raw.get("split")), n, latents, dead, dense, tuple(shares), tuple(counts))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _finite(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
