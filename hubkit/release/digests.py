"""Content digests: the only thing that decides whether an artefact is the one that a stage would make again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

BLOCK = 1 << 20


def sha256_of_file(path: Path, over: Event | None = None) -> str:
    """The sha256 of a file's bytes, in hex, read block by block. Raises OSError, also when nobody wants it any more (`over`)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if over is not None and over.is_set():
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED), str(path))
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(value: Any) -> str:
    """The sha256 of `value` as compact JSON with sorted keys: independent of key order and layout."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
