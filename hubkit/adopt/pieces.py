"""A hand-written card in pieces, none of them lost: a sentence, a row of a table, a block of code, each with the lines that it stood on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Literal

from hubkit.readme.disclosure import discloses_any

Kind = Literal["text", "row", "head", "code", "comment", "heading"]
FENCE_MARKS = re.compile(r"`{3,}")
FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})[ \t]*\{?\.?([\w+-]*)")
SENTENCE = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bal\.)(?<!\bvs\.)\s+(?=[\"(\[A-Z])"
    r"|(?<=[a-z]{3}\.)(?<!\betc\.)(?<!approx\.)(?<!\bresp\.)(?<!\bincl\.)(?<!\bexcl\.)\s+(?=[a-z][\w-]*\s)"
    r"|(?<=\w)\s{1,3}[—–]\s+(?=(?:use|see|follow)\b)"
)
"""Between sentences; a name in small letters begins one too, and so does what a reader is told to do behind a dash."""
CLAUSE = re.compile(
    rf"{SENTENCE.pattern}|;\s+(?=\w)|(?<=[\w*_])\s{{1,3}}(?=\([^()\n]{{1,80}}\):[*_]{{0,2}}\s)|(?<=\)):[*_]{{0,2}}\s+(?=\w)|(?<=\w):[*_]{{0,2}}\s+(?=[A-Z])"
)
"""Between the clauses of what tells of a defect: `Threshold not learned (57 SAEs): All of them are 0; TopK is unaffected.`"""
MOST_SENTENCES = 2_000
"""Of one paragraph; what comes after them is one piece."""
WRAPPED = re.compile(r"\n[ \t]*")
ENDS = (".", "!", "?", ":")


@dataclass(eq=False, slots=True)
class Piece:
    """The least that is kept or withdrawn. Two pieces are never equal, whatever they say."""

    text: str
    """As it stands, Markdown, without the line end."""
    first: int
    """Line of the card, 1-based."""
    last: int
    kind: Kind = "text"
    before: str = ""
    """The space between it and the piece before, in the same group."""
    fault: str | None = None
    """Why it cannot stand in any card: a comment that never ends."""
    mark: str = ""
    """What hubkit has to say on it where it stays: the files speak against it, and its author decides."""

    def shown(self, end: str = "") -> str:
        """The text with the point that ends it and its mark, as the new card has it."""
        text = self.text + end
        if not self.mark:
            return text
        row = text.rstrip()
        return (
            f"{row[:-1].rstrip()} {self.mark} |"
            if self.kind == "row" and row.endswith("|")
            else f"{text} {self.mark}"
        )


@dataclass(eq=False, slots=True)
class Group:
    """A paragraph, an item of a list, a row: pieces in one flow, behind a bullet where there is one."""

    pieces: list[Piece]
    marker: str = ""

    def left(self, gone: AbstractSet[Piece]) -> Iterator[tuple[str, Piece, str]]:
        """What is not `gone`: what stands before a piece, the piece, and the point that it needs where the clauses after it, which ended its sentence, are gone."""
        before: tuple[str, Piece] | None = None
        cut = ""
        for piece in self.pieces:
            if piece in gone:
                cut = cut or piece.before.strip() if before else ""
                continue
            if before is None:
                before = ("", piece)
                continue
            is_clause = bool(piece.before.strip())
            ended = before[1].text.rstrip().endswith(ENDS)
            colon = cut.startswith(":") and not is_clause and not ended
            yield (*before, _point(cut) if not (is_clause or ended or colon) else "")
            before = (f"{cut} " if colon else " " if ended and is_clause else piece.before, piece)
            cut = ""
        if before is not None:
            yield (*before, "" if before[1].text.rstrip().endswith(ENDS) else _point(cut))


def _point(cut: str) -> str:
    """What ends a sentence in the place of `cut`, which stood before its last clause: with the marks that close an emphasis."""
    return f".{cut.lstrip(':;—–')}" if cut else ""


@dataclass(eq=False, slots=True)
class Block:
    """Groups without a blank line between them."""

    groups: list[Group]
    titles: tuple[str, ...] = ()
    """Of the columns, for a table."""
    in_place: bool = False
    """A table that is read among its sentences: it stays there, whatever it holds."""

    @property
    def pieces(self) -> Iterator[Piece]:
        """All, in order."""
        for group in self.groups:
            yield from group.pieces


@dataclass(eq=False)
class Part:
    """A heading and what stands below it, further headings included where they belong to the same section."""

    heading: Piece | None
    level: int
    """Of the heading: 1 for `#`; 0 for what stands before any."""
    name: str | None
    """The section of hubkit's that it goes to; None for one of the author's own."""
    blocks: list[Block] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The heading without its marks."""
        return heading_words(self.heading.text) if self.heading else ""


@dataclass(frozen=True)
class Pieces:
    """The body of a card."""

    title: Piece | None
    parts: tuple[Part, ...]

    @cached_property
    def all(self) -> tuple[Piece, ...]:
        """Every piece, in the order of the card."""
        found = [self.title] if self.title else []
        for part in self.parts:
            found += [part.heading] if part.heading else []
            found += [piece for block in part.blocks for piece in block.pieces]
        return tuple(found)

    @cached_property
    def by_line(self) -> dict[int, list[Piece]]:
        """The pieces on each line of the card."""
        found: dict[int, list[Piece]] = {}
        for piece in self.all:
            for line in range(piece.first, piece.last + 1):
                found.setdefault(line, []).append(piece)
        return found


def sentences(whole: str, line: int) -> Iterator[Piece]:
    """A text that begins on `line`, sentence by sentence; one that tells of a defect also at its semicolons, so that a wrong number beside it does not take it away."""
    at, before = 0, ""
    parts = CLAUSE if discloses_any(whole) else SENTENCE
    for gap in islice(parts.finditer(whole), MOST_SENTENCES):
        text = whole[at : gap.start()]
        if not (text and whole[gap.end() :]):
            continue
        yield Piece(text, line, line + text.count("\n"), before=before)
        line += text.count("\n") + gap.group().count("\n")
        at, before = gap.end(), gap.group()
    yield Piece(whole[at:], line, line + whole.count("\n", at), before=before)


def leads(group: Group) -> bool:
    """Whether a paragraph ends in what leads to the next: `It contains:`."""
    return (
        not group.marker and group.pieces[-1].kind == "text" and group.pieces[-1].text.rstrip().endswith(":")
    )


def led_to(part: Part) -> Iterator[tuple[Piece, list[Piece]]]:
    """Every sentence that leads to a list, a table or code, with the pieces of that."""
    for number, block in enumerate(part.blocks):
        below = list(part.blocks[number + 1].pieces) if number + 1 < len(part.blocks) else []
        for at, group in enumerate(block.groups):
            if leads(group):
                inside = [piece for one in block.groups[at + 1 :] for piece in one.pieces]
                yield group.pieces[-1], inside or [piece for piece in below if piece.kind != "heading"]


def take_lead(above: Part, part: Part) -> None:
    """`This repository contains:` before the heading of a section of the author's goes below it, where the list or the table is that it leads to."""
    if (
        part.name is not None
        or not above.blocks
        or not part.blocks
        or (above.heading and len(above.blocks) < 2)
    ):
        return
    lead, below = above.blocks[-1], part.blocks[0]
    if (below.titles or below.groups[0].marker) and len(lead.groups) == 1 and leads(lead.groups[0]):
        part.blocks.insert(0, above.blocks.pop())


def heading_words(text: str) -> str:
    """`## Known **limitations** ##` without its marks."""
    return re.sub(r"^#{1,6}[ \t]*|[ \t]*#*$|[*`]", "", text.strip()).strip()


def block_text(block: Block, gone: AbstractSet[Piece], *, apart: bool = False) -> str:
    """What is left of a block when some pieces are `gone`. With `apart` every sentence stands on a line of its own, so that a finding's line is a sentence."""
    groups = [group for group in block.groups if any(piece not in gone for piece in group.pieces)]
    if block.titles and not any(piece.kind == "row" for group in groups for piece in group.pieces):
        groups = []  # a head without rows
    return "\n".join(group_text(group, gone, apart=apart) for group in groups)


def group_text(group: Group, gone: AbstractSet[Piece], *, apart: bool = False) -> str:
    """One group, as `block_text`."""
    parts = [group.marker]
    for number, (before, piece, end) in enumerate(group.left(gone)):
        shown = piece.shown(end)
        if apart and piece.kind == "text":
            shown = WRAPPED.sub(" ", shown)
        parts += [("\n" if number else "") if apart else before, shown]
    return "".join(parts)


def code_of(piece: Piece) -> tuple[str, str]:
    """The language of a block of code, and what stands between its fences."""
    lines = piece.text.split("\n")
    opened = FENCE.match(lines[0])
    if opened is None:
        return "", piece.text
    closed = len(lines) > 1 and FENCE.match(lines[-1])
    return opened[1].lower(), "\n".join(lines[1 : -1 if closed else None])


def fenced(code: str, language: str) -> str:
    """Code between fences that it cannot end itself."""
    longest = max((len(run) for run in FENCE_MARKS.findall(code)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"
