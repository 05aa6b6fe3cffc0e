"""Verdicts out of what a language model wrote: taken where they are certain, never guessed. Torch-free.

A verdict is an object with an id that was asked for and a label that there is. Where it stands does not matter: in a list, in a fence,
line by line, after prose, before a cut. An id that nobody could know but whoever read the question keeps a completion from answering for the judge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hubkit.texts import printable, shortened

UNDECIDED = "ambiguous"
"""What the judge says of a completion that cannot be told."""
LONGEST_REASON = 300
NOT_A_LABEL = object()


@dataclass(frozen=True)
class Said:
    """One verdict as it was written."""

    label: str | None
    reason: str
    quote: str


def verdicts_in(text: str, ids: Sequence[str], labels: frozenset[str]) -> dict[str, Said]:
    """The verdicts on `ids` that `text` holds. An id with two different labels has none."""
    found: dict[str, Said] = {}
    torn: set[str] = set()
    for entry in _entries(text):
        named = str(entry["id"]).strip().casefold()
        said = _said(entry, labels)
        if named not in ids or said is None:
            continue
        if named in found and found[named].label != said.label:
            torn.add(named)
        found.setdefault(named, said)
    return {named: said for named, said in found.items() if named not in torn}


def verdict_alone(text: str, labels: frozenset[str]) -> Said | None:
    """The verdict in an answer about one completion that names no id: an object and nothing else, or a label and nothing else."""
    bare = _unfenced(text).strip()
    label = _label(bare.strip(" .'\"`*"), labels)
    if label is not NOT_A_LABEL:
        return Said(_text_or_none(label), "", "")
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("verdicts"), list) and len(value["verdicts"]) == 1:
        value = value["verdicts"][0]
    return _said(value, labels) if isinstance(value, dict) and "id" not in value else None


def _entries(text: str) -> Iterator[dict[str, Any]]:
    """Every object with an id in the JSON that `text` holds: an outer object that is cut does not hide the whole ones in it."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield from _objects(value)
        at = text.find("{", end)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Objects with an id in a value, and `{"<id>": "<label>"}` as such objects; not below them: a quoted text stays a text."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict) and isinstance(one.get("id"), str | int):
            yield one
        elif isinstance(one, dict):
            for key, inner in one.items():
                if isinstance(inner, str):
                    yield {"id": key, "label": inner}
                elif isinstance(inner, dict) and "label" in inner and "id" not in inner:
                    yield {"id": key, **inner}
                else:
                    waiting.append(inner)


def _said(entry: dict[str, Any], labels: frozenset[str]) -> Said | None:
    label = _label(entry.get("label", NOT_A_LABEL), labels)
    if label is NOT_A_LABEL:
        return None
    reason, quote = entry.get("reason"), entry.get("quote")
    return Said(
        _text_or_none(label),
        shortened(printable(reason), LONGEST_REASON) if isinstance(reason, str) else "",
        quote if isinstance(quote, str) else "",
    )


def _label(value: object, labels: frozenset[str]) -> object:
    """The study's own spelling of a label, None for undecided, NOT_A_LABEL for anything else."""
    if value is None:
        return None
    if not isinstance(value, str):
        return NOT_A_LABEL
    said = value.strip().casefold()
    if said in {UNDECIDED, "undecided", "unclear", "none", "null"} and said not in {
        one.casefold() for one in labels
    }:
        return None
    return next((label for label in labels if label.casefold() == said), NOT_A_LABEL)


def _text_or_none(label: object) -> str | None:
    return label if isinstance(label, str) else None


def _unfenced(text: str) -> str:
    lines = text.strip().split("\n")
    if len(lines) >= 3 and lines[0].startswith("```") and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1])
    return text
