"""Views of a repository as it would be: with some files replaced, and cut down to one SAE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hubkit.fix.content import Content
from hubkit.repo.view import Entry, RepoView


@dataclass
class Proposal(RepoView):
    """`under`, seen through the files that a fix would write. No file is held whole for it."""

    under: RepoView | None = None
    replaced: Mapping[str, Content] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        below = self.under.list() if self.under else []
        kept = [entry for entry in below if entry.path not in self.replaced]
        return kept + [Entry(path, content.size) for path, content in self.replaced.items()]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if entry.path in self.replaced:
            return self.replaced[entry.path].read(start, stop)
        return self.under.read_range(entry.path, start, stop) if self.under else b""


@dataclass
class OneSae(RepoView):
    """The files of one SAE, under their own paths: what is asked of it is not asked of its neighbours again."""

    under: RepoView | None = None
    folders: frozenset[str] = frozenset()
    files: frozenset[str] | None = None
    """Of an SAE that is one file among several of its folder: that file; None: all of its folder's."""

    def _list(self) -> list[Entry]:
        below = self.under.list() if self.under else []
        return [entry for entry in below if entry.folder in self.folders or entry.path in (self.files or ())]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        return self.under.read_range(entry.path, start, stop) if self.under else b""


def proposed(view: RepoView, files: Mapping[str, Content]) -> Proposal:
    """`view` with `files` in it."""
    return Proposal(name=view.name, repository=view.repository, under=view, replaced=dict(files))


def one_sae(view: RepoView, folder: str) -> OneSae:
    """`view` cut down to the SAE in `folder`."""
    folders = frozenset({folder, str(PurePosixPath(folder) / "checkpoints")})
    return OneSae(name=view.name, repository=view.repository, under=view, folders=folders)


def one_file(view: RepoView, sae_id: str, paths: Iterable[str]) -> OneSae:
    """`view` cut down to an SAE that is one file among others of its folder, and to the folder of its name, which a fix may have begun to fill."""
    return OneSae(
        name=view.name,
        repository=view.repository,
        under=view,
        folders=frozenset({sae_id}),
        files=frozenset(paths),
    )
