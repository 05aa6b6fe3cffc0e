"""Several views side by side, each as a folder of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubkit.repo.view import Entry, RepoView


@dataclass
class JoinedView(RepoView):
    """`parts` by the folders that they are seen as, whose names hold no `/`."""

    parts: Mapping[str, RepoView] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        return [
            replace(entry, path=f"{folder}/{entry.path}")
            for folder, part in self.parts.items()
            for entry in part.list()
        ]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        folder, _, path = entry.path.partition("/")
        return self.parts[folder].read_range(path, start, stop)
