"""Papers that a card, and its card.yaml, cite: one title has one number of arXiv, and one number one title."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.readme.claims.kinds import BibEntry, Cited, Paper
from hubkit.readme.claims.papers import KNOWN, METHODS, entries
from hubkit.release.layout import CARD_SETTINGS
from hubkit.validate.card import CARD, claim_finding
from hubkit.validate.finding import Found, Severity

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

SMALL = {"a", "an", "the", "of", "on", "in", "for", "and", "with", "to", "from", "by", "at", "via", "using"}
ALIKE = 0.25
"""Share of common words below which two titles are of two papers: people shorten titles, and leave out what is behind the colon."""
Numbered = tuple[str, int | None, str, str]
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


def in_words(repo: RepoFacts) -> Iterator[Found]:
    """`Doe et al. (2023)` where the card's own BibTeX has another year of Doe's, and readers are asked to cite it; a method whose paper is of other authors, or of another year."""
    years: dict[str, set[int]] = {}
    for entry in repo.claims.of(BibEntry):
        years.setdefault(entry.surname, set()).add(entry.year)
    told: set[tuple[str, int]] = set()
    for claim in repo.claims.of(Cited):
        reason = _in_bibtex(claim, years) or _of_method(claim)
        if reason and (claim.surname, claim.year) not in told:
            told.add((claim.surname, claim.year))
            found = claim_finding(
                claim, f"{claim.surname.title()} ({claim.year}) is cited, {reason}", "give the authors and the year of the paper that is meant",
                topic=f"cited {claim.surname} {claim.year}",
            )  # fmt: skip
            yield replace(found, severity=Severity.WARNING, confidence="medium")


def _in_bibtex(claim: Cited, years: Mapping[str, set[int]]) -> str | None:
    there = years.get(claim.surname)
    if not claim.asked or there is None or claim.year in there:
        return None
    return f"the card's BibTeX has {claim.surname.title()} {' and '.join(map(str, sorted(there)))}"


def _of_method(claim: Cited) -> str | None:
    """Of a paper of the field: its year, and where the sentence says whose it is, its authors."""
    if claim.about is None:
        return None
    authors = METHODS[claim.about][1]
    known = " or ".join(f"{name.title()} et al. ({min(years)})" for name, years in authors.items())
    if claim.surname in authors:
        return None if claim.year in authors[claim.surname] else f"the paper of {claim.about} is {known}"
    return f"the paper of {claim.about} is {known}" if claim.origin else None


def _of_card(repo: RepoFacts) -> Iterator[Numbered]:
    yield from ((CARD, one.line, one.title, one.arxiv) for one in repo.claims.of(Paper))


def _of_settings(settings: Mapping[str, Any]) -> Iterator[Numbered]:
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
