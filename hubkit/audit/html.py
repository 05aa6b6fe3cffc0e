"""The run as one HTML page: its repositories as a table, worst first, each with its report. In pieces, as every output of an audit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.audit.ranking import Row, Totals, ranked, totals
from hubkit.texts import printable
from hubkit.validate.read_back import report_of
from hubkit.validate.report import Report
from hubkit.validate.reporters import page_data
from hubkit.validate.reporters.page import block, document
from hubkit.validate.reporters.page import text as escaped
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.audit.store import Store

MOST = 48_000_000
"""Characters of reports in one page; of the repositories after that, which have the fewest findings, the page has the row alone."""
COMMIT = 8


def page(store: Store, plain: Iterable[str], contradictions: Iterable[str], sums: list[str]) -> Iterator[str]:
    """`plain`, `contradictions` and `sums` are what the text says."""
    found = totals(store)
    targets = json.loads(store.rows("SELECT targets FROM run WHERE id = ?", store.run)[0][0])
    title = f"audit of {', '.join(filter(None, targets))}"
    head = _head(title, found, sums)
    yield from document(title, _state(found), head, plain, _blocks(store, contradictions))


def _blocks(store: Store, contradictions: Iterable[str]) -> Iterator[str]:
    """A row and its report, one repository after the other, and last what is of all of them."""
    codes: set[str] = set()
    room = MOST
    for number, row in enumerate(ranked(store, reports=True)):
        # as it was typed: a folder's own name is its whole path on this machine
        report = replace(report_of(row.report), target=row.target) if row.report else None
        yield block(f"row-{number}", _row(row, report))
        if report is None:
            continue
        codes.update(finding.code for finding in report.findings)
        details = block(f"report-{number}", page_data.of_report(report))
        room -= len(details)
        if room >= 0:
            yield details
    yield block("audit", {"contradictions": list(contradictions)})
    yield block("rules", page_data.of_rules(codes))
    yield block("page", {"notes": False})


def _row(row: Row, report: Report | None) -> dict[str, Any]:
    codes: dict[str, list[Any]] = {}
    for finding in sorted(report.findings, key=lambda one: -one.severity) if report else ():
        codes.setdefault(finding.code, [finding.severity.word, 0])[1] += 1
    return {
        "target": printable(row.target), "kind": row.kind, "state": _state_of(row), "failure": printable(row.failure), "saes": row.saes,
        "errors": row.errors, "warnings": row.warnings, "notes": row.notes, "worst": row.worst, "never": row.never_learned,
        "jumprelu": row.jumprelu, "commit": row.sha[:COMMIT] or ("folder" if row.kind == "folder" else ""), "codes": codes,
    }  # fmt: skip


def _state_of(row: Row) -> str:
    """In the order in which the exit code weighs them."""
    if not row.complete:
        return "incomplete" if row.saes else "unread"
    if not row.saes:
        return "nothing found"
    return "errors" if row.errors else "warnings" if row.warnings else "clean"


def _state(found: Totals) -> str:
    if found.incomplete:
        return "doubt"
    if found.errors:
        return "bad"
    return "doubt" if found.warnings else "good" if found.saes else "none"


def _head(title: str, found: Totals, sums: list[str]) -> str:
    weighed = ((found.errors, "error"), (found.warnings, "warning"), (found.notes, "note"))
    nothing = "no findings" if found.saes else "nothing changed" if found.unchanged else "no SAE found"
    counted = ", ".join(many(count, word) for count, word in weighed if count) or nothing
    short = "<p>Incomplete: nothing found does not mean clean.</p>" if found.incomplete else ""
    first, *rest = sums
    return (
        f"<h1>{escaped(title)}</h1>\n"
        f'<div class="verdict {_state(found)}"><p class="counted">{counted}</p><p class="said">{escaped(first)}</p>{short}</div>\n'
        + "".join(f'<p class="quiet small">{escaped(one)}</p>' for one in rest)
    )
