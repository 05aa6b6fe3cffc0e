"""The run's rows as text, JSON, CSV, Markdown or HTML: generators of pieces, so that no output is ever whole in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.audit.across import disagreements
from hubkit.audit.ranking import Row, Totals, ranked, totals, widest
from hubkit.texts import json_text, printable
from hubkit.validate.reporters import markdown
from hubkit.validate.reporters.text import escape, without_markup
from hubkit.words import human_bytes, many

if TYPE_CHECKING:
    from hubkit.audit.store import Store

WIDEST_NAME = 60
CONTRADICTIONS_SHOWN = 30
COMMIT = 8
FORMULA = tuple("=+-@＝＋－＠")
HEADS = ("SAEs", "errors", "warnings", "worst", "never learned", "read", "commit")
WIDTHS = (6, 7, 9, 8, 16, 9, COMMIT)


def pieces(store: Store, format: str) -> Iterator[str]:  # noqa: A002 - the option's name in the contract
    """The whole output in `text` (with markup), `json`, `reports` (JSON with whole reports), `csv`, `markdown` or `html`."""
    if format == "text":
        return _text(store)
    if format == "html":
        return _html(store)
    if format == "csv":
        return _csv(store)
    return _markdown(store) if format == "markdown" else _json(store, reports=format == "reports")


def _json(store: Store, *, reports: bool) -> Iterator[str]:
    """One array, a row a line."""
    before = "[\n"
    contradicted: dict[str, list[Any]] = {}
    for one in disagreements(store):
        contradicted.setdefault(one.target, []).append(one.to_json())
    for row in ranked(store, reports=reports):
        line = row.to_json() | {"contradictions": contradicted.get(row.target, [])}
        yield before + json_text(line)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv(store: Store) -> Iterator[str]:
    yield _csv_line(Row(*("", "", "", *[0] * 6, "", *[0] * 4, 1, "", "", 1)).to_json())  # type: ignore[arg-type]
    for row in ranked(store):
        yield _csv_line({name: harmless(value) for name, value in row.to_json().items()}.values())


def _csv_line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _markdown(store: Store) -> Iterator[str]:
    yield f"| repository | {' | '.join(HEADS)} |\n|---|{'---:|' * 3}---|{'---:|' * 2}---|\n"
    for row in ranked(store):
        cells = [row.target, *_cells(row)]
        if row.failure:
            cells[4] = f"{row.worst} {row.failure}".strip()
        yield f"| {' | '.join(markdown.escape(cell).replace('|', '&#124;') for cell in cells)} |\n"
    for number, line in enumerate(_contradictions(store)):
        yield f"\n**{markdown.escape(line)}**\n\n" if number == 0 else f"- {markdown.escape(line)}\n"
    yield "\n" + "\n".join(f"{markdown.escape(line)}  " for line in sums(totals(store), None)) + "\n"


def _text(store: Store) -> Iterator[str]:
    found = totals(store)
    width = min(max(widest(store), len("repository")), WIDEST_NAME)
    if not found.rows and found.unchanged:
        yield f"[bold green]nothing changed[/]: {found.unchanged:,} repositories, left out\n"
        return
    yield f"[bold]{'repository':<{width}}  {_columns(HEADS)}[/]\n".replace("  [/]", "[/]")
    for row in ranked(store):
        yield _line(row, width) + "\n"
    for number, line in enumerate(_contradictions(store)):
        yield f"\n[yellow]{escape(line)}[/]\n" if number == 0 else f"  {escape(line)}\n"
    first, *rest = sums(found, str(store.path) if store.path else None)
    yield f"\n{_coloured(found)}{escape(first)}\n" + "".join(f"[dim]{escape(line)}[/]\n" for line in rest)


def _html(store: Store) -> Iterator[str]:
    from hubkit.audit.html import page  # reads every rule's text, which no other format needs

    plain = (without_markup(piece) for piece in _text(store))
    yield from page(store, plain, _contradictions(store), sums(totals(store), None))


def _contradictions(store: Store) -> Iterator[str]:
    """A heading and a line for each pair of cards that contradict each other; nothing where none do."""
    found = list(disagreements(store))
    if found:
        yield f"{many(len(found), 'contradiction')} between cards of one owner (CARD015)"
    for one in found[:CONTRADICTIONS_SHOWN]:
        yield printable(
            f"{one.subject}: {one.said.words} in {one.target} (line {one.said.line}), {one.first.words} in {one.other} (line {one.first.line})"
        )
    if len(found) > CONTRADICTIONS_SHOWN:
        yield f"and {len(found) - CONTRADICTIONS_SHOWN} more: --format json has them all"


def _line(row: Row, width: int) -> str:
    """One row; colours stand around padded cells, for a name may hold what looks like a tag."""
    name = printable(row.target)
    head = escape(name) + " " * max(width - len(name), 0)
    if not row.saes and row.failure:
        return f"{head}  [yellow]{'nothing' if row.complete else 'unread'}[/]  [dim]{escape(row.failure)}[/]"
    cells = [f"{cell:>{size}}" for cell, size in zip(_cells(row), WIDTHS, strict=True)]
    if row.errors:
        cells[1] = f"[bold red]{cells[1]}[/]"
    if row.warnings:
        cells[2] = f"[yellow]{cells[2]}[/]"
    gap = f"  [yellow]incomplete[/]: {escape(row.failure)}" if not row.complete else ""
    return f"{head}  {'  '.join(cells)}{gap}"


def _columns(cells: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:>{size}}" for cell, size in zip(cells, WIDTHS, strict=True))


def _cells(row: Row) -> list[str]:
    return [
        str(row.saes), str(row.errors), str(row.warnings), row.worst, share(row.never_learned, row.jumprelu),
        f"{row.bytes_read / 1000:,.0f} kB", row.sha[:COMMIT] or ("folder" if row.kind == "folder" else ""),
    ]  # fmt: skip


def share(part: int, whole: int) -> str:
    """`6 of 27 (22 %)`; empty where there is nothing to have a share of."""
    return f"{part} of {whole} ({part / whole:.0%})".replace("%", " %") if whole else ""


def _coloured(found: Totals) -> str:
    if found.incomplete:
        return "[bold yellow]incomplete[/]: "
    return "" if found.errors else "[bold green]no errors[/]: " if found.saes else ""


def sums(found: Totals, store: str | None) -> list[str]:
    """What it came to, in two or three lines."""
    lines = [
        f"{found.saes:,} SAEs in {found.with_saes:,} of {found.rows:,} repositories and folders: {many(found.errors, 'error')}, "
        f"{many(found.warnings, 'warning')}, {many(found.notes, 'note')}"
        + (
            f"; never learned: {share(found.never_learned, found.jumprelu)} thresholds"
            if found.jumprelu
            else ""
        )
        + (f"; {found.incomplete:,} could not be read, or not whole" if found.incomplete else "")
    ]
    cost = f"read {human_bytes(found.bytes_read)} of {human_bytes(found.total_bytes)} in {found.requests:,} requests"
    if found.saes:
        cost += f", {found.bytes_read / found.saes / 1000:.1f} kB an SAE"
    if found.read_now < found.rows:
        cost += f"; of that {human_bytes(found.bytes_now)} in {found.requests_now:,} requests now, for {found.read_now:,} of {found.rows:,}"
    if found.unchanged:
        cost += f"; {found.unchanged:,} unchanged, left out"
    return [*lines, cost, *([f"kept in {store}"] if store else [])]
