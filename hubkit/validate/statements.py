"""What a card says that another card of one study may say as well, and when two of them contradict each other (CARD015)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.readme.claims.kinds import Claim, Depth, ModelSize, Paper, Peak, StudyTotal
from hubkit.validate.card import same_model, stated_model

if TYPE_CHECKING:
    from hubkit.readme.claims import Claims
    from hubkit.readme.document import Readme

SIZE_RATIO = 1.3
"""Names round: "1B" for 1.24 B parameters."""
MOST_VALUES = 200
"""Values of one subject that are reported: cards that give more are no cards of one study."""


@dataclass(frozen=True)
class Statement:
    """One card's word on one subject."""

    subject: str
    """`parameters of nanochat-d32`: what it must be equal in, wherever it stands."""
    value: float | str
    slack: float
    """Two values further apart than both slacks contradict each other; above 1 it is a ratio."""
    words: str
    """The value as it is told."""
    line: int
    """1-based."""
    quote: str

    def contradicts(self, other: Statement) -> bool:
        """Whether both cannot be true; of one subject."""
        if isinstance(self.value, str) or isinstance(other.value, str):
            return self.value != other.value
        if self.slack > 1 and self.value and other.value:
            return not 1 / self.slack < self.value / other.value < self.slack
        return abs(self.value - other.value) > self.slack + other.slack + 1e-9


Placed = tuple[str, Statement]
"""Where a card is, and what it says."""


def contradictions(stated: Iterable[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """What deviates, and what it deviates from: on each subject, each value that contradicts the first, once, in another card."""
    subjects: dict[str, list[Placed]] = defaultdict(list)
    for place, one in stated:
        subjects[one.subject].append((place, one))
    for first, *others in subjects.values():
        reported: list[Statement] = []
        for place, one in others:
            known = any(not one.contradicts(other) for other in reported)
            if len(reported) < MOST_VALUES and place != first[0] and one.contradicts(first[1]) and not known:
                reported.append(one)
                yield (place, one), first


def statements(readme: Readme, claims: Claims) -> Iterator[Statement]:
    """What the card `readme`, whose claims these are, says on subjects that it shares with others."""
    sizes = {same_model(claim.model) for claim in claims.of(ModelSize)}
    stated = stated_model(readme)
    own = same_model(stated) if stated else next(iter(sizes)) if len(sizes) == 1 else None
    for size in claims.of(ModelSize):
        amount = size.parameters
        words = f"{amount / 1e9:g} B" if amount >= 1e9 else f"{amount / 1e6:g} M"
        yield _said(size, f"parameters of {same_model(size.model)}", amount, SIZE_RATIO, words)
    for total in claims.of(StudyTotal):
        subject = f"SAEs in the study of {total.models} models"
        yield _said(total, subject, total.saes, 0, str(total.saes))
    for paper in claims.of(Paper):
        title = re.sub(r"\W+", " ", paper.title).strip()
        yield _said(paper, f"arXiv number of {title}", paper.arxiv, 0, paper.arxiv)
    for depth in claims.of(Depth):
        if model := same_model(depth.model) if depth.model else own:
            subject = f"depth of layer {depth.layer} of {model}"
            yield _said(depth, subject, depth.percent, 0.5, f"{depth.percent:g} %")
    for peak in claims.of(Peak):
        if model := same_model(peak.model) if peak.model else own:
            yield from _of_peak(peak, model)


def _of_peak(peak: Peak, model: str) -> Iterator[Statement]:
    if peak.layer is not None:
        yield _said(peak, f"peak layer of {model}", peak.layer, 0, f"layer {peak.layer}")
    if peak.accuracy is not None:
        slack = 0.5 if peak.about else 0.05 if peak.accuracy % 1 else 0.5
        words = f"{'~' if peak.about else ''}{peak.accuracy:g} %"
        yield _said(peak, f"peak accuracy of {model}", peak.accuracy, slack, words)


def _said(claim: Claim, subject: str, value: float | str, slack: float, words: str) -> Statement:
    return Statement(subject, value, slack, words, claim.line, claim.quote)
