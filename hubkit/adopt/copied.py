"""A card that was copied as text from the page that shows it: which of its lines are headings, which are rows of a table, and which are the page's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubkit.adopt.headings import section_for
from hubkit.readme.page import BULLET, NOT_A_HEADING, heading_of

OF_THE_PAGE = "words of the Hub's page around a card, not of the card"
AROUND = re.compile(
    r"(?:Downloads last month|Downloads are not tracked for this model\b.*|Inference Providers(?: NEW)?"
    r"|This model isn't deployed by any Inference Provider\b.*|Model tree for \S+"
    r"|(?:Datasets?|Spaces?|Papers?|Collections?) (?:used to train|using|for|including) [\w.-]+/[\w.-]+)"
)
"""What the Hub shows beside a card; a copied page has it behind the card."""
DASH = re.compile(r"\s(?:[-–—]|β)\s")
"""Between a heading's words and what they are of; `β` is what a damaged dash becomes."""
ASIDE = re.compile(r"(?<!\s)\s*+\([^()]*\)$")
HEAD_OF_VALUES = re.compile(r"\bvalues?$", re.IGNORECASE)
"""`Metric Value`: the head of a table."""
ENDS_IN_NUMBER = re.compile(r"\d[.,]*\s?%?$")
IN_A_CELL = r"\s+([-+−~]?\d[\d.,]*%?(?: ± \d[\d.,]*%?)?)"
LONGEST_ROW = 200
TITLES = re.compile(
    r"balanced accuracy|(?:probe|test) accuracy|explained variance|variance explained|(?:dead|alive) (?:latents|features)|\S+",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"[.!?:;,\"”'`]$|[:=|]|,\s|^(?:The|This|These) ")
URGENT = re.compile(r"^(?:Important|Note|Warning|Caution): (?=\w[\w-]* \w)")
STEP = re.compile(r"\d{1,2}\. [A-Z][^:=|]{1,70}[^.!?:;,]")
FUSED = re.compile(r"\s-\s(?=[A-Z][\w ]{0,20}:\s)")
"""Before an item of a list that stands behind the one above it, since the code that ended that one broke the line."""
NAMED = re.compile(r"[a-z][\w.]{1,30}(?: \w{1,20}){0,2}:\s")
"""`hook_name format: ...`: a line of its own, whatever stands above it."""
FEWEST_ROWS, LONGEST, MOST_WORDS = 2, 80, 10
MARKS = re.compile(r"(?<![\w`*])(?:\*[\w./-]*\.\w+|_\w+_)(?![\w`*])")
"""`*_completions.jsonl`, `_ste_`: what stood as code on a page, and would be read as emphasis in a text."""
COPIED_BADLY = re.compile("β₯")
"""`≥` through the Greek code page of a terminal that lost the byte between: the proof that the other `β` of a text are what is left of dashes and arrows."""
RESTORED = (
    (re.compile("β₯ ?"), "≥ "),
    (re.compile(r"(?<=\d)β(?=\d)"), "–"),
    (re.compile(r"(?<=\d )β(?= \d)"), "→"),
    (re.compile(r"(?<=[a-z)%\]}])(?: β|β)(?= [A-Za-z]{2})"), " —"),
)
"""By what stands around it; one that could have been several signs stays as it is."""
NAME = r"(?:sae_weights\.safetensors|cfg\.json|hook_name|d_in|d_sae|state_dict|[Wb]_(?:enc|dec)|threshold|topk|jumprelu|gated|standard)"
BESIDE = r"(?:and|architecture|as|by|field|for|from|in|is|key|of|or|the|with)"
GLUED = re.compile(
    rf"(?<![A-Za-z_]){NAME}(?={BESIDE}\b)|\b{BESIDE}(?={NAME}\b)|[)\d](?={NAME}(?:architecture)?\b)"
)
"""`thresholdfor`, `withhook_name`, `3.0jumprelu`: where a name stood as code on a page, and the copy lost the space beside it."""


def restored(text: str) -> str:
    """`text` with the dashes and arrows that a copy through a terminal of the Greek code page lost, and the spaces beside names that were code."""
    if not COPIED_BADLY.search(text):
        return text
    for lost, sign in RESTORED:
        text = lost.sub(sign, text)
    return GLUED.sub(r"\g<0> ", text)


def still_lost(text: str, restored_text: str) -> tuple[int, ...]:
    """The lines of a text that was copied so, where a sign is lost after all that could be restored."""
    if not COPIED_BADLY.search(text):
        return ()
    return tuple(number for number, line in enumerate(restored_text.split("\n"), 1) if "β" in line)


def is_around(line: str) -> bool:
    """Whether a line is the page's: with it the card has ended."""
    return AROUND.fullmatch(line.strip()) is not None


def reads_as_heading(raw: str) -> bool:
    """Whether a line is a heading by its words."""
    if HEAD_OF_VALUES.search(raw) or raw[0] in "*_":
        return False
    words = ASIDE.sub("", DASH.split(raw, maxsplit=1)[0])
    short = (
        raw[0].isupper() and len(words.split()) < 6 and not NOT_A_HEADING.search(words) and ":" not in words
    )
    return heading_of(raw, plain=True) is not None or (short and section_for(words) is not None)


def stands_as_heading(raw: str) -> bool:
    """Whether a line that stands alone between blank ones is a heading: a few words that are no sentence; or a step with its number."""
    words = URGENT.sub("", raw)
    if len(raw) > LONGEST or len(raw.split()) > MOST_WORDS:
        return False
    return STEP.fullmatch(raw) is not None or (raw[0].isupper() and not UNFINISHED.search(words))


def cells_of(head: str, rows: Sequence[str]) -> list[list[str]] | None:
    """The cells of a table of numbers that lost its bars, its head first: as many numbers end each row as titles stand behind the first. None where that is open."""
    titles = TITLES.findall(head)
    if len(titles) < 2 or max(map(len, (head, *rows))) > LONGEST_ROW:
        return None
    row_of = re.compile(r"(\S.*?)" + IN_A_CELL * (len(titles) - 1))
    found = [row_of.fullmatch(row.strip()) for row in rows]
    cells = [list(match.groups()) for match in found if match]
    if len(cells) < len(rows):
        return None
    labelled = all(" " not in label or not ENDS_IN_NUMBER.search(label) for label, *_ in cells)
    return [titles, *cells] if labelled and not any("|" in one for row in cells for one in row) else None


class Tables:
    """Tables that lost their bars, in the lines of a card."""

    def __init__(self, lines: Sequence[str], end: int) -> None:
        self._lines, self._end = lines, end
        self._stop, self._head = 0, -1
        """Where the lines end that no blank one parts, and the one of them that is the head of a table of numbers."""

    def rows(self, at: int) -> Sequence[str]:
        """The rows below line `at` (0-based), where that is the head of a table."""
        if at >= self._stop:
            self._stop = at
            while self._stop < self._end and self._lines[self._stop].strip():
                self._stop += 1
            self._head = self._head_of_numbers(at)
        is_head = at == self._head or HEAD_OF_VALUES.search(self._lines[at])
        return self._lines[at + 1 : self._stop] if is_head else ()

    def _head_of_numbers(self, first: int) -> int:
        """The last line from `first` on with nothing below it but rows that end in a number; -1 for none."""
        at = self._stop - 1
        while at > first and _is_row(self._lines[at].strip()):
            at -= 1
        head = self._lines[at].strip()
        fits = len(head) <= LONGEST and not BULLET.match(head) and not UNFINISHED.search(head)
        return at if fits and self._stop - at > FEWEST_ROWS else -1


def _is_row(line: str) -> bool:
    return BULLET.match(line) is None and ENDS_IN_NUMBER.search(line) is not None
