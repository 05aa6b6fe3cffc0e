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
from hubkit.localhub.history import MAIN
from hubkit.localhub.names import check_path, repo_id
from hubkit.localhub.refusals import InvalidRequestError
from hubkit.localhub.store import README, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubkit.localhub.entries import Entry
    from hubkit.localhub.history import History

MESSAGE = ("files of this disk", "")


def seed(hub: Path, name: str, files: Mapping[str, Path], *, any_card: bool = False) -> None:
    """Make the repository `name` (OWNER/REPO) in the folder of a Hub that does not run, with `files` (path in the repository to file).

    The files must not change while that Hub lives. What a client could not ask for is left out, and a README that the Hub would refuse, but
    with `any_card`, for what is on the Hub already: it took that card, be it long ago.
    Raises UsageError where a Hub serves the folder, InvalidRequestError for a name that no repository can have.
    """
    identity = repo_id(*name.split("/", 1)) if "/" in name else repo_id(name, "")
    with keeping(hub):
        store = Store(hub)
        store.create(identity, private=False, author="local")
        changes: list[Put] = []
        card: list[Put] = []
        for path, file in sorted(files.items()):
            with suppress(InvalidRequestError):
                check_path(path)
                put = Put(path, _entry(store, path, file))
                if path != README or not _refused(file):
                    changes.append(put)
                elif any_card:
                    card = [put]
        store.commit(identity, "main", changes, MESSAGE)
        for put in card:
            _unchecked(store.history(identity), put)


def _refused(card: Path) -> bool:
    return bool(check(card.read_text(encoding="utf-8", errors="replace")).errors)


def _unchecked(history: History, put: Put) -> None:
    """One commit with a file that no client could commit today."""
    head = history.commit(MAIN)
    history.extend(MAIN, head, {**history.tree(head), put.path: put.entry}, MESSAGE, "local")


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
