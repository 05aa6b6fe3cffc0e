"""Several SAEs as one: the best of them, and each architecture as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.values import selected
from hubkit.measures.differing import Differing
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Probed, accuracies
from hubkit.release.experiments import TestResult
from hubkit.release.metrics import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from numpy.typing import NDArray

    from hubkit.measures.design import Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe

ROWS = "signs of the rows thrown, for all architectures at once"
PAIRS = "paired t-test over SAEs, which share their rows"
Pair = tuple[str, "Probe", "Probe"]
"""Architecture, an SAE's probe, and that of the raw activations that it reads."""


def selection(
    among: Literal["SAEs", "layers"], probes: Mapping[str, Probe], design: Design, split: Split = "crossfit"
) -> list[Selection]:
    """The best of those that were measured, by name; the first of equal ones. Empty for fewer than two."""
    found = {name: one for name, one in probes.items() if isinstance(one, Probed)}
    if len(found) < 2:
        return []
    value = selected(list(found.values()), design, split)
    reached = [float(accuracies(one.real, design)[0]) for one in found.values()]
    chosen = list(found)[int(np.argmax(reached))]
    return [Selection(among=among, chosen=chosen, of=len(found), value=value)] if value else []


def tests_of_architectures(pairs: Iterable[Pair], reference: str, design: Design) -> list[TestResult]:
    """Whether the SAEs of each architecture, taken together, differ from the raw activations.

    Once by rows: the mean of the SAEs' differences, row by row, so that what they share is shared (max-T over architectures). Once as it is often
    reported, a t-test over the pairs (Bonferroni): SAEs of one pool share their rows, so that this p is too small.
    """
    by_kind: dict[str, list[Differing]] = {}
    for kind, probe, beside in pairs:
        if isinstance(probe, Probed) and isinstance(beside, Probed):
            by_kind.setdefault(kind, []).append(Differing.of(probe, beside, design))
    kinds = {kind: several for kind, several in sorted(by_kind.items()) if len(several) > 1}
    if not kinds:
        return []
    corrected = Joint([Differing.mean(several) for several in kinds.values()], design).corrected()
    tests = []
    for (kind, several), p_value in zip(kinds.items(), corrected, strict=True):
        each = np.array([one.value for one in several])
        subject = f"{kind} as a whole, {len(each)} SAEs: {100 * each.mean():+.1f} points"
        correction = "max-T" if len(kinds) > 1 else None
        tests.append(
            TestResult(
                subject=subject, reference=reference, test=ROWS, correction=correction, p_value=float(p_value)
            )
        )
        if (paired := _paired(each)) is not None:
            correction = "Bonferroni" if len(kinds) > 1 else None
            p_paired = min(1.0, len(kinds) * paired)
            tests.append(
                TestResult(
                    subject=subject, reference=reference, test=PAIRS, correction=correction, p_value=p_paired
                )
            )
    return tests


def _paired(differences: NDArray[np.float64]) -> float | None:
    """Two-sided p of the t-test; None where they are all the same."""
    from scipy.stats import ttest_1samp

    if np.ptp(differences) == 0:
        return None
    return float(ttest_1samp(differences, 0.0).pvalue)
