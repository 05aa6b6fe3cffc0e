"""Where a text names a label by one of its words, and whether it says so, denies it, or leaves it open. Torch-free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

FILLING = r"(?:(?:an?|the|my|your|our|his|her|its|their|this|that|really|actually|entirely|quite|completely|exactly|very|all|at|be|been|being)\s+)"
NEGATION = re.compile(
    rf"(?<!\w)(?:not|never|no(?:\s+longer)?|cannot|neither|nor|\w+n['\u2019]t)\s+{FILLING}{{0,3}}$",
    re.IGNORECASE,
)
CHOICE_BEFORE = re.compile(rf"(?<!\w)(?:either|neither|both|whether)\s+{FILLING}{{0,3}}$", re.IGNORECASE)
JOINED = re.compile(rf"['\"\u2019\u201d,;]*\s+(?:or|nor)\s+{FILLING}{{0,3}}['\"\u2018\u201c]?", re.IGNORECASE)
OR_NOT = re.compile(r"['\"\u2019\u201d,;]*\s+or\s+not(?!\w)", re.IGNORECASE)
LOOK_BACK = 64
"""Characters before a word in which what denies it must lie."""


@dataclass(frozen=True)
class Mention:
    """One place where a text has a word of a label."""

    label: str
    start: int
    end: int
    denied_from: int | None
    """Where `not`, `never` or `n't` begins that the word is behind; None where it is behind none."""
    open: bool
    """It is one side of a choice that the text does not make: `X or Y`, `both X and Y`, `neither X`."""


class Words:
    """The words of some labels, compiled."""

    def __init__(self, keywords: Mapping[str, tuple[str, ...]]) -> None:
        self._label_of = {word.casefold(): label for label, words in keywords.items() for word in words}
        longest_first = sorted(self._label_of, key=lambda word: (-len(word), word))
        self._pattern = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
        )

    def mentions(self, text: str, stop: int) -> list[Mention]:
        """Whole words that end at or before character `stop`, by their place; of overlapping ones the earlier, then the longer."""
        return [
            self._mention(text, match)
            for match in self._pattern.finditer(text, 0, stop)
            if not text[match.end() : match.end() + 1].isalnum()  # cut by `stop`, not a whole word
        ]

    def _mention(self, text: str, match: re.Match[str]) -> Mention:
        before, start = (
            text[max(0, match.start() - LOOK_BACK) : match.start()].rstrip("'\"\u2018\u201c"),
            match.start(),
        )
        label = self._label_of[match.group().casefold()]
        denied = NEGATION.search(before)
        begins = (
            None
            if denied is None
            else start - (len(text[max(0, start - LOOK_BACK) : start])) + denied.start()
        )
        return Mention(label, start, match.end(), begins, self._is_open(text, before, match.end(), label))

    def _is_open(self, text: str, before: str, end: int, label: str) -> bool:
        if CHOICE_BEFORE.search(before) or OR_NOT.match(text, end):
            return True
        joined = JOINED.match(text, end)
        other = self._pattern.match(text, joined.end()) if joined else None
        return other is not None and self._label_of[other.group().casefold()] != label


@lru_cache(maxsize=1024)
def words_of(keywords: tuple[tuple[str, tuple[str, ...]], ...]) -> Words:
    """The compiled form of `keywords`, label and words."""
    return Words(dict(keywords))
