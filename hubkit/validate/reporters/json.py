"""For programs: the report as one JSON object (`schemas/report.schema.json`)."""

from __future__ import annotations

import json

from hubkit.validate.report import Report


def render(report: Report) -> str:
    """Strict JSON, indented, in the order of the contract."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
