"""For a person: findings by rule, the same finding on many SAEs folded into one line, and what helps.

The result is markup of the console's kind (`[red]...[/]`); text from a repository is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY

COLOUR = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
NAMES_SHOWN = 4
TAG = re.compile(r"(\\*)(\[[a-z#/@][^\[]*?])")


def escape(text: str) -> str:
    """`text` with everything that the console would take for markup, or a terminal for a control sequence, made plain."""
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return TAG.sub(lambda match: f"{match.group(1) * 2}\\{match.group(2)}", printable)


def human_bytes(count: int) -> str:
    """`633 kB`, `574.7 MB`: powers of 1000, as the Hub shows sizes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in {"B", "kB"} else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def render(report: Report, *, notes: bool = False) -> str:
    """The whole report; notes only when asked for, but counted."""
    at = f" @ {report.revision[:12]}" if report.revision else ""
    lines = [f"[bold]{escape(report.target)}[/]{at}  {_saes(report)}", ""]
    shown = [finding for finding in report.findings if notes or finding.severity > Severity.NOTE]
    order = sorted(shown, key=lambda f: (-f.severity, f.code))
    for (_, code), group in groupby(order, key=lambda f: (-f.severity, f.code)):
        lines += [*_rule_block(code, list(group)), ""]
    return "\n".join([*lines, _verdict(report, notes=notes), _cost(report)])


def _saes(report: Report) -> str:
    kinds: dict[str, int] = {}
    for sae in report.saes:
        kind = f"{sae.format} {sae.architecture}" if sae.architecture else sae.format
        kinds[kind] = kinds.get(kind, 0) + 1
    listed = ", ".join(f"{count} {escape(kind)}" for kind, count in sorted(kinds.items()))
    return f"{len(report.saes)} SAE{'s' if len(report.saes) != 1 else ''}" + (
        f" [dim]({listed})[/]" if listed else ""
    )


def _rule_block(code: str, findings: list[Finding]) -> list[str]:
    severity = findings[0].severity
    title = REGISTRY[code].title if code in REGISTRY else ""
    count = f" [dim]x {len(findings)}[/]" if len(findings) > 1 else ""
    lines = [f"[{COLOUR[severity]}]{severity.word:<7}[/] [bold]{code}[/] {escape(title)}{count}"]
    folded: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        folded.setdefault((finding.message, finding.hint), []).append(finding)
    for (message, hint), same in folded.items():
        lines.append(f"        {escape(_places(same))}: {escape(message)}")
        if hint:
            lines.append(f"        [dim]try:[/] {escape(hint)}")
    return lines


def _places(findings: Iterable[Finding]) -> str:
    names = [_place(finding) for finding in findings]
    if len(names) <= NAMES_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:NAMES_SHOWN])} and {len(names) - NAMES_SHOWN} more"


def _place(finding: Finding) -> str:
    place = finding.path or finding.sae_id or "the run"
    return f"{place}:{finding.line}" if finding.line else place


def _verdict(report: Report, *, notes: bool) -> str:
    counts = [
        (severity, report.count(severity)) for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    ]
    parts = [f"[{COLOUR[s]}]{n} {s.word}{'s' if n != 1 else ''}[/]" for s, n in counts if n]
    if not report.saes:
        return "[yellow]no SAE found here[/]: no folder with a cfg.json or weights that hubkit knows"
    if not report.complete:
        left = f"{len(report.skipped)} checks could not be made" if report.skipped else "a rule crashed"
        return "[bold yellow]incomplete[/]: " + ", ".join([*parts, left])
    hidden = "  [dim](--notes shows the notes)[/]" if report.count(Severity.NOTE) and not notes else ""
    return (", ".join(parts) if parts else "[bold green]clean[/]: no findings") + hidden


def _cost(report: Report) -> str:
    requests = f" in {report.requests} requests" if report.revision else ""
    return f"[dim]read {human_bytes(report.bytes_read)} of {human_bytes(report.total_bytes)}{requests}, {report.seconds:.2f} s[/]"
