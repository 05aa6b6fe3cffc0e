"""For programs: the report as one JSON object (`schemas/report.schema.json`)."""

from __future__ import annotations

import json
import re
from typing import Any

from hubkit.validate.report import Report

SURROGATE = re.compile("[\ud800-\udfff]")


def render(report: Report, *, notes: bool = True) -> str:  # noqa: ARG001 - a program gets every note
    """Strict JSON, indented, in the order of the contract."""
    return dumped(report.to_json())


def dumped(value: Any) -> str:
    """Strict JSON in which a file name that is no text stays an escape, for UTF-8 cannot hold it."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
