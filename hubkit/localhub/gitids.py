"""The ids that git gives: so a commit, a tree and a blob here carry the same id as in a clone of the same content.

Formats: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects and the pointer of
https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubkit.localhub.entries import ancestors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hubkit.localhub.entries import Entry

FILE_MODE = "100644"
FOLDER_MODE = "40000"


def object_id(kind: str, data: bytes) -> str:
    """The sha1 of `<kind> <length>\\0<data>`."""
    header = f"{kind} {len(data)}\0".encode("ascii")
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def blob_id(data: bytes) -> str:
    """The id of a file's content."""
    return object_id("blob", data)


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small file that stands in git for `size` bytes kept elsewhere."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode("ascii")


def tree_ids(tree: Mapping[str, Entry]) -> dict[str, str]:
    """Git's id of every folder in `tree`, by path; the root is ``""``."""
    records: dict[str, list[tuple[bytes, bytes]]] = {"": []}
    for path, entry in tree.items():
        for folder in ancestors(path):
            records.setdefault(folder, [])
        _place(records, path, FILE_MODE, entry.oid)
    ids: dict[str, str] = {}
    for folder in sorted(records, key=_depth, reverse=True):  # a folder's id needs those of the folders in it
        ids[folder] = object_id("tree", b"".join(record for _, record in sorted(records[folder])))
        if folder:
            _place(records, folder, FOLDER_MODE, ids[folder])
    return ids


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _place(records: dict[str, list[tuple[bytes, bytes]]], path: str, mode: str, oid: str) -> None:
    parent, _, name = path.rpartition("/")
    record = f"{mode} {name}\0".encode() + bytes.fromhex(oid)
    # git sorts a folder as if its name ended in a slash
    key = (name + "/" if mode == FOLDER_MODE else name).encode()
    records[parent].append((key, record))


def commit_id(tree: str, parent: str | None, author: str, when: datetime, message: str) -> str:
    """The id of a commit by `author`, at `when` (whole seconds, UTC)."""
    stamp = f"{author} <{author}@localhost> {int(when.timestamp())} +0000"
    lines = [
        f"tree {tree}",
        *([f"parent {parent}"] if parent else []),
        f"author {stamp}",
        f"committer {stamp}",
    ]
    return object_id("commit", ("\n".join(lines) + f"\n\n{message}\n").encode())
