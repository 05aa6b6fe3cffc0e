"""`evidence.yaml` as a text: what it holds, and on which line each of it stands. No pydantic: a validation reads it too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str | int, ...]
"""Keys and positions from the top of the file."""
MARK = "urn:hubkit:evidence:"
"""What the `$schema` of one of hubkit's begins with."""


@dataclass(frozen=True)
class Fault:
    """Why it cannot be read."""

    message: str
    line: int


@dataclass(frozen=True)
class EvidenceText:
    """The file as it was read; with a fault it holds nothing."""

    path: str
    text: str
    raw: Any = None
    """Keys are texts, also those that YAML takes for nothing (`null:`) or for numbers (`0.95:`)."""
    lines: Mapping[Place, int] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it says that it is hubkit's: another program's file of this name is not judged."""
        if self.fault is not None:
            return MARK in self.text
        return isinstance(self.raw, Mapping) and str(self.raw.get("$schema")).startswith(MARK)

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def line(self, place: Place) -> int:
        """Of the nearest thing that is there: a key that is missing has the line of what lacks it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def values(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Its plain values as written, with their positions."""
        listed = self.raw.get("values") if isinstance(self.raw, Mapping) else None
        for position, item in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(item, Mapping):
                yield position, item


class _RefusedError(ValueError):
    """YAML that would hide what is stated."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_text(text: str, path: str) -> EvidenceText:
    """Read an evidence.yaml. Never raises: what is no YAML, or holds aliases or a key twice, has a fault."""
    import yaml

    loader = None
    try:
        _refuse_aliases(text)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        if node is not None:
            _note_lines(node, (), lines)
        raw = None if node is None else _with_words(loader.construct_document(node))
    except _RefusedError as error:
        return EvidenceText(path, text, fault=error.fault)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split()) or "nested too deeply"
        mark = getattr(error, "problem_mark", None)
        return EvidenceText(path, text, fault=Fault(f"not YAML: {words}", mark.line + 1 if mark else 1))
    finally:
        if loader is not None:
            loader.dispose()
    return EvidenceText(path, text, raw, lines)


def _refuse_aliases(text: str) -> None:
    """They can make a small file huge, and show a value far from where it is stated."""
    import yaml

    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(Fault("holds a YAML alias (`*name`): write the value out", _at(event)))


def _at(marked: Any) -> int:
    return int(marked.start_mark.line) + 1


def _with_words(part: Any) -> Any:
    if isinstance(part, dict):
        return {"null" if key is None else str(key): _with_words(value) for key, value in part.items()}
    return [_with_words(value) for value in part] if isinstance(part, list) else part


def _note_lines(node: Any, place: Place, lines: dict[Place, int]) -> None:
    import yaml

    lines.setdefault(place, _at(node))
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note_lines(item, (*place, position), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                raise _RefusedError(Fault(f"{key.value} stands twice", _at(key)))
            lines[inner] = _at(key)
            _note_lines(value, inner, lines)
