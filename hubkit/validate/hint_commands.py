"""The commands in hints, as one would type them for what was validated."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.repo.local import LocalView
from hubkit.validate.finding import FOLDER, Finding

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.report import Report

COMMAND = re.compile(rf"(hubkit [a-z-]+) {FOLDER}\b")


def addressed(report: Report, view: RepoView) -> Iterator[Finding]:
    """With the commands of the hints as one would type them for this target: a folder, or the release inside, by its name, a repository by a pull request."""
    name = view.name.partition("@")[0] if view.revision else view.name
    there = view.revision is not None or isinstance(view, LocalView)
    for finding in report.findings:
        if FOLDER not in finding.hint or not there:
            yield finding
            continue
        hint = finding.hint
        if view.revision:
            hint = hint.replace(f"hubkit fix {FOLDER}", f"hubkit fix {shlex.quote(name)} --pr")
            hint = hint.replace(f"hubkit validate {FOLDER}", f"hubkit validate {shlex.quote(name)}")
        else:
            place = finding.path or finding.sae_id or ""
            inside = max(
                (one for one in report.releases if place.startswith(f"{one}/")), key=len, default=None
            )
            typed = shlex.quote(f"{name.rstrip('/')}/{inside}" if inside else name)
            hint = _of_folder(hint, typed)
        yield replace(finding, hint=hint)


def _of_folder(hint: str, name: str) -> str:
    return COMMAND.sub(lambda match: f"{match[1]} {name}", hint)
