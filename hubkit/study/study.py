"""The study file: what to collect, which SAEs to train, what the card says. pydantic, unknown keys refused, torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hubkit.cards.settings import CardSettings
from hubkit.collect.plan import CollectPlan
from hubkit.errors import UsageError
from hubkit.release.pool import MIXED, ONLY
from hubkit.release.writing import write_text
from hubkit.study.publication import Publication
from hubkit.train.spec import Architecture, SaeSpec, Settings, grid

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class GridPlan(BaseModel):
    """Layers (those collected) x architectures x conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """First part of every sae_id."""
    architectures: dict[Architecture, Settings]
    conditions: tuple[str, ...]
    """`mixed`: all labelled rows; `<label>_only`: those of one label."""


class Study(BaseModel):
    """One release: one base model, one pool, one grid."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(pattern=NAME_PATTERN)
    """Also the name of the release's folder."""
    collect: CollectPlan
    grid: GridPlan
    card: CardSettings
    publish: Publication | None = None
    """The index repository and the collection; the repository's own name is the card's."""

    @model_validator(mode="after")
    def _conditions_are_labels(self) -> Self:
        known = {MIXED, *(label + ONLY for label in self.collect.labels)}
        unknown = sorted(set(self.grid.conditions) - known)
        if unknown:
            raise ValueError(
                f"grid.conditions: {', '.join(unknown)}, expected some of {', '.join(sorted(known))}"
            )
        return self

    def specs(self) -> list[SaeSpec]:
        """The SAEs of the grid."""
        plan = self.grid
        return grid(
            self.collect.layers,
            list(plan.architectures),
            plan.conditions,
            prefix=plan.prefix,
            settings=plan.architectures,
        )


def load_study(path: Path) -> Study:
    """Read a study file of one release. Raises UsageError that names every mistake by its place; `several.load_study_file` reads both forms."""
    raw = read_yaml(path)
    if isinstance(raw, dict) and "releases" in raw:
        raise UsageError(
            f"{path}: a study of several releases, expected one",
            hint="hubkit run and hubkit push take it whole; a single stage needs a study file for each",
        )
    try:
        return beside(Study.model_validate_json(_json(raw)), path.parent)
    except ValidationError as error:
        raise mistakes(path, error) from error


def read_yaml(path: Path) -> Any:
    """The file as YAML has it. Raises UsageError when it is not there or no YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no such study file", hint="hubkit demo writes one to start from"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path}: not a YAML file that can be read: {error}") from error


def mistakes(path: Path, error: ValidationError) -> UsageError:
    """Every mistake by its place."""
    told = "\n".join(
        f"  {'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg']}"
        for item in error.errors()
    )
    return UsageError(f"{path}: not a study:\n{told}", hint="hubkit schema study")


def beside(study: Study, folder: Path) -> Study:
    """A model folder named relative to the study file, found wherever the command is typed."""
    model = folder / study.collect.model
    if not model.is_dir() or Path(study.collect.model).is_absolute():
        return study
    return study.model_copy(update={"collect": study.collect.model_copy(update={"model": str(model)})})


def _json(raw: Any) -> str:
    """YAML's lists are the models' tuples; JSON is the form in which pydantic takes one for the other, strictly."""
    import json

    return json.dumps(raw, default=str)


def save_study(study: Study, path: Path) -> None:
    """Write a study file that `load_study` reads back as the same study."""
    data = study.model_dump(mode="json", exclude_defaults=True)
    for name, settings in study.grid.architectures.items():
        data["grid"]["architectures"][name] = settings.model_dump(mode="json")
    data["collect"]["judge"] = study.collect.judge.model_dump(mode="json")
    write_text(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))
