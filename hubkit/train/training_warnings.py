"""What to say loudly about a trained SAE: a threshold that did not move, an L0 that missed, dead latents, too few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate
from hubkit.validate.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.train.spec import SaeSpec

RULES = Selection(select=("CFG", "WTS", "THR"))
L0_SLACK = 0.25
"""Distance of L0 from its target, relative to the target, from which it is said."""
MOSTLY_DEAD = 0.5
FEW_STUCK = 0.01
"""Share of thresholds at their initial value that is not worth a word (rule THR009)."""


def warnings_of(
    spec: SaeSpec, shape: tuple[int, int], l0: float, dead_share: float, at_initial: float | None
) -> list[str]:
    """What to say about an SAE trained on rows of `shape` (n, d_in) that has `l0` and `dead_share` there."""
    n, d_in = shape
    said = []
    if at_initial == 1.0:
        said.append("the threshold never moved from its initial value: functionally ReLU, not JumpReLU")
    elif at_initial is not None and at_initial > FEW_STUCK:
        said.append(f"{at_initial:.0%} of the thresholds never moved from their initial value")
    if spec.k is not None and abs(l0 - spec.k) > L0_SLACK * spec.k:
        said.append(f"L0 is {l0:.1f} on its training rows, {spec.k} was asked for")
    if dead_share > MOSTLY_DEAD:
        said.append(f"{dead_share:.0%} of the latents fire on none of its training rows")
    if n < d_in:
        said.append(f"trained on {n} rows, fewer than d_in = {d_in}")
    return said + spec.kind.warnings(spec, n)


def findings_of(folder: Path) -> list[str]:
    """What hubkit's own rules of configuration, weights and thresholds find in the SAE at `folder`, notes left out."""
    report = validate(open_folder(folder), RULES, deep=True)
    return [
        f"{finding.code}: {finding.message}"
        for finding in report.findings
        if finding.severity > Severity.NOTE
    ]
