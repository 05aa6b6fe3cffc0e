"""Enough of Xet for a smoke test: hf_xet's own `local://` store stands for the content-addressed servers.

A client uploads into a folder of its own (the store is locked by one process); the commit names sha256 only, so the shards
there tell which Xet file that is. The bytes are then fetched, kept as any LFS object, and put into one store for reading, of
which every read token gets a copy. Undocumented in hf_xet, and Python never sees the bytes: nothing here counts or limits them.
Shards: https://huggingface.co/docs/xet/shard
"""

from __future__ import annotations

import importlib
import shutil
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubkit.localhub.objects import Objects

RECORD = 48
"""Bytes of every record of a shard."""
WITH_VERIFICATION = 0x8000_0000
WITH_SHA256 = 0x4000_0000
TOKEN_SECONDS = 3600


class Xet:
    """The stores of one Hub. Raises UsageError where hf_xet is not installed."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        try:
            self._hf_xet: Any = importlib.import_module("hf_xet")
        except ImportError as error:
            raise UsageError("a Hub with Xet needs hf_xet", hint="pip install hf_xet") from error
        self._folder = folder / "xet"
        self._objects = objects
        self._hashes: dict[str, str] = {}
        self._lock = threading.RLock()
        shutil.rmtree(
            self._folder, ignore_errors=True
        )  # the objects are kept; stores are made again when asked for
        self._folder.mkdir()

    def write_token(self) -> dict[str, Any]:
        """An empty store to upload into."""
        return _token(self._new("in"))

    def read_token(self) -> dict[str, Any]:
        """A copy of all that was put in."""
        place = self._new("out")
        with self._lock:
            shutil.copytree(self._all, place, dirs_exist_ok=True)
        return _token(place)

    def hash_of(self, sha256: str) -> str:
        """The Xet hash of an LFS object that is here; it is in the next read token's store."""
        with self._lock:
            if sha256 not in self._hashes:
                path = self._objects.lfs_path(sha256)
                session = self._hf_xet.XetSession()
                with session.new_upload_commit(**_access(self._all)) as commit:
                    handle = commit.start_upload_file(str(path), sha256=sha256)
                self._hashes[sha256] = handle.result().xet_info.hash
            return self._hashes[sha256]

    def bring(self, sha256: str) -> None:
        """Keep an object that was uploaded by Xet as an LFS object; nothing happens when none was."""
        if self._objects.lfs_size(sha256) is not None:
            return
        with self._lock:
            found = next((one for one in self._uploaded() if one[2] == sha256), None)
            if found is not None:
                self._fetch(*found)

    def _fetch(self, store: Path, xet_hash: str, sha256: str, size: int) -> None:
        place = self._new("copy")
        shutil.copytree(store, place, dirs_exist_ok=True)
        session, target = self._hf_xet.XetSession(), place / "fetched"
        with session.new_file_download_group(**_access(place)) as group:
            group.start_download_file(self._hf_xet.XetFileInfo(xet_hash, size), str(target))
        with self._objects.receive(size) as incoming:
            incoming.copy_from(target)
            self._objects.accept(incoming, sha256)
        shutil.rmtree(place, ignore_errors=True)

    def _uploaded(self) -> Iterator[tuple[Path, str, str, int]]:
        for store in sorted(self._folder.glob("in-*")):
            for shard in sorted((store / "xet" / "xorbs" / "shards").glob("*.mdb")):
                for file in shard_files(shard.read_bytes()):
                    yield (store, *file)

    @property
    def _all(self) -> Path:
        place = self._folder / "all"
        place.mkdir(exist_ok=True)
        return place

    def _new(self, kind: str) -> Path:
        place = self._folder / f"{kind}-{uuid.uuid4().hex}"
        place.mkdir()
        return place


def shard_files(shard: bytes) -> Iterator[tuple[str, str, int]]:
    """Xet hash, sha256 and size in bytes of every file that a shard describes, where it says the sha256."""
    at = RECORD  # after the shard's own header
    while at + RECORD <= len(shard) and shard[at : at + 32] != b"\xff" * 32:
        xet_hash, flags = _hex(shard[at : at + 32]), int.from_bytes(shard[at + 32 : at + 36], "little")
        count = int.from_bytes(shard[at + 36 : at + 40], "little")
        at += RECORD
        segments = [shard[at + RECORD * one : at + RECORD * (one + 1)] for one in range(count)]
        size = sum(int.from_bytes(segment[36:40], "little") for segment in segments)
        at += RECORD * count * (2 if flags & WITH_VERIFICATION else 1)
        if flags & WITH_SHA256:
            yield xet_hash, _hex(shard[at : at + 32]), size
            at += RECORD


def _hex(data: bytes) -> str:
    """Xet writes a hash as four little-endian numbers of 64 bits."""
    return b"".join(data[start : start + 8][::-1] for start in range(0, 32, 8)).hex()


def _token(place: Path) -> dict[str, Any]:
    # absolute: the client's working folder is another one
    return {"casUrl": _url(place), "accessToken": "local", "exp": int(time.time()) + TOKEN_SECONDS}


def _access(place: Path) -> dict[str, Any]:
    token = _token(place)
    return {
        "endpoint": token["casUrl"],
        "token": token["accessToken"],
        "token_expiry_unix_secs": token["exp"],
    }


def _url(place: Path) -> str:
    return f"local://{place.resolve().as_posix()}"
