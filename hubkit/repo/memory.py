"""Files held in memory: for tests, and for asking a rule about files that are not written yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubkit.errors import IncompleteError
from hubkit.repo.view import Entry, RepoView


@dataclass
class MemoryView(RepoView):
    """`files` by path; `unreadable` are listed with a size, and reading them fails, as a gated or vanished file does."""

    files: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        listed = {path: len(data) for path, data in self.files.items()} | self.unreadable
        return [Entry(path, size) for path, size in listed.items()]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if entry.path not in self.files:
            raise IncompleteError(f"{entry.path}: listed, but it cannot be read")
        return self.files[entry.path][start:stop]
