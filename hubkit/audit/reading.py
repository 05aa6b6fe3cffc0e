"""What one repository came to: the row of the store."""

from __future__ import annotations

import json
import zlib
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from hubkit.texts import printable
from hubkit.validate.finding import Severity

if TYPE_CHECKING:
    from hubkit.validate.report import Report

NEVER_LEARNED = {"THR001", "THR002"}


@dataclass(frozen=True)
class Reading:
    """One reading of a repository at a commit, or of a folder; where it failed, why."""

    name: str
    """`OWNER/REPO`, an absolute folder, or the key of what could not be listed."""
    sha: str = ""
    """The commit; empty for folders and for what could not be listed."""
    saes: int = 0
    jumprelu: int = 0
    """SAEs that SAELens builds as a JumpReLU."""
    never_learned: int = 0
    """Those whose threshold never left its initial value."""
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    worst: str = ""
    """The most frequent code of the highest severity."""
    requests: int = 0
    bytes_read: int = 0
    total_bytes: int = 0
    seconds: float = 0.0
    complete: bool = False
    settled: bool = False
    """Whether reading again, with the same rules, could only say the same."""
    failure: str = ""
    statements: str = ""
    """JSON: what its card says that the cards of its owner's other repositories may contradict."""
    report: bytes = b""
    """The whole report as JSON, zlib-compressed."""


COLUMNS = tuple(field.name for field in fields(Reading))


def failed(name: str, failure: str, **known: Any) -> Reading:
    """A reading that came to nothing."""
    return Reading(name, failure=printable(failure), **known)


def summarise(name: str, sha: str, report: Report) -> Reading:
    """The row of a report."""
    return Reading(
        name=name,
        sha=sha,
        saes=len(report.saes),
        jumprelu=sum("jumprelu" in (sae.architecture or "") for sae in report.saes),
        never_learned=len({f.sae_id for f in report.findings if f.code in NEVER_LEARNED}),
        errors=report.count(Severity.ERROR),
        warnings=report.count(Severity.WARNING),
        notes=report.count(Severity.NOTE),
        worst=_worst(report),
        requests=report.requests,
        bytes_read=report.bytes_read,
        total_bytes=report.total_bytes,
        seconds=round(report.seconds, 3),
        complete=report.complete,
        settled=not report.skipped,  # a rule that crashed crashes again; what could not be read may be readable later
        failure=printable(_gap(report)),
        statements=json.dumps([astuple(one) for one in report.statements]) if report.statements else "",
        report=zlib.compress(json.dumps(report.to_json(), separators=(",", ":")).encode()),
    )


def unpack(report: bytes) -> dict[str, Any] | None:
    """The report that `Reading.report` holds; None where there was none."""
    value: dict[str, Any] | None = json.loads(zlib.decompress(report)) if report else None
    return value


def _worst(report: Report) -> str:
    if not report.findings:
        return ""
    top = max(finding.severity for finding in report.findings)
    codes = [finding.code for finding in report.findings if finding.severity is top]
    return max(sorted(set(codes)), key=codes.count)


def _gap(report: Report) -> str:
    if report.skipped:
        return f"{len(report.skipped)} checks could not be made: {report.skipped[0].reason}"
    return f"the rule {report.crashes[0].code} crashed" if report.crashes else ""
