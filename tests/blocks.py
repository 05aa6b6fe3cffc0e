"""Fenced blocks of Markdown, and how each is run.

The word behind the fence says what a block is: `console` (lines after `$ ` are typed, what follows is compared), `bash`, `python`; `yaml`, `toml` and `json` are parsed; `text` and `diff` are
something to look at. A comment right above a block, which no reader sees, says more:

    <!-- not run: WHY -->               it cannot be run here; a file of tests that WHY names has to be there
    <!-- run: exit 1 -->                the exit code of the last command, 0 without it
    <!-- run: alternatives, exit 0 1 --> each line begins in the same state, with its own exit code
    <!-- before: COMMAND -->            what the reader has and the tests have to make

In the expected output a line `...` stands for any lines, `...` within a line for any text, and seconds for any seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[\w+-]*)\s*$")
COMMENT = re.compile(r"^ *<!-- (?P<key>not run|run|before): (?P<text>.+) -->$")
SECONDS = re.compile(r"\d+\.\d+ s\b")
RUN = {"console", "bash", "python"}
PARSED = {"yaml", "toml", "json"}
SHOWN = {"text", "diff"}


@dataclass(frozen=True)
class Block:
    """A block of a page, with what the comments above it say."""

    page: str
    line: int
    """Of its first line of text."""
    kind: str
    lines: tuple[str, ...]
    not_run: str = ""
    before: str = ""
    alternatives: bool = False
    exits: tuple[int, ...] = (0,)

    @property
    def text(self) -> str:
        """As it stands between the fences."""
        return "".join(f"{line}\n" for line in self.lines)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path, page: str) -> Iterator[Block]:
    """The blocks of a page, from top to bottom. Raises ValueError for one that does not end."""
    comments: dict[str, str] = {}
    start, fence, body = 0, None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if fence is None and (said := COMMENT.match(line)):
            comments[said["key"]] = said["text"]
        elif fence is None:
            fence, start, body = FENCE.match(line), number + 1, []
            if fence is None:
                comments = {}
        elif line.strip() == "```":
            yield _block(page, start, fence["kind"], body, comments)
            fence, comments = None, {}
        else:
            body.append(line.removeprefix(fence["indent"]))
    if fence is not None:
        raise ValueError(f"{page}: the block at line {start - 1} does not end")


def _block(page: str, line: int, kind: str, body: list[str], comments: dict[str, str]) -> Block:
    how = comments.get("run", "")
    exits = tuple(int(code) for code in re.findall(r"\d+", how)) or (0,)
    alternatives = how.startswith("alternatives")
    if alternatives and exits == (0,):
        exits = (0,) * len(body)
    return Block(
        page,
        line,
        kind,
        tuple(body),
        comments.get("not run", ""),
        comments.get("before", ""),
        alternatives,
        exits,
    )


def typed(block: Block) -> list[tuple[str, list[str]]]:
    """Commands of a `console` block, each with the lines that it is to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise ValueError(f"{block}: a console begins with a command, `$ ...`")
        elif line.startswith("> ") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            found[-1][1].append(line)
    return found


def as_expected(expected: list[str], printed: str) -> bool:
    """Whether the output is what the page says."""
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else f"{_line(line)}\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed.splitlines())) is not None


def _line(expected: str) -> str:
    parts = [
        r"\d+\.\d+ s".join(re.escape(part) for part in SECONDS.split(piece))
        for piece in expected.rstrip().split("...")
    ]
    return ".*".join(parts)
