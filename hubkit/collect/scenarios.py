"""The prompts of a study: one per scenario and variant. Torch-free."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES = 64 << 20


class Scenario(BaseModel):
    """One situation put to the model; every completion of it starts from the same prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    scenario_id: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    variant: str = ""
    """The wording, where a study puts one situation in several."""
    system: str | None = None
    """The system message; only with a chat template."""
    family: str = ""
    """The kind of situation, `incentive`, `role_play` or the study's own word."""
    prefill: str = ""
    """How the answer begins: written after the prompt (in a chat, the begun turn of the assistant), and no part of the completion."""
    anchors: dict[str, tuple[str, ...]] = Field(default_factory=dict, strict=False)
    """Label -> the words by which a keyword judge knows it, here in place of the judge's own."""
    notes: str = ""
    """For readers; nothing reads it."""

    @property
    def key(self) -> str:
        """`scenario_id`, and the variant after a slash when there is one: unique in a study."""
        return f"{self.scenario_id}/{self.variant}" if self.variant else self.scenario_id


def completion_seed(study_seed: int, scenario_key: str, index: int) -> int:
    """The seed of completion `index` of a scenario, 48 bits: it does not move when other scenarios come or go."""
    digest = hashlib.sha256(f"{study_seed}\n{scenario_key}\n{index}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def load_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Read scenarios from JSON lines (`.jsonl`) or a YAML list (`.yaml`, `.yml`).

    Raises IncompleteError when the file is missing or not readable as that, UsageError when an entry is not a scenario
    or two share their id and variant.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: over {MAX_BYTES >> 20} MiB, expected a list of prompts")
        text = path.read_text(encoding="utf-8")
        entries = list(_entries(path, text))
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise IncompleteError(f"{path}: not readable as a list of scenarios: {error}") from error
    return unique([_scenario(path, number, entry) for number, entry in enumerate(entries, start=1)])


def unique(scenarios: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """The scenarios as they came. Raises UsageError when there are none or two share id and variant."""
    found = tuple(scenarios)
    if not found:
        raise UsageError(
            "no scenarios, expected at least one", hint="write one JSON object per line: scenario_id, prompt"
        )
    seen: set[str] = set()
    for scenario in found:
        if scenario.key in seen:
            raise UsageError(
                f"scenario {scenario.key!r} is there twice, expected each id once",
                hint="give the second one another scenario_id, or a variant",
            )
        seen.add(scenario.key)
    return found


def _entries(path: Path, text: str) -> Iterable[Any]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if path.suffix in {".yaml", ".yml"}:
        loaded = yaml.safe_load(text)
        return loaded if isinstance(loaded, list) else [loaded]
    raise UsageError(f"{path}: {path.suffix or 'no suffix'}, expected .jsonl, .yaml or .yml")


def _scenario(path: Path, number: int, entry: Any) -> Scenario:
    try:
        return Scenario.model_validate(entry)
    except ValidationError as error:
        raise UsageError(
            f"{path}: entry {number} is not a scenario: {error}",
            hint='an entry is {"scenario_id": "...", "prompt": "..."}; "variant" and "system" may be there',
        ) from error
