"""CARD015: the cards of one study against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from hubkit.readme.claims import Claims, read_claims
from hubkit.readme.claims.kinds import Claim, Depth, ModelSize, Paper, Peak, StudyTotal
from hubkit.readme.document import Readme
from hubkit.readme.page import Page
from hubkit.validate.card import CARD, said, same_model, stated_model
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import repo_rule

SIZE_RATIO = 1.3
"""Names round: "1B" for 1.24 B parameters."""


@dataclass(frozen=True)
class _Said:
    """One card's word on one subject."""

    path: str
    claim: Claim
    value: float | str
    slack: float
    """Two values further apart than both slacks contradict each other; for sizes a ratio."""
    words: str


@repo_rule("CARD015", Severity.WARNING, "D")
def cards_disagree(repo: RepoFacts) -> Iterator[Found]:
    """Two cards of one study contradict each other.

    Where a folder holds several releases, each with its README.md (and perhaps an index card above them): the parameter count, the depth and the peak layer of one
    base model, its peak accuracy, the SAEs of the whole study, and the arXiv number of one title. Said once for each subject and each deviating value; which of the
    cards is wrong, the other rules may know.
    """
    cards = {**({CARD: repo.readme} if repo.readme else {}), **repo.cards}
    if len(cards) < 2:
        return
    subjects: dict[tuple[Hashable, ...], list[_Said]] = defaultdict(list)
    for path, readme in sorted(cards.items()):
        claims = repo.claims if readme is repo.readme else read_claims(Page(readme))
        for subject, one in _subjects(path, readme, claims):
            subjects[subject].append(one)
    for subject, group in subjects.items():
        yield from _contradictions(subject, group)


def _contradictions(subject: tuple[Hashable, ...], group: list[_Said]) -> Iterator[Found]:
    """Each value that deviates from the first, once, in another card."""
    first = group[0]
    reported: list[_Said] = []
    for one in group[1:]:
        if (
            one.path == first.path
            or not _contradict(first, one)
            or any(not _contradict(one, other) for other in reported)
        ):
            continue
        reported.append(one)
        message = (
            f"{_subject(subject)}: {one.words} here, {first.words} in {first.path} (line {first.claim.line})"
        )
        hint = "find out which is right, and build both cards from the same files"
        yield replace(said(one.claim, message, hint, topic=str(subject)), path=one.path)


def _contradict(first: _Said, second: _Said) -> bool:
    if isinstance(first.value, str) or isinstance(second.value, str):
        return first.value != second.value
    if first.slack > 1 and first.value and second.value:
        return not 1 / first.slack < first.value / second.value < first.slack
    return abs(first.value - second.value) > first.slack + second.slack + 1e-9


def _subject(subject: tuple[Hashable, ...]) -> str:
    return " of ".join(str(part) for part in subject if part != "")


def _subjects(path: str, readme: Readme, claims: Claims) -> Iterator[tuple[tuple[Hashable, ...], _Said]]:
    """What a card says that another card may say as well."""
    sizes = {same_model(claim.model) for claim in claims.of(ModelSize)}
    stated = stated_model(readme)
    own = same_model(stated) if stated else next(iter(sizes)) if len(sizes) == 1 else None
    for size in claims.of(ModelSize):
        amount = size.parameters
        words = f"{amount / 1e9:g} B" if amount >= 1e9 else f"{amount / 1e6:g} M"
        yield ("parameters", same_model(size.model)), _Said(path, size, amount, SIZE_RATIO, words)
    for total in claims.of(StudyTotal):
        yield (
            ("SAEs in the study", f"{total.models} models"),
            _Said(path, total, total.saes, 0, str(total.saes)),
        )
    for paper in claims.of(Paper):
        title = re.sub(r"\W+", " ", paper.title).strip()
        yield ("arXiv number", title), _Said(path, paper, paper.arxiv, 0, paper.arxiv)
    for depth in claims.of(Depth):
        if model := same_model(depth.model) if depth.model else own:
            yield (
                (f"depth of layer {depth.layer}", model),
                _Said(path, depth, depth.percent, 0.5, f"{depth.percent:g} %"),
            )
    for peak in claims.of(Peak):
        if (model := same_model(peak.model) if peak.model else own) is None:
            continue
        if peak.layer is not None:
            yield ("peak layer", model), _Said(path, peak, peak.layer, 0, f"layer {peak.layer}")
        if peak.accuracy is not None:
            slack = 0.5 if peak.about else 0.05 if peak.accuracy % 1 else 0.5
            words = f"{'~' if peak.about else ''}{peak.accuracy:g} %"
            yield ("peak accuracy", model), _Said(path, peak, peak.accuracy, slack, words)
