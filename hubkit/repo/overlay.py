"""A folder or repository as it would be with some small files replaced or added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubkit.repo.view import Entry, RepoView


@dataclass
class Overlay(RepoView):
    """`under`, seen through `files`, which are held in memory."""

    under: RepoView | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        below = self.under.list() if self.under else []
        kept = [entry for entry in below if entry.path not in self.files]
        return kept + [Entry(path, len(data)) for path, data in self.files.items()]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if entry.path in self.files:
            return self.files[entry.path][start:stop]
        return self.under.read_range(entry.path, start, stop) if self.under else b""


def overlaid(view: RepoView, files: Mapping[str, bytes]) -> Overlay:
    """`view` with `files` in it."""
    return Overlay(name=view.name, repository=view.repository, under=view, files=files)
