"""Labels that came with imported completions, as a judge: whoever gave them, they are read from a column of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr

from hubkit.collect.imports.rows import MOST_TOLD, read_rows
from hubkit.collect.judges.answers import UNDECIDED
from hubkit.collect.judges.judgement import Judge, Judgement, Reply
from hubkit.errors import UsageError
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import IMPORTED
from hubkit.texts import shortened

FILE = "completions.jsonl"


class ColumnJudge(Judge):
    """Reads each completion's label from a column of the imported file. Nothing there, or `ambiguous`, is undecided."""

    kind: Literal["column"] = "column"
    """This judge."""
    column: str = Field(min_length=1)
    """Its name in the imported file."""
    label_names: tuple[str, ...] = Field(min_length=2)
    """The study's two labels."""
    means: dict[str, str] = Field(default_factory=dict)
    """What the column says -> which label that is, where the file has other words: `{lie: deceptive, "0": honest}`."""
    who: str = ""
    """Who gave the labels, in the words of a card: `Gemini 2.5 Flash`."""
    reasons: str | None = None
    """The column with this judge's reasons."""
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """The column."""
        return self.column

    @property
    def description(self) -> str:
        """Who gave the labels."""
        return self.who or f"`{self.column}`, as imported"

    @property
    def labels(self) -> frozenset[str]:
        """As its settings say."""
        return frozenset(self.label_names)

    @property
    def remembers(self) -> bool:
        """No: the file is there to be read."""
        return False

    @property
    def _file(self) -> Path:
        return (self._folder or Path()) / IMPORTED / FILE

    def in_folder(self, folder: Path) -> Self:
        """The same judge with its file below `folder`."""
        found = self.model_copy()
        found._folder = folder  # noqa: SLF001 - its own kind's
        return found

    @property
    def state_sha256(self) -> str | None:
        """Digest of the file."""
        return sha256_of_file(self._file) if self._file.is_file() else None

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """What the column says. Raises UsageError where there is no such file or column, or a word that is no label."""
        if not self._file.is_file():
            raise UsageError(
                f"judge `{self.name}` reads imported completions, and there are none",
                hint="hubkit collect STUDY.yaml --import COMPLETIONS.jsonl",
            )
        rows = {row.completion_id: row for row in read_rows(self._file)}
        columns = sorted({name for row in rows.values() for name in row.said})
        if self.column not in columns:
            raise UsageError(
                f"{self._file}: no column {self.column!r}, expected one of {', '.join(columns) or 'none'}",
                hint="name the judge's column as the file does",
            )
        wrong = [
            f"line {row.line}: {shortened(repr(row.said[self.column]), 40)}"
            for row in rows.values()
            if self._label(row.said.get(self.column)) is False
        ]
        if wrong:
            raise UsageError(
                f"{self._file}: column {self.column!r} has {len(wrong)} words that are no label:\n  "
                + "\n  ".join(wrong[:MOST_TOLD]),
                hint=f"expected {', '.join(self.label_names)}, {UNDECIDED} or nothing; say under `means` what other words stand for",
            )
        return [self._judgement(rows[one.completion_id].said) for one in replies]

    def _judgement(self, said: dict[str, object]) -> Judgement:
        label = self._label(said.get(self.column))
        reason = said.get(self.reasons) if self.reasons else None
        told = reason if isinstance(reason, str) else ""
        return Judgement(label or None, told, None, label or None)

    def _label(self, value: object) -> str | Literal[False] | None:
        """The label that a value stands for, None for undecided, False for neither."""
        text = "" if value is None else str(value).strip()
        said = self.means.get(text, text).casefold()
        if said in {"", UNDECIDED}:
            return None
        return next((label for label in self.label_names if label.casefold() == said), False)
