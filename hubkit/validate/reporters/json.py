"""For programs: the report as one JSON object (`schemas/report.schema.json`)."""

from __future__ import annotations

from typing import Any

from hubkit.texts import json_text
from hubkit.validate.report import Report


def render(report: Report, *, notes: bool = True) -> str:  # noqa: ARG001 - a program gets every note
    """Strict JSON, indented, in the order of the contract."""
    return dumped(report.to_json())


def dumped(value: Any) -> str:
    """Strict JSON; what cannot be seen, and a file name that is no text, stays an escape."""
    return json_text(value, indent=2) + "\n"
