"""What the pickles of these tests call: it writes down that it was called, and does nothing else."""

from __future__ import annotations

RUNG: list[object] = []
"""Every call since it was last emptied."""


def ring(*arguments: object) -> object:
    """Note the call."""
    RUNG.append(arguments)
    return None


class Bell:
    """An object whose unpickling calls `ring`."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return ring, ("bell",)
