"""The one report that every reporter renders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hubkit import __version__
from hubkit.errors import ExitCode
from hubkit.validate.finding import Finding, Severity

SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class SaeSummary:
    """What the report says of every SAE, found or faultless."""

    sae_id: str
    format: str
    architecture: str | None
    d_in: int | None
    d_sae: int | None


@dataclass(frozen=True)
class Skipped:
    """A rule, or part of it, that could not be asked."""

    code: str
    reason: str


@dataclass(frozen=True)
class Crash:
    """A rule that raised: the defect is hubkit's."""

    code: str
    traceback: str


@dataclass(frozen=True)
class Report:
    """The outcome of one validation."""

    target: str
    revision: str | None
    saes: list[SaeSummary]
    findings: list[Finding]
    skipped: list[Skipped]
    ignored: list[Skipped]
    requests: int
    bytes_read: int
    total_bytes: int
    seconds: float
    crashes: list[Crash] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every selected rule had what it needs and came to an end."""
        return not self.skipped and not self.crashes

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    def exit_code(self, fail_on: Severity) -> ExitCode:
        """By the contract in `hubkit.errors.ExitCode`."""
        if not self.complete:
            return ExitCode.INCOMPLETE
        if any(finding.severity >= fail_on for finding in self.findings):
            return ExitCode.FINDINGS
        return ExitCode.CLEAN if self.saes else ExitCode.NOTHING_FOUND

    def to_json(self) -> dict[str, Any]:
        """As `schemas/report.schema.json` has it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "hubkit", "version": __version__},
            "target": self.target,
            "revision": self.revision,
            "saes": [
                {
                    "sae_id": s.sae_id,
                    "format": s.format,
                    "architecture": s.architecture,
                    "d_in": s.d_in,
                    "d_sae": s.d_sae,
                }
                for s in self.saes
            ],
            "findings": [finding.to_json() for finding in self.findings],
            "skipped": [{"code": s.code, "reason": s.reason} for s in self.skipped],
            "ignored": [{"code": s.code, "reason": s.reason} for s in self.ignored],
            "crashes": [{"code": c.code, "traceback": c.traceback} for c in self.crashes],
            "summary": {
                severity.word: self.count(severity)
                for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
            }
            | {"saes": len(self.saes)},
            "io": {
                "requests": self.requests,
                "bytes": self.bytes_read,
                "total_bytes": self.total_bytes,
                "seconds": round(self.seconds, 3),
            },
            "complete": self.complete,
        }
