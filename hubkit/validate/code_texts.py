"""Names of code in JSON and YAML, which some loaders import and call: transformers' auto_map, hydra's _target_, jsonpickle's py/..., Keras's Lambda layers.

Source: transformers 4.57 (dynamic_module_utils.py), hydra 1.3 (instantiate), jsonpickle 4 (tags.py), Keras 3 (saving/serialization_lib.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from hubkit.plain_yaml import loader
from hubkit.validate.finding import Severity
from hubkit.validate.imports import runs_code

FROM_THE_REPOSITORY = ("auto_map", "custom_pipelines")
TARGET = "_target_"
PICKLED = (
    "py/object",
    "py/type",
    "py/class",
    "py/function",
    "py/reduce",
    "py/repr",
    "py/newobj",
    "py/newargs",
    "py/newargsex",
)
LAYER, LAMBDA = "class_name", ("Lambda", "__lambda__")
KEYS = frozenset((*FROM_THE_REPOSITORY, TARGET, *PICKLED, LAYER))
WORDS = re.compile("auto_map|custom_pipelines|_target_|py/[a-z]|Lambda|__lambda__|\\\\(?:u00[2-7]|x[2-7])")
"""What a text has that names code, or writes an ordinary letter as an escape."""
MOST_VALUES = 1_000_000
"""Of one text: more than a megabyte can hold."""


class Named(NamedTuple):
    """One place in a text that names code."""

    kind: str
    what: str
    severity: Severity
    key: str


def names_of_code(text: str, *, is_json: bool) -> list[Named]:
    """What a text of JSON or YAML names, each key and name once. A text that is neither names nothing."""
    if WORDS.search(text) is None:
        return []
    pairs = _of_json(text) if is_json else _of_yaml(text)
    found: dict[Named, None] = {}
    for key, value in pairs:
        if (one := _judged(key, value)) is not None:
            found[one] = None
    return list(found)


def _judged(key: str, value: Any) -> Named | None:
    """What a key and its value come to; a mapping or list is given as such, and its own pairs follow."""
    if key in FROM_THE_REPOSITORY:
        what = f"{key} names code of the repository that transformers runs on loading"
        return Named(key, what, Severity.WARNING, key) if isinstance(value, _Pairs) else None
    if key == LAYER:
        what = "a Lambda layer of Keras: Python code that runs when the model is loaded or used"
        return Named("keras", what, Severity.WARNING, key) if value in LAMBDA else None
    if key == TARGET and isinstance(value, str):
        severity = Severity.ERROR if runs_code(value) else Severity.NOTE
        return Named("hydra", f"_target_ names {value[:100]!r}, which hydra imports and calls", severity, key)
    if key == "py/repr":
        return Named("jsonpickle", "py/repr is an expression that jsonpickle evaluates", Severity.ERROR, key)
    if key in PICKLED and isinstance(value, str):
        severity = Severity.ERROR if runs_code(value) else Severity.NOTE
        return Named(
            "jsonpickle", f"{key} names {value[:100]!r}, which jsonpickle imports or calls", severity, key
        )
    return None


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON with every pair that it has: which of two equal keys counts is the reader's affair."""


def _of_json(text: str) -> Iterator[tuple[str, Any]]:
    """Every key with its value, the innermost last."""
    try:
        left: list[Any] = [json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_Pairs)]
    except (ValueError, RecursionError):
        return
    while left:
        value = left.pop()
        if isinstance(value, _Pairs):
            yield from value
            left += [inner for _, inner in value]
        elif isinstance(value, list):
            left += value


def _of_yaml(text: str) -> Iterator[tuple[str, Any]]:
    """Every scalar that may be such a key, with what follows it."""
    key = None
    try:
        for _, event in zip(range(MOST_VALUES), yaml.parse(text, Loader=loader()), strict=False):
            value = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is not None:
                yield key, _Pairs() if isinstance(event, yaml.MappingStartEvent) else value
            key = value if value in KEYS else None
    except (yaml.YAMLError, ValueError):
        return
