"""What a card says, as card.yaml keeps it: prose by section, sections of the author's own, front matter; and what was withdrawn, with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hubkit.adopt.headings import says_no_more
from hubkit.adopt.pieces import Block, Part, Piece, Pieces, block_text, code_of, heading_words
from hubkit.readme.page import LONGEST_SENTENCE

BRACES = re.compile(r"\{(?=[{%#])")
RAW = "{% raw %}{{% endraw %}"
LEVEL = "### "
EMPTY = "nothing is left below it"
BARE = "nothing stands below it"
STEP = re.compile(r"^(#{3,6} |)\d{1,2}[.)] ")
UNTITLED = "More from the earlier card"


@dataclass(frozen=True)
class Draft:
    """The pieces of a card, and why some of them no longer stand in it."""

    pieces: Pieces
    gone: Mapping[Piece, tuple[str, ...]] = field(default_factory=dict)
    """Withdrawn: the reasons."""
    moved: frozenset[Piece] = frozenset()
    """In evidence.yaml, number by number."""
    said: frozenset[Piece] = frozenset()
    """What hubkit's own sections say too."""

    @cached_property
    def emptied(self) -> frozenset[Piece]:
        """Headings below which nothing is left."""
        out = {*self.gone, *self.moved, *self.said}
        inner = {head for part in self.pieces.parts for head in _emptied(part, out)}
        outer = {
            part.heading for part in self.pieces.parts if part.heading and not part_text(part, out | inner)
        }
        return frozenset((inner | outer) - self.gone.keys())

    @cached_property
    def left_out(self) -> frozenset[Piece]:
        """What stands in no text of the new card."""
        return frozenset({*self.gone, *self.moved, *self.said, *self.emptied})

    @property
    def withdrawn(self) -> Iterator[tuple[Piece, tuple[str, ...]]]:
        """What is out, with its reasons, in the order of the card. A heading goes with the last of what stood below it."""
        needless = set(self.restated)
        bare = {part.heading for part in self.pieces.parts if not part.blocks}
        for piece in self.pieces.all:
            if piece in self.gone or (piece in self.emptied and piece not in needless):
                yield piece, self.gone.get(piece, (BARE if piece in bare else EMPTY,))

    @property
    def restated(self) -> Iterator[Piece]:
        """What hubkit's own sections say, and the headings that stood above nothing else."""
        for part in self.pieces.parts:
            pieces = [piece for block in part.blocks for piece in block.pieces]
            if part.heading in self.emptied and pieces and self.gone.keys().isdisjoint(pieces):
                yield part.heading
            for at, piece in enumerate(pieces):
                if piece in self.said or (
                    piece in self.emptied and self.gone.keys().isdisjoint(_below(pieces, at))
                ):
                    yield piece

    @property
    def kept(self) -> Iterator[Piece]:
        """What stands in it."""
        out = self.left_out
        return (piece for piece in self.pieces.all if piece not in out)


def _emptied(part: Part, out: AbstractSet[Piece]) -> Iterator[Piece]:
    """The headings inside a section whose whole content is `out`; one that had none stays."""
    pieces = [piece for block in part.blocks for piece in block.pieces]
    for at, head in enumerate(pieces):
        below = list(_below(pieces, at)) if head.kind == "heading" else []
        if below and all(one in out for one in below):
            yield head


def _below(pieces: list[Piece], at: int) -> Iterator[Piece]:
    """What stands below a heading, up to the next of its level."""
    for number in range(at + 1, len(pieces)):
        one = pieces[number]
        if one.kind != "heading":
            yield one
        elif _level(one) <= _level(pieces[at]):
            return


def _level(heading: Piece) -> int:
    return len(heading.text) - len(heading.text.lstrip("#"))


def texts(draft: Draft, leads: Callable[[str], bool], *, apart: bool = False) -> dict[str, Any]:
    """The keys of card.yaml that hold the author's words: title, summary, prose, sections, citation.

    `leads` says of the first sentence whether a card can begin with it.
    """
    out = draft.left_out
    prose: dict[str, list[str]] = {}
    own: list[dict[str, str]] = []
    found: dict[str, Any] = {}
    title = draft.pieces.title
    if title is not None and title not in out:
        found["title"] = heading_words(title.text)
    lead = _lead(draft)
    if lead is not None and leads(lead.text):
        found["summary"] = " ".join(lead.text.split())
        out = out | {lead}
    for part in draft.pieces.parts:
        here: AbstractSet[Piece] = out
        if part.name == "citation" and "citation" not in found and (entry := _bibtex(part, out)):
            found["citation"] = code_of(entry)[1].strip()
            here = out | {entry}
        bare = (
            part.heading is None
            or part.heading in out
            or (part.name not in prose and says_no_more(part.words, part.name or ""))
        )
        body = part_text(part, here, apart=apart, raised=bare and part.name is not None)
        if not body:
            continue  # nothing is left below the heading
        if part.name is not None:
            prose.setdefault(part.name, []).append(
                "\n\n".join(filter(None, ["" if bare else f"{LEVEL}{part.words}", body]))
            )
        else:
            heading = UNTITLED if part.heading in out else part.words or UNTITLED
            own.append({"heading": heading, "text": inert(body)})
    found["prose"] = {
        name: inert("\n\n".join(filter(None, several))) for name, several in prose.items() if any(several)
    }
    found["sections"] = own
    return {key: value for key, value in found.items() if value}


def _lead(draft: Draft) -> Piece | None:
    """The first sentence under the title, where it is one and hubkit has nothing to say on it."""
    parts = [part for part in draft.pieces.parts if part.blocks]
    if not parts or parts[0].name != "summary":
        return None
    group = parts[0].blocks[0].groups[0]
    piece = next((one for one in group.pieces if one not in draft.left_out), None)
    plain = piece is not None and piece.kind == "text" and not group.marker and not piece.mark
    return piece if plain and piece and piece.text.rstrip().endswith(".") else None


def part_text(part: Part, out: AbstractSet[Piece], *, apart: bool = False, raised: bool = False) -> str:
    """What stands below a heading, without what is `out`; the headings in it `raised` by a level where the one above them is not shown."""
    blocks = [(block, block_text(block, out, apart=apart)) for block in part.blocks]
    if _steps_are_missing(part, out):
        blocks = [(block, STEP.sub(r"\1", text)) for block, text in blocks]
    texts = (text.removeprefix("#") if raised and _is_low_heading(block) else text for block, text in blocks)
    return _folded("\n\n".join(filter(None, texts)).strip("\n"))


def _steps_are_missing(part: Part, out: AbstractSet[Piece]) -> bool:
    """Whether headings or paragraphs with numbers lost some of their sequence: the number of one that is left says nothing then."""
    firsts = [block.groups[0] for block in part.blocks if len(block.groups) == 1]
    steps = [group.pieces[0] for group in firsts if STEP.match(group.marker + group.pieces[0].text)]
    return any(one in out for one in steps)


def _is_low_heading(block: Block) -> bool:
    first = next(block.pieces)
    return first.kind == "heading" and _level(first) > len(LEVEL.rstrip())


def _folded(text: str) -> str:
    """With every `<details>` closed: one that is not would fold up the rest of the card."""
    lower = text.lower()
    missing = lower.count("<details") - lower.count("</details")
    return text + "\n\n</details>" * max(0, missing)


def inert(text: str) -> str:
    """A text that means itself where a template is expected: no brace of the author's opens anything."""
    return BRACES.sub(lambda _: RAW, text)


def withdrawn(draft: Draft) -> list[dict[str, Any]]:
    """What is out, for card.yaml: text, line, reason, in the order of the card; the head of a table with its first row."""
    found, head = [], ""
    for piece, reasons in draft.withdrawn:
        if piece.kind == "head":  # the columns say what the row says
            head = f"{piece.text}\n"
            continue
        found.append({"text": head + piece.text, "line": piece.first, "reason": "; ".join(reasons)})
        head = ""
    return found


def restated(draft: Draft) -> list[dict[str, Any]]:
    """What hubkit's own sections say, for card.yaml: text and line, in the order of the card."""
    return [{"text": piece.text, "line": piece.first} for piece in draft.restated]


def lines_of(draft: Draft) -> dict[str, list[Piece]]:
    """Every line that kept pieces put into a card, without the space around it, to those pieces: with each sentence on a line of its own, and as they stand."""
    found: dict[str, list[Piece]] = {}
    out = draft.left_out
    for part in draft.pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                kept = list(group.left(out))
                for number, (_, piece, end) in enumerate(kept):
                    marker = group.marker if number == 0 else ""
                    shown = piece.shown(end)
                    for line in {marker + " ".join(shown.split()), *_lines(marker, shown)}:
                        found.setdefault(line.strip(), []).append(piece)
                if len(kept) > 1:
                    for line, owners in _together(group.marker, kept):
                        found.setdefault(line.strip(), []).extend(owners)
    for piece in draft.kept:
        if piece.kind == "heading":
            words = heading_words(piece.text)
            for line in {words, STEP.sub("", words)}:
                found.setdefault(line, []).append(piece)
    return found


def _lines(marker: str, shown: str) -> list[str]:
    first, *rest = shown.split("\n")
    return [marker + first, *rest]


def _together(marker: str, kept: Iterable[tuple[str, Piece, str]]) -> Iterator[tuple[str, list[Piece]]]:
    """The lines of a paragraph as it stands, each with the pieces on it."""
    owners: list[Piece] = []
    line: list[str] = [marker]
    for before, piece, end in kept:
        for part in re.split(r"(\n)", before + piece.shown(end)):
            if part == "\n":
                yield "".join(line), owners
                line, owners = [], []
            elif part:
                line.append(part)
                if not owners or owners[-1] is not piece:
                    owners.append(piece)
    yield "".join(line), owners


def _bibtex(part: Part, out: AbstractSet[Piece]) -> Piece | None:
    """The first entry of a section."""
    pieces = (
        piece for block in part.blocks for piece in block.pieces if piece.kind == "code" and piece not in out
    )
    return next(
        (one for one in pieces if code_of(one)[1].lstrip().startswith("@")),
        None,
    )


def short(text: str) -> str:
    """One line of a text."""
    return " ".join(text.split())[:LONGEST_SENTENCE]
