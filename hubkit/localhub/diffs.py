"""What a pull request changes, as `git diff` writes it; LFS files as their pointers."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from hubkit.localhub.gitids import FILE_MODE, lfs_pointer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubkit.localhub.entries import Entry
    from hubkit.localhub.store import Store

NOWHERE = "0" * 40


def tree_diff(store: Store, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> str:
    """All files that differ, by path."""
    touched = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return "".join(_file_diff(store, path, before.get(path), after.get(path)) for path in touched)


def _file_diff(store: Store, path: str, before: Entry | None, after: Entry | None) -> str:
    lines = [f"diff --git a/{path} b/{path}\n"]
    if before is None:
        lines.append(f"new file mode {FILE_MODE}\n")
    if after is None:
        lines.append(f"deleted file mode {FILE_MODE}\n")
    old, new = before.oid if before else NOWHERE, after.oid if after else NOWHERE
    lines.append(f"index {old}..{new}{f' {FILE_MODE}' if before and after else ''}\n")
    old_text, new_text = _text(store, before), _text(store, after)
    names = (f"a/{path}" if before else "/dev/null", f"b/{path}" if after else "/dev/null")
    if old_text is None or new_text is None:
        lines.append(f"Binary files {names[0]} and {names[1]} differ\n")
        return "".join(lines)
    hunks = difflib.unified_diff(old_text, new_text, *names)
    lines += [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in hunks]
    return "".join(lines)


def _text(store: Store, entry: Entry | None) -> list[str] | None:
    """The lines of a file; None for one that is not text."""
    if entry is None:
        return []
    data = store.content(entry) if entry.sha256 is None else lfs_pointer(entry.sha256, entry.size)
    if b"\0" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # not splitlines: git knows one end of line
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
