"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

Known and ignored findings are there too, as suppressed results. Paths are relative to the working directory, or to the
repository for a remote target.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from hubkit import __version__
from hubkit.validate.finding import Finding
from hubkit.validate.report import Report, Suppressed
from hubkit.validate.reporters.json import dumped
from hubkit.validate.rule import REGISTRY, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
PRECISION = {"high": "very-high", "medium": "medium", "low": "low"}
FINGERPRINT = "hubkit/v1"


def render(report: Report, *, notes: bool = True) -> str:  # noqa: ARG001 - a program gets every note
    """One run; strict JSON."""
    findings = [*report.findings, *(one.finding for one in report.suppressed)]
    codes = sorted({finding.code for finding in findings})
    live = len(report.findings)
    results = [
        _result(report, finding, codes.index(finding.code), None if i < live else report.suppressed[i - live])
        for i, finding in enumerate(findings)
    ]  # fmt: skip
    driver = {
        "name": "hubkit",
        "version": __version__,
        "rules": [_rule(REGISTRY[code]) for code in codes if code in REGISTRY],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": report.complete, "toolExecutionNotifications": _notifications(report)}
        ],
        "properties": {"target": report.target, "revision": report.revision},
        "results": results,
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.check.__name__.strip("_").split("_")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.documentation},
        "help": {"text": rule.documentation, "markdown": rule.documentation},
        "defaultConfiguration": {"level": rule.severity.word},
        "properties": {"needs": rule.needs.letters, "fix": rule.fix or "none"},
    }


def _result(report: Report, finding: Finding, index: int, by: Suppressed | None) -> dict[str, Any]:
    hint = f"\nTry: {finding.hint}" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity.word,
        "message": {"text": finding.message + hint},
        "locations": [_location(report, finding)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            "precision": PRECISION[finding.confidence],
            "measured": dict(finding.measured),
            "fix": finding.fix,
        },
    }
    if by is not None:
        result["suppressions"] = [{"kind": "external", "justification": f"{by.by}: {by.reason}"}]
    return result


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    """The file and line where known, else the SAE's folder, else the target; and the SAE with the pointer as a logical place."""
    path = report.file(finding.path or finding.sae_id or ".")
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(path)}}
    if finding.line:
        physical["region"] = {"startLine": finding.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.sae_id:
        name = finding.sae_id + (f"#{finding.pointer}" if finding.pointer else "")
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "object"}]
    return location


def _uri(path: str) -> str:
    """A relative reference, or a file URI for an absolute path (of POSIX or Windows)."""
    quoted = quote(os.fsencode(path), safe="/")
    if path.startswith("/"):
        return f"file://{quoted}"
    return f"file:///{path[:2]}{quoted[4:]}" if path[1:3] == ":/" else quoted


def _notifications(report: Report) -> list[dict[str, Any]]:
    crashed = [
        {"level": "error", "message": {"text": f"the rule {crash.code} crashed:\n{crash.traceback}"}}
        for crash in report.crashes
    ]
    reasons = dict.fromkeys(skipped.reason for skipped in report.skipped)
    return crashed + [{"level": "warning", "message": {"text": f"not read: {reason}"}} for reason in reasons]
