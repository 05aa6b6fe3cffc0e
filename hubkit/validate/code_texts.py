"""Names of code in JSON and YAML, which some loaders import and call: transformers' auto_map, hydra's _target_, jsonpickle's py/..., what Keras rebuilds by name.

Source: transformers 4.57 (dynamic_module_utils.py, modeling_utils.py), PEFT 0.17 (auto.py), diffusers 0.35 (pipeline_utils.py), skops 0.13 (io), hydra 1.3 (instantiate), jsonpickle 4 (tags.py), Keras 3 (saving/serialization_lib.py).
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
CARRIERS = ("TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
"""Layers of Keras whose configuration holds a pickle, functions, or the place of a program: TensorFlow's graphs."""
BY_NAME = "module"
"""Beside LAYER: where Keras imports the class, or of `function` the function, from."""
OF_KERAS = ("keras", "tf_keras", "keras_core", "keras_nlp", "keras_hub", "keras_cv", "builtins")
UNSAFE = frozenset(
    ["enable_unsafe_deserialization", "get_file", "load_model", "load_weights", "load_img", "model_from_json"]
)
"""Keras's own functions that read other files, or switch its safe mode off."""
PIPELINE = "_class_name"
"""Of diffusers' model_index.json: a list where the class is the repository's own."""
KERNELS = frozenset(
    f"{before}{kind}_implementation{behind}"
    for kind in ("attn", "experts")
    for before, behind in (("", ""), ("_", ""), ("_", "_internal"))
)
KERNEL = re.compile(r"(?:paged\|)?([\w.-]{1,100})/[\w.-]{1,100}(?:[@:][\w.:@/-]{0,100})?")
"""A repository of compiled kernels, where other values are names of transformers' own."""
OF_TRANSFORMERS = "kernels-community"
"""Whose kernels transformers takes without being asked to trust them."""
LIBRARY = "parent_library"
"""Of an adapter of PEFT: the module that it imports for the class of the base model."""
OF_PEFT = (
    "peft",
    "transformers",
    "diffusers",
    "torch",
    "torchvision",
    "timm",
    "open_clip",
    "sentence_transformers",
)
SKOPS, SKOPS_MODULE = "__class__", "__module__"
KEYS = frozenset((*FROM_THE_REPOSITORY, TARGET, *PICKLED, LAYER, *KERNELS, LIBRARY))
WORDS = re.compile(
    "auto_map|custom_pipelines|_target_|py/[a-z]|Lambda|__lambda__|class_name|attn_implementation|experts_implementation|parent_library|__module__"
    "|\\\\(?:u00[2-7]|x[2-7])"
)
"""What a text has that names code, or writes an ordinary letter as an escape."""
MOST_VALUES = 1_000_000
"""Of one text: more than a megabyte can hold."""


class Named(NamedTuple):
    """One place in a text that names code."""

    kind: str
    what: str
    severity: Severity
    key: str


def names_of_code(text: str, *, is_json: bool, lines: bool = False) -> list[Named]:
    """What a text of JSON or YAML names, each key and name once; `lines`: each line is JSON. A text that is neither names nothing."""
    if WORDS.search(text) is None:
        return []
    pairs: Iterator[tuple[str, Any]]
    if lines:
        pairs = (pair for line in text.split("\n") if WORDS.search(line) for pair in _of_json(line))
    else:
        pairs = _of_json(text) if is_json else _of_yaml(text)
    found: dict[Named, None] = {}
    for key, value in pairs:
        if (one := _judged(key, value) or _of_others(key, value)) is not None:
            found[one] = None
    return list(found)


def _judged(key: str, value: Any) -> Named | None:
    """What a key and its value come to; a mapping or list is given as such, and its own pairs follow."""
    if key in FROM_THE_REPOSITORY:
        what = f"{key} names code of the repository that transformers runs on loading"
        return Named(key, what, Severity.WARNING, key) if isinstance(value, _Pairs) else None
    if key in {LAYER, BY_NAME}:
        return (
            _of_keras(dict(value))
            if isinstance(value, _Pairs)
            else _of_layer(value)
            if key == LAYER
            else None
        )
    if key == TARGET and isinstance(value, str):
        severity = Severity.ERROR if runs_code(value) else Severity.NOTE
        return Named("hydra", f"_target_ names {value[:100]!r}, which hydra imports and calls", severity, key)
    if key in PICKLED and isinstance(value, str):
        if key == "py/repr":
            return Named(
                "jsonpickle", "py/repr is an expression that jsonpickle evaluates", Severity.ERROR, key
            )
        severity = Severity.ERROR if runs_code(value) else Severity.NOTE
        return Named(
            "jsonpickle", f"{key} names {value[:100]!r}, which jsonpickle imports or calls", severity, key
        )
    return None


def _of_others(key: str, value: Any) -> Named | None:
    """What other loaders import or fetch by a key: transformers' kernels, a pipeline of diffusers, the library of a PEFT adapter, an object of skops."""
    if key in KERNELS:
        return _of_kernels(key, value)
    if key == PIPELINE and isinstance(value, list) and not isinstance(value, _Pairs):
        what = f"{key} is a list: it names code of the repository that diffusers runs on loading"
        return Named(key, what, Severity.WARNING, key)
    if key == LIBRARY and isinstance(value, str) and value.partition(".")[0] not in OF_PEFT:
        severity = Severity.ERROR if runs_code(value) else Severity.NOTE
        return Named(key, f"{key} names {value[:100]!r}, which PEFT imports", severity, key)
    if key == SKOPS_MODULE and isinstance(value, _Pairs):
        pair = dict(value)
        name = f"{pair[SKOPS_MODULE]}.{pair[SKOPS]}"
        return (
            Named("skops", f"it names {name[:100]!r}, which skops imports", Severity.ERROR, SKOPS)
            if "__loader__" in pair and runs_code(name)
            else None
        )
    return None


def _of_kernels(key: str, value: Any) -> Named | None:
    """Compiled code that transformers downloads by the name in a configuration, of the model or of each of its parts."""
    names = [inner for _, inner in value] if isinstance(value, _Pairs) else [value]
    for name in names:
        if isinstance(name, str) and (match := KERNEL.fullmatch(name)):
            severity = Severity.NOTE if match[1] == OF_TRANSFORMERS else Severity.WARNING
            what = f"{key} names the repository {name[:100]!r}, whose compiled code transformers downloads and runs"
            return Named("kernel", what, severity, key)
    return None


def _of_layer(name: Any) -> Named | None:
    """What a class of Keras is that runs code by itself."""
    if name in LAMBDA:
        what = "a Lambda layer of Keras: Python code that runs when the model is loaded or used"
    elif name in CARRIERS:
        what = f"a {name} of Keras, which loads code of its own when the model is loaded or used"
    else:
        return None
    return Named("keras", what, Severity.WARNING, LAYER)


def _of_keras(value: dict[str, Any]) -> Named | None:
    """What Keras imports for an object of its own form; None for its own classes and for those that are registered elsewhere."""
    module, name = value[BY_NAME], value[LAYER]
    if name == "function" and isinstance(value.get("config"), str):
        name = value["config"]
    if (
        not (isinstance(module, str) and isinstance(name, str))
        or not {"config", "registered_name"} & value.keys()
    ):
        return None
    own = module.partition(".")[0] in OF_KERAS
    whole = f"{module}.{name}"
    if (own and name in UNSAFE) or (name not in {"function", *LAMBDA} and runs_code(whole)):
        return Named(
            "keras", f"it names {whole[:100]!r}, which Keras imports and calls", Severity.ERROR, LAYER
        )
    if own or not module:
        return None
    return Named(
        "keras", f"it names {whole[:100]!r}, which Keras imports from outside of Keras", Severity.NOTE, LAYER
    )


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
            if {LAYER, BY_NAME} <= {key for key, _ in value}:
                yield BY_NAME, value
            if {SKOPS, SKOPS_MODULE} <= {key for key, _ in value}:
                yield SKOPS_MODULE, value
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
