"""Counts and sizes as people say them."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def some(names: list[str], between: str = ", ", *, most: int = 6) -> str:
    """The first of them, and how many more there are."""
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def human_bytes(count: float) -> str:
    """`633 kB`, `574.7 MB`: powers of 1000, as the Hub shows sizes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in {"B", "kB"} else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
