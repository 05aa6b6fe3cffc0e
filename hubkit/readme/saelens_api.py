"""What SAELens has, release by release, as shipped data: nothing of it is imported. benchmarks/saelens_api.py writes the table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("saelens_api.json")
PIN = re.compile(r"\bsae[-_]lens\s*==\s*(\d+\.\d+(?:\.\d+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Release:
    """One release of SAELens."""

    version: str
    exports: frozenset[str]
    """Names that can be imported from `sae_lens`."""
    functions: dict[str, list[str]]
    classes: dict[str, dict[str, list[str] | None]]
    """SAE and its subclasses: methods with their parameters, None for attributes; of a subclass only what differs from SAE."""
    inherited: frozenset[str]
    """Members from torch and transformer_lens."""

    def member(self, owner: str, name: str) -> tuple[bool, list[str] | None]:
        """Whether class `owner` has a member, and its parameters where they are known."""
        for members in (self.classes[owner], self.classes["SAE"]):
            if name in members:
                return True, members[name]
        return name in self.inherited, None


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def versions() -> tuple[str, ...]:
    """The releases in the table, oldest first."""
    return tuple(sorted(_table()["versions"], key=_parts))


def release_for(text: str) -> Release | None:
    """The release that a card is for: the one it pins (`sae-lens==6.18.0`), else the newest.

    None for a pin that lies before the table, or in another major version than the release before it.
    """
    pins = {match.group(1) for match in PIN.finditer(text)}
    if len(pins) > 1:
        return None
    wanted = _parts(pins.pop()) if pins else _parts(versions()[-1])
    known = [version for version in versions() if _parts(version)[: len(wanted)] <= wanted]
    if not known or _parts(known[-1])[0] != wanted[0]:
        return None
    found = _table()["versions"][known[-1]]
    return Release(
        known[-1],
        frozenset(found["exports"]),
        found["functions"],
        found["classes"],
        frozenset(_table()["inherited"]),
    )


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
