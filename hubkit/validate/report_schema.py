"""`schemas/report.schema.json`: the pydantic border of the report, for those who read `--format json`.

What `Report.to_json` makes is flatter and says less than the objects of `report.py`, and `hubkit validate` does without pydantic, whose import alone
would be a fifth of its time: so the form is written down here, and tests hold reports against it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Word = Literal["error", "warning", "note"]


class Node(BaseModel):
    """Nothing but what is written here."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Tool(Node):
    name: Literal["hubkit"]
    version: str


class Thresholds(Node):
    """Counted, those at 0 apart."""

    n: int
    zero: int
    not_finite: int
    low: float
    high: float
    """Of those that are finite and not 0; both 0 where there are none."""
    logarithmic: bool
    """Whether the bins have one width in the logarithm."""
    counts: list[int]
    """In bins of one width from low to high; a single one where all are equal."""
    init: float | None
    """The value they began with, where that is known."""


class Firing(Node):
    """Latents by how often they fire, as evaluation.json has it."""

    split: str
    n: int
    """Rows."""
    latents: int
    dead: int
    dense: int
    edges: list[float]
    """log10 of the share of the rows, one more than counts."""
    counts: list[int]


class Seen(Node):
    measure: str
    value: float
    split: str | None
    n: int | None
    source: str
    """Path of the file that states it."""


class Evidence(Node):
    """What was seen of an SAE on the way."""

    thresholds: Thresholds | None
    firing: Firing | None
    values: list[Seen]


class Sae(Node):
    sae_id: str
    format: str
    architecture: str | None
    d_in: int | None
    d_sae: int | None
    layer: int | None = None
    k: int | None = None
    evidence: Evidence | None = None
    """Null where nothing was seen."""


class Finding(Node):
    code: str
    severity: Word
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
    sae_id: str | None
    """Null where the rule looks at the whole repository."""


class Ignored(Node):
    code: str
    """A code or a prefix."""
    reason: str
    path: str
    """Glob of the paths it holds for; empty for all."""
    sae_id: str
    """Glob of the SAEs it holds for; empty for all."""
    suppressed: int | None
    """Findings set aside; null when the rule was not asked, because counting would have cost further reads."""


class Suppressed(Node):
    by: Literal["ignore", "baseline"]
    reason: str
    finding: Finding


class Known(Node):
    fingerprint: str
    code: str
    sae_id: str | None
    message: str


class Baseline(Node):
    path: str
    suppressed: int
    stale: list[Known]
    """Lines whose finding is no longer there."""


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


class Unheld(Node):
    line: int
    quote: str


class Coverage(Node):
    """What a card says, against the files: neither an agreement nor a finding is what was held against nothing."""

    path: str
    statements: int
    """Sentences, rows, items, comments and images with a number, or a word that states a fact of an SAE."""
    agree: int
    """Those whose every number or fact is what the files say, or was written from the files."""
    contradicted: int
    """Those on whose lines something was found."""
    not_held: int
    """The rest."""
    not_held_first: list[Unheld]
    """As many of them as are listed, in the order of the lines."""


class Report(Node):
    """The report of `hubkit validate --format json`. Keys are only ever added within schema_version 1."""

    schema_version: Literal["1"]
    tool: Tool
    target: str
    revision: str | None
    """The commit that was read; null for a folder."""
    config: str | None
    """The configuration file that took part."""
    saes: list[Sae]
    findings: list[Finding]
    skipped: list[Unasked]
    ignored: list[Ignored]
    suppressed: list[Suppressed]
    baseline: Baseline | None
    severities: dict[str, Word]
    """Severities that the configuration changed, by code or prefix."""
    crashes: list[Crash]
    summary: Summary
    io: Cost
    remarks: list[str]
    """What was looked at and what was not, where the findings cannot show it."""
    coverage: list[Coverage]
    """For each card; a card without SAEs has none."""
    complete: bool
    """False when something could not be read or a rule crashed: then nothing found does not mean clean."""
