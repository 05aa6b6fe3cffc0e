"""A share of the work for each of several runs that know nothing of each other: Slurm arrays, HF Jobs, two laptops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hubkit.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Share `index` (from 1) of `count`."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """`2/5`. Raises UsageError for anything else, and for a share that there is not."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.index <= shard.count:
            raise UsageError(f"--shard {text}: expected i/N with i from 1 to N", hint="--shard 1/4")
        return shard

    def of(self, items: Sequence[Item]) -> list[Item]:
        """Every count-th item: the shares of the same items are disjoint, and together all of them."""
        return list(items[self.index - 1 :: self.count])

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
