"""What a kind of value can do: read what a card says, compare it with a file, show it."""

from __future__ import annotations

import re
from typing import Any, Protocol

Value = Any
"""A number and its bounds, a name, or a list of names: whatever the kind reads."""


BRACKETS = re.compile(r" ?\([^()]{0,200}\)")


class Kind(Protocol):
    """A kind of value."""

    def read(self, text: str) -> Value | None:
        """What a card's words say; None for what cannot be told."""

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether both say the same; None where nobody can tell."""

    def shown(self, stated: Value) -> str:
        """The stated value, as a finding tells it."""
