"""An author's card.yaml and what a card gives: the author's own keys stand, what they lack is added, and nothing is written over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hubkit.cards.settings import NAME, settings_text
from hubkit.errors import UsageError

ADDED = "# From README.md, by hubkit adopt"


def merged(own: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of both, the author's before ours. Raises UsageError where a text of the card would be lost beside one of the author's."""
    both = {key: value for key, value in own.items() if value is not None}
    for key, value in found.items():
        there = both.get(key)
        if there in (None, "", [], {}):
            both[key] = value
        elif isinstance(value, dict) and isinstance(there, dict):
            _check(key, {name: text for name, text in value.items() if there.get(name, text) != text})
            both[key] = {**value, **there}
        elif isinstance(value, list) and isinstance(there, list):
            both[key] = [*there, *(one for one in value if one not in there)]
    return both


def merged_text(text: str, found: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The text of a card.yaml with what it lacks behind it; as it is where it lacks nothing. Its comments stay."""
    changed = {key: value for key, value in found.items() if own.get(key) != value}
    for key in changed:
        text = _without(text, key)
    if not changed:
        return text
    return f"{text.rstrip()}\n\n{ADDED}\n{settings_text(changed)}"


def _without(text: str, key: str) -> str:
    """`text` without a top-level key and what is below it."""
    return re.sub(
        rf"^{re.escape(key)}[ \t]*:.*(?:\n(?:[ \t#].*|-.*|(?=\n)))*\n?", "", text, flags=re.MULTILINE
    )


def _check(key: str, differing: Mapping[str, Any]) -> None:
    if differing:
        name = next(iter(differing))
        raise UsageError(
            f"{NAME}: {key}.{name} is there already, and says something else than README.md does",
            hint=f"put what it should say into {key}.{name} and take the section out of README.md, or move {NAME} away",
        )
