"""Content, stored under its own digest: regular files by git's blob id, LFS files by sha256."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from hubkit.localhub.disk import write_bytes
from hubkit.localhub.gitids import blob_id
from hubkit.localhub.names import COMMIT, SHA256
from hubkit.localhub.refusals import InvalidRequestError, StorageFullError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from hubkit.localhub.entries import Entry

BLOCK = 1 << 20


@contextmanager
def _first_stays(path: Path) -> Iterator[None]:
    """Windows cannot replace a file that somebody reads; here that file has the same digest, so it may stay."""
    try:
        yield
    except PermissionError:
        if not path.exists():
            raise


class Objects:
    """The objects below one folder. Writing an object that is there already leaves the first one."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary

    def blob_path(self, oid: str) -> Path:
        """Where the regular file with git's id `oid` is."""
        if not COMMIT.fullmatch(oid):
            raise InvalidRequestError(f"{oid[:80]!r} is not the id of a git object (40 hex digits)")
        return self.folder / "git" / oid[:2] / oid[2:]

    def lfs_path(self, sha256: str) -> Path:
        """Where the LFS file with this sha256 is."""
        if not SHA256.fullmatch(sha256):
            raise InvalidRequestError(f"{sha256[:80]!r} is not a sha256 (64 lower-case hex digits)")
        return self.folder / "lfs" / sha256[:2] / sha256[2:]

    def path(self, entry: Entry) -> Path:
        """Where an entry's content is."""
        return self.blob_path(entry.oid) if entry.sha256 is None else self.lfs_path(entry.sha256)

    def drop(self, entries: Iterable[Entry]) -> None:
        """Remove the content of `entries`; what somebody reads just now stays on Windows, where it cannot go."""
        for entry in entries:
            with suppress(PermissionError):
                self.path(entry).unlink(missing_ok=True)

    def lfs_size(self, sha256: str) -> int | None:
        """The size in bytes of an LFS object, None when it is not here."""
        try:
            return self.lfs_path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def put_blob(self, data: bytes) -> str:
        """Store a regular file; returns git's id."""
        oid = blob_id(data)
        path = self.blob_path(oid)
        with _first_stays(path):
            if not path.exists():
                write_bytes(path, data)
        return oid

    def receive(self, size: int) -> Incoming:
        """A temporary file for `size` bytes to come."""
        return Incoming(self.temporary / f"{uuid.uuid4().hex}.part", size)

    def accept(self, incoming: Incoming, sha256: str) -> None:
        """Store what came in, if it is whole and what it claims to be. Raises InvalidRequestError."""
        if incoming.received != incoming.size:
            raise InvalidRequestError(f"{incoming.received} bytes came, {incoming.size} were announced")
        if incoming.sha256 != sha256:
            raise InvalidRequestError(f"the content has sha256 {incoming.sha256}, {sha256} was announced")
        incoming.move(self.lfs_path(sha256))


class Incoming:
    """Bytes on their way in, under a temporary name that goes away unless `move` is called."""

    def __init__(self, path: Path, size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.size = size
        self.received = 0
        self._path = path
        self._digest = hashlib.sha256()
        self._file = path.open("xb")

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Take `data`. Raises TooLargeError past the announced size, StorageFullError when the disk is full."""
        self.received += len(data)
        if self.received > self.size:
            raise TooLargeError(f"more than the announced {self.size} bytes came")
        self._digest.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StorageFullError("the disk of this Hub is full") from error

    def copy_from(self, path: Path) -> None:
        """Take a file's bytes, block by block."""
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                self.write(block)

    def move(self, target: Path) -> None:
        """Flush to disk and rename to `target`; what is there already, under the same digest, stays."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        with _first_stays(target):
            if not target.exists():
                self._path.replace(target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
