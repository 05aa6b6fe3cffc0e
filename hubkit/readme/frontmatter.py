"""What the Hub would refuse in a card's front matter, each fault with its key and line.

Source: https://huggingface.co/docs/hub/model-cards#model-card-metadata, and the answers of the Hub's validate-yaml.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from hubkit.licenses import LICENSES
from hubkit.texts import shortened

if TYPE_CHECKING:
    from hubkit.readme.document import Readme

REPO_ID = re.compile(r"[\w-][\w.-]{0,95}(?:/[\w-][\w.-]{0,95})?", re.ASCII)
LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")
PYTHON = "tag:yaml.org,2002:python/"
PLAIN = "tag:yaml.org,2002:"
STRINGS = (
    "library_name",
    "pipeline_tag",
    "license_name",
    "license_link",
    "base_model_relation",
    "new_version",
)
LISTS = ("tags", "widget", "model-index")
MOST_FAULTS = 100
"""More of them say nothing new: the front matter was made by a mistake of the program that wrote it."""


@dataclass(frozen=True)
class Fault:
    """One fault of the front matter."""

    message: str
    key: str = ""
    """The top-level key it is under."""
    line: int = 1
    """In the README, 1-based."""
    doubt: bool = False
    """The Hub may accept it."""


def faults(readme: Readme) -> list[Fault]:
    """Everything that is wrong with it; nothing where there is no front matter."""
    if readme.head is None:
        return [Fault(readme.fault)] if readme.fault else []
    node, fault = readme.node, readme.yaml_fault
    if node is None:
        said = f"the front matter is not YAML: {fault.message}" if fault else ""
        return [Fault(said, line=fault.line + 1)] if fault else []
    if not isinstance(node, yaml.MappingNode):
        return [Fault("the front matter is a list or plain text, expected keys and values")]
    return _first(_nodes(node)) or _read(readme, node)


def _first(found: Iterator[Fault]) -> list[Fault]:
    """As many as one reads, and that there are more."""
    faults = list(islice(found, MOST_FAULTS))
    more = next(found, None)
    if more is not None:
        faults.append(
            Fault(f"more than {MOST_FAULTS} faults: those from here on are not listed", line=more.line)
        )
    return faults


def _read(readme: Readme, node: yaml.MappingNode) -> list[Fault]:
    """Faults of the values, once the YAML itself is sound."""
    if readme.front_matter is None:
        line = readme.yaml_fault.line + 1 if readme.yaml_fault else 1
        return [Fault(readme.fault or "the front matter cannot be read", line=line)]
    lines = {key.value: key.start_mark.line + 2 for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    return _first(
        Fault(message, shortened(key), lines.get(key, 1), doubt)
        for key, message, doubt in _values(readme.front_matter)
    )


def _nodes(root: yaml.MappingNode) -> Iterator[Fault]:
    """Python objects, other tags, merge and doubled keys."""
    stack: list[Any] = [root]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:  # named again by an alias
            continue
        seen.add(id(node))
        line = node.start_mark.line + 2
        if node.tag.startswith(PYTHON):
            what = shortened(node.tag.removeprefix(PYTHON))
            yield Fault(f"a Python object ({what}), expected plain YAML", line=line)
        elif not node.tag.startswith(PLAIN):
            yield Fault(f"the tag {shortened(node.tag)}, expected plain YAML", line=line)
        if isinstance(node, yaml.MappingNode):
            yield from _keys(node)
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def _keys(node: yaml.MappingNode) -> Iterator[Fault]:
    seen: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 2
        if key.tag == f"{PLAIN}merge":
            yield Fault("a merge key (<<), which the Hub does not read", line=line)
        elif isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                yield Fault(f"the key {_shown(key.value)} stands twice", shortened(key.value), line)
            seen.add(key.value)


def _shown(value: Any) -> str:
    return shortened(repr(value))


def _values(front: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(key, message, doubt) of every value of the wrong kind."""
    for key, value in front.items():
        if any(isinstance(one, float) and not math.isfinite(one) for one in _leaves(value)):
            yield str(key), f"{shortened(str(key))} holds NaN or infinity, expected a finite number", False
    yield from _licenses(front)
    for key, place in (("base_model", "models"), ("datasets", "datasets")):
        for one in _listed(front.get(key)):
            if not isinstance(one, str) or not REPO_ID.fullmatch(one) or ".." in one or "--" in one:
                yield (
                    key,
                    f"{key} is {_shown(one)}, expected an id from https://hf.co/{place}, such as OWNER/NAME",
                    False,
                )
    yield from _kinds(front)
    if isinstance(front.get("model-index"), list):
        for message in _index(front["model-index"]):
            yield "model-index", message, False


def _kinds(front: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    given = {key: value for key, value in front.items() if value is not None}
    for keys, kind, word in ((STRINGS, str, "a string"), (LISTS, list, "a list")):
        for key in keys:
            if not isinstance(given.get(key, kind()), kind):
                yield key, f"{key} is {_shown(given[key])}, expected {word}", False
    for key in ("tags", "language"):
        odd = [one for one in _listed(given.get(key)) if not isinstance(one, str)]
        if odd and (key != "tags" or isinstance(given[key], list)):
            said = ' (YAML reads an unquoted no as false: write "no")' if odd[0] is False else ""
            yield key, f"{key} holds {_shown(odd[0])}, expected strings only{said}", False


def _licenses(front: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for one in _listed(front.get("license")):
        if isinstance(one, str) and one in LICENSES:
            continue
        formed = (
            isinstance(one, str) and LICENSE_ID.fullmatch(one) and not one.endswith(("-or-later", "-only"))
        )
        near = f"; {one.lower()!r} is one" if isinstance(one, str) and one.lower() in LICENSES else ""
        if formed:
            yield (
                "license",
                f"license is {_shown(one)}, which is not among the identifiers known here: `other` with license_name and license_link is always right",
                True,
            )
        else:
            yield (
                "license",
                f"license is {_shown(one)}, expected an identifier such as apache-2.0, mit or other{near}",
                False,
            )


def _index(index: list[Any]) -> Iterator[str]:
    for i, model in enumerate(index):
        if (
            not isinstance(model, Mapping)
            or not isinstance(model.get("name"), str)
            or not isinstance(model.get("results"), list)
        ):
            yield f"model-index[{i}] needs a name and a list of results"
            continue
        for j, result in enumerate(model["results"]):
            yield from _result(result, f"model-index[{i}].results[{j}]")


def _result(result: Any, where: str) -> Iterator[str]:
    if not isinstance(result, Mapping):
        yield f"{where} is no mapping"
        return
    for part, key in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
        inner = result.get(part)
        if not isinstance(inner, Mapping) or not isinstance(inner.get(key), str):
            yield f"{where}.{part}.{key} is missing, expected a string"
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        yield f"{where}.metrics is missing, expected a list"
        return
    for k, metric in enumerate(metrics):
        if (
            not isinstance(metric, Mapping)
            or not isinstance(metric.get("type"), str)
            or metric.get("value") is None
        ):
            yield f"{where}.metrics[{k}] needs a type and a value"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
