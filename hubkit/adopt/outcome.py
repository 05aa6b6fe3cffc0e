"""What came of a card: the pieces that stand, the new card or why there is none, and the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubkit.adopt.difference import RULE, Difference
from hubkit.adopt.draft import Draft
from hubkit.adopt.source import Source
from hubkit.cards.init import missing
from hubkit.release.evidence import Evidence
from hubkit.release.layout import EVIDENCE, README
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report

OPTIONS = {
    "license": "--license ID",
    "base_model": "--base-model OWNER/MODEL",
    "repo_id": "--repo-id OWNER/NAME",
}
"""Of `hubkit adopt`, by the key of card.yaml that each answers."""


@dataclass(frozen=True)
class Built:
    """What comes of the pieces that nothing contradicts."""

    draft: Draft
    evidence: Evidence | None
    card: str | None = None
    """README.md; None where it cannot be built."""
    why: str = ""
    """... and why."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """Path to SVG."""


@dataclass(frozen=True)
class Adoption:
    """What came of a card."""

    name: str
    """The target as it was named."""
    repo_id: str | None
    commit: str | None
    source: Source
    built: Built
    settings: Mapping[str, Any]
    """card.yaml."""
    evidence_text: str | None
    """evidence.yaml; None where it stays as it is."""
    before: Report
    after: Report | None
    differences: list[Difference] = field(default_factory=list)

    @property
    def lacking(self) -> list[str]:
        """The keys without which no card can be built."""
        return missing(dict(self.settings))

    @property
    def options(self) -> str:
        """What to type for them: ` --base-model OWNER/MODEL`."""
        return "".join(f" {OPTIONS[key]}" for key in self.lacking)

    @property
    def remaining(self) -> list[Finding]:
        """Errors about the card that the new one still has; its own lines."""
        return card_errors(self.after) if self.after else []

    @property
    def files(self) -> dict[str, str]:
        """What is published: the card, its figures, evidence.yaml where it changes."""
        evidence = {EVIDENCE: self.evidence_text} if self.evidence_text is not None else {}
        return {README: self.built.card, **evidence, **self.built.figures} if self.built.card else {}

    @property
    def withdrawn(self) -> int:
        """How many pieces of the card are no longer in it: the entries of card.yaml."""
        return len(self.settings.get("withdrawn", ()))

    @property
    def contradicted(self) -> int:
        """How many of them the files contradict; the others went with those."""
        return sum(RULE.match(one["reason"]) is not None for one in self.settings.get("withdrawn", ()))

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "target": self.name, "repo_id": self.repo_id, "commit": self.commit, "lacking": self.lacking, "why": self.built.why,
            "settings": dict(self.settings), "evidence": _dumped(self.built.evidence),
            "card": self.built.card, "differences": [row.to_json() for row in self.differences], "secrets": list(self.source.secrets),
            "withdrawn": self.withdrawn, "kept": sum(1 for _ in self.built.draft.kept),
            "before": self.before.to_json()["summary"], "after": self.after.to_json()["summary"] if self.after else None,
            "remaining": [{"code": one.code, "line": one.line, "message": one.message} for one in self.remaining],
        }  # fmt: skip


def card_errors(report: Report) -> list[Finding]:
    """Errors of the CARD rules."""
    return [one for one in report.findings if one.code.startswith("CARD") and one.severity is Severity.ERROR]


def _dumped(evidence: Evidence | None) -> dict[str, Any] | None:
    return evidence.model_dump(mode="json", by_alias=True) if evidence else None
