"""Findings that are known and wait to be mended: a file of fingerprints. They hold no line numbers, so edits elsewhere do not lose them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkit.errors import UsageError
from hubkit.regular import read_regular
from hubkit.texts import shortened
from hubkit.validate.finding import Finding
from hubkit.validate.report import BaselineUse, Known, Report, Suppressed
from hubkit.validate.rule import REGISTRY

VERSION = "1"
MOST_BYTES = 32 << 20
"""Some hundred thousand findings."""
FIELDS = {"fingerprint", "code", "sae_id", "message"}


def read_baseline(path: Path) -> list[Known]:
    """The lines of `path`. Raises UsageError when it is missing or no baseline."""
    again = f"hubkit validate TARGET --write-baseline {path}"
    try:
        content = json.loads(read_regular(path, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such baseline", hint=again) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
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
        and entry.keys() == FIELDS
        and all(isinstance(entry[name], str) for name in FIELDS - {"sae_id"})
        and isinstance(entry["sae_id"], str | None)
    )


def apply_baseline(report: Report, known: Iterable[Known], path: str) -> Report:
    """The report without the findings that are `known`; those are counted, and lines that no longer hold are named."""
    known = list(known)
    prints = {one.fingerprint for one in known}
    covered = [f for f in report.findings if f.fingerprint in prints and _can_be_known(f)]
    seen = {f.fingerprint for f in [*report.findings, *(one.finding for one in report.suppressed)]}
    stale = [one for one in known if one.fingerprint not in seen and _was_looked_for(one, report)]
    set_aside = [Suppressed(finding, "baseline", path) for finding in covered]
    hidden = {id(finding) for finding in covered}
    return replace(
        report,
        findings=[finding for finding in report.findings if id(finding) not in hidden],
        suppressed=[*report.suppressed, *set_aside],
        baseline=BaselineUse(path, len(covered), tuple(stale)),
    )


def write_baseline(path: Path, report: Report, before: Iterable[Known] = ()) -> list[Known]:
    """Write what `report` found; of the lines `before`, those are kept that this run could not judge."""
    found = {
        f.fingerprint: Known(f.fingerprint, f.code, f.sae_id and _as_text(f.sae_id), _as_text(f.message))
        for f in report.findings
        if _can_be_known(f)
    }
    kept = {one.fingerprint: one for one in before if not _was_looked_for(one, report)}
    lines = sorted((kept | found).values(), key=lambda one: (one.sae_id or "", one.code, one.fingerprint))
    from hubkit.release.writing import answering, to_json

    with answering(path) as temporary:
        text = to_json({"hubkit_baseline": VERSION, "findings": [vars(one) for one in lines]})
        temporary.write_bytes(text.encode("utf-8"))
    return lines


def _as_text(name: str) -> str:
    """A file name that is no text, as escapes: UTF-8 cannot hold it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _can_be_known(finding: Finding) -> bool:
    """A crash or an unreadable file is no state of the repository that one could wait for."""
    return not finding.code.startswith("RUN")


def _was_looked_for(one: Known, report: Report) -> bool:
    """Whether this run would have found it: its rule was asked, there too."""
    skipped = {(skip.code, skip.sae_id) for skip in report.skipped}
    if one.code not in REGISTRY:  # a retired rule finds nothing any more
        return True
    return one.code in report.asked and (one.code, one.sae_id) not in skipped and not report.crashes
