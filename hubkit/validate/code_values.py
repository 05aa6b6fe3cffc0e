"""The values of a text of JSON, YAML or TOML, as every loader may see them: equal keys kept, aliases followed, tags kept, nothing constructed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Literal

import yaml

from hubkit.plain_yaml import loader

Form = Literal["json", "lines", "yaml", "toml", "jsonnet"]
"""jsonnet is a program that makes JSON: it is never parsed here."""
MOST_VALUES = 1_000_000
"""Of one text: more than a megabyte can hold."""
MERGE = "<<"
MOST_MERGED = 100_000
"""Pairs that come into objects of one text by MERGE."""
GONE = object()


class Pairs(list[tuple[str, Any]]):
    """An object with every pair that it has: which of two equal keys counts is the reader's affair."""


class Tagged(str):
    """A tag of YAML that stands before a value."""

    __slots__ = ()


def values(text: str, form: Form, words: re.Pattern[str]) -> Iterator[Any]:
    """Every document of a text; `lines`: of each line that has one of `words`. A text that is not of that form has none."""
    if form == "yaml":
        yield from _of_yaml(text)
        return
    for one in text.split("\n") if form == "lines" else [text]:
        if form == "lines" and words.search(one) is None:
            continue
        try:
            yield (
                _paired(tomllib.loads(one))
                if form == "toml"
                else json.loads(one.removeprefix("\ufeff"), object_pairs_hook=Pairs)
            )
        except (ValueError, RecursionError):
            continue


def objects(root: Any) -> Iterator[Any]:
    """Every object of a document as Pairs, every text that may be an expression, and every tag; each once, however many aliases lead to it."""
    left, seen = [root], set[int]()
    while left:
        value = left.pop()
        if isinstance(value, str):
            if value.startswith("$") or isinstance(value, Tagged):
                yield value
            continue
        if not isinstance(value, list) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Pairs):
            yield value
            left += [inner for _, inner in value]
        else:
            left += value


def strings(root: Any) -> Iterator[str]:
    """Every text of a document, keys too, tags not; each object once, however many aliases lead to it."""
    left, seen = [root], set[int]()
    while left:
        value = left.pop()
        if isinstance(value, Tagged):
            continue
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            left += value[::-1]
        elif isinstance(value, list) and id(value) not in seen:
            seen.add(id(value))
            left += value[::-1]


def _paired(table: dict[str, Any]) -> Pairs:
    """A table of TOML as Pairs, those in it too, without recursion: dotted keys lie as deep as they like."""
    root = Pairs()
    left: list[tuple[Any, list[Any]]] = [(table, root)]
    while left:
        source, into = left.pop()
        for key, value in source.items() if isinstance(source, dict) else enumerate(source):
            made = Pairs() if isinstance(value, dict) else [] if isinstance(value, list) else value
            into.append((key, made) if isinstance(source, dict) else made)
            if made is not value:
                left.append((value, made))
    return root


def _of_yaml(text: str) -> Iterator[Any]:
    """The documents; of a text that breaks off what stands before that."""
    reader = _Reader()
    try:
        for _, event in zip(range(MOST_VALUES), yaml.parse(text, Loader=loader()), strict=False):
            reader.take(event)
    except (yaml.YAMLError, ValueError):
        pass
    yield from reader.documents


class _Reader:
    """Makes values of YAML's events, without recursion."""

    def __init__(self) -> None:
        self.documents: list[list[Any]] = []
        """Each with its tags and its root."""
        self._anchors: dict[str, Any] = {}
        self._opened: list[Any] = []
        self._keys: list[Any] = []
        """Of each that is open the key whose value has not come, or GONE."""
        self._merged = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents.append([])
            self._anchors, self._opened, self._keys = {}, [self.documents[-1]], [GONE]
        elif isinstance(event, yaml.CollectionEndEvent):
            self._keys.pop()
            self._merge(self._opened.pop())
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._anchors.get(event.anchor or ""))
        elif isinstance(event, yaml.NodeEvent):
            self._begin(event)

    def _begin(self, event: Any) -> None:
        scalar = isinstance(event, yaml.ScalarEvent)
        value = event.value if scalar else Pairs() if isinstance(event, yaml.MappingStartEvent) else []
        if event.tag:
            self.documents[-1].append(Tagged(event.tag))
        if event.anchor:
            self._anchors[event.anchor] = value
        self._add(value)
        if not scalar:
            self._opened.append(value)
            self._keys.append(GONE)

    def _add(self, value: Any) -> None:
        into = self._opened[-1]
        if not isinstance(into, Pairs):
            into.append(value)
        elif self._keys[-1] is GONE:
            self._keys[-1] = value
        else:
            key, self._keys[-1] = self._keys[-1], GONE
            into.append((key if isinstance(key, str) else "", value))

    def _merge(self, made: Any) -> None:
        """What `<<` brings into an object."""
        for key, value in list(made) if isinstance(made, Pairs) else ():
            for base in (
                value
                if key == MERGE and isinstance(value, list) and not isinstance(value, Pairs)
                else [value]
            ):
                if key == MERGE and isinstance(base, Pairs) and self._merged + len(base) <= MOST_MERGED:
                    self._merged += len(base)
                    made += list(base)
