"""Completions that were sampled elsewhere: JSON lines, one object a completion, every judge's labels in a column of their own. Torch-free."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.small_files import regular_lines
from hubkit.texts import shortened

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1 << 30
LONGEST_LINE = 1 << 23
"""Bytes: a completion of a million tokens, with their ids."""
MOST_TOLD = 10
NAMES = {
    "completion_id": ("completion_id", "id"),
    "scenario_id": ("scenario_id", "scenario"),
    "text": ("text", "completion", "response"),
    "variant": ("variant",),
    "token_ids": ("token_ids",),
    "row": ("row",),
}
"""What hubkit calls a column, and the names by which it is known in a file."""
FORM = '{"completion_id": "a/0", "scenario_id": "a", "text": "...", "<judge>": "<label>"}'


@dataclass(frozen=True)
class ImportedRow:
    """One completion as the file has it."""

    line: int
    completion_id: str
    scenario_id: str
    variant: str
    text: str
    token_ids: tuple[int, ...] | None
    """None where the file has none: the text is then tokenised again."""
    row: int | None
    """Which row of the caches is its; None where it is in none."""
    said: dict[str, Any]
    """Every other column: what judges said of it, and whatever else there is."""

    @property
    def key(self) -> str:
        """That of its scenario (`Scenario.key`)."""
        return f"{self.scenario_id}/{self.variant}" if self.variant else self.scenario_id


def read_rows(path: Path) -> tuple[ImportedRow, ...]:
    """The completions of a file. Without ids they are called by scenario and number; without `row`, line n is row n of the caches.

    Raises UsageError that names every wrong line.
    """
    wrong: list[str] = []
    objects = list(_objects(path, wrong))
    columns = {name for _, entry in objects for name in entry}
    used = {own: next((name for name in names if name in columns), None) for own, names in NAMES.items()}
    if used["scenario_id"] is None and objects:
        raise UsageError(
            f"{path}: columns {', '.join(sorted(columns))}, expected scenario_id among them",
            hint=f"a line is {FORM}",
        )
    seen: Counter[str] = Counter()
    rows = [
        row
        for at, (line, entry) in enumerate(objects)
        if (row := _row(line, at, entry, used, seen, wrong)) is not None
    ]
    twice = [name for name, count in Counter(row.completion_id for row in rows).items() if count > 1]
    wrong += [f"completion {name!r} is there {'several times'}" for name in twice]
    if wrong or not rows:
        told = "\n".join(f"  {one}" for one in wrong[:MOST_TOLD])
        more = f"\n  and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise UsageError(
            f"{path}: not completions that can be taken:\n{told}{more}"
            if wrong
            else f"{path}: no completion in it",
            hint=f"a line is {FORM}",
        )
    return tuple(rows)


def refuse_strangers(path: Path, rows: Sequence[ImportedRow], known: Collection[str]) -> None:
    """Raise UsageError for completions of scenarios that the study does not have."""
    strangers = Counter(row.key for row in rows if row.key not in known)
    if strangers:
        told = ", ".join(
            f"{name!r} ({count} completions)" for name, count in list(strangers.items())[:MOST_TOLD]
        )
        raise UsageError(
            f"{path}: scenarios that the study does not have: {told}; it has {', '.join(sorted(known)[:MOST_TOLD])}",
            hint="write them under `scenarios` of the study file, with the prompts that the completions continue",
        )


def _objects(path: Path, wrong: list[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is one."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            wrong.append(f"line {number}: more than {LONGEST_LINE:,} bytes, expected one completion a line")
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            wrong.append(f"line {number}: not JSON: {shortened(str(error), 100)}")
            continue
        if isinstance(entry, dict):
            yield number, entry
        else:
            wrong.append(f"line {number}: {type(entry).__name__}, expected an object")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        for number, line in enumerate(regular_lines(path, MOST_BYTES, LONGEST_LINE)):
            yield line if number else line.removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file", hint="--import COMPLETIONS.jsonl") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _row(
    line: int,
    at: int,
    entry: dict[str, Any],
    used: dict[str, str | None],
    seen: Counter[str],
    wrong: list[str],
) -> ImportedRow | None:
    """The row, or None with the reason in `wrong`."""
    found = {own: entry.get(name) if name is not None else None for own, name in used.items()}
    scenario, text, tokens, row = found["scenario_id"], found["text"], found["token_ids"], found["row"]
    named = found["completion_id"]
    problems = [
        f"{used[own]} {shortened(repr(found[own]), 40)}, expected a text"
        for own in ("scenario_id", "text", "variant")
        if not isinstance(found[own], str) and not (found[own] is None and own != "scenario_id")
    ]
    if named is not None and not (isinstance(named, str | int) and str(named)):
        problems.append(f"{used['completion_id']} {shortened(repr(named), 40)}, expected a text")
    if tokens is not None and not (
        isinstance(tokens, list) and all(type(one) is int and one >= 0 for one in tokens)
    ):
        problems.append("token_ids, expected a list of numbers")
    if row is not None and not (type(row) is int and row >= 0):
        problems.append(f"row {shortened(repr(row), 40)}, expected a number from 0")
    if text is None and tokens is None and used["text"] is not None:
        problems.append(f"no {used['text']}")
    if problems:
        wrong.extend(f"line {line}: {problem}" for problem in problems)
        return None
    variant = found["variant"] or ""
    key = f"{scenario}/{variant}" if variant else str(scenario)
    number, seen[key] = seen[key], seen[key] + 1
    return ImportedRow(
        line,
        str(named) if named is not None else f"{key}/{number:04d}",
        str(scenario),
        variant,
        text or "",
        None if tokens is None else tuple(tokens),
        at if used["row"] is None else row,
        {name: value for name, value in entry.items() if name not in used.values()},
    )
