"""The areas of rules, in the order in which a person is told of them: first what an SAE computes, then what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.validate.finding import Finding

AREAS = {
    "RUN": "the run itself", "THR": "the JumpReLU threshold", "LOAD": "by SAELens itself", "WTS": "the weights", "CFG": "the configuration",
    "HOOK": "against the base model's configuration", "SEC": "safety of what is published", "REL": "the repository as a release",
    "EVL": "evaluation files", "CARD": "README.md against the repository",
}  # fmt: skip
_RANK = {area: rank for rank, area in enumerate(AREAS)}


def area_of(code: str) -> str:
    """`THR` of `THR001`."""
    return code[:-3]


def telling(finding: Finding) -> tuple[int, int, str]:
    """A key that sorts what matters most before the rest: by severity, then by area, then by code."""
    return -finding.severity, _RANK.get(area_of(finding.code), len(_RANK)), finding.code
