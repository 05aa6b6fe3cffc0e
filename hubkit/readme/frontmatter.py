"""What the Hub would refuse in a card's front matter (`hubkit.card_metadata`), each fault with its key and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from hubkit.card_metadata import PYTHON, Breach, breaches, misforms
from hubkit.licenses import LICENSES
from hubkit.texts import shortened

if TYPE_CHECKING:
    from hubkit.readme.document import Readme

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
    for one in misforms(root):
        line = one.line + 1  # the head begins on the second line
        if one.kind == "merge":
            yield Fault("a merge key (<<), which the Hub does not read", line=line)
        elif one.kind == "twice":
            yield Fault(f"the key {_shown(one.what)} stands twice", shortened(one.what), line)
        elif one.what.startswith(PYTHON):
            what = shortened(one.what.removeprefix(PYTHON))
            yield Fault(f"a Python object ({what}), expected plain YAML", line=line)
        else:
            yield Fault(f"the tag {shortened(one.what)}, expected plain YAML", line=line)


def _shown(value: Any) -> str:
    return shortened(repr(value))


def _values(front: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(key, message, doubt) of every value that the Hub does not take."""
    absent: dict[tuple[str, str], list[Breach]] = {}
    for breach in (found := list(islice(breaches(front), MOST_FAULTS + 1))):
        absent.setdefault(_absence(breach), []).append(breach)
    for breach in found:
        together = absent.pop(_absence(breach), None) if breach.wanted in ABSENT else [breach]
        if together:
            yield breach.key, _all_missing(together) if len(together) > 1 else _words(breach), breach.doubt


def _absence(breach: Breach) -> tuple[str, str]:
    """What tells keys that are missing together from others: their place, and for what they are wanted; of a value that is there itself."""
    if breach.value is not None:
        return breach.where, "there"
    place = RESULT.match(breach.where)
    return place.group() if place else "", breach.wanted


def _all_missing(breaches: list[Breach]) -> str:
    """The keys that one place lacks, in one sentence."""
    *first, last = [breach.where for breach in breaches]
    rest = [
        one.removeprefix(place.group()) if (place := RESULT.match(one)) else one for one in (*first[1:], last)
    ]
    shown = ", ".join([first[0], *rest[:-1]]) + f" and {rest[-1]}"
    return f"{shown} are missing, expected {'strings' if breaches[0].wanted == 'field' else 'beside `license: other`'}"


def _words(breach: Breach) -> str:
    """What is wrong, and what was expected."""
    where, value = breach.where, breach.value
    if breach.wanted == "license":
        return _license(value, doubt=breach.doubt)
    if breach.wanted == "language":
        return f"language is {_shown(value)}, expected a code of ISO 639 in lower case (en, deu), or code or multilingual"
    if breach.wanted == "texts":
        said = ' (YAML reads an unquoted no as false: write "no")' if value is False else ""
        return f"{where} holds {_shown(value)}, expected strings only{said}"
    if breach.wanted in EXPECTED:
        return f"{where} is {_shown(value)}, expected {EXPECTED[breach.wanted].format(place=breach.place)}"
    return f"{where} {NEEDS[breach.wanted]}" if breach.wanted != "field" else _field(breach)


ABSENT = {"field", "own_license"}
"""Keys that are wanted together with others."""
RESULT = re.compile(r"model-index\[\d+\]\.results\[\d+\]\.(?:metrics\[\d+\]\.)?")
EXPECTED = {
    "id": "an id from https://hf.co/{place}, such as OWNER/NAME",
    "text": "a string",
    "list": "a list",
    "listed_license": "it only beside `license: other`: what the Hub shows is the licence of its list",
    "relation": "one of the relations that the Hub knows between two models (adapter, finetune, merge, quantized)",
}
NEEDS = {
    "finite": "holds NaN or infinity, expected a finite number",
    "own_license": "is missing, expected beside `license: other`",
    "model": "needs a name and a list of results",
    "result": "is no mapping",
    "metrics": "is missing, expected a list",
    "metric": "needs a type and a value",
}


def _field(breach: Breach) -> str:
    found = "missing" if breach.value is None else _shown(breach.value)
    return f"{breach.where} is {found}, expected a string"


def _license(value: Any, *, doubt: bool) -> str:
    if doubt:
        return f"license is {_shown(value)}, which is not among the identifiers known here: `other` with license_name and license_link is always right"
    near = f"; {value.lower()!r} is one" if isinstance(value, str) and value.lower() in LICENSES else ""
    return f"license is {_shown(value)}, expected an identifier such as apache-2.0, mit or other{near}"
