"""The batch question of git-lfs: where do these files lie? One request for a hundred signed addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubkit.repo.transport import Answer
    from hubkit.repo.view import Entry

BATCH = 100
"""Files asked for at once, as git-lfs does."""
MAX_BATCH = 1 << 20
"""Bytes of an answer: signed addresses have some hundreds each."""
MEDIA_TYPE = "application/vnd.git-lfs+json"
BATCH_HEADERS = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}


def batched(oids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Runs of at most `size` (itertools has it from Python 3.12 on)."""
    rest = iter(oids)
    while run := list(islice(rest, size)):
        yield run


def batch_body(entries: Iterable[Entry]) -> bytes:
    """The question for LFS files, by checksum and size."""
    objects = [{"oid": entry.sha256, "size": entry.size} for entry in entries]
    question = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
    return json.dumps(question, separators=(",", ":")).encode()


def batch_places(answer: Answer) -> dict[str, str]:
    """The address of each file by its checksum, of those that need nothing but it; empty for an answer of another form."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    objects = value.get("objects") if isinstance(value, dict) else None
    places = {}
    for item in objects if isinstance(objects, list) else ():
        download = _inside(_inside(item, "actions"), "download")
        oid, href = _inside(item, "oid"), _inside(download, "href")
        if isinstance(oid, str) and isinstance(href, str) and not _inside(download, "header"):
            places[oid] = href
    return places


def _inside(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
