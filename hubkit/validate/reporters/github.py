"""Annotations in GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions

GitHub shows ten of a kind for each step, so the worst come first; the rest is in the log.
"""

from __future__ import annotations

from hubkit.texts import printable
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.reporters.folding import shown
from hubkit.validate.rule import REGISTRY

COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report, *, notes: bool = False) -> str:
    """One command a finding, and a line with the counts."""
    listed = shown(report.findings, notes=notes)
    lines = [_command(report, finding) for finding in listed]
    if report.shortfall:
        # First, because only ten of a kind are shown.
        lines.insert(0, f"::error title=hubkit::{_data(f'{report.target}: {report.shortfall}')}")
    counts = ", ".join(f"{report.count(s)} {s.word}s" for s in sorted(Severity, reverse=True))
    state = f"; {printable(report.shortfall)}" if report.shortfall else ""
    # A target that is spelt like a command must not become one.
    target = printable(report.target).replace("##[", "# #[")
    remarks = [f"hubkit: {printable(remark).replace('##[', '# #[')}" for remark in report.remarks]
    return (
        "\n".join([*lines, *remarks, f"hubkit: {target}: {counts} in {len(report.saes)} SAEs{state}"]) + "\n"
    )


def _command(report: Report, finding: Finding) -> str:
    title = f"{finding.code} {REGISTRY[finding.code].title}" if finding.code in REGISTRY else finding.code
    properties = {}
    if place := finding.path or finding.sae_id:
        properties["file"] = report.file(place)
    if finding.line and finding.path:
        properties["line"] = str(finding.line)
    properties["title"] = title
    hint = f"\nTry: {finding.hint}" if finding.hint else ""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{COMMAND[finding.severity]} {listed}::{_data(finding.message + hint)}"


def _data(text: str) -> str:
    """`%`, CR and LF as the runner wants them; other control characters made visible."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    """As the text of a command, and without what ends a property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
