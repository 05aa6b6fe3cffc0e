"""The run's rows, worst first, and their sums: sorted and added by SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from hubkit.audit.reading import unpack
from hubkit.errors import ExitCode
from hubkit.validate.finding import Severity

if TYPE_CHECKING:
    from hubkit.audit.store import Store

ROWS = """
FROM member JOIN reading ON reading.name = member.name AND reading.sha = member.at
WHERE member.run = ? AND member.state = 'done'
"""
SELECTED = f"""
SELECT min(shown), kind, reading.sha, saes, jumprelu, never_learned, errors, warnings, notes, worst, requests, bytes_read, total_bytes,
    seconds, complete, reading.failure, read_at, read_in = ?, {{report}} {ROWS}
GROUP BY reading.name, reading.sha
ORDER BY errors DESC, warnings DESC, complete, notes DESC, min(shown)
"""
SUMS = """
SELECT count(*), sum(saes > 0), sum(saes), sum(jumprelu), sum(never_learned), sum(errors), sum(warnings), sum(notes), sum(NOT complete),
    sum(read_in = ?), sum(requests * (read_in = ?)), sum(bytes_read * (read_in = ?)), sum(saes * (read_in = ?)), sum(requests), sum(bytes_read),
    sum(total_bytes)
FROM (SELECT DISTINCT name, at FROM member WHERE run = ? AND state = 'done') AS shown
    JOIN reading ON reading.name = shown.name AND reading.sha = shown.at
"""


@dataclass(frozen=True)
class Row:
    """One repository or folder of the run, or a target that gave none."""

    target: str
    kind: str
    sha: str
    saes: int
    jumprelu: int
    never_learned: int
    errors: int
    warnings: int
    notes: int
    worst: str
    requests: int
    bytes_read: int
    total_bytes: int
    seconds: float
    complete: int
    """0 or 1."""
    failure: str
    read_at: str
    """ISO, UTC."""
    read_now: int
    """Whether this run read it; else an earlier one did."""
    report: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """One object of `--format json`; the columns of the others."""
        row = {
            "target": self.target, "kind": self.kind, "revision": self.sha or None, "saes": self.saes, "error": self.errors,
            "warning": self.warnings, "note": self.notes, "worst": self.worst, "jumprelu": self.jumprelu,
            "never_learned": self.never_learned, "requests": self.requests, "bytes": self.bytes_read, "total_bytes": self.total_bytes,
            "seconds": self.seconds, "complete": bool(self.complete), "failure": self.failure, "read_at": self.read_at,
            "read_now": bool(self.read_now),
        }  # fmt: skip
        return row if self.report is None else row | {"report": self.report}


@dataclass(frozen=True)
class Totals:
    """Sums over the run."""

    rows: int
    with_saes: int
    saes: int
    jumprelu: int
    never_learned: int
    errors: int
    warnings: int
    notes: int
    incomplete: int
    read_now: int
    requests_now: int
    bytes_now: int
    saes_now: int
    requests: int
    bytes_read: int
    total_bytes: int
    unchanged: int
    """Members that `--since` left out."""

    def exit_code(self, fail_on: Severity, *, contradictions: bool = False) -> ExitCode:
        """By the contract in `hubkit.errors.ExitCode`; `contradictions` between cards weigh as warnings."""
        warnings = self.warnings + contradictions
        counted = {Severity.ERROR: self.errors, Severity.WARNING: warnings, Severity.NOTE: self.notes}
        if self.incomplete:
            return ExitCode.INCOMPLETE
        if any(count for severity, count in counted.items() if severity >= fail_on):
            return ExitCode.FINDINGS
        # Nothing new is no failure.
        return ExitCode.CLEAN if self.saes or self.unchanged else ExitCode.NOTHING_FOUND


ROW = tuple(field.name for field in fields(Row))
TOTALS = tuple(field.name for field in fields(Totals))


def ranked(store: Store, *, reports: bool = False) -> Iterator[Row]:
    """Worst first: errors, warnings, then what could not be read. `reports` brings every row's whole report."""
    query = SELECTED.format(report="report" if reports else "x''")
    for row in store.stream(query, store.run, store.run):
        yield Row(**dict(zip(ROW, (*row[:-1], unpack(row[-1])), strict=True)))


def totals(store: Store) -> Totals:
    """The sums of the run."""
    sums = [value or 0 for value in store.rows(SUMS, *[store.run] * 5)[0]]
    return Totals(**dict(zip(TOTALS, (*sums, store.count("unchanged")), strict=True)))


def widest(store: Store) -> int:
    """Characters of the longest name."""
    return int(store.rows(f"SELECT max(length(shown)) {ROWS}", store.run)[0][0] or 0)
