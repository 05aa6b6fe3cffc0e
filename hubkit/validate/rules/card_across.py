"""CARD015: the cards of one study against each other."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.readme.page import page_of
from hubkit.validate.card import CARD
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.statements import Placed, contradictions, statements


@repo_rule("CARD015", Severity.WARNING, Need.README)
def cards_disagree(repo: RepoFacts) -> Iterator[Found]:
    """Two cards of one study contradict each other.

    Where a folder holds several releases, each with its README.md (and perhaps an index card above them): the parameter count, the depth and the peak layer of one
    base model, its peak accuracy, the SAEs of the whole study, and the arXiv number of one title. Said once for each subject and each deviating value; which of the
    cards is wrong, the other rules may know. `hubkit audit` holds the cards of one owner's repositories against each other.
    """
    if not repo.cards:
        return
    for (path, one), (other, first) in contradictions(_stated(repo)):
        yield Found(
            f'{one.subject}: {one.words} here, {first.words} in {other} (line {first.line}): "{one.quote}"',
            "find out which is right, and build both cards from the same files",
            path=path,
            line=one.line,
            identity=f"{one.subject} {one.quote}",
        )


def _stated(repo: RepoFacts) -> Iterator[Placed]:
    cards = {**({CARD: repo.card} if repo.card else {}), **repo.cards}
    for path, readme in sorted(cards.items()):
        claims = repo.claims if readme is repo.card else page_of(readme).claims
        for one in statements(readme, claims):
            yield path, one
