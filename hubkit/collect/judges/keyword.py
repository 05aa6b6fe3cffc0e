"""The keyword judge: a word near the start of the completion says which behaviour it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from hubkit.collect.judges.judgement import Judgement, Reply, TextJudge
from hubkit.collect.judges.mentions import Mention, words_of
from hubkit.collect.scenarios import Scenario


class KeywordJudge(TextJudge):
    """Looks for whole words, upper and lower case alike, within the first `within` words or characters.

    A scenario that has `anchors` is judged by them, any other by `keywords`. Where two words overlap the earlier one counts, then
    the longer one (`not honest` before `honest`). The word that decides is the commit span, with the `not` before it that turned it round.
    """

    kind: Literal["keyword"] = "keyword"
    """This judge."""
    keywords: dict[str, tuple[str, ...]] = Field(min_length=2)
    """Label -> its keywords; a keyword may be several words. No keyword for any label: only scenarios with anchors can be judged."""
    within: int = Field(gt=0)
    """How far into a completion it looks."""
    unit: Literal["words", "characters"] = "words"
    """Words are what white space separates. A keyword must end within the window."""
    several: Literal["undecided", "first"] = "undecided"
    """What words of several labels mean: that it cannot be told, or that the first of them decides."""
    negation: Literal["turns", "undecided", "ignored"] = "turns"
    """What `not`, `never`, `no` or `n't` before a word means: the other label (of two), that it cannot be told, or nothing."""
    choices: Literal["undecided", "ignored"] = "undecided"
    """What `X or Y`, `both X`, `neither X`, `X or not` mean, Y being a word of another label: that it cannot be told, or nothing."""

    @model_validator(mode="after")
    def _keywords_tell_apart(self) -> KeywordJudge:
        if any(self.keywords.values()):
            _check(self.keywords)
        if self.negation == "turns" and len(self.keywords) != 2:
            raise ValueError(
                f"negation: turns, with {len(self.keywords)} labels; expected two, or negation: undecided"
            )
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

    def words(self, scenario: Scenario) -> dict[str, tuple[str, ...]]:
        """Label to words, for completions of `scenario`."""
        return dict(scenario.anchors or self.keywords)

    def problem(self, scenario: Scenario) -> str | None:
        """Anchors of other labels, or words that do not tell the labels apart."""
        words = self.words(scenario)
        if set(words) != self.labels:
            return f"anchors for {', '.join(sorted(words))}, expected {', '.join(sorted(self.labels))}"
        try:
            _check(words)
        except ValueError as error:
            return f"{'anchors' if scenario.anchors else 'no anchors, and of the judge'}: {error}"
        return None

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each reply, by the words of its scenario."""
        return [self._verdict(reply.text, self.words(reply.scenario)) for reply in replies]

    def judge_text(self, text: str) -> Judgement:
        """The verdict on one completion, by the judge's own keywords."""
        return self._verdict(text, self.keywords)

    def _verdict(self, text: str, words: Mapping[str, tuple[str, ...]]) -> Judgement:
        window = f"within the first {self.within} {self.unit}"
        mentions = words_of(tuple(words.items())).mentions(text, self._window_end(text))
        if not mentions:
            return Judgement(None, f"no keyword {window}")
        said = [(self._means(mention), mention) for mention in mentions]
        told = " and ".join(f"'{_shown(text, self._span(mention))}'" for _, mention in said)
        if self.several == "first":
            said = said[:1]
        if self.choices == "undecided" and any(mention.open for _, mention in said):
            return Judgement(None, f"{told}, a choice that is not made, {window}")
        labels = {label for label, _ in said}
        label = labels.pop()
        if labels or label is None:
            return Judgement(None, f"{told} {window}")
        first = self._span(said[0][1])
        return Judgement(label, f"'{_shown(text, first)}' at {first[0]} {window}", first, label)

    def _means(self, mention: Mention) -> str | None:
        """The label that a word speaks for; None where it is denied and that decides nothing."""
        if mention.denied_from is None or self.negation == "ignored":
            return mention.label
        if self.negation == "undecided":
            return None
        (other,) = self.labels - {mention.label}
        return other

    def _span(self, mention: Mention) -> tuple[int, int]:
        denied = mention.denied_from is not None and self.negation != "ignored"
        return (
            mention.denied_from if denied and mention.denied_from is not None else mention.start,
            mention.end,
        )

    def _window_end(self, text: str) -> int:
        if self.unit == "characters":
            return self.within
        words = [match.end() for match, _ in zip(re.finditer(r"\S+", text), range(self.within), strict=False)]
        return words[-1] if words else 0


def _shown(text: str, span: tuple[int, int]) -> str:
    return text[span[0] : span[1]]


def _check(keywords: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ValueError for words that do not tell the labels apart."""
    listed = [word.casefold() for words in keywords.values() for word in words]
    if not all(keywords.values()) or not all(word.strip() for word in listed):
        raise ValueError("a label without a keyword, expected at least one, none of them empty")
    if len(set(listed)) != len(listed):
        raise ValueError("a keyword is listed twice, expected each under one label")
