"""Scenarios as a file or a study file writes them: situations with their wordings and controls, and the sets that hubkit ships. Torch-free."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hubkit import plain_yaml
from hubkit.collect.scenarios import Message, Scenario, unique
from hubkit.errors import IncompleteError, UsageError
from hubkit.small_files import read_regular

MAX_BYTES = 64 << 20
BUILTIN = "builtin:"
SETS = "scenario_sets"
TURNED = "turned"
"""The variant of the control with the facts turned around."""
PLACE = "{prompt}"
"""Where a wording has the prompt, or the last user message."""


class Situation(Scenario):
    """A scenario, with the forms of it that a study puts beside each other: each becomes a `Scenario` of its own."""

    variants: dict[str, str] = Field(default_factory=dict)
    """Name -> a wording with `{prompt}` in it: `neutral: "{prompt}"`, `instructed: "Hide the truth. {prompt}"`. One scenario each, in place of the bare prompt."""
    turned: str | Annotated[tuple[Message, ...], Field(strict=False)] = ""
    """The prompt with its facts turned around: a control."""

    @model_validator(mode="after")
    def _wordings_have_a_place(self) -> Self:
        for name, wording in self.variants.items():
            if not name or PLACE not in wording:
                raise ValueError(
                    f"variant {name!r}: {wording!r}, expected a name, and {PLACE} in the wording"
                )
        if self.variants and self.variant:
            raise ValueError(f"scenario {self.scenario_id!r}: `variant` and `variants`, expected one of them")
        if self.control and self.turned:
            raise ValueError(f"scenario {self.scenario_id!r}: a control has no control of its own")
        return self

    def scenarios(self, shared: dict[str, str]) -> list[Scenario]:
        """What is put to the model: each wording (`shared` are those of the whole set), then the control."""
        own = self.model_dump(exclude={"variants", "turned"})
        wordings = {} if self.control or self.variant else self.variants or shared
        found = [
            Scenario(**own | self._worded(wording) | {"variant": name}) for name, wording in wordings.items()
        ]
        found = found or [Scenario(**own)]
        if self.turned:
            form = {"prompt": self.turned} if isinstance(self.turned, str) else {"messages": self.turned}
            found.append(
                Scenario(
                    **own
                    | {"prompt": "", "messages": ()}
                    | form
                    | {"variant": TURNED, "control": "turned", "labels": {}}
                )
            )
        return found

    def _worded(self, wording: str) -> dict[str, Any]:
        if self.prompt:
            return {"prompt": wording.replace(PLACE, self.prompt)}
        last = max((i for i, one in enumerate(self.messages) if one.role == "user"), default=-1)
        if last < 0:
            raise ValueError(
                f"scenario {self.scenario_id!r}: no message of the user for the wordings to change"
            )
        said = wording.replace(PLACE, self.messages[last].content)
        messages = list(self.messages)
        messages[last] = Message(role="user", content=said)
        return {"messages": tuple(messages)}


class SituationSet(BaseModel):
    """A file of scenarios with what holds for all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    about: str = ""
    """For readers."""
    variants: dict[str, str] = Field(default_factory=dict)
    """Wordings for every situation that has none of its own and is no control."""
    scenarios: tuple[Situation, ...] = Field(min_length=1)
    """The situations."""


def load_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Read scenarios from JSON lines (`.jsonl`) or YAML (`.yaml`, `.yml`): a list, or a mapping with `scenarios`.

    Raises IncompleteError when the file is missing or not readable as that, UsageError when an entry is not a scenario
    or two share their id and variant.
    """
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8")
        if path.suffix == ".jsonl":
            raw: Any = [json.loads(line) for line in text.splitlines() if line.strip()]
        elif path.suffix in {".yaml", ".yml"}:
            raw = plain_yaml.load(text)
        else:
            raise UsageError(f"{path}: {path.suffix or 'no suffix'}, expected .jsonl, .yaml or .yml")
    except (OSError, ValueError) as error:
        raise IncompleteError(f"{path}: not readable as a list of scenarios: {error}") from error
    try:
        return unique(_expanded(raw))
    except ValidationError as error:
        first = error.errors()[0]
        place = [part + 1 if isinstance(part, int) else part for part in first["loc"] if part != "scenarios"]
        number, *field = place or ["?"]
        raise UsageError(
            f"{path}: entry {number} is not a scenario: {'.'.join(map(str, field)) or 'it'}: {first['msg']}",
            hint='an entry is {"scenario_id": "...", "prompt": "..."}; hubkit schema study has the other keys',
        ) from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def builtin_sets() -> list[str]:
    """The names of the sets that hubkit ships."""
    folder = resources.files(__package__) / SETS
    return sorted(Path(one.name).stem for one in folder.iterdir() if one.name.endswith(".yaml"))


def named(source: str) -> tuple[Scenario, ...]:
    """The scenarios of `builtin:NAME` or of the file at a path. Raises UsageError, IncompleteError."""
    if not source.startswith(BUILTIN):
        return load_scenarios(Path(source))
    name = source.removeprefix(BUILTIN)
    if name not in builtin_sets():
        raise UsageError(
            f"{source}: there is no such set of scenarios", hint=f"one of {', '.join(builtin_sets())}"
        )
    with resources.as_file(resources.files(__package__) / SETS / f"{name}.yaml") as path:
        return load_scenarios(path)


def _expanded(raw: Any) -> list[Scenario]:
    """Every scenario of a set, of a list of situations, or of a single one."""
    if not raw:
        raise UsageError(
            "no scenarios, expected at least one", hint="write one JSON object per line: scenario_id, prompt"
        )
    if not isinstance(raw, dict) or "scenarios" not in raw:
        raw = {"scenarios": raw if isinstance(raw, list | tuple) else [raw]}
    found = SituationSet.model_validate(raw)
    return [scenario for situation in found.scenarios for scenario in situation.scenarios(found.variants)]


def _from_study(value: Any) -> Any:
    """As a study file writes them: a source by its name, situations, or scenarios that are there already."""
    try:
        if isinstance(value, str):
            return named(value)
        if isinstance(value, list | tuple) and any(isinstance(one, Scenario) for one in value):
            return value
        return _expanded(value)
    except (UsageError, IncompleteError) as error:
        raise ValueError(error.message + (f" ({error.hint})" if error.hint else "")) from error


Scenarios = Annotated[
    tuple[Scenario, ...],
    BeforeValidator(_from_study, json_schema_input_type=str | tuple[Situation, ...] | SituationSet),
]
"""In a study file: `builtin:NAME`, a path beside it, or the situations themselves."""
