"""What the card's own code reads from a cfg.json, and what a fix moves away from there: the owner's code would end in a KeyError."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hubkit.fix.content import Content
from hubkit.readme.cfg_reads import CfgRead, cfg_reads, where_now
from hubkit.readme.document import read_readme
from hubkit.readme.page import shortened
from hubkit.release.layout import CFG, README
from hubkit.repo.view import RepoView


@dataclass(frozen=True)
class Moved:
    """A key that a fix takes away from the top level of a configuration."""

    path: str
    key: str
    code: str
    """Of the fix."""


@dataclass(frozen=True)
class BrokenRead:
    """A line of the card that reads such keys; the line is that of the card with its own fixes."""

    line: int
    reads: str
    write: str | None
    """What reads it from where it will be; None where it is nowhere any more."""
    codes: tuple[str, ...]

    @property
    def words(self) -> str:
        """For a person."""
        to = f"moves: change it to {self.write}" if self.write else "goes away: take it out"
        return f"{README} line {self.line} reads {self.reads}, which {to}"

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "path": README, "line": self.line, "reads": self.reads, "write": self.write, "codes": list(self.codes), "message": self.words,
        }  # fmt: skip


def moved_keys(view: RepoView, files: Mapping[str, Content], code: str) -> list[Moved]:
    """What the change `files` takes away from the top level of configurations that are there."""
    found = []
    for path, content in files.items():
        if PurePosixPath(path).name == CFG and view.entry(path) is not None:
            gone = _object(view.read(path)).keys() - _object(content.read(0, content.size)).keys()
            found += [Moved(path, key, code) for key in sorted(gone)]
    return found


def broken_reads(after: RepoView, moved: Iterable[Moved]) -> list[BrokenRead]:
    """The lines of the card whose code reads what has moved, each with what to write there; `after` is the folder as it will be."""
    by_key: dict[str, list[Moved]] = {}
    for one in moved:
        by_key.setdefault(one.key, []).append(one)
    if not by_key or after.entry(README) is None:
        return []
    found: dict[tuple[int, str], BrokenRead] = {}
    for read in cfg_reads(read_readme(after.read(README)).code_blocks):
        of = [one for one in by_key.get(read.key, ()) if read.may_read(one.path, after.repository)]
        if of:
            found.setdefault((read.line, read.key), _broken(after, read, of))
    return list(found.values())


def _broken(after: RepoView, read: CfgRead, moved: list[Moved]) -> BrokenRead:
    places = {where_now(_object(after.read(one.path)), read.key) for one in moved}
    place = places.pop() if len(places) == 1 else None
    codes = tuple(sorted({one.code for one in moved}))
    return BrokenRead(
        read.line, shortened(read.written([read.key])), read.written(place) if place else None, codes
    )


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}
