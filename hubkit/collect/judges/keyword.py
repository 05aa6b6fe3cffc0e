"""The keyword judge: a word near the start of the completion says which behaviour it is."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from hubkit.collect.judges.judgement import Judgement, TextJudge


class KeywordJudge(TextJudge):
    """Looks for whole words, upper and lower case alike, within the first `within` words or characters.

    Keywords of one label only: that label, and the first of them is the commit span. None, or keywords of several labels:
    undecided. Where two keywords overlap the earlier one counts, then the longer one (`not honest` before `honest`).
    """

    kind: Literal["keyword"] = "keyword"
    keywords: dict[str, tuple[str, ...]] = Field(min_length=2)
    """Label -> its keywords; a keyword may be several words."""
    within: int = Field(gt=0)
    unit: Literal["words", "characters"] = "words"
    """Words are what white space separates. A keyword must end within the window."""

    @model_validator(mode="after")
    def _keywords_tell_apart(self) -> KeywordJudge:
        listed = [keyword.casefold() for keywords in self.keywords.values() for keyword in keywords]
        if not all(self.keywords.values()) or not all(keyword.strip() for keyword in listed):
            raise ValueError("a label without a keyword, expected at least one, none of them empty")
        if len(set(listed)) != len(listed):
            raise ValueError("a keyword is listed twice, expected each under one label")
        return self

    @property
    def name(self) -> str:
        """`keyword`."""
        return self.kind

    @property
    def description(self) -> str:
        """`a match of keywords within the first 8 words`."""
        return f"a match of keywords within the first {self.within} {self.unit}"

    @property
    def labels(self) -> frozenset[str]:
        """The labels that have keywords."""
        return frozenset(self.keywords)

    def judge_text(self, text: str) -> Judgement:
        """The verdict on one completion."""
        found = list(self._pattern.finditer(text[: self._window_end(text)]))
        found = [
            match for match in found if not text[match.end() : match.end() + 1].isalnum()
        ]  # cut by the window, not a whole word
        labels = {self._label_of[match.group().casefold()] for match in found}
        window = f"within the first {self.within} {self.unit}"
        if not found:
            return Judgement(None, f"no keyword {window}")
        if len(labels) > 1:
            words = " and ".join(f"'{match.group()}'" for match in found)
            return Judgement(None, f"{words} {window}")
        first, label = found[0], labels.pop()
        reason = f"'{first.group()}' at {first.start()} {window}"
        return Judgement(label, reason, first.span(), label)

    @cached_property
    def _label_of(self) -> dict[str, str]:
        return {
            keyword.casefold(): label for label, keywords in self.keywords.items() for keyword in keywords
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._label_of, key=lambda keyword: (-len(keyword), keyword))
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)

    def _window_end(self, text: str) -> int:
        if self.unit == "characters":
            return self.within
        words = [match.end() for match, _ in zip(re.finditer(r"\S+", text), range(self.within), strict=False)]
        return words[-1] if words else 0
