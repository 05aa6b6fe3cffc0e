"""What a user may type: a folder, OWNER/REPO, OWNER/REPO@revision, hf://OWNER/REPO."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

HUB = re.compile(
    r"(?:hf://(?:models/)?)?(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(?P<revision>[\w./-]+))?"
)


def open_target(text: str, *, cache: bool | None = None) -> RepoView:
    """The view of `text`. An existing path wins over a repository of the same spelling. Raises HubkitError.

    `cache`: False neither reads nor writes the cache of what was read of a commit.
    """
    path = Path(text)
    match = HUB.fullmatch(text)
    if path.exists() or match is None:
        return open_folder(path)
    from hubkit.repo.hub import open_repo

    return open_repo(match.group("repo"), match.group("revision"), cache=cache)
