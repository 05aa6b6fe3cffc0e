"""Counts as people say them."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def some(names: list[str], between: str = ", ", *, most: int = 6) -> str:
    """The first of them, and how many more there are."""
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
