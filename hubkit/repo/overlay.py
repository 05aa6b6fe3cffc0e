"""A repository with some of its files replaced in memory: what it would be after an edit, before the edit is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubkit.repo.view import Entry, RepoView


@dataclass
class OverlayView(RepoView):
    """`under`, seen through `replaced`."""

    under: RepoView | None = None
    replaced: dict[str, bytes] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        below = self.under.list() if self.under else []
        kept = [entry for entry in below if entry.path not in self.replaced]
        return kept + [Entry(path, len(data)) for path, data in self.replaced.items()]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if entry.path in self.replaced:
            return self.replaced[entry.path][start:stop]
        return self.under.read_range(entry.path, start, stop) if self.under else b""
