"""What must hold before the first byte leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubkit.cards.build import recorded_digest
from hubkit.cards.facts import release_digest
from hubkit.errors import ExitCode, HubkitError
from hubkit.release.layout import README
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate


@dataclass(frozen=True)
class Gate:
    """What was looked at, and what was let through by name."""

    report: Report
    allowed: tuple[Finding, ...]


def check_gate(release: Path, allow: tuple[str, ...] = ()) -> Gate:
    """Refuse a release with validation errors, or whose card is missing or older than its files.

    `allow` names codes that may pass; they stay disclosed in the card. Raises HubkitError that names the codes and the fixes.
    """
    report = validate(open_folder(release))
    if not report.complete:
        raise HubkitError(
            f"{release}: not everything could be checked",
            hint=f"hubkit validate {release}",
            exit_code=ExitCode.INCOMPLETE,
        )
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    refused = [finding for finding in errors if finding.code not in allow]
    if refused:
        codes = ", ".join(sorted({finding.code for finding in refused}))
        raise HubkitError(
            f"{release}: {len(refused)} error{'s' if len(refused) != 1 else ''} ({codes}); nothing was sent. The first: {refused[0].path}: {refused[0].message}",
            hint=f"hubkit validate {release}",
        )
    _check_card(release)
    return Gate(report, tuple(finding for finding in errors if finding.code in allow))


def _check_card(release: Path) -> None:
    path = release / README
    if not path.is_file():
        raise HubkitError(
            f"{release}: there is no README.md; nothing was sent", hint=f"hubkit build-cards {release}"
        )
    recorded = recorded_digest(path.read_text(encoding="utf-8"))
    if recorded is not None and recorded != release_digest(release):
        raise HubkitError(
            f"{path}: the card is older than the files it describes; nothing was sent",
            hint=f"hubkit build-cards {release}",
        )
