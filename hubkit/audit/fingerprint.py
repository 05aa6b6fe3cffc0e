"""What a verdict depends on besides the repository: the program and the rules asked. Where that changed, the store is no answer."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import hubkit

if TYPE_CHECKING:
    from hubkit.validate.selection import Selection

ROOMS = ("formats", "measures", "models", "readme", "tensors", "validate")


def rules_digest(selection: Selection) -> str:
    """hubkit's version, the source text of everything that judges, and the selection, as 16 hexadecimal digits."""
    chosen = [rule.code for rule in selection.rules()]
    changed = sorted((code, severity.word) for code, severity in selection.severity.items())
    text = repr((hubkit.__version__, _sources(), chosen, selection.ignores, changed))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@cache
def _sources() -> str:
    root = Path(hubkit.__file__).parent
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            if path.parent.name != "reporters":
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
