"""The one answer that everything else is pinned to: the commit, and every file's name, size and sha256."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.view import MOST_REFUSED, Entry

MAX_FILES = 1_000_000
MAX_LISTING = 384 << 20
"""Bytes: MAX_FILES entries of the Hub's length."""
MOST_VALUES = 3 * MAX_FILES
"""Objects and lists of a listing: the Hub has two for a file. Counted before it is parsed, for an empty one takes three bytes there and sixty here."""
COMMIT = re.compile(r"[0-9a-f]{40,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Listing:
    """A repository at a commit."""

    commit: str
    entries: list[Entry]
    refused: list[str] = field(default_factory=list)
    """Names that could lead out of the repository, or sizes that are none; at most MOST_REFUSED."""
    gated: bool = False
    disabled: bool = False


class _Sibling(NamedTuple):
    name: object
    size: object
    sha256: object


def parse_listing(raw: bytes, repo_id: str) -> Listing:
    """The answer of `GET /api/models/{id}?blobs=true`. Raises IncompleteError for what is none, UsageError above MAX_FILES files."""
    if sum(raw.count(mark) for mark in (b"{", b"[")) > MOST_VALUES or raw.count(b",") > 4 * MOST_VALUES:
        raise UsageError(
            f"{repo_id}: its listing has more parts than {MAX_FILES:,} files have, expected one release"
        )
    try:
        value = json.loads(raw, object_hook=_slim)
    except (ValueError, RecursionError) as error:
        raise IncompleteError(
            f"{repo_id}: the Hub's listing is not JSON: {error}", hint="try again"
        ) from error
    siblings = value.get("siblings") if isinstance(value, dict) else None
    commit = value.get("sha") if isinstance(value, dict) else None
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit) or not isinstance(siblings, list):
        raise IncompleteError(
            f"{repo_id}: the Hub's listing has no commit or no files, expected `sha` and `siblings`",
            hint="HF_ENDPOINT names another Hub",
        )
    if len(siblings) > MAX_FILES:
        raise UsageError(f"{repo_id}: more than {MAX_FILES:,} files, expected one release")
    listing = Listing(commit, [], gated=bool(value.get("gated")), disabled=value.get("disabled") is True)
    for sibling in siblings:
        entry = _entry(sibling)
        if entry is not None:
            listing.entries.append(entry)
        elif len(listing.refused) < MOST_REFUSED:
            listing.refused.append(str(sibling.name if isinstance(sibling, _Sibling) else sibling)[:200])
    return listing


def _slim(found: dict[str, Any]) -> Any:
    """Each file as a tuple while the text is parsed: a million dictionaries would not fit."""
    if "rfilename" not in found:
        return found
    lfs = found.get("lfs")
    return _Sibling(
        found["rfilename"], found.get("size"), lfs.get("sha256") if isinstance(lfs, dict) else None
    )


def _entry(sibling: object) -> Entry | None:
    if not isinstance(sibling, _Sibling) or not isinstance(sibling.name, str) or not is_safe(sibling.name):
        return None
    size = 0 if sibling.size is None else sibling.size
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return None
    known = isinstance(sibling.sha256, str) and SHA256.fullmatch(sibling.sha256)
    return Entry(sibling.name, size, str(sibling.sha256) if known else None)


def is_safe(path: str) -> bool:
    """Whether a name stays inside its repository on every platform, and shows as what it is."""
    parts = path.split("/")
    return (
        path.isprintable()
        and "\\" not in path
        and all(part not in ("", ".", "..") for part in parts)
        and not DRIVE.match(path)
    )
