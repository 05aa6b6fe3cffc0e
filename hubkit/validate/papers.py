"""Papers that a card, and its card.yaml, cite: one title has one number of arXiv, and one number one title."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.readme.claims.kinds import Paper
from hubkit.readme.claims.papers import KNOWN, entries
from hubkit.release.layout import CARD_SETTINGS
from hubkit.validate.card import CARD
from hubkit.validate.finding import Found

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

SMALL = {"a", "an", "the", "of", "on", "in", "for", "and", "with", "to", "from", "by", "at", "via", "using"}
ALIKE = 0.25
"""Share of common words below which two titles are of two papers: people shorten titles, and leave out what is behind the colon."""
Cited = tuple[str, int | None, str, str]
"""Path, line, title, number."""


def cited(repo: RepoFacts) -> Iterator[Found]:
    """A number that has another title beside it than elsewhere, or than the paper has; a title with two numbers. Each number once."""
    titles = dict(KNOWN)
    numbers = {_key(title): number for number, title in KNOWN.items()}
    told: set[str] = set()
    for path, line, title, number in (*_of_card(repo), *_of_settings(repo.card_settings)):
        other = titles.setdefault(number, title)
        same = numbers.setdefault(_key(title), number)
        if number in told or (same == number and _alike(title, other)):
            continue
        told.add(number)
        message = (
            f"arXiv:{number} is given for \u201c{_short(title)}\u201d, whose number is {same}"
            if same != number
            else f"arXiv:{number} is given for \u201c{_short(title)}\u201d; it is \u201c{_short(other)}\u201d"
        )
        where = "" if number in KNOWN or same in KNOWN else " elsewhere in this card"
        yield Found(
            message + where,
            f"look the paper up at https://arxiv.org/abs/{number}, and give its own number",
            path=path,
            line=line,
            identity=f"arXiv {number}",
        )


def _of_card(repo: RepoFacts) -> Iterator[Cited]:
    yield from ((CARD, one.line, one.title, one.arxiv) for one in repo.claims.of(Paper))


def _of_settings(settings: Mapping[str, Any]) -> Iterator[Cited]:
    """`papers` and `citation` of card.yaml."""
    papers = settings.get("papers")
    for one in papers if isinstance(papers, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("title"), str) and one.get("arxiv"):
            yield CARD_SETTINGS, None, one["title"], str(one["arxiv"]).partition("v")[0]
    if isinstance(text := settings.get("citation"), str):
        yield from ((CARD_SETTINGS, None, title, number) for _, title, number in entries(text))


def _words(title: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z0-9]+", title.lower()) if word not in SMALL}


def _key(title: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", title.lower()))


def _alike(one: str, other: str) -> bool:
    """Whether both may be one paper: one has the other's words, or many in common."""
    words, others = _words(one), _words(other)
    common = len(words & others)
    return (
        not words
        or not others
        or common >= ALIKE * len(words | others)
        or common == min(len(words), len(others))
    )


def _short(title: str) -> str:
    return title if len(title) <= 80 else title[:77] + "..."
