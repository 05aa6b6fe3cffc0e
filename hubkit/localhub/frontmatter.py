"""The YAML head of a README: cut off, loaded without surprises, made plain, and checked as the Hub checks it (`hubkit.card_metadata`)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml

from hubkit import plain_yaml
from hubkit.card_metadata import Breach, breaches, misforms
from hubkit.licenses import LICENSES
from hubkit.texts import shortened

HEAD = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
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
    """Raise HeadError for what stands first of what no card may have."""
    first = min(misforms(root), key=lambda one: one.line, default=None) if root is not None else None
    if first is not None:
        said = MISFORMED[first.kind].format(shortened(repr(first.what)))
        raise HeadError(f"{said} (line {first.line})")


MISFORMED = {
    "tag": "unknown tag {}",
    "merge": "merge keys are not for cards",
    "twice": "duplicated mapping key {}",
}


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
    found = list(islice(breaches(data), MOST_FAULTS))
    errors = list(dict.fromkeys(_words(breach) for breach in found if breach.refused))
    return Verdict(
        errors, [] if errors else [f"{_words(one)} The Hub may take it all the same." for one in found]
    )


def _words(breach: Breach) -> str:
    """In the Hub's own words."""
    return ANSWERS[breach.wanted].format(
        where=breach.where, value=shortened(repr(breach.value)), place=breach.place
    )


ANSWERS = {
    "finite": '"{where}" must be a finite number, it is {value}',
    "license": f'"license" must be one of [{", ".join(sorted(LICENSES))}], or a list of these; found {{value}}. '
    'For a license of your own use "other" with license_name and license_link.',
    "own_license": 'For "license: other", "{where}" should be given.',
    "listed_license": '"{where}" should be given only with "license: other".',
    "id": '"{where}" with value {value} is not valid. Use an id from https://hf.co/{place}.',
    "text": '"{where}" must be a string',
    "list": '"{where}" must be an array',
    "texts": '"{where}" must hold strings only',
    "language": '"{where}" with value {value} is not valid. It must be an ISO 639-1, 639-2 or 639-3 code (two/three letters), or a special value like "code", "multilingual".',
    "relation": '"{where}" must be one of [adapter, finetune, merge, quantized]',
    "model": '"{where}" must have a "name" and an array "results"',
    "result": '"{where}" must be an object',
    "field": '"{where}" must be a string',
    "metrics": '"{where}" must be an array',
    "metric": '"{where}" must have a "type" and a "value"',
}


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
