"""For the step summary of a CI run and for issues: a table by rule, and the findings folded below it.

GitHub refuses summaries above 1 MiB, so the text ends before that, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from hubkit.texts import printable
from hubkit.validate.areas import telling
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.reporters.folding import shown
from hubkit.validate.reporters.obeyed import configuration, set_aside
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.rule import REGISTRY
from hubkit.words import human_bytes, many

LIMIT = 1 << 20
"""Bytes."""
RESERVE = 400
"""Bytes kept for the closing lines."""
SPECIAL = str.maketrans({c: f"&#{ord(c)};" for c in "\\`*_{}[]<>()#+-!|~&@:$="})
CUT = "*The rest is left out: a step summary holds 1 MiB. `--format json` has everything.*"


def render(report: Report, *, notes: bool = False, limit: int = LIMIT) -> str:
    """GitHub-flavoured Markdown, below `limit` bytes."""
    listed = shown(report.findings, notes=notes)
    groups = [list(group) for _, group in groupby(sorted(listed, key=telling), key=telling)]
    lines = [*_head(report), *_table(groups), *_accepted(report)]
    size = sum(map(_bytes, lines))
    for group in groups:
        block, whole = _details(group, limit - RESERVE - size)
        size += sum(map(_bytes, block))
        lines += block
        if not whole:
            lines += ["", CUT]
            break
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """`text` as itself: whatever Markdown or HTML would read as its own becomes a character reference, and nobody is mentioned."""
    # Mentions are looked for in what Markdown has become, where a reference is the sign again: a word joiner parts it from the name.
    return _references(text).replace("&#64;", "&#64;&#8288;")


def _references(text: str) -> str:
    return printable(text).translate(SPECIAL).replace("www.", "www&#46;")


def _code(text: str) -> str:
    return f"<code>{_references(text)}</code>"


def _bytes(line: str) -> int:
    return len(line.encode("utf-8", "surrogatepass")) + 1


def _head(report: Report) -> Iterator[str]:
    at = f" @ {_code(report.revision[:12])}" if report.revision else ""
    yield f"## hubkit validate {_code(report.target)}{at}"
    yield ""
    counts = [(report.count(s), s.word) for s in sorted(Severity, reverse=True)]
    found = ", ".join(many(n, word) for n, word in counts if n)
    # "no findings" is said of what was judged, whole: nothing found elsewhere is no good news.
    found = found or (
        "no SAE found" if not report.saes else "no findings" if report.complete else "incomplete"
    )
    cost = f"read {human_bytes(report.bytes_read)} of {human_bytes(report.total_bytes)}"
    yield f"**{found}** · {len(report.saes)} SAEs · {cost}"
    yield ""
    if report.config:
        yield f"configuration: {escape(configuration(report))}"
        yield ""
    if said := "; ".join(filter(None, (closing(report), set_aside(report)))):
        yield f"{escape(said)}."
        yield ""
    if report.shortfall:
        yield f"**{escape(report.shortfall)}.**"
        yield ""
    yield from (f"- {escape(remark)}" for remark in report.remarks)
    yield from (f"- {escape(one.sentence())}" for one in report.coverage if one.statements)
    yield ""


def _table(groups: list[list[Finding]]) -> Iterator[str]:
    if not groups:
        return
    yield from ("| severity | rule | what is wrong | findings |", "|---|---|---|---:|")
    for group in groups:
        code = group[0].code
        title = REGISTRY[code].title if code in REGISTRY else ""
        yield f"| {group[0].severity.word} | {code} | {escape(title)} | {len(group)} |"
    yield ""


def _accepted(report: Report) -> Iterator[str]:
    for one in report.ignored:
        scope = "".join(f" in {_code(glob)}" for glob in (one.path, one.sae_id) if glob)
        count = "not asked" if one.suppressed is None else f"{one.suppressed} findings"
        yield f"- ignored {escape(one.code)}{scope}: {count}; {escape(one.reason)}"
    if report.baseline:
        stale = len(report.baseline.stale)
        yield f"- baseline {_code(report.baseline.path)}: {report.baseline.suppressed} known findings, {stale} lines no longer true"
    for code, severity in sorted(report.severities.items()):
        yield f"- {escape(code)} counts as {severity.word}"
    yield ""


def _details(group: list[Finding], room: int) -> tuple[list[str], bool]:
    """One rule's findings, folded, within `room` bytes; and whether all of them are there."""
    first = group[0]
    opening = ["<details>", f"<summary>{first.severity.word} {first.code} ({len(group)})</summary>", ""]
    closing = ["", "</details>", ""]
    size = sum(map(_bytes, opening + closing))
    if size > room:
        return [], False
    lines: list[str] = []
    for finding in group:
        line = _line(finding)
        size += _bytes(line)
        if size > room:
            return [*opening, *lines, *closing], False
        lines.append(line)
    return [*opening, *lines, *closing], True


def _line(finding: Finding) -> str:
    place = finding.path or finding.sae_id
    at = f"{place}:{finding.line}" if place and finding.line else place
    hint = f"<br>Try: {escape(finding.hint)}" if finding.hint else ""
    return f"- {_code(at) + ' ' if at else ''}{escape(finding.message)}{hint}"
