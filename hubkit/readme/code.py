"""Code blocks of a card, judged without running them: do the Python ones parse, and does SAELens have what they call?"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.python_code import module_of

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock
    from hubkit.readme.saelens_api import Release

PYTHON = {"python", "py", "python3", "pycon"}
PROMPT = re.compile(r"^\s*(?:>>>|In \[\d+\]:|\.\.\.) ?")
MAGIC = re.compile(r"^(\s*)(?:[!%].*|\?{1,2}\w.*|[\w.]+\?{1,2}\s*)$")
MOST_CODE = 100_000
"""Characters of all blocks of a card that are parsed: more is no example. A remark says what was left out."""
RUN = "run the block as a reader would; hubkit build-cards writes one that was run"


@dataclass(frozen=True)
class CodeFault:
    """What is wrong, and on which line of the card."""

    message: str
    line: int
    quote: str
    hint: str = RUN
    works: bool = False
    """Whether it still runs: deprecated."""


@dataclass(frozen=True)
class Beside:
    """What lies beside the card: the repository that its code loads from."""

    name: str | None = None
    """Its id on the Hub, where that is known."""
    paths: frozenset[str] = frozenset()
    """Of its files and folders."""
    architectures: Mapping[str, str] = field(default_factory=dict)
    """What SAELens builds for each sae_id."""
    metadata: frozenset[str] | None = None
    """Keys with a value below `metadata` of every configuration, as SAELens loads it; None where that is not known."""

    def architecture(self, sae_id: str | None) -> str | None:
        """Of one SAE; of an unknown one where all are alike."""
        if sae_id is not None and sae_id in self.architectures:
            return self.architectures[sae_id]
        kinds = set(self.architectures.values())
        return kinds.pop() if len(kinds) == 1 else None


@dataclass(frozen=True)
class Parsed:
    """A Python block that parses."""

    tree: ast.Module
    lines: list[str]
    first: int
    """Line of the card on which it begins."""

    def place(self, node: ast.stmt | ast.expr) -> tuple[int, str]:
        """The line of the card on which a node stands, and its words."""
        return self.first + node.lineno - 1, self.lines[node.lineno - 1].strip()


def parsed(blocks: Iterable[CodeBlock]) -> Iterator[Parsed | CodeFault]:
    """The Python blocks of a card, in order; a fault for one that does not parse."""
    for block in _parsed(blocks):
        lines = block.text.split("\n")
        try:
            yield Parsed(module_of(_cleaned(block.text)), lines, block.line)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if block.closed:  # an open block was cut off
                at = min(max(getattr(error, "lineno", None) or 1, 1), len(lines))
                what = error.msg if isinstance(error, SyntaxError) else str(error)
                quote = lines[at - 1].strip()
                yield CodeFault(f"the code does not parse: {what}", block.line + at - 1, quote)


def faults_of(
    blocks: Iterable[CodeBlock], release: Release | None, beside: Beside | None = None
) -> Iterator[CodeFault]:
    """Every fault of a card's Python blocks, which a reader runs one after the other; other languages have none.

    `release` is the SAELens that their calls are held against; None where that is not known.
    """
    from hubkit.readme.calls import Calls
    from hubkit.readme.constants import constants_of

    found = list(parsed(blocks))
    trees = [one.tree for one in found if isinstance(one, Parsed)]
    calls = Calls(release, beside or Beside(), constants_of(trees)) if release is not None else None
    for one in found:
        if isinstance(one, CodeFault):
            yield one
        elif calls is not None:
            for node, fault in calls.faults(one.tree):
                yield CodeFault(fault.message, *one.place(node), fault.hint or RUN, fault.works)


def _parsed(blocks: Iterable[CodeBlock]) -> Iterator[CodeBlock]:
    """The Python blocks, as far as MOST_CODE lets."""
    room = MOST_CODE
    for block in blocks:
        if block.language in PYTHON and len(block.text) <= room:
            room -= len(block.text)
            yield block


def unread_code(blocks: Sequence[CodeBlock]) -> str | None:
    """Which Python blocks are not parsed, in words; None where all are."""
    read = {block.line for block in _parsed(blocks)}
    left = [block.line for block in blocks if block.language in PYTHON and block.line not in read]
    if not left:
        return None
    more = f" and {len(left) - 1:,} blocks more" if len(left) > 1 else ""
    return f"the block at line {left[0]:,}{more} ({MOST_CODE:,} characters of code are parsed)"


def _cleaned(text: str) -> str:
    """Without prompts and notebook magics, line for line."""
    lines = text.split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        lines = [PROMPT.sub("", line) if PROMPT.match(line) else "" for line in lines]
    return textwrap.dedent("\n".join(MAGIC.sub(r"\1pass", line) for line in lines))
