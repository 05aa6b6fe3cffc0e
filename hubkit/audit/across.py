"""The cards of one owner's repositories, or of one folder's, against each other: from the run's rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.audit.ranking import ROWS
from hubkit.validate.statements import Placed, Statement, contradictions

if TYPE_CHECKING:
    from hubkit.audit.store import Store

STATED = f"""
SELECT min(shown), kind, reading.name, statements {ROWS} AND statements != ''
GROUP BY reading.name, reading.sha ORDER BY reading.name, reading.sha
"""


@dataclass(frozen=True)
class Disagreement:
    """Two cards that cannot both be right; which of them is wrong, their own findings may say."""

    subject: str
    target: str
    said: Statement
    other: str
    first: Statement

    def to_json(self) -> dict[str, Any]:
        """One entry of a row's `contradictions`."""
        return {
            "code": "CARD015", "subject": self.subject, "says": self.said.words, "line": self.said.line, "quote": self.said.quote,
            "other": self.other, "other_says": self.first.words, "other_line": self.first.line,
        }  # fmt: skip


def disagreements(store: Store) -> Iterator[Disagreement]:
    """Those of the run, owner by owner; only one owner's statements are in memory."""
    rows = store.stream(STATED, store.run)
    for _, group in groupby(rows, key=lambda row: _owner(row[1], row[2])):
        for (target, said), (other, first) in contradictions(_placed(group)):
            yield Disagreement(said.subject, target, said, other, first)


def _owner(kind: str, name: str) -> str:
    return name.partition("/")[0] if kind == "hub" else str(Path(name).parent)


def _placed(rows: Iterator[Any]) -> Iterator[Placed]:
    """The statements of one commit of each repository."""
    for _, commits in groupby(rows, key=lambda row: row[2]):
        shown, _, _, text = next(iter(commits))
        for values in json.loads(text):
            yield shown, Statement(*values)
