"""The mistakes of a study file: each with its line and place, what is wrong there, and what would be right."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import yaml

from hubkit import plain_yaml
from hubkit.errors import UsageError
from hubkit.licenses import LICENSES
from hubkit.models.known import known_config, known_models
from hubkit.small_files import read_regular_text
from hubkit.texts import shortened
from hubkit.train.grid import FORMS

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationError

MOST_MISTAKES = 50
"""That a message names."""
POWER = re.compile(r"([-+]?\d+)(\.?)([eE])([-+]?)(\d+)")
"""A number that YAML 1.1 takes for text: it wants a point and a sign."""
THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
NUMBERS = {"float_type", "float_parsing", "int_type", "int_parsing", "int_from_float"}
PREFIX = re.compile(r"^(?:Value error, )?((?:[A-Za-z_]+)(?:\.[A-Za-z_0-9]+)*)[:,. ]")
"""The place that a message of hubkit's own begins with."""

Place = tuple[Any, ...]


def mistakes(path: Path, error: ValidationError) -> UsageError:
    """Every mistake by its place."""
    several = error.errors(include_url=False, include_context=False)
    items = [
        (tuple(part for part in item["loc"] if part not in FORMS), item) for item in several[:MOST_MISTAKES]
    ]
    lacking = [loc for loc, item in items if item["type"] == "missing"]
    root = _root(path)
    told = "\n".join(f"  {_told(loc, dict(item), lacking, root)}" for loc, item in items)
    if len(several) > MOST_MISTAKES:
        told += f"\n  and {len(several) - MOST_MISTAKES:,} more"
    return UsageError(f"{path}: not a study:\n{told}", hint="hubkit schema study")


def _told(place: Place, item: dict[str, Any], lacking: list[Place], root: yaml.Node | None) -> str:
    named = PREFIX.match(item["msg"]) if item["type"] == "value_error" else None
    line = _line(root, (*place, *(named[1].split(".") if named else ())))
    where = shortened(".".join(str(part) for part in place if part != "[key]"))
    if not where and named is None:
        where = "the file"
    said = shortened(item["msg"].removeprefix("Value error, "), 300)
    right = _right(item) or _meant(place, item, lacking)
    return f"{f'line {line}: ' if line else ''}{f'{where}: ' if where else ''}{said}{right}"


def _right(item: dict[str, Any]) -> str:
    """What a value was meant as, where YAML takes it for something else."""
    found, kind = item.get("input"), item["type"]
    if kind in NUMBERS and isinstance(found, str):
        if power := POWER.fullmatch(found.strip()):
            digits, _, e, sign, exponent = power.groups()
            return f"; {found} is text to YAML, write {digits}.0{e}{sign or '+'}{exponent}"
        if THOUSANDS.fullmatch(found.strip()):
            return f"; {found} is text to YAML, write {found.strip().replace(',', '')}"
    if isinstance(found, bool) and kind in {"string_type", *NUMBERS}:
        words = "yes, on and true" if found else "no, off and false"
        return (
            f"; {words} are booleans to YAML, put a word of the study's in quotes"
            if kind == "string_type"
            else f"; {words} are booleans to YAML, expected a number"
        )
    return ""


def _meant(place: Place, item: dict[str, Any], lacking: list[Place]) -> str:
    """For a key that there is not: the one beside it that is lacking and reads alike. For a word of a list: the one that reads alike."""
    if item["type"] == "literal_error" and isinstance(item.get("input"), str):
        near = get_close_matches(item["input"][:100], re.findall(r"'([^']*)'", item["msg"]), n=1)
    elif item["type"] == "extra_forbidden":
        beside = [str(other[-1]) for other in lacking if other[:-1] == place[:-1]]
        near = get_close_matches(str(place[-1])[:100], beside, n=1)
    else:
        near = []
    return f"; was {near[0]!r} meant?" if near else ""


def _root(path: Path) -> yaml.Node | None:
    try:
        return plain_yaml.compose(read_regular_text(path))
    except (OSError, ValueError):
        return None


def _line(root: yaml.Node | None, place: Place) -> int | None:
    """Of the deepest part of `place` that is in the file, counted from 1; None where none of it is."""
    node, line = root, None
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                continue  # a level that pydantic names and the file has not: the kind of a judge, say
            node, line = pair[1], pair[0].start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line


def licence_problem(licence: str) -> str | None:
    """Why the Hub would refuse it, and what it is called there: better said now than by the rehearsal, after hours of training."""
    if licence in LICENSES:
        return None
    plain = {_plain(one): one for one in sorted(LICENSES)}
    near = get_close_matches(_plain(licence), list(plain), n=1)
    meant = f"; was {plain[near[0]]!r} meant?" if near else ""
    return f"card.license: {licence!r}, expected a licence id of the Hub (`other` for one that it has not){meant}"


def _plain(licence: str) -> str:
    return re.sub(r"licen[cs]e|[^a-z0-9]", "", licence.lower())


def model_problem(base_model: str) -> str | None:
    """Why a base model cannot be an id of the Hub, and which was meant."""
    if "/" in base_model or known_config(base_model) is not None:
        return None
    ids = {name.rpartition("/")[2].lower(): name for model in known_models() for name in model.ids}
    near = get_close_matches(base_model.lower(), list(ids), n=1)
    meant = f"; was {ids[near[0]]!r} meant?" if near else ", such as 'openai-community/gpt2'"
    return f"card.base_model: {base_model!r}, expected an id of the Hub, OWNER/NAME{meant}"
