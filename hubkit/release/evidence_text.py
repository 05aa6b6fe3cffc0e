"""`evidence.yaml` as a text: what it holds, and on which line each of it stands. No pydantic: a validation reads it too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubkit.texts import shortened

if TYPE_CHECKING:
    import yaml

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


def read_text(text: str, path: str) -> EvidenceText:
    """Read an evidence.yaml. Never raises: what is no YAML, or holds aliases or a key twice, has a fault."""
    from hubkit import plain_yaml

    try:
        node = plain_yaml.compose(text)
        lines = _lines(node)
        return EvidenceText(path, text, _with_words(plain_yaml.construct(node)), lines)
    except _RefusedError as error:
        return EvidenceText(path, text, fault=error.fault)
    except plain_yaml.YamlFault as error:
        return EvidenceText(path, text, fault=Fault(f"not YAML: {error.message}", error.line))


class _RefusedError(ValueError):
    """YAML that would hide what is stated."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.fault = Fault(message, line)


def _lines(root: yaml.Node | None) -> dict[Place, int]:
    """The line of everything in it. Raises _RefusedError for aliases, which show a value far from where it is stated, and for keys that stand twice."""
    lines: dict[Place, int] = {}
    seen: set[int] = set()
    stack: list[tuple[Place, Any]] = [((), root)] if root is not None else []
    while stack:
        place, node = stack.pop()
        line = lines.setdefault(place, _at(node))
        if id(node) in seen:
            raise _RefusedError("holds a YAML alias (`*name`): write the value out", line)
        seen.add(id(node))
        if node.id == "sequence":
            stack += [((*place, position), item) for position, item in enumerate(node.value)][::-1]
        elif node.id == "mapping":
            for key, _ in node.value:
                inner = (*place, str(key.value))
                if inner in lines:
                    raise _RefusedError(f"{shortened(str(key.value))} stands twice", _at(key))
                lines[inner] = _at(key)
            stack += [((*place, str(key.value)), value) for key, value in node.value][::-1]
    return lines


def _at(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _with_words(part: Any) -> Any:
    if isinstance(part, dict):
        return {"null" if key is None else str(key): _with_words(value) for key, value in part.items()}
    return [_with_words(value) for value in part] if isinstance(part, list) else part
