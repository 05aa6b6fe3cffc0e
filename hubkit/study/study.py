"""The study file: what to collect, which SAEs to train, what the card says. pydantic, unknown keys refused, torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hubkit import plain_yaml
from hubkit.cards.settings import CardSettings
from hubkit.collect.plan import CollectPlan
from hubkit.collect.situations import BUILTIN
from hubkit.errors import UsageError
from hubkit.experiments.plan import judge_problem
from hubkit.models.base_width import base_shape, base_width
from hubkit.release.pool import MIXED, ONLY
from hubkit.release.writing import write_text
from hubkit.small_files import read_regular_text
from hubkit.study.experiments import Experiments
from hubkit.study.mistakes import licence_problem, mistakes, model_problem
from hubkit.study.publication import Publication
from hubkit.train.grid import AnyGrid, expand_all, grids_of
from hubkit.train.spec import SaeSpec

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
ANY_WIDTH = 1 << 20
"""Stands for a width that is not known yet: so large that no k is too large for it."""


class Study(BaseModel):
    """One release: one base model, one pool, one grid."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(pattern=NAME_PATTERN)
    """Also the name of the release's folder."""
    collect: CollectPlan
    """The pool: model, prompts, labels, layers."""
    grid: AnyGrid
    """Settings for each architecture, or one spec with axes and overrides; or a list of such grids."""
    card: CardSettings
    """What only the author knows."""
    experiments: Experiments = Experiments()
    """What is asked beside the measures."""
    publish: Publication | None = None
    """The index repository and the collection; the repository's own name is the card's."""

    @model_validator(mode="after")
    def _can_be_published(self) -> Self:
        """What the Hub, or the base model itself, would refuse hours later."""
        problem = licence_problem(self.card.license) or model_problem(self.card.base_model)
        if problem is not None:
            raise ValueError(problem)
        shape = base_shape(self.collect.model, self.collect.model_name, self.card.base_model)
        deepest = max(self.collect.layers)
        if shape is not None and deepest >= shape.n_layers:
            raise ValueError(
                f"collect.layers: {deepest}, {self.card.base_model} has {shape.n_layers} blocks, 0 to {shape.n_layers - 1}"
            )
        return self

    @model_validator(mode="after")
    def _grid_means_something(self) -> Self:
        """What can be said before the pool is there; a k above an expansion of a width that is not known is found by `specs`."""
        try:
            grids = grids_of(self.grid, self.collect.layers)
            specs = expand_all(grids, self._known_width() or ANY_WIDTH)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            what = f"{where} {first['input']!r}: " if where else ""
            raise ValueError(f"grid: {what}{first['msg'].removeprefix('Value error, ')}") from error
        except UsageError as error:
            raise ValueError(f"grid: {error.message}") from error
        named = {name for grid in grids for name in grid.axes.get("condition", ())}
        conditions = {*named, *(spec.condition for spec in specs)}
        _refuse("conditions", conditions, {MIXED, *(label + ONLY for label in self.collect.labels)})
        _refuse("layers", {spec.layer for spec in specs}, set(self.collect.layers))
        return self

    @model_validator(mode="after")
    def _experiments_fit(self) -> Self:
        """What would be refused once everything is trained."""
        steering = self.experiments.steering
        if steering is None:
            return self
        if self._known_width() is not None:
            known = {spec.sae_id for spec in self.specs()}
            unknown = sorted(set(steering.saes) - known)
            if unknown:
                raise ValueError(
                    f"experiments.steering.saes: {_listed(unknown)}, expected some of {_listed(sorted(known))}"
                )
        problem = judge_problem(steering.judge or self.collect.judge)
        if problem is not None:
            raise ValueError(f"experiments.steering: {problem}")
        return self

    def specs(self, d_in: int | None = None) -> list[SaeSpec]:
        """The SAEs of the grid; `d_in` is the width of the pool's activations.

        Without it an expansion is one of the base model's hidden size. Raises UsageError where that is not known, or does not fit the grid.
        """
        width, grids = d_in or self._known_width(), grids_of(self.grid, self.collect.layers)
        if width is None and any(grid.has_expansion for grid in grids):
            raise UsageError(
                f"{self.name}: the grid has an expansion, and how wide {self.card.base_model} is, is not known here",
                hint="hubkit collect STUDY.yaml, or give d_sae in place of expansion",
            )
        try:
            return expand_all(grids, width)
        except ValidationError as error:
            raise UsageError(f"{self.name}: the grid: {error.errors()[0]['msg']}") from error

    def _known_width(self) -> int | None:
        return base_width(self.collect.model, self.collect.model_name, self.card.base_model)


def _refuse(what: str, found: set[Any], known: set[Any]) -> None:
    """Raise ValueError for what the grid names and `collect` does not give."""
    unknown = sorted(found - known)
    if unknown:
        raise ValueError(f"grid.{what}: {_listed(unknown)}, expected some of {_listed(sorted(known))}")


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def load_study(path: Path) -> Study:
    """Read a study file of one release. Raises UsageError that names every mistake by its place; `several.load_study_file` reads both forms."""
    raw = read_yaml(path)
    if isinstance(raw, dict) and "releases" in raw:
        raise UsageError(
            f"{path}: a study of several releases, expected one",
            hint="hubkit run and hubkit push take it whole; a single stage needs a study file for each",
        )
    try:
        return beside(Study.model_validate_json(as_json(with_scenarios(raw, path.parent))), path.parent)
    except ValidationError as error:
        raise mistakes(path, error) from error


def read_yaml(path: Path) -> Any:
    """The file as YAML has it. Raises UsageError when it is not there or no YAML."""
    if path.is_dir():
        raise UsageError(f"{path}: a folder, expected a study file", hint="hubkit demo writes one")
    try:
        return plain_yaml.load(read_regular_text(path))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no such study file", hint="hubkit demo writes one to start from"
        ) from error
    except plain_yaml.YamlFault as error:
        raise UsageError(
            f"{path}: not a YAML file that can be read: line {error.line}: {error.message}"
        ) from error
    except (UnicodeDecodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: not a YAML file that can be read: {why}") from error


def beside(study: Study, folder: Path) -> Study:
    """What is named relative to the study file (a model folder or GGUF file, another pool), found wherever the command is typed."""
    plan, found = study.collect, {}
    model = folder / plan.model
    if (model.is_dir() or model.is_file()) and not Path(plan.model).is_absolute():
        found["model"] = str(model)
    if plan.completions_from is not None:
        found["completions_from"] = str(folder / plan.completions_from)
    return study.model_copy(update={"collect": plan.model_copy(update=found)}) if found else study


def with_scenarios(raw: Any, folder: Path) -> Any:
    """The same with a file of scenarios, named relative to the study file, as it is found wherever the command is typed."""
    collect = raw.get("collect") if isinstance(raw, dict) else None
    if not isinstance(collect, dict):
        return raw
    named = collect.get("scenarios")
    if not isinstance(named, str) or named.startswith(BUILTIN):
        return raw
    return {**raw, "collect": {**collect, "scenarios": str(folder / named)}}


def as_json(raw: Any) -> str:
    """YAML's lists are the models' tuples; JSON is the form in which pydantic takes one for the other, strictly."""
    import json

    try:
        return json.dumps(raw, default=str)
    except TypeError as error:  # a key that is a date, a list: no key of any of the models
        raise UsageError(f"a key that is no text: {error}", hint="hubkit schema study") from error


def save_study(study: Study, path: Path) -> None:
    """Write a study file that `load_study` reads back as the same study."""
    data = study.model_dump(mode="json", exclude_defaults=True)
    grid = study.grid
    data["grid"] = [one.written() for one in grid] if isinstance(grid, tuple) else grid.written()
    # whole: the kind of a judge is a default of its model, and what tells it from the others
    data["collect"]["judge"] = study.collect.judge.model_dump(mode="json")
    if study.collect.second_judges:
        data["collect"]["second_judges"] = [
            one.model_dump(mode="json") for one in study.collect.second_judges
        ]
    steering = study.experiments.steering
    if steering is not None and steering.judge is not None:
        data["experiments"]["steering"]["judge"] = steering.judge.model_dump(mode="json")
    write_text(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))
