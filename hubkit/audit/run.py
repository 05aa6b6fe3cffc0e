"""Validate one target after the other; a target that cannot be read is a row that says so, never a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hubkit.errors import HubkitError
from hubkit.repo.view import RepoView
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.run import Selection, validate

NEVER_LEARNED = {"THR001", "THR002"}


@dataclass(frozen=True)
class Row:
    """What one target came to."""

    target: str
    report: Report | None
    failure: str = ""

    @property
    def jumprelu(self) -> int:
        """SAEs that SAELens builds as a JumpReLU."""
        return sum("jumprelu" in (sae.architecture or "") for sae in self.report.saes) if self.report else 0

    @property
    def never_learned(self) -> int:
        """Those whose threshold never left its initial value."""
        return len({f.sae_id for f in self.report.findings if f.code in NEVER_LEARNED}) if self.report else 0

    @property
    def worst(self) -> str:
        """The most frequent code of the highest severity."""
        if not self.report or not self.report.findings:
            return ""
        top = max(finding.severity for finding in self.report.findings)
        codes = [finding.code for finding in self.report.findings if finding.severity is top]
        return max(sorted(set(codes)), key=codes.count)

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        counts = {severity.word: self.report.count(severity) if self.report else 0 for severity in Severity}
        return {
            "target": self.target, "revision": self.report.revision if self.report else None, "saes": len(self.report.saes) if self.report else 0,
            "jumprelu": self.jumprelu, "never_learned": self.never_learned, "worst": self.worst, **counts,
            "complete": bool(self.report and self.report.complete), "failure": self.failure,
        }  # fmt: skip


def audit(
    targets: Iterable[str], open_target: Callable[[str], RepoView], selection: Selection | None = None
) -> Iterator[Row]:
    """One row a target, as it is done."""
    for target in targets:
        try:
            yield Row(target, validate(open_target(target), selection))
        except HubkitError as error:
            yield Row(target, None, error.message)
