"""`card.yaml`: what only the author knows, beside the release's own facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubkit.errors import UsageError
from hubkit.release.writing import keep_or_write

if TYPE_CHECKING:
    from pathlib import Path

NAME = "card.yaml"


class CardSettings(BaseModel):
    """Every key may be left out but the repository's name, the licence and the base model."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    repo_id: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
    """OWNER/NAME: the loading code names it."""
    base_model: str
    """The base model's id on the Hub."""
    license: str
    """A licence id of the Hub: `mit`, `apache-2.0`, `gemma`, ..."""
    title: str | None = None
    summary: str | None = None
    """One sentence under the title."""
    study: str | None = None
    """The study this release is part of."""
    measures: str | None = None
    """What the labels tell apart, in one sentence."""
    does_not_measure: str | None = None
    recommended: list[str] = Field(default_factory=list)
    not_recommended: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    datasets: list[str] = Field(default_factory=list)
    citation: str | None = None
    """BibTeX."""
    example_text: str = "Your text here"
    """What the loading code feeds the model."""


def load_settings(path: Path) -> CardSettings:
    """Read `card.yaml`. Raises UsageError with every mistake named."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no card.yaml",
            hint=f"write one with repo_id, base_model and license into {path.parent}",
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    try:
        return CardSettings.model_validate(raw)
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg']}"
            for item in error.errors()
        )
        raise UsageError(
            f"{path}: {mistakes}", hint="repo_id, base_model and license are needed; see docs/cards.md"
        ) from error


def save_settings(settings: CardSettings, path: Path) -> None:
    """Write `card.yaml`."""
    keep_or_write(
        path,
        yaml.safe_dump(
            settings.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True, width=120
        ),
    )
