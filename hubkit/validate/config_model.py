"""The pydantic border of the configuration file; imported only when there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hubkit.validate.finding import Severity
from hubkit.validate.selection import ON_THE_COMMAND_LINE, Config, Ignore

Word = Literal["error", "warning", "note"]


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _reasoned(value: Any) -> Any:
    """A list of bare codes has no reasons: say so, rather than that a table was expected."""
    if isinstance(value, str) or (isinstance(value, list) and any(isinstance(one, str) for one in value)):
        raise ValueError("an ignore needs a reason")
    if isinstance(value, dict):
        return [{"code": code, "reason": reason} for code, reason in value.items()]
    return value


def _some(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("an ignore needs a reason, as text that is not empty")
    if value.strip() == ON_THE_COMMAND_LINE:
        raise ValueError(
            f"{ON_THE_COMMAND_LINE} is no reason: it is what a report says of an ignore that was typed"
        )
    return value.strip()


Code = Annotated[str, BeforeValidator(_upper)]
Reason = Annotated[str, BeforeValidator(_some)]


class Node(BaseModel):
    """Nothing but what is written here."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class IgnoreEntry(Node):
    """One accepted finding, or kind of finding."""

    code: Code
    reason: Reason = Field(default="", validate_default=True)
    path: str = ""
    """Glob; `*` also matches `/`."""
    sae_id: str = ""
    """Glob."""


class ConfigFile(Node):
    """`hubkit.toml`, or `[tool.hubkit]`."""

    select: list[Code] = []
    ignore: Annotated[list[IgnoreEntry], BeforeValidator(_reasoned)] = []
    per_path_ignore: dict[str, Annotated[list[IgnoreEntry], BeforeValidator(_reasoned)]] = {}
    """By glob of paths: codes with their reasons."""
    severity: dict[Code, Word] = {}
    fail_on: Word | None = None
    baseline: str | None = None
    """Relative to this file."""
    notes: bool = False

    def to_config(self, path: Path) -> Config:
        """As the run wants it."""
        ignores = [Ignore(one.code, one.reason, one.path, one.sae_id) for one in self.ignore]
        ignores += [
            Ignore(one.code, one.reason, glob, one.sae_id)
            for glob, several in self.per_path_ignore.items()
            for one in several
        ]
        return Config(
            path=path,
            select=tuple(self.select),
            ignore=tuple(ignores),
            severity={code: Severity[word.upper()] for code, word in self.severity.items()},
            fail_on=Severity[self.fail_on.upper()] if self.fail_on else None,
            baseline=path.parent / self.baseline if self.baseline else None,
            notes=self.notes,
        )
