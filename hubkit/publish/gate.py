"""What must hold before the first byte leaves, all of it looked at, all of it told at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.publish.conditions import CONDITIONS, finding_problems
from hubkit.publish.files import LocalFile, hash_release
from hubkit.publish.subject import Problem, Subject
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate
from hubkit.words import many


@dataclass(frozen=True)
class Gate:
    """What was looked at, and what was let through by name."""

    report: Report
    files: tuple[LocalFile, ...]
    base_model: str | None
    license: str | None
    proven: int
    """Files whose checksum provenance.json has, rightly."""
    allowed: tuple[Problem, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Code to why it may pass."""

    def description(self) -> str:
        """For the commit: what was checked, and every exception with its reason."""
        report = self.report
        counts = f"{many(report.count(Severity.ERROR), 'error')}, {many(report.count(Severity.WARNING), 'warning')}"
        lines = [f"Checked by hubkit before it was sent: {many(len(report.saes), 'SAE')}, {counts}."]
        lines += [f"{one.sentence()}." for one in report.coverage if one.statements]
        lines += [
            f"Allowed: {problem.code} ({problem.message}). Reason: {self.reasons[problem.code]}"
            for problem in self.allowed
        ]
        return "\n".join(lines)


def check_gate(
    release: Path, allow: Mapping[str, str] | None = None, *, files: tuple[LocalFile, ...] | None = None
) -> Gate:
    """Look at every condition of a release. `allow` maps codes that may pass to the reason why; they stay disclosed in the card and the commit.

    Raises HubkitError that names every code, where it is, and what mends it; IncompleteError's code when not everything could be read.
    """
    reasons = {code.upper(): reason.strip() for code, reason in (allow or {}).items()}
    # Without a configuration: an ignore is the author's private decision, and what is published is judged as a stranger would.
    report = validate(open_folder(release), coverage=True)
    if not report.complete:
        raise HubkitError(
            f"{release}: not everything could be checked; nothing was sent",
            hint=f"hubkit validate {shlex.quote(str(release))} --no-config",
            exit_code=ExitCode.INCOMPLETE,
        )
    subject = Subject(release, hash_release(release) if files is None else files, report)
    problems = finding_problems(subject)
    for condition in CONDITIONS:
        problems += condition(subject)
    check_reasons(reasons)
    refused = [one for one in problems if one.code not in reasons or not one.allowable]
    if refused:
        raise _refusal(release, refused)
    return Gate(
        report,
        subject.files,
        subject.base_model,
        subject.license,
        len(subject.recorded),
        tuple(one for one in problems if one.code in reasons),
        reasons,
    )


def check_reasons(allow: Mapping[str, str]) -> None:
    """Every exception needs a reason: it is published with the commit. Raises UsageError."""
    for code, reason in allow.items():
        if not reason.strip():
            raise UsageError(
                f"--allow {code} needs a reason, which the commit will state",
                hint=f'--allow {code} --reason "why it may be published like this"',
            )


def _refusal(release: Path, refused: list[Problem]) -> HubkitError:
    codes = ", ".join(dict.fromkeys(one.code for one in refused))
    errors = sum(one.count for one in refused)
    lines = [f"{release}: {many(errors, 'error')} ({codes}); nothing was sent"]
    for one in refused:
        lines.append(f"  {one.code:<11} {one.message}")
        lines.append(f"  {'':<11} try: {one.hint}")
    return HubkitError("\n".join(lines), hint=_what_shows(release, refused))


def _what_shows(release: Path, refused: list[Problem]) -> str | None:
    """The command that shows the validator's findings in full; what only a publisher must know is told above, and by nothing else."""
    codes = [one.code for one in refused if one.code in REGISTRY]
    return (
        f"hubkit validate {shlex.quote(str(release))} --no-config --select {','.join(codes)}"
        if codes
        else None
    )
