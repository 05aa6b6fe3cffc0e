"""Files of the first forms (`:1`) in today's: the same values; a null of one number becomes one that says which number it is."""

from __future__ import annotations

import re
from typing import Any

TODAY = {
    f"urn:hubkit:{name}:1": f"urn:hubkit:{name}:2" for name in ("metrics", "evaluation", "provenance", "pool")
}
POINT = re.compile(r"95 ?% point")
OF_THE_MAXIMUM = "0.95"


def in_todays_form(raw: Any) -> Any:
    """The same with every `$schema` and `null` of today: {kind, value} is {kind, mean} or, where its kind says so, {kind, quantiles}."""
    if isinstance(raw, list):
        return [in_todays_form(part) for part in raw]
    if not isinstance(raw, dict):
        return raw
    return {key: _part(key, part) for key, part in raw.items()}


def _part(key: str, part: Any) -> Any:
    if key == "null":
        return _null(part)
    return TODAY.get(str(part), part) if key == "$schema" else in_todays_form(part)


def _null(raw: Any) -> Any:
    if not isinstance(raw, dict) or "value" not in raw:
        return raw
    rest = {key: part for key, part in raw.items() if key != "value"}
    if POINT.search(str(raw.get("kind"))):
        return rest | {"quantiles": {OF_THE_MAXIMUM: raw["value"]}}
    return rest | {"mean": raw["value"]}
