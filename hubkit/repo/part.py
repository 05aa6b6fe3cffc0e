"""A part of a view as a view of its own: one release among several, or what lies around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hubkit.repo.view import Entry, RepoView, Want, nothing_more

T = TypeVar("T")


@dataclass
class PartView(RepoView):
    """The files of `under` below `folder`, by their paths from there. What it reads is counted by `under`, and by nobody else."""

    under: RepoView = field(kw_only=True)
    folder: str = "."
    left_out: frozenset[str] = frozenset()

    def _list(self) -> list[Entry]:
        found = []
        for entry in self.under.list():
            path = self._here(entry.path)
            if path is not None and not lies_in(path, self.left_out):
                found.append(replace(entry, path=path))
        return found

    def _here(self, path: str) -> str | None:
        """The path from `folder` on; None for what is not below it."""
        if self.folder == ".":
            return path
        return path.removeprefix(f"{self.folder}/") if path.startswith(f"{self.folder}/") else None

    def _there(self, path: str) -> str:
        return path if self.folder == "." else f"{self.folder}/{path}"

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        return self.under.read_range(self._there(entry.path), start, stop)

    def _read_into(self, entry: Entry, start: int, buffer: memoryview) -> int:
        self.under.read_into(self._there(entry.path), start, buffer)
        return len(buffer)

    def held_open(self, path: str) -> AbstractContextManager[None]:
        """As the view under it does."""
        return self.under.held_open(self._there(path))

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        """As the view under it does."""
        return self.under.at_hand(self._there(path), start, stop)

    def prefetch(self, wants: Iterable[Want], then: Callable[[str], Iterable[Want]] = nothing_more) -> None:
        """As the view under it does."""

        def further(path: str) -> Iterable[Want]:
            here = self._here(path)
            found = then(here) if here is not None else ()
            return [(self._there(one), start, stop) for one, start, stop in found]

        self.under.prefetch([(self._there(path), start, stop) for path, start, stop in wants], further)

    def each(self, action: Callable[[T], None], items: Iterable[T]) -> None:
        """As the view under it does."""
        self.under.each(action, items)

    def settle(self) -> None:
        """As the view under it does."""
        self.under.settle()

    def _count(self, size: int) -> None:
        """Nothing: the view under this one counts."""


def lies_in(path: str, folders: frozenset[str]) -> bool:
    """Whether a file is in one of the folders, however deep."""
    if not folders:
        return False
    parts = path.split("/")
    return any("/".join(parts[:n]) in folders for n in range(1, len(parts)))


def part_of(view: RepoView, folder: str, left_out: frozenset[str] = frozenset()) -> RepoView:
    """What lies in `folder` (`.` is all of it) as a view of its own, without the folders `left_out`, which are relative to it."""
    if (own := view.own_part(folder, left_out)) is not None:
        return own
    name = view.name if folder == "." else f"{view.name}/{folder}"
    within = "/".join(one for one in (view.within, folder) if one not in ("", "."))
    found = PartView(
        name,
        view.revision,
        repository=view.repository,
        deadline=view.deadline,
        within=within,
        under=view,
        folder=folder,
        left_out=left_out,
    )
    found.block, found.at_once, found.near = view.block, view.at_once, view.near  # type: ignore[misc]  # as far away as the view under it
    return found
