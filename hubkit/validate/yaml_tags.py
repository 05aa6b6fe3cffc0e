"""Python's tags in YAML: what an unsafe loader would import or call.

Source: PyYAML 6.0 (constructor.py: FullConstructor, UnsafeConstructor). Its two parsers differ: what either of them makes of a text counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from hubkit.plain_yaml import MAX_DEPTH, PREFIX, loader
from hubkit.validate.finding import Severity
from hubkit.validate.imports import is_harmless, runs_code

PYTHON = f"{PREFIX}python/"
BUILDS = {"object/apply", "object/new"}
"""Tags that call what they name."""
NAMES = {*BUILDS, "object", "name", "module"}
"""Tags that import it."""
WORDS = re.compile(r"!!python/(?:object|name|module)|yaml\.org,2002:python|%TAG\b")
ESCAPED = re.compile("%([0-9A-Fa-f]{2})")
LONGEST_SLOW = 1 << 14
"""Characters that PyYAML's own parser is given."""

Tag = tuple[Severity, str, int]
"""How bad it is, what it names, and its line."""


def tag_words(text: str) -> re.Match[str] | None:
    """The first place that looks like such a tag, or declares a handle; in `text` with its percent escapes undone."""
    return WORDS.search(ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))


def python_tags(text: str) -> list[Tag]:
    """Each tag that makes PyYAML import or call something which is not harmless. Of a text that is too long to be read twice, its words."""
    words = tag_words(text)
    if words is None:
        return []
    found, whole = _parsed(text, loader())
    slow, followed = _slowly_parsed(text)
    known = {name for _, name, _ in found}
    found += [one for one in slow if one[1] not in known]
    if found or whole or followed:
        return found
    return [(Severity.WARNING, words.group(), words.string.count("\n", 0, words.start()) + 1)]


def _slowly_parsed(text: str) -> tuple[list[Tag], bool]:
    """What PyYAML's own parser makes of a short text that is not nested deep, and whether it was such a one."""
    if len(text) > LONGEST_SLOW:
        return [], False
    try:
        return _parsed(text, _Shallow)[0], True
    except RecursionError:
        return [], False


class _Shallow(yaml.SafeLoader):
    """Its scanner looks at every open bracket of a line for each further one."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        """Raises RecursionError above MAX_DEPTH."""
        if self.flow_level > MAX_DEPTH:
            raise RecursionError
        super().fetch_flow_collection_start(token)


def _parsed(text: str, parser: Any) -> tuple[list[Tag], bool]:
    """The tags in the documents that come to their end, and whether all do: no loader makes anything of another, nor gets to the next."""
    found: list[Tag] = []
    whole: list[Tag] = []
    try:
        for event in yaml.parse(text, Loader=parser):
            found += _of_event(event)
            if isinstance(event, yaml.DocumentEndEvent):
                whole, found = whole + found, []
    except (yaml.YAMLError, ValueError):
        return whole, False
    return whole, True


def _of_event(event: yaml.Event) -> Iterator[Tag]:
    tag = getattr(event, "tag", None)
    if isinstance(tag, str) and tag.startswith(PYTHON):
        line = event.start_mark.line + 1 if event.start_mark else 1
        kind, _, name = tag.removeprefix(PYTHON).partition(":")
        if kind in NAMES and not is_harmless(name):
            yield _severity(kind, name), tag.removeprefix(PREFIX)[:200], line


def _severity(kind: str, name: str) -> Severity:
    """What is called is worse than what is only imported, and worst where it runs code."""
    return Severity(Severity.NOTE + (kind in BUILDS) + runs_code(name))
