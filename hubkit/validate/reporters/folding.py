"""The same finding on many SAEs, as one: for reporters that a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hubkit.validate.finding import Finding, Severity

NUMBER = re.compile(r"-?\d[\d.,]*(?:[eE][-+]?\d+)?")


def shown(findings: Iterable[Finding], *, notes: bool) -> list[Finding]:
    """Those that a person is shown: notes only when asked for. What could not be read always shows."""
    return [f for f in findings if notes or f.severity > Severity.NOTE or f.code.startswith("RUN")]


def folded(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings whose messages differ in nothing but numbers and their own names, together."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        own = finding.message
        for name in filter(None, (finding.path, finding.sae_id)):
            own = own.replace(name, "\0")
        groups.setdefault((NUMBER.sub("0", own), NUMBER.sub("0", finding.hint)), []).append(finding)
    return list(groups.values())


def message(same: Sequence[Finding]) -> str:
    """What such findings say."""
    differ = len({finding.message for finding in same}) > 1
    return f"{same[0].message}{' (the first of several; their numbers differ)' if differ else ''}"


def place(finding: Finding) -> str:
    """`layer_3/cfg.json:12`; of an SAE that the path does not begin with, its name before it."""
    path = finding.path or finding.sae_id or ""
    at = f"{path}:{finding.line}" if finding.line and path else path
    within = not finding.sae_id or path.startswith(finding.sae_id)
    return at if within else f"{finding.sae_id} ({at})"
