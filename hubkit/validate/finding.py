"""What a finding is: what is wrong, where, how sure, the evidence, and what helps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal


class Severity(IntEnum):
    """Ordered, so that `--fail-on` can compare."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """`error`, `warning`, `note`."""
        return self.name.lower()


Confidence = Literal["high", "medium", "low"]
FixKind = Literal["safe", "unsafe"]


FOLDER = "FOLDER"
"""In the command of a hint: the target, which the run knows and a rule does not."""


def mend(code: str, *, unsafe: bool = False) -> str:
    """The command that makes a finding of `code` go away."""
    return f"hubkit fix {FOLDER} --select {code}{' --unsafe-fixes' if unsafe else ''}"


@dataclass(frozen=True)
class _Told:
    """What a rule says, and what the report repeats of it."""

    message: str
    hint: str = ""
    path: str | None = None
    pointer: str | None = None
    """JSON pointer in a configuration, or `/tensor` in weights."""
    line: int | None = None
    confidence: Confidence = "high"
    measured: Mapping[str, Any] = field(default_factory=dict)
    fix: FixKind | None = None
    sae_id: str | None = None
    """Of a rule over the whole repository, where it speaks of one SAE; of an SAE's own rule the run knows it."""
    title: str = ""
    """What was found, in a sentence of a card, where the rule's own title says more or other things than that."""


@dataclass(frozen=True)
class Found(_Told):
    """What a rule yields; the run adds the code, the SAE and the fingerprint."""

    severity: Severity | None = None
    """Where it differs from the rule's own."""
    identity: str = ""
    """What tells two findings of one rule at one place apart; never a secret in clear."""

    def finding(self, code: str, severity: Severity, sae_id: str | None, *, fixable: bool) -> Finding:
        """As the report lists it. A fix that the rule does not have is not promised."""
        told: dict[str, Any] = {key: value for key, value in vars(self).items() if key != "identity"}
        sae_id = sae_id or self.sae_id
        told |= {
            "sae_id": sae_id,
            "severity": self.severity or severity,
            "fix": self.fix if fixable else None,
        }
        return Finding(**told, code=code, fingerprint=fingerprint(code, sae_id, self))


@dataclass(frozen=True, kw_only=True)
class Finding(_Told):
    """One entry of the report's `findings`."""

    code: str
    severity: Severity
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """As the report's schema has it."""
        return {
            "code": self.code,
            "severity": self.severity.word,
            "confidence": self.confidence,
            "sae_id": self.sae_id,
            "path": self.path,
            "pointer": self.pointer,
            "line": self.line,
            "message": self.message,
            "hint": self.hint,
            "measured": dict(self.measured),
            "fix": self.fix,
            "fingerprint": self.fingerprint,
        }


def natural(name: str) -> tuple[str | int, ...]:
    """A key that sorts layer 2 before layer 11."""
    parts = re.split(r"([0-9]{1,18})", name)
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))


def fingerprint(code: str, sae_id: str | None, found: Found) -> str:
    """Stable under edits elsewhere in the file: code, SAE, pointer and identity; no line numbers, no measured values."""
    # Joined by NUL: every other separator stands in somebody's names, and two findings would run together.
    text = "\0".join([code, sae_id or "", found.pointer or found.path or "", found.identity])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
