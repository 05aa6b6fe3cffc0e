"""Trees of files that a card draws: `├── sae/`, `│   └── cfg.json`, fenced or not; and `|--` as plain text has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.readme.page import Page

NODE = re.compile(
    r"^(?P<before>[│|\s\u00a0]{0,80})(?P<mark>[├└](?=[─-])|[|+`](?=-{2,3} ))[─-]{1,4}[ \u00a0]?(?P<name>[\w.@*{<\[…$][^\s#]{0,199})(?P<rest>.*)$"
)
"""A line of one: what is before the mark says how deep it is."""
GAP = re.compile(r"[*{}<>\[\]…$]|\.\.\.|\bN\b|_X\b")
"""A name with a gap for the reader stands for several."""
LONGEST = 400
"""Characters of a line that are looked at."""
MOST = 400
"""Lines of a tree that are looked at."""


@dataclass(frozen=True)
class Node:
    """One file or folder."""

    line: int
    """1-based, of the card."""
    quote: str
    path: str
    """From the root of the tree, without a slash at its end."""


@dataclass(frozen=True)
class FileTree:
    """One of them; below a name with a gap nothing is told."""

    line: int
    nodes: tuple[Node, ...]


def trees(page: Page) -> Iterator[FileTree]:
    """Every tree of a card, in the order of the lines."""
    run: list[tuple[int, re.Match[str]]] = []
    for number, text in enumerate(page.readme.text.split("\n"), 1):
        match = NODE.match(text[:LONGEST]) if number >= page.readme.body_line else None
        if match:
            run.append((number, match))
        elif run:
            yield _tree(run)
            run = []
    if run:
        yield _tree(run)


def _tree(run: list[tuple[int, re.Match[str]]]) -> FileTree:
    open_: list[tuple[int, str | None]] = []
    nodes = []
    for number, match in run[:MOST]:
        column, name = match.start("mark"), match["name"].rstrip("/")
        while open_ and open_[-1][0] >= column:
            open_.pop()
        around = open_[-1][1] if open_ else ""
        path = None if around is None or GAP.search(name) else f"{around}/{name}".lstrip("/")
        open_.append((column, path))
        if path:
            nodes.append(Node(number, match.string.strip(), path))
    return FileTree(run[0][0], tuple(nodes))
