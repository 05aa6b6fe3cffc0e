"""Pools of noise through collect's folds and the evaluation's own probes and tests: how often an interval holds what it says it holds, how often a test finds
what is not there. `benchmarks/calibration.py` makes docs/numbers.md's table of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from hubkit.collect.folds import assign_folds
from hubkit.evaluate.few import component_probe, random_latent_probes, sparse_probe
from hubkit.evaluate.probe import probe
from hubkit.measures.design import Design, numbered
from hubkit.measures.differing import Differing
from hubkit.measures.families.probe import against_chance, difference, probe_new_scenarios
from hubkit.measures.inference import PERMUTATIONS, Z, accuracy_deviation, auroc_deviation
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Probed, accuracies, aurocs

DRAWS, FOLDS, WIDTH, SEVERAL = 39, 5, 16, 6
"""Permutations (199 have the same level, (1 + b) / (1 + B), and take five times as long); folds; features; probes that are compared with one reference at once."""


@dataclass(frozen=True)
class Setting:
    """What pools are like."""

    name: str
    n: int
    scenarios: int
    effect: float = 0.0
    """Standard deviation of the scenarios' means, in that of the rows."""
    signal: float = 0.0
    """Half of the distance between the labels along one feature."""
    share: float = 0.5
    """Of the first label."""


SETTINGS = (
    Setting("60 rows, 1 scenario", 60, 1),
    Setting("60 rows, 12 scenarios", 60, 12),
    Setting("60 rows, 6 scenarios, effect 1", 60, 6, 1.0),
    Setting("180 rows, 1 scenario", 180, 1),
    Setting("180 rows, 12 scenarios", 180, 12),
    Setting("180 rows, 12 scenarios, effect 3", 180, 12, 3.0),
    Setting("180 rows, 6 scenarios, 30 % of one label", 180, 6, 1.0, share=0.3),
    Setting("600 rows, 1 scenario", 600, 1),
    Setting("600 rows, 12 scenarios, effect 1", 600, 12, 1.0),
    Setting("180 rows, 12 scenarios, signal 0.3", 180, 12, 1.0, 0.3),
    Setting("180 rows, 12 scenarios, signal 0.8", 180, 12, 1.0, 0.8),
)


def pool(setting: Setting, seed: int) -> tuple[Design, list[np.ndarray]]:
    """Labels, scenarios and folds of one pool; features of a reference and of several others, all with the same signal."""
    rng = np.random.default_rng([seed, setting.n, setting.scenarios])
    scenario = np.arange(setting.n) % setting.scenarios
    positive = rng.random(setting.n) < setting.share
    names = [f"s{one:02}" for one in scenario]
    strata = [(name, "one" if yes else "two") for name, yes in zip(names, positive, strict=True)]
    folds = assign_folds([f"{seed}-{row}" for row in range(setting.n)], strata, folds=FOLDS, seed=seed)
    place = rng.normal(size=(setting.scenarios, WIDTH)) * setting.effect
    several = []
    for _ in range(1 + SEVERAL):
        x = rng.normal(size=(setting.n, WIDTH)) + place[scenario]
        x[:, 0] += setting.signal * np.where(positive, 1.0, -1.0)
        several.append(x)
    return Design(positive, np.array(names), np.array(folds), positive_first=True), several


@dataclass
class Seen:
    """What came of one setting, by what was asked; of one pool, or of several one after the other."""

    covered: dict[str, list[bool]] = field(default_factory=dict)
    found: dict[str, list[bool]] = field(default_factory=dict)
    p_values: dict[str, list[float]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    intervals: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    unmeasured: int = 0

    def note(self, name: str, estimate: Any, truth: float) -> None:
        """One estimate: whether its interval holds the truth."""
        low, high = estimate.interval
        self.covered.setdefault(name, []).append(low <= truth <= high)
        self.values.setdefault(name, []).append(estimate.value)
        self.intervals.setdefault(name, []).append((low, high))

    def add(self, pool: dict[str, Any]) -> None:
        """What `asdict` gave of another."""
        for part in ("covered", "found", "p_values", "values", "intervals"):
            for name, several in pool[part].items():
                getattr(self, part).setdefault(name, []).extend(several)
        self.unmeasured += pool["unmeasured"]


def measure(setting: Setting, pools: int) -> Seen:
    """Every test on `pools` pools of one setting."""
    seen = Seen()
    for seed in range(pools):
        seen.add(asdict(measure_pool(setting, seed)))
    return seen


def measure_pool(setting: Setting, seed: int) -> Seen:
    """Every test on one pool."""
    seen = Seen()
    design, several = pool(setting, seed)
    features = [dict.fromkeys(design.folds, x) for x in several]
    real = probe(design, features[0], "folds dealt again", DRAWS)
    if isinstance(real, str):
        seen.unmeasured += 1
        return seen
    chance = np.random.default_rng([seed, setting.n])
    _one(seen, "raw, folds dealt again", real, design, chance)
    held = probe(design, features[0], "folds held", DRAWS)
    assert isinstance(held, Probed)
    if held.null is not None:
        _one(seen, "mixed, folds held", held, design, chance)
    if setting.scenarios > 1:
        _elsewhere(seen, features[0][design.folds[0]], design, chance)
    others = [probe(design, one, "folds held", DRAWS) for one in features[1:]]
    seen.note("difference", difference(others[0], held, design), 0.0)
    joint = Joint([Differing.of(one, held, design) for one in others if isinstance(one, Probed)], design)
    seen.found["k of n"] = [joint.as_many_above(np.ones(SEVERAL, dtype=bool))[1] <= 0.05]
    seen.found["max-T"] = [bool(joint.corrected().min() <= 0.05)]
    return seen


def compared(setting: Setting, seed: int, draws: int = PERMUTATIONS) -> dict[str, Any]:
    """Several probes beside one that is as good, by as many permutations as an evaluation makes: with few of them how far a difference scatters is known too
    badly for the furthest of several."""
    design, several = pool(setting, seed)
    probes = [probe(design, dict.fromkeys(design.folds, x), "folds held", draws) for x in several]
    each = [
        Differing.of(one, probes[0], design)
        for one in probes[1:]
        if isinstance(one, Probed) and isinstance(probes[0], Probed)
    ]
    if len(each) < SEVERAL:
        return {}
    joint = Joint(each, design)
    return {
        "covered": bool(abs(joint.distances[0]) < Z),
        "k of n": joint.as_many_above(np.ones(SEVERAL, dtype=bool))[1] <= 0.05,
        "max-T": bool(joint.corrected().min() <= 0.05),
    }


def chosen(setting: Setting, seed: int, draws: int = PERMUTATIONS) -> dict[str, Any]:
    """Probes of the features that tell the labels of the training rows apart furthest, of principal components and of features drawn at random; and new
    scenarios. By as many permutations as an evaluation makes."""
    seen = Seen()
    design, several = pool(setting, seed)
    x = dict.fromkeys(design.folds, several[0])
    if design.unmeasurable() is not None:
        seen.unmeasured += 1
        return asdict(seen)
    for name, one in (
        ("1 chosen", sparse_probe(design, x, 1, "folds held", draws // 2)),
        ("5 chosen", sparse_probe(design, x, 5, "folds held", draws // 2)),
        ("5 chosen, folds dealt again", sparse_probe(design, x, 5, "folds dealt again", draws // 2)),
        ("5 components", component_probe(design, x, 5)),
        ("5 at random", random_latent_probes(design, x, 5)[0]),
    ):
        found = against_chance(one, design, aurocs, auroc_deviation)
        seen.note(name, found, found.null.mean)
    if setting.scenarios > 1:
        _elsewhere(seen, several[0], design, np.random.default_rng([seed, setting.n]), draws)
    return asdict(seen)


def _one(seen: Seen, name: str, probed: Probed, design: Design, chance: np.random.Generator) -> None:
    for short, statistic, deviation in (
        ("", accuracies, accuracy_deviation),
        (", AUROC", aurocs, auroc_deviation),
    ):
        found = against_chance(probed, design, statistic, deviation)
        assert found.null is not None
        seen.note(name + short, found, found.null.mean)
        seen.p_values.setdefault(name + short, []).append(
            _exact(statistic(probed.null, design), found.value, chance)
        )
        seen.found.setdefault(name + short, []).append((found.null.p_value or 1.0) <= 0.05)


def _elsewhere(
    seen: Seen, x: np.ndarray, design: Design, chance: np.random.Generator, draws: int = DRAWS
) -> None:
    """Whole scenarios held out."""
    fold = np.array([f"scenarios{one % FOLDS}" for one in numbered(design.scenario)])
    held = replace(design, fold=fold)
    probed = probe(held, dict.fromkeys(held.folds, x), "scenarios held", draws)
    if isinstance(probed, Probed):
        subject: Any = SimpleNamespace(by_scenario=held, probed_elsewhere=probed)
        found = probe_new_scenarios(subject, "crossfit")
        assert found is not None
        assert found.null is not None
        if found.interval is not None:
            seen.note("new scenarios", found, found.null.mean)
        seen.p_values.setdefault("new scenarios", []).append(
            _exact(accuracies(probed.null, held), found.value, chance)
        )


def _exact(draws: np.ndarray, value: float, chance: np.random.Generator) -> float:
    """The one-sided p with ties thrown: uniform where labels mean nothing."""
    above, ties = int((draws > value + 1e-12).sum()), int((np.abs(draws - value) <= 1e-12).sum())
    return (above + chance.random() * (ties + 1)) / (len(draws) + 1)


def band(pools: int, share: float) -> tuple[float, float]:
    """Where a share lies 99 times of a hundred by the binomial."""
    from scipy.stats import binom

    low, high = binom.ppf([0.005, 0.995], pools, share)
    return float(low / pools), float(high / pools)


def kolmogorov(p_values: list[float]) -> float:
    """p of Kolmogorov and Smirnov's test that they are uniform."""
    from scipy.stats import kstest

    return float(kstest(p_values, "uniform").pvalue)


def summary(setting: Setting, seen: Seen) -> dict[str, Any]:
    """Of one setting. Where there is a signal, coverage is of the mean over all pools."""
    count = max(map(len, seen.covered.values()), default=0)
    covered = {name: float(np.mean(found)) for name, found in seen.covered.items()}
    if setting.signal:
        for name, intervals in seen.intervals.items():
            truth = 0.0 if name == "difference" else float(np.mean(seen.values[name]))
            covered[name] = float(np.mean([low <= truth <= high for low, high in intervals]))
    return {
        "setting": setting.name,
        "pools": count,
        "unmeasured": seen.unmeasured,
        "covered": covered,
        "mean": {name: float(np.mean(values)) for name, values in seen.values.items()},
        "ks": {} if setting.signal else {name: kolmogorov(values) for name, values in seen.p_values.items()},
        "found": {name: float(np.mean(values)) for name, values in seen.found.items()},
    }
