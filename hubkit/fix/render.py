"""A fix as a person reads it before it is made: text as `diff -u`, weights tensor by tensor."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from hubkit.fix.content import Content
from hubkit.fix.fold import FileDiff
from hubkit.fix.proposal import proposed
from hubkit.fix.run import Fix
from hubkit.repo.view import RepoView
from hubkit.tensors.safetensors import read_header
from hubkit.validate.compare import tensor_changes
from hubkit.validate.finding import Finding, Severity

CONTEXT = 3
"""Lines shown around a change."""


def diffs(view: RepoView, fix: Fix) -> list[FileDiff]:
    """Each file of `fix` against what is in `view`."""
    return [FileDiff(fix.place, path, file_diff(view, path, content)) for path, content in fix.files.items()]


def diff(view: RepoView, fix: Fix) -> str:
    """All of them."""
    return "".join(one.text for one in diffs(view, fix))


def nothing_fixed(findings: Iterable[Finding], where: str = "") -> str:
    """What is said where no fix applies: clean, or what a person has to look at."""
    codes = sorted({one.code for one in findings if one.severity > Severity.NOTE})
    if not codes:
        return f"nothing to fix{where}"
    left = ", ".join(codes)
    return f"nothing that can be fixed{where}; left: {left} (hubkit explain {codes[0]} says what a person can do)"


def file_diff(view: RepoView, path: str, content: Content) -> str:
    """One file. A configuration is shown in the new one's layout on both sides, so that only what changes stands out."""
    if path.endswith(".safetensors"):
        return _weights(view, path, content)
    new = content.read(0, content.size).decode("utf-8")
    if view.entry(path) is None:
        return "".join(difflib.unified_diff([], _lines(new), "/dev/null", f"b/{path}"))
    old = view.read(path).decode("utf-8")
    old = _in_layout_of(new, old) if path.endswith(".json") else old
    before, after = _without_common_end(_lines(old), _lines(new))
    return "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", n=CONTEXT))


def _without_common_end(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Both as far as they differ, and the lines of context behind: difflib would look through thousands of equal lines for longer matches."""
    common = 0
    for one, other in zip(reversed(old), reversed(new), strict=False):
        if one != other:
            break
        common += 1
    cut = max(0, common - CONTEXT)
    return old[: len(old) - cut], new[: len(new) - cut]


def _lines(text: str) -> list[str]:
    """With `\\n` at the end of each, the last included."""
    text = text.replace("\r\n", "\n")
    return (text if text.endswith("\n") else text + "\n").splitlines(keepends=True)


def _in_layout_of(new: str, old: str) -> str:
    try:
        value: Any = json.loads(old)
    except ValueError:
        return old
    from hubkit.fix.registry import relaid

    return relaid(value, new) if isinstance(value, dict) else old


def _weights(view: RepoView, path: str, content: Content) -> str:
    before = read_header(view, path).tensors if view.entry(path) else {}
    after = read_header(proposed(view, {path: content}), path).tensors
    head = [f"--- {'a/' + path if before else '/dev/null'}", f"+++ b/{path}"]
    return "\n".join([*head, *(f"  {line}" for line in tensor_changes(before, after))]) + "\n"
