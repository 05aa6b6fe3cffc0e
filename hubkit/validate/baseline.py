"""Findings that are known and wait to be mended: a file of fingerprints. They hold no line numbers, so edits elsewhere do not lose them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkit.errors import UsageError
from hubkit.small_files import read_regular
from hubkit.texts import shortened
from hubkit.validate.finding import Finding
from hubkit.validate.report import BaselineUse, Known, Report, Suppressed
from hubkit.validate.rule import REGISTRY

VERSION = "1"
MOST_BYTES = 32 << 20
"""Some hundred thousand findings."""
FIELDS = {"fingerprint", "code", "sae_id", "message"}
RELEASE = "release"
AROUND = "."
AGAIN = "hubkit validate TARGET --write-baseline {}"


def read_baseline(path: Path) -> list[Known]:
    """The lines of `path`. Raises UsageError when it is missing or no baseline."""
    try:
        return baseline_lines(read_regular(path, MOST_BYTES), path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such baseline", hint=AGAIN.format(path)) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def baseline_lines(data: bytes, path: Path) -> list[Known]:
    """The lines of a baseline's bytes; `path` is for messages. Raises UsageError when it is none."""
    again = AGAIN.format(path)
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {shortened(str(error), 300)}", hint=again) from error
    entries = content.get("findings") if isinstance(content, dict) else None
    if (
        not isinstance(entries, list)
        or content.get("hubkit_baseline") != VERSION
        or not all(map(_is_entry, entries))
    ):
        raise UsageError(
            f"{path}: no baseline of version {VERSION}: expected findings with {', '.join(sorted(FIELDS))}",
            hint=again,
        )
    return [Known(**entry) for entry in entries]


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() - {RELEASE} == FIELDS
        and all(isinstance(value, str) for name, value in entry.items() if name != "sae_id")
        and isinstance(entry["sae_id"], str | None)
    )


def apply_baseline(report: Report, known: Iterable[Known], path: str, place: Path | None = None) -> Report:
    """The report without the findings that are `known`; those are counted, and lines that no longer hold are named.

    `place` is the folder that was validated: a line of a baseline for several releases counts in its own release, also where that is validated alone.
    """
    known = list(known)
    lines: dict[str, list[Known]] = {}
    for one in known:
        lines.setdefault(one.fingerprint, []).append(one)
    used: set[int] = set()
    found_in: dict[str, set[str]] = {}
    for finding in report.findings:
        found_in.setdefault(finding.fingerprint, set()).add(report.release_of(finding))

    def is_known(finding: Finding) -> bool:
        fitting = [
            one for one in lines.get(finding.fingerprint, ()) if _fits(one, report.release_of(finding), place)
        ]
        used.update(map(id, fitting))
        # A line that names no release speaks of one; where several have the finding, nobody knows of which.
        several = len(found_in.get(finding.fingerprint, ())) > 1
        return any(one.release or not several for one in fitting)

    covered = [f for f in report.findings if is_known(f) and _can_be_known(f)]
    for hidden_one in report.suppressed:
        is_known(hidden_one.finding)
    stale = [one for one in known if id(one) not in used and _was_looked_for(one, report, place)]
    set_aside = [Suppressed(finding, "baseline", path) for finding in covered]
    hidden = {id(finding) for finding in covered}
    return replace(
        report,
        findings=[finding for finding in report.findings if id(finding) not in hidden],
        suppressed=[*report.suppressed, *set_aside],
        baseline=BaselineUse(path, len(covered), tuple(stale)),
    )


def write_baseline(
    path: Path, report: Report, before: Iterable[Known] = (), place: Path | None = None
) -> list[Known]:
    """Write what `report` found; of the lines `before`, those are kept that this run could not judge."""
    found = {}
    for f in filter(_can_be_known, report.findings):
        release = _as_text(report.release_of(f))
        sae_id = f.sae_id and _as_text(f.sae_id)
        found[f.fingerprint, release] = Known(f.fingerprint, f.code, sae_id, _as_text(f.message), release)
    kept = {(one.fingerprint, one.release): one for one in before if not _was_looked_for(one, report, place)}
    lines = sorted(
        (kept | found).values(), key=lambda one: (one.sae_id or "", one.code, one.fingerprint, one.release)
    )
    from hubkit.release.writing import answering, to_json

    with answering(path) as temporary:
        text = to_json({"hubkit_baseline": VERSION, "findings": [_entry(one) for one in lines]})
        temporary.write_bytes(text.encode("utf-8"))
    return lines


def _entry(one: Known) -> dict[str, Any]:
    """As the file has it: the release only where there were several."""
    return {name: value for name, value in vars(one).items() if name != RELEASE or value}


def _fits(one: Known, release: str, place: Path | None) -> bool:
    """Whether a line may speak of a finding in `release` of the target at `place`."""
    if one.release in ("", release):
        return True
    inside = "" if release in ("", AROUND) else f"/{release}"
    return place is not None and f"{place.resolve().as_posix()}{inside}".endswith(f"/{one.release}")


def _as_text(name: str) -> str:
    """A file name that is no text, as escapes: UTF-8 cannot hold it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _can_be_known(finding: Finding) -> bool:
    """A crash or an unreadable file is no state of the repository that one could wait for."""
    return not finding.code.startswith("RUN")


def _was_looked_for(one: Known, report: Report, place: Path | None) -> bool:
    """Whether this run would have found it: its rule was asked, there too."""
    here = (AROUND, *report.releases) if report.releases else ("",)
    if not any(_fits(one, release, place) for release in here):
        return False
    skipped = {(skip.code, skip.sae_id) for skip in report.skipped}
    if one.code not in REGISTRY:  # a retired rule finds nothing any more
        return True
    return one.code in report.asked and (one.code, one.sae_id) not in skipped and not report.crashes
