"""The generated JSON Schemas as they ship: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from hubkit.errors import UsageError

PACKAGE = Path(__file__).resolve().parents[1]
NAMES = (
    "cfg",
    "study",
    "report",
    "metrics",
    "evaluation",
    "evidence",
    "provenance",
    "pool",
    "pool-extras",
    "pool-report",
    "specs",
    "agreement",
    "card",
)


@cache
def shipped_schema(name: str) -> dict[str, Any]:
    """The schema called `name`. Raises UsageError for a name that there is not."""
    if name not in NAMES:
        raise UsageError(
            f"{name!r} is no schema of hubkit, expected one of {', '.join(NAMES)}", hint="hubkit schema cfg"
        )
    for folder in (PACKAGE / "_schemas", PACKAGE.parent / "schemas"):
        path = folder / f"{name}.schema.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
    raise UsageError(f"{name}.schema.json is not part of this installation", hint="reinstall hubkit")
