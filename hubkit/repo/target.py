"""What a user may type: a folder, OWNER/REPO, OWNER/REPO@revision, hf://OWNER/REPO."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from hubkit.repo.deadline import Deadline
    from hubkit.repo.view import RepoView

HUB = re.compile(
    r"(?:hf://(?:models/)?)?(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(?P<revision>[\w./-]+))?"
)


def open_target(text: str, *, cache: bool | None = None, deadline: Deadline | None = None) -> RepoView:
    """The view of `text`. An existing path wins over a repository of the same spelling. Raises HubkitError.

    `cache`: False neither reads nor writes the cache of what was read of a commit. `deadline`: when asking the network ends.
    """
    path = Path(text)
    match = HUB.fullmatch(text)
    if path.exists() or match is None:
        _check_separators(text, path)
        view = open_folder(path)
        view.deadline = deadline
        return view
    from hubkit.repo.hub import open_repo

    return open_repo(match.group("repo"), match.group("revision"), cache=cache, deadline=deadline)


def _check_separators(text: str, path: Path) -> None:
    r"""Raise UsageError for a path of Windows, `releases\mine`, where `\` is no separator and the folder is there with `/`."""
    other = text.replace("\\", "/")
    if other != text and not path.exists() and Path(other).is_dir():
        raise UsageError(f"{text}: there is no such folder; here `/` separates folders", hint=f"try {other}")
