"""The YAML head of a README: cut off, loaded without surprises, made plain, and checked as the Hub checks it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import yaml

from hubkit import plain_yaml
from hubkit.licenses import LICENSES
from hubkit.texts import shortened

HEAD = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
MODEL_ID = re.compile(r"[\w-][\w.-]{0,95}(?:/[\w-][\w.-]{0,95})?", re.ASCII)
LONGEST_HEAD = 2_000_000
MOST_FAULTS = 100
"""That are listed; who has more reads no further."""


class HeadError(ValueError):
    """The head cannot be read as one YAML mapping."""


@dataclass(frozen=True)
class Verdict:
    """What the Hub would say of a README."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def split(text: str) -> tuple[str | None, str]:
    """The YAML between the first two `---` lines (None when there is none), and the rest."""
    match = HEAD.match(text)
    return (match.group(1), text[match.end() :]) if match else (None, text)


def load(head: str) -> dict[str, Any]:
    """The mapping that `head` holds. Raises HeadError."""
    if len(head) > LONGEST_HEAD:
        raise HeadError(f"the metadata has {len(head)} characters, more than {LONGEST_HEAD}")
    value = _loaded(head)
    if isinstance(value, HeadError):
        raise value
    return value


@lru_cache(maxsize=4)
def _loaded(head: str) -> dict[str, Any] | HeadError:
    """A page asks four times. Nobody changes what is returned."""
    try:
        node = plain_yaml.compose(head)
        _strict(node)
        value = plain_yaml.construct(node)
    except plain_yaml.YamlFault as error:
        return HeadError(f"{error.message} (line {error.line})")
    except HeadError as error:
        return error
    if value is None:
        return {}
    if not isinstance(value, dict):
        return HeadError(f"it must be a mapping of keys to values, not a {type(value).__name__}")
    return value


def _strict(root: yaml.Node | None) -> None:
    """Raise HeadError for a key that comes twice, and for merge keys."""
    stack = [root] if root is not None else []
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def _check_keys(node: yaml.MappingNode) -> None:
    keys: set[str] = set()
    for key, _ in node.value:
        if key.tag == f"{plain_yaml.PREFIX}merge":
            raise HeadError(f"merge keys are not for cards (line {key.start_mark.line + 1})")
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                raise HeadError(
                    f"duplicated mapping key {shortened(key.value)!r} (line {key.start_mark.line + 1})"
                )
            keys.add(key.value)


def card_data(text: str) -> dict[str, Any]:
    """The head of a README as plain JSON values, `{}` when there is none that can be read."""
    head, _ = split(text)
    try:
        plain = _plain(load(head or ""))
    except HeadError:
        return {}
    return plain if isinstance(plain, dict) else {}


def check(text: str) -> Verdict:
    """Judge a README by its head: https://huggingface.co/docs/hub/model-cards#model-card-metadata."""
    head, _ = split(text)
    if head is None:
        return Verdict(warnings=["empty or missing yaml metadata in repo card"])
    try:
        data = load(head)
    except HeadError as error:
        return Verdict(errors=[f"Invalid YAML metadata: {error}"])
    if not data:
        return Verdict(warnings=["empty or missing yaml metadata in repo card"])
    errors = [*_number_errors(data), *_license_errors(data), *_id_errors(data), *_shape_errors(data)]
    return Verdict(errors[:MOST_FAULTS])


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    """Every scalar below `value` with the way to it."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        where, item = stack.pop()
        if isinstance(item, dict):
            stack += [(f"{where}.{shortened(str(key))}".lstrip("."), inner) for key, inner in item.items()]
        elif isinstance(item, list | tuple | set):
            stack += [(f"{where}[{index}]", inner) for index, inner in enumerate(item)]
        yield where, item


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _number_errors(data: dict[str, Any]) -> list[str]:
    numbers = ((where, value) for where, value in _values(data) if isinstance(value, float))
    return [
        f'"{where}" must be a finite number, it is {value}'
        for where, value in numbers
        if not math.isfinite(value)
    ]


def _license_errors(data: dict[str, Any]) -> list[str]:
    """As the Hub: only what is on its list. The list here may be older than the Hub's own."""
    return [
        f'"license" must be one of [{", ".join(sorted(LICENSES))}], or a list of these; found {shortened(repr(one))}. '
        'For a license of your own use "other" with license_name and license_link.'
        for one in _listed(data.get("license"))
        if not isinstance(one, str) or one not in LICENSES
    ]


def _id_errors(data: dict[str, Any]) -> list[str]:
    return [
        f'"{key}" with value {shortened(repr(one))} is not valid. Use an id from https://hf.co/{place}.'
        for key, place in (("base_model", "models"), ("datasets", "datasets"))
        for one in _listed(data.get(key))
        if not isinstance(one, str) or not MODEL_ID.fullmatch(one) or ".." in one or "--" in one
    ]


def _shape_errors(data: dict[str, Any]) -> list[str]:
    given = {key: value for key, value in data.items() if value is not None}
    texts = ("library_name", "pipeline_tag", "license_name", "license_link", "base_model_relation")
    arrays = ("tags", "widget", "model-index")
    errors = [f'"{key}" must be a string' for key in texts if not isinstance(given.get(key, ""), str)]
    errors += [f'"{key}" must be an array' for key in arrays if not isinstance(given.get(key, []), list)]
    errors += [
        f'"{key}" must hold strings only'
        for key in ("tags", "language")
        if not all(isinstance(one, str) for one in _listed(given.get(key)))
    ]
    index = given.get("model-index")
    return errors + (_index_errors(index) if isinstance(index, list) else [])


def _index_errors(index: list[Any]) -> list[str]:
    errors = []
    for i, model in enumerate(index):
        results = model.get("results") if isinstance(model, dict) else None
        if not isinstance(results, list) or not isinstance(model.get("name"), str):
            errors.append(f'"model-index[{i}]" must have a "name" and an array "results"')
            continue
        for j, result in enumerate(results):
            errors += _result_errors(result, f"model-index[{i}].results[{j}]")
    return errors


def _result_errors(result: Any, where: str) -> list[str]:
    if not isinstance(result, dict):
        return [f'"{where}" must be an object']
    needed = (("task", "type"), ("dataset", "type"), ("dataset", "name"))
    errors = [
        f'"{where}.{part}.{key}" must be a string'
        for part, key in needed
        if not isinstance(result.get(part), dict) or not isinstance(result[part].get(key), str)
    ]
    dataset = result.get("dataset")
    if isinstance(dataset, dict) and not isinstance(dataset.get("config", ""), str):
        errors.append(f'"{where}.dataset.config" must be a string')
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        return [*errors, f'"{where}.metrics" must be an array']
    for k, metric in enumerate(metrics):
        if (
            not isinstance(metric, dict)
            or not isinstance(metric.get("type"), str)
            or metric.get("value") is None
        ):
            errors.append(f'"{where}.metrics[{k}]" must have a "type" and a "value"')
    return errors


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
