"""A file of a view, and parts of it, as a file that can be read and searched: what readers of archives want, with limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hubkit.errors import IncompleteError
from hubkit.tensors.pickle_stream import BeyondError

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

BLOCK = 1 << 16
"""Bytes read ahead."""
MOST_AT_ONCE = 1 << 24
"""Bytes of one read: nothing that is looked at needs more."""
MAX_COST = 1 << 27
"""Of one repository, in the time of a pickle's opcode: 16 seconds of the processor."""


class SpentError(IncompleteError):
    """What may be spent on one repository is used up: this file, and those after it, are not looked at further."""


class Readable(Protocol):
    """What is asked of a file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; nothing at the end."""

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a byte."""

    def tell(self) -> int:
        """Where the next read begins."""


@dataclass
class Allowance:
    """What may still be spent on one repository. Shared by threads: a little more than allowed may be spent."""

    requests: int
    """Of ranges that are not at hand: only far repositories have such."""
    far_bytes: int
    unpacked: int
    """Bytes that come out of compression."""
    cost: int = MAX_COST
    """Of following pickles and unpacking, in the time of an opcode."""

    def spend_request(self, size: int) -> None:
        """Raises SpentError when none is left."""
        if self.requests <= 0 or self.far_bytes < size:
            raise SpentError("not looked at: what may be asked of the Hub in search of pickles is used up")
        self.requests -= 1
        self.far_bytes -= size

    def spend_unpacked(self, size: int) -> None:
        """Raises SpentError when it is used up."""
        self.unpacked -= size
        if self.unpacked < 0:
            raise SpentError("not looked into: what may be unpacked in search of pickles is used up")


@dataclass
class Share:
    """What may still be spent on one file, of what is left for its repository."""

    whole: Allowance
    cost: int

    def spend_cost(self, cost: int) -> None:
        """Where none is left, every further pickle is said not to be followed."""
        self.cost -= cost
        self.whole.cost -= cost

    def spend_unpacked(self, size: int, cost: int) -> None:
        """Raises BeyondError where the file takes too long, SpentError where the repository does."""
        self.whole.spend_unpacked(size)
        self.spend_cost(cost)
        self.check()

    def check(self) -> None:
        """Raises BeyondError where nothing is left."""
        if self.cost < 0:
            raise BeyondError("what follows takes longer to look into than one file, or all of them, may")


class ViewFile:
    """One file of a view. A read of what is at hand costs no request; another one brings a block."""

    def __init__(self, view: RepoView, path: str, allowance: Allowance, head: bytes = b"") -> None:
        """`head`: what was read of its beginning already."""
        entry = view.entry(path)
        self.size = entry.size if entry else 0
        self._view, self._path, self._allowance = view, path, allowance
        self._at = 0
        self._start, self._block = 0, head

    def seekable(self) -> bool:
        """Yes: zipfile asks."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a byte."""
        self._at = max(0, at + (0, self._at, self.size)[whence])
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. Raises IncompleteError where they do not come, BeyondError where too much is asked for."""
        stop = self.size if size < 0 else min(self.size, self._at + size)
        start = self._at
        if stop - start > MOST_AT_ONCE:
            raise BeyondError(f"{stop - start:,} bytes at once, expected at most {MOST_AT_ONCE:,}")
        if start >= stop:
            return b""
        if start < self._start or stop > self._start + len(self._block):
            self._start, self._block = start, self._fetch(start, stop)
        self._at = stop
        return self._block[start - self._start : stop - self._start]

    def _fetch(self, start: int, stop: int) -> bytes:
        view, path = self._view, self._path
        if view.near:
            return view.read_range(path, start, max(stop, start + BLOCK))
        if view.at_hand(path, start, stop):
            return view.read_range(path, start, stop)
        stop = min(self.size, max(stop, start + BLOCK))
        self._allowance.spend_request(stop - start)
        return view.read_range(path, start, stop)


def is_streamed(file: Readable) -> bool:
    """Whether going back in `file` begins anew, and going to its end reads all of it."""
    return getattr(file, "streamed", False)


class Window:
    """A part of another file. Reading moves that one, so that only one window of a file is read at a time."""

    def __init__(self, file: Readable, start: int, size: int) -> None:
        self._file, self._start, self.size = file, start, size
        self.streamed = is_streamed(file)
        self._at = 0

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a byte."""
        self._at = max(0, at + (0, self._at, self.size)[whence])
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""
        wanted = self.size - self._at if size < 0 else min(size, self.size - self._at)
        if wanted <= 0:
            return b""
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        self._at += len(data)
        return data
