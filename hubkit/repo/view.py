"""What every source of bytes looks like to the rest: a listing, whole small files, ranges of large ones, and a count of what it cost."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, TypeVar

from hubkit.errors import IncompleteError

if TYPE_CHECKING:
    from hubkit.repo.deadline import Deadline

T = TypeVar("T")
Want = tuple[str, int, int]
"""A path, and the bytes [start, stop) of it."""

SMALL_FILE = 1 << 20
"""Whole files above this many bytes are refused: configurations and cards are far smaller."""
MOST_REFUSED = 1000
HASHED_AT_ONCE = 8 << 20
"""Bytes."""


def nothing_more(_: str) -> Iterable[Want]:
    """No range leads to another."""
    return ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the listing."""

    path: str
    """Relative, with `/`."""
    size: int
    """Bytes."""
    sha256: str | None = None
    """The Hub's LFS oid, where the listing gives one."""

    @property
    def folder(self) -> str:
        """The folder of the file, `.` at the root."""
        return self.path.rpartition("/")[0] or "."

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class TooLargeError(IncompleteError):
    """A file that is read whole is larger than `SMALL_FILE`."""


@dataclass
class RepoView(ABC):
    """A repository or folder to read. Subclasses give `_list` and `_read_range`; reads are counted here."""

    block: ClassVar[int] = 1 << 20
    """Bytes to ask for at a time when all of a file is read. Near: within a core's second-level cache, so that what was read is still
    there when it is looked at."""
    near: ClassVar[bool] = True
    """Whether a read costs next to nothing: no request, no waiting."""
    at_once: ClassVar[int] = 2
    """Files to read whole at a time: numpy and hashlib let go of the interpreter."""

    name: str
    """As the user typed it: for messages, never to be judged by."""
    revision: str | None = None
    """The commit that is read, where there is one."""
    repository: str | None = None
    """OWNER/NAME of a repository on the Hub. A folder has none, whatever its path looks like; what it says of itself is in its files."""
    deadline: Deadline | None = field(default=None, repr=False)
    """When this command ends; a Hub's view has one of its own where it is given none."""
    within: str = ""
    """Where a part of a repository lies in it; empty for the whole, and for every folder."""
    bytes_read: int = 0
    requests: int = 0
    refused: list[str] = field(default_factory=list)
    """Names of the listing that could lead out of the repository or deceive a reader; none of them is read. At most MOST_REFUSED."""
    _entries: dict[str, Entry] | None = field(default=None, repr=False)
    _counting: Lock = field(default_factory=Lock, repr=False, compare=False)

    @abstractmethod
    def _list(self) -> list[Entry]:
        """Every file. Raises HubkitError."""

    @abstractmethod
    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of a file. Raises IncompleteError."""

    def list(self) -> list[Entry]:
        """Every file, sorted by path; asked for once."""
        return list(self._by_path().values())

    def entry(self, path: str) -> Entry | None:
        """The file at `path`, or None."""
        return self._by_path().get(path)

    def instead_of(self, path: str) -> str | None:
        """What lies at `path` where it is no file of the listing (`a folder`); None where nothing does."""
        inside = f"{path}/"
        return "a folder" if any(other.startswith(inside) for other in self._by_path()) else None

    def read(self, path: str) -> bytes:
        """A whole small file. Raises IncompleteError; TooLargeError above SMALL_FILE bytes."""
        entry = self._need(path)
        if entry.size > SMALL_FILE:
            raise TooLargeError(
                f"{path}: {entry.size:,} bytes, expected at most {SMALL_FILE:,} for a file that is read whole"
            )
        return self.read_range(path, 0, entry.size)

    def sha256(self, path: str) -> str:
        """The listing's checksum of `path`, or that of all its bytes, read block by block. Raises IncompleteError."""
        entry = self._need(path)
        if entry.sha256 is not None:
            return entry.sha256
        digest = hashlib.sha256()
        for start in range(0, entry.size, HASHED_AT_ONCE):
            digest.update(self.read_range(path, start, start + HASHED_AT_ONCE))
        return digest.hexdigest()

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of `path`, cut at its end. Raises IncompleteError when fewer come than the listing promises."""
        entry = self._need(path)
        stop = min(stop, entry.size)
        if start >= stop:
            return b""
        data = self._read_range(entry, start, stop)
        self._count(len(data))
        if len(data) != stop - start:
            raise IncompleteError(
                f"{path}: {len(data):,} bytes came where {stop - start:,} were asked for; the file changed or the transfer broke"
            )
        return data

    def read_into(self, path: str, start: int, buffer: memoryview) -> None:
        """Fill `buffer` (of bytes) with the file from `start` on: `read_range` without a new allocation. Raises IncompleteError."""
        entry = self._need(path)
        wanted = min(len(buffer), max(0, entry.size - start))
        got = self._read_into(entry, start, buffer[:wanted]) if wanted else 0
        self._count(got)
        if got != len(buffer):
            raise IncompleteError(
                f"{path}: {got:,} bytes came where {len(buffer):,} were asked for; the file changed or the transfer broke"
            )

    def held_open(self, path: str) -> AbstractContextManager[None]:
        """While this lasts, `path` is read by this thread from front to back: a disk reads ahead in a file that stays open."""
        del path
        return nullcontext()

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        """Whether bytes [start, stop) of `path`, cut at its end, cost no request."""
        del path, start, stop
        return self.near

    def _read_into(self, entry: Entry, start: int, buffer: memoryview) -> int:
        """How many bytes were put into `buffer`, which does not reach beyond the file."""
        data = self._read_range(entry, start, start + len(buffer))
        if len(data) == len(buffer):
            buffer[:] = data
        return len(data)

    def prefetch(  # noqa: B027 - nothing to do where bytes are near
        self, wants: Iterable[Want], then: Callable[[str], Iterable[Want]] = nothing_more
    ) -> None:
        """Say what will be read soon, so that a far repository can bring it at once; nothing happens where bytes are near.

        `then(path)` says what the range just brought shows to be needed too; it is called from several threads. Never raises for
        a file that cannot be read: `read_range` does, when it is asked for it.
        """

    def each(self, action: Callable[[T], None], items: Iterable[T]) -> None:
        """Call `action` for every item; several at a time where that saves waiting. No action may look at another's item."""
        for item in items:
            action(item)

    def own_part(self, folder: str, left_out: frozenset[str]) -> RepoView | None:
        """What `repo.part.part_of` gives, where a view has a better one than the paths of its own below `folder`."""
        del folder, left_out
        return None

    def aside(self) -> RepoView | None:
        """What lies there as well and is not listed, by the same paths; None where there is nothing of the kind."""
        return None

    def settle(self) -> None:  # noqa: B027 - nothing to do where nothing is kept
        """All was read that will be read now: a view that keeps something for the next run does it here."""

    def _count(self, size: int) -> None:
        """Note one request that brought `size` bytes."""
        with self._counting:
            self.requests += 1
            self.bytes_read += size

    @property
    def total_bytes(self) -> int:
        """The size of everything in the listing."""
        return sum(entry.size for entry in self.list())

    def _need(self, path: str) -> Entry:
        entry = self.entry(path)
        if entry is None:
            raise IncompleteError(f"{path}: there is no such file in {self.name}")
        return entry

    def _by_path(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = {
                entry.path: entry for entry in sorted(self._list(), key=lambda entry: entry.path)
            }
        return self._entries
