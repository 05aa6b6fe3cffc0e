"""A card's body into its pieces. Linear, and nothing is left out but rules (`---`) and blank lines.

Beyond MOST_LINES, where no claim is read any more, the rest is one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice, pairwise
from textwrap import dedent

from hubkit.adopt.copied import (
    FUSED,
    MARKS,
    NAMED,
    OF_THE_PAGE,
    STEP,
    Tables,
    cells_of,
    is_around,
    reads_as_heading,
    stands_as_heading,
)
from hubkit.adopt.headings import section_for
from hubkit.adopt.pieces import Block, Group, Part, Piece, Pieces, fenced, heading_words, sentences, take_lead
from hubkit.readme.document import Readme
from hubkit.readme.page import LONGEST_LINE, MOST_LINES, Page
from hubkit.readme.prose import RULE, split_row

MARKED = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+\S|[ \t]*$)")
UNDERLINED = re.compile(r"^ {0,3}(=+|-{3,})[ \t]*$")
BULLET = re.compile(r"^[ \t]*(?:>[ \t]?)*(?:[-+*•][ \t]+|\d{1,3}[.)][ \t]+)")
NOTHING = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$|^[ \t]*$")
STATEMENT = re.compile(r"\s*(?:from|import|def|class|with|print|return|@\w)\b")
CLOSERS = re.compile(r"\s*[)\]}]+,?\s*$")
BIBTEX = re.compile(r"^\s*@[a-z]{3,20}\s*\{", re.IGNORECASE)
WORD = re.compile(r"[a-z]+(?=[\s,;)])")
"""A word of a sentence that goes on, and no name of a file or a key."""
ENDED = re.compile(r"[.!?:;)\]}\"”]$")
WRAPPED_AT = 45
"""Characters of a line from which on it is no heading and no row, and goes on below where its sentence does not end."""
NUMBERED = re.compile(r"\s*\d{1,2}[.)]\s")
INDENTED = "  "
"""Before every item of a list that was copied as text."""
UNENDED = "a comment that never ends would hide the rest of a card"
LONGEST_TITLE = 120


def take_apart(readme: Readme, page: Page) -> Pieces:
    """Every line of the body of `readme`, whose page this is, in pieces."""
    return _Taking(readme, page).taken()


class _Taking:
    """The parts as they grow, line by line."""

    def __init__(self, readme: Readme, page: Page) -> None:
        self.lines = readme.text.split("\n")
        self.first = readme.body_line - 1
        self.end = min(len(self.lines), self.first + MOST_LINES)
        self.plain = page.plain
        self.fences = {block.line - 2: block for block in readme.code_blocks}
        self.code = {line.number - 1 for line in page.lines if line.code and not line.fenced}
        self.parts = [Part(None, 0, "summary")]
        self.title: Piece | None = None
        self.tops = sum(1 for line in self.lines[self.first :] if line.startswith("# "))
        self.tables = Tables(self.lines, self.end)
        self.fresh = True
        """Whether the next line of text begins a block."""
        self.flows: list[tuple[Group, int, list[str]]] = []
        """Every group of prose, the line that it begins on, and its lines."""

    def taken(self) -> Pieces:
        at = self.first
        while at < self.end:
            at = self._step(at)
        if rest := "\n".join(self.lines[at:]).strip("\n"):
            self._add(Block([Group([Piece(rest, at + 1, len(self.lines))])]))
        for group, first, lines in self.flows:
            text = "\n".join(lines)
            group.pieces = list(sentences(MARKS.sub(r"`\g<0>`", text) if self.plain else text, first))
        for above, part in pairwise(self.parts):
            take_lead(above, part)
        return Pieces(self.title, tuple(part for part in self.parts if part.heading or part.blocks))

    def _step(self, at: int) -> int:
        """Take what begins on line `at` (0-based); the line after it."""
        line = self.lines[at]
        if NOTHING.match(line) and at not in self.fences:
            self.fresh = True
            return at + 1
        if take := self._whole(at, line):
            return take(at)
        if (level := self._level(at)) is not None:
            self._heading(at, level)
            return at + 1 + self._underlined(at)
        self._text(at)
        return at + 1

    def _whole(self, at: int, line: str) -> Callable[[int], int] | None:
        """What takes all the lines that belong together from line `at` on; None for prose and headings."""
        if at in self.fences:
            return self._fence
        if "<!--" in line and "-->" not in line[line.rindex("<!--") :]:
            return self._comment
        if BIBTEX.match(line):
            return self._bibtex
        if at in self.code or (line.rstrip().endswith("(") and at + 1 in self.code):
            return self._plain_code
        below = self.lines[at + 1][:LONGEST_LINE].strip() if at + 1 < len(self.lines) else ""
        if "|" in line and RULE.match(below):
            return self._table
        return self._copied(at, line) if self.plain else None

    def _copied(self, at: int, line: str) -> Callable[[int], int] | None:
        """The same in a card that was copied as text: a table, and what stands around the card on its page."""
        if self.title is not None and is_around(line):
            return self._page
        return self._rows if self.tables.rows(at) else None

    def _add(self, block: Block) -> None:
        self.parts[-1].blocks.append(block)
        self.fresh = True

    def _fence(self, at: int) -> int:
        block = self.fences[at]
        empty = not block.text and block.closed and self.lines[at + 1].strip()
        stop = min(at + 1 + (0 if empty else block.text.count("\n") + 1) + block.closed, len(self.lines))
        text = "\n".join(self.lines[at:stop])
        if not block.closed:
            text += "\n" + re.sub(r"[^`~].*", "", self.lines[at].strip())
        self._add(Block([Group([Piece(text, at + 1, stop, "code")])]))
        return stop

    def _comment(self, at: int) -> int:
        """A comment over several lines; one that never ends takes the rest with it, as on the page."""
        stop = next((n for n in range(at + 1, len(self.lines)) if "-->" in self.lines[n]), None)
        end = len(self.lines) if stop is None else stop + 1
        text = "\n".join(self.lines[at:end])
        self._add(
            Block([Group([Piece(text, at + 1, end, "comment", fault=UNENDED if stop is None else None)])])
        )
        return end

    def _rows(self, at: int) -> int:
        """A table that lost its bars: as one where its cells can be told, else its head, and an item for each row."""
        rows = self.tables.rows(at)
        if cells := cells_of(self.lines[at].strip(), rows):
            titles, *barred = (f"| {' | '.join(row)} |" for row in cells)
            head = Piece(f"{titles}\n{'|---' * len(cells[0])}|", at + 1, at + 1, "head")
            pieces = [head, *(Piece(row, n, n, "row") for n, row in enumerate(barred, at + 2))]
            self._add(Block([Group([piece]) for piece in pieces], tuple(cells[0]), in_place=True))
            return at + 1 + len(rows)
        self._add(Block([Group([Piece(self.lines[at].strip(), at + 1, at + 1)])]))
        self._add(Block([Group([Piece(row.strip(), n, n)], "- ") for n, row in enumerate(rows, at + 2)]))
        return at + 1 + len(rows)

    def _page(self, at: int) -> int:
        rest = "\n".join(self.lines[at:]).rstrip("\n")
        self._add(Block([Group([Piece(rest, at + 1, len(self.lines), fault=OF_THE_PAGE)])]))
        return len(self.lines)

    def _plain_code(self, at: int) -> int:
        """Code of a card that was copied as text: up to the last line of code that no two lines of prose part from it."""
        last, other = at, 0
        for n in range(at + 1, len(self.lines)):
            line = self.lines[n]
            if n in self.code and not BIBTEX.match(line):
                last, other = n, 0
            elif line.strip() and not line.startswith((" ", "\t")):
                other += 1
                if other > 1 or BIBTEX.match(line) or BULLET.match(line) or self._level(n) is not None:
                    break
        while last + 1 < len(self.lines) and CLOSERS.match(self.lines[last + 1]):
            last += 1
        if last == at and not STATEMENT.match(self.lines[at]):
            self._text(at)  # one line of prose can look like code: `Seed=211. Pool=30H / 19D.`
            return at + 1
        text = dedent("\n".join(self.lines[at : last + 1]))  # inside an item of a list it stands further in
        return self._code(text, "python", at, last + 1)

    def _bibtex(self, at: int) -> int:
        """An entry without fences: up to the line that closes it, or to a blank one."""
        stop = at
        while stop < len(self.lines) and not NOTHING.match(self.lines[stop]):
            stop += 1
            if self.lines[stop - 1].rstrip() == "}":
                break
        return self._code("\n".join(self.lines[at:stop]), "bibtex", at, stop)

    def _code(self, text: str, language: str, at: int, stop: int) -> int:
        self._add(Block([Group([Piece(fenced(text, language), at + 1, stop, "code")])]))
        return stop

    def _underlined(self, at: int) -> bool:
        """Whether line `at` is a heading by the line of `=` or `-` below it."""
        alone = at == self.first or NOTHING.match(self.lines[at - 1]) is not None
        below = self.lines[at + 1] if at + 1 < len(self.lines) else ""
        return alone and not MARKED.match(self.lines[at]) and UNDERLINED.match(below) is not None

    def _level(self, at: int) -> int | None:
        """The level of a heading; None for what is none."""
        line = self.lines[at]
        if marked := MARKED.match(line):
            return None if self.plain else len(marked[1])
        if self._underlined(at) and not BULLET.match(line) and "|" not in line:
            return 1 if self.lines[at + 1].strip()[0] == "=" else 2
        return self._level_of_copied(at, line) if self.plain and len(line.strip()) <= LONGEST_TITLE else None

    def _level_of_copied(self, at: int, line: str) -> int | None:
        raw = line.strip()
        if self._alone(at) and stands_as_heading(raw):
            return 2 if reads_as_heading(raw) else 3
        if STEP.fullmatch(raw) and self._begins(at):
            return 3
        if BULLET.match(line):
            return None
        if self.title is None and self.parts[-1].level == 0 and not self.parts[-1].blocks:
            return 1 if not ENDED.search(raw) else None
        return 2 if reads_as_heading(raw) else None

    def _begins(self, at: int) -> bool:
        """Whether what a step is about stands below it: code, or another sentence; no next step, and not the rest of its line."""
        above, below = (self.lines[n] if 0 <= n < len(self.lines) else "" for n in (at - 1, at + 1))
        if NUMBERED.match(above) or BULLET.match(below):
            return False
        return at + 1 in self.code or below[:1].isupper()

    def _alone(self, at: int) -> bool:
        """Whether a line stands between blank ones, with a text below that is no item of a list of the same kind."""
        if not self.parts[-1].level and self.title is None:
            return False
        around = [self.lines[n] for n in (at - 1, at + 1) if 0 <= n < len(self.lines)]
        below = next((line for line in islice(self.lines, at + 1, at + 4) if line.strip()), "")
        return not any(map(str.strip, around)) and bool(below) and not NUMBERED.match(below)

    def _heading(self, at: int, level: int) -> None:
        piece = Piece(self.lines[at].strip(), at + 1, at + 1 + self._underlined(at), "heading")
        words = heading_words(piece.text)
        above = self.parts[-1]
        if self._is_title(level, words):
            self.title = piece
            return
        name = section_for(words)
        inside = above.level and level > above.level
        if inside and (name is None or above.name is not None):
            mark = "#" * min(6, 3 + level - above.level - (above.name is None))
            piece.text = f"{mark} {words}"
            self._add(Block([Group([piece])]))
            return
        self.parts.append(Part(piece, level, name))
        self.fresh = True

    def _is_title(self, level: int, words: str) -> bool:
        if self.title is not None or level != 1 or any(part.heading for part in self.parts):
            return False
        return self.plain or self.tops < 2 or section_for(words) is None

    def _table(self, at: int) -> int:
        head = Piece("\n".join(self.lines[at : at + 2]), at + 1, at + 2, "head")
        groups = [Group([head])]
        stop = at + 2
        while stop < self.end and "|" in self.lines[stop] and self.lines[stop].strip():
            groups.append(Group([Piece(self.lines[stop], stop + 1, stop + 1, "row")]))
            stop += 1
        self._add(Block(groups, tuple(split_row(self.lines[at][:LONGEST_LINE]))))
        return stop

    def _text(self, at: int) -> None:
        """A line of prose: a new paragraph, a new item, or more of the one above."""
        line = self.lines[at].rstrip("\r")
        bullet = BULLET.match(line)
        blocks = self.parts[-1].blocks
        if not self.fresh and blocks and bullet is None and self._goes_on(at):
            self.flows[-1][2].append(line)
            return
        if self.plain and bullet is None and self._in_list(at) and (fused := FUSED.search(line)):
            self.flows[-1][2].append(line[: fused.start()])
            bullet, line = BULLET.match("- "), f"- {line[fused.end() :]}"
        marker = bullet.group() if bullet else ""
        shown = marker.removeprefix(INDENTED) if self.plain else marker
        group = Group([], shown.replace("•", "-"))
        self.flows.append((group, at + 1, [line[len(marker) :]]))
        begun = blocks[-1].groups[-1].marker if not self.fresh and blocks else ""
        if not self.fresh and blocks and (not self.plain or (bullet and begun)):
            blocks[-1].groups.append(group)
        else:
            blocks.append(Block([group]))
        self.fresh = False

    def _goes_on(self, at: int) -> bool:
        """Whether a line goes on with the paragraph above it; of a text without marks only where its sentence does."""
        if not self.plain:
            return True
        above, line = self.lines[at - 1].rstrip(), self.lines[at].lstrip()
        if NAMED.match(line):
            return False
        wrapped = len(above) >= WRAPPED_AT and BULLET.match(above) is None
        return not ENDED.search(above) and (wrapped or WORD.match(line) is not None)

    def _in_list(self, at: int) -> bool:
        """Whether the line above is an item of a list."""
        return not self.fresh and bool(self.parts[-1].blocks) and BULLET.match(self.lines[at - 1]) is not None
