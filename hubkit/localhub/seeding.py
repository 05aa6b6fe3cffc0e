"""A repository from files on this disk, without a client: for throw-away Hubs. Content that goes by LFS is linked where the disk can, not copied."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from hubkit.localhub.attributes import DEFAULT_ATTRIBUTES, REGULAR_LIMIT, goes_to_lfs
from hubkit.localhub.disk import keeping
from hubkit.localhub.entries import Put
from hubkit.localhub.frontmatter import check
from hubkit.localhub.names import check_path, repo_id
from hubkit.localhub.refusals import InvalidRequestError
from hubkit.localhub.store import README, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubkit.localhub.entries import Entry


def seed(hub: Path, name: str, files: Mapping[str, Path]) -> None:
    """Make the repository `name` (OWNER/REPO) in the folder of a Hub that does not run, with `files` (path in the repository to file).

    The files must not change while that Hub lives. What a client could not ask for, and a README that the Hub would refuse, is left out.
    Raises UsageError where a Hub serves the folder, InvalidRequestError for a name that no repository can have.
    """
    identity = repo_id(*name.split("/", 1)) if "/" in name else repo_id(name, "")
    with keeping(hub):
        store = Store(hub)
        store.create(identity, private=False, author="local")
        changes = []
        for path, file in sorted(files.items()):
            with suppress(InvalidRequestError):
                check_path(path)
                if path == README and check(file.read_text(encoding="utf-8", errors="replace")).errors:
                    continue
                changes.append(Put(path, _entry(store, path, file)))
        store.commit(identity, "main", changes, ("files of this disk", ""))


def _entry(store: Store, path: str, file: Path) -> Entry:
    if file.stat().st_size <= REGULAR_LIMIT and not goes_to_lfs(path, DEFAULT_ATTRIBUTES):
        return store.regular(file.read_bytes())
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    target = store.objects.lfs_path(sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.resolve(), target)
        except OSError:  # another disk, or one without links
            shutil.copyfile(file, target)
    return store.large(sha256)
