"""What of a card its author wrote: all of one that hubkit did not write; of hubkit's, the regions, and the texts of card.yaml and evidence.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.readme.generated import generated_lines
from hubkit.readme.page import EMPHASIS, SENTENCE

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

MOST = 400_000
"""Characters of one text of card.yaml that are looked at."""
KEY_LENGTH = 80
SHORTEST = 12
"""Letters and digits by which words inside one of hubkit's sentences are known to be the author's."""
FEWEST = 3
"""Words; fewer are names, which hubkit's own sentences have too."""
MOST_INSIDE = 500
"""Sentences that are looked for inside others."""


class Author:
    """Tells hubkit's own lines of a card from the author's."""

    def __init__(self, repo: RepoFacts) -> None:
        self._written = generated_lines(repo.readme) if repo.readme else frozenset()
        own = [repo.card_settings, repo.evidence.raw if repo.evidence and repo.evidence.is_ours else None]
        said = {_key(one): len(one.split()) for one in _sentences(own)} if self._written else {}
        self._said = frozenset(said)
        words = (one for one, count in said.items() if len(one) >= SHORTEST and count >= FEWEST)
        self._inside = sorted(words)[:MOST_INSIDE]

    def wrote(self, first: int, last: int, text: str) -> bool:
        """Whether the author wrote `text`, which stands on these lines, or words in it."""
        if not (first in self._written and last in self._written):
            return True
        key = _key(text, None)
        return key[:KEY_LENGTH] in self._said or any(one in key for one in self._inside)


def strings(value: Any) -> Iterator[str]:
    """Every text within a value of card.yaml."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def _sentences(settings: Any) -> Iterator[str]:
    for text in strings(settings):
        for line in text[:MOST].split("\n"):
            yield from (line, *SENTENCE.split(EMPHASIS.sub("", line)))


def _key(text: str, length: int | None = KEY_LENGTH) -> str:
    """Equal for a sentence and its quotation, whatever marks it up."""
    return "".join(one for one in text.lower() if one.isalnum())[:length]
