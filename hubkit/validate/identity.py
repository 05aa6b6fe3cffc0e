"""Which repository a folder says that it is: by its own files, never by its path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.release.layout import CARD_SETTINGS

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile
    from hubkit.repo.view import RepoView

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
DECLARED = re.compile(r"^repo_id:[ \t]*[\"']?([\w.-]+/[\w.-]+)[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
"""The key of card.yaml. A line is enough: the file is the author's own, and YAML takes longer than most validations."""


def declared_name(view: RepoView, provenance: JsonFile | None) -> str | None:
    """OWNER/NAME by card.yaml, else by provenance.json; None where neither says, or card.yaml cannot be read: then any name may be meant."""
    try:
        found = DECLARED.search(_text(view))
    except IncompleteError:
        found = None
    stated = found[1] if found else provenance.value.get("repo_id") if provenance else None
    return stated if isinstance(stated, str) and NAME.fullmatch(stated) else None


def _text(view: RepoView) -> str:
    if view.entry(CARD_SETTINGS) is None:
        return ""
    return view.read(CARD_SETTINGS).decode("utf-8", errors="replace")
