"""A card as its claims are read: every line with its number, its cells, the section it stands in, and whether it is code.

Cards are often copied as plain text, without `#`, bars or fences; so headings are also recognised by their words, and code by its look.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from hubkit.readme.formulas import without_formulas
from hubkit.readme.html_tables import FOLD, HEAD, HtmlRow, html_rows, without_tags
from hubkit.readme.prose import RULE, split_row, without_comments

if TYPE_CHECKING:
    from hubkit.readme.claims import Claims
    from hubkit.readme.document import Readme

Section = Literal["contents", "limitations", "usage", "training", "citation", "findings", "other"]

LONGEST_LINE = 20_000
"""Characters of one line that are read."""
MOST_LINES = 2_000
MOST_CHARACTERS = 400_000
"""Of the body, that are read for claims: each line is held against some hundred patterns. What is cut off is said in the report."""
LONGEST_SENTENCE = 1_000
LONGEST_QUOTE = 160
HEADING = re.compile(r"^(?:#{1,6}\s+(?P<marked>\S.*)|\*\*(?P<bold>[^*]{1,80}?)[:.]?\*\*:?)$")
UNDERLINE = re.compile(r"^={3,}[ \t]*$")
"""Below a title."""
BULLET = re.compile(r"^(?:[-+*•]|\d{1,2}[.)])\s+")
UNSEEN = re.compile(r"[\u00ad\u200b-\u200d\u2060\ufeff]|\[\^[^\[\]\s]{1,30}\](?!:)")
"""Characters without width, and the numbers of footnotes."""
FOOTNOTE = re.compile(r"^\[\^[^\[\]\s]{1,30}\]:\s{0,8}")
STRUCK = re.compile(r"~~[^~\n]{1,300}~~|<(del|s|strike)>[^<>\n]{1,300}</\1>", re.IGNORECASE)
"""Words that are shown as taken back."""
BLANKS = re.compile(r"\s{2,}")
EMPHASIS = re.compile(r"(?<![\d*])\*{1,3}|\*{1,3}(?![\d*])|`{1,3}|(?<!\w)__(?=\w)|(?<=[\w.])__(?!\w)")
LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\s]{1,500}\)")
WORDS = re.compile(r"\w")
ALERT = re.compile(r"^\[!\w{3,12}\] ?")
"""`> [!NOTE]`, which the Hub shows as a box."""
PICTURE = re.compile(
    r"^(?:(?![\u274c\u2717\u2718\u26d4\U0001f6ab])[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?\u200d?)+ "
)
"""Before the words of an item; not one that says no."""
ITEM_TAG = re.compile(r"</?(?:li|ul|ol)\b[^<>]{0,200}>", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"(\[A-Z])")
CODE = re.compile(
    r"(?:from [\w.]+ import |import \w|def \w+\(|with \w[\w.]*\(|print\(|return |@\w+$|handle\.|#\s)|"
    r"[\w.\[\]\"']+(?:, ?[\w.]+){0,6} *=(?!=) *[\w\"'{\[(]|[\w.]+\(.*\)$|\)$"
)
NOT_A_HEADING = re.compile(
    r"[\d=|<>{}\[\]%]|[.,;:)`'\"\\]$|^(?:The|This|These|Training (?:conditions?|time)) "
)
NAMES: tuple[tuple[Section, re.Pattern[str]], ...] = (
    ("limitations", re.compile(r"limitation|caveat|known (?:issue|defect|problem)|warning", re.IGNORECASE)),
    ("citation", re.compile(r"\bcit(?:ation|ing|e)\b|bibtex", re.IGNORECASE)),
    ("usage", re.compile(r"\b(?:usage|loading|how to (?:use|load)|quick ?start|getting started|example)\b", re.IGNORECASE)),
    ("contents", re.compile(r"what(?:'s| is|s)? in (?:this|the) repo|repo(?:sitory)? contains|\bcontents?\b|\bavailable\b|\bmodel (?:details|specs)\b|architecture", re.IGNORECASE)),
    ("training", re.compile(r"\btrain(?:ing|ed)\b|\bdataset", re.IGNORECASE)),
    ("findings", re.compile(r"finding|result|metric|evaluation|quality", re.IGNORECASE)),
)  # fmt: skip

OF_OTHERS = re.compile(
    r"\b(?:related|other|previous|earlier|compar\w{1,6}|versus|baselines?|planned|future|upcoming|roadmap|alternatives?|see also)\b",
    re.IGNORECASE,
)
"""A heading over what is said of other SAEs than the repository's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body."""

    number: int
    raw: str
    text: str
    """Without bullet, emphasis and code marks; the cells of a table's row joined with ` | `."""
    section: Section
    heading: str
    """The heading above."""
    code: bool
    fenced: bool
    bullet: bool
    cells: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    """Of the columns, for a row of a table."""
    level: int = 0
    """Of a heading, 1 to 6; 0 for what is none, or bold."""

    @property
    def quote(self) -> str:
        """The line as a finding shows it; of an HTML table, which may be one line, the row."""
        return shortened(self.text if self.cells and self.raw.lstrip().startswith("<") else self.raw)

    @property
    def of_others(self) -> bool:
        """Whether the heading above says that this is about other SAEs."""
        return OF_OTHERS.search(self.heading) is not None

    def sentences(self) -> Iterator[str]:
        """The sentences of a line of prose; of anything else the line itself."""
        if self.code or self.cells:
            yield self.text[:LONGEST_SENTENCE]
            return
        for sentence in SENTENCE.split(self.text):
            yield sentence[:LONGEST_SENTENCE]

    def column(self, name: re.Pattern[str]) -> str | None:
        """The cell under the first title that matches."""
        for title, cell in zip(self.titles, self.cells, strict=False):
            if name.search(title):
                return cell
        return None


def shortened(text: str) -> str:
    """One line, at most 160 characters."""
    text = " ".join(
        text.split(None, LONGEST_QUOTE)[:LONGEST_QUOTE]
    )  # a line of many claims is quoted as often
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."


@dataclass(frozen=True)
class _Card:
    """Equal where the text is."""

    text: str
    readme: Readme = field(compare=False, repr=False)


def page_of(readme: Readme) -> Page:
    """The page of a card. Those of the last two texts are kept: one command validates the same card before and after each step."""
    return pages(_Card(readme.text, readme))


@lru_cache(maxsize=2)
def pages(card: _Card) -> Page:
    """As `page_of`."""
    return Page(card.readme)


class Page:
    """The lines of a card, in order."""

    def __init__(self, readme: Readme) -> None:
        self.readme = readme

    @cached_property
    def claims(self) -> Claims:
        """What the card claims."""
        from hubkit.readme.claims import read_claims  # its grammar reads lines of this module

        return read_claims(self)

    @cached_property
    def heads(self) -> tuple[Line, ...]:
        """The titles of tables with two columns, as rows: of a table of names and values they may be its first."""
        return tuple(line for line, head in self._read if head and len(line.cells) == 2)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every line of the body that has words, code included, as far as MOST_LINES and MOST_CHARACTERS let."""
        return tuple(line for line, head in self._read if not head)

    @cached_property
    def _read(self) -> tuple[tuple[Line, bool], ...]:
        """Every line, and whether it holds the titles of a table."""
        return tuple(self._lines())

    @cached_property
    def unread(self) -> str | None:
        """What of the card is not read for claims, in words; None where all is."""
        lines = self._whole[self.readme.body_line - 1 :]
        if self._end < len(self._whole):
            return f"from line {self._end + 1:,} on ({MOST_LINES:,} lines and {MOST_CHARACTERS:,} characters are read)"
        if any(len(line) > LONGEST_LINE for line in lines):
            return f"what is beyond {LONGEST_LINE:,} characters of a line"
        return None

    @cached_property
    def _whole(self) -> list[str]:
        return without_comments(self.readme.text).split("\n")

    @cached_property
    def _end(self) -> int:
        """How many lines are read, the front matter's included."""
        room = MOST_CHARACTERS
        first = self.readme.body_line - 1
        last = min(len(self._whole), first + MOST_LINES)
        for number in range(first, last):
            room -= min(len(self._whole[number]), LONGEST_LINE) + 1
            if room < 0:
                return number
        return last

    @cached_property
    def prose(self) -> tuple[Line, ...]:
        """Those that are not code."""
        return tuple(line for line in self.lines if not line.code)

    @cached_property
    def plain(self) -> bool:
        """Whether this is a rendered card copied as text: no `#` before its title, no fence, no heading below the first level."""
        text = self.readme.text
        body = "\n".join(text.split("\n")[self.readme.body_line - 1 :])
        if body.lstrip().startswith("# "):
            return False
        return not self.readme.code_blocks and not text.startswith("## ") and "\n## " not in text

    def _lines(self) -> Iterator[tuple[Line, bool]]:
        fenced = {
            block.line + offset
            for block in self.readme.code_blocks
            for offset in range(-1, block.text.count("\n") + 2)
        }
        section: Section = "other"
        heading = ""
        titles: tuple[str, ...] = ()
        lines = [line[:LONGEST_LINE] for line in self._whole[: self._end]]
        indented = indented_code(lines)
        first = self.readme.body_line
        code_lines = fenced | indented
        tabled, covered = html_rows(
            ["" if at < first or at in code_lines else line for at, line in enumerate(lines, 1)]
        )
        rows: dict[int, list[HtmlRow]] = {}
        for row in tabled:
            rows.setdefault(row.line, []).append(row)
        for number, whole in enumerate(lines, 1):
            raw = whole.strip()
            if number in covered:
                for row in rows.get(number, ()):
                    titles = tuple(row.cells) if row.titles else titles if row.heads == 0 else ()
                    yield _of_html(row, raw, section, heading, titles), row.titles
                continue
            if number < first or not WORDS.search(raw):
                titles = titles if RULE.match(raw) else ()
                continue
            in_fence = number in fenced
            level = 0
            if not in_fence and number not in indented and (found := heading_of(raw, plain=self.plain)):
                heading, level = found
                section = section_of(heading)
            if not in_fence and number < len(lines) and UNDERLINE.match(lines[number]) and raw[0].isalnum():
                heading, level, section = raw, 1, section_of(raw)
            code = in_fence or number in indented or (self.plain and CODE.match(raw) is not None)
            cells: tuple[str, ...] = ()
            titled = False
            if "|" in raw and not code:
                cells = tuple(map(_seen, split_row(raw)))
                if number < len(lines) and RULE.match(lines[number].strip()):
                    titles, titled = cells, True
            else:
                titles = ()
            for item in _items(raw) if not code and not cells else (raw,):
                yield Line(
                    number, item, _plain(item, cells, code=code), section, heading, code, in_fence,
                    bool(BULLET.match(item)), cells, titles if cells and not titled else (), level,
                ), titled  # fmt: skip


def _of_html(row: HtmlRow, raw: str, section: Section, heading: str, titles: tuple[str, ...]) -> Line:
    """A row of an HTML table as a line; `titles` are those above it, or its own."""
    cells = tuple(row.cells)
    joined = " | ".join(cell for cell in cells if cell)
    above = () if row.titles else titles
    return Line(row.line, raw, joined, section, heading, False, False, False, cells, above)


def _items(raw: str) -> tuple[str, ...]:
    """The items of an HTML list that stand in one line, as items of Markdown; of any other line itself."""
    if "<li" not in raw.lower():
        return (raw,)
    pieces = (piece.strip() for piece in ITEM_TAG.split(raw))
    return tuple(f"- {piece}" for piece in pieces if WORDS.search(piece)) or (raw,)


def indented_code(lines: Sequence[str]) -> set[int]:
    """The numbers of lines that Markdown takes for code because they are indented: by four blanks, after an empty line, and not in a list."""
    found: set[int] = set()
    listed = fresh = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            fresh = True
            continue
        if line.startswith(("    ", "\t")):
            if not listed and (fresh or number - 1 in found):
                found.add(number)
        else:
            listed = BULLET.match(line.lstrip()) is not None or (listed and not fresh)
        fresh = False
    return found


def section_of(heading: str) -> Section:
    """What a section with this heading is about."""
    return next((name for name, words in NAMES if words.search(heading)), "other")


def heading_of(raw: str, *, plain: bool) -> tuple[str, int] | None:
    """The words of a heading and its level; in plain text a short line that names a section."""
    if raw.startswith("<") and (match := HEAD.match(raw)):
        return without_tags(match.group(2)).strip("# *"), int(match.group(1))
    if raw.startswith(("<summary", "<details")) and (match := FOLD.match(raw)):
        return without_tags(match.group(1)).strip("# *"), 2
    match = HEADING.match(raw) if len(raw) < 200 else None
    if match and (match.group("bold") or not plain):
        level = len(raw) - len(raw.lstrip("#"))
        return (match.group("marked") or match.group("bold")).strip("# *"), level
    if not plain or len(raw) > 60 or not raw[0].isupper() or NOT_A_HEADING.search(raw):
        return None
    return (raw, 0) if len(raw.split()) < 10 and section_of(raw) != "other" else None


def _seen(text: str) -> str:
    """As the Hub shows it: entities as the characters that they stand for, without what has no width."""
    if "&" in text:
        text = html.unescape(text)
    return text if text.isascii() and "[^" not in text else UNSEEN.sub("", text).replace("\u00a0", " ")


def _plain(raw: str, cells: tuple[str, ...], *, code: bool) -> str:
    if cells:
        return " | ".join(cell for cell in cells if cell)
    if code:
        return raw
    text = (
        LINK.sub(
            r"\1",
            FOOTNOTE.sub(
                "", BULLET.sub("", _seen(without_formulas(without_tags(STRUCK.sub("", raw)))).lstrip("#> "))
            ),
        )
        .replace("\\_", "_")
        .replace("\\*", "*")
    )
    # A run of blanks says no more than one, and patterns try each place in it.
    return BLANKS.sub(" ", EMPHASIS.sub("", PICTURE.sub("", ALERT.sub("", text)))).strip()
