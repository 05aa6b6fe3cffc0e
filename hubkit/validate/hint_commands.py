"""The commands in hints, as one would type them for what was validated."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.repo.local import LocalView
from hubkit.validate.finding import FOLDER, Finding, mend

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.report import Report

LISTED = "-"
"""The target that is a list of files."""
COMMAND = re.compile(rf"(hubkit [a-z-]+) {FOLDER}\b")


def addressed(report: Report, view: RepoView) -> Iterator[Finding]:
    """With the commands of the hints as one would type them for this target: a folder, or the release inside, by its name, a repository by a pull request."""
    there = view.revision is not None or isinstance(view, LocalView)
    for finding in report.findings:
        if FOLDER not in finding.hint or not there:
            yield finding
        else:
            yield replace(finding, hint=_typed(finding.hint, finding, report))


def fix_command(report: Report, finding: Finding) -> str | None:
    """What mends it, as one would type it for this target; None where a person must."""
    if finding.fix is None or report.target in ("", LISTED):
        return None
    return _typed(mend(finding.code, unsafe=finding.fix == "unsafe"), finding, report)


def fix_all(report: Report) -> str | None:
    """What shows all that can be mended at once; None where nothing can be, or where several releases would each need it."""
    kinds = {finding.fix for finding in report.findings if finding.fix}
    if not kinds or report.releases or report.target in ("", LISTED):
        return None
    name = report.target.partition("@")[0] if report.revision else report.target
    look = "--pr --dry-run" if report.revision else "--diff"
    return f"hubkit fix {shlex.quote(name)} {look}{'' if 'safe' in kinds else ' --unsafe-fixes'}"


def _typed(text: str, finding: Finding, report: Report) -> str:
    if report.revision:
        name = shlex.quote(report.target.partition("@")[0])
        text = text.replace(f"hubkit fix {FOLDER}", f"hubkit fix {name} --pr")
        return text.replace(f"hubkit validate {FOLDER}", f"hubkit validate {name}")
    place = finding.path or finding.sae_id or ""
    inside = max((one for one in report.releases if place.startswith(f"{one}/")), key=len, default=None)
    name = shlex.quote(f"{report.target.rstrip('/')}/{inside}" if inside else report.target)
    return COMMAND.sub(lambda match: f"{match[1]} {name}", text)
