"""Equal changes of many SAEs, shown once: their diffs differ in nothing but names and numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubkit.words import many, some

NUMBER = re.compile(r"-?\d[\d.,]*(?:[eE][-+]?\d+)?")
VALUE = re.compile(r'^\s*("(?:[^"\\]|\\.)*":).*')
"""A line of a configuration: its key."""


@dataclass(frozen=True)
class FileDiff:
    """What a fix changes in one file."""

    place: str
    """The sae_id, or the file at the root."""
    path: str
    text: str


def folded(diffs: Iterable[FileDiff]) -> str:
    """Each kind of change once, with the SAEs that it is made in."""
    kinds: dict[tuple[str, ...], list[FileDiff]] = {}
    for one in diffs:
        kinds.setdefault(_kind(one), []).append(one)
    return "".join(_shown(alike) for alike in kinds.values())


def _shown(alike: Sequence[FileDiff]) -> str:
    first, *others = alike
    if not others:
        return first.text
    names = some([one.place for one in others])
    differ = "" if len({_body(one) for one in alike}) == 1 else ", but for numbers and values that only move"
    return f"{first.text}= the same change in {many(len(others), 'more SAE')}{differ}: {names}\n\n"


def _body(one: FileDiff) -> tuple[str, ...]:
    return tuple(
        line for line in one.text.splitlines()[2:] if not line.startswith(("@@", " ")) or _is_tensor(one)
    )


def _is_tensor(one: FileDiff) -> bool:
    """Of weights every line is a change."""
    return one.path.endswith(".safetensors")


def _kind(one: FileDiff) -> tuple[str, ...]:
    """What a diff does, without what differs from SAE to SAE: numbers, its own name, and the values that only move to another place."""
    own = re.compile(rf"(?<!\w)(?:{re.escape(one.path)}|{re.escape(one.place)})(?!\w)")
    body = [own.sub("\0", line) for line in _body(one)]
    bare = [line[1:].strip().rstrip(",") for line in body]
    signs = Counter((line[:1], text) for line, text in zip(body, bare, strict=True))
    ending = one.path.rpartition("/")[2]
    said = []
    for line, text in zip(body, bare, strict=True):
        moves = signs["-", text] and signs["+", text]
        key = VALUE.match(text)
        said.append(f"{line[:1]} {key[1]}" if moves and key else NUMBER.sub("0", line))
    return (ending, *said)
