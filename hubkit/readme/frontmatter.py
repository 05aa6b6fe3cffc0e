"""What the Hub would refuse in a card's front matter (`hubkit.card_metadata`), each fault with its key and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from hubkit.card_metadata import MOST_NODES, Breach, breaches
from hubkit.licenses import LICENSES

if TYPE_CHECKING:
    from hubkit.readme.document import Readme

PYTHON = "tag:yaml.org,2002:python/"
PLAIN = "tag:yaml.org,2002:"


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
    try:
        node = yaml.compose(readme.head, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        text = getattr(error, "problem", None) or " ".join(str(error).split()) or "nested too deeply"
        return [Fault(f"the front matter is not YAML: {text}", line=2 + (mark.line if mark else 0))]
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        return [Fault("the front matter is a list or plain text, expected keys and values")]
    return list(_nodes(node)) or _read(readme, node)


def _read(readme: Readme, node: yaml.MappingNode) -> list[Fault]:
    """Faults of the values, once the YAML itself is sound."""
    if readme.front_matter is None:
        return [Fault(readme.fault or "the front matter cannot be read")]
    lines = {str(key.value): key.start_mark.line + 2 for key, _ in node.value}
    return [
        Fault(message, key, lines.get(key, 1), doubt) for key, message, doubt in _values(readme.front_matter)
    ]


def _nodes(root: yaml.MappingNode) -> Iterator[Fault]:
    """Python objects, other tags, merge and doubled keys, aliases without end."""
    stack: list[Any] = [root]
    for _ in range(MOST_NODES):
        if not stack:
            return
        node = stack.pop()
        line = node.start_mark.line + 2
        if node.tag.startswith(PYTHON):
            yield Fault(f"a Python object ({node.tag.removeprefix(PYTHON)}), expected plain YAML", line=line)
        elif not node.tag.startswith(PLAIN):
            yield Fault(f"the tag {node.tag}, expected plain YAML", line=line)
        if isinstance(node, yaml.MappingNode):
            yield from _keys(node)
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
    yield Fault(f"more than {MOST_NODES:,} values, aliases counted each time they are used")


def _keys(node: yaml.MappingNode) -> Iterator[Fault]:
    seen: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 2
        if key.tag == f"{PLAIN}merge":
            yield Fault("a merge key (<<), which the Hub does not read", line=line)
        elif isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                yield Fault(f"the key {key.value!r} stands twice", key.value, line)
            seen.add(key.value)


def _values(front: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(key, message, doubt) of every value that the Hub does not take."""
    return ((breach.key, _words(breach), breach.doubt) for breach in breaches(front))


def _words(breach: Breach) -> str:
    """What is wrong, and what was expected."""
    where, value = breach.where, breach.value
    if breach.wanted == "license":
        return _license(value, doubt=breach.doubt)
    if breach.wanted == "language":
        return f"language is {value!r}, expected a code of ISO 639 in lower case (en, deu), or code or multilingual"
    if breach.wanted == "texts":
        said = ' (YAML reads an unquoted no as false: write "no")' if value is False else ""
        return f"{where} holds {value!r}, expected strings only{said}"
    if breach.wanted in EXPECTED:
        return f"{where} is {value!r}, expected {EXPECTED[breach.wanted].format(place=breach.place)}"
    return f"{where} {NEEDS[breach.wanted]}" if breach.wanted != "field" else _field(breach)


EXPECTED = {
    "id": "an id from https://hf.co/{place}, such as OWNER/NAME",
    "text": "a string",
    "list": "a list",
    "relation": "adapter, finetune, merge or quantized",
}
NEEDS = {
    "finite": "holds NaN or infinity, expected a finite number",
    "model": "needs a name and a list of results",
    "result": "is no mapping",
    "metrics": "is missing, expected a list",
    "metric": "needs a type and a value",
}


def _field(breach: Breach) -> str:
    found = "missing" if breach.value is None else repr(breach.value)
    return f"{breach.where} is {found}, expected a string"


def _license(value: Any, *, doubt: bool) -> str:
    if doubt:
        return f"license is {value!r}, which is not among the identifiers known here: `other` with license_name and license_link is always right"
    near = f"; {value.lower()!r} is one" if isinstance(value, str) and value.lower() in LICENSES else ""
    return f"license is {value!r}, expected an identifier such as apache-2.0, mit or other{near}"
