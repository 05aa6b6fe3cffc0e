"""Which files a `.gitignore` leaves out, read as git reads it: https://git-scm.com/docs/gitignore.

The Hub goes by the root `.gitignore` of a commit, else by the one that the branch has, and says so before anything is uploaded
(`shouldIgnore`): the client then leaves those files out of the commit without an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from hubkit.localhub.entries import ancestors

GITIGNORE = ".gitignore"
CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z",
    "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip


class _NoPatternError(ValueError):
    """The line matches nothing: git does not complain either."""


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    anchored: bool
    """Whether it is about the whole path, or about the last name."""
    folders_only: bool
    ignores: bool
    """False for a line that begins with `!`."""


def ignored_by(text: str, paths: Iterable[str]) -> list[str]:
    """The files among `paths` that a `.gitignore` with `text` leaves out. A file below an ignored folder cannot be taken back."""
    rules = _rules(text)
    return [path for path in paths if _ignores(rules, path)] if rules else []


def _ignores(rules: tuple[_Rule, ...], path: str) -> bool:
    if any(_decision(rules, folder, is_folder=True) for folder in ancestors(path)):
        return True
    return _decision(rules, path, is_folder=False)


def _decision(rules: tuple[_Rule, ...], path: str, *, is_folder: bool) -> bool:
    """What the last line that matches says."""
    name = path.rpartition("/")[2]
    for rule in reversed(rules):
        if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(path if rule.anchored else name):
            return rule.ignores
    return False


@lru_cache(maxsize=8)
def _rules(text: str) -> tuple[_Rule, ...]:
    rules = []
    for line in text.removeprefix("\ufeff").split("\n"):
        try:
            rules += _rule(line.removesuffix("\r"))
        except _NoPatternError:
            continue
    return tuple(rules)


def _without_spaces(line: str) -> str:
    """Without the spaces at its end, but for one that a backslash keeps."""
    bare = line.rstrip(" ")
    kept = (len(bare) - len(bare.rstrip("\\"))) % 2
    return line[: len(bare) + kept]


def _rule(line: str) -> list[_Rule]:
    """The rule of a line; none for a comment or an empty one."""
    glob = "" if line.startswith("#") else _without_spaces(line)
    ignores = not glob.startswith("!")
    glob = glob if ignores else glob[1:]
    folders_only = glob.endswith("/")
    glob = glob.removesuffix("/")
    anchored = "/" in glob
    glob = glob.removeprefix("/")
    return [_Rule(re.compile(_regex(glob), re.DOTALL), anchored, folders_only, ignores)] if glob else []


def _regex(glob: str) -> str:
    """A glob of git as a regular expression: `*` and `?` stop at a slash, `**` beside slashes does not.

    Of several stars all but the last are content with the first place where what follows them fits: then there is as much left
    for the rest as there can be, and no pattern takes longer than the square of a path's length.
    """
    parts = [""]  # what stands between two `**/`
    pieces: list[str | None] = []  # of the name at hand; None for a star
    at = 0
    while at < len(glob):
        if glob[at] == "/":
            parts[-1] += _name(pieces) + "/"
            pieces, at = [], at + 1
        elif glob[at] == "*":
            stars = len(glob) - at - len(glob[at:].lstrip("*"))
            at += stars
            if stars < 2 or pieces or glob[at : at + 1] not in {"", "/"}:
                pieces.append(None)
            elif at < len(glob):
                parts.append("")
                at += 1
            else:
                parts[-1] += ".*"
        else:
            piece, at = _piece(glob, at)
            pieces.append(piece)
    parts[-1] += _name(pieces)
    first, *others = parts
    found = first + "".join(f"(?>(?:[^/]+/)*?{part})" for part in others[:-1])
    return found + (f"(?:[^/]+/)*{others[-1]}" if others else "")


def _name(pieces: list[str | None]) -> str:
    """One name of a path."""
    if None not in pieces:
        return "".join(map(str, pieces))
    runs: list[str] = [""]
    for piece in pieces:
        if piece is None:
            runs.append("")
        else:
            runs[-1] += piece
    first, *middle, last = runs
    return first + "".join(f"(?>[^/]*?{run})" for run in middle) + "[^/]*" + last


def _piece(glob: str, at: int) -> tuple[str, int]:
    """The expression for the sign or the bracket at `at`, and where the next begins."""
    sign = glob[at]
    if sign == "?":
        return "[^/]", at + 1
    if sign == "[":
        return _set(glob, at + 1)
    if sign == "\\":
        if at + 1 == len(glob):
            raise _NoPatternError
        return re.escape(glob[at + 1]), at + 2
    return re.escape(sign), at + 1


def _set(glob: str, at: int) -> tuple[str, int]:
    """A bracket expression, from behind its bracket on."""
    negated = glob[at : at + 1] in {"!", "^"}
    at += negated
    members: list[str] = []
    first = True
    while first or glob[at : at + 1] != "]":
        first = False
        member, at = _member(glob, at)
        members.append(member)
    body = "".join(members) or r"^\s\S"
    return f"(?!/)[{'^' if negated else ''}{body}]", at + 1


def _member(glob: str, at: int) -> tuple[str, int]:
    """A sign, a range or a class such as `[:digit:]` of a bracket expression."""
    if glob.startswith("[:", at):
        name, closed, _ = glob[at + 2 :].partition(":]")
        if closed and name not in CLASSES:
            raise _NoPatternError
        if closed:
            return CLASSES[name], at + len(name) + 4
    low, at = _sign(glob, at)
    if glob[at : at + 1] != "-" or glob[at + 1 : at + 2] in {"", "]"}:
        return re.escape(low), at
    high, at = _sign(glob, at + 1)
    more = f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
    return re.escape(low) + more, at


def _sign(glob: str, at: int) -> tuple[str, int]:
    at += glob[at : at + 1] == "\\"
    if at >= len(glob):
        raise _NoPatternError
    return glob[at], at + 1
