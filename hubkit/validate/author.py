"""What of a card its author wrote: all of one that hubkit did not write; of hubkit's, the regions, and the texts of card.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.readme.generated import generated_lines
from hubkit.readme.page import SENTENCE

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

MOST = 400_000
"""Characters of one text of card.yaml that are looked at."""
KEY_LENGTH = 80


class Author:
    """Tells hubkit's own lines of a card from the author's."""

    def __init__(self, repo: RepoFacts) -> None:
        self._written = generated_lines(repo.readme) if repo.readme else frozenset()
        self._said = frozenset(_sentences(repo.card_settings)) if self._written else frozenset()

    def wrote(self, first: int, last: int, text: str) -> bool:
        """Whether the author wrote `text`, which stands on these lines."""
        return not (first in self._written and last in self._written) or _key(text) in self._said


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
            yield from map(_key, (line, *SENTENCE.split(line)))


def _key(text: str) -> str:
    """Equal for a sentence and its quotation, whatever marks it up."""
    return "".join(one for one in text.lower() if one.isalnum())[:KEY_LENGTH]
