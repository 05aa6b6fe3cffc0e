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
class Found:
    """What a rule yields; the run adds the code, the SAE and the fingerprint."""

    message: str
    hint: str = ""
    path: str | None = None
    pointer: str | None = None
    """JSON pointer in a configuration, or `/tensor` in weights."""
    line: int | None = None
    severity: Severity | None = None
    """Where it differs from the rule's own."""
    confidence: Confidence = "high"
    measured: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""
    """What tells two findings of one rule at one place apart; never a secret in clear."""
    fix: FixKind | None = None
    sae_id: str | None = None
    """Of a rule over the whole repository, where it speaks of one SAE; of an SAE's own rule the run knows it."""


@dataclass(frozen=True)
class Finding:
    """One entry of the report's `findings`."""

    code: str
    severity: Severity
    confidence: Confidence
    sae_id: str | None
    path: str | None
    pointer: str | None
    line: int | None
    message: str
    hint: str
    measured: Mapping[str, Any]
    fix: FixKind | None
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
    text = "\0".join([code, sae_id or "", found.pointer or found.path or "", found.identity])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
