"""A JSON file of a repository: its text, what it holds, and on which line each of it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hubkit.formats.strict_json import Document, JsonFault, parse


@dataclass(frozen=True)
class JsonFile:
    """Its text, and what it holds where it is strict JSON."""

    path: str
    text: str
    sha256: str
    """Of its bytes."""
    document: Document | None = None
    fault: JsonFault | None = None

    @property
    def value(self) -> Mapping[str, Any]:
        """The object it holds; empty where it holds none."""
        value = self.document.value if self.document else None
        return value if isinstance(value, Mapping) else {}

    def as_object(self) -> JsonFile:
        """The same; a fault where it is JSON and no object."""
        if self.document is None or isinstance(self.document.value, Mapping):
            return self
        kind = type(self.document.value).__name__
        return replace(self, fault=JsonFault(f"the file holds a JSON {kind}, expected an object", 1))

    def line(self, pointer: str) -> int | None:
        """The line of the value at a JSON pointer."""
        return self.document.lines.get(pointer) if self.document else None


def json_file(path: str, data: bytes) -> JsonFile:
    """A JSON file from its bytes. Never raises: what is no JSON has a fault."""
    text, digest = data.decode("utf-8", errors="replace"), hashlib.sha256(data).hexdigest()
    try:
        return JsonFile(path, text, digest, document=parse(data))
    except JsonFault as fault:
        return JsonFile(path, text, digest, fault=fault)
