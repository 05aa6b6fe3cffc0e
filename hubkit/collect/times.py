"""What the stages of collecting took. Torch-free."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_times(path: Path) -> dict[str, float]:
    """What `Times.written` left at `path`; empty where nothing did."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): float(value) for name, value in found.items()} if isinstance(found, dict) else {}


class Times:
    """Seconds of each stage, for a person who plans the next run: in a file of the work folder, and no part of the pool."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what the block takes as `stage`."""
        begun = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - begun

    def written(self, completions: int, rows: int) -> dict[str, float]:
        """Seconds by stage, and how many completions and rows came in one."""
        found = {f"{stage}, s": round(seconds, 1) for stage, seconds in self.seconds.items()}
        if sampling := self.seconds.get("sampling"):
            found["completions/s"] = round(completions / sampling, 2)
        found["rows/s"] = round(rows / max(self.seconds["activations"], 1e-9), 2)
        return found
