"""Content digests: the only thing that decides whether an artefact is the one that a stage would make again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

BLOCK = 1 << 20
RECORD = "computed"
"""The key of `evaluation.json` that holds it."""
NOT_VALUES = {"$schema", RECORD, "warnings"}
"""What is said about the values, and what `hubkit fix` may take a private path out of."""


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
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()  # names of files may be no text


def values_sha256(raw: Mapping[str, Any]) -> str:
    """The digest of the values of an evaluation.json, read as JSON: independent of layout, of keys that say nothing and of 1 against 1.0."""
    return sha256_of_json(_plain({key: part for key, part in raw.items() if key not in NOT_VALUES}))


def _plain(part: Any) -> Any:
    if isinstance(part, Mapping):
        kept = {key: _plain(value) for key, value in part.items() if key not in NOT_VALUES}
        return {key: value for key, value in kept.items() if value not in (None, [], {})}
    if isinstance(part, list | tuple):
        return [_plain(value) for value in part]
    return float(part) if isinstance(part, int) and not isinstance(part, bool) else part


def changed_since(raw: Mapping[str, Any]) -> bool | None:
    """Whether the values of an evaluation.json are others than its record says; None where it has no record."""
    record = raw.get(RECORD)
    if not isinstance(record, Mapping):
        return None
    return bool(record.get("values_sha256") != values_sha256(raw))
