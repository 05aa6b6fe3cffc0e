"""YAML of strangers, read by one reader with limits: front matter, card.yaml, study files.

Events are turned into nodes without recursion, aliases counted each time they are used: a few lines of nested aliases can stand for billions of values.
With libyaml, which PyYAML's wheels bring, a text of 1 MB takes about a second; without it some ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

import yaml

MOST_NODES = 100_000
"""Values of one text, aliases counted each time they are used."""
MAX_DEPTH = 64
LONGEST_NUMBER = 400
"""Characters of a number or a date; Python reads long ones in quadratic time."""
PREFIX = "tag:yaml.org,2002:"
NUMBERS = {f"{PREFIX}int", f"{PREFIX}float", f"{PREFIX}timestamp"}
ODD = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML's constructor raises for a value that its tag does not fit: `!!bool maybe`, `!!timestamp x`, `!!int ""`."""


class YamlFault(ValueError):  # noqa: N818 - a fault of the text, which rules turn into a finding
    """What is not YAML here, or more than is read, and on which line (1-based)."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def load(text: str) -> Any:
    """The value of `text` with the safe tags only. Raises YamlFault."""
    return construct(compose(text))


def construct(node: yaml.Node | None) -> Any:
    """The value of a node. Raises YamlFault for a value that its tag does not fit."""
    if node is None:
        return None
    try:
        return _Constructor("").construct_document(node)
    except YamlFault:
        raise
    except ODD as error:  # what is made last: of lists and mappings
        raise YamlFault(_words(error), _line(error, node)) from error


class _Constructor(yaml.SafeLoader):
    """Says where the value stands that does not fit its tag."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node. Raises YamlFault."""
        try:
            return super().construct_object(node, deep)
        except YamlFault:
            raise
        except ODD as error:
            raise YamlFault(_words(error), _line(error, node)) from error


def _line(error: Exception, node: yaml.Node | None = None) -> int:
    mark = getattr(error, "problem_mark", None) or (node.start_mark if node else None)
    return mark.line + 1 if mark else 1


def compose(text: str) -> yaml.Node | None:
    """The root of `text`; None where there is nothing in it. Raises YamlFault."""
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=loader()):
            composer.take(event)
    except YamlFault:
        raise
    except (yaml.YAMLError, ValueError) as error:
        # libyaml counts the end of the text as a line of its own
        raise YamlFault(_words(error), min(_line(error), text.count("\n") + 1)) from error
    return composer.root


@cache
def loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _resolver() -> yaml.SafeLoader:
    return yaml.SafeLoader("")


def _words(error: Exception) -> str:
    """What a parser or constructor says, on one line."""
    if isinstance(error, yaml.MarkedYAMLError):
        return ", ".join(" ".join(part.split())[:200] for part in (error.context, error.problem) if part)
    said = " ".join(str(error).split())[:80]
    if isinstance(error, yaml.YAMLError):
        return said
    return f"a value does not fit its tag ({type(error).__name__}{f': {said}' if said else ''})"


@dataclass
class _Open:
    """A list or mapping whose end has not come."""

    node: yaml.CollectionNode
    anchor: str | None
    weight: int = 1
    parts: list[yaml.Node] = field(default_factory=list)


class _Composer:
    """Takes the events of one document and keeps its root."""

    def __init__(self) -> None:
        self.root: yaml.Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[yaml.Node, int] | None] = {}
        """Name to its node and weight; None while it is open."""
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """The next event. Raises YamlFault."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), 1, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(*self._named(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fail("expected a single document, found another", event)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}", event)
        kind = yaml.MappingNode if isinstance(event, yaml.MappingStartEvent) else yaml.SequenceNode
        tag = event.tag
        if tag is None or tag == "!":
            tag = f"{PREFIX}{'map' if kind is yaml.MappingNode else 'seq'}"
        if event.anchor:
            self._anchors[event.anchor] = None
        node = kind(tag, [], _mark(event.start_mark), _mark(event.end_mark), flow_style=event.flow_style)
        self._open.append(_Open(node, event.anchor))

    def _end(self, event: yaml.Event) -> None:
        done = self._open.pop()
        parts: list[Any] = done.parts
        if isinstance(done.node, yaml.MappingNode):
            parts = list(zip(parts[::2], parts[1::2], strict=True))
        done.node.value = parts
        done.node.end_mark = event.end_mark
        self._add(done.node, done.weight, done.anchor)

    def _scalar(self, event: yaml.ScalarEvent) -> yaml.ScalarNode:
        tag = event.tag
        if tag is None or tag == "!":
            tag = _resolver().resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        if tag in NUMBERS and len(event.value) > LONGEST_NUMBER:
            self._fail(
                f"a number of {len(event.value):,} characters, expected at most {LONGEST_NUMBER}", event
            )
        start, end = _mark(event.start_mark), _mark(event.end_mark)
        return yaml.ScalarNode(tag, event.value, start, end, style=event.style)

    def _named(self, event: yaml.AliasEvent) -> tuple[yaml.Node, int, None]:
        name = event.anchor or ""
        if name not in self._anchors:
            self._fail(f"the alias *{name[:40]} names nothing", event)
        found = self._anchors[name]
        if found is None:
            self._fail(f"the alias *{name[:40]} stands inside what it names", event)
        return (*found, None)

    def _add(self, node: yaml.Node, weight: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (node, weight)
        if not self._open:
            self.root = node
            return
        self._open[-1].parts.append(node)
        self._open[-1].weight += weight
        if self._open[-1].weight > MOST_NODES:
            self._fail(f"more than {MOST_NODES:,} values, aliases counted each time they are used", node)

    @staticmethod
    def _fail(message: str, at: yaml.Event | yaml.Node) -> NoReturn:
        raise YamlFault(message, at.start_mark.line + 1 if at.start_mark else 1)


def _mark(mark: Any) -> Any:
    """libyaml's marks are of a class of their own, with the same attributes."""
    return mark
