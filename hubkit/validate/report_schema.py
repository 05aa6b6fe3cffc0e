"""`schemas/report.schema.json`: the pydantic border of the report, for those who read `--format json`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Node(BaseModel):
    """Nothing but what is written here."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Tool(Node):
    name: Literal["hubkit"]
    version: str


class Sae(Node):
    sae_id: str
    format: str
    architecture: str | None
    d_in: int | None
    d_sae: int | None


class Finding(Node):
    code: str
    severity: Literal["error", "warning", "note"]
    confidence: Literal["high", "medium", "low"]
    sae_id: str | None
    path: str | None
    pointer: str | None
    line: int | None
    message: str
    hint: str
    measured: dict[str, Any]
    fix: Literal["safe", "unsafe"] | None
    fingerprint: str
    """Stable under edits elsewhere: what a baseline keeps."""


class Unasked(Node):
    code: str
    reason: str


class Crash(Node):
    code: str
    traceback: str


class Summary(Node):
    error: int
    warning: int
    note: int
    saes: int


class Cost(Node):
    requests: int
    bytes: int
    total_bytes: int
    """Size of the whole target."""
    seconds: float


class Report(Node):
    """The report of `hubkit validate --format json`. Keys are only ever added within schema_version 1."""

    schema_version: Literal["1"]
    tool: Tool
    target: str
    revision: str | None
    """The commit that was read; null for a folder."""
    saes: list[Sae]
    findings: list[Finding]
    skipped: list[Unasked]
    ignored: list[Unasked]
    crashes: list[Crash]
    summary: Summary
    io: Cost
    complete: bool
    """False when something could not be read or a rule crashed: then nothing found does not mean clean."""
