"""Where a number of a card comes from: what the ledger writes, held against the schemas, and followed into a release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hubkit.cards.sections import ALL
from hubkit.cards.sections.of_study import SECTIONS as OF_STUDY
from hubkit.cards.settings import CardSettings
from hubkit.formats.families.saelens import MARKS_OF_TRAINING
from hubkit.formats.saelens import METADATA_KEYS
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.sae_record import OF_TRAINING
from hubkit.study.schemas import all_schemas
from hubkit.validate.catalogue import all_rules

ROOT = Path(__file__).parents[2]
ISSUES = ("16", "17", "18", "19", "20")
STEP = re.compile(r"([^\[]+)(?:\[(.+)\])?")
LATER = re.compile(r"later #(\d+) \S.+")
SECTION = re.compile(r"(index )?README\.md section (\w+)")
CODE = re.compile(r"hubkit (?:validate|explain) ([A-Z]+\d{3})")


def status(where: str) -> str:
    """computed, author, or `later #18`."""
    kind = where.split(maxsplit=1)[0]
    return {"author": "author", "later": " ".join(where.split()[:2])}.get(kind, "computed")


def fault(where: str) -> str | None:
    """Why there is no such place; None where there is."""
    if not where.strip():
        return "blank"
    if match := re.fullmatch(LATER, where):
        return None if match[1] in ISSUES else f"issue {match[1]} computes nothing of the cards"
    if match := re.fullmatch(SECTION, where):
        return None if match[2] in (OF_STUDY if match[1] else ALL) else f"no section {match[2]}"
    if match := re.fullmatch(CODE, where):
        return None if match[1] in {rule.code for rule in all_rules()} else f"no rule {match[1]}"
    words = where.removeprefix("author ").removeprefix("README.md front matter ").split()
    if where.startswith("README.md front matter "):
        return None if words[0].strip("/") in CardSettings.model_fields else f"no key {words[0]}"
    return _fault_of_pointer(*words) if len(words) == 2 else "neither a place, nor author, nor later"


def _fault_of_pointer(file: str, pointer: str) -> str | None:
    name = Path(file).stem.removeprefix("<sae_id>/")
    schema: Any = _schemas().get({"cfg": "cfg"}.get(name, name))
    if schema is None:
        return f"no file {file}"
    steps = pointer.strip("/").split("/")
    if name == "cfg":
        return None if _in_cfg(steps) else f"no key {pointer} in cfg.json"
    if name == "card" and steps[0] == "prose" and steps[1:]:
        return None if steps[1] in ALL else f"no section {steps[1]}"
    at = schema
    for step in steps:
        at = _below(_followed(at, schema), step)
        if at is None:
            return f"{file} has no {step} ({pointer})"
    asked = [fault for step in steps if (fault := _fault_of_filter(step))]
    return asked[0] if asked else None


def _fault_of_filter(step: str) -> str | None:
    """A measure must be one that hubkit computes, on a split that it is declared for."""
    asked = _filter(step)
    if "measure" not in asked:
        return None
    measure = CATALOGUE.get(asked["measure"])
    if measure is None or not (measure.compute or measure.compare or measure.of_spliced or measure.of_paired):
        return f"hubkit computes no {asked['measure']}"
    return (
        None
        if asked.get("split", measure.splits[0]) in measure.splits
        else f"{measure.name} has no split {asked['split']}"
    )


def _in_cfg(steps: list[str]) -> bool:
    if steps[0] != "metadata":
        found = [one for one in _schemas()["cfg"]["$defs"].values() if "metadata" in one["properties"]]
        return any(steps[0] in one["properties"] for one in found)
    known = OF_TRAINING if steps[1] == "hubkit" else (*METADATA_KEYS, *MARKS_OF_TRAINING)
    return steps[-1] in known


@cache
def _schemas() -> dict[str, Any]:
    return all_schemas()


def _followed(at: Any, schema: Any) -> Any:
    """The schema behind a reference, or of the part that is not null."""
    while True:
        if "$ref" in at:
            at = schema["$defs"][at["$ref"].split("/")[-1]]
        elif "anyOf" in at:
            at = next(one for one in at["anyOf"] if one.get("type") != "null")
        else:
            return at


def _below(at: Any, step: str) -> Any:
    key = re.fullmatch(STEP, step)[1]  # type: ignore[index]
    if key == "*":
        return at.get("items") or at.get("additionalProperties")
    found = at.get("properties", {}).get(key)
    return found["items"] if found is not None and "[" in step and found.get("type") == "array" else found


def _filter(step: str) -> dict[str, str]:
    match = re.fullmatch(STEP, step)
    return dict(pair.split("=") for pair in match[2].split(",")) if match and match[2] else {}


def is_file(where: str) -> bool:
    """Whether it points into a JSON file of a release."""
    return bool(re.match(r"\S+\.json /", where))


def values(release: Path, where: str) -> list[Any]:
    """What stands there in a release, nulls left out."""
    file, pointer = where.split()
    found: list[Any] = [
        json.loads(path.read_bytes()) for path in sorted(release.glob(file.replace("<sae_id>", "*")))
    ]
    for step in pointer.strip("/").split("/"):
        found = [below for one in found for below in _reached(one, step)]
    return [one for one in found if one is not None]


def _reached(at: Any, step: str) -> Iterator[Any]:
    key, asked = re.fullmatch(STEP, step)[1], _filter(step)  # type: ignore[index]
    if key == "*":
        yield from at.values() if isinstance(at, dict) else at
    elif isinstance(at, dict) and key in at:
        several = at[key] if isinstance(at[key], list) and asked else [at[key]]
        yield from (
            one for one in several if all(str(one.get(name)) == value for name, value in asked.items())
        )
