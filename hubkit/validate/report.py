"""The one report that every reporter renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from hubkit import __version__
from hubkit.errors import ExitCode
from hubkit.validate.finding import Finding, Severity, natural
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae
    from hubkit.validate.coverage import Coverage
    from hubkit.validate.evidence import Evidence
    from hubkit.validate.statements import Statement

SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Skipped:
    """A rule, or part of it, that could not be asked."""

    code: str
    reason: str
    sae_id: str | None = None


@dataclass(frozen=True)
class Ignored:
    """An ignore, its reason, and what it set aside."""

    code: str
    reason: str
    path: str = ""
    sae_id: str = ""
    suppressed: int | None = 0
    """Findings set aside; None where the rule was not asked, because counting would have cost further reads."""


@dataclass(frozen=True)
class Suppressed:
    """A finding that is not counted, and who said so."""

    finding: Finding
    by: Literal["ignore", "baseline"]
    reason: str


@dataclass(frozen=True)
class Known:
    """A line of a baseline: a finding that was there before."""

    fingerprint: str
    code: str
    sae_id: str | None
    message: str
    release: str = ""
    """The release it was found in, seen from the target that the baseline was written for, where that held several: equal findings of two
    releases have one fingerprint. `.` is what lies around them; empty: the target was a release."""


@dataclass(frozen=True)
class BaselineUse:
    """What a baseline set aside, and which of its lines no longer are true."""

    path: str
    suppressed: int
    stale: tuple[Known, ...] = ()


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
    saes: list[Sae]
    """Every SAE, found or faultless."""
    findings: list[Finding]
    skipped: list[Skipped]
    ignored: list[Ignored]
    requests: int
    bytes_read: int
    total_bytes: int
    seconds: float
    crashes: list[Crash] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    baseline: BaselineUse | None = None
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Severities that a configuration changed, by code or prefix."""
    config: str | None = None
    """The configuration file that took part."""
    config_narrows: tuple[str, ...] = ()
    """What it decides beside ignores and severities, in words: `asks only CARD`; not in the JSON, which has `asked` and `baseline`."""
    asked: tuple[str, ...] = ()
    """Codes of the rules that were asked."""
    remarks: tuple[str, ...] = ()
    """What was looked at and what was not, where the findings cannot show it."""
    coverage: tuple[Coverage, ...] = ()
    """Of each card, what was held against the files and what was not."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """What was seen of each SAE, by its id; an SAE of which nothing was seen is not there."""
    statements: tuple[Statement, ...] = ()
    """What the card says that other cards of its owner may contradict; not in the JSON, `hubkit audit` compares them."""
    releases: tuple[str, ...] = ()
    """Folders of the target that were validated as releases of their own."""
    folder: str | None = None
    """Where the files are, seen from the working directory; None where they are not on this machine."""

    def release_of(self, finding: Finding) -> str:
        """The release inside that a finding belongs to; `.` around them, and empty where the target is one release."""
        place = f"{finding.path or finding.sae_id or ''}/"
        inside = [one for one in self.releases if place.startswith(f"{one}/")]
        return max(inside, key=len) if inside else "." if self.releases else ""

    def file(self, path: str) -> str:
        """A path of the target as this machine knows it; unchanged for a remote target."""
        if self.folder in (None, "."):
            return path
        return str(self.folder) if path == "." else f"{self.folder}/{path}"

    @property
    def complete(self) -> bool:
        """Whether every selected rule had what it needs and came to an end."""
        return not self.skipped and not self.crashes

    @property
    def shortfall(self) -> str | None:
        """Why the answer is no verdict, in a sentence with its exit code; None where it is one."""
        if not self.complete:
            reasons = list(dict.fromkeys(one.reason for one in self.skipped))
            more = f" (and {many(len(reasons) - 1, 'more reason')})" if len(reasons) > 1 else ""
            left = (
                f"{many(len(self.skipped), 'check')} could not be made: {reasons[0]}{more}"
                if reasons
                else f"the rule {self.crashes[0].code} crashed"
            )
            return (
                f"incomplete (exit code {ExitCode.INCOMPLETE:d}): {left}. Nothing found does not mean clean"
            )
        if not self.saes:
            return f"no SAE was found (exit code {ExitCode.NOTHING_FOUND:d}): nothing was validated"
        return None

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    def exit_code(self, fail_on: Severity = Severity.ERROR) -> ExitCode:
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
            "config": self.config,
            "saes": [_sae_json(sae, self.evidence.get(sae.sae_id)) for sae in self.saes],
            "findings": [finding.to_json() for finding in self.findings],
            "skipped": [vars(one) for one in self.skipped],
            "ignored": [vars(one) for one in self.ignored],
            "suppressed": [
                {"by": one.by, "reason": one.reason, "finding": one.finding.to_json()}
                for one in self.suppressed
            ],
            "baseline": _baseline_json(self.baseline) if self.baseline else None,
            "severities": {code: severity.word for code, severity in sorted(self.severities.items())},
            "crashes": [vars(crash) for crash in self.crashes],
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
            "remarks": list(self.remarks),
            "coverage": [one.to_json() for one in self.coverage],
            "complete": self.complete,
        }


def _sae_json(sae: Sae, evidence: Evidence | None) -> dict[str, Any]:
    return {
        "sae_id": sae.sae_id,
        "format": sae.family.name,
        "architecture": sae.architecture,
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "layer": sae.layer,
        "k": sae.k,
        "evidence": evidence.to_json() if evidence else None,
    }


def _baseline_json(use: BaselineUse) -> dict[str, Any]:
    stale = [{name: value for name, value in vars(one).items() if name != "release"} for one in use.stale]
    return {"path": use.path, "suppressed": use.suppressed, "stale": stale}


def below(report: Report, folder: str) -> Report:
    """The same report with every path and SAE seen from above `folder`; fingerprints stay, so that baselines hold."""
    if folder == ".":
        return report

    def seen(path: str | None) -> str | None:
        return path if path is None else folder if path == "." else f"{folder}/{path}"

    def moved(finding: Finding) -> Finding:
        nowhere = finding.path is None and finding.sae_id is None
        return replace(finding, path=folder if nowhere else seen(finding.path), sae_id=seen(finding.sae_id))

    return replace(
        report,
        saes=[replace(sae, sae_id=seen(sae.sae_id) or folder) for sae in report.saes],
        evidence={seen(sae_id) or folder: one for sae_id, one in report.evidence.items()},
        findings=[moved(finding) for finding in report.findings],
        skipped=[replace(one, sae_id=seen(one.sae_id)) for one in report.skipped],
        releases=tuple(f"{folder}/{one}" for one in report.releases),
        coverage=tuple(one.below(folder) for one in report.coverage),
        suppressed=[replace(one, finding=moved(one.finding)) for one in report.suppressed],
    )


def joined(reports: list[Report], target: str) -> Report:
    """One report of several folders. Raises ValueError when there is none."""
    if not reports:
        raise ValueError("no report to join")
    uses = [report.baseline for report in reports if report.baseline]
    baseline = BaselineUse(
        ", ".join(sorted({use.path for use in uses})),
        sum(use.suppressed for use in uses),
        tuple(known for use in uses for known in use.stale),
    )
    return replace(
        reports[0],
        target=target,
        folder=".",
        releases=tuple(one for report in reports for one in report.releases),
        asked=tuple(sorted({code for report in reports for code in report.asked})),
        saes=[sae for report in reports for sae in report.saes],
        findings=sorted((f for report in reports for f in report.findings), key=order),
        skipped=[one for report in reports for one in report.skipped],
        ignored=_sum_ignored([one for report in reports for one in report.ignored]),
        suppressed=[one for report in reports for one in report.suppressed],
        crashes=[crash for report in reports for crash in report.crashes],
        coverage=tuple(one for report in reports for one in report.coverage),
        evidence={sae_id: one for report in reports for sae_id, one in report.evidence.items()},
        requests=sum(report.requests for report in reports),
        bytes_read=sum(report.bytes_read for report in reports),
        total_bytes=sum(report.total_bytes for report in reports),
        seconds=sum(report.seconds for report in reports),
        baseline=baseline if uses else None,
        severities={code: s for report in reports for code, s in report.severities.items()},
        config=", ".join(sorted({report.config for report in reports if report.config})) or None,
        config_narrows=tuple(dict.fromkeys(one for report in reports for one in report.config_narrows)),
        remarks=tuple(dict.fromkeys(remark for report in reports for remark in report.remarks)),
    )


def _sum_ignored(several: list[Ignored]) -> list[Ignored]:
    """One line for the same ignore in several folders."""
    found: dict[tuple[str, str, str, str], Ignored] = {}
    for one in several:
        key = (one.code, one.reason, one.path, one.sae_id)
        before = found.get(key, replace(one, suppressed=0)).suppressed
        unknown = before is None or one.suppressed is None
        found[key] = replace(one, suppressed=None if unknown else (before or 0) + (one.suppressed or 0))
    return list(found.values())


def order(finding: Finding) -> tuple[int, str, tuple[str | int, ...], str]:
    """Worst first, then by code, SAE (layer 2 before layer 11) and place."""
    place = natural(finding.sae_id or finding.path or "")
    return (-finding.severity, finding.code, place, finding.pointer or "")
