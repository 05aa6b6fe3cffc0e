"""A person as judge: a table to fill in, blind and shuffled, and what was filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr

from hubkit.collect.judges.answers import UNDECIDED
from hubkit.collect.judges.judgement import Judge, Judgement, Reply
from hubkit.collect.judges.sheet import Filled, SheetRow, read_sheet, write_sheet
from hubkit.errors import UsageError

NOT_FILLED_IN = "not filled in"


class HumanJudge(Judge):
    """Writes `labels-<who>.csv` into the work folder for a person to fill in, and reads it back whenever it is asked.

    The rows are shuffled and hold no label of anybody else. A row without a label is undecided, and counted as such.
    """

    kind: Literal["human"] = "human"
    """This judge."""
    label_names: tuple[str, ...] = Field(min_length=2)
    """The study's two labels."""
    who: str = Field(default="human", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """Whose labels they are; two people have a file each."""
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """`human`, or the name in `who`."""
        return self.who

    @property
    def description(self) -> str:
        """`a person, blind to other labels`."""
        return (
            f"a person ({self.who}), blind to other labels"
            if self.who != "human"
            else "a person, blind to other labels"
        )

    @property
    def labels(self) -> frozenset[str]:
        """As its settings say."""
        return frozenset(self.label_names)

    @property
    def remembers(self) -> bool:
        """No: the file is still being filled in."""
        return False

    def in_folder(self, folder: Path) -> Self:
        """The same judge with its file below `folder`."""
        found = self.model_copy()
        found._folder = folder  # noqa: SLF001 - its own kind's
        return found

    @property
    def file(self) -> Path:
        """The table to fill in."""
        return (self._folder or Path()) / f"labels-{self.who}.csv"

    @property
    def state_sha256(self) -> str | None:
        """Digest of what is filled in; None where nothing is, or where it cannot be read (which `judge` says)."""
        try:
            filled = read_sheet(self.file, self.labels)
        except (FileNotFoundError, UsageError):
            return None
        said = "\n".join(f"{key}\t{one.label}" for key, one in sorted(filled.items()) if one.filled)
        return hashlib.sha256(said.encode()).hexdigest() if said else None

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each, by the file; writes it where it is not there. Raises UsageError for a label or a row that does not belong there."""
        if not self.file.exists():
            rows = [SheetRow(one.completion_id, _shown(one), one.text) for one in replies]
            write_sheet(self.file, sorted(rows, key=lambda row: _order(self.who, row.completion_id)))
        filled = read_sheet(self.file, self.labels)
        strangers = sorted(filled.keys() - {one.completion_id for one in replies})
        if strangers:
            raise UsageError(
                f"{self.file}: {len(strangers)} rows of completions that are not those of this study, the first {strangers[0]!r}",
                hint="if it is of an earlier sampling, move it away: hubkit collect writes a new one",
            )
        return [_verdict(filled.get(one.completion_id)) for one in replies]


def _shown(reply: Reply) -> str:
    """The situation as a person reads it: a conversation with its speakers, and what the labels mean where the study says it."""
    parts = reply.situation
    if len(parts) > 2 or parts[0][0] != "prompt":
        text = "\n\n".join(f"{who}: {said}" for who, said in parts)
    else:
        text = "".join(said for _, said in parts)
    meanings = "\n".join(f"{label}: {meaning}" for label, meaning in reply.scenario.labels.items())
    return f"{text}\n\n({meanings})" if meanings else text


def _verdict(filled: Filled | None) -> Judgement:
    if filled is None or not filled.filled:
        return Judgement(None, NOT_FILLED_IN, lost="not filled in")
    if filled.label is None:
        return Judgement(None, filled.notes or UNDECIDED)
    return Judgement(filled.label, filled.notes, None, filled.label)


def _order(who: str, completion_id: str) -> bytes:
    """An order that has nothing to do with that of sampling, another one for each person."""
    return hashlib.sha256(f"{who}\n{completion_id}".encode()).digest()
