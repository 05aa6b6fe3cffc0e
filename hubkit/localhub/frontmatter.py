"""The YAML head of a README: cut off, loaded without surprises, made plain, and checked as the Hub checks it (`hubkit.card_metadata`)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from hubkit.card_metadata import MOST_NODES, Breach, breaches, leaves

HEAD = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
LONGEST_HEAD = 2_000_000


class HeadError(ValueError):
    """The head cannot be read as one YAML mapping."""


class _Loader(yaml.SafeLoader):
    """Safe, and strict about keys that come twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise HeadError(f"merge keys are not for cards (line {key.start_mark.line + 1})")
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise HeadError(f"duplicated mapping key {key.value!r} (line {key.start_mark.line + 1})")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


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
    try:
        value = yaml.load(head, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        RecursionError,
    ) as error:  # also `2026-13-01`, `[{}]: 1`, deep nesting
        raise HeadError(" ".join(str(error).split()) or "it is nested too deeply") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HeadError(f"it must be a mapping of keys to values, not a {type(value).__name__}")
    if sum(1 for _ in leaves(value)) > MOST_NODES:
        raise HeadError(f"it holds more than {MOST_NODES} values")
    return value


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
    found = list(breaches(data))
    errors = list(dict.fromkeys(_words(breach) for breach in found if not breach.doubt))
    return Verdict(errors, [] if errors else [_doubts(breach) for breach in found])


def _words(breach: Breach) -> str:
    """In the Hub's own words."""
    return ANSWERS[breach.wanted].format(where=breach.where, value=breach.value, place=breach.place)


ANSWERS = {
    "finite": '"{where}" must be a finite number, it is {value}',
    "license": '"license" must be an identifier such as apache-2.0, mit or other, or a list of these; found {value!r}',
    "id": '"{where}" with value {value!r} is not valid. Use an id from https://hf.co/{place}.',
    "text": '"{where}" must be a string',
    "list": '"{where}" must be an array',
    "texts": '"{where}" must hold strings only',
    "language": '"{where}" with value {value!r} is not valid. It must be an ISO 639-1, 639-2 or 639-3 code (two/three letters), or a special value like "code", "multilingual".',
    "relation": '"{where}" must be one of [adapter, finetune, merge, quantized]',
    "model": '"{where}" must have a "name" and an array "results"',
    "result": '"{where}" must be an object',
    "field": '"{where}" must be a string',
    "metrics": '"{where}" must be an array',
    "metric": '"{where}" must have a "type" and a "value"',
}


def _doubts(breach: Breach) -> str:
    if breach.wanted == "license":
        return (
            f'"license" {breach.value!r} is not among the identifiers known here: the Hub may refuse it. '
            'For a license of your own use "other" with license_name and license_link.'
        )
    return f"{_words(breach)} The Hub may take it all the same."


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
